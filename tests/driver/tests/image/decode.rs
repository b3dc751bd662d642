//! Decodes self-describing events, as far as the driver uses them.

use psimp_host::Event;
use std::fmt;

/// A value, by the type of its field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Text(String),
    Signed(i32),
    Unsigned(u32),
    Hex32(u32),
    Hex64(u64),
    Process(u32),
    Thread(u32),
    Status(u32),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Signed(value) => write!(f, "{value}"),
            Self::Unsigned(value) | Self::Process(value) | Self::Thread(value) => write!(f, "{value}"),
            Self::Hex32(value) => write!(f, "0x{value:X}"),
            Self::Hex64(value) => write!(f, "0x{value:X}"),
            Self::Status(value) => write!(f, "{:?}", psimp_nt::Status(*value)),
        }
    }
}

/// An event, decoded.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) provider: String,
    pub(crate) name: String,
    pub(crate) fields: Vec<(String, Value)>,
}

impl Decoded {
    /// The value of a field.
    pub(crate) fn get(&self, name: &str) -> &Value {
        let (_, value) = self.fields.iter().find(|(field, _)| field == name).expect(name);
        value
    }

    /// The number in a field.
    pub(crate) fn number(&self, name: &str) -> u32 {
        match self.get(name) {
            Value::Unsigned(value)
            | Value::Hex32(value)
            | Value::Process(value)
            | Value::Thread(value)
            | Value::Status(value) => *value,
            other => panic!("{name} is {other}"),
        }
    }
}

/// Name and values in one line: `Name field=value …`.
impl fmt::Display for Decoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        self.fields.iter().try_for_each(|(name, value)| write!(f, " {name}={value}"))
    }
}

/// Decodes an event. Panics unless every byte of it is accounted for.
pub(crate) fn decode(event: &Event) -> Decoded {
    assert_eq!(event.channel, 11, "the channel of events that describe themselves");
    let mut provider = Bytes::of(&event.provider_metadata);
    let name = provider.string();
    provider.end();
    let mut metadata = Bytes::of(&event.event_metadata);
    assert_eq!(metadata.byte(), 0, "no tag");
    let mut decoded = Decoded { provider: name, name: metadata.string(), fields: Vec::new() };
    let mut values = Bytes(&event.values);
    while !metadata.0.is_empty() {
        let name = metadata.string();
        let encoding = metadata.byte();
        let format = if encoding & 0x80 == 0 { 0 } else { metadata.byte() };
        decoded.fields.push((name, values.value(encoding & 0x7F, format)));
    }
    values.end();
    decoded
}

struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    /// The part of a description after its length.
    fn of(description: &'a [u8]) -> Self {
        let (length, rest) = description.split_first_chunk().expect("a length");
        assert_eq!(usize::from(u16::from_le_bytes(*length)), description.len());
        Self(rest)
    }

    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (taken, rest) = self.0.split_first_chunk().expect("more bytes");
        self.0 = rest;
        *taken
    }

    fn byte(&mut self) -> u8 {
        self.take::<1>()[0]
    }

    /// A zero-terminated string.
    fn string(&mut self) -> String {
        let length = self.0.iter().position(|byte| *byte == 0).expect("a zero");
        let text = std::str::from_utf8(&self.0[..length]).expect("text").to_owned();
        self.0 = &self.0[length + 1..];
        text
    }

    fn value(&mut self, encoding: u8, format: u8) -> Value {
        match (encoding, format) {
            (7, 0) => Value::Signed(i32::from_le_bytes(self.take())),
            (8, 0) => Value::Unsigned(u32::from_le_bytes(self.take())),
            (8, 5) => Value::Process(u32::from_le_bytes(self.take())),
            (8, 6) => Value::Thread(u32::from_le_bytes(self.take())),
            (8, 14) => Value::Status(u32::from_le_bytes(self.take())),
            (20, 0) => Value::Hex32(u32::from_le_bytes(self.take())),
            (21, 0) => Value::Hex64(u64::from_le_bytes(self.take())),
            (23, 0) => {
                let length = usize::from(u16::from_le_bytes(self.take()));
                let (text, rest) = self.0.split_at(length);
                self.0 = rest;
                Value::Text(std::str::from_utf8(text).expect("text").to_owned())
            }
            other => panic!("a type that the driver does not use: {other:?}"),
        }
    }

    fn end(&self) {
        assert!(self.0.is_empty(), "{} bytes too many", self.0.len());
    }
}
