//! Apache: one readable block per site, and the table of rules once, which all of them inherit.
//!
//! A block with rules of its own costs Apache twice the memory and the time. So a site's block says in
//! variables what is its own, and the rules of the server decide with them:
//!
//! ```text
//!   post-read     SetEnvIfExpr in the block  ─▶  AEGIR_SITE, AEGIR_FAMILY, AEGIR_PHP, AEGIR_FENCE …
//!   translate     the table of rules         ─▶  AEGIR_CLASS  ─▶  403, 404, a file, or AEGIR_SCRIPT
//!   fixups        SetEnv in the block        ─▶  what its PHP finds in `$_SERVER`
//!   handler       php-fpm's socket; the script is a constant of the class, never part of the request
//! ```
//!
//! What has no known class is denied. No other module maps, lists, negotiates or runs anything: those
//! that could are not loaded.
//!
//! The fence is tested where PHP begins, as with nginx.
//!
//! Of two names that stand for many and both fit, Apache takes the one that it reads first, that of the
//! site whose name sorts first; nginx takes the longer one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use aegir_domain::{Cmd, HostName};
use minijinja::{Value, context};

use super::patterns::{class, pattern};
use super::rules::{Script, rules};
use super::{
    CREDENTIALS, CoreFamily, HttpDriver, Installer, Internal, MainConfig, PlatformConfig, ServerConfig, Vhost,
    VhostMode,
};
use crate::{ConfigFile, DriverFault, Templates};

/// Apache httpd, 2.4.26 or later, with the event MPM.
#[derive(Clone, Debug)]
pub struct Apache {
    /// The folder of its modules.
    pub modules: PathBuf,
}

impl Default for Apache {
    /// Where Debian and Ubuntu have the modules.
    fn default() -> Apache {
        Apache { modules: "/usr/lib/apache2/modules".into() }
    }
}

/// The modules that are needed; any that could map, list or run something else is left out.
const MODULES: [&str; 15] = [
    "mpm_event",
    "unixd",
    "log_config",
    "authz_core",
    "authz_host",
    "reqtimeout",
    "env",
    "setenvif",
    "headers",
    "filter",
    "deflate",
    "mime",
    "rewrite",
    "proxy",
    "proxy_fcgi",
];

/// What Apache would tell PHP besides, and PHP has no use for. What the log needs is not among it: it would
/// be gone there too.
const HIDDEN: [&str; 25] = [
    "AEGIR_SITE",
    "AEGIR_FAMILY",
    "AEGIR_PHP",
    "AEGIR_FENCE",
    "AEGIR_TARGET",
    "AEGIR_INSTALLER",
    "AEGIR_OPEN",
    "AEGIR_TEMP",
    "AEGIR_BUSY",
    "AEGIR_REST",
    "AEGIR_PORT",
    "AEGIR_ASKED",
    "AEGIR_CLASS",
    "AEGIR_SCRIPT",
    "AEGIR_TYPE",
    "AEGIR_AGE",
    "AEGIR_RUN",
    "SCRIPT_URI",
    "SCRIPT_URL",
    "CONTEXT_PREFIX",
    "CONTEXT_DOCUMENT_ROOT",
    "SERVER_ADMIN",
    "SERVER_SIGNATURE",
    "PATH",
    "LD_LIBRARY_PATH",
];

