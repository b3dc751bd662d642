//! The whole answer in words.

use crate::answer::{Answer, is_worth_saying};
use crate::judged::{Judged, LevelFrom};
use crate::refusal::Side;
use crate::token::{Provenance, Stated};
use crate::words;
use psimp_rules::{Verdict, W10, W10_RECENT};
use std::fmt::Write as _;

/// Where a line is broken.
const WIDTH: usize = 100;

impl Answer {
    /// The answer for a person: the answer, what would change it, and how it comes about.
    pub fn text(&self) -> String {
        let mut text = self.first_line() + "\n";
        self.write_changes(&mut text);
        self.write_question(&mut text);
        self.write_profiles(&mut text);
        self.write_parting(&mut text);
        self.write_open(&mut text);
        for note in &self.notes {
            text.push('\n');
            wrapped(&mut text, "", &note.0);
        }
        text
    }

    fn write_changes(&self, text: &mut String) {
        text.push_str("\nWhat would change it\n");
        for change in &self.changes {
            let _ = writeln!(text, "  {}: {}", change.with, words::verdict(change.decision.verdict));
            let _ = writeln!(text, "    {}", self.command(&change.question));
        }
        if self.changes.is_empty() {
            text.push_str("  No change that psimp tries, of one fact or two, turns it.\n");
        }
    }

    fn write_question(&self, text: &mut String) {
        let _ = writeln!(text, "\nThe question\n  {}", self.command(&self.question));
        for (name, side, token) in
            [("process", Side::Process, &self.process), ("token", Side::Token, &self.token)]
        {
            let stated = token.stated();
            let said = self.question.said(side).to_string().replace(',', ", ");
            let said = if said.is_empty() { "nothing is said of it".to_owned() } else { said };
            wrapped(text, &format!("  {name:<8} "), &said);
            let list = |which: &dyn Fn(&Stated) -> bool, shown: fn(&Stated) -> String| {
                let list: Vec<_> = stated.iter().filter(|stated| which(stated)).map(shown).collect();
                list.join(", ")
            };
            let implied =
                list(
                    &|stated: &Stated| matches!(stated.from, Provenance::Implied(_)),
                    |stated| match &stated.from {
                        Provenance::Implied(by) => format!("{} (by {by})", stated.text),
                        _ => stated.text.clone(),
                    },
                );
            if !implied.is_empty() {
                wrapped(text, "           ", &format!("taken for granted: {implied}"));
            }
            let usual = list(
                &|stated: &Stated| stated.from == Provenance::Default && is_worth_saying(side, stated.key),
                |stated| stated.text.clone(),
            );
            if !usual.is_empty() {
                wrapped(text, "           ", &format!("by default: {usual}"));
            }
        }
        wrapped(text, "  level    ", &self.level_words());
        if self.is_refused_by_driver() {
            text.push_str(
                "  driver   refuses it: STATUS_BAD_IMPERSONATION_LEVEL, since the token's own level is lower\n",
            );
        }
    }

    fn write_profiles(&self, text: &mut String) {
        text.push_str("\nWhat each profile decides\n");
        for judged in &self.judged {
            wrapped(text, &format!("  {:<12} ", judged.profile.name), &self.row(judged));
        }
        text.push_str("\nThe rules that were tried, in their order\n");
        for judged in &self.judged {
            wrapped(text, &format!("  {:<12} ", judged.profile.name), &judged.tried().join(" → "));
        }
        text.push_str("\nWhat these rules compare\n");
        for (rule, compared) in self.compared() {
            let _ = writeln!(text, "  {rule:<22} {compared}");
        }
    }

    /// A profile's verdict and reason.
    fn row(&self, judged: &Judged) -> String {
        let level = match judged.level_from {
            LevelFrom::Capped => format!(", asked for {}", judged.level.name()),
            LevelFrom::Asked | LevelFrom::Own | LevelFrom::OfPrimary => String::new(),
        };
        let open = judged.open.as_ref().map_or_else(String::new, |open| {
            format!(
                " (by the rule on {}, whose builds are not established; {} without)",
                crate::answer::rules(&open.rules),
                words::verdict(open.decision.verdict)
            )
        });
        let (whose, verdict, since) = (words::subject(judged.profile), judged.verdict(), self.since(judged));
        format!("{whose}: {verdict}{level}, since {since}{open}")
    }

    fn write_parting(&self, text: &mut String) {
        let parting = &self.parting;
        let rule = parting.rule.name();
        let verdict = |verdict: Option<Verdict>| verdict.map_or_else(String::new, words::verdict);
        text.push_str("\nWhere the profiles part\n");
        if !parting.is_any() {
            let all = if parting.decides.len() == 1 { "one profile" } else { "them all" };
            let _ = writeln!(
                text,
                "  nowhere: the rule «{rule}» decides for {all}: {}",
                verdict(parting.common())
            );
            return;
        }
        match parting.common() {
            Some(common) => {
                let all = words::verdict(common);
                let _ = writeln!(text, "  first at the rule «{rule}», and yet all come to the same: {all}");
            }
            None => {
                let _ = writeln!(text, "  first at the rule «{rule}»");
            }
        }
        for (what, list) in [("it decides for", &parting.decides), ("it does not for", &parting.goes_on)] {
            if !list.is_empty() {
                let list: Vec<_> = list
                    .iter()
                    .map(|(name, verdict)| format!("{name} ({})", words::verdict(*verdict)))
                    .collect();
                wrapped(text, &format!("  {what}  "), &list.join(", "));
            }
        }
    }

    fn write_open(&self, text: &mut String) {
        let windows = |name| self.judged.iter().any(|judged| judged.profile.name == name);
        if !windows(W10.name) && !windows(W10_RECENT.name) {
            return;
        }
        text.push_str("\nWhat is not established\n");
        for rule in self.open_rules() {
            wrapped(text, &format!("  {:<22} ", rule.rule.name()), rule.reports);
        }
        wrapped(
            text,
            "  ",
            "Every rule of W10 and W10-recent is as publicly reported; no machine has confirmed it yet.",
        );
    }
}

/// A line behind a heading, broken into as many as it takes, each with the heading's width before it.
fn wrapped(text: &mut String, heading: &str, line: &str) {
    let margin = heading.chars().count();
    text.push_str(heading);
    let mut column = margin;
    for (place, word) in line.split(' ').enumerate() {
        let length = word.chars().count();
        if place > 0 && column + 1 + length > WIDTH {
            let _ = write!(text, "\n{:margin$}", "");
            column = margin;
        } else if place > 0 {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += length;
    }
    text.push('\n');
}
