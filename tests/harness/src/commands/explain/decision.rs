//! A decision of the catalogue, rule by rule, for every profile.

use crate::notation;
use crate::run::expected_through_driver;
use psimp_catalogue::{Column, DecisionRow, Driver};
use psimp_explain::{Token, words};
use psimp_nt::Level;
use psimp_protocol::RulesMode;
use psimp_rules::{Kernel, PROFILES, decide_traced};
use std::collections::BTreeSet;
use std::fmt::Write as _;

pub(super) fn text(row: &DecisionRow) -> String {
    let (server, token) = (row.server.fixture().facts(), row.token.fixture().facts());
    let mut text = String::new();
    let _ = writeln!(
        text,
        "Call\n  a process with the primary token {} calls PsImpersonateClient with the token {},\n  \
         CopyOnOpen FALSE, EffectiveOnly FALSE, level {}",
        row.server.name(),
        row.token.name(),
        notation::level(row.level.into())
    );
    if row.driver == Driver::Refused {
        text.push_str(
            "  The driver refuses it: STATUS_BAD_IMPERSONATION_LEVEL, since the token's own level is lower\n",
        );
    }
    let Some(asked) = Level::from_raw(row.level.into()) else { return text };
    let (server, token) = (Token::of(server), Token::of(token));
    let _ = writeln!(text, "What each profile decides");
    let (mut rules, mut tried) = (BTreeSet::new(), String::new());
    for profile in PROFILES {
        let mut steps = Vec::new();
        let decision =
            decide_traced(profile, Some(&server.facts), &token.facts, asked, |step| steps.push(step));
        rules.extend(steps.iter().map(|step| step.rule as u32));
        let expected = row.column(profile).map_or("nothing is expected of it".to_owned(), |column| {
            format!("expected: {}", expected(column))
        });
        let _ = writeln!(
            text,
            "  {:<12} {}, since {}; {expected}",
            profile.name,
            words::verdict(decision.verdict),
            words::since(profile, decision, &server, &token, asked)
        );
        let steps: Vec<_> = steps.iter().map(words::step).collect();
        let _ = writeln!(tried, "  {:<12} {}", profile.name, steps.join(" → "));
    }
    let _ = write!(text, "The rules that were tried, in their order\n{tried}What these rules compare\n");
    for rule in rules.into_iter().filter_map(psimp_rules::Rule::from_raw) {
        if let Some(inputs) = words::compared(rule, &server, &token, asked) {
            let _ = writeln!(text, "  {:<22} {inputs}", rule.name());
        }
    }
    text.push_str("Expected through the driver, by kernel and by the rules that the driver applies\n");
    for &kernel in Kernel::NT {
        for (rules, name) in [(RulesMode::Documented, "documented"), (RulesMode::Kernel, "kernel")] {
            let _ = writeln!(
                text,
                "  {:<12} {name:<12} {}",
                kernel.to_string(),
                through_driver(row, kernel, rules)
            );
        }
    }
    text
}

fn through_driver(row: &DecisionRow, kernel: Kernel, rules: RulesMode) -> String {
    if row.driver == Driver::Refused {
        return "refused".to_owned();
    }
    let (column, by_driver) = expected_through_driver(row, kernel, rules);
    let seen = column.observed(row.token);
    format!(
        "{}, decided by the {}; an open of the thread's token: {}; access: {}",
        expected(column),
        if by_driver { "driver" } else { "kernel" },
        notation::open(&seen.open),
        notation::access(&seen.access)
    )
}

fn expected(column: Column) -> String {
    match column {
        Column::K(level) => format!("kept at {}", notation::level(level.into())),
        Column::C(level, _) => format!("a copy at {}", notation::level(level.into())),
    }
}
