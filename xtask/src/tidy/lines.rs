//! Every line of a task can be taken back by its name alone.
//!
//! After a crash all that is left is a journal of names and inputs. Whoever finds it asks one
//! list, `crates/provision/src/lines.rs`, what a name means. A line that is missing there is
//! stuck for ever on the day that it matters, and no other test would notice. So the list is
//! compared with the `impl`s, both ways, and names are unique and spelled alike.

use std::collections::{BTreeMap, BTreeSet};

use super::Report;
use crate::source::{Rust, closing, line_of, name_at, words};
use crate::tree::Tree;

const SOURCES: &str = "crates/provision/src/";
const LIST: &str = "crates/provision/src/lines.rs";
/// The traits of lines that a journal can hold, and the calls that list them.
const KINDS: [(&str, &str); 3] = [("Undo", "undo"), ("Finish", "finish"), ("Cleanup", "cleanup")];

pub(super) fn check(tree: &Tree, report: &mut Report) {
    let list = tree.file(LIST).map(|file| file.rust().without_tests());
    // (trait, type) → where.
    let mut written: BTreeMap<(&str, String), String> = BTreeMap::new();
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for file in tree.rust_under(SOURCES).filter(|file| !file.is_test()) {
        let rust = file.rust().without_tests();
        for (kind, line, at) in implemented(&rust.code) {
            let place = format!("{}:{}", file.path, line_of(&rust.code, at));
            if let Some(other) = written.insert((kind, line.clone()), place.clone()) {
                report.find(place, format!("a second `{line}` implements `{kind}` (the other: {other}); two lines of one name cannot be told apart in the list: rename one"));
            }
        }
        for (name, at) in line_names(&rust) {
            let place = format!("{}:{}", file.path, line_of(&rust.code, at));
            check_name(report, &name, &place);
            if let Some(other) = names.insert(name.clone(), place.clone()) {
                report.find(place, format!("a second line is named `{name}` (the other: {other}). A journal knows a line by its name alone: choose another"));
            }
        }
    }

    let listed: BTreeSet<(&str, String)> = list.as_ref().map(|rust| listed(&rust.code)).unwrap_or_default();
    for ((kind, line), place) in &written {
        if !listed.contains(&(kind, line.clone())) {
            let call = call_of(kind);
            report.find(place, format!("`{line}` implements `{kind}` and is not in {LIST}. After a crash nobody could take it back or carry it on: add `.{call}::<{line}>()` there"));
        }
    }
    for (kind, line) in &listed {
        if !written.contains_key(&(*kind, line.clone())) {
            let call = call_of(kind);
            report.find(LIST, format!("lists `.{call}::<{line}>()`, and no `impl {kind}` for it is under {SOURCES}: drop it, or keep the line readable for journals of older releases"));
        }
    }
}

fn call_of(kind: &str) -> &'static str {
    KINDS.iter().find(|(name, _)| *name == kind).map_or("undo", |(_, call)| call)
}

fn check_name(report: &mut Report, name: &str, place: &str) {
    let good = !name.is_empty()
        && name.split('-').all(|word| {
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        });
    if !good {
        report.find(place, format!("the line's name `{name}` is not spelled like-this. Operators read and grep these names in logs and journals: lower case, words joined by `-`"));
    }
}

/// Each `impl … Undo<…> for X` and its like: the trait, `X`, the place.
fn implemented(code: &str) -> Vec<(&'static str, String, usize)> {
    let mut found = Vec::new();
    for at in words(code, "impl") {
        let mut rest = code[at + "impl".len()..].trim_start();
        if let Some(generics) = rest.strip_prefix('<') {
            rest = closing(generics, b'<').map_or("", |end| generics[end + 1..].trim_start());
        }
        let Some((head, _)) = rest.split_once('{') else {
            continue;
        };
        let Some(at_for) = words(head, "for").first().copied() else {
            continue;
        };
        let of = last_name(&head[..at_for]);
        let line = last_name(&head[at_for + "for".len()..]);
        if let Some((kind, _)) = KINDS.iter().find(|(kind, _)| *kind == of) {
            found.push((*kind, line.to_owned(), at));
        }
    }
    found
}

