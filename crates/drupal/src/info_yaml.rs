//! The `.info.yml` files of Drupal 8 and later, as far as a platform is judged by them.
//!
//! Read into types: a version `1.10` stays that text, and `hidden: yes` is true.

use serde::Deserialize;

/// What a package says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct InfoYaml {
    /// Its title.
    #[serde(default)]
    pub name: Option<String>,
    /// `module`, `theme`, `profile`, `theme_engine`.
    #[serde(rename = "type", default)]
    pub kind: Option<String>,
    /// Its version; core packages say `VERSION`.
    #[serde(default)]
    pub version: Option<String>,
    /// Which cores it runs on, in Composer's words.
    #[serde(default)]
    pub core_version_requirement: Option<String>,
    /// The same in the words of Drupal 8: `8.x`.
    #[serde(default)]
    pub core: Option<String>,
    /// The project on drupal.org it is part of.
    #[serde(default)]
    pub project: Option<String>,
    /// Whether it is kept from lists.
    #[serde(default)]
    pub hidden: Option<bool>,
    /// Of a profile: that it is a distribution.
    #[serde(default)]
    pub distribution: Option<Distribution>,
}

/// What a profile says of the distribution that it is the heart of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Distribution {
    /// The distribution's title.
    #[serde(default)]
    pub name: Option<String>,
}

impl InfoYaml {
    /// Reads a file; the error is one line of text.
    pub fn read(text: &str) -> Result<InfoYaml, String> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        serde_saphyr::from_str(text).map_err(|error| {
            let message = error.to_string();
            message.lines().next().unwrap_or("it is no YAML").chars().take(200).collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stay_as_they_are_written() {
        let info = InfoYaml::read("name: 'Über'\ntype: module\nversion: 1.10\nhidden: yes\ncore_version_requirement: ^9 || ^10\ndependencies:\n  - drupal:node\n").unwrap();

        assert_eq!(info.version.as_deref(), Some("1.10"));
        assert_eq!(info.hidden, Some(true));
        assert_eq!(info.core_version_requirement.as_deref(), Some("^9 || ^10"));
        assert_eq!(info.name.as_deref(), Some("Über"));
    }

    #[test]
    fn a_broken_file_is_an_error_of_one_line() {
        for bad in ["<<<<<<< HEAD\nname: x\n=======\n", "name: [", "- a\n- b\n", "name: {a: b}", "\t- x"] {
            let error = InfoYaml::read(bad).unwrap_err();
            assert!(!error.is_empty() && !error.contains('\n'), "{bad}: {error}");
        }
    }
}
