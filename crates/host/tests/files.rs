//! Files below trusted folders: whole, with their modes, twice the same, and never through a link.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test plays the machine and may panic")]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use aegir_domain::Remedy;
use aegir_host::{Changed, CopyModes, FileFault, Files, Kind, Recorder, Trouble, Wanted, own_gid, own_uid};

struct Place {
    dir: tempfile::TempDir,
    files: Files,
}

impl Place {
    /// A base with nothing in it, and beside it a folder that nobody may touch, with one file.
    fn new() -> Place {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("base")).unwrap();
        fs::create_dir(dir.path().join("outside")).unwrap();
        fs::write(dir.path().join("outside/file"), "precious").unwrap();
        let files = Files::new(vec![dir.path().join("base")]);
        Place { dir, files }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.dir.path().join("base").join(path)
    }

    fn outside(&self, path: &str) -> PathBuf {
        self.dir.path().join("outside").join(path)
    }

    fn mode(&self, path: &str) -> u32 {
        fs::symlink_metadata(self.at(path)).unwrap().mode() & 0o7777
    }

    fn set_mode(&self, path: &str, mode: u32) {
        fs::set_permissions(self.at(path), fs::Permissions::from_mode(mode)).unwrap();
    }

    /// The names in a folder, hidden ones too.
    fn names(&self, path: &str) -> Vec<String> {
        self.files.list(&self.at(path)).unwrap()
    }
}

#[test]
fn a_file_is_written_whole_with_its_mode_and_only_when_it_differs() {
    let place = Place::new();
    let path = place.at("a");

    assert_eq!(place.files.write(&path, b"one", 0o640).unwrap(), Changed::Yes);
    let inode = fs::metadata(&path).unwrap().ino();
    assert_eq!(place.files.write(&path, b"one", 0o640).unwrap(), Changed::No);
    assert_eq!(fs::metadata(&path).unwrap().ino(), inode);
    assert_eq!(place.files.write(&path, b"one", 0o440).unwrap(), Changed::Yes);
    assert_eq!(place.files.write(&path, b"two", 0o666).unwrap(), Changed::Yes);

    assert_eq!(place.files.read_text(&path).unwrap().as_deref(), Some("two"));
    assert_eq!(place.mode("a"), 0o666);
    assert_eq!(place.names(""), ["a"]);
    assert_eq!(place.files.read(&place.at("none/at/all")).unwrap(), None);
}

#[test]
fn what_a_killed_process_left_on_its_way_goes_with_the_next_write_or_removal() {
    let place = Place::new();
    place.files.write(&place.at("a"), b"one", 0o640).unwrap().yes();
    for again in [true, false] {
        fs::write(place.at(".a.aegir-new"), "half").unwrap();
        match again {
            true => assert_eq!(place.files.write(&place.at("a"), b"one", 0o640).unwrap(), Changed::Yes),
            false => assert_eq!(place.files.remove_file(&place.at("a")).unwrap(), Changed::Yes),
        }
        assert!(!place.at(".a.aegir-new").exists());
    }
}

#[test]
fn a_name_that_must_be_free_is_taken_once() {
    let place = Place::new();
    let path = place.at("a");

    assert_eq!(place.files.write_new(&path, b"one", 0o600).unwrap(), Changed::Yes);
    assert_eq!(place.files.write_new(&path, b"one", 0o600).unwrap(), Changed::No);
    let fault = place.files.write_new(&path, b"two", 0o600).unwrap_err();

    assert_eq!(fault.trouble(), Trouble::Taken);
    assert_eq!(place.files.read(&path).unwrap().unwrap(), b"one");
    assert_eq!(place.names(""), ["a"]);
}

#[test]
fn a_growing_file_is_followed() {
    let place = Place::new();
    let path = place.at("log");
    place.files.write(&path, b"one\ntwo\nthree\n", 0o600).unwrap().yes();

    assert_eq!(place.files.read_from(&path, 4, 100).unwrap().unwrap(), b"two\nthree\n");
    assert_eq!(place.files.read_from(&path, 4, 3).unwrap().unwrap(), b"two");
    assert_eq!(place.files.read_from(&path, 99, 3).unwrap().unwrap(), b"");
}

