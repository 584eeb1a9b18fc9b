//! What the web server's logs have of a site: the newest lines, asked for again while somebody looks at them.

use aegir_domain::{LogKind, LogTail, Remedy};
use aegir_hosting::{Call, OperationId, Subject};
use askama::Template;
use axum::body::Body;
use axum::http::Response;

use crate::api::{Problem, ProblemKind};
use crate::panel::frame::Frame;
use crate::panel::visit::Visit;
use crate::panel::{address, elsewhere, reply};

/// The logs, with what they are called.
const LOGS: [(LogKind, &str); 3] = [
    (LogKind::Web, "Requests"),
    (LogKind::Errors, "Complaints of the web server"),
    (LogKind::Php, "Complaints of PHP"),
];
/// How many lines can be asked for.
const COUNTS: [u16; 3] = [50, 200, 1000];

/// What is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wanted {
    kind: LogKind,
    lines: u16,
}

impl Wanted {
    /// What the address says; what it says otherwise is passed over.
    fn of(visit: &Visit) -> Wanted {
        let query = &visit.asked.query;
        let of = query.get("of").unwrap_or_default();
        let kind = LOGS.iter().map(|(kind, _)| *kind).find(|kind| kind.as_str() == of);
        let lines = query.get("lines").and_then(|lines| lines.parse().ok()).filter(|lines| COUNTS.contains(lines));
        Wanted { kind: kind.unwrap_or(LogKind::Web), lines: lines.unwrap_or(COUNTS[0]) }
    }

    fn query(self) -> String {
        format!("?of={}&lines={}", self.kind.as_str(), self.lines)
    }

    fn call(self, site: &str) -> Call {
        let call = Call::of(OperationId::SiteLog).about(site).with("lines", self.lines);
        match self.kind {
            LogKind::Web => call,
            LogKind::Errors => call.with("errors", true),
            LogKind::Php => call.with("php", true),
        }
    }
}

/// What was read, or why nothing is there to be read.
struct Told {
    /// Where it is asked for again.
    again: String,
    site: String,
    tail: Option<LogTail>,
    why_not: String,
    remedy: Option<String>,
}

impl Told {
    async fn ask(visit: &Visit, wanted: Wanted) -> Result<Told, Problem> {
        let site = visit.asked.name();
        let mut told = Told {
            again: format!("/fragments/site-log/{}{}", address::encoded(site), wanted.query()),
            site: site.to_owned(),
            tail: None,
            why_not: String::new(),
            remedy: None,
        };
        match visit.object::<LogTail>(wanted.call(site)).await {
            Ok(tail) => told.tail = Some(tail),
            // The machine has no such log, or is out of reach: the other ones can be chosen all the same.
            Err(problem) if matches!(problem.kind, ProblemKind::Conflict | ProblemKind::NoContact) => {
                let said = [problem.detail()].into_iter().chain(problem.because().iter().map(String::as_str));
                told.why_not = said.collect::<Vec<_>>().join(": ");
                told.remedy = problem.remedy();
            }
            Err(problem) => return Err(problem),
        }
        Ok(told)
    }
}

#[derive(Template)]
#[template(path = "site_log.html")]
struct LogPage {
    frame: Frame,
    told: Told,
    /// The logs: what each is called, where it is, whether it is this one.
    logs: Vec<(&'static str, String, bool)>,
    /// How many lines: as many, where, whether it is so.
    counts: Vec<(u16, String, bool)>,
}

#[derive(Template)]
#[template(path = "site_log_told.html")]
struct LogPart {
    told: Told,
}

/// Shows a log of the site of the name in the address.
pub(super) async fn show(visit: &Visit) -> Result<Response<Body>, Problem> {
    let name = visit.asked.name();
    let wanted = Wanted::of(visit);
    let told = Told::ask(visit, wanted).await?;
    let mut frame = visit.frame(&format!("Logs of {name}"), "sites").await;
    frame.trail = vec![
        ("Sites".to_owned(), address::list(Subject::Site)),
        (name.to_owned(), address::object(Subject::Site, name)),
    ];
    frame.elsewhere = vec![elsewhere::elsewhere("These lines", &wanted.call(name))];
    let at = |wanted: Wanted| format!("{}{}", path(name), wanted.query());
    let logs = LOGS.map(|(kind, text)| (text, at(Wanted { kind, ..wanted }), kind == wanted.kind)).to_vec();
    let counts = COUNTS.map(|lines| (lines, at(Wanted { lines, ..wanted }), lines == wanted.lines)).to_vec();
    reply::page(&LogPage { frame, told, logs, counts })
}

/// The lines alone, for a page that is open.
pub(super) async fn part(visit: &Visit) -> Result<Response<Body>, Problem> {
    reply::page(&LogPart { told: Told::ask(visit, Wanted::of(visit)).await? })
}

/// Where the logs of a site are.
pub(super) fn path(site: &str) -> String {
    format!("{}/log", address::object(Subject::Site, site))
}
