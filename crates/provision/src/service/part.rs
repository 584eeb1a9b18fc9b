//! One project of a make file: fetched, compared with its checksums, unpacked, patched.
//!
//! All of it lies in a folder of the task's own until it is whole; what is wrong with it is told with the project's name.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aegir_domain::{ArchivePlace, Cmd, Fault, Remedy};
use aegir_drupal::make_file::{BadPatch, Checksum, Digest, Fetch, Origin, Patch, files_of_patch};
use aegir_host::{CopyModes, Digests, Ended, Kind, Launch, Limits, Packing, Wanted};

use super::fetch::{FetchedArchive, only_folder_in, unfold};
use super::git::GitCheckout;
use crate::World;

/// The largest patch; in bytes.
const LARGEST_PATCH: u64 = 16 << 20;
const PATCH_LIMIT: Duration = Duration::from_secs(120);

/// Has a project lie at `into`, which belongs to the task, as does `scratch`, a folder for the meantime on the same file
/// system. What lies there goes first. Whoever takes this back removes both.
pub(crate) fn bring(world: &World, fetch: &Fetch, scratch: &Path, into: &Path) -> Result<(), Fault> {
    let files = world.files();
    files.remove_tree(into)?;
    files.remove_tree(scratch)?;
    files.make_dirs(scratch, 0o700)?;
    match &fetch.origin {
        Origin::Git { url, at, submodules } => {
            let (from, reference) = (url.as_str().parse()?, at.parse()?);
            let checkout = GitCheckout { from, reference, submodules: *submodules };
            let commit = checkout.ask(world)?;
            checkout.check_out(world, commit.as_ref(), into)?;
        }
        Origin::LocalFolder { path } => copy(world, fetch, path, into)?,
        Origin::File { .. } | Origin::LocalFile { .. } => {
            let packed = scratch.join("fetched");
            let came_from = file(world, &fetch.origin, &packed)?;
            let digests = compare(world, &packed, &fetch.checksums, || what(fetch))?;
            unpack(world, fetch, &packed, scratch, into)?;
            world
                .say(format!("`{}` came from `{came_from}`, with the SHA-256 checksum {}", fetch.name, digests.sha256));
        }
    }
    // Before a program writes there: through a link it would write elsewhere.
    let links = files.links_out_of(into)?;
    if !links.is_empty() {
        let links = aegir_host::told_names(&links);
        return Err(PartFault::LeadsOut { name: fetch.name.clone(), links }.into());
    }
    for (number, patch) in fetch.patches.iter().enumerate() {
        apply(world, fetch, patch, &scratch.join(format!("{number}.patch")), into)?;
    }
    files.remove_tree(scratch)?;
    files.set_modes_of_code(into)?;
    Ok(())
}

fn what(fetch: &Fetch) -> String {
    format!("what came for `{}`", fetch.name)
}

/// Has a file lie at `to`, and tells where it came from.
fn file(world: &World, origin: &Origin, to: &Path) -> Result<String, Fault> {
    let from = match origin {
        Origin::File { url } => url.as_str().to_owned(),
        Origin::LocalFile { path } => path.to_string_lossy().into_owned(),
        Origin::LocalFolder { path } => return Err(PartFault::NoFile { path: path.clone() }.into()),
        Origin::Git { url, .. } => return Err(PartFault::NoFile { path: url.as_str().into() }.into()),
    };
    let place: ArchivePlace = match origin {
        // As it is, without the folders that a make file goes through to get there.
        Origin::LocalFile { path } => match world.files().real(path)? {
            Some(real) => real.to_string_lossy().parse()?,
            None => return Err(PartFault::NoFile { path: path.clone() }.into()),
        },
        _ => from.parse()?,
    };
    FetchedArchive { from: place, sha256: None, strip: None }.bring(world, to)?;
    Ok(from)
}

fn compare(world: &World, path: &Path, checksums: &[Checksum], what: impl Fn() -> String) -> Result<Digests, Fault> {
    let digests = world.files().digests_of(path)?;
    for checksum in checksums {
        let found = match checksum.digest {
            Digest::Md5 => &digests.md5,
            Digest::Sha1 => &digests.sha1,
            Digest::Sha256 => &digests.sha256,
            Digest::Sha512 => &digests.sha512,
        };
        if *found != checksum.hex {
            return Err(PartFault::OtherSum {
                what: what(),
                digest: checksum.digest.as_str(),
                found: found.clone(),
                expected: checksum.hex.clone(),
            }
            .into());
        }
    }
    Ok(digests)
}

