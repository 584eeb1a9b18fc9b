//! The ways in: name and password, or a one-time link.

use aegir_domain::{Password, Remedy};
use aegir_hosting::{Invitation, NotLetIn, Opened, OperationId, Shape, SignIn};
use askama::Template;
use axum::body::Body;
use axum::http::{Method, Response, StatusCode};

use super::door::SESSION;
use super::frame::Frame;
use super::route::PanelRoute;
use super::visit::{Asked, Stranger, form_token};
use super::{address, assets, reply};
use crate::api::{Problem, ProblemKind};

/// Fields of a form that are not what somebody typed.
const OWN_FIELDS: [&str; 2] = ["form_token", "once"];

/// Fields of the pages of one's own account that hold secrets.
const OWN_SECRETS: [&str; 5] = ["password", "again", "old", "drop", "code"];

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    frame: Frame,
    /// Where to go afterwards.
    to: String,
    /// What was typed before the session ended: to be shown again afterwards.
    kept: Vec<(String, String)>,
    account: String,
    asks_code: bool,
    wrong: Option<Wrong>,
}

impl SignInPage {
    fn link_command(&self) -> String {
        let name = if self.account.is_empty() { "NAME" } else { &self.account };
        format!("aegir account link {name}")
    }
}

/// Why somebody was not let in.
struct Wrong {
    what: String,
    remedy: Option<String>,
}

impl Wrong {
    fn of(not: &NotLetIn) -> Wrong {
        Wrong { what: not.to_string(), remedy: not.remedy() }
    }
}

#[derive(Template)]
#[template(path = "enter.html")]
struct EnterPage {
    frame: Frame,
    account: String,
    wrong: Option<Wrong>,
}

#[derive(Template)]
#[template(path = "back_to_form.html")]
struct BackToFormPage {
    frame: Frame,
    to: String,
    form_token: String,
    kept: Vec<(String, String)>,
}

/// The ways in, and the files that any page needs.
pub(super) fn routes() -> Vec<PanelRoute> {
    vec![
        PanelRoute::open(Method::GET, "/assets/{mark}/{file}", |it| Box::pin(asset(it))),
        PanelRoute::open(Method::GET, "/sign-in", |it| Box::pin(show(it))),
        PanelRoute::open(Method::POST, "/sign-in", |it| Box::pin(sign_in(it))),
        PanelRoute::open(Method::GET, "/enter/{secret}", |it| Box::pin(show_link(it))),
        PanelRoute::open(Method::POST, "/enter/{secret}", |it| Box::pin(enter(it))),
    ]
}

/// A file of the theme.
async fn asset(stranger: &Stranger) -> Result<Response<Body>, Problem> {
    let name = stranger.asked.names.last().map_or("", String::as_str);
    assets::file(name, &stranger.asked.headers)
        .ok_or_else(|| Problem::new(ProblemKind::NoAddress, "there is no such file of the theme", "load the page anew"))
}

/// Leads whoever is not signed in to where they can be, and then to what they asked for.
pub(super) fn first(asked: &Asked) -> Response<Body> {
    match asked.address().as_str() {
        "/" => reply::go("/sign-in"),
        to => reply::go(&format!("/sign-in?to={}", address::encoded(to))),
    }
}

/// Asks whoever sent a form without a session to sign in, and keeps what they typed meanwhile.
pub(super) fn keeping(stranger: &Stranger) -> Response<Body> {
    let asked = &stranger.asked;
    let mut page = page_of(stranger, asked.path.clone());
    page.kept = asked.form.without(&OWN_FIELDS).0.into_iter().filter(|(name, _)| !is_secret(name)).collect();
    page.wrong = Some(Wrong {
        what: "your session has ended, and nothing was done yet".into(),
        remedy: Some("sign in, and you come back to the form with what you typed".into()),
    });
    reply::page_as(StatusCode::UNAUTHORIZED, &page)
        .unwrap_or_else(|problem| reply::problem(stranger.frame(""), &problem))
}

/// Whether a field holds what is shown to nobody, whoever sits there next: it is typed once more.
fn is_secret(name: &str) -> bool {
    let of_operations = || OperationId::ALL.into_iter().flat_map(|id| id.declaration().parameters);
    OWN_SECRETS.contains(&name)
        || of_operations().any(|parameter| parameter.name == name && matches!(parameter.shape, Shape::Secret))
}

fn page_of(stranger: &Stranger, to: String) -> SignInPage {
    SignInPage {
        frame: stranger.frame("Sign in"),
        to,
        kept: Vec::new(),
        account: String::new(),
        asks_code: false,
        wrong: None,
    }
}

