//! Tokens: one owning type for each way to get a reference, all read in the same way.

use super::check;
use super::disabled::ImpersonationDisabled;
use super::object::Reference;
use crate::ntoskrnl::{
    ExFreePool, ObOpenObjectByPointer, ObReferenceObjectByHandle, ObfDereferenceObject, ObfReferenceObject,
    PsDereferenceImpersonationToken, PsDereferencePrimaryToken, SeQueryInformationToken, SeTokenIsRestricted,
    ZwClose, ZwDuplicateToken,
};
use core::marker::PhantomData;
use core::ptr::{self, NonNull};
use psimp_nt::{Level, Luid, Sid, Status, TokenType};
use psimp_service::{Statistics, Token, rights};
use wdk_sys::{
    _MODE::KernelMode, _TOKEN_INFORMATION_CLASS, _TOKEN_TYPE::TokenImpersonation, HANDLE, LUID,
    OBJ_KERNEL_HANDLE, OBJECT_ATTRIBUTES, POBJECT_TYPE, PVOID, SECURITY_QUALITY_OF_SERVICE,
    SeTokenObjectType, TOKEN_STATISTICS, TOKEN_USER,
};

/// A token that is referenced during `'r`: the argument of routines that only use it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct TokenPtr<'r>(PVOID, PhantomData<&'r ()>);

/// A token referenced through a handle, or a client's; released with `ObDereferenceObject`.
pub(crate) struct HandleToken(Reference);

/// A process's primary token; released with `PsDereferencePrimaryToken`.
pub(crate) struct PrimaryToken(PVOID);

/// A slot's token.
pub(crate) struct SlotToken {
    token: NonNull<core::ffi::c_void>,
    taken: Taken,
}

/// How the reference on a slot's token was taken.
enum Taken {
    /// By `PsReferenceImpersonationToken`, and released with
    /// `PsDereferenceImpersonationToken`.
    FromSlot,
    /// By `ObReferenceObject`, and released with `ObDereferenceObject`.
    Further,
}

impl HandleToken {
    /// Opens a handle of the caller; also returns all the access it grants.
    ///
    /// # Errors
    /// `INVALID_HANDLE`, `OBJECT_TYPE_MISMATCH`, `ACCESS_DENIED`.
    pub(crate) fn open(handle: u64, access: u32) -> Result<(Self, u32), Status> {
        // SAFETY: the kernel's token type.
        let (token, granted) = unsafe { Reference::open(handle, access, token_type()) }?;
        Ok((Self(token), granted))
    }

    /// Takes a further reference on a token.
    ///
    /// # Safety
    /// `token` is a token, and a reference keeps it alive until this returns.
    pub(super) unsafe fn another(token: PVOID) -> Self {
        // SAFETY: promised by the caller.
        Self(unsafe { Reference::another(token) })
    }

    /// The token, for use as long as the value holds its reference.
    pub(crate) fn borrow(&self) -> TokenPtr<'_> {
        TokenPtr(self.0.as_ptr(), PhantomData)
    }
}

impl PrimaryToken {
    /// # Safety
    /// One reference of `PsReferencePrimaryToken` becomes the value's.
    pub(super) unsafe fn from_owned(token: PVOID) -> Self {
        Self(token)
    }

    fn borrow(&self) -> TokenPtr<'_> {
        TokenPtr(self.0, PhantomData)
    }
}

impl Drop for PrimaryToken {
    fn drop(&mut self) {
        // SAFETY: the value owns one reference.
        unsafe { PsDereferencePrimaryToken(self.0) };
    }
}

impl SlotToken {
    /// # Safety
    /// One reference of `PsReferenceImpersonationToken` becomes the value's.
    pub(super) unsafe fn from_owned(token: NonNull<core::ffi::c_void>) -> Self {
        Self { token, taken: Taken::FromSlot }
    }

    /// The token, for use as long as the value holds its reference.
    pub(crate) fn borrow(&self) -> TokenPtr<'_> {
        TokenPtr(self.token.as_ptr(), PhantomData)
    }
}

