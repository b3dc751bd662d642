//! Event providers and events.

use crate::defect::defects;
use core::ptr;
use wdk_sys::ntddk::{EtwRegister, EtwUnregister, EtwWriteTransfer};
use wdk_sys::{
    EVENT_DESCRIPTOR, GUID, LPCGUID, PETWENABLECALLBACK, PEVENT_FILTER_DESCRIPTOR, REGHANDLE,
    STATUS_INSUFFICIENT_RESOURCES, UCHAR, ULONG, ULONGLONG,
};

static PROVIDER: GUID = GUID { Data1: 0x4556_494C, Data2: 1, Data3: 2, Data4: [3; 8] };
static DATA: [u8; 16] = [0xC3; 16];
/// The length and a name.
static TRAITS: [u8; 4] = [4, 0, b'P', 0];

unsafe extern "system" {
    /// `PASSIVE_LEVEL`.
    fn EtwSetInformation(handle: REGHANDLE, class: i32, information: wdk_sys::PVOID, length: u32) -> i32;
}

/// `EVENT_DATA_DESCRIPTOR`.
#[repr(C)]
struct Block {
    address: u64,
    size: u32,
    kind: u32,
}

/// Registers the provider with a callback that does nothing, and returns its handle.
#[inline(always)]
fn register(callback: PETWENABLECALLBACK) -> REGHANDLE {
    let mut handle = 0;
    // SAFETY: the GUID is a static, the handle a local; the callback is what the defect is about.
    let _ = unsafe { EtwRegister(&raw const PROVIDER, callback, ptr::null_mut(), &raw mut handle) };
    handle
}

extern "C" fn enable(
    _source: LPCGUID,
    _control: ULONG,
    _level: UCHAR,
    _any_keyword: ULONGLONG,
    _all_keywords: ULONGLONG,
    _filter: PEVENT_FILTER_DESCRIPTOR,
    _context: wdk_sys::PVOID,
) {
}

/// Writes an event of one block.
#[inline(always)]
fn write(handle: REGHANDLE, channel: u8, mut block: Block) {
    let descriptor = EVENT_DESCRIPTOR { Channel: channel, ..EVENT_DESCRIPTOR::default() };
    let block = (&raw mut block).cast();
    // SAFETY: the pointers are to locals; the rest is what the defect is about.
    let _ = unsafe { EtwWriteTransfer(handle, &raw const descriptor, ptr::null(), ptr::null(), 1, block) };
}

/// A valid block of values.
fn values() -> Block {
    Block { address: (&raw const DATA) as u64, size: 16, kind: 0 }
}

defects! {
    /// A provider is never unregistered.
    fn provider_never_unregistered [Start] (_call) {
        register(Some(enable));
    }

    /// `DriverEntry` fails, and a provider stays registered.
    fn failed_start_keeps_provider [Start] (call) {
        register(None);
        call.status.set(STATUS_INSUFFICIENT_RESOURCES);
    }

    /// A provider is registered twice, under two handles.
    fn provider_registered_twice [Start] (_call) {
        register(Some(enable));
        register(Some(enable));
    }

    /// A provider is registered on the thread of a program.
    fn provider_registered_in_a_request [Control] (_call) {
        register(Some(enable));
    }

    /// The callback points to data.
    fn data_as_enable_callback [Start] (_call) {
        let data = (&raw const DATA) as usize;
        // SAFETY: none; this breaks the rule that callbacks are functions.
        register(unsafe { core::mem::transmute::<usize, PETWENABLECALLBACK>(data) });
    }

    /// A provider is unregistered twice.
    fn provider_unregistered_twice [Start] (_call) {
        let handle = register(Some(enable));
        // SAFETY: registered above.
        let _ = unsafe { EtwUnregister(handle) };
        // SAFETY: none; this breaks the rule that it is unregistered once.
        let _ = unsafe { EtwUnregister(handle) };
    }

    /// A provider is unregistered at `DISPATCH_LEVEL`.
    fn provider_unregistered_too_high [Control] (_call) {
        // SAFETY: none; this breaks the rule at which IRQL it is called.
        let _ = unsafe { EtwUnregister(1) };
    }

    /// An event is written with an invalid handle.
    fn event_of_no_provider [Control] (_call) {
        write(0x1234, 0, values());
    }

    /// An event is written after its provider is unregistered.
    fn event_after_unregister [Start] (_call) {
        let handle = register(Some(enable));
        // SAFETY: registered above.
        let _ = unsafe { EtwUnregister(handle) };
        write(handle, 0, values());
    }

    /// The pointer to the event descriptor is null.
    fn event_without_descriptor [Start] (_call) {
        let handle = register(Some(enable));
        // SAFETY: none; this breaks the rule that there is a descriptor.
        let _ = unsafe { EtwWriteTransfer(handle, ptr::null(), ptr::null(), ptr::null(), 0, ptr::null_mut()) };
    }

    /// The pointer to the blocks is null.
    fn event_without_blocks [Start] (_call) {
        let handle = register(Some(enable));
        let descriptor = EVENT_DESCRIPTOR::default();
        // SAFETY: none; this breaks the rule that there are as many blocks as the count.
        let _ = unsafe {
            EtwWriteTransfer(handle, &raw const descriptor, ptr::null(), ptr::null(), 2, ptr::null_mut())
        };
    }

    /// The pointer to the values is invalid.
    fn event_of_unreadable_values [Start] (_call) {
        let handle = register(Some(enable));
        write(handle, 0, Block { address: 0x18, size: 16, kind: 0 });
    }

    /// An event exceeds the maximum length.
    fn event_too_long [Start] (_call) {
        let handle = register(Some(enable));
        write(handle, 0, Block { size: 0x1_0000, ..values() });
    }

    /// An event without metadata in the channel of events that have it.
    fn event_without_description [Start] (_call) {
        let handle = register(Some(enable));
        write(handle, 11, values());
    }

    /// The metadata of a provider does not have the length that it states.
    fn description_of_another_length [Start] (_call) {
        let handle = register(Some(enable));
        // SAFETY: registered above; the traits are a static that states its length.
        let _ = unsafe { EtwSetInformation(handle, 2, (&raw const TRAITS).cast_mut().cast(), 4) };
        write(handle, 11, Block { kind: 2, ..values() });
    }

    /// An event has a block of a type, although the provider's traits are not set.
    fn description_without_traits [Start] (_call) {
        let handle = register(Some(enable));
        write(handle, 11, Block { address: (&raw const TRAITS) as u64, size: 4, kind: 2 });
    }
}