/// Copies a folder of this machine, without what git keeps for itself.
fn copy(world: &World, fetch: &Fetch, from: &Path, into: &Path) -> Result<(), Fault> {
    let real = world.files().real(from)?.filter(|real| real.is_dir());
    let Some(real) = real else { return Err(PartFault::NoFolder { path: from.to_owned() }.into()) };
    if world.home().path().starts_with(&real) {
        return Err(PartFault::HomeWithin { path: real }.into());
    }
    let files = world.files().clone().add_base(real.clone());
    files.copy_what_is_wanted(&real, into, CopyModes::OfCode, &mut |path, _| {
        if world.task.is_cancelled(world.files()) {
            return Wanted::Stop;
        }
        if path.file_name().is_some_and(|name| name == ".git") { Wanted::No } else { Wanted::Yes }
    })?;
    world.say(format!("Copied `{}` for `{}`", real.display(), fetch.name));
    Ok(())
}

/// Unpacks an archive, or takes a single file as it is.
fn unpack(world: &World, fetch: &Fetch, packed: &Path, scratch: &Path, into: &Path) -> Result<(), Fault> {
    let files = world.files();
    let first = files.read_from(packed, 0, 512)?.unwrap_or_default();
    match is_archive(&first) {
        true => (),
        false => {
            let name = file_name(fetch).ok_or_else(|| PartFault::NoName { name: fetch.name.clone() })?;
            files.make_dirs(into, 0o755)?;
            files.rename(packed, &into.join(name))?;
            return Ok(());
        }
    }
    let tree = scratch.join("tree");
    unfold(world, packed, &tree)?;
    let content = match &fetch.subtree {
        None => only_folder_in(world, &tree)?.unwrap_or(tree),
        Some(subtree) => {
            let content = tree.join(subtree);
            // Through a link it would be something else.
            if files.kind(&content)? != Some(Kind::Dir) {
                let (name, subtree) = (fetch.name.clone(), subtree.clone());
                return Err(PartFault::NoSubtree { name, subtree }.into());
            }
            content
        }
    };
    files.rename(&content, into)?;
    Ok(())
}

/// Whether a file is an archive, by its first bytes.
fn is_archive(first: &[u8]) -> bool {
    Packing::of(first) != Packing::Plain || first.get(257..262) == Some(b"ustar")
}

fn file_name(fetch: &Fetch) -> Option<String> {
    let own = match &fetch.origin {
        Origin::File { url } => url.file_name().map(str::to_owned),
        Origin::LocalFile { path } => path.file_name().map(|name| name.to_string_lossy().into_owned()),
        Origin::LocalFolder { .. } | Origin::Git { .. } => None,
    };
    let name = fetch.filename.clone().or(own)?;
    let fits = name.len() <= 200
        && !name.starts_with(['.', '-'])
        && name.chars().all(|c| !c.is_control() && !c.is_whitespace() && !"/\\".contains(c));
    fits.then_some(name)
}

/// Applies a patch as it was made: no line around a change may be another one, and all of it fits or none.
fn apply(world: &World, fetch: &Fetch, patch: &Patch, at: &Path, dir: &Path) -> Result<(), Fault> {
    let name = || fetch.name.clone();
    let from = file(world, &patch.origin, at)?;
    compare(world, at, &patch.checksums, || format!("the patch `{from}` of `{}`", fetch.name))?;
    if world.files().stat(at)?.is_none_or(|stat| stat.size > LARGEST_PATCH) {
        return Err(PartFault::LargePatch { name: name(), from }.into());
    }
    let text = world.files().read(at)?.unwrap_or_default();
    if let Err(source) = files_of_patch(&String::from_utf8_lossy(&text)) {
        return Err(PartFault::BadPatch { name: name(), from, source }.into());
    }
    let mut said = String::new();
    for strip in ["--strip=1", "--strip=0"] {
        let (fits, why) = run(world, &[strip, "--dry-run"], at, dir)?;
        if fits {
            let (applied, why) = run(world, &[strip], at, dir)?;
            if !applied {
                return Err(PartFault::NotApplied { name: name(), from, why }.into());
            }
            world.say(format!("Patched `{}` with `{from}`", fetch.name));
            return note(world, dir, &from);
        }
        said = if said.is_empty() { why } else { said };
    }
    Err(PartFault::NotApplied { name: name(), from, why: said }.into())
}

