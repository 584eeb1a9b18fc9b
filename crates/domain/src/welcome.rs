//! The welcome letter of a new site: who is to get it, and what a back end tells for it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{EmailAddress, FaultReport};

/// How much of a profile's own template is read, in bytes.
pub const LONGEST_TEMPLATE: u64 = 16 << 10;

/// What the log of an install says of the welcome letter. Who sends letters decides it, when the site is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Welcome {
    /// It goes to these addresses, once the site is there.
    To(Vec<EmailAddress>),
    /// There is none: it was not said how mail is sent.
    NoWay,
    /// There is none: whoever asked for the site gave no address.
    NoAddress,
    /// There is none: the site's client has no contacts.
    NoContacts,
}

impl fmt::Display for Welcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Welcome::To(to) => {
                let to: Vec<&str> = to.iter().map(EmailAddress::as_str).collect();
                write!(f, "The welcome letter goes to {}", to.join(", "))
            }
            Welcome::NoWay => f.write_str(
                "No welcome letter is sent: it is not said how (settings `news_mail_by` and `news_mail_from`)",
            ),
            Welcome::NoAddress => {
                f.write_str("No welcome letter is sent: whoever asked for the site gave no address (`mail`)")
            }
            Welcome::NoContacts => {
                f.write_str("No welcome letter is sent: the client has no contacts (setting `welcome_contacts`)")
            }
        }
    }
}

/// What a back end answers that was asked what a welcome letter needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WelcomeAnswer {
    /// All of it.
    Told(Box<WelcomeFacts>),
    /// A task is at the site: it is to be asked later.
    NotNow(String),
    /// Why nobody can be let in.
    Refused(FaultReport),
}

/// What a welcome letter needs of a site.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WelcomeFacts {
    /// The site's title.
    pub title: String,
    /// Where it is reached: `https://www.example.org`.
    pub address: String,
    /// The name of its first administrator's account.
    pub account: String,
    /// A one-time link, made for this letter. Who has it is logged in.
    pub link: String,
    /// The template that lies in the profile's folder, if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<ProfileTemplate>,
}

/// The template of a welcome letter as a profile has it: text of nobody we know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProfileTemplate {
    /// Where it lies, below the platform's root.
    pub path: String,
    /// What it says; `None`: it is no plain file, no text in UTF-8, or too long.
    pub text: Option<String>,
}

impl fmt::Debug for WelcomeFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // All but what lets in.
        f.debug_struct("WelcomeFacts")
            .field("title", &self.title)
            .field("address", &self.address)
            .field("account", &self.account)
            .field("template", &self.template)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_says_who_gets_the_letter_or_why_nobody_does() {
        let to = vec!["a@example.org".parse().unwrap(), "b@example.org".parse().unwrap()];
        assert_eq!(Welcome::To(to).to_string(), "The welcome letter goes to a@example.org, b@example.org");
        for (none, named) in
            [(Welcome::NoWay, "news_mail_by"), (Welcome::NoAddress, "mail"), (Welcome::NoContacts, "welcome_contacts")]
        {
            let said = none.to_string();
            assert!(said.starts_with("No welcome letter is sent: ") && said.contains(named), "{said}");
        }
    }

    #[test]
    fn what_lets_in_is_in_no_debug() {
        let facts = WelcomeFacts {
            title: "A".into(),
            address: "http://a.test".into(),
            account: "admin".into(),
            link: "http://a.test/user/reset/1/2/hunter2".into(),
            template: None,
        };

        let shown = format!("{:?}", WelcomeAnswer::Told(Box::new(facts)));

        assert!(shown.contains("admin") && !shown.contains("hunter2"), "{shown}");
    }
}
