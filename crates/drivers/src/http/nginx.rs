//! nginx: one readable block per site, and no regular expression in it.
//!
//! A regular expression in each block costs a reload with 2,000 sites 1.5 s and 300 MB. So the table
//! of rules becomes one `map` per family at the level of all sites. It gives each request a *class*,
//! and the class leads to the file to try and to what comes then:
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
//! The fence is tested where PHP begins, and only there: static files cannot write, and a page may
//! go on showing its pictures while its site is copied.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aegir_domain::{Cmd, HostName};
use minijinja::{Value, context};

use super::rules::{Action, Match, rules};
use super::{CoreFamily, HttpDriver, Installer, MainConfig, PlatformConfig, ServerConfig, Vhost, VhostMode};
use crate::{ConfigFile, DriverFault, Templates};

/// nginx, 1.19.5 or later.
#[derive(Clone, Copy, Debug)]
pub struct Nginx;

impl HttpDriver for Nginx {
    fn service_type(&self) -> &'static str {
        "nginx"
    }

    fn entry(&self) -> &'static str {
        "server.conf"
    }

    fn server(&self, server: &ServerConfig, templates: &Templates) -> Result<Vec<ConfigFile>, DriverFault> {
        let families: Vec<Value> = CoreFamily::ALL
            .into_iter()
            .map(|family| context! { name => family.as_str(), patterns => patterns(family) })
            .collect();
        let rules = templates.render("nginx/rules.conf", context! { families })?;
        let text = templates.render(
            "nginx/server.conf",
            context! {
                name => server.name.as_str(),
                folder => glob_free(&server.folder)?,
                listen => server.listen.to_string(),
                internal => format!("unix:{}", text(&server.internal_socket)),
                access_log => text(&server.access_log),
            },
        )?;
        let params = templates.render("nginx/php_params.conf", context! {})?;
        Ok(vec![
            ConfigFile::new("rules.conf", rules, 0o600),
            ConfigFile::new("php_params.conf", params, 0o600),
            ConfigFile::new("server.conf", text, 0o600),
        ])
    }

    fn generation(&self, number: u64, templates: &Templates) -> Result<ConfigFile, DriverFault> {
        let text = templates.render("nginx/generation.conf", context! { number })?;
        Ok(ConfigFile::new("generation.conf", text, 0o600))
    }

    fn settles_after(&self) -> Duration {
        // The master starts the new workers, sleeps 100 ms, then tells the old ones to quit.
        Duration::from_millis(200)
    }

    fn platform(&self, _: &ServerConfig, _: &PlatformConfig, _: &Templates) -> Result<Vec<ConfigFile>, DriverFault> {
        Ok(Vec::new())
    }

    fn vhost(&self, server: &ServerConfig, vhost: &Vhost, templates: &Templates) -> Result<ConfigFile, DriverFault> {
        let (own, leading) = vhost.names()?;
        let strings = |names: &[HostName]| names.iter().map(|name| name.as_str().to_owned()).collect::<Vec<_>>();
        let temp = text(&vhost.temp);
        // Every vhost gives the same four: php-fpm keeps them for the next request of the process.
        let settings = [
            ("open_basedir", basedir(&vhost.open_basedir)?),
            ("upload_tmp_dir", temp.clone()),
            ("sys_temp_dir", temp.clone()),
            ("session.save_path", temp),
        ];
        let credentials: Vec<Value> =
            vhost.credentials.iter().map(|(name, secret)| context! { name, value => secret.expose() }).collect();
        let text = templates.render(
            "nginx/vhost.conf",
            context! {
                site => vhost.site.as_str(),
                listen => server.listen.to_string(),
                folder => text(&server.folder),
                own => strings(&own),
                target => own.first().map(HostName::as_str),
                leading => strings(&leading),
                family => vhost.family.as_str(),
                root => vhost.root.as_str(),
                serving => vhost.mode == VhostMode::Serving,
                installer => (vhost.installer == Installer::Open).then(|| vhost.family.installer()),
                fence => text(&vhost.fence),
                max_body_mb => vhost.max_body_mb,
                php => format!("unix:{}", text(&vhost.php_socket)),
                settings,
                credentials,
            },
        )?;
        Ok(ConfigFile::new(self.vhost_path(&vhost.site), text, 0o600))
    }

    fn main(&self, main: &MainConfig, templates: &Templates) -> Result<String, DriverFault> {
        templates.render("nginx/main.conf", main_values(main, None)?)
    }

    fn main_alone(&self, main: &MainConfig, vhost: &Path, templates: &Templates) -> Result<String, DriverFault> {
        templates.render("nginx/alone.conf", main_values(main, Some(vhost))?)
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
}

