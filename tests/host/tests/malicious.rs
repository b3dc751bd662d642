//! A driver that breaks contracts, made by the same build as `psimp.sys`: each
//! defect is reported for what it is and where it is, and the process lives on.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod support;

use psimp_host::FaultKind::{self, *};
use psimp_host::{Failure, Fault, File, Host, Image, IoControl, Options, StartError};
use psimp_model::{Flavour, Object, Process, System, Thread};
use psimp_protocol::Operation;
use psimp_protocol::wire;
use psimp_rules::{Level, TokenType};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use support::session::{CALLER, READ_WRITE, Session};
use support::{process, token};

const NAME: &str = r"\Device\Malicious";
/// The handle that every request names: of a token, with `TOKEN_IMPERSONATE`.
const TOKEN_HANDLE: u64 = 4;
/// Length of the output buffers.
const OUTPUT: usize = 40;

/// What the host has to say to a defect.
struct Expected {
    name: &'static str,
    kind: FaultKind,
    /// Words of the message.
    words: &'static str,
    place: Place,
    /// The level at which the request comes.
    irql: u8,
    /// The number in the request instead of the handle.
    input: u64,
    /// On how many threads at once.
    threads: usize,
    deadline: Duration,
}

/// Where a defect is reported.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In the function that has it.
    Itself,
    /// In the driver, but in code around it.
    Around,
    /// Nowhere: only what it did is found.
    Nowhere,
}

const fn row(name: &'static str, kind: FaultKind, words: &'static str) -> Expected {
    let deadline = Duration::from_secs(10);
    Expected { name, kind, words, place: Place::Itself, irql: 0, input: TOKEN_HANDLE, threads: 1, deadline }
}

impl Expected {
    const fn around(self) -> Self {
        Self { place: Place::Around, ..self }
    }

    const fn nowhere(self) -> Self {
        Self { place: Place::Nowhere, ..self }
    }

    const fn at_dispatch_level(self) -> Self {
        Self { irql: 2, ..self }
    }

    const fn about(self, input: u64) -> Self {
        Self { input, ..self }
    }

    const fn soon(self) -> Self {
        Self { deadline: Duration::from_millis(200), ..self }
    }

    const fn on_two_threads(self) -> Self {
        Self { threads: 2, ..self }
    }
}

