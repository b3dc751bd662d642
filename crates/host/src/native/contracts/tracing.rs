//! The event providers of one driver, and the session that listens to them.

use crate::native::engine::mapping::Mapping;
use crate::{Event, EventLog, Fault, FaultKind, Listener};
use parking_lot::Mutex;

/// A provider that is registered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Registration {
    /// Its `REGHANDLE`.
    pub(crate) handle: u64,
    pub(crate) provider: [u8; 16],
    /// `PENABLECALLBACK`: called when the session changes; null for none.
    pub(crate) callback: u64,
    /// `CallbackContext`.
    pub(crate) context: u64,
    /// Whether ETW reads the type of a block: it does once the provider's traits are set.
    pub(crate) types_blocks: bool,
    /// Where it was registered.
    pub(crate) caller: u64,
}

/// The providers, and the listener.
#[derive(Debug)]
pub(crate) struct Tracing {
    state: Mutex<State>,
    events: EventLog,
}

#[derive(Debug)]
struct State {
    listener: Option<Listener>,
    registered: Vec<Registration>,
    /// Handles of registrations that have ended.
    ended: Vec<u64>,
}

impl Tracing {
    /// No providers, and this session.
    pub(crate) fn new(listener: Option<Listener>, events: EventLog) -> Self {
        let state = State { listener, registered: Vec::new(), ended: Vec::new() };
        Self { state: Mutex::new(state), events }
    }

    /// The listening session.
    pub(crate) fn listener(&self) -> Option<Listener> {
        self.state.lock().listener
    }

    /// Changes the session; returns the providers, which have to be notified.
    pub(crate) fn set_listener(&self, listener: Option<Listener>) -> Vec<Registration> {
        let mut state = self.state.lock();
        state.listener = listener;
        state.registered.clone()
    }

    /// Registers a provider.
    ///
    /// # Errors
    /// The existing registration.
    pub(crate) fn register(&self, registration: Registration) -> Result<(), Registration> {
        let registered = &mut self.state.lock().registered;
        if let Some(other) = registered.iter().find(|other| other.provider == registration.provider) {
            return Err(*other);
        }
        registered.push(registration);
        Ok(())
    }

    /// The registration of a handle.
    ///
    /// # Errors
    /// If there is none: whether there was one before.
    pub(crate) fn get(&self, handle: u64) -> Result<Registration, bool> {
        let state = self.state.lock();
        let found = state.registered.iter().find(|registration| registration.handle == handle);
        found.copied().ok_or_else(|| state.ended.contains(&handle))
    }

    /// Records that the provider's traits are set.
    pub(crate) fn set_traits(&self, handle: u64) {
        let registered = &mut self.state.lock().registered;
        if let Some(registration) = registered.iter_mut().find(|one| one.handle == handle) {
            registration.types_blocks = true;
        }
    }

    /// Ends a registration.
    pub(crate) fn unregister(&self, handle: u64) {
        let mut state = self.state.lock();
        state.registered.retain(|registration| registration.handle != handle);
        state.ended.push(handle);
    }

    /// Passes an event to the session, if it is enabled.
    pub(crate) fn write(&self, event: Event) {
        if self.listener().is_some_and(|listener| listener.wants(event.level, event.keyword)) {
            self.events.add(event);
        }
    }

    /// Providers that are still registered after the driver was unloaded.
    pub(crate) fn leaks(&self, mapping: &Mapping) -> Vec<Fault> {
        let leak = |registration: &Registration| Fault {
            kind: FaultKind::RegistrationLeak,
            message: "the event provider that EtwRegister registered was not given to EtwUnregister"
                .to_owned(),
            site: mapping.site(registration.caller),
        };
        self.state.lock().registered.iter().map(leak).collect()
    }
}
