//! What an administrator may change while Ægir runs: a closed list, each with its kind, default and reason.
//!
//! What must be known before the store is open (where it is, which programs) is in the settings file of
//! the home instead.

use serde_json::Value;

use crate::{BadParameters, Operation, Parameter, Presence, Shape};

/// A setting of the front end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Setting {
    /// How many tasks run at once, on all servers.
    TasksAtOnce,
    /// How many tasks run at once on one server.
    TasksPerServer,
    /// How long ended tasks are kept.
    KeepTasksDays,
    /// How long the audit and the histories are kept.
    KeepAuditDays,
    /// How many nightly copies of the control database are kept.
    KeepCopies,
    /// How long what a site was is kept after it was moved.
    KeepFormerDays,
    /// How that is kept.
    KeepFormer,
    /// What becomes of sites that a verify finds.
    ImportFound,
    /// How long a task may say nothing before that is news.
    SilentMinutes,
    /// How often cron runs on sites of which nothing else is said.
    CronInterval,
    /// On how many sites cron runs at once, on all servers.
    CronAtOnce,
    /// On how many sites of one server cron runs at once.
    CronPerServer,
    /// How long it may take.
    CronSeconds,
    /// Where mail of failures goes.
    NewsMailTo,
    /// What it comes from.
    NewsMailFrom,
    /// How it is sent.
    NewsMailBy,
    /// The password for sending mail.
    NewsMailPassword,
    /// Who gets the welcome letter of a new site.
    WelcomeTo,
    /// The contacts of the client.
    WelcomeContacts,
    /// The letter's subject.
    WelcomeSubject,
    /// Its text.
    WelcomeBody,
    /// Where failures are posted.
    NewsWebhook,
    /// What posts are signed with.
    NewsWebhookSecret,
}

impl Setting {
    /// All of them.
    pub const ALL: [Setting; 23] = [
        Setting::TasksAtOnce,
        Setting::TasksPerServer,
        Setting::KeepTasksDays,
        Setting::KeepAuditDays,
        Setting::KeepCopies,
        Setting::KeepFormerDays,
        Setting::KeepFormer,
        Setting::ImportFound,
        Setting::SilentMinutes,
        Setting::CronInterval,
        Setting::CronAtOnce,
        Setting::CronPerServer,
        Setting::CronSeconds,
        Setting::NewsMailTo,
        Setting::NewsMailFrom,
        Setting::NewsMailBy,
        Setting::NewsMailPassword,
        Setting::WelcomeTo,
        Setting::WelcomeContacts,
        Setting::WelcomeSubject,
        Setting::WelcomeBody,
        Setting::NewsWebhook,
        Setting::NewsWebhookSecret,
    ];

    /// The setting of this name.
    pub fn named(name: &str) -> Option<Setting> {
        Setting::ALL.into_iter().find(|setting| setting.parameter().name == name)
    }

