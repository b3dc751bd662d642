//! Objects with descriptors, to test the access of a thread: events in a directory of the object manager, as on
//! Windows.

use crate::call;
use crate::handle::{AsHandle, BorrowedHandle, OwnedHandle};
use crate::random;
use crate::running::Thing;
use psimp_model::{GenericMapping, MandatoryLabel, SecurityDescriptor, privileges, sids};
use psimp_nt::{Sid, Status, integrity};
use psimp_rules::Family;
use psimp_windows::Error;
use psimp_windows::descriptor::Descriptor as Bytes;
use std::sync::Arc;

/// `EVENT_ALL_ACCESS` and `DIRECTORY_ALL_ACCESS`.
const EVENT_ALL_ACCESS: u32 = 0x001F_0003;
const DIRECTORY_ALL_ACCESS: u32 = 0x000F_000F;
/// `STATUS_INVALID_OWNER`.
const INVALID_OWNER: Status = Status(0xC000_005A);

/// A directory, or an event in one.
struct Named {
    descriptor: SecurityDescriptor,
    /// What it is in.
    directory: Option<Arc<Named>>,
}

/// A self-relative security descriptor.
#[derive(Debug)]
pub struct Descriptor(Bytes);

impl Descriptor {
    /// A descriptor that grants everything to these SIDs and nothing to others.
    ///
    /// # Errors
    /// `INVALID_SECURITY_DESCR` for more SIDs than a DACL can have.
    pub fn granting(owner: &Sid, granted: &[Sid]) -> Result<Self, Error> {
        Bytes::self_relative(owner, Some(granted), has_integrity_levels()).map(Self)
    }

    /// A descriptor with a null DACL, which grants everything to everybody.
    ///
    /// # Errors
    /// None.
    pub fn null_dacl(owner: &Sid) -> Result<Self, Error> {
        Bytes::self_relative(owner, None, has_integrity_levels()).map(Self)
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        self.0.bytes()
    }
}

/// Whether tokens have integrity levels here.
fn has_integrity_levels() -> bool {
    call::enter().machine().system.kernel().family() != Family::Nt52
}

/// An event in a directory of its own.
#[derive(Debug)]
pub struct Event {
    _directory: OwnedHandle,
    opened: OwnedHandle,
    path: String,
}

impl Event {
    /// Creates an event with this descriptor, in a directory that everybody may use.
    ///
    /// # Errors
    /// Those of `NtCreateDirectoryObject` and `NtCreateEvent`.
    pub fn create(owner: &Sid, descriptor: &Descriptor) -> Result<Self, Error> {
        let anybody = Descriptor::granting(owner, &[Sid::EVERYONE, Sid::ANONYMOUS_LOGON, sids::RESTRICTED])?;
        Self::create_in(&anybody, descriptor)
    }

    /// Creates an event with this descriptor, in a directory with another.
    ///
    /// # Errors
    /// As [`Event::create`].
    pub fn create_in(directory: &Descriptor, descriptor: &Descriptor) -> Result<Self, Error> {
        let call = call::enter();
        let (directory, parent) = create("NtCreateDirectoryObject", directory, DIRECTORY_ALL_ACCESS, None)?;
        let (event, named) = create("NtCreateEvent", descriptor, EVENT_ALL_ACCESS, Some(parent))?;
        let path = format!(r"\BaseNamedObjects\psimp-{:016x}\event", u64::from_ne_bytes(random::bytes()?));
        let named: Thing = named;
        call.machine().name(path.clone(), Arc::downgrade(&named));
        Ok(Self { _directory: directory, opened: event, path })
    }

    /// Its name, by which other processes open it.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Opens the event by its name, as the thread now is.
    ///
    /// # Errors
    /// Those of `NtOpenEvent`.
    pub fn open(&self, desired: u32) -> Result<OwnedHandle, Status> {
        open(&self.path, desired)
    }
}

impl AsHandle for Event {
    fn as_handle(&self) -> BorrowedHandle<'_> {
        self.opened.as_handle()
    }
}

/// Opens an event by [`Event::path`], as the thread now is.
///
/// # Errors
/// `OBJECT_NAME_NOT_FOUND`, and those of the access checks.
pub fn open(path: &str, desired: u32) -> Result<OwnedHandle, Status> {
    let call = call::enter();
    let event = call.machine().named::<Named>(path).ok_or(Status::OBJECT_NAME_NOT_FOUND)?;
    let directory = event.directory.as_ref().ok_or(Status::OBJECT_NAME_NOT_FOUND)?;
    let granted = call.machine().system.ob_open_nested_object(
        call.thread(),
        std::slice::from_ref(&directory.descriptor),
        Some(&event.descriptor),
        desired,
        &GenericMapping::EVENT,
    )?;
    Ok(OwnedHandle::new(call.process(), call.process().insert(event, granted)))
}

/// Creates an object. Its descriptor is that of the calling thread's effective token to give: the owner has to be its
/// user, unless it may restore files, and a label takes `SeSecurityPrivilege` before Windows Vista.
fn create(
    name: &'static str,
    descriptor: &Descriptor,
    granted: u32,
    directory: Option<Arc<Named>>,
) -> Result<(OwnedHandle, Arc<Named>), Error> {
    let call = call::enter();
    let failed = |status| Error::status(name, status);
    let descriptor = SecurityDescriptor::parse_owned(descriptor.bytes()).map_err(failed)?;
    let system = &call.machine().system;
    // `DIRECTORY_CREATE_OBJECT` in `\BaseNamedObjects`.
    if directory.is_none() {
        let label =
            MandatoryLabel { integrity: integrity::LOW, no_write_up: true, ..MandatoryLabel::default() };
        let named = SecurityDescriptor::new(sids::LOCAL_SYSTEM, None);
        let named = SecurityDescriptor { label: Some(label), ..named };
        system.ob_open_object(call.thread(), Some(&named), 0x4, &GenericMapping::FILE).map_err(failed)?;
    }
    let (token, ..) = system.ps_reference_effective_token(call.thread());
    if descriptor.owner != Some(token.user()) && !token.has_privilege(privileges::RESTORE) {
        return Err(failed(INVALID_OWNER));
    }
    let labelled = descriptor.label.is_some() && system.kernel().family() == Family::Nt52;
    if labelled && !token.has_privilege(privileges::SECURITY) {
        return Err(failed(Status::PRIVILEGE_NOT_HELD));
    }
    let named = Arc::new(Named { descriptor, directory });
    let number = call.process().insert(named.clone(), granted);
    Ok((OwnedHandle::new(call.process(), number), named))
}
