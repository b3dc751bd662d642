//! Questions about `PsImpersonateClient` in a person's words, and their answers.
//!
//! A question is what a process's token is, what the token is that its thread impersonates, and, for a driver, the
//! level that is asked for. Every program that takes such questions reads them here and has its answers from here:
//!
//! ```
//! use psimp_explain::{Question, answer};
//!
//! let question = Question::parse("user=A,filtered", r"user=NT AUTHORITY\SYSTEM", None)?;
//! assert_eq!(question.command(), r#"psimp explain --process "user=A,filtered" --token user=SYSTEM"#);
//! let answer = answer(&question);
//! assert_eq!(
//!     answer.first_line(),
//!     "Windows 10 and 11: a copy at Identification, since the token's integrity is above the process's \
//!      (system above medium). With SeImpersonatePrivilege: kept."
//! );
//! # Ok::<(), psimp_explain::Refusal>(())
//! ```
//!
//! * [`facts`] is the table of what can be said: a form has one input for each row, with [`Fact::choices`] and
//!   [`Fact::values`]; what it writes is `name=value` or a flag's name, with commas between.
//! * [`Question::parse`] takes two such texts and a level. A [`Refusal`] says what is wrong and what to write.
//! * [`Question::command`] is the command line that asks it; reading its arguments gives the same question.
//! * [`answer`] decides it in every profile, [`answer_of`] in some. [`Answer::first_line`] is the answer,
//!   [`Answer::text`] all of it; [`Answer::judged`] has the profiles' verdicts, [`Answer::changes`] what would turn
//!   the verdict, [`Answer::implied`] what was taken for granted, [`Answer::open_rules`] what is not established.
#![forbid(unsafe_code)]

mod answer;
mod change;
mod fact;
mod judged;
mod names;
mod notes;
mod open;
mod others;
mod part;
mod question;
mod read;
mod refusal;
mod sid;
mod text;
mod token;
pub mod words;

pub use answer::{Answer, answer, answer_of};
pub use change::Change;
pub use fact::{Fact, Key, Said, facts};
pub use judged::{Judged, LevelFrom, Open};
pub use notes::Note;
pub use open::{OPEN_RULES, OpenRule};
pub use part::Parting;
pub use question::{Question, parse_level};
pub use refusal::{Refusal, Side};
pub use token::{Provenance, Stated, Token};
