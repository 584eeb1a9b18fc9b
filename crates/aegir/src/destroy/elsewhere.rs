//! What Ægir made for a home in other places: databases on servers that stay, sites on platforms of others.
//!
//! What cannot be taken away is told, with what to type; it is no reason to keep the rest.

use std::os::unix::fs::MetadataExt;

use aegir_domain::{Home, Remedy};
use aegir_host::{Files, RealDatabases};
use aegir_provision::inspect::{self, Known, OpenTask, Said};

use crate::speak::out;

pub(super) fn clear(home: &Home, files: &Files, known: &Known, open: &[OpenTask]) {
    // Root may do more than the home's owner could have done; it must not.
    let owner = std::fs::metadata(home.path()).map_or(u32::MAX, |found| found.uid());
    for fault in &known.faults {
        out(&format!("Left, if it has anything elsewhere: {}", fault.text));
    }
    for owned in inspect::owned_outside(home, known, open) {
        let (name, server) = (&owned.database.name, &owned.server);
        match inspect::drop_owned(home, files, known, &owned, &RealDatabases) {
            Said::Dropped => out(&format!("Dropped the database `{name}` on @server_{server}, and its user")),
            Said::Gone => (),
            Said::Foreign => {
                out(&format!("Left: the database `{name}` on @server_{server}, which does not bear our mark"));
            }
            Said::Not(why) => out(&format!(
                "Left: the database `{name}` on @server_{server} ({why}). As its administrator, run: {}",
                owned.statements()
            )),
        }
    }
    for platform in known.platforms.iter().filter(|platform| !platform.root.path().starts_with(home.path())) {
        let cleared = inspect::clear_platform(owner, platform, known, open, &|path| {
            out(&format!("Removed `{}`", path.display()))
        });
        if let Err(fault) = cleared {
            let remedy = fault.remedy().unwrap_or_else(|| "remove it by hand".into());
            out(&format!("Left: not all of Ægir's is gone from `{}`: {fault} ({remedy})", platform.root));
        }
        out(&format!("Left: the code at `{}`, which is not ours", platform.root));
    }
}
