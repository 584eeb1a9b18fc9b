//! Operations about servers.

use super::*;
use crate::Permission;
use crate::operation::{Effect, Names};

const LIST: &[Parameter] = &[
    SEARCH,
    OBJECT_STATUS,
    optional("service", Shape::Choice(&["http", "db"]), "a service that it offers", "all"),
    default("sort", Shape::Choice(&["name", "-name", "created", "-created"]), "the order; `-` turns it round", "name"),
    LIMIT,
    CURSOR,
];

const PORT: Shape = Shape::Number { least: 1, most: 65_535 };

const ADD: &[Parameter] = &[
    optional("title", Shape::Text(TITLE), "its title", "its name"),
    optional("http", Shape::Choice(&["nginx", "apache"]), "the product of its web service", "no web service"),
    optional("listen", Shape::Text(SOCKET), "where its sites answer", "needed with a web service"),
    optional("db", Shape::Choice(&["mariadb", "sqlite"]), "the product of its database service", "no database service"),
    optional("db_socket", Shape::Text(PATH), "the socket of its database server", "it is reached by host and port"),
    optional(
        "db_host",
        Shape::Text(LINE),
        "host name or address of its database server",
        "it is reached by its socket",
    ),
    optional("db_port", PORT, "the port of its database server", "3306"),
    optional(
        "db_account",
        Shape::Text(LINE),
        "the account that may create databases and users, and grant",
        "needed with MariaDB",
    ),
    optional("db_password", Shape::Secret, "that account's password", "none, or as it is"),
    several(
        "grant_host",
        Shape::Text(GRANT_HOST),
        "a host that sites' database users come from",
        "what the database server sees",
    ),
    several("ip", Shape::Text(LINE), "an address of the machine", "none"),
    optional(
        "ssh_host",
        Shape::Text(SSH_HOST),
        "where its back end is reached over ssh",
        "its back end is on this machine",
    ),
    optional("ssh_port", PORT, "the port of ssh there", "22"),
    optional("ssh_user", Shape::Text(SSH_USER), "the user that its home belongs to", "aegir"),
    optional(
        "ssh_host_key",
        Shape::Text(HOST_KEY),
        "the key it must show: what `/etc/ssh/ssh_host_ed25519_key.pub` holds there",
        "it is asked for it: see `server host-key`",
    ),
    optional("ssh_program", Shape::Text(REMOTE_PATH), "the program there", "`aegir`, as the login finds it"),
    default("home", Shape::Text(REMOTE_PATH), "the home there", "/var/aegir"),
    optional(
        "most_tasks",
        Shape::Number { least: 1, most: 256 },
        "how many tasks may run there at once",
        "as the setting `tasks_per_server` says",
    ),
    FIELDS,
];

const EDIT: &[Parameter] = &[
    optional("title", Shape::Text(TITLE), "its title", "as it is"),
    optional("http", Shape::Choice(&["nginx", "apache"]), "the product of its web service", "as it is"),
    optional("listen", Shape::Text(SOCKET), "where its sites answer", "as it is"),
    optional("db", Shape::Choice(&["mariadb", "sqlite"]), "the product of its database service", "as it is"),
    optional("db_socket", Shape::Text(PATH), "the socket of its database server", "as it is"),
    optional("db_host", Shape::Text(LINE), "host name or address of its database server", "as it is"),
    optional("db_port", PORT, "the port of its database server", "as it is"),
    optional("db_account", Shape::Text(LINE), "the account that may create databases and users, and grant", "as it is"),
    optional("db_password", Shape::Secret, "that account's password", "as it is"),
    several("grant_host", Shape::Text(GRANT_HOST), "a host that sites' database users come from", "as they are"),
    several("ip", Shape::Text(LINE), "an address of the machine", "as they are"),
    optional("ssh_host", Shape::Text(SSH_HOST), "where its back end is reached over ssh", "as it is"),
    optional("ssh_port", PORT, "the port of ssh there", "as it is"),
    optional("ssh_user", Shape::Text(SSH_USER), "the user that its home belongs to", "as it is"),
    optional(
        "ssh_host_key",
        Shape::Text(HOST_KEY),
        "the key it must show, if it has none yet; `server trust` puts one in the place of another",
        "as it is",
    ),
    optional("ssh_program", Shape::Text(REMOTE_PATH), "the program there", "as it is"),
    optional("home", Shape::Text(REMOTE_PATH), "the home there", "as it is"),
    optional(
        "most_tasks",
        Shape::Number { least: 0, most: 256 },
        "how many tasks may run there at once; 0: as many as the setting `tasks_per_server` says",
        "as it is",
    ),
    FIELDS,
    optional(
        "revision",
        Shape::Number { least: 0, most: i64::MAX },
        "the revision that the change was made from",
        "whatever it is",
    ),
];

