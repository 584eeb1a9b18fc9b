//! A site that lies in `sites/default` gets a folder of its own name, in one step that a kill at any point takes back.
//!
//! ```text
//!   sites/default ─────────── one change of name ───────────► sites/NAME    all that lay there
//!   sites/default ◄── default.settings.php, default.services.yml ── sites/NAME    what the platform's code has there
//! ```
//!
//! The folder itself moves, and what is the code's own goes back into a new one: so nothing that the web server's user owns
//! changes the folder it lies in, which only that user may do, and a relative link that leads out of it still leads there.
//! The settings by which the site was served are out of the way by then, so nobody begins to write to its data any more.

use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use aegir_domain::{AttemptId, Fault, Home, HostName, ImportSite, PlatformRoot, Remedy, SiteFolder, SiteName};
use aegir_drupal::sites_php;
use aegir_host::{Kind, Wanted, own_uid};
use aegir_recipe::{Action, Check, Run, Undo};
use serde::{Deserialize, Serialize};

use crate::World;
use crate::site::layout::{FileNow, mark};
use crate::step::file::{Want, converge, make_folder};

/// The mode of the folder that is left: as code has it. Who answers for the web server writes nothing into it.
const LEFT_MODE: u32 = 0o755;

/// Whether what lies in `sites/default` is the code's own: a Drupal ships examples under such names.
fn is_shipped(name: &str) -> bool {
    name.starts_with("default.")
}

/// The folder `sites/default` can have another name, with all that lies in it; gives what the code has there.
pub(super) struct MayLeaveDefault<'a> {
    pub(super) asked: &'a ImportSite,
    pub(super) root: &'a PlatformRoot,
}

impl Check<World> for MayLeaveDefault<'_> {
    type Output = Vec<String>;
    const NAME: &'static str = "may-leave-default";
    const LIMIT: Duration = Duration::from_secs(1800);

    fn look(&self, world: &World) -> Result<Vec<String>, Fault> {
        let (folder, files) = (self.root.folder(&self.asked.folder()), world.files());
        let mounts = files.read_text(Path::new("/proc/self/mountinfo"))?.unwrap_or_default();
        if let Some(path) = mounted_in(&mounts, &folder) {
            return Err(self.mounted(path, &folder));
        }
        self.no_link_leads_back(world, &folder)?;
        let mut shipped = Vec::new();
        for name in files.list(&folder)? {
            let path = folder.join(&name);
            match files.stat(&path)? {
                Some(stat) if is_shipped(&name) && stat.kind == Kind::File => shipped.push(name),
                Some(stat) if stat.kind == Kind::Dir && stat.device != files.device(&folder)? => {
                    return Err(self.mounted(path, &folder));
                }
                Some(stat) if stat.kind == Kind::File && name.ends_with(".php") && stat.size < LONGEST => {
                    includes_stay_found(&path, &String::from_utf8_lossy(&files.read(&path)?.unwrap_or_default()))?;
                }
                _ => (),
            }
        }
        self.tell_who_is_left(world, &folder)?;
        Ok(shipped)
    }
}

/// Longer files are no settings.
const LONGEST: u64 = 1 << 20;

