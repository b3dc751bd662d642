//! Duplicating a token.

use super::handle::{check_attributes, get, open};
use crate::FaultKind;
use crate::native::contracts::handles;
use crate::native::engine::address::Address;
use crate::native::running::call::exports;
use psimp_model::Object;
use psimp_nt::{Level, Status, TokenType};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// `OBJECT_ATTRIBUTES`.
#[derive(Clone, Copy, FromBytes, IntoBytes)]
#[repr(C)]
struct ObjectAttributes {
    length: u32,
    padding: u32,
    root_directory: u64,
    name: u64,
    attributes: u32,
    more_padding: u32,
    security_descriptor: u64,
    quality_of_service: u64,
}

/// `SECURITY_QUALITY_OF_SERVICE`.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub(super) struct QualityOfService {
    pub(super) length: u32,
    pub(super) level: u32,
    pub(super) tracking: u8,
    pub(super) effective_only: u8,
    pub(super) padding: u16,
}

exports! {
    /// The exports that are modelled.
    EXPORTS:

    fn ZwDuplicateToken[PASSIVE, fails RESOURCES](
        cx, existing: u64, desired: u32, attributes: Address, effective_only: u8, token_type: u32, handle: Address
    ) -> Status {
        if !handles::is_kernel(existing) {
            return Err(cx.fault(
                FaultKind::HandleMode,
                format_args!("is given 0x{existing:X}, which is not a handle of the kernel"),
            ));
        }
        let given: ObjectAttributes = cx.read(attributes, "OBJECT_ATTRIBUTES")?;
        if given.length as usize != size_of::<ObjectAttributes>() {
            return Ok(Status::INVALID_PARAMETER);
        }
        if given.root_directory != 0 || given.name != 0 || given.security_descriptor != 0 {
            return cx.not_modelled("names the copy or gives it a security descriptor");
        }
        check_attributes(cx, given.attributes)?;
        let mut level = Level::Anonymous;
        if let Some(at) = Address(given.quality_of_service).non_null() {
            let quality: QualityOfService = cx.read(at, "SECURITY_QUALITY_OF_SERVICE")?;
            match Level::from_raw(quality.level) {
                Some(asked) if quality.length as usize == size_of::<QualityOfService>() => level = asked,
                _ => return Ok(Status::INVALID_PARAMETER),
            }
        }
        let token_type = match token_type {
            1 => TokenType::Primary,
            2 => TokenType::Impersonation,
            _ => return Ok(Status::INVALID_PARAMETER),
        };
        let Object::Token(token) = get(cx, existing)?.object else { return Ok(Status::OBJECT_TYPE_MISMATCH) };
        let (system, thread) = (&cx.machine().system, cx.dispatch.thread);
        let effective_only = effective_only != 0;
        let copy = match system.duplicate_token_checked(thread, &token, token_type, level, effective_only) {
            Ok(copy) => copy,
            Err(status) => return Ok(status),
        };
        let value = open(cx, Object::Token(copy), desired);
        cx.write(handle, &value, "the handle")?;
        Ok(Status::SUCCESS)
    }
}
