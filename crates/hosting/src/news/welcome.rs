//! The welcome letter of a new site: its template, and what becomes of that.
//!
//! ```text
//!   the profile's own file, if it is a template ─┐
//!   settings welcome_subject, welcome_body ──────┴─► placeholders filled ─► letter
//! ```
//!
//! A template is text with placeholders in braces, and nothing in it is run. What fills them is never read as a template.

use aegir_domain::{BadText, EmailAddress, WelcomeFacts};

use super::{Letter, one_line, plain};

/// The subject where nobody wrote another one.
pub(crate) const SUBJECT: &str = "Your new site {site}";

/// The text where nobody wrote another one.
pub(crate) const BODY: &str = "\
Hello,

your new site {title} is ready:

  {address}

Its first administrator is the account {account}. To choose a password for it, open this link:

  {link}

It logs in whoever opens it, and works once: keep it to yourself, and use it soon. If it is used up or too old, ask \
whoever looks after the server for a new one, or use \"Request new password\" on the site.
";

/// What a template may speak of.
const PLACEHOLDERS: [&str; 5] = ["site", "title", "address", "account", "link"];
const WHAT: &str = "a template of the welcome letter";
const LONGEST_SUBJECT: usize = 200;
const LONGEST_BODY: usize = 8_000;
const MOST_CONTACTS: usize = 20;

/// The template of a welcome letter.
///
/// Invariant: its placeholders are known, its subject is one line and does not hold the link, and its text does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WelcomeTemplate {
    subject: String,
    body: String,
}

impl WelcomeTemplate {
    /// The one where nobody wrote another.
    pub(crate) fn standard() -> WelcomeTemplate {
        WelcomeTemplate { subject: SUBJECT.to_owned(), body: BODY.to_owned() }
    }

    /// Of a subject and a text.
    pub(crate) fn of(subject: &str, text: &str) -> Result<WelcomeTemplate, BadText> {
        Ok(WelcomeTemplate { subject: welcome_subject(subject)?, body: welcome_body(text)? })
    }

    /// Of a file: the line `Subject: …`, an empty line, the text.
    pub(crate) fn of_file(text: &str) -> Result<WelcomeTemplate, BadText> {
        let instead = "begin it with a line `Subject: …` and an empty line, before the text";
        let text = text.replace("\r\n", "\n");
        let parts = text.split_once("\n\n").and_then(|(head, body)| Some((head.strip_prefix("Subject:")?, body)));
        match parts {
            Some((subject, body)) => WelcomeTemplate::of(subject, body),
            None => Err(BadText::of("…", WHAT, "it does not begin with its subject", instead)),
        }
    }

    /// The letter for a site that is called `site`.
    pub(crate) fn letter(&self, site: &str, facts: &WelcomeFacts) -> Letter {
        let fill = |text: &str| {
            let mut filled = String::new();
            for part in parts(text) {
                filled.push_str(match part {
                    Part::Text(text) => text,
                    Part::Placeholder("site") => site,
                    Part::Placeholder("title") => &facts.title,
                    Part::Placeholder("address") => &facts.address,
                    Part::Placeholder("account") => &facts.account,
                    Part::Placeholder("link") => &facts.link,
                    Part::Placeholder(_) => "",
                });
            }
            filled
        };
        Letter { subject: one_line(&fill(&self.subject)), body: plain(&fill(&self.body)) }
    }
}

enum Part<'t> {
    Text(&'t str),
    Placeholder(&'t str),
}

/// A template in parts. Braces around anything but small letters and underscores are text.
fn parts(text: &str) -> Vec<Part<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(begin) = rest.find('{') {
        let (before, from) = rest.split_at(begin);
        found.push(Part::Text(before));
        let inner = from.get(1..).unwrap_or_default();
        let word = inner.find('}').and_then(|end| inner.get(..end));
        match word.filter(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')) {
            Some(word) => {
                found.push(Part::Placeholder(word));
                rest = inner.get(word.len() + 1..).unwrap_or_default();
            }
            None => {
                found.push(Part::Text("{"));
                rest = inner;
            }
        }
    }
    found.push(Part::Text(rest));
    found
}

fn has(text: &str, word: &str) -> bool {
    parts(text).iter().any(|part| matches!(part, Part::Placeholder(found) if *found == word))
}

/// Refuses a placeholder that there is not, by its name.
fn placeholders_are_known(text: &str) -> Result<(), BadText> {
    let unknown = parts(text).into_iter().find_map(|part| match part {
        Part::Placeholder(word) if !PLACEHOLDERS.contains(&word) => Some(word),
        _ => None,
    });
    let Some(unknown) = unknown else { return Ok(()) };
    let known: Vec<String> = PLACEHOLDERS.iter().map(|word| format!("`{{{word}}}`")).collect();
    let unknown: String = unknown.chars().take(60).collect();
    let why = format!("there is no placeholder `{{{unknown}}}`");
    Err(BadText::of("…", WHAT, &why, &format!("there are {}", known.join(", "))))
}

/// A subject, if it is one.
pub(crate) fn welcome_subject(text: &str) -> Result<String, BadText> {
    let text = text.trim();
    placeholders_are_known(text)?;
    if text.is_empty() || text.chars().count() > LONGEST_SUBJECT || text.chars().any(char::is_control) {
        let why = format!("its subject is empty, has a line break, or more than {LONGEST_SUBJECT} characters");
        return Err(BadText::of("…", WHAT, &why, "give it one short line"));
    }
    if has(text, "link") {
        let why = "its subject holds the link, and subjects are written into the logs of mail servers";
        return Err(BadText::of("…", WHAT, why, "put `{link}` into the text alone"));
    }
    Ok(text.to_owned())
}

