//! What stands in the fields of a form: what is declared, what an object has now, what was typed.

use aegir_hosting::view::FieldView;
use aegir_hosting::{Call, Names, Operation, OperationId, Setting, Shape, Subject};
use serde_json::Value;

use super::field::{Field, Look, field_of, name_field};
use super::task_type::{of_type, runs_types};
use crate::api::Problem;
use crate::panel::pairs::Pairs;
use crate::panel::visit::Visit;
use crate::panel::words::capital;

/// What bears the value that a field had when somebody began to change it.
pub(in crate::panel) const WAS: &str = "was.";
/// What a field of the operator's own is sent as.
pub(in crate::panel) const OWN: &str = "field.";
/// How many objects can be chosen from in a list; of more, a name is typed.
const MOST_CHOICES: i64 = 200;

/// A parameter, and the flag that empties it: a form has the one field.
pub(super) const EMPTIED_BY: [(&str, &str); 3] =
    [("alias", "no_alias"), ("redirect_to", "no_redirect"), ("php", "own_php")];

/// Whether what an operation does is a change of an object as it stands.
pub(super) fn edits(operation: &Operation) -> bool {
    operation.verb == "edit"
}

/// Whether a parameter is a field of the form.
fn has_field(operation: &Operation, name: &str) -> bool {
    let empties = edits(operation) && EMPTIED_BY.iter().any(|(_, flag)| *flag == name);
    !empties && !matches!(name, "confirm" | "field")
}

/// The fields of the form of `operation`, filled with what holds now.
pub(super) async fn fields(
    visit: &Visit,
    operation: &Operation,
    name: Option<&str>,
    view: Option<&Value>,
) -> Result<Vec<Field>, Problem> {
    let mut fields: Vec<Field> = name_field(operation).into_iter().collect();
    for parameter in operation.parameters.iter().filter(|parameter| has_field(operation, parameter.name)) {
        let mut field = field_of(parameter);
        if parameter.name == "revision" {
            field.look = Look::Hidden;
            field.value = view.map_or_else(String::new, |view| text_of(&view["revision"]));
        }
        if (operation.subject, parameter.name) == (Subject::Backup, "server") {
            // What was seen is what it is done to.
            field.look = Look::Hidden;
            field.value = view.map_or_else(String::new, |view| text_of(&view["server"]));
            fields.push(field);
            continue;
        }
        if let (Shape::Text(kind), false) = (parameter.shape, parameter.many)
            && let Some(refers) = kind.refers
        {
            offer_objects(visit, refers, &mut field).await;
        }
        if parameter.name == "old_name" {
            in_words(&mut field);
        }
        fields.push(field);
    }
    if operation.subject == Subject::Trash {
        super::trash::fit(visit, operation, view, &mut fields);
    }
    if operation.id == OperationId::SettingSet
        && let Some(setting) = name.and_then(Setting::named)
    {
        fields = vec![setting_field(setting, view.map(|view| &view["value"]))];
    }
    if operation.id == OperationId::ServerEdit && view.is_none_or(|view| view["ssh"].is_null()) {
        // How a server of this machine is reached cannot be changed.
        fields.retain(|field| !field.name.starts_with("ssh_") && field.name != "home");
    }
    if operation.parameter("field").is_some() {
        fields.extend(own_fields(visit, operation).await?);
    }
    if runs_types(operation) {
        of_type(visit, operation, &mut fields).await?;
    }
    if let Some(view) = view.filter(|_| edits(operation)) {
        for field in &mut fields {
            if let Some(value) = now(operation, view, &field.name) {
                field.begin_with(&value, operation.parameter(&field.name));
            }
        }
    }
    Ok(fields)
}

/// Says of each thing that can become of a site's old name what that is.
fn in_words(field: &mut Field) {
    field.look = Look::Radios;
    field.hint = "What becomes of the name that the site has now.".into();
    for choice in &mut field.choices {
        let (text, hint) = match choice.value.as_str() {
            "redirect" => ("Leads to the new one", "Visitors of the old name are sent on, for good."),
            "alias" => ("Stays another name", "The site answers to both."),
            _ => ("Is given up", "The site answers to it no more, and another one can have it."),
        };
        (choice.text, choice.hint) = (text.into(), hint.into());
    }
}

/// Offers the objects that a field can name, where they are not too many to be read.
async fn offer_objects(visit: &Visit, subject: Subject, field: &mut Field) {
    let list = OperationId::ALL.into_iter().map(OperationId::declaration);
    let Some(list) = list.into_iter().find(|list| list.subject == subject && list.verb == "list") else { return };
    if !matches!(subject, Subject::Server | Subject::Platform | Subject::Site) {
        return;
    }
    let call = Call::of(list.id).with("limit", MOST_CHOICES).nodes_alone().uncounted();
    // Where they cannot be had, a name can still be typed.
    let Ok((items, more, _)) = visit.list::<Value>(call).await else { return };
    let names = items.iter().filter_map(|item| item["name"].as_str()).map(bare).collect::<Vec<_>>();
    match more {
        None if subject != Subject::Site => field.among(names),
        _ => field.proposing(names),
    }
}

/// The name of an object without what marks its kind.
pub(in crate::panel) fn bare(name: &str) -> String {
    let name = name.strip_prefix('@').unwrap_or(name);
    let slug = name.strip_prefix("server_").or_else(|| name.strip_prefix("platform_"));
    slug.unwrap_or(name).to_owned()
}

