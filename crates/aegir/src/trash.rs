//! The trash of this machine, as its back end has it: what was deleted is listed, put back, removed for good. It is what
//! `aegir trash` does in a home that no front end was ever used in, and what a front end asks of its machines.

use aegir_domain::{Report, Task, TrashAnswer, TrashEmptied, TrashName, TrashState, TrashThing, exit_code};
use aegir_provision::{Emptying, WayBack, empty_trash, list_trash, way_out_of_trash};
use clap::Args;

use crate::args::{Manner, text};
use crate::compose::{Composed, Given};
use crate::failure::Failure;
use crate::front::exact;
use crate::provision::Usage;
use crate::speak::{err, out, plain};
use crate::{lists, provision};

/// What comes back from the trash.
#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// The name that `trash-list` shows
    #[arg(value_name = "NAME", value_parser = text::<TrashName>)]
    name: TrashName,
    /// Says what would come back, and moves nothing
    #[arg(long)]
    dry_run: bool,
}

/// What goes from the trash.
#[derive(Debug, Args)]
pub(crate) struct EmptyArgs {
    /// The names that `list` shows [default: all that was kept for long enough]
    #[arg(value_name = "NAME", value_parser = text::<TrashName>)]
    names: Vec<TrashName>,
    /// All that lies there for so many days; 0: all
    #[arg(long, value_name = "DAYS", conflicts_with = "names")]
    older_than: Option<u32>,
    /// Says what would go, and removes nothing
    #[arg(long)]
    dry_run: bool,
}

/// What was asked of the trash of a home that no front end was ever used in.
#[derive(Debug)]
pub(crate) enum OfMachine {
    /// What lies there.
    List,
    /// This to come back.
    Restore(TrashName),
    /// What is to go.
    Empty(EmptyArgs),
}

impl EmptyArgs {
    /// What is named; else all that lies there for so many days, or for as long as the settings say.
    pub(crate) fn new(names: Vec<TrashName>, older_than: Option<u32>, dry_run: bool) -> Result<EmptyArgs, Failure> {
        if !names.is_empty() && older_than.is_some() {
            let what = "what is named goes however long it lies there";
            return Err(Failure::usage(Usage::new(what, "give names, or `--older-than`")));
        }
        Ok(EmptyArgs { names, older_than, dry_run })
    }
}

/// Does what is asked of the trash of this machine.
pub(crate) fn of_machine(given: &Given, manner: Manner, asked: OfMachine) -> Result<u8, Failure> {
    let composed = Composed::of(given)?;
    match asked {
        OfMachine::List => list(&composed, manner),
        OfMachine::Restore(name) => restore(&composed, manner, &RestoreArgs { name, dry_run: false }),
        OfMachine::Empty(asked) => empty(&composed, manner, asked),
    }
}

/// Tells what lies there.
pub(crate) fn list(composed: &Composed, manner: Manner) -> Result<u8, Failure> {
    let things = list_trash(&composed.parts)?;
    let for_programs = manner.json || manner.protocol.is_some();
    if things.is_empty() && !for_programs {
        out("The trash is empty.");
    }
    for thing in things {
        match for_programs {
            true => lists::json(&thing),
            false => told(&thing, manner.verbose).iter().for_each(|line| out(line)),
        }
    }
    Ok(0)
}

/// A thing, for people: what it is, how much, until when; and where.
fn told(thing: &TrashThing, verbose: bool) -> Vec<String> {
    let state = match (&thing.state, thing.until) {
        (TrashState::Kept, Some(until)) => format!("until {}", day(until)),
        (TrashState::Kept, None) => format!("since {}, kept until it is named", day(thing.since)),
        (TrashState::InUse(attempt), _) => format!("in use by attempt {attempt}, which has not ended"),
        (TrashState::HalfRemoved, _) => "half removed: goes the next time".into(),
        (TrashState::NotOurs, _) => "no task put it there: left alone".into(),
    };
    let mut lines = vec![format!(
        "{:<60}  {:<11}  {:>9} kB  {state}",
        plain(&thing.name),
        thing.kind.as_str(),
        thing.bytes.div_ceil(1000)
    )];
    if verbose {
        lines.push(format!("    in {}", plain(&thing.folder.display().to_string())));
        lines.extend(thing.by.as_ref().map(|by| format!("    by {}", plain(by))));
        lines.extend(thing.lay.as_ref().map(|lay| format!("    lay at {}", plain(&lay.display().to_string()))));
        lines.extend(thing.backup.as_ref().map(|backup| format!("    last backup {backup}")));
    }
    lines
}

