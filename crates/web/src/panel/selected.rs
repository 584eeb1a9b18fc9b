//! Sites that were ticked in their list are to move: a batch moves sites of one platform, so they are parted by where they
//! live, and the form of the batch begins with them.

use std::collections::BTreeMap;

use aegir_hosting::{Call, OperationId, Subject};
use askama::Template;
use axum::body::Body;
use axum::http::Response;
use serde_json::Value;

use super::address;
use super::bulk::filters_of;
use super::forms::bare;
use super::frame::Frame;
use super::pairs::Pairs;
use super::reply;
use super::visit::Visit;
use crate::api::{Problem, ProblemKind};
use crate::panel::words::count;

/// What has the ticked sites move, as the list's button says it.
pub(super) const MOVES: (OperationId, &str) = (OperationId::PlatformMigrate, "Move to another platform…");

/// How long the names of sites can be in an address; browsers and servers take no more of any.
const LONGEST: usize = 60_000;

#[derive(Template)]
#[template(path = "selected.html")]
struct SelectedPage {
    frame: Frame,
    /// What each begins with: what it says, and where it leads.
    batches: Vec<(String, String)>,
    back: String,
}

/// Leads to the form of a batch of what is ticked; where that lives on several platforms, to a choice of them.
pub(super) async fn moves(visit: &Visit) -> Result<Response<Body>, Problem> {
    let form = &visit.asked.form;
    let by_platform = match form.get("all") {
        Some(query) => found(visit, query).await?,
        None => ticked(visit, form.all("pick").map(bare).collect()).await?,
    };
    let mut batches = Vec::new();
    for (platform, (sites, given)) in by_platform {
        let href = format!("{}?{}", address::doing(&MOVES.0.declaration(), Some(&platform)), Pairs(given).write());
        if href.len() > LONGEST {
            let remedy = "filter the list so that it has these alone, and choose all that match";
            return Err(Problem::new(ProblemKind::BadParameters, "these are too many names", remedy));
        }
        batches.push((format!("Move {} on {platform}…", count(&sites)), href));
    }
    match &batches[..] {
        [] => {
            Err(Problem::new(ProblemKind::BadParameters, "nothing was selected", "go back, and tick rows of the list"))
        }
        [(_, only)] => Ok(reply::go(only)),
        _ => {
            let mut frame = visit.frame("Move sites of several platforms?", Subject::Site.path()).await;
            let back = address::list(Subject::Site);
            frame.trail = vec![("Sites".into(), back.clone())];
            reply::page(&SelectedPage { frame, batches, back })
        }
    }
}

/// How many sites there are on a platform, and what a batch of them is told.
type Parted = BTreeMap<String, (u64, Vec<(String, String)>)>;

async fn ticked(visit: &Visit, names: Vec<String>) -> Result<Parted, Problem> {
    let mut parted = Parted::new();
    for name in names {
        let site: Value = visit.object(Call::of(OperationId::SiteShow).about(name.clone())).await?;
        let (sites, given) = parted.entry(platform_of(&site)).or_default();
        *sites += 1;
        given.push(("site".into(), name));
    }
    Ok(parted)
}

/// All that a list finds: they are named by its filters, so that they can be any number.
async fn found(visit: &Visit, query: &str) -> Result<Parted, Problem> {
    let filters: Vec<String> = filters_of(query).into_iter().filter(|filter| filter != "all").collect();
    let mut call = Call::of(OperationId::SiteList).with("limit", super::bulk::AT_ONCE).uncounted();
    let declared = OperationId::SiteList.declaration();
    for (name, value) in filters.iter().filter_map(|filter| filter.split_once('=')) {
        match call.parameters.get_mut(name).and_then(Value::as_array_mut) {
            Some(values) => values.push(value.into()),
            None if declared.parameter(name).is_some_and(|parameter| parameter.many) => {
                call = call.with(name, vec![value.to_owned()]);
            }
            None => call = call.with(name, value),
        }
    }
    let mut parted = Parted::new();
    loop {
        let (sites, next, _) = visit.list::<Value>(call.clone()).await?;
        for site in sites {
            let (sites, given) = parted.entry(platform_of(&site)).or_default();
            *sites += 1;
            if given.is_empty() {
                given.extend(filters.iter().map(|filter| ("filter".to_owned(), filter.clone())));
            }
        }
        match next {
            Some(next) => call = call.with("cursor", next),
            None => return Ok(parted),
        }
    }
}

fn platform_of(site: &Value) -> String {
    bare(site["platform"].as_str().unwrap_or_default())
}
