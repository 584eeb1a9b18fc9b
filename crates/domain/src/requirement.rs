//! What a package's code requires of what it is to run on, in the words of info files.
//!
//! Two languages are written there: that of Composer, for the core (`^9.5 || ^10`), and Drupal's own, for other
//! packages (`>=8.x-1.2, <3`). What is in neither is not judged.

use std::cmp::Ordering;
use std::fmt;

use crate::PackageKind;
use crate::version::{Version, compare_as_php};

/// What the code of a package requires.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requirements {
    /// The oldest PHP that it runs on.
    pub php: Option<String>,
    /// The packages that it needs.
    pub dependencies: Vec<Dependency>,
    /// The schema update whose code is gone: a site that is older cannot be updated to it.
    pub updates_since: Option<i64>,
}

/// A package that another one needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// What it is.
    pub kind: PackageKind,
    /// Its machine name.
    pub name: String,
    /// Which versions will do, if not all: `>=8.x-1.2, <3`.
    pub versions: Option<String>,
}

impl Dependency {
    /// What `text` of an info file means: `views`, `drupal:node`, `ctools (>=1.5)`. `None` if it names nothing.
    pub fn of(text: &str) -> Option<Dependency> {
        let (name, versions) = match text.split_once('(') {
            Some((name, versions)) => (name, Some(versions.trim_end().trim_end_matches(')').trim().to_owned())),
            None => (text, None),
        };
        let name = name.rsplit_once(':').map_or(name, |(_, name)| name).trim();
        let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        let versions = versions.filter(|versions| !versions.is_empty());
        is_name.then(|| Dependency { kind: PackageKind::Module, name: name.to_owned(), versions })
    }

    /// Whether `version` of it will do; `None` where that cannot be told.
    pub fn allows(&self, version: Option<&str>) -> Option<bool> {
        let Some(versions) = &self.versions else { return Some(true) };
        let version = version.filter(|version| Version::of(version).is_known())?;
        // Which core it is for is no part of the number.
        let version = without_core(version);
        let mut all = true;
        for term in versions.split(',').map(str::trim).filter(|term| !term.is_empty()) {
            // Drupal passes over what it cannot read, and so does this.
            all &= drupal_term(term, version).unwrap_or(true);
        }
        Some(all)
    }
}

impl fmt::Display for Dependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.versions {
            Some(versions) => write!(f, "{} ({versions})", self.name),
            None => f.write_str(&self.name),
        }
    }
}

fn without_core(version: &str) -> &str {
    match version.split_once(".x-") {
        Some((_, rest)) if Version::of(version).names_core() => rest,
        _ => version,
    }
}

/// One comparison in Drupal's words. Like Drupal, it reads two numbers and passes over what follows; an `x` in the
/// second place stands for every number of its branch.
fn drupal_term(term: &str, version: &str) -> Option<bool> {
    let (operator, wanted) = operator_of(term);
    let (major, minor) = without_core(wanted).split_once('.')?;
    let major: u32 = major.parse().ok()?;
    let compared = |wanted: &str| compare_as_php(version, wanted);
    if minor.starts_with('x') {
        // PHP has `2.x` before all of 2, and `3.x` behind.
        let is_before = compared(&format!("{major}.x")) == Ordering::Less;
        let is_behind = compared(&format!("{}.x", major.checked_add(1)?)) != Ordering::Less;
        return Some(match operator {
            ">=" => !is_before,
            "<" => is_before,
            ">" => is_behind,
            "<=" => !is_behind,
            "!=" | "<>" => is_before || is_behind,
            _ => !is_before && !is_behind,
        });
    }
    let number = minor.split(|c: char| !c.is_ascii_digit()).next().filter(|number| !number.is_empty())?;
    let stage =
        minor[number.len()..].split('.').next().filter(|stage| Version::of(&format!("1.0{stage}")).is_known())?;
    Some(holds(operator, compared(&format!("{major}.{number}{stage}"))))
}

fn operator_of(term: &str) -> (&str, &str) {
    let operators = ["<=", ">=", "!=", "<>", "==", "<", ">", "="];
    let found = operators.into_iter().find(|operator| term.starts_with(operator)).unwrap_or_default();
    (found, term[found.len()..].trim())
}

fn holds(operator: &str, order: Ordering) -> bool {
    match operator {
        "<" => order == Ordering::Less,
        "<=" => order != Ordering::Greater,
        ">" => order == Ordering::Greater,
        ">=" => order != Ordering::Less,
        "!=" | "<>" => order != Ordering::Equal,
        _ => order == Ordering::Equal,
    }
}

