//! What a patch would change, looked at before a program applies it.
//!
//! The program that applies patches understands more than changes of text: scripts of `ed`, links, names that lead out of the
//! folder. Of a patch for a project only changes of text in files below its folder are taken.

use aegir_domain::Remedy;

/// The files that a patch names, as it names them, each once. Reads the unified form alone.
pub fn files_of_patch(text: &str) -> Result<Vec<String>, BadPatch> {
    let mut files: Vec<String> = Vec::new();
    let mut hunks = 0;
    // Lines of the hunk that are still to come, of the file as it was and as it will be.
    let mut coming = (0_u64, 0_u64);
    for line in text.lines() {
        if coming != (0, 0) {
            let (old, new) = match line.as_bytes().first() {
                None | Some(b' ' | b'\t') => (1, 1),
                Some(b'-') => (1, 0),
                Some(b'+') => (0, 1),
                Some(b'\\') => (0, 0),
                Some(_) => return Err(BadPatch::BrokenHunk),
            };
            coming = (coming.0.saturating_sub(old), coming.1.saturating_sub(new));
            continue;
        }
        if let Some(range) = line.strip_prefix("@@ ") {
            coming = counts(range).ok_or(BadPatch::BrokenHunk)?;
            hunks += 1;
        } else if let Some(name) = ["--- ", "+++ ", "Index: "].iter().find_map(|start| line.strip_prefix(start)) {
            // Behind a tab stands the time.
            keep(&mut files, name.split('\t').next().unwrap_or(name).trim())?;
        } else if let Some(name) =
            ["rename from ", "rename to ", "copy from ", "copy to "].iter().find_map(|start| line.strip_prefix(start))
        {
            keep(&mut files, name.trim())?;
        } else if let Some(names) = line.strip_prefix("diff --git ") {
            if names.split('/').any(|part| part == ".." || part.ends_with(" ..")) {
                return Err(BadPatch::LeadsOut { name: shown(names) });
            }
        } else if line.starts_with("GIT binary patch") || line.starts_with("Binary files ") {
            return Err(BadPatch::Binary);
        } else if line.contains(" mode 12") || line.contains(" mode 16") || is_index_of_link(line) {
            return Err(BadPatch::Link);
        }
    }
    if coming != (0, 0) {
        return Err(BadPatch::BrokenHunk);
    }
    if hunks == 0 {
        return Err(BadPatch::NoHunk);
    }
    Ok(files)
}

/// Whether git says on its line of hashes that the file is a link, or a repository within: `index 1a2b..3c4d 120000`.
fn is_index_of_link(line: &str) -> bool {
    let mode = line.strip_prefix("index ").and_then(|rest| rest.trim_end().rsplit_once(' '));
    mode.is_some_and(|(_, mode)| mode.starts_with("12") || mode.starts_with("16"))
}

/// Of `-1,6 +1,7 @@` the six and the seven.
fn counts(range: &str) -> Option<(u64, u64)> {
    let count = |part: &str, sign: char| {
        let part = part.strip_prefix(sign)?;
        match part.split_once(',') {
            Some((_, count)) => count.parse().ok(),
            None => part.parse::<u64>().ok().map(|_| 1),
        }
    };
    let mut parts = range.split(' ');
    Some((count(parts.next()?, '-')?, count(parts.next()?, '+')?))
}

fn keep(files: &mut Vec<String>, name: &str) -> Result<(), BadPatch> {
    // Patches of old say the time behind blanks, and no tab.
    if name == "/dev/null" || name.starts_with("/dev/null ") {
        return Ok(());
    }
    // A quoted name has its bytes behind `\`, where two dots may be hidden.
    let bad = name.is_empty()
        || name.starts_with(['/', '-'])
        || name.contains(['\\', '"'])
        || name.split(['/', ' ']).any(|part| part == "..");
    if bad {
        return Err(BadPatch::LeadsOut { name: shown(name) });
    }
    if !files.iter().any(|there| there == name) {
        files.push(name.to_owned());
    }
    Ok(())
}

fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(120).collect()
}

/// Why a patch is not applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPatch {
    /// Nothing in it is a change in unified form.
    #[error("it holds no change in the unified form")]
    NoHunk,
    /// A change ends before it is whole, or begins with what is none.
    #[error("a change in it is broken off or no change")]
    BrokenHunk,
    /// It changes files that are no text.
    #[error("it changes files that are not text")]
    Binary,
    /// It makes a link, or names another repository.
    #[error("it makes a link")]
    Link,
    /// It names something outside the folder that it is for.
    #[error("it names a file outside the project: `{name}`")]
    LeadsOut {
        /// As the patch names it.
        name: String,
    },
}

impl Remedy for BadPatch {
    fn remedy(&self) -> Option<String> {
        Some(
            "make it anew with `git diff` in a copy of the project, and see whether its address gives the patch itself"
                .into(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "From: someone\n\ndiff --git a/views.module b/views.module\nindex 1..2 100644\n--- a/views.module\n+++ b/views.module\n\
                        @@ -1,3 +1,4 @@ function x\n <?php\n--- old\n+++ new\n+more\n last\n\\ No newline at end of file\n\
                        diff --git a/new.inc b/new.inc\nnew file mode 100644\n--- /dev/null\n+++ b/new.inc\n@@ -0,0 +1 @@\n+<?php\n";

    #[test]
    fn a_patch_tells_which_files_it_changes() {
        assert_eq!(files_of_patch(GOOD).unwrap(), ["a/views.module", "b/views.module", "b/new.inc"]);
        let old = "Index: a.module\n=====\n--- a.module\t2009-01-01\n+++ a.module\t2009-01-02\n@@ -1 +1 @@\n-a\n+b\n";
        assert_eq!(files_of_patch(old).unwrap(), ["a.module"]);
    }

    #[test]
    fn what_does_more_than_change_text_below_its_folder_is_refused() {
        let hunk = "@@ -1 +1 @@\n-a\n+b\n";
        for (text, expected) in [
            ("", BadPatch::NoHunk),
            ("<html>Not found</html>", BadPatch::NoHunk),
            ("1c\n!rm -rf x\n.\n", BadPatch::NoHunk),
            ("*** a\n--- b\n****\n*** 1 ***\n! a\n", BadPatch::NoHunk),
            ("--- a/x\n+++ b/x\n@@ -1,9 +1,9 @@\n a\n", BadPatch::BrokenHunk),
            ("--- a/x\n+++ b/x\n@@ -1,9 @@\n a\n", BadPatch::BrokenHunk),
            (&format!("--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n a\n{hunk}"), BadPatch::BrokenHunk),
            (&format!("--- a/x\n+++ b/x\n{hunk}GIT binary patch\n"), BadPatch::Binary),
            (&format!("new file mode 120000\n--- /dev/null\n+++ b/x\n{hunk}"), BadPatch::Link),
            (&format!("index 0000000..1234567 120000\n--- /dev/null\n+++ b/x\n{hunk}"), BadPatch::Link),
            (&format!("index 1a2b3c4..1234567 160000\n--- a/x\n+++ b/x\n{hunk}"), BadPatch::Link),
            (&format!("--- a/x\n+++ b/../../x\n{hunk}"), BadPatch::LeadsOut { name: "b/../../x".into() }),
            (&format!("--- /etc/passwd\n+++ b/x\n{hunk}"), BadPatch::LeadsOut { name: "/etc/passwd".into() }),
            (
                &format!("--- \"a/\\056\\056/x\"\n+++ b/x\n{hunk}"),
                BadPatch::LeadsOut { name: "\"a/\\056\\056/x\"".into() },
            ),
            ("rename to ../x\n", BadPatch::LeadsOut { name: "../x".into() }),
            ("diff --git a/x b/../../y\n", BadPatch::LeadsOut { name: "a/x b/../../y".into() }),
        ] {
            assert_eq!(files_of_patch(text).unwrap_err(), expected, "{text}");
        }
    }
}
