//! What is said of a server and its services.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use aegir_domain::{
    DbEngine, DbService, GrantHost, HttpEngine, HttpService, Password, Remedy, Secrets, ServerContext, ServerName,
};
use aegir_stack::Endpoints;
use clap::Args;
use serde::Deserialize;

use crate::args::text;
use crate::failure::Failure;
use crate::password::{self, PasswordFault};
use crate::products::{Db, Http};
use crate::provision::Usage;

#[derive(Debug, Default, PartialEq, Args)]
pub(crate) struct ServerOptions {
    /// Its services are those of the private stack (`aegir up`)
    #[arg(long, conflicts_with_all = ["http", "listen", "db_socket", "db_host", "db_port", "db_account", "db_password_file"])]
    private_stack: bool,
    /// The product of its web service
    #[arg(long, value_enum, value_name = "PRODUCT")]
    http: Option<Http>,
    /// Where its sites answer
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// The product of its database service
    #[arg(long, value_enum, value_name = "PRODUCT")]
    db: Option<Db>,
    /// The socket of its database server
    #[arg(long, value_name = "PATH", conflicts_with_all = ["db_host", "db_port"])]
    db_socket: Option<PathBuf>,
    /// The host name or address of its database server
    #[arg(long, value_name = "HOST")]
    db_host: Option<String>,
    /// The port of its database server [default: 3306]
    #[arg(long, value_name = "PORT")]
    db_port: Option<u16>,
    /// The account that may create databases and users, and grant
    #[arg(long, value_name = "NAME")]
    db_account: Option<String>,
    /// A file with that account's password, or `-` for standard input
    #[arg(long, value_name = "FILE")]
    db_password_file: Option<PathBuf>,
    /// A host that sites' database users come from; may be given again [default: what the database server sees]
    #[arg(long, value_name = "HOST", value_parser = text::<GrantHost>)]
    grant_host: Vec<GrantHost>,
}

impl ServerOptions {
    /// The context: what is saved, with what was named; and the password, if one was given.
    pub(super) fn context(
        self,
        home: &Path,
        name: ServerName,
        saved: Option<ServerContext>,
    ) -> Result<(ServerContext, Secrets), Failure> {
        let mut secrets = Secrets::default();
        let mut server = saved.unwrap_or(ServerContext { name, revision: 0, http: None, db: None });
        if self.private_stack {
            self.take_stack(home, &mut server, &mut secrets)?;
            return Ok((server, secrets));
        }
        server.http = self.http_service(server.http)?;
        server.db = self.db_service(server.db)?;
        if let Some(file) = &self.db_password_file {
            secrets.insert("db_password", password::read(file)?);
        }
        if server.http.is_none() && server.db.is_none() {
            let line = format!("aegir provision save @server_{} --private-stack", server.name);
            let instead = format!("name one with `--http` or `--db`, or type `{line}`");
            return Err(Failure::usage(Usage::new("a server needs a service", instead)));
        }
        Ok((server, secrets))
    }

    fn http_service(&self, saved: Option<HttpService>) -> Result<Option<HttpService>, Failure> {
        if self.http.is_none() && self.listen.is_none() {
            return Ok(saved);
        }
        let engine = self.http.map(HttpEngine::from);
        let needs =
            |what: &str, instead: &str| Failure::usage(Usage::new(format!("a web service needs {what}"), instead));
        Ok(Some(match saved {
            Some(saved) => HttpService {
                engine: engine.unwrap_or(saved.engine),
                listen: self.listen.unwrap_or(saved.listen),
                php_socket: saved.php_socket,
            },
            None => HttpService {
                engine: engine.ok_or_else(|| needs("a product", "add `--http nginx`"))?,
                listen: self.listen.ok_or_else(|| needs("an address", "add `--listen 127.0.0.1:8080`"))?,
                php_socket: None,
            },
        }))
    }

    fn db_service(&self, saved: Option<DbService>) -> Result<Option<DbService>, Failure> {
        let detail = self.db_socket.is_some()
            || self.db_host.is_some()
            || self.db_port.is_some()
            || self.db_account.is_some()
            || self.db_password_file.is_some()
            || !self.grant_host.is_empty();
        let was_sqlite = matches!(saved, Some(DbService::Sqlite {}));
        match self.db {
            None if !detail => Ok(saved),
            None if saved.is_none() || was_sqlite => {
                Err(Failure::usage(Usage::new("these options belong to MariaDB or MySQL", "add `--db mariadb`")))
            }
            Some(Db::Sqlite) if detail => {
                Err(Failure::usage(Usage::new("SQLite has no host, account or password", "leave those options out")))
            }
            Some(Db::Sqlite) => Ok(Some(DbService::Sqlite {})),
            None | Some(Db::Mariadb) => self.mariadb(saved).map(Some),
        }
    }

