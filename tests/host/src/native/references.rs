//! The references that the driver holds on objects.

use super::opaque::{self, Kind};
use psimp_model::Object;

/// Which routine gave a reference; the one that takes it back has to fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// `ObReferenceObjectByHandle` and its like.
    Object,
    /// `PsReferencePrimaryToken`.
    Primary,
    /// `PsReferenceImpersonationToken`.
    Impersonation,
}

impl Taken {
    /// The routine that takes such a reference back.
    pub(crate) fn given_back_by(self) -> &'static str {
        match self {
            Self::Object => "ObfDereferenceObject",
            Self::Primary => "PsDereferencePrimaryToken",
            Self::Impersonation => "PsDereferenceImpersonationToken",
        }
    }
}

/// One reference.
#[derive(Debug)]
pub(crate) struct Reference {
    /// The object as the driver sees it.
    pub(crate) address: u64,
    pub(crate) taken: Taken,
    /// The function that gave it.
    pub(crate) function: &'static str,
    /// Return address of that call.
    pub(crate) caller: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    Held(Object),
    /// Given back by the call that returned here.
    GivenBack(u64),
}

/// Why a reference cannot be given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotHeld {
    /// There is none on the object.
    None,
    /// There was one, given back by the call that returned here.
    GivenBack(u64),
    /// There is one that another routine gave.
    Taken(Taken),
}

/// References in the order in which they were taken. Those given back stay in
/// the list for a while, for the sake of messages.
#[derive(Debug, Default)]
pub(crate) struct References(Vec<Reference>);

impl References {
    /// Beyond this, entries of references given back are dropped.
    const MANY: usize = 64;

    /// Notes a reference.
    pub(crate) fn add(
        &mut self,
        address: u64,
        object: Object,
        taken: Taken,
        function: &'static str,
        caller: u64,
    ) {
        if self.0.len() >= Self::MANY {
            self.0.retain(Reference::is_held);
        }
        self.0.push(Reference { address, taken, function, caller, state: State::Held(object) });
    }

    /// Takes over a reference that is noted elsewhere.
    pub(crate) fn take_over(&mut self, reference: Reference) {
        self.0.push(reference);
    }

    /// The object, if there is a reference on it.
    pub(crate) fn object(&self, address: u64) -> Option<&Object> {
        self.0.iter().rev().filter(|reference| reference.address == address).find_map(Reference::object)
    }

    /// The objects that are referenced.
    pub(crate) fn objects(&self) -> impl Iterator<Item = &Object> {
        self.0.iter().filter_map(Reference::object)
    }

    /// The references that are held.
    pub(crate) fn held(&self) -> impl Iterator<Item = &Reference> {
        self.0.iter().filter(|reference| reference.is_held())
    }

    /// Gives the latest reference back that fits.
    pub(crate) fn give_back(&mut self, address: u64, taken: Taken, caller: u64) -> Result<Object, NotHeld> {
        let mut why = NotHeld::None;
        for reference in self.0.iter_mut().rev().filter(|reference| reference.address == address) {
            match &reference.state {
                State::Held(_) if reference.taken == taken => {
                    let state = std::mem::replace(&mut reference.state, State::GivenBack(caller));
                    if let State::Held(object) = state {
                        return Ok(object);
                    }
                }
                State::Held(_) => why = NotHeld::Taken(reference.taken),
                State::GivenBack(by) if why == NotHeld::None => why = NotHeld::GivenBack(*by),
                State::GivenBack(_) => {}
            }
        }
        Err(why)
    }

    /// Where a reference on the object was given back last.
    pub(crate) fn given_back(&self, address: u64) -> Option<u64> {
        self.0.iter().rev().find_map(|reference| match reference.state {
            State::GivenBack(by) if reference.address == address => Some(by),
            _ => None,
        })
    }

    /// Empties the list and returns what is held, if anything.
    pub(crate) fn settle(&mut self) -> Option<Vec<Reference>> {
        if self.0.iter().any(Reference::is_held) {
            let mut all = std::mem::take(&mut self.0);
            all.retain(Reference::is_held);
            return Some(all);
        }
        self.0.clear();
        None
    }
}

impl Reference {
    fn is_held(&self) -> bool {
        matches!(self.state, State::Held(_))
    }

    fn object(&self) -> Option<&Object> {
        match &self.state {
            State::Held(object) => Some(object),
            State::GivenBack(_) => None,
        }
    }
}

/// The address that an object has for the driver.
pub(crate) fn address_of(object: &Object) -> u64 {
    match object {
        Object::Token(token) => opaque::address(Kind::Token, token.id().0),
        Object::Thread(thread) => opaque::address(Kind::Thread, thread.id().into()),
        Object::Process(process) => opaque::address(Kind::Process, process.id().into()),
        Object::Event(event) => opaque::address(Kind::Event, std::sync::Arc::as_ptr(event) as u64 >> 4),
    }
}
