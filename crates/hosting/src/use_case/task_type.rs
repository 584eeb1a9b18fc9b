//! Task types of the operator's own: which there are, and one asked for.

use std::collections::BTreeMap;

use aegir_domain::{
    ContextName, CustomTask, FaultReport, MachineName, NodeId, Remedy, Report, Task, TaskManifest, TypeObject,
};
use serde_json::Value;

use super::Asked;
use super::shown::of_page;
use crate::task_types::permission;
use crate::view::TaskTypeView;
use crate::{Answer, BadParameters, Hosting, KnownType, Permission, Refusal, Unavailable};

impl Hosting {
    pub(super) async fn list_task_types(&self) -> Result<Answer, Refusal> {
        let known = self.known_types().await?;
        of_page(known.iter().map(TaskTypeView::of).collect(), None, None)
    }

    pub(super) async fn run_on_site(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let run = self.wanted_run(asked, TypeObject::Site).await?;
        let asked = &Asked { title: Some(run.manifest.title.as_str()), ..*asked };
        self.site_task(asked, async |_, _, context| {
            let name = ContextName::Site(context.name.clone());
            match context.disabled && !run.manifest.also_disabled {
                true => Err(Unavailable::Disabled { name }.into()),
                false => Ok(run.of(name)),
            }
        })
        .await
    }

    pub(super) async fn run_on_platform(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let run = self.wanted_run(asked, TypeObject::Platform).await?;
        let asked = &Asked { title: Some(run.manifest.title.as_str()), ..*asked };
        self.platform_task(asked, async |_, _, context| Ok(run.of(ContextName::Platform(context.name.clone())))).await
    }

    pub(super) async fn run_on_server(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let run = self.wanted_run(asked, TypeObject::Server).await?;
        let asked = &Asked { title: Some(run.manifest.title.as_str()), ..*asked };
        self.server_task(asked, async |_, server| Ok(run.of(ContextName::Server(server.context.name.clone())))).await
    }

    /// What is asked of an object of this kind, read as the type's manifest says.
    async fn wanted_run(&self, asked: &Asked<'_>, object: TypeObject) -> Result<WantedRun, Refusal> {
        let bad = |parameter: &str, why: String, remedy: String| -> Refusal {
            BadParameters::one(asked.operation, parameter, why, remedy).into()
        };
        let name = asked.given.str("task_type").unwrap_or_default();
        let known = self.known_types().await?;
        let Some(found) = known.into_iter().find(|known| known.name == name) else {
            return Err(Refusal::Unknown { what: "task type", name: name.to_owned() });
        };
        let manifest = found.manifest.map_err(|fault| cannot_be_used(name, &fault))?;
        asked.actor.must(permission(manifest.permission))?;
        if manifest.object != object {
            let why = format!("`{name}` is about a {}, and not a {object}", manifest.object);
            return Err(bad("task_type", why, format!("ask for it with `aegir {} run`", manifest.object)));
        }
        if let Some(secret) = manifest.secret_fields().next() {
            let why = format!("`{name}` has the secret field `{secret}`, which is asked for in a shell alone so far");
            let remedy =
                format!("on the machine, run `aegir provision custom {name} @NAME --secret-file {secret}=FILE`");
            return Err(bad("task_type", why, remedy));
        }
        if manifest.dangerous && asked.given.str("sure") != Some(asked.name) {
            let why = format!("`{name}` is dangerous, and takes the name a second time");
            return Err(bad("sure", why, format!("if you are sure, give `{}`", asked.name)));
        }
        let mut fields = BTreeMap::new();
        for text in asked.given.strs("with") {
            let (field, value) = text.split_once('=').unwrap_or((text, ""));
            let Ok(field) = field.parse::<MachineName>() else { continue };
            if fields.insert(field.clone(), value.to_owned()).is_some() {
                return Err(bad("with", format!("`{field}` is given twice"), "leave one of them out".into()));
            }
        }
        if let Err(fault) = manifest.read(&fields, &|_| false) {
            return Err(bad("with", fault.to_string(), fault.remedy().unwrap_or_default()));
        }
        let task_type = name.parse().map_err(|_| Refusal::Unknown { what: "task type", name: name.to_owned() })?;
        let confirm = manifest.dangerous.then(|| asked.name.to_owned());
        Ok(WantedRun { task_type, manifest, fields, confirm })
    }

