//! `import`: what a person says of a site that lies in a platform and that nobody here knows, or that a copy is made of.

use std::path::PathBuf;

use aegir_domain::{
    CopySource, DbEngine, Fault, FoundToImport, HostName, ImportAnswer, ImportSite, MachineName, Mention, PlatformName,
    RefreshCopy, Remedy, Secrets, ServerName, SiteName, SourceDatabase, SwitchCopy, Task,
};
use aegir_provision::{MeantSite, find_site_to_import, look_at_import, look_at_refresh, proposed_name};
use clap::Args;

use crate::args::{KeepFormerWord, Manner, TakeIn, platform, site, text};
use crate::compose::{Composed, Given};
use crate::failure::Failure;
use crate::run_now::run_now;
use crate::speak::{Stream, out};
use crate::{lists, password, provision};

/// A site that is to be taken in.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// The site: its name, which is that of its folder, or the path of the folder; to refresh or switch a copy, the copy
    #[arg(value_name = "SITE-OR-PATH")]
    meant: String,
    /// The platform that it lies in [default: the one that has a folder of its name], or that a copy is to live on
    #[arg(long, value_name = "@PLATFORM", value_parser = platform)]
    platform: Option<PlatformName>,
    /// The server that has its data [default: the one that its settings lead to], or that is to hold a copy's
    #[arg(long, value_name = "NAME", value_parser = text::<ServerName>)]
    db_server: Option<ServerName>,
    /// What a site that lies in `sites/default` is to be called, or a copy
    #[arg(long, value_name = "SITE", value_parser = site)]
    name: Option<SiteName>,
    /// Another name it answers to; may be given again
    #[arg(long, value_name = "NAME", value_parser = text::<HostName>)]
    alias: Vec<HostName>,
    /// Whose it is
    #[arg(long, value_name = "CLIENT", default_value = "admin", value_parser = text::<MachineName>)]
    client: MachineName,
    /// Says what it finds and would do, and changes nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten, next_help_heading = "As a copy")]
    copy: CopyOptions,
}

/// How a copy is made of a site that goes on.
#[derive(Debug, Args)]
struct CopyOptions {
    /// Makes a copy of the site, under another name and quiet; the site itself is only read, wherever it lies
    #[arg(long, requires = "name", requires = "platform", group = "of_a_copy")]
    copy: bool,
    /// Brings such a copy up to date from the site, and keeps what it was
    #[arg(long, group = "of_a_copy", conflicts_with_all = ["platform", "db_server", "name", "alias", "client"])]
    refresh: bool,
    /// Does so for the last time, and has it take the place of the site: with mail and cron, a copy no more
    #[arg(long, group = "of_a_copy", conflicts_with_all = ["platform", "db_server", "name", "alias", "client"])]
    switch: bool,
    /// Does so though the site is not in maintenance mode; what is written to it meanwhile is lost
    #[arg(long, requires = "switch")]
    although_live: bool,
    /// How what the copy was is kept [default: as `keep_former` of the home's settings says, or `itself`]
    #[arg(long, value_enum, value_name = "HOW", requires = "of_a_copy", conflicts_with = "copy")]
    keep_former: Option<KeepFormerWord>,
    /// Takes people's addresses and passwords out of the copy
    #[arg(long, requires = "copy")]
    sanitise: bool,
    /// The database that has its data [default: the one that its settings say]
    #[arg(
        long,
        value_name = "NAME",
        requires = "copy",
        requires = "source_db_account",
        requires = "source_db_password_file"
    )]
    source_db: Option<String>,
    /// An account that may read it: the right to `SELECT` is enough
    #[arg(long, value_name = "NAME", requires = "source_db")]
    source_db_account: Option<String>,
    /// A file with that account's password, or `-` for standard input; also to refresh or switch, where the database was named
    #[arg(long, value_name = "FILE", requires = "of_a_copy")]
    source_db_password_file: Option<PathBuf>,
    /// The host name or address of the server that has it [default: 127.0.0.1]
    #[arg(long, value_name = "HOST", requires = "source_db")]
    source_db_host: Option<String>,
    /// The port of that server [default: 3306]
    #[arg(long, value_name = "PORT", requires = "source_db")]
    source_db_port: Option<u16>,
    /// The socket of that server
    #[arg(long, value_name = "PATH", requires = "source_db", conflicts_with_all = ["source_db_host", "source_db_port"])]
    source_db_socket: Option<PathBuf>,
    /// What the names of its tables begin with
    #[arg(long, value_name = "PREFIX", requires = "source_db")]
    source_db_prefix: Option<String>,
}

