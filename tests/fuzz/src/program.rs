//! Programs of calls, made from bytes.

use crate::choice::{self, Choice, TABLES, Tables};
use arbitrary::{Error, Result, Unstructured};
use psimp_catalogue::ServerToken;
use psimp_harness::driver::Source;
use psimp_harness::program::{Actor, Call, Callers, Fail, Step, compare};
use psimp_model::Kernel;
use psimp_protocol::RulesMode;

/// How many calls there were when the first inputs were stored.
const CALLS: u8 = 18;

/// The most steps of a program: enough to fill a file's saves and continue.
const LONGEST: usize = 64;

pub(crate) fn run(bytes: &[u8], sources: &[Source]) -> std::result::Result<(), String> {
    let Ok((kernel, server, program)) = read(&mut Unstructured::new(bytes), &TABLES) else { return Ok(()) };
    let sources: Vec<_> = sources.iter().map(|source| (source, Callers::AsGiven)).collect();
    compare(&sources, kernel, server, &program)
        .map_err(|wrong| format!("{wrong}\n{kernel:?}, {server:?}, {program:?}"))
}

pub(crate) fn read(
    bytes: &mut Unstructured<'_>,
    tables: &Tables,
) -> Result<(Kernel, ServerToken, Vec<Step>)> {
    let kernel = choose(bytes, &tables.kernels)?;
    let server = choose(bytes, &tables.servers)?;
    let mut program = Vec::new();
    while !bytes.is_empty() && program.len() < LONGEST {
        // Bits 0 and 1: the calling thread, and the thread that the call is about.
        let players = bytes.arbitrary::<u8>()?;
        let actor = |bit: u8| if players & bit == 0 { Actor::One } else { Actor::Two };
        let (by, about) = (actor(1), actor(2));
        program.push(Step { by, about, call: call(bytes, tables)?, fail: fail(bytes)? });
    }
    Ok((kernel, server, program))
}

fn choose<T: Copy + PartialEq>(bytes: &mut Unstructured<'_>, choice: &Choice<T>) -> Result<T> {
    choice.of(bytes.arbitrary()?).ok_or(Error::IncorrectFormat)
}

/// The numbers of the calls must not change, so that stored inputs keep their meaning.
fn call(bytes: &mut Unstructured<'_>, tables: &Tables) -> Result<Call> {
    Ok(match choice::number(bytes.arbitrary()?, CALLS) {
        0 => Call::Impersonate {
            token: choose(bytes, &tables.clients)?,
            copy_on_open: bytes.arbitrary()?,
            effective_only: bytes.arbitrary()?,
            level: level(bytes)?,
            rules: *bytes.choose(&[RulesMode::Documented, RulesMode::Kernel])?,
        },
        1 => Call::Evaluate(choose(bytes, &tables.clients)?, level(bytes)?),
        2 => Call::Query,
        3 => Call::Save,
        4 => Call::Restore(number(bytes)?),
        5 => Call::Discard(number(bytes)?),
        6 => Call::Revert,
        7 => Call::End,
        8 => Call::AccessCheck(choose(bytes, &tables.users)?),
        9 => Call::Open,
        10 => Call::SetThreadTokenNull,
        11 => Call::Privilege(bytes.arbitrary()?),
        12 => Call::Become(choose(bytes, &tables.servers)?),
        13 => Call::DisableRestore,
        14 => Call::Terminate,
        15 => Call::OpenDevice,
        16 => Call::UseDevice(number(bytes)?),
        17 => Call::CloseDevice,
        _ => return Err(Error::IncorrectFormat),
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
