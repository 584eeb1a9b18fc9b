//! What can be asked of the operator's own fields.

use std::collections::BTreeMap;

use aegir_domain::{MachineName, NodeId, NodeKind};
use aegir_store::{Field, Read, Tx};

use super::Asked;
use super::shown::{self, of_page};
use crate::view::{DeletedFieldView, FieldView};
use crate::{Answer, BadParameters, Hosting, Names, Refusal};

/// Values of the operator's own fields; none empties one.
pub(crate) type GivenFields = Vec<(MachineName, Option<String>)>;

impl Hosting {
    pub(super) async fn list_fields(&self) -> Result<Answer, Refusal> {
        let mut items = Vec::new();
        for kind in [NodeKind::Server, NodeKind::Platform, NodeKind::Site] {
            for field in self.store().read(async |read| read.fields(kind).await).await? {
                items.push(FieldView {
                    kind: field.kind.to_string(),
                    name: field.name.to_string(),
                    title: field.label,
                    field_type: field.field_type,
                    required: field.required,
                });
            }
        }
        of_page(items, None, None)
    }

    pub(super) async fn add_field(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let name = asked.machine_name()?;
        let field = Field {
            kind: asked.node_kind(),
            label: asked.given.str("title").unwrap_or(name.as_str()).to_owned(),
            field_type: asked.given.str("type").unwrap_or("text").to_owned(),
            required: asked.given.flag("required"),
            name,
        };
        self.change(asked, async |tx| {
            if tx.fields(field.kind).await?.iter().any(|other| other.name == field.name) {
                let by = format!("another field of a {}", field.kind);
                return Err(Refusal::Taken { name: field.name.to_string(), by });
            }
            if !asked.dry_run {
                tx.save_field(&field).await?;
            }
            Ok(Answer::Object(shown::json(&FieldView {
                kind: field.kind.to_string(),
                name: field.name.to_string(),
                title: field.label.clone(),
                field_type: field.field_type.clone(),
                required: field.required,
            })))
        })
        .await
    }

    pub(super) async fn delete_field(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let name = asked.machine_name()?;
        let kind = asked.node_kind();
        self.change(asked, async |tx| {
            if !tx.fields(kind).await?.iter().any(|field| field.name == name) {
                return Err(Refusal::Unknown { what: "field", name: name.to_string() });
            }
            if !asked.dry_run {
                tx.drop_field(kind, &name).await?;
            }
            Ok(Answer::Object(shown::json(&DeletedFieldView {
                kind: kind.to_string(),
                name: name.to_string(),
                deleted: !asked.dry_run,
            })))
        })
        .await
    }
}

impl Asked<'_> {
    fn machine_name(&self) -> Result<MachineName, Refusal> {
        self.name.parse().map_err(|_| Refusal::Unknown { what: "field", name: self.name.to_owned() })
    }

    fn node_kind(&self) -> NodeKind {
        self.given.str("kind").and_then(|kind| kind.parse().ok()).unwrap_or(NodeKind::Site)
    }

    /// What is given for the operator's own fields of a kind of object, as `NAME=VALUE`; an empty value empties one. A
    /// field that is required is given of each new object, and is not emptied afterwards.
    pub(crate) async fn fields(&self, read: &mut Read, kind: NodeKind) -> Result<GivenFields, Refusal> {
        if self.operation.parameter("field").is_none() {
            return Ok(Vec::new());
        }
        let fields = read.fields(kind).await?;
        let bad = |text: &str, why: &str, remedy: &str| {
            BadParameters::one(self.operation, "field", format!("`{text}`: {why}"), remedy)
        };
        let mut given = GivenFields::new();
        for text in self.given.strs("field") {
            let (name, value) = text
                .split_once('=')
                .ok_or_else(|| bad(text, "it is not of the form NAME=VALUE", "give one such as `ticket=42`"))?;
            let name: MachineName =
                name.trim().parse().map_err(|_| bad(text, "that is no name of a field", "see `aegir field list`"))?;
            let Some(field) = fields.iter().find(|field| field.name == name) else {
                let remedy = "see `aegir field list`, or add it with `aegir field add`";
                return Err(bad(text, "there is no such field", remedy).into());
            };
            let value = value.trim();
            if !value.is_empty() && !fits(&field.field_type, value) {
                let remedy = format!("give a {}", field.field_type);
                return Err(bad(text, "that is no value of this field", &remedy).into());
            }
            given.push((name, (!value.is_empty()).then(|| value.to_owned())));
        }
        let is_new = matches!(self.operation.names, Names::New(_));
        for field in fields.iter().filter(|field| field.required) {
            let last = given.iter().rev().find(|(name, _)| *name == field.name);
            if last.is_none() && is_new || last.is_some_and(|(_, value)| value.is_none()) {
                let why = format!("every {kind} has a value of it");
                let remedy = format!("give `{}=VALUE`, a {}", field.name, field.field_type);
                return Err(bad(field.name.as_str(), &why, &remedy).into());
            }
        }
        Ok(given)
    }
}

/// What fields of an object hold, as it is given to another one.
pub(crate) async fn values_of(read: &mut Read, node: NodeId) -> Result<GivenFields, Refusal> {
    let held = read.field_values(node).await?;
    Ok(held.into_iter().filter_map(|(name, value)| Some((name.parse().ok()?, Some(value)))).collect())
}

/// Fills fields of an object.
pub(crate) async fn fill_fields(tx: &mut Tx, node: NodeId, given: &GivenFields, now: i64) -> Result<(), Refusal> {
    for (name, value) in given {
        tx.fill_field(node, name, value.as_deref(), now).await?;
    }
    Ok(())
}

/// Whether a text is a value of a field.
fn fits(field_type: &str, value: &str) -> bool {
    match field_type {
        "number" => value.parse::<f64>().is_ok_and(f64::is_finite),
        "yes-no" => matches!(value, "yes" | "no"),
        "date" => {
            let parts: Vec<_> = value.split('-').collect();
            let digits = |part: &str, count| part.len() == count && part.bytes().all(|b| b.is_ascii_digit());
            matches!(parts[..], [year, month, day] if digits(year, 4) && digits(month, 2) && digits(day, 2)
                && (1..=12).contains(&month.parse().unwrap_or(0)) && (1..=31).contains(&day.parse().unwrap_or(0)))
        }
        _ => true,
    }
}

/// What the operator's own fields of an object hold.
pub(super) async fn fields_of(read: &mut Read, node: NodeId) -> Result<BTreeMap<String, String>, Refusal> {
    Ok(read.field_values(node).await?)
}
