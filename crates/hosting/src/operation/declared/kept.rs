//! Operations about what the front end keeps beside objects and tasks.

use super::*;
use crate::Permission;
use crate::operation::{Effect, Names};
use crate::people::trace::DEEDS;

const LABEL: TextKind = TextKind::naming::<MachineName>("LABEL", Subject::Token);
const FIELD: TextKind = TextKind::naming::<MachineName>("FIELD", Subject::Field);
const SETTING: TextKind = TextKind::naming::<MachineName>("SETTING", Subject::Setting);
const PACKAGE: TextKind = TextKind::naming::<MachineName>("PACKAGE", Subject::Package);
const NODE: TextKind = TextKind::checked("NUMBER|NAME", line);

const PAGE: &[Parameter] = &[LIMIT, CURSOR];

const PACKAGES: &[Parameter] = &[SEARCH, PACKAGE_KIND, LIMIT, CURSOR];

const PACKAGE_SHOW: &[Parameter] = &[
    optional(
        "kind",
        Shape::Choice(&["module", "theme", "profile", "theme-engine"]),
        "what sort of thing it is",
        "whichever bears the name",
    ),
    LIMIT,
    CURSOR,
];

const TOKEN_ADD: &[Parameter] = &[
    Parameter {
        name: "scope",
        about: "what its holder may",
        shape: Shape::Choice(&["view", "operate", "log-in", "manage", "administer"]),
        presence: Presence::Required,
        many: true,
    },
    default("days", Shape::Number { least: 1, most: 3_650 }, "how many days it holds", "365"),
];

const SETTING_SET: &[Parameter] = &[
    optional("value", Shape::Text(VALUE), "the new value", "the default again"),
    optional("secret", Shape::Secret, "the new value of a setting that is a secret", "as it is, or none"),
];

const FIELD_ADD: &[Parameter] = &[
    required("kind", Shape::Choice(&["server", "platform", "site"]), "which objects have it"),
    optional("title", Shape::Text(TITLE), "how it is called on pages", "its name"),
    default("type", Shape::Choice(&["text", "number", "yes-no", "date"]), "what its values are", "text"),
    flag("required", "every new object is given a value of it"),
];

const FIELD_KIND: &[Parameter] =
    &[required("kind", Shape::Choice(&["server", "platform", "site"]), "which objects have it")];

const FOUND_ONE: &[Parameter] = &[
    optional(
        "as",
        Shape::Text(NEW_SITE),
        "what a site that lies in `sites/default` would be called",
        "what its settings, or lines of `sites.php`, say of it",
    ),
    optional("platform", Shape::Text(PLATFORM), "the platform that it lies on", "the one on which it was found"),
    optional("db_server", Shape::Text(SERVER), "the server that has its data", "the one that its settings lead to"),
    several("alias", Shape::Text(HOST), "another name it would answer to", "none"),
];
const FOUND: &[Parameter] =
    &[several("platform", Shape::Text(PLATFORM), "the platform it was found on", "all"), LIMIT, CURSOR];

const RESOLVE: &[Parameter] = &[required(
    "take",
    Shape::Choice(&["ours", "theirs"]),
    "`theirs` takes over what the back end has, `ours` writes there what the front end has",
)];

/// Any operation: one that only reads is in the audit too, if it was refused. And what people do at the panel's door.
const OPERATION: TextKind = TextKind::checked("OPERATION", any_operation);

fn any_operation(text: &str) -> Result<String, aegir_domain::BadText> {
    let word = text.trim().replace(' ', "-");
    match DEEDS.contains(&word.as_str()) {
        true => Ok(word),
        false => operation_of(text, |_| true),
    }
}

const AUDIT: &[Parameter] = &[
    optional("actor", Shape::Text(LINE), "who", "all"),
    optional("operation", Shape::Text(OPERATION), "what: `site delete`, `panel sign-in`", "all"),
    optional("object", Shape::Text(LINE), "to what: `example.org`, `@server_web1`, or a number", "all"),
    LIMIT,
    CURSOR,
];

