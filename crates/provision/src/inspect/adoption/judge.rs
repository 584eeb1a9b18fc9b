//! What becomes of each thing that a classic home has. Reads nothing: it is told what is there.

use std::collections::{BTreeMap, BTreeSet};

use aegir_domain::{
    Adopted, AdoptedKind, Fate, HostName, MachineName, PlatformName, PlatformRoot, ServerName, SiteName,
};

use super::classic::{Classic, Object, SiteThere, There};
use crate::inspect::Known;

/// The profile of the classic front end's own site.
const FRONT_END: &str = "hostmaster";
/// What stands for the machine that the home is on.
const THIS_MACHINE: [&str; 4] = ["localhost", "127.0.0.1", "::1", "localhost.localdomain"];

/// Judges all: servers, platforms, clients, sites with their aliases.
pub(super) fn all(classic: &Classic, known: &Known) -> Vec<Adopted> {
    let mut judge =
        Judge { classic, known, servers: BTreeMap::new(), platforms: BTreeMap::new(), names: BTreeSet::new() };
    let mut things = Vec::new();
    let mut sites = Vec::new();
    for (name, object) in of_kind(classic, "server") {
        things.push(judge.server(name, object));
    }
    for (name, object) in of_kind(classic, "platform") {
        things.push(judge.platform(name, object));
    }
    for (name, object) in of_kind(classic, "site") {
        judge.site(name, object, &mut sites);
    }
    things.extend(judge.clients());
    things.extend(sites);
    let others = classic.objects.iter().filter(|(_, object)| matches!(object.there, There::Other));
    things.extend(others.map(|(name, object)| {
        let kind = object.text("context_type").unwrap_or_default();
        let because = format!("it is a `{kind}`, and Ægir has none of that kind");
        thing(AdoptedKind::Server, name, Fate::Cannot { because, remedy: None })
    }));
    things
}

fn of_kind<'a>(classic: &'a Classic, kind: &'a str) -> impl Iterator<Item = (&'a String, &'a Object)> {
    classic.objects.iter().filter(move |(_, object)| object.text("context_type").as_deref() == Some(kind))
}

fn thing(kind: AdoptedKind, name: &str, fate: Fate) -> Adopted {
    Adopted { kind, name: name.to_owned(), fate, notes: Vec::new(), commands: Vec::new() }
}

struct Judge<'a> {
    classic: &'a Classic,
    known: &'a Known,
    /// What each server that can come is called here.
    servers: BTreeMap<String, ServerName>,
    /// What each platform that can come is called here.
    platforms: BTreeMap<String, PlatformName>,
    /// Host names that were given away.
    names: BTreeSet<HostName>,
}