/// Whether the core `core` is one that `requirement` names in Composer's words; `None` where that cannot be told.
pub fn core_allowed(requirement: &str, core: &str) -> Option<bool> {
    let core = Point::of(core)?;
    let mut any = false;
    for alternative in requirement.replace("||", "|").split('|') {
        any |= all_hold(alternative.trim(), &core)?;
    }
    Some(any)
}

/// A version as Composer compares them: up to four numbers, an `x` being larger than any, and how finished it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Point {
    numbers: [u32; 4],
    /// 0 for `dev`, the last for a release.
    stage: (u8, u32),
}

/// The stage that every other of the same number is behind.
const DEV: (u8, u32) = (0, 0);
const RELEASE: (u8, u32) = (9, 0);

impl Point {
    fn of(text: &str) -> Option<Point> {
        let version = Version::of(text.strip_prefix('v').unwrap_or(text));
        let given = version.numbers();
        if given.is_empty() || version.names_core() {
            return None;
        }
        let mut numbers = [0; 4];
        let mut any = false;
        for (at, number) in given.iter().enumerate() {
            any |= number.is_none();
            numbers[at] = if any { u32::MAX } else { number.unwrap_or(u32::MAX) };
        }
        let stage = text.split_once('-').map_or("", |(_, stage)| stage).to_ascii_lowercase();
        let number = stage.trim_start_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or(0);
        let stage = match stage.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.') {
            "dev" => DEV,
            "alpha" => (1, number),
            "beta" => (2, number),
            "rc" => (3, number),
            _ => RELEASE,
        };
        Some(Point { numbers, stage })
    }

    /// The first version, and be it unfinished, of what `count` numbers of this one begin.
    fn branch(&self, count: usize) -> Point {
        let mut numbers = self.numbers;
        numbers[count..].fill(0);
        Point { numbers, stage: DEV }
    }

    /// The first version behind all that begin with `count` numbers of this one.
    fn behind(&self, count: usize) -> Point {
        let mut point = self.branch(count);
        if let Some(last) = count.checked_sub(1) {
            point.numbers[last] = point.numbers[last].saturating_add(1);
        }
        point
    }
}

/// Comparisons that are joined by a comma or a space.
fn all_hold(terms: &str, core: &Point) -> Option<bool> {
    if let Some((from, to)) = terms.split_once(" - ") {
        let (_, from) = composer_version(from.trim())?;
        let (count, to) = composer_version(to.trim())?;
        let is_below = if count < 3 { *core < to.behind(count) } else { *core <= to };
        return Some(*core >= Point { stage: from.stage.min(DEV), ..from } && is_below);
    }
    let mut words = terms.split([',', ' ']).filter(|word| !word.is_empty()).peekable();
    words.peek()?;
    let mut all = true;
    while let Some(word) = words.next() {
        // An operator may stand by itself.
        let is_operator = word.bytes().all(|b| b"<>=!^~".contains(&b));
        let term = if is_operator { format!("{word}{}", words.next()?) } else { word.to_owned() };
        all &= composer_term(&term, core)?;
    }
    Some(all)
}

fn composer_term(term: &str, core: &Point) -> Option<bool> {
    let term = term.split_once('@').map_or(term, |(term, _)| term);
    if matches!(term, "*" | "x") {
        return Some(true);
    }
    let unstable = |point: &Point, text: &str| match text.contains('-') {
        true => point.clone(),
        // What is unfinished is behind the version before it.
        false => Point { stage: DEV, ..point.clone() },
    };
    if let Some(text) = term.strip_prefix('^') {
        let (count, from) = composer_version(text)?;
        // Up to the next change of the first number that is not 0.
        let first = from.numbers[..count].iter().position(|number| *number != 0).unwrap_or(count - 1);
        return Some(*core >= unstable(&from, text) && *core < from.behind(first + 1));
    }
    if let Some(text) = term.strip_prefix('~') {
        let (count, from) = composer_version(text)?;
        return Some(*core >= unstable(&from, text) && *core < from.behind(count.max(2) - 1));
    }
    let (operator, text) = operator_of(term);
    if let Some(branch) = text.strip_suffix(".*").or_else(|| text.strip_suffix(".x")) {
        let (count, from) = composer_version(branch)?;
        let is_within = *core >= from.branch(count) && *core < from.behind(count);
        return match operator {
            "" | "=" | "==" => Some(is_within),
            "!=" | "<>" => Some(!is_within),
            ">=" => Some(*core >= from.branch(count)),
            "<" => Some(*core < from.branch(count)),
            _ => None,
        };
    }
    let (_, wanted) = composer_version(text)?;
    let wanted = if matches!(operator, ">=" | "<") { unstable(&wanted, text) } else { wanted };
    Some(holds(operator, core.cmp(&wanted)))
}

