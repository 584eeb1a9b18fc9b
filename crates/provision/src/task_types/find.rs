//! Which task types a home has, and whether each can be used: what its manifest says, and whether its programs are ours.

use std::path::{Path, PathBuf};

use aegir_domain::{BadManifest, BadText, Finding, MANIFEST, MachineName, Remedy, TaskManifest, TypePhase};
use aegir_host::{FileFault, Files, Kind};

use crate::own_program::{NotOurs, OursFault, ours};

/// A task type that can be used.
#[derive(Clone, Debug)]
pub struct TaskType {
    /// The name of its folder.
    pub name: MachineName,
    /// What its manifest says.
    pub manifest: TaskManifest,
    /// Whether it has a program that says whether a task may be.
    pub has_check: bool,
    /// Whether it has a program that takes away what only a task itself needed.
    pub has_cleanup: bool,
}

/// What lies in a folder among task types: its name, and the type, or why it cannot be used.
pub type FoundType = (String, Result<TaskType, TaskTypeFault>);

/// The task types that lie in `folder`, by name: what can be used, and why the others cannot. `owner` is our user.
pub fn task_types(files: &Files, folder: &Path, owner: u32) -> Result<Vec<FoundType>, FileFault> {
    let mut found = Vec::new();
    for name in files.list(folder)? {
        // What is not a folder is somebody's note.
        if name.starts_with('.') || files.kind(&folder.join(&name))? == Some(Kind::File) {
            continue;
        }
        let read = match name.parse::<MachineName>() {
            Ok(name) => task_type(files, folder, owner, &name),
            Err(source) => Err(TaskTypeFault::BadName { path: folder.join(&name), source }),
        };
        found.push((name, read));
    }
    Ok(found)
}

/// The task type `name` in `folder`, which must be there and usable. `owner` is our user.
pub fn task_type(files: &Files, folder: &Path, owner: u32, name: &MachineName) -> Result<TaskType, TaskTypeFault> {
    let own = folder.join(name.as_str());
    for place in [folder, &own] {
        if ours(files, place, owner, &Kind::Dir)?.is_none() {
            return Err(TaskTypeFault::Absent { name: name.clone(), folder: folder.to_owned() });
        }
    }
    let path = own.join(MANIFEST);
    if ours(files, &path, owner, &Kind::File)?.is_none() {
        return Err(TaskTypeFault::NoManifest { path });
    }
    let text = files.read_text(&path)?.unwrap_or_default();
    let manifest = read_manifest(&text, &path)?;
    for phase in [TypePhase::Do, TypePhase::Undo] {
        program(files, folder, owner, name, phase)?;
    }
    let has = |phase: TypePhase| -> Result<bool, TaskTypeFault> {
        let is_there = files.stat(&own.join(phase.as_str()))?.is_some();
        if is_there {
            program(files, folder, owner, name, phase)?;
        }
        Ok(is_there)
    };
    let (has_check, has_cleanup) = (has(TypePhase::Check)?, has(TypePhase::Cleanup)?);
    Ok(TaskType { name: name.clone(), manifest, has_check, has_cleanup })
}

fn read_manifest(text: &str, path: &Path) -> Result<TaskManifest, TaskTypeFault> {
    let manifest: TaskManifest = toml::from_str(text)
        .map_err(|source| TaskTypeFault::Unreadable { path: path.to_owned(), source: Box::new(source) })?;
    manifest.check().map_err(|source| TaskTypeFault::Bad { path: path.to_owned(), source })?;
    Ok(manifest)
}

/// Where a program of a task type lies, which must be executable, and ours like the way to it.
pub(super) fn program(
    files: &Files,
    folder: &Path,
    owner: u32,
    name: &MachineName,
    phase: TypePhase,
) -> Result<PathBuf, TaskTypeFault> {
    let own = folder.join(name.as_str());
    let path = own.join(phase.as_str());
    for place in [folder, &own] {
        if ours(files, place, owner, &Kind::Dir)?.is_none() {
            return Err(TaskTypeFault::NoProgram { path });
        }
    }
    match ours(files, &path, owner, &Kind::File)? {
        None => Err(TaskTypeFault::NoProgram { path }),
        Some(stat) if stat.mode & 0o111 == 0 => Err(TaskTypeFault::NotExecutable { path }),
        Some(_) => Ok(path),
    }
}

