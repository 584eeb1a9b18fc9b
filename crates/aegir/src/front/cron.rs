//! Cron of a site that somebody asked for: waits until it has run, and tells what came of it.

use aegir_domain::exit_code;
use aegir_hosting::{Call, OperationId};
use serde_json::Value;

use super::asked::Ask;
use super::door::Door;
use super::follow::{Interrupts, came};
use super::object;
use super::screen::Screen;
use crate::failure::Failure;
use crate::speak::{err, out};

/// How often the site is looked at.
const LOOKING: std::time::Duration = std::time::Duration::from_millis(250);

/// Waits for the run that `asked` tells of. Whoever stops waiting stops nothing.
pub(super) async fn follow(door: &mut Door, ask: &Ask, asked: &Value, screen: Screen) -> Result<u8, Failure> {
    door.work_on_cron();
    let name = ask.name.clone().unwrap_or_default();
    // Due since then: whatever began before was another run.
    let Some(due) = asked["next_run"].as_i64() else { return Ok(told(ask, asked, screen)) };
    let mut interrupts = Interrupts::listen().ok();
    loop {
        let mut site = door.object(Call::of(OperationId::SiteShow).about(name.clone())).await?;
        let cron = site["cron"].take();
        if cron["began"].as_i64().is_some_and(|began| began >= due) {
            return Ok(told(ask, &cron, screen));
        }
        tokio::select! {
            () = tokio::time::sleep(LOOKING) => (),
            () = came(&mut interrupts) => {
                err(&format!("It runs all the same. What came of it: `aegir site show {name}`"));
                return Ok(exit_code::DETACHED);
            }
        }
    }
}

fn told(ask: &Ask, cron: &Value, screen: Screen) -> u8 {
    match ask.manner.json {
        true => out(&format!("{cron:#}")),
        false => object::lines(cron, screen).iter().for_each(|line| out(line)),
    }
    match cron["result"].as_str() {
        Some("failed") => exit_code::ERROR,
        Some("busy" | "left-out") => exit_code::REFUSED,
        _ => 0,
    }
}
