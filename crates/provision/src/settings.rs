//! The settings file of the home, and what the environment says otherwise, read once.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aegir_domain::{Home, KeepFormer, PlatformName, Remedy};
use serde::Deserialize;

/// What the name of a variable begins with that says a setting: `AEGIR_SETTING_UPDATE_LIMIT=7200`.
pub const SETTING_VARIABLE: &str = "AEGIR_SETTING_";

/// What an operator has settled for this machine in `hostmaster/aegir.toml`. All of it is optional. A variable of the
/// environment ([`SETTING_VARIABLE`]) has the last word, for whoever is given the home and the file as they are.
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
    /// The variables that were read, for the processes that go on with a task.
    #[serde(skip)]
    pub variables: Vec<(String, String)>,
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
            variables: Vec::new(),
        }
    }
}

impl Settings {
    /// Reads the text of a settings file, found at `path`, and what `variables` say otherwise: each has the name of its
    /// setting in capitals behind [`SETTING_VARIABLE`], and a value as the file has it; a text needs no quotes.
    pub fn read(text: &str, path: &Path, variables: &[(String, String)]) -> Result<Settings, SettingsFault> {
        let unreadable = |source| SettingsFault::Unreadable { path: path.to_owned(), source };
        // As a whole first: a mistake in it is told with its line.
        let mut settings: Settings = toml::from_str(text).map_err(unreadable)?;
        let mut table: toml::Table = toml::from_str(text).map_err(unreadable)?;
        for (variable, said) in variables {
            let of_variable = |source| SettingsFault::Variable { variable: variable.clone(), source };
            let setting = variable.strip_prefix(SETTING_VARIABLE).unwrap_or_default().to_lowercase();
            let as_it_stands = || Ok(toml::Value::String(said.clone()));
            let value =
                said.parse::<toml::Value>().or_else(|_: toml::de::Error| as_it_stands()).map_err(of_variable)?;
            table.insert(setting, value);
            settings = table.clone().try_into().map_err(of_variable)?;
        }
        settings.variables = variables.to_vec();
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
    /// A variable names no setting, or says what that cannot be.
    #[error("cannot take the variable `{variable}` for a setting")]
    Variable {
        /// Its name.
        variable: String,
        /// Why.
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
        Some(match self {
            SettingsFault::Unreadable { path, .. } | SettingsFault::NotAbsolute { path, .. } => {
                format!("correct that line of `{}`; every setting may be left out", path.display())
            }
            SettingsFault::Variable { .. } => {
                "correct it, or take it out of the environment; it has the name of a setting in capitals, and a value as \
                 the settings file has it"
                    .into()
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_is_all_defaults_and_a_misspelt_setting_is_named() {
        let path = Path::new("/srv/hostmaster/aegir.toml");
        assert_eq!(Settings::read("", path, &[]).unwrap(), Settings::default());
        let fault = Settings::read("platform_base = ['/srv']", path, &[]).unwrap_err();
        assert!(aegir_domain::Fault::from(fault).report().because[0].contains("platform_base"));
        assert!(matches!(
            Settings::read("platform_bases = ['srv']", path, &[]),
            Err(SettingsFault::NotAbsolute { .. })
        ));
    }

    #[test]
    fn the_environment_has_the_last_word_and_is_named_where_it_is_wrong() {
        let path = Path::new("/srv/hostmaster/aegir.toml");
        let variables = |of: &[(&str, &str)]| -> Vec<(String, String)> {
            of.iter().map(|(name, value)| (format!("{SETTING_VARIABLE}{name}"), value.to_string())).collect()
        };
        let said = variables(&[
            ("UPDATE_LIMIT", "7200"),
            ("PROXY", "http://proxy.example.org:3128"),
            ("KEEP_FORMER", "archive"),
            ("PLATFORM_BASES", "['/srv/a', '/srv/b']"),
            ("PHP", "'/usr/bin/php8.2'"),
        ]);

        let settings = Settings::read("update_limit = 60\ntrash_days = 3", path, &said).unwrap();

        assert_eq!((settings.update_limit, settings.trash_days), (7200, 3));
        assert_eq!(settings.proxy.as_deref(), Some("http://proxy.example.org:3128"));
        assert_eq!(settings.keep_former, KeepFormer::Archive);
        assert_eq!(settings.platform_bases, [Path::new("/srv/a"), Path::new("/srv/b")]);
        assert_eq!(settings.php, Path::new("/usr/bin/php8.2"));
        assert_eq!(settings.variables, said, "a worker is told them");
        for (name, value, why) in
            [("UPDATE_LIMITS", "7200", "update_limits"), ("UPDATE_LIMIT", "two hours", "string \"two hours\"")]
        {
            let fault = Settings::read("", path, &variables(&[(name, value)])).unwrap_err();
            let told = aegir_domain::Fault::from(fault).report();
            assert!(told.message.contains(&format!("`AEGIR_SETTING_{name}`")), "{told:?}");
            assert!(told.because[0].contains(why), "{told:?}");
        }
        let fault = Settings::read("", path, &variables(&[("PLATFORM_BASES", "['srv']")])).unwrap_err();
        assert!(matches!(fault, SettingsFault::NotAbsolute { .. }));
    }
}
