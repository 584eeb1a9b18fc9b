//! Import: takes in a site that somebody else installed, where it lies, or leaves it as it was to the byte. As a copy of it:
//! [`copy`].
//!
//! ```text
//!   its settings.php       → imported.settings.php, untouched; local.settings.php reads it for what is the site's own
//!   its tables             → the same tables in a database of ours: a change of names on one server
//!   its views and triggers → made anew there, as the account of that database
//!   its file of SQLite     → a copy in a file of ours; theirs stays
//! ```
//!
//! Nothing of it is copied but such a file, so nothing is to be brought up to date: from the moment that its settings are
//! out of the way nobody writes to its data, and a moment later we do.

mod copy;
mod data;
mod leave;
mod look;
mod mentions;
mod own_lines;
mod there;

use aegir_domain::{
    AccountName, Context, Database, DbName, EmailAddress, Fault, ImportSite, Langcode, MachineName, Marker,
    PlatformRoot, Redirect, ServerName, SiteAnswer, SiteContext, TimeZoneName, Title,
};
use aegir_drupal::driver::{Booted, FoundSettings};
use aegir_recipe::{Afterwards, Committed, Recipe, Run};

use super::deploy::relocate::Relocate;
use super::deploy::updates::Rebuild;
use super::facts;
use super::layout::{self, DropFolderMark, WriteCredentials};
use super::probe::{Links, Packages, SiteAnswers};
use super::verify::{Boots, FlushCaches, settle_guards, settle_modes};
use crate::World;
use crate::service::DbServer;
use crate::service::code_ahead::CodeAhead;
use crate::step::context::SaveContext;
use crate::step::database::{CreateDatabase, CreateDatabaseUser};
use crate::step::file::PutInstead;
use crate::step::secret::MakeSecret;
use crate::step::sites_php::{ListSite, listed};
use crate::step::vhost::PublishVhost;

pub(crate) use copy::{CarryOwnSettings, CopyTheirFiles, CopyTheirTables, KeepSourcePassword, OpenCopy, Refresh};
use data::{Data, NobodyIsAtIt, Theirs};
pub(crate) use data::{TakeFile, TakeTables};
pub(crate) use leave::LeaveDefault;
use look::Ready;
pub use look::{MeantSite, find_site_to_import, look_at_import, look_at_refresh, proposed_name};
pub(crate) use own_lines::KeepTheirSalt;
use own_lines::{IMPORTED, LOCAL};
use there::SaysOfItself;

/// Takes in a site.
pub(crate) struct Import {
    pub(crate) asked: ImportSite,
}

