//! Files and folders: kept, put, made, set aside.

use std::path::{Path, PathBuf};

use aegir_domain::Fault;
use aegir_host::Kind;
use aegir_recipe::{Action, Run, Undo};
use serde::{Deserialize, Serialize};

use crate::World;

/// What a file was before a task replaced it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Was {
    /// It was not there.
    Absent,
    /// It is kept with the task under this name.
    Kept {
        /// Its name in `kept/`.
        name: String,
        /// Its mode.
        mode: u32,
        /// Its group.
        group: u32,
    },
}

/// Copies a file to `kept/`, so that a later step may replace it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Keep {
    pub(crate) path: PathBuf,
    /// The name in `kept/`; unique in the task.
    pub(crate) name: String,
}

impl Action<World> for Keep {
    type Output = Was;
    const NAME: &'static str = "keep-file";
    const LASTS: bool = false;

    fn apply(&self, world: &World) -> Result<Was, Fault> {
        let files = world.files();
        let Some(bytes) = files.read_unlinked(&self.path)? else { return Ok(Was::Absent) };
        let stat = files.stat(&self.path)?;
        files.write(&world.task.kept().join(&self.name), &bytes, 0o600)?;
        Ok(match stat {
            Some(stat) => Was::Kept { name: self.name.clone(), mode: stat.mode & 0o7777, group: stat.gid },
            None => Was::Absent,
        })
    }
}

impl Undo<World> for Keep {
    fn undo(&self, _: &World) -> Result<(), Fault> {
        // What is kept goes with the task's folder; an earlier undo may run again and need it.
        Ok(())
    }
}

/// Writes a text file that holds no secret, in the place of what was there.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Put {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    pub(crate) mode: u32,
    /// The group it gets; `None`: that of its folder or of us.
    pub(crate) group: Option<u32>,
    pub(crate) was: Was,
}

impl Action<World> for Put {
    type Output = ();
    const NAME: &'static str = "put-file";

    fn apply(&self, world: &World) -> Result<(), Fault> {
        put(world, &self.path, self.text.as_bytes(), self.mode, self.group)
    }
}

impl Undo<World> for Put {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        put_back(world, &self.path, &self.was)
    }
}

/// Writes a file with its mode and group; group before mode, since a change of group drops set-gid.
pub(crate) fn put(world: &World, path: &Path, bytes: &[u8], mode: u32, group: Option<u32>) -> Result<(), Fault> {
    let files = world.files();
    files.write(path, bytes, mode)?;
    if let Some(group) = group {
        files.set_group(path, group)?;
        files.set_mode(path, mode)?;
    }
    Ok(())
}

/// Gives a file of ours its group, then its mode: a change of group drops set-gid.
pub(crate) fn put_mode(world: &World, path: &Path, mode: u32, group: u32) -> Result<(), Fault> {
    world.files().set_group(path, group)?;
    world.files().set_mode(path, mode)?;
    Ok(())
}

/// Brings a file back to what it was.
pub(crate) fn put_back(world: &World, path: &Path, was: &Was) -> Result<(), Fault> {
    let files = world.files();
    match was {
        Was::Absent => {
            // The folder may be gone by now: an undo may run twice, and so may those before it.
            if path.parent().is_some_and(|folder| matches!(files.kind(folder), Ok(Some(_)))) {
                files.remove_file(path)?;
            }
        }
        Was::Kept { name, mode, group } => {
            if let Some(bytes) = files.read(&world.task.kept().join(name))? {
                put(world, path, &bytes, *mode, Some(*group))?;
            }
        }
    }
    Ok(())
}

/// Puts a file unless it is already so, keeping what it replaces. Says whether it changed anything.
pub(crate) fn converge(run: &mut Run<'_, World>, world_says: &Current, want: Want<'_>) -> Result<bool, Fault> {
    if world_says.is(&want) {
        return Ok(false);
    }
    let was = run.step(Keep { path: want.path.to_owned(), name: want.keep_as.to_owned() })?;
    run.step(Put { path: want.path.to_owned(), text: want.text.to_owned(), mode: want.mode, group: want.group, was })?;
    Ok(true)
}

/// What a file should be.
pub(crate) struct Want<'a> {
    pub(crate) path: &'a Path,
    pub(crate) text: &'a str,
    pub(crate) mode: u32,
    pub(crate) group: Option<u32>,
    /// The name to keep it under.
    pub(crate) keep_as: &'a str,
}

/// What a file is now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Current {
    pub(crate) bytes: Option<Vec<u8>>,
    pub(crate) mode: u32,
    pub(crate) group: u32,
}

