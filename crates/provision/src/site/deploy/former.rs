//! The former self of a site: put on a shelf beside the sites of its platform, and brought back from there.

use std::path::{Path, PathBuf};

use aegir_domain::{
    AttemptId, BackupName, Context, ContextName, Fault, Former, FormerName, PlatformContext, PlatformRoot, Remedy,
    SiteContext, SiteName,
};
use aegir_host::Kind;
use aegir_recipe::{Action, Check, Run, Undo};
use serde::{Deserialize, Serialize};

use crate::World;
use crate::service::DbServer;
use crate::site::layout::mark;
use crate::step::file::{Keep, MakeFolder, SetAside, TakeAway};

/// The name under which this task leaves what a site was.
pub(crate) fn name(world: &World, site: &SiteName) -> Result<FormerName, Fault> {
    Ok(world.trash_name(site.as_str()).parse()?)
}

/// Puts the folder of a site on the shelf of its platform, as the former self `name`.
pub(crate) fn shelve(
    run: &mut Run<'_, World>,
    site: &SiteContext,
    platform: &PlatformContext,
    name: &FormerName,
) -> Result<(), Fault> {
    let shelf = make_shelf(run, &platform.root)?;
    let path = platform.root.site_dir(&site.name);
    let mode = run.world().files().stat(&path)?.map_or(0o2750, |stat| stat.mode & 0o7777);
    run.step(SetAside { path, trash: shelf, name: name.to_string(), mode })
}

/// The shelf of a platform, which is there from now on.
pub(crate) fn make_shelf(run: &mut Run<'_, World>, root: &PlatformRoot) -> Result<PathBuf, Fault> {
    let shelf = Former::shelf(root);
    if run.world().files().kind(&shelf)?.is_none() {
        // PHP of sites has no business there.
        run.step(MakeFolder { path: shelf.clone(), mode: 0o700, group: None })?;
    }
    Ok(shelf)
}

/// Moves the files of a former self to the trash, and takes its credentials away. Gives where its files lie then. Of one
/// that was packed there are none; its backup is left alone.
pub(crate) fn discard(run: &mut Run<'_, World>, former: &Former) -> Result<Option<PathBuf>, Fault> {
    let world = run.world();
    let mut lies = None;
    // It may lie on a platform that was forgotten by hand: nothing of it can then be found.
    if let Some(Context::Platform(platform)) = world.contexts().find(&ContextName::Platform(former.platform.clone()))? {
        let path = former.folder(&platform.root);
        let trash = aegir_domain::Home::trash_beside(&platform.root.path().join("sites"));
        if let Some(stat) = world.files().stat(&path)? {
            if world.files().kind(&trash)?.is_none() {
                run.step(MakeFolder { path: trash.clone(), mode: 0o700, group: None })?;
            }
            lies = Some(trash.join(former.name.as_str()));
            // Named by the task that left it, and so for good.
            run.step(SetAside { path, trash, name: former.name.to_string(), mode: stat.mode & 0o7777 })?;
        }
    }
    let path = run.world().home().credentials_of_former(&former.name);
    if run.world().files().kind(&path)?.is_some() {
        let was = run.step(Keep { path: path.clone(), name: format!("credentials-{}", former.name) })?;
        run.step(TakeAway { path, was })?;
    }
    Ok(lies)
}

/// Moves the folder of a former self to where the site lives. The folder bears the mark of the attempt until that
/// ends: by it an undo knows it from any other.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct BringBack {
    pub(crate) from: PathBuf,
    pub(crate) to: PathBuf,
    pub(crate) attempt: AttemptId,
}

impl Action<World> for BringBack {
    type Output = ();
    const NAME: &'static str = "bring-back";

    fn apply(&self, world: &World) -> Result<(), Fault> {
        let files = world.files();
        if files.kind(&self.from)?.is_some() {
            files.write(&mark(&self.from, self.attempt), b"", 0o600)?;
            files.rename(&self.from, &self.to)?;
        } else if files.kind(&mark(&self.to, self.attempt))?.is_none() {
            return Err(FormerFault::Gone { folder: self.from.clone() }.into());
        }
        Ok(())
    }
}

impl Undo<World> for BringBack {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        let files = world.files();
        if files.kind(&self.from)?.is_none() && files.kind(&mark(&self.to, self.attempt))?.is_some() {
            // Drupal makes its folders read-only, and what cannot be written cannot be moved.
            if let Some(stat) = files.stat(&self.to)?.filter(|stat| stat.mode & 0o700 != 0o700) {
                files.set_mode(&self.to, stat.mode & 0o7777 | 0o700)?;
            }
            files.rename(&self.to, &self.from)?;
        }
        if files.kind(&self.from)?.is_some() {
            files.remove_file(&mark(&self.from, self.attempt))?;
        }
        Ok(())
    }
}

