//! Threads, processes, and the interrupt request level.

use crate::native::contracts::object_address::{of_process, of_thread};
use crate::native::engine::address::Address;
use crate::native::running::call::exports;

exports! {
    /// The exports that are modelled.
    EXPORTS:

    fn PsGetCurrentThread[ANY, fails NEVER](cx) -> Address {
        Ok(Address(of_thread(cx.dispatch.thread)))
    }

    fn PsGetCurrentProcess[ANY, fails NEVER](cx) -> Address {
        Ok(Address(of_process(&cx.dispatch.thread.current_process())))
    }

    fn IoGetCurrentProcess[ANY, fails NEVER](cx) -> Address {
        Ok(Address(of_process(&cx.dispatch.thread.current_process())))
    }

    fn PsGetThreadProcess[ANY, fails NEVER](cx, thread: Address) -> Address {
        Ok(Address(of_process(cx.thread(thread)?.process())))
    }

    fn IoThreadToProcess[ANY, fails NEVER](cx, thread: Address) -> Address {
        Ok(Address(of_process(cx.thread(thread)?.process())))
    }

    fn PsIsThreadTerminating[ANY, fails NEVER](cx, thread: Address) -> bool {
        Ok(cx.thread(thread)?.is_terminating())
    }

    /// The id of the process that owns the thread, also while that is attached to another.
    fn PsGetCurrentProcessId[ANY, fails NEVER](cx) -> u64 {
        Ok(cx.dispatch.thread.process().id().into())
    }

    fn PsGetCurrentThreadId[ANY, fails NEVER](cx) -> u64 {
        Ok(cx.dispatch.thread.id().into())
    }

    fn KeGetCurrentIrql[ANY, fails NEVER](cx) -> u8 {
        Ok(cx.dispatch.irql)
    }
}