/// What a file is, by what follows its last dot; anything else is `application/octet-stream`.
const TYPES: [(&str, &[&str]); 50] = [
    ("text/html", &["html", "htm", "shtml"]),
    ("text/css", &["css"]),
    ("text/xml", &["xml"]),
    ("text/plain", &["txt", "csv", "log", "ics"]),
    ("text/markdown", &["md"]),
    ("text/vtt", &["vtt"]),
    ("application/javascript", &["js", "mjs"]),
    ("application/json", &["json", "map"]),
    ("application/ld+json", &["jsonld"]),
    ("application/manifest+json", &["webmanifest"]),
    ("application/rss+xml", &["rss"]),
    ("application/atom+xml", &["atom"]),
    ("application/wasm", &["wasm"]),
    ("application/pdf", &["pdf"]),
    ("application/rtf", &["rtf"]),
    ("application/zip", &["zip"]),
    ("application/gzip", &["gz", "tgz"]),
    ("application/epub+zip", &["epub"]),
    ("application/msword", &["doc"]),
    ("application/vnd.ms-excel", &["xls"]),
    ("application/vnd.ms-powerpoint", &["ppt"]),
    ("application/vnd.oasis.opendocument.text", &["odt"]),
    ("application/vnd.oasis.opendocument.spreadsheet", &["ods"]),
    ("application/vnd.oasis.opendocument.presentation", &["odp"]),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", &["docx"]),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", &["xlsx"]),
    ("application/vnd.openxmlformats-officedocument.presentationml.presentation", &["pptx"]),
    ("font/woff", &["woff"]),
    ("font/woff2", &["woff2"]),
    ("font/ttf", &["ttf"]),
    ("font/otf", &["otf"]),
    ("application/vnd.ms-fontobject", &["eot"]),
    ("image/png", &["png"]),
    ("image/jpeg", &["jpg", "jpeg"]),
    ("image/gif", &["gif"]),
    ("image/webp", &["webp"]),
    ("image/avif", &["avif"]),
    ("image/svg+xml", &["svg", "svgz"]),
    ("image/x-icon", &["ico"]),
    ("image/tiff", &["tif", "tiff"]),
    ("image/bmp", &["bmp"]),
    ("audio/mpeg", &["mp3"]),
    ("audio/ogg", &["ogg", "oga"]),
    ("audio/mp4", &["m4a"]),
    ("audio/x-wav", &["wav"]),
    ("video/mp4", &["mp4", "m4v"]),
    ("video/mpeg", &["mpg", "mpeg"]),
    ("video/ogg", &["ogv"]),
    ("video/quicktime", &["mov"]),
    ("video/webm", &["webm"]),
];

/// A variable of more than 16 KB Apache does not hand on to PHP at all, with no more than a line in its log;
/// PHP would then open anything. So what becomes one, a platform's part and a site's, is kept shorter.
const SHARED_BYTES: usize = 12_000;
const OWN_BYTES: usize = 4_000;

/// The name under which Apache answers Ægir alone. No host name has a `_`, so no site can bear it.
const INTERNAL: &str = "_aegir";

