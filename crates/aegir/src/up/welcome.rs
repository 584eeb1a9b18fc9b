//! What a person is told once sites can be seen: their address, a link that logs in, how to go on.

use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use aegir_domain::{Cmd, SiteContext};

use super::first_hour::Ready;
use super::panel::{FIRST, Panel};

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

    /// The line that brings what listens here to their own machine.
    fn line(&self, listen: impl IntoIterator<Item = SocketAddr>, user: &str) -> String {
        let (address, port) = &self.server;
        let mut cmd = Cmd::new("ssh");
        for listen in listen {
            // `[::1]` in brackets, as ssh wants it.
            let (ip, port) = (SocketAddr::new(listen.ip(), 0).to_string(), listen.port());
            let ip = ip.strip_suffix(":0").unwrap_or(&ip);
            cmd = cmd.arg("-L").arg(format!("{port}:{ip}:{port}"));
        }
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
    /// The word by which they start this program.
    pub(crate) program: &'a str,
    /// The reader's name on this machine.
    pub(crate) name: &'a str,
    pub(crate) ssh: Option<OverSsh>,
}

/// Where `sudo` looks for programs, on Debian and Ubuntu.
pub(crate) const SUDO_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The word that starts `program`: its name where one of `folders` (as in `PATH`) leads to it, else its path.
pub(crate) fn word_for(program: &Path, folders: &str) -> String {
    let of = |path: &Path| std::fs::metadata(path).map(|found| (found.dev(), found.ino())).ok();
    let found = folders.split(':').map(|folder| Path::new(folder).join("aegir")).find(|path| path.exists());
    match found.and_then(|found| of(&found)) {
        Some(found) if Some(found) == of(program) => "aegir".to_owned(),
        _ => program.display().to_string(),
    }
}

/// The address of a site's front page.
pub(crate) fn address(site: &SiteContext, listen: SocketAddr) -> String {
    match listen.port() {
        80 => format!("http://{}/", site.name),
        port => format!("http://{}:{port}/", site.name),
    }
}

/// The text, of several lines.
pub(crate) fn text(ready: &Ready, panel: Option<&Panel>, listen: SocketAddr, reader: &Reader<'_>) -> String {
    let mut text = String::from("\n");
    for site in ready.sites.iter().take(LISTED) {
        text.push_str(&format!("  {}\n", address(site, listen)));
    }
    if ready.sites.len() > LISTED {
        text.push_str(&format!("  … and {} more: `aegir site list`\n", ready.sites.len() - LISTED));
    }
    if let Some((site, link)) = &ready.link {
        text.push_str(&format!("\n  Log in to {} with this link; it works once, within a day:\n  {link}\n", site.name));
        let another = reader.line(&["site", "login", site.name.as_str()]);
        text.push_str(&format!("  For another one: {another}\n"));
        let more = reader.line(&["site", "add", "NAME"]);
        text.push_str(&format!("  Another site:    {more}\n"));
    }
    if let Some(panel) = panel {
        text.push_str(&panel_text(panel, reader));
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
                ssh.line([listen].into_iter().chain(panel.map(|panel| panel.address)), reader.name)
            ));
        }
    } else {
        if let (Some(ssh), Some(panel)) = (&reader.ssh, panel) {
            text.push_str(&format!(
                "\n  You are here over ssh. The panel answers on this machine alone; on your own, run this line and open the\n  \
                 same address there:\n  {}\n",
                ssh.line([panel.address], reader.name)
            ));
        }
        text.push_str(&format!(
            "\n  warning: the sites answer on {listen}, to everybody who reaches it, and without encryption. This is\n  \
             for trying, in a network that you trust. Their names must lead there: see `--domain`.\n"
        ));
    }
    text.push_str("\n  Ctrl-C stops everything; the next start finds it as it was.\n");
    text
}

/// Where the panel is, and how to come in.
fn panel_text(panel: &Panel, reader: &Reader<'_>) -> String {
    let another = reader.line(&["account", "link", FIRST]);
    match &panel.link {
        Some(link) => format!(
            "\n  The panel, for all of it. This link lets you in as `{FIRST}` to choose a password; it works once, within a \
             day:\n  {}\n  For another one: {another}\n",
            link.expose()
        ),
        None => format!(
            "\n  The panel, for all of it: {}\n  For a link that lets in:  {another}\n",
            aegir_hosting::panel_at(panel.address)
        ),
    }
}

