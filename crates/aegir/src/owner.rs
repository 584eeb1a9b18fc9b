//! As whom a command runs: never as root, and only in a home of one's own.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use aegir_domain::{Cmd, Remedy};
use aegir_host::Accounts;

/// Why a command cannot work in a home.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OwnerFault {
    /// Root asked.
    #[error("this command does not run as root: what it makes must belong to Ægir's own user")]
    Root { as_owner: String },
    /// It belongs to somebody else.
    #[error("the home `{}` belongs to the user `{owner}`", home.display())]
    Another { home: PathBuf, owner: String, as_owner: String },
    /// It is not there, or is no folder.
    #[error("there is no home at `{}`", home.display())]
    NoHome {
        home: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl Remedy for OwnerFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            OwnerFault::Root { as_owner } | OwnerFault::Another { as_owner, .. } => format!("run `{as_owner}`"),
            OwnerFault::NoHome { home, .. } => format!(
                "name the right one with `--home DIR` or `AEGIR_HOME`, or make one: `aegir up --home {}`",
                home.display()
            ),
        })
    }
}

/// Refuses root, and anybody but the owner of `home`; `words` is the line as it was given.
pub(crate) fn check(home: &Path, words: &[String]) -> Result<(), OwnerFault> {
    let own = aegir_host::own_uid();
    let found = std::fs::metadata(home).and_then(|found| match found.is_dir() {
        true => Ok(found),
        false => Err(io::ErrorKind::NotADirectory.into()),
    });
    let owner = found.as_ref().map_or(own, MetadataExt::uid);
    // Whoever cannot read the list of users is told a number.
    let names = Accounts::read().unwrap_or_default();
    if own == 0 {
        let owner = if owner == 0 { "aegir".to_owned() } else { names.name_of(owner) };
        return Err(OwnerFault::Root { as_owner: line_as(&owner, words) });
    }
    let found = found.map_err(|source| OwnerFault::NoHome { home: home.to_owned(), source })?;
    if found.uid() != own {
        let owner = names.name_of(found.uid());
        return Err(OwnerFault::Another { home: home.to_owned(), as_owner: line_as(&owner, words), owner });
    }
    Ok(())
}

/// The same line, as another user.
fn line_as(user: &str, words: &[String]) -> String {
    let program = words.first().map_or("aegir", String::as_str);
    Cmd::new("sudo").args(["-u", user]).arg(program).args(words.iter().skip(1)).to_string()
}

/// The name of the user that we are, for the record.
pub(crate) fn own_name() -> String {
    Accounts::read().unwrap_or_default().name_of(aegir_host::own_uid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_to_use_is_the_line_that_was_given() {
        let words = ["aegir", "provision", "install", "@a.test", "--title", "A & B"].map(String::from);
        assert_eq!(line_as("aegir", &words), "sudo -u aegir aegir provision install @a.test --title 'A & B'");
    }
}