/// A text, if it is one.
pub(crate) fn welcome_body(text: &str) -> Result<String, BadText> {
    let text = text.replace("\r\n", "\n");
    let text = text.trim();
    placeholders_are_known(text)?;
    if text.len() > LONGEST_BODY || text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
        let why = format!("it has more than {LONGEST_BODY} bytes, or a control character");
        return Err(BadText::of("…", WHAT, &why, "give plain text, and make it shorter"));
    }
    if !has(text, "link") {
        let why = "it has no `{link}`, and nobody could come in by it";
        return Err(BadText::of("…", WHAT, why, "say `{link}` where the one-time link is to stand"));
    }
    Ok(format!("{text}\n"))
}

/// Addresses of contacts, separated by commas, as they are kept: each once.
pub(crate) fn contacts(text: &str) -> Result<String, BadText> {
    let mut all: Vec<String> = Vec::new();
    for one in text.split(',').map(str::trim).filter(|one| !one.is_empty()) {
        let address = one.parse::<EmailAddress>()?.to_string();
        if !all.contains(&address) {
            all.push(address);
        }
    }
    match all.len() {
        1..=MOST_CONTACTS => Ok(all.join(", ")),
        _ => Err(BadText::of(
            text,
            "addresses",
            &format!("there is none, or more than {MOST_CONTACTS}"),
            "give addresses such as `anna@example.org, bert@example.org`",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> WelcomeFacts {
        WelcomeFacts {
            title: "Our {link} shop\r\nBcc: all@example.org".into(),
            address: "https://shop.example.org".into(),
            account: "anna".into(),
            link: "https://shop.example.org/user/reset/1/2/three/login".into(),
            template: None,
        }
    }

    #[test]
    fn the_letter_as_it_is_where_nobody_wrote_another_one() {
        let facts = WelcomeFacts { title: "Our shop".into(), ..facts() };

        let letter = WelcomeTemplate::of(SUBJECT, BODY).unwrap().letter("shop.example.org", &facts);

        assert_eq!(letter.subject, "Your new site shop.example.org");
        assert_eq!(
            letter.body,
            "Hello,\n\nyour new site Our shop is ready:\n\n  https://shop.example.org\n\n\
             Its first administrator is the account anna. To choose a password for it, open this link:\n\n  \
             https://shop.example.org/user/reset/1/2/three/login\n\n\
             It logs in whoever opens it, and works once: keep it to yourself, and use it soon. If it is used up or too old, ask \
             whoever looks after the server for a new one, or use \"Request new password\" on the site.\n"
        );
    }

    #[test]
    fn what_fills_a_template_is_no_template_and_no_header() {
        let template = WelcomeTemplate::of("{title} { x } {}", "{title}: {link}").unwrap();

        let letter = template.letter("shop.example.org", &facts());

        assert_eq!(letter.subject, "Our {link} shop  Bcc: all@example.org { x } {}");
        assert_eq!(letter.body.matches("three").count(), 1, "{}", letter.body);
        assert!(letter.body.starts_with("Our {link} shop\u{fffd}\nBcc"), "{}", letter.body);
    }

    #[test]
    fn a_template_that_is_none_is_refused_by_what_is_wrong_with_it() {
        for (subject, body, named) in [
            ("Site {sight}", BODY, "`{sight}`"),
            (SUBJECT, "{link} {password}", "`{password}`"),
            (SUBJECT, "Hello.", "no `{link}`"),
            (SUBJECT, "{link", "no `{link}`"),
            (SUBJECT, "{link}\u{1b}[2J", "control character"),
            ("Here: {link}", BODY, "mail servers"),
            ("a\nBcc: all@example.org", BODY, "line break"),
            (" ", BODY, "empty"),
        ] {
            let bad = WelcomeTemplate::of(subject, body).unwrap_err();
            assert!(bad.why.contains(named), "{named}: {bad}");
            assert!(bad.instead.is_some(), "{bad}");
        }
        let long = format!("{{link}}{}", "a".repeat(LONGEST_BODY));
        assert!(WelcomeTemplate::of(SUBJECT, &long).is_err());
    }

    #[test]
    fn a_file_begins_with_its_subject() {
        let read = WelcomeTemplate::of_file("Subject: New: {site}\r\n\r\nHello {account}\r\n\r\n{link}\r\n").unwrap();

        assert_eq!(read, WelcomeTemplate::of("New: {site}", "Hello {account}\n\n{link}").unwrap());
        for bad in ["", "{link}", "Subject: a\n{link}", "Subject: a\nBcc: b\n\n{link}", "Subject: a\n\n{evil}{link}"] {
            assert!(WelcomeTemplate::of_file(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn contacts_are_addresses_each_once() {
        assert_eq!(contacts("a@b.org,c@d.org , a@b.org,").unwrap(), "a@b.org, c@d.org");
        assert!(contacts(" , ").is_err());
        assert!(contacts("a@b.org, nobody").unwrap_err().to_string().contains("nobody"));
        let many: Vec<String> = (0..=MOST_CONTACTS).map(|n| format!("a{n}@b.org")).collect();
        assert!(contacts(&many.join(",")).is_err());
    }
}
