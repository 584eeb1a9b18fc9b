//! `up`: the private stack, and on it a first Drupal site; kept until Ctrl-C.

mod back_end;
mod detach;
mod first_hour;
mod front_end;
mod keeper;
mod panel;
mod teller;
mod welcome;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use aegir_domain::{HostName, HttpEngine, Remedy};
use aegir_stack::{Endpoints, Programs, Signals, Stack, StackSettings, StopRequest, Users};
use clap::Args;

use crate::args::text;
use crate::compose::Given;
use crate::failure::Failure;
use crate::owner;
use crate::products::{Db, Http};
use crate::provision::Usage;
use crate::setup_notes;
use back_end::BackEnd;
use first_hour::{FirstHour, Wishes};
use front_end::FrontEnd;
use keeper::Keeper;
use teller::Teller;
use welcome::{OverSsh, Reader, word_for};

pub(crate) use detach::{STAYS, down};

/// Starts web server, PHP and database on this machine's loopback address, for trying Ægir, for tests
/// and for laptops. In a new home it then makes a platform and a site, and says how to see it.
#[derive(Debug, Args)]
pub(crate) struct UpArgs {
    /// The tree that the first platform is a copy of: Drupal's document root, or the project around it
    /// [default: Composer builds one]
    #[arg(long, value_name = "DIR")]
    platform: Option<PathBuf>,
    /// The product that keeps the sites' data [default: that of the last time, else mariadb]
    #[arg(long, value_enum, value_name = "PRODUCT")]
    db: Option<Db>,
    /// The product that answers for the sites [default: that of the last time, else nginx]
    #[arg(long, value_enum, value_name = "PRODUCT")]
    http: Option<Http>,
    /// The PHP program, with its version in its name [default: the newest on this machine]
    #[arg(long, value_name = "PROGRAM")]
    php: Option<PathBuf>,
    /// The registry that Composer asks [default: the public one]
    #[arg(long, value_name = "URL", value_parser = text::<aegir_domain::RegistryAddress>)]
    registry: Option<aegir_domain::RegistryAddress>,
    /// The port that sites answer on [default: that of the last time, else a free one]
    #[arg(long)]
    port: Option<u16>,
    /// Another address that sites answer on, for others to see
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST), hide_default_value = true)]
    listen: IpAddr,
    /// What the name of the first site ends with; it must lead to this machine
    #[arg(long, value_name = "NAME", default_value = "localhost", value_parser = text::<HostName>)]
    domain: HostName,
    /// An address on loopback where the panel answers, and the API for bearers of tokens: `127.0.0.1:8088`
    /// [default: a free port, the same each time]
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = crate::serve::on_loopback)]
    panel: Option<SocketAddr>,
    /// The same address, by its older name
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = crate::serve::on_loopback, conflicts_with = "panel")]
    api: Option<SocketAddr>,
    /// Goes on after the terminal was closed; `aegir down` ends it
    #[arg(long)]
    detach: bool,
    /// Starts the services, and makes nothing
    #[arg(long)]
    only_services: bool,
}

