//! Event tracing.

use crate::native::contracts::object_address::{self, Kind};
use crate::native::contracts::tracing::Registration;
use crate::native::engine::address::Address;
use crate::native::engine::stop::{Outcome, Stop};
use crate::native::running::call::exports;
use crate::native::running::context::Context;
use crate::native::running::dispatch::Dispatch;
use crate::{Event, FaultKind, Listener};
use psimp_nt::Status;
use std::sync::Arc;
use zerocopy::{FromBytes, IntoBytes};

/// `MAX_EVENT_DATA_DESCRIPTORS`.
const MOST_BLOCKS: u32 = 128;
/// Bytes of an event with its header, `EVENT_HEADER`.
const LARGEST: usize = 0x1_0000;
const HEADER: usize = 80;
/// `EventProviderSetTraits`.
const SET_TRAITS: u32 = 2;
/// The channel of self-describing events.
const TRACE_LOGGING: u8 = 11;

/// `EVENT_DESCRIPTOR`.
#[derive(Clone, Copy, FromBytes, IntoBytes)]
#[repr(C)]
struct EventDescriptor {
    id: u16,
    version: u8,
    channel: u8,
    level: u8,
    opcode: u8,
    task: u16,
    keyword: u64,
}

/// `EVENT_DATA_DESCRIPTOR`.
#[derive(Clone, Copy, FromBytes, IntoBytes)]
#[repr(C)]
struct Block {
    address: u64,
    size: u32,
    /// [`kind`].
    kind: u8,
    reserved: [u8; 3],
}

/// The kind of a block: `EVENT_DATA_DESCRIPTOR_TYPE_…`.
mod kind {
    pub(super) const VALUES: u8 = 0;
    pub(super) const EVENT_METADATA: u8 = 1;
    pub(super) const PROVIDER_METADATA: u8 = 2;
}

exports! {
    /// The exports that are modelled.
    EXPORTS:

    fn EtwRegister[PASSIVE, fails RESOURCES](
        cx, provider: Address, callback: u64, context: u64, handle: Address
    ) -> Status {
        in_system_thread(cx)?;
        let provider = cx.read(provider, "the provider's GUID")?;
        if callback != 0 && !cx.machine().mapping.is_code(callback) {
            let address = cx.describe(callback);
            return cx.bad_argument(format_args!("was given {address} as the callback, where there is no code"));
        }
        let value = object_address::address(Kind::Registration, cx.account().serial());
        let registration =
            Registration { handle: value, provider, callback, context, types_blocks: false, caller: cx.caller };
        if let Err(other) = cx.machine().tracing.register(registration) {
            let before = cx.at("by", other.caller);
            return Err(cx.fault(
                FaultKind::Registration,
                format_args!("registers a provider that is registered{before}"),
            ));
        }
        // The callback may run before the driver knows its handle.
        if let Some(listener) = cx.machine().tracing.listener() {
            notify(&registration, cx.dispatch, Some(listener))?;
        }
        cx.write(handle, &value, "the registration's handle")?;
        Ok(Status::SUCCESS)
    }

    fn EtwUnregister[PASSIVE, fails NEVER](cx, handle: u64) -> Status {
        in_system_thread(cx)?;
        registration(cx, handle)?;
        cx.machine().tracing.unregister(handle);
        Ok(Status::SUCCESS)
    }

    fn EtwSetInformation[PASSIVE, fails RESOURCES](
        cx, handle: u64, class: u32, information: Address, length: u32
    ) -> Status {
        registration(cx, handle)?;
        if class != SET_TRAITS {
            return cx.not_modelled(format_args!("was given the information class {class}"));
        }
        let traits = cx.read_bytes(information, length as usize, "the provider's traits")?;
        if !describes_itself(&traits) || !traits[2..].contains(&0) {
            return cx.bad_argument("was given traits that do not begin with their length and a name");
        }
        cx.machine().tracing.set_traits(handle);
        Ok(Status::SUCCESS)
    }

    fn EtwWriteTransfer[ANY, fails RESOURCES](
        cx, handle: u64, descriptor: Address, activity: Address, related: Address, count: u32, blocks: Address
    ) -> Status {
        let registration = registration(cx, handle)?;
        let descriptor: EventDescriptor = cx.read(descriptor, "EVENT_DESCRIPTOR")?;
        for (id, what) in [(activity, "the activity's GUID"), (related, "the related activity's GUID")] {
            if id.non_null().is_some() {
                cx.read::<[u8; 16]>(id, what)?;
            }
        }
        let event = read_event(cx, &registration, &descriptor, count, blocks)?;
        cx.machine().tracing.write(event);
        Ok(Status::SUCCESS)
    }
}

