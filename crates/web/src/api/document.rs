//! The OpenAPI document, made from the declarations: what the router does, said to programs.

use std::collections::BTreeMap;

use aegir_hosting::view::BackupView;
use aegir_hosting::{Effect, Names, Operation, OperationId, Parameter, Permission, Presence, Subject};
use axum::http::Method;
use serde_json::{Map, Value, json};

use super::call::DRY_RUN;
use super::route::{OwnRoute, Place, place_of, route_of};
use super::shapes::{PlanView, ProblemView, QueuedView, Shapes};
use super::{ProblemKind, wait};

const ABOUT: &str = "Everything that can be asked of Ægir. Whoever asks through the socket in the home \
(`run/aegir.sock`) is known by their user; over TCP, on loopback, a token is sent: `Authorization: Bearer TOKEN`. \
A change that takes time is queued as a task, and answered with its number.\n\n\
Texts are of kinds (`x-kind`), each with a check that a schema cannot say whole. Within one version of the API fields \
are added, never taken away.";

/// The document that describes the API (OpenAPI 3.1).
pub fn document() -> Value {
    let mut shapes = Shapes::new();
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for id in OperationId::ALL {
        let operation = id.declaration();
        let route = route_of(&operation);
        let described = described(&operation, &mut shapes);
        paths.entry(route.path).or_default().insert(word(&route.method), described);
    }
    for own in OwnRoute::ALL {
        let route = own.route();
        paths.entry(route.path).or_default().insert(word(&route.method), of_own(own, &mut shapes));
    }
    let problem = shapes.of::<ProblemView>();
    let mut schemas = shapes.all();
    if let Some(kind) = schemas.get_mut("ProblemView").and_then(|view| view.pointer_mut("/properties/type")) {
        kind["enum"] = ProblemKind::ALL.map(ProblemKind::urn).to_vec().into();
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Ægir",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": "GPL-2.0-or-later", "identifier": "GPL-2.0-or-later" },
        },
        "servers": [{ "url": "/", "description": "where this document was read" }],
        "security": [{ "token": [] }],
        "tags": Subject::ALL.map(|subject| json!({ "name": subject.path() })).to_vec(),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": { "Problem": {
                "description": "It was not done: why, and the way out.",
                "content": { "application/problem+json": { "schema": problem, "example": an_example_of_a_problem() } },
            } },
            "securitySchemes": { "token": {
                "type": "http",
                "scheme": "bearer",
                "description": format!("A token, with some of the scopes {}.", Permission::ALL.map(Permission::as_str).join(", ")),
            } },
        },
    })
}

fn word(method: &Method) -> String {
    method.as_str().to_ascii_lowercase()
}

fn an_example_of_a_problem() -> Value {
    json!({
        "type": ProblemKind::Taken.urn(),
        "title": ProblemKind::Taken.title(),
        "status": ProblemKind::Taken.status(),
        "detail": "`@www.example.org` is taken by the site `@www.example.org`",
        "remedy": "choose another name, or delete what bears it",
    })
}

fn described(operation: &Operation, shapes: &mut Shapes) -> Value {
    let mut parameters = Vec::new();
    if let Names::One(kind) = operation.names {
        parameters.push(json!({
            "name": "name", "in": "path", "required": true,
            "description": "The object that it is about.",
            "schema": { "type": "string", "minLength": 1, "x-kind": kind.word },
        }));
    }
    if place_of(operation) == Place::Query {
        parameters.extend(operation.parameters.iter().map(in_query));
    }
    if !operation.reads() {
        parameters.push(json!({
            "name": DRY_RUN, "in": "query", "description": "Only says what would be done.",
            "schema": { "type": "boolean", "default": false },
        }));
        parameters.push(json!({
            "name": "Idempotency-Key", "in": "header",
            "description": "A text of the caller's own: the request is done once, however often it is sent with it.",
            "schema": { "type": "string", "pattern": "^[!-~]{1,200}$" },
        }));
    }
    if operation.effect == Effect::Queues {
        parameters.push(json!({
            "name": "Prefer", "in": "header",
            "description": format!("`wait=SECONDS`: answers when the task has ended, if that is within the time; at most {}.", wait::LONGEST),
            "schema": { "type": "string" }, "example": "wait=60",
        }));
    }
    let mut described = json!({
        "operationId": operation.slug(),
        "summary": operation.about,
        "description": format!("Needs the permission `{}`. On the command line: `aegir {}`.", operation.needs, operation.name()),
        "tags": [operation.subject.path()],
        "x-permission": operation.needs.as_str(),
        "responses": responses(operation, shapes),
    });
    if !parameters.is_empty() {
        described["parameters"] = parameters.into();
    }
    if place_of(operation) == Place::Body {
        described["requestBody"] = body(operation);
    }
    described
}

