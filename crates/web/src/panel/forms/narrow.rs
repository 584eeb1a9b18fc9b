//! For a new site: each choice narrows the others, with and without JavaScript.

use aegir_hosting::{Call, OperationId};
use askama::Template;
use axum::body::Body;
use axum::http::Response;
use serde_json::Value;

use super::field::Field;
use super::group::{Group, grouped};
use super::{fill, page};
use crate::api::Problem;
use crate::panel::reply;
use crate::panel::visit::Visit;

/// Where a form asks what remains.
pub(super) const ADDRESS: &str = "/fragments/site-options";
/// The parameters that narrow each other.
const NARROWING: [&str; 4] = ["platform", "profile", "db_server", "language"];

#[derive(Template)]
#[template(path = "do_choices.html")]
struct ChoicesPage {
    group: Group,
}

/// The choices alone, for a form that is being filled in.
pub(super) async fn fragment(visit: &Visit) -> Result<Response<Body>, Problem> {
    let operation = OperationId::SiteAdd.declaration();
    let mut fields = fill::fields(visit, &operation, None, None).await?;
    fields.retain(|field| NARROWING.contains(&field.name.as_str()));
    fill::typed(&mut fields, &visit.asked.query, false);
    narrow(visit, &mut fields).await?;
    match grouped(&operation, fields).into_iter().find(|group| group.narrows) {
        Some(group) => reply::page(&ChoicesPage { group }),
        None => Err(page::broken("the form has no choices")),
    }
}

/// Offers what remains of each choice, and says what does not go together.
pub(super) async fn narrow(visit: &Visit, fields: &mut [Field]) -> Result<(), Problem> {
    let chosen = |name: &str, fields: &[Field]| {
        fields.iter().find(|field| field.name == name).map(|field| field.value.trim().to_owned()).unwrap_or_default()
    };
    let mut call = Call::of(OperationId::SiteOptions);
    for name in NARROWING {
        let value = chosen(name, fields);
        if !value.is_empty() {
            call = call.with(name, value);
        }
    }
    let remaining: Value = match visit.object(call).await {
        Ok(remaining) => remaining,
        // What is no name at all narrows nothing, and is told where it was typed.
        Err(problem) if !problem.parameters().is_empty() => {
            for bad in problem.parameters() {
                mark(fields, &bad.parameter, &bad.why);
            }
            visit.object(Call::of(OperationId::SiteOptions)).await?
        }
        Err(problem) => return Err(problem),
    };
    for field in fields.iter_mut() {
        if NARROWING.contains(&field.name.as_str()) {
            field.narrows = ADDRESS;
        }
        let Some(values) = remaining[&field.name]["values"].as_array() else { continue };
        let values: Vec<String> = values.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        match (field.name.as_str(), &values[..]) {
            ("language", _) => {
                field.hint = format!("{} At hand: {}. Drupal 8 and later fetch others.", field.hint, values.join(", "));
                field.proposing(values);
            }
            (_, [only]) => {
                field.hint = format!("{} Only `{only}` is left.", field.hint);
                field.among(values);
            }
            _ => field.among(values),
        }
    }
    for conflict in remaining["conflicts"].as_array().into_iter().flatten() {
        if let (Some(name), Some(why)) = (conflict["parameter"].as_str(), conflict["why"].as_str()) {
            mark(fields, name, why);
        }
    }
    Ok(())
}

/// Says what is wrong with a field, unless something was said already.
pub(super) fn mark(fields: &mut [Field], name: &str, why: &str) -> bool {
    match fields.iter_mut().find(|field| field.name == name) {
        Some(field) => {
            if field.error.is_empty() {
                why.clone_into(&mut field.error);
            }
            true
        }
        None => false,
    }
}
