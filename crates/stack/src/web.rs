//! The web server of a stack: its main file, and what it serves before the back end has said anything.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aegir_domain::{Cmd, HttpEngine, ServerName};
use aegir_drivers::Templates;
use aegir_drivers::http::{Apache, HttpDriver, Internal, MAX_BODY_MB, MainConfig, Nginx, ServerConfig};
use aegir_host::{RealWeb, Web, WebAddress};

use crate::daemon::{Launch, Ran};
use crate::database::Wait;
use crate::fault::StackFault;
use crate::files;
use crate::stack::Setup;

/// How long it may take to answer.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// What speaks to the web server of the stack.
fn driver(setup: &Setup) -> Box<dyn HttpDriver> {
    match setup.endpoints.http {
        HttpEngine::Nginx => Box::new(Nginx),
        HttpEngine::Apache => Box::new(Apache::default()),
    }
}

/// It in the foreground, with its main file written anew.
pub(crate) fn launch(setup: &Setup) -> Result<Launch, StackFault> {
    let places = &setup.places;
    let (driver, folder) = (driver(setup), places.web(setup.endpoints.http));
    let name = driver.service_type();
    let templates = templates(&places.home)?;
    let main = MainConfig {
        server: server(setup),
        user: setup.settings.users.as_ref().map(|users| (users.web.name.clone(), users.http.name.clone())),
        pid: folder.join(format!("{name}.pid")),
        error_log: error_log(setup),
        temp: folder,
        workers: std::thread::available_parallelism().map_or(1, NonZero::get).min(8) as u64,
        sites: None,
    };
    let text = driver.main(&main, &templates)?;
    files::write(&setup.endpoints.http_conf, text.as_bytes(), places.private_owner(), 0o600)?;
    write_server(setup, &main.server, &templates)?;
    files::append(&error_log(setup), places.private_owner(), 0o640)?;
    files::append(&setup.endpoints.access_log, places.private_owner(), 0o640)?;
    // A killed nginx leaves it, and a new one does not take its place.
    files::remove(&setup.endpoints.internal)?;
    Ok(program(setup, driver.run(&setup.endpoints.http_conf)))
}

fn error_log(setup: &Setup) -> PathBuf {
    setup.places.log(&format!("{}-error.log", setup.endpoints.http.as_str()))
}

fn server(setup: &Setup) -> ServerConfig {
    let name = "localhost".parse::<ServerName>().expect("`localhost` is the name of a server");
    ServerConfig {
        name,
        folder: setup.endpoints.http_folder.clone(),
        listen: setup.endpoints.listen,
        internal_socket: setup.endpoints.internal.clone(),
        access_log: setup.endpoints.access_log.clone(),
        max_body_mb: MAX_BODY_MB,
    }
}

/// Writes what the back end writes when it verifies the server: so the web server starts before that, and
/// after an upgrade or a change of port. Operators' lines are in other files.
fn write_server(setup: &Setup, server: &ServerConfig, templates: &Templates) -> Result<(), StackFault> {
    let driver = driver(setup);
    let owner = setup.places.private_owner();
    for folder in driver.folders() {
        files::directory(&server.folder.join(folder), owner, 0o700)?;
    }
    let generation = driver.generation(0, templates)?;
    if !server.folder.join(&generation.path).exists() {
        files::write(
            &server.folder.join(&generation.path),
            generation.text.expose().as_bytes(),
            owner,
            generation.mode,
        )?;
    }
    for file in driver.server(server, templates)? {
        files::write(&server.folder.join(&file.path), file.text.expose().as_bytes(), owner, file.mode)?;
    }
    Ok(())
}

/// The built-in templates, and those that an operator put in their place.
pub(crate) fn templates(home: &Path) -> Result<Templates, StackFault> {
    let mut overrides = BTreeMap::new();
    for name in Templates::names() {
        let path = home.join("templates").join(name);
        match fs::read_to_string(&path) {
            Ok(text) => {
                overrides.insert(name.to_owned(), text);
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => (),
            Err(source) => return Err(StackFault::File { doing: "read", path, source }),
        }
    }
    Ok(Templates { overrides })
}

/// Whether it would run with what lies in the home now. nginx need not be asked before a reload: it goes on
/// with what it has.
pub(crate) fn test(setup: &Setup) -> Result<Ran, StackFault> {
    let mut launch = program(setup, driver(setup).check(&setup.endpoints.http_conf));
    launch.log = setup.places.web(setup.endpoints.http).join("test.log");
    launch.run(b"", Duration::from_secs(30))
}

fn program(setup: &Setup, cmd: Cmd) -> Launch {
    let found = match setup.endpoints.http {
        HttpEngine::Nginx => setup.settings.programs.nginx.clone(),
        HttpEngine::Apache => setup.settings.programs.apache.clone(),
    };
    Launch {
        program: found.unwrap_or_else(|| PathBuf::from(&cmd.program)),
        args: cmd.args,
        folder: setup.places.web(setup.endpoints.http),
        temporary: None,
        account: None,
        log: error_log(setup),
        log_owner: setup.places.private_owner(),
    }
}

/// Whether it answers Ægir.
pub(crate) fn ready(setup: &Setup) -> Result<(), Wait> {
    let (at, host) = match driver(setup).internal(&server(setup)) {
        Internal::Socket(socket) => (WebAddress::Unix(socket), "localhost"),
        Internal::Name { at, host } => (WebAddress::Tcp(at), host),
    };
    match RealWeb.get(&at, host, "/generation", Duration::from_secs(5)) {
        Ok(answer) if answer.status == 200 => Ok(()),
        Ok(answer) => Err(Wait::Not(format!("it answered with status {}", answer.status))),
        Err(fault) => Err(Wait::Not(fault.to_string())),
    }
}
