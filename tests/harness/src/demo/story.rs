//! The steps of the demo in order, and their expected outcomes.

use super::transcript::Transcript;
use super::{Guest, Stage};
use crate::driver::Failure;
use psimp_nt::{Level, Status};
use psimp_protocol::wire::connection_flags;

const OK: Status = Status::SUCCESS;
const A5: Status = Status::BAD_IMPERSONATION_LEVEL;
const A6: Status = Status::CANT_OPEN_ANONYMOUS;

/// What the server tries while it impersonates a client.
const QUESTIONS: [&str; 4] = [
    "read who the client is",
    "open the client's document",
    "be the client to a service here",
    "be the client to one elsewhere",
];

/// One level of the story.
struct Chapter {
    level: Level,
    title: &'static str,
    /// How each of [`QUESTIONS`] ends.
    ends: [Status; 4],
    moral: &'static str,
}

const CHAPTERS: &[Chapter] = &[
    Chapter {
        level: Level::Anonymous,
        title: "the server sees nothing",
        ends: [A6, A5, A5, A5],
        moral: "The server serves a client and cannot find out who it is. The token is on the thread, but at\n\
                this level it cannot be used.",
    },
    Chapter {
        level: Level::Identification,
        title: "the server sees who it is",
        ends: [OK, A5, A5, A5],
        moral: "That is enough to log who called, or to check access with it. The client's rights cannot be\n\
                used: every open fails, and no other service sees the client.",
    },
    Chapter {
        level: Level::Impersonation,
        title: "the server acts as the client, on this machine",
        ends: [OK, OK, OK, A5],
        moral: "The thread now has the client's rights on this machine, but not on the network.",
    },
    Chapter {
        level: Level::Delegation,
        title: "the server may forward the client",
        ends: [OK, OK, OK, OK],
        moral: "The kernel now lets a server on another machine see the client, too; whether there are\n\
                credentials to forward is not tested. This grants everything, so it is for fully trusted\n\
                services.",
    },
];

/// Carries out the whole story on a stage.
pub fn tell(stage: &mut impl Stage) -> Transcript {
    let mut story = Story { stage, told: Transcript::default(), part: String::new(), answers: Vec::new() };
    story.part("The beginning", Story::begins);
    for (number, chapter) in (1..).zip(CHAPTERS) {
        let heading = format!("{number}. {}: {}", chapter.level.name(), chapter.title);
        story.chapter(&heading, |story| story.at(chapter));
    }
    story.chapter("5. A server that asks for more than it was given", Story::asks_for_more);
    story.chapter("6. A client of another user", Story::of_another_user);
    story.chapter("7. A client that leaves", Story::leaves);
    story.ends();
    story.told
}

