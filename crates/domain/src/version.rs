//! Versions of Drupal's packages, of every shape that Drupal uses: which came first, as far as that can be told.

use std::cmp::Ordering;
use std::fmt;

/// What a package says its version is: `7.x-2.3-rc1`, `8.x-1.x-dev`, `10.3.1`, `2.1.0-alpha3`, or anything else.
///
/// Any text is one. What cannot be read as a version is kept as it is, and is before every one that can.
///
/// Of one number, `dev` is before `unstable`, `alpha`, `beta`, `rc` and the release, as PHP's `version_compare()` has
/// it, by which Drupal compares. A snapshot of a branch, `1.x-dev`, is sorted behind all releases of its branch, being
/// made from what the next one will be. Drupal itself has no order for it: its update status goes by the dates of both
/// (`update.compare.inc`); so does not know [`Version::released_after`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Version {
    text: String,
    read: Option<Parts>,
}

/// How many numbers are read; Drupal's core and Composer know four at the most.
const NUMBERS: usize = 4;
/// A longer text is no version.
const LONGEST: usize = 80;
/// What a version without the core it is for is for: since Drupal 8 all say more by their requirements.
const LATER_CORES: u32 = 8;

/// In the order in which they count.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Parts {
    /// Of `7.x-2.3` the 7.
    core: u32,
    numbers: [Part; NUMBERS],
    stage: Stage,
    /// Of `2.3+5-dev` the 5: changes since.
    changes: u32,
    /// How many numbers were given.
    given: usize,
}

/// A number, or the `x` of a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Part {
    Number(u32),
    Any,
}

/// How finished it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Stage {
    Dev,
    Unstable(u32),
    Alpha(u32),
    Beta(u32),
    Rc(u32),
    Release,
}

impl Version {
    /// Reads any text.
    pub fn of(text: &str) -> Version {
        Version { text: text.to_owned(), read: parse(text) }
    }

    /// The text as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it could be read as a version.
    pub fn is_known(&self) -> bool {
        self.read.is_some()
    }

    /// The numbers that were given, of `8.x-1.3-rc1` 1 and 3; `None` for an `x`.
    pub fn numbers(&self) -> Vec<Option<u32>> {
        let parts = self.read.iter().flat_map(|parts| parts.numbers.iter().take(parts.given));
        parts
            .map(|part| match part {
                Part::Number(number) => Some(*number),
                Part::Any => None,
            })
            .collect()
    }

    /// The first of its numbers.
    pub fn major(&self) -> Option<u32> {
        self.numbers().first().copied().flatten()
    }

    /// Whether it names the core it is for, as `7.x-` does.
    pub fn names_core(&self) -> bool {
        split_core(&self.text).is_some()
    }

