//! A form that was sent: done once, or shown again with what is wrong.

use aegir_hosting::{Answer, BadParameter, Names, Operation, OperationId, Queued, Subject};
use askama::Template;
use axum::body::Body;
use axum::http::{Response, StatusCode};

use super::about::back_of;
use super::confirm::confirm;
use super::field::Field;
use super::fill::{self, fields, now, typed};
use super::narrow::narrow;
use super::once::{self, Done};
use super::page::{Doing, Given, Told};
use super::read::{mistakes, read};
use super::task_type;
use crate::api::{Problem, ProblemKind};
use crate::panel::frame::Frame;
use crate::panel::visit::Visit;
use crate::panel::{address, reply};

#[derive(Template)]
#[template(path = "do_told_once.html")]
struct ToldOncePage {
    frame: Frame,
    what: &'static str,
    secret: String,
    back: String,
}

/// Does what a form asks for.
pub(super) async fn send(visit: &Visit, operation: Operation) -> Result<Response<Body>, Problem> {
    let doing = Doing::of(visit, operation).await;
    // What goes away between a form and its sending may be what the form did.
    let doing = match doing {
        Ok(doing) => doing,
        Err(_) => {
            let name = matches!(operation.names, Names::One(_)).then(|| visit.asked.name().to_owned());
            Doing { visit, operation, name, view: None }
        }
    };
    match done(&doing).await? {
        Became::Done(Done::Now(Answer::Queued(Queued { task, .. }))) | Became::Done(Done::Before(Some(task))) => {
            Ok(reply::go(&address::object(Subject::Task, &task.to_string())))
        }
        Became::Done(done) => finished(&doing, done).await,
        Became::Shown(response) => Ok(response),
    }
}

/// What became of a form that was sent.
pub(super) enum Became {
    /// It was done.
    Done(Done),
    /// It is shown again.
    Shown(Response<Body>),
}

/// Reads the form that was sent, and does what it asks for; or shows it again, with what is wrong.
pub(super) async fn done(doing: &Doing<'_>) -> Result<Became, Problem> {
    let (visit, operation) = (doing.visit, &doing.operation);
    let form = &visit.asked.form;
    let name = doing.name.as_deref();
    let mut asked = read(operation, name, form);
    let mut agreed = confirm(operation, &doing.sure(), doing.view.as_ref());
    let again = form.get("show_again") == Some("yes") || form.get("narrow") == Some("true");
    let dry_run = form.get("dry_run") == Some("yes");
    if let Some(agreed) = &mut agreed {
        agreed.typed = form.get("confirm").unwrap_or_default().trim().to_owned();
        if agreed.typed != agreed.name && !again && !dry_run {
            asked.wrong.push(("confirm".into(), format!("type `{}`, and nothing else", agreed.name)));
        }
        if operation.parameter("confirm").is_some() {
            let typed = if dry_run { agreed.name.clone() } else { agreed.typed.clone() };
            asked.call = asked.call.with("confirm", typed);
        }
    }
    asked.call.dry_run = dry_run;
    let mut problem = None;
    let mut plan = None;
    let mistakes = if again { Vec::new() } else { mistakes(&asked.call) };
    // What is looked at again stands before the form.
    let looks_again = dry_run && [OperationId::PlatformMigrate, OperationId::TrashEmpty].contains(&operation.id);
    if !again && !looks_again && asked.wrong.is_empty() && mistakes.is_empty() {
        let given_once = form.get("once").unwrap_or_default();
        let became = match dry_run {
            true => visit.ask(asked.call.clone()).await.map(Done::Now),
            false => once::perform(visit, asked.call.clone(), given_once).await,
        };
        match became {
            Ok(Done::Now(answer)) if dry_run => plan = Some(planned(&answer)),
            Ok(done) => return Ok(Became::Done(done)),
            Err(refused) => problem = Some(refused),
        }
    }
    let status = match &problem {
        Some(problem) if problem.kind == ProblemKind::BadParameters => StatusCode::UNPROCESSABLE_ENTITY,
        Some(problem) => problem.status(),
        None if asked.wrong.is_empty() && mistakes.is_empty() => StatusCode::OK,
        None => StatusCode::UNPROCESSABLE_ENTITY,
    };
    if let Some(refused) = problem.take_if(|problem| !is_told_on_the_form(problem)) {
        return Err(refused);
    }
    let mut fields = fields(visit, operation, name, doing.view.as_ref()).await?;
    typed(&mut fields, form, true);
    let mut errors = asked.wrong;
    let mut told = None;
    errors.extend(told_of(&mistakes, &fields, agreed.is_some()));
    if let Some(problem) = &problem {
        if problem.kind == ProblemKind::Stale {
            other_values(doing, &mut fields);
        }
        errors.extend(told_of(problem.parameters(), &fields, agreed.is_some()));
        if problem.kind == ProblemKind::Taken {
            errors.push((field_of_name(&fields, problem.detail()), problem.detail().to_owned()));
        }
        let all_told = !errors.is_empty() && problem.kind == ProblemKind::BadParameters;
        told = (!all_told).then(|| Told::of(problem));
    }
    if operation.id == OperationId::SiteAdd {
        narrow(visit, &mut fields).await?;
    }
    let call = std::borrow::Cow::Owned(asked.call);
    let given = Given { fields, errors, problem: told, plan, confirm: agreed, call };
    doing.page(status, given).await.map(Became::Shown)
}

