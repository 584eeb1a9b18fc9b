//! `backup download` and `backup upload`: the archive of a backup comes to a file, or goes from one, piece by piece.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use aegir_domain::{BackupName, Remedy};
use aegir_hosting::view::BackupView;
use aegir_hosting::{Coming, CutOff, Source};

use super::door::Door;
use super::problem::Problem;
use crate::compose::Given;
use crate::failure::Failure;
use crate::speak::{err, out, plain};

/// How much is read of a file at once, in bytes.
const PIECE: usize = 1 << 18;

/// What is asked about an archive.
#[derive(Clone, Debug)]
pub(crate) enum Archive {
    /// To have one.
    Download {
        /// The backup.
        backup: String,
        /// The server on whose machine it lies.
        server: Option<String>,
        /// Where it is to lie; `-`: on standard output.
        to: Option<PathBuf>,
    },
    /// To bring one.
    Upload {
        /// The file.
        file: PathBuf,
        /// What it is to be called, if not as the file is.
        name: Option<String>,
        /// The server on whose machine it is to lie.
        server: Option<String>,
        /// The backup is told in JSON.
        json: bool,
    },
}

/// Does what is asked.
pub(crate) async fn archive(given: &Given, asked: Archive) -> Result<u8, Failure> {
    let mut door = Door::find(&given.home()).await?;
    let ended = match asked {
        Archive::Download { backup, server, to } => download(&mut door, &backup, server.as_deref(), to).await,
        Archive::Upload { file, name, server, json } => upload(&mut door, &file, name, server.as_deref(), json).await,
    };
    door.leave().await;
    ended
}

async fn download(door: &mut Door, backup: &str, server: Option<&str>, to: Option<PathBuf>) -> Result<u8, Failure> {
    let name: BackupName = backup.parse().map_err(|bad: aegir_domain::BadText| Problem::of("bad-parameters", &bad))?;
    if to.as_deref() == Some(Path::new("-")) {
        let mut archive = door.download(backup, server).await?;
        let mut stdout = io::stdout().lock();
        while let Some(piece) = archive.next().await? {
            stdout.write_all(&piece).map_err(|source| ArchiveFault::Write { path: "-".into(), source })?;
        }
        stdout.flush().map_err(|source| ArchiveFault::Write { path: "-".into(), source })?;
        return Ok(0);
    }
    let to = to.unwrap_or_else(|| name.as_str().into());
    let to = if to.is_dir() { to.join(name.as_str()) } else { to };
    if to.exists() {
        return Err(ArchiveFault::There { path: to }.into());
    }
    let mut archive = door.download(backup, server).await?;
    // Under its name only once it is whole: half of an archive must not be taken for one.
    let aside = aside_of(&to);
    let fault = |source| ArchiveFault::Write { path: aside.clone(), source };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside).map_err(fault)?;
    let written = async {
        let mut bytes = 0_u64;
        while let Some(piece) = archive.next().await? {
            file.write_all(&piece).map_err(fault)?;
            bytes += piece.len() as u64;
        }
        file.sync_all().map_err(fault)?;
        // Never over one that came meanwhile, as a rename would.
        fs::hard_link(&aside, &to).map_err(|source| ArchiveFault::Write { path: to.clone(), source })?;
        Ok::<u64, Failure>(bytes)
    };
    let written = written.await;
    let _ = fs::remove_file(&aside);
    let bytes = written?;
    err(&format!("{}: {bytes} bytes", plain(&to.display().to_string())));
    Ok(0)
}

/// The file that is written first.
fn aside_of(to: &Path) -> PathBuf {
    let mut name = to.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    to.with_file_name(name)
}

async fn upload(
    door: &mut Door,
    path: &Path,
    name: Option<String>,
    server: Option<&str>,
    json: bool,
) -> Result<u8, Failure> {
    let named = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name: BackupName = name
        .unwrap_or(named)
        .parse()
        .map_err(|bad: aegir_domain::BadText| Failure::from(Problem::of("bad-parameters", &WithName(bad))))?;
    let file = File::open(path).map_err(|source| ArchiveFault::Read { path: path.to_owned(), source })?;
    let source = FileSource { file };
    let view: BackupView = door.upload(name.as_str(), server, source).await?;
    match json {
        true => out(&serde_json::to_string(&view).unwrap_or_default()),
        false => out(&format!("{} lies on the machine of {}", plain(&view.name), plain(&view.server))),
    }
    Ok(0)
}

/// A file that is sent.
pub(crate) struct FileSource {
    file: File,
}

impl FileSource {
    /// The next piece; nothing behind the last.
    pub(crate) fn read(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut piece = vec![0; PIECE];
        loop {
            match self.file.read(&mut piece) {
                Ok(0) => return Ok(None),
                Ok(count) => {
                    piece.truncate(count);
                    return Ok(Some(piece));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                Err(error) => return Err(error),
            }
        }
    }
}

impl Source for FileSource {
    fn next(&mut self) -> Coming<'_> {
        Box::pin(async move { self.read().map_err(|error| CutOff { why: error.to_string() }) })
    }
}

#[derive(Debug, thiserror::Error)]
enum ArchiveFault {
    #[error("cannot read `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write `{}`", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("`{}` is there already", path.display())]
    There { path: PathBuf },
}

impl Remedy for ArchiveFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            ArchiveFault::Read { .. } => "name an archive that your user can read".into(),
            ArchiveFault::Write { .. } => {
                "name a file in a folder that your user can write to, with `--to FILE`; a `.part` that is left over from \
                 before can be removed"
                    .into()
            }
            ArchiveFault::There { .. } => "name another one with `--to FILE`, or remove it first".into(),
        })
    }
}

/// What is no name of a backup may still be one, in a file that was called something else.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct WithName(aegir_domain::BadText);

impl Remedy for WithName {
    fn remedy(&self) -> Option<String> {
        Some("say what it is to be called with `--name`, such as `www.example.org-20261121.021530.tar.zst`".into())
    }
}
