//! An INF as sections of entries. It is no INI file: values are lists, quotes are doubled, sections may repeat, and
//! entries need no name.

/// A parsed INF.
pub(super) struct Parsed {
    pub(super) sections: Vec<Section>,
    /// What could not be understood, a sentence each.
    pub(super) faults: Vec<String>,
}

/// A section, as often as it is written.
pub(super) struct Section {
    /// In lower case, because an INF is not case-sensitive.
    pub(super) name: String,
    pub(super) entries: Vec<Entry>,
}

/// A line of a section: a name with values, or values alone.
pub(super) struct Entry {
    /// In lower case; empty where the line has values alone.
    pub(super) name: String,
    /// Without quotes.
    pub(super) values: Vec<String>,
}

impl Entry {
    /// A value, empty where the list is shorter.
    pub(super) fn value(&self, index: usize) -> &str {
        self.values.get(index).map_or("", String::as_str)
    }
}

pub(super) fn parse(text: &str) -> Parsed {
    let mut parsed = Parsed { sections: Vec::new(), faults: Vec::new() };
    for (number, line) in text.lines().enumerate().map(|(index, line)| (index + 1, line)) {
        let Some(code) = without_comment(line) else {
            parsed.faults.push(format!("line {number} has a quote that is not closed"));
            continue;
        };
        let code = code.trim();
        if code.is_empty() {
            continue;
        }
        if code.ends_with('\\') {
            parsed.faults.push(format!("line {number} is continued with a backslash"));
        }
        if let Some(header) = code.strip_prefix('[') {
            let name = header
                .strip_suffix(']')
                .filter(|name| !name.is_empty() && !name.contains(['[', ']', '"', '%']));
            if name.is_none() {
                parsed.faults.push(format!("line {number} is no header of a section: {code}"));
            }
            let name = name.unwrap_or(header).to_ascii_lowercase();
            parsed.sections.push(Section { name, entries: Vec::new() });
            continue;
        }
        let Some(section) = parsed.sections.last_mut() else {
            parsed.faults.push(format!("line {number} comes before any section"));
            continue;
        };
        let (name, values) = match split(code, '=').as_slice() {
            [values] => (String::new(), values.clone()),
            [name, rest @ ..] => (name.trim().to_ascii_lowercase(), rest.join("=")),
            [] => continue,
        };
        let values = split(&values, ',').iter().map(|value| unquoted(value)).collect();
        section.entries.push(Entry { name, values });
    }
    parsed
}

/// The line up to a semicolon outside quotes; none if a quote is left open.
pub(super) fn without_comment(line: &str) -> Option<&str> {
    let parts = split(line, ';');
    let code = &line[..parts.first().map_or(0, String::len)];
    code.matches('"').count().is_multiple_of(2).then_some(code)
}

/// Splits at a character that is not inside quotes.
fn split(text: &str, at: char) -> Vec<String> {
    let (mut parts, mut quoted) = (vec![String::new()], false);
    for character in text.chars() {
        quoted ^= character == '"';
        match parts.last_mut() {
            Some(part) if character != at || quoted => part.push(character),
            _ => parts.push(String::new()),
        }
    }
    parts
}

fn unquoted(value: &str) -> String {
    let value = value.trim();
    match value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) {
        Some(inner) => inner.replace("\"\"", "\""),
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn lines_become_names_and_lists() {
        let text =
            "; nothing\n[A.b]\nOne = 1, \"two; \"\"2\"\"\" , ; three\nfile.sys\n[a.B]\nHKR,,x,,\"a,b\"\n";
        let parsed = parse(text);
        assert_eq!(parsed.faults, Vec::<String>::new());
        let [first, second] = &parsed.sections[..] else { panic!("two sections") };
        assert_eq!((first.name.as_str(), second.name.as_str()), ("a.b", "a.b"));
        assert_eq!(
            (first.entries[0].name.as_str(), &first.entries[0].values[..]),
            ("one", &["1", "two; \"2\"", ""].map(str::to_owned)[..])
        );
        assert_eq!((first.entries[1].name.as_str(), first.entries[1].value(0)), ("", "file.sys"));
        assert_eq!((second.entries[0].value(0), second.entries[0].value(4)), ("HKR", "a,b"));
    }
}
