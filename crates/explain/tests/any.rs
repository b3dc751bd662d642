//! Any question: it is written and read again, answered without a panic, and in words.

use proptest::prelude::*;
use psimp_explain::{Question, answer, facts};
use psimp_nt::Level;

/// A fact, right or wrong.
fn fact() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        4 => proptest::sample::select(vec!["A", "SYSTEM", "own", "server", "none", "high", "2", "0x3e7"])
            .prop_map(str::to_owned)
            .boxed(),
        1 => any::<u32>().prop_map(|number| number.to_string()).boxed(),
        1 => Just("S-1-15-2-1-2-3-4-5-6-7-8-9-10-11".to_owned()).boxed(),
        1 => Just("S-1-5-21-1-2-3-1001".to_owned()).boxed(),
        1 => "[a-zA-Z0-9:\\\\ -]{0,12}".boxed(),
    ];
    (any::<proptest::sample::Index>(), any::<proptest::sample::Index>(), 0..4_u8, value).prop_map(
        |(which, choice, kind, value)| {
            let fact = which.get(facts());
            match kind {
                0 | 1 if !fact.choices.is_empty() => format!("{}={}", fact.name, choice.get(fact.choices)),
                2 if fact.flag => fact.name.to_owned(),
                _ => format!("{}={value}", fact.name),
            }
        },
    )
}

fn said() -> impl Strategy<Value = String> {
    proptest::collection::vec(fact(), 0..5).prop_map(|facts| facts.join(","))
}

fn level() -> impl Strategy<Value = Option<&'static str>> {
    proptest::option::of(proptest::sample::select(Level::ALL.map(Level::name).to_vec()))
}

/// The arguments of a command that psimp prints.
fn arguments(command: &str) -> (String, String, Option<String>) {
    let (mut process, mut token, mut level) = (String::new(), String::new(), None);
    let mut words = command.strip_prefix("psimp explain ").expect("the command").split(' ');
    while let Some(option) = words.next() {
        let mut value = || words.next().expect("a value").trim_matches('"').to_owned();
        match option {
            "--process" => process = value(),
            "--token" => token = value(),
            "--level" => level = Some(value()),
            other => assert_eq!(other, "--token="),
        }
    }
    (process, token, level)
}

/// A code of the catalogue's notation, of the source, or of a status, which the question does not have itself.
fn code<'a>(text: &'a str, question: &str) -> Option<&'a str> {
    let is_code = |word: &&str| {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '/' && c != '(');
        let word = word.trim_start_matches('(');
        let (letters, digits) = word.split_at(word.find(|c: char| c.is_ascii_digit()).unwrap_or(word.len()));
        ["A5", "A6", "7C", "Denied", "TokenType", "RestrictedServer", "NoPrimaryToken", "None"]
            .contains(&word)
            || ["K", "C", "L", "co", "eo", "imp/"].contains(&letters) && digits.len() == 1
            || word.contains("Some(")
            || word.starts_with("0xC0")
            || word.starts_with("0xc0")
    };
    text.split_whitespace().filter(is_code).find(|word| {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric());
        !question.contains(word)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn a_question_prints_back_as_its_command(process in said(), token in said(), level in level()) {
        if let Ok(question) = Question::parse(&process, &token, level) {
            let (process, token, level) = arguments(&question.command());
            let again = Question::parse(&process, &token, level.as_deref());
            prop_assert_eq!(again, Ok(question));
        }
    }

    #[test]
    fn every_answer_is_in_words(process in said(), token in said(), level in level()) {
        match Question::parse(&process, &token, level) {
            Ok(question) => {
                let answer = answer(&question);
                let text = answer.text();
                prop_assert!(text.starts_with(&answer.first_line()));
                prop_assert_eq!(code(&text, &question.command()), None, "{}", text);
                prop_assert_eq!(answer.judged.len(), 8);
                for change in &answer.changes {
                    prop_assert_ne!(&change.question, &answer.question);
                }
            }
            Err(refusal) => prop_assert!(!refusal.why.is_empty()),
        }
    }

    #[test]
    fn no_text_is_too_odd(process in any::<String>(), token in ".{0,40}", level in proptest::option::of(".{0,8}")) {
        let _ = Question::parse(&process, &token, level.as_deref());
    }
}

#[test]
fn codes_are_found() {
    for text in ["it is K2.", "(C1)", "imp/1,", "7C", "status 0xC000010D", "server None", "Some(1)"] {
        assert!(code(text, "user=B").is_some(), "{text}");
    }
    assert_eq!(code("user A: kept at Impersonation, 0x3e7 and S-1-5-18 of W10", ""), None);
    assert_eq!(code("the token's origin is 0xc0000000.", "origin=0xc0000000"), None);
}