const VERIFY: &[Parameter] = &[flag("platforms", "verifies its platforms too, each by a task of its own")];

const TRY: &[Parameter] = &[
    optional(
        "service",
        Shape::Choice(&["back-end", "http", "db"]),
        "what is tried: the way to its back end, its web service, its database service",
        "all that it has",
    ),
    optional("http", Shape::Choice(&["nginx", "apache"]), "the product of its web service", "as it is"),
    optional("listen", Shape::Text(SOCKET), "where its sites answer", "as it is"),
    optional("db", Shape::Choice(&["mariadb", "sqlite"]), "the product of its database service", "as it is"),
    optional("db_socket", Shape::Text(PATH), "the socket of its database server", "as it is"),
    optional("db_host", Shape::Text(LINE), "host name or address of its database server", "as it is"),
    optional("db_port", PORT, "the port of its database server", "as it is"),
    optional("db_account", Shape::Text(LINE), "the account that may create databases and users, and grant", "as it is"),
    optional(
        "db_password",
        Shape::Secret,
        "that account's password",
        "as it is, for the same account at the same place",
    ),
    optional("ssh_host", Shape::Text(SSH_HOST), "where its back end is reached over ssh", "as it is"),
    optional("ssh_port", PORT, "the port of ssh there", "as it is"),
    optional("ssh_user", Shape::Text(SSH_USER), "the user that its home belongs to", "as it is"),
    optional("ssh_host_key", Shape::Text(HOST_KEY), "the key it must show", "as it is"),
    optional("ssh_program", Shape::Text(REMOTE_PATH), "the program there", "as it is"),
    optional("home", Shape::Text(REMOTE_PATH), "the home there", "as it is"),
];

const TRASH: &[Parameter] = &[LIMIT, CURSOR];

const TRUST: &[Parameter] = &[
    required(
        "key",
        Shape::Text(NAMED_KEY),
        "the key: its fingerprint, which the machine shows now, or the whole of it",
    ),
    optional("instead_of", Shape::Text(NAMED_KEY), "the key that it was known by, whose place it takes", "it had none"),
];

pub(super) fn declared(id: OperationId) -> Operation {
    let (verb, names, parameters, needs, effect, about) = match id {
        OperationId::ServerList => ("list", Names::None, LIST, Permission::View, Effect::Lists, "Lists servers."),
        OperationId::ServerAdd => (
            "add",
            Names::New(SERVER),
            ADD,
            Permission::Manage,
            Effect::Queues,
            "Records a machine with its services, and verifies it.",
        ),
        OperationId::ServerEdit => (
            "edit",
            Names::One(SERVER),
            EDIT,
            Permission::Manage,
            Effect::Queues,
            "Changes what is said of a server, and verifies it.",
        ),
        OperationId::ServerVerify => (
            "verify",
            Names::One(SERVER),
            VERIFY,
            Permission::Operate,
            Effect::Queues,
            "Brings a server's folders and configuration to what is said of it, and tries its services.",
        ),
        OperationId::ServerRun => (
            "run",
            Names::One(SERVER),
            RUN,
            Permission::Operate,
            Effect::Queues,
            "Runs a task of a type of your own on a server; `task-type list` tells which there are.",
        ),
        OperationId::ServerTry => (
            "try",
            Names::One(SERVER),
            TRY,
            Permission::Manage,
            Effect::Tries,
            "Tries whether the services of a server answer, as they are or as they would be said; one that is still to be \
             added, too.",
        ),
        OperationId::ServerHostKey => (
            "host-key",
            Names::One(SERVER),
            &[] as &[Parameter],
            Permission::Manage,
            Effect::Shows,
            "Asks the machine of a server for its key, and shows ours: what each side needs to know the other over ssh.",
        ),
        OperationId::ServerTrust => (
            "trust",
            Names::One(SERVER),
            TRUST,
            Permission::Manage,
            Effect::Changes,
            "Has a server's machine be known by a key, and by no other.",
        ),
        OperationId::ServerTrash => (
            "trash",
            Names::One(SERVER),
            TRASH,
            Permission::View,
            Effect::Lists,
            "Lists what was deleted on a server's machine and lies aside: since when, until when, how large, and how it comes back.",
        ),
        OperationId::ServerForget => (
            "forget",
            Names::One(SERVER),
            &[] as &[Parameter],
            Permission::Manage,
            Effect::Queues,
            "Forgets a server that nothing uses.",
        ),
        _ => ("show", Names::One(SERVER), &[] as &[Parameter], Permission::View, Effect::Shows, "Shows a server."),
    };
    Operation { id, subject: Subject::Server, verb, about, names, parameters, needs, effect }
}