const EXPECTED: &[Expected] = &[
    // References on objects.
    row("token_used_after_dereference", Unreferenced, "SeTokenIsRestricted was given token"),
    row("token_referenced_after_dereference", Unreferenced, "ObfReferenceObject was given token"),
    row("token_dereferenced_twice", OverDereference, "ObfDereferenceObject gives back a reference on token"),
    row("token_dereferenced_as_primary", DereferenceRoutine, "that ObfDereferenceObject takes"),
    row("primary_dereferenced_as_object", DereferenceRoutine, "that PsDereferencePrimaryToken takes"),
    row("token_leaked", ReferenceLeak, "that ObReferenceObjectByHandle gave on token"),
    row("primary_token_leaked", ReferenceLeak, "that PsReferencePrimaryToken gave on token"),
    row("thread_kept", Unreferenced, "IoThreadToProcess was given thread"),
    row("thread_as_token", ObjectType, "and not a token"),
    row("type_variable_as_type", BadArgument, "as the object type"),
    row("object_read", MemoryAccess, "offset 16 of token"),
    row("object_to_nowhere", BadPointer, "cannot write the object's address at null"),
    // Handles.
    row("handle_leaked", HandleLeak, "that ObOpenObjectByPointer gave was not closed"),
    row("handle_closed_twice", Handle, "ZwClose was given"),
    row("handle_used_after_close", Handle, "ObReferenceObjectByHandle was given"),
    row(
        "handle_in_callers_table",
        HandleMode,
        "ObOpenObjectByPointer makes a handle in the caller's process",
    ),
    row("duplicate_in_callers_table", HandleMode, "ZwDuplicateToken makes a handle in the caller's process"),
    row("callers_handle_in_kernel_mode", HandleMode, "the handle 0x4 of user mode up in KernelMode"),
    row("callers_handle_closed", HandleMode, "ZwClose closes 0x4"),
    // Pool.
    row("pool_overrun", PoolOverrun, "wrote at offset 40 of a pool block of 40 bytes"),
    row("pool_underrun", PoolOverrun, "wrote at offset -1 of a pool block of 40 bytes"),
    row("pool_overrun_and_leaked", PoolOverrun, "wrote at offset 40 of a pool block of 40 bytes"),
    row("pool_overrun_without_end", MemoryAccess, "behind"),
    row("pool_underrun_without_end", MemoryAccess, "in front of"),
    row("pool_overrun_by_memset", BadPointer, "memset cannot reach all of 262144 bytes"),
    row("pool_written_after_free", PoolUseAfterFree, "byte 8 of a pool block was changed after"),
    row("pool_pointer_after_free", MemoryAccess, "an address that cannot exist"),
    row("pool_freed_twice", DoubleFree, "ExFreePool frees a pool block that was freed by psimp.sys+0x"),
    row("pool_freed_inside", NotPool, "which is no pool block"),
    row("stack_freed", NotPool, "which is no pool block"),
    row("pool_freed_under_another_tag", PoolTag, "with the tag Evil under the tag Good"),
    row("pool_leaked", PoolLeak, "40 bytes of pool that ExAllocatePool2 gave were not freed"),
    row("pool_exhausted", PoolLeak, "40 bytes of pool that ExAllocatePool2 gave were not freed"),
    row("pool_of_nothing", BadArgument, "ExAllocatePool2 was asked for 0 bytes"),
    row("pool_of_two_kinds", BadArgument, "was not given one pool"),
    // Memory.
    row("null_read", MemoryAccess, "accessed memory at null"),
    row("null_written", MemoryAccess, "accessed memory at 0x18, next to null"),
    row("kernel_address_read", MemoryAccess, "accessed memory at 0xFFFFF78000000000"),
    row("impossible_address_read", MemoryAccess, "an address that cannot exist"),
    row("constant_written", MemoryAccess, "(psimp.sys+0x"),
    row("code_written", MemoryAccess, "(psimp.sys+0x"),
    row("import_table_written", MemoryAccess, "(psimp.sys+0x"),
    row("user_address_written", MemoryAccess, "accessed memory at 0x10000").about(0x1_0000),
    // The system buffer.
    row("buffer_overrun", BufferOverrun, "wrote at offset 40 of a system buffer of 40 bytes").around(),
    row("buffer_underrun", BufferOverrun, "wrote at offset -1 of a system buffer of 40 bytes").around(),
    row("buffer_overrun_without_end", MemoryAccess, "behind"),
    row("stale_output", StaleOutput, "those at offset 8 were never written"),
    row("too_much_returned", Completion, "returns 41 bytes in an output buffer of 40"),
    row("less_than_nothing_returned", Completion, "returns 18446744073709551615 bytes"),
    row("bytes_of_a_failure", Completion, "and the information 8"),
    row("buffer_written_after_completion", AfterCompletion, "wrote at offset 3 of the system buffer after"),
    row("buffer_kept", AfterCompletion, "wrote at offset 3 of the system buffer").around(),
    // Requests.
    row("completed_twice", CompletedTwice, "completes a request that was completed by psimp.sys+0x"),
    row("never_completed", NotCompleted, "without completing").around(),
    row("completed_as_pending", Completion, "with STATUS_PENDING"),
    row("request_used_after_completion", AfterCompletion, "WdfRequestGetFileObject was given a request"),
    row("request_kept", AfterCompletion, "a request that is not in progress here"),
    row("request_deleted", BadArgument, "which is not the driver's to delete"),
    row("device_completed", FrameworkHandle, "and not a WDFREQUEST"),
    row("null_completed", FrameworkHandle, "was given null and not a WDFREQUEST"),
    row("parameters_to_nowhere", BadPointer, "cannot read WDF_REQUEST_PARAMETERS at null"),
    row("parameters_of_another_size", BadArgument, "WDF_REQUEST_PARAMETERS of 8 bytes"),
    // The framework.
    row("slot_not_modelled", NotModelled, "WdfSpinLockCreate (slot "),
    row("slot_behind_the_table", Instruction, "where it has no code"),
    row("table_written", MemoryAccess, "which it may not"),
    row("globals_of_nobody", BadArgument, "was not given the driver's WDF_DRIVER_GLOBALS"),
    row("globals_overrun", ContextOverrun, "next to WDF_DRIVER_GLOBALS").nowhere(),
    row("unbind_prevented", Unbind, "without WdfVersionUnbind").nowhere(),
    row("context_of_another_type", ContextType, "a context that WDFFILEOBJECT"),
    row("context_overrun", ContextOverrun, "wrote at offset 16 of the 16 bytes of context"),
    row("context_kept", ContextAfterDestroy, "wrote at offset 0 of the context of WDFFILEOBJECT"),
    row("file_kept", FrameworkHandle, "and not a framework object"),
    row("file_deleted", BadArgument, "which is not the driver's to delete"),
    // The interrupt request level.
    row("looked_up_too_high", Irql, "ObReferenceObjectByHandle was called at IRQL 2").at_dispatch_level(),
    row("reverted_too_high", Irql, "PsRevertToSelf was called at IRQL 2").at_dispatch_level(),
    row("paged_pool_too_high", Irql, "allocates paged pool at DISPATCH_LEVEL").at_dispatch_level(),
    row("waited_too_high", Irql, "WdfWaitLockAcquire may wait at IRQL 2").at_dispatch_level(),
    row("device_deleted_too_high", Irql, "deletes a device above PASSIVE_LEVEL").at_dispatch_level(),
    // Locks.
    row("lock_acquired_twice", Deadlock, "which the calling thread itself holds since psimp.sys+0x"),
    row("lock_released_unheld", LockOwner, "but nobody holds it"),
    row("lock_held_at_return", LockHeld, "the driver returned while it held WDFWAITLOCK"),
    row("lock_held_at_unload", LockHeld, "the driver returned while it held WDFWAITLOCK"),
    row("lock_deleted_while_held", LockHeld, "was deleted while thread"),
    row("lock_used_after_delete", FrameworkHandle, "which is deleted"),
    row("locks_in_opposite_order", Hang, "waits in vain for WDFWAITLOCK").on_two_threads().soon(),
    // The processor.
    row("loop_without_end", Hang, "did not return in time").soon(),
    row("calls_without_end", Hang, "IoGetCurrentProcess was called once too often").soon(),
    row("recursion_without_end", MemoryAccess, "ran out of stack").around(),
    row("stack_overrun_without_end", MemoryAccess, "above its stack"),
    row("return_address_overwritten", Instruction, "where it has no code").around(),
    row("null_called", Instruction, "went to null, where it has no code"),
    row("nowhere_called", Instruction, "went to 0x12345678, where it has no code"),
    row("data_called", Instruction, "where it has no code"),
    row("stack_called", Instruction, "where it has no code"),
    row("initialisation_called", Instruction, "where it has no code"),
    row("export_not_modelled", NotModelled, "KeEnterCriticalRegion of ntoskrnl.exe"),
    row("division_by_zero", Instruction, "arithmetic error"),
    row("fast_fail", BugCheck, "fast-fail 2"),
    row("bug_check", BugCheck, "stops the system with 0xE2 (0x1, 0x2, 0x3, 0x4)"),
    row("panic", BugCheck, "stops the system with 0x52504E43").around(),
    row("breakpoint", Instruction, "breakpoint"),
    row("undefined_instruction", Instruction, "undefined instruction"),
    row("interrupts_disabled", MemoryAccess, "an instruction of the kernel's"),
    row("level_raised_by_register", MemoryAccess, "an instruction of the kernel's"),
    row("port_read", MemoryAccess, "an instruction of the kernel's"),
    row("misaligned_load", MemoryAccess, "an address that cannot exist"),
    // Start and end.
    row("start_reads_null", MemoryAccess, "accessed memory at null"),
    row("start_without_end", Hang, "did not return in time").soon(),
    row("start_stops_the_system", BugCheck, "stops the system with 0xE2"),
    row("failed_start_leaks", PoolLeak, "24 bytes of pool"),
    row("failed_start_overruns", PoolOverrun, "wrote at offset 24 of a pool block of 24 bytes"),
    row("device_init_leaked", DeviceInit, "was neither consumed nor freed"),
    row("device_init_freed_twice", DeviceInit, "WdfDeviceInitFree was given WDFDEVICE_INIT"),
    row("data_as_callback", BadArgument, "as a function, where it has no code").nowhere(),
    row("driver_object_overrun", MemoryAccess, "wrote outside of the DRIVER_OBJECT").nowhere(),
    row("driver_object_overrun_later", MemoryAccess, "wrote outside of the DRIVER_OBJECT").nowhere(),
    row("unload_prevented", Unload, "it has no DriverUnload").nowhere(),
    row("data_as_unload", BadArgument, "as a function, where it has no code").nowhere(),
    row("cleanup_reads_null", MemoryAccess, "accessed memory at null"),
    row("cleanup_leaks", PoolLeak, "24 bytes of pool"),
    row("unload_reads_null", MemoryAccess, "accessed memory at null"),
    row("unload_without_end", Hang, "did not return in time").soon(),
    // Tracing.
    row("provider_never_unregistered", RegistrationLeak, "was not given to EtwUnregister"),
    row("failed_start_keeps_provider", RegistrationLeak, "was not given to EtwUnregister"),
    row("provider_registered_twice", Registration, "registers a provider that is registered by psimp.sys+0x"),
    row(
        "provider_registered_in_a_request",
        Registration,
        "EtwRegister was called outside of a system thread",
    ),
    row("data_as_enable_callback", BadArgument, "as the callback, where there is no code"),
    row("provider_unregistered_twice", Registration, "EtwUnregister was given event registration"),
    row("provider_unregistered_too_high", Irql, "EtwUnregister was called at IRQL 2").at_dispatch_level(),
    row("event_of_no_provider", Registration, "which is no registration"),
    row("event_after_unregister", Registration, "of a provider that was unregistered"),
    row("event_without_descriptor", BadPointer, "cannot read EVENT_DESCRIPTOR at null"),
    row("event_without_blocks", BadPointer, "cannot read EVENT_DATA_DESCRIPTOR at null"),
    row("event_of_unreadable_values", BadPointer, "cannot read data of an event at 0x18, next to null"),
    row("event_too_long", BadArgument, "writes an event of more than 65536 bytes"),
    row("event_without_description", BadArgument, "does not describe itself as its channel says"),
    row("description_of_another_length", BadArgument, "not as long as it says"),
    row("block_kept_and_overrun", PoolOverrun, "wrote at offset 24 of a pool block of 24 bytes"),
];

