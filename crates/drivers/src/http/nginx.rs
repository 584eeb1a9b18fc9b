//! nginx: one block for all sites, and a readable file for each, which is an entry of a map.
//!
//! A block of its own for each site costs nginx 150 MB and a reload 0.3 s with 2,000 sites; with regular
//! expressions in it, 300 MB and 1.5 s. So a site's file holds names and one text of several lines,
//! which one regular expression takes apart when a request comes:
//!
//! ```text
//!   $host ─ vhost.d ─▶ $aegir_named ─ vhost.d ─▶ $aegir_entry ─▶ $aegir_site, $aegir_root, $aegir_db_name …
//!           a name may lead to another one                        or a redirect, or out of service
//! ```
//!
//! The table of rules is one `map` per family. It gives each request a *class*, and the class leads to
//! the file to try and to what comes then:
//!
//! ```text
//!   "$request_method $aegir_site $uri"  ─ rules ─▶  $aegir_class  ─┬▶ $aegir_file, $aegir_or   files to try
//!                                                                  ├▶ $aegir_then     @php, @absent or @denied
//!                                                                  └▶ $aegir_script   what @php runs
//! ```
//!
//! What has no known class is denied. The script that php-fpm gets is a constant of the class, never
//! part of the request, so no path of a visitor can choose what is executed.
//!
//! The fence changes only what comes in place of PHP: static files cannot write, and a page may go on
//! showing its pictures while its site is copied.
//!
//! Pages that Drupal gives everybody are kept as they go by, and read only behind the fence:
//!
//! ```text
//!   $aegir_then = @php ─┬ no fence ────────────────▶ @php   asks PHP; the answer is kept under `pages`
//!                       ├ fence, anybody may see ──▶ @kept  what is kept under `pages`, or under `before`
//!                       └ fence ───────────────────▶ @soon  503, as for what was not kept
//! ```

use std::path::{Path, PathBuf};
use std::time::Duration;

use aegir_domain::{Cmd, DbName, HostName};
use minijinja::{Value, context};

use super::patterns::{Pattern, class, globbed, pattern};
use super::rules::rules;
use super::{
    CREDENTIALS, CoreFamily, HttpDriver, Installer, Internal, MainConfig, PlatformConfig, ServerConfig, SharedPaths,
    Vhost, VhostMode,
};
use crate::{ConfigFile, DriverFault, Templates};

/// nginx, 1.19.5 or later.
#[derive(Clone, Copy, Debug)]
pub struct Nginx;