impl HttpDriver for Apache {
    fn service_type(&self) -> &'static str {
        "apache"
    }

    fn server(&self, server: &ServerConfig, templates: &Templates) -> Result<Vec<ConfigFile>, DriverFault> {
        let folder = glob_free(&server.folder)?;
        let families: Vec<Value> = CoreFamily::ALL.into_iter().map(family).collect();
        let scripts: Vec<_> = Script::ALL.into_iter().map(Script::name).collect();
        let rules = templates
            .render("apache/rules.conf", context! { families, scripts, known_suffixes => known_suffixes() })?;
        let text = templates.render(
            "apache/server.conf",
            context! {
                name => server.name.as_str(),
                folder => folder.as_str(),
                listen => server.listen.to_string(),
                internal => INTERNAL,
                access_log => text(&server.access_log),
                max_body => server.max_body_mb * 1024 * 1024,
                hidden => HIDDEN,
                types => TYPES.map(|(kind, suffixes)| (kind, suffixes.to_vec())).to_vec(),
            },
        )?;
        Ok(vec![ConfigFile::new("rules.conf", rules, 0o600), ConfigFile::new("server.conf", text, 0o600)])
    }

    fn internal(&self, server: &ServerConfig) -> Internal {
        let ip = match server.listen.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
            ip => ip,
        };
        Internal::Name { at: SocketAddr::new(ip, server.listen.port()), host: INTERNAL }
    }

    fn generation(&self, number: u64, templates: &Templates) -> Result<ConfigFile, DriverFault> {
        let text = templates.render("apache/generation.conf", context! { number })?;
        Ok(ConfigFile::new("generation.conf", text, 0o600))
    }

    fn ends_on_refusal(&self) -> bool {
        true
    }

    fn settles_after(&self) -> Duration {
        // The master tells the old workers to stop listening before it reads anything and starts new ones, and
        // whoever reloads it waits as long as they may take for that.
        Duration::ZERO
    }

    fn platform(
        &self,
        _: &ServerConfig,
        platform: &PlatformConfig,
        templates: &Templates,
    ) -> Result<Vec<ConfigFile>, DriverFault> {
        let shared = &platform.open_basedir;
        let bytes = shared.busiest.iter().chain(&shared.rest).map(|path| path.as_os_str().len() + 1).sum();
        if bytes > SHARED_BYTES {
            let what = format!("what the PHP of all sites of the platform `{}` may open", platform.name);
            return Err(DriverFault::TooLong { what, product: "Apache", bytes, most: SHARED_BYTES });
        }
        // None of the two is an empty path, which PHP would take for the folder that it is in.
        let busy: Vec<_> = shared.busiest.iter().map(PathBuf::as_path).collect();
        let rest: Vec<_> = shared.rest.iter().map(PathBuf::as_path).collect();
        let text = templates.render(
            "apache/platform.conf",
            context! {
                platform => platform.name.as_str(),
                root => glob_free(platform.root.path())?,
                busy => if busy.is_empty() { String::new() } else { format!("{}:", basedir(&busy)?) },
                rest => if rest.is_empty() { String::new() } else { format!(":{}", basedir(&rest)?) },
            },
        )?;
        Ok(vec![ConfigFile::new(format!("platforms/{}.conf", platform.name), text, 0o600)])
    }

    fn vhost(&self, server: &ServerConfig, vhost: &Vhost, templates: &Templates) -> Result<ConfigFile, DriverFault> {
        let (serving, leading) = vhost.names()?;
        let all = serving.iter().chain(&leading);
        let (wildcards, names): (Vec<&HostName>, Vec<&HostName>) = all.partition(|name| name.wildcard().is_some());
        let strings = |names: &[&HostName]| names.iter().map(|name| name.as_str().to_owned()).collect::<Vec<_>>();
        let others: Vec<_> = names.iter().copied().filter(|name| **name != vhost.site.host()).collect();
        let block = |about: &str, pass: &str, aliases: &[&HostName]| {
            context! { about, pass, name => vhost.site.as_str(), aliases => strings(aliases) }
        };
        let mut blocks = vec![block("its names", "AEGIR_NAMES", &others)];
        if !wildcards.is_empty() {
            blocks.push(block("its names that stand for many", "AEGIR_WILDCARDS", &wildcards));
        }
        if let Some((name, _)) = vhost.credentials.iter().find(|(name, _)| !CREDENTIALS.contains(&name.as_str())) {
            return Err(refused(format!("`{name}` is none of the credentials that a site's PHP is told")));
        }
        let told = vhost.credentials.iter().filter(|(_, secret)| !secret.expose().is_empty());
        let credentials: Vec<Value> = told.map(|(name, secret)| context! { name, value => secret.expose() }).collect();
        let own = vhost.open_basedir.iter().map(|path| path.as_os_str().len() + 1).sum::<usize>();
        let bytes = own + 3 * vhost.temp.as_os_str().len();
        if bytes > OWN_BYTES {
            let what = format!("what the PHP of the site `{}` may open", vhost.site);
            return Err(DriverFault::TooLong { what, product: "Apache", bytes, most: OWN_BYTES });
        }
        let open: Vec<_> = vhost.open_basedir.iter().map(PathBuf::as_path).collect();
        let text = templates.render(
            "apache/vhost.conf",
            context! {
                site => vhost.site.as_str(),
                listen => server.listen.to_string(),
                has_wildcards => !wildcards.is_empty(),
                blocks,
                target => (!leading.is_empty()).then(|| serving.first().map(HostName::as_str)).flatten(),
                family => vhost.family.as_str(),
                root => vhost.root.as_str(),
                serving => vhost.mode == VhostMode::Serving,
                disabled => match vhost.mode {
                    VhostMode::Serving => String::new(),
                    VhostMode::Disabled => templates.disabled_page()?,
                },
                installer => (vhost.installer == Installer::Open).then(|| vhost.family.installer()),
                fence => text(&vhost.fence),
                php => text(&vhost.php_socket),
                open => basedir(&open)?,
                temp => text(&vhost.temp),
                credentials,
            },
        )?;
        Ok(ConfigFile::new(self.vhost_path(&vhost.site), text, 0o600))
    }

    fn standalone(&self, server: &ServerConfig, vhost: &Vhost, templates: &Templates) -> Result<String, DriverFault> {
        let (own, leading) = vhost.names()?;
        let strings = |names: &[HostName]| names.iter().map(|name| name.as_str().to_owned()).collect::<Vec<_>>();
        templates.render(
            "apache/standalone.conf",
            context! {
                site => vhost.site.as_str(),
                listen => server.listen.to_string(),
                own => strings(&own),
                leading => strings(&leading),
                root => glob_free(vhost.root.path())?,
                max_body => server.max_body_mb * 1024 * 1024,
                php => text(&vhost.php_socket),
            },
        )
    }

    fn main(&self, main: &MainConfig, templates: &Templates) -> Result<String, DriverFault> {
        templates.render("apache/main.conf", self.main_values(main, None)?)
    }

    fn main_alone(&self, main: &MainConfig, new: &Path, templates: &Templates) -> Result<String, DriverFault> {
        templates.render("apache/alone.conf", self.main_values(main, Some(new))?)
    }

    fn ask_version(&self) -> Cmd {
        Cmd::new("apache2").arg("-v")
    }

    fn check(&self, main: &Path) -> Cmd {
        apache(main).arg("-t")
    }

    fn run(&self, main: &Path) -> Cmd {
        apache(main).arg("-DFOREGROUND")
    }

    fn reload(&self, main: &Path) -> Cmd {
        apache(main).args(["-k", "graceful"])
    }

    fn quit(&self, main: &Path) -> Cmd {
        apache(main).args(["-k", "graceful-stop"])
    }

    fn named_file(&self, said: &str) -> Option<PathBuf> {
        // `AH00526: Syntax error on line 3 of /path/file:`
        let (path, _) = said.rsplit_once(" of /")?.1.split_once(".conf:")?;
        Some(PathBuf::from(format!("/{path}.conf")))
    }
}

