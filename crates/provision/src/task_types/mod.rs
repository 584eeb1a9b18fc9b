//! Task types: tasks that an operator adds to a home, each a folder in `tasks.d` with a manifest and programs.
//!
//! ```text
//!   task-type       a check: the type can be used, and what was given fits its form and its object
//!   check-program   a check: the type's own program `check` says whether it may be, if there is one
//!   run-program     a step: `do`; taken back by `undo`
//!   cleanup-program a clean-up: `cleanup`, if there is one; one that fails: tried three times, then owed
//! ```
//!
//! ## Invariants
//!
//! - The line holds the type's name, what was given in the open and what was saved when the task began; whoever takes the
//!   task back runs the `undo` that lies there then, so that one which does not work can be put right.
//! - Secrets are told on standard input alone. They lie with the task until it has ended, and in no journal.
//! - No program runs that somebody other than root and us could have written: looked at for all of them before the first
//!   runs, and for each again right before it does.

mod find;

use std::time::Duration;

use aegir_domain::{
    ContextName, CustomTask, Fault, HookObjects, MachineName, Password, Remedy, Secrets, TASK_TYPE_VERSION, Task,
    TypeInput, TypeObject, TypePhase,
};
use aegir_host::{Ended, Ran};
use aegir_recipe::{Action, Afterwards, Cancelled, Check, Cleanup, Committed, Recipe, Run, Undo};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use self::find::{FoundType, TaskType, TaskTypeFault, look, task_type, task_types};
use crate::World;
use crate::hooks::told;
use crate::own_program::{OwnProgram, output};
use crate::service::php::without;

/// How long a line with a program of a task type may take at the most, whatever its manifest says.
const LONGEST: Duration = Duration::from_secs(4 * 3600);
/// How much of what a program complains of is the reason that people are told, in characters. All of it is in the log.
const REASON: usize = 500;

/// Runs a task of a type of the operator's own.
pub(crate) struct Custom {
    pub(crate) asked: CustomTask,
}

impl Recipe<World> for Custom {
    fn run(&self, run: &mut Run<'_, World>) -> Result<Committed, Fault> {
        let (found, values) = run.check(TypeIsReady { asked: self.asked.clone() })?;
        let program = RunProgram {
            task_type: found.name.clone(),
            time_limit: found.manifest.time_limit,
            values,
            secrets: found.manifest.secret_fields().cloned().collect(),
            was: told::objects(run.world(), &Task::Custom(Box::new(self.asked.clone()))),
        };
        if found.has_check {
            run.check(CheckProgram { program: program.clone() })?;
        }
        let mut afterwards = Afterwards::new();
        if found.has_cleanup {
            afterwards = afterwards.cleanup(CleanupProgram { program: program.clone() });
        }
        run.step(program)?;
        run.say(format!("{} was done to `{}`", found.manifest.title, self.asked.object));
        run.answer("task_type", found.name.as_str());
        run.point_of_no_return(afterwards)
    }
}

/// The task type can be used, and what was given fits it.
struct TypeIsReady {
    asked: CustomTask,
}

impl Check<World> for TypeIsReady {
    type Output = (TaskType, Map<String, Value>);
    const NAME: &'static str = "task-type";

    fn look(&self, world: &World) -> Result<(TaskType, Map<String, Value>), Fault> {
        let CustomTask { task_type: name, object, fields, confirm } = &self.asked;
        let found = task_type(world.files(), &world.home().task_types(), aegir_host::own_uid(), name)?;
        let manifest = &found.manifest;
        if !manifest.object.is_of(object) {
            let (task_type, takes) = (name.clone(), manifest.object);
            return Err(CustomFault::OtherObject { task_type, takes, object: object.clone() }.into());
        }
        is_there(world, object, manifest.also_disabled)?;
        if manifest.dangerous && confirm.as_deref() != Some(bare(object)) {
            return Err(CustomFault::NotConfirmed { task_type: name.clone(), name: bare(object).to_owned() }.into());
        }
        let given = world.files().list(&world.task.secrets())?;
        if let Some(unknown) = given.iter().find(|given| !manifest.secret_fields().any(|name| name.as_str() == **given))
        {
            return Err(CustomFault::NoSuchSecret { task_type: name.clone(), field: unknown.clone() }.into());
        }
        for field in manifest.fields.iter().filter(|field| given.iter().any(|name| name == field.name.as_str())) {
            field.is_text(world.task_secret(field.name.as_str())?.expose())?;
        }
        let values = manifest.read(fields, &|name| given.iter().any(|given| given == name.as_str()))?;
        Ok((found, values))
    }
}

