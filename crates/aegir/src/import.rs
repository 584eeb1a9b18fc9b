//! `import`: what a person says of a site that lies in a platform and that nobody here knows.

use aegir_domain::{
    FoundToImport, HostName, ImportAnswer, ImportSite, MachineName, Mention, PlatformName, ServerName, Task,
};
use aegir_provision::{find_site_to_import, look_at_import};
use clap::Args;

use crate::args::{Manner, platform, text};
use crate::compose::Composed;
use crate::failure::Failure;
use crate::run_now::run_now;
use crate::speak::out;
use crate::{lists, provision};

/// A site that is to be taken in.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// The site: its name, which is that of its folder, or the path of the folder
    #[arg(value_name = "SITE-OR-PATH")]
    meant: String,
    /// The platform that it lies in [default: the one that has a folder of its name]
    #[arg(long, value_name = "@PLATFORM", value_parser = platform)]
    platform: Option<PlatformName>,
    /// The server that has its data [default: the one that its settings lead to]
    #[arg(long, value_name = "NAME", value_parser = text::<ServerName>)]
    db_server: Option<ServerName>,
    /// Another name it answers to; may be given again
    #[arg(long, value_name = "NAME", value_parser = text::<HostName>)]
    alias: Vec<HostName>,
    /// Whose it is
    #[arg(long, value_name = "CLIENT", default_value = "admin", value_parser = text::<MachineName>)]
    client: MachineName,
    /// Says what it finds and would do, and changes nothing
    #[arg(long)]
    dry_run: bool,
}

/// Takes a site in, or says what that would do.
pub(crate) fn run(composed: &Composed, manner: Manner, args: ImportArgs) -> Result<u8, Failure> {
    let (platform, site) = find_site_to_import(&composed.parts, &args.meant, args.platform.as_ref())?;
    let asked = ImportSite { site, platform, db_server: args.db_server, aliases: args.alias, client: args.client };
    if !args.dry_run {
        return provision::task(composed, manner, Task::ImportSite(Box::new(asked)));
    }
    let found = look_at_import(&composed.parts, &asked, run_now);
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
        false => told(&found).iter().for_each(|line| out(line)),
    }
    Ok(0)
}

/// What was found, for people.
pub(crate) fn told(found: &FoundToImport) -> Vec<String> {
    let mut lines = vec![format!("@{} can be taken in where it lies, on the platform {}.", found.site, found.platform)];
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
