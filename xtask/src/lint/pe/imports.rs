//! The imports against the list of those that are wanted.

use std::collections::BTreeSet;

use object::pe;

use super::{Pe, Report, Rule};

pub(super) const RULES: [Rule; 8] = [
    ("imports-library", "the image imports from the kernel and from the loader of KMDF, nothing else"),
    ("imports-by-name", "it imports by name: ordinals differ from build to build of Windows"),
    ("imports-allowed", "it imports nothing but what is on the list, with its reason"),
    ("imports-used", "it imports everything on the list, so that the list says what the driver can call"),
    (
        "imports-no-bug-check",
        "it does not import the routine that the panic handler calls: no panic is reachable",
    ),
    ("imports-kmdf", "it binds to KMDF"),
    ("imports-agree", "another reader, llvm-readobj, sees the same imports"),
    ("imports-protected", "the import address table is in a section that is neither writable nor executable"),
];

const KERNEL: &str = "ntoskrnl.exe";
const LOADER: &str = "WDFLDR.SYS";

/// The panic handler calls it, so importing it would show that the linker found a way to a panic.
const PANIC: &str = "KeBugCheckEx";

/// What the driver imports, and what for. An allocator is not among it: the driver allocates nothing itself.
const WANTED: [(&str, &str, &str); 37] = [
    // Handles become objects, once, for user mode.
    (KERNEL, "ObReferenceObjectByHandle", "opens the handles of a request"),
    (KERNEL, "PsThreadType", "says that a handle must be a thread's"),
    (KERNEL, "SeTokenObjectType", "says that a handle must be a token's"),
    (KERNEL, "ObfReferenceObject", "keeps the current thread, and the process that opened a file"),
    (KERNEL, "ObfDereferenceObject", "gives those back"),
    // Threads and processes.
    (KERNEL, "PsGetCurrentThread", "thread handle 0 is the calling thread"),
    (KERNEL, "IoThreadToProcess", "only threads of the caller's own process are touched"),
    (KERNEL, "PsIsThreadTerminating", "a thread that exits is refused"),
    (KERNEL, "KeGetCurrentIrql", "requests above PASSIVE_LEVEL are refused"),
    // Impersonation: what the driver is for.
    (KERNEL, "PsImpersonateClient", "assigns a token, or none"),
    (KERNEL, "PsRevertToSelf", "ends the calling thread's impersonation"),
    (KERNEL, "PsReferenceImpersonationToken", "reads a thread's slot"),
    (KERNEL, "PsDereferenceImpersonationToken", "gives that token back"),
    (KERNEL, "PsReferencePrimaryToken", "finds the token that the rule compares with"),
    (KERNEL, "PsDereferencePrimaryToken", "gives that token back"),
    // Clients that connect.
    (KERNEL, "SeCreateClientSecurity", "captures a client as it connects"),
    (KERNEL, "SeImpersonateClientEx", "makes the calling thread that client"),
    (KERNEL, "SeTokenType", "says how a client's token is given back"),
    // Tokens and access checks.
    (KERNEL, "SeQueryInformationToken", "reads what the rule decides by"),
    (KERNEL, "ExFreePool", "frees what SeQueryInformationToken returned"),
    (KERNEL, "SeTokenIsRestricted", "reads what the rule decides by"),
    (KERNEL, "ObOpenObjectByPointer", "makes a handle for ZwDuplicateToken"),
    (KERNEL, "ZwDuplicateToken", "makes the copy that a downgrade assigns"),
    (KERNEL, "ZwClose", "closes the kernel handles of a copy"),
    (KERNEL, "RtlValidRelativeSecurityDescriptor", "checks a request's descriptor before it is read"),
    (KERNEL, "SeCaptureSubjectContext", "access is checked as the thread now is"),
    (KERNEL, "SeReleaseSubjectContext", "gives those tokens back"),
    (KERNEL, "SeAccessCheck", "checks access, and who may serve"),
    // Tracing.
    (KERNEL, "EtwRegister", "lets sessions listen to what the driver does"),
    (KERNEL, "EtwSetInformation", "tells them the provider's name"),
    (KERNEL, "EtwWriteTransfer", "tells of an operation, if anybody listens"),
    (KERNEL, "EtwUnregister", "ends that, before the driver is gone"),
    (KERNEL, "PsGetCurrentProcessId", "says whose operation it was"),
    (KERNEL, "PsGetCurrentThreadId", "says whose operation it was"),
    // The entry point.
    (KERNEL, "RtlCopyUnicodeString", "keeps the registry path that unbinding needs"),
    (LOADER, "WdfVersionBind", "binds to KMDF 1.15"),
    (LOADER, "WdfVersionUnbind", "unbinds when loading fails, and at unload"),
];

/// What compilers call of their own accord, some here and some there.
const OF_COMPILERS: [(&str, &str); 4] =
    [(KERNEL, "memcpy"), (KERNEL, "memmove"), (KERNEL, "memset"), (KERNEL, "memcmp")];

/// What is on the list.
#[cfg(test)]
pub(super) fn wanted() -> impl Iterator<Item = (&'static str, &'static str)> {
    WANTED.iter().map(|(library, name, _)| (*library, *name))
}

pub(super) fn check(pe: &Pe<'_>, readobj: &str, report: &mut Report) {
    let mut seen = BTreeSet::new();
    for import in pe.imports.values() {
        let (library, name) = (import.from.as_str(), import.name.as_str());
        report.check("imports-library", [KERNEL, LOADER].contains(&library), || {
            format!("the image imports from {library}")
        });
        report.check("imports-by-name", !import.by_ordinal, || {
            format!("the image imports {name} of {library} by its ordinal")
        });
        let wanted = WANTED.iter().any(|(from, wanted, _)| (*from, *wanted) == (library, name));
        let allowed = wanted || OF_COMPILERS.contains(&(library, name));
        report.check("imports-allowed", allowed, || format!("the image imports {library}!{name}"));
        report.check("imports-no-bug-check", name != PANIC, || {
            format!("a panic is reachable: the image imports {PANIC}")
        });
        seen.insert(name);
    }
    for (library, name, why) in WANTED {
        report.check("imports-used", seen.contains(name), || {
            format!("the list has {library}!{name} ({why}), which the image does not import")
        });
    }
    report.check("imports-kmdf", seen.contains("WdfVersionBind"), || {
        "the image does not bind to KMDF".to_owned()
    });

    let symbols = readobj.lines().filter_map(|line| line.trim().strip_prefix("Symbol: ")?.split_once(" ("));
    let other: BTreeSet<_> = symbols.map(|(name, _)| name).collect();
    report.check("imports-agree", seen == other, || format!("llvm-readobj sees other imports: {other:?}"));

    let table = pe.directory(pe::IMAGE_DIRECTORY_ENTRY_IAT).unwrap_or_default();
    for (slot, import) in &pe.imports {
        let section = pe.section_at(*slot);
        let constant = section.is_some_and(|section| !section.runs() && !section.is_writable());
        report.check("imports-protected", constant && table.contains(slot), || {
            format!("the address of {} is kept at {slot:#x}, where it can be changed", import.name)
        });
    }
    report.figure("imports", seen.len());
}
