//! The files of somebody's site: looked at, and copied to where a copy of it will live.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aegir_domain::{AttemptId, Fault, PlatformRoot, SiteName};
use aegir_host::{CopyModes, Files, Kind, Wanted};
use aegir_recipe::{Action, Check, Undo};
use serde::{Deserialize, Serialize};

use super::data::Readable;
use super::source::{Source, SourceFault, Tree};
use crate::World;
use crate::site::deploy::coming::{self, MakeComing};
use crate::site::deploy::files::{CopyFault, give_the_group_what_the_owner_had};
use crate::site::import::own_lines::LOCAL;
use crate::site::layout::{LOCAL_SETTINGS_MODE, MakeSiteFolder, make_site_folder};
use crate::step::file::put;

/// What holds passwords of the site, or paths of its place; Ægir writes its own.
fn is_of_the_place(name: &str) -> bool {
    name == "drushrc.php" || name.starts_with(".aegir-") || (name.ends_with(".php") && name.contains("settings"))
}

/// Files that SQLite keeps: the data comes as data.
fn is_data(path: &Path, data: Option<&Path>) -> bool {
    let Some(data) = data else { return false };
    let text = |path: &Path| path.to_string_lossy().into_owned();
    ["", "-wal", "-shm", "-journal"].iter().any(|end| text(path) == format!("{}{end}", text(data)))
}

/// Folders whose files are made again when they are missed.
const MADE_AGAIN: [&str; 2] = ["files/php", "private/temp"];

/// Which entries of a tree go along.
struct Choice<'a> {
    files: &'a Files,
    tree: &'a Tree,
    /// All of them: what one of the others brings does not come twice.
    trees: &'a [Tree],
    data: Option<&'a Path>,
    /// Links that lead out of what is copied.
    left: Vec<PathBuf>,
}

impl<'a> Choice<'a> {
    fn new(files: &'a Files, tree: &'a Tree, trees: &'a [Tree], data: Option<&'a Path>) -> Choice<'a> {
        Choice { files, tree, trees, data, left: Vec::new() }
    }

    fn of(&mut self, path: &Path) -> Wanted {
        let there = self.tree.from.join(path);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let at_the_top = self.tree.to.as_os_str().is_empty() && path.components().count() == 1;
        let is_made_again = MADE_AGAIN.iter().any(|folder| self.tree.to.join(path).starts_with(folder));
        let comes_otherwise = self.trees.iter().any(|tree| tree != self.tree && tree.from == there);
        if (at_the_top && is_of_the_place(&name)) || is_made_again || comes_otherwise || is_data(&there, self.data) {
            return Wanted::No;
        }
        match self.files.kind(&there) {
            Ok(Some(Kind::Link(_))) => self.link(&there, at_the_top.then_some(&*name)),
            _ => Wanted::Yes,
        }
    }

    /// The copy would write through a link to what the site uses, unless it leads to what is copied.
    fn link(&mut self, there: &Path, at_the_top: Option<&str>) -> Wanted {
        // What these lead to comes as a tree of its own.
        if matches!(at_the_top, Some("files" | "private")) {
            return Wanted::No;
        }
        let target = match self.files.kind(there) {
            Ok(Some(Kind::Link(target))) => target,
            _ => return Wanted::No,
        };
        let real = self.files.real(there).ok().flatten();
        match real {
            Some(real) if target.is_relative() && real.starts_with(&self.tree.from) => Wanted::Yes,
            _ => {
                self.left.push(there.to_owned());
                Wanted::No
            }
        }
    }
}

/// All files of a site can be read; gives the folders that they lie in, and what they take, in bytes.
pub(super) struct SourceFiles<'a> {
    pub(super) source: &'a Source,
    pub(super) data: &'a Readable,
}

impl Check<World> for SourceFiles<'_> {
    type Output = (Vec<Tree>, u64);
    const NAME: &'static str = "source-files";
    const LIMIT: Duration = Duration::from_secs(1800);

    fn look(&self, world: &World) -> Result<(Vec<Tree>, u64), Fault> {
        let (trees, data) = (self.source.trees(world, &self.data.stored)?, self.data.file());
        let mut bytes = 0;
        for tree in &trees {
            let mut choice = Choice::new(world.files(), tree, &trees, data.as_deref());
            let survey = world.files().survey(&tree.from, &mut |path, _| choice.of(path))?;
            match (survey.unreadable.is_empty(), survey.special.is_empty()) {
                (true, true) => bytes += survey.bytes,
                (false, _) => return Err(CopyFault::Unreadable { paths: survey.unreadable }.into()),
                (_, false) => return Err(CopyFault::Special { paths: survey.special }.into()),
            }
            if !choice.left.is_empty() {
                let left: Vec<String> =
                    choice.left.iter().take(5).map(|path| format!("`{}`", path.display())).collect();
                let more = if choice.left.len() > 5 { ", …" } else { "" };
                world.warn(format!("Links that lead out of the site stay behind: {}{more}", left.join(", ")));
            }
        }
        Ok((trees, bytes))
    }
}

/// Copies the files of somebody's site to where a copy of it will live. The folder bears the mark of the attempt until that ends.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CopyTheirFiles {
    pub(crate) trees: Vec<Tree>,
    /// The file with the site's data, if it is one.
    pub(crate) data: Option<PathBuf>,
    pub(crate) root: PlatformRoot,
    pub(crate) site: SiteName,
    pub(crate) attempt: AttemptId,
    /// Whether the site lives there already: then they come to where the folder of a self lies until it is in service.
    #[serde(default)]
    pub(crate) coming: bool,
}

