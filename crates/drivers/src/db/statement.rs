//! A statement as a value, before anybody runs it.

use std::fmt;

use aegir_domain::Password;

/// A statement. What it shows when printed has `…` in place of a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Statement {
    text: Password,
    shown: String,
}

impl Statement {
    pub(crate) fn plain(text: impl Into<String>) -> Statement {
        let shown = text.into();
        Statement { text: Password::new(shown.clone()), shown }
    }

    /// `before 'secret' after`.
    pub(crate) fn with_secret(before: &str, secret: &Password, after: &str) -> Statement {
        let text = format!("{before} {} {after}", quoted(secret.expose()));
        Statement {
            text: Password::new(text.trim_end()), shown: format!("{before} '…' {after}").trim_end().to_owned()
        }
    }

    /// What to send to the server.
    pub fn text(&self) -> &Password {
        &self.text
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Statement({})", self.shown)
    }
}

/// Text between quotes, for MariaDB in its usual mode (a connection of ours never has
/// `NO_BACKSLASH_ESCAPES`).
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_and_does_not_end_its_quotes() {
        let statement = Statement::with_secret("ALTER USER x IDENTIFIED BY", &Password::new("a'b"), "");
        assert_eq!(statement.text().expose(), "ALTER USER x IDENTIFIED BY 'a''b'");
        assert_eq!(format!("{statement} {statement:?}").matches("a'").count(), 0);
    }
}
