//! Every defect of the driver, and the fault that the host has to report.

use psimp_host::FaultKind::{self, *};
use std::time::Duration;

/// The handle that every request names: of a token, with `TOKEN_IMPERSONATE`.
pub(crate) const TOKEN_HANDLE: u64 = 4;

/// The fault that the host has to report for a defect.
pub(crate) struct Expected {
    pub(crate) name: &'static str,
    pub(crate) kind: FaultKind,
    /// Words of the message.
    pub(crate) words: &'static str,
    pub(crate) place: Place,
    /// The IRQL of the request.
    pub(crate) irql: u8,
    /// The number in the request instead of the handle.
    pub(crate) input: u64,
    /// The number of concurrent threads.
    pub(crate) threads: usize,
    /// Whether a file is closed that the driver did not open.
    pub(crate) unknown_file: bool,
    pub(crate) deadline: Duration,
}

/// Where a defect is reported.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the function of the defect.
    Itself,
    /// In the driver, but in code around it.
    Around,
    /// At no place: only the effect is detected.
    Nowhere,
}

const fn row(name: &'static str, kind: FaultKind, words: &'static str) -> Expected {
    let deadline = Duration::from_secs(10);
    Expected {
        name,
        kind,
        words,
        place: Place::Itself,
        irql: 0,
        input: TOKEN_HANDLE,
        threads: 1,
        unknown_file: false,
        deadline,
    }
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

    const fn of_unknown_file(self) -> Self {
        Self { unknown_file: true, ..self }
    }

    const fn on_two_threads(self) -> Self {
        Self { threads: 2, ..self }
    }
}