impl Current {
    /// Looks at the file `path`.
    pub(crate) fn of(world: &World, path: &Path) -> Result<Current, Fault> {
        let Some(bytes) = world.files().read_unlinked(path)? else { return Ok(Current::default()) };
        let stat = world.files().stat(path)?;
        let (mode, group) = stat.map_or((0, 0), |stat| (stat.mode & 0o7777, stat.gid));
        Ok(Current { bytes: Some(bytes), mode, group })
    }

    fn is(&self, want: &Want<'_>) -> bool {
        self.bytes.as_deref() == Some(want.text.as_bytes())
            && self.mode == want.mode
            && want.group.is_none_or(|group| group == self.group)
    }
}

/// Makes a folder that was not there. Undone only while it is empty: what others put into it stays.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct MakeFolder {
    pub(crate) path: PathBuf,
    pub(crate) mode: u32,
    pub(crate) group: Option<u32>,
}

impl Action<World> for MakeFolder {
    type Output = ();
    const NAME: &'static str = "make-folder";

    fn apply(&self, world: &World) -> Result<(), Fault> {
        make_folder(world, &self.path, self.mode, self.group)
    }
}

impl Undo<World> for MakeFolder {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        let empty = world.files().kind(&self.path)?.is_some() && world.files().list(&self.path)?.is_empty();
        if empty {
            world.files().remove_empty_dir(&self.path)?;
        }
        Ok(())
    }
}

/// Makes a folder, then gives it its group, then its mode: a change of group drops set-gid.
pub(crate) fn make_folder(world: &World, path: &Path, mode: u32, group: Option<u32>) -> Result<(), Fault> {
    let files = world.files();
    files.make_dir(path, mode)?;
    if let Some(group) = group {
        files.set_group(path, group)?;
    }
    files.set_mode(path, mode)?;
    Ok(())
}

/// Gives a file or folder another mode and group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SetMode {
    pub(crate) path: PathBuf,
    pub(crate) mode: u32,
    pub(crate) group: Option<u32>,
    pub(crate) mode_was: u32,
    pub(crate) group_was: u32,
}

impl Action<World> for SetMode {
    type Output = ();
    const NAME: &'static str = "set-mode";

    fn apply(&self, world: &World) -> Result<(), Fault> {
        if let Some(group) = self.group {
            world.files().set_group(&self.path, group)?;
        }
        world.files().set_mode(&self.path, self.mode)?;
        Ok(())
    }
}

impl Undo<World> for SetMode {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        if world.files().kind(&self.path)?.is_none() {
            return Ok(());
        }
        if self.group.is_some() {
            world.files().set_group(&self.path, self.group_was)?;
        }
        world.files().set_mode(&self.path, self.mode_was)?;
        Ok(())
    }
}

/// Gives many files and folders another mode and group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SetModes {
    pub(crate) modes: Vec<SetMode>,
}

impl Action<World> for SetModes {
    type Output = ();
    const NAME: &'static str = "set-modes";

    fn apply(&self, world: &World) -> Result<(), Fault> {
        self.modes.iter().try_for_each(|set| set.apply(world))
    }
}

impl Undo<World> for SetModes {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        self.modes.iter().rev().try_for_each(|set| set.undo(world))
    }
}

/// Puts a text file that holds no secret in the place of somebody else's, which goes on beside it: who owns that one and
/// when it was written stay.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PutInstead {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    pub(crate) mode: u32,
    pub(crate) group: Option<u32>,
    /// The name that theirs gets, in the same folder. Free when the task looked: what is there later is theirs.
    pub(crate) theirs: PathBuf,
}

impl Action<World> for PutInstead {
    type Output = ();
    const NAME: &'static str = "put-instead";

    fn apply(&self, world: &World) -> Result<(), Fault> {
        if world.files().kind(&self.theirs)?.is_none() {
            world.files().rename(&self.path, &self.theirs)?;
            // Ours is on disk when it is written: by then theirs must be, or a power loss would leave ours alone.
            world.files().sync(&self.theirs)?;
            self.theirs.parent().map_or(Ok(()), |folder| world.files().sync(folder))?;
        }
        put(world, &self.path, self.text.as_bytes(), self.mode, self.group)
    }
}

impl Undo<World> for PutInstead {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        // Where theirs is not beside it, it is in its place.
        if world.files().kind(&self.theirs)?.is_some() {
            world.files().remove_file(&self.path)?;
            world.files().rename(&self.theirs, &self.path)?;
        }
        Ok(())
    }
}

