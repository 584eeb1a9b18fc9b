//! Operations about what was deleted and lies aside, on the machines where it lay. They are asked each time; nothing of it
//! is remembered.

use super::*;
use crate::Permission;
use crate::operation::{Effect, Names};

const LIST: &[Parameter] =
    &[optional("server", Shape::Text(SERVER), "the server on whose machine it lies", "all"), LIMIT, CURSOR];

const RESTORE: &[Parameter] = &[
    optional("server", Shape::Text(SERVER), "the server on whose machine it lies", "wherever it lies"),
    optional("platform", Shape::Text(PLATFORM), "of a site: the platform it is to live on", "the one it lived on"),
    optional(
        "db_server",
        Shape::Text(SERVER),
        "of a site: the server that is to hold its database",
        "the one that did",
    ),
];

const EMPTY: &[Parameter] = &[
    several(
        "thing",
        Shape::Text(TRASH),
        "the name of what goes, however long it lies there",
        "all that was kept for long enough",
    ),
    optional(
        "older_than",
        Shape::Number { least: 0, most: 36_500 },
        "all goes that lies there for so many days; 0: all",
        "as `trash_days` of its machine says",
    ),
    optional("server", Shape::Text(SERVER), "the server whose machine's trash it is", "the only one that there is"),
    required(
        "confirm",
        Shape::Text(LINE),
        "the name of what goes, if that is one thing, else of the server; typed by whoever asks",
    ),
];

pub(super) fn declared(id: OperationId) -> Operation {
    let (verb, names, parameters, needs, effect, about) = match id {
        OperationId::TrashRestore => (
            "restore",
            Names::One(TRASH),
            RESTORE,
            Permission::Manage,
            Effect::Queues,
            "Has what was deleted be there again: a site from its last backup, since its database is not in the trash; a \
             platform by its code, which is moved back, as it was.",
        ),
        OperationId::TrashEmpty => (
            "empty",
            Names::None,
            EMPTY,
            Permission::Manage,
            Effect::Changes,
            "Removes for good what lies in the trash of a machine for long enough, or what is named.",
        ),
        _ => (
            "list",
            Names::None,
            LIST,
            Permission::View,
            Effect::Lists,
            "Lists what was deleted and lies aside, the newest first: since when, until when, how large, and where.",
        ),
    };
    Operation { id, subject: Subject::Trash, verb, about, names, parameters, needs, effect }
}
