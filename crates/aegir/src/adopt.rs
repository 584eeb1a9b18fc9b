//! `adopt`: says what would become of a home of classic Aegir, and changes nothing.

use std::path::PathBuf;

use aegir_domain::{Adopted, AdoptedKind, Adoption, DbEngine, Fate, Home, SourceDatabase};
use aegir_host::{Databases, Files, RealDatabases};
use aegir_provision::inspect::{HostmasterDatabase, Known, look_at_classic, read_known};
use clap::Args;

use crate::compose::Given;
use crate::failure::Failure;
use crate::speak::{out, plain};
use crate::{lists, password};

/// Reads a home of classic Aegir, and says what would become of each server, platform, client, site and alias; changes nothing.
///
/// Run it as a user who may read that home. Its files of PHP are read, not run; its front end's database is asked where it is named.
#[derive(Debug, Args)]
pub(crate) struct AdoptArgs {
    /// The home of classic Aegir, such as `/var/aegir`, or a copy of it
    #[arg(value_name = "HOME")]
    classic: PathBuf,
    /// Says what would become of it: there is nothing else that it does
    #[arg(long, required = true)]
    dry_run: bool,
    /// Prints JSON: a line for each thing, then one with how many can come
    #[arg(long)]
    json: bool,
    #[command(flatten, next_help_heading = "The database of its front end")]
    hostmaster: HostmasterOptions,
}

/// Where the database of a classic front end is; it is only read.
#[derive(Debug, Args)]
struct HostmasterOptions {
    /// The database of its front end: clients and their people, intervals of cron, what was locked, how many tasks there were
    #[arg(long, value_name = "NAME", requires = "hostmaster_db_account", requires = "hostmaster_db_password_file")]
    hostmaster_db: Option<String>,
    /// An account that may read it: the right to `SELECT` is enough
    #[arg(long, value_name = "NAME", requires = "hostmaster_db")]
    hostmaster_db_account: Option<String>,
    /// A file with that account's password, or `-` for standard input
    #[arg(long, value_name = "FILE", requires = "hostmaster_db")]
    hostmaster_db_password_file: Option<PathBuf>,
    /// The host name or address of the server that has it [default: 127.0.0.1]
    #[arg(long, value_name = "HOST", requires = "hostmaster_db")]
    hostmaster_db_host: Option<String>,
    /// The port of that server [default: 3306]
    #[arg(long, value_name = "PORT", requires = "hostmaster_db")]
    hostmaster_db_port: Option<u16>,
    /// The socket of that server
    #[arg(long, value_name = "PATH", requires = "hostmaster_db", conflicts_with_all = ["hostmaster_db_host", "hostmaster_db_port"])]
    hostmaster_db_socket: Option<PathBuf>,
    /// What the names of its tables begin with
    #[arg(long, value_name = "PREFIX", requires = "hostmaster_db")]
    hostmaster_db_prefix: Option<String>,
}

impl HostmasterOptions {
    /// The database, if it is named.
    fn database(&self) -> Result<Option<HostmasterDatabase>, Failure> {
        let (Some(name), Some(account), Some(file)) =
            (&self.hostmaster_db, &self.hostmaster_db_account, &self.hostmaster_db_password_file)
        else {
            return Ok(None);
        };
        let at = match &self.hostmaster_db_socket {
            Some(socket) => DbEngine::Socket(socket.clone()),
            None => DbEngine::Tcp {
                host: self.hostmaster_db_host.clone().unwrap_or_else(|| "127.0.0.1".into()),
                port: self.hostmaster_db_port.unwrap_or(3306),
            },
        };
        let prefix = self.hostmaster_db_prefix.clone().unwrap_or_default();
        let database = SourceDatabase { at, name: name.clone(), account: account.clone(), prefix };
        Ok(Some(HostmasterDatabase { database, password: password::read(file)? }))
    }
}

/// Looks and prints. Ends with 1 if something cannot come, or could not be read.
pub(crate) fn run(given: &Given, args: &AdoptArgs) -> Result<u8, Failure> {
    let classic = std::path::absolute(&args.classic).unwrap_or_else(|_| args.classic.clone());
    let database = args.hostmaster.database()?;
    let hostmaster = database.as_ref().map(|database| (database, &RealDatabases as &dyn Databases));
    let adoption = look_at_classic(&classic, &known(given)?, hostmaster)?;
    match args.json {
        true => as_json(&adoption),
        false => out(&text(&adoption)),
    }
    Ok(u8::from(adoption.count().1 > 0 || !adoption.unread.is_empty()))
}

/// What this home knows; nothing where there is none yet.
fn known(given: &Given) -> Result<Known, Failure> {
    let home = Home::new(given.home());
    match home.contexts().is_dir() {
        true => Ok(read_known(&home, &Files::new(Vec::new()))?),
        false => Ok(Known::default()),
    }
}

fn as_json(adoption: &Adoption) {
    adoption.things.iter().for_each(lists::json);
    let (come, cannot) = adoption.count();
    let mut last =
        serde_json::json!({ "home": adoption.home, "come": come, "cannot": cannot, "unread": adoption.unread });
    if !adoption.notes.is_empty() {
        last["notes"] = serde_json::json!(adoption.notes);
    }
    out(&last.to_string());
}

/// A heading for each kind, a line for each thing, and below it what more there is to say.
fn text(adoption: &Adoption) -> String {
    let mut lines = vec![format!("What would become of `{}`; nothing was changed.", adoption.home.display())];
    let groups = [
        (&[AdoptedKind::Server][..], "Servers"),
        (&[AdoptedKind::Platform], "Platforms"),
        (&[AdoptedKind::Client], "Clients"),
        (&[AdoptedKind::Site, AdoptedKind::Alias], "Sites"),
    ];
    for (kinds, title) in groups {
        let things: Vec<&Adopted> = adoption.things.iter().filter(|thing| kinds.contains(&thing.kind)).collect();
        if !things.is_empty() {
            lines.extend([String::new(), title.to_owned()]);
            lines.extend(things.into_iter().flat_map(about));
        }
    }
    if !adoption.notes.is_empty() {
        lines.push(String::new());
        lines.extend(adoption.notes.iter().cloned());
    }
    if !adoption.unread.is_empty() {
        lines.extend([String::new(), "Not read".to_owned()]);
        lines.extend(adoption.unread.iter().map(|said| format!("  {said}")));
    }
    let (come, cannot) = adoption.count();
    lines.extend([String::new(), format!("{come} can come or are not needed, {cannot} cannot")]);
    plain(&lines.join("\n"))
}

fn about(thing: &Adopted) -> Vec<String> {
    let (name, indent) = match thing.kind {
        AdoptedKind::Alias => (format!("  its alias {}", thing.name), "        "),
        _ => (format!("  {}", thing.name), "      "),
    };
    let mut lines = match &thing.fate {
        Fate::Becomes(what) => vec![format!("{name} becomes {what}")],
        Fate::IsThere(what) => vec![format!("{name} is there already, as {what}")],
        Fate::NotNeeded(why) => vec![format!("{name} is not needed: {why}")],
        Fate::Cannot { because, remedy } => {
            let first = format!("{name} cannot come, because {because}");
            std::iter::once(first).chain(remedy.iter().map(|way| format!("{indent}how to fix it: {way}"))).collect()
        }
    };
    lines.extend(thing.notes.iter().map(|note| format!("{indent}{note}")));
    lines.extend(thing.commands.iter().map(|command| format!("{indent}$ {command}")));
    lines
}
