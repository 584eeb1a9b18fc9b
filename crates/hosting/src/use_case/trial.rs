//! Tries the services of a server, as they are or as somebody would have them. Nothing of it is remembered but that it
//! was asked.

use aegir_domain::protocol::VERSION;
use aegir_domain::{DbService, Finding, HostKey, Password, Secrets, ServerContext, Transport, Trial};
use aegir_store::ServerRecord;

use super::object::server_named;
use super::server::{DB_PASSWORD, changed_transport, transport};
use super::{Asked, shown};
use crate::making::{changed_server, new_server};
use crate::view::{TriedServiceView, TriedView};
use crate::{Answer, BadParameters, Hosting, Place, Refusal};

/// What the way to a back end is called beside the services.
const BACK_END: &str = "back-end";

impl Hosting {
    pub(super) async fn try_server(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let name = asked.server()?;
        let saved = match self.store().read(async |read| server_named(read, &name).await).await {
            Ok(saved) => Some(saved),
            // One that is still to be added has its services said in the question.
            Err(Refusal::Unknown { .. }) if asked.given.has("http") || asked.given.has("db") => None,
            Err(refusal) => return Err(refusal),
        };
        let (context, transport) = match &saved {
            None => (new_server(asked.operation, name.clone(), asked.given)?, transport(asked)?),
            Some(saved) => (
                changed_server(asked.operation, &saved.context, asked.given)?,
                changed_transport(asked, &saved.transport)?.unwrap_or_else(|| saved.transport.clone()),
            ),
        };
        if let (Some(key), Some(Transport::Ssh(_))) =
            (asked.given.text::<HostKey>("ssh_host_key"), saved.as_ref().map(|saved| &saved.transport))
        {
            self.must_be_its_key(asked, &key).await?;
        }
        let server = only_asked_for(asked, context)?;
        if asked.dry_run {
            let requests = vec![shown::json(&server)];
            return Ok(Answer::WouldQueue { object: format!("@server_{name}"), requests });
        }
        let mut secrets = Secrets::default();
        if let Some(password) = self.password_for(asked, &server, &transport, saved.as_ref()).await? {
            secrets.insert(DB_PASSWORD, password);
        }
        let tells_way = matches!(transport, Transport::Ssh(_)) || asked.given.str("service") == Some(BACK_END);
        let (place, way) = (Place { server: name.clone(), transport: transport.clone() }, way_of(&transport));
        let trial = Trial { protocol: VERSION, server, secrets };
        let back_end =
            |finding| TriedServiceView { kind: BACK_END.into(), service_type: way.to_owned(), findings: vec![finding] };
        let services = match self.0.back_ends.try_services(&place, &trial).await {
            Ok(tried) => {
                let way = tells_way.then(|| back_end(Finding::ok("its back end answers")));
                let tried = tried.into_iter().map(|tried| TriedServiceView {
                    kind: tried.service.as_str().into(),
                    service_type: tried.product,
                    findings: tried.findings,
                });
                way.into_iter().chain(tried).collect()
            }
            Err(lost) => vec![back_end(Finding::of_fault(&lost))],
        };
        Ok(Answer::Object(shown::json(&TriedView::of(name.as_str(), services))))
    }

    /// The password to try: as given, or the one that is kept for the same account at the same place. It is sent nowhere
    /// else, and through no other back end: whoever may edit a server may not read its password on a machine of theirs.
    async fn password_for(
        &self,
        asked: &Asked<'_>,
        server: &ServerContext,
        transport: &Transport,
        saved: Option<&ServerRecord>,
    ) -> Result<Option<Password>, Refusal> {
        if let Some(given) = asked.given.secret(DB_PASSWORD) {
            return Ok(Some(given.clone()));
        }
        let same = match (&server.db, saved.map(|saved| &saved.context.db)) {
            (
                Some(DbService::Mariadb { at, account, .. }),
                Some(Some(DbService::Mariadb { at: was, account: by, .. })),
            ) => at == was && account == by,
            _ => false,
        };
        let same_way = |saved: &&ServerRecord| saved.transport == *transport;
        let Some(saved) = saved.filter(same_way).filter(|_| same) else { return Ok(None) };
        let key = &self.0.key;
        Ok(self.store().read(async |read| read.secret(saved.node.id, DB_PASSWORD, key).await).await?)
    }
}

/// The services that are to be tried, and no others.
fn only_asked_for(asked: &Asked<'_>, server: ServerContext) -> Result<ServerContext, Refusal> {
    let none = |what: &str, instead: &str| {
        let why = format!("the server offers no {what} service");
        Err(BadParameters::one(asked.operation, "service", why, format!("say which with `{instead}`")).into())
    };
    match asked.given.str("service") {
        Some("http") if server.http.is_none() => none("web", "http"),
        Some("http") => Ok(ServerContext { db: None, ..server }),
        Some("db") if server.db.is_none() => none("database", "db"),
        Some("db") => Ok(ServerContext { http: None, ..server }),
        Some(BACK_END) => Ok(ServerContext { http: None, db: None, ..server }),
        _ => Ok(server),
    }
}

fn way_of(transport: &Transport) -> &'static str {
    match transport {
        Transport::Local => "local",
        Transport::Ssh(_) => "ssh",
    }
}
