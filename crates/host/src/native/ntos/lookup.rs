//! From an address to the object, if the driver may use it.
//!
//! It may if it holds a reference, or if something that it holds keeps the
//! object alive: the current thread and its processes, and the process of a
//! thread that is referenced.

use crate::FaultKind;
use crate::native::contracts::object_address::{self, Kind};
use crate::native::contracts::references::{NotHeld, RefSource, address_of};
use crate::native::engine::address::Address;
use crate::native::engine::stop::{Outcome, Stop};
use crate::native::running::context::Context;
use psimp_model::{AccessMode, Object, ObjectType, Process, Thread, Token};
use std::cell::Ref;
use std::ops::Deref;
use std::sync::Arc;

/// An object that stays alive for the lifetime of the value.
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
        if at.0 == object_address::of_thread(current) {
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
        if at.0 == object_address::of_process(thread.process()) {
            return Ok(Held::Borrowed(thread.process()));
        }
        let attached = thread.current_process();
        if at.0 == object_address::of_process(&attached) {
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
            Object::Thread(thread) if object_address::of_process(thread.process()) == at.0 => {
                Some(thread.process().clone())
            }
            _ => None,
        };
        let here = self.account().references.borrow().objects().find_map(of_thread);
        here.or_else(|| self.machine().ledger.find(of_thread))
    }

    fn referenced<T>(
        &self,
        at: Address,
        kind: Kind,
        pick: impl Fn(&Object) -> Option<&Arc<T>>,
    ) -> Outcome<Held<'a, T>> {
        let here =
            Ref::filter_map(self.account().references.borrow(), |references| pick(references.object(at.0)?));
        if let Ok(object) = here {
            return Ok(Held::Here(object));
        }
        match self.machine().ledger.object(at.0).as_ref().and_then(pick) {
            Some(object) => Ok(Held::There(object.clone())),
            None => Err(self.unusable(at, kind)),
        }
    }

    /// A processor mode.
    pub(super) fn mode(&self, mode: u8) -> Outcome<AccessMode> {
        match mode {
            0 => Ok(AccessMode::Kernel),
            1 => Ok(AccessMode::User),
            mode => self.bad_argument(format_args!("was given the processor mode {mode}")),
        }
    }

    /// An object type: the value of the exported variable.
    pub(super) fn object_type(&self, at: Address) -> Outcome<ObjectType> {
        const TYPES: &[ObjectType] =
            &[ObjectType::Token, ObjectType::Thread, ObjectType::Process, ObjectType::Event];
        TYPES.iter().copied().find(|&known| object_address::of_type(known) == at.0).ok_or_else(|| {
            let address = self.describe(at.0);
            self.fault(
                FaultKind::BadArgument,
                format_args!(
                    "was given {address} as the object type and not what the exported variable holds"
                ),
            )
        })
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

    /// Records a reference that this call takes and returns the object's
    /// address.
    pub(super) fn give(&self, object: Object, source: RefSource) -> Address {
        let address = address_of(&object);
        self.account().references.borrow_mut().add(address, object, source, self.export.name, self.caller);
        Address(address)
    }

    /// Releases a reference.
    pub(super) fn take_back(&self, at: Address, source: RefSource) -> Outcome<()> {
        let here = self.account().references.borrow_mut().give_back(at.0, source, self.caller);
        // The last reference may free the object: it must not be dropped before
        // the borrow ends.
        let why = match here {
            Ok(object) => {
                drop(object);
                return Ok(());
            }
            Err(why) => why,
        };
        match self.machine().ledger.give_back(at.0, source, self.caller) {
            Ok(object) => {
                drop(object);
                Ok(())
            }
            Err(elsewhere) => Err(self.not_held(at, why, elsewhere)),
        }
    }

    #[cold]
    fn not_held(&self, at: Address, here: NotHeld, elsewhere: NotHeld) -> Stop {
        let object = self.describe(at.0);
        for why in [here, elsewhere] {
            if let NotHeld::From(other) = why {
                let right = other.released_by();
                return self.fault(
                    FaultKind::DereferenceRoutine,
                    format_args!("gives back a reference on {object} that {right} takes"),
                );
            }
        }
        let before = match (here, elsewhere) {
            (NotHeld::GivenBack(caller), _) | (_, NotHeld::GivenBack(caller)) => self.at("since", caller),
            _ => String::new(),
        };
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
                let before = self.account().references.borrow().given_back(at.0);
                let before = before.map(|caller| self.at("since", caller)).unwrap_or_default();
                self.fault(
                    FaultKind::Unreferenced,
                    format_args!("was given {object}, on which the driver holds no reference{before}"),
                )
            }
            _ => self.fault(FaultKind::ObjectType, format_args!("was given {object} and not a {wanted}")),
        }
    }
}
