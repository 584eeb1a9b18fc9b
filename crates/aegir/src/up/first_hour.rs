//! From an empty home to a Drupal site, by the ordinary tasks; and on a home that has sites, what is
//! needed to see them again.
//!
//! ```text
//!   records of the server ─► verify ─► platform: copy │ Composer │ demo ─► verify ─► site ─► login link
//! ```
//!
//! Each step looks at what is there first, so whatever ended an earlier start, the next one goes on.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aegir_domain::protocol::{Ending, Level, Said};
use aegir_domain::{Context, HostName, Outcome, PlatformContext, RegistryAddress, Remedy, Report, SiteContext};
use aegir_host::{Clock, SystemClock};

use super::back_end::{BackEnd, BackEndFault};
use super::teller::Teller;

/// How many sites are verified after a change of address without being asked; more take too long.
const MOST_VERIFIED: usize = 50;
/// How long a worker that an earlier start left may go on.
const PATIENCE: Duration = Duration::from_secs(90);

/// What is wished of the first hour.
#[derive(Clone, Debug)]
pub(crate) struct Wishes {
    /// The tree that the first platform is a copy of.
    pub(crate) platform: Option<PathBuf>,
    /// The PHP program for it.
    pub(crate) php: Option<PathBuf>,
    /// The registry that Composer asks.
    pub(crate) registry: Option<RegistryAddress>,
    /// Whether sites have MariaDB; else SQLite.
    pub(crate) mariadb: bool,
    /// What the first site's name ends with.
    pub(crate) domain: HostName,
}

/// What there is when all is done.
pub(crate) struct Ready {
    /// All sites.
    pub(crate) sites: Vec<SiteContext>,
    /// The site that was made, or is the only one, and a link that logs in there once.
    pub(crate) link: Option<(SiteContext, String)>,
    /// Whether it lives on the demo code base.
    pub(crate) demo: bool,
}

/// Goes from step to step.
pub(crate) struct FirstHour<'a> {
    pub(crate) back_end: &'a BackEnd,
    pub(crate) wishes: &'a Wishes,
    pub(crate) teller: &'a Teller,
    /// Set when no further step is to begin.
    pub(crate) stopping: &'a AtomicBool,
}

/// The name of the platform that is made of the demo code base.
const DEMO: &str = "demo";