    /// Takes `run` out of what can be asked of an object where no type is about such: nobody could choose one.
    pub(super) async fn without_idle_run(&self, view: &mut Value) {
        let Some(object) = view["kind"].as_str().and_then(|kind| kind.parse::<TypeObject>().ok()) else { return };
        let Some(operations) = view.get_mut("operations").and_then(Value::as_array_mut) else { return };
        let is_run = |one: &Value| one["verb"] == "run";
        if !operations.iter().any(is_run) {
            return;
        }
        // Of types that cannot be read, `task-type list` tells why.
        let known = self.known_types().await.unwrap_or_default();
        if !known.iter().any(|known| known.manifest.as_ref().is_ok_and(|manifest| manifest.object == object)) {
            operations.retain(|one| !is_run(one));
        }
    }

    /// What it takes besides to have this task done again, or to stop it: of one of the operator's types, what its
    /// manifest says; of a type that is gone or cannot be read, the most that a manifest may say.
    ///
    /// It reads files, and is asked before anything is locked.
    pub(super) async fn needed_for(&self, task: NodeId) -> Result<Option<Permission>, Refusal> {
        let Some(task) = self.store().read(async |read| read.task(task).await).await? else { return Ok(None) };
        let Ok(Task::Custom(custom)) = serde_json::from_value(task.parameters["request"].clone()) else {
            return Ok(None);
        };
        let known = self.known_types().await.unwrap_or_else(|refused| {
            tracing::warn!(task = %task.id, %refused, "what it takes to have it done again or stopped is not known");
            Vec::new()
        });
        let found = known.into_iter().find(|known| known.name == custom.task_type.as_str());
        let manifest = found.and_then(|found| found.manifest.ok());
        Ok(Some(manifest.map_or(Permission::Administer, |manifest| permission(manifest.permission))))
    }
}

/// A task of a type, asked for as it can be.
struct WantedRun {
    task_type: MachineName,
    manifest: TaskManifest,
    fields: BTreeMap<MachineName, String>,
    confirm: Option<String>,
}

impl WantedRun {
    fn of(&self, object: ContextName) -> Task {
        let WantedRun { task_type, fields, confirm, .. } = self;
        let (task_type, fields, confirm) = (task_type.clone(), fields.clone(), confirm.clone());
        Task::Custom(Box::new(CustomTask { task_type, object, fields, confirm }))
    }
}

fn cannot_be_used(name: &str, fault: &FaultReport) -> Refusal {
    let why = FaultReport { remedy: None, ..fault.clone() };
    Refusal::Conflict {
        what: format!("the task type `{name}` cannot be used: {}", Report(&why)),
        remedy: fault.remedy.clone(),
    }
}

impl TaskTypeView {
    fn of(known: &KnownType) -> TaskTypeView {
        let name = known.name.clone();
        match &known.manifest {
            Ok(manifest) => TaskTypeView {
                name,
                title: manifest.title.to_string(),
                description: manifest.description.clone(),
                object: Some(manifest.object.to_string()),
                permission: Some(manifest.permission.to_string()),
                dangerous: manifest.dangerous,
                also_disabled: manifest.also_disabled,
                fields: manifest.fields.clone(),
                fault: None,
            },
            Err(fault) => TaskTypeView {
                name: name.clone(),
                title: name,
                description: String::new(),
                object: None,
                permission: None,
                dangerous: false,
                also_disabled: false,
                fields: Vec::new(),
                fault: Some(Report(fault).to_string()),
            },
        }
    }
}
