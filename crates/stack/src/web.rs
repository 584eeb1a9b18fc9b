//! The nginx of a stack: its own main file, and the part that Ægir writes for the server.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use crate::daemon::{Launch, Ran};
use crate::database::Wait;
use crate::fault::StackFault;
use crate::files;
use crate::stack::Setup;

/// How long it may take to answer.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// Its main file.
pub(crate) fn main_file(setup: &Setup) -> PathBuf {
    setup.places.nginx().join("nginx.conf")
}

/// nginx in the foreground, with its main file written anew.
pub(crate) fn launch(setup: &Setup) -> Result<Launch, StackFault> {
    let places = &setup.places;
    let user = match &setup.settings.users {
        Some(users) => format!("user {0} {0};\n", users.web.name),
        None => String::new(),
    };
    let dir = places.nginx();
    let temporary: String = ["client_body", "fastcgi", "proxy", "scgi", "uwsgi"]
        .iter()
        .map(|kind| format!("  {kind}_temp_path \"{}/{kind}\";\n", dir.display()))
        .collect();
    let text = format!(
        "# Written by Ægir at each start of the private stack.\n\
         {user}daemon off;\n\
         pid \"{dir}/nginx.pid\";\n\
         error_log \"{errors}\";\n\
         worker_processes auto;\n\
         worker_shutdown_timeout 10s;\n\
         events {{ worker_connections 1024; }}\n\
         http {{\n\
         {temporary}\
         \x20 access_log \"{access}\";\n\
         \x20 server_tokens off;\n\
         \x20 include /etc/nginx/mime.types;\n\
         \x20 default_type application/octet-stream;\n\
         \x20 server {{\n\
         \x20   listen {listen} default_server;\n\
         \x20   server_name _;\n\
         \x20   return 404;\n\
         \x20 }}\n\
         \x20 server {{\n\
         \x20   listen \"unix:{internal}\";\n\
         \x20   access_log off;\n\
         \x20   return 204;\n\
         \x20 }}\n\
         \x20 include \"{home}/config/server_*/nginx.conf\";\n\
         }}\n",
        dir = dir.display(),
        errors = places.log("nginx-error.log").display(),
        access = places.log("nginx-access.log").display(),
        listen = setup.endpoints.listen,
        internal = places.internal_socket().display(),
        home = places.home.display(),
    );
    files::write(&main_file(setup), text.as_bytes(), places.private_owner(), 0o600)?;
    files::append(&places.log("nginx-error.log"), places.private_owner(), 0o640)?;
    files::append(&places.log("nginx-access.log"), places.private_owner(), 0o640)?;
    // A killed nginx leaves it, and a new one does not take its place.
    files::remove(&places.internal_socket())?;
    Ok(nginx(setup, &[]))
}

/// Whether nginx would run with what lies in the home now.
pub(crate) fn test(setup: &Setup) -> Result<Ran, StackFault> {
    let mut launch = nginx(setup, &["-t", "-q"]);
    launch.log = setup.places.nginx().join("test.log");
    launch.run(b"", Duration::from_secs(30))
}

fn nginx(setup: &Setup, how: &[&str]) -> Launch {
    let places = &setup.places;
    let mut args: Vec<String> = how.iter().map(|arg| (*arg).to_owned()).collect();
    args.extend(["-e".into(), places.log("nginx-error.log").display().to_string()]);
    args.extend(["-p".into(), places.nginx().display().to_string()]);
    args.extend(["-c".into(), main_file(setup).display().to_string()]);
    Launch {
        program: setup.settings.programs.nginx.clone().unwrap_or_default(),
        args,
        folder: places.nginx(),
        account: None,
        log: places.log("nginx-error.log"),
        log_owner: places.private_owner(),
    }
}

/// Whether it answers on its internal socket.
pub(crate) fn ready(setup: &Setup) -> Result<(), Wait> {
    let ask = || -> std::io::Result<String> {
        let mut stream = UnixStream::connect(setup.places.internal_socket())?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(b"GET / HTTP/1.0\r\nHost: internal\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    match ask() {
        Ok(answer) if answer.starts_with("HTTP/1.1 2") => Ok(()),
        Ok(answer) => Err(Wait::Not(format!("it answered {:?}", answer.lines().next().unwrap_or_default()))),
        Err(error) => Err(Wait::Not(error.to_string())),
    }
}
