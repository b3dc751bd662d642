//! Tries out, in a server process, which features the kernel has.

use super::observe::OpenedToken;
use super::pipe;
use crate::native::feature::Feature;
use crate::native::system::handle::AsHandle as _;
use crate::native::system::object::{Descriptor, Event};
use crate::native::system::token::{ALL_ACCESS, Filter, QUERY};
use crate::native::system::{Token, rights, thread};
use psimp_model::sids;
use psimp_nt::{Status, TokenType, integrity};

/// Tries out a feature. The error is what was observed instead.
pub(super) fn probe(feature: Feature, unrestricted: Option<&Token>) -> Result<(), String> {
    let tried = tried(feature, unrestricted);
    // The answer is written without impersonating.
    let reverted = thread::set_token(thread::current(), None);
    tried.and(reverted.map_err(|status| format!("RevertToSelf failed with {status}")))
}

fn tried(feature: Feature, unrestricted: Option<&Token>) -> Result<(), String> {
    let said = |call: &'static str| move |status: Status| format!("{call} failed with {status}");
    let own = || Token::of_process(thread::current_process(), ALL_ACCESS).map_err(said("NtOpenProcessToken"));
    let seen = |token: &Token| token.information().map_err(said("NtQueryInformationToken"));
    match feature {
        Feature::Downgrade => {
            let token = unrestricted.ok_or("there is no unrestricted token")?;
            thread::set_token(thread::current(), Some(token)).map_err(said("SetThreadToken"))?;
            match OpenedToken::of(thread::current(), true) {
                OpenedToken::Token(token) if token.level.is_ok_and(|level| level as u8 == 2) => {
                    Err("a restricted process took an unrestricted token at Impersonation".to_owned())
                }
                _ => Ok(()),
            }
        }
        Feature::LevelOfOpens => {
            let event = event()?;
            thread::impersonate_self(1).map_err(said("ImpersonateSelf"))?;
            expect("an open at Identification", event.open(1).map(drop), Status::BAD_IMPERSONATION_LEVEL)
        }
        Feature::OpenAsSelf => {
            thread::impersonate_self(1).map_err(said("ImpersonateSelf"))?;
            let opened = Token::of_thread(thread::current(), QUERY, false).map(drop);
            expect("OpenThreadToken at Identification", opened, Status::BAD_IMPERSONATION_LEVEL)
        }
        Feature::EffectiveOnly => {
            let copy = own()?
                .duplicate(QUERY, TokenType::Impersonation, 2, true)
                .map_err(said("NtDuplicateToken"))?;
            let disabled = seen(&copy)?.privileges.iter().any(|privilege| !privilege.enabled());
            if disabled { Err("an effective-only copy had a disabled privilege".to_owned()) } else { Ok(()) }
        }
        Feature::Anonymous => {
            thread::impersonate_anonymous(thread::current()).map_err(said("ImpersonateAnonymousToken"))
        }
        Feature::RestrictingSids => {
            let filter = Filter { restricting: &[sids::RESTRICTED], ..Filter::default() };
            let token = own()?.duplicate(ALL_ACCESS, TokenType::Impersonation, 2, false);
            let token = token.and_then(|token| token.filter(&filter)).map_err(said("NtFilterToken"))?;
            let event = event()?;
            thread::set_token(thread::current(), Some(&token)).map_err(said("SetThreadToken"))?;
            expect("an open of what the user alone may open", event.open(1).map(drop), Status::ACCESS_DENIED)
        }
        Feature::ImpersonateThread => {
            let thread = thread::current();
            thread::impersonate_thread(thread, thread, 2).map_err(said("NtImpersonateThread"))
        }
        Feature::Integrity => {
            let copy = own()?
                .duplicate(ALL_ACCESS, TokenType::Primary, 0, false)
                .map_err(said("NtDuplicateToken"))?;
            copy.set_integrity(integrity::LOW).map_err(said("NtSetInformationToken"))?;
            match seen(&copy)?.integrity {
                Some(integrity::LOW) => Ok(()),
                other => Err(format!("a token set to low integrity has {other:?}")),
            }
        }
        Feature::WeakPrimary => {
            let weak = own()?
                .duplicate(ALL_ACCESS, TokenType::Impersonation, 1, false)
                .map_err(said("NtDuplicateToken"))?;
            let primary = weak.duplicate(QUERY, TokenType::Primary, 0, false).map(drop);
            expect("a primary token of one at Identification", primary, Status::BAD_IMPERSONATION_LEVEL)
        }
        Feature::ThreadRights => {
            const ALL_BUT_SET_THREAD_TOKEN: u32 = rights::ALL_OF_A_THREAD & !0x80;
            let handle = thread::open(thread::current_id(), ALL_BUT_SET_THREAD_TOKEN);
            let handle = handle.map_err(|error| error.to_string())?;
            let token = own()?.duplicate(ALL_ACCESS, TokenType::Impersonation, 2, false);
            let set = token.and_then(|token| thread::set_token(handle.as_handle(), Some(&token)));
            expect("SetThreadToken through a handle that may do all else", set, Status::ACCESS_DENIED)
        }
        Feature::HandleLength => {
            let copy = own()?
                .duplicate(ALL_ACCESS, TokenType::Impersonation, 2, false)
                .map_err(said("NtDuplicateToken"))?;
            let set = thread::set_token_of_length(thread::current(), &copy, 4);
            expect("a handle of four bytes", set, Status::INFO_LENGTH_MISMATCH)
        }
        Feature::PipeClients => {
            const SQOS_IDENTIFICATION: u32 = 0x0011_0000;
            let read = pipe::impersonate(SQOS_IDENTIFICATION, true)?;
            read.map_err(said("ImpersonateNamedPipeClient"))?;
            match OpenedToken::of(thread::current(), true) {
                OpenedToken::Token(token) if token.level.is_ok_and(|level| level as u8 == 1) => Ok(()),
                other => Err(format!("a client at Identification was seen as {}", other.open(None))),
            }
        }
        Feature::AccessCheckOfTokens => {
            let copy = own()?
                .duplicate(QUERY, TokenType::Impersonation, 0, false)
                .map_err(said("NtDuplicateToken"))?;
            let descriptor = Descriptor::null_dacl(&seen(&copy)?.user).map_err(|error| error.to_string())?;
            let checked = copy.access_check(&descriptor, 1).map(drop);
            expect("NtAccessCheck at Anonymous", checked, Status::BAD_IMPERSONATION_LEVEL)
        }
    }
}

/// An event that only the process's user may open.
fn event() -> Result<Event, String> {
    let own = Token::of_process(thread::current_process(), QUERY)
        .map_err(|status| format!("NtOpenProcessToken failed with {status}"))?;
    let own = own.information().map_err(|status| format!("NtQueryInformationToken failed with {status}"))?;
    let event = Descriptor::granting(&own.user, &[own.user])
        .and_then(|descriptor| Event::create(&own.user, &descriptor));
    event.map_err(|error| format!("cannot make objects: {error}"))
}

fn expect(what: &str, came: Result<(), Status>, expected: Status) -> Result<(), String> {
    match came {
        Err(status) if status == expected => Ok(()),
        Err(status) => Err(format!("{what} failed with {status}")),
        Ok(()) => Err(format!("{what} succeeded")),
    }
}
