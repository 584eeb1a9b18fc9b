//! What Drush is told of a site: an [alias](aegir_drupal::drush), written beside the site's other links and taken away with
//! them. Ægir itself needs none of this.

use std::path::PathBuf;

use aegir_domain::{Fault, PlatformRoot, SiteContext};
use aegir_drupal::drush::Alias;
use aegir_drupal::{CoreVersion, Family};
use aegir_recipe::Run;

use super::layout::FileNow;
use super::probe::main_name;
use crate::contexts::ContextFault;
use crate::step::file::{Keep, TakeAway, Want, converge};
use crate::{Contexts, World};

/// The address by which Drush finds a site in its platform, and that it takes for the site's own.
pub fn drush_uri(contexts: &Contexts<'_>, site: &SiteContext) -> Result<String, ContextFault> {
    let platform = contexts.platform(&site.platform)?;
    let server = contexts.server(&platform.server)?;
    let port = server.http.map_or(80, |http| http.listen.port());
    let name = main_name(site);
    Ok(if port == 80 { format!("http://{name}") } else { format!("http://{name}:{port}") })
}

/// The alias of one site.
pub(crate) struct DrushAlias<'a> {
    pub(crate) site: &'a SiteContext,
    pub(crate) root: &'a PlatformRoot,
}

impl DrushAlias<'_> {
    /// Writes it, unless it is as it should be. Says whether anything changed.
    pub(crate) fn write(&self, run: &mut Run<'_, World>) -> Result<bool, Fault> {
        let path = self.path(run.world());
        let current = run.check(FileNow { path: path.clone() })?;
        let text = self.text(run.world())?;
        let want = Want { path: &path, text: &text, mode: 0o600, group: None, keep_as: "drush-alias" };
        let written = converge(run, &current, want)?;
        Ok(self.remove_unusable(run)? || written)
    }

    /// Takes it away.
    pub(crate) fn remove(&self, run: &mut Run<'_, World>) -> Result<(), Fault> {
        let path = self.path(run.world());
        if run.world().files().kind(&path)?.is_some() {
            // Not what is kept of one that is put up in the same task, under another name.
            let was = run.step(Keep { path: path.clone(), name: "drush-alias-gone".into() })?;
            run.step(TakeAway { path, was })?;
        }
        self.remove_unusable(run)?;
        Ok(())
    }

    /// Files of other forms: older versions wrote one for each site, whatever Drush its Drupal has.
    fn remove_unusable(&self, run: &mut Run<'_, World>) -> Result<bool, Fault> {
        let mut removed = false;
        for file in self.alias().other_files() {
            let path = run.world().home().drush_sites().join(&file);
            if run.world().files().kind(&path)?.is_some() {
                let was = run.step(Keep { path: path.clone(), name: format!("drush-alias-of-{file}") })?;
                run.step(TakeAway { path, was })?;
                removed = true;
            }
        }
        Ok(removed)
    }

    fn alias(&self) -> Alias<'_> {
        let core = self.site.core.parse::<CoreVersion>().ok();
        let family = core.and_then(|core| core.family()).unwrap_or(Family::Eight);
        Alias { site: &self.site.name, family }
    }

    fn path(&self, world: &World) -> PathBuf {
        world.home().drush_sites().join(self.alias().file())
    }

    fn text(&self, world: &World) -> Result<String, Fault> {
        let uri = drush_uri(&world.contexts(), self.site)?;
        Ok(self.alias().text(&world.home().drush_sites(), self.root.as_str(), &uri))
    }
}
