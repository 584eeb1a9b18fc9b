//! Settings: each with its kind, what it is for, who changed it; and who changed what, lately.

use aegir_hosting::view::{AuditView, SettingView};
use aegir_hosting::{Call, OperationId, Setting};
use askama::Template;
use axum::body::Body;
use axum::http::Response;
use serde_json::Value;

use super::features::settings_by_part;
use super::{Tab, tabs};
use crate::api::Problem;
use crate::panel::elsewhere::elsewhere;
use crate::panel::forms::{Field, label_of, setting_field, text_of};
use crate::panel::frame::Frame;
use crate::panel::visit::Visit;
use crate::panel::words::capital;
use crate::panel::{address, reply};

/// How many changes are told.
const MOST_CHANGES: i64 = 50;

#[derive(Template)]
#[template(path = "settings.html")]
struct SettingsPage {
    frame: Frame,
    tabs: Vec<Tab>,
    /// The settings of each part of the program.
    these: Vec<(&'static str, Vec<Shown>)>,
    history: Vec<Change>,
}

struct Shown {
    name: String,
    label: String,
    about: String,
    default: String,
    is_secret: bool,
    action: String,
    once: String,
    field: Field,
    changed_by: String,
    changed: Option<i64>,
}

struct Change {
    at: i64,
    actor: String,
    setting: String,
    value: String,
    answer: String,
}

/// The page of all settings.
pub(super) async fn show(visit: &Visit) -> Result<Response<Body>, Problem> {
    let call = Call::of(OperationId::SettingList);
    let (settings, _, _) = visit.list::<SettingView>(call.clone()).await?;
    let set = OperationId::SettingSet.declaration();
    let asked = Call::of(OperationId::AuditList).with("operation", set.slug()).with("limit", MOST_CHANGES);
    let (history, _, _) = visit.list::<AuditView>(asked.clone()).await?;
    let mut frame = visit.frame("Settings", "settings").await;
    frame.elsewhere.push(elsewhere("All settings", &call));
    frame.elsewhere.push(elsewhere("Change one", &Call::of(OperationId::SettingSet)));
    frame.elsewhere.push(elsewhere("Who changed what", &asked));
    let shown = |setting: Setting| {
        let view = settings.iter().find(|view| view.name == setting.parameter().name)?.clone();
        let mut field = setting_field(setting, Some(&view.value));
        // One page has them all: what tells them apart stands in the form's address.
        field.hint = String::new();
        Some(Shown {
            label: label_of(&view.name),
            about: format!("{}.", capital(&view.about)),
            default: match (&view.default, setting.is_secret()) {
                (_, true) => String::new(),
                (Value::Null, false) => "not set".into(),
                (default, false) => text_of(default),
            },
            is_secret: setting.is_secret(),
            action: address::doing(&set, Some(&view.name)),
            once: visit.once(),
            field,
            changed_by: view.changed_by.unwrap_or_default(),
            changed: view.changed,
            name: view.name,
        })
    };
    let in_parts = settings_by_part().map(|(part, own)| (part, own.iter().copied().filter_map(shown).collect()));
    let page = SettingsPage {
        tabs: tabs("/settings"),
        these: in_parts.collect(),
        history: history.into_iter().map(change).collect(),
        frame,
    };
    reply::page(&page)
}

fn change(audit: AuditView) -> Change {
    let setting = audit.object.unwrap_or_default();
    let is_secret = Setting::named(&setting).is_some_and(Setting::is_secret);
    let value = audit.parameters.as_ref().map(|given| &given["value"]);
    Change {
        at: audit.at,
        actor: audit.actor,
        setting,
        value: match value {
            _ if audit.answer != "done" => "–".into(),
            _ if is_secret => "a secret, or none".into(),
            Some(Value::Null) | None => "the default".into(),
            Some(value) => text_of(value),
        },
        answer: audit.answer,
    }
}
