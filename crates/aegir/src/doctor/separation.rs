//! Whether the code of sites is kept apart from Ægir itself.

use std::os::unix::fs::MetadataExt;

use aegir_domain::Finding;
use aegir_host::{Accounts, own_uid};

use super::Patient;

/// As whom PHP of sites runs, told from who owns the home and its folder of sockets.
#[derive(Clone, Debug, PartialEq, Eq)]
enum PhpRuns {
    /// As the owner of the home.
    AsOwner(String),
    /// As another user.
    As { owner: String, web: String },
    /// Nobody has started anything yet.
    NotYet { as_root: bool },
}

pub(super) fn look(patient: &Patient) -> Vec<Finding> {
    let accounts = Accounts::read().unwrap_or_default();
    let owner = std::fs::metadata(patient.path()).ok();
    let run = std::fs::metadata(patient.home.run()).ok();
    let runs = match (owner, run) {
        (Some(owner), Some(run)) => {
            let own_group = accounts.user_by_id(owner.uid()).map_or(owner.gid(), |user| user.gid);
            let name = accounts.name_of(owner.uid());
            match accounts.group_by_id(run.gid()).filter(|group| group.gid != own_group) {
                Some(web) => PhpRuns::As { owner: name, web: web.name.clone() },
                None => PhpRuns::AsOwner(name),
            }
        }
        _ => PhpRuns::NotYet { as_root: own_uid() == 0 },
    };
    findings(&runs, patient)
}

fn findings(runs: &PhpRuns, patient: &Patient) -> Vec<Finding> {
    let home = patient.path().display();
    match runs {
        PhpRuns::AsOwner(name) => vec![Finding::warning(
            format!(
                "sites are not kept apart from Ægir: their PHP runs as `{name}`, as everything here does, and only the \
                 folders that PHP is held to (`open_basedir`) stand between a hostile site and\n\
                 - the passwords of all sites and of the database server: `credentials/`, `stack/mariadb-account.json`\n\
                 - Ægir's key and settings in `hostmaster/`, its contexts, journals and task secrets\n\
                 - the other sites: their files, settings and databases, and the code of all platforms\n\
                 - the sockets in `run/`, by which services are told what to do\n\
                 - whatever else `{name}` may read and write on this machine"
            ),
            format!(
                "fine for trying; for other people's sites start as root, which keeps them apart: \
                 `sudo aegir up --home /var/aegir`, with a home that was made so (not {home})"
            ),
        )],
        PhpRuns::As { owner, web } => vec![
            Finding::ok(format!(
                "PHP of sites runs as `{web}` and everything else as `{owner}`: sites read none of Ægir's secrets"
            )),
            Finding::ok(format!(
                "all sites' PHP is one user: what keeps a site from another's files are the folders that PHP is held to \
                 (`open_basedir`), and pools that start no programs; who runs code as `{web}` in another way sees all sites' files"
            )),
        ],
        PhpRuns::NotYet { as_root: true } => {
            vec![Finding::ok("started as root, sites' PHP will run as `aegir-web` and everything else as `aegir`")]
        }
        PhpRuns::NotYet { as_root: false } => vec![Finding::warning(
            "started as a person, all will be one user: the PHP of sites is then not kept apart from Ægir",
            "fine for trying; for other people's sites start as root: `sudo aegir up --home /var/aegir`",
        )],
    }
}