/// The field in which a name was typed that is taken: that which holds it, of those in which names are.
fn field_of_name(fields: &[Field], told: &str) -> String {
    let names = ["name", "new_name", "as", "alias"];
    let of_names = || fields.iter().filter(|field| names.contains(&field.name.as_str()));
    let holds = |field: &&Field| {
        let mut lines = field.value.lines().map(str::trim).filter(|line| !line.is_empty());
        lines.any(|line| told.contains(&format!("`{line}`")))
    };
    let field = of_names().find(holds).or_else(|| of_names().next());
    field.map_or_else(|| "name".to_owned(), |field| field.name.clone())
}

/// Whether a refusal is one that whoever filled in the form can do something about.
fn is_told_on_the_form(problem: &Problem) -> bool {
    !matches!(problem.kind, ProblemKind::Forbidden | ProblemKind::Broken)
}

/// What a refusal says of which field, each with its way out.
fn told_of(mistakes: &[BadParameter], fields: &[Field], agreed: bool) -> Vec<(String, String)> {
    let has = |name: &str| fields.iter().any(|field| field.name == name);
    let mut told = Vec::new();
    for bad in mistakes {
        let why = match &bad.remedy {
            Some(remedy) => format!("{}; {remedy}", bad.why),
            None => bad.why.clone(),
        };
        // What is said of a field of the operator's own begins with its name.
        let own = bad.why.trim_start_matches('`').split(['=', '`']).next().unwrap_or_default();
        let name = match bad.parameter.as_str() {
            "field" => format!("{}{own}", fill::OWN),
            // What is said of a field of a task type names it: `the field `count` is 11`.
            "with" if !has("with") => {
                format!("{}{}", task_type::WITH, bad.why.split('`').nth(1).unwrap_or_default())
            }
            // The one field of a setting's form is of the setting's own kind, and bears no name of it.
            _ if has("value") => "value".to_owned(),
            _ if has("secret") => "secret".to_owned(),
            flag => {
                let emptied = fill::EMPTIED_BY.iter().find(|(_, empties)| *empties == flag && !has(flag));
                emptied.map_or(flag, |(emptied, _)| emptied).to_owned()
            }
        };
        if has(&name) || agreed && name == "confirm" {
            told.push((name, why));
        }
    }
    told
}

/// Says beside each field that somebody else changed meanwhile what it is now; what was typed stays.
fn other_values(doing: &Doing<'_>, fields: &mut [Field]) {
    let Some(view) = &doing.view else { return };
    for field in fields {
        if field.name == "revision" {
            field.value = fill::text_of(&view["revision"]);
            continue;
        }
        let (Some(was), Some(is)) = (&field.was, now(&doing.operation, view, &field.name)) else { continue };
        if was.trim() != is.trim() && field.value.trim() != is.trim() {
            let shown = |text: &str| {
                if text.trim().is_empty() { "empty".into() } else { format!("`{}`", text.replace('\n', ", ")) }
            };
            field.error = format!(
                "it is {} now, and was {}; what you typed takes its place if you send it again",
                shown(&is),
                shown(was)
            );
        }
        field.was = Some(is);
    }
}

/// What a back end would be asked.
fn planned(answer: &Answer) -> Vec<String> {
    match answer {
        Answer::WouldQueue { requests, .. } => requests.iter().map(|request| format!("{request:#}")).collect(),
        _ => Vec::new(),
    }
}

/// Leads on from what was changed at once; what is told once is told here.
async fn finished(doing: &Doing<'_>, done: Done) -> Result<Response<Body>, Problem> {
    let is_run = doing.operation.subject == Subject::Bulk || doing.operation.id == OperationId::PlatformMigrate;
    if let (Done::Now(Answer::Object(run)), true) = (&done, is_run)
        && let Some(number) = run["id"].as_i64()
    {
        return Ok(reply::go(&address::object(Subject::Bulk, &number.to_string())));
    }
    let told = match &done {
        Done::Now(Answer::Object(object)) => {
            ["token", "link"].into_iter().find_map(|what| Some((what, object[what].as_str()?.to_owned())))
        }
        _ => None,
    };
    if let Some((what, secret)) = told {
        let mut call = doing.call();
        call.name = call.name.or_else(|| doing.visit.asked.form.get("name").map(str::to_owned));
        let frame = doing.frame(&call).await;
        return reply::page(&ToldOncePage { frame, what, secret, back: address::list(doing.operation.subject) });
    }
    let new_name = doing.visit.asked.form.get("name").filter(|_| matches!(doing.operation.names, Names::New(_)));
    let to = match new_name {
        Some(name) => back_of(&doing.operation, Some(name.trim())),
        None => doing.back(),
    };
    Ok(reply::go(&format!("{to}?did={}", doing.visit.did(&doing.operation))))
}
