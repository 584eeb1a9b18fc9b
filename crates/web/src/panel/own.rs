//! The account of whoever is signed in: how the panel looks to them, their password, their second factor.

use aegir_domain::{Password, Remedy};
use aegir_hosting::NotLetIn;
use askama::Template;
use axum::body::Body;
use axum::http::{Response, StatusCode};
use qrcode::QrCode;
use qrcode::render::svg;

use super::frame::{Choice, Frame, Notice, Tone};
use super::look::{Look, theme_named};
use super::route::{Needs, PanelRoute};
use super::sign_in::{no_cookie, status_of};
use super::visit::Visit;
use super::{address, reply};
use crate::api::Problem;

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    frame: Frame,
    account: String,
    has_factor: bool,
    themes: Vec<Choice>,
    keys: Vec<Choice>,
}

#[derive(Template)]
#[template(path = "factor.html")]
struct FactorPage {
    frame: Frame,
    /// What the app is told; once it was shown, it is not shown again.
    told: Option<Told>,
    wrong: Option<String>,
}

/// A secret for an app, as text and as a picture.
struct Told {
    secret: String,
    /// Of its address, as SVG that was made here.
    picture: String,
}

#[derive(Template)]
#[template(path = "codes.html")]
struct CodesPage {
    frame: Frame,
    codes: String,
}

/// The pages of one's own account.
pub(super) fn routes() -> Vec<PanelRoute> {
    vec![
        PanelRoute::post("/sign-out", Needs::Session, |it| Box::pin(sign_out(it))),
        PanelRoute::get("/account", Needs::Session, |it| Box::pin(show(it))),
        PanelRoute::post("/account/theme", Needs::Session, |it| Box::pin(change_look(it))),
        PanelRoute::post("/account/password", Needs::Session, |it| Box::pin(change_password(it))),
        PanelRoute::get("/account/factor", Needs::Session, |it| Box::pin(offer_factor(it))),
        PanelRoute::post("/account/factor", Needs::Session, |it| Box::pin(confirm_factor(it))),
        PanelRoute::post("/account/factor/drop", Needs::Session, |it| Box::pin(drop_factor(it))),
    ]
}

fn choice(value: &str, text: &str, chosen: bool) -> Choice {
    Choice { value: value.into(), text: text.into(), chosen, open: true, ..Choice::default() }
}

/// Ends the session.
async fn sign_out(visit: &Visit) -> Result<Response<Body>, Problem> {
    visit.panel.people.sign_out(&visit.session).await?;
    Ok(reply::with_cookie(reply::go("/sign-in"), &no_cookie()))
}

/// The page of one's own account.
async fn show(visit: &Visit) -> Result<Response<Body>, Problem> {
    let notice = match visit.asked.query.get("done") {
        Some("password") => Some("The password is changed; your other sessions have ended."),
        Some("factor") => Some("The second factor is off."),
        _ => None,
    };
    page(visit, StatusCode::OK, notice.map(|text| Notice { tone: Tone::Good, text: text.into(), more: Vec::new() }))
        .await
}

async fn page(visit: &Visit, status: StatusCode, notice: Option<Notice>) -> Result<Response<Body>, Problem> {
    let mut frame = visit.frame("Your account", "").await;
    frame.notices.extend(notice);
    let look = visit.asked.look;
    reply::page_as(
        status,
        &AccountPage {
            frame,
            account: visit.session.account.clone(),
            has_factor: visit.session.has_factor,
            themes: [("auto", "as the system has them"), ("light", "light"), ("dark", "dark")]
                .map(|(value, text)| choice(value, text, value == look.theme))
                .into(),
            keys: [("on", "do something", look.shortcuts), ("off", "do nothing", !look.shortcuts)]
                .map(|(value, text, chosen)| choice(value, text, chosen))
                .into(),
        },
    )
}

/// Changes how the panel looks in this browser.
async fn change_look(visit: &Visit) -> Result<Response<Body>, Problem> {
    let form = &visit.asked.form;
    let look = Look {
        theme: form.get("theme").map_or(visit.asked.look.theme, theme_named),
        shortcuts: form.get("shortcuts").map_or(visit.asked.look.shortcuts, |on| on == "on"),
    };
    let to = form.get("back").filter(|back| address::is_own(back)).unwrap_or("/account");
    Ok(reply::with_cookie(reply::go(to), &look.kept()))
}

/// Changes the password.
async fn change_password(visit: &Visit) -> Result<Response<Body>, Problem> {
    let form = &visit.asked.form;
    let [old, new, again] = ["old", "password", "again"].map(|name| form.get(name).unwrap_or_default());
    let not = match new == again {
        false => NotLetIn::Weak { why: "the two are not the same".into() },
        true => {
            let changed =
                visit.panel.people.change_password(&visit.session, Password::new(old), Password::new(new)).await;
            match changed {
                Ok(()) => return Ok(reply::go("/account?done=password")),
                Err(not) => not,
            }
        }
    };
    refused(visit, not).await
}

async fn refused(visit: &Visit, not: NotLetIn) -> Result<Response<Body>, Problem> {
    if let NotLetIn::Refused(refusal) = not {
        return Err(refusal.into());
    }
    let notice = Notice { tone: Tone::Bad, text: not.to_string(), more: not.remedy().into_iter().collect() };
    page(visit, status_of(&not), Some(notice)).await
}

/// Offers a second factor.
async fn offer_factor(visit: &Visit) -> Result<Response<Body>, Problem> {
    let factor = match visit.panel.people.offer_factor(&visit.session).await {
        Ok(factor) => factor,
        Err(not) => return refused(visit, not).await,
    };
    let picture = QrCode::new(factor.address.expose().as_bytes())
        .map(|code| code.render::<svg::Color>().min_dimensions(200, 200).quiet_zone(true).build());
    // An address that is too long for a picture is shown as text alone.
    let told = Told { secret: factor.secret.expose().to_owned(), picture: picture.unwrap_or_default() };
    reply::page(&FactorPage { frame: visit.frame("A second factor", "").await, told: Some(told), wrong: None })
}

/// Takes the offered factor into use.
async fn confirm_factor(visit: &Visit) -> Result<Response<Body>, Problem> {
    let code = visit.asked.form.get("code").unwrap_or_default();
    match visit.panel.people.confirm_factor(&visit.session, code).await {
        Ok(codes) => reply::page(&CodesPage { frame: visit.frame("Codes to keep", "").await, codes: codes.join("\n") }),
        // The app has the secret that was shown: another one would make its next code wrong too.
        Err(not @ NotLetIn::WrongCode) => {
            let frame = visit.frame("A second factor", "").await;
            reply::page_as(status_of(&not), &FactorPage { frame, told: None, wrong: Some(not.to_string()) })
        }
        Err(not) => refused(visit, not).await,
    }
}

/// Ends the second factor.
async fn drop_factor(visit: &Visit) -> Result<Response<Body>, Problem> {
    let password = Password::new(visit.asked.form.get("drop").unwrap_or_default());
    match visit.panel.people.drop_factor(&visit.session, password).await {
        Ok(()) => Ok(reply::go("/account?done=factor")),
        Err(not) => refused(visit, not).await,
    }
}