impl Clone for SlotToken {
    fn clone(&self) -> Self {
        // SAFETY: the value's own reference keeps the token alive.
        unsafe { ObfReferenceObject(self.token.as_ptr()) };
        Self { token: self.token, taken: Taken::Further }
    }
}

impl Drop for SlotToken {
    fn drop(&mut self) {
        match self.taken {
            // SAFETY: the value owns one reference.
            Taken::FromSlot => unsafe { PsDereferenceImpersonationToken(self.token.as_ptr()) },
            Taken::Further => {
                // SAFETY: the value owns one reference.
                unsafe { ObfDereferenceObject(self.token.as_ptr()) };
            }
        }
    }
}

/// All three are read in the same way, through [`TokenPtr`].
macro_rules! readable {
    ($($token:ty),*) => {$(
        impl Token for $token {
            fn statistics(&self) -> Result<Statistics, Status> {
                self.borrow().statistics()
            }
            fn user(&self) -> Result<Sid, Status> {
                self.borrow().user()
            }
            fn is_restricted(&self) -> bool {
                self.borrow().is_restricted()
            }
        }
    )*};
}
readable!(HandleToken, PrimaryToken, SlotToken);

#[allow(clippy::cast_possible_truncation)] // 0
const KERNEL_MODE: i8 = KernelMode as i8;

#[allow(clippy::cast_possible_truncation)] // a few dozen bytes
const fn size_of_u32<T>() -> u32 {
    size_of::<T>() as u32
}

/// The kernel's token type.
fn token_type() -> POBJECT_TYPE {
    // SAFETY: an exported variable that the kernel sets before any driver runs.
    let slot = unsafe { SeTokenObjectType };
    // SAFETY: the import is the variable's address.
    unsafe { *slot }
}

/// A kernel handle, closed on drop.
struct KernelHandle(HANDLE);

impl Drop for KernelHandle {
    // Where two calls of an import follow each other, the compiler may keep the import's address in
    // a register; the lint does not know what is called there.
    #[inline(never)]
    fn drop(&mut self) {
        // SAFETY: the value owns the handle, so closing it succeeds.
        let _ = unsafe { ZwClose(self.0) };
    }
}

/// What `SeQueryInformationToken` allocated, freed on drop. `T` is what the
/// block begins with.
struct Information<T> {
    block: NonNull<T>,
    owns: PhantomData<T>,
}

impl<T> Information<T> {
    /// Queries a class that returns a block beginning with a `T`.
    ///
    /// # Safety
    /// `class` is one of those.
    unsafe fn query(token: TokenPtr<'_>, class: i32) -> Result<Self, Status> {
        let mut block: PVOID = ptr::null_mut();
        // SAFETY: the token is referenced; the other pointer is to a local.
        check(unsafe { SeQueryInformationToken(token.0, class, &raw mut block) })?;
        let block = NonNull::new(block.cast()).ok_or(Status::INSUFFICIENT_RESOURCES)?;
        Ok(Self { block, owns: PhantomData })
    }

    fn get(&self) -> &T {
        // SAFETY: the caller of `query` promised that the block begins with a `T`, and the
        // value owns the block.
        unsafe { self.block.as_ref() }
    }
}

impl<T> Drop for Information<T> {
    fn drop(&mut self) {
        // SAFETY: the routine's caller frees the block, once.
        unsafe { ExFreePool(self.block.as_ptr().cast()) };
    }
}

fn luid(luid: LUID) -> Luid {
    Luid(u64::from(luid.HighPart.cast_unsigned()) << 32 | u64::from(luid.LowPart))
}