pub(super) fn declared(id: OperationId) -> Operation {
    use OperationId as Id;
    let none = &[] as &[Parameter];
    let view = Permission::View;
    let administer = Permission::Administer;
    let (subject, verb, names, parameters, needs, effect, about) = match id {
        Id::PackageList => (
            Subject::Package,
            "list",
            Names::None,
            PACKAGES,
            view,
            Effect::Lists,
            "Lists packages, with how many sites use each.",
        ),
        Id::PackageShow => (
            Subject::Package,
            "show",
            Names::One(PACKAGE),
            PACKAGE_SHOW,
            view,
            Effect::Shows,
            "Shows a package: its releases, and every place it is installed in.",
        ),
        Id::TokenList => {
            (Subject::Token, "list", Names::None, PAGE, administer, Effect::Lists, "Lists tokens of the API.")
        }
        Id::TokenAdd => (
            Subject::Token,
            "add",
            Names::New(LABEL),
            TOKEN_ADD,
            administer,
            Effect::Changes,
            "Makes a token of the API, shown once.",
        ),
        Id::TokenRevoke => {
            (Subject::Token, "revoke", Names::One(LABEL), none, administer, Effect::Changes, "Makes a token worthless.")
        }
        Id::SettingList => (
            Subject::Setting,
            "list",
            Names::None,
            none,
            administer,
            Effect::Lists,
            "Lists settings with their values.",
        ),
        Id::SettingShow => (
            Subject::Setting,
            "show",
            Names::One(SETTING),
            none,
            administer,
            Effect::Shows,
            "Shows a setting with its history.",
        ),
        Id::SettingSet => (
            Subject::Setting,
            "set",
            Names::One(SETTING),
            SETTING_SET,
            administer,
            Effect::Changes,
            "Changes a setting.",
        ),
        Id::FieldList => {
            (Subject::Field, "list", Names::None, none, view, Effect::Lists, "Lists the operator's own fields.")
        }
        Id::FieldAdd => (
            Subject::Field,
            "add",
            Names::New(FIELD),
            FIELD_ADD,
            administer,
            Effect::Changes,
            "Gives objects of a kind a field of the operator's own.",
        ),
        Id::FieldDelete => (
            Subject::Field,
            "delete",
            Names::One(FIELD),
            FIELD_KIND,
            administer,
            Effect::Changes,
            "Takes a field away, with its values.",
        ),
        Id::TaskTypeList => (
            Subject::TaskType,
            "list",
            Names::None,
            none,
            view,
            Effect::Lists,
            "Lists task types of your own, with what their forms ask; and those that cannot be used, with the reason.",
        ),
        Id::FoundSiteList => (
            Subject::FoundSite,
            "list",
            Names::None,
            FOUND,
            view,
            Effect::Lists,
            "Lists sites that a verify found and that are not managed.",
        ),
        Id::FoundSiteShow => (
            Subject::FoundSite,
            "show",
            Names::One(FOLDER),
            FOUND_ONE,
            Permission::Manage,
            Effect::Shows,
            "Looks at a site that was found, and says what taking it in would find and change; it changes nothing.",
        ),
        Id::DriftList => (
            Subject::Drift,
            "list",
            Names::None,
            PAGE,
            view,
            Effect::Lists,
            "Lists objects of which a back end has another record than the front end.",
        ),
        Id::DriftResolve => (
            Subject::Drift,
            "resolve",
            Names::One(TextKind::checked("@NAME", line)),
            RESOLVE,
            Permission::Manage,
            Effect::Queues,
            "Takes one side of such a difference.",
        ),
        Id::NodeShow => (
            Subject::Node,
            "show",
            Names::One(NODE),
            none,
            view,
            Effect::Shows,
            "Shows whatever has this number or name.",
        ),
        Id::NodeHistory => (
            Subject::Node,
            "history",
            Names::One(NODE),
            PAGE,
            view,
            Effect::Lists,
            "Tells what became of an object, the newest first.",
        ),
        _ => (
            Subject::Audit,
            "list",
            Names::None,
            AUDIT,
            administer,
            Effect::Lists,
            "Tells what was asked for, by whom, the newest first.",
        ),
    };
    Operation { id, subject, verb, about, names, parameters, needs, effect }
}