#[test]
fn folders_get_their_mode_whatever_the_umask() {
    let place = Place::new();

    assert_eq!(place.files.make_dir_for(&place.at("files"), 0o2770, own_gid()).unwrap(), Changed::Yes);
    assert_eq!(place.files.make_dir_for(&place.at("files"), 0o2770, own_gid()).unwrap(), Changed::No);
    assert_eq!(place.files.make_dirs(&place.at("a/b/c"), 0o711).unwrap(), Changed::Yes);
    assert_eq!(place.files.make_dirs(&place.at("a/b/c"), 0o711).unwrap(), Changed::No);
    assert_eq!(place.files.make_dirs(&place.at("a/b/c"), 0o700).unwrap(), Changed::Yes);

    assert_eq!((place.mode("files"), place.mode("a/b"), place.mode("a/b/c")), (0o2770, 0o711, 0o700));
    let new_base = place.dir.path().join("another/base");
    let files = Files::new(vec![new_base.clone()]);
    fs::create_dir(place.dir.path().join("another")).unwrap();
    assert_eq!(files.make_dirs(&new_base.join("x"), 0o750).unwrap(), Changed::Yes);
}

#[test]
fn modes_links_and_names_change_once() {
    let place = Place::new();
    let files = &place.files;
    files.write(&place.at("a"), b"a", 0o600).unwrap().yes();

    assert_eq!(files.set_mode(&place.at("a"), 0o000).unwrap(), Changed::Yes);
    assert_eq!(files.set_mode(&place.at("a"), 0o000).unwrap(), Changed::No);
    assert_eq!(files.set_group(&place.at("a"), own_gid()).unwrap(), Changed::No);
    assert_eq!(files.set_owner(&place.at("a"), own_uid(), own_gid()).unwrap(), Changed::No);
    assert_eq!(files.make_link(Path::new("a"), &place.at("l")).unwrap(), Changed::Yes);
    assert_eq!(files.make_link(Path::new("a"), &place.at("l")).unwrap(), Changed::No);
    assert_eq!(files.make_link(Path::new("b"), &place.at("l")).unwrap(), Changed::Yes);
    assert_eq!(files.kind(&place.at("l")).unwrap(), Some(Kind::Link("b".into())));
    assert_eq!(files.make_link(Path::new("b"), &place.at("a")).unwrap_err().trouble(), Trouble::WrongKind);
    assert_eq!(files.rename(&place.at("a"), &place.at("b")).unwrap(), Changed::Yes);
    assert_eq!(files.rename(&place.at("a"), &place.at("b")).unwrap(), Changed::No);
    assert_eq!(files.rename(&place.at("l"), &place.at("b")).unwrap_err().trouble(), Trouble::Taken);
    assert_eq!(files.rename(&place.at("x"), &place.at("y")).unwrap_err().trouble(), Trouble::Missing);
    assert_eq!(files.remove_file(&place.at("l")).unwrap(), Changed::Yes);
    assert_eq!(files.remove_file(&place.at("l")).unwrap(), Changed::No);
    assert_eq!(files.remove_file(&place.at("no/such")).unwrap(), Changed::No);
    assert_eq!(place.names(""), ["b"]);
}

#[test]
fn only_an_empty_folder_is_removed_as_one() {
    let place = Place::new();
    place.files.make_dirs(&place.at("a/b"), 0o755).unwrap().yes();

    assert_eq!(place.files.remove_empty_dir(&place.at("a")).unwrap_err().trouble(), Trouble::Taken);
    assert_eq!(place.files.remove_empty_dir(&place.at("a/b")).unwrap(), Changed::Yes);
    assert_eq!(place.files.remove_empty_dir(&place.at("a/b")).unwrap(), Changed::No);
    assert_eq!(place.files.remove_file(&place.at("a")).unwrap_err().trouble(), Trouble::WrongKind);
}

