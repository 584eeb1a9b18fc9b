//! Secrets, which can be neither printed nor serialised by accident.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

/// A secret text. To use it one has to ask, with [`Password::expose`], which is easy to search for.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Password(String);

impl Password {
    /// Takes a secret text as it is.
    pub fn new(text: impl Into<String>) -> Password {
        Password(text.into())
    }

    /// The text. It may go to a descriptor, a file with mode 0600 or less, or a connection; never
    /// to an argument list, a log or a journal.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// The secrets of one task, by name. They cross the seam on standard input only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secrets(BTreeMap<String, Password>);

impl Secrets {
    /// Adds or replaces the secret `name`.
    pub fn insert(&mut self, name: impl Into<String>, secret: Password) {
        self.0.insert(name.into(), secret);
    }

    /// The secret `name`, if it was given.
    pub fn get(&self, name: &str) -> Option<&Password> {
        self.0.get(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Password)> {
        self.0.iter().map(|(name, secret)| (name.as_str(), secret))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them in the open, to be written to a descriptor or a 0600 file and nowhere else.
    pub fn expose(&self) -> serde_json::Value {
        self.0
            .iter()
            .map(|(name, secret)| (name.clone(), secret.expose().into()))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_cannot_be_printed() {
        let mut secrets = Secrets::default();
        secrets.insert("db", Password::new("hunter2"));

        assert_eq!(format!("{secrets:?}"), r#"Secrets({"db": Password(…)})"#);
    }
}
