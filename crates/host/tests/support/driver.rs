//! A small KMDF driver whose callbacks a test fills in.
//!
//! Its entry point binds to the framework and creates the control device; its
//! create and close callbacks do the minimum; its control callback contains the
//! code of the test.
#![allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)] // images of tests are small

use super::code::{Code, Function, Place, Value};
use super::pe::{self, Parts};
use psimp_host::Image;
use std::ops::Range;

const SLOTS: &str = include_str!("../../data/kmdf-1.15-slots.csv");

/// Name of the device.
pub(crate) const NAME: &str = r"\Device\Test";
const SDDL: &str = "D:P(A;;GA;;;SY)(A;;GA;;;BA)";
const REGISTRY_PATH: &str = r"\REGISTRY\MACHINE\SYSTEM\CurrentControlSet\Services\image";

/// A driver under construction.
#[derive(Clone)]
pub(crate) struct Driver {
    parts: Parts,
    /// The places of the function table and the globals.
    pub(crate) table: Place,
    pub(crate) globals: Place,
    pub(crate) device: Place,
    /// The registry path.
    pub(crate) path: Place,
    bind_info: Place,
    context_type: Place,
    config: Place,
    files: Place,
    displaced: Place,
    /// A function of the framework that the entry point does not call.
    left_out: &'static str,
}

/// The functions of every driver, in their order.
pub(crate) const ENTRY: Function = Function(0);
pub(crate) const UNLOAD: Function = Function(1);
pub(crate) const ON_UNLOAD: Function = Function(2);
pub(crate) const ON_CREATE: Function = Function(3);
pub(crate) const ON_CLOSE: Function = Function(4);
pub(crate) const ON_CONTROL: Function = Function(5);

impl Driver {
    /// A driver with empty functions.
    pub(crate) fn empty() -> Self {
        let parts = Parts { functions: (0..6).map(|_| Code::new()).collect(), ..Parts::default() };
        let nowhere = Place(0);
        let mut driver = Self {
            parts,
            table: nowhere,
            globals: nowhere,
            device: nowhere,
            path: nowhere,
            bind_info: nowhere,
            context_type: nowhere,
            config: nowhere,
            files: nowhere,
            displaced: nowhere,
            left_out: "",
        };
        for place in 0..4 {
            let word = driver.words(&[0]);
            match place {
                0 => driver.table = word,
                1 => driver.globals = word,
                2 => driver.device = word,
                _ => driver.displaced = word,
            }
        }
        driver.path = driver.string(REGISTRY_PATH);
        let component =
            driver.bytes(&"KmdfLibrary\0".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>());
        driver.bind_info = driver.words(&[48, 0, 1 | 15 << 32, 444 << 32, 0, 0]);
        driver.point(driver.bind_info, 8, component);
        driver.point(driver.bind_info, 32, driver.table);
        let name = driver.bytes(b"Context\0");
        driver.context_type = driver.words(&[40, 0, 16, 0, 0]);
        driver.point(driver.context_type, 8, name);
        driver
    }

    /// A driver that starts, handles requests and unloads; its control callback
    /// is empty.
    pub(crate) fn new() -> Self {
        Self::without("")
    }

    /// As [`Driver::new`], but its entry point omits one call.
    pub(crate) fn without(left_out: &'static str) -> Self {
        let mut driver = Self::empty();
        driver.left_out = left_out;
        driver.write_entry();
        driver.write_unload();
        let globals = Value::Of(driver.globals);
        driver.framework(ON_CREATE, "WdfRequestComplete", &[globals, Value::Argument(1), 0.into()]);
        for function in [ON_UNLOAD, ON_CREATE, ON_CLOSE] {
            driver.give(function, 0.into());
        }
        driver
    }

