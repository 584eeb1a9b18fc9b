//! Operations about tasks and their queue.

use super::*;
use crate::Permission;
use crate::operation::{Effect, Names};

/// The number of a task.
const NUMBER: TextKind = TextKind::checked("NUMBER", number);

pub(super) fn number(text: &str) -> Result<String, BadText> {
    match text.strip_prefix('#').unwrap_or(text).parse::<i64>() {
        Ok(number) if number > 0 => Ok(number.to_string()),
        _ => Err(BadText::of(
            text,
            "a number",
            "it is no whole number above 0",
            "give one that a list shows, such as `42`",
        )),
    }
}

/// An operation of which tasks come.
const QUEUING: TextKind = TextKind::checked("OPERATION", queuing);

fn queuing(text: &str) -> Result<String, BadText> {
    // A retry is a new attempt of a task that is there.
    operation_of(text, |operation| operation.effect == Effect::Queues && operation.id != OperationId::TaskRetry)
}

const LIST: &[Parameter] = &[
    optional("object", Shape::Text(OBJECT), "the object it is about: `example.org`, `@server_web1`", "all"),
    several("operation", Shape::Text(QUEUING), "what it does: `site verify`", "all"),
    several(
        "state",
        Shape::Choice(&[
            "waiting",
            "running",
            "out-of-contact",
            "succeeded",
            "untidy",
            "refused",
            "rolled-back",
            "stuck",
            "cancelled",
        ]),
        "how it stands",
        "all",
    ),
    optional("server", Shape::Text(SERVER), "the server whose back end carries it out", "all"),
    optional("parent", Shape::Text(NUMBER), "the task that called for it", "all"),
    optional("asked_by", Shape::Text(LINE), "who asked", "all"),
    default("sort", Shape::Choice(&["-queued", "queued"]), "the order; `-` begins with the newest", "-queued"),
    LIMIT,
    CURSOR,
];

const LOG: &[Parameter] = &[
    optional("attempt", Shape::Number { least: 1, most: 1_000_000 }, "which attempt: 1 is the first", "the newest"),
    default("from", Shape::Number { least: 1, most: i64::MAX }, "the line to begin with", "1"),
    default(
        "limit",
        Shape::Number { least: 1, most: aegir_store::LONGEST_LINES as i64 },
        "how many lines at the most; fewer where they are long",
        "500",
    ),
];

const PAUSE: &[Parameter] =
    &[optional("server", Shape::Text(SERVER), "only the tasks of this server's back end", "all tasks")];

pub(super) fn declared(id: OperationId) -> Operation {
    let subject = match id {
        OperationId::QueueShow | OperationId::QueuePause | OperationId::QueueResume | OperationId::QueueDrain => {
            Subject::Queue
        }
        _ => Subject::Task,
    };
    let none = &[] as &[Parameter];
    let (verb, names, parameters, needs, effect, about) = match id {
        OperationId::TaskList => ("list", Names::None, LIST, Permission::View, Effect::Lists, "Lists tasks."),
        OperationId::TaskLog => {
            ("log", Names::One(NUMBER), LOG, Permission::View, Effect::Lists, "Tells what a task said, line by line.")
        }
        OperationId::TaskCancel => (
            "cancel",
            Names::One(NUMBER),
            none,
            Permission::Operate,
            Effect::Changes,
            "Takes a waiting task out of the queue; has a running one stop and take back what it did. \
             Whoever could ask for the task may.",
        ),
        OperationId::TaskRetry => (
            "retry",
            Names::One(NUMBER),
            none,
            Permission::Operate,
            Effect::Queues,
            "Has an ended task tried again, as a new attempt. Whoever could ask for the task may.",
        ),
        OperationId::QueueShow => {
            ("show", Names::None, none, Permission::View, Effect::Shows, "Shows what runs, what waits and for what.")
        }
        OperationId::QueuePause => (
            "pause",
            Names::None,
            PAUSE,
            Permission::Administer,
            Effect::Changes,
            "Starts no further task; those that run go on.",
        ),
        OperationId::QueueResume => {
            ("resume", Names::None, PAUSE, Permission::Administer, Effect::Changes, "Starts tasks again.")
        }
        OperationId::QueueDrain => (
            "drain",
            Names::None,
            PAUSE,
            Permission::Administer,
            Effect::Changes,
            "Starts no further task, and says when none runs any more.",
        ),
        _ => ("show", Names::One(NUMBER), none, Permission::View, Effect::Shows, "Shows a task with its steps."),
    };
    Operation { id, subject, verb, about, names, parameters, needs, effect }
}