/// Whether the object is saved, and in service where that matters.
fn is_there(world: &World, object: &ContextName, also_disabled: bool) -> Result<(), Fault> {
    match object {
        ContextName::Site(name) if also_disabled => world.contexts().site(name).map(drop)?,
        ContextName::Site(name) => world.contexts().site_in_service(name).map(drop)?,
        ContextName::Platform(name) => world.contexts().platform(name).map(drop)?,
        ContextName::Server(name) => world.contexts().server(name).map(drop)?,
    }
    Ok(())
}

/// The name of an object as people type it.
fn bare(object: &ContextName) -> &str {
    match object {
        ContextName::Site(name) => name.as_str(),
        ContextName::Platform(name) => name.as_str(),
        ContextName::Server(name) => name.as_str(),
    }
}

/// The type's own program says whether the task may be.
struct CheckProgram {
    program: RunProgram,
}

impl Check<World> for CheckProgram {
    type Output = ();
    const NAME: &'static str = "check-program";
    const LIMIT: Duration = LONGEST;

    fn look(&self, world: &World) -> Result<(), Fault> {
        self.program.run(world, TypePhase::Check)
    }
}

/// The program of a task type does what the task is; another one takes it back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RunProgram {
    pub(crate) task_type: MachineName,
    /// How long it may take, in seconds.
    pub(crate) time_limit: u64,
    /// What was given in the open.
    pub(crate) values: Map<String, Value>,
    /// The names of the fields whose values are secrets of the task.
    pub(crate) secrets: Vec<MachineName>,
    pub(crate) was: HookObjects,
}

impl Action<World> for RunProgram {
    type Output = ();
    const NAME: &'static str = "run-program";
    const LIMIT: Duration = LONGEST;

    fn apply(&self, world: &World) -> Result<(), Fault> {
        self.run(world, TypePhase::Do)
    }
}

impl Undo<World> for RunProgram {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        self.run(world, TypePhase::Undo)
    }
}

/// The type's own program takes away what only the task itself needed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CleanupProgram {
    pub(crate) program: RunProgram,
}

impl Action<World> for CleanupProgram {
    type Output = ();
    const NAME: &'static str = "cleanup-program";
    const LIMIT: Duration = LONGEST;

    fn apply(&self, world: &World) -> Result<(), Fault> {
        match self.program.run(world, TypePhase::Cleanup) {
            // Whoever took it away sees to what it was there for.
            Err(fault) if matches!(fault.downcast_ref(), Some(TaskTypeFault::NoProgram { .. })) => {
                world.warn(format!("`cleanup` of the task type `{}` is gone, and was not run", self.program.task_type));
                Ok(())
            }
            ended => ended,
        }
    }
}

impl Cleanup<World> for CleanupProgram {}

impl RunProgram {
    fn run(&self, world: &World, phase: TypePhase) -> Result<(), Fault> {
        let owner = aegir_host::own_uid();
        let path = find::program(world.files(), &world.home().task_types(), owner, &self.task_type, phase)?;
        let secrets = self.secrets(world)?;
        let program = OwnProgram {
            path,
            input: Password::new(self.input(world, phase, secrets.clone())?.expose()),
            variables: self.variables(world, phase)?,
            time: Duration::from_secs(self.time_limit).min(LONGEST),
            can_be_cancelled: matches!(phase, TypePhase::Check | TypePhase::Do),
        };
        let ran = without_secrets(program.run(world)?, &secrets);
        let who = format!("`{phase}` of the task type `{}`", self.task_type);
        match ran.ended {
            Ended::Code(0) => {
                world.say_with(format!("{who} ran"), output(&ran));
                Ok(())
            }
            Ended::Stopped => Err(Cancelled.into()),
            ended => {
                world.say_with(format!("{who} {ended}"), output(&ran));
                let says = reason(&ran.stderr);
                Err(CustomFault::Failed { task_type: self.task_type.clone(), phase, ended, says }.into())
            }
        }
    }

