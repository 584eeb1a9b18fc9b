//! `up`: the private stack, from its first service to Ctrl-C.

use std::net::SocketAddr;
use std::path::Path;

use aegir_domain::{Cmd, Remedy};
use aegir_stack::{Programs, Signals, Stack, StackSettings, Users};
use clap::Args;

use crate::compose::Given;
use crate::failure::Failure;
use crate::speak::out;

/// The private stack: nginx, php-fpm and MariaDB on this machine's loopback address, for trying
/// Ægir, for tests and for laptops.
#[derive(Debug, Args)]
pub(crate) struct UpArgs {
    /// The port that sites answer on [default: that of the last time, else a free one]
    #[arg(long)]
    port: Option<u16>,
    /// Leaves MariaDB out; sites then have SQLite
    #[arg(long)]
    no_mariadb: bool,
}

/// Starts the stack and keeps it until Ctrl-C.
pub(crate) fn run(given: &Given, args: &UpArgs) -> Result<u8, Failure> {
    let home = given.home();
    let users = match aegir_host::own_uid() {
        0 => Some(Users::find("aegir", "aegir-web")?),
        _ => None,
    };
    let owner = users.as_ref().map(|users| users.aegir.name.clone());
    let settings = StackSettings {
        home: home.clone(),
        http_port: args.port,
        users,
        mariadb: !args.no_mariadb,
        programs: Programs::find(),
    };
    let signals = Signals::listen().map_err(|source| NoSignals { source })?;
    let stack = Stack::start(settings, &out, &|| signals.asked())?;
    out(&next(&home, owner.as_deref(), stack.endpoints().listen));
    stack.supervise(&out, &|| signals.asked())?;
    Ok(0)
}

/// Where sites will answer, and what to type next.
fn next(home: &Path, owner: Option<&str>, listen: SocketAddr) -> String {
    let line = |words: &[&str]| {
        let aegir = match owner {
            Some(owner) => Cmd::new("sudo").args(["-u", owner, "aegir"]),
            None => Cmd::new("aegir"),
        };
        aegir.args(["--home"]).arg(home.display().to_string()).arg("provision").args(words.iter().copied()).to_string()
    };
    format!(
        "\nThe private stack runs: sites answer on http://SITE:{port} (names that end in `.localhost` need no DNS).\n\
         Ctrl-C stops it. To go on, in another terminal:\n\n  {save}\n  {verify}\n",
        port = listen.port(),
        save = line(&["save", "@server_localhost", "--private-stack"]),
        verify = line(&["verify", "@server_localhost"]),
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
        let listen = SocketAddr::from(([127, 0, 0, 1], 8080));

        let said = next(Path::new("/srv/my home"), Some("aegir"), listen);

        assert!(
            said.contains(
                "sudo -u aegir aegir --home '/srv/my home' provision save @server_localhost --private-stack\n"
            )
        );
        assert!(said.contains("http://SITE:8080 "));
    }
}
