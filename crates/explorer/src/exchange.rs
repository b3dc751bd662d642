//! How text crosses the border of the module: byte by byte, through three functions. So neither side has a pointer
//! into the other's memory, and there is nothing unsafe here but the names: an exported name must be the only one of
//! its kind in the program, which nothing checks for `#[unsafe(no_mangle)]`. The module has no other exports.
#![expect(unsafe_code, reason = "exported names; there is no unsafe block")]

use std::cell::RefCell;
use std::mem;

#[derive(Default)]
struct Exchange {
    question: Vec<u8>,
    answer: Vec<u8>,
}

thread_local! {
    static EXCHANGE: RefCell<Exchange> = RefCell::default();
}

/// Appends a byte to the question.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn explorer_put(byte: u8) {
    EXCHANGE.with_borrow_mut(|exchange| exchange.question.push(byte));
}

/// Answers the question that was put, and forgets it. Returns the length of the answer in bytes.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn explorer_ask() -> usize {
    EXCHANGE.with_borrow_mut(|exchange| {
        exchange.answer = crate::answer(&mem::take(&mut exchange.question)).into_bytes();
        exchange.answer.len()
    })
}

/// The byte of the answer at this place; zero behind its end.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn explorer_get(place: usize) -> u8 {
    EXCHANGE.with_borrow(|exchange| exchange.answer.get(place).copied().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::{explorer_ask, explorer_get, explorer_put};

    fn ask(question: &str) -> String {
        question.bytes().for_each(|byte| explorer_put(byte));
        let bytes = (0..explorer_ask()).map(|place| explorer_get(place)).collect();
        String::from_utf8(bytes).expect("JSON is UTF-8")
    }

    #[test]
    fn each_question_has_its_answer() {
        let form = ask(r#"{"ask":"form"}"#);
        assert!(form.starts_with("{\"process\":"), "{form}");
        assert_eq!(ask(r#"{"ask":"form"}"#), form, "the first question is forgotten");
        assert_eq!(explorer_get(form.len()), 0);
        assert!(ask("").contains("\"error\""), "no question");
    }
}
