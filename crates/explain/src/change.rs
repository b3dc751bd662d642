//! What would turn a verdict: the smallest changes of the question, found by trying.

use crate::fact::Said;
use crate::judged::Judged;
use crate::names::Privilege;
use crate::question::Question;
use crate::read::Session;
use crate::refusal::Side;
use crate::token::{Token, integrity_name};
use psimp_nt::{Level, Luid, TokenType, integrity};
use psimp_rules::{Decision, Profile, Restriction};

/// A question that differs in one or two facts, and whose verdict is another.
#[derive(Clone, Debug)]
pub struct Change {
    /// What differs, after "with" or "without", such as `with SeImpersonatePrivilege`.
    pub with: String,
    /// The question.
    pub question: Question,
    /// What the profile decides then.
    pub decision: Decision,
}

/// Makes it different in what is said of a token, or in the level.
type Apply = Box<dyn Fn(&mut Said, &mut Option<Level>)>;

/// One thing that could be different.
struct Edit {
    with: String,
    side: Option<Side>,
    apply: Apply,
}

/// The most that are told.
const MOST: usize = 2;

/// At most two changes that turn the verdict of a profile; none, if no change of [`edits`], nor two of them, nor one of
/// [`weaker`] does. A lower level is tried last, since a person seldom wants it.
pub(crate) fn changes(profile: &'static Profile, question: &Question, judged: &Judged) -> Vec<Change> {
    let turned = |edits: &[&Edit]| {
        let changed = edited(question, edits)?;
        let now = Judged::of(profile, &changed);
        let turned = now.is_settled() && now.is_usable() != judged.is_usable();
        let with: Vec<_> = edits.iter().map(|edit| edit.with.as_str()).collect();
        turned.then(|| Change { with: with.join(" and "), question: changed, decision: now.decision })
    };
    let one = |edits: &[Edit]| edits.iter().filter_map(|edit| turned(&[edit])).take(MOST).collect::<Vec<_>>();
    let (edits, weaker) = (edits(question), weaker(question));
    let mut found = one(&edits);
    if found.is_empty() {
        let rest = |place: usize| edits.iter().skip(place + 1);
        let pairs = (0..).zip(&edits).flat_map(|(place, one)| rest(place).map(move |other| [one, other]));
        found = pairs.filter_map(|pair| turned(&pair)).take(MOST).collect();
    }
    if found.is_empty() {
        found = one(&weaker);
    }
    found
}

/// The question with some things different, if there can be such tokens.
fn edited(question: &Question, edits: &[&Edit]) -> Option<Question> {
    let (mut process, mut token) = (question.said(Side::Process).clone(), question.said(Side::Token).clone());
    let mut level = question.level();
    for edit in edits {
        let said = if edit.side == Some(Side::Process) { &mut process } else { &mut token };
        (edit.apply)(said, &mut level);
    }
    let changed = Question::new(process, token, level).ok()?;
    (changed != *question).then_some(changed)
}

/// The neighbours of a question, first what a person can do most easily.
fn edits(question: &Question) -> Vec<Edit> {
    let (process, token) = (question.token(Side::Process), question.token(Side::Token));
    let mut edits = Edits { edits: Vec::new() };
    privilege_and_level(&mut edits, question, &process, &token);
    of_process(&mut edits, &process, &token);
    of_token(&mut edits, &process, &token);
    edits.edits
}

struct Edits {
    edits: Vec<Edit>,
}

impl Edits {
    fn add(&mut self, side: Side, with: impl Into<String>, apply: impl Fn(&mut Said) + 'static) {
        let apply = Box::new(move |said: &mut Said, _: &mut Option<Level>| apply(said));
        self.edits.push(Edit { with: with.into(), side: Some(side), apply });
    }

    fn level(&mut self, with: impl Into<String>, level: Option<Level>) {
        let apply = Box::new(move |_: &mut Said, asked: &mut Option<Level>| *asked = level);
        self.edits.push(Edit { with: with.into(), side: None, apply });
    }
}

fn privilege_and_level(edits: &mut Edits, question: &Question, process: &Token, token: &Token) {
    if process.facts.platform.impersonate_privilege {
        edits.add(Side::Process, "without SeImpersonatePrivilege", |said| {
            said.privilege = Some(Privilege::Absent);
        });
    } else {
        edits.add(Side::Process, "with SeImpersonatePrivilege", |said| {
            said.privilege = Some(Privilege::Enabled);
        });
    }
    let impersonation = token.facts.token_type == TokenType::Impersonation;
    if impersonation && token.facts.level < Level::Impersonation {
        edits.add(Side::Token, "with a token at Impersonation", |said| {
            said.level = Some(Level::Impersonation);
        });
    }
    if let Some(asked) = question.level() {
        if asked < Level::Impersonation {
            edits.level("with --level impersonation", Some(Level::Impersonation));
        } else if impersonation && asked > token.facts.level {
            edits.level("with the token's own level", None);
        }
    }
    if !impersonation {
        edits.add(Side::Token, "with an impersonation token", |said| {
            (said.token_type, said.recorded) = (Some(TokenType::Impersonation), None);
        });
    }
}

