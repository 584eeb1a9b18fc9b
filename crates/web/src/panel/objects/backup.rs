//! The page of a backup: what it says of itself, and what can be done with it.

use aegir_hosting::view::BackupView;
use aegir_hosting::{Call, OperationId, Permission, Subject};
use askama::Template;
use axum::body::Body;
use axum::http::Response;

use crate::api::Problem;
use crate::panel::frame::Frame;
use crate::panel::visit::Visit;
use crate::panel::words::size;
use crate::panel::{address, elsewhere, reply};

#[derive(Template)]
#[template(path = "object_backup.html")]
struct BackupPage {
    frame: Frame,
    backup: BackupView,
    takes: String,
    /// What its site lacked, so that none can be made of it.
    lacks: String,
    site: String,
    /// All backups of its site.
    others: String,
    server: String,
    /// What can be asked of it: text, address, and how the button looks.
    doing: Vec<(&'static str, String, &'static str)>,
}

/// Shows the backup of the name in the address.
pub(super) async fn show(visit: &Visit) -> Result<Response<Body>, Problem> {
    let name = visit.asked.name();
    let mut call = Call::of(OperationId::BackupShow).about(name);
    let server = visit.asked.query.get("server").filter(|server| !server.is_empty());
    if let Some(server) = server {
        call = call.with("server", server);
    }
    let backup: BackupView = visit.object(call.clone()).await?;
    let mut frame = visit.frame(&backup.name, "sites").await;
    frame.trail = vec![("Backups".to_owned(), address::list(Subject::Backup))];
    frame.elsewhere = vec![elsewhere::elsewhere("This backup", &call)];
    let on = server.map(|server| format!("?server={}", address::encoded(server))).unwrap_or_default();
    let offered = [
        (OperationId::BackupRestore, "Restore…", "primary"),
        (OperationId::BackupVerify, "Verify", "plain"),
        (OperationId::BackupDelete, "Delete…", "plain"),
    ];
    // Of one that cannot be read, the page says why before all else.
    let can_be_read = backup.fault.is_none();
    let is_whole = backup.lacks.is_empty();
    let offered = offered.into_iter().filter(|(id, ..)| match id {
        OperationId::BackupRestore => can_be_read && is_whole,
        OperationId::BackupVerify => is_whole,
        _ => true,
    });
    let doing = offered.filter_map(|(id, text, look)| {
        let operation = id.declaration();
        visit.actor().must(operation.needs).ok()?;
        Some((text, format!("{}{on}", address::doing(&operation, Some(name))), look))
    });
    let mut doing: Vec<_> = doing.collect();
    if visit.actor().must(Permission::Manage).is_ok() {
        doing.insert(0, ("Download", format!("{}/archive{on}", address::object(Subject::Backup, name)), "plain"));
    }
    reply::page(&BackupPage {
        doing,
        takes: size(backup.bytes),
        lacks: format!(
            "{}: no site can be made of it; `tar --zstd -xf` takes out what it has",
            backup.lacks.join(", ")
        ),
        site: address::object(Subject::Site, &backup.site),
        others: format!("/backups?site={}", address::encoded(&backup.site)),
        server: address::object(Subject::Server, &backup.server),
        frame,
        backup,
    })
}
