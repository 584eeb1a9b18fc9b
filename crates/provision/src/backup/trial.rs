//! Where a backup is tried: a site that nothing is saved of and no web server knows, and whether it runs.

use std::time::Duration;

use aegir_domain::{
    AccountName, BackupName, Database, DbName, EmailAddress, Fault, GrantHost, MachineName, Marker, PlatformContext,
    PlatformName, Redirect, ServerName, SiteContext, SiteName, TimeZoneName,
};
use aegir_drupal::driver::{FrontPage, Operation};
use aegir_host::Contents;
use aegir_recipe::Check;

use super::archive::{Archive, BackupFault};
use crate::World;
use crate::service::fpm::LONGEST_QUESTION;
use crate::service::php::Asker;
use crate::service::{DbServer, php};

/// An archive that is whole, as far as that can be told.
pub(crate) struct Sound {
    pub(crate) archive: Archive,
    pub(crate) contents: Contents,
}

/// Reads an archive whole: names, sums, and that there is a dump in it.
pub(crate) struct ArchiveSound {
    pub(crate) backup: BackupName,
}

impl Check<World> for ArchiveSound {
    type Output = Sound;
    const NAME: &'static str = "archive-sound";
    const LIMIT: Duration = Duration::from_secs(24 * 3600);

    fn look(&self, world: &World) -> Result<Sound, Fault> {
        let sound = look_through(world, &self.backup)?;
        sound.archive.must_be_complete()?;
        Ok(sound)
    }
}

/// The last backup of a site that goes, read whole again: what is in it is what was packed. It may lack what the site did.
pub(crate) struct LastBackupSound {
    pub(crate) backup: BackupName,
}

impl Check<World> for LastBackupSound {
    type Output = ();
    const NAME: &'static str = "last-backup-sound";
    const LIMIT: Duration = Duration::from_secs(24 * 3600);

    fn look(&self, world: &World) -> Result<(), Fault> {
        look_through(world, &self.backup).map(drop)
    }
}

/// Reads an archive whole.
fn look_through(world: &World, backup: &BackupName) -> Result<Sound, Fault> {
    let archive = Archive::find(world, backup)?;
    let bounds = archive.bounds(world.files(), &world.home().backups())?;
    let contents = world.files().look_through_archive(&archive.path, bounds)?;
    archive.must_be_whole(&contents)?;
    match contents.summed {
        true => world.say(format!("All {} files of the archive are what was packed", contents.files.len())),
        false => world.warn("The archive is of classic Aegir: it has no sums that its files could be compared with"),
    }
    Ok(Sound { archive, contents })
}

/// Where the trial takes place.
pub(crate) struct Place {
    pub(crate) platform: PlatformContext,
    pub(crate) db_server: ServerName,
    pub(crate) hosts: Vec<GrantHost>,
    /// What the site is, as far as anything is saved of it.
    pub(crate) known: Option<SiteContext>,
}

/// Chooses where a backup is tried, and looks whether it can be.
pub(crate) struct TrialPlace {
    pub(crate) backup: BackupName,
    pub(crate) engine: String,
    pub(crate) platform: Option<PlatformName>,
    pub(crate) db_server: Option<ServerName>,
    /// What the trial takes, in bytes.
    pub(crate) needs: u64,
}

impl Check<World> for TrialPlace {
    type Output = Place;
    const NAME: &'static str = "trial-place";

