//! Tasks of types that an operator added, by hand: what was given on the command line, and which types there are.

use std::collections::BTreeMap;
use std::path::PathBuf;

use aegir_domain::{ContextName, CustomTask, FaultReport, MachineName, Report, Secrets};
use clap::Args;

use crate::args::{Manner, text};
use crate::compose::Composed;
use crate::failure::Failure;
use crate::lists::json;
use crate::password;
use crate::provision::Usage;
use crate::speak::{out, plain};

/// What a task of such a type is asked with.
#[derive(Debug, Args)]
pub(crate) struct CustomArgs {
    /// The task type: the name of its folder in `tasks.d`
    #[arg(value_name = "TYPE", value_parser = text::<MachineName>)]
    task_type: MachineName,
    /// The object: `@server_NAME`, `@platform_NAME` or `@SITE`
    #[arg(value_name = "@NAME", value_parser = text::<ContextName>)]
    object: ContextName,
    /// A field of its form, and what is given for it; may be given again
    #[arg(long = "with", value_name = "FIELD=VALUE")]
    values: Vec<String>,
    /// A secret field of its form, and a file with its value (`-`: standard input); may be given again
    #[arg(long = "secret-file", value_name = "FIELD=FILE")]
    secrets: Vec<String>,
    /// Of a dangerous one: the object's name again
    #[arg(long, value_name = "NAME")]
    confirm: Option<String>,
}

impl CustomArgs {
    /// The task, and its secrets.
    pub(crate) fn read(self) -> Result<(CustomTask, Secrets), Failure> {
        let mut fields = BTreeMap::new();
        for given in &self.values {
            let (name, value) = pair("--with", given)?;
            if fields.insert(name, value.to_owned()).is_some() {
                return Err(twice("--with", given));
            }
        }
        let mut secrets = Secrets::default();
        for given in &self.secrets {
            let (name, path) = pair("--secret-file", given)?;
            if secrets.get(name.as_str()).is_some() {
                return Err(twice("--secret-file", given));
            }
            secrets.insert(name.as_str(), password::read(&PathBuf::from(path))?);
        }
        let CustomArgs { task_type, object, confirm, .. } = self;
        Ok((CustomTask { task_type, object, fields, confirm }, secrets))
    }
}

/// What stands on both sides of the first `=`. The value is not repeated: it may be a secret in the wrong place.
fn pair<'a>(option: &str, given: &'a str) -> Result<(MachineName, &'a str), Failure> {
    let Some((name, value)) = given.split_once('=') else {
        let what = format!("`{option}` takes the name of a field, `=`, and what is given for it");
        return Err(Failure::usage(Usage::new(what, format!("type it as `{option} pages=20`"))));
    };
    match name.parse() {
        Ok(name) => Ok((name, value)),
        Err(_) => {
            let what = format!("`{}` is not the name of a field", plain(name));
            Err(Failure::usage(Usage::new(what, "its names stand in `task.toml` of the task type")))
        }
    }
}

fn twice(option: &str, given: &str) -> Failure {
    let name = plain(given.split_once('=').map_or(given, |(name, _)| name));
    Failure::usage(Usage::new(format!("`{option}` is given twice for `{name}`"), "leave one of them out"))
}

/// Lists the task types of this home. Those that cannot be used are told with the reason, and fail nothing.
pub(crate) fn list(composed: &Composed, manner: Manner) -> Result<u8, Failure> {
    let parts = &composed.parts;
    let folder = parts.home.task_types();
    let found = aegir_provision::task_types(&parts.files, &folder, aegir_host::own_uid())?;
    if found.is_empty() && !manner.json {
        out(&format!("There is no task type in `{}`.", folder.display()));
    }
    for (name, read) in found {
        match (read, manner.json) {
            (Ok(found), true) => json(&serde_json::json!({ "name": found.name, "manifest": found.manifest })),
            (Ok(found), false) => {
                out(&format!("{}: {} (of a {})", found.name, found.manifest.title, found.manifest.object));
                for field in &found.manifest.fields {
                    let must = if field.required { ", must be given" } else { "" };
                    out(&format!("  {} ({}{must}): {}", field.name, field.kind, field.label));
                }
            }
            (Err(fault), true) => json(&serde_json::json!({ "name": name, "fault": FaultReport::of(&fault) })),
            (Err(fault), false) => out(&format!("{}: {}", plain(&name), Report(&FaultReport::of(&fault)))),
        }
    }
    Ok(0)
}