/// The former self of a site that one can go back to.
pub(crate) struct FormerThere {
    pub(crate) site: SiteContext,
    /// Which; `None`: the latest.
    pub(crate) former: Option<FormerName>,
}

impl Check<World> for FormerThere {
    type Output = (Former, PlatformContext);
    const NAME: &'static str = "former-there";

    fn look(&self, world: &World) -> Result<(Former, PlatformContext), Fault> {
        let site = &self.site;
        let found = match &self.former {
            None => site.formers.last(),
            Some(name) => site.formers.iter().find(|former| former.name == *name),
        };
        let Some(former) = found.cloned() else {
            return Err(match &self.former {
                None => FormerFault::None { site: site.name.clone() },
                Some(name) => FormerFault::NotThat { site: site.name.clone(), name: name.clone() },
            }
            .into());
        };
        let platform = world.contexts().platform(&former.platform)?;
        if let Some(backup) = &former.archive {
            let path = world.home().backups().join(backup.as_str());
            return match world.files().kind(&path)? {
                Some(Kind::File) => Ok((former, platform)),
                _ => Err(FormerFault::NoArchive { backup: backup.clone(), folder: world.home().backups() }.into()),
            };
        }
        let folder = former.folder(&platform.root);
        if !matches!(world.files().kind(&folder)?, Some(Kind::Dir)) {
            return Err(FormerFault::Gone { folder }.into());
        }
        let credentials = world.home().credentials_of_former(&former.name);
        if world.files().kind(&credentials)?.is_none() {
            return Err(FormerFault::NoCredentials { path: credentials }.into());
        }
        let server = DbServer::of(world, &former.db_server)?;
        server.must_bear(&former.database.name, &former.database.marker)?;
        Ok((former, platform))
    }
}

/// What was written to a site since a moment, as far as its tables tell.
pub(crate) struct WrittenSince {
    pub(crate) site: SiteContext,
    /// In seconds since 1970.
    pub(crate) since: i64,
}

/// Tables of Drupal 7 and of later versions that tell when a row was written: what it is, table, column.
const TELLING: [(&str, &str, &str); 8] = [
    ("pieces of content", "node", "changed"),
    ("pieces of content", "node_field_data", "changed"),
    ("comments", "comment", "changed"),
    ("comments", "comment_field_data", "changed"),
    ("new accounts", "users", "created"),
    ("new accounts", "users_field_data", "created"),
    ("files", "file_managed", "timestamp"),
    ("files", "file_managed", "changed"),
];

impl Check<World> for WrittenSince {
    type Output = Vec<(&'static str, u64)>;
    const NAME: &'static str = "written-since";

    fn look(&self, world: &World) -> Result<Vec<(&'static str, u64)>, Fault> {
        let server = DbServer::of(world, &self.site.db_server)?;
        let mut written = Vec::new();
        for (what, table, column) in TELLING {
            // A table that this version, or this site, does not have tells nothing.
            let ask = format!("SELECT COUNT(*) FROM {table} WHERE {column} > {}", self.since);
            let Ok(rows) = server.rows_of_site(&self.site, &ask) else { continue };
            let count = rows.into_iter().next().and_then(|row| row.into_iter().next().flatten());
            let count = count.and_then(|count| String::from_utf8_lossy(&count).parse().ok()).unwrap_or(0);
            if count > 0 {
                written.push((what, count));
            }
        }
        Ok(written)
    }
}

/// Why one cannot go back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FormerFault {
    #[error("the site `{site}` has no former self to go back to")]
    None { site: SiteName },
    #[error("the site `{site}` has no former self `{name}`")]
    NotThat { site: SiteName, name: FormerName },
    #[error("the folder `{}` of the former self is gone", folder.display())]
    Gone { folder: PathBuf },
    #[error("the credentials of the former self are gone: `{}`", path.display())]
    NoCredentials { path: PathBuf },
    #[error("the backup `{backup}`, which has all of the former self, is gone")]
    NoArchive { backup: BackupName, folder: PathBuf },
}

impl Remedy for FormerFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            FormerFault::None { .. } => "one is kept whenever the site is moved".into(),
            FormerFault::NotThat { site, .. } => {
                format!("see which there are with `aegir provision show @{site}`, under `formers`")
            }
            FormerFault::Gone { folder } => format!("put `{}` back, or choose another", show(folder)),
            FormerFault::NoArchive { folder, .. } => {
                format!("put it back into `{}`, or choose another former self", show(folder))
            }
            FormerFault::NoCredentials { path } => format!("put `{}` back from a backup of the home", show(path)),
        })
    }
}

fn show(path: &Path) -> String {
    path.display().to_string()
}
