//! The home: there, ours, private, on a disk that keeps its word.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use aegir_domain::Finding;
use aegir_host::{Accounts, Clock, Mount, Mounts, SystemClock, own_uid};
use aegir_provision::Settings;
use aegir_stack::{Users, unspeakable};

use super::{Patient, machine};

/// What nobody but its owner may see into: folders and files below the home.
const SECRET: [&str; 8] = [
    "credentials",
    "contexts",
    "hostmaster",
    "tasks",
    "logs",
    "stack/mariadb",
    "stack/mariadb-account.json",
    "config/ssl.d",
];
/// Room below which installs are refused or close to it.
const LITTLE: u64 = 1 << 30;
const FEW_FILES: u64 = 20_000;

/// Whether there is a home that we may look into.
pub(super) fn is_readable(patient: &Patient) -> bool {
    std::fs::read_dir(patient.path()).is_ok_and(|mut entries| entries.next().is_some())
}

pub(super) fn look(patient: &Patient) -> Vec<Finding> {
    let home = patient.path();
    let mut findings = Vec::new();
    if let Some(why) = unspeakable(home) {
        findings.push(Finding::problem(
            format!("the home `{}` cannot be used: {why}", home.display()),
            "name another folder with `--home`",
        ));
    }
    match std::fs::metadata(home) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => findings.push(Finding::ok(format!(
            "there is no home at `{0}` yet; `aegir up --home {0}` makes one",
            home.display()
        ))),
        Err(error) => findings.push(Finding::problem(
            format!("cannot look at the home `{}`: {error}", home.display()),
            "look as root, or as the user it belongs to",
        )),
        Ok(found) if !found.is_dir() => findings.push(Finding::problem(
            format!("the home `{}` is no folder", home.display()),
            "name another one with `--home`",
        )),
        Ok(found) => findings.extend(owner_and_modes(patient, &found)),
    }
    findings.extend(room(patient));
    let mounts = Mounts::read().unwrap_or_default();
    let there = home.ancestors().find(|place| place.exists()).unwrap_or(home);
    findings.extend(mounts.of(there).and_then(|mount| file_system(home, mount)));
    findings.extend(settings(patient));
    findings.extend(hooks(patient));
    findings.extend(task_types(patient));
    if let (0, Ok(users)) = (own_uid(), Users::find("aegir", "aegir-web")) {
        let closed = aegir_stack::closed_to(home, &users).into_iter();
        findings.extend(closed.map(|closed| Finding::problem(closed.message, closed.remedy)));
    }
    if is_readable(patient) {
        let folders = [patient.home.tasks(), patient.home.contexts(), patient.home.logs()];
        let now = i128::from(SystemClock.unix_ms()) * 1_000_000;
        findings.push(machine::clock(now, machine::newest_in(&patient.files, &folders)));
    }
    findings
}

