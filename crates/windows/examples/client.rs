//! A caller of psimp.sys in Rust: VERSION, IMPERSONATE with a copy of its own token, QUERY, REVERT.
//!
//! `client [LEVEL]`: 0 to 3; 2, Impersonation, if none is given. Exit code 0: done; 1: a call failed; 3: the driver is
//! not there. client.c is the same in C.

use std::process::ExitCode;

#[cfg(not(windows))]
fn main() -> ExitCode {
    eprintln!("the driver psimp.sys cannot be opened: this is not Windows");
    ExitCode::from(3)
}

#[cfg(windows)]
fn main() -> ExitCode {
    let level = match std::env::args().nth(1).map(|level| level.parse()) {
        None => 2,
        Some(Ok(level)) => level,
        Some(Err(_)) => {
            eprintln!("LEVEL is a number");
            return ExitCode::from(1);
        }
    };
    match client::run(level) {
        Ok(()) => ExitCode::SUCCESS,
        Err((call, status)) => {
            eprintln!("{call}: {status}");
            ExitCode::from(if status == psimp_nt::Status::OBJECT_NAME_NOT_FOUND { 3 } else { 1 })
        }
    }
}

#[cfg(windows)]
mod client {
    use psimp_nt::{Status, TokenType};
    use psimp_protocol::wire::{
        Impersonate, Outcome, Slot, Thread, Version, decided_by, slot_flags, verdict,
    };
    use psimp_protocol::{Access, Ioctl, Operation, PROTOCOL_VERSION};
    use psimp_windows::device::{Device, Waiting};
    use psimp_windows::{Token, thread, token};
    use zerocopy::{FromBytes, Immutable, IntoBytes};

    type Failure = (&'static str, Status);

    pub(crate) fn run(level: u32) -> Result<(), Failure> {
        let access = Access::Read as u32 | Access::Write as u32;
        let device = Device::open(access, Waiting::Kernel)
            .map_err(|status| ("the driver psimp.sys cannot be opened", status))?;
        let version: Version = control(&device, Operation::Version, &[])?;
        if version.protocol != PROTOCOL_VERSION {
            return Err(("the driver has another protocol version", Status::INVALID_PARAMETER));
        }
        let [major, minor, patch] = version.driver;
        println!("psimp.sys {major}.{minor}.{patch}, build {}", String::from_utf8_lossy(&version.build_id));

        let token = own_token(level).map_err(|status| ("the own token cannot be copied", status))?;
        let request = Impersonate {
            version: PROTOCOL_VERSION,
            level,
            thread: 0,
            token: token.number(),
            flags: 0,
            reserved: 0,
        };
        let outcome: Outcome = control(&device, Operation::Impersonate, request.as_bytes())?;
        println!(
            "IMPERSONATE: {} at level {}, decided by the {}, rule {}",
            if outcome.verdict == verdict::KEPT { "kept" } else { "copied" },
            outcome.level_stored,
            if outcome.decided_by == decided_by::DRIVER { "driver" } else { "kernel" },
            outcome.rule
        );
        let during = query(&device);
        // Also after a failure: the thread must not go on with another token.
        let before: Slot = control(&device, Operation::Revert, &[])?;
        print("QUERY", &during?);
        print("before REVERT", &before);
        print("after REVERT", &query(&device)?);
        Ok(())
    }

    fn query(device: &Device) -> Result<Slot, Failure> {
        let calling = Thread { version: PROTOCOL_VERSION, reserved: 0, thread: 0 };
        control(device, Operation::Query, calling.as_bytes())
    }

    /// A copy of the process's token, to impersonate at this level.
    fn own_token(level: u32) -> Result<Token, Status> {
        let primary = Token::of_process(thread::current_process(), token::ALL_ACCESS)?;
        primary.duplicate(token::ALL_ACCESS, TokenType::Impersonation, level, false)
    }

    /// A request whose reply is as long as its structure.
    fn control<T>(device: &Device, operation: Operation, input: &[u8]) -> Result<T, Failure>
    where
        T: FromBytes + IntoBytes + Immutable,
    {
        let row = Ioctl::of(operation);
        let mut reply = T::new_zeroed();
        let length = device.control(row.code(), input, reply.as_mut_bytes());
        match length.map_err(|status| (row.name, status))? {
            length if length == size_of::<T>() => Ok(reply),
            _ => Err((row.name, Status::INFO_LENGTH_MISMATCH)),
        }
    }

    fn print(when: &str, slot: &Slot) {
        if slot.flags & slot_flags::ACTIVE == 0 {
            println!("{when}: does not impersonate");
        } else {
            let Slot { level, token_type, flags, .. } = *slot;
            println!("{when}: impersonates at level {level}, token type {token_type}, flags {flags}");
        }
    }
}