#[test]
fn a_site_that_drupal_closed_is_moved_aside_and_back_as_it_was() {
    let place = Place::new();
    place.files.make_dirs(&place.at("sites/a.test/files"), 0o755).unwrap().yes();
    place.files.make_dir(&place.at("trash"), 0o700).unwrap().yes();
    for closed in ["sites/a.test", "sites"] {
        place.set_mode(closed, 0o555);
    }
    let (site, trash) = (place.at("sites/a.test"), place.at("trash"));

    assert_eq!(place.files.rename(&site, &trash.join("a.test-1")).unwrap(), Changed::Yes);
    assert_eq!(place.files.rename(&site, &trash.join("a.test-1")).unwrap(), Changed::No);
    assert!(!site.exists());
    assert_eq!((place.mode("trash/a.test-1"), place.mode("sites")), (0o555, 0o555));

    assert_eq!(place.files.rename(&trash.join("a.test-1"), &site).unwrap(), Changed::Yes);
    assert_eq!((place.mode("sites/a.test"), place.mode("sites")), (0o555, 0o555));
    assert!(site.join("files").exists());
}

#[test]
fn a_closed_folder_is_written_into_and_stays_closed() {
    let place = Place::new();
    place.files.make_dir(&place.at("site"), 0o555).unwrap().yes();

    place.files.write(&place.at("site/settings.php"), b"<?php", 0o440).unwrap().yes();
    place.files.write(&place.at("site/settings.php"), b"<?php 1", 0o440).unwrap().yes();
    place.files.make_dir(&place.at("site/files"), 0o2770).unwrap().yes();
    place.files.remove_file(&place.at("site/settings.php")).unwrap().yes();

    assert_eq!(place.names("site"), ["files"]);
    assert_eq!(place.mode("site"), 0o555);
}

#[test]
fn a_tree_is_removed_whatever_its_modes_depth_and_links() {
    let place = Place::new();
    let mut deep = place.at("tree");
    fs::create_dir(&deep).unwrap();
    symlink(place.outside(""), deep.join("link")).unwrap();
    symlink("nowhere", deep.join("dangling")).unwrap();
    fs::write(deep.join("file"), "x").unwrap();
    for _ in 0..350 {
        deep.push("d");
        fs::create_dir(&deep).unwrap();
        fs::write(deep.join("file"), "x").unwrap();
    }
    for path in deep.ancestors().take(350) {
        fs::set_permissions(path, fs::Permissions::from_mode(0o555)).unwrap();
    }

    assert_eq!(place.files.remove_tree(&place.at("tree")).unwrap(), Changed::Yes);
    assert_eq!(place.files.remove_tree(&place.at("tree")).unwrap(), Changed::No);

    assert!(place.names("").is_empty());
    assert_eq!(fs::read_to_string(place.outside("file")).unwrap(), "precious");
}

#[test]
fn a_tree_is_copied_with_its_modes_and_links_and_topped_up() {
    let place = Place::new();
    let files = &place.files;
    files.make_dirs(&place.at("from/closed"), 0o755).unwrap().yes();
    files.write(&place.at("from/closed/big"), &vec![7; 3_000_000], 0o644).unwrap().yes();
    files.write(&place.at("from/empty"), b"", 0o400).unwrap().yes();
    files.make_link(Path::new("/etc/passwd"), &place.at("from/link")).unwrap().yes();
    place.set_mode("from/closed", 0o555);
    place.set_mode("from", 0o2750);
    let (from, to) = (place.at("from"), place.at("to"));

    assert_eq!(files.copy_tree(&from, &to).unwrap(), Changed::Yes);
    assert_eq!(files.copy_tree(&from, &to).unwrap(), Changed::No);

    assert_eq!((place.mode("to"), place.mode("to/closed"), place.mode("to/empty")), (0o2750, 0o555, 0o400));
    assert_eq!(files.read(&to.join("closed/big")).unwrap().unwrap().len(), 3_000_000);
    assert_eq!(files.kind(&to.join("link")).unwrap(), Some(Kind::Link("/etc/passwd".into())));

    files.write(&from.join("closed/new"), b"new", 0o644).unwrap().yes();
    files.write(&from.join("empty"), b"no more", 0o400).unwrap().yes();
    assert_eq!(files.copy_tree(&from, &to).unwrap(), Changed::Yes);
    assert_eq!(place.names("to/closed"), ["big", "new"]);
    assert_eq!(files.read_text(&to.join("empty")).unwrap().unwrap(), "no more");
    assert_eq!(place.mode("to/closed"), 0o555);
}

