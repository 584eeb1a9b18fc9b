//! Frees a server's message of what a statement held in secret.
//!
//! A message about bad syntax repeats the statement from the place where it went wrong, and may so
//! repeat a password.

/// What secrets follow, in a statement or in what a message repeats of one.
const BEFORE_A_SECRET: [&str; 6] =
    ["IDENTIFIED BY", "IDENTIFIED WITH", "IDENTIFIED VIA", "PASSWORD", "AUTHENTICATION", "USING"];

/// `message` without the secrets of `statement`, and without anything between quotes that follows
/// words which announce a secret.
pub(super) fn scrub(message: &str, statement: &str) -> String {
    let mut text = message.to_owned();
    for (from, to) in secrets(statement) {
        let secret = &statement[from..to];
        if secret.len() > 2 {
            text = text.replace(secret, "…");
        }
    }
    let mut clean = String::with_capacity(text.len());
    let mut at = 0;
    for (from, to) in secrets(&text) {
        clean.push_str(&text[at..from]);
        clean.push('…');
        at = to;
    }
    clean.push_str(&text[at..]);
    clean
}

/// Where, in `text`, something stands between quotes after words that announce a secret. What has no
/// closing quote, since the message was cut off, goes to the end.
fn secrets(text: &str) -> Vec<(usize, usize)> {
    // Bytes stay where they are: only letters of ASCII are changed.
    let upper = text.to_ascii_uppercase();
    let mut found: Vec<(usize, usize)> = Vec::new();
    for words in BEFORE_A_SECRET {
        for (at, _) in upper.match_indices(words) {
            // To the end of this clause: one account may have several ways to log in.
            let mut from = at + words.len();
            while let Some((begin, end)) = next_quoted(text, from) {
                let between = &upper[from..begin];
                if between.contains([',', ';']) || begin - from > 64 {
                    break;
                }
                if !found.iter().any(|(other, _)| *other == begin) {
                    found.push((begin, end));
                }
                from = (end + 1).min(text.len());
            }
        }
    }
    found.sort_unstable();
    // One that begins within another is part of it.
    let mut reached = 0;
    found.retain(|(begin, end)| {
        let outside = *begin >= reached;
        reached = reached.max(*end);
        outside
    });
    found
}

/// The bounds of the next quoted text from `from` on, without its quotes.
fn next_quoted(text: &str, from: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let open = (from..bytes.len()).find(|at| matches!(bytes[*at], b'\'' | b'"'))?;
    let quote = bytes[open];
    let mut at = open + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            byte if byte == quote && bytes.get(at + 1) == Some(&quote) => at += 2,
            byte if byte == quote => return Some((open + 1, at)),
            _ => at += 1,
        }
    }
    Some((open + 1, bytes.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_message_repeats_a_password() {
        let statement = "CREATE USERR 'a'@'localhost' IDENTIFIED BY 'hunter2'";
        let messages = [
            "You have an error near 'USERR 'a'@'localhost' IDENTIFIED BY 'hunter2'' at line 1",
            "You have an error near 'USERR 'a'@'localhost' identified by 'hunter2",
            "near 'hunter2'' at line 1",
        ];
        for message in messages {
            let clean = scrub(message, statement);
            assert!(!clean.contains("hunter"), "{clean}");
            assert!(clean.contains("near '"), "{clean}");
        }
    }

    #[test]
    fn a_password_that_was_cut_off_is_scrubbed_too() {
        let clean = scrub("near 'X' IDENTIFIED BY 'hunt", "CREATE USER 'X' IDENTIFIED BY 'hunter2'");
        assert_eq!(clean, "near 'X' IDENTIFIED BY '…");
    }

    #[test]
    fn other_ways_to_give_a_password_are_known() {
        for statement in [
            "SET PASSWORD FOR 'a'@'%' = PASSWORD('hunter2')",
            "CREATE USER a IDENTIFIED VIA ed25519 USING PASSWORD('hunter2')",
            "ALTER USER a IDENTIFIED WITH caching_sha2_password BY 'hunter2'",
            r#"CREATE USER a IDENTIFIED BY "hunter2""#,
        ] {
            let clean = scrub(&format!("error near '{statement}'"), statement);
            assert!(!clean.contains("hunter"), "{clean}");
        }
    }

    #[test]
    fn what_is_no_secret_stays() {
        let message = "Can't create database 'a_test'; database exists";
        assert_eq!(scrub(message, "CREATE DATABASE `a_test`"), message);
        assert_eq!(scrub("é 'ü' IDENTIFIED BY 'é", "x"), "é 'ü' IDENTIFIED BY '…");
    }
}
