//! What is said of a server and its services.

use std::path::PathBuf;

use aegir_domain::{DbEngine, DbService, HttpEngine, HttpService, ServerContext, ServerName};

use crate::{BadParameters, Given, Operation};

/// A new server.
pub(crate) fn new_server(
    operation: &Operation,
    name: ServerName,
    given: &Given,
) -> Result<ServerContext, BadParameters> {
    let blank = ServerContext { name, revision: 0, http: None, db: None };
    let server = changed_server(operation, &blank, given)?;
    match server.http.is_none() && server.db.is_none() {
        true => Err(BadParameters::one(operation, "http", "a server needs a service", "give `http` or `db`, or both")),
        false => Ok(server),
    }
}

/// A server with what was given changed, and all else as it is.
pub(crate) fn changed_server(
    operation: &Operation,
    saved: &ServerContext,
    given: &Given,
) -> Result<ServerContext, BadParameters> {
    Ok(ServerContext {
        http: http_service(operation, saved.http.as_ref(), given)?,
        db: db_service(operation, saved.db.as_ref(), given)?,
        ..saved.clone()
    })
}

fn http_service(
    operation: &Operation,
    saved: Option<&HttpService>,
    given: &Given,
) -> Result<Option<HttpService>, BadParameters> {
    let engine = given.str("http").map(|word| match word {
        "apache" => HttpEngine::Apache,
        _ => HttpEngine::Nginx,
    });
    let listen = given.str("listen").and_then(|text| text.parse().ok());
    if engine.is_none() && listen.is_none() {
        return Ok(saved.cloned());
    }
    let lacks = |parameter, instead| BadParameters::one(operation, parameter, "a web service needs it", instead);
    let engine = engine.or(saved.map(|saved| saved.engine)).ok_or_else(|| lacks("http", "give `nginx` or `apache`"))?;
    let listen = listen
        .or(saved.map(|saved| saved.listen))
        .ok_or_else(|| lacks("listen", "give an address such as `127.0.0.1:8080`"))?;
    Ok(Some(HttpService { engine, listen, php_socket: saved.and_then(|saved| saved.php_socket.clone()) }))
}

/// The parameters that belong to a database server with accounts.
const OF_MARIADB: [&str; 6] = ["db_socket", "db_host", "db_port", "db_account", "db_password", "grant_host"];

fn db_service(
    operation: &Operation,
    saved: Option<&DbService>,
    given: &Given,
) -> Result<Option<DbService>, BadParameters> {
    let detail = OF_MARIADB.into_iter().find(|name| given.has(name));
    match (given.str("db"), detail, saved) {
        (None, None, saved) => Ok(saved.cloned()),
        (None, Some(name), None | Some(DbService::Sqlite {})) => {
            Err(BadParameters::one(operation, name, "it belongs to MariaDB or MySQL", "give `db` as `mariadb` too"))
        }
        (Some("sqlite"), Some(name), _) => {
            Err(BadParameters::one(operation, name, "SQLite has no host, account or password", "leave it out"))
        }
        (Some("sqlite"), None, _) => Ok(Some(DbService::Sqlite {})),
        (_, _, saved) => mariadb(operation, saved, given).map(Some),
    }
}