#[test]
fn a_copy_within_itself_ends() {
    let place = Place::new();
    place.files.write(&place.at("a"), b"a", 0o600).unwrap().yes();
    place.files.make_dirs(&place.at("from/sub"), 0o755).unwrap().yes();
    place.files.copy_tree(&place.at("from"), &place.at("from/copy")).unwrap().yes();
    assert_eq!(place.names("from/copy"), ["sub"]);
}

#[test]
fn a_file_is_copied_with_another_mode() {
    let place = Place::new();
    place.files.write(&place.at("vhost"), b"secret", 0o640).unwrap().yes();
    let (from, to) = (place.at("vhost"), place.at("kept"));

    assert_eq!(place.files.copy_file(&from, &to, Some(0o600)).unwrap(), Changed::Yes);
    assert_eq!(place.files.copy_file(&from, &to, Some(0o600)).unwrap(), Changed::No);
    assert_eq!(place.mode("kept"), 0o600);
    place.files.write(&from, b"other!", 0o640).unwrap().yes();
    assert_eq!(place.files.copy_file(&from, &to, Some(0o600)).unwrap(), Changed::Yes);
    assert_eq!(place.files.read_text(&to).unwrap().unwrap(), "other!");
}

type Attack = fn(&Files, &Path) -> Result<Changed, FileFault>;

const MUTATIONS: [(&str, Attack); 15] = [
    ("write", |files, path| files.write(path, b"owned", 0o644)),
    ("write_for", |files, path| files.write_for(path, b"owned", 0o644, own_gid())),
    ("write_new", |files, path| files.write_new(path, b"owned", 0o644)),
    ("make_dir", |files, path| files.make_dir(path, 0o777)),
    ("make_dirs", |files, path| files.make_dirs(path, 0o777)),
    ("make_dir_for", |files, path| files.make_dir_for(path, 0o777, own_gid())),
    ("set_mode", |files, path| files.set_mode(path, 0o777)),
    ("set_group", |files, path| files.set_group(path, own_gid())),
    ("set_owner", |files, path| files.set_owner(path, own_uid(), own_gid())),
    ("make_link", |files, path| files.make_link(Path::new("owned"), path)),
    ("rename", |files, path| files.rename(&files.bases()[0].join("mine"), path)),
    ("rename away", |files, path| files.rename(path, &files.bases()[0].join("taken"))),
    ("copy_file", |files, path| files.copy_file(&files.bases()[0].join("mine"), path, None)),
    ("copy_tree", |files, path| files.copy_tree(&files.bases()[0].join("dir"), path)),
    ("remove_empty_dir", |files, path| files.remove_empty_dir(path)),
];

/// Everything that can be seen of the folder outside.
fn seen(place: &Place) -> Vec<(String, u32, String)> {
    let mut found: Vec<_> = fs::read_dir(place.outside("")).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    let look = |path: PathBuf| {
        let mode = fs::symlink_metadata(&path).unwrap().mode();
        (path.display().to_string(), mode, fs::read_to_string(&path).unwrap_or_default())
    };
    found.into_iter().map(look).chain([look(place.outside(""))]).collect()
}

#[test]
fn no_change_goes_through_a_link() {
    for (name, mutate) in MUTATIONS {
        let place = Place::new();
        place.files.write(&place.at("mine"), b"mine", 0o600).unwrap().yes();
        place.files.make_dir(&place.at("dir"), 0o700).unwrap().yes();
        symlink(place.outside(""), place.at("folder")).unwrap();
        symlink(place.outside("file"), place.at("file")).unwrap();
        symlink("../outside", place.at("relative")).unwrap();
        let before = seen(&place);

        for path in ["folder/new", "folder/file", "folder/a/b", "relative/new"] {
            let fault = mutate(&place.files, &place.at(path)).expect_err(name);
            assert_eq!(fault.trouble(), Trouble::Link, "{name} {path}: {fault:?}");
            assert!(fault.remedy().unwrap().contains("namei -l"), "{name}");
        }
        // The link itself may be replaced or moved away, but what it leads to is not touched.
        for path in ["folder", "file"] {
            let _ = mutate(&place.files, &place.at(path));
        }
        assert_eq!(seen(&place), before, "{name}");
    }
}