/// Checks that the driver runs on a system thread: it registers in
/// `DriverEntry` and unregisters at unload.
fn in_system_thread(cx: &Context<'_>) -> Outcome<()> {
    if Arc::ptr_eq(cx.dispatch.thread.process(), cx.machine().system_thread.process()) {
        return Ok(());
    }
    Err(cx.fault(FaultKind::Registration, "was called outside of a system thread"))
}

/// The registration of a handle.
fn registration(cx: &Context<'_>, handle: u64) -> Outcome<Registration> {
    cx.machine().tracing.get(handle).map_err(|ended| no_registration(cx, handle, ended))
}

#[cold]
fn no_registration(cx: &Context<'_>, handle: u64, ended: bool) -> Stop {
    let why = if ended { "of a provider that was unregistered" } else { "which is no registration" };
    let handle = cx.describe(handle);
    cx.fault(FaultKind::Registration, format_args!("was given {handle}, {why}"))
}

/// Whether bytes begin with their length.
fn describes_itself(bytes: &[u8]) -> bool {
    bytes.first_chunk().is_some_and(|length| usize::from(u16::from_le_bytes(*length)) == bytes.len())
}

/// The event as a listener gets it. All of it has to be readable, and to fit.
fn read_event(
    cx: &Context<'_>,
    registration: &Registration,
    descriptor: &EventDescriptor,
    count: u32,
    blocks: Address,
) -> Outcome<Event> {
    if count > MOST_BLOCKS {
        return cx.bad_argument(format_args!("writes an event of {count} blocks"));
    }
    let thread = cx.dispatch.thread;
    let mut event = Event {
        provider: registration.provider,
        channel: descriptor.channel,
        level: descriptor.level,
        keyword: descriptor.keyword,
        process: thread.process().id(),
        thread: thread.id(),
        provider_metadata: Vec::new(),
        event_metadata: Vec::new(),
        values: Vec::new(),
    };
    let mut size = HEADER;
    for index in 0..count {
        let at = Address(blocks.0.wrapping_add(u64::from(index) * size_of::<Block>() as u64));
        let block: Block = cx.read(at, "EVENT_DATA_DESCRIPTOR")?;
        size += block.size as usize;
        if size > LARGEST {
            return cx.bad_argument(format_args!("writes an event of more than {LARGEST} bytes"));
        }
        let bytes = cx.read_bytes(Address(block.address), block.size as usize, "data of an event")?;
        if block.kind != kind::VALUES && !registration.types_blocks {
            return cx
                .bad_argument("writes a block of a type, which ETW takes for values: no traits are set");
        }
        let (part, is_first) = match block.kind {
            kind::VALUES => (&mut event.values, true),
            kind::EVENT_METADATA => (&mut event.event_metadata, index == 1),
            kind::PROVIDER_METADATA => (&mut event.provider_metadata, index == 0),
            kind => return cx.not_modelled(format_args!("writes a block of the type {kind}")),
        };
        if block.kind != kind::VALUES && !(is_first && describes_itself(&bytes)) {
            return cx.bad_argument("writes a description that is out of place, or not as long as it states");
        }
        part.extend(bytes);
    }
    if descriptor.channel == TRACE_LOGGING && event.event_metadata.is_empty() {
        return cx.bad_argument("writes an event that does not describe itself as its channel requires");
    }
    Ok(event)
}

/// Changes the session that listens, and notifies every provider of the driver.
pub(crate) fn listen(dispatch: &Dispatch<'_>, listener: Option<Listener>) -> Outcome<()> {
    let registered = dispatch.machine.tracing.set_listener(listener);
    registered.iter().try_for_each(|registration| notify(registration, dispatch, listener))
}

/// Calls a provider's callback.
fn notify(registration: &Registration, dispatch: &Dispatch<'_>, listener: Option<Listener>) -> Outcome<()> {
    /// `EVENT_CONTROL_CODE_DISABLE_PROVIDER`.
    const DISABLE: u64 = 0;
    /// `EVENT_CONTROL_CODE_ENABLE_PROVIDER`.
    const ENABLE: u64 = 1;
    /// The GUID of the session that enables the provider.
    static SOURCE: [u8; 16] = [0; 16];
    if registration.callback == 0 {
        return Ok(());
    }
    let control = if listener.is_some() { ENABLE } else { DISABLE };
    let Listener { level, any_keyword, all_keywords } = listener.unwrap_or(Listener::ALL);
    let source = SOURCE.as_ptr() as u64;
    let arguments = [source, control, level.into(), any_keyword, all_keywords, 0, registration.context];
    dispatch.call(registration.callback, arguments).map(drop)
}
