//! Looks where the symbolic links of a tree lead: code that somebody else made has none that leads out of it.

use std::io;
use std::path::{Path, PathBuf};

use super::unpack::stays_within;
use super::{FileFault, Files};

const DOING: &str = "look at";

impl Files {
    /// The symbolic links below the folder `top` that lead out of it, by their paths below it.
    ///
    /// Each is followed to its end, through whatever other links there are. One that leads to nothing is judged by what
    /// it says.
    pub fn links_out_of(&self, top: &Path) -> Result<Vec<PathBuf>, FileFault> {
        let fault = |path: &Path| {
            let path = path.to_owned();
            move |error: io::Error| FileFault::new(DOING, &path, error)
        };
        let real_top = std::fs::canonicalize(top).map_err(fault(top))?;
        let mut leading_out = Vec::new();
        let mut folders = vec![top.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).map_err(fault(&folder))? {
                let path = entry.map_err(fault(&folder))?.path();
                let kind = std::fs::symlink_metadata(&path).map_err(fault(&path))?.file_type();
                if kind.is_dir() {
                    folders.push(path);
                    continue;
                }
                if !kind.is_symlink() {
                    continue;
                }
                let below = path.strip_prefix(top).unwrap_or(&path);
                let stays = match std::fs::canonicalize(&path) {
                    Ok(real) => real.starts_with(&real_top),
                    Err(_) => stays_within(below, &std::fs::read_link(&path).map_err(fault(&path))?),
                };
                leading_out.extend((!stays).then(|| below.to_owned()));
            }
        }
        leading_out.sort();
        Ok(leading_out)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail so")]

    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_link_that_leads_out_is_told_also_one_through_another() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().join("top");
        fs::create_dir_all(top.join("a/b")).unwrap();
        fs::write(folder.path().join("beside"), "").unwrap();
        for (target, at) in [
            ("b", "a/within"),
            ("../a/b", "a/up-and-down"),
            ("gone", "a/to-nothing"),
            ("..", "a/to-the-top"),
            ("/etc", "absolute"),
            ("../beside", "beside"),
            ("../gone", "to-nothing-beside"),
            // By its text alone it stays within.
            ("a/to-the-top/..", "through-another"),
        ] {
            symlink(target, top.join(at)).unwrap();
        }

        let told = Files::new(vec![folder.path().to_owned()]).links_out_of(&top).unwrap();

        let told: Vec<_> = told.iter().map(|path| path.to_str().unwrap()).collect();
        assert_eq!(told, ["absolute", "beside", "through-another", "to-nothing-beside"]);
    }
}