#[test]
fn removing_a_link_leaves_what_it_leads_to() {
    let place = Place::new();
    symlink(place.outside(""), place.at("folder")).unwrap();
    assert_eq!(place.files.remove_tree(&place.at("folder/file")).unwrap_err().trouble(), Trouble::Link);
    assert_eq!(place.files.remove_file(&place.at("folder/file")).unwrap_err().trouble(), Trouble::Link);
    assert_eq!(place.files.remove_tree(&place.at("folder")).unwrap(), Changed::Yes);
    assert!(place.outside("file").exists());
}

#[test]
fn nothing_outside_the_bases_is_changed() {
    for (name, mutate) in MUTATIONS {
        let place = Place::new();
        place.files.write(&place.at("mine"), b"mine", 0o600).unwrap().yes();
        place.files.make_dir(&place.at("dir"), 0o700).unwrap().yes();
        let before = seen(&place);
        for path in [place.outside("new"), place.at("../outside/file"), "relative".into(), "/".into()] {
            let fault = mutate(&place.files, &path).expect_err(name);
            assert_eq!(fault.trouble(), Trouble::Outside, "{name} {}: {fault:?}", path.display());
        }
        assert_eq!(seen(&place), before, "{name}");
    }
}

#[test]
fn what_lies_where_a_site_may_write_is_read_without_links_and_never_waited_for() {
    let place = Place::new();
    symlink(place.outside("file"), place.at("link")).unwrap();
    let made = Command::new("mkfifo").arg(place.at("pipe")).status().unwrap();
    assert!(made.success());

    assert_eq!(place.files.read(&place.at("link")).unwrap().unwrap(), b"precious");
    assert_eq!(place.files.read_unlinked(&place.at("link")).unwrap_err().trouble(), Trouble::Link);
    assert_eq!(place.files.read_unlinked(&place.at("none")).unwrap(), None);
    assert!(place.files.read(&place.at("pipe")).is_err());
    assert!(place.files.read_unlinked(&place.at("pipe")).is_err());
    assert!(place.files.read(&place.at("")).is_err());
}

#[test]
fn a_path_is_followed_to_where_it_really_lies() {
    let place = Place::new();
    symlink(place.outside(""), place.at("link")).unwrap();

    let real = place.files.real(&place.at("link/file")).unwrap().unwrap();

    assert_eq!(real, fs::canonicalize(place.outside("file")).unwrap());
    assert_eq!(place.files.base_of(&real), None);
    assert_eq!(place.files.base_of(&place.at("x")), Some(place.at("").parent().unwrap().join("base").as_path()));
    assert_eq!(place.files.real(&place.at("none")).unwrap(), None);
}

#[derive(Default)]
struct Seen(Mutex<Vec<String>>);

impl Recorder for Seen {
    fn before_change(&self, path: &Path) {
        let there = if fs::symlink_metadata(path).is_ok() { "there" } else { "absent" };
        self.0.lock().unwrap().push(format!("change {} {there}", path.file_name().unwrap().to_str().unwrap()));
    }

    fn synced(&self, below: &Path) {
        self.0.lock().unwrap().push(format!("synced {}", below.file_name().map_or("/", |name| name.to_str().unwrap())));
    }

    fn synced_alone(&self, path: &Path) {
        self.0.lock().unwrap().push(format!("synced {} alone", path.file_name().unwrap().to_str().unwrap()));
    }
}