    /// How `self` stands to `other`: [`Ordering::Greater`] if it was released later. `None` where that cannot be told:
    /// one of them is no version, or is a snapshot of the branch that the other is of.
    pub fn released_after(&self, other: &Version) -> Option<Ordering> {
        let (Some(own), Some(others)) = (&self.read, &other.read) else { return None };
        if own == others {
            return Some(Ordering::Equal);
        }
        let key = |parts: &Parts| (parts.core, parts.numbers, parts.stage, parts.changes);
        if own.core != others.core || key(own) == key(others) {
            return Some(key(own).cmp(&key(others)));
        }
        for (number, others_number) in own.numbers.iter().zip(&others.numbers) {
            match (number, others_number) {
                (Part::Any, _) | (_, Part::Any) => return None,
                (number, others_number) if number != others_number => return Some(number.cmp(others_number)),
                _ => (),
            }
        }
        Some(key(own).cmp(&key(others)))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.read.cmp(&other.read).then_with(|| self.text.cmp(&other.text))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn parse(text: &str) -> Option<Parts> {
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-+".contains(&b));
    if !plain || text.len() > LONGEST {
        return None;
    }
    let (core, text) = split_core(text).unwrap_or((LATER_CORES, text));
    let (version, changes) = match text.split_once('+') {
        // What Git checkouts say: so many changes since that tag. Anything else names a build, and counts for nothing.
        Some((version, since)) => (version, since.strip_suffix("-dev").and_then(|n| n.parse().ok()).unwrap_or(0)),
        None => (text, 0),
    };
    let (numbers, stage) = match version.split_once('-') {
        Some((numbers, stage)) => (numbers, parse_stage(stage)?),
        None => (version, Stage::Release),
    };
    let mut parts = [Part::Number(0); NUMBERS];
    let mut given = 0;
    for number in numbers.split('.') {
        let part = parts.get_mut(given)?;
        *part = match number {
            "x" if given > 0 => Part::Any,
            _ if number.bytes().all(|b| b.is_ascii_digit()) => Part::Number(number.parse().ok()?),
            _ => return None,
        };
        given += 1;
    }
    Some(Parts { core, numbers: parts, stage, changes, given })
}

/// Of `7.x-2.3` the 7, and the rest. `8.x-dev` is Drupal's core itself, and names none.
fn split_core(text: &str) -> Option<(u32, &str)> {
    let (core, rest) = text.split_once(".x-")?;
    let is_version = rest.bytes().next().is_some_and(|b| b.is_ascii_digit());
    let core = core.parse().ok().filter(|_| is_version && core.len() <= 2)?;
    Some((core, rest))
}

/// `rc1`, `beta2`, `RC.3`, `dev`.
fn parse_stage(text: &str) -> Option<Stage> {
    if text == "dev" || text.ends_with("-dev") {
        return Some(Stage::Dev);
    }
    let digits = text.find(|c: char| c.is_ascii_digit()).unwrap_or(text.len());
    let (word, number) = text.split_at(digits);
    let number = match number.is_empty() {
        true => 0,
        false => number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()?,
    };
    match word.to_ascii_lowercase().trim_end_matches(['-', '.']) {
        "unstable" => Some(Stage::Unstable(number)),
        "alpha" => Some(Stage::Alpha(number)),
        "beta" => Some(Stage::Beta(number)),
        "rc" => Some(Stage::Rc(number)),
        // A release that somebody patched: `10.3.6-p1`.
        _ => Some(Stage::Release),
    }
}

/// Compares as PHP's `version_compare()` does, by which Drupal judges what a package requires of another: `x` and other
/// words that it does not know are before `dev`, and all words are before numbers.
pub(crate) fn compare_as_php(one: &str, other: &str) -> Ordering {
    let (one, other) = (php_parts(one), php_parts(other));
    for at in 0..one.len().max(other.len()) {
        let order = match (one.get(at), other.get(at)) {
            (Some(one), Some(other)) => compare_php_parts(one, other),
            // A number more is later; a word more is `-dev` or the like, and earlier.
            (Some(more), None) => compare_php_parts(more, "#").then(Ordering::Greater),
            (None, Some(more)) => compare_php_parts("#", more).then(Ordering::Less),
            (None, None) => Ordering::Equal,
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}

/// Numbers and words, each by itself.
fn php_parts(version: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut was_digit = None;
    for c in version.chars() {
        if matches!(c, '.' | '-' | '_' | '+') {
            parts.push(String::new());
            was_digit = None;
            continue;
        }
        let is_digit = c.is_ascii_digit();
        if was_digit.is_some_and(|was| was != is_digit) {
            parts.push(String::new());
        }
        was_digit = Some(is_digit);
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

fn compare_php_parts(one: &str, other: &str) -> Ordering {
    let number = |part: &str| part.parse::<u64>().ok();
    match (number(one), number(other)) {
        (Some(one), Some(other)) => one.cmp(&other),
        _ => php_rank(one).cmp(&php_rank(other)),
    }
}

fn php_rank(part: &str) -> u8 {
    match part {
        "dev" => 1,
        "alpha" | "a" => 2,
        "beta" | "b" => 3,
        "RC" | "rc" => 4,
        // What stands for a number.
        part if part == "#" || part.bytes().all(|b| b.is_ascii_digit()) => 5,
        "pl" | "p" => 6,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_one_core_are_ordered_as_they_were_released() {
        for ordered in [
            vec![
                "VERSION",
                "7.x-1.0-unstable7",
                "7.x-1.0-alpha1",
                "7.x-1.0-beta2",
                "7.x-1.0-rc1",
                "7.x-1.0-rc11",
                "7.x-1.0",
                "7.x-1.0+4-dev",
                "7.x-1.1",
                "7.x-1.10",
                "7.x-1.x-dev",
                "7.x-2.0-alpha1",
                "7.x-2.3-rc1",
                "7.x-2.3",
            ],
            vec![
                "",
                "8.x-1.0-alpha3",
                "8.x-1.12",
                "8.x-1.x-dev",
                "2.0.0-dev",
                "2.0.0-alpha3",
                "2.0.0-beta1",
                "2.0.0-rc1",
                "2.0.0",
                "2.0.1",
                "2.0.x-dev",
                "2.1.0",
                "2.x-dev",
                "10.3.1",
                "10.4.x-dev",
            ],
        ] {
            for pair in ordered.windows(2) {
                assert!(Version::of(pair[0]) < Version::of(pair[1]), "{pair:?}");
            }
        }
    }

    #[test]
    fn what_came_later_is_told_only_where_it_can_be() {
        let later = |one: &str, other: &str| Version::of(one).released_after(&Version::of(other));
        assert_eq!(later("7.x-2.3", "7.x-2.3-rc1"), Some(Ordering::Greater));
        assert_eq!(later("1.0", "1.0.0"), Some(Ordering::Equal));
        assert_eq!(later("8.x-3.28", "4.0.0-beta2"), Some(Ordering::Less));
        assert_eq!(later("10.3.x-dev", "10.4.1"), Some(Ordering::Less));
        assert_eq!(later("10.3.x-dev", "10.3.9"), None);
        assert_eq!(later("10.x-dev", "10.3.9"), None);
        assert_eq!(later("7.x-1.x-dev", "7.x-1.x-dev"), Some(Ordering::Equal));
        assert_eq!(later("", "1.0"), None);
        assert_eq!(later("7.x-1.0", "2.0.0"), Some(Ordering::Less));
    }

    #[test]
    fn what_is_no_version_is_known_to_be_none() {
        for bad in ["", "VERSION", "x", "x.1", "1..2", "1.", ".1", "1.2.3.4.5", "1.0 beta", "é", "99999999999", "-1"] {
            assert!(!Version::of(bad).is_known(), "{bad}");
        }
        assert!(!Version::of(&"1".repeat(90)).is_known());
        assert_eq!(Version::of("8.x-2.x-dev").numbers(), [Some(2), None]);
        assert!(Version::of("8.x-2.x-dev").names_core() && !Version::of("10.x-dev").names_core());
    }

    #[test]
    fn php_has_words_before_numbers() {
        for ordered in [["2.x-dev", "2.0"], ["1.0-dev", "1.0-alpha1"], ["1.0-beta1", "1.0-rc1"], ["1.0-rc1", "1.0"]] {
            assert_eq!(compare_as_php(ordered[0], ordered[1]), Ordering::Less, "{ordered:?}");
            assert_eq!(compare_as_php(ordered[1], ordered[0]), Ordering::Greater, "{ordered:?}");
        }
        for ordered in [["1.0", "1.0.0"], ["1.9", "1.10"], ["1.0", "1.0-p1"], ["2.x", "2.0"]] {
            assert_eq!(compare_as_php(ordered[0], ordered[1]), Ordering::Less, "{ordered:?}");
        }
        assert_eq!(compare_as_php("1.0-rc1", "1.0rc1"), Ordering::Equal);
    }
}
