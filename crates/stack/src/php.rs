//! The php-fpm of a stack: one idle pool of its own, and those that Ægir writes for platforms.

use std::path::PathBuf;
use std::time::Duration;

use crate::daemon::{Launch, Ran};
use crate::database::Wait;
use crate::fastcgi;
use crate::fault::StackFault;
use crate::files;
use crate::stack::Setup;

/// How long it may take to answer.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// Its main file.
pub(crate) fn main_file(setup: &Setup) -> PathBuf {
    setup.places.php_fpm().join("php-fpm.conf")
}

/// php-fpm in the foreground, with its main file written anew.
pub(crate) fn launch(setup: &Setup) -> Result<Launch, StackFault> {
    let places = &setup.places;
    let (sockets, workers) = match &setup.settings.users {
        Some(users) => (
            format!("listen.owner = {}\nlisten.group = {}\n", users.aegir.uid, users.web.gid),
            format!("user = {}\ngroup = {}\n", users.web.uid, users.web.gid),
        ),
        None => (String::new(), String::new()),
    };
    let text = format!(
        "; Written by Ægir at each start of the private stack.\n\
         [global]\n\
         pid = \"{dir}/php-fpm.pid\"\n\
         error_log = \"{log}\"\n\
         daemonize = no\n\
         ; Without it, a reload cuts the requests of the moment.\n\
         process_control_timeout = 10s\n\
         ; A pool needs one worker to answer for php-fpm as a whole.\n\
         [aegir-idle]\n\
         {workers}listen = \"{idle}\"\n\
         {sockets}listen.mode = 0660\n\
         pm = ondemand\n\
         pm.max_children = 1\n\
         pm.process_idle_timeout = 10s\n\
         ping.path = /ping\n\
         [global]\n\
         include = \"{home}/config/server_*/php-fpm/pool.d/*.conf\"\n",
        dir = places.php_fpm().display(),
        log = places.log("php-fpm.log").display(),
        idle = places.idle_pool().display(),
        home = places.home.display(),
    );
    files::write(&main_file(setup), text.as_bytes(), places.private_owner(), 0o600)?;
    files::append(&places.log("php-fpm.log"), places.private_owner(), 0o640)?;
    Ok(php_fpm(setup, &["--nodaemonize"]))
}

/// Whether php-fpm would start with what lies in the home now. It must be asked before a reload: it
/// replaces itself then, and would end on a file that it does not understand.
pub(crate) fn test(setup: &Setup) -> Result<Ran, StackFault> {
    let mut launch = php_fpm(setup, &["--test"]);
    launch.log = places_test_log(setup);
    launch.run(b"", Duration::from_secs(30))
}

fn places_test_log(setup: &Setup) -> PathBuf {
    setup.places.php_fpm().join("test.log")
}

fn php_fpm(setup: &Setup, how: &[&str]) -> Launch {
    let mut args: Vec<String> = how.iter().map(|arg| (*arg).to_owned()).collect();
    args.push("--fpm-config".into());
    args.push(main_file(setup).display().to_string());
    Launch {
        program: setup.settings.programs.php_fpm.clone().unwrap_or_default(),
        args,
        folder: setup.places.php_fpm(),
        account: None,
        log: setup.places.log("php-fpm.log"),
        log_owner: setup.places.private_owner(),
    }
}

/// Whether its idle pool answers a ping.
pub(crate) fn ready(setup: &Setup) -> Result<(), Wait> {
    match fastcgi::get(&setup.places.idle_pool(), "/ping", Duration::from_secs(5)) {
        Ok(answer) if answer.contains("pong") => Ok(()),
        Ok(answer) => Err(Wait::Not(format!("it answered {answer:?}"))),
        Err(error) => Err(Wait::Not(error.to_string())),
    }
}
