//! One-time login links, made as Drupal makes them, without Drupal.
//!
//! ```text
//!   /user/reset/UID/TIMESTAMP/HASH     HASH = base64url(HMAC-SHA256(message, salt + stored password))
//! ```
//!
//! What the message is changed in security releases of several branches at once, so no version number tells:
//! the code itself does. A code base whose function is not, but for comments and spaces, one that was compared
//! with its own answers is not known here, and Drupal is asked instead.

use aegir_domain::Password;
use ring::{digest, hmac};

use crate::Family;
use crate::inventory::Row;

/// How a code base joins what it signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkForm {
    /// One after the other.
    Bare,
    /// With a colon between each two.
    Colons,
}

/// The functions that sign, each by a digest of its code: as real trees have them, and our demo code bases.
const KNOWN: [(&str, LinkForm); 6] = [
    // 7.98 and 7.105.
    ("2960643c93747ff3b7fe94545e6a0dd13ac6d04a4909b0bfdee062efa91209a7", LinkForm::Bare),
    ("7b3ee0d09eae652b53d71ff92b954605d4a9a3842ab1f97c7a2c13a07086ef97", LinkForm::Colons),
    // 10.1.6 and 10.3.6.
    ("085d56a085b43bab88c1be046d1b2d3043313cf25809523f2ca6eb18dc610619", LinkForm::Bare),
    ("84924380288f8fc5c763eae42ff07c2ee510ff9b7707624ac5f28ac1126ab97c", LinkForm::Colons),
    // The demo code bases of both shapes.
    ("47c64c183248d80666f6d8b31d990fc535cf1021131b48f9b81de13ea4056035", LinkForm::Colons),
    ("20fbe0424da5f6d708ae590bdf28e95244b294644ee5a487be0af65113a29e0b", LinkForm::Colons),
];

/// Where the function lies, relative to the docroot.
pub fn code(family: Family) -> &'static str {
    match family {
        Family::Seven => "modules/user/user.module",
        Family::Eight => "core/modules/user/user.module",
    }
}

impl LinkForm {
    /// That of a code base, by the text of the file that [`code`] names; `None` if it is not known.
    pub fn of_code(text: &str) -> Option<LinkForm> {
        let digest = digest_of(text)?;
        KNOWN.iter().find(|(known, _)| *known == digest).map(|(_, form)| *form)
    }
}

/// The digest of the function that signs, of its code without comments and spaces; `None` if there is none.
fn digest_of(text: &str) -> Option<String> {
    let start = text.find("function user_pass_rehash(")?;
    let function = &text[start..];
    let function = &function[..function.find("\n}")? + 2];
    let digest = digest::digest(&digest::SHA256, without_comments(function).as_bytes());
    Some(digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// PHP code without comments, and without spaces beside those in quotes.
fn without_comments(code: &str) -> String {
    let mut bare = String::new();
    let mut rest = code;
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '#' => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '\'' | '"' => {
                let end = end_of_quoted(rest, c);
                bare.push_str(&rest[..end]);
                end
            }
            c => {
                bare.extend((!c.is_whitespace()).then_some(c));
                c.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    bare
}

/// Where the text ends that begins with the quote `quote`.
fn end_of_quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + c.len_utf8(),
            _ => (),
        }
    }
    text.len()
}

/// Whether lines that an operator added to a site's settings leave alone what a link is made of: the salt,
/// and the database that the account lies in. In doubt they do not.
pub fn is_left_alone_by(lines: &str) -> bool {
    const SUSPECT: [&str; 9] = ["salt", "database", "prefix", "include", "require", "eval", "globals", "$$", "extract"];
    let lines = without_comments(lines).to_ascii_lowercase();
    !SUSPECT.iter().any(|word| lines.contains(word))
}

/// The statement that [`Account::read`] wants the rows of.
pub fn query(family: Family, uid: u64) -> String {
    match family {
        Family::Seven => format!("SELECT uid, name, mail, pass, login, status FROM users WHERE uid = {uid}"),
        Family::Eight => format!(
            "SELECT uid, name, mail, pass, login, status FROM users_field_data WHERE uid = {uid} AND default_langcode = 1"
        ),
    }
}

/// An account as it lies in a site's database.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its number.
    pub uid: u64,
    /// Its name.
    pub name: String,
    mail: String,
    /// What the site keeps of its password.
    pass: Password,
    /// When it last logged in, as text.
    login: String,
    /// Whether it may log in.
    pub is_active: bool,
}

