//! The events that the driver logs through ETW: its start, its stop, and one for each operation.
//!
//! While no session listens, or when the provider could not be registered, an operation costs one
//! additional read of a variable. Handles, addresses, SIDs and descriptors are never logged.

use crate::etw::{Field, Level, Provider, event_length, event_metadata, provider_length, provider_metadata};
use crate::kernel;
use psimp_nt::Status;
use psimp_protocol::{EventLevel, EventPayload, Record};
use wdk_sys::{GUID, NTSTATUS};
use zerocopy::IntoBytes;

const NAME: &str = "PsImpersonate";

/// The GUID that `TraceLogging` derives from the name by a hash.
const ID: GUID = GUID {
    Data1: 0x2CC9_F3D1,
    Data2: 0x5CF8,
    Data3: 0x5DF1,
    Data4: [0x66, 0x83, 0x77, 0x54, 0x5E, 0xAA, 0xFD, 0x9E],
};

static PROVIDER: Provider = Provider::new(ID, &NAME_METADATA);
static NAME_METADATA: [u8; provider_length(NAME)] = provider_metadata(NAME);

/// The keyword of operations.
const OPERATIONS: u64 = 1;
/// The keyword of start and stop.
const LIFE: u64 = 2;

/// `Start` has the status of `DriverEntry`, `Stop` has no fields.
const STATUS: &[Field] = &[Field::status("Status")];
static START: [u8; event_length("Start", STATUS)] = event_metadata("Start", STATUS);
static STOP: [u8; event_length("Stop", &[])] = event_metadata("Stop", &[]);

/// In the order in which [`write`] appends the values; the numbers in the layout of
/// `EventPayload`.
const FIELDS: &[Field] = &[
    Field::text("Operation"),
    Field::text("Verdict"),
    Field::text("DecidedBy"),
    Field::identifier("TokenAsked"),
    Field::identifier("TokenStored"),
    Field::identifier("Id"),
    Field::bits("ControlCode"),
    Field::process("ProcessId"),
    Field::thread("ThreadId"),
    Field::status("Status"),
    Field::signed("LevelAsked"),
    Field::bits("FlagsAsked"),
    Field::signed("LevelStored"),
    Field::bits("FlagsStored"),
    Field::number("Rule"),
    Field::bits("AccessGranted"),
];
static OPERATION: [u8; event_length("Operation", FIELDS)] = event_metadata("Operation", FIELDS);

/// Registers the provider. `PASSIVE_LEVEL`, in `DriverEntry`.
pub(crate) fn register() {
    PROVIDER.register();
}

/// Logs the status that `DriverEntry` returns. When it is an error, the provider is unregistered,
/// as unload is not called. `PASSIVE_LEVEL`.
pub(crate) fn started(status: NTSTATUS) {
    let failed = !wdk::nt_success(status);
    if PROVIDER.is_enabled() {
        let level = if failed { Level::Warning } else { Level::Informational };
        PROVIDER.write(level, LIFE, &START, &status.to_le_bytes());
    }
    if failed {
        PROVIDER.unregister();
    }
}

/// Logs that the driver is unloaded, and unregisters the provider. `PASSIVE_LEVEL`, when every
/// request is done.
pub(crate) fn stopped() {
    if PROVIDER.is_enabled() {
        PROVIDER.write(Level::Informational, LIFE, &STOP, &[]);
    }
    PROVIDER.unregister();
}

/// Logs one operation, on the thread that requested it.
#[inline]
pub(crate) fn operation(code: u32, input: &[u8], result: Result<&[u8], Status>) {
    if PROVIDER.is_enabled() {
        write(code, input, result);
    }
}

#[inline(never)]
fn write(code: u32, input: &[u8], result: Result<&[u8], Status>) {
    let mut record = Record::new(code, input, result);
    record.payload.process = kernel::current_process_id();
    record.payload.thread = kernel::current_thread_id();
    let mut values = Values { bytes: [0; Values::ROOM], length: 0 };
    for text in [record.operation, record.verdict, record.decided_by] {
        values.text(text);
    }
    values.append(record.payload.as_bytes());
    let level = match record.level {
        EventLevel::Warning => Level::Warning,
        EventLevel::Change => Level::Informational,
        EventLevel::ReadOnly => Level::Verbose,
    };
    PROVIDER.write(level, OPERATIONS, &OPERATION, values.as_bytes());
}

/// The concatenated values of an event.
struct Values {
    bytes: [u8; Self::ROOM],
    length: usize,
}

impl Values {
    /// The numbers, and three texts of at most 12, 6 and 6 bytes.
    const ROOM: usize = size_of::<EventPayload>() + (2 + 12) + (2 + 6) + (2 + 6);

    fn text(&mut self, text: &str) {
        #[allow(clippy::cast_possible_truncation)] // a word
        self.append(&(text.len() as u16).to_le_bytes());
        self.append(text.as_bytes());
    }

    /// There is room for all values; a later overflow must not panic.
    #[inline(never)]
    fn append(&mut self, bytes: &[u8]) {
        let rest = self.bytes.get_mut(self.length..).unwrap_or_default();
        if let Some(room) = rest.get_mut(..bytes.len()) {
            room.copy_from_slice(bytes);
            self.length += bytes.len();
        }
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&[])
    }
}