#[test]
fn what_is_written_unsynced_is_whole_for_readers_and_durable_when_that_is_asked_for() {
    let place = Place::new();
    let seen = Arc::new(Seen::default());
    let files = place.files.clone().with_recorder(Arc::clone(&seen) as Arc<dyn Recorder>);

    assert!(files.write_unsynced(&place.at("a"), b"x", 0o640).unwrap().yes());
    assert!(!files.write_new_unsynced(&place.at("a"), b"x", 0o640).unwrap().yes());
    let taken = files.write_new_unsynced(&place.at("a"), b"other", 0o640).unwrap_err();
    assert_eq!(taken.trouble(), Trouble::Taken);
    assert_eq!((fs::read(place.at("a")).unwrap(), place.mode("a")), (b"x".to_vec(), 0o640));
    assert_eq!(files.list(&place.at("")).unwrap(), ["a"]);
    files.sync(&place.at("a")).unwrap();
    files.sync(&place.at("absent")).unwrap();
    files.sync(&place.dir.path().join("base")).unwrap();

    let heard = ["change a absent", "change a there", "change a there", "synced a alone", "synced base alone"];
    assert_eq!(*seen.0.lock().unwrap(), heard);
    assert_eq!(files.sync(&place.outside("file")).unwrap_err().trouble(), Trouble::Outside);
}

#[test]
fn a_recorder_hears_of_each_change_before_and_of_what_is_durable_after() {
    let place = Place::new();
    let seen = Arc::new(Seen::default());
    let files = place.files.clone().with_recorder(Arc::clone(&seen) as Arc<dyn Recorder>);

    files.write(&place.at("a"), b"x", 0o600).unwrap().yes();
    files.write(&place.at("a"), b"x", 0o600).unwrap().yes();
    files.make_dir(&place.at("d"), 0o750).unwrap().yes();
    files.rename(&place.at("a"), &place.at("d/b")).unwrap().yes();
    files.write(&place.at("d/b"), b"y", 0o600).unwrap().yes();
    files.remove_tree(&place.at("d")).unwrap().yes();

    let heard = [
        "change a absent",
        "synced a",
        "change d absent",
        "change d there",
        "change a there",
        "change b absent",
        "change b there",
        "synced b",
        "change d there",
    ];
    assert_eq!(*seen.0.lock().unwrap(), heard);
    files.sync_fs(&place.at("")).unwrap();
    assert!(seen.0.lock().unwrap().last().unwrap().starts_with("synced"));
}

#[test]
fn a_folder_of_somebody_else_comes_with_the_line_that_gives_it_to_us() {
    if own_uid() == 0 {
        println!("skipped: root may write everywhere");
        return;
    }
    let files = Files::new(vec!["/usr".into()]);
    let fault = files.write(Path::new("/usr/x"), b"", 0o600).unwrap_err();
    assert!(matches!(fault.trouble(), Trouble::NoPermission | Trouble::ReadOnly));
    assert!(fault.remedy().unwrap().contains("as root, run `"), "{:?}", fault.remedy());
}

/// A file system of its own, with room for almost nothing.
struct Small(tempfile::TempDir);

