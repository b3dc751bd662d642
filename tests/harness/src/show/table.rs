//! The tokens of a process as a table.

use super::view::{Account, Group, Privilege, Thread, Token, Unseen, View};
use std::fmt::Write;

const HEADINGS: [&str; 8] = ["", "token", "level", "user", "logon id", "integrity", "session", "flags"];

/// The table, the SIDs of its users, and the requested details of each token.
pub fn table(view: &View) -> String {
    let process = &view.process;
    let mut text = format!("{}, process {}\n\n{}", process.name, process.pid, rows(view));
    legend(&mut text, view);
    let of_process = process.token.iter().map(|token| ("the process".to_owned(), token));
    let of_threads = view
        .threads
        .iter()
        .filter_map(|thread| Some((format!("thread {}", thread.tid), thread.token.as_ref()?)));
    for (name, token) in of_process.chain(of_threads) {
        details(&mut text, &name, token);
    }
    text
}

/// Only the table: headings, the process, and its threads.
pub fn rows(view: &View) -> String {
    let process = &view.process;
    let mut rows = vec![Row::of(HEADINGS.map(str::to_owned))];
    rows.push(match (&process.token, &process.error) {
        (Some(token), _) => Row::token("process".to_owned(), token),
        (None, error) => Row::note("process".to_owned(), unseen(error.as_ref())),
    });
    rows.extend(view.threads.iter().map(thread));
    let widths: [usize; 8] = std::array::from_fn(|column| {
        let cells = rows.iter().filter(|row| column == 0 || row.note.is_none());
        cells.map(|row| row.cells[column].chars().count()).max().unwrap_or(0)
    });
    let mut text = String::new();
    for row in &rows {
        row.write(&mut text, &widths);
    }
    text
}

/// One line: cells, or after the first one a remark in place of them.
struct Row {
    cells: [String; 8],
    note: Option<String>,
}

impl Row {
    fn of(cells: [String; 8]) -> Self {
        Self { cells, note: None }
    }

    fn note(first: String, note: String) -> Self {
        let mut row = Self { cells: Default::default(), note: Some(note) };
        row.cells[0] = first;
        row
    }

    fn token(first: String, token: &Token) -> Self {
        let session = token.session.map_or_else(String::new, |session| session.to_string());
        let flags = [("elevated", token.elevated == Some(true)), ("restricted", token.restricted)];
        let set = flags.into_iter().filter_map(|(name, set)| set.then_some(name));
        let flags: Vec<_> = set.chain(token.flags.iter().copied()).collect();
        Self::of([
            first,
            token.token_type.to_owned(),
            token.level.unwrap_or("").to_owned(),
            token.user.shown().to_owned(),
            token.logon_id.clone(),
            token.integrity.map_or_else(String::new, |level| level.name.to_owned()),
            session,
            flags.join(", "),
        ])
    }

    fn write(&self, text: &mut String, widths: &[usize; 8]) {
        let mut line = format!("  {:<1$}", self.cells[0], widths[0]);
        match &self.note {
            Some(note) => line = line + "  " + note,
            None => {
                for (cell, width) in self.cells.iter().zip(widths).skip(1) {
                    let _ = write!(line, "  {cell:<width$}");
                }
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
}

fn thread(thread: &Thread) -> Row {
    let first = thread.tid.to_string();
    match (&thread.token, thread.impersonating) {
        (Some(token), _) => Row::token(first, token),
        (None, Some(false)) => Row::note(first, "does not impersonate".to_owned()),
        (None, Some(true)) => {
            let level = thread.level.unwrap_or("an unknown");
            Row::note(first, format!("impersonates at {level} level; {}", unseen(thread.error.as_ref())))
        }
        (None, None) => Row::note(first, unseen(thread.error.as_ref())),
    }
}

fn unseen(error: Option<&Unseen>) -> String {
    error.map_or_else(String::new, |error| format!("{} fails: {}", error.failed, error.status))
}

/// The SIDs behind the names in the table.
fn legend(text: &mut String, view: &View) {
    let threads = view.threads.iter().filter_map(|thread| thread.token.as_ref());
    let mut users: Vec<&Account> = Vec::new();
    for token in view.process.token.iter().chain(threads) {
        if token.user.name.is_some() && !users.contains(&&token.user) {
            users.push(&token.user);
        }
    }
    let width = users.iter().map(|user| user.shown().chars().count()).max().unwrap_or(0);
    if !users.is_empty() {
        text.push('\n');
    }
    for user in users {
        let _ = writeln!(text, "  {:<width$}  {}", user.shown(), user.sid);
    }
}

/// Restricting SIDs, and groups and privileges if they were requested.
fn details(text: &mut String, name: &str, token: &Token) {
    let mut list = |what: &str, lines: Vec<String>| {
        let _ = writeln!(text, "\n  {what} of the token of {name}");
        for line in lines {
            let _ = writeln!(text, "    {line}");
        }
    };
    if !token.restricting.is_empty() {
        list("restricting SIDs", token.restricting.iter().map(account).collect());
    }
    if let Some(groups) = &token.groups {
        list("groups", groups.iter().map(group).collect());
    }
    if let Some(privileges) = &token.privileges {
        list("privileges", privileges.iter().map(privilege).collect());
    }
}

fn account(account: &Account) -> String {
    let name = account.name.as_ref().map_or_else(String::new, |name| format!("  {name}"));
    format!("{}{name}", account.sid)
}

fn group(group: &Group) -> String {
    let state = match (group.enabled, group.deny_only) {
        (_, true) => "deny only",
        (true, false) => "enabled",
        (false, false) => "disabled",
    };
    format!("{state:<9}  {}", account(&group.account))
}

fn privilege(privilege: &Privilege) -> String {
    format!("{:<9}  {}", if privilege.enabled { "enabled" } else { "disabled" }, privilege.name)
}
