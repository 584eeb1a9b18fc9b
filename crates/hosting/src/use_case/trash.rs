//! What lies in the trash of machines: asked of their back ends each time, and remembered nowhere. What comes back comes
//! back as it once came: a site by the restore of its last backup, a platform as code that lies there already.

use std::time::Duration;

use aegir_domain::{
    BackupName, FaultReport, NodeId, PlatformContext, ServerName, TrashAnswer, TrashEmptied, TrashKind, TrashName,
    TrashState, TrashThing,
};
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;

use super::backup::{homes, places};
use super::object::server_named;
use super::{Asked, shown};
use crate::view::{OUT_OF_CONTACT, TrashEmptiedView, TrashView};
use crate::{Answer, BadParameters, Emptying, Given, Hosting, Lost, Operation, OperationId, Place, Refusal};

/// For how long whoever empties a trash is kept waiting.
const PATIENCE: Duration = Duration::from_secs(8);
/// How many things can be named at once: they cross to the machine in one line.
const MOST_NAMED: usize = 200;

impl Hosting {
    pub(super) async fn list_trash_of_server(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let name = asked.server()?;
        let (_, place) = self.store().read(async |read| place_of(read, &name).await).await?;
        let things = self.0.back_ends.trash(&place).await?;
        page(asked, things.iter().map(|thing| TrashView::of(&place.server, thing)).collect())
    }

    pub(super) async fn list_trash(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let (found, lost) = self.all_trash(asked).await?;
        let found = found.iter().map(|lies| TrashView::of(&lies.place.server, &lies.thing));
        page(asked, found.chain(lost.iter().map(TrashView::of_lost)).collect())
    }

    /// What lies on the machine that is named, or on all; and those that do not answer.
    async fn all_trash(&self, asked: &Asked<'_>) -> Result<(Vec<Lies>, Vec<Lost>), Refusal> {
        let places = self.store().read(async |read| places(read, asked, None).await).await?;
        let (mut all, mut lost) = (Vec::new(), Vec::new());
        for (_, place) in places {
            match self.0.back_ends.trash(&place).await {
                Ok(things) => all.extend(things.into_iter().map(|thing| Lies { place: place.clone(), thing })),
                Err(one) => lost.push(one),
            }
        }
        Ok((all, lost))
    }

    pub(super) async fn restore_from_trash(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let lies = self.in_trash(asked).await?;
        must_be_kept(&lies)?;
        match (lies.thing.kind, &lies.thing.backup) {
            (TrashKind::Site, Some(backup)) => self.restore_site(asked, &lies, backup).await,
            (TrashKind::Platform, _) => self.put_platform_back(asked, &lies).await,
            _ => Err(Refusal::Conflict {
                what: format!("`{}` are files alone, without a database and without a backup made of both", asked.name),
                remedy: Some(format!(
                    "restore from another backup (`aegir backup list` shows them), or copy what you need out of `{}` by hand",
                    lies.thing.folder.join(&lies.thing.name).display()
                )),
            }),
        }
    }

    /// The thing that is named, wherever it lies.
    async fn in_trash(&self, asked: &Asked<'_>) -> Result<Lies, Refusal> {
        let (mut found, mut lost) = self.all_trash(asked).await?;
        found.retain(|lies| lies.thing.name == asked.name);
        if found.len() > 1 {
            let places: Vec<_> = found
                .iter()
                .map(|lies| format!("`{}` of `{}`", lies.thing.folder.display(), lies.place.server))
                .collect();
            return Err(Refusal::Conflict {
                what: format!("`{}` lies in {}", asked.name, places.join(" and in ")),
                remedy: Some("say which with `server`; if both lie there, give one of them another name".into()),
            });
        }
        match (found.pop(), lost.pop()) {
            (Some(found), _) => Ok(found),
            // It may lie there.
            (None, Some(lost)) => Err(lost.into()),
            (None, None) => Err(Refusal::Unknown { what: "trash", name: asked.name.to_owned() }),
        }
    }

    async fn restore_site(&self, asked: &Asked<'_>, lies: &Lies, backup: &BackupName) -> Result<Answer, Refusal> {
        let mut parameters = given_too(asked, &["platform", "db_server"]);
        parameters.insert("server".into(), lies.place.server.as_str().into());
        let operation = OperationId::BackupRestore.declaration();
        let given = operation.read(&parameters)?;
        let name = backup.to_string();
        match self.restore_what_is_gone(&asked.as_another(&operation, &name, &given, asked.dry_run)).await {
            Err(Refusal::Unknown { what: "backup", .. }) => Err(Refusal::Conflict {
                what: format!("the last backup `{backup}` is gone, and with it the database of `{}`", backup.site()),
                remedy: Some(format!(
                    "restore from another backup (`aegir backup list --site {}` shows them), or copy what you need out of \
                     `{}` by hand",
                    backup.site(),
                    lies.thing.folder.join(&lies.thing.name).display()
                )),
            }),
            answer => answer,
        }
    }

