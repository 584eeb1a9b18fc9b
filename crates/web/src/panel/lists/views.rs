//! Views of a list that people keep for themselves: links above its rows, each to a query of its address.

use aegir_domain::BadText;
use aegir_hosting::{View, ViewChange};
use axum::body::Body;
use axum::http::Response;

use super::query::Query;
use super::which::{self, List};
use crate::api::{Problem, ProblemKind};
use crate::panel::pairs::Pairs;
use crate::panel::visit::Visit;
use crate::panel::{address, reply};

/// A view, as a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) name: String,
    pub(super) href: String,
    /// Whether the list is shown so.
    pub(super) current: bool,
}

/// The views of a list.
#[derive(Clone, Debug, Default)]
pub(super) struct Views {
    /// What is kept.
    pub(super) kept: Vec<Kept>,
    /// The word of the list.
    pub(super) list: String,
    /// What would be saved now; nothing where a filter cannot be read.
    pub(super) query: Option<String>,
    /// Where one comes back to.
    pub(super) back: String,
}

/// The views that somebody has of a list, which is shown as `query` says.
pub(super) async fn views(visit: &Visit, list: &List, query: &Query) -> Result<Views, Problem> {
    let kept = visit.panel.people.views(&visit.session, list.id, None).await?;
    let now = query.written();
    let link = |view: View| Kept {
        href: at(&query.path, view.query()),
        current: view.query() == now,
        name: view.name().to_owned(),
    };
    Ok(Views {
        kept: kept.into_iter().map(link).collect(),
        list: list.operation().slug(),
        query: (!query.is_unsure()).then_some(now),
        back: visit.asked.address(),
    })
}

fn at(path: &str, query: &str) -> String {
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// Keeps the list as it is shown, under the name that was typed.
pub(super) async fn save(visit: &Visit) -> Result<Response<Body>, Problem> {
    let (list, path) = of_form(visit)?;
    let form = &visit.asked.form;
    // Written as the list writes it, so that it is known again; what is none of the list is left out.
    let query = Query::read(&list, "", &Pairs::read(form.get("query").unwrap_or_default())).written();
    let view = View::of(form.get("name").unwrap_or_default(), &query).map_err(unfit)?;
    let to = at(&path, view.query());
    visit.panel.people.views(&visit.session, list.id, Some(ViewChange::Save(view))).await?;
    Ok(reply::go(&to))
}

/// Forgets a view, and comes back to the list as it was.
pub(super) async fn drop(visit: &Visit) -> Result<Response<Body>, Problem> {
    let (list, _) = of_form(visit)?;
    let name = visit.asked.form.get("name").unwrap_or_default().to_owned();
    visit.panel.people.views(&visit.session, list.id, Some(ViewChange::Drop(name))).await?;
    Ok(reply::go(back(visit)))
}

/// The list that a form is of, and its page.
fn of_form(visit: &Visit) -> Result<(List, String), Problem> {
    let word = visit.asked.form.get("list").unwrap_or_default();
    let list = which::ALL.into_iter().find(|list| list.operation().slug() == word);
    let list = list.ok_or_else(|| {
        Problem::new(
            ProblemKind::BadParameters,
            "the form names no list",
            "go back to the list, and send it from there",
        )
    })?;
    let back = back(visit);
    Ok((list, back.split('?').next().unwrap_or_default().to_owned()))
}

fn back(visit: &Visit) -> &str {
    visit.asked.form.get("back").filter(|back| address::is_own(back)).unwrap_or("/")
}

fn unfit(bad: BadText) -> Problem {
    let remedy = bad.instead.clone().unwrap_or_default();
    Problem::new(ProblemKind::BadParameters, bad.to_string(), remedy)
}
