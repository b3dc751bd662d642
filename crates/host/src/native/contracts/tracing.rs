//! The event providers of one driver, and who listens to them.

use crate::native::engine::cpu::Cpu;
use crate::native::engine::stop::Outcome;
use crate::native::running::dispatch::Dispatch;
use crate::native::running::machine::Machine;
use crate::{Event, EventLog, Fault, FaultKind, Listener};
use parking_lot::Mutex;

/// `EVENT_CONTROL_CODE_DISABLE_PROVIDER`.
const DISABLE: u64 = 0;
/// `EVENT_CONTROL_CODE_ENABLE_PROVIDER`.
const ENABLE: u64 = 1;

/// The GUID of who enables a provider: nobody's.
static SOURCE: [u8; 16] = [0; 16];

/// A provider that is registered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Registration {
    /// Its `REGHANDLE`.
    pub(crate) handle: u64,
    pub(crate) provider: [u8; 16],
    /// What is told who listens; null for nothing.
    pub(crate) callback: u64,
    /// What it is told with.
    pub(crate) context: u64,
    /// Where it was registered.
    pub(crate) caller: u64,
}

impl Registration {
    /// Tells the driver who listens.
    pub(crate) fn notify(
        &self,
        dispatch: &Dispatch<'_>,
        cpu: &Cpu,
        listener: Option<Listener>,
    ) -> Outcome<()> {
        if self.callback == 0 {
            return Ok(());
        }
        let control = if listener.is_some() { ENABLE } else { DISABLE };
        let Listener { level, any_keyword, all_keywords } = listener.unwrap_or(Listener::ALL);
        let source = SOURCE.as_ptr() as u64;
        let arguments = [source, control, level.into(), any_keyword, all_keywords, 0, self.context];
        dispatch.call(cpu, self.callback, arguments).map(drop)
    }
}

/// All that has to do with events.
#[derive(Debug)]
pub(crate) struct Tracing {
    state: Mutex<State>,
    events: EventLog,
}

#[derive(Debug)]
struct State {
    listener: Option<Listener>,
    registered: Vec<Registration>,
    /// Handles of registrations that are over.
    ended: Vec<u64>,
}

impl Tracing {
    /// Nothing is registered, and this one listens.
    pub(crate) fn new(listener: Option<Listener>, events: EventLog) -> Self {
        let state = State { listener, registered: Vec::new(), ended: Vec::new() };
        Self { state: Mutex::new(state), events }
    }

    /// Who listens.
    pub(crate) fn listener(&self) -> Option<Listener> {
        self.state.lock().listener
    }

    /// Registers a provider, unless it is: then says where it was.
    pub(crate) fn register(&self, registration: Registration) -> Result<(), Registration> {
        let registered = &mut self.state.lock().registered;
        if let Some(other) = registered.iter().find(|other| other.provider == registration.provider) {
            return Err(*other);
        }
        registered.push(registration);
        Ok(())
    }

    /// What a handle stands for; if nothing, whether it did once.
    pub(crate) fn get(&self, handle: u64) -> Result<Registration, bool> {
        let state = self.state.lock();
        let found = state.registered.iter().find(|registration| registration.handle == handle);
        found.copied().ok_or_else(|| state.ended.contains(&handle))
    }

    /// Ends a registration.
    pub(crate) fn unregister(&self, handle: u64) {
        let mut state = self.state.lock();
        state.registered.retain(|registration| registration.handle != handle);
        state.ended.push(handle);
    }

    /// Gives an event to who listens, if it is wanted.
    pub(crate) fn write(&self, event: Event) {
        if self.listener().is_some_and(|listener| listener.wants(event.level, event.keyword)) {
            self.events.add(event);
        }
    }

    /// Providers that are registered though the driver is gone, in words.
    pub(crate) fn leaks(&self, machine: &Machine) -> Vec<Fault> {
        let leak = |registration: &Registration| Fault {
            kind: FaultKind::RegistrationLeak,
            message: "the event provider that EtwRegister registered was not given to EtwUnregister"
                .to_owned(),
            site: machine.mapping.site(registration.caller),
        };
        self.state.lock().registered.iter().map(leak).collect()
    }
}

/// Changes who listens, and tells every provider of the driver.
pub(crate) fn listen(dispatch: &Dispatch<'_>, cpu: &Cpu, listener: Option<Listener>) -> Outcome<()> {
    let registered = {
        let mut state = dispatch.machine.tracing.state.lock();
        state.listener = listener;
        state.registered.clone()
    };
    registered.iter().try_for_each(|registration| registration.notify(dispatch, cpu, listener))
}