/// A version and how many numbers it has.
fn composer_version(text: &str) -> Option<(usize, Point)> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let point = Point::of(text)?;
    let numbers = Version::of(text).numbers();
    numbers.iter().all(Option::is_some).then_some((numbers.len(), point))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_of_the_core_are_read_as_composer_reads_them() {
        for (requirement, fitting, others) in [
            (
                "^9 || ^10",
                &["9.0.0", "9.5.11", "10.3.6", "10.4.0-dev", "10.x-dev"][..],
                &["8.9.20", "11.0.0", "11.x-dev"][..],
            ),
            ("^8.8|^9.1", &["8.8.0", "8.9.3", "9.1.0-rc1"], &["8.7.9", "9.0.5", "10.0.0"]),
            ("^10.2", &["10.2.0", "10.3.6"], &["10.1.6", "11.0.0-alpha1"]),
            ("~10.2", &["10.2.0", "10.9.0"], &["10.1.0", "11.0.0"]),
            ("~10.2.1", &["10.2.1", "10.2.9"], &["10.2.0", "10.3.0"]),
            (">=9.5", &["9.5.0-dev", "12.0.0"], &["9.4.9"]),
            (">= 9.5 <11", &["9.5.0", "10.9.9"], &["11.0.0", "11.0.0-dev"]),
            (">9.5.1,<=10.1", &["9.5.2", "10.1.0"], &["9.5.1", "10.1.1"]),
            ("10.3.*", &["10.3.0", "10.3.6"], &["10.2.9", "10.4.0"]),
            ("8.x", &["8.9.20"], &["9.0.0", "10.3.6"]),
            ("7.x", &["7.98", "7.105", "7.x-dev"], &["8.0.0", "10.3.6"]),
            ("10.1.6", &["10.1.6"], &["10.1.7"]),
            ("!=10.2.0", &["10.2.1"], &["10.2.0"]),
            ("9.4 - 10.1", &["9.4.0", "10.1.6"], &["9.3.9", "10.2.0"]),
            ("*", &["7.98", "11.0.0"], &[]),
            ("^10@beta", &["10.0.0"], &["9.0.0"]),
        ] {
            for core in fitting {
                assert_eq!(core_allowed(requirement, core), Some(true), "{requirement} {core}");
            }
            for core in others {
                assert_eq!(core_allowed(requirement, core), Some(false), "{requirement} {core}");
            }
        }
    }

    #[test]
    fn what_cannot_be_read_is_not_judged() {
        for bad in ["", " ", "ten", "^", ">=", "^10 || ten", "dev-main", "1.2.3.4.5", "^é", "|||"] {
            assert_eq!(core_allowed(bad, "10.3.6"), None, "{bad}");
        }
        assert_eq!(core_allowed("^10", "VERSION"), None);
        assert_eq!(Dependency::of("a (>=1.0)").unwrap().allows(None), None);
        assert_eq!(Dependency::of("a (>=1.0)").unwrap().allows(Some("VERSION")), None);
        for bad in ["", ":", "(>=1)", "a b", "é"] {
            assert_eq!(Dependency::of(bad), None, "{bad}");
        }
    }

    #[test]
    fn dependencies_are_read_as_drupal_reads_them() {
        for (text, fitting, others) in [
            ("views", &["7.x-3.1", "VERSION"][..], &[][..]),
            ("views (>=7.x-3.2)", &["7.x-3.2", "3.20"], &["7.x-3.1", "7.x-3.2-rc1", "7.x-3.x-dev"]),
            ("views (3.x)", &["7.x-3.0", "7.x-3.29"], &["7.x-2.9", "7.x-4.0"]),
            ("drupal:node (>=8.7)", &["10.3.6"], &["8.6.1"]),
            ("webform:webform (>= 8.x-5.0, <7.x, ten)", &["8.x-5.4", "6.2.1"], &["8.x-4.9", "7.0.0"]),
            ("a (<=2.x)", &["2.9", "1.0"], &["3.0"]),
            ("a (>2.x)", &["3.0"], &["2.9"]),
            ("a (!=1.5)", &["1.4"], &["1.5"]),
            ("a (>=2.1.3)", &["2.1.0", "2.2.0"], &["2.0.9"]),
            ("a (>=1.0-rc2)", &["1.0-rc2", "7.x-1.0"], &["1.0-rc1"]),
            ("a ()", &["1.0"], &[]),
        ] {
            let dependency = Dependency::of(text).unwrap();
            for version in fitting {
                assert_eq!(dependency.allows(Some(version)), Some(true), "{text} {version}");
            }
            for version in others {
                assert_eq!(dependency.allows(Some(version)), Some(false), "{text} {version}");
            }
        }
        assert_eq!(Dependency::of("project:name (>1)").unwrap().to_string(), "name (>1)");
    }
}
