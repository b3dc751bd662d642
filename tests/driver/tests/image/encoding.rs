//! The driver's encoding of events compared with that of the crate `tracelogging`, whose macros
//! are independent of the driver: name, GUID, descriptions and values must be the same bytes.

use crate::decode::decode;
use crate::session::{CALLER, Session};
use psimp_host::{Event, Listener, Options};
use psimp_model::Kernel;
use psimp_nt::Level as ImpersonationLevel;
use psimp_protocol::{Operation, wire};
use std::cell::RefCell;
use std::collections::BTreeSet;
use tracelogging_macros::{define_provider, write_event};
pub use tracelogging_types::{Channel, Guid, Level, Opcode, OutType};

/// A provider with a listener to every event.
#[derive(Debug)]
pub struct Provider {
    metadata: &'static [u8],
    id: Guid,
}

impl Provider {
    /// Whether there is a listener.
    pub fn enabled(&self, _level: Level, _keyword: u64) -> bool {
        true
    }

    /// The description.
    pub fn raw_meta(&self) -> &[u8] {
        self.metadata
    }
}

/// The items that the macros use.
pub mod _internal {
    use super::{Event, Guid, Provider, WRITTEN};
    pub use tracelogging_types::_internal::{
        EventDescriptor, counted_size, meta_as_bytes, tag_encode, tag_size,
    };
    use zerocopy::{Immutable, IntoBytes};

    /// A block of an event.
    #[derive(Clone, Debug)]
    pub struct EventDataDescriptor {
        bytes: Vec<u8>,
        kind: u32,
    }

    impl EventDataDescriptor {
        /// A description.
        pub fn from_raw_bytes(bytes: &[u8], kind: u32) -> Self {
            Self { bytes: bytes.to_vec(), kind }
        }

        /// A number.
        pub fn from_value<T: IntoBytes + Immutable>(value: &T) -> Self {
            Self { bytes: value.as_bytes().to_vec(), kind: 0 }
        }

        /// The bytes of a text.
        pub fn from_counted(bytes: &[u8]) -> Self {
            Self { bytes: bytes.to_vec(), kind: 0 }
        }
    }

    /// A provider of this description.
    ///
    /// # Safety
    /// None here; the macros expect an unsafe function.
    #[allow(unsafe_code)]
    pub const unsafe fn provider_new(metadata: &'static [u8], id: &Guid) -> Provider {
        Provider { metadata, id: *id }
    }

    /// Keeps an event.
    pub fn provider_write_transfer(
        provider: &Provider,
        descriptor: &EventDescriptor,
        _activity: Option<&[u8; 16]>,
        _related: Option<&[u8; 16]>,
        blocks: &[EventDataDescriptor],
    ) -> u32 {
        let of = |kind| {
            blocks.iter().filter(move |block| block.kind == kind).flat_map(|block| block.bytes.clone())
        };
        let event = Event {
            provider: provider.id.to_bytes_le(),
            channel: descriptor.channel.as_int(),
            level: descriptor.level.as_int(),
            keyword: descriptor.keyword,
            process: 0,
            thread: 0,
            provider_metadata: of(2).collect(),
            event_metadata: of(1).collect(),
            values: of(0).collect(),
        };
        WRITTEN.with_borrow_mut(|written| written.push(event));
        0
    }
}

thread_local! {
    static WRITTEN: RefCell<Vec<Event>> = const { RefCell::new(Vec::new()) };
}

define_provider!(PROVIDER, "PsImpersonate");

/// The event as the macros write it, with the ids of the driver's event.
fn expected(of: &Event, write: impl FnOnce() -> u32) -> Event {
    write();
    let event = WRITTEN.take().pop().expect("an event");
    Event { process: of.process, thread: of.thread, ..event }
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn the_driver_encodes_as_the_crate_does() {
    let options = Options { listener: Some(Listener::ALL), ..Options::default() };
    let log = options.events.clone();
    let session = Session::with(Kernel::Win10, options);
    let start = log.take().remove(0);
    let status = 0_u32;
    let write = || {
        write_event!(
            PROVIDER,
            "Start",
            level(Informational),
            keyword(2),
            u32("Status", &status, format(NtStatus))
        )
    };
    assert_eq!(start, expected(&start, write));

    session.impersonate(ImpersonationLevel::Impersonation, 2).expect("IMPERSONATE");
    let told = log.take().remove(0);
    let token = session.client.id().0;
    let write = || {
        write_event!(
            PROVIDER,
            "Operation",
            level(Informational),
            keyword(1),
            str8_cp1252("Operation", "IMPERSONATE"),
            str8_cp1252("Verdict", "kept"),
            str8_cp1252("DecidedBy", "driver"),
            u64_hex("TokenAsked", &token),
            u64_hex("TokenStored", &token),
            u64_hex("Id", &0),
            u32_hex("ControlCode", &0x22_A004),
            pid("ProcessId", &told.process),
            tid("ThreadId", &told.thread),
            u32("Status", &status, format(NtStatus)),
            i32("LevelAsked", &2),
            u32_hex("FlagsAsked", &2),
            i32("LevelStored", &2),
            u32_hex("FlagsStored", &5),
            u32("Rule", &14),
            u32_hex("AccessGranted", &0),
        )
    };
    assert_eq!(told, expected(&told, write));

    let _: wire::Slot = session.send(Operation::Query, &CALLER).expect("QUERY");
    let looked = log.take().remove(0);
    assert_eq!((looked.event_metadata.as_slice(), looked.level), (told.event_metadata.as_slice(), 5));

    assert_eq!(session.end(), Ok(()));
    let stop = log.take().remove(0);
    let write = || write_event!(PROVIDER, "Stop", level(Informational), keyword(2));
    assert_eq!(stop, expected(&stop, write));
}

/// The GUID is that of `docs/tracing.md`.
#[test]
fn the_guid_is_made_of_the_name() {
    let id = PROVIDER.id.to_utf8_bytes();
    assert_eq!(std::str::from_utf8(&id), Ok("2cc9f3d1-5cf8-5df1-6683-77545eaafd9e"));
    let document = include_str!("../../../../docs/tracing.md");
    assert!(document.contains("2cc9f3d1-5cf8-5df1-6683-77545eaafd9e"));
    assert!(document.contains("PsImpersonate"));
}

/// `docs/tracing.md` names every event, and every field of the events and no other.
#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn the_document_has_the_fields() {
    let options = Options { listener: Some(Listener::ALL), ..Options::default() };
    let log = options.events.clone();
    let session = Session::with(Kernel::Win10, options);
    session.impersonate(ImpersonationLevel::Impersonation, 0).expect("IMPERSONATE");
    assert_eq!(session.end(), Ok(()));
    let document = include_str!("../../../../docs/tracing.md");
    let events: Vec<_> = log.take().iter().map(decode).collect();
    for event in &events {
        assert!(document.contains(&format!("`{}`", event.name)), "{}", event.name);
    }
    let (_, table) = document.split_once("\n| field | type | meaning |\n").expect("the table of the fields");
    let (table, _) = table.split_once("\n\n").expect("its end");
    let documented: BTreeSet<_> = table.lines().filter_map(|row| row.split('`').nth(1)).collect();
    let fields = events.iter().flat_map(|event| &event.fields).map(|(field, _)| field.as_str());
    assert_eq!(fields.collect::<BTreeSet<_>>(), documented);
}