fn owner_and_modes(patient: &Patient, found: &std::fs::Metadata) -> Vec<Finding> {
    let home = patient.path();
    let accounts = Accounts::read().unwrap_or_default();
    let owner = accounts.name_of(found.uid());
    if !is_readable(patient) && std::fs::read_dir(home).is_err() {
        return vec![Finding::problem(
            format!("the home `{}` belongs to `{owner}`, and we may not look into it", home.display()),
            format!("look as that user, or as root: `sudo aegir doctor --home {}`", home.display()),
        )];
    }
    if !is_readable(patient) {
        return vec![Finding::ok(format!("the home `{}` is empty", home.display()))];
    }
    let mut findings = vec![Finding::ok(format!("the home `{}` belongs to `{owner}`", home.display()))];
    if own_uid() != 0 && found.uid() != own_uid() {
        findings.push(Finding::warning(
            format!("we are not `{owner}`, and do not see all of it"),
            format!("look as that user, or as root: `sudo aegir doctor --home {}`", home.display()),
        ));
    }
    if found.uid() == 0 {
        findings.push(Finding::problem(
            "it belongs to root, as whom no task runs",
            format!("give it to Ægir's user: `chown -R aegir {}`", home.display()),
        ));
    }
    if found.mode() & 0o007 != 0 {
        findings.push(open_to_others(home, found.mode()));
    }
    for path in SECRET.map(|path| patient.below(path)) {
        let Ok(Some(stat)) = patient.files.stat(&path) else { continue };
        if stat.mode & 0o077 != 0 && !matches!(stat.kind, aegir_host::Kind::Link(_)) {
            findings.push(open_to_others(&path, stat.mode));
        }
        if stat.uid != found.uid() {
            findings.push(Finding::problem(
                format!("`{}` belongs to `{}`, not to `{owner}`", path.display(), accounts.name_of(stat.uid)),
                format!("run `chown -R {owner} {}` as root", path.display()),
            ));
        }
    }
    // What lies in folders that others cannot pass is safe; those that were opened are not.
    let inside = [patient.home.credentials(), patient.home.contexts()];
    for path in inside.iter().flat_map(|folder| {
        patient.files.list(folder).unwrap_or_default().into_iter().map(|name| folder.join(name)).collect::<Vec<_>>()
    }) {
        let stat = patient.files.stat(&path).ok().flatten();
        findings.extend(stat.filter(|stat| stat.mode & 0o077 != 0).map(|stat| open_to_others(&path, stat.mode)));
    }
    if let Some(parent) = home.parent().and_then(|parent| Some((parent, std::fs::metadata(parent).ok()?))) {
        let (path, parent) = parent;
        if parent.mode() & 0o022 != 0 && parent.mode() & 0o1000 == 0 && parent.uid() != found.uid() {
            findings.push(Finding::problem(
                format!(
                    "others may write to `{}`, and could put another folder in the place of the home",
                    path.display()
                ),
                format!("run `chmod go-w {}`", path.display()),
            ));
        }
    }
    findings
}

/// Whoever can write a hook has it run as the home's owner.
fn hooks(patient: &Patient) -> Vec<Finding> {
    let owner = std::fs::metadata(patient.path()).map_or(own_uid(), |home| home.uid());
    let looked = aegir_provision::look_at_hooks(&patient.files, &patient.home.hooks(), owner);
    looked.unwrap_or_else(|fault| vec![Finding::of_fault(&fault)])
}

/// The same holds for programs of task types.
fn task_types(patient: &Patient) -> Vec<Finding> {
    let owner = std::fs::metadata(patient.path()).map_or(own_uid(), |home| home.uid());
    let looked = aegir_provision::look_at_task_types(&patient.files, &patient.home.task_types(), owner);
    looked.unwrap_or_else(|fault| vec![Finding::of_fault(&fault)])
}

fn open_to_others(path: &Path, mode: u32) -> Finding {
    let (bits, words) = if mode & 0o007 != 0 { (0o007, "everybody") } else { (0o070, "its group") };
    let gives = if bits == 0o007 { "o-rwx" } else { "g-rwx" };
    Finding::problem(
        format!(
            "`{}` is open to {words} (mode {:04o}), and holds what nobody else may see",
            path.display(),
            mode & 0o7777
        ),
        format!("run `chmod {gives} {}`", path.display()),
    )
}

fn room(patient: &Patient) -> Vec<Finding> {
    let space = match patient.files.free_space(patient.path()) {
        Ok(space) => space,
        Err(fault) => return vec![Finding::of_fault(&fault)],
    };
    let at = space.file_system.display().to_string();
    let mut findings = Vec::new();
    let megabytes = space.bytes >> 20;
    findings.push(match space.bytes < LITTLE {
        true => Finding::problem(
            format!("only {megabytes} MB are free on `{at}`: tasks are refused before they begin"),
            "make room: old backups, the trash (`.aegir-trash`), logs",
        ),
        false => Finding::ok(format!("{} GB are free on `{at}`", space.bytes >> 30)),
    });
    if space.files < FEW_FILES {
        findings.push(Finding::problem(
            format!("only {} more files can be made on `{at}`; a Drupal has 20,000", space.files),
            "remove what is not needed, or make the file system anew with more inodes",
        ));
    }
    findings
}

