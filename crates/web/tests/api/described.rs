//! The OpenAPI document: it is the one that is checked in, it holds together, and answers are as it says.

use std::collections::BTreeSet;

use aegir_hosting::OperationId;
use aegir_lab::pretend::Furnished;
use aegir_web::api::{OwnRoute, document};
use serde_json::Value;

use crate::stage::{Real, Stage};

#[test]
fn the_document_that_is_checked_in_is_the_one_that_is_served() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    let published: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let served = Stage::new().ask("GET", "/api/v1/openapi.json", None).json();

    assert_eq!(served, document());
    assert!(
        published == served,
        "write it anew with `cargo run -q -p aegir-web --example openapi > docs/openapi.json`, and look at the difference: what was published stays"
    );
}

/// Every value in a document, with its place.
fn everything(value: &Value, place: &str, each: &mut impl FnMut(&str, &Value)) {
    each(place, value);
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| everything(value, &format!("{place}/{name}"), each));
        }
        Value::Array(values) => {
            values.iter().enumerate().for_each(|(at, value)| everything(value, &format!("{place}/{at}"), each));
        }
        _ => (),
    }
}

fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap();
            methods.iter().map(|(method, operation)| (path.clone(), method.clone(), operation.clone()))
        })
        .collect()
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let mut count = 0;

    everything(&document, "", &mut |place, value| {
        if let Some(target) = value.get("$ref").and_then(Value::as_str) {
            let found = target.strip_prefix('#').and_then(|pointer| document.pointer(pointer));
            assert!(found.is_some(), "{place}: {target}");
            count += 1;
        }
    });

    assert!(count > 100, "{count}");
}

#[test]
fn every_schema_that_is_named_is_used() {
    let document = document();
    let mut used = BTreeSet::new();
    everything(&document, "", &mut |_, value| {
        used.extend(value.get("$ref").and_then(Value::as_str).map(str::to_owned));
    });

    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        assert!(used.contains(&format!("#/components/schemas/{name}")), "{name}");
    }
}

#[test]
fn every_operation_is_described_once_and_whole() {
    let document = document();
    let operations = operations(&document);
    let ids: BTreeSet<_> =
        operations.iter().map(|(_, _, operation)| operation["operationId"].clone().to_string()).collect();
    assert_eq!(ids.len(), OperationId::ALL.len() + OwnRoute::ALL.len());

    for (path, method, operation) in &operations {
        let what = format!("{method} {path}");
        assert!(operation["summary"].as_str().is_some_and(|summary| summary.ends_with('.')), "{what}");
        let no_parameters = Vec::new();
        let parameters = operation["parameters"].as_array().unwrap_or(&no_parameters);
        let own: BTreeSet<_> = parameters.iter().map(|one| (one["in"].to_string(), one["name"].to_string())).collect();
        assert_eq!(own.len(), parameters.len(), "{what}");
        let in_path = parameters.iter().filter(|one| one["in"] == "path");
        let names: Vec<_> = in_path.map(|one| format!("{{{}}}", one["name"].as_str().unwrap())).collect();
        assert_eq!(names.len(), path.matches('{').count(), "{what}");
        assert!(names.iter().all(|name| path.contains(name.as_str())), "{what}");
        for one in parameters {
            assert!(one["schema"].is_object() && one["description"].is_string(), "{what}: {one}");
        }
        let responses = operation["responses"].as_object().unwrap();
        for status in ["200", "4XX", "5XX"] {
            assert!(responses.contains_key(status), "{what}: {status}");
        }
        assert_eq!(
            operation.get("requestBody").is_some(),
            matches!(method.as_str(), "post" | "put" | "patch"),
            "{what}"
        );
    }
}

#[test]
fn a_secret_is_only_written() {
    let document = document();
    let password = document
        .pointer("/paths/~1api~1v1~1servers/post/requestBody/content/application~1json/schema/properties/db_password");

    assert_eq!(password.unwrap()["writeOnly"], true);
}