/// The one field that changes a setting, which is of the setting's own kind.
pub(in crate::panel) fn setting_field(setting: Setting, value: Option<&Value>) -> Field {
    let parameter = setting.parameter();
    let mut field = field_of(&parameter);
    field.name = if setting.is_secret() { "secret".into() } else { "value".into() };
    field.label = "Value".into();
    field.required = false;
    if setting == Setting::WelcomeBody {
        field.look = Look::Lines;
    }
    field.hint = match (setting.is_secret(), setting.default()) {
        // It stands in the field, until somebody writes another one.
        (false, _) if field.look == Look::Lines => {
            format!("{}. Left empty: the text as it is by default.", capital(parameter.about))
        }
        (true, _) => "Sealed, and shown to nobody again. Left empty: none any more.".into(),
        (false, Value::Null) => format!("{}. Left empty: not set.", capital(parameter.about)),
        (false, default) => format!("{} Left empty: {}, as it is by default.", field.hint, text_of(&default)),
    };
    field.fill(&value.map(text_of).unwrap_or_default());
    field
}

/// A field for each that the operator has given to objects of this kind.
async fn own_fields(visit: &Visit, operation: &Operation) -> Result<Vec<Field>, Problem> {
    let (all, _, _) = visit.list::<FieldView>(Call::of(OperationId::FieldList)).await?;
    let of_kind = all.into_iter().filter(|own| own.kind == operation.subject.word());
    Ok(of_kind.map(|own| own_field(&own, matches!(operation.names, Names::New(_)))).collect())
}

fn own_field(own: &FieldView, is_new: bool) -> Field {
    let mut field = Field {
        name: format!("{OWN}{}", own.name),
        label: own.title.clone(),
        hint: format!("Your own field `{}`.", own.name),
        required: own.required && is_new,
        otherwise: "Not said".into(),
        ..Field::default()
    };
    match own.field_type.as_str() {
        "number" => field.look = Look::Number,
        "date" => field.look = Look::Date,
        "yes-no" => field.among(["yes".to_owned(), "no".to_owned()]),
        _ => (),
    }
    field
}

/// What an object has now where a form has `field`; `None`: that is not told of it.
pub(super) fn now(operation: &Operation, view: &Value, field: &str) -> Option<String> {
    if let Some(own) = field.strip_prefix(OWN) {
        return Some(text_of(&view["fields"][own]));
    }
    let service = |kind: &str| view["services"].as_array()?.iter().find(|service| service["kind"] == kind);
    let text = match (operation.subject, field) {
        (_, "title" | "php") => text_of(&view[field]),
        (Subject::Site, "alias") => {
            let names = view["domains"].as_array().into_iter().flatten();
            let others = names.filter_map(|domain| domain["name"].as_str()).filter(|name| view["name"] != *name);
            others.collect::<Vec<_>>().join("\n")
        }
        (Subject::Site, "redirect_to") => {
            let mut names = view["domains"].as_array().into_iter().flatten();
            names.find_map(|domain| domain["target"].as_str()).unwrap_or_default().to_owned()
        }
        (Subject::Site, "cron") => text_of(&view["cron"]["every"]),
        (Subject::Server, "http") => text_of(&service("http")?["service_type"]),
        (Subject::Server, "listen") => text_of(&service("http")?["at"]),
        (Subject::Server, "db") => text_of(&service("db")?["service_type"]),
        (Subject::Server, "db_socket") => {
            text_of(&service("db")?["at"]).strip_prefix('/').map(|at| format!("/{at}"))?
        }
        (Subject::Server, "db_host") => reached_at(service("db")?)?.0,
        (Subject::Server, "db_port") => reached_at(service("db")?)?.1,
        (Subject::Server, "ip") => lines_of(&view["ips"]),
        (Subject::Server, "most_tasks") => text_of(&view["most_tasks"]),
        (Subject::Server, "home") => text_of(&view["ssh"]["home"]),
        (Subject::Server, "ssh_host" | "ssh_port" | "ssh_user" | "ssh_program") => {
            text_of(&view["ssh"][field.trim_start_matches("ssh_")])
        }
        _ => return None,
    };
    Some(text)
}

/// Host and port of a database service that has them.
fn reached_at(service: &Value) -> Option<(String, String)> {
    let at = service["at"].as_str().filter(|_| service["service_type"] != "sqlite")?;
    let (host, port) = at.rsplit_once(':').filter(|_| !at.starts_with('/'))?;
    Some((host.to_owned(), port.to_owned()))
}

fn lines_of(values: &Value) -> String {
    values.as_array().into_iter().flatten().map(text_of).collect::<Vec<_>>().join("\n")
}

/// A value as it stands in a field.
pub(in crate::panel) fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Puts what was typed into the fields; with `whole`, what was not sent was taken out.
pub(super) fn typed(fields: &mut [Field], form: &Pairs, whole: bool) {
    for field in fields {
        let was = form.get(&format!("{WAS}{}", field.name)).filter(|_| whole);
        if let Some(was) = was {
            field.was = Some(one_newline(was));
        }
        let name = field.name.clone();
        let sent: Vec<&str> = form.all(&name).collect();
        let value = match field.look {
            Look::Checks | Look::Lines => sent.join("\n"),
            _ => sent.first().copied().unwrap_or_default().to_owned(),
        };
        if !sent.is_empty() || whole {
            field.fill(&one_newline(&value));
        }
    }
}

/// Lines as we have them: a browser ends them in its own way.
pub(super) fn one_newline(text: &str) -> String {
    text.replace("\r\n", "\n")
}
