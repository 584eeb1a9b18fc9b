//! What an archive holds and where in it, for ours and for those of classic Aegir.

use std::path::{Path, PathBuf};

use aegir_domain::{BACKUP_FORMAT, BackupManifest, BackupName, Fault, HostName, Remedy, SitePart};
use aegir_host::{Bounds, Contents, Files};

use crate::{Contexts, World};

/// The file that comes first in an archive of ours.
pub(crate) const MANIFEST: &str = "manifest.json";

/// The folder of an archive of ours with what lay in the site's folder.
pub(crate) const SITE: &str = "site";

/// The longest manifest that is read, in bytes.
const LONGEST_MANIFEST: u64 = 16 << 20;

/// How many files, folders and links an archive may hold, however much room there is: the names of all are kept in
/// memory while it is read.
const MOST_ENTRIES: u64 = 20_000_000;

/// An archive, and how it is laid out.
pub(crate) struct Archive {
    pub(crate) name: BackupName,
    pub(crate) path: PathBuf,
    /// Its size, in bytes.
    pub(crate) bytes: u64,
    /// What it says of itself; those of classic Aegir say nothing.
    pub(crate) manifest: Option<BackupManifest>,
}

impl Archive {
    /// The backup `name`, which must be there.
    pub(crate) fn find(world: &World, name: &BackupName) -> Result<Archive, Fault> {
        Archive::open(world.files(), world.home().backups().join(name.as_str()), name)
    }

    /// The archive at `path`, which is to be, or to become, the backup `name`.
    pub(crate) fn open(files: &Files, path: PathBuf, name: &BackupName) -> Result<Archive, Fault> {
        let Some(stat) = files.stat(&path)? else {
            return Err(BackupFault::Missing { name: name.clone() }.into());
        };
        if stat.kind != aegir_host::Kind::File {
            return Err(BackupFault::NoFile { path }.into());
        }
        let manifest = match files.read_archived(&path, MANIFEST, LONGEST_MANIFEST)? {
            None => None,
            Some(text) => Some(read_manifest(name, &text)?),
        };
        Ok(Archive { name: name.clone(), path, bytes: stat.size, manifest })
    }

    /// The folder in the archive with what lay in the site's folder.
    pub(crate) fn site_folder(&self) -> &'static Path {
        Path::new(if self.manifest.is_some() { SITE } else { "" })
    }

    /// The file with the dump.
    pub(crate) fn dump(&self) -> &str {
        self.manifest.as_ref().map_or("database.sql", |manifest| manifest.dump.file.as_str())
    }

    /// The engine that the dump is for.
    pub(crate) fn engine(&self) -> &str {
        self.manifest.as_ref().map_or("mariadb", |manifest| manifest.dump.engine.as_str())
    }

    /// What its site did not have any more when it was made.
    fn lacks(&self) -> &[SitePart] {
        self.manifest.as_ref().map_or(&[], |manifest| &manifest.lacks)
    }

    /// Refuses an archive of which no site can be made.
    pub(crate) fn must_be_complete(&self) -> Result<(), BackupFault> {
        match self.lacks() {
            [] => Ok(()),
            [part, ..] => Err(BackupFault::Lacks { name: self.name.clone(), path: self.path.clone(), part: *part }),
        }
    }

    /// What it may hold at the most, for it to be unpacked at `at`: what there is room for.
    pub(crate) fn bounds(&self, files: &Files, at: &Path) -> Result<Bounds, Fault> {
        let free = files.free_space(at)?;
        Ok(Bounds { bytes: free.bytes, entries: free.files.min(MOST_ENTRIES) })
    }

    /// Whether what it holds, all of it read, is what an archive of its kind holds.
    pub(crate) fn must_be_whole(&self, contents: &Contents) -> Result<(), BackupFault> {
        let lacks_dump = self.lacks().contains(&SitePart::Database);
        if !lacks_dump && !contents.files.contains_key(Path::new(self.dump())) {
            return Err(BackupFault::NoDump { name: self.name.clone(), dump: self.dump().into() });
        }
        match contents.summed || self.manifest.is_none() {
            true => Ok(()),
            false => Err(BackupFault::NoSums { name: self.name.clone() }),
        }
    }
}

/// The other names of the site that a backup is of, as far as it says: of what cannot be read a task will say why.
pub(crate) fn names_in(contexts: &Contexts<'_>, name: &BackupName) -> Vec<HostName> {
    let (home, files) = contexts.place();
    let text = files.read_archived(&home.backups().join(name.as_str()), MANIFEST, LONGEST_MANIFEST);
    let manifest = text.ok().flatten().and_then(|text| read_manifest(name, &text).ok());
    manifest.and_then(|manifest| manifest.record).map(|record| record.aliases).unwrap_or_default()
}

