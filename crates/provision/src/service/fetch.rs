//! Fetches archives, and unpacks what somebody else packed.
//!
//! curl fetches, as our user and with our limits; no account is among its arguments: it reads `.netrc` in the home, as
//! git does. What came is code only once its checksum was compared and all of it was unpacked below a folder of the task.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aegir_domain::{ArchivePlace, Cmd, Fault, Remedy, Sha256Sum};
use aegir_host::{Bounds, Ended, Kind, Launch, Limits, Unpacked, Unpacking};
use serde::{Deserialize, Serialize};

use crate::World;

/// What an archive of code may hold at the most; the largest distributions have a tenth of it.
const MOST_BYTES: u64 = 4 << 30;
const MOST_ENTRIES: u64 = 1_000_000;

/// How large an archive may be.
const MOST_PACKED: u64 = 2 << 30;

/// How many times its size an archive takes up once it is unpacked, at a guess.
pub(crate) const UNPACKED: u64 = 6;

/// An archive of code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FetchedArchive {
    /// Where it is.
    pub(crate) from: ArchivePlace,
    /// What it must be.
    pub(crate) sha256: Option<Sha256Sum>,
    /// How many folders around its content are left out; `None`: the only one at its top, if there is one.
    pub(crate) strip: Option<u8>,
}

impl FetchedArchive {
    /// Whether it can be had at all; gives its size, where that is known before it is fetched. Changes nothing.
    pub(crate) fn look(&self, world: &World) -> Result<Option<u64>, Fault> {
        let Some(path) = self.from.path() else {
            if self.sha256.is_none() {
                return Err(FetchFault::NoSum { from: self.from.clone() }.into());
            }
            curl(world)?;
            closed_netrc(world)?;
            return Ok(None);
        };
        let unlike = |reason| FetchFault::NoFile { path: path.to_owned(), reason };
        let Some(real) = world.files().real(path)? else { return Err(unlike("there is nothing").into()) };
        let survey = world.files().clone().add_base(above(&real)).stat(&real)?;
        match survey {
            Some(stat) if stat.kind == Kind::File => Ok(Some(stat.size)),
            _ => Err(unlike("it is no file").into()),
        }
    }

    /// Has its content lie at `into`, which must not be there, and gives its checksum.
    ///
    /// `scratch` is a folder for the meantime, on the same file system, that belongs to the task and is not there
    /// either. Whoever takes this back removes both.
    pub(crate) fn unpack(&self, world: &World, scratch: &Path, into: &Path) -> Result<Sha256Sum, Fault> {
        let files = world.files();
        files.remove_tree(scratch)?;
        files.make_dirs(scratch, 0o700)?;
        let packed = scratch.join("archive");
        self.bring(world, &packed)?;
        let (bytes, sum) = files.sum_of(&packed)?;
        let sum: Sha256Sum = sum.parse()?;
        if let Some(expected) = self.sha256.as_ref().filter(|expected| **expected != sum) {
            let (from, expected) = (self.from.clone(), expected.clone());
            return Err(FetchFault::OtherSum { from, expected, found: sum }.into());
        }
        let tree = scratch.join("tree");
        let unpacked = unfold(world, &packed, &tree)?;
        if let Some(above) = into.parent() {
            files.make_dirs(above, 0o755)?;
        }
        files.rename(&self.content(world, tree)?, into)?;
        files.remove_tree(scratch)?;
        files.set_modes_of_code(into)?;
        world.say(format!(
            "Unpacked `{}`: {} files and folders from {} KB with the checksum {sum}",
            self.from,
            unpacked.entries,
            bytes.div_ceil(1000)
        ));
        Ok(sum)
    }

    /// Has the archive itself lie at `to`.
    pub(crate) fn bring(&self, world: &World, to: &Path) -> Result<(), Fault> {
        let Some(path) = self.from.path() else { return self.fetch(world, to) };
        let real = world.files().real(path)?.unwrap_or_else(|| path.to_owned());
        // Only read; a copy cannot be changed between its sum and its unpacking.
        world.files().clone().add_base(above(&real)).copy_file(&real, to, Some(0o600))?;
        Ok(())
    }