fn of_process(edits: &mut Edits, process: &Token, token: &Token) {
    let (from, to) = (&process.facts.platform, &token.facts.platform);
    if process.facts.restriction.is_restricted() {
        edits.add(Side::Process, "with a process that is not restricted", |said| {
            (said.restricted, said.write_restricted) = (None, None);
        });
    }
    if from.elevated {
        edits.add(Side::Process, "with a process that is not elevated", |said| said.elevated = None);
    } else {
        edits.add(Side::Process, "with the process elevated", |said| {
            (said.elevated, said.filtered) = (Some(true), None);
        });
    }
    if from.filtered_logon {
        edits.add(Side::Process, "with a process that UAC has not filtered", |said| said.filtered = None);
    }
    if from.integrity < to.integrity {
        let rid = to.integrity;
        edits.add(
            Side::Process,
            format!("with the process at {} integrity", integrity_name(rid)),
            move |said| {
                said.integrity = Some(rid);
            },
        );
    }
    if from.package.is_some() {
        edits.add(Side::Process, "with a process outside of any AppContainer", |said| {
            (said.package, said.parent) = (None, None);
        });
    }
}

fn of_token(edits: &mut Edits, process: &Token, token: &Token) {
    let (from, to) = (&process.facts.platform, &token.facts.platform);
    if token.facts.authentication_id == Luid::ANONYMOUS_LOGON {
        edits.add(Side::Token, "with a token of another logon session", |said| {
            said.logon = Some(Session::Is(Luid(0xC1)));
        });
    }
    let user = process.facts.user;
    if user == token.facts.user {
        let other = if user == crate::names::USER_B { crate::names::USER_A } else { crate::names::USER_B };
        edits.add(Side::Token, "with a token of another user", move |said| said.user = Some(other));
    } else {
        edits.add(Side::Token, "with a token of the process's own user", move |said| said.user = Some(user));
    }
    if from.integrity < to.integrity {
        let rid = from.integrity;
        edits.add(Side::Token, format!("with the token at {} integrity", integrity_name(rid)), move |said| {
            said.integrity = Some(rid);
        });
    } else if from.integrity < integrity::SYSTEM {
        let rid = if from.integrity < integrity::HIGH { integrity::HIGH } else { integrity::SYSTEM };
        edits.add(Side::Token, format!("with the token at {} integrity", integrity_name(rid)), move |said| {
            said.integrity = Some(rid);
        });
    }
    if to.origin == process.facts.authentication_id {
        edits.add(Side::Token, "with a token that the process did not log on", |said| said.origin = None);
    } else {
        edits.add(Side::Token, "with a token that the process logged on itself", |said| {
            said.origin = Some(Session::Server);
        });
    }
    match token.facts.restriction {
        Restriction::Restricted => {
            edits.add(Side::Token, "with a token that is not restricted", |said| said.restricted = None);
        }
        Restriction::WriteRestricted => {
            edits.add(Side::Token, "with a token that is restricted for all access", |said| {
                (said.restricted, said.write_restricted) = (Some(true), None);
            });
            edits
                .add(Side::Token, "with a token that is not restricted", |said| said.write_restricted = None);
        }
        Restriction::None => {
            edits.add(Side::Token, "with a restricted token", |said| said.restricted = Some(true));
        }
    }
    if to.elevated {
        edits.add(Side::Token, "with a token that is not elevated", |said| said.elevated = None);
    }
    if from.filtered_logon && !to.filtered_logon {
        edits.add(Side::Token, "with a filtered token", |said| {
            (said.filtered, said.elevated) = (Some(true), None);
        });
    }
    if to.session != from.session {
        let session = from.session;
        edits.add(Side::Token, "with a token of the process's terminal session", move |said| {
            said.session = Some(session);
        });
    }
    if let Some((package, parent)) = process.package {
        edits.add(Side::Token, "with a token of the process's package", move |said| {
            (said.package, said.parent) = (Some(package), parent);
        });
    }
}

/// A lower level.
fn weaker(question: &Question) -> Vec<Edit> {
    let (mut edits, token) = (Edits { edits: Vec::new() }, question.token(Side::Token));
    let primary = token.facts.token_type == TokenType::Primary;
    if question.level().map_or(primary, |level| level >= Level::Impersonation) {
        edits.level("with --level identification", Some(Level::Identification));
    }
    if token.facts.token_type == TokenType::Impersonation && token.facts.level >= Level::Impersonation {
        edits.add(Side::Token, "with a token at Identification", |said| {
            said.level = Some(Level::Identification);
        });
    }
    edits.edits
}
