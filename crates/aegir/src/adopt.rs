//! `adopt`: says what would become of a home of classic Aegir, and changes nothing.

use std::path::PathBuf;

use aegir_domain::{Adopted, AdoptedKind, Adoption, Fate, Home};
use aegir_host::Files;
use aegir_provision::inspect::{Known, look_at_classic, read_known};
use clap::Args;

use crate::compose::Given;
use crate::failure::Failure;
use crate::lists;
use crate::speak::{out, plain};

/// Reads a home of classic Aegir, and says what would become of each server, platform, client, site and alias; changes nothing.
///
/// Run it as a user who may read that home. Its files of PHP are read, not run; its front end's database is not asked.
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
}

/// Looks and prints. Ends with 1 if something cannot come, or could not be read.
pub(crate) fn run(given: &Given, args: &AdoptArgs) -> Result<u8, Failure> {
    let classic = std::path::absolute(&args.classic).unwrap_or_else(|_| args.classic.clone());
    let adoption = look_at_classic(&classic, &known(given)?)?;
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
    out(&serde_json::json!({ "home": adoption.home, "come": come, "cannot": cannot, "unread": adoption.unread })
        .to_string());
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
