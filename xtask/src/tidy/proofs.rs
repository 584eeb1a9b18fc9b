//! Every kind of task has its proof.
//!
//! That a task happens completely or not at all is shown by failing it at each line and
//! killing it at each boundary. A kind without that proof only hopes. The kinds are the
//! variants of `TaskKind`; the proof of `InstallSite` is `install_site.rs` in the folder below,
//! a module of the test program `proofs` (a file that nothing declares is never compiled).

use super::{Report, is_not_begun};
use crate::source::{closing, name_at, words};
use crate::tree::Tree;

const KINDS: &str = "crates/domain/src/";
const PROOFS: &str = "crates/provision/tests/proofs/";
/// The roots that may declare the proofs as modules.
const ROOTS: [&str; 2] = ["crates/provision/tests/proofs/main.rs", "crates/provision/tests/proofs.rs"];

pub(super) fn check(tree: &Tree, report: &mut Report) {
    let kinds: Vec<String> = tree.rust_under(KINDS).flat_map(|file| kinds(&file.rust().without_tests().code)).collect();
    if kinds.is_empty() {
        report.note(format!("proofs: no `pub enum TaskKind` under {KINDS} yet, so nothing to prove"));
    } else if is_not_begun(tree, "crates/provision/") {
        let count = kinds.len();
        return report.note(format!("proofs: {count} task kinds; `provision`, which will prove them, is not begun"));
    }
    let roots: Vec<_> = ROOTS.iter().filter_map(|root| tree.file(root)).map(|root| root.rust().code).collect();
    for kind in kinds {
        let module = snake_case(&kind);
        let path = format!("{PROOFS}{module}.rs");
        if tree.file(&path).is_none() {
            report.find(
                &path,
                format!("is missing: the task kind `{kind}` has no proof that it happens completely or not at all. Take the proof of another task as the pattern"),
            );
        } else if !roots
            .iter()
            .any(|root| words(root, &module).iter().any(|at| root[..*at].trim_end().ends_with("mod")))
        {
            report
                .find(&path, format!("is never compiled, so it proves nothing: write `mod {module};` in {}", ROOTS[0]));
        }
    }
}

/// The variants of `pub enum TaskKind`, if it stands in this file.
fn kinds(code: &str) -> Vec<String> {
    let body = words(code, "TaskKind").into_iter().find_map(|at| {
        let declared = code[..at].trim_end().ends_with("enum");
        let (head, body) = code[at..].split_once('{')?;
        (declared && head.trim() == "TaskKind").then(|| &body[..closing(body, b'{').unwrap_or(body.len())])
    });
    let mut variants = Vec::new();
    let mut rest = body.unwrap_or_default().trim_start();
    while !rest.is_empty() {
        if let Some(attribute) = rest.strip_prefix("#[") {
            rest = closing(attribute, b'[').map_or("", |end| attribute[end + 1..].trim_start());
            continue;
        }
        let name = name_at(rest);
        if !name.is_empty() {
            variants.push(name.to_owned());
        }
        rest = past_comma(&rest[name.len()..]).trim_start();
    }
    variants
}

/// What follows the next comma that is in no brackets.
fn past_comma(text: &str) -> &str {
    let mut depth = 0;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' | b'{' | b'[' => depth += 1,
            b')' | b'}' | b']' => depth -= 1,
            b',' if depth == 0 => return &text[at + 1..],
            _ => (),
        }
    }
    ""
}

fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::super::bad_trees::{judge, refused};
    use super::*;

    const TASKS: &str = "//! Why.\n/// All.\npub enum TaskKind {\n    /// New, from a {profile}.\n    #[serde(rename = \"install\")]\n    InstallSite,\n    VerifySite { deep: bool },\n    Login(u8),\n}\n";

    #[test]
    fn a_kind_without_a_proof_is_refused() {
        let files = [
            ("crates/domain/src/task.rs", TASKS),
            ("crates/provision/tests/proofs/main.rs", "mod install_site;\nmod login;\n"),
            ("crates/provision/tests/proofs/install_site.rs", ""),
            ("crates/provision/tests/proofs/login.rs", ""),
        ];

        assert_eq!(refused(check, &files), ["crates/provision/tests/proofs/verify_site.rs"]);
    }

    #[test]
    fn a_proof_that_is_never_compiled_is_refused() {
        let files = [
            ("crates/domain/src/task.rs", "pub enum TaskKind { Login }"),
            ("crates/provision/tests/proofs/main.rs", "// mod login;\n"),
            ("crates/provision/tests/proofs/login.rs", ""),
        ];

        assert_eq!(refused(check, &files), ["crates/provision/tests/proofs/login.rs"]);
    }

    #[test]
    fn before_the_back_end_is_begun_it_says_so() {
        let kinds = ("crates/domain/src/task.rs", "pub enum TaskKind { Login }");

        let report = judge(check, &[kinds, ("crates/provision/src/lib.rs", "//! (to come)\n")]);

        assert!(report.is_clean() && report.notes.len() == 1);
        assert_eq!(refused(check, &[kinds, ("crates/provision/src/lib.rs", "//! Why.\n")]).len(), 1);
    }

    #[test]
    fn with_no_kinds_yet_it_says_so() {
        let report = judge(check, &[("crates/domain/src/lib.rs", "//! Uses `TaskKind`.\n")]);

        assert!(report.is_clean());
        assert_eq!(report.notes.len(), 1);
    }
}