impl MayLeaveDefault<'_> {
    fn mounted(&self, path: PathBuf, folder: &Path) -> Fault {
        let to = self.root.site_dir(&self.asked.site).join(path.strip_prefix(folder).unwrap_or(Path::new("")));
        LeaveFault::Mounted { path, to }.into()
    }

    /// Relative links that lead out of the folder, or to what lies in it, go on doing so. Those that call it by its name do not.
    fn no_link_leads_back(&self, world: &World, folder: &Path) -> Result<(), Fault> {
        let mut back = Vec::new();
        world.files().survey(folder, &mut |path, is_folder| {
            let at = folder.join(path);
            if !is_folder
                && let Ok(Some(Kind::Link(target))) = world.files().kind(&at)
                && names_its_folder(folder, &at, &target)
            {
                back.push(at);
            }
            // What is no folder is not looked at any closer.
            if is_folder { Wanted::Yes } else { Wanted::No }
        })?;
        match back.is_empty() {
            true => Ok(()),
            false => Err(LeaveFault::LinksBack { paths: back }.into()),
        }
    }

    /// Who came to the site without being told its name here, and comes to nothing from then on.
    fn tell_who_is_left(&self, world: &World, folder: &Path) -> Result<(), Fault> {
        let sites = self.root.path().join("sites");
        for name in world.files().list(&sites)? {
            let path = sites.join(&name);
            if let Some(Kind::Link(_)) = world.files().kind(&path)?
                && world.files().real(&path)? == world.files().real(folder)?
            {
                world.warn(format!(
                    "`{}` is a link to the folder of the site: it leads to no site from then on; remove it, and give the name with \
                     `--alias {name}`, if the site is to answer to it here",
                    path.display()
                ));
            }
        }
        let text = world.files().read_text(&self.root.path().join(sites_php::LOCAL_FILE))?.unwrap_or_default();
        for name in sites_php::led_to_default(&text) {
            if !names(self.asked).contains(&name) {
                world.warn(format!(
                    "`{}` leads `{name}` to the site too, which goes on to lead to `sites/default`: give it with `--alias {name}`, if it \
                     is to answer to it here",
                    sites_php::LOCAL_FILE
                ));
            }
        }
        world.say(
            "Every name that no other folder answers to came to the site until now, since that is what `sites/default` is for: here \
             it answers to its own names alone",
        );
        Ok(())
    }
}

/// All names that it is to answer to.
fn names(asked: &ImportSite) -> Vec<HostName> {
    std::iter::once(asked.site.host()).chain(asked.aliases.iter().cloned()).collect()
}

/// The first place at or below `folder` where something is mounted, by what the kernel says.
fn mounted_in(mountinfo: &str, folder: &Path) -> Option<PathBuf> {
    let points = mountinfo.lines().filter_map(|line| line.split(' ').nth(4));
    let unescaped = |point: &str| {
        [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
            .iter()
            .fold(point.to_owned(), |text, (code, letter)| text.replace(code, letter))
    };
    points.map(|point| PathBuf::from(unescaped(point))).find(|point| point.starts_with(folder))
}

/// Whether a link at `at`, below `folder`, says the name of that folder on its way.
fn names_its_folder(folder: &Path, at: &Path, target: &Path) -> bool {
    if target.is_absolute() {
        return target.starts_with(folder);
    }
    let mut place = at.parent().unwrap_or(folder).to_owned();
    let mut was_out = false;
    for part in target.components() {
        match part {
            Component::ParentDir => {
                place.pop();
            }
            Component::Normal(name) => place.push(name),
            _ => (),
        }
        was_out |= !place.starts_with(folder);
        if was_out && place.starts_with(folder) {
            return true;
        }
    }
    false
}

/// Refuses settings that read another file by the name of the folder: nothing would be there.
fn includes_stay_found(path: &Path, text: &str) -> Result<(), Fault> {
    let reads = |line: &str| {
        let line = line.trim_start();
        let is_comment = ["#", "//", "*", "/*"].iter().any(|begin| line.starts_with(begin));
        let reads = ["include", "require", "_get_contents", "parse_ini_file", "is_readable(", "file_exists("];
        !is_comment && line.contains("sites/default/") && reads.iter().any(|word| line.contains(word))
    };
    let lines: Vec<usize> = (1..).zip(text.lines()).filter(|(_, line)| reads(line)).map(|(number, _)| number).collect();
    match lines.is_empty() {
        true => Ok(()),
        false => Err(LeaveFault::ReadsByName { path: path.to_owned(), lines }.into()),
    }
}

/// Has what lies in `sites/default` lie in a folder of the site's name, which was free when the task looked, but for what the
/// code has there.
///
/// The folder bears the mark of the attempt while it moves and until that ends: where the mark is, there it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct LeaveDefault {
    pub(crate) root: PlatformRoot,
    pub(crate) site: SiteName,
    pub(crate) attempt: AttemptId,
    /// What goes back, or stays, as one may see it: files of the code.
    pub(crate) shipped: Vec<String>,
}

impl LeaveDefault {
    /// Where it lay, and where it comes to.
    fn places(&self) -> (PathBuf, PathBuf) {
        (self.root.folder(&SiteFolder::of_default()), self.root.site_dir(&self.site))
    }