    fn write_entry(&mut self) {
        let config = self.words(&[32, 0, 0, 1]);
        self.config = config;
        self.point_code(config, 16, ON_UNLOAD);
        let files = self.words(&[40, 0, 0, 0, 2 | 4 << 32]);
        self.files = files;
        self.point_code(files, 8, ON_CREATE);
        self.point_code(files, 16, ON_CLOSE);
        let attributes = self.words(&[56, 0, 0, 1 | 1 << 32, 0, 0, 0]);
        self.point(attributes, 48, self.context_type);
        let (sddl, name) = (self.string(SDDL), self.string(NAME));
        let [driver, init] = [self.words(&[0]), self.words(&[0])];
        let globals = Value::Of(self.globals);
        let (at, of) = (Value::At, Value::Of);
        self.bind(ENTRY);
        let object = Value::Argument(0);
        let create = [globals, object, at(self.path), 0.into(), at(config), at(driver)];
        self.framework(ENTRY, "WdfDriverCreate", &create);
        self.framework(ENTRY, "WdfControlDeviceInitAllocate", &[globals, of(driver), at(sddl)]);
        self.code(ENTRY).keep(init);
        self.framework(ENTRY, "WdfDeviceInitAssignName", &[globals, of(init), at(name)]);
        let callback = Value::Code(ON_CONTROL);
        self.framework(ENTRY, "WdfDeviceInitSetIoInCallerContextCallback", &[globals, of(init), callback]);
        self.framework(
            ENTRY,
            "WdfDeviceInitSetFileObjectConfig",
            &[globals, of(init), at(files), at(attributes)],
        );
        self.framework(ENTRY, "WdfDeviceCreate", &[globals, at(init), 0.into(), at(self.device)]);
        self.framework(ENTRY, "WdfControlFinishInitializing", &[globals, of(self.device)]);
        self.displace_unload();
        self.give(ENTRY, 0.into());
    }

    /// Calls `WdfVersionBind`.
    pub(crate) fn bind(&mut self, function: Function) {
        let values =
            [Value::Argument(0), Value::At(self.path), Value::At(self.bind_info), Value::At(self.globals)];
        self.call(function, "WdfVersionBind", &values);
    }

    fn displace_unload(&mut self) {
        let kept = self.words(&[0]);
        let displaced = self.displaced;
        // The address of the driver object, through a place.
        let code = self.code(ENTRY);
        code.result(Value::Argument(0)).keep(kept);
        code.result(Value::Behind(kept, 0x68)).keep(displaced);
        code.write(Value::Of(kept), 0x68, Value::Code(UNLOAD));
    }

    fn write_unload(&mut self) {
        let displaced = Value::Of(self.displaced);
        self.code(UNLOAD).pointer(displaced, &[Value::Argument(0)]);
        self.unbind(UNLOAD);
        self.give(UNLOAD, 0.into());
    }

    /// Calls `WdfVersionUnbind`.
    pub(crate) fn unbind(&mut self, function: Function) {
        let values = [Value::At(self.path), Value::At(self.bind_info), Value::Of(self.globals)];
        self.call(function, "WdfVersionUnbind", &values);
    }

