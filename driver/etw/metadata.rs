//! Encoded names of a provider and its events, computed at compile time.

/// A field of an event: its name, and how its value is encoded and shown.
pub(crate) struct Field {
    name: &'static str,
    encoding: u8,
    /// The output format; zero for the default of the encoding.
    format: u8,
}

impl Field {
    /// A string: its length in two bytes, and its bytes.
    pub(crate) const fn text(name: &'static str) -> Self {
        Self { name, encoding: 23, format: 0 }
    }

    /// A signed number of 32 bits.
    pub(crate) const fn signed(name: &'static str) -> Self {
        Self { name, encoding: 7, format: 0 }
    }

    /// A number of 32 bits.
    pub(crate) const fn number(name: &'static str) -> Self {
        Self { name, encoding: 8, format: 0 }
    }

    /// The id of a process.
    pub(crate) const fn process(name: &'static str) -> Self {
        Self { name, encoding: 8, format: 5 }
    }

    /// The id of a thread.
    pub(crate) const fn thread(name: &'static str) -> Self {
        Self { name, encoding: 8, format: 6 }
    }

    /// An `NTSTATUS`.
    pub(crate) const fn status(name: &'static str) -> Self {
        Self { name, encoding: 8, format: 14 }
    }

    /// Bits, 32 of them.
    pub(crate) const fn bits(name: &'static str) -> Self {
        Self { name, encoding: 20, format: 0 }
    }

    /// An identifier of 64 bits.
    pub(crate) const fn identifier(name: &'static str) -> Self {
        Self { name, encoding: 21, format: 0 }
    }
}

/// The length of the description of a provider with this name.
pub(crate) const fn provider_length(name: &str) -> usize {
    2 + name.len() + 1
}

/// The description of a provider: its length, and its name.
pub(crate) const fn provider_metadata<const N: usize>(name: &str) -> [u8; N] {
    let mut bytes = Bytes::<N>::new();
    bytes.put(name.as_bytes());
    bytes.put(&[0]);
    bytes.finish()
}

/// The length of the description of an event.
pub(crate) const fn event_length(name: &str, fields: &[Field]) -> usize {
    let mut length = 2 + 1 + name.len() + 1;
    let mut i = 0;
    while i < fields.len() {
        length += fields[i].name.len() + if fields[i].format == 0 { 2 } else { 3 };
        i += 1;
    }
    length
}

/// The description of an event: its length, no tag, its name, and for each field its name,
/// encoding and format.
pub(crate) const fn event_metadata<const N: usize>(name: &str, fields: &[Field]) -> [u8; N] {
    /// A format follows.
    const HAS_FORMAT: u8 = 0x80;
    let mut bytes = Bytes::<N>::new();
    bytes.put(&[0]);
    bytes.put(name.as_bytes());
    bytes.put(&[0]);
    let mut i = 0;
    while i < fields.len() {
        let Field { name, encoding, format } = fields[i];
        bytes.put(name.as_bytes());
        bytes.put(&[0]);
        if format == 0 {
            bytes.put(&[encoding]);
        } else {
            bytes.put(&[encoding | HAS_FORMAT, format]);
        }
        i += 1;
    }
    bytes.finish()
}

/// A description under construction. It is used in constants only: an overflow is a compile error.
struct Bytes<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Bytes<N> {
    const fn new() -> Self {
        assert!(2 <= N && N <= 0xFFFF);
        let mut bytes = [0; N];
        let [low, high, ..] = N.to_le_bytes();
        bytes[0] = low;
        bytes[1] = high;
        Self { bytes, length: 2 }
    }

    const fn put(&mut self, more: &[u8]) {
        let mut i = 0;
        while i < more.len() {
            self.bytes[self.length] = more[i];
            self.length += 1;
            i += 1;
        }
    }

    const fn finish(self) -> [u8; N] {
        assert!(self.length == N);
        self.bytes
    }
}
