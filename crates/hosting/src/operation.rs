//! What can be asked for: every operation, declared once.
//!
//! From these declarations come the API's routes, the document that describes it, the command line
//! and the permission tests; what an operation does is the use case that its id leads to.

mod declared;
mod given;
mod option;
mod parameter;

use declared::OPERATIONS_FOR_MANY;
pub use declared::OperationId;
pub(crate) use declared::{CONTACTS, CRON_RUNS, EMAIL, MAIL_WAY, WEBHOOK, WELCOME, WELCOME_BODY, WELCOME_SUBJECT};
pub use given::{BadParameter, BadParameters, Given};
pub use parameter::{Parameter, Presence, Shape, TextKind};

use crate::Permission;

/// One operation: who may ask, with which parameters, and what comes of it.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// Which one.
    pub id: OperationId,
    /// What it is about.
    pub subject: Subject,
    /// What is done: `verify`.
    pub verb: &'static str,
    /// What it does, in a sentence for whoever is about to ask for it.
    pub about: &'static str,
    /// Whether it names an object.
    pub names: Names,
    /// Its parameters, the name of its object left out.
    pub parameters: &'static [Parameter],
    /// What it takes of whoever asks.
    pub needs: Permission,
    /// What comes of it.
    pub effect: Effect,
}

/// What an operation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A machine and its services.
    Server,
    /// A copy of Drupal's code.
    Platform,
    /// A Drupal site.
    Site,
    /// An archive of a site.
    Backup,
    /// What was deleted and lies aside.
    Trash,
    /// A module, theme or profile.
    Package,
    /// A task.
    Task,
    /// The queue of tasks.
    Queue,
    /// One operation, asked of many objects.
    Bulk,
    /// A token of the API.
    Token,
    /// An account of the panel.
    Account,
    /// A session of the panel.
    Session,
    /// A setting of the front end.
    Setting,
    /// A field of the operator's own.
    Field,
    /// A task type of the operator's own.
    TaskType,
    /// A site that was found and is not managed.
    FoundSite,
    /// A difference between what the front end remembers and what a back end has.
    Drift,
    /// What was asked for, by whom.
    Audit,
    /// Anything that has a number.
    Node,
}

impl Subject {
    /// All of them.
    pub const ALL: [Subject; 19] = [
        Subject::Server,
        Subject::Platform,
        Subject::Site,
        Subject::Backup,
        Subject::Trash,
        Subject::Package,
        Subject::Task,
        Subject::Queue,
        Subject::Bulk,
        Subject::Token,
        Subject::Account,
        Subject::Session,
        Subject::Setting,
        Subject::Field,
        Subject::TaskType,
        Subject::FoundSite,
        Subject::Drift,
        Subject::Audit,
        Subject::Node,
    ];

    /// The word on the command line: `found-site`.
    pub fn word(self) -> &'static str {
        match self {
            Subject::Server => "server",
            Subject::Platform => "platform",
            Subject::Site => "site",
            Subject::Backup => "backup",
            Subject::Trash => "trash",
            Subject::Package => "package",
            Subject::Task => "task",
            Subject::Queue => "queue",
            Subject::Bulk => "bulk",
            Subject::Token => "token",
            Subject::Account => "account",
            Subject::Session => "session",
            Subject::Setting => "settings",
            Subject::Field => "field",
            Subject::TaskType => "task-type",
            Subject::FoundSite => "found-site",
            Subject::Drift => "drift",
            Subject::Audit => "audit",
            Subject::Node => "node",
        }
    }

    /// The part of an address below `/api/v1`: `found-sites`.
    pub fn path(self) -> &'static str {
        match self {
            Subject::Server => "servers",
            Subject::Platform => "platforms",
            Subject::Site => "sites",
            Subject::Backup => "backups",
            Subject::Trash => "trash",
            Subject::Package => "packages",
            Subject::Task => "tasks",
            Subject::Queue => "queue",
            Subject::Bulk => "bulk",
            Subject::Token => "tokens",
            Subject::Account => "accounts",
            Subject::Session => "sessions",
            Subject::Setting => "settings",
            Subject::Field => "fields",
            Subject::TaskType => "task-types",
            Subject::FoundSite => "found-sites",
            Subject::Drift => "drift",
            Subject::Audit => "audit",
            Subject::Node => "nodes",
        }
    }
}

/// Whether an operation names an object.
#[derive(Clone, Copy, Debug)]
pub enum Names {
    /// It is about all of them, or there is only one.
    None,
    /// One that is there.
    One(TextKind),
    /// One that there is not yet.
    New(TextKind),
}

/// What comes of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A page of a list.
    Lists,
    /// One object.
    Shows,
    /// Something is tried at once, and what came of it shown. Nothing is changed, and nothing of it remembered but that
    /// it was asked: it reaches out, with what was given.
    Tries,
    /// A change of what is remembered, at once.
    Changes,
    /// A task, with the change that calls for it.
    Queues,
}

impl Operation {
    /// Its whole name: `site verify`.
    pub fn name(&self) -> String {
        format!("{} {}", self.subject.word(), self.verb)
    }

    /// The word that tasks and the audit keep: `site-verify`.
    pub fn slug(&self) -> String {
        format!("{}-{}", self.subject.word(), self.verb)
    }

    /// Whether it only reads.
    pub fn reads(&self) -> bool {
        matches!(self.effect, Effect::Lists | Effect::Shows)
    }

    /// Whether a bulk run can ask it of many objects.
    pub fn is_for_many(&self) -> bool {
        OPERATIONS_FOR_MANY.contains(&self.id)
    }

    /// The parameter of this name.
    pub fn parameter(&self, name: &str) -> Option<&'static Parameter> {
        self.parameters.iter().find(|parameter| parameter.name == name)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_operation_has_a_name_of_its_own() {
        let names: BTreeSet<_> = OperationId::ALL.into_iter().map(|id| id.declaration().name()).collect();

        assert_eq!(names.len(), OperationId::ALL.len());
    }

    #[test]
    fn every_operation_is_declared_as_itself_and_says_what_it_does() {
        for id in OperationId::ALL {
            let operation = id.declaration();
            assert_eq!(operation.id, id);
            assert!(operation.about.ends_with('.') && operation.about.len() > 10, "{}", operation.name());
            assert!(operation.verb.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", operation.name());
            for parameter in operation.parameters {
                assert!(!parameter.about.is_empty() && !parameter.about.ends_with('.'), "{}", parameter.name);
                assert_ne!(parameter.name, "name", "the object's name is no parameter: {}", operation.name());
            }
            let own: BTreeSet<_> = operation.parameters.iter().map(|parameter| parameter.name).collect();
            assert_eq!(own.len(), operation.parameters.len(), "{}", operation.name());
        }
    }

    #[test]
    fn whoever_only_views_changes_nothing() {
        for id in OperationId::ALL {
            let operation = id.declaration();
            assert!(operation.reads() || operation.needs != Permission::View, "{}", operation.name());
        }
    }

    #[test]
    fn a_default_is_a_value_that_could_be_given() {
        for id in OperationId::ALL {
            for parameter in id.declaration().parameters {
                if let Presence::Default(text) = parameter.presence {
                    assert!(parameter.check(&text.into()).is_ok(), "{}: {text}", parameter.name);
                }
            }
        }
    }
}
