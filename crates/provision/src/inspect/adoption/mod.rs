//! A home of classic Aegir, read: what each of its servers, platforms, sites, clients and aliases would become here.
//!
//! ```text
//!   .drush/*.alias.drushrc.php ─┐
//!   sites/NAME/drushrc.php      ├─► what is there ──► what becomes of it, beside what this home knows
//!   config/ backups/            ┘      (classic)           (judge)
//! ```
//!
//! Nothing is run, nothing is written, no database is asked; the files of PHP hold plain values and are read as such.

mod classic;
mod judge;

use std::path::Path;

use aegir_domain::{Adoption, Fault, Remedy};
use aegir_host::{Files, Kind};

use super::Known;

/// What would become of the classic home at `home`, beside what is `known` here.
pub fn look_at_classic(home: &Path, known: &Known) -> Result<Adoption, Fault> {
    let files = Files::new(Vec::new());
    let Some(home) = files.real(home)?.filter(|real| matches!(files.kind(real), Ok(Some(Kind::Dir)))) else {
        return Err(AdoptionFault::NoFolder { home: home.display().to_string() }.into());
    };
    let classic = classic::read(&home, &files)?;
    if classic.objects.is_empty() && classic.unread.is_empty() {
        return Err(AdoptionFault::NotClassic { home: home.display().to_string() }.into());
    }
    let things = judge::all(&classic, known);
    Ok(Adoption { home, things, unread: classic.unread })
}

#[derive(Debug, thiserror::Error)]
enum AdoptionFault {
    #[error("there is no folder `{home}`")]
    NoFolder { home: String },
    #[error("`{home}` is no home of classic Aegir: there is no file `.drush/NAME.alias.drushrc.php` in it")]
    NotClassic { home: String },
}

impl Remedy for AdoptionFault {
    fn remedy(&self) -> Option<String> {
        Some("name the home of its user `aegir`, such as `/var/aegir`, or a copy of it".into())
    }
}
