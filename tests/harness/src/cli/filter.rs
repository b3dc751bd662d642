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

    /// A sentence for each filter that means none of these cases, which are ids and titles.
    pub fn mistakes(&self, cases: &[(&str, &str)]) -> Vec<String> {
        let means_some = |filter: &str| cases.iter().any(|(id, title)| one_matches(filter, id, title));
        let means_ids = |word: &str| id_digits(word).is_some() && means_some(word);
        let unmatched = self.filters.iter().map(|filter| filter.trim()).filter(|filter| !means_some(filter));
        unmatched
            .map(|filter| format!("no case matches --filter {filter}; {}", advice(filter, means_ids)))
            .collect()
    }
}

/// What may have been meant by a filter that no case matches. `means_ids` is whether a word means cases by their ids.
fn advice(filter: &str, means_ids: impl Fn(&str) -> bool) -> String {
    let are_ids = |words: &[&str]| words.len() > 1 && words.iter().all(|word| means_ids(word));
    let pieces = |separators: &[char]| -> Vec<_> {
        filter.split(separators).map(str::trim).filter(|word| !word.is_empty()).collect()
    };
    let lists = [&[','][..], &[';'], &['|'], &['+'], &[' ']].map(pieces);
    let ranges = [&['-'][..], &['–'], &['.', '…'], &[':']].map(pieces);
    let start = filter.trim_end_matches(['*', '?', '.', '%', '#']);
    if let Some(ids) = lists.iter().find(|ids| are_ids(ids)) {
        let each: Vec<_> = ids.iter().map(|id| format!("--filter {id}")).collect();
        format!("write {}", each.join(" "))
    } else if ranges.iter().any(|ids| are_ids(ids)) {
        "a range is no filter: write --filter once for each, or the start of their ids".to_owned()
    } else if start != filter && means_ids(start) {
        format!("the start of ids needs no sign: write --filter {start}")
    } else {
        "`psimp list` names them all".to_owned()
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
    use super::{FilterArg, matches};

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

    #[test]
    fn a_filter_that_means_no_case_is_told_with_advice() {
        let cases = [("D13", "other user"), ("D14", "own user"), ("D16", "at 1"), ("N01", "null token")];
        let told = |filters: &[&str]| {
            let filters = filters.iter().map(|&filter| filter.to_owned()).collect();
            FilterArg { filters }.mistakes(&cases)
        };
        assert_eq!(told(&["D13", "n", "user"]), Vec::<String>::new());
        assert_eq!(
            told(&["D13", "nosuch", "Q"]),
            [
                "no case matches --filter nosuch; `psimp list` names them all",
                "no case matches --filter Q; `psimp list` names them all"
            ]
        );
        for (filter, advice) in [
            ("D13,D14", "write --filter D13 --filter D14"),
            ("d13, N", "write --filter d13 --filter N"),
            ("D13 D14 D16", "write --filter D13 --filter D14 --filter D16"),
            ("D13|D14", "write --filter D13 --filter D14"),
            ("D13-D16", "a range is no filter: write --filter once for each, or the start of their ids"),
            ("D13..D16", "a range is no filter: write --filter once for each, or the start of their ids"),
            ("D*", "the start of ids needs no sign: write --filter D"),
            ("D1?", "the start of ids needs no sign: write --filter D1"),
            ("D13,D99", "`psimp list` names them all"),
            ("Q*", "`psimp list` names them all"),
        ] {
            assert_eq!(told(&[filter]), [format!("no case matches --filter {filter}; {advice}")]);
        }
    }
}
