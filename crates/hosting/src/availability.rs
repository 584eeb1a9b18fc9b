//! Which operations an object can have now, and why not the others.
//!
//! One pure function for all faces: a page shows the reason beside a grey button, the API and the
//! command line refuse with it.

use aegir_domain::{ContextName, Remedy};
use aegir_store::FormersThere;

use crate::{Effect, Operation, OperationId};

/// What is known of an object, as far as it decides what can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its name.
    pub name: ContextName,
    /// How far its making came.
    pub state: Made,
    /// Whether it is a site that is out of service.
    pub disabled: bool,
    /// Whether it is a site that cannot be relied on: its last verify failed, or Drupal was never installed into it.
    pub unsound: bool,
    /// What uses it: sites of a platform, platforms and sites of a server.
    pub used_by: u64,
    /// What sites were before they were moved, and lies on it.
    pub formers: FormersThere,
    /// Operations on it that wait or run.
    pub outstanding: Vec<Outstanding>,
    /// Whether what a back end has differs from what is remembered.
    pub drifts: bool,
    /// Whether it is a platform that takes no more sites.
    pub locked: bool,
    /// Whether it is a copy of somebody's site.
    pub copied: Copied,
}

/// Whether a site is a copy of somebody's, that can be brought up to date from there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Copied {
    /// It is none.
    #[default]
    No,
    /// It can be.
    Yes,
    /// It can be by whoever says the password of its source's database again: nobody keeps that.
    WithPassword,
}

/// How far the making of an object came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// The task that makes it has not ended.
    NotYet,
    /// It is there.
    Yes,
    /// The task that was to make it failed.
    Failed,
    /// It was there, and was deleted.
    Gone,
}

/// A task of an object that has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outstanding {
    /// Its number.
    pub task: i64,
    /// What it does.
    pub operation: OperationId,
    /// Whether it runs, or nobody knows; else it waits.
    pub runs: bool,
}

/// Why an operation cannot be asked for now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// The object is not there yet.
    #[error("`{name}` is not there yet")]
    NotYet {
        /// The object.
        name: ContextName,
    },
    /// The object was never made.
    #[error("`{name}` could not be made, so there is nothing to {verb}")]
    NeverMade {
        /// The object.
        name: ContextName,
        /// What was asked.
        verb: &'static str,
    },
    /// The object is deleted.
    #[error("`{name}` is deleted")]
    Gone {
        /// The object.
        name: ContextName,
    },
    /// The object is about to be deleted.
    #[error("`{name}` is being deleted by task {task}")]
    Going {
        /// The object.
        name: ContextName,
        /// That task.
        task: i64,
    },
    /// It is out of service, and none of its code runs.
    #[error("`{name}` is disabled")]
    Disabled {
        /// The site.
        name: ContextName,
    },
    /// Somebody may be using it.
    #[error("`{name}` is in service")]
    InService {
        /// The site.
        name: ContextName,
    },
    /// It stands already as it would then.
    #[error("`{name}` is {how} already")]
    IsSo {
        /// The object.
        name: ContextName,
        /// How it stands.
        how: &'static str,
    },
    /// Something uses it.
    #[error("`{name}` is in use: {used_by} {}", of(.name, *.used_by))]
    InUse {
        /// The object.
        name: ContextName,
        /// By how many.
        used_by: u64,
    },
    /// Nothing uses it.
    #[error("no site lives on `{name}`")]
    Unused {
        /// The object.
        name: ContextName,
    },
    /// What sites were before they were moved lies on it.
    #[error("{} on `{name}`: {}", lie(.formers.count), first_of(.formers))]
    HasFormers {
        /// The object.
        name: ContextName,
        /// Which.
        formers: FormersThere,
    },
    /// It is no copy, or one no more.
    #[error("`{name}` is no copy of somebody's site, or is one no more")]
    NoCopy {
        /// The site.
        name: ContextName,
    },
    /// A secret is wanted that nothing here carries.
    #[error("the database of what `{name}` is a copy of was named with a password, which is kept nowhere")]
    WantsPassword {
        /// The site.
        name: ContextName,
        /// What was asked.
        verb: &'static str,
    },
    /// Two sides say different things of it.
    #[error("what the back end has of `{name}` differs from what is remembered here")]
    Drifts {
        /// The object.
        name: ContextName,
    },
}