    /// Has the code of a platform lie where it lay, and adds the platform as it was. All that could refuse it is asked
    /// before anything is moved.
    async fn put_platform_back(&self, asked: &Asked<'_>, lies: &Lies) -> Result<Answer, Refusal> {
        if let Some(parameter) = ["platform", "db_server"].into_iter().find(|name| asked.given.has(name)) {
            let why = format!("`{}` is no site, but the code of a platform", asked.name);
            return Err(BadParameters::one(asked.operation, parameter, why, "leave it out").into());
        }
        let name: TrashName = asked.name.parse().map_err(|_| unknown(asked.name))?;
        let was = came_back(self.0.back_ends.restore_from_trash(&lies.place, &name, true).await?)?;
        let Some(was) = was else {
            return Err(Refusal::Conflict {
                what: format!("what was known of the platform of `{name}` cannot be read any more"),
                remedy: Some(format!(
                    "on its machine, `aegir provision trash-restore {name}` moves its code back; then add the platform \
                     with `aegir platform add NAME --root FOLDER`"
                )),
            });
        };
        let operation = OperationId::PlatformAdd.declaration();
        let given = operation.read(&said_of(&was))?;
        let platform = was.name.to_string();
        let would = self.add_platform(&asked.as_another(&operation, &platform, &given, true)).await?;
        if asked.dry_run {
            return Ok(would);
        }
        came_back(self.0.back_ends.restore_from_trash(&lies.place, &name, false).await?)?;
        let added = self.add_platform(&asked.as_another(&operation, &platform, &given, false)).await;
        // Somebody was faster: what was asked a moment ago holds no more.
        added.map_err(|refusal| match refusal {
            Refusal::Store(fault) => Refusal::Store(fault),
            refusal => Refusal::Conflict {
                what: format!(
                    "the code of `{platform}` lies where it lay again, but the platform is not added: {refusal}"
                ),
                remedy: Some(format!(
                    "add it with `aegir platform add NAME --server {} --root {}`",
                    was.server, was.root
                )),
            },
        })
    }

    pub(super) async fn empty_trash_of_one(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let bad = |parameter: &str, why: String, remedy: String| {
            Refusal::from(BadParameters::one(asked.operation, parameter, why, remedy))
        };
        let names: Vec<TrashName> = asked.given.texts("thing");
        let older_than = asked.given.number("older_than").and_then(|days| u32::try_from(days).ok());
        if !names.is_empty() && older_than.is_some() {
            let why = "what is named goes however long it lies there".to_owned();
            return Err(bad("older_than", why, "give names, or a number of days".into()));
        }
        if names.len() > MOST_NAMED {
            let why = format!("{} things are named", names.len());
            return Err(bad("thing", why, format!("name {MOST_NAMED} at a time at the most")));
        }
        let (server, place) = self.store().read(async |read| one_place(read, asked).await).await?;
        let sure = match &names[..] {
            [one] => one.to_string(),
            _ => place.server.to_string(),
        };
        let typed = asked.given.str("confirm").unwrap_or_default();
        if typed != sure && !asked.dry_run {
            let why = format!("`{typed}` is not the name of what is emptied");
            return Err(bad("confirm", why, format!("if you are sure, give `{sure}`")));
        }
        let emptying = Emptying { older_than, names, dry_run: true };
        let would = self.0.back_ends.empty_trash(&place, &emptying).await?;
        if let (true, Some(fault)) = (would.removed.is_empty(), would.faults.first()) {
            return Err(refused(fault));
        }
        let view = TrashEmptiedView::of(&place.server, &would);
        if asked.dry_run || view.removed.is_empty() {
            return Ok(Answer::Object(shown::json(&view)));
        }
        let view = match self.empty(place.clone(), Emptying { dry_run: false, ..emptying }).await {
            Some(emptied) => TrashEmptiedView::of(&place.server, &emptied?),
            None => TrashEmptiedView { goes_on: true, ..view },
        };
        let went: Vec<&str> = view.removed.iter().map(|thing| thing.name.as_str()).collect();
        let detail = json!({ "removed": went });
        let now = self.now();
        self.change(asked, async |tx| {
            tx.record_deed(server, &asked.actor.name, "emptied the trash", Some(&detail), now).await?;
            Ok(Answer::Object(shown::json(&view)))
        })
        .await
    }

    /// Empties a trash, and waits for a while; nothing: it goes on, as large folders take their time.
    async fn empty(&self, place: Place, emptying: Emptying) -> Option<Result<TrashEmptied, Lost>> {
        let hosting = self.clone();
        let (tell, told) = oneshot::channel();
        let open = self.0.emptying.clone().read_owned().await;
        tokio::spawn(async move {
            let emptied = hosting.0.back_ends.empty_trash(&place, &emptying).await;
            drop(open);
            if let Err(emptied) = tell.send(emptied) {
                crate::dispatch::trace_emptied(&place, emptied);
            }
        });
        tokio::time::timeout(PATIENCE, told).await.ok()?.ok()
    }

