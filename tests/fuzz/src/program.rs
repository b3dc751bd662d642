//! Programs of calls, made from bytes.

use arbitrary::{Result, Unstructured};
use psimp_catalogue::{ClientToken, ServerToken, User};
use psimp_harness::driver::Source;
use psimp_harness::program::{Actor, Call, Callers, Fail, Step, compare};
use psimp_model::Kernel;
use psimp_protocol::RulesMode;

/// The most steps of a program: enough to fill a file's saves and continue.
const LONGEST: usize = 64;

pub(crate) fn run(bytes: &[u8], sources: &[Source]) -> std::result::Result<(), String> {
    let Ok((kernel, server, program)) = read(&mut Unstructured::new(bytes)) else { return Ok(()) };
    let sources: Vec<_> = sources.iter().map(|source| (source, Callers::AsGiven)).collect();
    compare(&sources, kernel, server, &program)
        .map_err(|wrong| format!("{wrong}\n{kernel:?}, {server:?}, {program:?}"))
}

fn read(bytes: &mut Unstructured<'_>) -> Result<(Kernel, ServerToken, Vec<Step>)> {
    let kernel = *bytes.choose(Kernel::ALL)?;
    let server = *bytes.choose(ServerToken::ALL)?;
    let mut program = Vec::new();
    while !bytes.is_empty() && program.len() < LONGEST {
        // Bits 0 and 1: the calling thread, and the thread that the call is about.
        let players = bytes.arbitrary::<u8>()?;
        let actor = |bit: u8| if players & bit == 0 { Actor::One } else { Actor::Two };
        let (by, about) = (actor(1), actor(2));
        program.push(Step { by, about, call: call(bytes)?, fail: fail(bytes)? });
    }
    Ok((kernel, server, program))
}

/// The numbers of the calls must not change, so that stored inputs keep their meaning.
fn call(bytes: &mut Unstructured<'_>) -> Result<Call> {
    Ok(match bytes.int_in_range(0..=17_u8)? {
        0 => Call::Impersonate {
            token: *bytes.choose(ClientToken::ALL)?,
            copy_on_open: bytes.arbitrary()?,
            effective_only: bytes.arbitrary()?,
            level: level(bytes)?,
            rules: *bytes.choose(&[RulesMode::Documented, RulesMode::Kernel])?,
        },
        1 => Call::Evaluate(*bytes.choose(ClientToken::ALL)?, level(bytes)?),
        2 => Call::Query,
        3 => Call::Save,
        4 => Call::Restore(number(bytes)?),
        5 => Call::Discard(number(bytes)?),
        6 => Call::Revert,
        7 => Call::End,
        8 => Call::AccessCheck(*bytes.choose(&[User::A, User::B, User::Anonymous])?),
        9 => Call::Open,
        10 => Call::SetThreadTokenNull,
        11 => Call::Privilege(bytes.arbitrary()?),
        12 => Call::Become(*bytes.choose(ServerToken::ALL)?),
        13 => Call::DisableRestore,
        14 => Call::Terminate,
        15 => Call::OpenDevice,
        16 => Call::UseDevice(number(bytes)?),
        _ => Call::CloseDevice,
    })
}

fn fail(bytes: &mut Unstructured<'_>) -> Result<Option<Fail>> {
    Ok(match bytes.arbitrary::<u8>()? {
        byte @ 0xF0.. => Some(Fail::Query((byte & 7).into())),
        0xE0..=0xEF => Some(Fail::Duplicate),
        _ => None,
    })
}

fn number(bytes: &mut Unstructured<'_>) -> Result<usize> {
    Ok(bytes.arbitrary::<u8>()?.into())
}

/// Mostly one of the four levels, sometimes any number.
fn level(bytes: &mut Unstructured<'_>) -> Result<u32> {
    match bytes.int_in_range(0..=4_u8)? {
        4 => bytes.arbitrary(),
        level => Ok(level.into()),
    }
}
