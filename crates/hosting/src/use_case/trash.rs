//! What lies in the trash of machines: asked of their back ends each time, and remembered nowhere. What comes back comes
//! back by a task: a site by the restore of its last backup, a platform by the one that moves its code, with all that its
//! record said when it was deleted.

use std::time::Duration;

use aegir_domain::{
    BackupName, ContextName, FaultReport, NodeId, NodeKind, ObjectStatus, PlatformContext, ServerName, Task,
    TrashAnswer, TrashEmptied, TrashKind, TrashName, TrashState, TrashThing,
};
use aegir_store::{NewPlatform, Node, PlatformRecord, ServerRecord, Tx};
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;

use super::backup::{homes, places};
use super::field::{fill_fields, values_of};
use super::object::{KnownContexts, must_stay, server_named};
use super::queued::Wanted;
use super::{Asked, shown};
use crate::dispatch::is_same_home;
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

    /// Puts a platform into the lists as it was when it was deleted, and queues what moves its code back. Both are one change,
    /// so that whoever dies leaves a task in the queue, or nothing.
    async fn put_platform_back(&self, asked: &Asked<'_>, lies: &Lies) -> Result<Answer, Refusal> {
        if let Some(parameter) = ["platform", "db_server"].into_iter().find(|name| asked.given.has(name)) {
            let why = format!("`{}` is no site, but the code of a platform", asked.name);
            return Err(BadParameters::one(asked.operation, parameter, why, "leave it out").into());
        }
        let thing: TrashName = asked.name.parse().map_err(|_| unknown(asked.name))?;
        let was = match self.0.back_ends.way_out_of_trash(&lies.place, &thing).await? {
            TrashAnswer::Back { was: Some(was), .. } => was,
            TrashAnswer::Refused(fault) => return Err(refused(&fault)),
            TrashAnswer::Back { was: None, .. } | TrashAnswer::ByBackup { .. } => return Err(unknown(asked.name)),
        };
        let now = self.now();
        let answer = self
            .change(asked, async |tx| {
                let name = ContextName::Platform(was.name.clone());
                if let Some(there) = tx.node_named(&name).await? {
                    return Err(name_in_use(&was, &there));
                }
                let server = server_named(tx, &was.server).await?;
                must_stay(tx, &server.node).await?;
                must_serve_there(&server, lies)?;
                let tombstone = tombstone_of(tx, &was, &name, server.node.id, thing.moment()).await?;
                let owner = tombstone.as_ref().and_then(|gone| gone.node.owner).unwrap_or(aegir_store::ADMIN);
                let mut wanted = Wanted {
                    object: NodeId(0),
                    name: &name,
                    owner,
                    server: server.node.id,
                    needs: None,
                    request: Task::RestorePlatform {
                        platform: was.name.clone(),
                        server: was.server.clone(),
                        thing: thing.clone(),
                    },
                };
                if asked.dry_run {
                    return Ok(asked.would_queue(&wanted));
                }
                let title = tombstone.as_ref().map_or_else(|| was.name.to_string(), |gone| gone.node.title.clone());
                let new = NewPlatform {
                    name: was.name.clone(),
                    title,
                    server: server.node.id,
                    root: Some(was.root.clone()),
                    source: tombstone.as_ref().and_then(|gone| gone.source.clone()),
                    php: was.php.clone(),
                    owner,
                };
                wanted.object = tx.add_platform(&new, now).await?;
                if let Some(gone) = &tombstone {
                    let fields = values_of(tx, gone.node.id).await?;
                    fill_fields(tx, wanted.object, &fields, now).await?;
                    if gone.locked {
                        tx.lock_platform(wanted.object, now).await?;
                    }
                }
                let detail = json!({ "thing": thing, "was": tombstone.map(|gone| gone.node.id) });
                tx.record_deed(wanted.object, &asked.actor.name, "restored", Some(&detail), now).await?;
                asked.queue(tx, wanted, &KnownContexts::new(), now).await
            })
            .await?;
        self.wake();
        Ok(answer)
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

/// The name of a platform that is to come back is taken, perhaps by that one, which somebody had back already.
fn name_in_use(was: &PlatformContext, there: &Node) -> Refusal {
    let name = &was.name;
    let remedy = match there.status {
        Some(ObjectStatus::New) => "its task is under way: follow it with `aegir queue show`".to_owned(),
        Some(ObjectStatus::Failed) => format!(
            "it was never made: see why in its last task, and retry that; or free its name with `aegir platform forget {name}`, \
             then repeat this"
        ),
        _ => format!(
            "delete that one first with `aegir platform delete {name} --confirm {name}`; or move the code out of the trash by \
             hand, and add it under another name with `aegir platform add NAME --server {} --root FOLDER`",
            was.server
        ),
    };
    Refusal::Conflict { what: format!("there is a platform `{name}` again"), remedy: Some(remedy) }
}

/// What is left of a platform as it was when its code came into the trash.
async fn tombstone_of(
    tx: &mut Tx,
    was: &PlatformContext,
    name: &ContextName,
    server: NodeId,
    moment: i64,
) -> Result<Option<PlatformRecord>, Refusal> {
    let Some(gone) = tx.deleted_at(NodeKind::Platform, name, moment).await? else { return Ok(None) };
    let gone = tx.platform(gone.id).await?;
    Ok(gone.filter(|gone| gone.server == server && gone.root.as_ref() == Some(&was.root)))
}

/// Fails unless the server that served a platform still serves sites, in the home that its code lies in.
fn must_serve_there(server: &ServerRecord, lies: &Lies) -> Result<(), Refusal> {
    let name = &server.context.name;
    let (what, remedy) = match (is_same_home(&server.transport, &lies.place.transport), &server.context.http) {
        (true, Some(_)) => return Ok(()),
        (true, None) => (
            format!("`{name}`, which served it, has no web service any more"),
            format!("give it one with `aegir server edit {name} --http TYPE --listen ADDRESS:PORT`"),
        ),
        (false, _) => (
            format!("the server `{name}` is another one than the one of that name that served it"),
            format!(
                "move `{}` by hand to where it is to lie, and add it with `aegir platform add NAME --server {} --root FOLDER`",
                lies.thing.folder.join(&lies.thing.name).display(),
                lies.place.server
            ),
        ),
    };
    Err(Refusal::Conflict { what, remedy: Some(remedy) })
}

/// What a back end refused.
fn refused(fault: &FaultReport) -> Refusal {
    let what = std::iter::once(&fault.message).chain(&fault.because).cloned().collect::<Vec<_>>().join(": ");
    Refusal::Conflict { what, remedy: fault.remedy.clone() }
}

fn unknown(name: &str) -> Refusal {
    Refusal::Unknown { what: "trash", name: name.to_owned() }
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