fn run(world: &World, args: &[&str], patch: &Path, dir: &Path) -> Result<(bool, String), Fault> {
    let program = world.find_program(&["patch".to_owned()]).ok_or(PartFault::NoPatchProgram)?;
    let cmd = Cmd::new(program)
        .args([
            "--unified",
            "--batch",
            "--forward",
            "--fuzz=0",
            "--no-backup-if-mismatch",
            "--reject-file=-",
            "--quiet",
        ])
        .args(args.iter().copied())
        .arg("--input")
        .arg(patch.to_string_lossy());
    let limits = Limits { time: PATCH_LIMIT, memory: Some(world.parts.settings.program_memory), ..Limits::default() };
    let launch = Launch::new(cmd).in_dir(dir).limits(limits).until(world.until_cancelled());
    let ran = world.programs.run(&launch, &mut |_| ())?;
    match ran.ended {
        Ended::Stopped => Err(super::Stopped { program: "patch" }.into()),
        ended => {
            let said: Vec<&str> = ran.stdout.lines().chain(ran.stderr.lines()).map(str::trim).collect();
            let said: Vec<&str> = said.into_iter().filter(|line| !line.is_empty()).take(4).collect();
            let why = if said.is_empty() { format!("patch {ended}") } else { said.join(" ") };
            Ok((matches!(ended, Ended::Code(0)), why))
        }
    }
}

/// Writes beside what was patched what it was patched with, as Drush does, for whoever looks at the code later.
fn note(world: &World, dir: &Path, from: &str) -> Result<(), Fault> {
    let path = dir.join("PATCHES.txt");
    let there = world.files().read_text(&path)?;
    let text =
        there.unwrap_or_else(|| "Patches that were applied to this project when it was put together:\n".to_owned());
    world.files().write(&path, format!("{text}- {from}\n").as_bytes(), 0o644)?;
    Ok(())
}

/// Why a project of a make file does not lie there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PartFault {
    #[error("{what} has the {digest} checksum {found}, and not {expected}")]
    OtherSum { what: String, digest: &'static str, found: String, expected: String },
    #[error("there is no file `{}`", path.display())]
    NoFile { path: PathBuf },
    #[error("there is no folder `{}`", path.display())]
    NoFolder { path: PathBuf },
    #[error("`{}` cannot be copied: the home lies in it", path.display())]
    HomeWithin { path: PathBuf },
    #[error("what came for `{name}` is a single file without a name")]
    NoName { name: String },
    #[error("the archive of `{name}` has no folder `{subtree}`")]
    NoSubtree { name: String, subtree: String },
    #[error("links in `{name}` lead out of it: `{}`", links.join("`, `"))]
    LeadsOut { name: String, links: Vec<String> },
    #[error("the program `patch` is not installed")]
    NoPatchProgram,
    #[error("the patch `{from}` of `{name}` has more than {} MB", LARGEST_PATCH >> 20)]
    LargePatch { name: String, from: String },
    #[error("the patch `{from}` of `{name}` is not applied")]
    BadPatch { name: String, from: String, source: BadPatch },
    #[error("the patch `{from}` does not fit `{name}`: {why}")]
    NotApplied { name: String, from: String, why: String },
}

impl Remedy for PartFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            PartFault::OtherSum { .. } => {
                "do not use it before you know why: it was changed on its way or at its source, or \
                 the checksum in the make file is that of another release"
                    .into()
            }
            PartFault::NoFile { .. } | PartFault::NoFolder { .. } => {
                "put it there, readable for Ægir's user, or correct its path in the make file".into()
            }
            PartFault::HomeWithin { .. } => "name the folder of the project alone".into(),
            PartFault::NoName { .. } => "say what it is called: `download[filename]`".into(),
            PartFault::NoSubtree { .. } => {
                "see with `tar -tf` or `unzip -l` how it lies there, and correct `download[subtree]`".into()
            }
            PartFault::LeadsOut { .. } => "take a release of it without such links".into(),
            PartFault::NoPatchProgram => "install the package `patch`".into(),
            PartFault::LargePatch { .. } | PartFault::BadPatch { .. } => {
                "make it anew with `git diff` in a copy of the \
                 project, and see whether its address gives the patch itself"
                    .into()
            }
            PartFault::NotApplied { .. } => {
                "take the patch for this release of the project, or out of the make file if the release has it already"
                    .into()
            }
        })
    }
}
