//! The answers of Windows that are foreseen, and what each means, as a table.

use super::code::Code;
use super::code::Request::{
    self, Create, Delete, Describe, OpenDevice, OpenManager, OpenService, Query, Start, Stop,
};
use psimp_nt::Status;

/// One answer: which requests it explains (all, when none is named), what it means and what to do.
pub(super) struct Row {
    pub(super) requests: &'static [Request],
    pub(super) answers: &'static [Answer],
    pub(super) meaning: &'static str,
    pub(super) advice: &'static str,
}

const MANAGING: &[Request] = &[OpenManager, OpenService, Query, Create, Describe, Delete];

/// A code and its name in `winerror.h` or `ntstatus.h`.
pub(super) type Answer = (Code, &'static str);

const fn win32(code: u32, name: &'static str) -> Answer {
    (Code::Win32(code), name)
}

const fn nt(status: u32, name: &'static str) -> Answer {
    (Code::Nt(Status(status)), name)
}

/// The first row that matches is reported.
pub(super) const ROWS: &[Row] = &[
    Row {
        requests: MANAGING,
        answers: &[win32(5, "ERROR_ACCESS_DENIED"), nt(0xC000_0022, "STATUS_ACCESS_DENIED")],
        meaning: "this account may not change drivers, or the program does not run elevated",
        advice: "run it again from a prompt opened with «Run as administrator»",
    },
    Row {
        requests: &[OpenDevice],
        answers: &[win32(5, "ERROR_ACCESS_DENIED"), nt(0xC000_0022, "STATUS_ACCESS_DENIED")],
        meaning: "only SYSTEM and administrators may open the device",
        advice: "run it again from a prompt opened with «Run as administrator»",
    },
    Row {
        requests: &[OpenDevice],
        answers: &[win32(2, "ERROR_FILE_NOT_FOUND"), nt(0xC000_0034, "STATUS_OBJECT_NAME_NOT_FOUND")],
        meaning: "the driver is not loaded",
        advice: "load it with `psimp driver install` and `psimp driver start`",
    },
    Row {
        requests: &[],
        answers: &[win32(577, "ERROR_INVALID_IMAGE_HASH"), nt(0xC000_0428, "STATUS_INVALID_IMAGE_HASH")],
        meaning: "Windows does not accept the image's signature",
        advice: "on a test machine run `bcdedit /set testsigning on` and restart, then sign the image with a \
                 certificate that this machine trusts",
    },
    Row {
        requests: &[],
        answers: &[
            win32(1275, "ERROR_DRIVER_BLOCKED"),
            nt(0xC000_036C, "STATUS_DRIVER_BLOCKED"),
            nt(0xC000_036B, "STATUS_DRIVER_BLOCKED_CRITICAL"),
        ],
        meaning: "a policy of this machine, such as memory integrity (HVCI) or the list of blocked drivers, \
                  keeps the driver from loading",
        advice: "read which in the event log CodeIntegrity/Operational, and use a test machine without it",
    },
    Row {
        requests: &[],
        answers: &[
            win32(4551, "ERROR_SYSTEM_INTEGRITY_POLICY_VIOLATION"),
            nt(0xC0E9_0002, "STATUS_SYSTEM_INTEGRITY_POLICY_VIOLATION"),
        ],
        meaning: "an application control policy of this machine keeps the driver from loading",
        advice: "read which in the event log CodeIntegrity/Operational, and use a test machine without it",
    },
    Row {
        requests: &[],
        answers: &[nt(0xC000_0603, "STATUS_IMAGE_CERT_REVOKED")],
        meaning: "the certificate that signed the image is revoked or blocked on this machine",
        advice: "sign the image with another certificate",
    },
    Row {
        requests: &[],
        answers: &[nt(0xC000_0605, "STATUS_IMAGE_CERT_EXPIRED")],
        meaning: "the certificate that signed the image has expired",
        advice: "sign the image again, with a time stamp",
    },
    Row {
        requests: &[],
        answers: &[
            win32(193, "ERROR_BAD_EXE_FORMAT"),
            win32(216, "ERROR_EXE_MACHINE_TYPE_MISMATCH"),
            nt(0xC000_007B, "STATUS_INVALID_IMAGE_FORMAT"),
        ],
        meaning: "the image is not a driver for this machine's processor",
        advice: "install the image that was built for it",
    },
    Row {
        requests: &[Start],
        answers: &[
            win32(2, "ERROR_FILE_NOT_FOUND"),
            win32(3, "ERROR_PATH_NOT_FOUND"),
            nt(0xC000_0034, "STATUS_OBJECT_NAME_NOT_FOUND"),
            nt(0xC000_003A, "STATUS_OBJECT_PATH_NOT_FOUND"),
        ],
        meaning: "the image is no longer where it was installed from, or Windows lacks a driver that it needs",
        advice: "`psimp driver status` prints where the image has to be",
    },
    Row {
        requests: &[Start],
        answers: &[
            win32(127, "ERROR_PROC_NOT_FOUND"),
            nt(0xC000_0263, "STATUS_DRIVER_ENTRYPOINT_NOT_FOUND"),
            nt(0xC000_0139, "STATUS_ENTRYPOINT_NOT_FOUND"),
        ],
        meaning: "this Windows lacks a kernel routine that the image imports",
        advice: "Windows 10 or later is needed",
    },
    Row {
        requests: &[Start],
        answers: &[win32(87, "ERROR_INVALID_PARAMETER"), nt(0xC000_000D, "STATUS_INVALID_PARAMETER")],
        meaning: "KMDF of this Windows does not take the image, most often because the image is built for a newer \
                  KMDF than this Windows has",
        advice: "build it for an older one: `cargo xtask build` binds KMDF 1.15, which every Windows 10 has",
    },
    Row {
        requests: &[Start],
        answers: &[
            win32(31, "ERROR_GEN_FAILURE"),
            win32(1114, "ERROR_DLL_INIT_FAILED"),
            nt(0xC000_0001, "STATUS_UNSUCCESSFUL"),
            nt(0xC000_0142, "STATUS_DLL_INIT_FAILED"),
        ],
        meaning: "the driver, or one that it needs such as KMDF, did not initialize",
        advice: "the System event log may have the reason; Wine has no KMDF and never loads this driver",
    },
    Row {
        requests: &[],
        answers: &[
            win32(1056, "ERROR_SERVICE_ALREADY_RUNNING"),
            nt(0xC000_010E, "STATUS_IMAGE_ALREADY_LOADED"),
        ],
        meaning: "the driver is loaded already",
        advice: "`psimp driver stop` unloads it",
    },
    Row {
        requests: &[],
        answers: &[win32(1058, "ERROR_SERVICE_DISABLED")],
        meaning: "the service is disabled",
        advice: "`sc config PsImpersonate start= demand` enables it",
    },
    Row {
        requests: &[],
        answers: &[win32(1060, "ERROR_SERVICE_DOES_NOT_EXIST")],
        meaning: "the driver is not installed",
        advice: "`psimp driver install` installs it",
    },
    Row {
        requests: &[],
        answers: &[win32(1062, "ERROR_SERVICE_NOT_ACTIVE")],
        meaning: "the driver is not loaded",
        advice: "there is nothing to stop",
    },
    Row {
        requests: &[Stop],
        answers: &[
            win32(1061, "ERROR_SERVICE_CANNOT_ACCEPT_CTRL"),
            win32(1051, "ERROR_DEPENDENT_SERVICES_RUNNING"),
        ],
        meaning: "the driver is being loaded or unloaded, or something depends on it",
        advice: "close every program that has the device open, then try again",
    },
    Row {
        requests: &[Stop],
        answers: &[
            win32(1052, "ERROR_INVALID_SERVICE_CONTROL"),
            nt(0xC000_0010, "STATUS_INVALID_DEVICE_REQUEST"),
        ],
        meaning: "the loaded driver cannot be unloaded",
        advice: "restart Windows to be rid of it",
    },
    Row {
        requests: &[],
        answers: &[win32(1072, "ERROR_SERVICE_MARKED_FOR_DELETE")],
        meaning: "the service is being deleted, and a program still has it open",
        advice: "close consoles such as services.msc and try again, or restart Windows",
    },
    Row {
        requests: &[],
        answers: &[win32(1073, "ERROR_SERVICE_EXISTS"), win32(1078, "ERROR_DUPLICATE_SERVICE_NAME")],
        meaning: "a service of this name exists already",
        advice: "`psimp driver status` shows it, and `psimp driver uninstall` deletes it",
    },
    Row {
        requests: &[Start],
        answers: &[win32(183, "ERROR_ALREADY_EXISTS"), nt(0xC000_0035, "STATUS_OBJECT_NAME_COLLISION")],
        meaning: "another driver has a device of this name",
        advice: "unload that one first",
    },
];
