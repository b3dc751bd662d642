//! ETW: a session that may listen to the driver, and the events that it gets.

use std::sync::{Arc, Mutex, PoisonError};

/// A session that listens to every provider of the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Events up to this level are enabled; 0 stands for all.
    pub level: u8,
    /// Events with any of these keywords are wanted, and those without keywords; 0
    /// stands for all.
    pub any_keyword: u64,
    /// An event with keywords needs all of these.
    pub all_keywords: u64,
}

impl Listener {
    /// A session that enables everything.
    pub const ALL: Self = Self { level: 0, any_keyword: 0, all_keywords: 0 };

    /// Whether ETW delivers an event of this kind to it.
    pub fn wants(&self, level: u8, keyword: u64) -> bool {
        (self.level == 0 || level <= self.level)
            && (keyword == 0
                || (self.any_keyword == 0 || keyword & self.any_keyword != 0)
                    && keyword & self.all_keywords == self.all_keywords)
    }
}

/// An event that a session received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The provider's GUID, in its memory layout.
    pub provider: [u8; 16],
    /// 11 for a self-describing event.
    pub channel: u8,
    /// 1 critical, 2 error, 3 warning, 4 informational, 5 verbose.
    pub level: u8,
    /// The keywords.
    pub keyword: u64,
    /// Id of the process that owns the thread.
    pub process: u32,
    /// Id of the thread that it was written on.
    pub thread: u32,
    /// The description of the provider, if the event contains one.
    pub provider_metadata: Vec<u8>,
    /// The description of the event, if it contains one.
    pub event_metadata: Vec<u8>,
    /// The values.
    pub values: Vec<u8>,
}

/// The log of events. Clones share the same log, so that one of them can be read
/// after the driver is unloaded. No event is lost, unlike in the buffers of ETW.
#[derive(Clone, Debug, Default)]
pub struct EventLog(Arc<Mutex<Vec<Event>>>);

impl EventLog {
    /// The events since the last call.
    pub fn take(&self) -> Vec<Event> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    #[cfg_attr(not(all(target_os = "linux", target_arch = "x86_64")), expect(dead_code))]
    pub(crate) fn add(&self, event: Event) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }
}
