//! git: asked what a repository has, and told to check out one commit of it.
//!
//! It runs as our user, without settings of anybody, without hooks, and asks nobody for a password: those are read from
//! `.netrc` in the home, or are keys of ssh. What it checks out is code alone; its own folder goes once that lies there.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aegir_domain::{Cmd, CommitId, Fault, GitAddress, GitRef, Remedy};
use aegir_host::{Ended, Launch, Wanted};
use serde::{Deserialize, Serialize};

use super::fetch::{closed_netrc, limits, with_proxy};
use crate::World;

/// How long a repository may take to say what it has.
pub(crate) const ASK_LIMIT: Duration = Duration::from_secs(90);

/// A repository at a branch, a tag or a commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GitCheckout {
    /// The repository.
    pub(crate) from: GitAddress,
    /// The branch, tag or commit.
    pub(crate) reference: GitRef,
    /// Whether the repositories within it are fetched too.
    pub(crate) submodules: bool,
}

impl GitCheckout {
    /// Asks the repository which commit that is. Nothing if it is named by its number, or the beginning of that, which a
    /// repository cannot be asked for. Fails within [`ASK_LIMIT`]; changes nothing.
    pub(crate) fn ask(&self, world: &World) -> Result<Option<CommitId>, Fault> {
        closed_netrc(world)?;
        let name = self.reference.as_str();
        if self.from.is_open_line() && name.parse::<CommitId>().is_err() {
            return Err(GitFault::OpenLine { from: self.from.clone(), reference: self.reference.clone() }.into());
        }
        let names = match name.starts_with("refs/") {
            true => vec![name.to_owned()],
            // Of a tag and a branch of one name git means the tag.
            false => vec![format!("refs/tags/{name}"), format!("refs/heads/{name}")],
        };
        let cmd = self.cmd(world)?.args(["ls-remote", "--", self.from.as_str()]);
        // Behind `^{}` stands the commit that a signed tag is of.
        let cmd = names.iter().fold(cmd, |cmd, name| cmd.arg(name).arg(format!("{name}^{{}}")));
        let said = self.run(world, cmd, Path::new("/"), ASK_LIMIT.min(limit(world)))?;
        let commit_of = |wanted: &str| {
            let lines = said.lines().filter_map(|line| line.split_once('\t'));
            lines.into_iter().find(|(_, name)| *name == wanted).and_then(|(commit, _)| commit.parse().ok())
        };
        let found = names.iter().find_map(|name| commit_of(&format!("{name}^{{}}")).or_else(|| commit_of(name)));
        match found {
            None if !self.reference.may_be_commit() => {
                Err(GitFault::NoRef { from: self.from.clone(), reference: self.reference.clone() }.into())
            }
            found => Ok(found),
        }
    }

    /// Has the code of that commit lie at `into`, which must not be there, and gives the whole number of the commit.
    /// `commit` is what [`GitCheckout::ask`] gave. Whoever takes this back removes `into`.
    pub(crate) fn check_out(&self, world: &World, commit: Option<&CommitId>, into: &Path) -> Result<CommitId, Fault> {
        closed_netrc(world)?;
        let files = world.files();
        files.make_dirs(into, 0o755)?;
        let git = |args: &[&str]| self.run(world, self.cmd(world)?.args(args.iter().copied()), into, limit(world));
        git(&["init", "--quiet", "--template="])?;
        world.say(format!("Fetching `{}` at `{}`", self.from, self.reference));
        let wanted = commit.map_or(self.reference.as_str(), CommitId::as_str).to_owned();
        let from = self.from.as_str();
        // One commit alone is a tenth of a repository; not every server gives it, and none by a part of its number.
        let by_number = wanted.parse::<CommitId>().is_ok();
        let alone = by_number.then(|| git(&["fetch", "--quiet", "--no-tags", "--depth=1", "--", from, &wanted]));
        if !matches!(alone, Some(Ok(_))) {
            // What git itself would not do may go otherwise; what took too long takes longer so.
            if let Some(Err(fault)) = alone
                && (world.task.is_cancelled(files) || !may_go_otherwise(&fault))
            {
                return Err(fault);
            }
            let mut all = vec!["fetch", "--quiet", "--no-tags", "--", from];
            all.extend(["+refs/heads/*:refs/fetched/heads/*", "+refs/tags/*:refs/fetched/tags/*"]);
            // One that is neither a branch nor a tag, as for a change that is proposed.
            let named = format!("+{}:refs/fetched/named", self.reference);
            all.extend(self.reference.as_str().starts_with("refs/").then_some(named.as_str()));
            git(&all)?;
        }
        let no_ref = |_: Fault| GitFault::NoRef { from: self.from.clone(), reference: self.reference.clone() };
        let found = git(&["rev-parse", "--verify", "--quiet", &format!("{wanted}^{{commit}}")]);
        let found: CommitId = found.map_err(no_ref)?.trim().parse()?;
        git(&["checkout", "--quiet", "--detach", found.as_str()])?;
        if self.submodules {
            // An address within may be relative to where it comes from.
            git(&["remote", "add", "origin", from])?;
            git(&["submodule", "--quiet", "update", "--init", "--recursive"])?;
        }
        remove_gits_own(world, into)?;
        files.set_modes_of_code(into)?;
        world.say(format!("Checked out commit {found}"));
        Ok(found)
    }

