//! Somebody's site that a copy is made of: what its folder, its settings and its code say. Nothing of it is run.

use std::path::{Path, PathBuf};

use aegir_domain::{
    ContextName, CopySource, Fault, Password, PlatformRoot, Remedy, SiteFolder, SiteName, SourceDatabase,
};
use aegir_drupal::driver::FoundDatabase;
use aegir_drupal::plain_settings::PlainSettings;
use aegir_drupal::{CoreVersion, platform};
use aegir_host::{Accounts, FileFault, Kind, Trouble, own_uid};
use aegir_recipe::Check;

use crate::World;

/// A site that can be read.
pub(super) struct Source {
    /// Its folder, as it really lies.
    pub(super) folder: PathBuf,
    /// What that is called.
    pub(super) name: SiteFolder,
    /// The code that it lies in.
    pub(super) root: PlatformRoot,
    /// Where its data is. It holds a password.
    pub(super) database: FoundDatabase,
    /// What its settings say.
    pub(super) settings: PlainSettings,
}

/// A folder that is copied.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Tree {
    /// Where it lies.
    pub(crate) from: PathBuf,
    /// Where it belongs, below the folder of the site; empty: it is that folder.
    pub(crate) to: PathBuf,
}

/// There is such a site, of a Drupal that the platform's own can go on with.
pub(super) struct SourceThere {
    pub(super) copy: CopySource,
    /// The version of the platform's Drupal.
    pub(super) core: String,
    /// The password that was said, where no task has it as its secret: somebody only asks.
    pub(super) password: Option<Password>,
}

impl Check<World> for SourceThere {
    type Output = Source;
    const NAME: &'static str = "source-there";

    fn look(&self, world: &World) -> Result<Source, Fault> {
        let given = &self.copy.folder;
        let real = world.files().real(given)?.filter(|real| matches!(world.files().kind(real), Ok(Some(Kind::Dir))));
        let folder = real.ok_or_else(|| SourceFault::NoFolder { folder: given.clone() })?;
        let no_site = || SourceFault::NoSite { folder: folder.clone() };
        let sites = folder.parent().filter(|sites| sites.ends_with("sites")).ok_or_else(no_site)?;
        let name: SiteFolder = folder.file_name().and_then(|name| name.to_str()?.parse().ok()).ok_or_else(no_site)?;
        let root = sites.parent().and_then(Path::to_str).ok_or_else(no_site)?.parse::<PlatformRoot>()?;
        self.is_not_ours(world, &root, &name)?;
        self.code_goes_on(world, &root)?;
        let settings = self.settings(world, &folder)?;
        let database = self.database(world, &folder, &settings)?;
        tell(world, &settings);
        Ok(Source { folder, name, root, database, settings })
    }
}

impl SourceThere {
    fn is_not_ours(&self, world: &World, root: &PlatformRoot, name: &SiteFolder) -> Result<(), Fault> {
        let Ok(site) = name.as_str().parse::<SiteName>() else { return Ok(()) };
        let Some(aegir_domain::Context::Site(known)) = world.contexts().find(&ContextName::Site(site.clone()))? else {
            return Ok(());
        };
        match world.contexts().platform(&known.platform)?.root == *root {
            true => Err(SourceFault::Ours { site }.into()),
            false => Ok(()),
        }
    }

    /// Its Drupal is of the same major version, and not newer.
    fn code_goes_on(&self, world: &World, root: &PlatformRoot) -> Result<(), Fault> {
        let theirs = platform::read(root.path())?.core;
        let ours: CoreVersion = self.core.parse().map_err(|_| SourceFault::OddCore { core: self.core.clone() })?;
        if theirs.major() != ours.major() {
            return Err(SourceFault::OtherMajor { theirs: theirs.to_string(), ours: ours.to_string() }.into());
        }
        if theirs > ours {
            return Err(SourceFault::Newer { theirs: theirs.to_string(), ours: ours.to_string() }.into());
        }
        if theirs != ours {
            world.say(format!("The site is of Drupal {theirs}: what updates it to {ours} runs on the copy"));
        }
        Ok(())
    }

    /// What its `settings.php` says. Where nobody lets us read it, its database must be said.
    fn settings(&self, world: &World, folder: &Path) -> Result<PlainSettings, Fault> {
        let path = folder.join("settings.php");
        match read(world, &path) {
            Ok(Some(text)) if text.contains("AegirCredentials") => Err(SourceFault::OfAegir { path }.into()),
            Ok(Some(text)) => Ok(PlainSettings::read(&text)),
            Ok(None) => Err(SourceFault::NoSettings { path }.into()),
            Err(fault) if self.copy.database.is_some() && fault.trouble() == Trouble::NoPermission => {
                world.warn(format!(
                    "`{}` may not be read: folders of files are taken to lie where they usually do",
                    path.display()
                ));
                Ok(PlainSettings::default())
            }
            Err(fault) if fault.trouble() == Trouble::NoPermission => Err(SourceFault::SettingsHidden { path }.into()),
            Err(fault) => Err(fault.into()),
        }
    }