impl TokenPtr<'_> {
    /// # Safety
    /// `token` is a token, and referenced during `'r`.
    pub(super) unsafe fn new(token: PVOID) -> Self {
        Self(token, PhantomData)
    }

    pub(super) fn as_ptr(self) -> PVOID {
        self.0
    }

    /// An impersonation-type copy at `level`, with everything that is disabled
    /// in it kept. The handles on the way are the kernel's, so that the caller
    /// cannot reach them. The copy's descriptor is made of the primary token of
    /// the calling process, also while the thread impersonates.
    ///
    /// # Errors
    /// The error of the duplication, for example out of memory.
    pub(crate) fn duplicate(self, level: Level) -> Result<HandleToken, Status> {
        let mut handle: HANDLE = ptr::null_mut();
        // SAFETY: the token is referenced; the pointer is to a local.
        check(unsafe {
            ObOpenObjectByPointer(
                self.0,
                OBJ_KERNEL_HANDLE,
                ptr::null_mut(),
                rights::TOKEN_DUPLICATE,
                token_type(),
                KERNEL_MODE,
                &raw mut handle,
            )
        })?;
        let source = KernelHandle(handle);
        let mut quality = SECURITY_QUALITY_OF_SERVICE {
            Length: size_of_u32::<SECURITY_QUALITY_OF_SERVICE>(),
            ImpersonationLevel: i32::from(level as u8),
            ContextTrackingMode: 0,
            EffectiveOnly: 0,
        };
        let mut attributes = OBJECT_ATTRIBUTES {
            Length: size_of_u32::<OBJECT_ATTRIBUTES>(),
            Attributes: OBJ_KERNEL_HANDLE,
            SecurityQualityOfService: (&raw mut quality).cast(),
            ..OBJECT_ATTRIBUTES::default()
        };
        let mut handle: HANDLE = ptr::null_mut();
        // Owner, group, default DACL and label of a new object are the effective token's.
        let disabled = ImpersonationDisabled::new();
        // SAFETY: the source handle is open; the pointers are to locals.
        check(unsafe {
            ZwDuplicateToken(
                source.0,
                rights::TOKEN_IMPERSONATE,
                &raw mut attributes,
                0,
                TokenImpersonation,
                &raw mut handle,
            )
        })?;
        drop(disabled);
        let copy = KernelHandle(handle);
        let mut object: PVOID = ptr::null_mut();
        // SAFETY: the handle is our own, hence KernelMode; the pointer is to a local.
        check(unsafe {
            ObReferenceObjectByHandle(
                copy.0,
                rights::TOKEN_IMPERSONATE,
                token_type(),
                KERNEL_MODE,
                &raw mut object,
                ptr::null_mut(),
            )
        })?;
        let object = NonNull::new(object).ok_or(Status::INVALID_HANDLE)?;
        // SAFETY: the call above took one reference.
        Ok(HandleToken(unsafe { Reference::from_owned(object) }))
    }

    fn statistics(self) -> Result<Statistics, Status> {
        // SAFETY: the class returns TOKEN_STATISTICS.
        let information = unsafe {
            Information::<TOKEN_STATISTICS>::query(self, _TOKEN_INFORMATION_CLASS::TokenStatistics)
        }?;
        let statistics = information.get();
        Ok(Statistics {
            token_id: luid(statistics.TokenId),
            authentication_id: luid(statistics.AuthenticationId),
            token_type: if statistics.TokenType == TokenImpersonation {
                TokenType::Impersonation
            } else {
                TokenType::Primary
            },
            // A token never has a level out of range; the weakest level is the safe fallback.
            level: Level::from_raw(statistics.ImpersonationLevel.cast_unsigned()).unwrap_or(Level::Anonymous),
        })
    }

    pub(super) fn user(self) -> Result<Sid, Status> {
        // SAFETY: the class returns TOKEN_USER.
        let information =
            unsafe { Information::<TOKEN_USER>::query(self, _TOKEN_INFORMATION_CLASS::TokenUser) }?;
        let sid = information.get().User.Sid.cast::<u8>();
        // SAFETY: the SID lies in the block, and its second byte counts its parts.
        let count = unsafe { sid.wrapping_add(1).read() };
        let length = 8 + 4 * usize::from(count);
        // SAFETY: a SID with `count` parts has this length, all of it in the block.
        let bytes = unsafe { core::slice::from_raw_parts(sid, length) };
        Sid::of_kernel(bytes)
    }

    fn is_restricted(self) -> bool {
        // SAFETY: the token is referenced.
        unsafe { SeTokenIsRestricted(self.0) != 0 }
    }
}
