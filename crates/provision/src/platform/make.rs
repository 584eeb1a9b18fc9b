//! The lines by which a platform is put together from a make file.
//!
//! ```text
//!   make file ─► plan ─► each project: fetched and patched in a folder of its own ─► what it is ─► placed ─► its own make file
//! ```
//!
//! The plan is made, and every mistake in the file told, before anything is fetched. A project comes to its place only whole.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aegir_domain::{Fault, ReleaseFolder, Remedy, Sha256Sum};
use aegir_drupal::info_yaml::InfoYaml;
use aegir_drupal::make_file::{
    Address, Fetch, Kind, LARGEST, MakeFile, MakeFileFault, Plan, Problem, ReleaseSource, Scope, Within, nested_names,
};
use aegir_recipe::{Action, Check, Run, Undo};
use serde::{Deserialize, Serialize};

use super::code::LONGEST;
use super::sources::{beside, make_room};
use crate::World;
use crate::service::part;

/// Room for a project of a make file, at a guess; a core takes four times that.
const PART_ROOM: u64 = 12 << 20;
/// As many notes are told one by one.
const NOTES: usize = 20;
/// As deep do make files of projects lead to projects with make files.
const DEEPEST: usize = 5;
/// As many projects a platform may be made of.
const MOST: usize = 2000;

/// What the make file of a platform is, and what is asked of it.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// An absolute path.
    pub(super) from: PathBuf,
    /// Where releases come from; `None`: from Drupal's own server.
    pub(super) releases: Option<ReleaseFolder>,
    /// Whether make files of projects are left alone.
    pub(super) alone: bool,
}

/// Has the platform of a make file lie in the folder `aside` of the task, and gives the file's checksum.
pub(super) fn bring(run: &mut Run<'_, World>, asked: &Asked, aside: &Path) -> Result<Sha256Sum, Fault> {
    let understood = run.check(MakeFileIsUnderstood { asked: asked.clone() })?;
    let count = understood.plan.fetches.len() as u64;
    make_room(run, aside, (count + 4) * PART_ROOM)?;
    let mut made = Made { aside: aside.to_owned(), releases: understood.releases, major: understood.major, parts: 0 };
    let plan = understood.plan.fetches;
    made.all(run, plan, &BTreeSet::new(), if asked.alone { DEEPEST } else { 0 })?;
    Ok(understood.sum)
}

/// How far the making of a platform is.
struct Made {
    aside: PathBuf,
    releases: ReleaseSource,
    major: u32,
    parts: usize,
}

impl Made {
    /// Brings the projects of one make file, and then what their own make files name.
    fn all(
        &mut self,
        run: &mut Run<'_, World>,
        fetches: Vec<Fetch>,
        around: &BTreeSet<String>,
        depth: usize,
    ) -> Result<(), Fault> {
        let mut taken = around.clone();
        taken.extend(fetches.iter().filter(|fetch| fetch.kind != Some(Kind::Library)).map(|fetch| fetch.name.clone()));
        let mut nested = Vec::new();
        for fetch in fetches {
            let lies = self.one(run, &fetch)?;
            if let Some(file) = lies.make_file.filter(|_| depth < DEEPEST) {
                nested.push((file, fetch.contrib_below(lies.kind)));
            }
        }
        for (file, contrib) in nested {
            let within = Within { contrib, major: self.major, taken: taken.clone() };
            let check = ProjectsFileIsUnderstood { file, releases: self.releases.clone(), within };
            let plan = run.check(check)?;
            self.all(run, plan.fetches, &taken, depth + 1)?;
        }
        Ok(())
    }

    fn one(&mut self, run: &mut Run<'_, World>, fetch: &Fetch) -> Result<Lies, Fault> {
        if self.parts >= MOST {
            return Err(MakeFault::TooMany.into());
        }
        let own = beside(&self.aside, &format!("part{}", self.parts));
        self.parts += 1;
        run.step(FetchPart { fetch: fetch.clone(), scratch: beside(&own, "fetched"), to: own.clone() })?;
        let lies = run.check(PartFits { fetch: fetch.clone(), at: own.clone(), root: self.aside.clone() })?;
        run.step(PlacePart { from: own, to: lies.place.clone(), over: fetch.overwrite && lies.is_over })?;
        Ok(lies)
    }
}

/// A make file that can be followed whole.
struct MakeFileIsUnderstood {
    asked: Asked,
}

struct Understood {
    plan: Plan,
    releases: ReleaseSource,
    major: u32,
    sum: Sha256Sum,
}

