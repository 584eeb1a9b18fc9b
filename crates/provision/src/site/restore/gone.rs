//! Restores a site that nothing is saved of any more: what its record said is in the backup, or is asked for. And
//! makes a new one of a backup, under another name and with keys of its own.

use aegir_domain::{
    BackupRecord, Context, ContextName, Fault, Langcode, MachineName, PlatformName, Quiet, Redirect, ServerName,
    SiteContext, SiteName, TimeZoneName, Title,
};
use aegir_drupal::inventory::Inventory;
use aegir_recipe::{Afterwards, Check, Committed, Run};

use super::fits::LoadedFits;
use super::in_place::answer;
use super::remade::{self, Target, Wanted};
use super::{Restore, RestoreFault};
use crate::World;
use crate::backup::{RemoveWork, Sound};
use crate::site::clone::say_quiet;
use crate::site::deploy::former::BringBack;
use crate::site::deploy::own::MakeOwn;
use crate::site::deploy::relocate::Relocate;
use crate::site::deploy::updates::{NOT_FOUND, RunUpdates, Visit};
use crate::site::facts::{NameIsFree, Served};
use crate::site::layout::{DropFolderMark, SettleModes, WriteCredentials};
use crate::site::probe::{Links, SiteAnswers};
use crate::step::context::SaveContext;
use crate::step::sites_php::list;
use crate::step::vhost::PublishVhost;

/// Has the site of the archive be there again, or another one like it; `like` is the one that it is of, where that lives.
pub(super) fn restore(
    asked: &Restore,
    run: &mut Run<'_, World>,
    sound: &Sound,
    like: Option<&SiteContext>,
) -> Result<Committed, Fault> {
    let manifest = sound.archive.manifest.as_ref();
    let says = manifest.and_then(|manifest| manifest.record.clone());
    let record = says.clone().or_else(|| like.map(BackupRecord::of));
    let was_on = manifest.map(|manifest| manifest.platform.clone());
    let place = run.check(PlaceOfGone {
        platform: asked.platform.clone().or_else(|| like.map(|site| site.platform.clone())),
        db_server: asked.db_server.clone().or_else(|| like.map(|site| site.db_server.clone())),
        was_on: was_on.clone(),
        record: record.clone(),
        site: asked.site(),
        backup: asked.backup.clone(),
    })?;
    let target = remade::target(
        run,
        sound,
        Wanted {
            platform: place.platform,
            db_server: place.db_server,
            profile: manifest.map(|manifest| manifest.profile.clone()),
            time_zone: place.record.time_zone.clone(),
            served: Served::New,
        },
    )?;
    let mut new = context(run.world(), asked, sound, &target, place.record);
    run.check(NameIsFree {
        site: new.name.clone(),
        now: None,
        names: new.names(),
        redirect: new.redirect.clone(),
        root: target.platform.root.clone(),
    })?;

    let attempt = run.world().task.attempt;
    let root = target.platform.root.clone();
    let made = remade::make(run, sound, &new, &target.platform, None)?;
    if says.is_none() {
        let found = run.check(LoadedFits { of: asked.backup.to_string(), site: new.clone() })?;
        take_what_it_says(&mut new, found, record.is_none(), manifest.is_none());
    }
    if asked.new_site.is_some() {
        make_it_another(asked, run, &new, &target, was_on)?;
    }
    run.step(BringBack { from: made.coming, to: root.site_dir(&new.name), attempt })?;
    list(run, &target.platform, &new.name, new.names())?;
    run.step(RunUpdates { site: Box::new(new.clone()), platform: target.platform.clone() })?;
    let platform = target.platform.clone();
    run.check(Visit { site: new.clone(), platform, was: Some(NOT_FOUND), in_service: false })?;
    run.step(SettleModes { root: root.clone(), site: new.name.clone() })?;

    let (server, database) = (new.db_server.clone(), new.database.name.clone());
    run.step(WriteCredentials { site: new.name.clone(), server, name: database })?;
    run.step(SaveContext { context: Context::Site(Box::new(new.clone())), was: None })?;
    run.step(PublishVhost::new(&new, &target.platform))?;
    Links { site: &new, root: &root }.make(run)?;
    run.check(SiteAnswers { site: new.clone(), platform: target.platform.clone() })?;

    answer(asked, run, &new, &target)?;
    run.say(match &asked.new_site {
        None => format!("The site `{}` is there again, on the platform `{}`", new.name, new.platform),
        Some(_) => format!("The site `{}` is made of `{}`, on the platform `{}`", new.name, asked.backup, new.platform),
    });
    if asked.new_site.is_some() {
        say_quiet(run, &new);
    }
    run.point_of_no_return(
        Afterwards::new()
            .cleanup(DropFolderMark { root, site: new.name, attempt })
            .cleanup(RemoveWork { path: made.work }),
    )
}

/// Has a copy under another name know its own folder, and have keys of its own.
fn make_it_another(
    asked: &Restore,
    run: &mut Run<'_, World>,
    new: &SiteContext,
    target: &Target,
    was_on: Option<PlatformName>,
) -> Result<(), Fault> {
    let contexts = run.world().contexts();
    let was_on = match was_on.map(|name| contexts.find(&ContextName::Platform(name))).transpose()?.flatten() {
        Some(Context::Platform(platform)) => platform.root,
        // Where that lay nobody knows any more: then only what stands behind it is put right.
        _ => target.platform.root.clone(),
    };
    let (server, database) = (new.db_server.clone(), new.database.clone());
    run.step(Relocate {
        server: server.clone(),
        database: database.clone(),
        from: asked.backup.site().into(),
        from_root: was_on,
        to: new.name.clone(),
        to_root: target.platform.root.clone(),
    })?;
    run.step(MakeOwn { server, database, keeps_keys: false })
}