/// A file system that does not keep what is promised.
fn file_system(home: &Path, mount: &Mount) -> Option<Finding> {
    let at = mount.at.display();
    let elsewhere = "name a home on a disk of this machine with `--home` (ext4, xfs, btrfs)";
    let has = |option: &str| mount.options.iter().any(|one| one == option);
    if has("ro") {
        return Some(Finding::problem(format!("`{at}` is mounted read-only"), elsewhere));
    }
    match mount.kind.as_str() {
        "vfat" | "exfat" | "msdos" | "ntfs" | "ntfs3" | "fuseblk" | "hfsplus" => Some(Finding::problem(
            format!("`{at}` is {}, which keeps no owners and modes: secrets would be open to all", mount.kind),
            elsewhere,
        )),
        kind if kind.starts_with("nfs")
            || ["cifs", "smb3", "9p", "virtiofs", "fuse.sshfs", "ceph", "glusterfs"].contains(&kind) =>
        {
            Some(Finding::warning(
                format!(
                    "`{at}` is {kind}, over a network: locks and what is synced may be lost when the other end goes"
                ),
                elsewhere,
            ))
        }
        "tmpfs" | "ramfs" => Some(Finding::warning(
            format!(
                "`{}` lies in memory (`{at}` is {}): it is gone when the machine restarts",
                home.display(),
                mount.kind
            ),
            elsewhere,
        )),
        _ if has("noexec") => Some(Finding::warning(
            format!(
                "programs on `{at}` cannot be run (noexec): a platform's own `vendor/bin/drush` will not start by itself"
            ),
            "run them with `php`, or mount it without `noexec`",
        )),
        _ => None,
    }
}

fn settings(patient: &Patient) -> Option<Finding> {
    let path = patient.home.settings_file();
    match patient.files.read_text(&path) {
        Err(fault) => Some(Finding::of_fault(&fault)),
        Ok(text) => match Settings::read(&text.unwrap_or_default(), &path, &patient.settings) {
            Err(fault) => Some(Finding::of_fault(&fault)),
            Ok(settings) => {
                let missing = settings.platform_bases.iter().find(|base| !base.is_dir())?;
                Some(Finding::warning(
                    format!("the setting `platform_bases` names `{}`, which is no folder", missing.display()),
                    format!("make it, or correct `{}`", path.display()),
                ))
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use aegir_domain::Health;

    use super::*;

    fn mounted(kind: &str, options: &[&str]) -> Option<Health> {
        let options = options.iter().map(ToString::to_string).collect();
        let mount = Mount { at: "/srv".into(), kind: kind.into(), options };
        file_system(Path::new("/srv/aegir"), &mount).map(|finding| finding.health)
    }

    #[test]
    fn a_file_system_that_does_not_keep_its_word_is_told() {
        assert_eq!(mounted("ext4", &["rw", "relatime"]), None);
        assert_eq!(mounted("overlay", &["rw"]), None);
        assert_eq!(mounted("ext4", &["ro"]), Some(Health::Problem));
        assert_eq!(mounted("vfat", &["rw"]), Some(Health::Problem));
        for kind in ["nfs4", "cifs", "tmpfs", "9p"] {
            assert_eq!(mounted(kind, &["rw"]), Some(Health::Warning), "{kind}");
        }
        assert_eq!(mounted("ext4", &["rw", "noexec"]), Some(Health::Warning));
    }

    #[test]
    fn what_is_open_to_others_is_told_with_the_line_that_closes_it() {
        let told = open_to_others(Path::new("/srv/credentials"), 0o755);
        assert_eq!(told.remedy.unwrap(), "run `chmod o-rwx /srv/credentials`");
        assert!(open_to_others(Path::new("/srv/x"), 0o640).text.contains("its group"));
    }
}
