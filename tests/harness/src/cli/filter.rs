//! Which cases are meant.

use clap::Args;

/// Which cases; all without a filter.
#[derive(Clone, Debug, Default, Args)]
pub struct FilterArg {
    /// Only these cases: an id, the start of an id, or words of the title; may be repeated
    #[arg(long = "filter", value_name = "S", value_parser = not_blank)]
    pub filters: Vec<String>,
}

impl FilterArg {
    /// Whether a case is meant.
    pub fn matches(&self, id: &str, title: &str) -> bool {
        matches(&self.filters, id, title)
    }
}

/// Whether any of `filters` means the case; without filters every case is meant.
///
/// A filter is read as the first of these that it can be, in upper or lower case:
/// * the id of the case: `D13`;
/// * a letter and two or more digits, the shape of a whole id: it means that id and no other, so
///   `D13` never means `D130`;
/// * a letter and at most one digit: the start of ids, so `D` means a group and `D1` `D10` to `D19`;
/// * words, each of which occurs somewhere in the title.
pub fn matches(filters: &[String], id: &str, title: &str) -> bool {
    filters.is_empty() || filters.iter().any(|filter| one_matches(filter.trim(), id, title))
}

fn one_matches(filter: &str, id: &str, title: &str) -> bool {
    if filter.eq_ignore_ascii_case(id) {
        return true;
    }
    match id_digits(filter) {
        Some(0 | 1) => id.get(..filter.len()).is_some_and(|start| start.eq_ignore_ascii_case(filter)),
        Some(_) => false,
        None => {
            let title = title.to_lowercase();
            filter.to_lowercase().split_whitespace().all(|word| title.contains(word))
        }
    }
}

/// How many digits follow the letter, if `filter` is one letter and digits.
fn id_digits(filter: &str) -> Option<usize> {
    let digits = filter.strip_prefix(|first: char| first.is_ascii_alphabetic())?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then_some(digits.len())
}

/// A filter without words would mean every case.
fn not_blank(filter: &str) -> Result<String, &'static str> {
    if filter.trim().is_empty() { Err("a filter needs a word") } else { Ok(filter.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::matches;

    fn any(filters: &[&str], id: &str, title: &str) -> bool {
        let filters: Vec<_> = filters.iter().map(|&filter| filter.to_owned()).collect();
        matches(&filters, id, title)
    }

    fn by_id(filter: &str, id: &str) -> bool {
        any(&[filter], id, "")
    }

    #[test]
    fn without_filters_every_case_is_meant() {
        assert!(any(&[], "D13", "other user"));
    }

    #[test]
    fn a_whole_id_means_one_case() {
        assert!(by_id("D13", "D13"));
        assert!(by_id("d13", "D13"));
        assert!(by_id(" D13 ", "D13"));
        assert!(!by_id("D13", "D12"));
        assert!(!by_id("D13", "D130"));
        assert!(!by_id("D13", "D13b"));
        assert!(by_id("d13b", "D13b"));
    }

    #[test]
    fn a_letter_means_its_group() {
        assert!(by_id("D", "D13"));
        assert!(by_id("d", "D13"));
        assert!(!by_id("N", "D13"));
        assert!(!any(&["N"], "D13", "null token"));
    }

    #[test]
    fn a_letter_and_a_digit_mean_ten_cases() {
        assert!(by_id("D1", "D13"));
        assert!(by_id("d0", "D01"));
        assert!(!by_id("D1", "D01"));
        assert!(!by_id("D1", "D21"));
        assert!(by_id("D1", "D1"));
    }

    #[test]
    fn words_must_all_occur_in_the_title() {
        let title = "Other user at Impersonation: stored as a copy";
        assert!(any(&["USER copy"], "D13", title));
        assert!(any(&["imperson"], "D13", title));
        assert!(!any(&["user restricted"], "D13", title));
        assert!(!any(&["D13 D14"], "D13", title));
        assert!(any(&["größe"], "D13", "Größe"));
    }

    #[test]
    fn one_filter_of_several_is_enough() {
        assert!(any(&["N", "D13"], "D13", ""));
        assert!(any(&["restricted", "copy"], "C01", "the copy is new"));
        assert!(!any(&["restricted", "N"], "C01", "the copy is new"));
    }
}
