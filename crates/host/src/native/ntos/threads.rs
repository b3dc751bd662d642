//! Threads, processes, and the interrupt request level.

use super::lookup::{process_address, thread_address};
use crate::native::engine::export::exports;
use crate::native::running::memory::Address;

exports! {
    /// The exports that are modelled.
    EXPORTS:

    fn PsGetCurrentThread[ANY, fails NEVER](cx) -> Address {
        Ok(Address(thread_address(cx.dispatch.thread)))
    }

    fn PsGetCurrentProcess[ANY, fails NEVER](cx) -> Address {
        Ok(Address(process_address(&cx.dispatch.thread.current_process())))
    }

    fn IoGetCurrentProcess[ANY, fails NEVER](cx) -> Address {
        Ok(Address(process_address(&cx.dispatch.thread.current_process())))
    }

    fn PsGetThreadProcess[ANY, fails NEVER](cx, thread: Address) -> Address {
        Ok(Address(process_address(cx.thread(thread)?.process())))
    }

    fn IoThreadToProcess[ANY, fails NEVER](cx, thread: Address) -> Address {
        Ok(Address(process_address(cx.thread(thread)?.process())))
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