fn in_query(parameter: &Parameter) -> Value {
    let mut schema = parameter.schema();
    if let Some(schema) = schema.as_object_mut() {
        schema.remove("description");
    }
    let mut described = json!({
        "name": parameter.name, "in": "query", "description": about(parameter), "schema": schema,
        "required": parameter.presence == Presence::Required,
    });
    if parameter.many {
        // Commas are read as well.
        described["style"] = "form".into();
        described["explode"] = true.into();
    }
    described
}

fn about(parameter: &Parameter) -> String {
    match parameter.presence {
        Presence::Optional(else_) => format!("{}; if left out: {else_}", parameter.about),
        _ => parameter.about.to_owned(),
    }
}

fn body(operation: &Operation) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    if let Names::New(kind) = operation.names {
        let about = "the name of what is added";
        properties.insert("name".into(), json!({ "type": "string", "x-kind": kind.word, "description": about }));
        required.push("name");
    }
    for parameter in operation.parameters {
        let mut schema = parameter.schema();
        schema["description"] = about(parameter).into();
        properties.insert(parameter.name.into(), schema);
        if parameter.presence == Presence::Required {
            required.push(parameter.name);
        }
    }
    let mut content = json!({
        "schema": { "type": "object", "properties": properties, "required": required, "additionalProperties": false },
    });
    if let Some(example) = example(operation.id) {
        content["example"] = example;
    }
    json!({ "required": !required.is_empty(), "content": { "application/json": content } })
}

fn example(operation: OperationId) -> Option<Value> {
    Some(match operation {
        OperationId::ServerAdd => json!({
            "name": "web1", "http": "nginx", "listen": "127.0.0.1:8080", "db": "mariadb",
            "db_socket": "/run/mysqld/mysqld.sock", "db_account": "aegir", "db_password": "…",
        }),
        OperationId::PlatformAdd => {
            json!({ "name": "drupal_10", "composer": "drupal/recommended-project", "constraint": "^10.3" })
        }
        OperationId::SiteAdd => json!({ "name": "www.example.org", "platform": "drupal_10", "profile": "standard" }),
        OperationId::SiteEdit => json!({ "alias": ["example.org"], "redirect_to": "www.example.org" }),
        OperationId::SettingSet => json!({ "value": "16" }),
        OperationId::BulkStart => {
            json!({ "operation": "site verify", "filter": ["status=failed", "platform=drupal_10"] })
        }
        OperationId::AccountAdd => json!({ "name": "anna", "hours": 24 }),
        OperationId::TokenAdd => json!({ "name": "build_server", "scope": ["view", "operate"] }),
        _ => return None,
    })
}

fn responses(operation: &Operation, shapes: &mut Shapes) -> Value {
    let answered = shapes.answered(operation.id);
    let mut responses = Map::new();
    let mut done = json!({ "description": "Done.", "content": { "application/json": { "schema": answered } } });
    match operation.effect {
        Effect::Lists => {
            done["description"] = "A page of the list.".into();
            done["headers"] = json!({ "Link": {
                "description": "The address of the next page, if there is one.", "schema": { "type": "string" },
            } });
        }
        Effect::Shows => done["description"] = "The object.".into(),
        Effect::Tries => {
            done["description"] = "What was seen; or what would be tried.".into();
            done["content"]["application/json"]["schema"] = json!({ "anyOf": [answered, shapes.of::<PlanView>()] });
        }
        // A dry run is answered with what there would be; where that is many tasks, with a plan of them.
        Effect::Changes => {
            if let Some(plan) = shapes.planned(operation.id) {
                done["description"] = "Done; or what would be done.".into();
                done["content"]["application/json"]["schema"] = json!({ "anyOf": [answered, plan] });
            }
        }
        Effect::Queues => {
            done["description"] = "The task, which has ended; or what would be done.".into();
            done["content"]["application/json"]["schema"] = json!({ "anyOf": [answered, shapes.of::<PlanView>()] });
            responses.insert(
                "202".into(),
                json!({
                    "description": "A task is queued.",
                    "headers": { "Location": { "description": "The task.", "schema": { "type": "string" } } },
                    "content": { "application/json": { "schema": shapes.of::<QueuedView>() } },
                }),
            );
        }
    }
    responses.insert("200".into(), done);
    with_problems(responses)
}

