//! What is to be seen before a site is moved, goes back, or is taken in: what stands between it and the platform, what it
//! would be without, and what was found of it. Of many sites at once, `batch.rs` tells.

use aegir_domain::{FoundToImport, SiteFolder, Verdict};
use aegir_hosting::view::{FitView, PlatformView, ReasonView, WritesView};
use aegir_hosting::{Call, OperationId};
use serde_json::Value;

use super::batch::{self, BatchAhead};
use super::field::{Field, Look};
use super::page::{Doing, Told};
use crate::panel::address;
use crate::panel::fit::Report;
use crate::panel::frame::Choice;

/// How many platforms are offered at the most.
const MOST: usize = 500;

/// What stands before the form.
#[derive(Default)]
pub(super) struct Ahead {
    /// Whether the form only chooses what is to be looked at first, and does nothing.
    pub(super) asks_first: bool,
    /// Whether it cannot be done as was seen.
    pub(super) forbids: bool,
    /// How the site would fare on the platform that was chosen.
    pub(super) report: Option<Report>,
    /// Where another one is chosen; empty: nothing is.
    pub(super) elsewhere: String,
    /// What a batch of moves would be.
    pub(super) batch: Option<BatchAhead>,
    /// What going back would leave out.
    pub(super) lost: Option<WritesView>,
    /// Other former selves, and where each is looked at.
    pub(super) others: Vec<(String, String)>,
    /// What was found of a site that is to be taken in.
    pub(super) found: Option<FoundToImport>,
    /// Why it could not be looked at.
    pub(super) problem: Option<Told>,
}

impl Ahead {
    /// What is to be seen before `doing`, whose form has these fields and says `call` so far.
    pub(super) async fn of(doing: &Doing<'_>, fields: &mut [Field], call: &Call) -> Ahead {
        let given = |name: &str| call.parameters.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        match doing.operation.id {
            OperationId::SiteMigrate => moves(doing, fields, call).await,
            OperationId::PlatformMigrate => batch::ahead_of(doing, fields, call).await,
            OperationId::SiteImport => takes_in(doing, fields, call).await,
            OperationId::SiteGoBack => goes_back(doing, fields, given("former")).await,
            _ => Ahead::default(),
        }
    }
}

/// A platform is chosen first; then it is told how the site would fare there. Where packages are missing, it is said of
/// each whether the site may do without, and told anew.
async fn moves(doing: &Doing<'_>, fields: &mut [Field], call: &Call) -> Ahead {
    let to = call.parameters.get("platform").and_then(Value::as_str).filter(|text| !text.is_empty());
    let site = doing.name.as_deref().unwrap_or_default();
    let mut ahead = Ahead::default();
    let Some(field) = fields.iter_mut().find(|field| field.name == "platform") else { return ahead };
    let to = to.filter(|_| field.error.is_empty());
    if let Some(to) = to {
        let mut compare = Call::of(OperationId::SiteCompare).about(site).with("to", to);
        if let Some(allowed) = call.parameters.get("allow_missing") {
            compare = compare.with("allow_missing", allowed.clone());
        }
        match doing.visit.object::<FitView>(compare).await {
            Ok(fit) => {
                field.look = Look::Hidden;
                ahead.elsewhere = address::doing(&doing.operation, Some(site));
                offer_missing(fields, &fit);
                let report = Report::of(&fit);
                // Packages that are missing are asked about; whatever else is in the way cannot be allowed.
                ahead.asks_first = report.only_lacks;
                ahead.forbids = !report.fits && !report.only_lacks;
                ahead.report = Some(report);
                return ahead;
            }
            Err(problem) => ahead.problem = Some(Told::of(&problem)),
        }
    }
    ahead.asks_first = true;
    let own = doing.view.as_ref().and_then(|view| view["platform"].as_str()).unwrap_or_default();
    offer(doing, field, own).await;
    // What is missing is known once a platform is.
    if let Some(field) = fields.iter_mut().find(|field| field.name == "allow_missing") {
        field.look = Look::Hidden;
    }
    ahead
}

/// Offers a tick for each package that the platform lacks: that the site may do without, nobody says unasked.
fn offer_missing(fields: &mut [Field], fit: &FitView) {
    let Some(field) = fields.iter_mut().find(|field| field.name == "allow_missing") else { return };
    let is_asked = |reason: &ReasonView| match reason.reason.as_str() {
        "missing" => reason.verdict == Verdict::Error.as_str(),
        word => word == "missing-allowed",
    };
    let missing = fit.packages.iter().filter(|package| package.reasons.iter().any(is_asked));
    let chosen: Vec<String> = field.value.lines().map(str::to_owned).collect();
    field.choices = missing.map(|package| ticked(&package.name, &chosen)).collect();
    field.look = if field.choices.is_empty() { Look::Hidden } else { Look::Checks };
    field.hint =
        "A tick says that the site may go without this package, though it has it enabled; the log of the task \
                  tells of each."
            .into();
}

