//! Who of a platform's sites can move and who cannot, for people: what is read before a batch begins.

use aegir_hosting::view::{BatchPlanView, BulkFailureView};

use super::table::one_line;

/// The lines of it.
pub(crate) fn lines(plan: &BatchPlanView) -> Vec<String> {
    let mut lines = vec![format!("{} of {} sites can go to {}.", plan.can, plan.all, plan.to)];
    if plan.not_compared > 0 {
        let why = plan.why_not_compared.as_deref().unwrap_or("there are too many");
        lines.push(format!(
            "{} of them could not be compared ({}); each is when its turn comes.",
            plan.not_compared,
            one_line(why)
        ));
    }
    if plan.cannot > 0 {
        lines.push(format!("\n{} cannot go, and stay where they are:", plan.cannot));
        plan.reasons.iter().for_each(|cause| lines.extend(of_cause(cause)));
    }
    if plan.with_warnings > 0 {
        lines.push(format!("\n{} can go, with a warning:", plan.with_warnings));
        plan.warnings.iter().for_each(|cause| lines.extend(of_cause(cause)));
    }
    if plan.can > 0 {
        let waves: Vec<String> = plan.waves.iter().map(|wave| wave.count.to_string()).collect();
        lines.push(format!("\nWaves: {}; {} at once, at the most.", waves.join(", then "), plan.at_once));
        lines.push(match plan.takes_ms {
            Some(ms) => {
                format!("It may take about {} min, as long as the last {} moves took.", minutes(ms), plan.known_from)
            }
            None => "How long it takes is not known: no site was moved here yet.".into(),
        });
        let known = plan.can.saturating_sub(plan.size_unknown);
        lines.push(match known {
            0 => "How much room it needs is not known: none has a backup, or was moved before.".into(),
            known => format!(
                "Room: about {} MB for {known} of them, beside what is there; of {} it is not known.",
                plan.bytes.div_ceil(1_000_000),
                plan.size_unknown
            ),
        });
    }
    lines
}

fn minutes(ms: u64) -> u64 {
    ms.div_ceil(60_000)
}

fn of_cause(cause: &BulkFailureView) -> Vec<String> {
    let mut lines = vec![format!("  {}: {}", cause.count, one_line(&cause.cause))];
    if let Some(remedy) = &cause.remedy {
        lines.push(format!("    how to fix it: {}", one_line(remedy)));
    }
    let names: Vec<String> = cause.objects.iter().map(|site| one_line(&site.name)).collect();
    let more = if cause.count > names.len() as u64 { ", …" } else { "" };
    lines.push(format!("    {}{more}", names.join(", ")));
    lines
}