    /// Waits until what somebody had go from a trash is gone.
    pub async fn trash_is_emptied(&self) {
        drop(self.0.emptying.write().await);
    }
}

/// A thing, and the machine that it lies on.
struct Lies {
    place: Place,
    thing: TrashThing,
}

/// A page, the newest first; what cannot be told before all.
fn page(asked: &Asked<'_>, items: Vec<TrashView>) -> Result<Answer, Refusal> {
    shown::page_of_whole(asked, items, |one: &TrashView| {
        let age = if one.kind == OUT_OF_CONTACT { 0 } else { i64::MAX - one.since.max(0) };
        format!("{age:020} {} {} {}", one.name, one.server, one.folder)
    })
}

async fn place_of(read: &mut aegir_store::Read, name: &ServerName) -> Result<(NodeId, Place), Refusal> {
    let server = server_named(read, name).await?;
    Ok((server.node.id, Place { server: server.context.name, transport: server.transport }))
}

/// The machine that is named, or the only one.
async fn one_place(read: &mut aegir_store::Read, asked: &Asked<'_>) -> Result<(NodeId, Place), Refusal> {
    if let Some(name) = asked.given.text::<ServerName>("server") {
        return place_of(read, &name).await;
    }
    let mut all = homes(read).await?;
    match (all.pop(), all.is_empty()) {
        (Some(only), true) => Ok(only),
        (last, _) => {
            let why = match last {
                Some(_) => "there are several machines, each with a trash of its own",
                None => "there is no server in service",
            };
            Err(BadParameters::one(asked.operation, "server", why, "name a server: `aegir server list` shows them")
                .into())
        }
    }
}

/// Fails unless nobody needs a thing, and it is whole.
fn must_be_kept(lies: &Lies) -> Result<(), Refusal> {
    let Lies { thing, place } = lies;
    let name = &thing.name;
    let path = thing.folder.join(name);
    let (what, remedy) = match &thing.state {
        TrashState::Kept => return Ok(()),
        TrashState::InUse(attempt) => (
            format!("`{name}` belongs to a task that has not ended, and may put it back itself"),
            format!("see what runs with `aegir queue show`; on `{}` it is attempt {attempt}", place.server),
        ),
        TrashState::HalfRemoved => (
            format!("`{name}` is half removed already"),
            "restore from a backup: `aegir backup list` shows them".to_owned(),
        ),
        TrashState::NotOurs => (
            format!("no task of `{}` put `{name}` into its trash", place.server),
            format!("look what `{}` is, and move it by hand", path.display()),
        ),
    };
    Err(Refusal::Conflict { what, remedy: Some(remedy) })
}

/// What was known of a platform whose code comes back.
fn came_back(answer: TrashAnswer) -> Result<Option<Box<PlatformContext>>, Refusal> {
    match answer {
        TrashAnswer::Back { was, .. } => Ok(was),
        TrashAnswer::ByBackup { .. } => Ok(None),
        TrashAnswer::Refused(fault) => Err(refused(&fault)),
    }
}

/// What a back end refused.
fn refused(fault: &FaultReport) -> Refusal {
    let what = std::iter::once(&fault.message).chain(&fault.because).cloned().collect::<Vec<_>>().join(": ");
    Refusal::Conflict { what, remedy: fault.remedy.clone() }
}

fn unknown(name: &str) -> Refusal {
    Refusal::Unknown { what: "trash", name: name.to_owned() }
}

/// A platform as it was, said as somebody would who adds it.
fn said_of(was: &PlatformContext) -> Map<String, Value> {
    let mut said = Map::new();
    said.insert("server".into(), was.server.as_str().into());
    said.insert("root".into(), was.root.to_string().into());
    if let Some(php) = &was.php {
        said.insert("php".into(), php.to_string_lossy().into());
    }
    said
}

/// Of what was given, what means the same to another operation.
fn given_too(asked: &Asked<'_>, names: &[&str]) -> Map<String, Value> {
    let given = names.iter().filter_map(|name| Some(((*name).to_owned(), asked.given.str(name)?.into())));
    given.collect()
}

impl<'a> Asked<'a> {
    /// The same person, asking for what this one comes to.
    fn as_another<'b>(&'b self, operation: &'b Operation, name: &'b str, given: &'b Given, dry_run: bool) -> Asked<'b> {
        // What only would be done has no answer that is kept.
        let keyed = self.keyed.filter(|_| !dry_run);
        Asked { operation, name, given, dry_run, keyed, title: None, ..*self }
    }
}