/// The same from a command of its own.
pub(crate) fn run_here(given: &Given, asked: TakeIn) -> Result<u8, Failure> {
    run(&Composed::of(given)?, asked.manner, asked.args)
}

/// Takes a site in, or says what that would do.
pub(crate) fn run(composed: &Composed, manner: Manner, args: ImportArgs) -> Result<u8, Failure> {
    if args.copy.refresh || args.copy.switch {
        return refresh(composed, manner, args);
    }
    if let (true, Some(name), Some(platform)) = (args.copy.copy, args.name.clone(), args.platform.clone()) {
        return make_copy(composed, manner, args, name, platform);
    }
    let mut name = args.name;
    if let (true, true, None, Some(platform)) =
        (args.dry_run, manner.protocol.is_some(), &name, args.platform.as_ref().filter(|_| args.meant == "default"))
    {
        // A front end offers to whoever asks it what is proposed here.
        match proposed_name(&composed.parts, platform) {
            Ok(None) => {
                lists::json(&ImportAnswer::Nameless);
                return Ok(0);
            }
            // What is wrong with the platform is told below.
            proposed => name = proposed.ok().flatten(),
        }
    }
    let meant = find_site_to_import(&composed.parts, &args.meant, args.platform.as_ref(), name.as_ref());
    let MeantSite { platform, site, from_default } = match meant {
        // A front end gets an answer, whatever it says.
        Err(fault) if args.dry_run && manner.protocol.is_some() => {
            lists::json(&ImportAnswer::Refused(fault.report()));
            return Ok(0);
        }
        meant => meant?,
    };
    let asked = ImportSite {
        site,
        from_default,
        platform,
        db_server: args.db_server,
        aliases: args.alias,
        client: args.client,
        copy_of: None,
    };
    if !args.dry_run {
        return provision::task(composed, manner, Task::ImportSite(Box::new(asked)));
    }
    show(manner, look_at_import(&composed.parts, &asked, &Secrets::default(), run_now), Would::TakeIn)
}

/// Says what was found, and would be done.
fn show(manner: Manner, found: Result<FoundToImport, Fault>, would: Would<'_>) -> Result<u8, Failure> {
    // A front end gets an answer, whatever it says.
    if manner.protocol.is_some() {
        lists::json(&match found {
            Ok(found) => ImportAnswer::Found(Box::new(found)),
            Err(fault) => ImportAnswer::Refused(fault.report()),
        });
        return Ok(0);
    }
    let found = found?;
    match manner.json {
        true => lists::json(&found),
        false => told(&found, would).iter().for_each(|line| out(line)),
    }
    Ok(0)
}

/// Makes a copy of a site that lies anywhere.
fn make_copy(
    composed: &Composed,
    manner: Manner,
    args: ImportArgs,
    name: SiteName,
    platform: PlatformName,
) -> Result<u8, Failure> {
    let folder = std::path::absolute(&args.meant).unwrap_or_else(|_| PathBuf::from(&args.meant));
    if args.copy.source_db_password_file.is_some() && args.copy.source_db.is_none() {
        return Err(Failure::usage(NoDatabase));
    }
    let secrets = args.copy.secrets()?;
    let source = CopySource { folder, sanitise: args.copy.sanitise, database: args.copy.database() };
    let asked = ImportSite {
        site: name,
        from_default: false,
        platform,
        db_server: args.db_server,
        aliases: args.alias,
        client: args.client,
        copy_of: Some(source.clone()),
    };
    match args.dry_run {
        true => show(manner, look_at_import(&composed.parts, &asked, &secrets, run_now), Would::Copy(&source)),
        false => provision::ask(composed, manner, Stream::Out, Task::ImportSite(Box::new(asked)), secrets),
    }
}