impl Recipe<World> for Import {
    fn run(&self, run: &mut Run<'_, World>) -> Result<Committed, Fault> {
        if let Some(source) = &self.asked.copy_of {
            return copy::copy(self, source, run);
        }
        let ImportSite { site, platform, .. } = &self.asked;
        let Ready { ready, family, found, data, hosts, zones, shipped } = look::all(&self.asked, run)?;

        let attempt = run.world().task.attempt;
        let database = Database {
            name: DbName::for_site(site, run.world().parts.mint.random()),
            marker: Marker::new(site, attempt),
            hosts: hosts.clone(),
        };
        let mut context = self.context(&ready, &data.server, database.clone())?;
        let root = ready.platform.root.clone();
        // All in it is done where it lies: whoever takes that back a second time finds it there.
        let folder = root.folder(&self.asked.folder());

        run.step(MakeSecret { name: "database".into() })?;
        run.step(KeepTheirSalt { salt: Some(found.hash_salt.clone()) })?;
        run.step(CreateDatabase {
            server: data.server.clone(),
            name: database.name.clone(),
            marker: database.marker.clone(),
        })?;
        run.step(CreateDatabaseUser { server: data.server.clone(), name: database.name.clone(), hosts })?;
        run.step(WriteCredentials { site: site.clone(), server: data.server.clone(), name: database.name.clone() })?;
        let leaves = shipped.is_some();
        let mut changes = Vec::new();
        settle_modes(run, &folder, &mut changes)?;
        settle_guards(run, &folder, &mut changes)?;
        let theirs = own_lines::name_of_theirs(run.world(), &folder)?;
        if theirs == IMPORTED {
            own_lines::write(run, &folder, family, &found, leaves.then_some(site))?;
        }
        for file in layout::settings_files(run.world(), &context, &ready.platform)? {
            run.step(PutInstead {
                path: folder.join(&file.name),
                text: file.text,
                mode: file.mode,
                group: file.group,
                theirs: folder.join(theirs),
            })?;
        }
        if let Some(shipped) = shipped {
            run.step(LeaveDefault { root: root.clone(), site: site.clone(), attempt, shipped })?;
        }
        let theirs = match leaves {
            true => self.copy_data(run, &root, &found, &data, &database)?,
            false => take_data(run, &data, &database)?,
        };
        let were = listed(run.world(), &root, site)?;
        run.step(ListSite {
            platform: platform.clone(),
            root: root.clone(),
            site: site.clone(),
            names: context.names(),
            were,
        })?;
        if leaves {
            let (site, platform) = (Box::new(context.clone()), ready.platform.clone());
            run.step(Rebuild { site, platform })?;
        }
        let booted = run.check(Boots { site: context.clone(), platform: ready.platform.clone() })?;
        let says = run.check(SaysOfItself { site: context.clone(), family, zones })?;
        take_what_it_says(&mut context, &booted, says.account, says.time_zone);
        run.step(SaveContext { context: Context::Site(Box::new(context.clone())), was: None })?;
        let code = CodeAhead::begin(root.path());
        // One that Ægir let go of still has the vhost that it had.
        PublishVhost::replacing(run, &context, &ready.platform)?;
        Links { site: &context, root: &root }.make(run)?;
        run.check(SiteAnswers { site: context.clone(), platform: ready.platform.clone() })?;
        let packages = run.check(Packages { site: context.clone(), core: context.core.clone(), code })?;

        tell_what_is_left(run, &theirs, leaves, data.along.has_views);
        run.answer_with(&SiteAnswer { core: context.core, packages: Some(packages), installer: None, changes });
        run.answer("site", site.as_str());
        run.answer("database", database.name.as_str());
        run.answer("own_settings", root.site_dir(site).join(LOCAL).to_string_lossy());
        let afterwards = Afterwards::new().cleanup(FlushCaches { site: site.clone() });
        run.point_of_no_return(match leaves {
            true => afterwards.cleanup(DropFolderMark { root, site: site.clone(), attempt }),
            false => afterwards,
        })
    }
}

/// Has the data of a site be in a database of ours; gives where it was.
fn take_data(run: &mut Run<'_, World>, data: &Data, to: &Database) -> Result<Theirs, Fault> {
    let (server, to, along) = (data.server.clone(), to.clone(), data.along.clone());
    if along.has_triggers() {
        // What was begun before comes to its end first: none of its rows is written while they are away.
        run.check(NobodyIsAtIt { server: &data.server, theirs: &data.theirs })?;
    }
    match data.theirs.clone() {
        Theirs::Tables { database: from, tables } => run.step(TakeTables { server, from, to, tables, along })?,
        Theirs::File { path } => run.step(TakeFile { server, from: path, to, without_caches: false })?,
    }
    Ok(data.theirs.clone())
}

impl Import {
    /// The same of a site that left `sites/default`: what its data says of that folder is put right, which nobody could take
    /// back, so it is done to a copy. Names that led to that folder lead to the site from here on.
    ///
    /// Nobody finds its settings any more, and what was begun before comes to its end first: no write is lost.
    fn copy_data(
        &self,
        run: &mut Run<'_, World>,
        root: &PlatformRoot,
        found: &FoundSettings,
        data: &Data,
        to: &Database,
    ) -> Result<Theirs, Fault> {
        let (site, left) = (&self.asked.site, self.asked.folder());
        let theirs = match &data.theirs {
            // It moved along, if it lay there.
            Theirs::File { path } => Theirs::File {
                path: match path.strip_prefix(root.folder(&left)) {
                    Ok(below) => root.site_dir(site).join(below),
                    Err(_) => path.clone(),
                },
            },
            tables => tables.clone(),
        };
        let server = data.server.clone();
        run.check(NobodyIsAtIt { server: &server, theirs: &theirs })?;
        match theirs.clone() {
            Theirs::Tables { database: from, tables } => {
                let at = DbServer::of(run.world(), &server)?.address().cloned();
                let at = at.ok_or_else(|| data::DataFault::NoServer { at: from.clone() })?;
                // By the site's own account, which may read all of it.
                let (account, password) =
                    found.database.as_ref().map(|at| (at.user.clone(), at.password.clone())).unzip();
                run.step(KeepSourcePassword { password })?;
                let (account, to) = (account.unwrap_or_default(), to.clone());
                run.step(CopyTheirTables { at, account, from, tables, server: server.clone(), to })?;
            }
            Theirs::File { path } => {
                run.step(TakeFile { server: server.clone(), from: path, to: to.clone(), without_caches: true })?;
            }
        }
        run.step(Relocate {
            server,
            database: to.clone(),
            from: left,
            from_root: root.clone(),
            to: site.clone(),
            to_root: root.clone(),
        })?;
        leave::lead_names(run, &self.asked, root)?;
        Ok(theirs)
    }

