//! The page of an operation: its form, and what becomes of it.

use aegir_domain::Remedy;
use aegir_hosting::{Answer, BadParameter, Call, Effect, Names, Operation, OperationId, Queued, Subject};
use askama::Template;
use axum::body::Body;
use axum::http::{Response, StatusCode};
use serde_json::Value;

use super::about::{back_of, has_object_pages, has_page, notes, section_of, takes_services, title_of};
use super::confirm::{Confirm, confirm, takes_away};
use super::field::{Field, sentence};
use super::fill::{self, bare, fields, now, typed};
use super::group::{Group, grouped};
use super::narrow::{mark, narrow};
use super::once::{self, Done};
use super::read::{mistakes, read};
use crate::api::{Problem, ProblemKind};
use crate::panel::elsewhere::elsewhere;
use crate::panel::frame::Frame;
use crate::panel::visit::Visit;
use crate::panel::{address, reply};

#[derive(Template)]
#[template(path = "do.html")]
struct FormPage {
    frame: Frame,
    about: &'static str,
    action: String,
    once: String,
    groups: Vec<Group>,
    confirm: Option<Confirm>,
    /// What the button says that does it.
    button: String,
    /// Where somebody goes who leaves it.
    back: String,
    /// What is wrong, with the field that it is about.
    errors: Vec<(String, String)>,
    /// What is wrong with no field.
    problem: Option<Told>,
    /// What would be done, where that was asked.
    plan: Option<Vec<String>>,
    /// What the button says that asks what would be done; empty: no back end does anything.
    try_button: &'static str,
    /// What else is to be known before.
    notes: Vec<String>,
}

/// What went wrong.
struct Told {
    what: String,
    because: Vec<String>,
    remedy: String,
}

#[derive(Template)]
#[template(path = "do_not_now.html")]
struct NotNowPage {
    frame: Frame,
    about: &'static str,
    told: Told,
    back: String,
}

#[derive(Template)]
#[template(path = "do_told_once.html")]
struct ToldOncePage {
    frame: Frame,
    what: &'static str,
    secret: String,
    back: String,
}

impl Told {
    /// What went wrong and why, the outermost first.
    fn causes(&self) -> Vec<String> {
        std::iter::once(&self.what).chain(&self.because).cloned().collect()
    }

    fn of(problem: &Problem) -> Told {
        Told {
            what: problem.detail().to_owned(),
            because: problem.because().to_vec(),
            remedy: problem.remedy().unwrap_or_default(),
        }
    }
}

/// An operation that somebody is about to ask for.
pub(super) struct Doing<'a> {
    pub(super) visit: &'a Visit,
    pub(super) operation: Operation,
    pub(super) name: Option<String>,
    pub(super) view: Option<Value>,
}

pub(in crate::panel) fn broken(what: &str) -> Problem {
    Problem::new(ProblemKind::Broken, what, "please report it")
}