fn of(name: &ContextName, count: u64) -> &'static str {
    match (name, count) {
        (ContextName::Platform(_), 1) => "site lives on it",
        (ContextName::Platform(_), _) => "sites live on it",
        (_, 1) => "object refers to it",
        _ => "objects refer to it",
    }
}

fn lie(count: u64) -> String {
    match count {
        1 => "1 former self of a site lies".into(),
        count => format!("{count} former selves of sites lie"),
    }
}

/// The sites that are known by name; of one site there may be several.
fn first_of(formers: &FormersThere) -> String {
    let named: Vec<_> = formers.sites.iter().map(|site| format!("`{site}`")).collect();
    let more = if formers.count > formers.sites.len() as u64 { ", …" } else { "" };
    format!("{}{more}", named.join(", "))
}

impl Remedy for Unavailable {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            Unavailable::NotYet { .. } => "wait until the task that makes it has ended, or cancel that".into(),
            Unavailable::NeverMade { .. } => {
                "see why in its last task, and retry that; or delete it, which frees its name".into()
            }
            Unavailable::Gone { .. } => "its name is free: it can be added anew".into(),
            Unavailable::Going { task, .. } => format!("see `aegir task show {task}`"),
            Unavailable::Disabled { name } => {
                format!("enable it first with `aegir site enable {}`", name.to_string().trim_start_matches('@'))
            }
            Unavailable::IsSo { name: ContextName::Platform(platform), .. } => {
                format!("see how it stands with `aegir platform show {platform}`")
            }
            Unavailable::InService { name } => {
                format!("disable it first with `aegir site disable {}`", name.to_string().trim_start_matches('@'))
            }
            Unavailable::IsSo { name, .. } => {
                format!("see how it stands with `aegir site show {}`", name.to_string().trim_start_matches('@'))
            }
            Unavailable::InUse { name: ContextName::Platform(platform), .. } => {
                format!("see them with `aegir site list --platform {platform}`; delete or migrate them first")
            }
            Unavailable::InUse { name: ContextName::Server(server), .. } => {
                format!("see them with `aegir platform list --server {server}` and `aegir site list --server {server}`")
            }
            Unavailable::InUse { .. } => return None,
            Unavailable::Unused { .. } => "see where sites live with `aegir site list`".into(),
            Unavailable::HasFormers { .. } => {
                "wait until they were kept for as long as the setting `keep_former_days` says, or let go of each with \
                 `aegir site drop-former`; `aegir backup list --kind former --site SITE` lists those of a site"
                    .into()
            }
            Unavailable::NoCopy { .. } => {
                "only what `aegir site copy` made, or `aegir provision import FOLDER --copy` in a shell, knows what it is a copy \
                 of"
                    .into()
            }
            Unavailable::WantsPassword { name, verb } => format!(
                "ask in a shell on its machine, and give the password on standard input: `aegir provision import {} --{verb} \
                 --source-db-password-file -`",
                name.to_string().trim_start_matches('@')
            ),
            Unavailable::Drifts { name } => {
                format!("choose a side with `aegir drift resolve {name} --take theirs`, or `ours`")
            }
        })
    }
}

fn deletes(operation: OperationId) -> bool {
    use OperationId as Id;
    matches!(operation, Id::SiteDelete | Id::PlatformForget | Id::PlatformDelete | Id::ServerForget)
}

/// Whether an operation leaves nothing of its object here.
fn lets_go(operation: OperationId) -> bool {
    deletes(operation) || operation == OperationId::SiteEject
}

/// Whether an operation has the code of a site run, or be seen; or has another self of it be tried by visits.
fn runs_code(operation: OperationId) -> bool {
    use OperationId as Id;
    matches!(
        operation,
        Id::SiteLogin
            | Id::SiteMigrate
            | Id::SiteUpdate
            | Id::SiteGoBack
            | Id::SiteClone
            | Id::SiteRename
            | Id::SiteRefresh
            | Id::SiteSwitch
            | Id::SiteEject
            | Id::SiteCron
            | Id::SiteRebuildCaches
            | Id::BackupRestore
    )
}

/// Whether nobody has asked for an object to go, so that something else can be put on it.
pub fn stays(standing: &Standing) -> Result<(), Unavailable> {
    match standing.outstanding.iter().find(|task| lets_go(task.operation)) {
        Some(going) => Err(Unavailable::Going { name: standing.name.clone(), task: going.task }),
        None => Ok(()),
    }
}

