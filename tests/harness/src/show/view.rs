//! What is shown of a process: values and names, however they were read.

use psimp_nt::{Level, Status, TokenType};
use serde::Serialize;

/// A process and its threads.
#[derive(Clone, Debug, Serialize)]
pub struct View {
    /// The process.
    pub process: Process,
    /// Its threads, or the requested one.
    pub threads: Vec<Thread>,
}

/// A process.
#[derive(Clone, Debug, Serialize)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// File name of its image.
    pub name: String,
    /// Its primary token, if it could be read.
    pub token: Option<Token>,
    /// Why it could not be read.
    pub error: Option<Unseen>,
}

/// A thread.
#[derive(Clone, Debug, Serialize)]
pub struct Thread {
    /// Its id.
    pub tid: u32,
    /// Whether it impersonates, if that can be determined.
    pub impersonating: Option<bool>,
    /// The level: that of the opened token, or Anonymous when the open fails because of that level.
    pub level: Option<&'static str>,
    /// The token that it impersonates, if it could be read.
    pub token: Option<Token>,
    /// Why it could not be read.
    pub error: Option<Unseen>,
}

/// Why something could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unseen {
    /// What failed, such as `opening the thread`.
    pub failed: &'static str,
    /// The status or error code of Windows, by its name in the headers.
    pub status: String,
}

/// A token, as far as it can be read.
#[derive(Clone, Debug, Serialize)]
pub struct Token {
    /// `primary` or `impersonation`.
    #[serde(rename = "type")]
    pub token_type: &'static str,
    /// Impersonation level; primary tokens have none.
    pub level: Option<&'static str>,
    /// Its user.
    pub user: Account,
    /// `TokenId`, in hexadecimal.
    pub token_id: String,
    /// LUID of its logon session, in hexadecimal.
    pub logon_id: String,
    /// Integrity level.
    pub integrity: Option<Integrity>,
    /// Terminal services session.
    pub session: Option<u32>,
    /// UAC: elevated.
    pub elevated: Option<bool>,
    /// It has restricting SIDs.
    pub restricted: bool,
    /// Its restricting SIDs.
    pub restricting: Vec<Account>,
    /// Other flags that are set.
    pub flags: Vec<&'static str>,
    /// Its groups, if they were requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<Group>>,
    /// Its privileges, if they were requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privileges: Option<Vec<Privilege>>,
}

/// A SID and the name of its account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Account {
    /// `S-1-…`.
    pub sid: String,
    /// `DOMAIN\name`, if the system knows it.
    pub name: Option<String>,
}

/// An integrity level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Integrity {
    /// Its name; for a value between two levels, that of the lower one.
    pub name: &'static str,
    /// The last sub-authority of its SID.
    pub rid: u32,
}

/// A group of a token.
#[derive(Clone, Debug, Serialize)]
pub struct Group {
    /// The group.
    #[serde(flatten)]
    pub account: Account,
    /// It is used in access checks.
    pub enabled: bool,
    /// It is used only for entries that deny.
    pub deny_only: bool,
    /// `SE_GROUP_…`, all of them.
    pub attributes: u32,
}

/// A privilege of a token.
#[derive(Clone, Debug, Serialize)]
pub struct Privilege {
    /// `Se…Privilege`, or its LUID where the system has no name for it.
    pub name: String,
    /// It is enabled.
    pub enabled: bool,
}

impl Thread {
    /// A thread, from the open of its token and the query of the opened token.
    pub fn of_open(tid: u32, opened: Result<Result<Token, Status>, Status>) -> Self {
        let blank = Self { tid, impersonating: None, level: None, token: None, error: None };
        match opened {
            Ok(Ok(token)) => {
                Self { impersonating: Some(true), level: token.level, token: Some(token), ..blank }
            }
            Ok(Err(status)) => {
                Self { impersonating: Some(true), error: Some(Unseen::reading(status)), ..blank }
            }
            Err(Status::NO_TOKEN) => Self { impersonating: Some(false), ..blank },
            Err(status @ Status::CANT_OPEN_ANONYMOUS) => Self {
                impersonating: Some(true),
                level: Some(Level::Anonymous.name()),
                error: Some(Unseen::opening(status)),
                ..blank
            },
            Err(status) => Self::unseen(tid, Unseen::opening(status)),
        }
    }

    /// A thread that cannot be read, for this reason.
    pub fn unseen(tid: u32, error: Unseen) -> Self {
        Self { tid, impersonating: None, level: None, token: None, error: Some(error) }
    }
}

impl Unseen {
    /// A token that cannot be opened.
    pub fn opening(status: Status) -> Self {
        Self { failed: "opening the token", status: status.to_string() }
    }

    /// A token that cannot be read.
    pub fn reading(status: Status) -> Self {
        Self { failed: "reading the token", status: status.to_string() }
    }
}

/// The name of a token type.
pub fn type_name(token_type: TokenType) -> &'static str {
    match token_type {
        TokenType::Primary => "primary",
        TokenType::Impersonation => "impersonation",
    }
}

impl Account {
    /// The name, or the SID of an account without one.
    pub fn shown(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.sid)
    }
}

impl From<u32> for Integrity {
    fn from(rid: u32) -> Self {
        let name = match rid {
            ..0x1000 => "Untrusted",
            0x1000..0x2000 => "Low",
            0x2000..0x2100 => "Medium",
            0x2100..0x3000 => "Medium Plus",
            0x3000..0x4000 => "High",
            0x4000..0x5000 => "System",
            _ => "Protected",
        };
        Self { name, rid }
    }
}
