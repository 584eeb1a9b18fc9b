//! What a person is told once sites can be seen: their address, a link that logs in, how to go on.

use std::net::SocketAddr;
use std::path::Path;

use aegir_domain::{Cmd, SiteContext};

use super::first_hour::Ready;

/// How many sites are listed.
const LISTED: usize = 10;

/// Where a person sits who came over ssh: the four words of `SSH_CONNECTION`.
pub(crate) struct OverSsh {
    /// This machine's address, as they reach it, and the port of its sshd.
    server: (String, String),
}

impl OverSsh {
    /// Reads the variable: `CLIENT PORT SERVER PORT`.
    pub(crate) fn read(connection: &str) -> Option<OverSsh> {
        let mut words = connection.split_ascii_whitespace().skip(2);
        Some(OverSsh { server: (words.next()?.to_owned(), words.next()?.to_owned()) })
    }

    /// The line that brings `listen` to their own machine.
    fn line(&self, listen: SocketAddr, user: &str) -> String {
        let (address, port) = &self.server;
        let mut cmd = Cmd::new("ssh").arg("-L").arg(
            format!("{0}:{listen}:{0}", listen.port()).replace(&format!("{listen}:"), &format!("{}:", listen.ip())),
        );
        if port != "22" {
            cmd = cmd.arg("-p").arg(port);
        }
        cmd.arg(format!("{user}@{address}")).to_string()
    }
}

/// Who reads it, and where they are.
pub(crate) struct Reader<'a> {
    pub(crate) home: &'a Path,
    /// The user who gives all other commands, if that is not the reader.
    pub(crate) owner: Option<&'a str>,
    /// The reader's name on this machine.
    pub(crate) name: &'a str,
    pub(crate) ssh: Option<OverSsh>,
}

/// The address of a site's front page.
pub(crate) fn address(site: &SiteContext, listen: SocketAddr) -> String {
    match listen.port() {
        80 => format!("http://{}/", site.name),
        port => format!("http://{}:{port}/", site.name),
    }
}

/// The text, of several lines.
pub(crate) fn text(ready: &Ready, listen: SocketAddr, reader: &Reader<'_>) -> String {
    let mut text = String::from("\n");
    for site in ready.sites.iter().take(LISTED) {
        text.push_str(&format!("  {}\n", address(site, listen)));
    }
    if ready.sites.len() > LISTED {
        text.push_str(&format!("  … and {} more: `aegir provision show`\n", ready.sites.len() - LISTED));
    }
    if let Some((site, link)) = &ready.link {
        text.push_str(&format!("\n  Log in to {} with this link; it works once, within a day:\n  {link}\n", site.name));
        let another = reader.line(&["login", &format!("@{}", site.name)]);
        text.push_str(&format!("  For another one: {another}\n"));
    }
    if ready.demo {
        text.push_str(
            "\n  This is the demo code base, not Drupal. For a real one: `make run PLATFORM=/path/to/drupal` with\n  \
             another `HOME_DIR=`, or see that Composer reaches its registry.\n",
        );
    }
    if listen.ip().is_loopback() {
        if let Some(ssh) = &reader.ssh {
            text.push_str(&format!(
                "\n  You are here over ssh. On your own machine, run this line and open the same addresses there:\n  {}\n",
                ssh.line(listen, reader.name)
            ));
        }
    } else {
        text.push_str(&format!(
            "\n  warning: the sites answer on {listen}, to everybody who reaches it, and without encryption. This is\n  \
             for trying, in a network that you trust. Their names must lead there: see `--domain`.\n"
        ));
    }
    text.push_str("\n  Ctrl-C stops everything; the next start finds it as it was.\n");
    text
}

impl Reader<'_> {
    /// A line of the back end, as the reader has to type it.
    pub(crate) fn line(&self, words: &[&str]) -> String {
        let aegir = match self.owner {
            Some(owner) => Cmd::new("sudo").args(["-u", owner, "aegir"]),
            None => Cmd::new("aegir"),
        };
        aegir
            .arg("--home")
            .arg(self.home.display().to_string())
            .arg("provision")
            .args(words.iter().copied())
            .to_string()
    }
}