fn read_manifest(name: &BackupName, text: &[u8]) -> Result<BackupManifest, Fault> {
    #[derive(serde::Deserialize)]
    struct Format {
        format: u32,
    }
    let unreadable = |source| BackupFault::Manifest { name: name.clone(), source };
    let Format { format } = serde_json::from_slice(text).map_err(unreadable)?;
    if format > BACKUP_FORMAT {
        return Err(BackupFault::Newer { name: name.clone(), format }.into());
    }
    Ok(serde_json::from_slice(text).map_err(unreadable)?)
}

/// Why a backup cannot be used, or made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BackupFault {
    #[error("there is no backup `{name}`")]
    Missing { name: BackupName },
    #[error("`{}` is no file", path.display())]
    NoFile { path: PathBuf },
    #[error("the manifest of `{name}` cannot be read")]
    Manifest { name: BackupName, source: serde_json::Error },
    #[error("`{name}` has the form {format}, which this version of Ægir does not know")]
    Newer { name: BackupName, format: u32 },
    #[error("`{name}` has no dump `{dump}` in it")]
    NoDump { name: BackupName, dump: String },
    #[error("`{name}` has no {} of its site in it: there was no such thing when it was made", part.as_str())]
    Lacks { name: BackupName, path: PathBuf, part: SitePart },
    #[error("the dump in `{name}` is not what its manifest says")]
    OtherDump { name: BackupName },
    #[error("`{name}` ends before its list of sums")]
    NoSums { name: BackupName },
    #[error("the database in `{name}` is for {engine}, and `@server_{server}` offers {offers}")]
    OtherEngine { name: BackupName, engine: String, server: aegir_domain::ServerName, offers: &'static str },
    #[error("the site of `{name}` is not known here, so it cannot be tried where that is")]
    NoSite { name: BackupName },
    #[error("the site made of `{name}` does not run: its front page answers {status}")]
    FrontPage { name: BackupName, status: u16 },
    #[error("the site `{site}` still waits for its installer: there is nothing to back up")]
    AwaitsInstaller { site: aegir_domain::SiteName },
    #[error("`{}` is not the folder of a site", folder.display())]
    NoFolder { folder: PathBuf },
    #[error("`{}` has {} MB left, and the backup may need {} MB", at.display(), free >> 20, needs >> 20)]
    NoRoom { at: PathBuf, free: u64, needs: u64 },
    #[error("ten thousand backups of `{site}` have the name that this one would have")]
    NoName { site: aegir_domain::SiteName },
    #[error("`{name}` is what `{site}` was before it was moved")]
    IsFormer { name: BackupName, site: aegir_domain::SiteName, former: aegir_domain::FormerName },
}

impl Remedy for BackupFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            BackupFault::Missing { .. } => "`aegir provision backups` lists those that are there".into(),
            BackupFault::NoFile { path } => format!("look at what `{}` is, and put the archive there", path.display()),
            BackupFault::Manifest { .. }
            | BackupFault::NoDump { .. }
            | BackupFault::OtherDump { .. }
            | BackupFault::NoSums { .. } => {
                "the archive is broken: use another one, and look at the disk that it lay on".into()
            }
            BackupFault::Lacks { path, .. } => {
                format!(
                    "use an earlier backup, or take out of this one what it has with `tar --zstd -xf {}`",
                    path.display()
                )
            }
            BackupFault::Newer { .. } => "use the version of Ægir that made it, or a later one".into(),
            BackupFault::OtherEngine { engine, .. } => {
                format!("name a server that offers {engine} with `--db-server NAME`")
            }
            BackupFault::NoSite { .. } => "say where to try it with `--platform NAME --db-server NAME`".into(),
            BackupFault::FrontPage { .. } => {
                "look at what PHP said in the log of this task, and whether the platform has the packages that the \
                 backup's manifest lists"
                    .into()
            }
            BackupFault::AwaitsInstaller { site } => {
                format!("call its installer, then run `aegir provision verify @{site}`")
            }
            BackupFault::NoFolder { folder } => {
                format!("look at what `{}` is; put the real folder there, then verify the site", folder.display())
            }
            BackupFault::NoRoom { at, .. } => {
                format!("make room on the disk of `{}`, such as by deleting old backups", at.display())
            }
            BackupFault::NoName { .. } => "move some of them away".into(),
            BackupFault::IsFormer { site, former, .. } => {
                format!("let go of that with `aegir provision drop-formers @{site} --former {former}`")
            }
        })
    }
}
