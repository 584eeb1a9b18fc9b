//! The demo code base: what Ægir is tried with where no Drupal is at hand.
//!
//! It is the code base `ten-1.0` of `fixtures/platforms`, carried in the program. Its pages say that it
//! is not Drupal, and how to come by a real one.

use std::borrow::Cow;

use rust_embed::RustEmbed;

/// The project, whose document root is `web`.
#[derive(RustEmbed)]
#[folder = "../../fixtures/platforms/ten"]
struct Ten;

/// What it shares with the other code bases there.
#[derive(RustEmbed)]
#[folder = "../../fixtures/platforms/common"]
struct Common;

/// A file of the demo code base.
pub struct DemoFile {
    /// Its path in the project: `web/index.php`.
    pub path: String,
    /// What it holds.
    pub bytes: Cow<'static, [u8]>,
}

/// All its files, in the order of their paths.
pub fn files() -> Vec<DemoFile> {
    let own = Ten::iter().filter_map(|path| Some(DemoFile { bytes: Ten::get(&path)?.data, path: path.into_owned() }));
    let shared = Common::iter().filter_map(|name| {
        Some(DemoFile { bytes: Common::get(&name)?.data, path: format!("web/core/includes/{name}") })
    });
    let mut files: Vec<DemoFile> = own.chain(shared).collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::process::Command;

    #[test]
    #[allow(clippy::disallowed_methods, reason = "the script that makes the same for tests is asked")]
    fn it_is_the_code_base_that_the_tests_know() {
        let dir = tempfile::tempdir().unwrap();
        let assemble = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/platforms/assemble");
        let at = dir.path().join("ten");
        assert!(Command::new(assemble).arg("ten-1.0").arg(&at).status().unwrap().success());

        let mut assembled = Vec::new();
        let mut folders: Vec<PathBuf> = vec![at.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().flatten() {
                match entry.file_type().unwrap().is_dir() {
                    true => folders.push(entry.path()),
                    false => assembled.push((
                        entry.path().strip_prefix(&at).unwrap().to_string_lossy().into_owned(),
                        fs::read(entry.path()).unwrap(),
                    )),
                }
            }
        }
        assembled.sort();
        let carried: Vec<_> = files().into_iter().map(|file| (file.path, file.bytes.into_owned())).collect();

        assert_eq!(
            carried.iter().map(|(path, _)| path).collect::<Vec<_>>(),
            assembled.iter().map(|(path, _)| path).collect::<Vec<_>>()
        );
        assert!(carried == assembled);
    }

    #[test]
    fn its_pages_say_what_it_is_and_how_to_come_by_a_real_one() {
        let page = files().into_iter().find(|file| file.path.ends_with("/web.inc")).unwrap();
        let text = String::from_utf8(page.bytes.into_owned()).unwrap();
        assert!(text.contains("demo code base, not Drupal") && text.contains("make run PLATFORM="));
    }
}
