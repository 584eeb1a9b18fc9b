//! Operations about those who come through the panel.

use super::*;
use crate::Permission;
use crate::operation::{Effect, Names};

const PERSON: TextKind = TextKind::naming::<PanelAccountName>("ACCOUNT", Subject::Account);
const SESSION: TextKind = TextKind::checked("NUMBER", super::work::number);

const PAGE: &[Parameter] = &[LIMIT, CURSOR];

const HOURS: Parameter = default("hours", Shape::Number { least: 1, most: 720 }, "how many hours the link holds", "24");

const DELETE: &[Parameter] =
    &[flag("last", "it may be the last account, after which nobody comes in through the panel")];

const SESSIONS: &[Parameter] = &[optional("account", Shape::Text(PERSON), "whose", "all"), LIMIT, CURSOR];

pub(super) fn declared(id: OperationId) -> Operation {
    use OperationId as Id;
    let (subject, verb, names, parameters, effect, about) = match id {
        Id::AccountList => {
            (Subject::Account, "list", Names::None, PAGE, Effect::Lists, "Lists the accounts of the panel.")
        }
        Id::AccountAdd => (
            Subject::Account,
            "add",
            Names::New(PERSON),
            &[HOURS] as &[Parameter],
            Effect::Changes,
            "Makes an account of the panel, with a link by which its holder sets a password; it is shown once.",
        ),
        Id::AccountLink => (
            Subject::Account,
            "link",
            Names::One(PERSON),
            &[HOURS] as &[Parameter],
            Effect::Changes,
            "Makes a new link, for a lost password or second factor; it is shown once.",
        ),
        Id::AccountBlock => (
            Subject::Account,
            "block",
            Names::One(PERSON),
            &[] as &[Parameter],
            Effect::Changes,
            "Has an account let nobody in until it is unblocked: ends its sessions, and voids its links.",
        ),
        Id::AccountUnblock => (
            Subject::Account,
            "unblock",
            Names::One(PERSON),
            &[] as &[Parameter],
            Effect::Changes,
            "Has an account let its holder in again, by the password and the second factor that it had.",
        ),
        Id::AccountDelete => (
            Subject::Account,
            "delete",
            Names::One(PERSON),
            DELETE,
            Effect::Changes,
            "Deletes an account, and ends its sessions.",
        ),
        Id::SessionList => (
            Subject::Session,
            "list",
            Names::None,
            SESSIONS,
            Effect::Lists,
            "Lists the sessions of the panel that are open, the newest first.",
        ),
        _ => (
            Subject::Session,
            "end",
            Names::One(SESSION),
            &[] as &[Parameter],
            Effect::Changes,
            "Ends a session: its browser is signed out.",
        ),
    };
    Operation { id, subject, verb, about, names, parameters, needs: Permission::Administer, effect }
}