impl Reader<'_> {
    /// A line of ours, as the reader has to type it.
    pub(crate) fn line(&self, words: &[&str]) -> String {
        let aegir = match self.owner {
            Some(owner) => Cmd::new("sudo").args(["-u", owner, self.program]),
            None => Cmd::new(self.program),
        };
        aegir.arg("--home").arg(self.home.display().to_string()).args(words.iter().copied()).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(name: &str) -> SiteContext {
        serde_json::from_value(serde_json::json!({
            "name": name, "revision": 1, "platform": "d10", "db_server": "localhost",
            "database": { "name": "a", "marker": "aegir:a.test:01a1fc8c-23c1-76d7-979c-f6cff44dc191", "hosts": [] },
            "profile": "standard", "language": "en", "time_zone": "UTC", "title": "A", "account": "admin",
            "mail": "a@example.org", "client": "admin", "core": "10.3.6",
        }))
        .unwrap()
    }

    fn told(listen: &str, ssh: Option<&str>, demo: bool) -> String {
        let panel = Panel { address: "127.0.0.1:9001".parse().unwrap(), link: None };
        told_with(&panel, listen, ssh, demo)
    }

    fn told_with(panel: &Panel, listen: &str, ssh: Option<&str>, demo: bool) -> String {
        let site = site("first.localhost");
        let link = Some((site.clone(), "http://first.localhost:8080/user/reset/1/2/3".to_owned()));
        let ready = Ready { sites: vec![site], link, demo };
        let ssh = ssh.and_then(OverSsh::read);
        let reader = Reader { home: Path::new("/srv/var"), owner: Some("aegir"), program: "aegir", name: "ann", ssh };
        text(&ready, Some(panel), listen.parse().unwrap(), &reader)
    }

    #[test]
    fn the_program_is_called_by_its_name_where_that_finds_it() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        for place in [&one, &other] {
            std::fs::create_dir(place).unwrap();
            std::fs::write(place.join("aegir"), "").unwrap();
        }
        let path = format!("/nowhere:{}:{}", one.display(), other.display());
        assert_eq!(word_for(&one.join("aegir"), &path), "aegir");
        assert_eq!(word_for(&other.join("aegir"), &path), other.join("aegir").display().to_string());
        assert_eq!(word_for(&one.join("aegir"), "/nowhere"), one.join("aegir").display().to_string());
    }

    #[test]
    fn the_address_and_the_link_are_told_and_how_to_have_another() {
        let said = told("127.0.0.1:8080", None, false);
        assert!(said.contains("\n  http://first.localhost:8080/\n"), "{said}");
        assert!(said.contains("/user/reset/1/2/3\n"));
        assert!(said.contains("sudo -u aegir aegir --home /srv/var site login first.localhost\n"));
        assert!(said.contains("sudo -u aegir aegir --home /srv/var site add NAME\n"));
        assert!(!said.contains("warning") && !said.contains("ssh") && !said.contains("demo"));
    }

    #[test]
    fn the_panel_is_told_with_a_link_once_and_how_to_have_another() {
        let link = Some(aegir_domain::Password::new("http://localhost:9001/enter/secret"));
        let first = Panel { address: "127.0.0.1:9001".parse().unwrap(), link };
        let said = told_with(&first, "127.0.0.1:8080", None, false);
        assert!(said.contains("\n  http://localhost:9001/enter/secret\n"), "{said}");
        assert!(said.contains("sudo -u aegir aegir --home /srv/var account link admin\n"), "{said}");

        let said = told("127.0.0.1:8080", None, false);
        assert!(said.contains(" http://localhost:9001\n") && !said.contains("/enter/"), "{said}");
        assert!(said.contains("sudo -u aegir aegir --home /srv/var account link admin\n"), "{said}");
    }

    #[test]
    fn who_came_over_ssh_gets_the_line_that_brings_the_sites_home() {
        let said = told("127.0.0.1:8080", Some("192.0.2.1 50000 192.0.2.9 22"), false);
        assert!(said.contains("\n  ssh -L 8080:127.0.0.1:8080 -L 9001:127.0.0.1:9001 ann@192.0.2.9\n"), "{said}");
        let said = told("[::1]:8080", Some("192.0.2.1 50000 192.0.2.9 2222"), false);
        let line = "\n  ssh -L '8080:[::1]:8080' -L 9001:127.0.0.1:9001 -p 2222 ann@192.0.2.9\n";
        assert!(said.contains(line), "{said}");
    }

    #[test]
    fn sites_that_others_reach_come_with_a_warning() {
        let said = told("192.0.2.9:8080", Some("192.0.2.1 50000 192.0.2.9 22"), true);
        assert!(said.contains("warning: the sites answer on 192.0.2.9:8080"), "{said}");
        assert!(said.contains("\n  ssh -L 9001:127.0.0.1:9001 ann@192.0.2.9\n"), "{said}");
        assert!(said.contains("the demo code base, not Drupal"), "{said}");
    }
}
