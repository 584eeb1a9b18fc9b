//! The command line as types: each text becomes what it means while it is read.

use std::path::PathBuf;
use std::str::FromStr;

use aegir_domain::{
    AttemptId, BackupName, BadText, ContextName, FaultReport, FormerName, KeepFormer, MachineName, Note, OldName,
    PlatformName, Report, ServerName, SiteName,
};
use clap::{Args, Parser, Subcommand};

use crate::adopt::AdoptArgs;
use crate::build::BuildArgs;
use crate::clone::CloneArgs;
use crate::custom::CustomArgs;
use crate::db::DbArgs;
use crate::destroy::DestroyArgs;
use crate::doctor::DoctorArgs;
use crate::drush::DrushArgs;
use crate::front::{Asked, Shell};
use crate::import::ImportArgs;
use crate::install::InstallArgs;
use crate::save::SaveArgs;
use crate::serve::ServeArgs;
use crate::trash::{EmptyArgs, RestoreArgs};
use crate::up::UpArgs;

/// The heading of what every command takes.
const EVERYWHERE: &str = "Everywhere";

/// Hosts fleets of Drupal sites: a task happens completely, or leaves the world as it was.
#[derive(Debug, Parser)]
#[command(name = "aegir", version, propagate_version = true, max_term_width = 100)]
pub(crate) struct Cli {
    /// The home, where everything is kept [default: $AEGIR_HOME, else /var/aegir]
    #[arg(long, global = true, value_name = "DIR", help_heading = EVERYWHERE)]
    pub(crate) home: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// What the front end is asked for, made from its operations
    #[command(flatten)]
    Front(Box<Asked>),
    /// The back end: tasks on servers, platforms and sites of this machine
    Provision(Box<Provision>),
    /// Starts web server, PHP and database with a first Drupal site, and keeps them until Ctrl-C
    Up(Box<UpArgs>),
    /// The front end: the queue of tasks, what is remembered of everything, and the API
    Serve(ServeArgs),
    /// The control database: looked through, copied, moved to another
    Db(DbArgs),
    /// Ends the `aegir up` of this home, in order
    Down,
    /// Looks at this machine and at the home, and says what to do about what it finds
    Doctor(DoctorArgs),
    /// Removes the home, with all that runs for it and all that Ægir made for it elsewhere
    Destroy(DestroyArgs),
    Adopt(AdoptArgs),
    Import(Box<TakeIn>),
    Drush(DrushArgs),
    /// Prints a script that completes commands and names in a shell
    Completion {
        /// Which shell
        shell: Shell,
    },
    /// Answers such a script: what a half typed line can go on with
    #[command(hide = true)]
    Complete {
        /// Which shell asks
        shell: Shell,
        /// The words so far
        #[arg(last = true)]
        words: Vec<String>,
    },
    /// Writes a manual page for each command into a folder
    Man {
        /// The folder, such as `~/.local/share/man/man1`
        dir: PathBuf,
    },
    /// Prints the manual's page about the command line
    #[command(hide = true)]
    Manual,
    /// Prints the JSON Schema of what `provision run` reads and writes
    Schema,
}

/// Takes in a site that somebody else installed, where it lies, or makes a copy of it
///
/// The same as `aegir provision import`: it is done at once, on this machine. Its settings go on as the site's own, its
/// data moves to a database of Ægir's on the same server. If anything fails, all is as it was. Begin with `--dry-run`.
#[derive(Debug, Args)]
pub(crate) struct TakeIn {
    #[command(flatten)]
    pub(crate) manner: Manner,
    #[command(flatten)]
    pub(crate) args: ImportArgs,
}

/// What the help of the back end ends with.
const NAMES_AND_CODES: &str = "\
Names of objects begin with `@`: `@server_NAME`, `@platform_NAME`, and `@SITE` for a site.

Exit codes: 0 done, 4 refused (nothing was touched), 7 taken back (all is as it was), 8 stuck (it
says what is left), 6 the task goes on without you, 1 an error outside any task, 2 wrong usage,
3 nothing was to change (with --fail-if-unchanged).";

/// The back end: tasks on servers, platforms and sites of this machine
#[derive(Debug, Args)]
#[command(after_help = NAMES_AND_CODES)]
pub(crate) struct Provision {
    #[command(flatten)]
    pub(crate) manner: Manner,
    #[command(subcommand)]
    pub(crate) command: ProvisionCommand,
}

