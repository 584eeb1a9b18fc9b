//! The page of a list.

use aegir_hosting::{Answer, Names, OperationId, Permission, Refusal};
use askama::Template;
use axum::body::Body;
use axum::http::Response;

use super::bar::{Bar, bar, label_of};
use super::cell::Row;
use super::empty::{Empty, empty, how_many};
use super::file;
use super::query::{Query, tidied};
use super::table::Table;
use super::views::{Views, views};
use super::which::{self, Beside, INSTALLED, List, TRASH};
use crate::api::{Problem, ProblemKind};
use crate::panel::frame::{Frame, Notice, Tone};
use crate::panel::marks::Drifts;
use crate::panel::objects::UPLOAD;
use crate::panel::route::is_done_on_a_page;
use crate::panel::visit::Visit;
use crate::panel::words;
use crate::panel::{address, bulk, elsewhere, reply};

/// So far the front end counts.
const COUNTED: u64 = 1_000;

#[derive(Template)]
#[template(path = "list.html")]
struct ListPage {
    frame: Frame,
    /// Its path, and the whole of its address.
    path: String,
    here: String,
    /// How many there are, in words.
    count: String,
    bar: Bar,
    /// The list with nothing filtered; empty where nothing is.
    cleared: String,
    /// All that match, as a file.
    file: String,
    most: String,
    /// Buttons at its head: words, address and look.
    actions: Vec<(String, String, &'static str)>,
    table: Table,
    /// What stands there in place of rows.
    empty: Option<Empty>,
    first: String,
    previous: String,
    next: String,
    /// What can be asked of many of these at once: words and what they are called.
    for_many: Vec<(String, String)>,
    /// The address without its path, by which all that match are found again.
    query: String,
    total: u64,
    /// How many match, in words, where they are not counted.
    told: String,
    /// What whoever looks has saved of it.
    views: Views,
}

/// Rows, and what is around them.
#[derive(Default)]
struct Found {
    rows: Vec<Row>,
    next: Option<String>,
    total: Option<u64>,
}

/// Shows the list that is asked for.
pub(super) async fn show(visit: &Visit) -> Result<Response<Body>, Problem> {
    let list = which::ALL.into_iter().find(|list| list.path() == visit.asked.path).ok_or_else(|| {
        Problem::new(ProblemKind::Broken, "an address leads to a list that is not there", "please report it")
    })?;
    show_list(visit, list).await
}

/// Shows what the site of the name in the address has.
pub(super) async fn show_installed(visit: &Visit) -> Result<Response<Body>, Problem> {
    show_list(visit, INSTALLED).await
}

/// Shows what lies in the trash of the machine of the server of the name in the address.
pub(super) async fn show_trash(visit: &Visit) -> Result<Response<Body>, Problem> {
    show_list(visit, TRASH).await
}

async fn show_list(visit: &Visit, list: List) -> Result<Response<Body>, Problem> {
    let mut query = Query::read(&list, visit.asked.name(), &visit.asked.query);
    if let Some(tidy) = tidied(&list, &visit.asked.query) {
        let tidy = tidy.write();
        return Ok(reply::go(&if tidy.is_empty() { query.path } else { format!("{}?{tidy}", query.path) }));
    }
    let beside = match list.marked {
        true => Beside { drifts: Drifts::ask(visit).await? },
        false => Beside::default(),
    };
    let found = find(visit, &list, &mut query, &beside).await?;
    if query.csv && query.wrong.is_empty() && query.unknown.is_empty() {
        return file::answer(visit, &list, &query, &beside).await;
    }
    let page = page(visit, &list, &query, found).await?;
    reply::page(&page)
}

/// Asks for a page of the list. What the front end cannot take is told beside its place; a place in the list that there is
/// not leads to the first page.
async fn find(visit: &Visit, list: &List, query: &mut Query, beside: &Beside) -> Result<Found, Problem> {
    // Once more without the cursor, at the most.
    for _ in 0..2 {
        if query.is_unsure() {
            break;
        }
        let answer = visit.panel.api.front.perform(visit.actor(), query.call.clone()).await;
        match answer {
            Ok(Answer::Page { items, next, total }) => {
                let rows = (list.rows)(items, &query.columns, beside)?;
                return Ok(Found { rows, next, total });
            }
            Ok(other) => {
                let other: String = format!("{other:?}").chars().take(200).collect();
                return Err(Problem::new(
                    ProblemKind::Broken,
                    format!("no list was answered: {other}"),
                    "please report it",
                ));
            }
            Err(refusal) => tell(query, refusal)?,
        }
    }
    Ok(Found::default())
}

/// Says beside a filter why the front end does not take it; what is about no filter is a problem of the page.
fn tell(query: &mut Query, refusal: Refusal) -> Result<(), Problem> {
    match &refusal {
        Refusal::Bad(bad) => {
            for one in &bad.bad {
                let Some(parameter) = query.operation.parameter(&one.parameter) else { return Err(refusal.into()) };
                query.refuse(parameter.name, &one.why, one.remedy.as_deref());
            }
            Ok(())
        }
        Refusal::Unknown { what, .. } => {
            let name = if *what == "node" { "object" } else { what };
            let Some(parameter) = query.operation.parameter(name) else { return Err(refusal.into()) };
            let why = refusal.to_string();
            query.refuse(parameter.name, &why, None);
            Ok(())
        }
        _ => Err(refusal.into()),
    }
}

async fn page(visit: &Visit, list: &List, query: &Query, found: Found) -> Result<ListPage, Problem> {
    let mut around = match &query.call.name {
        None => visit.frame(list.title, list.section).await,
        Some(name) => {
            let subject = list.operation().subject;
            let mut around = visit.frame(&format!("{} of {name}", list.title), list.section).await;
            let whose = (name.clone(), address::object(subject, name));
            around.trail = vec![(label_of(subject.path()), address::list(subject)), whose];
            around
        }
    };
    // Nothing asks elsewhere for what was not understood here.
    if !query.is_unsure() {
        around.elsewhere = vec![elsewhere::elsewhere("This list", &query.call)];
    }
    if !query.unknown.is_empty() {
        around.notices.push(Notice {
            tone: Tone::Warning,
            text: format!("The address names what is no filter of this list: {}.", query.unknown.join(", ")),
            more: vec!["It was left out of what is shown.".to_owned()],
        });
    }
    let empty = match found.rows.is_empty() {
        true => Some(empty(visit, list, query).await?),
        false => None,
    };
    let count = match query.is_unsure() {
        true => String::new(),
        false => how_many(list, query, found.rows.len(), found.next.is_some(), found.total),
    };
    let for_many = match empty.is_some() {
        true => Vec::new(),
        false if query.call.name.is_some() => Vec::new(),
        false => bulk::for_many(visit, list.operation().subject),
    };
    Ok(ListPage {
        views: views(visit, list, query).await?,
        query: visit.asked.query_text.clone(),
        total: found.total.unwrap_or(COUNTED),
        told: if found.total.is_some() { String::new() } else { format!("more than {}", words::count(&COUNTED)) },
        path: query.path.clone(),
        here: visit.asked.address(),
        count,
        bar: bar(visit, list, query).await?,
        cleared: if query.narrows() { query.cleared() } else { String::new() },
        file: query.file(),
        most: words::count(&(file::MOST_ROWS as u64)),
        actions: actions(visit, list, query.call.name.as_deref()),
        empty,
        first: if query.is_first() { String::new() } else { query.first() },
        previous: query.previous().unwrap_or_default(),
        next: found.next.as_deref().map(|next| query.next(next)).unwrap_or_default(),
        table: Table { pick: !for_many.is_empty(), ..Table::of_list(list, query, found.rows) },
        for_many,
        frame: around,
    })
}

/// What stands at the head of a list: ways to its neighbours, and to what adds to it.
fn actions(visit: &Visit, list: &List, of: Option<&str>) -> Vec<(String, String, &'static str)> {
    let plain = |text: &str, href: &str| (text.to_owned(), href.to_owned(), "plain");
    let copies = || {
        let copy = OperationId::SiteCopy.declaration();
        let may = visit.actor().may.hold(copy.needs);
        may.then(|| plain("Copy a site", &address::doing(&copy, None)))
    };
    let mut actions = match list.id {
        OperationId::SiteList => {
            let mut ways =
                vec![plain("Backups", "/backups"), plain("Found sites", "/found-sites"), plain("Drift", "/drift")];
            ways.extend(copies());
            ways
        }
        OperationId::FoundSiteList => std::iter::once(plain("Sites", "/sites")).chain(copies()).collect(),
        OperationId::TaskList => vec![plain("Queue", "/queue"), plain("Bulk runs", "/bulk")],
        OperationId::BackupList if visit.actor().may.hold(Permission::Manage) => {
            vec![plain("Sites", "/sites"), plain("Upload a backup", UPLOAD)]
        }
        // Each machine has a trash of its own, and is named.
        OperationId::ServerTrash if visit.actor().may.hold(Permission::Manage) => {
            let empty = address::doing(&OperationId::TrashEmpty.declaration(), None);
            let server = address::encoded(of.unwrap_or_default());
            vec![plain("Empty…", &format!("{empty}?server={server}"))]
        }
        OperationId::ServerList => vec![plain("Trash", "/trash")],
        OperationId::BackupList => vec![plain("Sites", "/sites")],
        _ => Vec::new(),
    };
    let operation = list.operation();
    if !matches!(operation.names, Names::None) {
        return actions;
    }
    let subject = operation.subject;
    let adds = OperationId::ALL.into_iter().map(OperationId::declaration).find(|operation| {
        operation.subject == subject && matches!(operation.names, Names::New(_)) && is_done_on_a_page(operation)
    });
    if let Some(add) = adds.filter(|add| visit.actor().may.hold(add.needs)) {
        actions.push((format!("Add a {}", list.noun.0), address::doing(&add, None), "primary"));
    }
    actions
}
