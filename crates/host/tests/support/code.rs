//! Machine code for test drivers: straight-line sequences of calls.
#![allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)] // images of tests are small

/// Eight bytes or more of a driver's data.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place(pub(crate) u32);

/// A function of a driver.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Function(pub(crate) usize);

/// An argument.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value {
    /// A constant.
    Number(u64),
    /// The value of a place.
    Of(Place),
    /// The address of a place.
    At(Place),
    /// The address of a function.
    Code(Function),
    /// The memory at the address in a place, at an offset.
    Behind(Place, i32),
    /// An argument of the running function.
    Argument(u8),
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

/// The target of a four-byte displacement.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    Data(u32),
    Function(usize),
    Import(usize),
}

/// One function.
#[derive(Clone, Debug)]
pub(crate) struct Code {
    pub(crate) bytes: Vec<u8>,
    pub(crate) fixups: Vec<(usize, Target)>,
}

/// The stack space of every function.
pub(crate) const FRAME: u32 = 0x128;
const ARGUMENTS: u32 = 0x100;

impl Code {
    pub(crate) fn new() -> Self {
        let mut code = Self { bytes: Vec::new(), fixups: Vec::new() };
        code.raw(&[0x48, 0x81, 0xEC]).number(FRAME);
        for (index, store) in [0x8C_89_48, 0x94_89_48, 0x84_89_4C, 0x8C_89_4C_u32].into_iter().enumerate() {
            let [a, b, c, _] = store.to_le_bytes();
            code.raw(&[a, b, c, 0x24]).number(ARGUMENTS + 8 * index as u32);
        }
        code
    }

    /// Any instructions.
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    fn number(&mut self, number: u32) -> &mut Self {
        self.raw(&number.to_le_bytes())
    }

    fn target(&mut self, target: Target) -> &mut Self {
        self.fixups.push((self.bytes.len(), target));
        self.number(0)
    }

    /// Into `rax`.
    fn load(&mut self, value: Value) -> &mut Self {
        match value {
            Value::Number(number) => self.raw(&[0x48, 0xB8]).raw(&number.to_le_bytes()),
            Value::Of(place) => self.raw(&[0x48, 0x8B, 0x05]).target(Target::Data(place.0)),
            Value::At(place) => self.raw(&[0x48, 0x8D, 0x05]).target(Target::Data(place.0)),
            Value::Code(function) => self.raw(&[0x48, 0x8D, 0x05]).target(Target::Function(function.0)),
            Value::Behind(place, offset) => {
                self.load(Value::Of(place)).raw(&[0x48, 0x8B, 0x80]).raw(&offset.to_le_bytes())
            }
            Value::Argument(index) => {
                self.raw(&[0x48, 0x8B, 0x84, 0x24]).number(ARGUMENTS + 8 * u32::from(index))
            }
        }
    }

    fn arguments(&mut self, values: &[Value]) -> &mut Self {
        for (index, &value) in values.iter().enumerate().rev() {
            self.load(value);
            match index {
                0 => self.raw(&[0x48, 0x89, 0xC1]),
                1 => self.raw(&[0x48, 0x89, 0xC2]),
                2 => self.raw(&[0x49, 0x89, 0xC0]),
                3 => self.raw(&[0x49, 0x89, 0xC1]),
                _ => self.raw(&[0x48, 0x89, 0x84, 0x24]).number(8 * index as u32),
            };
        }
        self
    }

    /// Calls an import.
    pub(crate) fn import(&mut self, import: usize, values: &[Value]) -> &mut Self {
        self.arguments(values).raw(&[0xFF, 0x15]).target(Target::Import(import))
    }

    /// Calls the address in a value.
    pub(crate) fn pointer(&mut self, function: Value, values: &[Value]) -> &mut Self {
        self.arguments(values).load(function).raw(&[0xFF, 0xD0])
    }

    /// Makes a value the result of a call.
    pub(crate) fn result(&mut self, value: Value) -> &mut Self {
        self.load(value)
    }

    /// Makes the value of an exported variable the result of a call.
    pub(crate) fn variable(&mut self, import: usize) -> &mut Self {
        self.raw(&[0x48, 0x8B, 0x05]).target(Target::Import(import)).raw(&[0x48, 0x8B, 0x00])
    }

    /// Stores the result of the last call.
    pub(crate) fn keep(&mut self, place: Place) -> &mut Self {
        self.raw(&[0x48, 0x89, 0x05]).target(Target::Data(place.0))
    }

    /// Reads eight bytes.
    pub(crate) fn read(&mut self, address: Value) -> &mut Self {
        self.load(address).raw(&[0x48, 0x8B, 0x00])
    }

    /// Writes eight bytes at an offset from an address.
    pub(crate) fn write(&mut self, address: Value, offset: i32, value: Value) -> &mut Self {
        self.load(value).raw(&[0x49, 0x89, 0xC2]);
        self.load(address).raw(&[0x4C, 0x89, 0x90]).raw(&offset.to_le_bytes())
    }

    /// Writes one byte at an offset from an address.
    pub(crate) fn write_byte(&mut self, address: Value, offset: i32, value: u8) -> &mut Self {
        self.load(Value::Number(value.into())).raw(&[0x49, 0x89, 0xC2]);
        self.load(address).raw(&[0x44, 0x88, 0x90]).raw(&offset.to_le_bytes())
    }

    /// Returns the result of the last call.
    pub(crate) fn give_result(&mut self) -> &mut Self {
        self.raw(&[0x48, 0x81, 0xC4]).number(FRAME).raw(&[0xC3])
    }

    /// Returns.
    pub(crate) fn give(&mut self, value: Value) -> &mut Self {
        self.load(value).give_result()
    }
}
