//! Services that are tried before anything is said of them for good. Nothing is made, saved or locked: whether
//! databases and users can really be made there is proved by a verify.

use std::time::Duration;

use aegir_domain::{
    Cmd, ContextName, DbEngine, DbService, Fault, Finding, HttpService, Password, ServerContext, ServiceKind, Tried,
};
use aegir_host::{CommandFailed, Ran, SqlFault, SqlKind, WebAddress};

use super::databases::{account_statement, may_grant, opened, saved_password};
use crate::WorldParts;
use crate::service::http::{answering, server_config, version_in};

/// How long a web server may take to answer.
const LIMIT: Duration = Duration::from_secs(5);
/// A name that no site can have (RFC 6761).
const NOBODY: &str = "trial.invalid";

/// Runs a program of the machine to its end.
pub type RunNow<'a> = &'a dyn Fn(Cmd) -> Result<Ran, CommandFailed>;

/// Tries each service that `server` would offer. `password` is that of the account of its database service; see
/// [`aegir_domain::Trial::secrets`] for what is tried without one.
pub fn try_services(
    parts: &WorldParts,
    server: &ServerContext,
    password: Option<&Password>,
    run_now: RunNow<'_>,
) -> Vec<Tried> {
    let web = server.http.as_ref().map(|http| Tried {
        service: ServiceKind::Http,
        product: http.engine.as_str().to_owned(),
        findings: try_web(parts, server, http, run_now).unwrap_or_else(|finding| vec![finding]),
    });
    let database = server.db.as_ref().map(|db| Tried {
        service: ServiceKind::Db,
        product: db.as_str().to_owned(),
        findings: try_database(parts, server, db, password).unwrap_or_else(|finding| vec![finding]),
    });
    web.into_iter().chain(database).collect()
}

fn try_web(
    parts: &WorldParts,
    server: &ServerContext,
    http: &HttpService,
    run_now: RunNow<'_>,
) -> Result<Vec<Finding>, Finding> {
    let name = http.engine.as_str();
    let driver = parts.http_drivers.named(name).map_err(|fault| Finding::of_fault(&fault))?;
    let cmd = driver.ask_version();
    let ran = run_now(cmd.clone()).and_then(|ran| ran.success(&cmd)).map_err(|failed| {
        Finding::problem(
            format!("{name} cannot be asked for its version: {}", Finding::of_fault(&failed).text),
            format!("install {name} on that machine, or choose the web server that it has"),
        )
    })?;
    let mut findings = vec![Finding::ok(format!("{} is there", version_in(&ran)))];

    let (at, config) = (http.listen, server_config(parts, server, http));
    let entry = config.folder.join(driver.entry());
    if parts.web.get(&WebAddress::Tcp(at), NOBODY, "/", LIMIT).is_err() {
        findings.push(Finding::warning(
            format!("nothing answers at {at} yet"),
            format!(
                "before its verify, have {name} run there with a configuration that includes `{}`",
                entry.display()
            ),
        ));
        return Ok(findings);
    }
    findings.push(match answering(parts, driver.internal(&config), LIMIT) {
        Some(_) => Finding::ok(format!("it answers at {at}, with the configuration of this home")),
        None => Finding::warning(
            format!("something answers at {at}, and without the configuration of this home"),
            format!("if it is the {name} that is meant, have its configuration include `{}`", entry.display()),
        ),
    });
    Ok(findings)
}

fn try_database(
    parts: &WorldParts,
    server: &ServerContext,
    service: &DbService,
    password: Option<&Password>,
) -> Result<Vec<Finding>, Finding> {
    let DbService::Mariadb { at, account, .. } = service else {
        let folder = parts.home.databases();
        return Ok(vec![Finding::ok(format!("each site has a file of its own, in `{}`", folder.display()))]);
    };
    let password = match password {
        Some(given) => given.clone(),
        None => known_password(parts, server, at, account)?,
    };
    let mut open =
        opened(parts.databases.as_ref(), at, account, &password).map_err(|fault| not_let_in(&fault, at, account))?;
    let (major, minor, patch) = open.product.version;
    let name = open.product.kind.as_str();
    let mut findings = vec![Finding::ok(format!("{name} {major}.{minor}.{patch} lets `{account}` in"))];
    if let Err(fault) = open.driver.serves(&open.product, 10) {
        findings.push(Finding::of_fault(&fault));
    }
    findings.push(match may_grant(&mut open) {
        true => Finding::ok(format!("`{account}` may grant rights to others")),
        false => Finding::problem(
            format!("`{account}` may not make databases and users, and grant"),
            format!("as the administrator of that database server, run `{}`", account_statement(account, at)),
        ),
    });
    Ok(findings)
}

/// The password that is saved, if it was given for the same account at the same place: it is sent nowhere else.
fn known_password(
    parts: &WorldParts,
    server: &ServerContext,
    at: &DbEngine,
    account: &str,
) -> Result<Password, Finding> {
    let name = &server.name;
    let saved = crate::Contexts::new(&parts.home, &parts.files).server(name).ok().and_then(|saved| saved.db);
    match saved {
        Some(DbService::Mariadb { at: was, account: by, .. }) if was == *at && by == account => {
            saved_password(&parts.files, &parts.home.credentials_of(&ContextName::Server(name.clone())))
                .map_err(|why| Finding::problem(why, "give the password of the account"))
        }
        _ => Err(Finding::problem(
            format!("the password of `{account}` there is not known"),
            "give it: one that was given for another account, or another place, is not sent there",
        )),
    }
}

/// Why the server could not be tried, with what to do before anything is saved.
fn not_let_in(fault: &Fault, at: &DbEngine, account: &str) -> Finding {
    let told = Finding::of_fault(fault.error());
    let kind = fault.downcast_ref::<SqlFault>().map(|fault| fault.kind);
    let remedy = match kind {
        Some(SqlKind::Unreachable | SqlKind::Gone) => {
            Some("see that the database server runs, listens there, and lets this machine in".to_owned())
        }
        Some(SqlKind::PasswordRefused | SqlKind::NotAllowed) => Some(format!(
            "give the account's own password; if the server does not know the account, run this on it, as its \
             administrator: `{}`",
            account_statement(account, at)
        )),
        _ => told.remedy.clone(),
    };
    Finding { remedy, ..told }
}
