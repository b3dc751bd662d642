//! The routines of the kernel that the driver calls.
//!
//! `wdk_sys` declares most of them too, but not as imports of another image: a call would go
//! through a jump that the linker makes for each of them. Here it goes through the import table.

use wdk_sys::{
    ACCESS_MASK, BOOLEAN, HANDLE, KPROCESSOR_MODE, LONG_PTR, LPCGUID, NTSTATUS, PACCESS_MASK, PACCESS_STATE,
    PACCESS_TOKEN, PBOOLEAN, PCEVENT_DESCRIPTOR, PEPROCESS, PETHREAD, PETWENABLECALLBACK,
    PEVENT_DATA_DESCRIPTOR, PGENERIC_MAPPING, PHANDLE, PNTSTATUS, POBJECT_ATTRIBUTES,
    POBJECT_HANDLE_INFORMATION, POBJECT_TYPE, PPRIVILEGE_SET, PREGHANDLE, PSE_IMPERSONATION_STATE,
    PSECURITY_CLIENT_CONTEXT, PSECURITY_DESCRIPTOR, PSECURITY_IMPERSONATION_LEVEL,
    PSECURITY_QUALITY_OF_SERVICE, PSECURITY_SUBJECT_CONTEXT, PVOID, REGHANDLE, SECURITY_IMPERSONATION_LEVEL,
    SECURITY_INFORMATION, TOKEN_INFORMATION_CLASS, TOKEN_TYPE, ULONG,
};

/// Declares routines with the types of their parameters, which have to be those of the bindings.
macro_rules! routines {
    ($(fn $name:ident($($type:ty),*) $(-> $result:ty)?;)*) => {
        #[link(name = "ntoskrnl")]
        unsafe extern "C" {
            $(pub(crate) fn $name($(_: $type),*) $(-> $result)?;)*
        }

        $(const _: unsafe extern "C" fn($($type),*) $(-> $result)? = wdk_sys::ntddk::$name;)*
    };
}

routines! {
    fn EtwRegister(LPCGUID, PETWENABLECALLBACK, PVOID, PREGHANDLE) -> NTSTATUS;
    fn EtwUnregister(REGHANDLE) -> NTSTATUS;
    fn EtwWriteTransfer(
        REGHANDLE, PCEVENT_DESCRIPTOR, LPCGUID, LPCGUID, ULONG, PEVENT_DATA_DESCRIPTOR
    ) -> NTSTATUS;
    fn ExFreePool(PVOID);
    fn IoThreadToProcess(PETHREAD) -> PEPROCESS;
    fn ObOpenObjectByPointer(
        PVOID, ULONG, PACCESS_STATE, ACCESS_MASK, POBJECT_TYPE, KPROCESSOR_MODE, PHANDLE
    ) -> NTSTATUS;
    fn ObReferenceObjectByHandle(
        HANDLE, ACCESS_MASK, POBJECT_TYPE, KPROCESSOR_MODE, *mut PVOID, POBJECT_HANDLE_INFORMATION
    ) -> NTSTATUS;
    fn ObfDereferenceObject(PVOID) -> LONG_PTR;
    fn ObfReferenceObject(PVOID) -> LONG_PTR;
    fn PsDereferenceImpersonationToken(PACCESS_TOKEN);
    fn PsDereferencePrimaryToken(PACCESS_TOKEN);
    fn PsDisableImpersonation(PETHREAD, PSE_IMPERSONATION_STATE) -> BOOLEAN;
    fn PsGetCurrentProcessId() -> HANDLE;
    fn PsGetCurrentThreadId() -> HANDLE;
    fn PsImpersonateClient(
        PETHREAD, PACCESS_TOKEN, BOOLEAN, BOOLEAN, SECURITY_IMPERSONATION_LEVEL
    ) -> NTSTATUS;
    fn PsIsThreadTerminating(PETHREAD) -> BOOLEAN;
    fn PsReferenceImpersonationToken(
        PETHREAD, PBOOLEAN, PBOOLEAN, PSECURITY_IMPERSONATION_LEVEL
    ) -> PACCESS_TOKEN;
    fn PsReferencePrimaryToken(PEPROCESS) -> HANDLE;
    fn PsRestoreImpersonation(PETHREAD, PSE_IMPERSONATION_STATE);
    fn PsRevertToSelf();
    fn RtlMapGenericMask(PACCESS_MASK, PGENERIC_MAPPING);
    fn RtlValidRelativeSecurityDescriptor(PSECURITY_DESCRIPTOR, ULONG, SECURITY_INFORMATION) -> BOOLEAN;
    fn SeAccessCheck(
        PSECURITY_DESCRIPTOR, PSECURITY_SUBJECT_CONTEXT, BOOLEAN, ACCESS_MASK, ACCESS_MASK,
        *mut PPRIVILEGE_SET, PGENERIC_MAPPING, KPROCESSOR_MODE, PACCESS_MASK, PNTSTATUS
    ) -> BOOLEAN;
    fn SeCaptureSubjectContext(PSECURITY_SUBJECT_CONTEXT);
    fn SeCreateClientSecurity(
        PETHREAD, PSECURITY_QUALITY_OF_SERVICE, BOOLEAN, PSECURITY_CLIENT_CONTEXT
    ) -> NTSTATUS;
    fn SeImpersonateClientEx(PSECURITY_CLIENT_CONTEXT, PETHREAD) -> NTSTATUS;
    fn SeQueryInformationToken(PACCESS_TOKEN, TOKEN_INFORMATION_CLASS, *mut PVOID) -> NTSTATUS;
    fn SeReleaseSubjectContext(PSECURITY_SUBJECT_CONTEXT);
    fn SeTokenIsRestricted(PACCESS_TOKEN) -> BOOLEAN;
    fn SeTokenType(PACCESS_TOKEN) -> TOKEN_TYPE;
    fn ZwClose(HANDLE) -> NTSTATUS;
    fn ZwDuplicateToken(
        HANDLE, ACCESS_MASK, POBJECT_ATTRIBUTES, BOOLEAN, TOKEN_TYPE, PHANDLE
    ) -> NTSTATUS;
}

// The bindings lack these: inline functions in the headers that the kernel also exports, and one
// that some editions of the headers do not have.
#[link(name = "ntoskrnl")]
unsafe extern "C" {
    /// `PASSIVE_LEVEL`.
    pub(crate) fn EtwSetInformation(
        handle: REGHANDLE,
        class: i32,
        information: PVOID,
        length: ULONG,
    ) -> NTSTATUS;
    /// Any IRQL.
    #[cfg(not(target_arch = "aarch64"))]
    pub(crate) fn KeGetCurrentIrql() -> wdk_sys::KIRQL;
    /// Any IRQL. No reference is taken: the current thread outlives the call.
    pub(crate) fn PsGetCurrentThread() -> PETHREAD;
}