    fn fetch(&self, world: &World, to: &Path) -> Result<(), Fault> {
        closed_netrc(world)?;
        let limit = Duration::from_secs(world.parts.settings.build_limit);
        // A redirect never leads to another protocol, and from a hidden way not to an open one.
        let protocols = if self.from.is_plain_http() { "=http,https" } else { "=https" };
        let cmd = Cmd::new(curl(world)?)
            .args(["--disable", "--silent", "--show-error", "--fail", "--location", "--max-redirs", "8"])
            .args(["--proto", protocols, "--connect-timeout", "30", "--speed-time", "60", "--speed-limit", "1"])
            .args(["--netrc-optional", "--max-filesize", &MOST_PACKED.to_string()])
            .arg("--output")
            .arg(to.to_string_lossy())
            .args(["--url", self.from.as_str()]);
        let (cancelled, growing) = (world.until_cancelled(), to.to_owned());
        // Not every server says how much comes.
        let too_much = move || std::fs::metadata(&growing).is_ok_and(|file| file.len() > MOST_PACKED);
        let too_much_too = too_much.clone();
        let launch = with_proxy(world, Launch::new(cmd))
            .limits(limits(world, limit))
            .until(Arc::new(move || cancelled() || too_much_too()));
        world.say(format!("Fetching `{}`", self.from));
        let ran = world.programs.run(&launch, &mut |_| ())?;
        let from = self.from.clone();
        match ran.ended {
            Ended::Code(0) => Ok(()),
            Ended::Stopped if too_much() => Err(FetchFault::TooLarge { from }.into()),
            Ended::Stopped => Err(super::Stopped { program: "curl" }.into()),
            Ended::TimedOut => Err(FetchFault::TooLong { from, seconds: limit.as_secs() }.into()),
            // curl's number for what is larger than it may fetch.
            Ended::Code(63) => Err(FetchFault::TooLarge { from }.into()),
            ended => {
                let said = ran.stderr.trim();
                let why = if said.is_empty() { format!("curl {ended}") } else { said.replace('\n', " ") };
                Err(FetchFault::NotFetched { from, why }.into())
            }
        }
    }

    /// The folder of what was unpacked that holds the code.
    fn content(&self, world: &World, tree: PathBuf) -> Result<PathBuf, Fault> {
        let only = |at: &Path| only_folder_in(world, at);
        let Some(strip) = self.strip else { return Ok(only(&tree)?.unwrap_or(tree)) };
        let mut at = tree;
        for _ in 0..strip {
            at = only(&at)?.ok_or_else(|| FetchFault::OtherTop { from: self.from.clone(), strip })?;
        }
        Ok(at)
    }
}

/// Unpacks an archive of code into a folder of the task's, which is made for it.
pub(super) fn unfold(world: &World, packed: &Path, tree: &Path) -> Result<Unpacked, Fault> {
    let files = world.files();
    files.make_dir(tree, 0o700)?;
    let free = files.free_space(tree)?;
    let how = Unpacking {
        below: Path::new(""),
        into: tree,
        bounds: Bounds { bytes: free.bytes.min(MOST_BYTES), entries: free.files.min(MOST_ENTRIES) },
        shared: (&[], 0),
    };
    let unpacked = files.unpack_tree(packed, &how, &mut |_| true)?;
    match unpacked.left_out.is_empty() {
        true => Ok(unpacked),
        false => Err(FetchFault::LeadsOut { links: aegir_host::told_names(&unpacked.left_out) }.into()),
    }
}

/// The only entry of a folder, if that is a folder too.
pub(super) fn only_folder_in(world: &World, at: &Path) -> Result<Option<PathBuf>, Fault> {
    let [name] = &world.files().list(at)?[..] else { return Ok(None) };
    let only = at.join(name);
    Ok((world.files().kind(&only)? == Some(Kind::Dir)).then_some(only))
}

