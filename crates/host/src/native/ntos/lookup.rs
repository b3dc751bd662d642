//! From an address to the object, if the driver may use it.
//!
//! It may when it holds a reference, or when something it has keeps the object
//! alive: the current thread and its processes, and the process of a thread that
//! is referenced.

use crate::FaultKind;
use crate::native::contracts::object_address::{self, Kind};
use crate::native::contracts::references::{NotHeld, Taken, address_of};
use crate::native::engine::stop::{Outcome, Stop};
use crate::native::running::context::Context;
use crate::native::running::memory::Address;
use psimp_model::{Object, Process, Thread, Token};
use std::cell::Ref;
use std::ops::Deref;
use std::sync::Arc;

/// An object that cannot go away while this exists.
pub(super) enum Held<'a, T> {
    /// Referenced on this thread.
    Here(Ref<'a, Arc<T>>),
    /// Kept alive by the caller.
    Borrowed(&'a Arc<T>),
    /// Referenced elsewhere.
    There(Arc<T>),
}

impl<T> Deref for Held<'_, T> {
    type Target = Arc<T>;

    fn deref(&self) -> &Arc<T> {
        match self {
            Self::Here(object) => object,
            Self::Borrowed(object) => object,
            Self::There(object) => object,
        }
    }
}

impl<'a> Context<'a> {
    /// A token that the driver may use.
    pub(super) fn token(&self, at: Address) -> Outcome<Held<'a, Token>> {
        self.referenced(at, Kind::Token, |object| match object {
            Object::Token(token) => Some(token),
            _ => None,
        })
    }

    /// A thread that the driver may use.
    pub(super) fn thread(&self, at: Address) -> Outcome<Held<'a, Thread>> {
        let current = self.dispatch.thread;
        if at.0 == thread_address(current) {
            return Ok(Held::Borrowed(current));
        }
        self.referenced(at, Kind::Thread, |object| match object {
            Object::Thread(thread) => Some(thread),
            _ => None,
        })
    }

    /// A process that the driver may use.
    pub(super) fn process(&self, at: Address) -> Outcome<Held<'a, Process>> {
        let thread = self.dispatch.thread;
        if at.0 == process_address(thread.process()) {
            return Ok(Held::Borrowed(thread.process()));
        }
        let attached = thread.current_process();
        if at.0 == process_address(&attached) {
            return Ok(Held::There(attached));
        }
        if let Some(process) = self.process_of_a_thread(at) {
            return Ok(Held::There(process));
        }
        self.referenced(at, Kind::Process, |object| match object {
            Object::Process(process) => Some(process),
            _ => None,
        })
    }

    fn process_of_a_thread(&self, at: Address) -> Option<Arc<Process>> {
        let of_thread = |object: &Object| match object {
            Object::Thread(thread) if process_address(thread.process()) == at.0 => {
                Some(thread.process().clone())
            }
            _ => None,
        };
        let here = self.cpu.references.borrow().objects().find_map(of_thread);
        here.or_else(|| self.machine().held.find(of_thread))
    }

    fn referenced<T>(
        &self,
        at: Address,
        kind: Kind,
        pick: impl Fn(&Object) -> Option<&Arc<T>>,
    ) -> Outcome<Held<'a, T>> {
        let here = Ref::filter_map(self.cpu.references.borrow(), |references| pick(references.object(at.0)?));
        if let Ok(object) = here {
            return Ok(Held::Here(object));
        }
        match self.machine().held.object(at.0).as_ref().and_then(pick) {
            Some(object) => Ok(Held::There(object.clone())),
            None => Err(self.unusable(at, kind)),
        }
    }

    /// Any object that the driver may use.
    pub(super) fn object(&self, at: Address) -> Outcome<Object> {
        match object_address::decode(at.0) {
            Some((Kind::Thread, ..)) => Ok(Object::Thread(self.thread(at)?.clone())),
            Some((Kind::Process, ..)) => Ok(Object::Process(self.process(at)?.clone())),
            Some((Kind::Event, ..)) => {
                let event = self.referenced(at, Kind::Event, |object| match object {
                    Object::Event(event) => Some(event),
                    _ => None,
                });
                Ok(Object::Event(event?.clone()))
            }
            _ => Ok(Object::Token(self.token(at)?.clone())),
        }
    }

    /// Notes a reference that this call gives and returns the object's address.
    pub(super) fn give(&self, object: Object, taken: Taken) -> Address {
        let address = address_of(&object);
        self.cpu.references.borrow_mut().add(address, object, taken, self.export.name, self.caller);
        Address(address)
    }

    /// Takes a reference back.
    pub(super) fn take_back(&self, at: Address, taken: Taken) -> Outcome<()> {
        let here = self.cpu.references.borrow_mut().give_back(at.0, taken, self.caller);
        // The object may go with its last reference: not before the borrow ends.
        let why = match here {
            Ok(object) => {
                drop(object);
                return Ok(());
            }
            Err(why) => why,
        };
        match self.machine().held.give_back(at.0, taken, self.caller) {
            Ok(object) => {
                drop(object);
                Ok(())
            }
            Err(elsewhere) => Err(self.not_held(at, taken, why, elsewhere)),
        }
    }

    #[cold]
    fn not_held(&self, at: Address, taken: Taken, here: NotHeld, elsewhere: NotHeld) -> Stop {
        let object = self.describe(at.0);
        for why in [here, elsewhere] {
            if let NotHeld::Taken(other) = why {
                let right = other.given_back_by();
                return self.fault(
                    FaultKind::DereferenceRoutine,
                    format_args!("gives back a reference on {object} that {right} takes"),
                );
            }
        }
        let before = match (here, elsewhere) {
            (NotHeld::GivenBack(caller), _) | (_, NotHeld::GivenBack(caller)) => {
                let site = self.machine().mapping.site(caller);
                site.map(|site| format!(" since {site}")).unwrap_or_default()
            }
            _ => String::new(),
        };
        let _ = taken;
        self.fault(
            FaultKind::OverDereference,
            format_args!("gives back a reference on {object} that the driver does not hold{before}"),
        )
    }

    #[cold]
    fn unusable(&self, at: Address, kind: Kind) -> Stop {
        let object = self.describe(at.0);
        let wanted = kind.name();
        match object_address::decode(at.0) {
            Some((found, _, 0)) if found == kind => {
                let before = self.cpu.references.borrow().given_back(at.0);
                let before = before.and_then(|caller| self.machine().mapping.site(caller));
                let before = before.map(|site| format!(" since {site}")).unwrap_or_default();
                self.fault(
                    FaultKind::Unreferenced,
                    format_args!("was given {object}, on which the driver holds no reference{before}"),
                )
            }
            _ => self.fault(FaultKind::ObjectType, format_args!("was given {object} and not a {wanted}")),
        }
    }
}

/// The address of a thread.
pub(super) fn thread_address(thread: &Thread) -> u64 {
    object_address::address(Kind::Thread, thread.id().into())
}

/// The address of a process.
pub(super) fn process_address(process: &Process) -> u64 {
    object_address::address(Kind::Process, process.id().into())
}