impl HttpDriver for Nginx {
    fn service_type(&self) -> &'static str {
        "nginx"
    }

    fn server(&self, server: &ServerConfig, templates: &Templates) -> Result<Vec<ConfigFile>, DriverFault> {
        let families: Vec<Value> = CoreFamily::ALL
            .into_iter()
            .map(|family| {
                let installer = globbed(family.installer());
                context! { name => family.as_str(), installer, patterns => patterns(family) }
            })
            .collect();
        let more_lines: Vec<_> = MORE_LINES.into_iter().chain(CREDENTIALS).collect();
        let rules = templates.render("nginx/rules.conf", context! { families, lines => LINES, more_lines })?;
        let all = templates.render(
            "nginx/server.conf",
            context! {
                name => server.name.as_str(),
                folder => glob_free(&server.folder)?,
                listen => server.listen.to_string(),
                internal => format!("unix:{}", text(&server.internal_socket)),
                access_log => text(&server.access_log),
                max_body_mb => server.max_body_mb,
                more_parts => more_parts(),
                disabled => templates.disabled_page()?,
            },
        )?;
        let params = templates
            .render("nginx/php_params.conf", context! { credentials => CREDENTIALS, more_parts => more_parts() })?;
        // Beside the socket that answers Ægir alone: there nginx comes in, and PHP does not.
        let folder = text(&server.internal_socket.with_file_name("pages"));
        let pages = templates.render("nginx/pages.conf", context! { folder })?;
        Ok(vec![
            ConfigFile::new("rules.conf", rules, 0o600),
            ConfigFile::new("pages.conf", pages, 0o600),
            ConfigFile::new("php_params.conf", params, 0o600),
            ConfigFile::new("server.conf", all, 0o600),
        ])
    }

    fn internal(&self, server: &ServerConfig) -> Internal {
        Internal::Socket(server.internal_socket.clone())
    }

    fn generation(&self, number: u64, templates: &Templates) -> Result<ConfigFile, DriverFault> {
        let text = templates.render("nginx/generation.conf", context! { number })?;
        Ok(ConfigFile::new("generation.conf", text, 0o600))
    }

    fn settles_after(&self) -> Duration {
        // Whoever reloads it waits until it has told the old workers.
        Duration::ZERO
    }

    fn platform(
        &self,
        _: &ServerConfig,
        platform: &PlatformConfig,
        templates: &Templates,
    ) -> Result<Vec<ConfigFile>, DriverFault> {
        let SharedText { first, then, more } = shared_text(platform)?;
        let name = platform.name.as_str();
        let text = templates.render("nginx/platform.conf", context! { platform => name, first, then })?;
        let more = match more.is_empty() {
            true => String::new(),
            false => templates.render("nginx/platform.more", context! { platform => name, parts => more })?,
        };
        Ok(vec![
            ConfigFile::new(format!("platforms/{name}.conf"), text, 0o600),
            ConfigFile::new(format!("platforms/{name}.more"), more, 0o600),
        ])
    }

    fn vhost(&self, _: &ServerConfig, vhost: &Vhost, templates: &Templates) -> Result<ConfigFile, DriverFault> {
        let (own, leading) = vhost.names()?;
        let strings = |names: &[HostName]| names.iter().map(|name| name.as_str().to_owned()).collect::<Vec<_>>();
        if let Some((name, _)) = vhost.credentials.iter().find(|(name, _)| !CREDENTIALS.contains(&name.as_str())) {
            return Err(refused(&format!("`{name}` is none of the credentials that a site's PHP is told")));
        }
        let credentials: Vec<Value> = CREDENTIALS
            .iter()
            .filter_map(|wanted| vhost.credentials.iter().find(|(name, _)| name == wanted))
            .filter(|(_, secret)| !secret.expose().is_empty())
            .map(|(name, secret)| context! { name, value => secret.expose() })
            .collect();
        let text = templates.render(
            "nginx/vhost.conf",
            context! {
                site => vhost.site.as_str(),
                own => strings(&own),
                leading => strings(&leading),
                platform => vhost.platform.as_str(),
                family => vhost.family.as_str(),
                root => vhost.root.as_str(),
                serving => vhost.mode == VhostMode::Serving,
                installer => vhost.installer == Installer::Open,
                fence => text(&vhost.fence),
                pages => vhost.pages.as_str(),
                before => vhost.before.as_ref().map(DbName::as_str),
                php => format!("unix:{}", text(&vhost.php_socket)),
                open => basedir(&vhost.open_basedir)?,
                temp => text(&vhost.temp),
                credentials,
            },
        )?;
        let bytes = longest_quoted(&text);
        if bytes > LONGEST {
            let what = format!("what nginx is told of the site `{}`", vhost.site);
            return Err(DriverFault::TooLong { what, product: "nginx", bytes, most: LONGEST });
        }
        Ok(ConfigFile::new(self.vhost_path(&vhost.site), text, 0o600))
    }

    fn standalone(&self, server: &ServerConfig, vhost: &Vhost, templates: &Templates) -> Result<String, DriverFault> {
        let (own, leading) = vhost.names()?;
        let strings = |names: &[HostName]| names.iter().map(|name| name.as_str().to_owned()).collect::<Vec<_>>();
        templates.render(
            "nginx/standalone.conf",
            context! {
                site => vhost.site.as_str(),
                listen => server.listen.to_string(),
                own => strings(&own),
                leading => strings(&leading),
                root => vhost.root.as_str(),
                max_body_mb => server.max_body_mb,
                seven => vhost.family == CoreFamily::Seven,
                php => text(&vhost.php_socket),
            },
        )
    }

    fn main(&self, main: &MainConfig, templates: &Templates) -> Result<String, DriverFault> {
        templates.render("nginx/main.conf", main_values(main, None)?)
    }

    fn main_alone(&self, main: &MainConfig, new: &Path, templates: &Templates) -> Result<String, DriverFault> {
        templates.render("nginx/alone.conf", main_values(main, Some(new))?)
    }

    fn ask_version(&self) -> Cmd {
        Cmd::new("nginx").arg("-v")
    }

    fn check(&self, main: &Path) -> Cmd {
        nginx(main).arg("-t").arg("-q")
    }

    fn run(&self, main: &Path) -> Cmd {
        nginx(main)
    }

    fn reload(&self, main: &Path) -> Cmd {
        nginx(main).args(["-s", "reload"])
    }

    fn quit(&self, main: &Path) -> Cmd {
        nginx(main).args(["-s", "quit"])
    }

    fn named_file(&self, said: &str) -> Option<PathBuf> {
        // `… in /path/file:12`
        let after = said.rsplit_once(" in /")?.1;
        let path = after.split_whitespace().next()?.rsplit_once(':')?.0;
        Some(PathBuf::from(format!("/{path}")))
    }
}

/// Errors before the configuration is read go to standard error, not to a file that only root may write.
fn nginx(main: &Path) -> Cmd {
    Cmd::new("nginx").args(["-e", "stderr", "-c"]).arg(text(main))
}

fn main_values(main: &MainConfig, new: Option<&Path>) -> Result<Value, DriverFault> {
    let temp = |part: &str| text(&main.temp.join(part));
    let (user, group) = main.user.clone().unzip();
    Ok(context! {
        user, group,
        pid => text(&main.pid),
        error_log => text(&main.error_log),
        workers => main.workers,
        folder => glob_free(&main.server.folder)?,
        new => new.map(glob_free).transpose()?,
        temps => vec![
            ("client_body", temp("client_body")),
            ("fastcgi", temp("fastcgi")),
            ("proxy", temp("proxy")),
            ("uwsgi", temp("uwsgi")),
            ("scgi", temp("scgi")),
        ],
    })
}

