//! What a person is told once sites can be seen: their address, a link that logs in, how to go on.

use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
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
        // `[::1]` in brackets, as ssh wants it.
        let (ip, sites) = (SocketAddr::new(listen.ip(), 0).to_string(), listen.port());
        let ip = ip.strip_suffix(":0").unwrap_or(&ip);
        let mut cmd = Cmd::new("ssh").arg("-L").arg(format!("{sites}:{ip}:{sites}"));
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
pub(crate) fn text(ready: &Ready, listen: SocketAddr, reader: &Reader<'_>) -> String {
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
        let site = site("first.localhost");
        let link = Some((site.clone(), "http://first.localhost:8080/user/reset/1/2/3".to_owned()));
        let ready = Ready { sites: vec![site], link, demo };
        let ssh = ssh.and_then(OverSsh::read);
        let reader = Reader { home: Path::new("/srv/var"), owner: Some("aegir"), program: "aegir", name: "ann", ssh };
        text(&ready, listen.parse().unwrap(), &reader)
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
    fn who_came_over_ssh_gets_the_line_that_brings_the_sites_home() {
        let said = told("127.0.0.1:8080", Some("192.0.2.1 50000 192.0.2.9 22"), false);
        assert!(said.contains("\n  ssh -L 8080:127.0.0.1:8080 ann@192.0.2.9\n"), "{said}");
        let said = told("[::1]:8080", Some("192.0.2.1 50000 192.0.2.9 2222"), false);
        assert!(said.contains("\n  ssh -L '8080:[::1]:8080' -p 2222 ann@192.0.2.9\n"), "{said}");
    }

    #[test]
    fn sites_that_others_reach_come_with_a_warning() {
        let said = told("192.0.2.9:8080", Some("192.0.2.1 50000 192.0.2.9 22"), true);
        assert!(said.contains("warning: the sites answer on 192.0.2.9:8080"), "{said}");
        assert!(!said.contains("ssh -L"), "{said}");
        assert!(said.contains("the demo code base, not Drupal"), "{said}");
    }
}
