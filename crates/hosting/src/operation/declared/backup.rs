//! Operations about backups. They lie with the back ends, which are asked each time: a backup that somebody made, brought
//! or took away in a shell is told as well.

use super::*;
use crate::Permission;
use crate::operation::{Effect, Names};

const SERVER_OF_IT: Parameter =
    optional("server", Shape::Text(SERVER), "the server on whose machine it lies", "wherever it lies");

const LIST: &[Parameter] = &[
    optional(
        "site",
        Shape::Text(SITE),
        "the site, which need not be there any more; what it was before it was moved is told too",
        "all",
    ),
    optional("server", Shape::Text(SERVER), "the server on whose machine they lie", "all"),
    optional("kind", Shape::Choice(&["backup", "former"]), "what they are", "all"),
    LIMIT,
    CURSOR,
];

const SHOW: &[Parameter] = &[SERVER_OF_IT];

const VERIFY: &[Parameter] = &[
    SERVER_OF_IT,
    optional("platform", Shape::Text(PLATFORM), "the platform to try it on", "that of its site"),
    optional("db_server", Shape::Text(SERVER), "the server whose database service holds the trial", "that of its site"),
];

const RESTORE: &[Parameter] = &[
    SERVER_OF_IT,
    optional("as", Shape::Text(NEW_SITE), "the name of the new site that it is to be made", "the site that it is of"),
    optional(
        "platform",
        Shape::Text(PLATFORM),
        "the platform it is to live on; where its code is later, updates run",
        "the one it lives on, or lived on",
    ),
    optional("db_server", Shape::Text(SERVER), "the server that is to hold its database", "the one that does, or did"),
];

const DELETE: &[Parameter] =
    &[required("confirm", Shape::Text(BACKUP), "its name again, typed by whoever asks"), SERVER_OF_IT];

pub(super) fn declared(id: OperationId) -> Operation {
    let (verb, names, parameters, needs, effect, about) = match id {
        OperationId::BackupShow => (
            "show",
            Names::One(BACKUP),
            SHOW,
            Permission::View,
            Effect::Shows,
            "Shows a backup: its size, when it was made, and what it says of itself.",
        ),
        OperationId::BackupVerify => (
            "verify",
            Names::One(BACKUP),
            VERIFY,
            Permission::Operate,
            Effect::Queues,
            "Proves that a backup is whole, and makes a site of it, which must run and is then taken away again.",
        ),
        OperationId::BackupRestore => (
            "restore",
            Names::One(BACKUP),
            RESTORE,
            Permission::Manage,
            Effect::Queues,
            "Has a site be what a backup says, and keeps what it is now; one that is gone is there again, and one of \
             another name is new.",
        ),
        OperationId::BackupDelete => {
            ("delete", Names::One(BACKUP), DELETE, Permission::Manage, Effect::Queues, "Removes a backup for good.")
        }
        _ => (
            "list",
            Names::None,
            LIST,
            Permission::View,
            Effect::Lists,
            "Lists backups, the newest first; of one site, its former selves too.",
        ),
    };
    Operation { id, subject: Subject::Backup, verb, about, names, parameters, needs, effect }
}
