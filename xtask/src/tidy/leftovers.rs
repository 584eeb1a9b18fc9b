//! What should have been cleared away: tests switched off, work put off without a condition,
//! dependencies that nothing uses, paths of somebody's own machine.

use toml::{Table, Value};

use super::{Report, is_not_begun};
use crate::source::{line_of, words};
use crate::tree::{File, Tree};

/// Sources, where a note of work put off may stand; documents may speak of such notes.
const SOURCES: [&str; 9] = ["rs", "css", "js", "php", "sh", "sql", "toml", "yml", "html"];
/// Where developers work. Split, so that this list does not find itself.
const MACHINE_PATHS: [&str; 3] = [concat!("/ho", "me/"), concat!("/wo", "rk/"), concat!("/Us", "ers/")];
const NOTES: [&str; 2] = [concat!("TO", "DO"), concat!("FIX", "ME")];
/// A dependency that nothing names is kept if a comment beside it begins so, and says why.
const PIN: &str = "Pinned";

pub(super) fn check(tree: &Tree, report: &mut Report) {
    for file in tree.files() {
        put_off(file, report);
        machine_paths(file, report);
    }
    unused_dependencies(tree, report);
}

fn put_off(file: &File, report: &mut Report) {
    let is_rust = file.has_ending("rs");
    let script = !file.path.rsplit('/').next().unwrap_or_default().contains('.');
    if !script && !SOURCES.iter().any(|ending| file.has_ending(ending)) {
        return;
    }
    let rust = is_rust.then(|| file.rust());
    if let Some(rust) = &rust {
        for (text, message) in [
            (
                concat!("#[ign", "ore"),
                "switches a test off. A test that is not run is a promise that nobody keeps: mend it, or delete it and say so in the commit",
            ),
            (
                concat!("to", "do!("),
                "would panic in front of a user: return a fault, or leave the function out until it is written",
            ),
        ] {
            for (at, _) in rust.code.match_indices(text) {
                report.find(format!("{}:{}", file.path, line_of(&rust.code, at)), format!("`{text}…` {message}"));
            }
        }
    }
    let notes = rust.as_ref().map_or(file.text.as_str(), |rust| &rust.comments);
    for note in NOTES {
        for at in words(notes, note) {
            if !notes[at + note.len()..].starts_with(" (when ") {
                report.find(
                    format!("{}:{}", file.path, line_of(notes, at)),
                    format!("a `{note}` without its condition stays for ever: write `{} (when …): …`, with what must be true to do it; or do it", NOTES[0]),
                );
            }
        }
    }
}

fn machine_paths(file: &File, report: &mut Report) {
    for path in MACHINE_PATHS {
        for (at, _) in file.text.match_indices(path) {
            // Inside a longer path or an address it is no path of a machine.
            let before = file.text[..at].chars().next_back();
            let inside = before.is_some_and(|letter| letter.is_alphanumeric() || "/.-_}>~$*".contains(letter));
            let named =
                file.text[at + path.len()..].starts_with(|letter: char| letter.is_alphanumeric() || letter == '_');
            if !inside && named {
                report.find(
                    format!("{}:{}", file.path, line_of(&file.text, at)),
                    format!("names a path of somebody's own machine (`{path}…`), which no reader has: write it from the project's folder or from the home, or use one under `/srv`"),
                );
            }
        }
    }
}

