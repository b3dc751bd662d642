//! Questions that people ask, as examples.

use serde::Serialize;

/// An example.
#[derive(Serialize)]
pub(crate) struct Preset {
    /// A few words for its link.
    pub(crate) title: &'static str,
    /// What happens, and what to look at.
    pub(crate) about: &'static str,
    /// What is said of the process, as after `--process`.
    pub(crate) process: &'static str,
    /// What is said of the token, as after `--token`.
    pub(crate) token: &'static str,
    /// The level that a driver passes; empty for the token's own.
    pub(crate) level: &'static str,
}

pub(crate) static PRESETS: &[Preset] = &[
    Preset {
        title: "Potato",
        about: "A service account with SeImpersonatePrivilege makes SYSTEM connect to its pipe, and takes its token.",
        process: "user=NETWORK-SERVICE,privilege=SeImpersonate",
        token: "user=SYSTEM",
        level: "",
    },
    Preset {
        title: "Potato without the privilege",
        about: "The same service, from whose token the privilege was removed.",
        process: "user=NETWORK-SERVICE",
        token: "user=SYSTEM",
        level: "",
    },
    Preset {
        title: "Service and pipe client",
        about: "A user connects to a service's pipe and allows Impersonation.",
        process: "user=LOCAL-SERVICE,privilege=SeImpersonate",
        token: "user=B",
        level: "",
    },
    Preset {
        title: "Pipe client that allows Identification",
        about: "The client opened the pipe with SECURITY_IDENTIFICATION: its token can be looked at and not used.",
        process: "user=LOCAL-SERVICE,privilege=SeImpersonate",
        token: "user=B,level=identification",
        level: "",
    },
    Preset {
        title: "UAC-filtered administrator",
        about: "A process that UAC has filtered takes the elevated token of its own user.",
        process: "filtered",
        token: "elevated",
        level: "",
    },
    Preset {
        title: "Restricted sandbox",
        about: "A process with restricting SIDs takes the unrestricted token of its own user.",
        process: "restricted",
        token: "",
        level: "",
    },
    Preset {
        title: "AppContainer",
        about: "A process in an AppContainer takes a token of its own user from outside of it.",
        process: "package=1",
        token: "integrity=low",
        level: "",
    },
    Preset {
        title: "LogonUser",
        about: "A process without the privilege takes the token of a user whom it logged on itself.",
        process: "",
        token: "user=B,type=primary,origin=server",
        level: "",
    },
    Preset {
        title: "S4U",
        about: "A service without SeTcbPrivilege logs a user on without a password: LSA returns a token at Identification.",
        process: "user=NETWORK-SERVICE,privilege=SeImpersonate",
        token: "user=B,level=identification",
        level: "",
    },
    Preset {
        title: "Anonymous client",
        about: "A client without a name, of the anonymous logon session.",
        process: "",
        token: "user=anonymous",
        level: "",
    },
];
