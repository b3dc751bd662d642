//! A provider of self-describing trace events, in the encoding of `TraceLogging`.
//!
//! An event is passed to ETW in three blocks: the provider's name, the names of the event and its
//! fields, and the values. The first two are constants. The crate `tracelogging` is not used
//! here: its registration can panic, and it links a user-mode library.

mod metadata;

pub(crate) use metadata::{Field, event_length, event_metadata, provider_length, provider_metadata};

use crate::ntoskrnl::{EtwRegister, EtwSetInformation, EtwUnregister, EtwWriteTransfer};
use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use wdk_sys::{
    EVENT_DATA_DESCRIPTOR, EVENT_DESCRIPTOR, GUID, LPCGUID, PEVENT_FILTER_DESCRIPTOR, PVOID, UCHAR, ULONG,
    ULONGLONG,
};

/// `EventProviderSetTraits`: passes the provider's name to ETW, which reads the types of blocks from
/// then on.
const SET_TRAITS: i32 = 2;
/// `EVENT_DATA_DESCRIPTOR_TYPE_EVENT_METADATA`.
const EVENT_METADATA: u32 = 1;
/// `EVENT_DATA_DESCRIPTOR_TYPE_PROVIDER_METADATA`.
const PROVIDER_METADATA: u32 = 2;
/// The channel that marks self-describing events.
const TRACE_LOGGING: u8 = 11;
/// `EVENT_CONTROL_CODE_DISABLE_PROVIDER`.
const DISABLE: u32 = 0;
/// `EVENT_CONTROL_CODE_ENABLE_PROVIDER`.
const ENABLE: u32 = 1;

/// Levels, as `evntrace.h` numbers them: a session gets events up to its own level.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(crate) enum Level {
    Warning = 3,
    Informational = 4,
    Verbose = 5,
}

/// A provider. Must be a static: ETW passes its address to the callback.
pub(crate) struct Provider {
    id: GUID,
    /// Name, encoded by [`provider_metadata`].
    metadata: &'static [u8],
    /// Zero while it is not registered.
    handle: AtomicU64,
    /// The highest level that a session listens to; zero when none listens.
    level: AtomicU32,
    any_keyword: AtomicU64,
    all_keywords: AtomicU64,
}

impl Provider {
    pub(crate) const fn new(id: GUID, metadata: &'static [u8]) -> Self {
        Self {
            id,
            metadata,
            handle: AtomicU64::new(0),
            level: AtomicU32::new(0),
            any_keyword: AtomicU64::new(0),
            all_keywords: AtomicU64::new(0),
        }
    }

    /// Registers the provider with its traits. If either fails, no events are written.
    ///
    /// `PASSIVE_LEVEL`, in a system thread. [`Provider::unregister`] must be called before the
    /// driver is unloaded, and before any second registration.
    pub(crate) fn register(&'static self) {
        let mut handle = 0;
        let context: *const Self = self;
        // SAFETY: the identifier and, as a static, the provider outlive the registration; the
        // handle is a local.
        let status =
            unsafe { EtwRegister(&raw const self.id, Some(enable), context as PVOID, &raw mut handle) };
        if !wdk::nt_success(status) {
            return;
        }
        self.handle.store(handle, Ordering::Relaxed);
        let traits: *const u8 = self.metadata.as_ptr();
        #[allow(clippy::cast_possible_truncation)] // a name
        let length = self.metadata.len() as u32;
        // SAFETY: registered above; the metadata is only read.
        let status = unsafe { EtwSetInformation(handle, SET_TRAITS, traits as PVOID, length) };
        // Until the traits are set, ETW takes each block of an event for values, whatever its type.
        if !wdk::nt_success(status) {
            self.unregister();
        }
    }

    /// Ends the registration, if there is one: no callback runs when this returns.
    ///
    /// `PASSIVE_LEVEL`, in a system thread, when no event is being written.
    pub(crate) fn unregister(&self) {
        let handle = self.handle.swap(0, Ordering::Relaxed);
        if handle != 0 {
            // SAFETY: registered, and the swap ensures that it is unregistered once.
            let _ = unsafe { EtwUnregister(handle) };
            self.level.store(0, Ordering::Relaxed);
        }
    }

    /// Whether any session listens: a single read.
    #[inline]
    pub(crate) fn is_enabled(&self) -> bool {
        self.level.load(Ordering::Acquire) != 0
    }

    /// Whether a session may listen to this event. ETW checks it again for each session.
    fn wants(&self, level: Level, keyword: u64) -> bool {
        let any = self.any_keyword.load(Ordering::Relaxed);
        let all = self.all_keywords.load(Ordering::Relaxed);
        level as u32 <= self.level.load(Ordering::Relaxed)
            && (any == 0 || keyword & any != 0)
            && keyword & all == all
    }

    /// Writes an event: its description, made by [`event_metadata`], and the concatenated values
    /// of its fields. The event is lost when no session listens or ETW has no buffer.
    pub(crate) fn write(&self, level: Level, keyword: u64, metadata: &[u8], values: &[u8]) {
        if !self.wants(level, keyword) {
            return;
        }
        let descriptor = EVENT_DESCRIPTOR {
            Id: 0,
            Version: 0,
            Channel: TRACE_LOGGING,
            Level: level as u8,
            Opcode: 0,
            Task: 0,
            Keyword: keyword,
        };
        let mut data = [
            Block::new(self.metadata, PROVIDER_METADATA),
            Block::new(metadata, EVENT_METADATA),
            Block::new(values, 0),
        ];
        let handle = self.handle.load(Ordering::Relaxed);
        // SAFETY: a session listens, so the provider is registered; everything passed outlives
        // the call, which copies it.
        let _ = unsafe {
            EtwWriteTransfer(
                handle,
                &raw const descriptor,
                ptr::null(),
                ptr::null(),
                3,
                data.as_mut_ptr().cast(),
            )
        };
    }
}

/// `EVENT_DATA_DESCRIPTOR`. Some editions of the headers have a union in place of a number.
#[repr(C)]
struct Block {
    address: u64,
    size: u32,
    kind: u32,
}

const _: () = assert!(size_of::<Block>() == size_of::<EVENT_DATA_DESCRIPTOR>());

impl Block {
    fn new(bytes: &[u8], kind: u32) -> Self {
        #[allow(clippy::cast_possible_truncation)] // a hundred bytes
        let size = bytes.len() as u32;
        Self { address: bytes.as_ptr() as u64, size, kind }
    }
}

/// ETW reports that sessions started or stopped listening. It may call before `EtwRegister`
/// returns, and at any time until `EtwUnregister` returns.
extern "C" fn enable(
    _source: LPCGUID,
    control: ULONG,
    level: UCHAR,
    any_keyword: ULONGLONG,
    all_keywords: ULONGLONG,
    _filter: PEVENT_FILTER_DESCRIPTOR,
    context: PVOID,
) {
    let provider: *const Provider = context.cast::<c_void>().cast();
    // SAFETY: the context of the registration, which is a static.
    let provider = unsafe { &*provider };
    match control {
        DISABLE => provider.level.store(0, Ordering::Relaxed),
        ENABLE => {
            provider.any_keyword.store(any_keyword, Ordering::Relaxed);
            provider.all_keywords.store(all_keywords, Ordering::Relaxed);
            // Level 0 stands for all levels.
            let level = if level == 0 { u8::MAX } else { level };
            provider.level.store(level.into(), Ordering::Release);
        }
        // A request to log the provider's state, which has none.
        _ => {}
    }
}