    /// Has the code's own files that lie in `from`, and not in `to`, lie there.
    fn carry(&self, world: &World, from: &Path, to: &Path) -> Result<(), Fault> {
        let files = world.files();
        for name in &self.shipped {
            let (here, there) = (from.join(name), to.join(name));
            if files.kind(&here)?.is_some() && files.kind(&there)?.is_none() {
                files.rename(&here, &there)?;
                files.sync(&there)?;
            }
        }
        // Where they are must be on disk before it is that they are no more where they were.
        files.sync(to)?;
        files.sync(from)?;
        Ok(())
    }
}

impl Action<World> for LeaveDefault {
    type Output = ();
    const NAME: &'static str = "leave-default";

    fn apply(&self, world: &World) -> Result<(), Fault> {
        let (files, (left, own)) = (world.files(), self.places());
        if files.kind(&mark(&own, self.attempt))?.is_none() {
            if files.kind(&own)?.is_some() {
                return Err(LeaveFault::InTheWay { path: own }.into());
            }
            files.write(&mark(&left, self.attempt), b"", 0o600)?;
            files.rename(&left, &own)?;
            // By the mark it is known: that must not be lost where the change of name is not.
            files.sync(&own)?;
            own.parent().map_or(Ok(()), |sites| files.sync(sites))?;
        }
        make_folder(world, &left, LEFT_MODE, Some(world.parts.own_gid))?;
        // What comes to lie in it is no more where it was.
        left.parent().map_or(Ok(()), |sites| files.sync(sites))?;
        self.carry(world, &own, &left)?;
        world.say(format!("What lay in `{}` lies in `{}` now", left.display(), own.display()));
        Ok(())
    }
}

impl Undo<World> for LeaveDefault {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        let (files, (left, own)) = (world.files(), self.places());
        if files.kind(&mark(&own, self.attempt))?.is_some() {
            self.carry(world, &left, &own)?;
            if files.kind(&left)?.is_some() {
                if !files.list(&left)?.is_empty() {
                    // Somebody put something there since; it is not lost.
                    let trash = Home::trash_beside(&self.root.path().join("sites"));
                    files.make_dir(&trash, 0o700)?;
                    files.rename(&left, &trash.join(world.trash_name("default")))?;
                } else {
                    files.remove_empty_dir(&left)?;
                }
            }
            files.rename(&own, &left)?;
            files.sync(&left)?;
            left.parent().map_or(Ok(()), |sites| files.sync(sites))?;
        }
        if files.kind(&left)?.is_some() {
            files.remove_file(&mark(&left, self.attempt))?;
        }
        Ok(())
    }
}

/// Has names that an operator's own lines lead to `sites/default` lead to the site: those lines are read last.
pub(super) fn lead_names(run: &mut Run<'_, World>, asked: &ImportSite, root: &PlatformRoot) -> Result<(), Fault> {
    let path = root.path().join(sites_php::LOCAL_FILE);
    let current = run.check(FileNow { path: path.clone() })?;
    let Some(bytes) = &current.bytes else { return Ok(()) };
    let text = led(&path, bytes, asked)?;
    let (mode, group) = (current.mode, Some(current.group));
    converge(run, &current, Want { path: &path, text: &text, mode, group, keep_as: "local.sites.php" })?;
    Ok(())
}

/// Such lines can be changed, where there are any.
pub(super) fn names_can_be_led(world: &World, asked: &ImportSite, root: &PlatformRoot) -> Result<(), Fault> {
    let path = root.path().join(sites_php::LOCAL_FILE);
    let Some(bytes) = world.files().read_unlinked(&path)? else { return Ok(()) };
    let is_ours = world.files().stat(&path)?.is_some_and(|stat| stat.uid == own_uid());
    match is_ours || led(&path, &bytes, asked)?.as_bytes() == bytes {
        true => Ok(()),
        false => Err(super::there::ImportFault::NotOurs { path }.into()),
    }
}

fn led(path: &Path, bytes: &[u8], asked: &ImportSite) -> Result<String, Fault> {
    let odd = |_| super::there::ImportFault::OddText { path: path.to_owned() };
    let text = std::str::from_utf8(bytes).map_err(odd)?;
    Ok(sites_php::led_from_default(text, &names(asked), &asked.site))
}

