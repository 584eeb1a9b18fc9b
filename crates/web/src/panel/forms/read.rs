//! A form, read as a call: of an edit, what differs from what it began with.

use aegir_hosting::{BadParameter, Call, Names, Operation, Parameter, Presence, Shape, Subject};
use serde_json::Value;

use super::fill::{EMPTIED_BY, OWN, WAS, edits, one_newline};
use super::task_type::{runs_types, values};
use crate::panel::pairs::Pairs;

/// A form, read.
pub(super) struct Read {
    pub(super) call: Call,
    /// What cannot be asked for in this way: the name of a field, and why.
    pub(super) wrong: Vec<(String, String)>,
}

/// Reads the form of `operation`, about the object `name`.
pub(super) fn read(operation: &Operation, name: Option<&str>, form: &Pairs) -> Read {
    let mut read = Read { call: Call::of(operation.id), wrong: Vec::new() };
    read.call.name = match operation.names {
        Names::None => None,
        Names::One(_) => name.map(str::to_owned),
        Names::New(_) => Some(form.get("name").unwrap_or_default().trim().to_owned()),
    };
    if let (Some(name), Subject::Site) = (&mut read.call.name, operation.subject) {
        // A site is called by its name, and by that of its context.
        *name = name.strip_prefix('@').unwrap_or(name).to_owned();
    }
    if matches!(operation.names, Names::New(_)) && read.call.name.as_deref() == Some("") {
        read.wrong.push(("name".into(), "it must be given".into()));
    }
    for parameter in operation.parameters {
        match parameter.name {
            "field" => own_fields(form, &mut read.call),
            "with" if runs_types(operation) => {
                let values = [several(form, "with"), values(form)].concat();
                if !values.is_empty() {
                    read.call.parameters.insert("with".into(), values.into());
                }
            }
            _ if edits(operation) && form.get(&was(parameter.name)).is_some() => {
                changed(operation, parameter, form, &mut read)
            }
            _ => {
                if let Some(value) = given(parameter, form) {
                    read.call.parameters.insert(parameter.name.into(), value);
                }
            }
        }
    }
    read
}

/// All that cannot be taken of a call, whatever there is and whoever asks: told at once.
pub(super) fn mistakes(call: &Call) -> Vec<BadParameter> {
    let operation = call.operation.declaration();
    let mut bad = Vec::new();
    if let (Names::One(kind) | Names::New(kind), Some(name)) = (operation.names, &call.name)
        && let Err(text) = kind.read(name)
    {
        bad.push(BadParameter { parameter: "name".into(), why: text.to_string(), remedy: text.instead });
    }
    bad.extend(operation.read(&call.parameters).err().into_iter().flat_map(|others| others.bad));
    bad
}

fn was(name: &str) -> String {
    format!("{WAS}{name}")
}

/// A value as it was typed; `None`: none was.
fn given(parameter: &Parameter, form: &Pairs) -> Option<Value> {
    if parameter.many {
        let values = several(form, parameter.name);
        return (!values.is_empty()).then(|| values.into());
    }
    let text = form.get(parameter.name)?;
    // A space may be part of a secret.
    let text = if matches!(parameter.shape, Shape::Secret) { text } else { text.trim() };
    let is_default = matches!(parameter.presence, Presence::Default(default) if default == text);
    if text.is_empty() || is_default {
        return None;
    }
    Some(match parameter.shape {
        Shape::Flag => (text == "true").into(),
        _ => text.into(),
    })
}

/// Several values: boxes that are ticked, or lines.
fn several(form: &Pairs, name: &str) -> Vec<String> {
    form.all(name).flat_map(str::lines).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned).collect()
}

