//! Numbers and SIDs as people and tools write them.

use psimp_nt::Sid;

/// A number, decimal or hexadecimal after 0x.
pub(crate) fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) if !digits.starts_with('+') => u64::from_str_radix(digits, 16).ok(),
        None if !text.starts_with('+') => text.parse().ok(),
        _ => None,
    }
}

/// A SID, alone or as tools print it: behind the account's name, or with its name in brackets behind it.
pub(crate) fn sid(text: &str) -> Option<Sid> {
    let word = |word: &str| one_sid(word.trim_matches(['"', '\'', '(', ')', '\\']));
    let mut found = text.split_whitespace().filter_map(word);
    found.next().filter(|_| found.next().is_none())
}

/// A SID as people write it, `S-1-authority-sub-…`.
fn one_sid(text: &str) -> Option<Sid> {
    let mut numbers = text.strip_prefix("S-1-").or_else(|| text.strip_prefix("s-1-"))?.split('-');
    let authority = number(numbers.next()?)?;
    let digits = |sub: &str| sub.bytes().all(|byte| byte.is_ascii_digit());
    let subs = numbers.map(|sub| sub.parse().ok().filter(|_| digits(sub))).collect::<Option<Vec<u32>>>()?;
    let [0, 0, authority @ ..] = authority.to_be_bytes() else { return None };
    let mut bytes = vec![1, u8::try_from(subs.len()).ok()?];
    bytes.extend(authority);
    bytes.extend(subs.iter().flat_map(|sub| sub.to_le_bytes()));
    Sid::parse(&bytes).ok()
}

/// The sub-authorities of a SID below a prefix, such as `S-1-16-`.
pub(crate) fn below(sid: &Sid, prefix: &str) -> Option<Vec<u32>> {
    sid.to_string().strip_prefix(prefix)?.split('-').map(|sub| sub.parse().ok()).collect()
}