impl Small {
    fn mount(options: &str) -> Option<Small> {
        let dir = tempfile::tempdir().unwrap();
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(dir.path()).output();
        match mount {
            Ok(done) if done.status.success() => Some(Small(dir)),
            _ => {
                println!("skipped: no tmpfs can be mounted here, which needs root");
                None
            }
        }
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_leaves_what_was_there_and_is_named() {
    let Some(small) = Small::mount("size=64k") else { return };
    let base = small.0.path();
    let files = Files::new(vec![base.to_owned()]);
    files.write(&base.join("a"), b"before", 0o600).unwrap().yes();
    let much = vec![b'x'; 100_000];

    for fault in [
        files.write(&base.join("a"), &much, 0o600).unwrap_err(),
        files.write_new(&base.join("b"), &much, 0o600).unwrap_err(),
    ] {
        assert_eq!(fault.trouble(), Trouble::NoSpace);
        assert!(fault.remedy().unwrap().contains(&format!("df -h {}", base.display())), "{:?}", fault.remedy());
    }

    assert_eq!(files.read_text(&base.join("a")).unwrap().unwrap(), "before");
    assert_eq!(files.list(base).unwrap(), ["a"]);
    assert!(files.free_space(base).unwrap().bytes < 64 << 10);
    assert_eq!(files.free_space(&base.join("not/yet")).unwrap().file_system, fs::canonicalize(base).unwrap());
}

#[test]
fn two_file_systems_are_told_apart_and_no_mount_is_emptied() {
    let Some(small) = Small::mount("size=64k") else { return };
    let place = Place::new();
    let files = place.files.clone().add_base(small.0.path());
    files.write(&place.at("a"), b"a", 0o600).unwrap().yes();

    let fault = files.rename(&place.at("a"), &small.0.path().join("a")).unwrap_err();
    assert_eq!(fault.trouble(), Trouble::OtherFileSystem);
    assert_ne!(files.device(&place.at("x/y")).unwrap(), files.device(small.0.path()).unwrap());
    assert_eq!(files.copy_file(&place.at("a"), &small.0.path().join("a"), None).unwrap(), Changed::Yes);

    files.make_dirs(&place.at("tree/mount"), 0o700).unwrap().yes();
    let mounted = Command::new("mount").arg("--bind").arg(small.0.path()).arg(place.at("tree/mount")).status().unwrap();
    assert!(mounted.success());
    let refused = files.remove_tree(&place.at("tree"));
    assert!(Command::new("umount").arg(place.at("tree/mount")).status().unwrap().success());
    let fault = refused.unwrap_err();
    assert_eq!((fault.trouble(), fault.path()), (Trouble::OtherFileSystem, place.at("tree/mount").as_path()));
    assert!(small.0.path().join("a").exists());
}

#[test]
fn a_read_only_disk_is_named() {
    let Some(small) = Small::mount("size=64k,ro") else { return };
    let files = Files::new(vec![small.0.path().to_owned()]);
    let fault = files.write(&small.0.path().join("a"), b"", 0o600).unwrap_err();
    assert_eq!(fault.trouble(), Trouble::ReadOnly);
    assert!(fault.remedy().unwrap().contains("remount,rw"));
}

#[test]
fn code_can_be_read_by_all_and_written_by_us_alone() {
    let place = Place::new();
    let (tree, copy) = (place.at("tree"), place.at("copy"));
    fs::create_dir_all(tree.join("sites/a.test")).unwrap();
    for (path, mode) in
        [("index.php", 0o600), ("run.sh", 0o700), ("sites/a.test/settings.php", 0o444), ("x.inc", 0o666)]
    {
        fs::write(tree.join(path), path).unwrap();
        fs::set_permissions(tree.join(path), fs::Permissions::from_mode(mode)).unwrap();
    }
    fs::set_permissions(tree.join("sites"), fs::Permissions::from_mode(0o700)).unwrap();
    let mut asked = Vec::new();

    let wanted = &mut |path: &Path, is_folder: bool| {
        asked.push((path.to_owned(), is_folder));
        if path.ends_with("a.test") { Wanted::No } else { Wanted::Yes }
    };
    place.files.copy_what_is_wanted(&tree, &copy, CopyModes::OfCode, wanted).unwrap();

    let mode = |path: &str| fs::metadata(copy.join(path)).unwrap().permissions().mode() & 0o7777;
    assert_eq!(["index.php", "run.sh", "x.inc", "sites"].map(mode), [0o644, 0o755, 0o644, 0o755]);
    assert!(!copy.join("sites/a.test").exists());
    assert!(asked.contains(&(Path::new("sites/a.test").to_owned(), true)));
    let survey = place.files.survey(&tree, &mut |_, _| Wanted::Yes).unwrap();
    assert_eq!((survey.entries, survey.unreadable, survey.special), (6, vec![], vec![]));
    assert_eq!(place.files.set_modes_of_code(&tree).unwrap(), Changed::Yes);
    assert_eq!(place.files.set_modes_of_code(&tree).unwrap(), Changed::No);
    assert_eq!(fs::metadata(tree.join("sites/a.test/settings.php")).unwrap().permissions().mode() & 0o7777, 0o644);
}