/// How a command by hand speaks.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Manner {
    /// Prints JSON, a line for each thing that is said
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    pub(crate) json: bool,
    /// Prints every line of the recipe too, and programs' output whole
    #[arg(long, short, global = true, help_heading = EVERYWHERE)]
    pub(crate) verbose: bool,
    /// Ends with 3 if nothing was to change
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    pub(crate) fail_if_unchanged: bool,
    /// For a front end: the version of the protocol that it speaks; what went wrong is then told as JSON too
    #[arg(long, global = true, hide = true, value_name = "VERSION")]
    pub(crate) protocol: Option<u32>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProvisionCommand {
    /// Runs one request (JSON, on standard input) and follows it (JSON lines, on standard output)
    Run,
    /// Follows an attempt from one of its lines on, as `run` does
    Attach {
        /// The id of the attempt
        #[arg(value_parser = text::<AttemptId>)]
        attempt: AttemptId,
        /// The first line to print; 1 is the first of all
        #[arg(long, value_name = "LINE", default_value_t = 1)]
        from: u64,
        /// For a front end: the part of the answer that is told only once is left to whoever began the attempt
        #[arg(long, hide = true)]
        leave_secret: bool,
    },
    /// Asks an attempt to stop before its next line, and to take back what it did
    Cancel {
        /// The id of the attempt
        #[arg(value_parser = text::<AttemptId>)]
        attempt: AttemptId,
    },
    /// Ends what dead workers began: takes it back, or carries it on past its point of no return
    Recover,
    /// Lists attempts, the newest first
    Tasks {
        /// How many
        #[arg(long, default_value_t = 20)]
        limit: usize,
        /// For a front end: those made since (in milliseconds since 1970), and those that are not done with
        #[arg(long, hide = true, value_name = "TIME")]
        since: Option<u64>,
        /// For a front end: this one too, whenever it was made
        #[arg(long, hide = true, value_name = "ATTEMPT", requires = "since", value_parser = text::<AttemptId>)]
        also: Vec<AttemptId>,
        /// For a front end: only those made before this one
        #[arg(long, hide = true, value_name = "ATTEMPT", value_parser = text::<AttemptId>)]
        before: Option<AttemptId>,
    },
    /// Tries services before anything is said of them for good (JSON, on standard input): a line of JSON for each
    #[command(hide = true)]
    Try,
    /// Works on an attempt that was asked for
    #[command(hide = true)]
    Worker {
        #[arg(value_parser = text::<AttemptId>)]
        attempt: AttemptId,
    },
    /// Saves what is known of a server, a platform or a site; changes only what is named
    Save(Box<SaveArgs>),
    /// Shows what is known of an object, or of all
    Show {
        /// The object: `@server_NAME`, `@platform_NAME` or `@SITE`
        #[arg(value_name = "@NAME", value_parser = text::<ContextName>)]
        name: Option<ContextName>,
    },
    /// Forgets a server or a platform that nothing uses; removes nothing else
    Forget {
        /// The object: `@server_NAME` or `@platform_NAME`
        #[arg(value_name = "@NAME", value_parser = text::<ContextName>)]
        name: ContextName,
    },
    /// Brings an object to what is saved of it, and says what it changed
    Verify {
        /// The object: `@server_NAME`, `@platform_NAME` or `@SITE`
        #[arg(value_name = "@NAME", value_parser = text::<ContextName>)]
        name: ContextName,
    },
    /// Makes a new platform: from a tree, an archive, a git repository, a make file, with Composer, or of the demo code base
    Build(Box<BuildArgs>),
    /// Makes a new site
    Install(Box<InstallArgs>),
    /// Takes in a site that somebody else installed, where it lies
    ///
    /// Its settings go on as the site's own, its data moves to a database of Ægir's on the same server. If anything
    /// fails, all is as it was. Begin with `--dry-run`. With `--copy` a copy of it is made, and it is only read.
    Import(Box<ImportArgs>),
    /// Prints a link that logs in once
    Login {
        /// The site
        #[arg(value_name = "@SITE", value_parser = site)]
        site: SiteName,
        /// The number of the account; 1 is the first administrator
        #[arg(long, value_name = "UID", default_value_t = 1)]
        account: u64,
    },
    /// Moves a site to another platform, and runs its updates on a copy first
    ///
    /// Visitors are told to come back while the copy is made, and nothing that they wrote is lost. If an update
    /// fails, all is as it was. What the site was is kept; `go-back` returns to it.
    Migrate {
        /// The site
        #[arg(value_name = "@SITE", value_parser = site)]
        site: SiteName,
        /// The platform it is to live on
        #[arg(long, value_name = "@PLATFORM", value_parser = platform)]
        platform: PlatformName,
        /// The server that is to hold its data; the one that does if none is named
        #[arg(long, value_name = "NAME", value_parser = text::<ServerName>)]
        db_server: Option<ServerName>,
        /// A package that may be missing there though the site has it enabled; may be given again
        #[arg(long, value_name = "PACKAGE", value_parser = text::<MachineName>)]
        allow_missing: Vec<MachineName>,
        /// Tries all of it on a copy, without a fence, compares what the site shows, and takes the copy away again
        #[arg(long, conflicts_with = "rehearse_first")]
        rehearse: bool,
        /// The same; if all is well, the site moves then
        #[arg(long)]
        rehearse_first: bool,
        /// How what it was is kept [default: as `keep_former` of the home's settings says, or `itself`]
        #[arg(long, value_enum, value_name = "HOW")]
        keep_former: Option<KeepFormerWord>,
    },
    /// Runs the updates that wait for a site where it lives, on a copy; does nothing if none waits
    ///
    /// For a site whose code was changed in place, or that was brought here with updates to run. Visitors are told to come
    /// back while its database is copied and the updates run. If one fails, all is as it was. What the site was is kept;
    /// `go-back` returns to it.
    Update {
        /// The site
        #[arg(value_name = "@SITE", value_parser = site)]
        site: SiteName,
        /// A package whose code may be missing though the site has it enabled; may be given again
        #[arg(long, value_name = "PACKAGE", value_parser = text::<MachineName>)]
        allow_missing: Vec<MachineName>,
        /// How what it was is kept [default: as `keep_former` of the home's settings says, or `itself`]
        #[arg(long, value_enum, value_name = "HOW")]
        keep_former: Option<KeepFormerWord>,
    },
    /// Has a site be what it was before it was moved
    ///
    /// It says what was written since, which the former self does not have. What the site is now is kept likewise.
    GoBack {
        /// The site
        #[arg(value_name = "@SITE", value_parser = site)]
        site: SiteName,
        /// Which of its former selves, as `show` lists them; the latest if none is named
        #[arg(long, value_name = "NAME", value_parser = text::<FormerName>)]
        former: Option<FormerName>,
        /// Does so though the page of what it was is an error, and that of what it is now is none
        #[arg(long)]
        although_broken: bool,
        /// How what it is now is kept [default: as `keep_former` of the home's settings says, or `itself`]
        #[arg(long, value_enum, value_name = "HOW")]
        keep_former: Option<KeepFormerWord>,
    },
    /// Lets go of what a site was before it was moved; nobody can go back to that any more
    DropFormers {
        /// The site
        #[arg(value_name = "@SITE", value_parser = site)]
        site: SiteName,
        /// Which of its former selves; those that were kept for `former_days` if none is named
        #[arg(long, value_name = "NAME", value_parser = text::<FormerName>)]
        former: Option<FormerName>,
    },
    /// Tells what was written to a site since it left a former self: what going back would leave out; changes nothing
    WrittenSince {
        /// The site
        #[arg(value_name = "@SITE", value_parser = site)]
        site: SiteName,
        /// Which of its former selves, as `show` lists them; the latest if none is named
        #[arg(long, value_name = "NAME", value_parser = text::<FormerName>)]
        former: Option<FormerName>,
    },
    /// Has a site's Drupal clear all its caches, and make them again
    RebuildCaches {
        /// The site
        #[arg(value_name = "@SITE", value_parser = site)]
        site: SiteName,
    },
    /// Runs cron of a site, in its Drupal, and tells what came of it; left out while a task is at the site
    Cron {
        /// The site
        #[arg(value_name = "@SITE", value_parser = site)]
        site: SiteName,
        /// How many seconds it may take, 240 at the most
        #[arg(long, value_name = "SECONDS", default_value_t = 240, value_parser = clap::value_parser!(u64).range(1..=240))]
        limit: u64,
    },
    /// Makes a new site of the content and the files of another, which goes on meanwhile
    ///
    /// The copy has keys of its own, sends no mail and runs no cron by itself, unless it is asked to.
    Clone(Box<CloneArgs>),
    /// Gives a site another name; its folder, its database and what that says of the folder go along
    ///
    /// Visitors are told to come back while its database is copied. What the site was is kept.
    Rename {
        /// The site
        #[arg(value_name = "@SITE", value_parser = site)]
        site: SiteName,
        /// What it is to be called
        #[arg(value_name = "NEW-NAME", value_parser = site)]
        to: SiteName,
        /// What becomes of the name that it has
        #[arg(long, value_enum, default_value = "redirect")]
        old_name: OldNameWord,
        /// How what it was is kept [default: as `keep_former` of the home's settings says, or `itself`]
        #[arg(long, value_enum, value_name = "HOW")]
        keep_former: Option<KeepFormerWord>,
    },
    /// Tells whether a site fits a platform: what would be upgraded there, what stands in the way; changes nothing
    Compare {
        /// The site; several are compared one after the other
        #[arg(value_name = "@SITE", value_parser = site, required = true)]
        sites: Vec<SiteName>,
        /// The platform that it would move to
        #[arg(long, value_name = "PLATFORM", value_parser = platform)]
        to: PlatformName,
        /// A package that may be missing there though the site has it enabled; may be given again
        #[arg(long, value_name = "PACKAGE", value_parser = text::<MachineName>)]
        allow_missing: Vec<MachineName>,
    },
    /// Makes a backup of a site: its folder and its database in one archive, while it goes on
    Backup {
        /// The site
        #[arg(value_name = "@SITE", value_parser = site)]
        site: SiteName,
        /// Why it is made: one line, kept in it
        #[arg(long, value_name = "TEXT", value_parser = text::<Note>)]
        note: Option<Note>,
    },
    /// Lists the backups of a site, or of all
    Backups {
        /// The site; it need not be there any more
        #[arg(value_name = "@SITE", value_parser = site)]
        site: Option<SiteName>,
    },
    /// Proves that a backup is whole, and makes a site of it, which must run and is then taken away again
    BackupVerify {
        /// The backup's file name
        #[arg(value_name = "BACKUP", value_parser = text::<BackupName>)]
        backup: BackupName,
        /// The platform to try it on [default: that of its site]
        #[arg(long, value_name = "NAME", value_parser = text::<PlatformName>)]
        platform: Option<PlatformName>,
        /// The server whose database service holds the trial [default: that of its site]
        #[arg(long, value_name = "NAME", value_parser = text::<ServerName>)]
        db_server: Option<ServerName>,
    },
    /// Has a site be what it was when a backup was made, and keeps what it is now
    ///
    /// It is unpacked beside the site, updated if the platform's code is newer, and looked at; then it takes the site's
    /// place. `go-back` returns to what the site is now. A site that is gone is there again. With `--as` it is a new site
    /// under another name, and the one that it is of is left alone.
    Restore {
        /// The backup's file name
        #[arg(value_name = "BACKUP", value_parser = text::<BackupName>)]
        backup: BackupName,
        /// The name of a new site that is to be made of it
        #[arg(long = "as", value_name = "@SITE", value_parser = site)]
        new_site: Option<SiteName>,
        /// The platform it is to live on [default: the one it lives on, or lived on]
        #[arg(long, value_name = "@PLATFORM", value_parser = platform)]
        platform: Option<PlatformName>,
        /// The server whose database service is to hold its data [default: the one that does, or did]
        #[arg(long, value_name = "NAME", value_parser = text::<ServerName>)]
        db_server: Option<ServerName>,
        /// How what the site is now is kept [default: as `keep_former` of the home's settings says, or `itself`]
        #[arg(long, value_enum, value_name = "HOW")]
        keep_former: Option<KeepFormerWord>,
    },
    /// Writes the archive of a backup to standard output
    BackupSend {
        /// The backup's file name
        #[arg(value_name = "BACKUP", value_parser = text::<BackupName>)]
        backup: BackupName,
    },
    /// Takes in an archive from standard input, once all of it was read and found to be a backup
    BackupReceive {
        /// The name it is to have; where that is taken, another one of its site and moment
        #[arg(value_name = "BACKUP", value_parser = text::<BackupName>)]
        backup: BackupName,
    },
    /// Removes a backup for good
    BackupDelete {
        /// The backup's file name
        #[arg(value_name = "BACKUP", value_parser = text::<BackupName>)]
        backup: BackupName,
    },
    /// Prints what the web server's log has of a site: the last requests, or what was complained of
    ///
    /// Login links, the key of cron and queries are not shown.
    Log {
        /// The site
        #[arg(value_name = "@SITE", value_parser = site)]
        site: SiteName,
        /// What the web server complained of
        #[arg(long, conflicts_with = "php")]
        errors: bool,
        /// What PHP complained of
        #[arg(long)]
        php: bool,
        /// How many lines
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(0..=10_000))]
        lines: u16,
        /// Goes on with what comes, until Ctrl-C
        #[arg(long, short)]
        follow: bool,
    },
    /// Lists what lies in the trash, with the date until which it is kept
    TrashList,
    /// Puts back what was deleted, if nothing has its place
    ///
    /// The code of a platform is moved back to where it lay, and what was known of it is saved again. A site is made
    /// again from its last backup, since its database does not lie in the trash.
    TrashRestore(RestoreArgs),
    /// Removes for good what lies in the trash for long enough, or what is named
    ///
    /// How long is enough says `trash_days` of the home's settings: 30 days by default; with 0 nothing goes unless it is
    /// named or its age is given. What a task that has not ended may still put back stays.
    TrashEmpty(EmptyArgs),
    /// Runs a task of a type that was added to this home, in `tasks.d`
    Custom(Box<CustomArgs>),
    /// Lists the task types of this home, and says what is amiss with those that cannot be used
    TaskTypes,
    /// Takes a platform away that nothing lives on: its code to the trash
    PlatformDelete {
        /// The platform: `@platform_NAME`
        #[arg(value_name = "@platform_NAME", value_parser = platform)]
        platform: PlatformName,
        /// The platform's name again
        #[arg(long, value_name = "NAME")]
        confirm: Option<String>,
    },
    /// Takes a site out of service: visitors get a page that says so, and none of its code runs
    ///
    /// A backup is made of it then, which has all that was ever written.
    Disable {
        /// The site
        #[arg(value_name = "@SITE", value_parser = site)]
        site: SiteName,
        /// No backup is made of it
        #[arg(long)]
        no_backup: bool,
    },
    /// Takes a disabled site into service again, once it boots and its front page answers
    Enable {
        /// The site
        #[arg(value_name = "@SITE", value_parser = site)]
        site: SiteName,
    },
    /// Lets go of a site, which runs on where it lies: its settings hold what they need, and Ægir forgets it
    ///
    /// A vhost without Ægir, a crontab line and what is to be known lie in `ejected/` of the home afterwards.
    Eject {
        /// The site
        #[arg(value_name = "@SITE", value_parser = site)]
        site: SiteName,
    },
    /// Takes a site away: its files to the trash, its database for good
    ///
    /// A last backup is made of what there is of it, and looked through, before anything goes.
    Delete {
        /// The site
        #[arg(value_name = "@SITE", value_parser = site)]
        site: SiteName,
        /// The site's name again
        #[arg(long, value_name = "SITE")]
        confirm: Option<String>,
        /// No backup is made of it
        #[arg(long)]
        no_backup: bool,
    },
}

