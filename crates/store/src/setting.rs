//! Settings that people change while it runs, and fields of their own on objects.

use std::collections::BTreeMap;

use aegir_domain::{MachineName, NodeId, NodeKind};
use serde::de::DeserializeOwned;

use crate::StoreFault;
use crate::db::{Read, Row, Tx, statements, values};
use crate::server::json;

/// A setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingRecord {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: serde_json::Value,
    /// When it was changed.
    pub changed: i64,
    /// By whom.
    pub actor: String,
}

/// A field that an operator added to the objects of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// To which kind.
    pub kind: NodeKind,
    /// Its name.
    pub name: MachineName,
    /// What forms show.
    pub label: String,
    /// What it holds, in the words of whoever reads it: `text`, `number`, `date`.
    pub field_type: String,
    /// Whether it must be filled.
    pub required: bool,
}

statements! {
    FIND_SETTING = "SELECT value FROM setting WHERE name = $1";
    SETTINGS = "SELECT name, value, changed, actor FROM setting ORDER BY name";
    CHANGE_SETTING =
        "INSERT INTO setting (name, value, changed, actor)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT (name)
         DO UPDATE SET value = excluded.value, changed = excluded.changed, actor = excluded.actor";
    RESET_SETTING = "DELETE FROM setting WHERE name = $1";
    FIELDS = "SELECT kind, name, label, field_type, required FROM field WHERE kind = $1 ORDER BY id";
    FIND_FIELD = "SELECT id FROM field WHERE kind = $1 AND name = $2";
    SAVE_FIELD =
        "INSERT INTO field (kind, name, label, field_type, required)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (kind, name)
         DO UPDATE SET label = excluded.label, field_type = excluded.field_type, required = excluded.required";
    DROP_VALUES = "DELETE FROM field_value WHERE field = $1";
    DROP_FIELD = "DELETE FROM field WHERE id = $1";
    VALUES_OF =
        "SELECT field.name, field_value.value
           FROM field_value JOIN field ON field.id = field_value.field
          WHERE field_value.node = $1
          ORDER BY field.name";
    FILL_FIELD =
        "INSERT INTO field_value (node, field, value)
         VALUES ($1, $2, $3)
         ON CONFLICT (node, field) DO UPDATE SET value = excluded.value";
    CLEAR_FIELD = "DELETE FROM field_value WHERE node = $1 AND field = $2";
}

impl Read {
    /// A setting, if it was ever changed from its default.
    pub async fn setting<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, StoreFault> {
        self.row(&FIND_SETTING, values![name]).await?.map(|row| row.json("value")).transpose()
    }

    /// All settings that were changed from their defaults.
    pub async fn settings(&mut self) -> Result<Vec<SettingRecord>, StoreFault> {
        self.rows(&SETTINGS, Vec::new()).await?.iter().map(SettingRecord::of).collect()
    }

    /// The fields of a kind, in the order in which they were added.
    pub async fn fields(&mut self, kind: NodeKind) -> Result<Vec<Field>, StoreFault> {
        self.rows(&FIELDS, values![kind]).await?.iter().map(Field::of).collect()
    }

    /// What fields of an object hold, by name.
    pub async fn field_values(&mut self, node: NodeId) -> Result<BTreeMap<String, String>, StoreFault> {
        let rows = self.rows(&VALUES_OF, values![node]).await?;
        rows.iter().map(|row| Ok((row.get("name")?, row.get("value")?))).collect()
    }
}

impl Tx {
    /// Changes a setting.
    pub async fn change_setting<T: serde::Serialize>(
        &mut self,
        name: &str,
        value: &T,
        actor: &str,
        now: i64,
    ) -> Result<(), StoreFault> {
        self.execute(&CHANGE_SETTING, values![name, json(value)?, now, actor]).await.map(drop)
    }

    /// Takes a setting back to its default.
    pub async fn reset_setting(&mut self, name: &str) -> Result<(), StoreFault> {
        self.execute(&RESET_SETTING, values![name]).await.map(drop)
    }

    /// Adds a field to the objects of a kind, or changes it.
    pub async fn save_field(&mut self, field: &Field) -> Result<(), StoreFault> {
        let Field { kind, name, label, field_type, required } = field;
        self.execute(&SAVE_FIELD, values![*kind, name, label, field_type, *required]).await.map(drop)
    }

    /// Takes a field away, with all that it holds.
    pub async fn drop_field(&mut self, kind: NodeKind, name: &MachineName) -> Result<(), StoreFault> {
        let id = self.field_number(kind, name).await?;
        self.execute(&DROP_VALUES, values![id]).await?;
        self.execute(&DROP_FIELD, values![id]).await.map(drop)
    }

    /// Fills a field of an object, or, with `None`, empties it.
    pub async fn fill_field(
        &mut self,
        node: NodeId,
        name: &MachineName,
        value: Option<&str>,
        now: i64,
    ) -> Result<(), StoreFault> {
        let kind = self.need_node(node).await?.kind;
        let field = self.field_number(kind, name).await?;
        match value {
            Some(value) => self.execute(&FILL_FIELD, values![node, field, value]).await?,
            None => self.execute(&CLEAR_FIELD, values![node, field]).await?,
        };
        self.touch(node, "changed", now).await
    }

    async fn field_number(&mut self, kind: NodeKind, name: &MachineName) -> Result<i64, StoreFault> {
        let row = self.row(&FIND_FIELD, values![kind, name]).await?;
        row.ok_or_else(|| StoreFault::Absent { what: format!("field `{name}` of a {kind}") })?.get("id")
    }
}

impl SettingRecord {
    fn of(row: &Row) -> Result<SettingRecord, StoreFault> {
        Ok(SettingRecord {
            name: row.get("name")?,
            value: row.json("value")?,
            changed: row.get("changed")?,
            actor: row.get("actor")?,
        })
    }
}

impl Field {
    fn of(row: &Row) -> Result<Field, StoreFault> {
        Ok(Field {
            kind: row.parse("kind")?,
            name: row.parse("name")?,
            label: row.get("label")?,
            field_type: row.get("field_type")?,
            required: row.get("required")?,
        })
    }
}
