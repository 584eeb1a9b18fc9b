//! Where a new site gets its language from: a file beside the code, or the translation server.
//!
//! Drupal 7 knows files of its profiles alone, and speaks English where there is none, without a word.
//! Drupal 8 and later fetch, and stop half way when nobody answers. So it is settled before anything is touched.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aegir_domain::{Cmd, Fault, Langcode, MachineName, PlatformContext, ProfileLanguage, Remedy};
use aegir_drupal::Family;
use aegir_host::{Launch, Limits};
use aegir_recipe::Check;
use serde::Deserialize;

use crate::World;
use crate::service::php;

/// How long the translation server may take to say whether it has a file, in seconds.
const PATIENCE: u64 = 15;

/// A site can be given `language`; gives the file, or nothing where Drupal is to fetch it.
pub(crate) struct TranslationReady {
    pub(crate) platform: PlatformContext,
    pub(crate) profile: MachineName,
    pub(crate) language: Langcode,
    /// The version of Drupal.
    pub(crate) core: String,
}

impl Check<World> for TranslationReady {
    type Output = Option<PathBuf>;
    const NAME: &'static str = "translation-ready";
    const LIMIT: Duration = Duration::from_secs(60);

    fn look(&self, world: &World) -> Result<Option<PathBuf>, Fault> {
        let family = php::family(&self.platform, &self.core)?;
        let folders = folders(self.platform.root.path(), &self.profile, family);
        for folder in &folders {
            if world.files().kind(folder)?.is_none() {
                continue;
            }
            let mut names = world.files().list(folder)?;
            names.sort_unstable();
            if let Some(name) = names.iter().rev().find(|name| language_of(name).as_ref() == Some(&self.language)) {
                return Ok(Some(folder.join(name)));
            }
        }
        let place = folders.into_iter().next().unwrap_or_default().join(file_name(&self.core, &self.language));
        let missing = |why: String| TranslationFault::None {
            core: self.core.clone(),
            language: self.language.clone(),
            why,
            place: place.clone(),
        };
        if family == Family::Seven {
            let why = format!("the profile `{}` has none, and Drupal 7 fetches none", self.profile);
            return Err(missing(why).into());
        }
        let url = address(&world.parts.settings.translation_server, &self.core, &self.language);
        let said = ask(world, &self.platform, &url)?;
        match said.status {
            200..=399 => Ok(None),
            0 => Err(missing(format!("`{url}` does not answer ({})", said.why)).into()),
            status => Err(missing(format!("`{url}` answers with status {status}")).into()),
        }
    }
}

/// Where a file for sites of a profile may lie, the best place first.
fn folders(root: &Path, profile: &MachineName, family: Family) -> Vec<PathBuf> {
    let of = |folder: &str| root.join(folder).join(profile.as_str()).join("translations");
    match family {
        Family::Seven => vec![of("profiles")],
        Family::Eight => vec![root.join("sites/all/translations"), of("profiles"), of("core/profiles")],
    }
}

/// The languages that sites of these profiles can be installed in with what lies beside the code.
pub(crate) fn at_hand<'p>(
    world: &World,
    root: &Path,
    family: Family,
    profiles: impl Iterator<Item = &'p MachineName>,
) -> Result<Vec<ProfileLanguage>, Fault> {
    let mut found = BTreeSet::new();
    for profile in profiles {
        for folder in folders(root, profile, family) {
            if world.files().kind(&folder)?.is_none() {
                continue;
            }
            let languages = world.files().list(&folder)?.into_iter().filter_map(|name| language_of(&name));
            found.extend(languages.map(|language| ProfileLanguage { profile: profile.clone(), language }));
        }
    }
    Ok(found.into_iter().collect())
}

/// The name under which Drupal looks for the translation of its core.
pub(crate) fn file_name(core: &str, language: &Langcode) -> String {
    format!("drupal-{core}.{language}.po")
}

/// The language to which a file translates Drupal's core: `de.po`, `drupal-10.3.6.de.po`.
fn language_of(name: &str) -> Option<Langcode> {
    let stem = name.strip_suffix(".po")?;
    let language = match stem.strip_prefix("drupal-") {
        Some(rest) => rest.rsplit_once('.')?.1,
        None => stem,
    };
    language.parse().ok()
}