/// The image, if `PSIMP_MALICIOUS` names one; else says so.
fn image() -> Option<Image> {
    let Some(path) = std::env::var_os("PSIMP_MALICIOUS") else {
        eprintln!("skipped: PSIMP_MALICIOUS names no image; `cargo xtask test` builds one");
        return None;
    };
    Some(Image::open(Path::new(&path)).expect("the image loads"))
}

/// A buffered control code of the driver.
fn code(function: u32) -> u32 {
    0x22 << 16 | function << 2
}

const LIST: u32 = 0x800;
const WELL_BEHAVED: u32 = 0x801;
const FIRST_DEFECT: u32 = 0x810;

/// A driver that runs, and a program.
struct Running {
    system: Arc<System>,
    host: Host,
    process: Arc<Process>,
}

impl Running {
    fn start(image: &Image, service: &str, deadline: Duration) -> Result<Self, StartError> {
        let system = Arc::new(System::new(Flavour::Win10));
        let options = Options { service: service.to_owned(), deadline: Some(deadline), ..Options::default() };
        let host = Host::load_with(image, system.clone(), options)?;
        let (process, _) = process(&system);
        let client = token(&system, TokenType::Impersonation, Level::Impersonation);
        assert_eq!(process.handles().insert(Object::Token(client), 4), TOKEN_HANDLE);
        Ok(Self { system, host, process })
    }