    fn mariadb(&self, saved: Option<DbService>) -> Result<DbService, Failure> {
        let (was_at, was_account, was_hosts) = match saved {
            Some(DbService::Mariadb { at, account, grant_hosts }) => (Some(at), Some(account), grant_hosts),
            _ => (None, None, Vec::new()),
        };
        let needs = |what: &str, instead: &str| {
            Failure::usage(Usage::new(format!("a database service needs {what}"), format!("add {instead}")))
        };
        let at = match (&self.db_socket, &self.db_host, self.db_port, was_at) {
            (Some(socket), _, _, _) => DbEngine::Socket(std::path::absolute(socket).unwrap_or_else(|_| socket.clone())),
            (_, Some(host), port, was) => {
                let was_port = match was {
                    Some(DbEngine::Tcp { port, .. }) => Some(port),
                    _ => None,
                };
                DbEngine::Tcp { host: host.clone(), port: port.or(was_port).unwrap_or(3306) }
            }
            (_, None, Some(port), Some(DbEngine::Tcp { host, .. })) => DbEngine::Tcp { host, port },
            (_, None, None, Some(was)) => was,
            (_, None, _, _) => return Err(needs("a place", "`--db-socket PATH`, or `--db-host HOST`")),
        };
        let account =
            self.db_account.clone().or(was_account).ok_or_else(|| needs("an account", "`--db-account NAME`"))?;
        let grant_hosts = if self.grant_host.is_empty() { was_hosts } else { self.grant_host.clone() };
        Ok(DbService::Mariadb { at, account, grant_hosts })
    }

    /// Takes everything from what the private stack left for us.
    fn take_stack(&self, home: &Path, server: &mut ServerContext, secrets: &mut Secrets) -> Result<(), Failure> {
        let no_stack = |source| NoStack { home: home.to_owned(), source };
        let stack = Endpoints::load(home).map_err(|source| no_stack(Box::new(source)))?;
        server.http = Some(HttpService { engine: stack.http, listen: stack.listen, php_socket: None });
        server.db = Some(match (self.db, &stack.db) {
            (Some(Db::Sqlite), _) | (None, None) => DbService::Sqlite {},
            (_, Some(at)) => {
                secrets.insert("db_password", stack_password(&stack.db_credentials)?);
                let grant_hosts = self.grant_host.clone();
                DbService::Mariadb { at: at.clone(), account: stack.db_account.clone(), grant_hosts }
            }
            (Some(Db::Mariadb), None) => {
                let what = "the private stack was started without MariaDB";
                return Err(Failure::usage(Usage::new(
                    what,
                    "start it with `--db mariadb`, or add `--db sqlite` here",
                )));
            }
        });
        Ok(())
    }
}

fn stack_password(path: &Path) -> Result<Password, Failure> {
    #[derive(Deserialize)]
    struct Kept {
        password: Password,
    }
    let bad = |source: io::Error| PasswordFault::Unreadable { path: path.to_owned(), source };
    let text = fs::read(path).map_err(bad)?;
    // The error of the parser could show what it read.
    let kept = serde_json::from_slice::<Kept>(&text).map_err(|_| bad(io::ErrorKind::InvalidData.into()))?;
    Ok(kept.password)
}

#[derive(Debug, thiserror::Error)]
#[error("no private stack runs, or ran, in `{}`", home.display())]
struct NoStack {
    home: PathBuf,
    source: Box<aegir_stack::StackFault>,
}

impl Remedy for NoStack {
    fn remedy(&self) -> Option<String> {
        Some(format!("start it with `aegir up --home {}`, in a terminal of its own", self.home.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    fn changed(options: ServerOptions) -> ServerContext {
        options.context(Path::new("/nowhere"), saved().name, Some(saved())).unwrap().0
    }

    #[test]
    fn what_is_not_named_stays_as_it_is() {
        assert_eq!(changed(ServerOptions::default()), saved());

        let moved = changed(ServerOptions { db_host: Some("db2".into()), ..ServerOptions::default() });

        let at = DbEngine::Tcp { host: "db2".into(), port: 3307 };
        let db = DbService::Mariadb { at, account: "aegir".into(), grant_hosts: vec!["10.0.0.1".parse().unwrap()] };
        assert_eq!(moved, ServerContext { db: Some(db), ..saved() });
    }

    #[test]
    fn what_a_new_service_lacks_is_named() {
        let new = |options: ServerOptions| options.context(Path::new("/nowhere"), "x".parse().unwrap(), None).is_err();
        assert!(new(ServerOptions::default()));
        assert!(new(ServerOptions { http: Some(Http::Nginx), ..ServerOptions::default() }));
        assert!(new(ServerOptions { db: Some(Db::Mariadb), ..ServerOptions::default() }));
        assert!(new(ServerOptions { db_account: Some("a".into()), ..ServerOptions::default() }));
        assert!(!new(ServerOptions { db: Some(Db::Sqlite), ..ServerOptions::default() }));
    }
}