fn with_problems(mut responses: Map<String, Value>) -> Value {
    for range in ["4XX", "5XX"] {
        responses.insert(range.into(), json!({ "$ref": "#/components/responses/Problem" }));
    }
    responses.into()
}

fn of_own(own: OwnRoute, shapes: &mut Shapes) -> Value {
    let task = json!({
        "name": "name", "in": "path", "required": true, "description": "The task.",
        "schema": { "type": "string", "minLength": 1, "x-kind": "NUMBER" },
    });
    let last = |form: &str| {
        json!({
            "name": "Last-Event-ID", "in": "header", "description": format!("How far the reader came: {form}."),
            "schema": { "type": "string" },
        })
    };
    let events = |about: &str, data: Value| {
        json!({
            "description": about,
            "content": { "text/event-stream": { "schema": { "type": "string" }, "x-data": data } },
        })
    };
    let backup = json!({
        "name": "name", "in": "path", "required": true, "description": "The name of the backup: that of its file.",
        "schema": { "type": "string", "minLength": 1, "x-kind": "BACKUP" },
    });
    let server = |about: &str| {
        let about = format!("The server {about}.");
        json!({ "name": "server", "in": "query", "description": about, "schema": { "type": "string" } })
    };
    let bytes = json!({ "application/octet-stream": { "schema": { "type": "string", "format": "binary" } } });
    let (id, tag, parameters, done) = match own {
        OwnRoute::TaskEvents => (
            "task-events",
            Subject::Task.path(),
            json!([task, last("attempt and line, as `2.17`")]),
            events(
                "Events `line`, each with a line; `ended` with the task at the end; `closing` when the front end \
                 ends, `trouble` with a problem.",
                shapes.line().into(),
            ),
        ),
        OwnRoute::TaskSecret => (
            "task-secret",
            Subject::Task.path(),
            json!([task]),
            json!({
                "description": "What is told once, such as a login link.",
                "content": { "application/json": { "schema": { "type": "object" } } },
            }),
        ),
        OwnRoute::BackupDownload => (
            "backup-download",
            Subject::Backup.path(),
            json!([backup, server("on whose machine it lies; if left out: wherever it lies")]),
            json!({ "description": "The archive, as it lies there.", "content": bytes }),
        ),
        OwnRoute::BackupUpload => (
            "backup-upload",
            Subject::Backup.path(),
            json!([backup, server("on whose machine it is to lie; if left out: on that of its site")]),
            json!({
                "description": "The backup. Where another one has the name, it is called after its turn: `…_2.tar.zst`.",
                "content": { "application/json": { "schema": shapes.of::<BackupView>() } },
            }),
        ),
        OwnRoute::Changes => (
            "changes",
            Subject::Node.path(),
            json!([
                last("the number of a change"),
                {
                    "name": "since", "in": "query", "description": "The same, for readers that cannot send headers.",
                    "schema": { "type": "integer", "minimum": 0 },
                },
            ]),
            events(
                "Events `change`, each with a change; `reset` when changes since were cleared away, so that all \
                 must be read anew.",
                shapes.change().into(),
            ),
        ),
        OwnRoute::Document => (
            "openapi",
            Subject::Node.path(),
            json!([]),
            json!({
                "description": "This document.",
                "content": { "application/json": { "schema": { "type": "object" } } },
            }),
        ),
    };
    let mut described = json!({
        "operationId": id,
        "summary": own.about(),
        "tags": [tag],
        "parameters": parameters,
        "responses": with_problems(Map::from_iter([("200".to_owned(), done)])),
    });
    if matches!(own, OwnRoute::BackupDownload | OwnRoute::BackupUpload) {
        described["description"] = format!("Needs the permission `{}`.", Permission::Manage).into();
        described["x-permission"] = Permission::Manage.as_str().into();
    }
    if own == OwnRoute::BackupUpload {
        described["requestBody"] = json!({ "required": true, "content": bytes });
    }
    described
}
