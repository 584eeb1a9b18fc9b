//! The page of an operation: its form, and what becomes of it.

use aegir_domain::Remedy;
use aegir_hosting::{Call, Effect, Names, Operation, OperationId, Subject};
use askama::Template;
use axum::body::Body;
use axum::http::{Response, StatusCode};
use serde_json::Value;

use super::about::{back_of, has_object_pages, has_page, notes, section_of, title_of};
use super::ahead::Ahead;
use super::confirm::{Confirm, confirm, takes_away};
use super::field::Field;
use super::fill::{bare, fields, typed};
use super::group::{Group, grouped};
use super::narrow::{mark, narrow};
use super::read::read;
use super::trial;
use crate::api::{Problem, ProblemKind};
use crate::panel::elsewhere::elsewhere;
use crate::panel::frame::Frame;
use crate::panel::visit::Visit;
use crate::panel::words::capital;
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
    /// Whether a button stands before that which does it: Enter is the first one's.
    has_trial: bool,
    /// What is to be seen before it is done.
    ahead: Ahead,
}

/// What went wrong.
pub(super) struct Told {
    pub(super) what: String,
    pub(super) because: Vec<String>,
    pub(super) remedy: String,
}

#[derive(Template)]
#[template(path = "do_not_now.html")]
struct NotNowPage {
    frame: Frame,
    about: &'static str,
    told: Told,
    back: String,
}

impl Told {
    /// What went wrong and why, the outermost first.
    pub(super) fn causes(&self) -> Vec<String> {
        std::iter::once(&self.what).chain(&self.because).cloned().collect()
    }

    pub(super) fn of(problem: &Problem) -> Told {
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

    /// What is typed by whoever is sure: the name of the object; where a trash is emptied, that of the one thing that goes,
    /// else of the server.
    pub(super) fn sure(&self) -> String {
        match (self.operation.id, &self.view) {
            (OperationId::TrashEmpty, view) => {
                let things = super::trash::given(self.visit, "thing");
                let server = view.as_ref().and_then(|view| view["server"].as_str().map(str::to_owned));
                match &things[..] {
                    [one] => one.clone(),
                    _ => server.or_else(|| super::trash::given(self.visit, "server").pop()).unwrap_or_default(),
                }
            }
            _ => self.name.clone().unwrap_or_default(),
        }
    }

    /// Looks at the object as it stands now.
    async fn look(&mut self) -> Result<(), Problem> {
        if self.operation.subject == Subject::Trash {
            self.view = super::trash::look(self.visit, &self.operation, self.name.as_deref()).await?;
            return Ok(());
        }
        let show = OperationId::ALL.into_iter().map(OperationId::declaration);
        let mut show = show.filter(|show| show.subject == self.operation.subject && show.verb == "show");
        if let (Some(name), Some(show)) = (&self.name, show.next())
            && matches!(show.names, Names::One(_))
        {
            let mut call = Call::of(show.id).about(bare(name));
            let asked = &self.visit.asked;
            if self.operation.subject == Subject::Backup
                && let Some(server) = asked.form.get("server").or_else(|| asked.query.get("server"))
                && !server.is_empty()
            {
                // Another machine can have one of the same name.
                call = call.with("server", server);
            }
            self.view = Some(self.visit.object(call).await?);
        }
        Ok(())
    }

    pub(super) fn call(&self) -> Call {
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

    pub(super) async fn frame(&self, call: &Call) -> Frame {
        let mut frame = self.visit.frame(&self.title(), section_of(self.operation.subject)).await;
        let list = (capital(self.operation.subject.path()).replace('-', " "), address::list(self.operation.subject));
        if has_page(self.operation.subject) {
            frame.trail.push(list);
        }
        if let Some(name) = self.name.as_deref().filter(|_| has_object_pages(self.operation.subject)) {
            frame.trail.push((bare(name), back_of(&self.operation, Some(name))));
        }
        let mut call = call.clone();
        if self.operation.parameter("confirm").is_some() {
            call = call.with("confirm", self.sure());
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
            // Of a site that is no copy, they are not even told.
            OperationId::SiteRefresh | OperationId::SiteSwitch => Some(Call { dry_run: true, ..self.call() }),
            _ => None,
        };
        if let Some(call) = asked_first {
            return self.visit.ask(call).await.err().map(|problem| Told::of(&problem));
        }
        if self.operation.id == OperationId::TrashRestore {
            return super::trash::stays(self).await;
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

    pub(super) async fn page(&self, status: StatusCode, given: Given<'_>) -> Result<Response<Body>, Problem> {
        let Given { mut fields, errors, problem, plan, confirm, mut call } = given;
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
        let ahead = Ahead::of(self, &mut fields, &call).await;
        if let (Some(found), Some("")) = (&ahead.found, call.name.as_deref()) {
            // As it is proposed, it is shown as a command too.
            call.to_mut().name = Some(found.site.to_string());
        }
        let mut groups = grouped(&self.operation, fields);
        for group in &mut groups {
            group.tries = trial::address_of(&self.operation, self.name.as_deref(), group);
        }
        let page = FormPage {
            frame: self.frame(&call).await,
            about: self.operation.about,
            action: address::doing(&self.operation, self.name.as_deref()),
            once: self.visit.once(),
            has_trial: groups.iter().any(|group| !group.tries.is_empty()),
            groups,
            confirm,
            button: match (&ahead.batch, ahead.asks_first) {
                (Some(batch), _) => batch.button(),
                (None, true) if self.operation.id == OperationId::PlatformMigrate => "See who can go".into(),
                (None, true) => "See what stands between".into(),
                (None, false) => self.title(),
            },
            back: back_of(&self.operation, self.name.as_deref()),
            errors: listed,
            problem,
            plan,
            try_button: match self.operation.effect {
                Effect::Queues if !ahead.asks_first && !ahead.forbids => "What would happen",
                _ if ahead.batch.is_some() => "Look again",
                _ if self.operation.id == OperationId::TrashEmpty => "What would go",
                _ => "",
            },
            notes,
            ahead,
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
pub(super) struct Given<'a> {
    pub(super) fields: Vec<Field>,
    pub(super) errors: Vec<(String, String)>,
    pub(super) problem: Option<Told>,
    pub(super) plan: Option<Vec<String>>,
    pub(super) confirm: Option<Confirm>,
    pub(super) call: std::borrow::Cow<'a, Call>,
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
    let confirm = confirm(&operation, &doing.sure(), doing.view.as_ref());
    let call = std::borrow::Cow::Owned(read(&operation, name, &visit.asked.query).call);
    let given = Given { fields, errors: Vec::new(), problem: None, plan: None, confirm, call };
    doing.page(StatusCode::OK, given).await
}