/// What an edit changes of a value that it began with.
fn changed(operation: &Operation, parameter: &Parameter, form: &Pairs, read: &mut Read) {
    let began = one_newline(form.get(&was(parameter.name)).unwrap_or_default());
    let typed = one_newline(&form.all(parameter.name).collect::<Vec<_>>().join("\n"));
    if typed.trim() == began.trim() {
        return;
    }
    if let Some(value) = given(parameter, form) {
        read.call.parameters.insert(parameter.name.into(), value);
        return;
    }
    // Emptied. What that means is the operation's to say.
    let flag = EMPTIED_BY.iter().find(|(emptied, _)| *emptied == parameter.name).map(|(_, flag)| *flag);
    match (flag.and_then(|flag| operation.parameter(flag)), parameter.shape) {
        (Some(flag), _) => drop(read.call.parameters.insert(flag.name.into(), true.into())),
        (None, _) if parameter.many => {
            drop(read.call.parameters.insert(parameter.name.into(), Value::Array(Vec::new())))
        }
        (None, Shape::Number { least: 0, .. }) => drop(read.call.parameters.insert(parameter.name.into(), 0.into())),
        _ => read.wrong.push((parameter.name.into(), format!("it cannot be emptied; it is `{began}`"))),
    }
}

/// Fields of the operator's own, each sent under its name: those that differ from what they were, or were filled.
fn own_fields(form: &Pairs, call: &mut Call) {
    let mut values: Vec<String> = Vec::new();
    for (name, value) in form.0.iter().filter_map(|(name, value)| Some((name.strip_prefix(OWN)?, value.trim()))) {
        let began = form.get(&was(&format!("{OWN}{name}"))).unwrap_or_default();
        if value != began.trim() {
            values.push(format!("{name}={value}"));
        }
    }
    if !values.is_empty() {
        call.parameters.insert("field".into(), values.into());
    }
}

#[cfg(test)]
mod tests {
    use aegir_hosting::OperationId;
    use serde_json::json;

    use super::*;

    fn asked(id: OperationId, name: Option<&str>, form: &str) -> Read {
        read(&id.declaration(), name, &Pairs::read(form))
    }

    fn parameters(read: &Read) -> Value {
        read.call.parameters.clone().into()
    }

    #[test]
    fn what_is_left_as_it_is_is_not_given() {
        let form =
            "name=%40a.test&platform=&language=en&time_zone=UTC&alias=b.test%0D%0A%0D%0A+c.test+&title=+A+%26+B+";

        let read = asked(OperationId::SiteAdd, None, form);

        assert_eq!(read.call.name.as_deref(), Some("a.test"));
        assert_eq!(parameters(&read), json!({ "alias": ["b.test", "c.test"], "title": "A & B" }));
        assert!(read.wrong.is_empty());
        assert_eq!(asked(OperationId::SiteAdd, None, "name=+").wrong[0].0, "name");
    }

    #[test]
    fn an_edit_asks_for_what_was_changed_and_knows_what_was_emptied() {
        let edit = |form: &str| asked(OperationId::SiteEdit, Some("a.test"), form);
        let same = "revision=4&was.alias=b.test%0Ac.test&alias=b.test%0D%0Ac.test&was.redirect_to=&redirect_to=";

        assert_eq!(parameters(&edit(same)), json!({ "revision": "4" }));
        assert_eq!(
            parameters(&edit("was.alias=b.test&alias=&was.redirect_to=b.test&redirect_to=")),
            json!({ "no_alias": true, "no_redirect": true })
        );
        assert_eq!(
            parameters(&edit("was.field.ticket=7&field.ticket=&was.field.owner=&field.owner=Ann")),
            json!({ "field": ["ticket=", "owner=Ann"] })
        );
    }

    #[test]
    fn what_cannot_be_emptied_is_told_and_not_left_as_it_was_in_silence() {
        let read = asked(
            OperationId::ServerEdit,
            Some("web1"),
            "was.listen=127.0.0.1%3A80&listen=&was.most_tasks=4&most_tasks=",
        );

        assert_eq!(parameters(&read), json!({ "most_tasks": 0 }));
        assert_eq!(read.wrong, [("listen".to_owned(), "it cannot be emptied; it is `127.0.0.1:80`".to_owned())]);
    }

    #[test]
    fn a_secret_keeps_its_spaces() {
        let read = asked(OperationId::ServerAdd, None, "name=web1&db_password=+a+b+");

        assert_eq!(read.call.parameters["db_password"], " a b ");
    }
}