/// The day of a moment: `2026-12-21`.
fn day(at: i64) -> String {
    exact(at).split(' ').next().unwrap_or_default().to_owned()
}

/// Puts back what is named, by a task: the code of a platform by the one that moves it, a site by the one that restores its
/// last backup. Of a front end, which asks for that task itself, it is only told.
pub(crate) fn restore(composed: &Composed, manner: Manner, asked: &RestoreArgs) -> Result<u8, Failure> {
    let RestoreArgs { name, dry_run } = asked;
    let found = way_out_of_trash(&composed.parts, name);
    if manner.protocol.is_some() {
        lists::json(&match found {
            Ok(WayBack::Platform { folder, was }) => TrashAnswer::Back { folder, was: Some(was) },
            Ok(WayBack::ByBackup { backup }) => TrashAnswer::ByBackup { backup },
            Err(fault) => TrashAnswer::Refused(fault.report()),
        });
        return Ok(0);
    }
    match (found?, dry_run) {
        (WayBack::Platform { folder, was }, true) => {
            out(&format!("`{}` would lie at `{}` again.", was.name, folder.display()));
            Ok(0)
        }
        (WayBack::ByBackup { backup }, true) => {
            out(&format!("`{}` would be made again of its last backup, `{backup}`.", backup.site()));
            Ok(0)
        }
        (WayBack::Platform { was, .. }, false) => {
            let (platform, server) = (was.name.clone(), was.server.clone());
            let code = provision::task(
                composed,
                manner,
                Task::RestorePlatform { platform: platform.clone(), server, thing: name.clone() },
            )?;
            if code == 0 && !manner.json {
                out(&format!("To have it in service again: `aegir provision verify @platform_{platform}`."));
            }
            Ok(code)
        }
        (WayBack::ByBackup { backup }, false) => {
            let (new_site, platform, db_server, keep) = (None, None, None, None);
            provision::task(composed, manner, Task::RestoreBackup { backup, new_site, platform, db_server, keep })
        }
    }
}

/// Removes what is to go.
pub(crate) fn empty(composed: &Composed, manner: Manner, asked: EmptyArgs) -> Result<u8, Failure> {
    let EmptyArgs { names, older_than, dry_run } = asked;
    let emptied = empty_trash(&composed.parts, &Emptying { older_than, names, dry_run });
    let emptied = match emptied {
        // A front end reads why.
        Err(fault) if manner.protocol.is_some() => TrashEmptied { removed: Vec::new(), faults: vec![fault.report()] },
        emptied => emptied?,
    };
    let code = if emptied.faults.is_empty() { 0 } else { exit_code::ERROR };
    if manner.json || manner.protocol.is_some() {
        lists::json(&emptied);
        return Ok(if manner.protocol.is_some() { 0 } else { code });
    }
    let does = if dry_run { "Would remove" } else { "Removed" };
    for thing in &emptied.removed {
        out(&format!("{does} {} ({}), {} kB", plain(&thing.name), thing.kind.as_str(), thing.bytes.div_ceil(1000)));
    }
    emptied.faults.iter().for_each(|fault| err(&plain(&Report(fault).to_string())));
    if emptied.removed.is_empty() && emptied.faults.is_empty() {
        out("Nothing was to go.");
    }
    let unchanged = emptied.removed.is_empty() && code == 0 && manner.fail_if_unchanged;
    Ok(if unchanged { exit_code::UNCHANGED } else { code })
}
