//! The settings file of the home, read once.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aegir_domain::{Home, KeepFormer, PlatformName, Remedy};
use serde::Deserialize;

/// What an operator has settled for this machine in `hostmaster/aegir.toml`. All of it is optional.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Folders below which platforms may lie, besides `platforms/` of the home. Absolute paths.
    pub platform_bases: Vec<PathBuf>,
    /// The PHP program for platforms that name none.
    pub php: PathBuf,
    /// Composer: a program of PHP.
    pub composer: PathBuf,
    /// The program that fetches from git repositories.
    pub git: PathBuf,
    /// The program that fetches archives.
    pub curl: PathBuf,
    /// The group that the web server's workers run as; `None`: our own group.
    pub web_group: Option<String>,
    /// Platforms whose PHP may start programs and use curl: their sites' code is then not held to its own
    /// folders. Each takes effect at its next verify.
    pub trusted_platforms: Vec<PlatformName>,
    /// How long a task waits for an object that another task holds, in seconds.
    pub lock_patience: u64,
    /// How long Drupal's installer may take, in seconds.
    pub install_limit: u64,
    /// How long the updates of a site that is moved may take, in seconds: six hours at the most.
    pub update_limit: u64,
    /// How many connections copy a site's database, on a server that copies table by table.
    pub copy_connections: u8,
    /// How long a site's former self stays after it was moved, in days.
    pub former_days: u32,
    /// How it is kept: `itself` or `archive`. A task that a front end asks for says it itself.
    pub keep_former: KeepFormer,
    /// How long Composer may take to make a project, and git or curl to fetch code, in seconds.
    pub build_limit: u64,
    /// How long a hook may take, in seconds: an hour at the most.
    pub hook_limit: u64,
    /// The proxy through which Composer, git and curl reach the web: `http://proxy.example.org:3128`.
    pub proxy: Option<String>,
    /// How much memory a program of a task may take, in bytes.
    pub program_memory: u64,
    /// Where Drupal 8 and later fetch translations: `%core`, `%project`, `%version` and `%language` are put in.
    pub translation_server: String,
    /// How long deleted things stay in the trash, in days.
    pub trash_days: u32,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            platform_bases: Vec::new(),
            php: "php".into(),
            composer: "composer".into(),
            git: "git".into(),
            curl: "curl".into(),
            web_group: None,
            trusted_platforms: Vec::new(),
            lock_patience: 600,
            install_limit: 900,
            update_limit: 3600,
            copy_connections: 4,
            former_days: 7,
            keep_former: KeepFormer::Itself,
            build_limit: 1800,
            hook_limit: 300,
            proxy: None,
            program_memory: 4 << 30,
            translation_server:
                "https://ftp.drupal.org/files/translations/%core/%project/%project-%version.%language.po".into(),
            trash_days: 30,
        }
    }
}

impl Settings {
    /// Reads the text of a settings file, found at `path`.
    pub fn read(text: &str, path: &Path) -> Result<Settings, SettingsFault> {
        let settings: Settings =
            toml::from_str(text).map_err(|source| SettingsFault::Unreadable { path: path.to_owned(), source })?;
        for base in &settings.platform_bases {
            let plain = base.is_absolute() && !base.components().any(|part| part == std::path::Component::ParentDir);
            if !plain {
                return Err(SettingsFault::NotAbsolute { path: path.to_owned(), base: base.clone() });
            }
        }
        Ok(settings)
    }

    /// All folders below which platforms may lie.
    pub fn bases(&self, home: &Home) -> Vec<PathBuf> {
        std::iter::once(home.platforms()).chain(self.platform_bases.iter().cloned()).collect()
    }

    /// Whether the operator trusts the code of `platform`, see [`Settings::trusted_platforms`].
    pub fn trusts(&self, platform: &PlatformName) -> bool {
        self.trusted_platforms.contains(platform)
    }

    /// [`Settings::lock_patience`] as a duration.
    pub fn patience(&self) -> Duration {
        Duration::from_secs(self.lock_patience)
    }
}

/// A settings file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsFault {
    /// It is not TOML, or holds what is no setting.
    #[error("cannot read the settings in `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: toml::de::Error,
    },
    /// A base is not an absolute path.
    #[error("setting `platform_bases` in `{}` holds `{}`, which is not an absolute path without `..`", path.display(), base.display())]
    NotAbsolute {
        /// The file.
        path: PathBuf,
        /// The base.
        base: PathBuf,
    },
}

impl Remedy for SettingsFault {
    fn remedy(&self) -> Option<String> {
        let (SettingsFault::Unreadable { path, .. } | SettingsFault::NotAbsolute { path, .. }) = self;
        Some(format!("correct that line of `{}`; every setting may be left out", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_is_all_defaults_and_a_misspelt_setting_is_named() {
        let path = Path::new("/srv/hostmaster/aegir.toml");
        assert_eq!(Settings::read("", path).unwrap(), Settings::default());
        let fault = Settings::read("platform_base = ['/srv']", path).unwrap_err();
        assert!(aegir_domain::Fault::from(fault).report().because[0].contains("platform_base"));
        assert!(matches!(Settings::read("platform_bases = ['srv']", path), Err(SettingsFault::NotAbsolute { .. })));
    }
}