/// Says of each task type in `folder` whether it can be used. Nothing where there are none.
pub fn look(files: &Files, folder: &Path, owner: u32) -> Result<Vec<Finding>, FileFault> {
    let mut findings = Vec::new();
    let mut good = Vec::new();
    for (name, read) in task_types(files, folder, owner)? {
        match read {
            Ok(_) => good.push(name),
            Err(fault) => findings.push(Finding::of_fault(&fault)),
        }
    }
    if !good.is_empty() {
        findings.push(Finding::ok(format!("task types of your own: {}", good.join(", "))));
    }
    Ok(findings)
}

/// A task type that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TaskTypeFault {
    /// There is none of this name.
    #[error("there is no task type `{name}` in `{}`", folder.display())]
    Absent {
        /// The name.
        name: MachineName,
        /// Where task types lie.
        folder: PathBuf,
    },
    /// Its folder is called as no task type can be.
    #[error("`{}` is no task type", path.display())]
    BadName {
        /// The folder.
        path: PathBuf,
        /// What is wrong with the name.
        source: BadText,
    },
    /// Its folder has no manifest.
    #[error("`{}` is missing: it says what the task type is", path.display())]
    NoManifest {
        /// Where it is to lie.
        path: PathBuf,
    },
    /// Its manifest is no TOML, or holds what no manifest has.
    #[error("cannot read the manifest `{}`", path.display())]
    Unreadable {
        /// The manifest.
        path: PathBuf,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// Its manifest says what cannot be.
    #[error("the manifest `{}` says what cannot be", path.display())]
    Bad {
        /// The manifest.
        path: PathBuf,
        /// What.
        source: BadManifest,
    },
    /// A program that it must have is not there.
    #[error("the program `{}` of a task type is missing", path.display())]
    NoProgram {
        /// Where it is to lie.
        path: PathBuf,
    },
    /// A program of it cannot be executed.
    #[error("the program `{}` of a task type is not executable", path.display())]
    NotExecutable {
        /// The program.
        path: PathBuf,
    },
    /// Somebody else could have written its manifest, a program of it, or a folder on the way to them.
    #[error(transparent)]
    NotOurs(#[from] NotOurs),
    /// It cannot be looked at.
    #[error(transparent)]
    File(#[from] FileFault),
}

impl From<OursFault> for TaskTypeFault {
    fn from(fault: OursFault) -> TaskTypeFault {
        match fault {
            OursFault::File(fault) => fault.into(),
            OursFault::NotOurs(fault) => fault.into(),
        }
    }
}

impl Remedy for TaskTypeFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            TaskTypeFault::Absent { folder, .. } => {
                format!("`ls {}` shows those that there are; the back end looks in its own home", folder.display())
            }
            TaskTypeFault::BadName { source, .. } => {
                format!("{source}; rename the folder, or keep it elsewhere")
            }
            TaskTypeFault::NoManifest { path } => format!("write `{}`, or remove the folder", path.display()),
            TaskTypeFault::Unreadable { path, .. } => format!("correct that line of `{}`", path.display()),
            TaskTypeFault::Bad { path, source } => {
                format!("in `{}`: {}", path.display(), source.remedy().unwrap_or_default())
            }
            TaskTypeFault::NoProgram { path } => {
                format!("put it there (one that has nothing to do ends with status 0): `{}`", path.display())
            }
            TaskTypeFault::NotExecutable { path } => format!("run `chmod u+x {}`", path.display()),
            TaskTypeFault::NotOurs(fault) => return fault.remedy(),
            TaskTypeFault::File(fault) => return fault.remedy(),
        })
    }
}
