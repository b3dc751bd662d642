//! Calls from the driver into the host.
//!
//! Each function that the driver can call is declared once, by [`exports!`]: its name, the highest
//! IRQL at which it may be called, how it fails when an observer makes it fail, and its body. The
//! driver calls the thunk, which notes where it was called from; [`run`] does what every function has
//! in common and then the body.
#![allow(unsafe_code)] // thunks, and access to the thread's block

use super::context::Context;
use super::dispatch::Dispatch;
use crate::native::engine::cpu::Cpu;
use crate::native::engine::export::{Export, Returns};
use crate::native::engine::stop::{Outcome, Stop};
use crate::native::engine::{enter, unwind};
use crate::{Call, Decision, Fault, FaultKind, Observer};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Declares functions that the driver can call, and the table of them. A function that can fail with
/// some arguments only has the condition behind `if`.
macro_rules! exports {
    ($(#[$table_doc:meta])* $table:ident: $(
        $(#[$doc:meta])*
        fn $name:ident [$irql:ident, fails $failure:ident $(if $condition:expr)?] ($cx:ident $(, $argument:ident: $type:ty)* $(,)?)
        $(-> $return:ty)? $body:block
    )*) => {
        $(#[$table_doc])*
        pub(crate) static $table: &[&$crate::native::engine::export::Export] = &[$({
            static ROW: $crate::native::engine::export::Export = $crate::native::engine::export::Export {
                name: stringify!($name),
                highest_irql: $crate::native::engine::export::$irql,
                failure: $crate::native::engine::export::$failure,
                file: file!(),
                thunk,
            };

            #[unsafe(naked)]
            extern "win64" fn thunk() {
                std::arch::naked_asm!(
                    "mov rax, [rsp]",
                    "mov gs:[{caller}], rax",
                    "mov gs:[{rsp}], rsp",
                    "jmp {inner}",
                    caller = const $crate::native::engine::cpu::Cpu::CALLER,
                    rsp = const $crate::native::engine::cpu::Cpu::CALL_RSP,
                    inner = sym inner,
                )
            }

            extern "win64" fn inner($($argument: $type),*) -> u64 {
                let can_fail = || $crate::native::running::call::exports!(@ can_fail $($condition)?);
                $crate::native::running::call::run(&ROW, can_fail, |cx| $name(cx $(, $argument)*))
            }

            &ROW
        }),*];

        $(
            $(#[$doc])*
            // The functions have the kernel's names.
            #[allow(non_snake_case, clippy::too_many_arguments, clippy::unnecessary_wraps)]
            fn $name(
                $cx: &$crate::native::running::context::Context<'_> $(, $argument: $type)*
            ) -> $crate::native::engine::stop::Outcome<$crate::native::running::call::exports!(@ $($return)?)> $body
        )*
    };
    (@ can_fail) => { true };
    (@ can_fail $condition:expr) => { $condition };
    (@) => { () };
    (@ $return:ty) => { $return };
}
pub(crate) use exports;

/// The common part of every function: the checks before it, and the exit when a contract is broken.
/// Called by the thunks only.
pub(crate) fn run<R: Returns>(
    export: &'static Export,
    can_fail: impl FnOnce() -> bool,
    body: impl FnOnce(&Context<'_>) -> Outcome<R>,
) -> u64 {
    // SAFETY: thunks are called by the driver only, and a thread is attached before it enters it.
    let cpu = unsafe { Cpu::from_gs() };
    cpu.export.set(Some(export));
    let result = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: the driver is calling; `cx` is dropped before it continues.
        let dispatch = unsafe { Dispatch::current(cpu) };
        let cx = Context { dispatch, export, caller: cpu.caller() };
        match admit(&cx, can_fail)? {
            Some(failure) => Ok(failure),
            None => body(&cx).map(Returns::into_rax),
        }
    }));
    match result {
        Ok(Ok(rax)) => {
            cpu.export.set(None);
            rax
        }
        Ok(Err(fault)) => stop(cpu, fault),
        Err(panic) => stop(cpu, host_panicked(cpu, export, panic.as_ref())),
    }
}

/// The checks before the body: whether the function may be called here, and the result if it is made to
/// fail.
fn admit(cx: &Context<'_>, can_fail: impl FnOnce() -> bool) -> Outcome<Option<u64>> {
    if !cx.dispatch.account.cpu.progress() {
        return Err(cx.fault(FaultKind::Hang, "was called once too often: the driver does not return"));
    }
    let irql = cx.dispatch.irql;
    if irql > cx.export.highest_irql {
        let highest = cx.export.highest_irql;
        return Err(cx.fault(FaultKind::Irql, format_args!("was called at IRQL {irql}, above {highest}")));
    }
    match &cx.machine().options.observer {
        Some(observer) => Ok(observed(cx, observer.as_ref(), can_fail())),
        None => Ok(None),
    }
}

/// The result of the call if the observer makes it fail.
fn observed(cx: &Context<'_>, observer: &dyn Observer, can_fail: bool) -> Option<u64> {
    let mapping = &cx.machine().mapping;
    let failure = cx.export.failure.filter(|_| can_fail);
    let call = Call {
        function: cx.export.name,
        site: mapping.site(cx.caller).unwrap_or_else(|| mapping.place(0)),
        thread: cx.dispatch.thread.id(),
        on_behalf_of: cx.dispatch.on_behalf_of(),
        can_fail: failure.is_some(),
        stack: &|| unwind::stack(cx.dispatch.account.cpu, mapping),
    };
    match observer.rule(&call) {
        Decision::Proceed => None,
        Decision::Fail => failure,
    }
}

#[cold]
fn stop(cpu: &Cpu, fault: Stop) -> ! {
    cpu.fault.set(Some(fault));
    // SAFETY: a thunk called, so the thread is in the driver; `run` was the last host frame with work
    // to do, and it has finished.
    unsafe { enter::leave() }
}

#[cold]
fn host_panicked(cpu: &Cpu, export: &Export, panic: &(dyn Any + Send)) -> Stop {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
    let message = format!("the host panicked in {}: {text}", export.name);
    // SAFETY: the driver is calling.
    let dispatch = unsafe { Dispatch::current(cpu) };
    let site = dispatch.machine.mapping.site(cpu.caller());
    Stop::from(Fault { kind: FaultKind::Host, message, site })
}
