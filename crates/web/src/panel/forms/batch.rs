//! What is to be seen before the sites of a platform move: who can go, who cannot and why, how long it may take.

use aegir_hosting::Call;
use aegir_hosting::view::{BatchPlanView, BulkFailureView};
use serde_json::Value;

use super::ahead::{Ahead, offer};
use super::field::Field;
use super::page::{Doing, Told};
use crate::panel::address;
use crate::panel::times::lasted;
use crate::panel::words::count;

/// A batch as it would be, in words.
pub(in crate::panel) struct BatchAhead {
    pub(super) plan: BatchPlanView,
    /// Who can go, in a sentence.
    pub(super) sentence: String,
    /// How long it may take, and how much room.
    pub(super) takes: String,
    pub(super) room: String,
    /// What happens when something fails.
    pub(super) pauses: String,
}

impl BatchAhead {
    /// What the button says that begins it.
    pub(super) fn button(&self) -> String {
        match self.plan.can {
            1 => "Move 1 site".into(),
            can => format!("Move {} sites", count(&can)),
        }
    }

    /// Tables of causes: what each is called, how it looks, the causes.
    pub(super) fn tables(&self) -> [(&'static str, &'static str, &'static str, &[BulkFailureView]); 2] {
        [
            ("Cannot go", "bad", "stays", &self.plan.reasons),
            ("Can go, with a warning", "warning", "goes", &self.plan.warnings),
        ]
    }
}

/// A platform is chosen first; then all sites are looked at.
pub(super) async fn ahead_of(doing: &Doing<'_>, fields: &mut [Field], call: &Call) -> Ahead {
    let from = doing.name.as_deref().unwrap_or_default();
    let mut ahead = Ahead { asks_first: true, ..Ahead::default() };
    let to = call.parameters.get("to").and_then(Value::as_str).filter(|text| !text.is_empty());
    let is_right = fields.iter().all(|field| field.error.is_empty());
    if to.is_some() && is_right {
        match doing.visit.object::<BatchPlanView>(Call { dry_run: true, ..call.clone() }).await {
            Ok(plan) => {
                ahead.asks_first = false;
                ahead.forbids = plan.can == 0;
                ahead.elsewhere = address::doing(&doing.operation, Some(from));
                ahead.batch = Some(in_words(plan));
            }
            Err(problem) => ahead.problem = Some(Told::of(&problem)),
        }
    }
    if let Some(field) = fields.iter_mut().find(|field| field.name == "to") {
        offer(doing, field, from).await;
    }
    ahead
}

fn in_words(plan: BatchPlanView) -> BatchAhead {
    let mut sentence = format!("{} of {} sites can go to {}", count(&plan.can), count(&plan.all), plan.to);
    if plan.with_warnings > 0 {
        sentence.push_str(&format!(", {} of them with a warning", count(&plan.with_warnings)));
    }
    sentence.push('.');
    if plan.not_compared > 0 {
        let why = plan.why_not_compared.as_deref().unwrap_or("there are too many");
        sentence.push_str(&format!(
            " {} could not be compared ({why}); each is when its turn comes, and stays where it is if it does not fit.",
            count(&plan.not_compared)
        ));
    }
    let takes = match plan.takes_ms.and_then(|ms| i64::try_from(ms).ok()) {
        Some(ms) => format!(
            "About {}, {} at once, as long as the last {} moves took.",
            lasted(&ms),
            plan.at_once,
            count(&plan.known_from)
        ),
        None => "Not known: no site was moved here yet. The first wave tells.".into(),
    };
    let known = plan.can.saturating_sub(plan.size_unknown);
    let megabytes = plan.bytes.div_ceil(1_000_000);
    let room = match (known, plan.size_unknown) {
        (0, _) => "Not known: no site has a backup, or was moved before.".into(),
        (_, 0) => format!("About {} MB beside what is there, until former selves are let go of.", count(&megabytes)),
        (known, unknown) => format!(
            "About {} MB for {} of them, beside what is there; of {} it is not known.",
            count(&megabytes),
            count(&known),
            count(&unknown)
        ),
    };
    let pauses = match plan.stop_after {
        Some(1) => "It pauses at the first failure, and behind a wave of which nothing succeeded.".into(),
        Some(most) => format!("It pauses after {most} failures, and behind a wave of which nothing succeeded."),
        None => "It does not pause by itself.".into(),
    };
    BatchAhead { plan, sentence, takes, room, pauses }
}
