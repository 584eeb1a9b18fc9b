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
    /// The oldest PHP that it runs on.
    #[serde(default)]
    pub php: Option<String>,
    /// The packages that it needs, each as `project:name (>=1.0)`.
    #[serde(default)]
    pub dependencies: Option<Texts>,
    /// Of a theme: the theme that it builds on; `false` if none.
    #[serde(rename = "base theme", default)]
    pub base_theme: Option<String>,
    /// Whether it is kept from lists.
    #[serde(default)]
    pub hidden: Option<bool>,
    /// Of a profile: that it is a distribution.
    #[serde(default)]
    pub distribution: Option<Distribution>,
}

/// A list of texts. Anything else in its place is passed over: that a dependency cannot be read is no reason to take a
/// package for broken.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "TextsOrNot")]
pub struct Texts(Vec<String>);

#[derive(Deserialize)]
#[serde(untagged)]
enum TextsOrNot {
    List(Vec<String>),
    Not(serde::de::IgnoredAny),
}

impl From<TextsOrNot> for Texts {
    fn from(found: TextsOrNot) -> Texts {
        match found {
            TextsOrNot::List(texts) => Texts(texts),
            TextsOrNot::Not(_) => Texts(Vec::new()),
        }
    }
}

impl Texts {
    /// The texts.
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }
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
        let info = InfoYaml::read("name: 'Über'\ntype: module\nversion: 1.10\nhidden: yes\nphp: 8.1\nbase theme: false\ncore_version_requirement: ^9 || ^10\ndependencies:\n  - drupal:node\n  - 'a:a (>=1.10)'\n").unwrap();

        assert_eq!(info.version.as_deref(), Some("1.10"));
        assert_eq!(info.hidden, Some(true));
        assert_eq!(info.core_version_requirement.as_deref(), Some("^9 || ^10"));
        assert_eq!(info.name.as_deref(), Some("Über"));
        assert_eq!((info.php.as_deref(), info.base_theme.as_deref()), (Some("8.1"), Some("false")));
        assert_eq!(info.dependencies.unwrap().as_slice(), ["drupal:node", "a:a (>=1.10)"]);
        for odd in ["", " {a: b}", " [[a], 1]", " a"] {
            let info = InfoYaml::read(&format!("name: a\ntype: module\ndependencies:{odd}\n")).unwrap();
            assert!(info.dependencies.is_none_or(|list| list.as_slice().len() < 3), "{odd}");
        }
    }

    #[test]
    fn a_broken_file_is_an_error_of_one_line() {
        for bad in ["<<<<<<< HEAD\nname: x\n=======\n", "name: [", "- a\n- b\n", "name: {a: b}", "\t- x"] {
            let error = InfoYaml::read(bad).unwrap_err();
            assert!(!error.is_empty() && !error.contains('\n'), "{bad}: {error}");
        }
    }
}
