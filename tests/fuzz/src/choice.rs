//! What a byte of an input chooses, so that stored inputs keep their meaning when a table grows.

use crate::scene::State;
use psimp_catalogue::{ClientToken, ServerToken, User};
use psimp_model::Kernel;
use psimp_protocol::{IOCTLS, Ioctl, Operation};
use std::ops::Range;

/// These bytes choose what was added after the first inputs were stored; the others, by remainder,
/// what there was then. Until then they are rejected: no others are as rare in the corpus, whose
/// bytes libFuzzer moves to other places.
pub(crate) const ADDED: Range<u8> = 0x88..0x90;

/// The number that a byte chooses, where there were so many at first. That must never change.
pub(crate) fn number(byte: u8, at_first: u8) -> u8 {
    if ADDED.contains(&byte) {
        at_first.saturating_add(byte - ADDED.start)
    } else {
        byte.checked_rem(at_first).unwrap_or(0)
    }
}

/// A table that a byte chooses from.
#[derive(Clone, Copy)]
pub(crate) struct Choice<T: 'static> {
    pub(crate) at_first: u8,
    /// The entries by number. A later one is appended with the first stored input that uses it.
    pub(crate) numbered: &'static [T],
    /// Every entry, in any order. Those without a number follow the others.
    pub(crate) all: &'static [T],
}

impl<T: Copy + PartialEq> Choice<T> {
    /// The entry that a byte chooses. None if there is no such entry yet: inputs with that byte are
    /// rejected as a whole, so that none is stored whose meaning would change.
    pub(crate) fn of(&self, byte: u8) -> Option<T> {
        let others = self.all.iter().filter(|entry| !self.numbered.contains(entry));
        self.numbered.iter().chain(others).nth(number(byte, self.at_first).into()).copied()
    }
}

/// What the inputs of all targets choose from.
#[derive(Clone, Copy)]
pub(crate) struct Tables {
    pub(crate) kernels: Choice<Kernel>,
    pub(crate) nt_kernels: Choice<Kernel>,
    pub(crate) servers: Choice<ServerToken>,
    pub(crate) clients: Choice<ClientToken>,
    pub(crate) users: Choice<User>,
    pub(crate) states: Choice<State>,
    pub(crate) rows: Choice<Ioctl>,
}

const USERS: &[User] = &[User::A, User::B, User::Anonymous];

pub(crate) const TABLES: Tables = {
    use ClientToken::{
        A0, A1, A2, A3, AH2, AHm2, AL2, APlus2, AR2, AW2, AX2, AY2, Aa2, Ap0, Ap2, As0, Ax2, B0, B1, B2, BH2,
        Ba2, Bd2, Bo2, BoH2, BoR2, Bop2, Bp0, Bx2, N1, N2, NA, NS, Np,
    };
    use ServerToken::{S, S0, SF, SL, SLPlus, SMinus, SPlus, SPlusx, SR, SRPlus, SWR, SX, Sx};
    Tables {
        kernels: Choice {
            at_first: 4,
            numbered: &[Kernel::Win10, Kernel::Nt52, Kernel::Documented, Kernel::Peios],
            all: Kernel::ALL,
        },
        nt_kernels: Choice {
            at_first: 3,
            numbered: &[Kernel::Win10, Kernel::Nt52, Kernel::Documented],
            all: Kernel::NT,
        },
        servers: Choice {
            at_first: 13,
            numbered: &[S, SPlus, SMinus, SR, SRPlus, SWR, SL, SLPlus, SX, SF, S0, Sx, SPlusx],
            all: ServerToken::ALL,
        },
        clients: Choice {
            at_first: 34,
            numbered: &[
                A0, A1, A2, A3, APlus2, Ap0, Ap2, B0, B1, B2, Bp0, Bo2, Bop2, BoH2, BoR2, BH2, N2, N1, Np,
                NS, NA, AR2, AW2, AH2, AHm2, AL2, AX2, AY2, As0, Ax2, Bx2, Aa2, Ba2, Bd2,
            ],
            all: ClientToken::ALL,
        },
        users: Choice { at_first: 3, numbered: USERS, all: USERS },
        states: Choice { at_first: 9, numbered: &State::ALL, all: &State::ALL },
        // Their order is that of the control codes, which never changes.
        rows: Choice { at_first: 13, numbered: IOCTLS, all: IOCTLS },
    }
};

/// The byte that chooses the row of an operation in the table of control codes.
pub(crate) fn row(operation: Operation) -> u8 {
    let number = operation as u8;
    number.checked_sub(TABLES.rows.at_first).map_or(number, |added| ADDED.start.saturating_add(added))
}
