//! The php-fpm of a stack: one idle pool of its own, and those that the back end writes.

use std::time::Duration;

use aegir_domain::Cmd;
use aegir_drivers::php::{self, Asks, Children, FpmMain, Pool, Programs};
use aegir_host::{RealWeb, Web};

use crate::account::Account;
use crate::daemon::{Launch, Ran};
use crate::database::Wait;
use crate::fault::StackFault;
use crate::files;
use crate::stack::Setup;
use crate::web::templates;

/// How long it may take to answer.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// php-fpm in the foreground, with its main file written anew.
pub(crate) fn launch(setup: &Setup) -> Result<Launch, StackFault> {
    let places = &setup.places;
    let templates = templates(&places.home)?;
    let main = FpmMain {
        pid: places.php_fpm().join("php-fpm.pid"),
        error_log: places.log("php-fpm.log"),
        pools: setup.endpoints.pools.clone(),
        reload_seconds: 10,
    };
    // In the main file itself: php-fpm does not start without a pool, and the folder of pools is
    // the back end's.
    let text = format!("{}\n{}", main.text(&templates)?, idle_pool(setup).file(&templates)?.text.expose());
    files::write(&setup.endpoints.php_fpm_conf, text.as_bytes(), places.private_owner(), 0o600)?;
    files::append(&places.log("php-fpm.log"), places.private_owner(), 0o640)?;
    Ok(php_fpm(setup, php::run(&program(setup), &setup.endpoints.php_fpm_conf).arg("--nodaemonize")))
}

fn idle_pool(setup: &Setup) -> Pool {
    let users = setup.settings.users.as_ref();
    let names = |account: &Account| (account.name.clone(), account.group.clone());
    Pool {
        name: "aegir-idle".into(),
        user: users.map(|users| names(&users.web)),
        listen: setup.places.idle_pool(),
        listen_owner: users.map(|users| (users.aegir.name.clone(), users.http.name.clone())),
        asks: Asks::Visitors,
        children: Children::OnDemand { max: 1, idle_seconds: 10 },
        generation: 0,
        programs: Programs::Refused,
        request_seconds: 10,
        slow_log: None,
        // It runs no script, so it never looks there.
        temp: setup.places.php_fpm(),
        settings: Vec::new(),
    }
}

/// Whether php-fpm would start with what lies in the home now. It must be asked before a reload: it
/// replaces itself then, and would end on a file that it does not understand.
pub(crate) fn test(setup: &Setup) -> Result<Ran, StackFault> {
    let mut launch = php_fpm(setup, php::check(&program(setup), &setup.endpoints.php_fpm_conf));
    launch.log = setup.places.php_fpm().join("test.log");
    launch.run(b"", Duration::from_secs(30))
}

fn program(setup: &Setup) -> std::path::PathBuf {
    setup.settings.programs.php_fpm.clone().unwrap_or_else(|| "php-fpm".into())
}

fn php_fpm(setup: &Setup, cmd: Cmd) -> Launch {
    Launch {
        program: cmd.program,
        args: cmd.args,
        folder: setup.places.php_fpm(),
        temporary: None,
        account: None,
        log: setup.places.log("php-fpm.log"),
        log_owner: setup.places.private_owner(),
    }
}

/// Whether its idle pool answers a ping.
pub(crate) fn ready(setup: &Setup) -> Result<(), Wait> {
    match RealWeb.ping_php(&setup.places.idle_pool(), "/aegir-ping", Duration::from_secs(5)) {
        Ok(_) => Ok(()),
        Err(fault) => Err(Wait::Not(fault.to_string())),
    }
}
