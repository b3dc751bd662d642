//! The steps that the story repeats: each is carried out, printed and compared.

use super::story::{Part, Story, failed};
use super::{Guest, Stage};
use crate::driver::Failure;
use crate::machine::READ_WRITE;
use crate::show::table;
use psimp_nt::{Level, Status};
use psimp_protocol::wire::{Access, Connection, Outcome, connection_flags, decided_by};
use psimp_rules::Rule;

/// `SECURITY_SQOS_PRESENT`: the level in the flags counts.
const PRESENT: u32 = 0x0010_0000;

impl<S: Stage> Story<'_, S> {
    /// A client connects, and the server finds it with `NEXT_CLIENT`.
    pub(super) fn connects(&mut self, guest: Guest, level: Level) -> Result<Connection, String> {
        let flag = format!("SECURITY_{}", level.name().to_uppercase());
        self.told.paragraph(format_args!(
            r"The client: CreateFile(\\.\PsImpersonate\Client) with SECURITY_SQOS_PRESENT | {flag}."
        ));
        self.stage.connect(guest, flags(level)).map_err(failed("open of the client's name"))?;
        let told = self.told_of(0)?.ok_or("NEXT_CLIENT returns no client")?;
        let process = self.stage.process(told.process);
        let waits = if told.flags & connection_flags::SERVED == 0 { "waits" } else { "is served" };
        let level_told = name_of(told.level);
        self.told.line(format_args!("NEXT_CLIENT returns {process}, which {waits} at {level_told}."));
        let scene = self.stage.scene();
        let expected = match (guest, &scene.stranger) {
            (Guest::Stranger, Some(stranger)) => stranger.process.clone(),
            _ => scene.client_process.clone(),
        };
        self.expect("the client's process", &expected, &process);
        self.expect("the client", "waits", waits);
        self.expect("the client's level", level.name(), level_told);
        Ok(told)
    }

    /// SERVE at one level; the driver reports the level that it stored, which may be another.
    pub(super) fn serves(&mut self, connection: &Connection, level: Level, expected: Level) -> Part {
        let outcome = self.serve(connection.id, level).map_err(failed("SERVE"))?;
        let stored = name_of(outcome.level_stored);
        let name = level.name();
        self.told.line(format_args!("SERVE at {name}: the thread becomes the client."));
        let by = match Rule::from_raw(outcome.rule) {
            Some(rule) if outcome.decided_by == decided_by::DRIVER => {
                format!("by the driver's rule: {}", rule.name())
            }
            _ => "as the kernel decided".to_owned(),
        };
        self.told.line(format_args!("The driver reads back what is stored: {stored}, {by}."));
        self.expect("the level stored", expected.name(), stored);
        Ok(())
    }

    pub(super) fn serve(&self, connection: u64, level: Level) -> Result<Outcome, Failure> {
        let rules = self.stage.scene().rules;
        self.stage.serve(connection, level as u32, rules)
    }

    pub(super) fn told_of(&self, after: u64) -> Result<Option<Connection>, String> {
        self.stage.next_client(after).map_err(failed("NEXT_CLIENT"))
    }

    /// REVERT, after which the thread is shown again.
    pub(super) fn reverts(&mut self) -> Part {
        self.stage.revert().map_err(failed("REVERT"))?;
        self.told.paragraph("REVERT: the thread is the server's own again.");
        self.shows(None)
    }

    /// Shows the thread, which must impersonate this user at this level, or be idle.
    pub(super) fn shows(&mut self, expected: Option<(Level, &str)>) -> Part {
        let view = self.stage.show().map_err(failed("a look at the thread"))?;
        self.told.block(&table::rows(&view));
        let seen = match view.threads.as_slice() {
            [thread] => {
                let user = thread.token.as_ref().map_or("nobody to be seen", |token| token.user.shown());
                match (thread.impersonating, thread.level) {
                    (Some(false), _) => "nobody".to_owned(),
                    (Some(true), Some(level)) => format!("{user} at {level}"),
                    _ => "unknown".to_owned(),
                }
            }
            threads => format!("{} threads", threads.len()),
        };
        let expected = match expected {
            None => "nobody".to_owned(),
            Some((Level::Anonymous, _)) => "nobody to be seen at Anonymous".to_owned(),
            Some((level, user)) => format!("{user} at {}", level.name()),
        };
        self.expect("whom the thread impersonates", &expected, &seen);
        Ok(())
    }

    /// Whether `ACCESS_CHECK` lets the thread open the document of a client.
    pub(super) fn opens(&mut self, guest: Guest) -> Result<Result<(), Failure>, String> {
        let descriptor = self.stage.document(guest);
        let checked = self.stage.access_check(&descriptor, READ_WRITE).map_err(failed("ACCESS_CHECK"))?;
        match checked {
            Access { granted: READ_WRITE, status: 0 } => Ok(Ok(())),
            Access { granted: 0, status } if status != 0 => Ok(Err(Status(status).into())),
            other => Err(format!("ACCESS_CHECK returns {other:?}")),
        }
    }

    /// The thread itself connects as a client; returns the user that the server finds.
    pub(super) fn connects_on(&mut self, own: &Connection) -> Result<Result<String, Failure>, String> {
        if let Err(failure) = self.stage.connect_as_client(flags(Level::Identification)) {
            return Ok(Err(failure));
        }
        let told = self.told_of(own.id)?.ok_or("NEXT_CLIENT returns no second client")?;
        self.stage.leave_as_client().map_err(failed("close of the thread's own connection"))?;
        let level = name_of(told.level);
        self.expect("the level that the thread connects with", Level::Identification.name(), level);
        Ok(Ok(format!("connected at {level}")))
    }

    /// One line: a question, yes or no, and what was seen.
    pub(super) fn answer(
        &mut self,
        question: &str,
        expected: Status,
        seen: Option<Result<String, Failure>>,
    ) -> &'static str {
        let Some(seen) = seen else {
            self.told.line(format_args!("  {question:<31}  not tried: no call of user mode asks that"));
            return "not tried";
        };
        let (word, detail) = match &seen {
            Ok(detail) => ("yes", detail.clone()),
            Err(failure) => ("no", failure.to_string()),
        };
        let line = format!("  {question:<31}  {word:<3}  {detail}");
        self.told.line(line.trim_end());
        let seen = seen.map_or_else(|failure| failure.to_string(), |_| Status::SUCCESS.to_string());
        self.expect(question, &expected.to_string(), &seen);
        word
    }
}

/// The flags of `CreateFile` that name a level.
fn flags(level: Level) -> u32 {
    PRESENT | (level as u32) << 16
}

fn name_of(level: u32) -> &'static str {
    Level::from_raw(level).map_or("no level", Level::name)
}
