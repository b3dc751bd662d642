//! File objects: their names, and their deletion.

use super::children;
use crate::FaultKind;
use crate::native::engine::address::Address;
use crate::native::engine::guarded::NoBlock;
use crate::native::engine::stop::Outcome;
use crate::native::framework::file::FileObject;
use crate::native::running::call::exports;
use crate::native::running::context::Context;
use crate::native::running::dispatch::Dispatch;
use std::sync::Arc;

exports! {
    /// The functions that are modelled.
    FUNCTIONS:

    fn WdfFileObjectGetFileName[PASSIVE, fails NEVER](cx, globals: Address, file: Address) -> Address {
        let framework = cx.framework(globals)?;
        if let Some(file) = current(cx, file) {
            return name_of(cx, file);
        }
        let file = framework.file(file.0).ok_or_else(|| cx.bad_handle(file, "WDFFILEOBJECT"))?;
        name_of(cx, &file)
    }

    fn WdfFileObjectGetDevice[DISPATCH, fails NEVER](cx, globals: Address, file: Address) -> Address {
        let framework = cx.framework(globals)?;
        if let Some(file) = current(cx, file) {
            return Ok(Address(file.device().handle()));
        }
        let file = framework.file(file.0).ok_or_else(|| cx.bad_handle(file, "WDFFILEOBJECT"))?;
        Ok(Address(file.device().handle()))
    }

    /// During the create only, because what is modelled of a `FILE_OBJECT` is valid that long.
    fn WdfFileObjectWdmGetFileObject[DISPATCH, fails NEVER](cx, globals: Address, file: Address) -> Address {
        let framework = cx.framework(globals)?;
        let opening = cx.dispatch.request.filter(|request| current(cx, file).is_some() && !request.is_done());
        match opening.and_then(|request| request.create.as_ref()) {
            Some(memory) => Ok(Address(memory.file_object())),
            None if framework.file(file.0).is_some() => cx.not_modelled("was called outside of the file's create"),
            None => Err(cx.bad_handle(file, "WDFFILEOBJECT")),
        }
    }
}

/// The file object of the current request, if the handle is that.
fn current<'a>(cx: &Context<'a>, handle: Address) -> Option<&'a Arc<FileObject>> {
    cx.dispatch.file.filter(|file| handle.non_null().is_some() && file.handle() == handle.0)
}

fn name_of(cx: &Context<'_>, file: &FileObject) -> Outcome<Address> {
    let no_memory = |NoBlock| cx.fault(FaultKind::Host, "finds no memory of the host for the name");
    file.name().address().map_err(no_memory)
}

/// Closes the last handle: calls the driver, once.
pub(crate) fn clean_up(file: &FileObject, dispatch: &Dispatch<'_>) -> Outcome<()> {
    if !file.set_cleaned_up() {
        return Ok(());
    }
    dispatch.machine.framework.look_up(file);
    notify(file.device().on_cleanup(), file.handle(), dispatch)
}

/// Closes a file whose last handle is closed.
pub(crate) fn close(file: &FileObject, dispatch: &Dispatch<'_>) -> Outcome<()> {
    notify(file.device().on_close(), file.handle(), dispatch)?;
    destroy(file, dispatch)
}

/// Calls one of the callbacks for files, if the driver has it.
pub(crate) fn notify(callback: Option<u64>, file: u64, dispatch: &Dispatch<'_>) -> Outcome<()> {
    callback.map_or(Ok(()), |callback| dispatch.call(callback, [file]).map(drop))
}

/// The framework destroys the object.
pub(crate) fn destroy(file: &FileObject, dispatch: &Dispatch<'_>) -> Outcome<()> {
    children::delete(dispatch, file.handle())?;
    if let Some(name) = file.name().destroyed(file.handle()) {
        dispatch.machine.framework.destroyed.take_away(name, &dispatch.machine.mapping)?;
    }
    file.context().destroy(dispatch, file.handle())
}
