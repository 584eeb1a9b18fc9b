//! How a site would fare on a platform, for people: the worst first, each with the way out.

use aegir_domain::Verdict;
use aegir_hosting::view::{FitView, PackageFitView};

use super::table::one_line;

/// Its lines.
pub(crate) fn lines(fit: &FitView) -> Vec<String> {
    let mut lines = vec![one_line(&format!(
        "{} (Drupal {}) on the platform {} (Drupal {})",
        fit.site, fit.core_now, fit.platform, fit.core_there
    ))];
    for verdict in Verdict::WORST_FIRST {
        let reasons: Vec<_> = fit.reasons(verdict).collect();
        let unchanged = if verdict == Verdict::Fits { fit.unchanged().count() } else { 0 };
        if reasons.is_empty() && unchanged == 0 {
            continue;
        }
        lines.push(String::new());
        lines.push(title(verdict).to_owned());
        for (package, reason) in reasons {
            let told = format!("{}{}", package.map(named).unwrap_or_default(), reason.text);
            lines.push(format!("  {}", one_line(&told)));
            let remedy = reason.remedy.as_deref().filter(|_| verdict >= Verdict::Warning);
            lines.extend(remedy.map(|remedy| format!("    how to fix it: {}", one_line(remedy))));
        }
        if unchanged > 0 {
            lines.push(format!("  packages that stay as they are: {unchanged}"));
        }
    }
    lines.push(String::new());
    lines.push(match (fit.fits, fit.reasons(Verdict::Error).count()) {
        (true, _) => "It fits. Nothing was changed.".to_owned(),
        (false, errors) => format!("It does not fit: {errors} in the way. Nothing was changed."),
    });
    lines
}

fn title(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Error => "Errors",
        Verdict::Warning => "Warnings",
        Verdict::Upgrades => "Upgrades",
        Verdict::Fits => "Fits",
    }
}

/// `views (module): `, before what is said of it.
fn named(package: &PackageFitView) -> String {
    format!("{} ({}): ", package.name, package.kind)
}

#[cfg(test)]
mod tests {
    use aegir_domain::Fit;

    use super::*;

    #[test]
    fn what_stands_in_the_way_comes_first_and_what_stays_is_counted() {
        let fit: Fit = serde_json::from_value(serde_json::json!({
            "site": "a.test", "platform": "next", "core_now": "10.1.6", "core_there": "10.3.6", "profile": "standard",
            "verdict": "error",
            "reasons": [{ "reason": "core-newer", "now": "10.1.6", "there": "10.3.6" }],
            "packages": [
                { "kind": "module", "name": "views", "enabled": true, "verdict": "error", "now": {},
                  "reasons": [{ "reason": "missing", "already": false }] },
                { "kind": "module", "name": "node", "enabled": true, "verdict": "fits", "now": {} },
            ],
        }))
        .unwrap();

        let lines = lines(&FitView::of(&fit));

        assert_eq!(lines[0], "a.test (Drupal 10.1.6) on the platform next (Drupal 10.3.6)");
        assert_eq!(lines[2..4], ["Errors", "  views (module): is enabled, and its code is not on the platform"]);
        assert!(lines[4].starts_with("    how to fix it: add its code"), "{lines:?}");
        assert_eq!(lines[6..8], ["Upgrades", "  Drupal 10.1.6 becomes 10.3.6"]);
        assert_eq!(lines[9..11], ["Fits", "  packages that stay as they are: 1"]);
        assert_eq!(lines[12], "It does not fit: 1 in the way. Nothing was changed.");
    }
}