/// Brings a copy up to date, for the last time if it is to be switched.
fn refresh(composed: &Composed, manner: Manner, args: ImportArgs) -> Result<u8, Failure> {
    let secrets = args.copy.secrets()?;
    let asked = RefreshCopy {
        site: args.meant.trim_start_matches('@').parse()?,
        switch: args.copy.switch.then_some(SwitchCopy { although_live: args.copy.although_live }),
        keep: args.copy.keep_former.map(Into::into),
    };
    if args.dry_run {
        let would = if asked.switch.is_some() { Would::Switch } else { Would::Refresh };
        return show(manner, look_at_refresh(&composed.parts, &asked, &secrets, run_now), would);
    }
    provision::ask(composed, manner, Stream::Out, Task::RefreshCopy(asked), secrets)
}

/// A password of no account.
#[derive(Debug, thiserror::Error)]
#[error("`--source-db-password-file` is of no account")]
struct NoDatabase;

impl Remedy for NoDatabase {
    fn remedy(&self) -> Option<String> {
        Some("say which with `--source-db NAME --source-db-account NAME`, or leave it out".into())
    }
}

impl CopyOptions {
    /// What is said of passwords.
    fn secrets(&self) -> Result<Secrets, Failure> {
        let mut secrets = Secrets::default();
        if let Some(file) = &self.source_db_password_file {
            secrets.insert("source_db_password", password::read(file)?);
        }
        Ok(secrets)
    }

    /// Where its data is, if that is said.
    fn database(self) -> Option<SourceDatabase> {
        let (name, account) = (self.source_db?, self.source_db_account?);
        let at = match self.source_db_socket {
            Some(socket) => DbEngine::Socket(socket),
            None => DbEngine::Tcp {
                host: self.source_db_host.unwrap_or_else(|| "127.0.0.1".into()),
                port: self.source_db_port.unwrap_or(3306),
            },
        };
        Some(SourceDatabase { at, name, account, prefix: self.source_db_prefix.unwrap_or_default() })
    }
}

/// What somebody only asks about.
#[derive(Clone, Copy)]
pub(crate) enum Would<'a> {
    /// A site is taken in where it lies.
    TakeIn,
    /// A copy is made of it.
    Copy(&'a CopySource),
    /// A copy is brought up to date.
    Refresh,
    /// The same, for the last time.
    Switch,
}

/// What was found, for people.
pub(crate) fn told(found: &FoundToImport, would: Would<'_>) -> Vec<String> {
    let FoundToImport { site, platform, .. } = found;
    let mut lines = vec![match would {
        Would::TakeIn if found.from_default => {
            format!("The site in `sites/default` of the platform {platform} can be taken in, as @{site}.")
        }
        Would::TakeIn => format!("@{site} can be taken in where it lies, on the platform {platform}."),
        Would::Copy(source) => {
            format!("A copy of `{}` can be made, as @{site} on the platform {platform}.", source.folder.display())
        }
        Would::Refresh => format!("@{site} can be brought up to date, on the platform {platform}."),
        Would::Switch => format!("@{site} can take the place of its original, on the platform {platform}."),
    }];
    let mut part = |heading: &str, of: Vec<String>| {
        if !of.is_empty() {
            lines.push(heading.to_owned());
            lines.extend(of.into_iter().map(|line| format!("  {line}")));
        }
    };
    part("Found:", found.told.clone());
    part("Would change:", found.changes.clone());
    let mentions = found.mentions.iter().map(Mention::place).collect();
    part("Named elsewhere on this machine, and not changed:", mentions);
    lines
}