/// The address of a translation, from the pattern that Drupal uses too.
fn address(pattern: &str, core: &str, language: &Langcode) -> String {
    let version = match core.strip_suffix("-dev").and_then(|core| core.rsplit_once('.')) {
        Some((line, _)) => format!("{line}.x"),
        None => core.to_owned(),
    };
    pattern
        .replace("%core", "all")
        .replace("%project", "drupal")
        .replace("%version", &version)
        .replace("%language", language.as_str())
}

#[derive(Deserialize)]
struct Said {
    /// 0: nobody answered.
    status: u16,
    why: String,
}

/// Asks for the head of a page by the PHP that would fetch it, with its certificates and its proxy.
fn ask(world: &World, platform: &PlatformContext, url: &str) -> Result<Said, Fault> {
    let script = "$url = $argv[1]; $limit = (int) $argv[2];\
        if (function_exists('curl_init')) {\
          $curl = curl_init($url);\
          curl_setopt_array($curl, [CURLOPT_NOBODY => TRUE, CURLOPT_FOLLOWLOCATION => TRUE, CURLOPT_RETURNTRANSFER => TRUE,\
            CURLOPT_TIMEOUT => $limit]);\
          curl_exec($curl);\
          $status = (int) curl_getinfo($curl, CURLINFO_RESPONSE_CODE);\
          $why = curl_error($curl);\
        } else {\
          $how = stream_context_create(['http' => ['method' => 'HEAD', 'timeout' => $limit, 'ignore_errors' => TRUE]]);\
          $heads = @get_headers($url, FALSE, $how) ?: [];\
          $status = 0;\
          foreach ($heads as $head) { if (preg_match('~^HTTP/\\S+ (\\d+)~', $head, $m)) { $status = (int) $m[1]; } }\
          $why = (string) (error_get_last()['message'] ?? '');\
        }\
        echo json_encode(['status' => $status, 'why' => $why]);";
    let program = php::program(world, platform);
    let cmd = Cmd::new(&program).args(["-d", "display_errors=stderr", "-r", script, "--", url, &PATIENCE.to_string()]);
    let limits = Limits { time: Duration::from_secs(PATIENCE + 15), ..Limits::default() };
    let ran = world.programs.run(&Launch::new(cmd.clone()).limits(limits), &mut |_| ())?.success(&cmd)?;
    let from = ran.stdout.find('{').unwrap_or(0);
    Ok(serde_json::from_str(&ran.stdout[from..]).map_err(|source| php::PhpFault::Odd { program, source })?)
}

/// Why a site cannot be given its language.
#[derive(Debug, thiserror::Error)]
enum TranslationFault {
    #[error("there is no translation of Drupal {core} to `{language}`: {why}")]
    None { core: String, language: Langcode, why: String, place: PathBuf },
}

impl Remedy for TranslationFault {
    fn remedy(&self) -> Option<String> {
        let TranslationFault::None { place, .. } = self;
        Some(format!(
            "put Drupal's translation, from https://localize.drupal.org/download, at `{}`; or install in English, with `--language en`",
            shown(place)
        ))
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn language(text: &str) -> Langcode {
        text.parse().unwrap()
    }

    #[test]
    fn a_translation_of_core_is_known_by_its_name() {
        for name in ["de.po", "drupal-7.105.de.po", "drupal-10.3.6.de.po", "drupal-10.x.de.po"] {
            assert_eq!(language_of(name), Some(language("de")), "{name}");
        }
        assert_eq!(language_of("drupal-10.3.6.pt-br.po"), Some(language("pt-br")));
        for name in ["views-7.x-3.1.de.po", "de.po.txt", "drupal-10.3.6.po", "drupal-10.po", "general.pot", ".po"] {
            assert_eq!(language_of(name), None, "{name}");
        }
    }

    #[test]
    fn the_address_of_a_translation_is_the_one_that_drupal_asks_for() {
        let pattern = "https://x.test/%core/%project/%project-%version.%language.po";
        let of = |core| address(pattern, core, &language("pt-br"));
        assert_eq!(of("10.3.6"), "https://x.test/all/drupal/drupal-10.3.6.pt-br.po");
        assert_eq!(of("10.4.0-dev"), "https://x.test/all/drupal/drupal-10.4.x.pt-br.po");
    }
}