impl Judge<'_> {
    fn server(&mut self, name: &str, object: &Object) -> Adopted {
        let mut adopted =
            thing(AdoptedKind::Server, name, Fate::NotNeeded("it offers no service that sites need".into()));
        let Ok(here) = name.to_ascii_lowercase().parse::<ServerName>() else {
            adopted.fate =
                Fate::Cannot { because: "its name is none that a server can have here".into(), remedy: None };
            return adopted;
        };
        let (web, data) = (object.text("http_service_type"), object.text("db_service_type"));
        let (web, data) = match (web_service(web.as_deref()), database_service(data.as_deref())) {
            (Ok(web), Ok(data)) => (web, data),
            (Err(fate), _) | (_, Err(fate)) => {
                adopted.fate = fate;
                return adopted;
            }
        };
        if let Some(host) = object.text("remote_host").filter(|host| web.is_some() && !self.is_here(name, host)) {
            adopted.fate = Fate::cannot(
                format!("its web server is on another machine, `{host}`"),
                "sites there are looked after by a back end of that machine: make a home there (the manual's page about another machine)",
            );
            return adopted;
        }
        let port = object.text("http_port").and_then(|port| port.parse::<u16>().ok()).unwrap_or(80);
        let account = object.text("master_db").map(|url| DbAddress::read(&url));
        let mut parts = Vec::new();
        let mut options = Vec::new();
        if let Some(web) = &web {
            parts.push(format!("{} on port {port}", web.product));
            options.push(format!("--http {} --listen 0.0.0.0:{port}", web.product));
            if web.encrypts {
                adopted.notes.push(
                    "it answers over HTTPS too: Ægir has no certificates yet, so something before it must have them"
                        .into(),
                );
            }
        }
        if data {
            match account.flatten() {
                Some(at) => {
                    parts.push(format!("MariaDB or MySQL at `{}`, by the account `{}`", at.place(), at.account));
                    options.push(at.options());
                }
                None => {
                    parts.push("MariaDB or MySQL".into());
                    adopted.notes.push(
                        "where its databases are cannot be read from its `master_db`: say so when you save it".into(),
                    );
                }
            }
        }
        if parts.is_empty() {
            return adopted;
        }
        if self.known.servers.iter().any(|server| server.name == here) {
            adopted.fate = Fate::IsThere(format!("@server_{here}"));
            adopted.notes.push("look whether it offers the same, with `aegir provision show`".into());
        } else {
            adopted.fate = Fate::Becomes(format!("@server_{here}: {}", parts.join("; ")));
            adopted.commands.push(format!("aegir provision save @server_{here} {}", options.join(" ")));
            adopted.commands.push(format!("aegir provision verify @server_{here}"));
        }
        self.servers.insert(name.to_owned(), here);
        adopted
    }

    /// Whether a host is the machine that the home is on: it has the name of the first server.
    fn is_here(&self, name: &str, host: &str) -> bool {
        let masters = self.classic.objects.get("server_master").and_then(|master| master.text("remote_host"));
        name == "server_master" || THIS_MACHINE.contains(&host) || masters.as_deref() == Some(host)
    }

    fn platform(&mut self, name: &str, object: &Object) -> Adopted {
        let mut adopted =
            thing(AdoptedKind::Platform, name, Fate::NotNeeded("it has only the classic front end".into()));
        let There::Platform(code) = &object.there else { return adopted };
        let facts = match code.as_ref() {
            Ok(facts) => facts,
            Err(fault) => {
                adopted.fate = Fate::Cannot { because: fault.message.clone(), remedy: fault.remedy.clone() };
                return adopted;
            }
        };
        if facts.profile(FRONT_END).is_some() {
            return adopted;
        }
        if let Some(found) = facts.errors().next() {
            let because = format!("its code is broken: `{}`: {}", found.path, found.reason);
            adopted.fate = Fate::cannot(because, "put that right there first");
            return adopted;
        }
        let Ok(here) = name.to_ascii_lowercase().parse::<PlatformName>() else {
            adopted.fate =
                Fate::Cannot { because: "its name is none that a platform can have here".into(), remedy: None };
            return adopted;
        };
        let root = match facts.docroot.to_string_lossy().parse::<PlatformRoot>() {
            Ok(root) => root,
            Err(bad) => {
                adopted.fate = Fate::Cannot { because: bad.to_string(), remedy: bad.instead };
                return adopted;
            }
        };
        let server = object.refers("web_server").unwrap_or_else(|| "server_master".into());
        let Some(server) = self.servers.get(&server).cloned() else {
            adopted.fate = Fate::cannot(format!("its server `{server}` cannot come"), "see what is said of that");
            return adopted;
        };
        if let Some(there) = self.known.platforms.iter().find(|platform| platform.root == root) {
            adopted.fate = Fate::IsThere(format!("@platform_{}", there.name));
            self.platforms.insert(name.to_owned(), there.name.clone());
            return adopted;
        }
        if self.known.platforms.iter().any(|platform| platform.name == here) {
            adopted
                .notes
                .push(format!("@platform_{here} is here already, from another folder: sites would come to that one"));
            adopted.fate = Fate::IsThere(format!("@platform_{here}"));
            self.platforms.insert(name.to_owned(), here);
            return adopted;
        }
        adopted.fate = Fate::Becomes(format!(
            "@platform_{here}: a copy of `{}` without its sites, Drupal {}",
            root.as_str(),
            facts.core
        ));
        if !facts.core.tried() {
            adopted.notes.push(format!("Drupal {} was not tried with this version of Ægir", facts.core));
        }
        match is_one_word(root.as_str()) {
            true => adopted
                .commands
                .push(format!("aegir provision build @platform_{here} --server {server} --copy {}", root.as_str())),
            false => {
                adopted.notes.push("its path cannot be typed as one word: quote it when you build the platform".into())
            }
        }
        self.platforms.insert(name.to_owned(), here);
        adopted
    }

    /// A site, and behind it its aliases.
    fn site(&mut self, name: &str, object: &Object, things: &mut Vec<Adopted>) {
        let There::Site(there) = &object.there else { return };
        let uri = object.text("uri").unwrap_or_else(|| name.to_owned());
        let mut adopted = thing(AdoptedKind::Site, &uri, Fate::NotNeeded(String::new()));
        match self.place_of(object, there, &uri) {
            Err(fate) => adopted.fate = fate,
            Ok((site, platform)) => {
                self.names.insert(site.host());
                let client = client_name(&object.text("client_name").unwrap_or_default());
                adopted.fate = Fate::Becomes(format!("@{site} on @platform_{platform}, of the client `{client}`"));
                self.tell_more(&mut adopted, object, there, &site, &platform);
            }
        }
        let aliases: Vec<Adopted> = match adopted.fate {
            Fate::Becomes(_) => object.texts("aliases").iter().map(|alias| self.alias(alias, &uri)).collect(),
            _ => Vec::new(),
        };
        things.push(adopted);
        things.extend(aliases);
    }

    /// What a site is called here and where it lives; or why it does not.
    fn place_of(&self, object: &Object, there: &SiteThere, uri: &str) -> Result<(SiteName, PlatformName), Fate> {
        if object.text("profile").as_deref() == Some(FRONT_END) {
            return Err(Fate::NotNeeded("it is the classic front end, whose work Ægir's own does".into()));
        }
        let site: SiteName = uri.parse().map_err(|bad: aegir_domain::BadText| Fate::Cannot {
            because: bad.to_string(),
            remedy: bad.instead.map(|instead| format!("rename it there first: {instead}")),
        })?;
        if self.known.sites.iter().any(|other| other.name == site) {
            return Err(Fate::cannot("a site of that name is here already", "look at it with `aegir provision show`"));
        }
        if let Some(other) = self.known.sites.iter().find(|other| other.aliases.contains(&site.host())) {
            return Err(Fate::cannot(
                format!("@{} answers to that name here", other.name),
                "take the name from it, or rename the site there first",
            ));
        }
        if self.names.contains(&site.host()) {
            return Err(Fate::cannot(
                "another site of that home has the name too",
                "decide which of them is to have it",
            ));
        }
        let platform = object.refers("platform").unwrap_or_default();
        let Some(platform) = self.platforms.get(&platform) else {
            return Err(Fate::cannot(
                format!("its platform `{platform}` cannot come"),
                "move it to one that can, there; or see what is said of that platform",
            ));
        };
        let db_server = object.refers("db_server").unwrap_or_else(|| "server_master".into());
        if !self.servers.contains_key(&db_server) {
            return Err(Fate::cannot(
                format!("its database server `{db_server}` cannot come"),
                "see what is said of that server",
            ));
        }
        if there.folder.is_none() {
            return Err(Fate::cannot(
                format!("there is no folder `sites/{uri}` on its platform"),
                "restore it there first, or delete what is left of it there",
            ));
        }
        Ok((site, platform.clone()))
    }

    /// How it would come, and what its people should know.
    fn tell_more(
        &self,
        adopted: &mut Adopted,
        object: &Object,
        there: &SiteThere,
        site: &SiteName,
        platform: &PlatformName,
    ) {
        let db_server = object.refers("db_server").unwrap_or_else(|| "server_master".into());
        if let Some(server) = self.servers.get(&db_server) {
            let backup = there.backups.last().map(|path| path.display().to_string());
            match backup.filter(|path| is_one_word(path)) {
                Some(path) => {
                    adopted.notes.push(format!("its newest backup there is `{path}`: make another one just before"));
                    let file = path.rsplit('/').next().unwrap_or(&path);
                    adopted.commands.push(format!("aegir provision backup-receive {file} < {path}"));
                    adopted.commands.push(format!(
                        "aegir provision restore {file} --platform @platform_{platform} --db-server {server}"
                    ));
                }
                None => adopted.notes.push(format!(
                    "make a backup of it there; that is restored here with `--platform @platform_{platform} --db-server {server}`"
                )),
            }
        }
        match &there.database {
            Some(database) => adopted.notes.push(format!("its database there is `{database}`")),
            None => adopted.notes.push("its `drushrc.php` does not say what its database is called".into()),
        }
        if there.own_settings {
            adopted
                .notes
                .push("its `local.settings.php` comes along: look whether the paths in it are right here".into());
        }
        if object.is_off("site_enabled") {
            adopted.notes.push(format!("it is disabled there: disable it here with `aegir provision disable @{site}`"));
        }
        match object.text("redirection").filter(|name| name != "0") {
            Some(name) => match name.parse::<HostName>() {
                Ok(name) => adopted.notes.push(format!(
                    "all its names lead to `{name}`: say so with `aegir provision save @{site} --redirect-to {name}`"
                )),
                Err(_) => adopted.notes.push("its names lead to one that is no host name".into()),
            },
            None if object.is_on("redirection") => {
                adopted.notes.push(format!(
                    "its other names lead to its own: say so with `aegir provision save @{site} --redirect-to {site}`"
                ));
            }
            None => (),
        }
        if object.is_on("ssl_enabled") || object.is_on("https_enabled") {
            adopted.notes.push("it answers over HTTPS there: Ægir has no certificates yet".into());
        }
        if object.is_on("cron_key") {
            adopted.notes.push("its cron key stays as its database has it".into());
        }
        for vhost in &there.vhosts {
            adopted.notes.push(format!("its vhost there is `{}`: take it away once the site is here", vhost.display()));
        }
    }

    fn alias(&mut self, alias: &str, uri: &str) -> Adopted {
        let mut adopted = thing(AdoptedKind::Alias, alias, Fate::Becomes(format!("another name of @{uri}")));
        adopted.fate = match alias.parse::<HostName>() {
            _ if alias.contains('/') => Fate::cannot(
                "it is a folder of another name, and sites live at the top of theirs here",
                "give the site a name of its own",
            ),
            Err(bad) => Fate::Cannot { because: bad.to_string(), remedy: bad.instead },
            Ok(name) if self.has_name(&name) => {
                Fate::cannot("another site here answers to it", "decide which of them is to have it")
            }
            Ok(name) if !self.names.insert(name.clone()) => {
                Fate::cannot("another site of that home answers to it too", "decide which of them is to have it")
            }
            Ok(_) => adopted.fate,
        };
        adopted
    }

    fn has_name(&self, name: &HostName) -> bool {
        self.known.sites.iter().any(|site| site.names().contains(name))
    }

    fn clients(&self) -> Vec<Adopted> {
        let mut sites: BTreeMap<String, usize> = BTreeMap::new();
        for name in &self.classic.clients {
            sites.entry(name.clone()).or_default();
        }
        for (_, object) in of_kind(self.classic, "site") {
            if let Some(client) =
                object.text("client_name").filter(|_| object.text("profile").as_deref() != Some(FRONT_END))
            {
                *sites.entry(client).or_default() += 1;
            }
        }
        let mut taken: BTreeMap<MachineName, String> = BTreeMap::new();
        let clients = sites.into_iter().map(|(name, count)| {
            let here = client_name(&name);
            let plural = if count == 1 { "" } else { "s" };
            let mut adopted = thing(
                AdoptedKind::Client,
                &name,
                Fate::Becomes(format!("the client `{here}`, of {count} site{plural}")),
            );
            if let Some(other) = taken.insert(here, name.clone()) {
                adopted.notes.push(format!(
                    "`{other}` becomes the same client: rename one of them there first, if they are two"
                ));
            }
            adopted
        });
        clients.collect()
    }
}