    /// Where its data is: as was said, as its settings say, or as classic Aegir noted beside them.
    fn database(&self, world: &World, folder: &Path, settings: &PlainSettings) -> Result<FoundDatabase, Fault> {
        if let Some(said) = &self.copy.database {
            let password = match &self.password {
                Some(password) => password.clone(),
                None => world.task.secret(world.files(), PASSWORD)?.ok_or(SourceFault::NoPassword)?,
            };
            return Ok(found(said, password));
        }
        if let Some(database) = settings.database.clone().filter(|database| !database.name.is_empty()) {
            return Ok(database);
        }
        let noted = read(world, &folder.join("drushrc.php"))?.and_then(|text| PlainSettings::of_drushrc(&text));
        noted.ok_or_else(|| {
            SourceFault::NoDatabase { path: folder.join("settings.php"), lines: settings.passed_over.clone() }.into()
        })
    }
}

/// The secret that comes with a database that was said.
pub(in crate::site::import) const PASSWORD: &str = "source_db_password";

fn found(said: &SourceDatabase, password: Password) -> FoundDatabase {
    let (mut host, mut port, mut socket) = (String::new(), String::new(), String::new());
    match &said.at {
        aegir_domain::DbEngine::Socket(path) => socket = path.display().to_string(),
        aegir_domain::DbEngine::Tcp { host: at, port: number } => {
            host.clone_from(at);
            port = number.to_string();
        }
    }
    FoundDatabase {
        driver: "mysql".into(),
        host,
        port,
        socket,
        name: said.name.clone(),
        user: said.account.clone(),
        password,
        prefix: said.prefix.clone(),
        shared_tables: Vec::new(),
    }
}