/// Errors before the configuration is read go to standard error, not to a file that only root may write.
fn nginx(main: &Path) -> Cmd {
    Cmd::new("nginx").args(["-e", "stderr", "-c"]).arg(text(main))
}

fn main_values(main: &MainConfig, vhost: Option<&Path>) -> Result<Value, DriverFault> {
    let temp = |part: &str| text(&main.temp.join(part));
    let (user, group) = main.user.clone().unzip();
    Ok(context! {
        user, group,
        pid => text(&main.pid),
        error_log => text(&main.error_log),
        workers => main.workers,
        folder => glob_free(&main.server.folder)?,
        vhost => vhost.map(glob_free).transpose()?,
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

fn basedir(paths: &[PathBuf]) -> Result<String, DriverFault> {
    let paths: Vec<String> = paths.iter().map(|path| text(path)).collect();
    if paths.iter().any(|path| path.contains(':')) {
        return Err(refused("a path that PHP may open holds `:`, which separates them"));
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
            patterns.push(context! { name => rule.name, pattern => pattern(matched), class => class(rule.action) });
        }
    }
    patterns
}

fn class(action: Action) -> &'static str {
    match action {
        Action::Deny => "denied",
        Action::NotFound => "absent",
        Action::StaticOrFront => "any",
        Action::SiteFile => "site",
        Action::Php(script) => script.name(),
    }
}

/// One regular expression over `method site path`. `\z` and not `$`, which also fits before a line
/// break at the end; `(?s)`, so that a line break in a path hides nothing.
fn pattern(matched: &Match) -> String {
    match matched {
        Match::MethodOtherThan(methods) => format!("~^(?!(?:{}) )", methods.join("|")),
        Match::DotPart => r"~/\.(?!well-known(?:/|\z))".to_owned(),
        Match::OtherSite => r"~^[A-Z]+ ([^ /]+) /sites/(?!\1/|all/)[^/]+/".to_owned(),
        Match::Path(glob) => format!(r"~^[A-Z]+ [^ /]+ {}\z", globbed(glob)),
        Match::Below(glob) => format!(r"~^[A-Z]+ [^ /]+ {}/", globbed(glob)),
        Match::Tree(glob) => format!(r"~^[A-Z]+ [^ /]+ {}(?:/|\z)", globbed(glob)),
        Match::FrontPath(path) => format!(r"~^[A-Z]+ [^ /]+ {}(?:/[^.]*)?\z", globbed(path)),
        Match::AnyPartEnds(suffixes) => format!(r"~*\.(?:{})(?:/|\z)", alternatives(suffixes)),
        Match::LastPartEnds(suffixes) => format!(r"~*(?:{})\z", alternatives(suffixes)),
        Match::LastPartIs(names) => format!(r"~*/(?:{})\z", alternatives(names)),
        Match::CodeFileIs(names) => {
            format!(r"~*(?s)^[A-Z]+ [^ /]+ (?!/files/|/sites/[^/]+/files/)/(?:.*/)?(?:{})\z", alternatives(names))
        }
    }
}

fn alternatives(words: &[&str]) -> String {
    words.iter().map(|word| globbed(word)).collect::<Vec<_>>().join("|")
}

/// A glob as a regular expression: `*` is any run of characters within one part of a path.
fn globbed(glob: &str) -> String {
    let mut pattern = String::new();
    for c in glob.chars() {
        match c {
            '*' => pattern.push_str("[^/]*"),
            c if c.is_ascii_alphanumeric() || "/_-~".contains(c) => pattern.push(c),
            c => {
                pattern.push('\\');
                pattern.push(c);
            }
        }
    }
    pattern
}
