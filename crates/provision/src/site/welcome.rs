//! What a welcome letter needs of a site: a one-time link of its own, and the profile's template, if it has one.
//!
//! Asked when the letter is sent, and no task: nothing changes, and the link is kept nowhere.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aegir_domain::{
    Fault, LONGEST_TEMPLATE, PlatformContext, ProfileTemplate, SiteContext, SiteName, WelcomeAnswer, WelcomeFacts,
};
use aegir_host::Files;
use aegir_recipe::Check as _;

use super::compare::{RunProgram, looking, unless_busy};
use super::login::MakeLink;
use crate::service::php::Asker;
use crate::{World, WorldParts};

/// The file in a profile's folder.
const TEMPLATE: &str = "aegir-welcome.txt";
/// How long whoever is at the site is waited for: an install that just told its end still holds its locks.
const WAIT: Duration = Duration::from_secs(5);

/// Tells what a welcome letter of `site` needs. No task begins on the site meanwhile.
pub fn welcome(parts: &Arc<WorldParts>, site: &SiteName, run_program: RunProgram) -> WelcomeAnswer {
    facts(parts, site, run_program).unwrap_or_else(|fault| WelcomeAnswer::Refused(fault.report()))
}

fn facts(parts: &Arc<WorldParts>, site: &SiteName, run_program: RunProgram) -> Result<WelcomeAnswer, Fault> {
    let asked = unless_busy(parts, site, WAIT, "welcome", || ask(&looking(parts, run_program), site))?;
    Ok(asked.unwrap_or_else(WelcomeAnswer::NotNow))
}

fn ask(world: &World, name: &SiteName) -> Result<WelcomeAnswer, Fault> {
    let link = MakeLink { site: name.clone(), account: 1 }.look(world)?;
    let site = world.contexts().site_in_service(name)?;
    let platform = world.contexts().platform(&site.platform)?;
    let address = Asker::of(world, &site, &platform)?.uri().to_owned();
    Ok(WelcomeAnswer::Told(Box::new(WelcomeFacts {
        title: site.title.to_string(),
        address,
        account: link.name,
        link: link.url,
        template: template(world.files(), &site, &platform),
    })))
}

/// The template in the folder of the site's profile, where Drupal looks for that, the nearest first.
fn template(files: &Files, site: &SiteContext, platform: &PlatformContext) -> Option<ProfileTemplate> {
    let profile = site.profile.as_str();
    let of_site = format!("sites/{}/profiles/{profile}", site.name);
    let folders = ["profiles", "profiles/custom", "profiles/contrib", "core/profiles"];
    let folders = std::iter::once(of_site).chain(folders.map(|folder| format!("{folder}/{profile}")));
    let mut files_there = folders.map(|folder| Path::new(&folder).join(TEMPLATE));
    files_there.find_map(|path: PathBuf| {
        let text = read(files, &platform.root.path().join(&path))?;
        Some(ProfileTemplate { path: path.display().to_string(), text: text.ok() })
    })
}

/// The text of a template; nothing where none lies. What somebody put in its place is no template. A code base may be
/// written by others than us while it is read: no link is followed, and no more is read than a template has.
fn read(files: &Files, path: &Path) -> Option<Result<String, ()>> {
    match files.open(path) {
        Ok(None) => None,
        Ok(Some((size, file))) if size <= LONGEST_TEMPLATE => {
            let mut text = String::new();
            let read = file.take(LONGEST_TEMPLATE + 1).read_to_string(&mut text);
            let fits = read.is_ok_and(|read| read as u64 <= LONGEST_TEMPLATE);
            Some(if fits { Ok(text) } else { Err(()) })
        }
        Ok(Some(_)) | Err(_) => Some(Err(())),
    }
}
