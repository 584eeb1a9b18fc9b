//! The archive of a backup: as a file for whoever may have it, and from a file, which is to be one.

use std::io;

use aegir_domain::BackupName;
use aegir_hosting::Subject;
use askama::Template;
use axum::body::{Body, Bytes};
use axum::http::Response;
use futures_util::StreamExt;
use futures_util::stream::unfold;

use crate::api::archives::{self, Sent};
use crate::api::{Pass, Problem, ProblemKind};
use crate::panel::frame::Frame;
use crate::panel::multipart::{Multipart, Part, no_form};
use crate::panel::visit::{Visit, form_token};
use crate::panel::{address, reply};

/// Where an archive is brought.
pub(in crate::panel) const UPLOAD: &str = "/do/backup-upload";

#[derive(Template)]
#[template(path = "backup_upload.html")]
struct UploadPage {
    frame: Frame,
    action: &'static str,
    called: String,
    server: String,
    /// Why what was sent was not taken.
    problem: Option<(String, String)>,
}

/// What was said of a file that is sent.
#[derive(Default)]
struct Said {
    token: String,
    name: String,
    server: String,
}

/// The archive of the backup in the address.
pub(super) async fn download(visit: &Visit) -> Result<Response<Body>, Problem> {
    let server = visit.asked.query.get("server").filter(|server| !server.is_empty());
    archives::give(visit.panel.api.clone(), pass(visit), visit.asked.name(), server).await
}

/// The page where an archive is brought.
pub(super) async fn form(visit: &Visit) -> Result<Response<Body>, Problem> {
    page(visit, Said::default(), None).await
}

async fn page(visit: &Visit, said: Said, problem: Option<&Problem>) -> Result<Response<Body>, Problem> {
    let mut frame = visit.frame("Upload a backup", "sites").await;
    frame.trail = vec![("Backups".to_owned(), address::list(Subject::Backup))];
    let problem = problem.map(|problem| {
        use aegir_domain::Remedy;
        (problem.detail().to_owned(), problem.remedy().unwrap_or_default())
    });
    let status = match problem {
        Some(_) => axum::http::StatusCode::UNPROCESSABLE_ENTITY,
        None => axum::http::StatusCode::OK,
    };
    reply::page_as(status, &UploadPage { frame, action: UPLOAD, called: said.name, server: said.server, problem })
}

/// Has the file that is sent be a backup.
pub(super) async fn upload(visit: &Visit, body: Body) -> Result<Response<Body>, Problem> {
    let mut form = Multipart::of(&visit.asked.headers, body).ok_or_else(no_form)?;
    let mut said = Said::default();
    let sent_as = loop {
        match form.part().await.map_err(broken)? {
            Some(Part::Field(name, value)) => match name.as_str() {
                "form_token" => said.token = value,
                "name" => said.name = value.trim().to_owned(),
                "server" => said.server = value.trim().to_owned(),
                _ => (),
            },
            Some(Part::File(name)) => break name,
            None => return Err(no_form()),
        }
    };
    if said.token != form_token(&visit.secret) {
        return Err(Problem::new(
            ProblemKind::Forbidden,
            "the form was made in another session, and nothing was done",
            "go back, load the page anew, and send it again",
        ));
    }
    let named = if said.name.is_empty() { &sent_as } else { &said.name };
    let taken = match named.parse::<BackupName>() {
        Ok(name) => {
            let from = unfold(Some(form), next).fuse().boxed();
            let sent = Sent { api: visit.panel.api.clone(), pass: pass(visit), from, waits: false };
            let server = Some(said.server.clone()).filter(|server| !server.is_empty());
            archives::take(sent, name.to_string(), server).await
        }
        Err(bad) => {
            drop_rest(&mut form).await;
            let remedy = "say below what it is to be called, such as `www.example.org-20261121.021530.tar.zst`";
            Err(Problem::new(ProblemKind::BadParameters, bad.to_string(), remedy))
        }
    };
    match taken {
        Ok(view) => {
            let page = address::object(Subject::Backup, &view.name);
            Ok(reply::go(&format!("{page}?server={}", address::encoded(&view.server))))
        }
        Err(problem) => page(visit, said, Some(&problem)).await,
    }
}

/// The next piece of the file; nothing behind its end.
async fn next(form: Option<Multipart>) -> Option<(io::Result<Bytes>, Option<Multipart>)> {
    let mut form = form?;
    match form.piece().await {
        Ok(None) => None,
        Ok(Some(piece)) => Some((Ok(Bytes::from(piece)), Some(form))),
        Err(error) => Some((Err(error), None)),
    }
}

/// Reads a little more of what nobody wants, so that its sender sees why.
async fn drop_rest(form: &mut Multipart) {
    let mut left = 32 * 1024 * 1024_usize;
    let dropping = async {
        while left > 0
            && let Ok(Some(piece)) = form.piece().await
        {
            left = left.saturating_sub(piece.len());
        }
    };
    let _ = tokio::time::timeout(std::time::Duration::from_secs(5), dropping).await;
}

fn broken(error: io::Error) -> Problem {
    Problem::new(ProblemKind::Malformed, format!("the form broke off: {error}"), "send it again")
}

fn pass(visit: &Visit) -> Pass {
    let panel = &visit.panel;
    Pass::of_session(&panel.api, panel.people.clone(), &visit.session, &visit.secret)
}