    /// Its name, kind, default and what it is for. An empty text as default means: not set.
    pub fn parameter(self) -> Parameter {
        let number = |name, least, most, default, about| Parameter {
            name,
            about,
            shape: Shape::Number { least, most },
            presence: Presence::Default(default),
            many: false,
        };
        let text = |name, kind, about| Parameter {
            name,
            about,
            shape: Shape::Text(kind),
            presence: Presence::Optional("nothing is sent"),
            many: false,
        };
        let secret = |name, about| Parameter {
            name,
            about,
            shape: Shape::Secret,
            presence: Presence::Optional("none is used"),
            many: false,
        };
        match self {
            Setting::TasksAtOnce => {
                number("tasks_at_once", 1, 1_024, "16", "how many tasks run at once, on all servers")
            }
            Setting::TasksPerServer => number(
                "tasks_per_server",
                1,
                256,
                "4",
                "how many tasks run at once on a server that has no limit of its own",
            ),
            Setting::KeepTasksDays => {
                number("keep_tasks_days", 1, 36_500, "90", "how many days ended tasks are kept, with their logs")
            }
            Setting::KeepAuditDays => {
                number("keep_audit_days", 1, 36_500, "730", "how many days the audit and the histories are kept")
            }
            Setting::KeepCopies => {
                number("keep_copies", 1, 365, "14", "how many nightly copies of the control database are kept")
            }
            Setting::KeepFormerDays => number(
                "keep_former_days",
                0,
                36_500,
                "7",
                "how many days what a site was is kept after it was moved; 0: until somebody lets go of it",
            ),
            Setting::KeepFormer => Parameter {
                name: "keep_former",
                about: "how that is kept: `itself`, whole and beside the site, so that going back takes a moment; or \
                        `archive`, packed into a backup once the site is in service again, which takes a fraction of the \
                        room, and going back as long as a restore",
                shape: Shape::Choice(&["itself", "archive"]),
                presence: Presence::Default("itself"),
                many: false,
            },
            Setting::ImportFound => Parameter {
                name: "import_found",
                about: "what becomes of a site that a verify of a platform finds and that is not managed: `ask`, the overview \
                        asks for a decision; `on`, it is taken in if a look finds nothing against that; or `off`, it is listed \
                        and nobody is asked",
                shape: Shape::Choice(&["ask", "on", "off"]),
                presence: Presence::Default("ask"),
                many: false,
            },
            Setting::SilentMinutes => number(
                "silent_minutes",
                1,
                10_080,
                "60",
                "how many minutes a running task may say nothing before that is told",
            ),
            Setting::CronInterval => Parameter {
                name: "cron_interval",
                about: "how often cron runs on a new site, and on those of which nothing else is said: each minute (`1m`) to \
                        once a week (`1w`); for one site it can be changed, and turned off, with `site edit`",
                shape: Shape::Choice(crate::operation::CRON_RUNS),
                presence: Presence::Default("1h"),
                many: false,
            },
            Setting::CronAtOnce => number(
                "cron_at_once",
                1,
                1_024,
                "16",
                "on how many sites one front end runs cron at once, on all servers",
            ),
            Setting::CronPerServer => {
                number("cron_per_server", 1, 64, "4", "on how many sites of one server cron runs at once")
            }
            Setting::CronSeconds => number(
                "cron_seconds",
                10,
                240,
                "240",
                "how many seconds cron of a site may take; Drupal itself allows it 240",
            ),
            Setting::NewsMailTo => {
                text("news_mail_to", crate::operation::EMAIL, "the address that failures are mailed to")
            }
            Setting::NewsMailFrom => {
                text("news_mail_from", crate::operation::EMAIL, "the address that they are mailed from")
            }
            Setting::NewsMailBy => text(
                "news_mail_by",
                crate::operation::MAIL_WAY,
                "how mail is sent: `sendmail`, `smtp://HOST[:PORT][?tls=none|required]`, or `smtps://USER@HOST[:PORT]` (its password is `news_mail_password`)",
            ),
            Setting::NewsMailPassword => secret("news_mail_password", "the password for the mail server"),
            Setting::WelcomeTo => Parameter {
                name: "welcome_to",
                about: "who gets a letter with a one-time link once a new site is there: `creator`, whoever asked for it, at the \
                        address that was given as its `mail`; `client`, the contacts of its client; or `nobody`",
                shape: Shape::Choice(crate::operation::WELCOME),
                presence: Presence::Default("creator"),
                many: false,
            },
            Setting::WelcomeContacts => text(
                "welcome_contacts",
                crate::operation::CONTACTS,
                "the addresses of the client's contacts, separated by commas; there is one client, `admin`, until others come",
            ),
            Setting::WelcomeSubject => Parameter {
                name: "welcome_subject",
                about: "the subject of the welcome letter, with the placeholders `{site}`, `{title}`, `{address}` and `{account}`",
                shape: Shape::Text(crate::operation::WELCOME_SUBJECT),
                presence: Presence::Default(crate::news::SUBJECT),
                many: false,
            },
            Setting::WelcomeBody => Parameter {
                name: "welcome_body",
                about: "the text of the welcome letter, with the same placeholders and `{link}`, the one-time link, which it must \
                        hold; a profile can have a letter of its own",
                shape: Shape::Text(crate::operation::WELCOME_BODY),
                presence: Presence::Default(crate::news::BODY),
                many: false,
            },
            Setting::NewsWebhookSecret => secret("news_webhook_secret", "what posts to the webhook are signed with"),
            Setting::NewsWebhook => text(
                "news_webhook",
                crate::operation::WEBHOOK,
                "the address that failures are posted to, signed: `https://…`",
            ),
        }
    }

