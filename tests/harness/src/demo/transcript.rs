//! The page that the demo prints, and its unexpected outcomes.

use crate::cli::Exit;
use std::fmt::{Display, Write};

/// The result of a demo.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transcript {
    /// The page.
    pub text: String,
    /// Unexpected outcomes.
    pub differences: Vec<String>,
}

impl Transcript {
    /// The program's exit code.
    pub fn exit(&self) -> Exit {
        if self.differences.is_empty() { Exit::Passed } else { Exit::Failed }
    }

    /// A line.
    pub fn line(&mut self, line: impl Display) {
        // Writing to a string does not fail.
        let _ = writeln!(self.text, "{line}");
    }

    /// An empty line, and a paragraph.
    pub fn paragraph(&mut self, text: impl Display) {
        self.line("");
        self.line(text);
    }

    /// An empty line, and lines as they are.
    pub fn block(&mut self, lines: &str) {
        self.line("");
        self.text.push_str(lines);
    }

    /// An underlined heading.
    pub fn heading(&mut self, heading: &str) {
        self.paragraph(heading);
        self.line("-".repeat(heading.chars().count()));
    }

    /// Compares a value seen in a part of the story with the expected one. A difference is printed at that place
    /// in the page.
    pub fn expect(&mut self, part: &str, what: &str, expected: &str, seen: &str) {
        if expected != seen {
            self.line(format_args!("*** unexpected: {what}: expected {expected}"));
            self.differ(format!("{part}: {what}: expected {expected}, saw {seen}"));
        }
    }

    /// Records an unexpected outcome.
    pub fn differ(&mut self, difference: String) {
        self.differences.push(difference);
    }
}