/// Whether `operation` can be asked for now, of an object that stands so (K5, K6).
pub fn available(operation: &Operation, standing: &Standing) -> Result<(), Unavailable> {
    use OperationId as Id;
    if operation.reads() {
        return Ok(());
    }
    let name = || standing.name.clone();
    if standing.state == Made::Gone {
        return Err(Unavailable::Gone { name: name() });
    }
    stays(standing)?;
    // What never came to be can be taken from the lists, and nothing else.
    match standing.state {
        Made::NotYet if operation.id != Id::DriftResolve => return Err(Unavailable::NotYet { name: name() }),
        Made::Failed if !deletes(operation.id) => {
            return Err(Unavailable::NeverMade { name: name(), verb: operation.verb });
        }
        _ => (),
    }
    if matches!(operation.id, Id::SiteRefresh | Id::SiteSwitch) {
        match standing.copied {
            Copied::No => return Err(Unavailable::NoCopy { name: name() }),
            Copied::WithPassword => {
                return Err(Unavailable::WantsPassword { name: name(), verb: operation.verb });
            }
            Copied::Yes => (),
        }
    }
    match (standing.disabled, operation.id) {
        (true, Id::SiteDisable) => return Err(Unavailable::IsSo { name: name(), how: "disabled" }),
        (true, id) if runs_code(id) => return Err(Unavailable::Disabled { name: name() }),
        // What is half made or broken may not come so far that it could be disabled.
        (false, Id::SiteDelete) if standing.state == Made::Yes && !standing.unsound => {
            return Err(Unavailable::InService { name: name() });
        }
        (false, Id::SiteEnable) => return Err(Unavailable::IsSo { name: name(), how: "in service" }),
        _ => (),
    }
    if standing.used_by > 0 && matches!(operation.id, Id::PlatformForget | Id::PlatformDelete | Id::ServerForget) {
        return Err(Unavailable::InUse { name: name(), used_by: standing.used_by });
    }
    match (standing.locked, operation.id) {
        (true, Id::PlatformLock) => return Err(Unavailable::IsSo { name: name(), how: "locked" }),
        (false, Id::PlatformUnlock) => return Err(Unavailable::IsSo { name: name(), how: "open to sites" }),
        _ => (),
    }
    if standing.used_by == 0 && operation.id == Id::PlatformMigrate {
        return Err(Unavailable::Unused { name: name() });
    }
    if standing.formers.count > 0 && matches!(operation.id, Id::PlatformForget | Id::PlatformDelete) {
        return Err(Unavailable::HasFormers { name: name(), formers: standing.formers.clone() });
    }
    // An edit would be written over what somebody changed in a shell.
    let edits = matches!(operation.id, Id::SiteEdit | Id::PlatformEdit | Id::ServerEdit);
    if standing.drifts && edits && operation.effect == Effect::Queues {
        return Err(Unavailable::Drifts { name: name() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Subject;

    fn a_site() -> Standing {
        Standing {
            name: "@a.test".parse().unwrap(),
            state: Made::Yes,
            disabled: false,
            unsound: false,
            used_by: 0,
            formers: FormersThere::default(),
            outstanding: Vec::new(),
            drifts: false,
            locked: false,
            copied: Copied::No,
        }
    }

    /// What can be asked of a site in service.
    const IN_SERVICE: [&str; 15] = [
        "edit",
        "verify",
        "login",
        "migrate",
        "update",
        "go-back",
        "drop-former",
        "clone",
        "rename",
        "backup",
        "cron",
        "rebuild-caches",
        "run",
        "disable",
        "eject",
    ];

    fn possible(standing: &Standing) -> Vec<&'static str> {
        let of_sites = OperationId::ALL.into_iter().map(OperationId::declaration);
        of_sites
            .filter(|operation| operation.subject == Subject::Site && !operation.reads())
            .filter(|operation| matches!(operation.names, crate::Names::One(_)))
            .filter(|operation| available(operation, standing).is_ok())
            .map(|operation| operation.verb)
            .collect()
    }

    #[test]
    fn of_a_site_in_service_everything_can_be_asked_but_to_enable_or_delete_it() {
        assert_eq!(possible(&a_site()), IN_SERVICE);
    }

    #[test]
    fn of_a_site_that_is_disabled_nothing_can_be_asked_that_runs_its_code() {
        let disabled = Standing { disabled: true, ..a_site() };

        assert_eq!(possible(&disabled), ["edit", "verify", "drop-former", "backup", "run", "enable", "delete"]);
        let why = |id: OperationId, standing: &Standing| available(&id.declaration(), standing).unwrap_err();
        let login = why(OperationId::SiteLogin, &disabled);
        assert_eq!(login.to_string(), "`@a.test` is disabled");
        assert_eq!(login.remedy().unwrap(), "enable it first with `aegir site enable a.test`");
        assert_eq!(why(OperationId::SiteDisable, &disabled).to_string(), "`@a.test` is disabled already");
        assert_eq!(why(OperationId::SiteDelete, &a_site()).to_string(), "`@a.test` is in service");
        let broken = Standing { unsound: true, ..a_site() };
        assert!(possible(&broken).contains(&"delete"), "it may not come so far as to be disabled");
        assert_eq!(why(OperationId::SiteEnable, &a_site()).to_string(), "`@a.test` is in service already");
    }

    #[test]
    fn a_copy_can_be_brought_up_to_date_unless_that_takes_a_password() {
        let copy = Standing { copied: Copied::Yes, ..a_site() };
        let ids = [OperationId::SiteRefresh, OperationId::SiteSwitch];
        let why = |id: OperationId, standing: &Standing| available(&id.declaration(), standing).unwrap_err();
        for id in ids {
            assert_eq!(available(&id.declaration(), &copy), Ok(()));
            assert!(why(id, &a_site()).to_string().contains("is no copy of somebody's site"));
            let disabled = Standing { disabled: true, ..copy.clone() };
            assert_eq!(why(id, &disabled).to_string(), "`@a.test` is disabled");
        }

        let with_password = Standing { copied: Copied::WithPassword, ..copy };

        for (id, word) in ids.into_iter().zip(["--refresh", "--switch"]) {
            let remedy = why(id, &with_password).remedy().unwrap();
            assert!(remedy.contains(&format!("`aegir provision import a.test {word} --source-db-password-file -`")));
        }
    }

    #[test]
    fn of_a_site_that_is_being_deleted_nothing_can_be_asked() {
        let deleting = Outstanding { task: 7, operation: OperationId::SiteDelete, runs: false };

        let standing = Standing { outstanding: vec![deleting], ..a_site() };

        assert!(possible(&standing).is_empty());
        let why = available(&OperationId::SiteVerify.declaration(), &standing).unwrap_err();
        assert_eq!(why.to_string(), "`@a.test` is being deleted by task 7");
    }

    #[test]
    fn what_never_came_to_be_can_only_be_deleted() {
        assert_eq!(possible(&Standing { state: Made::Failed, ..a_site() }), ["delete"]);
        assert!(possible(&Standing { state: Made::NotYet, ..a_site() }).is_empty());
        assert!(possible(&Standing { state: Made::Gone, ..a_site() }).is_empty());
    }

    #[test]
    fn a_platform_with_sites_is_not_forgotten() {
        let platform = Standing { name: "@platform_d10".parse().unwrap(), used_by: 2, ..a_site() };

        let why = available(&OperationId::PlatformForget.declaration(), &platform).unwrap_err();

        assert_eq!(why.to_string(), "`@platform_d10` is in use: 2 sites live on it");
        assert!(why.remedy().unwrap().contains("--platform d10"));
    }

    #[test]
    fn a_platform_is_not_forgotten_while_a_site_can_go_back_to_it() {
        let there = |count, sites: &[&str]| Standing {
            name: "@platform_d10".parse().unwrap(),
            formers: FormersThere { count, sites: sites.iter().map(|name| name.parse().unwrap()).collect() },
            ..a_site()
        };
        let why = |standing| available(&OperationId::PlatformForget.declaration(), &standing).unwrap_err().to_string();

        assert_eq!(why(there(1, &["@a.test"])), "1 former self of a site lies on `@platform_d10`: `@a.test`");
        let many = there(9, &["@a.test", "@b.test"]);
        assert!(available(&OperationId::PlatformVerify.declaration(), &many).is_ok());
        assert_eq!(why(many), "9 former selves of sites lie on `@platform_d10`: `@a.test`, `@b.test`, …");
    }

    #[test]
    fn where_two_sides_differ_nothing_is_written_over() {
        assert_eq!(IN_SERVICE[0], "edit");
        assert_eq!(possible(&Standing { drifts: true, ..a_site() }), IN_SERVICE[1..]);
    }
}
