//! How a site would fare on a platform, as pages tell it: the worst first, each with the way out.

use aegir_domain::Verdict;
use aegir_hosting::view::FitView;

use super::words::capital;

/// A report, in the order in which it is read.
pub(in crate::panel) struct Report {
    pub(in crate::panel) fits: bool,
    /// Whether nothing is in the way but packages that are missing, which somebody can allow.
    pub(in crate::panel) only_lacks: bool,
    pub(in crate::panel) sentence: String,
    pub(in crate::panel) groups: Vec<Group>,
    /// How many packages stay as they are.
    pub(in crate::panel) unchanged: usize,
}

/// All reasons of one verdict.
pub(in crate::panel) struct Group {
    pub(in crate::panel) title: &'static str,
    pub(in crate::panel) tone: &'static str,
    pub(in crate::panel) word: &'static str,
    pub(in crate::panel) lines: Vec<Line>,
}

/// A reason, and whose it is.
pub(in crate::panel) struct Line {
    /// Empty: of the site as a whole.
    pub(in crate::panel) package: String,
    pub(in crate::panel) kind: String,
    pub(in crate::panel) text: String,
    pub(in crate::panel) remedy: String,
}

impl Report {
    /// Of what a back end told.
    pub(in crate::panel) fn of(fit: &FitView) -> Report {
        let errors = fit.reasons(Verdict::Error).count();
        let sentence = match errors {
            0 => format!("{} fits the platform {}.", fit.site, fit.platform),
            1 => format!("{} does not fit the platform {}: one thing is in the way.", fit.site, fit.platform),
            many => format!("{} does not fit the platform {}: {many} things are in the way.", fit.site, fit.platform),
        };
        let groups = Verdict::WORST_FIRST.into_iter().map(|verdict| Group::of(fit, verdict));
        Report {
            fits: fit.fits,
            only_lacks: errors > 0 && fit.reasons(Verdict::Error).all(|(_, reason)| reason.reason == "missing"),
            sentence,
            groups: groups.filter(|group| !group.lines.is_empty()).collect(),
            unchanged: fit.unchanged().count(),
        }
    }
}

impl Group {
    fn of(fit: &FitView, verdict: Verdict) -> Group {
        let (title, tone, word) = match verdict {
            Verdict::Error => ("Errors", "bad", "error"),
            Verdict::Warning => ("Warnings", "warning", "warning"),
            Verdict::Upgrades => ("Upgrades", "busy", "upgrades"),
            Verdict::Fits => ("Fits", "good", "fits"),
        };
        let lines = fit.reasons(verdict).map(|(package, reason)| Line {
            package: package.map(|package| package.name.clone()).unwrap_or_default(),
            kind: package.map(|package| package.kind.clone()).unwrap_or_default(),
            text: if package.is_some() { reason.text.clone() } else { capital(&reason.text) },
            remedy: capital(reason.remedy.as_deref().filter(|_| verdict >= Verdict::Warning).unwrap_or_default()),
        });
        Group { title, tone, word, lines: lines.collect() }
    }
}