    /// What was given for its secret fields, as it lies with the task.
    fn secrets(&self, world: &World) -> Result<Secrets, Fault> {
        let mut secrets = Secrets::default();
        for name in &self.secrets {
            if let Some(secret) = world.task.secret(world.files(), name.as_str())? {
                secrets.insert(name.as_str(), secret);
            }
        }
        Ok(secrets)
    }

    fn input(&self, world: &World, phase: TypePhase, secrets: Secrets) -> Result<TypeInput, Fault> {
        let asked = told::asked(world)?;
        Ok(TypeInput {
            version: TASK_TYPE_VERSION,
            phase,
            attempt: world.task.attempt,
            task_type: self.task_type.clone(),
            object: asked.task.object(),
            asked_by: asked.asked_by,
            home: world.home().path().to_owned(),
            fields: self.values.clone(),
            secrets,
            was: self.was.clone(),
        })
    }

    /// The same in short, for a script of a few lines; nothing that is secret.
    fn variables(&self, world: &World, phase: TypePhase) -> Result<Vec<(String, String)>, Fault> {
        let mut variables = vec![
            ("TASK_PHASE".to_owned(), phase.to_string()),
            ("TASK_TYPE".to_owned(), self.task_type.to_string()),
            ("TASK_OBJECT".to_owned(), told::asked(world)?.task.object().to_string()),
            ("TASK_ATTEMPT".to_owned(), world.task.attempt.to_string()),
        ];
        for (name, value) in &self.values {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Bool(true) => "yes".to_owned(),
                Value::Bool(false) => "no".to_owned(),
                Value::Number(number) => number.to_string(),
                _ => continue,
            };
            variables.push((format!("FIELD_{}", name.to_uppercase()), text));
        }
        Ok(variables)
    }
}

fn without_secrets(ran: Ran, secrets: &Secrets) -> Ran {
    let secrets: Vec<Password> = secrets.iter().map(|(_, secret)| secret.clone()).collect();
    Ran { stdout: without(&secrets, &ran.stdout), stderr: without(&secrets, &ran.stderr), ..ran }
}

/// What a program complains of, as one line for people.
fn reason(stderr: &str) -> Option<String> {
    let lines: Vec<&str> = stderr.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let text: String = lines.join("; ").chars().filter(|c| !c.is_control()).take(REASON).collect();
    Some(text).filter(|text| !text.is_empty())
}

/// A task of a type of the operator's own that cannot be, or a program of it that did not do what it is there for.
#[derive(Debug, thiserror::Error)]
enum CustomFault {
    #[error("the task type `{task_type}` is about a {takes}, and `{object}` is a {}", TypeObject::of(object))]
    OtherObject { task_type: MachineName, takes: TypeObject, object: ContextName },
    #[error("the task type `{task_type}` is dangerous, and takes the name `{name}` a second time")]
    NotConfirmed { task_type: MachineName, name: String },
    #[error("the task type `{task_type}` has no secret field `{field}`")]
    NoSuchSecret { task_type: MachineName, field: String },
    #[error("`{phase}` of the task type `{task_type}` {ended}{}", says.as_ref().map(|says| format!(": {says}")).unwrap_or_default())]
    Failed { task_type: MachineName, phase: TypePhase, ended: Ended, says: Option<String> },
}

impl Remedy for CustomFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            CustomFault::OtherObject { takes, .. } => format!("name a {takes}"),
            CustomFault::NotConfirmed { name, .. } => format!("if you are sure, give it as `confirm`: `{name}`"),
            CustomFault::NoSuchSecret { .. } => "leave it out, or give it as a plain field".into(),
            CustomFault::Failed { task_type, phase: phase @ (TypePhase::Undo | TypePhase::Cleanup), .. } => format!(
                "put right what `tasks.d/{task_type}/{phase}` complains of in the log; then run `aegir provision recover`"
            ),
            CustomFault::Failed { task_type, ended: Ended::TimedOut, .. } => format!(
                "see in the log how far it came; `time_limit` in `tasks.d/{task_type}/task.toml` is its time in seconds"
            ),
            CustomFault::Failed { task_type, phase, .. } => {
                format!("see in the log what `tasks.d/{task_type}/{phase}` says, then ask for the task again")
            }
        })
    }
}