fn ticked(name: &str, chosen: &[String]) -> Choice {
    let is_chosen = chosen.iter().any(|one| one == name);
    Choice { text: name.to_owned(), value: name.to_owned(), open: true, chosen: is_chosen, ..Choice::default() }
}

/// Offers each other platform, with its version of Drupal.
pub(super) async fn offer(doing: &Doing<'_>, field: &mut Field, own: &str) {
    let call = Call::of(OperationId::PlatformList).with("limit", MOST).uncounted();
    // Where they cannot be had, a name can still be typed.
    let Ok((platforms, None, _)) = doing.visit.list::<PlatformView>(call).await else { return };
    let chosen = field.value.clone();
    field.look = Look::Select;
    field.choices =
        platforms.iter().filter(|platform| platform.node.name.as_deref() != Some(own)).map(choice).collect();
    if !chosen.is_empty() {
        field.fill(&chosen);
    }
}

fn choice(platform: &PlatformView) -> Choice {
    let name = platform.node.name.clone().unwrap_or_default();
    let core = platform.core.as_ref().map(|core| format!(" (Drupal {core})")).unwrap_or_default();
    Choice { text: format!("{name}{core}"), value: name, open: true, ..Choice::default() }
}

/// What was found of the site whose folder is named, as long as that can be read.
async fn takes_in(doing: &Doing<'_>, fields: &mut [Field], call: &Call) -> Ahead {
    let mut ahead = Ahead::default();
    let name = call.name.as_deref().filter(|name| !name.is_empty());
    let from_default = call.parameters.get("from_default") == Some(&Value::Bool(true));
    let nothing_is_said = name.is_none() && !from_default;
    if nothing_is_said || fields.iter().any(|field| !field.error.is_empty()) {
        return ahead;
    }
    let mut look = Call::of(OperationId::FoundSiteShow);
    look = match (from_default, name) {
        (true, Some(name)) => look.about(SiteFolder::of_default()).with("as", name),
        (true, None) => look.about(SiteFolder::of_default()),
        (false, name) => look.about(name.unwrap_or_default()),
    };
    for parameter in ["platform", "db_server", "alias"] {
        if let Some(value) = call.parameters.get(parameter) {
            look = look.with(parameter, value.clone());
        }
    }
    match doing.visit.object::<FoundToImport>(look).await {
        Ok(found) => {
            // Of one in `sites/default`, what was proposed; another name can be typed.
            if let Some(field) = fields.iter_mut().find(|field| field.name == "name" && field.value.is_empty()) {
                field.fill(found.site.as_str());
            }
            ahead.found = Some(found);
        }
        Err(problem) if name.is_none() && problem.parameters().iter().any(|bad| bad.parameter == "as") => {
            ahead.problem = Some(Told {
                what: "The site lies in `sites/default`, and nothing there says by which name visitors ask for it"
                    .into(),
                because: Vec::new(),
                remedy: "type the name that it is to have".into(),
            });
        }
        Err(problem) => ahead.problem = Some(Told::of(&problem)),
    }
    ahead
}

/// What the former self lacks that is chosen, or the latest.
async fn goes_back(doing: &Doing<'_>, fields: &mut [Field], former: Option<&str>) -> Ahead {
    let site = doing.name.as_deref().unwrap_or_default();
    let all = doing.view.as_ref().and_then(|view| view["formers"].as_array()).into_iter().flatten();
    let mut all: Vec<&str> = all.filter_map(|former| former["name"].as_str()).collect();
    all.reverse();
    let mut ahead = Ahead::default();
    let Some(chosen) = former.or(all.first().copied()) else { return ahead };
    let call = Call::of(OperationId::SiteWrittenSince).about(site).with("former", chosen);
    match doing.visit.object::<WritesView>(call).await {
        Ok(lost) => ahead.lost = Some(lost),
        Err(problem) => ahead.problem = Some(Told::of(&problem)),
    }
    let here = address::doing(&doing.operation, Some(site));
    let others = all.iter().filter(|name| **name != chosen);
    ahead.others =
        others.map(|name| ((*name).to_owned(), format!("{here}?former={}", address::encoded(name)))).collect();
    // What was seen is what is gone back to, whatever is the latest by then.
    if let Some(field) = fields.iter_mut().find(|field| field.name == "former" && field.error.is_empty()) {
        field.fill(chosen);
        field.look = Look::Hidden;
    }
    ahead
}
