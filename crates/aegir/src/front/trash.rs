//! What is asked of a trash: of this machine alone where no front end was ever used, and told for people; emptied once
//! somebody is sure.

use aegir_domain::{Cmd, Home, Report, TrashName};
use aegir_hosting::view::{TrashEmptiedView, TrashView};
use aegir_hosting::{OperationId, Subject};
use serde_json::Value;

use super::Asked;
use super::asked::Ask;
use super::door::Door;
use super::screen::{Screen, ask as ask_person};
use super::table::one_line;
use crate::args::Manner;
use crate::compose::Given;
use crate::failure::Failure;
use crate::provision::Usage;
use crate::serve::{Places, answers};
use crate::speak::{err, plain};
use crate::trash::{EmptyArgs, OfMachine, of_machine};

/// Does what is asked of the trash where no front end can know of more than this machine; gives back what else is asked.
pub(super) fn of_machine_alone(given: &Given, asked: Asked) -> Result<Asked, Box<Result<u8, Failure>>> {
    let ask = match &asked {
        Asked::Operation(ask) if ask.operation.subject == Subject::Trash => ask,
        _ => return Ok(asked),
    };
    let home = Home::new(given.home());
    let places = Places::of(&home);
    let is_somewhere = |path: &std::path::Path| std::fs::symlink_metadata(path).is_ok();
    if is_somewhere(&places.file) || is_somewhere(&places.address) || answers(&home) {
        return Ok(asked);
    }
    Err(Box::new(of_machine_as(given, ask)))
}

fn of_machine_as(given: &Given, ask: &Ask) -> Result<u8, Failure> {
    if let Some(option) =
        ["server", "platform", "db_server"].into_iter().find(|name| ask.parameters.contains_key(*name))
    {
        let what = format!(
            "no front end was ever used in `{}`, so `--{}` is not known",
            given.home().display(),
            option.replace('_', "-")
        );
        return Err(Failure::usage(Usage::new(what, "leave it out: it is the trash of this machine")));
    }
    let texts = |value: Option<&Value>| -> Vec<String> {
        let values = value.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        values.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let name = |text: &str| {
        text.parse::<TrashName>().map_err(|bad| {
            let remedy = bad.instead.clone().unwrap_or_default();
            Failure::usage(Usage::new(bad.to_string(), remedy))
        })
    };
    let asked = match ask.operation.id {
        OperationId::TrashRestore => OfMachine::Restore(name(ask.name.as_deref().unwrap_or_default())?),
        OperationId::TrashEmpty => {
            let names = texts(ask.parameters.get("thing")).iter().map(|text| name(text)).collect::<Result<_, _>>()?;
            let older_than = ask.parameters.get("older_than").and_then(Value::as_u64);
            let older_than = older_than.map(|days| u32::try_from(days).unwrap_or(u32::MAX));
            OfMachine::Empty(EmptyArgs::new(names, older_than, ask.manner.dry_run)?)
        }
        _ => OfMachine::List,
    };
    let manner = Manner {
        json: ask.manner.json,
        verbose: ask.manner.verbose,
        fail_if_unchanged: ask.manner.fail_if_unchanged,
        protocol: None,
    };
    of_machine(given, manner, asked)
}

/// Asks whoever empties a trash for a name, once it is told what goes: of the one thing, else of the server.
pub(super) async fn confirm(given: &Given, door: &mut Door, ask: &mut Ask, screen: Screen) -> Result<(), Failure> {
    if ask.operation.id != OperationId::TrashEmpty || ask.parameters.contains_key("confirm") {
        return Ok(());
    }
    let mut look = ask.call().with("confirm", "-");
    look.dry_run = true;
    let would: TrashEmptiedView = super::door::read_as(door.object(look).await?)?;
    let things = ask.parameters.get("thing").and_then(Value::as_array).map_or(0, Vec::len);
    let sure = match (&would.removed[..], things) {
        ([one], 1) => one.name.clone(),
        _ => would.server.clone(),
    };
    // Nothing happens, so nothing has to be sure.
    if ask.manner.dry_run || would.removed.is_empty() {
        ask.parameters.insert("confirm".into(), sure.into());
        return Ok(());
    }
    let instead = || {
        let mut words = given.words.iter().cloned();
        let cmd = Cmd::new(words.next().unwrap_or_else(|| "aegir".into())).args(words);
        format!("if you are sure, type `{}`", cmd.arg(format!("--confirm={sure}")))
    };
    let what = format!("what goes from the trash of `{}` is gone for good, and takes its name", would.server);
    if !screen.can_ask() {
        return Err(Failure::usage(Usage::new(what, instead())));
    }
    lines(&would, true).iter().for_each(|line| err(line));
    let typed = ask_person(&format!("This is for good. To go on, type the name `{sure}`: "))
        .map_err(|_| Failure::usage(Usage::new(what, instead())))?;
    if typed != sure {
        let typed = one_line(&typed);
        return Err(Failure::usage(Usage::new(
            format!("`{typed}` is not the name `{sure}`: nothing was done"),
            instead(),
        )));
    }
    ask.parameters.insert("confirm".into(), sure.into());
    Ok(())
}

/// What went, or would go, for people.
pub(super) fn told(emptied: &Value, dry_run: bool) -> Vec<String> {
    let Ok(emptied) = serde_json::from_value::<TrashEmptiedView>(emptied.clone()) else { return Vec::new() };
    let mut lines = lines(&emptied, dry_run);
    for fault in &emptied.stayed {
        lines.extend(plain(&Report(fault).to_string()).lines().map(str::to_owned));
    }
    if emptied.goes_on {
        lines.push("It takes a while, and goes on; `aegir trash list` shows what is left.".into());
    }
    if lines.is_empty() {
        lines.push(format!("Nothing was to go from the trash of {}.", one_line(&emptied.server)));
    }
    lines
}

fn lines(emptied: &TrashEmptiedView, dry_run: bool) -> Vec<String> {
    let does = match (dry_run, emptied.goes_on) {
        (true, _) => "Would remove",
        (false, true) => "Removes",
        (false, false) => "Removed",
    };
    let line = |thing: &TrashView| {
        let kind = thing.kind.replace('-', " ");
        one_line(&format!("{does} {} ({kind}), {} kB", thing.name, thing.bytes.div_ceil(1000)))
    };
    emptied.removed.iter().map(line).collect()
}
