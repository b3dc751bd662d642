//! The references that the driver holds on objects.

use super::object_address::{self, Kind};
use psimp_model::Object;

/// The routine that took a reference; it determines the routine that releases
/// it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefSource {
    /// `ObReferenceObjectByHandle` and its like.
    Object,
    /// `PsReferencePrimaryToken`.
    Primary,
    /// `PsReferenceImpersonationToken`.
    Impersonation,
    /// `SeCaptureSubjectContext`, on the primary token.
    Subject,
    /// The same, on the client token; and the level that was captured with it.
    Client(u32),
    /// `PsDisableImpersonation`, of the thread with this id.
    Disabled(u32),
}

impl RefSource {
    /// The routine that releases such a reference.
    pub(crate) fn released_by(self) -> &'static str {
        match self {
            Self::Object => "ObfDereferenceObject",
            Self::Primary => "PsDereferencePrimaryToken",
            Self::Impersonation => "PsDereferenceImpersonationToken",
            Self::Subject | Self::Client(_) => "SeReleaseSubjectContext",
            Self::Disabled(_) => "PsRestoreImpersonation for its thread",
        }
    }
}

/// One reference.
#[derive(Debug)]
pub(crate) struct Reference {
    /// The object as the driver sees it.
    pub(crate) address: u64,
    pub(crate) source: RefSource,
    /// The function that returned it.
    pub(crate) function: &'static str,
    /// Return address of that call.
    pub(crate) caller: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    Held(Object),
    /// Released by the call that returned here.
    GivenBack(u64),
}

/// The reason why a reference cannot be released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotHeld {
    /// There is none on the object.
    None,
    /// There was one, released by the call that returned here.
    GivenBack(u64),
    /// There is one that another routine took.
    From(RefSource),
}

/// References in the order in which they were taken. Released ones stay in the
/// list for a while, for messages.
#[derive(Debug, Default)]
pub(crate) struct References {
    all: Vec<Reference>,
    /// The number of entries left when entries were last dropped.
    kept: usize,
}

impl References {
    /// Above this, entries of released references are dropped.
    const MANY: usize = 64;

    /// Records a reference.
    pub(crate) fn add(
        &mut self,
        address: u64,
        object: Object,
        source: RefSource,
        function: &'static str,
        caller: u64,
    ) {
        if self.all.len() >= Self::MANY {
            self.all.retain(Reference::is_held);
        }
        self.all.push(Reference { address, source, function, caller, state: State::Held(object) });
    }

    /// Takes over references from another list.
    pub(crate) fn take_over(&mut self, references: Vec<Reference>) {
        // Only occasionally: more references may be held than released.
        if self.all.len() >= Self::MANY.max(2 * self.kept) {
            self.all.retain(Reference::is_held);
            self.kept = self.all.len();
        }
        self.all.extend(references);
    }

    /// The object, if there is a reference on it.
    pub(crate) fn object(&self, address: u64) -> Option<&Object> {
        self.all.iter().rev().filter(|reference| reference.address == address).find_map(Reference::object)
    }

    /// The object, if there is a reference on it from this source.
    pub(crate) fn object_from(&self, address: u64, source: RefSource) -> Option<&Object> {
        let mut fitting = self.all.iter().rev();
        fitting.find(|one| one.address == address && one.source == source && one.is_held())?.object()
    }

    /// The objects that are referenced.
    pub(crate) fn objects(&self) -> impl Iterator<Item = &Object> {
        self.all.iter().filter_map(Reference::object)
    }

    /// The references that are held.
    pub(crate) fn held(&self) -> impl Iterator<Item = &Reference> {
        self.all.iter().filter(|reference| reference.is_held())
    }

    /// Releases the latest matching reference.
    pub(crate) fn give_back(
        &mut self,
        address: u64,
        source: RefSource,
        caller: u64,
    ) -> Result<Object, NotHeld> {
        let mut why = NotHeld::None;
        for reference in self.all.iter_mut().rev().filter(|reference| reference.address == address) {
            match &reference.state {
                State::Held(_) if reference.source == source => {
                    let state = std::mem::replace(&mut reference.state, State::GivenBack(caller));
                    if let State::Held(object) = state {
                        return Ok(object);
                    }
                }
                State::Held(_) => why = NotHeld::From(reference.source),
                State::GivenBack(by) if why == NotHeld::None => why = NotHeld::GivenBack(*by),
                State::GivenBack(_) => {}
            }
        }
        Err(why)
    }

    /// Where a reference on the object was last released.
    pub(crate) fn given_back(&self, address: u64) -> Option<u64> {
        self.all.iter().rev().find_map(|reference| match reference.state {
            State::GivenBack(by) if reference.address == address => Some(by),
            _ => None,
        })
    }

    /// Empties the list and returns the held references, if any.
    pub(crate) fn settle(&mut self) -> Option<Vec<Reference>> {
        if self.all.iter().any(Reference::is_held) {
            let mut all = std::mem::take(&mut self.all);
            all.retain(Reference::is_held);
            return Some(all);
        }
        self.all.clear();
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

/// The address of an object for the driver.
pub(crate) fn address_of(object: &Object) -> u64 {
    match object {
        Object::Token(token) => object_address::address(Kind::Token, token.id().0),
        Object::Thread(thread) => object_address::of_thread(thread),
        Object::Process(process) => object_address::of_process(process),
        Object::Event(event) => {
            object_address::address(Kind::Event, std::sync::Arc::as_ptr(event) as u64 >> 4)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{NotHeld, RefSource, References};
    use psimp_model::Object;
    use std::sync::Arc;

    #[test]
    fn what_was_given_back_is_forgotten_in_time() {
        let event = Arc::default();
        let mut held = References::default();
        for round in 1..=10_000 {
            let mut taken = References::default();
            taken.add(round, Object::Event(Arc::clone(&event)), RefSource::Object, "a test", 0);
            held.take_over(taken.settle().unwrap_or_default());
            // Every tenth reference is kept.
            if round % 10 != 0 {
                assert!(held.give_back(round, RefSource::Object, 1).is_ok());
                assert_eq!(held.give_back(round, RefSource::Object, 1).err(), Some(NotHeld::GivenBack(1)));
            }
        }
        assert_eq!(held.held().count(), 1_000);
        assert!(held.all.len() <= 2_000, "{}", held.all.len());
        assert_eq!(Arc::strong_count(&event), 1_001);
    }
}