/// What a client is called here: small letters, digits and `_`.
pub(super) fn client_name(name: &str) -> MachineName {
    let mut here: String =
        name.to_ascii_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).take(50).collect();
    if here.starts_with(|c: char| c.is_ascii_digit()) {
        here.insert(0, '_');
        here.truncate(50);
    }
    here.parse().or_else(|_| "admin".parse()).unwrap_or_else(|_| unreachable!("`admin` is a machine name"))
}

/// A web service that can come.
#[derive(Debug, PartialEq)]
struct Web {
    product: &'static str,
    encrypts: bool,
}

fn web_service(word: Option<&str>) -> Result<Option<Web>, Fate> {
    let (product, encrypts) = match word {
        None | Some("null") => return Ok(None),
        Some("nginx") => ("nginx", false),
        Some("apache") => ("apache", false),
        Some("nginx_ssl" | "https_nginx" | "nginx_https") => ("nginx", true),
        Some("apache_ssl" | "https_apache" | "apache_https") => ("apache", true),
        Some(group @ ("cluster" | "pack")) => {
            return Err(Fate::cannot(
                format!("it is a `{group}` of web servers, and Ægir has none"),
                "have its sites live on one of its members, there",
            ));
        }
        Some(other) => {
            let because = format!("its web service is `{other}`, which Ægir does not know");
            return Err(Fate::Cannot { because, remedy: None });
        }
    };
    Ok(Some(Web { product, encrypts }))
}