    /// Data, aligned to eight bytes.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Place {
        let at = self.parts.data.len();
        self.parts.data.extend_from_slice(bytes);
        self.parts.data.resize(self.parts.data.len().next_multiple_of(8), 0);
        Place(at as u32)
    }

    /// Data, in words.
    pub(crate) fn words(&mut self, words: &[u64]) -> Place {
        self.bytes(&words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>())
    }

    /// A `UNICODE_STRING`.
    pub(crate) fn string(&mut self, text: &str) -> Place {
        let characters: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let length = characters.len() as u64;
        let buffer = self.bytes(&characters);
        let string = self.words(&[length | length << 16, 0]);
        self.point(string, 8, buffer);
        string
    }

    /// Changes the class of its file objects, which is `WdfFileObjectWdfCannotUseFsContexts` at first.
    pub(crate) fn set_file_class(&mut self, class: u32) {
        self.patch(self.files, 36, class);
    }

    /// Sets `WDF_DRIVER_CONFIG.DriverPoolTag`, which is zero at first.
    pub(crate) fn set_pool_tag(&mut self, tag: u32) {
        self.patch(self.config, 28, tag);
    }

    fn patch(&mut self, place: Place, offset: usize, value: u32) {
        let at = place.0 as usize + offset;
        self.parts.data[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }

    fn point(&mut self, from: Place, offset: u32, to: Place) {
        self.parts.pointers.push((from.0 + offset, to.0));
    }

    fn point_code(&mut self, from: Place, offset: u32, to: Function) {
        self.parts.code_pointers.push((from.0 + offset, to.0));
    }

    /// One function more, still empty.
    pub(crate) fn function(&mut self) -> Function {
        self.parts.functions.push(Code::new());
        Function(self.parts.functions.len() - 1)
    }

    /// Restarts a function.
    pub(crate) fn rewrite(&mut self, function: Function) {
        *self.code(function) = Code::new();
    }

    /// Omits the unwind data of the functions.
    pub(crate) fn leave_out_unwind_data(&mut self) {
        self.parts.without_unwind_data = true;
    }

    /// The address of a function in the image.
    pub(crate) fn range(&self, function: Function) -> Range<u32> {
        self.parts.ranges()[function.0].clone()
    }

    /// The code of a function, to be continued.
    pub(crate) fn code(&mut self, function: Function) -> &mut Code {
        &mut self.parts.functions[function.0]
    }

    /// Calls an import.
    pub(crate) fn call(&mut self, function: Function, name: &str, values: &[Value]) -> &mut Code {
        let module = if name.starts_with("WdfVersion") { "WDFLDR.SYS" } else { "ntoskrnl.exe" };
        let import = self.import(module, name);
        self.code(function).import(import, values)
    }

    /// The value of an exported variable.
    pub(crate) fn variable(&mut self, function: Function, name: &str) -> Place {
        let import = self.import("ntoskrnl.exe", name);
        let place = self.words(&[0]);
        self.code(function).variable(import).keep(place);
        place
    }

    fn import(&mut self, module: &'static str, name: &str) -> usize {
        let imports = &mut self.parts.imports;
        imports.iter().position(|import| import.1 == name).unwrap_or_else(|| {
            imports.push((module, name.to_owned()));
            imports.len() - 1
        })
    }

    /// Calls a function of the framework.
    pub(crate) fn framework(&mut self, function: Function, name: &str, values: &[Value]) -> &mut Code {
        let row = SLOTS.lines().skip(1).position(|row| row.split_once(',').is_some_and(|row| row.1 == name));
        let slot = row.expect("a function of the framework");
        let table = self.table;
        if function.0 == ENTRY.0 && name == self.left_out {
            return self.code(function);
        }
        self.code(function).pointer(Value::Behind(table, 8 * slot as i32), values)
    }

    /// Returns from a function.
    pub(crate) fn give(&mut self, function: Function, value: Value) {
        self.code(function).give(value);
    }

    /// Completes the request in the control callback, and returns.
    pub(crate) fn complete(&mut self, status: u64, information: u64) {
        self.complete_only(status, information);
        self.give(ON_CONTROL, 0.into());
    }

    /// Completes the request with a word as its reply, and returns.
    pub(crate) fn answer(&mut self, word: Place) {
        let buffer = self.words(&[0]);
        let values = [Value::Of(self.globals), Value::Argument(1), 1.into(), Value::At(buffer), 0.into()];
        self.framework(ON_CONTROL, "WdfRequestRetrieveOutputBuffer", &values);
        self.code(ON_CONTROL).write(Value::Of(buffer), 0, Value::Of(word));
        self.complete(0, 8);
    }

    /// Completes the request in the control callback.
    pub(crate) fn complete_only(&mut self, status: u64, information: u64) {
        let values = [Value::Of(self.globals), Value::Argument(1), status.into(), information.into()];
        self.framework(ON_CONTROL, "WdfRequestCompleteWithInformation", &values);
    }

    /// The type of the context that file objects have.
    pub(crate) fn context_type(&self) -> Value {
        Value::At(self.context_type)
    }

    /// The bytes of the image.
    pub(crate) fn file(&self) -> Vec<u8> {
        pe::build(&self.parts)
    }

    /// The image.
    pub(crate) fn image(&self) -> Image {
        Image::from_bytes(self.file()).expect("a well-formed image")
    }
}