impl Account {
    /// Reads the rows of [`query`]; `None` if there is no such account. Number 0 is nobody's.
    pub fn read(rows: &[Row]) -> Option<Account> {
        let row = rows.first()?;
        let text = |at: usize| {
            let value = row.get(at).and_then(Option::as_deref);
            value.map_or_else(String::new, |bytes| String::from_utf8_lossy(bytes).into_owned())
        };
        let uid = text(0).parse().ok().filter(|uid| *uid > 0)?;
        Some(Account {
            uid,
            name: text(1),
            mail: text(2),
            pass: Password::new(text(3)),
            login: text(4),
            is_active: text(5) == "1",
        })
    }

    /// Whether it last logged in within `second`, since 1970. Drupal tells a used link by that alone, so one
    /// that is made and used within that second would be good a second time.
    pub fn came_in_at(&self, second: u64) -> bool {
        self.login == second.to_string()
    }

    /// The path of a link made at `timestamp`, in seconds since 1970, on a site with this `salt`.
    pub fn link(&self, form: LinkForm, timestamp: u64, salt: &Password) -> String {
        let timestamp = timestamp.to_string();
        let uid = self.uid.to_string();
        let parts = [timestamp.as_str(), &self.login, &uid, &self.mail];
        let message = match form {
            LinkForm::Bare => parts.concat(),
            LinkForm::Colons => parts.join(":"),
        };
        let key = hmac::Key::new(hmac::HMAC_SHA256, [salt.expose(), self.pass.expose()].concat().as_bytes());
        let hash = base64url(hmac::sign(&key, message.as_bytes()).as_ref());
        format!("/user/reset/{uid}/{timestamp}/{hash}")
    }
}

/// Base64 for addresses, without padding.
fn base64url(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0u32, |bits, at| bits << 8 | u32::from(group.get(at).copied().unwrap_or(0)));
        for digit in 0..=group.len() {
            text.push(char::from(DIGITS[(bits >> (18 - 6 * digit) & 63) as usize]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> Account {
        let column = |text: &str| Some(text.as_bytes().to_vec());
        let row = ["7", "ann", "ann@example.org", "$2y$10$abc", "1700000000", "1"].map(column).to_vec();
        Account::read(&[row]).unwrap()
    }

    #[test]
    fn base64_for_addresses_has_no_padding() {
        let pairs =
            [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("\u{fb}\u{ff}", "w7vDvw")];
        for (text, expected) in pairs {
            assert_eq!(base64url(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(base64url(&[0xfb, 0xff, 0xfe]), "-__-");
    }

    #[test]
    fn the_two_forms_differ_in_their_hash_alone() {
        let salt = Password::new("salt");
        let bare = account().link(LinkForm::Bare, 1_800_000_000, &salt);
        let colons = account().link(LinkForm::Colons, 1_800_000_000, &salt);

        assert_ne!(bare, colons);
        for link in [bare, colons] {
            assert_eq!(link.rsplit_once('/').unwrap().0, "/user/reset/7/1800000000");
            assert_eq!(link.rsplit_once('/').unwrap().1.len(), 43);
        }
    }

    #[test]
    fn nobody_has_no_account() {
        let column = |text: &str| Some(text.as_bytes().to_vec());

        assert!(Account::read(&[]).is_none());
        assert!(Account::read(&[vec![]]).is_none());
        assert!(Account::read(&[["0", "", "", "", "0", "0"].map(column).to_vec()]).is_none());
    }

    #[test]
    fn comments_and_spaces_do_not_change_what_code_is_and_code_does() {
        let code = "<?php\nfunction user_pass_rehash($a) {\n  // One.\n  return f($a . ':' . 'b  c');\n}\n";
        let same =
            "function user_pass_rehash( $a )\n{ /* Two. */ return f($a.':'.'b  c'); # Three.\n}\nfunction g() {\n}";
        let other = code.replace("':'", "''");

        assert_eq!(digest_of(code), digest_of(same));
        assert_ne!(digest_of(code), digest_of(&other));
        assert_eq!(digest_of("<?php\nfunction user_load() {\n}\n"), None);
        assert_eq!(LinkForm::of_code(code), None);
    }

    #[test]
    fn settings_that_may_change_what_a_link_is_made_of_are_told_from_others() {
        assert!(is_left_alone_by(
            "<?php\n\n// Included by the settings of every site.\n$conf['cache'] = 'it\\'s # on';\n"
        ));
        for suspect in
            ["$settings['hash_salt'] = 'x';", "INCLUDE 'more.php';", "$GLOBALS['a'] = 1;", "$databases[] = 1;"]
        {
            assert!(!is_left_alone_by(suspect), "{suspect}");
        }
    }
}
