//! The shape of files: a module says why it exists, and no file grows past what one can hold in mind.

use super::{NOT_BEGUN, Report};
use crate::tree::Tree;

/// Six hundred lines: a file is split while that is still easy.
const LONGEST: usize = 600;

/// Other endings (data, rendered examples, documents) may be as long as they need.
const COUNTED: [&str; 4] = ["rs", "css", "js", "php"];

pub(super) fn check(tree: &Tree, report: &mut Report) {
    heads(tree, report);
    sizes(tree, report);
}

fn heads(tree: &Tree, report: &mut Report) {
    for file in tree.rust_under("crates/").chain(tree.rust_under("xtask/")) {
        let owed = file.path.starts_with("xtask/") || file.path.split('/').nth(2) == Some("src");
        if !owed {
            continue;
        }
        let first = file.text.lines().next().unwrap_or_default();
        if first == NOT_BEGUN {
            report.note(format!("{}: not begun", file.path));
        } else if first.strip_prefix("//!").is_none_or(|head| head.trim().is_empty()) {
            report.find(
                &file.path,
                "does not begin with `//!`. A reader opens a file to learn what it is for: say in its first \
                 line what it does in the reader's words, then why, then what always holds",
            );
        }
    }
}

fn sizes(tree: &Tree, report: &mut Report) {
    for file in tree.files().filter(|file| COUNTED.iter().any(|ending| file.has_ending(ending))) {
        let lines = file.text.lines().count();
        if lines > LONGEST {
            report.find(
                &file.path,
                format!(
                    "has {lines} lines, more than {LONGEST}. Files that answer several questions are never split \
                     later: split it now, by what its parts hold. Other people's files lie in a folder named `vendor`"
                ),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::bad_trees::{judge, refused};
    use super::*;

    #[test]
    fn a_module_without_its_head_is_refused() {
        let files = [
            ("crates/a/src/good.rs", "//! Why.\n"),
            ("crates/a/src/bad.rs", "// Why.\n"),
            ("crates/a/src/empty.rs", "//!\nfn f() {}\n"),
            ("crates/a/tests/story.rs", "fn f() {}\n"),
            ("xtask/src/bad.rs", "fn f() {}\n"),
        ];

        assert_eq!(refused(check, &files), ["crates/a/src/bad.rs", "crates/a/src/empty.rs", "xtask/src/bad.rs"]);
    }

    #[test]
    fn a_crate_that_is_not_begun_is_noted() {
        let report = judge(check, &[("crates/a/src/lib.rs", "//! (to come)\n")]);

        assert!(report.is_clean());
        assert_eq!(report.notes, ["crates/a/src/lib.rs: not begun"]);
    }

    #[test]
    fn a_file_of_more_than_600_lines_is_refused_unless_it_is_vendored() {
        let long = "a\n".repeat(601);
        let files = [
            ("fixtures/platforms/a/core.php", long.as_str()),
            ("fixtures/platforms/a/vendor/b/b.php", long.as_str()),
            ("docs/long.md", long.as_str()),
            ("theme/a.css", &long[2..]),
        ];

        assert_eq!(refused(check, &files), ["fixtures/platforms/a/core.php"]);
    }
}