fn unused_dependencies(tree: &Tree, report: &mut Report) {
    let root = tree.file("Cargo.toml").map_or("", |file| &file.text);
    for manifest in tree.files().filter(|file| file.path.ends_with("/Cargo.toml")) {
        let Some(folder) = manifest.path.strip_suffix("Cargo.toml") else {
            continue;
        };
        let Ok(table) = manifest.text.parse::<Table>() else {
            continue;
        };
        if is_not_begun(tree, folder) {
            continue;
        }
        let files: Vec<&File> = tree.rust_under(folder).collect();
        let program: Vec<String> =
            files.iter().filter(|file| !file.is_test()).map(|file| file.rust().without_tests().code).collect();
        let all: Vec<String> = files.iter().map(|file| file.rust().code).collect();
        for (section, sources) in
            [("dependencies", &program), ("build-dependencies", &program), ("dev-dependencies", &all)]
        {
            for name in table.get(section).and_then(Value::as_table).into_iter().flat_map(Table::keys) {
                let used = sources.iter().any(|code| !words(code, &name.replace('-', "_")).is_empty());
                if !used && !is_pinned(&manifest.text, name) && !is_pinned(root, name) {
                    report.find(
                        &manifest.path,
                        format!(
                            "`{name}` is in [{section}], and no source that is built with it names it. It costs every \
                             build and must be kept safe for nothing: drop it, or move it to [dev-dependencies] if only \
                             tests name it; a pin has a comment that begins with «{PIN}» and says why"
                        ),
                    );
                }
            }
        }
    }
}

/// Whether a comment on the line of the dependency, or just above, says why it is kept.
fn is_pinned(manifest: &str, name: &str) -> bool {
    let mut pin_above = false;
    for line in manifest.lines() {
        let names_it = line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['.', ' ', '=']));
        let beside = line.split_once('#').map_or("", |(_, comment)| comment);
        if names_it && (pin_above || beside.contains(PIN)) {
            return true;
        }
        pin_above = line.starts_with('#') && (pin_above || line.contains(PIN));
    }
    false
}

#[cfg(test)]
mod tests {
    use super::super::bad_trees::refused;
    use super::*;

    #[test]
    fn a_test_that_is_switched_off_is_refused() {
        let bad = concat!("//! Why.\n#[ign", "ore = \"slow\"]\nfn f() { to", "do!() }\n");

        assert_eq!(refused(check, &[("crates/a/src/a.rs", bad)]), ["crates/a/src/a.rs:2", "crates/a/src/a.rs:3"]);
    }

    #[test]
    fn work_put_off_names_its_condition() {
        let bad = concat!("//! Why.\n// TO", "DO: later\n// TO", "DO (when Rust 2 is out): sooner\n// FIX", "ME\n");

        assert_eq!(refused(check, &[("crates/a/src/a.rs", bad)]), ["crates/a/src/a.rs:2", "crates/a/src/a.rs:4"]);
        assert_eq!(refused(check, &[("scripts/a", concat!("# TO", "DO\n"))]), ["scripts/a:1"]);
    }

    #[test]
    fn a_path_of_a_developers_machine_is_refused() {
        let bad = concat!(
            "see /ho",
            "me/ada/aegir and\n`/wo",
            "rk/a`, not https://a.test/ho",
            "me/b nor <home>/wo",
            "rk/c\n"
        );

        assert_eq!(refused(check, &[("docs/a.md", bad)]), ["docs/a.md:1", "docs/a.md:2"]);
    }

    #[test]
    fn a_dependency_that_nothing_uses_is_refused() {
        let manifest = "[dependencies]\nserde_json = \"1\"\ntoml-edit = \"1\"\n# Pinned: the one of the program.\nsys = \"1\"\nrand.workspace = true\nquick = \"1\"\n[dev-dependencies]\nunseen = \"1\"\nquick = \"1\"\n";
        let source = "//! toml_edit\nuse serde_json::Value;\nfn f() { \"toml_edit\"; }\n#[cfg(test)]\nmod tests { use quick::check; }\n";
        let files = [
            ("Cargo.toml", "[workspace.dependencies]\n# Pinned: chance.\nrand = \"1\"\n"),
            ("crates/a/Cargo.toml", manifest),
            ("crates/a/src/lib.rs", source),
        ];

        // `quick` as a dependency (only tests use it), `toml-edit`, `unseen`.
        assert_eq!(refused(check, &files), ["crates/a/Cargo.toml"; 3]);
    }

    #[test]
    fn a_crate_that_is_not_begun_may_list_what_it_will_need() {
        let files =
            [("crates/a/Cargo.toml", "[dependencies]\nserde = \"1\"\n"), ("crates/a/src/lib.rs", "//! (to come)\n")];

        assert_eq!(refused(check, &files), [""; 0]);
    }
}
