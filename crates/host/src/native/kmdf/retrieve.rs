//! Functions that retrieve parameters and buffers of a request.

use crate::Requestor;
use crate::native::engine::address::Address;
use crate::native::engine::guarded::Guarded;
use crate::native::engine::stop::Outcome;
use crate::native::framework::create_memory::{self, CreateMemory};
use crate::native::framework::request::{METHOD_BUFFERED, Request, RequestKind};
use crate::native::running::call::exports;
use crate::native::running::context::Context;
use psimp_nt::Status;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// `WDF_REQUEST_PARAMETERS`; what follows the type depends on it.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct Parameters {
    size: u16,
    minor_function: u8,
    padding: u8,
    kind: u32,
    arguments: [u64; 4],
}

const TYPE_CREATE: u32 = 0x00;
const TYPE_DEVICE_CONTROL: u32 = 0x0E;

exports! {
    /// The functions that are modelled.
    FUNCTIONS:

    fn WdfRequestGetParameters[DISPATCH, fails NEVER](
        cx, globals: Address, request: Address, parameters: Address
    ) {
        cx.framework(globals)?;
        let request = cx.request(request)?;
        let given: Parameters = cx.read(parameters, "WDF_REQUEST_PARAMETERS")?;
        if usize::from(given.size) != size_of::<Parameters>() {
            return cx.bad_argument(format_args!("was given WDF_REQUEST_PARAMETERS of {} bytes", given.size));
        }
        let (kind, arguments) = match request.kind {
            RequestKind::Create => {
                let security = request.create.as_ref().map_or(0, CreateMemory::security_context);
                (TYPE_CREATE, [security, create_memory::OPTIONS, 0, 0])
            }
            RequestKind::Control { code } => {
                let lengths = (request.output as u64, request.input as u64);
                (TYPE_DEVICE_CONTROL, [lengths.0, lengths.1, code.into(), 0])
            }
        };
        let filled = Parameters { minor_function: 0, kind, arguments, ..given };
        cx.write(parameters, &filled, "WDF_REQUEST_PARAMETERS")
    }

    fn WdfRequestRetrieveInputBuffer[DISPATCH, fails RESOURCES](
        cx, globals: Address, request: Address, required: u64, buffer: Address, length: Address
    ) -> Status {
        cx.framework(globals)?;
        let request = cx.request(request)?;
        retrieve(cx, request, request.input, required, buffer, length)
    }

    fn WdfRequestRetrieveOutputBuffer[DISPATCH, fails RESOURCES](
        cx, globals: Address, request: Address, required: u64, buffer: Address, length: Address
    ) -> Status {
        cx.framework(globals)?;
        let request = cx.request(request)?;
        retrieve(cx, request, request.output, required, buffer, length)
    }

    fn WdfRequestGetRequestorMode[DISPATCH, fails NEVER](cx, globals: Address, request: Address) -> u8 {
        cx.framework(globals)?;
        Ok(match cx.request(request)?.requestor {
            Requestor::Kernel => 0,
            Requestor::User => 1,
        })
    }

    fn WdfRequestGetFileObject[DISPATCH, fails NEVER](cx, globals: Address, request: Address) -> Address {
        cx.framework(globals)?;
        cx.request(request)?;
        let Some(file) = cx.dispatch.file else { return Ok(Address::NULL) };
        cx.machine().framework.look_up(file);
        Ok(Address(file.handle()))
    }
}

/// Input and output are the same buffer; only the length differs.
fn retrieve(
    cx: &Context<'_>,
    request: &Request,
    available: usize,
    required: u64,
    buffer: Address,
    length: Address,
) -> Outcome<Status> {
    cx.write(buffer, &0_u64, "the buffer's address")?;
    if length.non_null().is_some() {
        cx.write(length, &0_u64, "the buffer's length")?;
    }
    let RequestKind::Control { code } = request.kind else { return Ok(Status::INVALID_DEVICE_REQUEST) };
    // Also when the required length is zero.
    if available == 0 {
        return Ok(Status::BUFFER_TOO_SMALL);
    }
    match code & 3 {
        METHOD_BUFFERED => {}
        // In user-mode memory, which the framework does not return.
        3 if request.requestor == Requestor::User => return Ok(Status::INVALID_DEVICE_REQUEST),
        method => return cx.not_modelled(format_args!("retrieves a buffer of transfer method {method}")),
    }
    if (available as u64) < required {
        return Ok(Status::BUFFER_TOO_SMALL);
    }
    let address = request.buffer.borrow().as_ref().map_or(0, Guarded::address);
    cx.write(buffer, &address, "the buffer's address")?;
    if length.non_null().is_some() {
        cx.write(length, &(available as u64), "the buffer's length")?;
    }
    Ok(Status::SUCCESS)
}
