//! What classic Aegir could do, row by row, and the test that shows that ours can.
//!
//! `docs/inventory.md` has rows `| id | our name | test or reason |`. The third cell names
//! tests as `` `path/to/file.rs#name_of_the_test` ``, or says why not, or `to come (…)`.
//! A promise that names a test which is gone is worse than none, so the tests must exist.

use std::collections::BTreeSet;

use super::Report;
use super::edges::in_backticks;
use crate::source::words;
use crate::tree::Tree;

const INVENTORY: &str = "docs/inventory.md";

pub(super) fn check(tree: &Tree, report: &mut Report) {
    let Some(inventory) = tree.file(INVENTORY) else {
        return report.find(
            INVENTORY,
            "is missing: it says which of classic Aegir's capabilities we have, and which test shows it",
        );
    };
    let mut ids = BTreeSet::new();
    let (mut shown, mut reasoned, mut awaited) = (0, 0, 0);
    for (number, line) in inventory.text.lines().enumerate() {
        let Some([id, name, says]) = row(line) else {
            continue;
        };
        let place = format!("{INVENTORY}:{}", number + 1);
        if !ids.insert(id) {
            report.find(&place, format!("a second row for `{id}`: one row, one answer"));
        }
        if name.is_empty() || says.is_empty() {
            report.find(&place, format!("the row `{id}` has an empty cell: name it in our words, and name its test, its reason, or `to come (…)`"));
        } else if says.starts_with("to come (") {
            awaited += 1;
        } else {
            let tests: Vec<&str> = in_backticks(says).filter(|text| text.contains('#')).collect();
            if tests.is_empty() {
                reasoned += 1;
            } else {
                shown += 1;
            }
            for test in tests {
                if !exists(tree, test) {
                    report.find(&place, format!("`{id}` is said to be shown by `{test}`, and there is no such test: name the one that shows it, or write `to come (…)`"));
                }
            }
        }
    }
    report.note(format!(
        "inventory: {} rows, {shown} shown by a test, {reasoned} with a reason, {awaited} to come",
        ids.len()
    ));
}

/// The three cells of a row; nothing for other lines, heads and rulers.
fn row(line: &str) -> Option<[&str; 3]> {
    let cells: Vec<&str> = line.trim().strip_prefix('|')?.strip_suffix('|')?.split('|').map(str::trim).collect();
    let [id, name, says] = cells[..] else {
        return None;
    };
    let is_id =
        id.starts_with(|letter: char| letter.is_ascii_uppercase()) && id.bytes().any(|byte| byte.is_ascii_digit());
    is_id.then_some([id, name, says])
}

fn exists(tree: &Tree, test: &str) -> bool {
    let Some((path, name)) = test.split_once('#') else {
        return false;
    };
    tree.file(path).is_some_and(|file| {
        if file.has_ending("rs") {
            let code = file.rust().code;
            words(&code, name).into_iter().any(|at| code[..at].trim_end().ends_with("fn"))
        } else {
            !words(&file.text, name).is_empty()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::bad_trees::{judge, refused};
    use super::*;

    const TESTS: (&str, &str) = ("crates/a/tests/a.rs", "#[test]\nfn a_site_answers() {}\n// fn gone() {}\n");

    #[test]
    fn rows_are_counted_by_what_they_say() {
        let text = "# I\n\n| id | our name | test or reason |\n|---|---|---|\n| T1 | install | `crates/a/tests/a.rs#a_site_answers` |\n| T2 | mail | none: there is no mail |\n| T3 | clone | to come (part 5) |\n";

        let report = judge(check, &[(INVENTORY, text), TESTS]);

        assert!(report.is_clean());
        assert_eq!(report.notes, ["inventory: 3 rows, 1 shown by a test, 1 with a reason, 1 to come"]);
    }

    #[test]
    fn a_test_that_does_not_exist_is_refused() {
        let text = "| T1 | a | `crates/a/tests/a.rs#gone` |\n| T2 | a | `crates/a/tests/b.rs#a_site_answers` |\n";

        assert_eq!(refused(check, &[(INVENTORY, text), TESTS]), ["docs/inventory.md:1", "docs/inventory.md:2"]);
    }

    #[test]
    fn a_row_twice_or_empty_is_refused() {
        let text = "| T1 | a | to come (part 2) |\n| T1 | a | to come (part 2) |\n| T2 | | a reason |\n| T3 | a | |\n";

        assert_eq!(
            refused(check, &[(INVENTORY, text)]),
            ["docs/inventory.md:2", "docs/inventory.md:3", "docs/inventory.md:4"]
        );
    }

    #[test]
    fn a_project_without_an_inventory_is_refused() {
        assert_eq!(refused(check, &[]), [INVENTORY; 1]);
    }
}
