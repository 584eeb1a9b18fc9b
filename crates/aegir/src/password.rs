//! Passwords that a command is given: in a file or on standard input, never in an argument.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use aegir_domain::{Password, Remedy};

use crate::failure::Failure;
use crate::speak::err;

/// Reads a password from a file, or from standard input: its first line.
pub(crate) fn read(path: &Path) -> Result<Password, Failure> {
    /// Longer than any password of a database server.
    const LIMIT: u64 = 4096;
    let bad = |source| PasswordFault::Unreadable { path: path.to_owned(), source };
    let mut text = String::new();
    if path == Path::new("-") {
        io::stdin().lock().take(LIMIT).read_to_string(&mut text).map_err(bad)?;
    } else {
        let file = fs::File::open(path).map_err(bad)?;
        if file.metadata().is_ok_and(|found| found.mode() & 0o077 != 0) {
            err(&format!("warning: others can read `{0}`: `chmod 600 {0}`", path.display()));
        }
        file.take(LIMIT).read_to_string(&mut text).map_err(bad)?;
    }
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(Password::new(line)),
        _ => Err(PasswordFault::Empty { path: path.to_owned() }.into()),
    }
}

/// Why there is no password.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PasswordFault {
    #[error("cannot read the password in `{}`", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("there is no password in `{}`", path.display())]
    Empty { path: PathBuf },
}

impl Remedy for PasswordFault {
    fn remedy(&self) -> Option<String> {
        Some("put it on the first line of a file that only you can read, and name that file".into())
    }
}