impl Apache {
    fn main_values(&self, main: &MainConfig, new: Option<&Path>) -> Result<Value, DriverFault> {
        let (user, group) = main.user.clone().unzip();
        let modules: Vec<(String, String)> = MODULES
            .iter()
            .map(|name| (format!("{name}_module"), text(&self.modules.join(format!("mod_{name}.so")))))
            .collect();
        Ok(context! {
            user, group, modules,
            pid => text(&main.pid),
            error_log => text(&main.error_log),
            temp => text(&main.temp),
            workers => main.workers,
            folder => glob_free(&main.server.folder)?,
            sites => main.sites.as_deref().map(glob_free).transpose()?,
            new => new.map(glob_free).transpose()?,
        })
    }
}

fn apache(main: &Path) -> Cmd {
    Cmd::new("apache2").arg("-f").arg(text(main))
}

/// The rules of one family: patterns that lead to the same class one after the other are one group. Whoever
/// fits a group skips those that are left.
fn family(family: CoreFamily) -> Value {
    let mut groups: Vec<(&str, Vec<Value>)> = Vec::new();
    for rule in rules().iter().filter(|rule| rule.families.contains(&family)) {
        for (place, matched) in rule.matches.iter().enumerate() {
            let (pattern, class) = (pattern(matched), class(rule.action));
            let value = context! {
                name => rule.name, begins => place == 0, text => pattern.text, any_case => pattern.any_case,
            };
            match groups.last_mut() {
                Some((last, patterns)) if *last == class => patterns.push(value),
                _ => groups.push((class, vec![value])),
            }
        }
    }
    let count = groups.len();
    let groups: Vec<Value> = groups
        .into_iter()
        .enumerate()
        .map(|(place, (class, patterns))| context! { class, patterns, left => count - place - 1 })
        .collect();
    let about = match family {
        CoreFamily::Seven => "Drupal 7",
        CoreFamily::Eight => "Drupal 8 and later",
    };
    context! { name => family.as_str(), about, count, groups }
}

/// What fits a path whose suffix says what it is.
fn known_suffixes() -> String {
    let all: Vec<_> = TYPES.iter().flat_map(|(_, suffixes)| *suffixes).copied().collect();
    format!(r"\.(?:{})\z", all.join("|"))
}

fn text(path: &Path) -> String {
    // A path that is no UTF-8 gets U+FFFD here, and is then one that does not exist.
    path.to_string_lossy().into_owned()
}

fn glob_free(path: &Path) -> Result<String, DriverFault> {
    let text = text(path);
    if text.contains(['*', '?', '[']) {
        return Err(refused(format!("the path `{text}` holds one of `* ? [`, which Apache reads as a pattern")));
    }
    Ok(text)
}

fn basedir(paths: &[&Path]) -> Result<String, DriverFault> {
    let paths: Vec<String> = paths.iter().map(|path| text(path)).collect();
    if let Some(path) = paths.iter().find(|path| path.contains(':')) {
        return Err(refused(format!("the path `{path}` that PHP may open holds `:`, which separates them")));
    }
    Ok(paths.join(":"))
}

fn refused(why: String) -> DriverFault {
    DriverFault::Render { template: "apache".into(), line: None, why, overridden: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_that_apache_complains_of_is_named() {
        let said =
            "AH00526: Syntax error on line 3 of /h/config/server_x/apache/pre.d/own.conf: Invalid command 'Nonsense'";
        assert_eq!(Apache::default().named_file(said), Some("/h/config/server_x/apache/pre.d/own.conf".into()));
        assert_eq!(Apache::default().named_file("(98)Address already in use"), None);
    }
}