fn text(path: &Path) -> String {
    // A path that is no UTF-8 gets U+FFFD here, and is then one that does not exist.
    path.to_string_lossy().into_owned()
}

fn glob_free(path: &Path) -> Result<String, DriverFault> {
    let text = text(path);
    if text.contains(['*', '?', '[']) {
        return Err(refused("an included path holds one of `* ? [`, which nginx reads as a pattern"));
    }
    Ok(text)
}

/// The lines that every entry of a site has, in their order. Behind them come [`MORE_LINES`] and
/// [`CREDENTIALS`], as far as the site has them.
const LINES: [&str; 8] = ["site", "platform", "family", "root", "php", "open", "temp", "fence"];

/// Lines that an entry may have. `pages` is not in one that was written before there was such a line: of that site,
/// nothing is kept until its next verify.
const MORE_LINES: [&str; 3] = ["pages", "before", "installer"];

/// nginx reads no more than 4,095 bytes between quotes; some are left for what an operator's template adds.
const LONGEST: usize = 3900;

/// How many bytes stand between two quotes of `text`, at the most.
fn longest_quoted(text: &str) -> usize {
    let (mut longest, mut began, mut escaped, mut comment) = (0, None, false, false);
    for (place, byte) in text.bytes().enumerate() {
        match (byte, began) {
            _ if escaped => escaped = false,
            (b'\n', None) => comment = false,
            _ if comment => (),
            (b'\\', _) => escaped = true,
            (b'#', None) => comment = true,
            (b'"', None) => began = Some(place),
            (b'"', Some(first)) => {
                longest = longest.max(place - first - 1);
                began = None;
            }
            _ => (),
        }
    }
    longest
}

/// How many more entries nginx looks for where the shared paths of a platform are too long for one. They
/// have files of their own: each of these entries costs nginx a reading of all files that may have it.
const MORE: usize = 4;

fn more_parts() -> Vec<usize> {
    (1..=MORE).collect()
}

/// The shared paths of a platform, as nginx can read them. They stand before and behind a site's own, so
/// the first ends with `:` and the others begin with it; nowhere is an empty path, which PHP would take
/// for the folder that it is in.
struct SharedText {
    first: String,
    then: String,
    more: Vec<String>,
}

fn shared_text(platform: &PlatformConfig) -> Result<SharedText, DriverFault> {
    let SharedPaths { busiest, rest } = &platform.open_basedir;
    let mut shared = SharedText { first: String::new(), then: String::new(), more: Vec::new() };
    let mut longest = 0;
    for (path, is_busy) in busiest.iter().map(|path| (path, true)).chain(rest.iter().map(|path| (path, false))) {
        let path = basedir(std::slice::from_ref(path))?;
        longest = longest.max(path.len());
        let fits = |before: usize| before + path.len() < LONGEST;
        if is_busy && shared.then.is_empty() && fits(shared.first.len()) {
            shared.first.push_str(&format!("{path}:"));
        } else if shared.more.is_empty() && fits(shared.first.len() + shared.then.len()) {
            shared.then.push_str(&format!(":{path}"));
        } else {
            match shared.more.last_mut().filter(|part| fits(part.len())) {
                Some(part) => part.push_str(&format!(":{path}")),
                None => shared.more.push(format!(":{path}")),
            }
        }
    }
    if shared.more.len() > MORE || longest >= LONGEST {
        return Err(DriverFault::TooLong {
            what: format!("what lies in the root of the platform `{}`", platform.name),
            product: "nginx",
            bytes: busiest.iter().chain(rest).map(|path| path.as_os_str().len() + 1).sum(),
            most: (MORE + 1) * LONGEST,
        });
    }
    Ok(shared)
}

fn basedir(paths: &[PathBuf]) -> Result<String, DriverFault> {
    let paths: Vec<String> = paths.iter().map(|path| text(path)).collect();
    if let Some(path) = paths.iter().find(|path| path.contains(':')) {
        return Err(refused(&format!("the path `{path}` that PHP may open holds `:`, which separates them")));
    }
    Ok(paths.join(":"))
}

fn refused(why: &str) -> DriverFault {
    DriverFault::Render { template: "nginx".into(), line: None, why: why.into(), overridden: false }
}

/// The rules of one family as patterns of a map, in order; the first that fits decides.
fn patterns(family: CoreFamily) -> Vec<Value> {
    let mut patterns = Vec::new();
    for rule in rules().iter().filter(|rule| rule.families.contains(&family)) {
        for matched in rule.matches {
            let Pattern { text, any_case } = pattern(matched);
            let pattern = format!("{}{text}", if any_case { "~*" } else { "~" });
            patterns.push(context! { name => rule.name, pattern, class => class(rule.action) });
        }
    }
    patterns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_that_nginx_complains_of_is_named() {
        let said = "nginx: [emerg] unknown directive \"nonsense\" in /h/config/server_x/nginx/pre.d/own.conf:3 (ended with status 1)";
        assert_eq!(Nginx.named_file(said), Some("/h/config/server_x/nginx/pre.d/own.conf".into()));
        assert_eq!(Nginx.named_file("nginx: [emerg] bind() failed"), None);
    }
}
