//! Who may know whom: the edges between our crates are those of the table in `ARCHITECTURE.md`.
//!
//! The table is the map that people read, so it is the one that is checked; a second list
//! here would be a second truth. A row names the crates that its crate depends on, all of
//! them; after the words «to come:» it may name those that it will. A crate that does not
//! exist yet has a row too, with «(to come)» behind its name.
//!
//! Edges for tests alone (`[dev-dependencies]`) may also lead to `lab`; nothing else may.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use super::Report;
use crate::tree::Tree;

const MAP: &str = "ARCHITECTURE.md";
const TABLE_HEAD: &str = "| crate | depends on (of ours) |";
/// The crate that only tests may use.
const LAB: &str = "lab";

/// A row of the table.
#[derive(Default)]
struct Row {
    /// The crate does not exist yet.
    awaited: bool,
    depends: BTreeSet<String>,
    may_depend: BTreeSet<String>,
}

pub(super) fn check(tree: &Tree, report: &mut Report) {
    let Some(map) = tree.file(MAP) else {
        return report.find(MAP, "is missing: it holds the table of who may depend on whom");
    };
    let rows = rows(&map.text);
    if rows.is_empty() {
        return report
            .find(MAP, format!("has no table that begins with `{TABLE_HEAD}`: the edges are checked against it"));
    }
    let mut crates: Vec<(&str, String)> =
        tree.crates().into_iter().map(|name| (name, format!("crates/{name}/Cargo.toml"))).collect();
    if tree.file("xtask/Cargo.toml").is_some() {
        crates.push(("xtask", "xtask/Cargo.toml".to_owned()));
    }
    let known: BTreeSet<&str> = crates.iter().map(|(name, _)| *name).collect();

    for (name, manifest) in &crates {
        match rows.get(*name) {
            None => report.find(
                manifest,
                format!("the crate `{name}` has no row in the table of {MAP}; what is not on the map is found by nobody: add its row"),
            ),
            Some(row) => compare(tree, report, name, manifest, row, &known),
        }
    }
    for (name, row) in &rows {
        if !row.awaited && !known.contains(name.as_str()) {
            report.find(MAP, format!("the table has a row for `{name}`, and there is no such crate: drop it, or write «(to come)» behind the name"));
        }
    }
}

fn compare(tree: &Tree, report: &mut Report, name: &str, manifest: &str, row: &Row, known: &BTreeSet<&str>) {
    if row.awaited {
        report.find(MAP, format!("the table says that `{name}` is to come, and it is here: drop «(to come)»"));
    }
    let text = tree.file(manifest).map_or("", |file| &file.text);
    let Ok(table) = text.parse::<Table>() else {
        return report.find(manifest, "is no TOML");
    };
    let (needs, tests_need) = ours(&table, known);
    for other in &needs {
        if other == LAB {
            report.find(manifest, "depends on `lab`, which is for tests alone: fakes must not reach a server. Move it to [dev-dependencies]");
        } else if !row.depends.contains(other) && !row.may_depend.contains(other) {
            report.find(
                manifest,
                format!(
                    "`{name}` depends on `{other}`, and the table of {MAP} has no such edge. Each edge lets two parts grow \
                     together: pass what is needed in, or move it to a crate that both know; if the edge is right, decide \
                     it in docs/decisions/ and add it to the table"
                ),
            );
        }
    }
    for other in row.depends.difference(&needs) {
        report.find(
            MAP,
            format!("the table says that `{name}` depends on `{other}`, and its Cargo.toml does not. A map with roads that do not exist misleads: drop the edge, or write it after «to come:»"),
        );
    }
    for other in &tests_need {
        if other != LAB && !row.depends.contains(other) && !row.may_depend.contains(other) {
            report.find(manifest, format!("the tests of `{name}` depend on `{other}`, which the crate may not know: use `lab`, or move the test to where both are known"));
        }
    }
}

/// The dependencies on crates of ours: of the crate, and of its tests.
fn ours(manifest: &Table, known: &BTreeSet<&str>) -> (BTreeSet<String>, BTreeSet<String>) {
    let mut needs = BTreeSet::new();
    let mut tests_need = BTreeSet::new();
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flat_map(|targets| targets.values());
    for table in std::iter::once(manifest).chain(targets.filter_map(Value::as_table)) {
        for section in ["dependencies", "build-dependencies", "dev-dependencies"] {
            let found = if section == "dev-dependencies" { &mut tests_need } else { &mut needs };
            let Some(dependencies) = table.get(section).and_then(Value::as_table) else {
                continue;
            };
            let names = dependencies.keys().map(|key| key.strip_prefix("aegir-").unwrap_or(key));
            found.extend(names.filter(|name| known.contains(name)).map(str::to_owned));
        }
    }
    (needs, tests_need)
}

