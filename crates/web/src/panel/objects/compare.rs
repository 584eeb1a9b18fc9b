//! Whether a site fits a platform: which one is asked of is chosen first, in a form that works without scripts.

use aegir_hosting::view::{FitView, PlatformView};
use aegir_hosting::{Call, OperationId, Subject};
use askama::Template;
use axum::body::Body;
use axum::http::Response;

use crate::api::Problem;
use crate::panel::fit::Report;
use crate::panel::frame::{Choice, Frame};
use crate::panel::visit::Visit;
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
    /// Where it is moved there; empty: it does not fit, or whoever asks may not.
    migrate: String,
    back: String,
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
    let migrate = match (&report, to) {
        (Some(report), Some(to)) if report.fits || report.only_lacks => migrate(visit, name, to).await,
        _ => String::new(),
    };
    reply::page(&ComparePage { frame, here, platforms, report, migrate, back })
}

/// Where a site is moved to a platform; empty: it cannot be now, or whoever asks may not.
async fn migrate(visit: &Visit, site: &str, to: &str) -> String {
    let operation = OperationId::SiteMigrate.declaration();
    let call = Call { dry_run: true, ..Call::of(operation.id).about(site).with("platform", to) };
    match visit.ask(call).await {
        Ok(_) => format!("{}?platform={}", address::doing(&operation, Some(site)), address::encoded(to)),
        Err(_) => String::new(),
    }
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
