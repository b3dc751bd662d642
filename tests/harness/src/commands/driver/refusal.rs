//! A request about the driver's service that Windows refused: why, and what to do.

use super::answers::{ROWS, Row};
use super::code::{Code, Request};
use std::fmt::{self, Display, Formatter};

/// A request that Windows refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What was asked.
    pub request: Request,
    /// What Windows answered.
    pub code: Code,
}

impl Refusal {
    fn row(self) -> Option<(&'static Row, &'static str)> {
        let rows = ROWS.iter().filter(|row| row.requests.is_empty() || row.requests.contains(&self.request));
        let mut named = rows.flat_map(|row| row.answers.iter().map(move |(code, name)| (row, *code, *name)));
        named.find_map(|(row, code, name)| (code == self.code).then_some((row, name)))
    }

    /// What the answer means and its code, without what was asked and what to do.
    pub fn meaning(self) -> String {
        match self.row() {
            Some((row, name)) => format!("{} ({name}, {})", row.meaning, self.code),
            None => format!("Windows answers {}", self.code),
        }
    }

    /// What to do about it.
    pub fn advice(self) -> &'static str {
        self.row().map_or("the System event log may have details", |(row, _)| row.advice)
    }
}

/// One sentence: what could not be done, why, and what to do.
impl Display for Refusal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {}: {}; {}", self.request.words(), self.meaning(), self.advice())
    }
}

#[cfg(test)]
mod tests {
    use super::{Code, Refusal, Request};
    use psimp_nt::Status;

    fn told(request: Request, code: u32) -> String {
        Refusal { request, code: Code::Win32(code) }.to_string()
    }

    #[test]
    fn every_answer_that_is_foreseen_has_its_sentence() {
        for (request, code, words) in [
            (
                Request::OpenManager,
                5,
                "cannot open the service control manager: this account may not change \
             drivers, or the program does not run elevated (ERROR_ACCESS_DENIED, error 5); run it again from a \
             prompt opened with «Run as administrator»",
            ),
            (
                Request::Start,
                577,
                "Windows does not accept the image's signature (ERROR_INVALID_IMAGE_HASH, \
             error 577); on a test machine run `bcdedit /set testsigning on` and restart",
            ),
            (
                Request::Start,
                1275,
                "such as memory integrity (HVCI) or the list of blocked drivers, keeps the \
             driver from loading (ERROR_DRIVER_BLOCKED, error 1275)",
            ),
            (
                Request::Start,
                87,
                "newer KMDF than this Windows has (ERROR_INVALID_PARAMETER, error 87); build it for an older one",
            ),
            (
                Request::Start,
                193,
                "is not a driver for this machine's processor (ERROR_BAD_EXE_FORMAT, error 193)",
            ),
            (
                Request::Start,
                1056,
                "loaded already (ERROR_SERVICE_ALREADY_RUNNING, error 1056); `psimp driver stop`",
            ),
            (
                Request::Create,
                1072,
                "is being deleted, and a program still has it open \
             (ERROR_SERVICE_MARKED_FOR_DELETE, error 1072); close consoles",
            ),
            (Request::Start, 2, "cannot load the driver: the image is no longer where it was installed from"),
            (Request::Stop, 1061, "close every program that has the device open"),
            (
                Request::Start,
                1114,
                "cannot load the driver: the driver, or one that it needs such as KMDF, did not initialize \
                 (ERROR_DLL_INIT_FAILED, error 1114)",
            ),
            (
                Request::Start,
                12345,
                "cannot load the driver: Windows answers error 12345; the System event log",
            ),
        ] {
            let text = told(request, code);
            assert!(text.contains(words), "{words:?} is not in\n{text}");
            assert_eq!(text.lines().count(), 1);
        }
    }

    #[test]
    fn statuses_of_the_kernel_are_told_like_the_errors_that_they_become() {
        let nt = |status| Refusal { request: Request::Start, code: Code::Nt(Status(status)) }.to_string();
        assert!(nt(0xC000_0428).contains("signature (STATUS_INVALID_IMAGE_HASH, 0xC0000428)"));
        assert!(nt(0xC000_0603).contains("revoked or blocked on this machine (STATUS_IMAGE_CERT_REVOKED"));
        assert!(nt(0xC000_036B).contains("STATUS_DRIVER_BLOCKED_CRITICAL, 0xC000036B"));
        assert!(nt(0xC000_007B).contains("this machine's processor"));
    }

    #[test]
    fn the_same_answer_means_what_was_asked() {
        assert!(told(Request::OpenDevice, 2).contains("`psimp driver install` and `psimp driver start`"));
        assert!(told(Request::OpenDevice, 5).contains("only SYSTEM and administrators may open the device"));
        // Loading may be denied to an administrator too: missing elevation is not the only reason.
        assert!(told(Request::Start, 5).contains("Windows answers error 5"));
    }
}
