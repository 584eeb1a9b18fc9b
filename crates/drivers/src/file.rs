//! A configuration file as a value, before anybody writes it.

use std::path::PathBuf;

use aegir_domain::Password;

/// The text of a file, and where it goes.
///
/// The text may hold a site's credentials, so it is a secret: it has to be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFile {
    /// Where it goes, relative to the folder of its product (`config/<server>/nginx`).
    pub path: PathBuf,
    /// What it holds.
    pub text: Password,
    /// Its mode.
    pub mode: u32,
}

impl ConfigFile {
    pub(crate) fn new(path: impl Into<PathBuf>, text: String, mode: u32) -> ConfigFile {
        ConfigFile { path: path.into(), text: Password::new(text), mode }
    }
}