/// Makes a symbolic link that was not there.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct MakeLink {
    pub(crate) path: PathBuf,
    pub(crate) target: PathBuf,
}

impl Action<World> for MakeLink {
    type Output = ();
    const NAME: &'static str = "make-link";

    fn apply(&self, world: &World) -> Result<(), Fault> {
        world.files().make_link(&self.target, &self.path)?;
        Ok(())
    }
}

impl Undo<World> for MakeLink {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        if matches!(world.files().kind(&self.path)?, Some(Kind::Link(target)) if target == self.target) {
            world.files().remove_file(&self.path)?;
        }
        Ok(())
    }
}

/// Takes a file or link away, once [`Keep`] kept it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct TakeAway {
    pub(crate) path: PathBuf,
    pub(crate) was: Was,
}

impl Action<World> for TakeAway {
    type Output = ();
    const NAME: &'static str = "take-away";

    fn apply(&self, world: &World) -> Result<(), Fault> {
        world.files().remove_file(&self.path)?;
        Ok(())
    }
}

impl Undo<World> for TakeAway {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        match self.was {
            Was::Absent => Ok(()),
            Was::Kept { .. } => put_back(world, &self.path, &self.was),
        }
    }
}

/// Takes a symbolic link away.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RemoveLink {
    pub(crate) path: PathBuf,
    pub(crate) target: PathBuf,
}

impl Action<World> for RemoveLink {
    type Output = ();
    const NAME: &'static str = "remove-link";

    fn apply(&self, world: &World) -> Result<(), Fault> {
        if matches!(world.files().kind(&self.path)?, Some(Kind::Link(_))) {
            world.files().remove_file(&self.path)?;
        }
        Ok(())
    }
}

impl Undo<World> for RemoveLink {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        if world.files().kind(&self.path)?.is_none() {
            world.files().make_link(&self.target, &self.path)?;
        }
        Ok(())
    }
}

/// Moves a folder into the trash on its file system, under a name that belongs to the task.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SetAside {
    pub(crate) path: PathBuf,
    /// The trash, which is there; on the same file system.
    pub(crate) trash: PathBuf,
    /// The name it gets there.
    pub(crate) name: String,
    /// Its mode: Drupal makes its folders read-only, and what cannot be written cannot be moved.
    pub(crate) mode: u32,
}

impl Action<World> for SetAside {
    type Output = ();
    const NAME: &'static str = "set-aside";

    fn apply(&self, world: &World) -> Result<(), Fault> {
        let files = world.files();
        let aside = self.trash.join(&self.name);
        if files.kind(&aside)?.is_none() && files.kind(&self.path)?.is_some() {
            files.set_mode(&self.path, self.mode | 0o700)?;
            files.rename(&self.path, &aside)?;
        }
        Ok(())
    }
}

impl Undo<World> for SetAside {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        let files = world.files();
        let aside = self.trash.join(&self.name);
        if files.kind(&aside)?.is_some() {
            // Refuses to take the place of what came there meanwhile.
            files.rename(&aside, &self.path)?;
        }
        if files.kind(&self.path)?.is_some() {
            files.set_mode(&self.path, self.mode)?;
        }
        // The trash itself stays: others may be about to use it.
        Ok(())
    }
}

/// Makes a folder, or gives it its mode. Says what it changed.
///
/// What our group may write, and that of the web server's workers may not, is `ours`: one that has their group
/// gets ours. A group that is neither was an operator's choice.
pub(crate) fn converge_folder(
    run: &mut Run<'_, World>,
    path: PathBuf,
    mode: u32,
    ours: bool,
) -> Result<Option<String>, Fault> {
    let parts = run.world().parts.clone();
    let stat = match run.world().files().kind(&path)? {
        None => {
            let said = format!("the folder `{}`", path.display());
            run.step(MakeFolder { path, mode, group: ours.then_some(parts.own_gid) })?;
            return Ok(Some(said));
        }
        Some(Kind::Dir) => run.world().files().stat(&path)?,
        // An operator's link to another disk stays theirs.
        Some(_) => None,
    };
    let Some((mode_was, group_was)) = stat.map(|stat| (stat.mode & 0o7777, stat.gid)) else { return Ok(None) };
    let group = (ours && group_was == parts.web_gid && group_was != parts.own_gid).then_some(parts.own_gid);
    if mode_was == mode && group.is_none() {
        return Ok(None);
    }
    let said = format!("the {} of `{}`", if group.is_some() { "group" } else { "mode" }, path.display());
    run.step(SetMode { path, mode, group, mode_was, group_was })?;
    Ok(Some(said))
}
