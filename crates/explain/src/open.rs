//! Rules of Windows 10 and 11 of which it is not established which builds have them.

use psimp_rules::{Rule, TokenFacts};

/// Such a rule.
#[derive(Clone, Copy, Debug)]
pub struct OpenRule {
    /// The rule.
    pub rule: Rule,
    /// What it is about, after "the rule on".
    pub about: &'static str,
    /// What public reports say of it, build by build.
    pub reports: &'static str,
}

/// Those that are known to be open.
pub static OPEN_RULES: &[OpenRule] = &[
    OpenRule {
        rule: Rule::Elevation,
        about: "elevation",
        reports: "Reported of Windows 10, without the build that has it first. An elevated token usually has high \
                  integrity, which the rule on integrity, of all builds since Vista, refuses before.",
    },
    OpenRule {
        rule: Rule::FilteredLogon,
        about: "filtered logon sessions",
        reports: "Reported of later builds of Windows 10, without the first one. Against it: a filtered process is \
                  said to get a network token of its own user in full from Windows 7 to the newest Windows 11 of \
                  September 2023, perhaps not on 1507 and 1511 (UACME #146, SspiUacBypass). Either those builds do \
                  not have the rule, or the session of such a token counts as filtered.",
    },
    OpenRule {
        rule: Rule::TerminalSession,
        about: "terminal sessions",
        reports: "Some builds compare the sessions and older ones do not (SspiUacBypass); which is first is not \
                  said. Up to 1809 a network token of the own machine is of session 0, and is said to be kept on \
                  1607 to 1809, so these do not have the rule; later builds give such a token the session of its \
                  process.",
    },
];

/// Tokens of which the rule says nothing, and that are the same for every other rule.
pub(crate) fn silenced(rule: Rule, process: &TokenFacts, token: &TokenFacts) -> TokenFacts {
    let mut token = *token;
    let platform = &mut token.platform;
    match rule {
        Rule::Elevation => platform.elevated = false,
        Rule::FilteredLogon => platform.filtered_logon |= process.platform.filtered_logon,
        Rule::TerminalSession => platform.session = process.platform.session,
        _ => {}
    }
    token
}