impl CopyTheirFiles {
    fn folder(&self) -> PathBuf {
        match self.coming {
            true => coming::path(&self.root, self.attempt),
            false => self.root.site_dir(&self.site),
        }
    }
}

impl Action<World> for CopyTheirFiles {
    type Output = ();
    const NAME: &'static str = "copy-their-files";
    const LIMIT: Duration = Duration::from_secs(4 * 3600);

    fn apply(&self, world: &World) -> Result<(), Fault> {
        let folder = self.folder();
        make_site_folder(world, &folder, self.attempt)?;
        for tree in &self.trees {
            // Judged by the check, minutes ago: what stands there now must be the same folder, and no link to another.
            if world.files().real(&tree.from)?.as_ref() != Some(&tree.from) {
                return Err(SourceFault::Moved { path: tree.from.clone() }.into());
            }
            // Only read, and by us who may read it; what is written lies on the platform.
            let files = world.files().clone().add_base(tree.from.clone());
            let to = folder.join(&tree.to);
            for above in
                tree.to.ancestors().collect::<Vec<_>>().into_iter().rev().filter(|path| !path.as_os_str().is_empty())
            {
                files.make_dir(&folder.join(above), 0o750)?;
            }
            let mut choice = Choice::new(world.files(), tree, &self.trees, self.data.as_deref());
            files.copy_what_is_wanted(&tree.from, &to, CopyModes::Same, &mut |path, _| choice.of(path))?;
        }
        // Drupal hardens its folder; and theirs may lack what every site of ours has.
        world.files().set_mode(&folder, 0o750)?;
        make_site_folder(world, &folder, self.attempt)?;
        if let Some(tree) = self.trees.first() {
            give_the_group_what_the_owner_had(world, &tree.from, &folder)?;
        }
        world.say(format!("Copied the files to `{}`", folder.display()));
        Ok(())
    }
}

impl Undo<World> for CopyTheirFiles {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        let (root, site, attempt) = (self.root.clone(), self.site.clone(), self.attempt);
        match self.coming {
            true => MakeComing { root, site, attempt }.undo(world),
            false => MakeSiteFolder { root, site, attempt }.undo(world),
        }
    }
}

/// Compares the files of somebody's site with the copy of them in `folder`: how many there are, and which are missing there or of
/// another size.
pub(super) fn compare_files(
    world: &World,
    trees: &[Tree],
    data: Option<&Path>,
    folder: &Path,
) -> Result<(u64, Vec<String>), Fault> {
    let (mut count, mut differ) = (0, Vec::new());
    for tree in trees {
        let mut choice = Choice::new(world.files(), tree, trees, data);
        let mut files = Vec::new();
        world.files().survey(&tree.from, &mut |path, is_folder| {
            let wanted = choice.of(path);
            // What guards folders is written anew by Ægir.
            let is_guard = path.file_name().is_some_and(|name| name == ".htaccess");
            if matches!(wanted, Wanted::Yes) && !is_folder && !is_guard {
                files.push(path.to_owned());
            }
            wanted
        })?;
        for path in files {
            let size = |path: &Path| world.files().stat(path).map(|stat| stat.map(|stat| stat.size));
            let (there, here) = (size(&tree.from.join(&path))?, size(&folder.join(&tree.to).join(&path))?);
            count += u64::from(here.is_some());
            if there != here {
                differ.push(format!("`{}`", tree.to.join(&path).display()));
            }
        }
    }
    Ok((count, differ))
}

/// Has the self that is to be in service have the lines that an operator wrote for it: theirs were left behind.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CarryOwnSettings {
    pub(crate) root: PlatformRoot,
    pub(crate) site: SiteName,
    pub(crate) attempt: AttemptId,
}

impl Action<World> for CarryOwnSettings {
    type Output = ();
    const NAME: &'static str = "carry-own-settings";

    fn apply(&self, world: &World) -> Result<(), Fault> {
        let from = self.root.site_dir(&self.site).join(LOCAL);
        if let Some(text) = world.files().read_unlinked(&from)? {
            let to = coming::path(&self.root, self.attempt).join(LOCAL);
            put(world, &to, &text, LOCAL_SETTINGS_MODE, Some(world.parts.web_gid))?;
        }
        Ok(())
    }
}

impl Undo<World> for CarryOwnSettings {
    fn undo(&self, _: &World) -> Result<(), Fault> {
        // It wrote into the folder that an earlier step made.
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_and_what_holds_passwords_stay_behind() {
        for name in ["settings.php", "settings.local.php", "civicrm.settings.php", "local.settings.php", "drushrc.php"]
        {
            assert!(is_of_the_place(name), "{name}");
        }
        for name in ["services.yml", "modules", "files", "robots.txt"] {
            assert!(!is_of_the_place(name), "{name}");
        }
    }

    #[test]
    fn the_files_beside_a_database_belong_to_it() {
        let data = Path::new("/s/files/.ht.sqlite");
        assert!(is_data(data, Some(data)) && is_data(Path::new("/s/files/.ht.sqlite-wal"), Some(data)));
        assert!(!is_data(Path::new("/s/files/a.txt"), Some(data)) && !is_data(data, None));
    }
}
