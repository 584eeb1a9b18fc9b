//! What crosses to the front end for a call: where the API has its operation, and its parameters.

use aegir_hosting::{Call, Names};
use aegir_web::api::{OwnRoute, Place, place_of, route_of};
use hyper::Method;
use serde_json::Value;

/// A request as it crosses to the front end.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wire {
    /// The method.
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) target: String,
    /// The body, where the method has one.
    pub(crate) body: Option<Value>,
}

impl Wire {
    /// A question about a task that is no operation of its own.
    pub(crate) fn about_task(route: OwnRoute, task: i64) -> Wire {
        let route = route.route();
        Wire { target: route.at(&task.to_string()), method: route.method, body: None }
    }
}

/// The address of the archive of a backup.
pub(crate) fn archive_at(route: OwnRoute, backup: &str, server: Option<&str>) -> String {
    let path = route.route().at(backup);
    match server {
        Some(server) => format!("{path}?server={}", encoded(server)),
        None => path,
    }
}

/// What crosses for a call: parameters in the query where something is read or taken away, else in the body.
pub(crate) fn of(call: &Call) -> Wire {
    let operation = call.operation.declaration();
    let route = route_of(&operation);
    let path = route.at(call.name.as_deref().unwrap_or_default());
    let method = route.method;
    let mut query = Vec::new();
    let in_query = place_of(&operation) == Place::Query;
    if in_query {
        for (parameter, value) in &call.parameters {
            match value {
                Value::Array(values) => query.extend(values.iter().map(|value| (parameter.as_str(), text(value)))),
                value => query.push((parameter.as_str(), text(value))),
            }
        }
    }
    if call.dry_run {
        query.push(("dry_run", "true".into()));
    }
    let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    let target = if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) };
    let body = (!in_query).then(|| {
        let mut body = call.parameters.clone();
        if let (Names::New(_), Some(name)) = (&operation.names, &call.name) {
            body.insert("name".into(), name.as_str().into());
        }
        Value::Object(body)
    });
    Wire { method, target, body }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A text as a part of an address: all but letters, digits and `-._~@` as bytes.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'@' => out.push(char::from(byte)),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use aegir_hosting::{OperationId, Shape};

    use super::*;

    #[test]
    fn a_secret_never_crosses_in_an_address() {
        for id in OperationId::ALL {
            let operation = id.declaration();
            let secret = operation.parameters.iter().any(|parameter| matches!(parameter.shape, Shape::Secret));
            assert!(!secret || place_of(&operation) == Place::Body, "{}", operation.name());
        }
    }

    #[test]
    fn a_name_stays_one_part_of_the_address() {
        let call = Call::of(OperationId::NodeShow).about("../a b/ü\0?x#y");

        assert_eq!(of(&call).target, "/api/v1/nodes/..%2Fa%20b%2F%C3%BC%00%3Fx%23y");
    }
}