fn database_service(word: Option<&str>) -> Result<bool, Fate> {
    match word {
        None | Some("null") => Ok(false),
        Some("mysql" | "mariadb") => Ok(true),
        Some(other) => {
            let because = format!("its database service is `{other}`, which Ægir does not know");
            Err(Fate::Cannot { because, remedy: None })
        }
    }
}

/// Where a server has its databases, and who may make them: `mysql://account:password@host:port`. The password is not kept.
#[derive(Debug, PartialEq)]
struct DbAddress {
    account: String,
    host: String,
    port: Option<u16>,
}

impl DbAddress {
    /// Reads it; nothing where it is odd, so that no part of a password can be taken for something else.
    fn read(url: &str) -> Option<DbAddress> {
        let (_, rest) = url.trim().split_once("://")?;
        let (who, at) = rest.trim_end_matches('/').rsplit_once('@')?;
        let account = who.split(':').next()?;
        let (host, port) = match at.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok()?)),
            None => (at, None),
        };
        let plain =
            |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        (plain(account) && plain(host)).then(|| DbAddress { account: account.to_owned(), host: host.to_owned(), port })
    }

    fn place(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        }
    }

    /// As options of `save`; the password comes from a file, or from standard input.
    fn options(&self) -> String {
        let port = self.port.map(|port| format!(" --db-port {port}")).unwrap_or_default();
        format!("--db mariadb --db-host {}{port} --db-account {} --db-password-file -", self.host, self.account)
    }
}

