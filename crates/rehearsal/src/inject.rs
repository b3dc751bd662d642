//! Failures on demand, each once.

use parking_lot::Mutex;

/// What fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Injected {
    /// The server process ends in the middle of the case, as one that fails at a wrong address.
    Dies,
    /// A thread of the server process does not return from a call in the middle of the case.
    Hangs,
    /// The server process writes no answer, but something else.
    Nonsense,
    /// The server process ends without an answer.
    NoAnswer,
    /// `NtFilterToken` of the harness fails.
    NoToken,
    /// `NtFilterToken` of the harness returns success and deletes no privilege.
    WrongToken,
    /// `CreateProcessAsUser` fails.
    NoProcess,
    /// The pipe of the question breaks.
    BrokenPipe,
}

/// A failure, and the case in which it happens: without one, the first that gets so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Injection {
    /// What fails.
    pub kind: Injected,
    /// In which case.
    pub case: Option<String>,
}

#[derive(Default)]
pub(crate) struct Pending(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    injection: Option<Injection>,
    case: String,
}

impl Pending {
    pub(crate) fn set(&self, injection: Option<Injection>) {
        self.0.lock().injection = injection;
    }

    /// Whether it has not happened yet.
    pub(crate) fn is_pending(&self) -> bool {
        self.0.lock().injection.is_some()
    }

    pub(crate) fn begins(&self, case: &str) {
        case.clone_into(&mut self.0.lock().case);
    }

    /// Takes what is to happen now, if it is one of these.
    pub(crate) fn take(&self, kinds: &[Injected]) -> Option<Injected> {
        let mut inner = self.0.lock();
        let Inner { injection, case } = &mut *inner;
        let due = injection.as_ref().is_some_and(|injection| {
            kinds.contains(&injection.kind) && injection.case.as_ref().is_none_or(|id| id == case)
        });
        if due { injection.take().map(|injection| injection.kind) } else { None }
    }
}