/// Why a site cannot leave `sites/default`.
#[derive(Debug, thiserror::Error)]
enum LeaveFault {
    #[error("something is mounted at `{}`", path.display())]
    Mounted { path: PathBuf, to: PathBuf },
    #[error("links call the folder of the site by its name: {}", some_of(paths))]
    LinksBack { paths: Vec<PathBuf> },
    #[error("`{}` reads files by the name of the site's folder, on the lines {}", path.display(), numbers(lines))]
    ReadsByName { path: PathBuf, lines: Vec<usize> },
    #[error("`{}` is in the way", path.display())]
    InTheWay { path: PathBuf },
}

fn some_of(paths: &[PathBuf]) -> String {
    let more = if paths.len() > 5 { ", …" } else { "" };
    let named: Vec<String> = paths.iter().take(5).map(|path| format!("`{}`", path.display())).collect();
    format!("{}{more}", named.join(", "))
}

fn numbers(lines: &[usize]) -> String {
    let more = if lines.len() > 10 { ", …" } else { "" };
    format!("{}{more}", lines.iter().take(10).map(ToString::to_string).collect::<Vec<_>>().join(", "))
}

impl Remedy for LeaveFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            LeaveFault::Mounted { path, to } => format!(
                "as root, unmount `{}` and take it out of `/etc/fstab`, ask again, and once the site is taken in mount it at `{}`",
                path.display(),
                to.display()
            ),
            LeaveFault::LinksBack { .. } => {
                "have each lead to what it means by a relative path that stays within the site's folder, then ask again"
                    .into()
            }
            LeaveFault::ReadsByName { .. } => {
                "have them say `__DIR__` in place of the path of `sites/default`, then ask again".into()
            }
            LeaveFault::InTheWay { path } => format!("move `{}` away, then ask again", path.display()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_mounted_in_the_folder_is_seen() {
        let line = |at: &str| format!("36 35 98:0 /mnt1 {at} rw,noatime master:1 - ext3 /dev/root rw\n");
        let folder = Path::new("/srv/a b/sites/default");
        let all =
            [line("/"), line("/srv/a\\040b/sites/default.old"), line("/srv/a\\040b/sites/default/files")].concat();

        assert_eq!(mounted_in(&all, folder), Some(folder.join("files")));
        assert_eq!(mounted_in(&line("/srv/a\\040b/sites"), folder), None);
        assert_eq!(mounted_in(&line("/srv/a\\040b/sites/default"), folder).as_deref(), Some(folder));
    }

    #[test]
    fn links_that_call_the_folder_by_its_name_are_seen() {
        let folder = Path::new("/d/sites/default");
        let names = |at: &str, target: &str| names_its_folder(folder, &folder.join(at), Path::new(target));

        for (at, target) in [
            ("files", "/d/sites/default/private/files"),
            ("files", "../default/x"),
            ("modules/x", "../../default/libraries"),
            ("x", "../../sites/default"),
        ] {
            assert!(names(at, target), "{at} -> {target}");
        }
        for (at, target) in [
            ("files", "/srv/files"),
            ("files", "../../common/files"),
            ("modules/x", "../libraries/x"),
            ("x", "./private"),
            ("x", "../default.old/x"),
            ("x", "/d/sites/default.old"),
        ] {
            assert!(!names(at, target), "{at} -> {target}");
        }
    }

    #[test]
    fn settings_that_read_files_by_the_folders_name_are_refused() {
        let refused = |line: &str| includes_stay_found(Path::new("settings.php"), line).is_err();

        assert!(refused("<?php\ninclude 'sites/default/settings.local.php';"));
        assert!(refused("<?php\nrequire_once DRUPAL_ROOT . '/sites/default/x.php';"));
        for fine in [
            "# include 'sites/default/settings.local.php';",
            " *   include $app_root . '/sites/default/x.php'",
            "include __DIR__ . '/settings.local.php';",
            "$settings['file_public_path'] = 'sites/default/files';",
        ] {
            assert!(!refused(fine), "{fine}");
        }
    }
}