/// The record of the site, by what the archive says of it.
fn context(world: &World, asked: &Restore, sound: &Sound, target: &Target, record: BackupRecord) -> SiteContext {
    let manifest = sound.archive.manifest.as_ref();
    let name = asked.site();
    SiteContext {
        revision: 1,
        platform: target.platform.name.clone(),
        db_server: target.db_server.clone(),
        database: target.database(world, &name),
        profile: target.profile.clone(),
        language: manifest.map_or_else(Langcode::english, |manifest| manifest.language.clone()),
        time_zone: record.time_zone,
        title: manifest.map_or_else(|| name.as_title(), |manifest| manifest.title.clone()),
        account: record.account,
        mail: record.mail,
        aliases: record.aliases,
        redirect: record.redirect,
        // Like any copy, it writes to nobody until somebody says so.
        quiet: if asked.new_site.is_some() { Quiet { mail: true, cron: true } } else { record.quiet },
        copy_of: None,
        cron: if asked.new_site.is_some() { None } else { record.cron },
        client: record.client,
        core: target.core.clone(),
        awaits_installer: false,
        disabled: false,
        formers: Vec::new(),
        name,
    }
}

/// What its own database says of a site whose record is not in the archive.
fn take_what_it_says(site: &mut SiteContext, found: Inventory, lacks_record: bool, lacks_manifest: bool) {
    if lacks_record {
        site.mail = found.site_mail.and_then(|mail| mail.parse().ok()).unwrap_or_else(|| site.mail.clone());
    }
    if lacks_manifest {
        let profile = found.profile.and_then(|profile| profile.parse::<MachineName>().ok());
        site.profile = profile.unwrap_or_else(|| site.profile.clone());
        let title = found.site_name.and_then(|title| title.parse::<Title>().ok());
        site.title = title.unwrap_or_else(|| site.title.clone());
    }
}

/// Where a site that is gone is to be, and what its record is to say.
struct PlaceOfGone {
    backup: aegir_domain::BackupName,
    site: SiteName,
    platform: Option<PlatformName>,
    db_server: Option<ServerName>,
    /// The platform that the backup names.
    was_on: Option<PlatformName>,
    record: Option<BackupRecord>,
}

struct Place {
    platform: PlatformName,
    db_server: ServerName,
    record: BackupRecord,
}

impl Check<World> for PlaceOfGone {
    type Output = Place;
    const NAME: &'static str = "place-of-gone";

    fn look(&self, world: &World) -> Result<Place, Fault> {
        let backup = || self.backup.clone();
        let not_said = |what, option| RestoreFault::NotSaid { backup: backup(), what, option };
        let platform = match (&self.platform, &self.was_on) {
            (Some(platform), _) => platform.clone(),
            (None, None) => return Err(not_said("where it lived", "--platform @PLATFORM").into()),
            (None, Some(platform)) => match world.contexts().find(&ContextName::Platform(platform.clone()))? {
                Some(_) => platform.clone(),
                None => {
                    return Err(RestoreFault::PlatformGone { backup: backup(), platform: platform.clone() }.into());
                }
            },
        };
        let db_server = match (&self.db_server, &self.record) {
            (Some(server), _) => server.clone(),
            (None, None) => return Err(not_said("where its data lay", "--db-server NAME").into()),
            (None, Some(record)) => match world.contexts().find(&ContextName::Server(record.db_server.clone()))? {
                Some(_) => record.db_server.clone(),
                None => {
                    let server = record.db_server.clone();
                    return Err(RestoreFault::ServerGone { backup: backup(), server }.into());
                }
            },
        };
        let record = match &self.record {
            // Other names lead to the site that they are of.
            Some(record) if self.site != self.backup.site() => {
                BackupRecord { aliases: Vec::new(), redirect: Redirect::None, ..record.clone() }
            }
            Some(record) => self.without_names_of_others(world, record.clone())?,
            None => BackupRecord {
                db_server: db_server.clone(),
                time_zone: TimeZoneName::utc(),
                account: "admin".parse()?,
                mail: format!("admin@{}", self.site).parse()?,
                aliases: Vec::new(),
                redirect: Redirect::None,
                client: "admin".parse()?,
                quiet: Quiet::default(),
                cron: None,
            },
        };
        Ok(Place { platform, db_server, record })
    }
}

impl PlaceOfGone {
    /// Leaves out other names that somebody else has by now.
    fn without_names_of_others(&self, world: &World, mut record: BackupRecord) -> Result<BackupRecord, Fault> {
        for other in world.contexts().sites()? {
            let names = other.names();
            record.aliases.retain(|alias| {
                let is_free = !names.contains(alias);
                if !is_free {
                    world.warn(format!("`{alias}` was another name of the site, and is one of `{}` now", other.name));
                }
                is_free
            });
        }
        if let Redirect::To(name) = &record.redirect
            && *name != self.site.host()
            && !record.aliases.contains(name)
        {
            record.redirect = Redirect::None;
        }
        Ok(record)
    }
}
