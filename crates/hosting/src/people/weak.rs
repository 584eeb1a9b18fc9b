//! Which passwords are not taken: what is short, what is known of the account, and what everybody tries first.

use aegir_domain::Password;

const SHORTEST: usize = 12;
const LONGEST: usize = 1000;

/// Those of twelve characters and more that lists of stolen passwords begin with, in small letters.
const COMMON: [&str; 30] = [
    "000000000000",
    "111111111111",
    "123123123123",
    "1234567890ab",
    "123456789012",
    "1234567890123",
    "123456789abc",
    "1q2w3e4r5t6y",
    "1q2w3e4r5t6y7u8i",
    "abcdefghijkl",
    "abcdef123456",
    "adminadminadmin",
    "administrator",
    "aegiraegiraegir",
    "changemechangeme",
    "correcthorsebatterystaple",
    "iloveyou1234",
    "letmeinletmein",
    "motdepasse123",
    "p@ssw0rd1234",
    "passw0rd1234",
    "password1234",
    "password12345",
    "password123456",
    "passwordpassword",
    "qwerty123456",
    "qwertyqwerty",
    "qwertyuiop12",
    "qwertyuiopas",
    "welcome12345",
];

/// Why `password` is not taken for `account`; `None`: it is.
pub(crate) fn why_not(password: &Password, account: &str) -> Option<String> {
    let text = password.expose();
    let small = text.to_lowercase();
    let mut letters = small.chars();
    let first = letters.next();
    if text.chars().count() < SHORTEST {
        return Some(format!("it has fewer than {SHORTEST} characters"));
    }
    if text.len() > LONGEST {
        return Some(format!("it has more than {LONGEST} bytes"));
    }
    if letters.all(|letter| Some(letter) == first) {
        return Some("it is one character, again and again".into());
    }
    if small.trim() == account || small.replace(account, "").is_empty() {
        return Some("it is the name of the account".into());
    }
    if COMMON.contains(&small.as_str()) {
        return Some("it is one of those that are tried first".into());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_guessed_first_is_not_taken() {
        let not = |text: &str| why_not(&Password::new(text), "anna.of.the.north").unwrap_or_default();
        assert!(not("elevenchars").contains("12"));
        assert!(not(&"ab".repeat(501)).contains("1000"));
        assert!(not("xxxxxxxxxxxxxxx").contains("again"));
        assert!(not("Anna.of.the.North").contains("name"));
        assert!(not("anna.of.the.northanna.of.the.north").contains("name"));
        assert!(not("PassWord1234").contains("first"));
        for taken in ["ü ü ü ü ü ü ", "a red bicycle", &"ab".repeat(500)] {
            assert_eq!(not(taken), "", "{taken}");
        }
    }

    #[test]
    fn the_list_has_nothing_that_is_refused_anyway() {
        assert!(COMMON.iter().all(|text| text.chars().count() >= SHORTEST && *text == text.to_lowercase()));
    }
}