    fn look(&self, world: &World) -> Result<Place, Fault> {
        let known = match world.contexts().find(&aegir_domain::ContextName::Site(self.backup.site()))? {
            Some(aegir_domain::Context::Site(site)) => Some(*site),
            _ => None,
        };
        let nowhere = || BackupFault::NoSite { name: self.backup.clone() };
        let platform =
            self.platform.clone().or(known.as_ref().map(|site| site.platform.clone())).ok_or_else(nowhere)?;
        let db_server =
            self.db_server.clone().or(known.as_ref().map(|site| site.db_server.clone())).ok_or_else(nowhere)?;
        let platform = world.contexts().platform(&platform)?;
        let server = DbServer::of(world, &db_server)?;
        if server.engine() != self.engine {
            return Err(BackupFault::OtherEngine {
                name: self.backup.clone(),
                engine: self.engine.clone(),
                server: db_server,
                offers: server.engine(),
            }
            .into());
        }
        php::speaks(&php::facts(world, &platform)?, server.engine())?;
        server.check_grant()?;
        let sites = platform.root.path().join("sites");
        for at in [sites.as_path(), world.home().path()] {
            let free = world.files().free_space(at)?.bytes;
            if free < self.needs {
                return Err(BackupFault::NoRoom { at: at.to_owned(), free, needs: self.needs }.into());
            }
        }
        Ok(Place { platform, hosts: server.grant_hosts()?, db_server, known })
    }
}

/// The site of a trial: under a name that nobody can guess, and that no resolver knows.
pub(crate) fn site_of_trial(world: &World, archive: &Archive, place: &Place) -> Result<SiteContext, Fault> {
    let random: [u8; 5] = world.parts.mint.random();
    let word: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let name: SiteName = format!("trial-{word}.invalid").parse()?;
    let manifest = archive.manifest.as_ref();
    let known = place.known.as_ref();
    let core = place.platform.facts.as_ref().map(|facts| facts.core.clone());
    let core = core.or(manifest.map(|manifest| manifest.core.clone())).or(known.map(|site| site.core.clone()));
    let profile: Option<MachineName> = manifest.map(|manifest| manifest.profile.clone());
    let profile = profile.or(known.map(|site| site.profile.clone()));
    let account: AccountName = "admin".parse()?;
    let mail: EmailAddress = "nobody@example.invalid".parse()?;
    Ok(SiteContext {
        revision: 1,
        platform: place.platform.name.clone(),
        db_server: place.db_server.clone(),
        database: Database {
            name: DbName::for_site(&name, world.parts.mint.random()),
            marker: Marker::new(&name, world.task.attempt),
            hosts: place.hosts.clone(),
        },
        profile: match profile {
            Some(profile) => profile,
            None => "standard".parse()?,
        },
        language: aegir_domain::Langcode::english(),
        time_zone: TimeZoneName::utc(),
        title: name.as_title(),
        account,
        mail,
        aliases: Vec::new(),
        redirect: Redirect::None,
        client: "admin".parse()?,
        core: core.unwrap_or_default(),
        awaits_installer: false,
        disabled: false,
        quiet: aegir_domain::Quiet::default(),
        copy_of: None,
        cron: None,
        formers: Vec::new(),
        name,
    })
}

/// Whether a site that was made of a backup runs: Drupal boots, finds its database, and builds the front page.
pub(crate) struct TrialRuns {
    pub(crate) backup: BackupName,
    pub(crate) site: SiteContext,
    pub(crate) platform: PlatformContext,
}

impl Check<World> for TrialRuns {
    type Output = ();
    const NAME: &'static str = "trial-runs";
    const LIMIT: Duration = Duration::from_secs(900);

    fn look(&self, world: &World) -> Result<(), Fault> {
        let asker = Asker::of(world, &self.site, &self.platform)?;
        // What it remembers of its own folder is that of the site which was backed up.
        let _: aegir_drupal::driver::Flushed = asker.ask(Operation::Flush, LONGEST_QUESTION)?;
        let page: FrontPage = asker.ask(Operation::FrontPage, LONGEST_QUESTION)?;
        match page.status {
            200..=399 | 401 | 403 => {
                world.say(format!(
                    "A site made of it runs: its front page answers {}, with {} bytes",
                    page.status, page.bytes
                ));
                Ok(())
            }
            status => Err(BackupFault::FrontPage { name: self.backup.clone(), status }.into()),
        }
    }
}