/// The page where one signs in.
async fn show(stranger: &Stranger) -> Result<Response<Body>, Problem> {
    let to = stranger.asked.query.get("to").filter(|to| address::is_own(to)).unwrap_or("/");
    reply::page(&page_of(stranger, to.to_owned()))
}

/// Signs in.
async fn sign_in(stranger: &Stranger) -> Result<Response<Body>, Problem> {
    let form = &stranger.asked.form;
    let to = form.get("to").filter(|to| address::is_own(to)).unwrap_or("/");
    // Fields of the form that waits bear this before their names, so that they are none of this one.
    let kept: Vec<_> = form
        .0
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix("kept.")?.to_owned(), value.clone())))
        .collect();
    let account = form.get("account").unwrap_or_default();
    let code = form.get("code").unwrap_or_default();
    let given = SignIn {
        account: account.to_owned(),
        password: Password::new(form.get("password").unwrap_or_default()),
        code: code.to_owned(),
    };
    let not = match stranger.panel.people.sign_in(given, &stranger.asked.browser()).await {
        Ok(opened) if kept.is_empty() => return Ok(reply::with_cookie(reply::go(to), &session_cookie(&opened))),
        Ok(opened) => {
            let page = BackToFormPage {
                frame: stranger.frame("Back to your form"),
                to: to.to_owned(),
                form_token: form_token(opened.secret.expose()),
                kept,
            };
            return Ok(reply::with_cookie(reply::page(&page)?, &session_cookie(&opened)));
        }
        Err(NotLetIn::Refused(refusal)) => return Err(refusal.into()),
        Err(not) => not,
    };
    let asks_code = matches!(not, NotLetIn::NeedsCode | NotLetIn::WrongCode);
    let mut page = page_of(stranger, to.to_owned());
    page.kept = kept;
    account.clone_into(&mut page.account);
    page.asks_code = asks_code;
    page.wrong = Some(Wrong::of(&not));
    reply::page_as(status_of(&not), &page)
}

/// The status of a page that says why somebody is not let in.
pub(super) fn status_of(not: &NotLetIn) -> StatusCode {
    match not {
        NotLetIn::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
        NotLetIn::Weak { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        NotLetIn::LinkGone => StatusCode::GONE,
        _ => StatusCode::UNAUTHORIZED,
    }
}

/// The page of a one-time link. To look at it does not use it up: programs that look at letters do that too.
async fn show_link(stranger: &Stranger) -> Result<Response<Body>, Problem> {
    let Some(Invitation { account, .. }) = stranger.panel.people.link(stranger.asked.name()).await? else {
        return link_gone(stranger);
    };
    reply::page(&EnterPage { frame: stranger.frame("Welcome"), account, wrong: None })
}

fn link_gone(stranger: &Stranger) -> Result<Response<Body>, Problem> {
    let mut page = page_of(stranger, "/".into());
    page.wrong = Some(Wrong::of(&NotLetIn::LinkGone));
    reply::page_as(StatusCode::GONE, &page)
}

/// Uses a one-time link.
async fn enter(stranger: &Stranger) -> Result<Response<Body>, Problem> {
    let Asked { form, .. } = &stranger.asked;
    let secret = stranger.asked.name();
    let people = &stranger.panel.people;
    let Some(Invitation { account, .. }) = people.link(secret).await? else { return link_gone(stranger) };
    let (first, second) = (form.get("password").unwrap_or_default(), form.get("again").unwrap_or_default());
    let not = match first == second {
        false => NotLetIn::Weak { why: "the two are not the same".into() },
        true => match people.enter(secret, Password::new(first), &stranger.asked.browser()).await {
            Ok(opened) => return Ok(reply::with_cookie(reply::go("/"), &session_cookie(&opened))),
            Err(NotLetIn::LinkGone) => return link_gone(stranger),
            Err(NotLetIn::Refused(refusal)) => return Err(refusal.into()),
            Err(not) => not,
        },
    };
    let page = EnterPage { frame: stranger.frame("Welcome"), account, wrong: Some(Wrong::of(&not)) };
    reply::page_as(status_of(&not), &page)
}

/// Has the browser keep a session, until it is closed or the session ends: what is on the server decides.
fn session_cookie(opened: &Opened) -> String {
    format!("{SESSION}={}; Path=/; Secure; HttpOnly; SameSite=Lax", opened.secret.expose())
}

/// Has the browser forget its session.
pub(super) fn no_cookie() -> String {
    format!("{SESSION}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_secret_is_not_kept_for_whoever_signs_in_next() {
        for secret in ["db_password", "password", "old", "secret"] {
            assert!(is_secret(secret), "{secret}");
        }
        for other in ["name", "platform", "db_account", "title"] {
            assert!(!is_secret(other), "{other}");
        }
    }
}