/// The state of the story.
pub(super) struct Story<'a, S> {
    pub(super) stage: &'a mut S,
    pub(super) told: Transcript,
    /// The current part, for differences.
    part: String,
    /// The answers to [`QUESTIONS`] at each level.
    answers: Vec<(Level, [&'static str; 4])>,
}

/// A step that has to succeed did not, so the rest of its part is skipped.
pub(super) type Part = Result<(), String>;

impl<S: Stage> Story<'_, S> {
    fn chapter(&mut self, heading: &str, tell: impl FnOnce(&mut Self) -> Part) {
        self.told.heading(heading);
        self.part(heading, tell);
    }

    /// Carries out a part, after which its client leaves; reverts the thread if a step fails.
    fn part(&mut self, name: &str, tell: impl FnOnce(&mut Self) -> Part) {
        name.clone_into(&mut self.part);
        if let Err(why) = tell(self) {
            self.told.paragraph(format_args!("*** {why}"));
            self.told.differ(format!("{name}: {why}"));
            // They fail if there is nothing to undo.
            let _ = (self.stage.leave_as_client(), self.stage.revert());
        }
        let left = self.stage.leave();
        if let Err(failure) = left {
            self.told.differ(format!("{name}: close of the client: {failure}"));
        }
    }

    pub(super) fn expect(&mut self, what: &str, expected: &str, seen: &str) {
        self.told.expect(&self.part, what, expected, seen);
    }

    fn begins(&mut self) -> Part {
        let scene = self.stage.scene().clone();
        self.told.line(format_args!("psimp demo, {}", scene.target));
        self.told.block(
            "A service acts for its clients, and should do so with their rights and not with its own. So\n\
             it impersonates: for a while, one of its threads has a client's identity, and the kernel checks\n\
             access as the client. The client limits that: it chooses one of four levels when it connects.\n\
             Words in capitals below are requests of the server to the driver.\n",
        );
        self.told.block(&format!(
            "  server    {}\n  client    {}\n  document  {}\n",
            scene.server, scene.client, scene.document
        ));
        self.told.paragraph("The server's thread, before anybody has connected:");
        self.shows(None)?;
        self.told.paragraph("What it may do as itself:");
        self.told.line("");
        let opened = self.opens(Guest::Client)?;
        self.answer(QUESTIONS[1], scene.opens_as_itself, Some(opened.map(|()| String::new())));
        Ok(())
    }

    fn at(&mut self, chapter: &Chapter) -> Part {
        let level = chapter.level;
        let user = self.stage.scene().user.clone();
        let connection = self.connects(Guest::Client, level)?;
        self.serves(&connection, level, level)?;
        self.shows(Some((level, &user)))?;
        self.told.paragraph("What the server may do as that thread:");
        self.told.line("");
        let [read, open, here, elsewhere] = QUESTIONS;
        let [reads, mut opens, mut is_here, is_elsewhere] = chapter.ends;
        if level == Level::Anonymous {
            (opens, is_here) = (self.stage.scene().anonymous, self.stage.scene().anonymous);
        }
        let seen = self.stage.reads_client();
        if let Ok(seen) = &seen {
            self.expect("the user that is read", &user, seen);
        }
        let reads = self.answer(read, reads, Some(seen));
        let opened = self.opens(Guest::Client)?;
        let opens = self.answer(open, opens, Some(opened.map(|()| String::new())));
        let connected = self.connects_on(&connection)?;
        let is_here = self.answer(here, is_here, Some(connected));
        let remote = self.stage.is_client_elsewhere();
        let is_elsewhere =
            self.answer(elsewhere, is_elsewhere, remote.map(|seen| seen.map(|()| String::new())));
        self.answers.push((level, [reads, opens, is_here, is_elsewhere]));
        self.told.paragraph(chapter.moral);
        self.reverts()
    }

    fn asks_for_more(&mut self) -> Part {
        let connection = self.connects(Guest::Client, Level::Identification)?;
        let served = self.serve(connection.id, Level::Impersonation);
        let status = ended(served.map(drop))?;
        self.told.line(format_args!("SERVE at Impersonation returns {status}."));
        self.expect("SERVE above the client's level", &A5.to_string(), &status.to_string());
        self.shows(None)?;
        self.told
            .paragraph("The thread is unchanged, and the client still waits to be served at its own level.");
        let told = self.told_of(0)?.filter(|told| told.id == connection.id);
        let waits = told.is_some_and(|told| told.flags & connection_flags::SERVED == 0);
        self.expect("the client", "waits", if waits { "waits" } else { "does not wait" });
        Ok(())
    }

    fn of_another_user(&mut self) -> Part {
        let Some(stranger) = self.stage.scene().stranger.clone() else {
            self.told.paragraph(
                "Skipped: it needs a client of another user, and here both sides are the same user.",
            );
            return Ok(());
        };
        self.told.block(&format!("  client    {}\n", stranger.is));
        let connection = self.connects(Guest::Stranger, Level::Impersonation)?;
        let level = if stranger.kept { Level::Impersonation } else { Level::Identification };
        self.serves(&connection, Level::Impersonation, level)?;
        self.shows(Some((level, &stranger.user)))?;
        self.told.line("");
        let opened = self.opens(Guest::Stranger)?;
        let expected = if stranger.kept { OK } else { A5 };
        self.answer(QUESTIONS[1], expected, Some(opened.map(|()| String::new())));
        self.told.paragraph(if stranger.kept {
            "With its privilege the server can be any client that allows it. Without it, SERVE would succeed\n\
             at a lower level, so a server checks the level it got before it acts."
        } else {
            "SERVE succeeded at a lower level than requested: by this rule a server may identify another\n\
             user but not act as it. So a server checks the level it got before it acts."
        });
        self.reverts()
    }

    fn leaves(&mut self) -> Part {
        let user = self.stage.scene().user.clone();
        let connection = self.connects(Guest::Client, Level::Impersonation)?;
        self.serves(&connection, Level::Impersonation, Level::Impersonation)?;
        self.stage.leave().map_err(failed("close of the client"))?;
        self.told.paragraph("The client closes its handle. The thread still impersonates the client:");
        self.shows(Some((Level::Impersonation, &user)))?;
        self.told.line("");
        let opened = self.opens(Guest::Client)?;
        self.answer(QUESTIONS[1], OK, Some(opened.map(|()| String::new())));
        let status = ended(self.serve(connection.id, Level::Impersonation).map(drop))?;
        self.told.paragraph(format_args!("The next SERVE of this connection returns {status}."));
        self.expect("SERVE of a client that left", &Status::NOT_FOUND.to_string(), &status.to_string());
        self.reverts()
    }

    /// The results for each level, and whether every outcome was expected.
    fn ends(&mut self) {
        self.told.heading("Summary");
        self.told
            .block("  at              sees who  opens as the client  is the client here  and elsewhere\n");
        for (level, [reads, opens, here, elsewhere]) in &self.answers {
            let name = level.name();
            self.told.line(format_args!("  {name:<14}  {reads:<8}  {opens:<19}  {here:<18}  {elsewhere}"));
        }
        let differences = self.told.differences.len();
        self.told.paragraph(match differences {
            0 => "Every step had the expected outcome.".to_owned(),
            1 => "One step did not have the expected outcome.".to_owned(),
            more => format!("{more} steps did not have the expected outcome."),
        });
    }
}

/// The status that a call ended with.
fn ended(result: Result<(), Failure>) -> Result<Status, String> {
    match result {
        Ok(()) => Ok(Status::SUCCESS),
        Err(Failure::Status(status)) => Ok(status),
        Err(fault) => Err(fault.to_string()),
    }
}

/// The words for a call that has to succeed.
pub(super) fn failed(call: &'static str) -> impl Fn(Failure) -> String {
    move |failure| format!("{call}: {failure}")
}