impl Check<World> for MakeFileIsUnderstood {
    type Output = Understood;
    const NAME: &'static str = "make-file-is-understood";

    fn look(&self, world: &World) -> Result<Understood, Fault> {
        let unlike = |reason| MakeFault::NoFile { path: self.asked.from.clone(), reason };
        if !self.asked.from.is_absolute() {
            return Err(unlike("it is no absolute path").into());
        }
        let Some(real) = world.files().real(&self.asked.from)? else { return Err(unlike("there is nothing").into()) };
        let (Some(folder), Some(name)) = (real.parent(), real.file_name()) else {
            return Err(unlike("it is no file").into());
        };
        let releases = match &self.asked.releases {
            Some(folder) => Address::read(folder.as_str()).and_then(ReleaseSource::chosen),
            None => ReleaseSource::of_drupal(),
        };
        let releases = releases.map_err(|problem| MakeFault::Releases { problem })?;
        let file = read(world, folder, &name.to_string_lossy())?;
        let scope = Scope { releases: releases.clone(), folder: Some(folder.to_owned()), within: None };
        let plan = file.plan(&scope).map_err(|source| MakeFault::NotFollowed { source })?;
        tell(world, &plan);
        let (_, sum) = world.files().clone().add_base(folder.to_owned()).sum_of(&real)?;
        Ok(Understood { plan, releases, major: file.major(), sum: sum.parse()? })
    }
}

/// The make file of a project can be followed whole.
struct ProjectsFileIsUnderstood {
    file: PathBuf,
    releases: ReleaseSource,
    within: Within,
}

impl Check<World> for ProjectsFileIsUnderstood {
    type Output = Plan;
    const NAME: &'static str = "projects-make-file-is-understood";

    fn look(&self, world: &World) -> Result<Plan, Fault> {
        let folder = self.file.parent().unwrap_or(&self.file);
        let name = self.file.file_name().unwrap_or_default().to_string_lossy();
        let file = read(world, folder, &name)?;
        let scope = Scope { releases: self.releases.clone(), folder: None, within: Some(self.within.clone()) };
        let plan = file.plan(&scope).map_err(|source| MakeFault::NotFollowed { source })?;
        world.say(format!("Following `{name}` in `{}`", self.within.contrib));
        tell(world, &plan);
        Ok(plan)
    }
}

/// Reads a make file with what it includes, none of which may be a link or lie elsewhere.
fn read(world: &World, folder: &Path, name: &str) -> Result<MakeFile, Fault> {
    let files = world.files().clone().add_base(folder.to_owned());
    let text = |name: &str| -> Result<String, String> {
        let path = folder.join(name);
        match files.stat(&path) {
            Err(fault) => return Err(fault.to_string()),
            Ok(None) => return Err("there is nothing".to_owned()),
            Ok(Some(stat)) if stat.kind != aegir_host::Kind::File => return Err("it is no file".to_owned()),
            Ok(Some(stat)) if stat.size > LARGEST as u64 => return Err(format!("it has more than {LARGEST} bytes")),
            Ok(Some(_)) => (),
        }
        let text = files.read_unlinked(&path).map_err(|fault| fault.to_string())?.unwrap_or_default();
        String::from_utf8(text).map_err(|_| "it is no text in UTF-8".to_owned())
    };
    let first = text(name).map_err(|why| MakeFault::NotRead { path: folder.join(name), why })?;
    let file = MakeFile::read(name, &first, &mut |path| text(path));
    Ok(file.map_err(|source| MakeFault::NotFollowed { source })?)
}

fn tell(world: &World, plan: &Plan) {
    for note in plan.notes.iter().take(NOTES) {
        world.warn(format!("{}: {}", note.at, note.text));
    }
    if let Some(more) = plan.notes.len().checked_sub(NOTES).filter(|more| *more > 0) {
        world.warn(format!("… and {more} more of that kind"));
    }
    world.say(format!("{} projects and libraries are fetched", plan.fetches.len()));
}

/// What came is what it was taken for, and its place is free.
struct PartFits {
    fetch: Fetch,
    at: PathBuf,
    root: PathBuf,
}

/// Where a project will lie.
struct Lies {
    kind: Kind,
    place: PathBuf,
    /// Whether something lies there.
    is_over: bool,
    /// Its own make file, where it will lie, if it has one that is followed.
    make_file: Option<PathBuf>,
}

impl Check<World> for PartFits {
    type Output = Lies;
    const NAME: &'static str = "part-fits";

