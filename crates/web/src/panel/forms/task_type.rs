//! The form of a task type of the operator's own: made from its manifest, sent as values of `with`.

use aegir_domain::{FieldKind, TypeField};
use aegir_hosting::view::TaskTypeView;
use aegir_hosting::{Call, Operation, OperationId};

use super::field::{Field, Look};
use crate::api::Problem;
use crate::panel::pairs::Pairs;
use crate::panel::visit::Visit;

/// What the field of a type's form is sent as.
pub(super) const WITH: &str = "with.";
/// The parameter that says which type it is.
const TYPE: &str = "task_type";

/// Whether an operation runs a task of such a type.
pub(super) fn runs_types(operation: &Operation) -> bool {
    matches!(operation.id, OperationId::SiteRun | OperationId::PlatformRun | OperationId::ServerRun)
}

/// Has a form be that of the type which was chosen; of none, the types can be chosen.
pub(super) async fn of_type(visit: &Visit, operation: &Operation, fields: &mut Vec<Field>) -> Result<(), Problem> {
    let (all, _, _) = visit.list::<TaskTypeView>(Call::of(OperationId::TaskTypeList)).await?;
    let usable = || all.iter().filter(|one| one.object.as_deref() == Some(operation.subject.word()));
    let asked = visit.asked.form.get(TYPE).or_else(|| visit.asked.query.get(TYPE)).unwrap_or_default();
    let Some(which) = fields.iter().position(|field| field.name == TYPE) else { return Ok(()) };
    let Some(chosen) = usable().find(|one| one.name == asked) else {
        fields[which].among(usable().map(|one| one.name.clone()));
        return Ok(());
    };
    fields[which].look = Look::Hidden;
    fields[which].value.clone_from(&chosen.name);
    fields.retain(|field| field.name == TYPE || field.name == "sure" && chosen.dangerous);
    if let Some(sure) = fields.iter_mut().find(|field| field.name == "sure") {
        sure.label = "The name again".into();
        sure.hint = format!("“{}” is dangerous: type the name of what it is to run on.", chosen.title);
        sure.required = true;
    }
    let at = fields.len().min(which + 1);
    let own = chosen.fields.iter().filter(|field| field.kind != FieldKind::Secret).map(own_field);
    fields.splice(at..at, own.collect::<Vec<_>>());
    Ok(())
}

fn own_field(own: &TypeField) -> Field {
    let mut field = Field {
        name: format!("{WITH}{}", own.name),
        label: own.label.to_string(),
        hint: hint_of(own),
        required: own.required && own.default.is_none(),
        otherwise: "Not said".into(),
        pattern: own.pattern.clone().unwrap_or_default(),
        ..Field::default()
    };
    match own.kind {
        FieldKind::Number => field.look = Look::Number,
        FieldKind::YesNo => field.among(["yes".to_owned(), "no".to_owned()]),
        FieldKind::Choice => field.among(own.choices.iter().cloned()),
        FieldKind::Text | FieldKind::Secret => (),
    }
    field.fill(own.default.as_deref().unwrap_or_default());
    field
}

fn hint_of(own: &TypeField) -> String {
    let range = match (own.least, own.most) {
        (Some(least), Some(most)) => format!("From {least} to {most}."),
        (Some(least), None) => format!("At least {least}."),
        (None, Some(most)) => format!("At most {most}."),
        (None, None) => String::new(),
    };
    [own.help.trim(), range.as_str()].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The values of such a form, each as `with` takes it.
pub(super) fn values(form: &Pairs) -> Vec<String> {
    let own = form.0.iter().filter_map(|(name, value)| Some((name.strip_prefix(WITH)?, value.trim())));
    own.filter(|(_, value)| !value.is_empty()).map(|(name, value)| format!("{name}={value}")).collect()
}