impl FirstHour<'_> {
    pub(crate) fn run(&self) -> Result<Ready, FirstHourFault> {
        self.recover()?;
        let moved = self.server()?;
        let contexts = self.back_end.contexts()?;
        let mut sites: Vec<SiteContext> = contexts.iter().filter_map(site).cloned().collect();
        let mut link = None;
        if sites.is_empty() {
            let platform = match contexts.iter().find_map(platform) {
                Some(platform) => platform.name.to_string(),
                None => self.platform()?,
            };
            self.verified(&platform)?;
            let (site, url) = self.site(&platform)?;
            link = url.map(|url| (site.clone(), url));
            sites = vec![site];
        } else {
            if let Some(tree) = &self.wishes.platform {
                let line = self.back_end.shown(&["build", "@platform_NAME", "--server", "localhost", "--copy"]);
                self.teller.say(&format!(
                    "There are sites already, so `{}` is not copied. To add it as another platform: `{line} {}`",
                    tree.display(),
                    tree.display()
                ));
            }
            if moved {
                self.verify_sites(&sites)?;
            }
            let first = sites.iter().find(|site| !site.awaits_installer);
            if let Some(first) = first {
                link = self.login(first)?.map(|url| (first.clone(), url));
            }
        }
        let demo = link.as_ref().is_some_and(|(site, _)| site.platform.as_str() == DEMO);
        Ok(Ready { sites, link, demo })
    }

    /// Ends what an earlier start left in the middle.
    fn recover(&self) -> Result<(), FirstHourFault> {
        for line in self.back_end.recover()? {
            self.teller.say(&format!("recovered what was left in the middle: {line}"));
        }
        let began = SystemClock.now();
        while let Some(busy) = self.back_end.busy()?.first() {
            if SystemClock.now().saturating_sub(began) > PATIENCE || self.stopping.load(Ordering::Relaxed) {
                break;
            }
            self.teller.passing(&format!("waiting for {}, which an earlier start left", busy.what()));
            std::thread::sleep(Duration::from_millis(200));
        }
        Ok(())
    }

    /// The records of this machine's services; says whether sites answer elsewhere than before.
    fn server(&self) -> Result<bool, FirstHourFault> {
        self.teller.head("The records of this server");
        let address = |contexts: &[Context]| {
            contexts.iter().find_map(|context| match context {
                Context::Server(server) if server.name.as_str() == "localhost" => {
                    server.http.as_ref().map(|http| http.listen)
                }
                _ => None,
            })
        };
        let before = address(&self.back_end.contexts()?);
        self.task(&["save", "@server_localhost", "--private-stack"])?;
        self.task(&["verify", "@server_localhost"])?;
        if !self.wishes.mariadb {
            self.task(&["save", "@server_files", "--db", "sqlite"])?;
            self.task(&["verify", "@server_files"])?;
        }
        Ok(before.is_some() && before != address(&self.back_end.contexts()?))
    }

    /// The first platform; returns its name.
    fn platform(&self) -> Result<String, FirstHourFault> {
        if let Some(tree) = &self.wishes.platform {
            let name = name_for(tree);
            self.teller.head(&format!("The platform `{name}`, a copy of `{}`", tree.display()));
            self.build(&name, &["--copy", &tree.to_string_lossy()])?;
            return Ok(name);
        }
        self.teller.head("The platform `drupal`, built by Composer");
        let mut words = vec!["--composer"];
        if let Some(registry) = &self.wishes.registry {
            words.extend(["--registry", registry.as_str()]);
        }
        match self.build("drupal", &words) {
            Ok(()) => Ok("drupal".into()),
            Err(FirstHourFault::Task { fault, .. }) if !self.stopping.load(Ordering::Relaxed) => {
                self.teller.warn(&format!("Composer could not build it: {fault}"));
                self.teller.head("The platform `demo` instead: the demo code base, not Drupal");
                self.build(DEMO, &["--demo"])?;
                Ok(DEMO.into())
            }
            Err(fault) => Err(fault),
        }
    }

    fn build(&self, name: &str, source: &[&str]) -> Result<(), FirstHourFault> {
        let object = format!("@platform_{name}");
        let mut words = vec!["build", &object, "--server", "localhost"];
        let php = self.wishes.php.as_ref().map(|php| php.to_string_lossy().into_owned());
        words.extend(php.iter().flat_map(|php| ["--php", php.as_str()]));
        self.task(&[&words, source].concat()).map(drop)
    }

    fn verified(&self, platform: &str) -> Result<(), FirstHourFault> {
        self.task(&["verify", &format!("@platform_{platform}")]).map(drop)
    }

    /// The first site, and a link that logs in once.
    fn site(&self, platform: &str) -> Result<(SiteContext, Option<String>), FirstHourFault> {
        let name = format!("first.{}", self.wishes.domain);
        self.teller.head(&format!("The site `{name}`"));
        self.teller.passing("installing Drupal");
        let object = format!("@{name}");
        let db_server = if self.wishes.mariadb { "localhost" } else { "files" };
        let mut words = vec!["install", &object, "--platform", platform, "--db-server", db_server];
        words.extend(["--title", "First site"]);
        let ending = self.task(&words)?;
        let contexts = self.back_end.contexts()?;
        let made = contexts.into_iter().find_map(|context| match context {
            Context::Site(site) if site.name.as_str() == name => Some(*site),
            _ => None,
        });
        let site = made.ok_or(FirstHourFault::Gone { name })?;
        Ok((site, link_in(&ending)))
    }

    /// A link that logs in to `site`. A site that cannot make one is no reason to end.
    fn login(&self, site: &SiteContext) -> Result<Option<String>, FirstHourFault> {
        match self.task(&["login", &format!("@{}", site.name)]) {
            Ok(ending) => Ok(link_in(&ending)),
            Err(FirstHourFault::Task { fault, .. }) => {
                self.teller.warn(&format!("no login link for `{}`: {fault}", site.name));
                Ok(None)
            }
            Err(fault) => Err(fault),
        }
    }

    /// Tells sites that they answer at another address now.
    fn verify_sites(&self, sites: &[SiteContext]) -> Result<(), FirstHourFault> {
        self.teller.head("The address has changed: the sites are told");
        for site in sites.iter().take(MOST_VERIFIED) {
            if let Err(FirstHourFault::Task { fault, .. }) = self.task(&["verify", &format!("@{}", site.name)]) {
                self.teller.warn(&format!("`{}`: {fault}", site.name));
            }
        }
        if sites.len() > MOST_VERIFIED {
            self.teller.warn(&format!("{} sites are left: verify each of them", sites.len() - MOST_VERIFIED));
        }
        Ok(())
    }

    /// Runs one task; anything but success is an error that says why.
    fn task(&self, words: &[&str]) -> Result<Ending, FirstHourFault> {
        if self.stopping.load(Ordering::Relaxed) {
            return Err(FirstHourFault::Stopping);
        }
        let ending = self.back_end.task(words, &mut |said| match said {
            Said::Log { level: Level::Warning, text, .. } => self.teller.warn(text),
            Said::Log { level: Level::Info, text, .. } => self.teller.say(&shortened(text)),
            Said::Progress { text, done, .. } => self.teller.passing(&format!("{text} ({done})")),
            Said::Step { name, .. } => self.teller.passing(&name.replace('-', " ")),
            // Told below, with its cause and remedy.
            Said::Log { level: Level::Error, .. } | Said::Started { .. } | Said::Result(_) => (),
        })?;
        match &ending.outcome {
            Outcome::Succeeded | Outcome::Untidy { .. } => Ok(ending),
            _ if self.stopping.load(Ordering::Relaxed) => Err(FirstHourFault::Stopping),
            outcome => {
                let fault = ending.fault().map(|fault| Report(fault).to_string()).unwrap_or_default();
                let then = match outcome {
                    Outcome::Refused { .. } => "Nothing was touched",
                    Outcome::RolledBack { .. } => "What was done is taken back: all is as it was",
                    _ => "Taking it back failed too: `aegir provision recover` says what is left",
                };
                Err(FirstHourFault::Task { line: self.back_end.shown(words), fault, then })
            }
        }
    }
}