impl<'a> Doing<'a> {
    pub(super) async fn of(visit: &'a Visit, operation: Operation) -> Result<Doing<'a>, Problem> {
        let name = match operation.names {
            Names::One(_) => Some(visit.asked.name().to_owned()),
            Names::New(_) | Names::None => None,
        };
        let mut doing = Doing { visit, operation, name, view: None };
        doing.look().await?;
        Ok(doing)
    }

    /// Looks at the object as it stands now.
    async fn look(&mut self) -> Result<(), Problem> {
        let show = OperationId::ALL.into_iter().map(OperationId::declaration);
        let mut show = show.filter(|show| show.subject == self.operation.subject && show.verb == "show");
        if let (Some(name), Some(show)) = (&self.name, show.next())
            && matches!(show.names, Names::One(_))
        {
            self.view = Some(self.visit.object(Call::of(show.id).about(bare(name))).await?);
        }
        Ok(())
    }

    fn call(&self) -> Call {
        Call { name: self.name.clone(), ..Call::of(self.operation.id) }
    }

    /// What the page and its button are called.
    pub(super) fn title(&self) -> String {
        title_of(&self.operation, self.name.as_deref())
    }

    /// Where somebody goes who leaves the form, and where a change leads that has no task.
    pub(super) fn back(&self) -> String {
        back_of(&self.operation, self.name.as_deref().filter(|_| !takes_away(&self.operation)))
    }

    async fn frame(&self, call: &Call) -> Frame {
        let mut frame = self.visit.frame(&self.title(), section_of(self.operation.subject)).await;
        let list = (sentence(self.operation.subject.path()).replace('-', " "), address::list(self.operation.subject));
        if has_page(self.operation.subject) {
            frame.trail.push(list);
        }
        if let Some(name) = self.name.as_deref().filter(|_| has_object_pages(self.operation.subject)) {
            frame.trail.push((bare(name), back_of(&self.operation, Some(name))));
        }
        let mut call = call.clone();
        if let (Some(_), Some(name)) = (self.operation.parameter("confirm"), &self.name) {
            call = call.with("confirm", name.clone());
        }
        frame.elsewhere.push(elsewhere(&self.title(), &call));
        frame
    }

    /// Why it cannot be asked for now, whatever is filled in.
    async fn why_not(&self) -> Option<Told> {
        let asked_first = match self.operation.id {
            // Without a machine elsewhere there is no key, and without a difference no side.
            OperationId::ServerTrust => Some(Call { name: self.name.clone(), ..Call::of(OperationId::ServerHostKey) }),
            OperationId::DriftResolve => Some(Call { dry_run: true, ..self.call() }.with("take", "theirs")),
            _ => None,
        };
        if let Some(call) = asked_first {
            return self.visit.ask(call).await.err().map(|problem| Told::of(&problem));
        }
        let says = self.view.as_ref().and_then(|view| view["operations"].as_array());
        let says = says.and_then(|all| all.iter().find(|one| one["verb"] == self.operation.verb));
        let may = says.and_then(|one| one["available"].as_bool());
        let asks_nothing = self.operation.parameters.iter().all(|parameter| parameter.name == "confirm");
        if may == Some(true) || may.is_none() && !(asks_nothing && self.operation.subject == Subject::Task) {
            return None;
        }
        let mut call = Call { dry_run: true, ..self.call() };
        if let (Some(_), Some(name)) = (self.operation.parameter("confirm"), &self.name) {
            call = call.with("confirm", name.clone());
        }
        match self.visit.ask(call).await {
            Err(problem) if problem.kind != ProblemKind::BadParameters => Some(Told::of(&problem)),
            _ => says.and_then(|one| one["why_not"].as_str()).map(|why| Told {
                what: why.to_owned(),
                because: Vec::new(),
                remedy: String::new(),
            }),
        }
    }

    async fn page(&self, status: StatusCode, given: Given<'_>) -> Result<Response<Body>, Problem> {
        let Given { mut fields, errors, problem, plan, confirm, call } = given;
        let mut listed = Vec::new();
        let mut notes = notes(&self.operation, self.view.as_ref());
        notes.extend(self.keys().await);
        let mut confirm = confirm;
        for (name, why) in errors {
            match &mut confirm {
                // What was said first is nearest to what was typed.
                Some(confirm) if name == "confirm" && confirm.error.is_empty() => confirm.error = why.clone(),
                _ => drop(mark(&mut fields, &name, &why)),
            }
        }
        for field in fields.iter().filter(|field| !field.error.is_empty()) {
            listed.push((field.name.clone(), format!("{}: {}", field.label, field.error)));
        }
        if let Some(confirm) = confirm.as_ref().filter(|confirm| !confirm.error.is_empty()) {
            listed.push(("confirm".into(), confirm.error.clone()));
        }
        let page = FormPage {
            frame: self.frame(&call).await,
            about: self.operation.about,
            action: address::doing(&self.operation, self.name.as_deref()),
            once: self.visit.once(),
            groups: grouped(&self.operation, fields),
            confirm,
            button: self.title(),
            back: back_of(&self.operation, self.name.as_deref()),
            errors: listed,
            problem,
            plan,
            try_button: match (self.operation.effect, self.operation.subject) {
                (Effect::Queues, Subject::Server) if takes_services(&self.operation) => "Test what can be tested now",
                (Effect::Queues, _) => "What would happen",
                _ => "",
            },
            notes,
        };
        reply::page_as(status, &page)
    }

    /// What is to be compared before a machine's key is trusted.
    async fn keys(&self) -> Vec<String> {
        let (OperationId::ServerTrust, Some(name)) = (self.operation.id, &self.name) else { return Vec::new() };
        let call = Call::of(OperationId::ServerHostKey).about(name.clone());
        let keys: Value = match self.visit.object(call).await {
            Ok(keys) => keys,
            Err(problem) => return vec![format!("Its keys cannot be asked for: {}", problem.detail())],
        };
        let mut notes = Vec::new();
        let mut note = |text: &str, value: &Value| notes.extend(value.as_str().map(|value| format!("{text} {value}")));
        note("Its machine is at", &keys["address"]);
        note("It is known by", &keys["trusted"]["fingerprint"]);
        note("It shows now", &keys["shown"]["fingerprint"]);
        note("What to do next:", &keys["advice"]);
        notes
    }
}

/// What a form has in it when it is shown.
struct Given<'a> {
    fields: Vec<Field>,
    errors: Vec<(String, String)>,
    problem: Option<Told>,
    plan: Option<Vec<String>>,
    confirm: Option<Confirm>,
    call: std::borrow::Cow<'a, Call>,
}

/// The form of an operation.
pub(super) async fn show(visit: &Visit, operation: Operation) -> Result<Response<Body>, Problem> {
    let doing = Doing::of(visit, operation).await?;
    if let Some(told) = doing.why_not().await {
        let page =
            NotNowPage { frame: doing.frame(&doing.call()).await, about: operation.about, told, back: doing.back() };
        return reply::page_as(StatusCode::CONFLICT, &page);
    }
    let name = doing.name.as_deref();
    let mut fields = fields(visit, &operation, name, doing.view.as_ref()).await?;
    typed(&mut fields, &visit.asked.query, false);
    if operation.id == OperationId::SiteAdd {
        narrow(visit, &mut fields).await?;
    }
    let confirm = confirm(&operation, name.unwrap_or_default(), doing.view.as_ref());
    let call = std::borrow::Cow::Owned(read(&operation, name, &visit.asked.query).call);
    let given = Given { fields, errors: Vec::new(), problem: None, plan: None, confirm, call };
    doing.page(StatusCode::OK, given).await
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
    let mut agreed = confirm(operation, name.unwrap_or_default(), doing.view.as_ref());
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
    if !again && asked.wrong.is_empty() && mistakes.is_empty() {
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
            errors.push(("name".into(), problem.detail().to_owned()));
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
    if let (Done::Now(Answer::Object(run)), Subject::Bulk) = (&done, doing.operation.subject)
        && let Some(run) = run["id"].as_i64()
    {
        return Ok(reply::go(&address::object(Subject::Bulk, &run.to_string())));
    }
    let new_name = doing.visit.asked.form.get("name").filter(|_| matches!(doing.operation.names, Names::New(_)));
    let to = match new_name {
        Some(name) => back_of(&doing.operation, Some(name.trim())),
        None => doing.back(),
    };
    Ok(reply::go(&format!("{to}?did={}", doing.visit.did(&doing.operation))))
}
