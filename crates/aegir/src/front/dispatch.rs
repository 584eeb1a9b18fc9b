//! `queue dispatch --once`: the front end in this process, for those who want a crontab.

use std::cell::Cell;

use aegir_domain::{NodeId, TaskState, exit_code};
use aegir_hosting::view::TaskView;
use aegir_hosting::{DispatchedOnce, Dispatcher};
use aegir_store::StoreFault;
use serde_json::json;

use super::asked::Dispatch;
use super::door::{Door, Here};
use super::ending;
use super::follow::show;
use super::problem::Problem;
use crate::compose::Given;
use crate::failure::Failure;
use crate::provision::Usage;
use crate::serve::copies::make_if_due;
use crate::serve::{copies, holder, listen_to_traces, told_to_stop};
use crate::speak::{out, plain};
use aegir_outside::copies::CopyFault;

/// What was done.
#[derive(Default)]
struct Done {
    once: DispatchedOnce,
    /// The tasks of it, as they stand now.
    tasks: Vec<TaskView>,
    /// How many news were sent.
    sent: usize,
    /// Whether somebody wanted it to end.
    stopped: bool,
    /// What else of it came to nothing.
    trouble: Option<StoreFault>,
    not_copied: Option<CopyFault>,
}

/// Works on the queue until nothing is left that could be done now.
pub(crate) async fn dispatch(given: &Given, asked: Dispatch) -> Result<u8, Failure> {
    if !asked.once {
        return Err(Failure::usage(Usage::new(
            "`queue dispatch` takes `--once`",
            "give it for a crontab; to have the queue worked on all the time, start the front end: `aegir serve`, or \
             `aegir up`, which keeps it running",
        )));
    }
    let home = given.home();
    if Door::of_running(&home).await?.is_some() {
        match asked.json {
            true => tell_as_json(true, &Done::default()),
            false => out("A front end runs for this home, and works on the queue: there is nothing to do here."),
        }
        return Ok(0);
    }
    listen_to_traces();
    let mut door = Door::Here(Box::new(Here::open(&home).await?));
    let done = work(&mut door).await;
    door.leave().await;
    let done = done?;
    match asked.json {
        true => tell_as_json(false, &done),
        false => tell(&done),
    }
    match (done.trouble, done.not_copied) {
        (Some(trouble), _) => Err(trouble.into()),
        (None, Some(trouble)) => Err(trouble.into()),
        (None, None) => Ok(if done.stopped { exit_code::DETACHED } else { 0 }),
    }
}

async fn work(door: &mut Door) -> Result<Done, Failure> {
    let Door::Here(here) = door else { return Ok(Done::default()) };
    let hosting = here.hosting().clone();
    let copies = copies(here.home());
    let stopped = Cell::new(false);
    let told = async {
        told_to_stop(None).await;
        stopped.set(true);
    };
    // First, so that they are among what is begun now.
    let trouble = hosting.let_go_of_formers().await.err();
    let once = Dispatcher::new(hosting.clone(), holder()).with_cron().once_until(told).await.map_err(Problem::from)?;
    let mut done = Done { once, stopped: stopped.get(), trouble, ..Done::default() };
    if !done.stopped {
        tokio::select! {
            sent = hosting.send_news() => match sent {
                Ok(sent) => done.sent = sent,
                Err(trouble) => done.trouble = done.trouble.or(Some(trouble)),
            },
            () = told_to_stop(None) => done.stopped = true,
        }
    }
    if !done.stopped {
        // What a front end that runs does by night.
        done.trouble = done.trouble.or(hosting.prune().await.err());
        done.not_copied = make_if_due(&hosting, &copies).await.err();
    }
    let ids: Vec<NodeId> = done.once.begun.iter().chain(&done.once.attached).copied().collect();
    for id in ids {
        done.tasks.push(show(door, id.0).await?);
    }
    Ok(done)
}

fn tell(done: &Done) {
    for task in &done.tasks {
        out(&ending::in_a_line(task));
    }
    if done.tasks.is_empty() {
        out("Nothing was to be done.");
    }
    let goes_on = done.tasks.iter().filter(|task| !has_ended(task)).count();
    if goes_on > 0 {
        let them = if goes_on == 1 { "1 of them goes on".to_owned() } else { format!("{goes_on} of them go on") };
        out(&format!("{them}: the next `aegir queue dispatch --once`, or a front end, records the rest."));
    }
    for server in &done.once.elsewhere {
        out(&plain(&format!("Another process works on the queue of `{server}`: it was left alone.")));
    }
    if done.sent > 0 {
        out(&format!(
            "{} {} sent.",
            done.sent,
            if done.sent == 1 { "letter or post was" } else { "letters and posts were" }
        ));
    }
}

fn has_ended(task: &TaskView) -> bool {
    task.state.parse().is_ok_and(TaskState::is_ended)
}

fn tell_as_json(front_end: bool, done: &Done) {
    let task = |task: &TaskView| {
        json!({
            "task": task.id, "operation": task.operation, "object": task.object_name, "state": task.state,
            "begun": done.once.begun.contains(&NodeId(task.id)),
        })
    };
    let tasks: Vec<_> = done.tasks.iter().map(task).collect();
    let document =
        json!({ "front_end": front_end, "tasks": tasks, "elsewhere": done.once.elsewhere, "sent": done.sent });
    out(&format!("{document:#}"));
}