/// The text of a file; what is no UTF-8 in it is replaced.
fn read(world: &World, path: &Path) -> Result<Option<String>, FileFault> {
    Ok(world.files().read(path)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

impl Source {
    /// The folder itself, and what of its files lies elsewhere: behind a link, or where its settings say, or else its database.
    pub(super) fn trees(&self, world: &World, stored: &Stored) -> Result<Vec<Tree>, Fault> {
        let (folder, root) = (&self.folder, self.root.path());
        let mut trees = vec![Tree { from: folder.clone(), to: PathBuf::new() }];
        let said = |by_settings: &Option<String>, stored: &Option<String>| {
            by_settings.as_ref().or(stored.as_ref()).map(|path| root.join(path))
        };
        let public = said(&self.settings.public_files, &stored.public_files).unwrap_or_else(|| folder.join("files"));
        let private = said(&self.settings.private_files, &stored.private_files);
        for (path, to) in [(Some(public), "files"), (private, "private/files")] {
            let Some(path) = path else { continue };
            let Some(real) = world.files().real(&path)? else {
                world.warn(format!("There is no folder `{}`, where the site is to keep files", path.display()));
                continue;
            };
            // What lies in its place comes with the folder.
            if real == folder.join(to) {
                continue;
            }
            must_not_be_ours(world, folder, &real)?;
            if root.starts_with(&real) || folder.starts_with(&real) {
                return Err(SourceFault::FilesAround { path: real }.into());
            }
            if to == "files" && !path.starts_with(folder) {
                world.warn(format!(
                    "Texts of the site may name its files by `{}`: that is not put right",
                    path.display()
                ));
            }
            trees.push(Tree { from: real, to: PathBuf::from(to) });
        }
        Ok(trees)
    }
}

/// Refuses what a site names outside its own folder `folder` and that is Ægir's: its settings could name our secrets, or the files
/// of another site, which we may read and whoever wrote them may not.
pub(in crate::site::import) fn must_not_be_ours(world: &World, folder: &Path, real: &Path) -> Result<(), Fault> {
    if real.starts_with(folder) {
        return Ok(());
    }
    let files = world.files();
    let mut places: Vec<PathBuf> = files.bases().to_vec();
    places.push(world.home().path().to_owned());
    let accounts = Accounts::read().unwrap_or_default();
    places.extend(accounts.user_by_id(own_uid()).map(|user| user.home.clone()).filter(|home| home != Path::new("/")));
    for place in places {
        let place = files.real(&place)?.unwrap_or(place);
        if real.starts_with(&place) || place.starts_with(real) {
            return Err(SourceFault::FilesOfOurs { path: real.to_owned() }.into());
        }
    }
    Ok(())
}

/// Where a site's database says that its files are; Drupal 7 keeps it there.
#[derive(Clone, Debug, Default)]
pub(super) struct Stored {
    pub(super) public_files: Option<String>,
    pub(super) private_files: Option<String>,
}

/// Says what of its settings stays behind: the copy could write with them to what the site uses.
fn tell(world: &World, settings: &PlainSettings) {
    if !settings.own.is_empty() {
        world.warn(format!(
            "Settings of its own stay behind: {}. Put what the copy needs into its `local.settings.php`, and nothing that leads to a \
             service which the site uses",
            settings.own.join(", ")
        ));
    }
    if !settings.passed_over.is_empty() {
        let lines: Vec<String> = settings.passed_over.iter().take(10).map(ToString::to_string).collect();
        let more = if settings.passed_over.len() > 10 { ", …" } else { "" };
        world.warn(format!(
            "Its `settings.php` is more than plain values on the lines {}{more}, which were not run: see that they change nothing \
             about its database",
            lines.join(", ")
        ));
    }
}

/// Why no copy of a site can be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum SourceFault {
    #[error("there is no folder `{}`", folder.display())]
    NoFolder { folder: PathBuf },
    #[error("`{}` is no folder of a site: it does not lie in the `sites` of a Drupal", folder.display())]
    NoSite { folder: PathBuf },
    #[error("there is no `{}`: no site was installed there", path.display())]
    NoSettings { path: PathBuf },
    #[error("`{}` may not be read", path.display())]
    SettingsHidden { path: PathBuf },
    #[error("`{}` gives no database in plain values{}", path.display(), lines_of(lines))]
    NoDatabase { path: PathBuf, lines: Vec<usize> },
    #[error("the password of the account that reads the site's data is not said")]
    NoPassword,
    #[error("`{}` was written by Ægir", path.display())]
    OfAegir { path: PathBuf },
    #[error("`{site}` is a site of this home")]
    Ours { site: SiteName },
    #[error("the version `{core}` of the platform's Drupal is none")]
    OddCore { core: String },
    #[error("the site is of Drupal {theirs}, and the platform of Drupal {ours}")]
    OtherMajor { theirs: String, ours: String },
    #[error("the site is of Drupal {theirs}, which is newer than the platform's {ours}")]
    Newer { theirs: String, ours: String },
    #[error("the site keeps files in `{}`, where its own code lies too", path.display())]
    FilesAround { path: PathBuf },
    #[error("the site names `{}`, which is not in its own folder, but in Ægir's", path.display())]
    FilesOfOurs { path: PathBuf },
    #[error("`{}` was changed for something else since it was looked at", path.display())]
    Moved { path: PathBuf },
}

fn lines_of(lines: &[usize]) -> String {
    match lines {
        [] => String::new(),
        lines => {
            let lines: Vec<String> = lines.iter().take(10).map(ToString::to_string).collect();
            format!("; what is on the lines {} was not run", lines.join(", "))
        }
    }
}

impl Remedy for SourceFault {
    fn remedy(&self) -> Option<String> {
        const SAY: &str =
            "say where its data is with `--source-db NAME --source-db-account NAME --source-db-password-file -`";
        Some(match self {
            SourceFault::NoFolder { .. } | SourceFault::NoSite { .. } => {
                "give the path of its folder, such as `/var/www/html/sites/default`; Ægir's user must be let into it"
                    .into()
            }
            SourceFault::NoSettings { .. } => "give the folder that has the site's `settings.php`".into(),
            SourceFault::SettingsHidden { path } => {
                format!("as its owner run `setfacl -m u:aegir:r {}`, or {SAY}", path.display())
            }
            SourceFault::NoDatabase { .. } => SAY.into(),
            SourceFault::NoPassword => {
                "give it with `--source-db-password-file FILE`, or `-` for standard input: it is kept nowhere".into()
            }
            SourceFault::OfAegir { .. } => {
                "a site of Ægir's is copied with `aegir provision clone`, and brought from another home by its backup"
                    .into()
            }
            SourceFault::Ours { site } => format!("copy it with `aegir provision clone @{site}`"),
            SourceFault::OddCore { .. } => "verify the platform".into(),
            SourceFault::OtherMajor { theirs, .. } => {
                format!("name a platform of the major version of Drupal {theirs}, and migrate the copy afterwards")
            }
            SourceFault::Newer { theirs, .. } => {
                format!("name a platform of Drupal {theirs} or later, and migrate the copy afterwards")
            }
            SourceFault::FilesOfOurs { .. } => {
                "if that is really the site's, put it into the folder of the site, and have its settings say so".into()
            }
            SourceFault::Moved { .. } => "see what was put there, and try again".into(),
            SourceFault::FilesAround { .. } => "have it keep its files in a folder of their own first".into(),
        })
    }
}