/// Starts the stack, sees that there is a site, and keeps both until Ctrl-C.
pub(crate) fn run(given: &Given, args: &UpArgs) -> Result<u8, Failure> {
    let home = given.home();
    let tree = args.platform.as_deref().map(tree).transpose()?;
    if args.detach {
        return detach::run(given, &home);
    }
    let users = match aegir_host::own_uid() {
        0 => Some(Users::find("aegir", "aegir-web")?),
        _ => None,
    };
    let mariadb = match args.db {
        Some(db) => db == Db::Mariadb,
        None => Endpoints::load(&home).map_or(true, |last| last.db.is_some()),
    };
    let settings = StackSettings {
        home: home.clone(),
        address: args.listen,
        http_port: args.port,
        users: users.clone(),
        http: args.http.map(HttpEngine::from),
        mariadb: mariadb || home.join("stack/mariadb/data").is_dir(),
        programs: programs(args.php.as_deref())?,
    };
    let teller = Teller::new();
    let signals = Signals::listen().map_err(|source| NoSignals { source })?;
    teller.head("The services");
    let stack = Stack::start(settings, &|said| teller.say(said), &|| signals.asked())?;
    let home = home.canonicalize().unwrap_or(home);
    if users.is_some() {
        // Whoever destroys another home must know that the users are still needed; this one runs without it.
        let _ = setup_notes::register(&given.notes, &home);
    }
    let listen = stack.endpoints().listen;
    let owner = users.as_ref().map(|users| users.aegir.name.clone());
    let name = owner::own_name();
    let folders = if owner.is_some() { welcome::SUDO_PATH } else { &given.path };
    let program = std::env::current_exe().map_or_else(|_| "aegir".into(), |program| word_for(&program, folders));
    let ssh = given.ssh.as_deref().and_then(OverSsh::read);
    let reader = Reader { home: &home, owner: owner.as_deref(), program: &program, name: &name, ssh };

    let back_end = BackEnd::new(home.clone(), users.as_ref());
    let stopping = AtomicBool::new(false);
    let wishes = Wishes {
        platform: tree,
        php: args.php.clone(),
        registry: args.registry.clone(),
        mariadb,
        domain: args.domain.clone(),
    };
    let first_hour = FirstHour { back_end: &back_end, wishes: &wishes, teller: &teller, stopping: &stopping };
    let keeper = Keeper::new(&back_end, &teller, &stopping);
    let panel = match args.panel.or(args.api) {
        Some(address) => address,
        None => stack.panel()?,
    };
    let front_end = FrontEnd::new(&home, users.as_ref(), panel, &teller);
    std::thread::scope(|scope| {
        if !args.only_services {
            scope.spawn(|| front_end.keep());
        }
        if args.only_services {
            teller.text(&services_run(&reader, listen.port()));
            detach::let_go(given);
        } else {
            scope.spawn(|| {
                let ended = first_hour.run();
                front_end.look();
                if let Ok(ready) = &ended {
                    let panel = front_end.panel();
                    teller.text(&welcome::text(ready, panel.as_ref(), listen, &reader));
                    detach::let_go(given);
                }
                keeper.first_hour_ended(ended.map(drop));
            });
        }
        let kept = stack.supervise(&|said| teller.text(said), &|| {
            let asked = signals.asked();
            if asked != StopRequest::No {
                // First, so that it starts nothing while tasks are taken back.
                front_end.stop();
            }
            keeper.asked(asked, scope)
        });
        front_end.stop();
        // Nothing that still runs in the threads may wait for services that are gone.
        keeper.services_ended();
        kept
    })?;
    match keeper.failure() {
        Some(fault) => Err(fault.into()),
        None => Ok(0),
    }
}

/// The tree as an absolute path; what is none is told before anything starts.
fn tree(path: &Path) -> Result<PathBuf, Failure> {
    match path.canonicalize() {
        Ok(path) if path.is_dir() => Ok(path),
        _ => {
            let what = format!("there is no folder `{}` to make a platform of", path.display());
            Err(Failure::usage(Usage::new(what, "give the folder of a Drupal: its document root, or its project")))
        }
    }
}

/// The programs of this machine, with the php-fpm that belongs to `php`.
fn programs(php: Option<&Path>) -> Result<Programs, Failure> {
    let found = Programs::find();
    match php {
        None => Ok(found),
        Some(php) => Ok(found.with_php(php)?),
    }
}

/// What is told where only the services were wanted.
fn services_run(reader: &Reader<'_>, port: u16) -> String {
    format!(
        "\nThe private stack runs: sites answer on http://SITE:{port} (names that end in `.localhost` need no DNS).\n\
         Ctrl-C stops it. To go on, in another terminal:\n\n  {save}\n  {verify}\n",
        save = reader.line(&["provision", "save", "@server_localhost", "--private-stack"]),
        verify = reader.line(&["provision", "verify", "@server_localhost"]),
    )
}

#[derive(Debug, thiserror::Error)]
#[error("cannot listen for Ctrl-C")]
struct NoSignals {
    source: std::io::Error,
}

impl Remedy for NoSignals {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_type_next_is_told_to_the_user_who_must_type_it() {
        let reader =
            Reader { home: Path::new("/srv/my home"), owner: Some("aegir"), program: "aegir", name: "root", ssh: None };

        let said = services_run(&reader, 8080);

        assert!(
            said.contains(
                "sudo -u aegir aegir --home '/srv/my home' provision save @server_localhost --private-stack\n"
            )
        );
        assert!(said.contains("http://SITE:8080 "));
    }
}