fn rows(map: &str) -> BTreeMap<String, Row> {
    let lines = map.lines().skip_while(|line| !line.starts_with(TABLE_HEAD));
    let mut rows = BTreeMap::new();
    for line in lines.skip(2).take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').collect();
        let (Some(names), Some(edges)) = (cells.first(), cells.get(1)) else {
            continue;
        };
        let (depends, may_depend) = edges.split_once("to come:").unwrap_or((edges, ""));
        for name in in_backticks(names) {
            let row = Row {
                awaited: names.contains("(to come)"),
                depends: in_backticks(depends).map(str::to_owned).collect(),
                may_depend: in_backticks(may_depend).map(str::to_owned).collect(),
            };
            rows.insert(name.to_owned(), row);
        }
    }
    rows
}

/// What stands between backticks.
pub(super) fn in_backticks(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[cfg(test)]
mod tests {
    use super::super::bad_trees::{judge, refused};
    use super::*;

    const MAP_TEXT: &str = "# Map\n\n| crate | depends on (of ours) | why |\n| --- | --- | --- |\n\
        | `domain` | – | |\n| `host` | `domain` | |\n| `aegir` | `domain`, `host`; to come: `web` | |\n\
        | `lab` | `domain` | |\n| `web` (to come) | `domain` | |\n";

    fn tree<'a>(host: &'a str, aegir: &'a str) -> Vec<(&'a str, &'a str)> {
        vec![
            ("ARCHITECTURE.md", MAP_TEXT),
            ("crates/domain/Cargo.toml", ""),
            ("crates/host/Cargo.toml", host),
            ("crates/aegir/Cargo.toml", aegir),
            ("crates/lab/Cargo.toml", "[dependencies]\naegir-domain.workspace = true\nserde = \"1\"\n"),
        ]
    }

    const HOST: &str =
        "[dependencies]\naegir-domain.workspace = true\n[dev-dependencies]\naegir-lab.workspace = true\n";
    const AEGIR: &str = "[dependencies]\naegir-domain.workspace = true\naegir-host.workspace = true\n";

    #[test]
    fn edges_that_are_those_of_the_map_pass() {
        assert_eq!(judge(check, &tree(HOST, AEGIR)).findings.len(), 0);
    }

    #[test]
    fn an_edge_that_is_not_on_the_map_is_refused() {
        let more = "[dependencies]\naegir-domain.workspace = true\naegir.workspace = true\n";

        assert_eq!(refused(check, &tree(more, AEGIR)), ["crates/host/Cargo.toml"]);
    }

    #[test]
    fn an_edge_that_is_only_on_the_map_is_refused() {
        assert_eq!(refused(check, &tree("", AEGIR)), ["ARCHITECTURE.md"]);
    }

    #[test]
    fn lab_is_for_tests_alone() {
        let with_lab = "[dependencies]\naegir-domain.workspace = true\naegir-lab.workspace = true\n";

        assert_eq!(refused(check, &tree(with_lab, AEGIR)), ["crates/host/Cargo.toml"]);
    }

    #[test]
    fn tests_may_not_look_where_their_crate_may_not() {
        let peeking = "[dependencies]\naegir-domain.workspace = true\n[dev-dependencies]\naegir.workspace = true\n";

        assert_eq!(refused(check, &tree(peeking, AEGIR)), ["crates/host/Cargo.toml"]);
    }

    #[test]
    fn a_crate_without_a_row_and_a_row_without_a_crate_are_refused() {
        let mut files = tree(HOST, AEGIR);
        files.retain(|(path, _)| *path != "crates/lab/Cargo.toml");
        files.push(("crates/store/Cargo.toml", ""));
        files.push(("crates/web/Cargo.toml", "[dependencies]\naegir-domain.workspace = true\n"));

        // `store` has no row; `lab` has no crate; `web` is no longer to come.
        assert_eq!(refused(check, &files), ["crates/store/Cargo.toml", "ARCHITECTURE.md", "ARCHITECTURE.md"]);
    }

    #[test]
    fn a_project_without_its_map_is_refused() {
        assert_eq!(refused(check, &[("crates/domain/Cargo.toml", "")]), ["ARCHITECTURE.md"]);
        assert_eq!(refused(check, &[("ARCHITECTURE.md", "No table.\n")]), ["ARCHITECTURE.md"]);
    }
}
