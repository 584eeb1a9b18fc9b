//! Operations about bulk runs: one operation, asked of many objects.

use super::*;
use crate::Permission;
use crate::operation::{Effect, Names};

/// The number of a bulk run.
const NUMBER: TextKind = TextKind::checked("NUMBER", super::work::number);

/// An operation that can be asked of many at once.
const FOR_MANY: TextKind = TextKind::checked("OPERATION", for_many);

/// The operations that a bulk run can ask for: such as take nothing that differs between objects, tell no secret, and
/// destroy nothing.
pub(in crate::operation) const OPERATIONS_FOR_MANY: [OperationId; 6] = [
    OperationId::SiteVerify,
    OperationId::SiteDisable,
    OperationId::SiteEnable,
    OperationId::SiteUpdate,
    OperationId::PlatformVerify,
    OperationId::ServerVerify,
];

fn for_many(text: &str) -> Result<String, BadText> {
    operation_of(text, Operation::is_for_many)
}

const START: &[Parameter] = &[
    required("operation", Shape::Text(FOR_MANY), "what is asked of each: `site verify`"),
    several("object", Shape::Text(LINE), "an object, by its name", "those that `filter` finds"),
    several(
        "filter",
        Shape::Text(VALUE),
        "what the list of these is filtered by, as NAME=VALUE: `status=failed`; `all` for all of them",
        "those that `object` names",
    ),
    several("with", Shape::Text(VALUE), "what is given with the operation, as NAME=VALUE", "nothing"),
    optional("waves", Shape::Text(WAVES), WAVES_ARE, "all are in one"),
    optional("at_once", AT_ONCE, "how many of its tasks there are at once, at the most", "the queue alone decides"),
    optional("stop_after", STOP_AFTER, STOP_AFTER_IS, "it does not"),
];

const GO_BACK: &[Parameter] = &[
    several("site", Shape::Text(SITE), "a site of the run that is to go back, by its name", "all that it changed"),
    flag("although_broken", "pages as they were may be errors; sites are put in service all the same"),
];

const ENTRIES: &[Parameter] = &[
    several(
        "state",
        Shape::Choice(&[
            "not-asked",
            "not-queued",
            "rehearsing",
            "rehearsed",
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
        "how they stand",
        "all",
    ),
    LIMIT,
    CURSOR,
];

const PAGE: &[Parameter] = &[LIMIT, CURSOR];

pub(super) fn declared(id: OperationId) -> Operation {
    let none = &[] as &[Parameter];
    let (verb, names, parameters, needs, effect, about) = match id {
        OperationId::BulkList => {
            ("list", Names::None, PAGE, Permission::View, Effect::Lists, "Lists bulk runs, the newest first.")
        }
        OperationId::BulkObjects => (
            "objects",
            Names::One(NUMBER),
            ENTRIES,
            Permission::View,
            Effect::Lists,
            "Lists the objects of a bulk run, with the task of each and what became of it.",
        ),
        OperationId::BulkStart => (
            "start",
            Names::None,
            START,
            Permission::Operate,
            Effect::Changes,
            "Asks one operation of many objects, each by a task of its own. \
             With a dry run, it says who qualifies, and why others do not.",
        ),
        OperationId::BulkRetry => (
            "retry",
            Names::One(NUMBER),
            none,
            Permission::Operate,
            Effect::Changes,
            "Asks the same once more of those objects of a bulk run that it failed for, as a run of its own.",
        ),
        OperationId::BulkPause => (
            "pause",
            Names::One(NUMBER),
            none,
            Permission::Operate,
            Effect::Changes,
            "Asks nothing more of a bulk run until somebody resumes it; what was asked goes to its end. Whoever could \
             begin the run may.",
        ),
        OperationId::BulkResume => (
            "resume",
            Names::One(NUMBER),
            none,
            Permission::Operate,
            Effect::Changes,
            "Goes on with a bulk run that is paused, whatever failed so far. Whoever could begin the run may.",
        ),
        OperationId::BulkStop => (
            "stop",
            Names::One(NUMBER),
            none,
            Permission::Operate,
            Effect::Changes,
            "Ends a bulk run: nothing more is asked, what waits is taken out of the queue, and what runs goes to its end. \
             Whoever could begin the run may.",
        ),
        OperationId::BulkGoBack => (
            "go-back",
            Names::One(NUMBER),
            GO_BACK,
            Permission::Manage,
            Effect::Changes,
            "Has the sites that a bulk run moved or updated be what they were before, all or some of them, as a run of its own.",
        ),
        _ => (
            "show",
            Names::One(NUMBER),
            none,
            Permission::View,
            Effect::Shows,
            "Shows how a bulk run stands, with its failures put together by their causes.",
        ),
    };
    Operation { id, subject: Subject::Bulk, verb, about, names, parameters, needs, effect }
}