/// Whether `value` is as `schema` says, as far as our own schemas go: types, members, lists, words, references.
fn fits(document: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        return fits(document, document.pointer(&target[1..]).unwrap(), value);
    }
    if let Some(any) = schema.get("anyOf").and_then(Value::as_array) {
        let tried: Vec<_> = any.iter().map(|one| fits(document, one, value)).collect();
        return tried.iter().any(Result::is_ok).then_some(()).ok_or_else(|| format!("{value}: {tried:?}"));
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(some) => some.iter().filter_map(Value::as_str).collect(),
        _ => return Ok(()),
    };
    let own = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if !types.contains(&own) {
        return Err(format!("{value} is no {types:?}"));
    }
    if let Some(words) = schema.get("enum").and_then(Value::as_array)
        && !words.contains(value)
    {
        return Err(format!("{value} is none of {words:?}"));
    }
    for required in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        value.get(required).ok_or_else(|| format!("{required} is missing in {value}"))?;
    }
    for (name, value) in value.as_object().into_iter().flatten() {
        match schema["properties"].get(name) {
            Some(schema) => fits(document, schema, value).map_err(|why| format!("{name}: {why}"))?,
            None if schema.get("additionalProperties").is_some() || schema.get("properties").is_none() => (),
            None => return Err(format!("nobody said that there is {name}: {value}")),
        }
    }
    value.as_array().into_iter().flatten().try_for_each(|value| fits(document, &schema["items"], value))
}

/// The name of something that is there, by what the address is about.
fn name_of(template: &str, there: &Furnished) -> String {
    let subject = template.trim_start_matches("/api/v1/").split('/').next().unwrap();
    match subject {
        "servers" => "web4".into(),
        "platforms" => "d10".into(),
        "sites" => "retry.test".into(),
        "backups" => there.backup.clone(),
        "tasks" => there.ended.to_string(),
        "bulk" => there.bulk.to_string(),
        "settings" => "tasks_at_once".into(),
        "nodes" => "@platform_d10".into(),
        "packages" => "views".into(),
        "found-sites" => "found.test".into(),
        other => panic!("nothing is called by a name below {other}"),
    }
}

#[test]
fn answers_and_problems_are_of_the_shapes_that_are_described() {
    let (stage, there) = Real::furnished();
    let document = document();
    let streams = ["openapi", "task-events", "changes", "task-secret", "backup-download"];
    let mut answered = BTreeSet::new();
    for (template, method, operation) in operations(&document) {
        if method != "get" || streams.iter().any(|id| operation["operationId"] == *id) {
            continue;
        }
        let names = match template.contains("{name}") {
            true => vec![name_of(&template, &there), "99".into(), "nothing".into()],
            false => vec![String::new()],
        };
        for (at, name) in names.iter().enumerate() {
            // What a site is compared with has to be said.
            let query = match template.rsplit('/').next() {
                Some("compare") => "?to=d10",
                // It was found on several.
                _ if template.starts_with("/api/v1/found-sites/") => "?platform=d10",
                _ => "",
            };
            // And who has no former self was not written to since.
            let moved = at == 0 && template.ends_with("/written-since");
            // And a machine that is out of reach tells nothing of its trash.
            let in_reach = at == 0 && template.ends_with("/trash");
            let name = match (moved, in_reach) {
                (true, _) => "moved.test",
                (_, true) => "web1",
                _ => name.as_str(),
            };
            let reply = stage.ask("GET", &(template.replace("{name}", name) + query), None);
            assert!(at > 0 || reply.status == 200, "{template}: {reply:?}");
            let (status, kind) = match reply.status {
                200 => ("200", "application/json"),
                _ => ("4XX", "application/problem+json"),
            };
            let response = &operation["responses"][status];
            let response = match response.get("$ref").and_then(Value::as_str) {
                Some(target) => document.pointer(&target[1..]).unwrap(),
                None => response,
            };
            let schema = &response["content"][kind]["schema"];
            assert!(!schema.is_null(), "{template}: {reply:?}");
            fits(&document, schema, &reply.json()).unwrap_or_else(|why| panic!("{template}: {why}"));
            let items = reply.json()["items"].as_array().map(Vec::len);
            assert!(at > 0 || items != Some(0), "{template} lists nothing, and shows no shape");
            answered.extend((reply.status == 200).then(|| template.clone()));
        }
    }
    let reading = OperationId::ALL.map(OperationId::declaration).iter().filter(|operation| operation.reads()).count();
    assert_eq!(answered.len(), reading, "{answered:?}");
}