    /// A thread of the program, with a file of its own.
    fn open(&self) -> Result<(Arc<Thread>, File), Failure> {
        let thread = self.system.create_thread(&self.process);
        let file = self.host.open(&thread, NAME, READ_WRITE)?;
        Ok((thread, file))
    }

    /// Opens a file, sends one request, and closes the file.
    fn send(&self, function: u32, irql: u8, input: u64, output: &mut [u8]) -> Result<usize, Failure> {
        let (thread, file) = self.open()?;
        let input = input.to_le_bytes();
        let request = IoControl { irql, ..IoControl::new(code(function), &input) };
        let sent = self.host.device_io_control(&thread, &file, &request, output)?;
        self.host.close(&thread, file)?;
        Ok(sent)
    }

    /// A request for a defect, or one for nothing where the defect was at start.
    fn request(&self, expected: &Expected, defect: &Known) -> Result<(), Failure> {
        let function = if defect.when == "Start" { WELL_BEHAVED } else { defect.function };
        self.send(function, expected.irql, expected.input, &mut [0; OUTPUT]).map(drop)
    }
}

/// A defect as the driver knows it.
struct Known {
    function: u32,
    when: String,
    begin: u32,
}

/// What the driver says it can do wrong.
fn known(image: &Image) -> BTreeMap<String, Known> {
    let running = Running::start(image, "Malicious", Duration::from_secs(10)).expect("the driver starts");
    let mut output = vec![0; 1 << 16];
    let length = running.send(LIST, 0, 0, &mut output).expect("the list");
    assert_eq!(running.host.unload(), Ok(()));
    let text = std::str::from_utf8(&output[..length]).expect("text");
    let defect = |(line, function): (&str, u32)| {
        let [when, name, begin] = *line.split(' ').collect::<Vec<_>>() else { panic!("{line}") };
        let begin = u32::from_str_radix(begin, 16).expect("an offset");
        (name.to_owned(), Known { function, when: when.to_owned(), begin })
    };
    text.lines().zip(FIRST_DEFECT..).map(defect).collect()
}