    fn look(&self, world: &World) -> Result<Lies, Fault> {
        let files = world.files();
        let names = files.list(&self.at)?;
        let kind = self.fetch.kind.unwrap_or_else(|| {
            let info = files.read_unlinked(&self.at.join(format!("{}.info.yml", self.fetch.name))).ok().flatten();
            let info = info.and_then(|text| InfoYaml::read(&String::from_utf8_lossy(&text)).ok());
            Kind::told_by(names.iter().map(String::as_str), info.and_then(|info| info.kind).as_deref())
        });
        let below = self.fetch.place(kind);
        // Of the document root itself no path with `/` behind it.
        let place = if below.is_empty() { self.root.clone() } else { self.root.join(&below) };
        let is_over = match files.kind(&place)? {
            None => false,
            Some(aegir_host::Kind::Dir) if self.fetch.overwrite => true,
            Some(_) => return Err(MakeFault::Taken { name: self.fetch.name.clone(), place: below }.into()),
        };
        let follows = self.fetch.recursion && !matches!(kind, Kind::Core | Kind::Library);
        let make_file = nested_names(&self.fetch.name).into_iter().find(|name| follows && names.contains(name));
        Ok(Lies { kind, is_over, make_file: make_file.map(|name| place.join(name)), place })
    }
}

/// Has a project lie in a folder of its own, whole and patched.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct FetchPart {
    pub(crate) fetch: Fetch,
    /// A folder for the meantime, the task's own.
    pub(crate) scratch: PathBuf,
    pub(crate) to: PathBuf,
}

impl Action<World> for FetchPart {
    type Output = ();
    const NAME: &'static str = "fetch-part";
    const LIMIT: Duration = LONGEST;

    fn apply(&self, world: &World) -> Result<(), Fault> {
        part::bring(world, &self.fetch, &self.scratch, &self.to)
    }
}

impl Undo<World> for FetchPart {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        world.files().remove_tree(&self.scratch)?;
        world.files().remove_tree(&self.to)?;
        Ok(())
    }
}

/// Puts a project into its place among the code that is put together.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PlacePart {
    /// The task's own.
    pub(crate) from: PathBuf,
    /// In a folder of the task's own.
    pub(crate) to: PathBuf,
    /// Whether it is laid over what is there.
    pub(crate) over: bool,
}

impl Action<World> for PlacePart {
    type Output = ();
    const NAME: &'static str = "place-part";
    const LIMIT: Duration = LONGEST;

    fn apply(&self, world: &World) -> Result<(), Fault> {
        let files = world.files();
        if self.over {
            // Gone, if an earlier run came to its end.
            if files.kind(&self.from)?.is_some() {
                files.copy_tree(&self.from, &self.to)?;
                files.remove_tree(&self.from)?;
            }
            return Ok(());
        }
        if let Some(above) = self.to.parent() {
            files.make_dirs(above, 0o755)?;
        }
        files.rename(&self.from, &self.to)?;
        Ok(())
    }
}

impl Undo<World> for PlacePart {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        // What was laid over goes with the code that it was laid into, by the line that brought the core.
        let files = world.files();
        if !self.over && files.kind(&self.from)?.is_none() && files.kind(&self.to)?.is_some() {
            files.rename(&self.to, &self.from)?;
        }
        Ok(())
    }
}

/// Why a make file is not followed.
#[derive(Debug, thiserror::Error)]
enum MakeFault {
    #[error("`{}` is no make file: {reason}", path.display())]
    NoFile { path: PathBuf, reason: &'static str },
    #[error("`{}` cannot be read: {why}", path.display())]
    NotRead { path: PathBuf, why: String },
    #[error("the make file cannot be followed")]
    NotFollowed { source: MakeFileFault },
    #[error("the source of releases cannot be used: {problem}")]
    Releases { problem: Problem },
    #[error("`{name}` would lie in `{place}`, where something lies")]
    Taken { name: String, place: String },
    #[error("make files of projects lead to more than {MOST} projects")]
    TooMany,
}

impl Remedy for MakeFault {
    fn remedy(&self) -> Option<String> {
        match self {
            MakeFault::NoFile { .. } => Some("give the path of the make file itself".into()),
            MakeFault::NotRead { .. } => Some("let Ægir's user read it, and no link lead to it".into()),
            MakeFault::NotFollowed { source } => source.remedy(),
            MakeFault::Releases { problem } => problem.remedy(),
            MakeFault::Taken { .. } => Some(
                "give it a `directory_name` or a `subdir`, say `overwrite` of it, or leave it out where another project brings it"
                    .into(),
            ),
            MakeFault::TooMany => Some("build without following them, and name what is needed in the make file".into()),
        }
    }
}