    /// Whether its value is sealed, and never shown.
    pub fn is_secret(self) -> bool {
        matches!(self.parameter().shape, Shape::Secret)
    }

    /// The value that holds where nobody set one.
    pub fn default(self) -> Value {
        let parameter = self.parameter();
        match parameter.presence {
            Presence::Default(text) => parameter.check(&text.into()).unwrap_or(Value::Null),
            _ => Value::Null,
        }
    }

    /// A value as it is kept, if it is one of this setting's.
    pub fn check(self, operation: &Operation, value: &Value) -> Result<Value, BadParameters> {
        // Whatever a shape's own check may let through: of one line, a second one could become another header or command.
        let one_line = |text: &str| !text.trim().chars().any(char::is_control);
        if self != Setting::WelcomeBody && !value.as_str().is_none_or(one_line) {
            let why = "it has a line break or another control character";
            return Err(BadParameters::one(operation, self.parameter().name, why, "give it on one line"));
        }
        self.parameter().check(value).map_err(|bad| {
            let remedy = bad.instead.clone().unwrap_or_default();
            BadParameters::one(operation, self.parameter().name, bad.to_string(), remedy)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_found_by_its_name_and_has_a_default_that_it_would_take() {
        for setting in Setting::ALL {
            let parameter = setting.parameter();
            assert_eq!(Setting::named(parameter.name), Some(setting));
            match setting.default() {
                Value::Null => assert!(matches!(parameter.presence, Presence::Optional(_))),
                default => assert_eq!(parameter.check(&default).unwrap(), default),
            }
        }
    }

    #[test]
    fn only_the_text_of_a_letter_can_have_lines() {
        let operation = crate::OperationId::SettingSet.declaration();
        for setting in Setting::ALL {
            let is_text = setting == Setting::WelcomeBody;
            let good = match setting.default() {
                Value::String(text) => text,
                Value::Null => "a@example.org".into(),
                number => number.to_string(),
            };
            let good = good.trim();
            for lines in [format!("{good}\nBcc: b@example.org"), format!("{good}\r\nb"), format!("b\n{good}")] {
                let checked = setting.check(&operation, &lines.clone().into());
                assert_eq!(checked.is_ok(), is_text, "{setting:?}: {lines:?}");
                if let Err(bad) = checked {
                    assert!(bad.bad[0].remedy.as_ref().is_some_and(|remedy| remedy.contains("one line")), "{bad:?}");
                }
            }
        }
    }

    #[test]
    fn a_way_to_send_mail_and_a_webhook_are_read_when_they_are_set() {
        let operation = crate::OperationId::SettingSet.declaration();
        let set = |setting: Setting, text: &str| setting.check(&operation, &text.into());

        assert_eq!(set(Setting::NewsMailBy, "smtps://u@Mail.test:465").unwrap(), "smtps://u@mail.test");
        assert_eq!(set(Setting::NewsWebhook, "https://hooks.test").unwrap(), "https://hooks.test/");
        for (setting, text) in [
            (Setting::NewsMailBy, "smtps://u:hunter2@mail.test"),
            (Setting::NewsMailBy, "postfix"),
            (Setting::NewsWebhook, "http://hooks.test/hunter2"),
            (Setting::NewsWebhook, "https://u:hunter2@hooks.test"),
        ] {
            let bad = set(setting, text).unwrap_err();
            assert!(bad.bad[0].remedy.as_ref().is_some_and(|remedy| !remedy.is_empty()), "{bad:?}");
            assert!(!format!("{bad:?}").contains("hunter2"), "{bad:?}");
        }
    }

    #[test]
    fn an_address_that_is_as_long_as_some_services_make_them_can_be_set() {
        let operation = crate::OperationId::SettingSet.declaration();
        let long = format!("https://hooks.test/{}", "a".repeat(600));
        let raw = serde_json::json!({ "value": long });

        let given = operation.read(raw.as_object().unwrap()).unwrap();

        assert_eq!(given.str("value"), Some(long.as_str()));
    }
}