#[test]
fn every_defect_is_expected_and_every_expected_one_is_there() {
    let Some(image) = image() else { return };
    let known = known(&image);
    let known: BTreeSet<_> = known.keys().map(String::as_str).collect();
    let expected: BTreeSet<_> = EXPECTED.iter().map(|expected| expected.name).collect();
    assert_eq!(known, expected);
    assert_eq!(expected.len(), EXPECTED.len(), "a name is there twice");
}

#[test]
fn every_defect_is_reported_and_nothing_else_comes_to_harm() {
    let Some(image) = image() else { return };
    let known = known(&image);
    let begins: BTreeSet<u32> = known.values().map(|known| known.begin).collect();
    let mut wrong = Vec::new();
    for expected in EXPECTED {
        let Some(defect) = known.get(expected.name) else { continue };
        let faults = life(&image, expected, defect);
        let end = begins.range(defect.begin + 1..).next().copied().unwrap_or(u32::MAX);
        let fits = |fault: &Fault| {
            let right_place = match (expected.place, fault.site) {
                (Place::Nowhere, site) => site.is_none(),
                (Place::Around, site) => site.is_some(),
                (Place::Itself, site) => site.is_some_and(|site| site.rva > defect.begin && site.rva <= end),
            };
            fault.kind == expected.kind && fault.message.contains(expected.words) && right_place
        };
        if !faults.iter().any(fits) {
            let name = expected.name;
            wrong.push(format!("{name} (from {:X}, to {end:X}): {faults:#?}", defect.begin));
        }
        the_process_works(&image);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Runs a driver from start to end with one defect and returns what is reported.
fn life(image: &Image, expected: &Expected, defect: &Known) -> Vec<Fault> {
    let service = if defect.when == "Start" { expected.name } else { "Malicious" };
    let running = match Running::start(image, service, expected.deadline) {
        Ok(running) => running,
        Err(StartError::Fault(fault)) => return vec![fault],
        Err(error) => panic!("{}: {error}", expected.name),
    };
    // Twice, because some use in one request what another one had.
    let twice = || (0..2).try_for_each(|_| running.request(expected, defect));
    let sent = std::thread::scope(|scope| {
        // The driver ends on another thread than those that its requests came on.
        let threads: Vec<_> = (0..expected.threads).map(|_| scope.spawn(twice)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).fold(Ok(()), Result::and)
    });
    let faults = running.host.faults();
    match &sent {
        // Nothing gets to the driver any more.
        Err(Failure::Fault(fault)) => {
            assert!(faults.contains(fault), "{faults:?}");
            assert_eq!(running.open().map(drop), Err(Failure::Fault(faults[0].clone())));
        }
        sent => assert_eq!(*sent, Ok(()), "{}", expected.name),
    }
    running.host.unload().err().unwrap_or_default()
}

/// A driver without fault, loaded anew, runs as ever.
fn the_process_works(image: &Image) {
    let running = Running::start(image, "Malicious", Duration::from_secs(10)).expect("the driver starts");
    let mut output = [0; OUTPUT];
    assert_eq!(running.send(WELL_BEHAVED, 0, TOKEN_HANDLE, &mut output), Ok(8));
    assert_eq!(output[..8], (!TOKEN_HANDLE).to_le_bytes());
    assert_eq!(running.host.unload(), Ok(()));
    let Some(session) = Session::new(Flavour::Win10) else { return };
    session.impersonate(Level::Impersonation, 0).expect("it may");
    let slot: wire::Slot = session.send(Operation::Query, &CALLER).expect("it may");
    assert_eq!(slot.level, Level::Impersonation as u32);
    assert_eq!(session.end(), Ok(()));
}
