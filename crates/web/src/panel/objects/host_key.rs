//! The keys of a server behind ssh: what its machine shows now, what it must show, and what is to be done.

use aegir_hosting::view::HostKeyView;
use aegir_hosting::{Call, OperationId, Subject};
use askama::Template;
use axum::body::Body;
use axum::http::Response;
use serde_json::Value;

use crate::api::Problem;
use crate::panel::frame::Frame;
use crate::panel::visit::Visit;
use crate::panel::{address, elsewhere, reply};

#[derive(Template)]
#[template(path = "host_key.html")]
struct HostKeyPage {
    frame: Frame,
    keys: HostKeyView,
    /// Why it shows no key, or why its back end does not answer.
    causes: Vec<String>,
    remedy: String,
    /// Where the key that it shows is trusted; empty where it is, or where it shows none.
    trust: String,
}

/// Asks the machine of a server for its key.
pub(super) async fn show(visit: &Visit) -> Result<Response<Body>, Problem> {
    let name = visit.asked.name();
    let call = Call::of(OperationId::ServerHostKey).about(name);
    let keys: HostKeyView = visit.object(call.clone()).await?;
    let mut frame = visit.frame(&format!("Keys of {name}"), "servers").await;
    frame.trail = vec![
        ("Servers".to_owned(), address::list(Subject::Server)),
        (name.to_owned(), address::object(Subject::Server, name)),
    ];
    frame.elsewhere = vec![elsewhere::elsewhere("These keys", &call)];
    let fault = keys.fault.clone().unwrap_or_default();
    let because = fault["because"].as_array().into_iter().flatten();
    let causes = [&fault["message"]].into_iter().chain(because).filter_map(Value::as_str).map(str::to_owned).collect();
    reply::page(&HostKeyPage {
        frame,
        causes,
        remedy: fault["remedy"].as_str().unwrap_or_default().to_owned(),
        trust: trust_of(&keys),
        keys,
    })
}

fn trust_of(keys: &HostKeyView) -> String {
    let fingerprint = |key: &Option<aegir_hosting::view::KeyView>| key.as_ref().map(|key| key.fingerprint.clone());
    let (Some(shown), trusted) = (fingerprint(&keys.shown), fingerprint(&keys.trusted)) else { return String::new() };
    if trusted.as_ref() == Some(&shown) {
        return String::new();
    }
    let page = address::doing(&OperationId::ServerTrust.declaration(), Some(&keys.server));
    let instead = trusted.map(|key| format!("&instead_of={}", address::encoded(&key))).unwrap_or_default();
    format!("{page}?key={}{instead}", address::encoded(&shown))
}
