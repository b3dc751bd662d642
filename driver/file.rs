//! File objects: each belongs to the process that opened it, and keeps the slots
//! that were saved on it.

use crate::kernel::{self, Process, SlotToken};
use crate::wdf::{self, ContextType, WaitLock};
use psimp_protocol::Status;
use psimp_service::SaveTable;
use wdk_sys::{
    _WDF_FILEOBJECT_CLASS::WdfFileObjectWdfCannotUseFsContexts, _WDF_TRI_STATE::WdfUseDefault,
    STATUS_SUCCESS, WDF_FILEOBJECT_CONFIG, WDFDEVICE, WDFDEVICE_INIT, WDFFILEOBJECT, WDFREQUEST,
    call_unsafe_wdf_function_binding,
};

/// What a file object keeps.
#[repr(C)]
struct FileContext {
    /// The process that opened it, referenced so that its address cannot become
    /// another process's while the handle lives on elsewhere.
    opener: Option<Process>,
    /// Guards `saves`. A child of the file object, which deletes it.
    lock: WaitLock,
    /// The saved slots; `None` once the last handle is closed.
    saves: Option<SaveTable<SlotToken>>,
}

static FILE_CONTEXT: ContextType = ContextType::of::<FileContext>(c"FileContext", &FILE_CONTEXT);

/// Asks the framework for file objects with our context and callbacks.
pub(crate) fn configure(init: *mut WDFDEVICE_INIT) {
    let mut config = WDF_FILEOBJECT_CONFIG {
        Size: wdf::size_of_config::<WDF_FILEOBJECT_CONFIG>(),
        EvtDeviceFileCreate: Some(evt_device_file_create),
        EvtFileClose: Some(evt_file_close),
        EvtFileCleanup: Some(evt_file_cleanup),
        AutoForwardCleanupClose: WdfUseDefault,
        FileObjectClass: WdfFileObjectWdfCannotUseFsContexts,
    };
    let mut attributes = FILE_CONTEXT.attributes();
    // SAFETY: the caller's init is not yet consumed; the framework copies both
    // locals.
    unsafe {
        call_unsafe_wdf_function_binding!(
            WdfDeviceInitSetFileObjectConfig,
            init,
            &raw mut config,
            &raw mut attributes
        );
    }
}

/// Notes who opened the file. Runs in the opener's context at `PASSIVE_LEVEL`;
/// the descriptor and the access mask have been checked.
extern "C" fn evt_device_file_create(_device: WDFDEVICE, request: WDFREQUEST, file: WDFFILEOBJECT) {
    let status = match WaitLock::create(file.cast()) {
        Ok(lock) => {
            let opener = Some(kernel::current_process().reference());
            let context = FILE_CONTEXT.get::<FileContext>(file.cast());
            // SAFETY: the framework made the context, zeroed, with this file
            // object, and nothing else can reach it before the create is completed.
            unsafe { context.write(FileContext { opener, lock, saves: Some(SaveTable::new()) }) };
            STATUS_SUCCESS
        }
        Err(status) => status,
    };
    // SAFETY: a create request is this callback's to complete.
    unsafe { call_unsafe_wdf_function_binding!(WdfRequestComplete, request, status) };
}

/// Drops what was saved; requests that come later find no table. Runs at
/// `PASSIVE_LEVEL` when the last handle is closed, perhaps while requests are
/// still in flight. Threads are not touched: what they impersonate is theirs.
extern "C" fn evt_file_cleanup(file: WDFFILEOBJECT) {
    let context = FILE_CONTEXT.get::<FileContext>(file.cast());
    // SAFETY: the context lives as long as the file object, and the lock was
    // written before the first request.
    let lock = unsafe { &(*context).lock };
    let saves = lock.with(|| {
        // SAFETY: the lock is held, so this is the only use of the table.
        unsafe { (*context).saves.take() }
    });
    // The references go outside the lock.
    release(saves);
}

/// Drops the saves where they are. Moved or inlined, each of the slots would be code of its own.
#[inline(never)]
fn release(_saves: Option<SaveTable<SlotToken>>) {}

/// Drops the reference on the opener. All I/O on the file is over; the thread is
/// any thread.
extern "C" fn evt_file_close(file: WDFFILEOBJECT) {
    let context = FILE_CONTEXT.get::<FileContext>(file.cast());
    // SAFETY: the context lives as long as the file object, and this is its last
    // callback, so nothing else reads it.
    drop(unsafe { (*context).opener.take() });
}

/// Works on the saves of `file` under its lock.
///
/// # Errors
/// `FILE_CLOSED` after the last handle was closed.
pub(crate) fn with_saves<R>(
    file: WDFFILEOBJECT,
    work: impl FnOnce(&mut SaveTable<SlotToken>) -> R,
) -> Result<R, Status> {
    let context = FILE_CONTEXT.get::<FileContext>(file.cast());
    // SAFETY: a request holds its file object open, and the lock was written
    // before the first request.
    let lock = unsafe { &(*context).lock };
    let done = lock.with(|| {
        // SAFETY: the lock is held, so this is the only use of the table.
        match unsafe { (*context).saves.as_mut() } {
            Some(saves) => Ok(work(saves)),
            None => Err(work),
        }
    });
    // What `work` would have saved goes outside the lock, too.
    done.map_err(|_work| Status::FILE_CLOSED)
}

/// Whether the calling process opened `file`.
pub(crate) fn is_callers(file: WDFFILEOBJECT) -> bool {
    if file.is_null() {
        return false;
    }
    let context = FILE_CONTEXT.get::<FileContext>(file.cast());
    // SAFETY: a request holds its file object open, and the context is written
    // only before the first and after the last request.
    let opener = unsafe { (*context).opener.as_ref() };
    opener.is_some_and(|opener| opener.is(kernel::current_process()))
}
