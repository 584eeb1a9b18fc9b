//! What a rehearsal looks at: the pages that show best whether a site is well, and its status report, before and after.

use std::collections::BTreeSet;
use std::time::Duration;

use aegir_domain::{Fault, PlatformContext, Remedy, SiteContext, SiteName};
use aegir_drupal::driver::{KeyPages, Operation, Requirements, Severity, Visited};
use aegir_recipe::{Action, Check, Undo};
use serde::{Deserialize, Serialize};

use super::updates::trial;
use crate::World;
use crate::service::php::Asker;
use crate::site::layout::{SiteFile, settings_files};
use crate::step::file::put;

/// How long one page, or the report, may take.
const PAGE: Duration = Duration::from_secs(240);

/// What a site shows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    /// The pages that were asked for, in that order.
    pub(crate) pages: Vec<Page>,
    /// The errors of its status report, by Drupal's name for each.
    pub(crate) errors: BTreeSet<(String, String)>,
}

/// A page, as a visitor nobody knows gets it.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    /// Without a `/` before it; empty for the front page.
    path: String,
    /// Nothing if PHP died of it.
    status: Option<u16>,
    said: String,
}

/// What a site shows as it is.
pub(crate) struct ShownNow {
    pub(crate) site: SiteContext,
    pub(crate) platform: PlatformContext,
}

impl Check<World> for ShownNow {
    type Output = Shown;
    const NAME: &'static str = "shown-now";
    const LIMIT: Duration = Duration::from_secs(3600);

    fn look(&self, world: &World) -> Result<Shown, Fault> {
        let asker = Asker::of(world, &self.site, &self.platform)?;
        // A site whose pages cannot even be told has none that could get worse.
        let paths = match asker.ask::<KeyPages>(Operation::Pages, PAGE) {
            Ok(told) => told.paths,
            Err(fault) => {
                world.warn(format!("Which pages to compare is not known: {}", fault.report().message));
                vec![String::new()]
            }
        };
        Ok(look(&asker, paths))
    }
}

/// The new self, which is in service nowhere, shows what the site did before.
pub(crate) struct ShownThen {
    pub(crate) site: SiteContext,
    pub(crate) platform: PlatformContext,
    pub(crate) before: Shown,
}

impl Check<World> for ShownThen {
    type Output = ();
    const NAME: &'static str = "shown-then";
    const LIMIT: Duration = Duration::from_secs(3600);

    fn look(&self, world: &World) -> Result<(), Fault> {
        let paths = self.before.pages.iter().map(|page| page.path.clone()).collect();
        let now = look(&trial(world, &self.site, &self.platform)?, paths);
        let pairs: Vec<_> = self.before.pages.iter().zip(&now.pages).collect();
        let told: Vec<String> = pairs.iter().map(|(was, is)| told(was, is)).collect();
        world.say_with(format!("Compared {} pages with what they are now", pairs.len()), told.join("\n"));
        let mut worse = Vec::new();
        for (was, is) in pairs.into_iter().filter(|(was, is)| is_worse(was, is)) {
            world.warn(told_with_its_words(was, is));
            worse.push(format!("`/{}`", is.path));
        }
        for (id, text) in now.errors.iter().filter(|(id, _)| !self.before.errors.iter().any(|(was, _)| was == id)) {
            world.warn(format!("The status report has an error that it did not have: {text}"));
            worse.push(format!("the status report (`{id}`)"));
        }
        match worse.is_empty() {
            true => Ok(()),
            false => Err(Worse { site: self.site.name.clone(), worse }.into()),
        }
    }
}

/// Has a copy on which a move was rehearsed have the settings with which the site is to live.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct EndRehearsal {
    pub(crate) site: Box<SiteContext>,
    pub(crate) platform: PlatformContext,
}

impl Action<World> for EndRehearsal {
    type Output = ();
    const NAME: &'static str = "end-rehearsal";

    fn apply(&self, world: &World) -> Result<(), Fault> {
        let folder = self.platform.root.site_dir(&self.site.name);
        for SiteFile { name, text, mode, group } in settings_files(world, &self.site, &self.platform)? {
            put(world, &folder.join(name), text.as_bytes(), mode, group)?;
        }
        Ok(())
    }
}

impl Undo<World> for EndRehearsal {
    fn undo(&self, _: &World) -> Result<(), Fault> {
        // It wrote into what an earlier step made.
        Ok(())
    }
}

fn look(asker: &Asker<'_>, paths: Vec<String>) -> Shown {
    let page = |path: String| match asker.ask::<Visited>(Operation::Visit { path: path.clone() }, PAGE) {
        Ok(Visited { status, said }) => Page { path, status: Some(status), said },
        Err(fault) => Page { path, status: None, said: fault.report().message },
    };
    let pages = paths.into_iter().map(page).collect();
    let report = asker.ask::<Requirements>(Operation::Requirements, PAGE);
    let errors = match report {
        Ok(report) => report
            .findings
            .into_iter()
            .filter(|finding| finding.severity == Severity::Error)
            .map(|finding| (finding.id, [finding.title, finding.value].join(": ")))
            .collect(),
        Err(fault) => BTreeSet::from([("report".to_owned(), fault.report().message)]),
    };
    Shown { pages, errors }
}

/// Whether a visitor got the page, and does not any more.
fn is_worse(was: &Page, is: &Page) -> bool {
    let well = |page: &Page| page.status.is_some_and(|status| status < 400);
    match (was.status, is.status) {
        (was, is) if was == is => false,
        (_, None) => true,
        (_, Some(500..)) => true,
        _ => well(was) && !well(is),
    }
}

fn told(was: &Page, is: &Page) -> String {
    let shown = |page: &Page| page.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
    match was.status == is.status {
        true => format!("/{}: {}, as before", is.path, shown(is)),
        false => format!("/{}: {}, and {} before", is.path, shown(is), shown(was)),
    }
}

fn told_with_its_words(was: &Page, is: &Page) -> String {
    format!("{}; it says: {}", told(was, is), is.said)
}

#[derive(Debug, thiserror::Error)]
#[error("in the rehearsal, not all of `{site}` is as well as before: {}", worse.join(", "))]
struct Worse {
    site: SiteName,
    worse: Vec<String>,
}

impl Remedy for Worse {
    fn remedy(&self) -> Option<String> {
        Some(
            "the log says what each of these shows; correct the code of the platform, or what the site's own code does \
             with it, then rehearse again. Moved without a rehearsal, the site would only have to answer on its front page"
                .into(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(status: Option<u16>) -> Page {
        Page { path: "node/1".into(), status, said: String::new() }
    }

    #[test]
    fn a_page_is_worse_that_was_there_and_is_not_or_that_breaks() {
        for (was, is, worse) in [
            (Some(200), Some(200), false),
            (Some(200), Some(302), false),
            (Some(200), Some(403), true),
            (Some(200), Some(404), true),
            (Some(200), None, true),
            (Some(403), Some(404), false),
            (Some(404), Some(500), true),
            (Some(500), Some(500), false),
            (Some(500), Some(200), false),
            (None, Some(500), true),
            (None, None, false),
            (None, Some(200), false),
        ] {
            assert_eq!(is_worse(&page(was), &page(is)), worse, "{was:?} {is:?}");
        }
    }
}
