//! The tokens of a question to `psimp explain`: what is said of them, or where they are read.

use std::fmt::Write as _;
use std::str::FromStr;

use psimp_explain::{Refusal, Said, Side, facts};
use psimp_nt::Level;

/// A token of the Windows that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Running {
    /// The primary token of the process with this id.
    Process(u32),
    /// What the thread with this id has: as the token of a process, that of its process; as a token to
    /// impersonate, the one that it impersonates.
    Thread(u32),
}

/// A token of a question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenArg {
    /// Where it is read, if not all of it is said.
    pub running: Option<Running>,
    /// What is said of it.
    pub said: Said,
}

impl TokenArg {
    fn parse(side: Side, text: &str) -> Result<Self, Refusal> {
        let (first, rest) = text.split_once([',', ';', '\n']).unwrap_or((text, ""));
        let running = first.trim().parse::<Running>();
        match running {
            Ok(running) => Ok(Self { running: Some(running), said: Said::parse(side, rest)? }),
            Err(None) => Ok(Self { running: None, said: Said::parse(side, text)? }),
            Err(Some(refusal)) => Err(refusal),
        }
    }
}

impl FromStr for Running {
    /// Nothing, if it is not of that kind at all.
    type Err = Option<Refusal>;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, id) = text.split_once([':', '=']).ok_or(None)?;
        let of: fn(u32) -> Self = match kind.trim().to_ascii_lowercase().as_str() {
            "pid" => Self::Process,
            "tid" => Self::Thread,
            _ => return Err(None),
        };
        let id = id.trim();
        let number = if id.eq_ignore_ascii_case("self") && kind.trim().eq_ignore_ascii_case("pid") {
            Ok(std::process::id())
        } else {
            super::values::seed(id).ok().and_then(|number| u32::try_from(number).ok()).ok_or(())
        };
        number.map(of).map_err(|()| {
            Some(Refusal {
                why: format!("{kind}: there is no id {id}; it is a number"),
                write: Some("pid:640 or tid:812; `psimp show` and the task manager have the ids".to_owned()),
            })
        })
    }
}

pub(super) fn process(text: &str) -> Result<TokenArg, Refusal> {
    TokenArg::parse(Side::Process, text)
}

pub(super) fn token(text: &str) -> Result<TokenArg, Refusal> {
    TokenArg::parse(Side::Token, text)
}

/// A level by its name or number.
pub(super) fn level(text: &str) -> Result<Level, Refusal> {
    psimp_explain::parse_level(text)
}

/// What a token may be said to be, for the help.
pub(super) fn help() -> String {
    let mut text = String::from(
        "FACTS says what a token is, in any order and upper or lower case, such as\n  \
         user=B,level=identification,restricted\n\n",
    );
    for fact in facts() {
        let name = if fact.flag { fact.name.to_owned() } else { format!("{}=…", fact.name) };
        let _ = writeln!(text, "  {name:<18} {}", fact.about);
        if !fact.flag {
            let _ = writeln!(text, "  {:<18}   {}", "", fact.values);
        }
    }
    text + NOTES
}

const NOTES: &str = "
Numbers are decimal, or hexadecimal after 0x. Names are taken as Windows, whoami, WinDbg and the
headers print them too: \"NT AUTHORITY\\SYSTEM\", SeImpersonatePrivilege, SecurityImpersonation,
S-1-16-8192. What one fact implies need not be said: an elevated token has high integrity, one in a
package low; SYSTEM has system integrity, its privileges and logon session 0x3e7. The answer says
what was taken for granted. The defaults of the rest are user A in a logon session of
its own, origin system, medium integrity, session 1.
Without --level the token is impersonated at its own level, as by every user-mode call.
On Windows FACTS can begin with pid:ID or tid:ID, a running process or thread: its token is
read, and facts that follow count instead of those that were read. For a thread --process takes
the token of its process, and --token the token that it impersonates.";