/// What a first verify changed is much; here its number will do.
fn shortened(text: &str) -> String {
    const MOST: usize = 3;
    match text.strip_prefix("Changed: ").map(|changes| changes.split(", ").count()) {
        Some(count) if count > MOST => format!("Changed or made: {count} things"),
        _ => text.to_owned(),
    }
}

fn site(context: &Context) -> Option<&SiteContext> {
    match context {
        Context::Site(site) => Some(site),
        _ => None,
    }
}

fn platform(context: &Context) -> Option<&PlatformContext> {
    match context {
        Context::Platform(platform) => Some(platform),
        _ => None,
    }
}

fn link_in(ending: &Ending) -> Option<String> {
    Some(ending.secret_answer.as_ref()?.get("login_link")?.as_str()?.to_owned())
}

/// A name for a platform that is a copy of `tree`: that of its folder, or of the project around it.
fn name_for(tree: &std::path::Path) -> String {
    let inside = tree.file_name().is_some_and(|name| ["web", "docroot", "html"].iter().any(|inside| name == *inside));
    let folder = if inside { tree.parent().and_then(|above| above.file_name()) } else { tree.file_name() };
    let name = folder.unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let plain: String =
        name.chars().map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '_' }).take(40).collect();
    match plain.trim_matches('_') {
        "" | DEMO => "drupal".into(),
        name => name.into(),
    }
}

/// Why there is no site to see.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FirstHourFault {
    /// Somebody wants us to stop.
    #[error("stopped")]
    Stopping,
    #[error(transparent)]
    BackEnd(#[from] BackEndFault),
    #[error("`{line}` did not succeed. {then}.\n\n{fault}")]
    Task { line: String, fault: String, then: &'static str },
    #[error("the site `{name}` was made, and is gone")]
    Gone { name: String },
}

impl Remedy for FirstHourFault {
    fn remedy(&self) -> Option<String> {
        match self {
            FirstHourFault::BackEnd(fault) => fault.remedy(),
            // What it says holds its own.
            FirstHourFault::Stopping | FirstHourFault::Task { .. } => None,
            FirstHourFault::Gone { .. } => Some("start again: what is missing is made".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn a_platform_is_named_after_the_tree_that_it_is_a_copy_of() {
        for (tree, name) in [
            ("/srv/drupal-10.3.6", "drupal_10_3_6"),
            ("/srv/Shop/web", "shop"),
            ("/srv/docroot", "srv"),
            ("/", "drupal"),
            ("/srv/___", "drupal"),
        ] {
            assert_eq!(name_for(Path::new(tree)), name, "{tree}");
            assert!(name.parse::<aegir_domain::PlatformName>().is_ok());
        }
    }
}