    /// Its record, with what only the site itself can say still to come.
    fn context(&self, ready: &facts::Ready, server: &ServerName, database: Database) -> Result<SiteContext, Fault> {
        let asked = self.asked.clone();
        let text = |text: &str| text.parse::<EmailAddress>();
        let mail = text(&format!("webmaster@{}", asked.site)).or_else(|_| text("webmaster@localhost"));
        Ok(SiteContext {
            title: asked.site.as_title(),
            mail: mail?,
            account: "admin".parse::<AccountName>()?,
            name: asked.site,
            revision: 1,
            platform: ready.platform.name.clone(),
            db_server: server.clone(),
            database,
            profile: ready.profile.clone(),
            language: Langcode::english(),
            time_zone: TimeZoneName::utc(),
            aliases: asked.aliases,
            redirect: Redirect::None,
            client: asked.client,
            core: ready.core.clone(),
            awaits_installer: false,
            disabled: false,
            quiet: aegir_domain::Quiet::default(),
            copy_of: None,
            // Nothing is said of it: whoever runs it in a crontab may go on.
            cron: None,
            formers: Vec::new(),
        })
    }
}

/// What a site says of itself goes into its record, as far as that can hold it.
fn take_what_it_says(
    site: &mut SiteContext,
    booted: &Booted,
    account: Option<AccountName>,
    time_zone: Option<TimeZoneName>,
) {
    fn into<T: std::str::FromStr>(place: &mut T, text: &str) {
        if let Ok(value) = text.parse() {
            *place = value;
        }
    }
    into::<Title>(&mut site.title, &booted.site_name);
    into::<EmailAddress>(&mut site.mail, &booted.site_mail);
    into::<MachineName>(&mut site.profile, &booted.profile);
    into::<Langcode>(&mut site.language, &booted.langcode);
    site.core.clone_from(&booted.core_version);
    site.account = account.unwrap_or_else(|| site.account.clone());
    site.time_zone = time_zone.unwrap_or_else(|| site.time_zone.clone());
}

/// What nobody needs any more, and only its owner may take away.
fn tell_what_is_left(run: &mut Run<'_, World>, theirs: &Theirs, left_default: bool, left_views: bool) {
    match theirs {
        Theirs::Tables { database, .. } if left_default => {
            run.say(format!(
                "The database `{database}` has the site's data as it was, and is not used any more: drop it and its account once \
                 nothing else uses them"
            ));
            run.answer("was_in_database", database.as_str());
        }
        Theirs::Tables { database, .. } if left_views => {
            run.say(format!(
                "Of the site only views are left in the database `{database}`, which show nothing any more: drop it and its account \
                 once nothing else uses them"
            ));
            run.answer("was_in_database", database.as_str());
        }
        Theirs::Tables { database, .. } => {
            run.say(format!(
                "Nothing of the site is left in the database `{database}`: drop it and its account once nothing else uses them"
            ));
            run.answer("was_in_database", database.as_str());
        }
        Theirs::File { path } => {
            run.say(format!(
                "The file `{}` has the site's data as it was, and is not used any more: remove it when you like",
                path.display()
            ));
            run.answer("was_in_database", path.to_string_lossy());
        }
    }
    if left_default {
        run.say(
            "`sites/default` has no settings any more: a vhost of the web server that ran the site until now, and that leads to this \
             platform, offers Drupal's installer to every name",
        );
    }
    run.say("Take away what ran the site until now: its vhost, its lines in crontabs, its timers");
}
