//! A home of classic Aegir, read: what each of its servers, platforms, sites, clients and aliases would become here.
//!
//! ```text
//!   .drush/*.alias.drushrc.php ─┐
//!   sites/NAME/drushrc.php      ├─► what is there ──► what becomes of it, beside what this home knows
//!   config/ backups/            ┘      (classic)           (judge)
//! ```
//!
//! Nothing is run and nothing is written; the files of PHP hold plain values and are read as such. The database of its front end is asked only
//! where it is given ([`hostmaster`]), and adds what it alone knows ([`front_end`]).

mod classic;
mod front_end;
mod hostmaster;
mod judge;

use std::path::Path;

use aegir_domain::{Adoption, Fault, Remedy};
use aegir_host::{Databases, Files, Kind};

pub use hostmaster::HostmasterDatabase;

use super::Known;

/// What would become of the classic home at `home`, beside what is `known` here.
///
/// `hostmaster` is the database of its front end, and what reaches it, where it is given.
pub fn look_at_classic(
    home: &Path,
    known: &Known,
    hostmaster: Option<(&HostmasterDatabase, &dyn Databases)>,
) -> Result<Adoption, Fault> {
    let files = Files::new(Vec::new());
    let Some(home) = files.real(home)?.filter(|real| matches!(files.kind(real), Ok(Some(Kind::Dir)))) else {
        return Err(AdoptionFault::NoFolder { home: home.display().to_string() }.into());
    };
    let classic = classic::read(&home, &files)?;
    if classic.objects.is_empty() && classic.unread.is_empty() {
        return Err(AdoptionFault::NotClassic { home: home.display().to_string() }.into());
    }
    let mut things = judge::all(&classic, known);
    let (mut unread, mut notes) = (classic.unread, Vec::new());
    if let Some((database, databases)) = hostmaster {
        let read = database.read(databases)?;
        notes = front_end::add(&mut things, &read);
        unread.extend(read.unread);
    }
    Ok(Adoption { home, things, notes, unread })
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

#[cfg(test)]
mod tests {
    use std::fs;

    use aegir_domain::{Fate, SiteContext};
    use serde_json::json;

    use super::*;

    #[test]
    fn names_that_are_taken_here_are_told() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join(".drush")).unwrap();
        for name in ["a.test", "b.test"] {
            let text = format!("<?php\n$aliases['{name}'] = array('context_type' => 'site', 'uri' => '{name}');\n");
            fs::write(home.path().join(format!(".drush/{name}.alias.drushrc.php")), text).unwrap();
        }
        let site: SiteContext = serde_json::from_value(json!({
            "name": "b.test", "platform": "d10", "db_server": "db", "database": { "name": "b_test", "marker": "m" },
            "profile": "standard", "language": "en", "time_zone": "UTC", "title": "B", "account": "admin",
            "mail": "b@example.org", "aliases": ["a.test"], "client": "admin", "core": "10.3.6"
        }))
        .unwrap();
        let known = Known { sites: vec![site], ..Known::default() };

        let adoption = look_at_classic(home.path(), &known, None).unwrap();

        let because = |at: usize| match &adoption.things[at].fate {
            Fate::Cannot { because, .. } => because.clone(),
            other => panic!("{other:?}"),
        };
        let sites: Vec<usize> =
            (0..adoption.things.len()).filter(|at| adoption.things[*at].name.ends_with(".test")).collect();
        assert!(because(sites[0]).contains("@b.test answers to that name here"));
        assert!(because(sites[1]).contains("is here already"));
    }
}