/// Whether a shell takes it for one word, and for nothing else.
fn is_one_word(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-+@".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_no_part_of_an_address() {
        let read = DbAddress::read("mysql://aegir_root:s3cret@db.example.org:3307").unwrap();

        assert_eq!((read.account.as_str(), read.place().as_str()), ("aegir_root", "db.example.org:3307"));
        assert!(!format!("{read:?} {}", read.options()).contains("s3cret"));
        let odd = DbAddress::read("mysql://root:p@ss:w0rd@localhost").unwrap();
        assert_eq!((odd.account.as_str(), odd.host.as_str()), ("root", "localhost"));
        for bad in ["", "mysql://", "root:x@localhost", "mysql://root:x@lo;cal", "mysql://$(id):x@h", "mysql://a:b@h:p"]
        {
            assert_eq!(DbAddress::read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_client_gets_a_name_that_can_be_one() {
        for (there, here) in [("admin", "admin"), ("Müller & Co", "m_ller___co"), ("3com", "_3com"), ("", "admin")] {
            assert_eq!(client_name(there).as_str(), here);
        }
        assert_eq!(client_name(&"9".repeat(90)).as_str().len(), 50);
    }

    #[test]
    fn services_that_are_not_known_here_are_told() {
        assert_eq!(web_service(Some("https_nginx")), Ok(Some(Web { product: "nginx", encrypts: true })));
        assert_eq!(web_service(None), Ok(None));
        assert!(web_service(Some("cluster")).is_err() && web_service(Some("lighttpd")).is_err());
        assert!(database_service(Some("pgsql")).is_err());
    }
}