fn above(path: &Path) -> PathBuf {
    path.parent().unwrap_or(Path::new("/")).to_owned()
}

fn curl(world: &World) -> Result<PathBuf, FetchFault> {
    let named = world.parts.settings.curl.to_string_lossy().into_owned();
    world.find_program(&[named]).ok_or(FetchFault::NoCurl)
}

/// What a program that fetches may use.
pub(super) fn limits(world: &World, time: Duration) -> Limits {
    Limits { time, memory: Some(world.parts.settings.program_memory), ..Limits::default() }
}

/// The same launch through the proxy of this machine, if it has one.
pub(super) fn with_proxy(world: &World, launch: Launch) -> Launch {
    match &world.parts.settings.proxy {
        Some(proxy) => launch.env("http_proxy", proxy).env("https_proxy", proxy),
        None => launch,
    }
}

/// Refuses to use passwords that others of this machine can read.
pub(super) fn closed_netrc(world: &World) -> Result<(), Fault> {
    let path = world.home().path().join(".netrc");
    match world.files().stat(&path)? {
        Some(stat) if stat.mode & 0o077 != 0 => Err(FetchFault::OpenNetrc { path }.into()),
        _ => Ok(()),
    }
}

/// Why an archive was not fetched or not unpacked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchFault {
    #[error("curl is not installed")]
    NoCurl,
    #[error("`{from}` is fetched from elsewhere, and its checksum is not given")]
    NoSum { from: ArchivePlace },
    #[error("`{}` is no archive: {reason}", path.display())]
    NoFile { path: PathBuf, reason: &'static str },
    #[error("`{from}` could not be fetched: {why}")]
    NotFetched { from: ArchivePlace, why: String },
    #[error("`{from}` took longer than {seconds} s")]
    TooLong { from: ArchivePlace, seconds: u64 },
    #[error("`{from}` has more than {} MB", MOST_PACKED >> 20)]
    TooLarge { from: ArchivePlace },
    #[error("`{from}` has the checksum {found}, and not {expected}")]
    OtherSum { from: ArchivePlace, expected: Sha256Sum, found: Sha256Sum },
    #[error("links in it lead out of it: `{}`", links.join("`, `"))]
    LeadsOut { links: Vec<String> },
    #[error("the content of `{from}` does not lie in {strip} folders, one within the other")]
    OtherTop { from: ArchivePlace, strip: u8 },
    #[error("others of this machine may read `{}`, which is for passwords", path.display())]
    OpenNetrc { path: PathBuf },
}

impl Remedy for FetchFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            FetchFault::NoCurl => {
                "install the package `curl`, or name its program as `curl` in `hostmaster/aegir.toml`; or fetch the \
                 archive yourself, and give its path"
                    .into()
            }
            FetchFault::NoSum { .. } => {
                "give it with `--sha256`, as whoever made the archive publishes it".into()
            }
            FetchFault::NoFile { .. } => "give the file itself, which Ægir's user may read".into(),
            FetchFault::NotFetched { .. } => "see whether this machine reaches it (through a proxy: `proxy` in \
                 `hostmaster/aegir.toml`; with a password: `.netrc` in Ægir's home, mode 0600), or fetch it yourself and \
                 give its path"
                .into(),
            FetchFault::TooLong { .. } => "try again, or raise `build_limit` in `hostmaster/aegir.toml`".into(),
            FetchFault::TooLarge { .. } => "see whether that is an archive of code; if so, unpack it yourself and give \
                 the tree to be copied"
                .into(),
            FetchFault::OtherSum { .. } => "do not use it before you know why: it was changed on its way or at its \
                 source, or the checksum is that of another release"
                .into(),
            FetchFault::LeadsOut { .. } => "give an archive whose links stay within it".into(),
            FetchFault::OtherTop { .. } => "see with `tar -tf` or `unzip -l` how it lies there, and say that with `--strip`".into(),
            FetchFault::OpenNetrc { path } => format!("keep them out: `chmod 600 {}`", path.display()),
        })
    }
}