/// The last name of a path, without what it is generic over: `B` of ` a::B<C>`.
fn last_name(path: &str) -> &str {
    let path = path.trim();
    let path = path.split(['<', ' ', '\n']).next().unwrap_or_default();
    path.rsplit("::").next().unwrap_or_default()
}

/// The calls `.undo::<X>()` and their like.
fn listed(code: &str) -> BTreeSet<(&'static str, String)> {
    let mut found = BTreeSet::new();
    for (kind, call) in KINDS {
        for at in words(code, call) {
            let rest = code[at + call.len()..].trim_start();
            let Some(turbofish) = rest.strip_prefix("::<") else {
                continue;
            };
            let Some(end) = closing(turbofish, b'<') else {
                continue;
            };
            found.insert((kind, last_name(&turbofish[..end]).to_owned()));
        }
    }
    found
}

/// Each `const NAME: &'static str = "…"` of a line.
fn line_names(rust: &Rust) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    for at in words(&rust.code, "NAME") {
        let declared = rust.code[..at].trim_end().ends_with("const");
        let after = &rust.text[at + "NAME".len()..];
        let Some((kind, value)) = after.split_once('=') else {
            continue;
        };
        if !declared || !kind.contains("str") || kind.contains(';') {
            continue;
        }
        if let Some(literal) = value.trim_start().strip_prefix('"') {
            found.push((literal.split('"').next().unwrap_or_default().to_owned(), at));
        }
    }
    debug_assert!(found.iter().all(|(_, at)| name_at(&rust.code[*at..]) == "NAME"));
    found
}

#[cfg(test)]
mod tests {
    use super::super::bad_trees::refused;
    use super::*;

    const STEP: &str = "//! Why.\nimpl Action<World> for MakeRoom { const NAME: &'static str = \"make-room\"; }\nimpl<'a> recipe::Undo<World<'a>> for MakeRoom { }\nimpl Cleanup<World> for site::Sweep {}\n";

    #[test]
    fn lines_that_are_all_listed_pass() {
        let list = "//! Why.\nfn lines() { Lines::new().undo::<site::MakeRoom>()\n    .cleanup::<Sweep>() }\n";

        assert_eq!(refused(check, &[("crates/provision/src/site.rs", STEP), (LIST, list)]), [""; 0]);
    }

    #[test]
    fn a_line_that_is_not_listed_is_refused() {
        let list = "//! Why, and not `.undo::<MakeRoom>()`.\nfn lines() { Lines::new().cleanup::<Sweep>() }\n";

        assert_eq!(
            refused(check, &[("crates/provision/src/site.rs", STEP), (LIST, list)]),
            ["crates/provision/src/site.rs:3"]
        );
        assert_eq!(refused(check, &[("crates/provision/src/site.rs", STEP)]).len(), 2);
    }

    #[test]
    fn a_listed_line_that_does_not_exist_is_refused() {
        let list = "//! Why.\nfn lines() { Lines::new().undo::<MakeRoom>().cleanup::<Sweep>().finish::<Sweep>() }\n";

        assert_eq!(refused(check, &[("crates/provision/src/site.rs", STEP), (LIST, list)]), [LIST]);
    }

    #[test]
    fn a_name_that_is_taken_or_misspelt_is_refused() {
        let names = "//! Why.\nimpl A for B { const NAME: &'static str = \"copy-files\"; }\nimpl A for C { const NAME: &str = \"copy-files\"; }\nimpl A for D { const NAME: &'static str = \"Copy_Files\"; }\n";

        assert_eq!(
            refused(check, &[("crates/provision/src/a.rs", names)]),
            ["crates/provision/src/a.rs:3", "crates/provision/src/a.rs:4"]
        );
    }

    #[test]
    fn what_tests_make_up_is_not_asked_for() {
        let tests = format!("//! Why.\n#[cfg(test)]\nmod tests {{\n{STEP}}}\n");

        assert_eq!(refused(check, &[("crates/provision/src/a.rs", &tests)]), [""; 0]);
    }
}
