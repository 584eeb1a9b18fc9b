//! Operations about platforms.

use super::*;
use crate::Permission;
use crate::operation::{Effect, Names};

const LIST: &[Parameter] = &[
    SEARCH,
    OBJECT_STATUS,
    optional("server", Shape::Text(SERVER), "the server that serves it", "all"),
    optional("core", Shape::Text(LINE), "its version of Drupal, or how that begins", "all"),
    default("sort", Shape::Choice(&["name", "-name", "created", "-created"]), "the order; `-` turns it round", "name"),
    LIMIT,
    CURSOR,
];

const ADD: &[Parameter] = &[
    optional("root", Shape::Text(PATH), "the document root of code that is there already", "the code is made"),
    optional("copy_from", Shape::Text(PATH), "a tree that the code is copied from, and that is only read", "no copy"),
    optional("composer", Shape::Text(COMPOSER_PACKAGE), "the package that Composer makes it from", "no Composer"),
    optional(
        "constraint",
        Shape::Text(CONSTRAINT),
        "which releases Composer may take",
        "the newest that its PHP can run",
    ),
    optional("registry", Shape::Text(REGISTRY), "the registry that Composer asks", "the public one"),
    flag("demo", "the demo code base, which is no Drupal"),
    optional("server", Shape::Text(SERVER), "the server whose web service serves it", "the only one that has one"),
    optional("php", Shape::Text(PATH), "the PHP program for its sites' work in a shell", "the machine's own"),
    optional("title", Shape::Text(TITLE), "its title", "its name"),
    FIELDS,
];

const EDIT: &[Parameter] = &[
    optional("php", Shape::Text(PATH), "the PHP program for its sites' work in a shell", "as it is"),
    flag("own_php", "the machine's own PHP again"),
    optional("title", Shape::Text(TITLE), "its title", "as it is"),
    FIELDS,
    optional(
        "revision",
        Shape::Number { least: 0, most: i64::MAX },
        "the revision that the change was made from",
        "whatever it is",
    ),
];

const DELETE: &[Parameter] = &[required("confirm", Shape::Text(PLATFORM), "its name again, typed by whoever asks")];

pub(super) fn declared(id: OperationId) -> Operation {
    let (verb, names, parameters, needs, effect, about) = match id {
        OperationId::PlatformList => ("list", Names::None, LIST, Permission::View, Effect::Lists, "Lists platforms."),
        OperationId::PlatformAdd => (
            "add",
            Names::New(PLATFORM),
            ADD,
            Permission::Manage,
            Effect::Queues,
            "Makes a platform of code that is there, copied, or made by Composer, and verifies it.",
        ),
        OperationId::PlatformEdit => (
            "edit",
            Names::One(PLATFORM),
            EDIT,
            Permission::Manage,
            Effect::Queues,
            "Changes what is said of a platform, and verifies it.",
        ),
        OperationId::PlatformVerify => (
            "verify",
            Names::One(PLATFORM),
            &[] as &[Parameter],
            Permission::Operate,
            Effect::Queues,
            "Checks a platform's code and records its packages and the sites that are found in it.",
        ),
        OperationId::PlatformForget => (
            "forget",
            Names::One(PLATFORM),
            &[] as &[Parameter],
            Permission::Manage,
            Effect::Queues,
            "Forgets a platform on which no site lives; its code stays where it is.",
        ),
        OperationId::PlatformLock => (
            "lock",
            Names::One(PLATFORM),
            &[] as &[Parameter],
            Permission::Manage,
            Effect::Changes,
            "Takes no more sites onto a platform; those that live on it go on, and can be moved away.",
        ),
        OperationId::PlatformUnlock => (
            "unlock",
            Names::One(PLATFORM),
            &[] as &[Parameter],
            Permission::Manage,
            Effect::Changes,
            "Takes sites onto a locked platform again.",
        ),
        OperationId::PlatformDelete => (
            "delete",
            Names::One(PLATFORM),
            DELETE,
            Permission::Manage,
            Effect::Queues,
            "Takes away a platform on which no site lives: its code goes to the trash.",
        ),
        _ => ("show", Names::One(PLATFORM), &[] as &[Parameter], Permission::View, Effect::Shows, "Shows a platform."),
    };
    Operation { id, subject: Subject::Platform, verb, about, names, parameters, needs, effect }
}