fn mariadb(operation: &Operation, saved: Option<&DbService>, given: &Given) -> Result<DbService, BadParameters> {
    let (was_at, was_account, was_hosts) = match saved {
        Some(DbService::Mariadb { at, account, grant_hosts }) => (Some(at), Some(account), grant_hosts.clone()),
        _ => (None, None, Vec::new()),
    };
    let lacks = |parameter, instead| BadParameters::one(operation, parameter, "a database service needs it", instead);
    let socket = given.str("db_socket").map(PathBuf::from);
    let host = given.str("db_host").map(str::to_owned);
    let port = given.number("db_port").and_then(|port| u16::try_from(port).ok());
    let at = match (socket, host, port, was_at) {
        (Some(_), Some(_), _, _) | (Some(_), _, Some(_), _) => {
            return Err(BadParameters::one(
                operation,
                "db_socket",
                "a database server is reached by its socket or by host and port, not by both",
                "leave one of them out",
            ));
        }
        (Some(socket), None, None, _) => DbEngine::Socket(socket),
        (None, Some(host), port, was) => {
            let was_port = match was {
                Some(DbEngine::Tcp { port, .. }) => Some(*port),
                _ => None,
            };
            DbEngine::Tcp { host, port: port.or(was_port).unwrap_or(3306) }
        }
        (None, None, Some(port), Some(DbEngine::Tcp { host, .. })) => DbEngine::Tcp { host: host.clone(), port },
        (None, None, None, Some(was)) => was.clone(),
        (None, None, _, _) => return Err(lacks("db_host", "give `db_socket`, or `db_host`")),
    };
    let account = given.str("db_account").map(str::to_owned).or(was_account.cloned());
    let account = account.ok_or_else(|| lacks("db_account", "give the account that may create databases and grant"))?;
    let grant_hosts = if given.has("grant_host") { given.texts("grant_host") } else { was_hosts };
    Ok(DbService::Mariadb { at, account, grant_hosts })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::OperationId;

    fn saved() -> ServerContext {
        ServerContext {
            name: "web1".parse().unwrap(),
            revision: 3,
            http: Some(HttpService {
                engine: HttpEngine::Nginx,
                listen: "127.0.0.1:80".parse().unwrap(),
                php_socket: Some("/run/php.sock".into()),
            }),
            db: Some(DbService::Mariadb {
                at: DbEngine::Tcp { host: "db1".into(), port: 3307 },
                account: "aegir".into(),
                grant_hosts: vec!["10.0.0.1".parse().unwrap()],
            }),
        }
    }

    fn changed(raw: Value) -> Result<ServerContext, BadParameters> {
        let operation = OperationId::ServerEdit.declaration();
        changed_server(&operation, &saved(), &operation.read(raw.as_object().unwrap())?)
    }

    fn new(raw: Value) -> Result<ServerContext, BadParameters> {
        let operation = OperationId::ServerAdd.declaration();
        new_server(&operation, "web2".parse().unwrap(), &operation.read(raw.as_object().unwrap())?)
    }

    #[test]
    fn what_is_not_named_stays_as_it_is() {
        assert_eq!(changed(json!({})).unwrap(), saved());

        let moved = changed(json!({ "db_host": "db2" })).unwrap();

        let at = DbEngine::Tcp { host: "db2".into(), port: 3307 };
        let db = DbService::Mariadb { at, account: "aegir".into(), grant_hosts: vec!["10.0.0.1".parse().unwrap()] };
        assert_eq!(moved, ServerContext { db: Some(db), ..saved() });
    }

    #[test]
    fn what_a_new_service_lacks_is_named() {
        for (raw, lacks) in [
            (json!({}), "http"),
            (json!({ "http": "nginx" }), "listen"),
            (json!({ "db": "mariadb" }), "db_host"),
            (json!({ "db": "mariadb", "db_host": "db1" }), "db_account"),
            (json!({ "db_account": "a" }), "db_account"),
            (json!({ "db": "sqlite", "db_host": "db1" }), "db_host"),
            (json!({ "db": "mariadb", "db_host": "db1", "db_socket": "/run/x", "db_account": "a" }), "db_socket"),
        ] {
            let bad = new(raw.clone()).unwrap_err();
            assert_eq!(bad.bad[0].parameter, lacks, "{raw}");
            assert!(bad.bad[0].remedy.is_some());
        }
    }

    #[test]
    fn a_server_can_have_both_services() {
        let raw = json!({ "http": "apache", "listen": "127.0.0.1:8080", "db": "sqlite" });

        let server = new(raw).unwrap();

        assert_eq!(server.http.unwrap().engine, HttpEngine::Apache);
        assert_eq!(server.db, Some(DbService::Sqlite {}));
    }
}
