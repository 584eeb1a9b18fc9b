//! Whether a site fits a platform: which one is asked of is chosen first, in a form that works without scripts.

use aegir_domain::Verdict;
use aegir_hosting::view::{FitView, PlatformView};
use aegir_hosting::{Call, OperationId, Subject};
use askama::Template;
use axum::body::Body;
use axum::http::Response;

use crate::api::Problem;
use crate::panel::frame::{Choice, Frame};
use crate::panel::visit::Visit;
use crate::panel::words::capital;
use crate::panel::{address, elsewhere, reply};

/// How many platforms are offered at the most.
const MOST: usize = 500;

#[derive(Template)]
#[template(path = "compare.html")]
struct ComparePage {
    frame: Frame,
    /// Where the choice is sent.
    here: String,
    platforms: Vec<Choice>,
    /// What was seen; nothing while no platform is chosen.
    report: Option<Report>,
    back: String,
}

/// A report, in the order in which it is read.
struct Report {
    fits: bool,
    sentence: String,
    groups: Vec<Group>,
    /// How many packages stay as they are.
    unchanged: usize,
}

/// All reasons of one verdict.
struct Group {
    title: &'static str,
    tone: &'static str,
    word: &'static str,
    lines: Vec<Line>,
}

/// A reason, and whose it is.
struct Line {
    /// Empty: of the site as a whole.
    package: String,
    kind: String,
    text: String,
    remedy: String,
}

/// Shows the choice, and the report if a platform is chosen.
pub(super) async fn show(visit: &Visit) -> Result<Response<Body>, Problem> {
    let name = visit.asked.name();
    let call = Call::of(OperationId::SiteCompare).about(name);
    let to = visit.asked.query.get("to").filter(|to| !to.is_empty());
    let (platforms, _, _) = visit.list::<PlatformView>(Call::of(OperationId::PlatformList).with("limit", MOST)).await?;
    let mut frame = visit.frame(&format!("Compare {name}"), "sites").await;
    let back = address::object(Subject::Site, name);
    frame.trail = vec![("Sites".to_owned(), address::list(Subject::Site)), (name.to_owned(), back.clone())];
    let report = match to {
        Some(to) => {
            let call = call.with("to", to);
            frame.elsewhere = vec![elsewhere::elsewhere("This comparison", &call)];
            Some(Report::of(&visit.object::<FitView>(call).await?))
        }
        None => None,
    };
    let platforms = platforms.into_iter().filter_map(|platform| offered(&platform, to)).collect();
    let here = path(name);
    reply::page(&ComparePage { frame, here, platforms, report, back })
}

/// Where a site is compared.
pub(super) fn path(site: &str) -> String {
    format!("{}/compare", address::object(Subject::Site, site))
}

fn offered(platform: &PlatformView, chosen: Option<&str>) -> Option<Choice> {
    let name = platform.node.name.clone()?;
    let core = platform.core.as_ref().map(|core| format!(" (Drupal {core})")).unwrap_or_default();
    let chosen = chosen == Some(name.as_str());
    Some(Choice { text: format!("{name}{core}"), value: name, hint: String::new(), chosen, open: true })
}

impl Report {
    fn of(fit: &FitView) -> Report {
        let errors = fit.reasons(Verdict::Error).count();
        let sentence = match errors {
            0 => format!("{} fits the platform {}.", fit.site, fit.platform),
            1 => format!("{} does not fit the platform {}: one thing is in the way.", fit.site, fit.platform),
            many => format!("{} does not fit the platform {}: {many} things are in the way.", fit.site, fit.platform),
        };
        let groups = Verdict::WORST_FIRST.into_iter().map(|verdict| Group::of(fit, verdict));
        Report {
            fits: fit.fits,
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