    /// git with nobody's settings and no program of anybody's.
    fn cmd(&self, world: &World) -> Result<Cmd, Fault> {
        let named = world.parts.settings.git.to_string_lossy().into_owned();
        let git = world.find_program(&[named]).ok_or(GitFault::Missing)?;
        let cmd = Cmd::new(git);
        Ok(cmd
            .args(["-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0", "-c", "maintenance.auto=false"])
            .args(["-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=60"])
            .args(["-c", "init.defaultBranch=fetched", "-c", "core.fsmonitor=false"]))
    }

    /// Runs git, and gives what it printed.
    fn run(&self, world: &World, cmd: Cmd, dir: &Path, limit: Duration) -> Result<String, Fault> {
        let own = self.from.protocol();
        // What is within may come by another way, of those that reach nothing of this machine; a repository of this machine
        // may name others beside it, of which git reads those alone that are our user's.
        let allowed = if self.submodules { format!("{own}:https:ssh") } else { own.to_owned() };
        let launch = quiet(Launch::new(cmd).in_dir(dir)).env("GIT_ALLOW_PROTOCOL", allowed);
        let launch = with_proxy(world, launch).limits(limits(world, limit)).until(world.until_cancelled());
        let ran = world.programs.run(&launch, &mut |_| ())?;
        match ran.ended {
            Ended::Code(0) => Ok(ran.stdout),
            Ended::Stopped => Err(super::Stopped { program: "git" }.into()),
            Ended::TimedOut => Err(GitFault::TooLong { from: self.from.clone(), seconds: limit.as_secs() }.into()),
            ended => {
                let said = last_words(&ran.stderr);
                if said.contains("dubious ownership") {
                    return Err(GitFault::SomebodyElses { from: self.from.clone() }.into());
                }
                let why = if said.is_empty() { format!("git {ended}") } else { said };
                Err(GitFault::NotFetched { from: self.from.clone(), why }.into())
            }
        }
    }
}

/// Whether it was git that gave up, and not its time that ended.
fn may_go_otherwise(fault: &Fault) -> bool {
    matches!(fault.downcast_ref(), Some(GitFault::NotFetched { .. }))
}

/// The same launch, with git in it asking nobody and reading no settings, also where another program starts it.
pub(super) fn quiet(launch: Launch) -> Launch {
    launch
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_ATTR_NOSYSTEM", "1")
        .env("GIT_SSH_COMMAND", "ssh -oBatchMode=yes -oConnectTimeout=30")
}

fn limit(world: &World) -> Duration {
    Duration::from_secs(world.parts.settings.build_limit)
}

/// Removes what git keeps for itself, of the repository and of those within it.
fn remove_gits_own(world: &World, tree: &Path) -> Result<(), Fault> {
    let mut own: Vec<PathBuf> = Vec::new();
    world.files().survey(tree, &mut |path, _| match path.file_name().is_some_and(|name| name == ".git") {
        true => {
            own.push(tree.join(path));
            Wanted::No
        }
        false => Wanted::Yes,
    })?;
    for path in own {
        world.files().remove_tree(&path)?;
    }
    Ok(())
}

/// The lines by which git says why it ends.
fn last_words(said: &str) -> String {
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(6)..].join(" ")
}

/// Why git did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GitFault {
    #[error("git is not installed")]
    Missing,
    #[error("`{from}` could not be fetched: {why}")]
    NotFetched { from: GitAddress, why: String },
    #[error("`{from}` has no branch, tag or commit `{reference}`")]
    NoRef { from: GitAddress, reference: GitRef },
    #[error("`{from}` is asked over an open line for `{reference}`: anybody between could answer with code of theirs")]
    OpenLine { from: GitAddress, reference: GitRef },
    #[error("`{from}` is another user's, and git reads no repository of another user without asking")]
    SomebodyElses { from: GitAddress },
    #[error("`{from}` took longer than {seconds} s")]
    TooLong { from: GitAddress, seconds: u64 },
}

impl Remedy for GitFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            GitFault::Missing => {
                "install the package `git`, or name its program as `git` in `hostmaster/aegir.toml`".into()
            }
            GitFault::NotFetched { .. } => "see whether Ægir's user reaches it: `git ls-remote` with that address \
                 (through a proxy: `proxy` in `hostmaster/aegir.toml`; with a password: `.netrc` in Ægir's home, mode \
                 0600; with ssh: a key of Ægir's user)"
                .into(),
            GitFault::NoRef { from, .. } => format!("see what it has: `git ls-remote {from}`"),
            GitFault::OpenLine { .. } => {
                "give the whole number of the commit as the reference, or an address of `https` or `ssh`".into()
            }
            GitFault::SomebodyElses { .. } => {
                "clone it as Ægir's user and give that, or give the repository to that user (`chown -R`)".into()
            }
            GitFault::TooLong { .. } => "try again, or raise `build_limit` in `hostmaster/aegir.toml`".into(),
        })
    }
}