/// What becomes of the name that a site had.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum OldNameWord {
    /// Its visitors are sent on to the new one, for good
    Redirect,
    /// The site answers to it too
    Alias,
    /// The site answers to it no more
    Gone,
}

impl From<OldNameWord> for OldName {
    fn from(word: OldNameWord) -> OldName {
        match word {
            OldNameWord::Redirect => OldName::Redirect,
            OldNameWord::Alias => OldName::Alias,
            OldNameWord::Gone => OldName::Gone,
        }
    }
}

/// How what a site was is kept.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum KeepFormerWord {
    /// Whole, beside the site: going back takes a moment
    Itself,
    /// Packed into a backup afterwards: takes less room, and going back takes as long as a restore
    Archive,
}

impl From<KeepFormerWord> for KeepFormer {
    fn from(word: KeepFormerWord) -> KeepFormer {
        match word {
            KeepFormerWord::Itself => KeepFormer::Itself,
            KeepFormerWord::Archive => KeepFormer::Archive,
        }
    }
}

/// Reads a text as what it means, and says how to put it right.
pub(crate) fn text<T: FromStr<Err = BadText>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error| Report(&FaultReport::of(&error)).to_string())
}

/// Reads the name of a platform, with or without its `@platform_` or its `@`.
pub(crate) fn platform(name: &str) -> Result<PlatformName, String> {
    let plain = name.strip_prefix("@platform_").or_else(|| name.strip_prefix('@'));
    text(plain.unwrap_or(name))
}

/// Reads the name of a site, with or without its `@`.
pub(crate) fn site(name: &str) -> Result<SiteName, String> {
    text(name.strip_prefix('@').unwrap_or(name))
}
