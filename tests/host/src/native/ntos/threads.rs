//! Threads, processes, and the interrupt request level.

use super::super::export::exports;
use super::super::memory::Address;
use super::lookup::{process_address, thread_address};

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

    fn KeGetCurrentIrql[ANY, fails NEVER](cx) -> u8 {
        Ok(cx.dispatch.irql)
    }
}