pub(crate) const EXPECTED: &[Expected] = &[
    // References on objects.
    row("token_used_after_dereference", Unreferenced, "SeTokenIsRestricted was given token"),
    row("token_referenced_after_dereference", Unreferenced, "ObfReferenceObject was given token"),
    row("token_dereferenced_twice", OverDereference, "ObfDereferenceObject gives back a reference on token"),
    row("token_dereferenced_as_primary", DereferenceRoutine, "that ObfDereferenceObject takes"),
    row("primary_dereferenced_as_object", DereferenceRoutine, "that PsDereferencePrimaryToken takes"),
    row("token_leaked", ReferenceLeak, "that ObReferenceObjectByHandle gave on token"),
    row("primary_token_leaked", ReferenceLeak, "that PsReferencePrimaryToken gave on token"),
    row("impersonation_not_restored", ReferenceLeak, "that PsDisableImpersonation gave on token"),
    row("impersonation_restored_twice", Unreferenced, "PsRestoreImpersonation was given token"),
    row("nothing_restored", BadArgument, "SE_IMPERSONATION_STATE without a token"),
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
    row("pool_freed_twice", DoubleFree, "ExFreePool frees a pool block that was freed by malicious.sys+0x"),
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
    row("constant_written", MemoryAccess, "(malicious.sys+0x"),
    row("code_written", MemoryAccess, "(malicious.sys+0x"),
    row("import_table_written", MemoryAccess, "(malicious.sys+0x"),
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
    row("completed_twice", CompletedTwice, "completes a request that was completed by malicious.sys+0x"),
    row("never_completed", NotCompleted, "without completing").around(),
    row("completed_as_pending", Completion, "with STATUS_PENDING"),
    row("create_completed_with_a_length", Completion, "with the information 40, which is no result of one"),
    row("request_used_after_completion", AfterCompletion, "WdfRequestGetFileObject was given a request"),
    row("request_kept", AfterCompletion, "a request that is not in progress here"),
    row("request_deleted", BadArgument, "which is not the driver's to delete"),
    row("device_completed", FrameworkHandle, "and not a WDFREQUEST"),
    row("null_completed", FrameworkHandle, "was given null and not a WDFREQUEST"),
    row("parameters_to_nowhere", BadPointer, "cannot read WDF_REQUEST_PARAMETERS at null"),
    row("parameters_of_another_size", BadArgument, "WDF_REQUEST_PARAMETERS of 8 bytes"),
    // The framework.
    row("slot_not_modelled", NotModelled, "WdfSpinLockCreate (slot "),
    row("slot_behind_the_table", CallTarget, "which is no function that may be called so"),
    row("table_written", MemoryAccess, "which it may not"),
    row("globals_of_nobody", BadArgument, "was not given the driver's WDF_DRIVER_GLOBALS"),
    row("globals_overrun", ContextOverrun, "next to WDF_DRIVER_GLOBALS").nowhere(),
    row("unbind_prevented", Unbind, "without WdfVersionUnbind").nowhere(),
    row("context_of_another_type", ContextType, "a context that WDFFILEOBJECT"),
    row("context_overrun", ContextOverrun, "wrote at offset 16 of the 16 bytes of context"),
    row("context_kept", ContextAfterDestroy, "wrote at offset 0 of the context of WDFFILEOBJECT"),
    row("file_kept", FrameworkHandle, "and not a framework object"),
    row("context_of_no_file", FrameworkHandle, "was given null and not a framework object").of_unknown_file(),
    row("file_deleted", BadArgument, "which is not the driver's to delete"),
    // The interrupt request level.
    row("looked_up_too_high", Irql, "ObReferenceObjectByHandle was called at IRQL 2").at_dispatch_level(),
    row("reverted_too_high", Irql, "PsRevertToSelf was called at IRQL 2").at_dispatch_level(),
    row("paged_pool_too_high", Irql, "allocates paged pool at DISPATCH_LEVEL").at_dispatch_level(),
    row("waited_too_high", Irql, "WdfWaitLockAcquire may wait at IRQL 2").at_dispatch_level(),
    row("device_deleted_too_high", Irql, "deletes a device above PASSIVE_LEVEL").at_dispatch_level(),
    // Locks.
    row("lock_acquired_twice", Deadlock, "which the calling thread itself holds since malicious.sys+0x"),
    row("lock_released_unheld", LockOwner, "but nobody holds it"),
    row("lock_held_at_return", LockHeld, "the driver returned while it held WDFWAITLOCK"),
    row("lock_held_at_unload", LockHeld, "the driver returned while it held WDFWAITLOCK"),
    row("lock_deleted_while_held", LockHeld, "was deleted while thread"),
    row("lock_used_after_delete", FrameworkHandle, "which is deleted"),
    row("locks_in_opposite_order", Hang, "gives up waiting for WDFWAITLOCK").on_two_threads().soon(),
    // Critical regions.
    row("region_left_twice", CriticalRegion, "leaves a critical region that the driver did not enter"),
    row("region_of_a_lock_left", CriticalRegion, "leaves a critical region that the driver did not enter"),
    row("region_entered_at_return", CriticalRegion, "the driver returned inside a critical region"),
    row("region_entered_too_high", Irql, "KeEnterCriticalRegion was called at IRQL 2").at_dispatch_level(),
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
    row("middle_called", CallTarget, "(malicious.sys+0x"),
    row("data_called_guarded", CallTarget, "which is no function that may be called so"),
    row("data_checked", CallTarget, "which is no function that may be called so"),
    row("initialisation_called", Instruction, "where it has no code"),
    row("export_not_modelled", NotModelled, "ExGetPreviousMode of ntoskrnl.exe"),
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
    row("middle_as_callback", CallTarget, "as a function, which its guard table does not have").nowhere(),
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
    row(
        "provider_registered_twice",
        Registration,
        "registers a provider that is registered by malicious.sys+0x",
    ),
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
    row("event_without_description", BadArgument, "does not describe itself as its channel requires"),
    row("description_of_another_length", BadArgument, "not as long as it states"),
    row("description_without_traits", BadArgument, "which ETW takes for values: no traits are set"),
    row("block_kept_and_overrun", PoolOverrun, "wrote at offset 24 of a pool block of 24 bytes"),
    // Clients.
    row("client_context_leaked", ReferenceLeak, "that SeCreateClientSecurity gave on token"),
    row(
        "client_copy_dereferenced_as_primary",
        DereferenceRoutine,
        "that PsDereferenceImpersonationToken takes",
    ),
    row(
        "client_copy_dereferenced_as_object",
        DereferenceRoutine,
        "that PsDereferenceImpersonationToken takes",
    ),
    row("client_dereferenced_as_impersonation", DereferenceRoutine, "that PsDereferencePrimaryToken takes"),
    row("client_impersonated_after_delete", Unreferenced, "SeImpersonateClientEx was given token"),
    row("client_of_zeros_impersonated", ObjectType, "SeImpersonateClientEx was given null and not a token"),
    row("client_impersonated_at_no_level", BadArgument, "was given 7, which is no impersonation level"),
    row("client_of_no_quality", BadPointer, "cannot read SECURITY_QUALITY_OF_SERVICE at null"),
    row("client_of_a_remote_server", NotModelled, "was given ServerIsRemote"),
    row("client_taken_too_high", Irql, "SeCreateClientSecurity was called at IRQL 2").at_dispatch_level(),
    row("token_type_after_delete", Unreferenced, "SeTokenType was given token"),
    row("security_context_read_after_completion", MemoryAccess, "of a create request that is completed"),
    row("security_context_overrun", MemoryAccess, "byte 24 of the IO_SECURITY_CONTEXT of a create request"),
    row(
        "related_file_read_after_completion",
        MemoryAccess,
        "byte 64 of the FILE_OBJECT of a create request that is completed",
    ),
    row(
        "file_object_written",
        MemoryAccess,
        "byte 32 of the FILE_OBJECT of a create request, which it may not",
    ),
    row("file_object_of_an_open_file", NotModelled, "was called outside of the file's create"),
    row("device_of_a_request", FrameworkHandle, "and not a WDFFILEOBJECT"),
    row("file_object_of_a_request", FrameworkHandle, "and not a WDFFILEOBJECT"),
    row("file_name_too_high", Irql, "WdfFileObjectGetFileName was called at IRQL 2").at_dispatch_level(),
    row("file_name_of_a_request", FrameworkHandle, "and not a WDFFILEOBJECT"),
    // Settings.
    row("key_queried_after_close", FrameworkHandle, "WdfRegistryQueryULong was given WDFKEY"),
    row("key_closed_twice", FrameworkHandle, "WdfRegistryClose was given WDFKEY"),
    row("driver_as_key", FrameworkHandle, "and not a WDFKEY"),
    row("key_opened_to_write", NotModelled, "opens the key with the access 0x20006"),
    row("key_opened_too_high", Irql, "WdfDriverOpenParametersRegistryKey was called at IRQL 2")
        .at_dispatch_level(),
    // Work items.
    row("worker_returns_impersonating", BugCheck, "bug check 0xDF (IMPERSONATING_WORKER_THREAD)").around(),
    row("worker_flushes_itself", Deadlock, "whose callback the calling thread itself runs").around(),
    row("worker_deletes_itself", NotModelled, "deletes the work item whose callback calls").around(),
    row("worker_reads_null", MemoryAccess, "accessed memory at null").around(),
    row("worker_without_end", Hang, "did not return in time").around().soon(),
    row("worker_holds_lock_at_return", LockHeld, "the driver returned while it held WDFWAITLOCK").around(),
    row("worker_leaks", PoolLeak, "24 bytes of pool").around(),
    row("worker_completes_a_request", NotModelled, "was given a request by a work item").around(),
    row("work_item_deleted_twice", FrameworkHandle, "WdfObjectDelete was given WDFWORKITEM"),
    row("work_item_used_after_delete", FrameworkHandle, "WdfWorkItemEnqueue was given WDFWORKITEM"),
    row(
        "work_item_context_overrun",
        ContextOverrun,
        "wrote at offset 16 of the 16 bytes of context of WDFWORKITEM",
    ),
    row("work_item_flushed_too_high", Irql, "WdfWorkItemFlush was called at IRQL 2").at_dispatch_level(),
    row("work_item_deleted_too_high", NotModelled, "deletes a work item above PASSIVE_LEVEL")
        .at_dispatch_level(),
    row("work_item_serialised", NotModelled, "asks for AutomaticSerialization"),
    row("data_as_work", BadArgument, "as a function, where it has no code").nowhere(),
];
