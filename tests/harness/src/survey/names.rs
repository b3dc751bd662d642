//! Nothing in a survey tells whose machine it was.

use super::Observation;
use std::env;

/// The variables that name the user and the machine.
const NAMES: &[&str] = &["USERNAME", "USER", "LOGNAME", "USERDOMAIN", "COMPUTERNAME", "HOSTNAME"];

/// Takes names and SIDs of accounts out of the words of an observation, which may be those of an error.
pub(super) fn without(observed: Observation) -> Observation {
    match observed {
        Observation::NotAsked { why } => {
            let names: Vec<_> = NAMES.iter().filter_map(|name| env::var(name).ok()).collect();
            Observation::NotAsked { why: without_any(&why, &names) }
        }
        other => other,
    }
}

/// The text with `…` for each of these words, whatever their case, and for what identifies the machine in a SID.
fn without_any(text: &str, names: &[String]) -> String {
    let apart = |c: char| !(c.is_alphanumeric() || "-_$".contains(c));
    // A name can be of several words.
    let parts: Vec<_> =
        names.iter().flat_map(|name| name.split(apart)).filter(|part| !part.is_empty()).collect();
    let mut kept = String::new();
    for word in text.split_inclusive(apart) {
        let bare = word.trim_end_matches(apart);
        let known = parts.iter().any(|part| part.eq_ignore_ascii_case(bare));
        if known || bare.starts_with("S-1-5-21-") || bare.starts_with("S-1-12-1-") {
            kept.push('…');
            kept.push_str(&word[bare.len()..]);
        } else {
            kept.push_str(word);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::without_any;

    #[test]
    fn names_and_sids_of_accounts_are_taken_out() {
        let names = ["Alice".to_owned(), "DESKTOP-1A2B".to_owned()];
        let text =
            r"CreateProcessW of C:\Users\alice\psimp.exe on desktop-1a2b: a token of S-1-5-21-7-8-9-1001.";
        assert_eq!(without_any(text, &names), r"CreateProcessW of C:\Users\…\psimp.exe on …: a token of ….");
        let text = "needs alices token of S-1-5-19: STATUS_ACCESS_DENIED, 0x3e7";
        assert_eq!(without_any(text, &names), text);
        let names = ["Jane Doe".to_owned(), "CONTOSO".to_owned()];
        let text = r"C:\Users\Jane Doe\a, C:\Users\jane.CONTOSO\b of S-1-12-1-1-2-3-4";
        assert_eq!(without_any(text, &names), r"C:\Users\… …\a, C:\Users\….…\b of …");
        assert_eq!(without_any("two  spaces", &[String::new()]), "two  spaces");
    }
}
