//! What a worker does that pretends: the lines it says, and what is saved when it has ended.

use std::sync::Arc;

use aegir_domain::protocol::{Ending, Level, Line, Phase, Said, VERSION};
use aegir_domain::{
    AttemptId, BACKUP_FORMAT, BackupDump, BackupManifest, BackupName, BackupRecord, Context, ContextName, Database,
    DbName, Fault, FaultReport, Former, FormerName, FoundBackup, InstallSite, Instance, KeepFormer, Left, LeftBy,
    Marker, Outcome, PackageCode, PlatformAnswer, PlatformContext, PlatformFacts, PlatformName, ProfileLanguage,
    Rehearse, SiteAnswer, SiteContext, Task, TaskKind,
};
use serde_json::{Map, Value, json};

use super::machine::{Machine, State, Worker};
use super::sites;
use super::{Ends, Plan, PretendFault};

/// The version of Drupal that every platform pretends to have.
const CORE: &str = "10.3.6";
/// The name of the step that acts.
const ACTS: &str = "pretend";

/// What a task would change.
#[derive(Default)]
struct Done {
    save: Option<Context>,
    forget: Option<ContextName>,
    answer: Map<String, Value>,
    secret: Option<Map<String, Value>>,
    /// A backup that was made.
    backup: Option<FoundBackup>,
    /// A backup that is gone.
    dropped: Option<BackupName>,
    /// What is not in the trash any more.
    out_of_trash: Option<String>,
}

/// What it refuses or fails with.
fn why(plan: &Plan, else_with: PretendFault) -> PretendFault {
    plan.because.map_or(else_with, |(what, remedy)| PretendFault::Because { what, remedy })
}

impl Machine {
    /// Carries an attempt out.
    pub(super) async fn work(self: Arc<Self>, id: AttemptId, plan: &Plan) {
        let Some(task) = self.state().attempts.get(&id).map(|attempt| attempt.task.clone()) else { return };
        let object = task.object().to_string();
        self.say(id, Said::Started { protocol: VERSION, attempt: id, task: task.kind(), object });
        self.say(id, step(1, "look", Phase::Checking));
        let done = would_do(&self.state(), &task, plan, self.now());
        let refused = match (&done, plan.ends) {
            (Err(fault), _) => Some(fault.clone()),
            (_, Ends::Refused) => Some(Fault::from(why(plan, PretendFault::Told)).report()),
            _ => None,
        };
        if let Some(fault) = refused {
            self.say(id, step(1, "look", Phase::Failed));
            return self.end(id, Outcome::Refused { fault }, Done::default(), false);
        }
        self.say(id, step(1, "look", Phase::Checked));
        self.say(id, step(2, ACTS, Phase::Doing));
        for said in &plan.says {
            self.rest(plan).await;
            if self.is_cancelled(id) {
                return self.take_back(id, &PretendFault::Cancelled, false);
            }
            self.say(id, said.clone());
        }
        for n in 0..plan.floods {
            if n % 1000 == 0 {
                tokio::task::yield_now().await;
                if self.is_cancelled(id) {
                    return self.take_back(id, &PretendFault::Cancelled, false);
                }
            }
            self.say(id, Said::Log { level: Level::Info, text: format!("line {n} of many"), output: None });
        }
        self.rest(plan).await;
        let mut moved = self.moved.subscribe();
        while plan.holds && !self.is_cancelled(id) && !self.is_released(id) {
            let _ = moved.changed().await;
        }
        if self.is_cancelled(id) {
            return self.take_back(id, &PretendFault::Cancelled, false);
        }
        if plan.dies {
            if let Some(attempt) = self.state().attempts.get_mut(&id) {
                attempt.worker = Worker::Died;
            }
            return self.tell();
        }
        if let Some(fault) = self.locked_out(&task) {
            self.say(id, step(2, ACTS, Phase::Failed));
            return self.take_back(id, &fault, false);
        }
        match plan.ends {
            Ends::RolledBack => self.take_back(id, &why(plan, PretendFault::Failed), false),
            Ends::Stuck => {
                self.say(id, step(2, ACTS, Phase::Failed));
                let fault = Fault::from(why(plan, PretendFault::Failed)).report();
                let left = Left { line: ACTS.into(), fault: Some(Fault::from(PretendFault::UndoFailed).report()) };
                self.end(id, Outcome::Stuck { fault, left: vec![left] }, Done::default(), false);
            }
            _ => {
                self.say(id, step(2, ACTS, Phase::Done));
                self.say(id, step(3, "point-of-no-return", Phase::Committed));
                let outcome = match plan.ends {
                    Ends::Untidy => Outcome::Untidy { fault: Fault::from(PretendFault::Owed).report() },
                    _ => Outcome::Succeeded,
                };
                self.end(id, outcome, done.unwrap_or_default(), false);
            }
        }
    }

    /// Whoever asks for an attempt whose worker died has it taken back.
    pub(super) fn recover(&self, id: AttemptId) {
        let died = self.state().attempts.get(&id).is_some_and(|attempt| attempt.worker == Worker::Died);
        if died {
            self.take_back(id, &PretendFault::Died, true);
        }
    }

    async fn rest(&self, plan: &Plan) {
        if !plan.pause.is_zero() {
            tokio::time::sleep(plan.pause).await;
        }
    }

    fn is_cancelled(&self, id: AttemptId) -> bool {
        self.state().attempts.get(&id).is_none_or(|attempt| attempt.cancelled)
    }

    fn is_released(&self, id: AttemptId) -> bool {
        self.state().attempts.get(&id).is_some_and(|attempt| attempt.released)
    }

    pub(super) fn take_back(&self, id: AttemptId, why: &PretendFault, recovered: bool) {
        self.say(id, step(2, ACTS, Phase::Undoing));
        self.say(id, step(2, ACTS, Phase::Undone));
        let fault = FaultReport::of(why);
        self.end(id, Outcome::RolledBack { fault }, Done::default(), recovered);
    }

    /// Does what is owed.
    pub(super) fn tidy(&self, id: AttemptId) {
        self.end(id, Outcome::Succeeded, Done::default(), true);
    }

    /// Says a line.
    fn say(&self, id: AttemptId, said: Said) {
        let at = self.now();
        if let Some(attempt) = self.state().attempts.get_mut(&id) {
            let n = attempt.lines.len() as u64 + 1;
            attempt.lines.push(Line { n, at, said });
        }
        self.tell();
    }

    /// Says how it ended, and saves what it changed, at once.
    fn end(&self, id: AttemptId, outcome: Outcome, done: Done, recovered: bool) {
        let at = self.now();
        let mut state = self.state();
        let changed = done.save.is_some() || done.forget.is_some();
        let called = done.save.as_ref().filter(|_| done.forget.is_some()).map(Context::name);
        if let Some(context) = done.save {
            state.contexts.insert(context.name(), context);
        }
        if let Some(name) = done.forget {
            state.contexts.remove(&name);
        }
        state.out_of_trash.extend(done.out_of_trash);
        if let Some(backup) = done.backup {
            state.backups.insert(backup.backup.clone(), backup);
        }
        if let Some(backup) = done.dropped {
            state.backups.remove(&backup);
        }
        let object = state.attempts.get(&id).map(|attempt| attempt.task.object());
        // What is called otherwise now is told under the name that it has.
        let object = called.or(object);
        let context = object.and_then(|name| state.contexts.get(&name).cloned());
        if let Some(attempt) = state.attempts.get_mut(&id) {
            let ending = Ending { changed, recovered, answer: done.answer, context, ..Ending::of(outcome) };
            attempt.secret = done.secret;
            let n = attempt.lines.len() as u64 + 1;
            attempt.lines.push(Line { n, at, said: Said::Result(Box::new(ending)) });
            attempt.worker = Worker::Ended;
        }
        drop(state);
        self.tell();
    }
}

fn step(line: u32, name: &str, phase: Phase) -> Said {
    let ended = !matches!(phase, Phase::Checking | Phase::Doing | Phase::Undoing | Phase::Finishing);
    Said::Step { line, name: name.into(), phase, took: ended.then_some(1) }
}

/// What a task would change, or why it cannot be.
fn would_do(state: &State, task: &Task, plan: &Plan, now: u64) -> Result<Done, FaultReport> {
    let (saved, name) = (&state.contexts, task.object());
    let is = saved.get(&name);
    let no = |fault: PretendFault| Fault::from(fault).report();
    let must = |name: &ContextName| saved.get(name).ok_or_else(|| no(PretendFault::Absent(name.to_string())));
    // A change is made from what is saved, and says something else, or nothing is saved.
    let fresh = |new: Context| {
        let has = is.map_or(0, Context::revision);
        match new.revision() == has {
            true if is == Some(&new) => Ok(new),
            true => Ok(new.with_revision(has + 1)),
            false => Err(no(PretendFault::Stale { name: name.to_string(), has, from: new.revision() })),
        }
    };
    let save = |context| Done { save: Some(context), ..Done::default() };
    Ok(match task {
        Task::SaveContext { context } => save(fresh(context.clone())?),
        Task::ForgetContext { name } => {
            must(name)?;
            Done { forget: Some(name.clone()), ..Done::default() }
        }
        Task::DeletePlatform { .. } => {
            must(&name)?;
            Done { forget: Some(name.clone()), ..Done::default() }
        }
        Task::VerifyServer { context: Some(context), .. } => save(fresh(Context::Server(context.clone()))?),
        Task::BuildPlatform(build) => match is {
            Some(_) => return Err(no(PretendFault::There(name.to_string()))),
            None => save(Context::Platform(PlatformContext {
                name: build.platform.clone(),
                revision: 1,
                root: format!("/var/aegir/platforms/{}", build.platform)
                    .parse()
                    .map_err(|_| no(PretendFault::Failed))?,
                server: build.server.clone(),
                php: build.php.clone(),
                facts: None,
                built: None,
            })),
        },
        Task::RestorePlatform { thing, .. } => {
            Done { out_of_trash: Some(thing.to_string()), ..save(super::trash::taken_out(state, task).map_err(no)?) }
        }
        Task::VerifyPlatform { context, .. } => {
            let new = match context {
                Some(context) => fresh(Context::Platform(context.clone()))?,
                None => must(&name)?.clone(),
            };
            verified_platform(new, plan)
        }
        Task::InstallSite(install) => {
            if is.is_some() {
                return Err(no(PretendFault::There(name.to_string())));
            }
            must(&ContextName::Platform(install.platform.clone()))?;
            must(&ContextName::Server(install.db_server.clone()))?;
            let link = json!({ "login_link": format!("http://{}/user/reset/1/the-first-link", install.site) });
            let mut done = save(Context::Site(Box::new(new_site(install).ok_or_else(|| no(PretendFault::Failed))?)));
            done.secret = link.as_object().cloned();
            done.answer = site_answer(plan);
            done
        }
        Task::ImportSite(import) => {
            let Context::Platform(platform) = must(&ContextName::Platform(import.platform.clone()))? else {
                return Err(no(PretendFault::Failed));
            };
            if is.is_some() {
                return Err(no(PretendFault::There(name.to_string())));
            }
            let site = new_site(&sites::as_if_new(import, &platform.server)).ok_or_else(|| no(PretendFault::Failed))?;
            let site = sites::copied_from(site, import.copy_of.as_ref());
            Done { answer: site_answer(plan), ..save(Context::Site(Box::new(site))) }
        }
        Task::VerifySite { context, .. } => {
            let new = match context {
                Some(context) => fresh(Context::Site(context.clone()))?,
                None => must(&name)?.clone(),
            };
            Done { answer: site_answer(plan), ..save(new) }
        }
        Task::VerifyServer { context: None, .. } => save(must(&name)?.clone()),
        Task::Login { site, account } => {
            must(&name)?;
            let link = json!({ "login_link": format!("http://{site}/user/reset/{account}/only-once") });
            Done { secret: link.as_object().cloned(), ..Done::default() }
        }
        Task::MigrateSite(migrate) => {
            let platform = &migrate.platform;
            must(&ContextName::Platform(platform.clone()))?;
            if migrate.rehearse == Some(Rehearse::Only) {
                must(&name)?;
                return Ok(Done::default());
            }
            let moved = moved(must(&name)?, platform).ok_or_else(|| no(PretendFault::Failed))?;
            let moved = match (moved, &migrate.db_server) {
                (Context::Site(site), Some(server)) => {
                    Context::Site(Box::new(SiteContext { db_server: server.clone(), ..*site }))
                }
                (moved, _) => moved,
            };
            let (moved, backup) = match migrate.keep {
                Some(KeepFormer::Archive) => {
                    packed(moved, must(&name)?, now).ok_or_else(|| no(PretendFault::Failed))?
                }
                _ => (moved, None),
            };
            let mut answer = fenced(site_answer(plan));
            sites::tells_what_it_left(&mut answer, &moved);
            Done { answer, backup, ..save(fresh(moved)?) }
        }
        Task::GoBackSite { .. } => {
            let Context::Site(site) = must(&name)? else { return Err(no(PretendFault::Failed)) };
            let former = site.formers.last().cloned().ok_or_else(|| no(PretendFault::Failed))?;
            let Some(names) = &former.names else {
                let back = moved(must(&name)?, &former.platform).ok_or_else(|| no(PretendFault::Failed))?;
                return Ok(Done { answer: fenced(site_answer(plan)), ..save(fresh(back)?) });
            };
            let back = sites::renamed(site, names).ok_or_else(|| no(PretendFault::Failed))?;
            Done { answer: fenced(site_answer(plan)), forget: Some(name), ..save(Context::Site(Box::new(back))) }
        }
        Task::UpdateSite { .. } if plan.nothing => {
            must(&name)?;
            Done { answer: serde_json::Map::from_iter([("updates".to_owned(), 0.into())]), ..Done::default() }
        }
        Task::UpdateSite { .. } => {
            let Context::Site(site) = must(&name)?.clone() else { return Err(no(PretendFault::Failed)) };
            let updated = moved(must(&name)?, &site.platform).ok_or_else(|| no(PretendFault::Failed))?;
            let mut answer = fenced(site_answer(plan));
            answer.insert("updates".into(), 1.into());
            sites::tells_what_it_left(&mut answer, &updated);
            Done { answer, ..save(fresh(updated)?) }
        }
        Task::RefreshCopy(refresh) => {
            let Context::Site(mut site) = must(&name)?.clone() else { return Err(no(PretendFault::Failed)) };
            if refresh.switch.is_some() {
                (site.copy_of, site.quiet) = (None, aegir_domain::Quiet::default());
            }
            Done { answer: fenced(site_answer(plan)), ..save(fresh(Context::Site(site))?) }
        }
        Task::RebuildCaches { .. } => {
            must(&name)?;
            Done::default()
        }
        Task::Custom(_) => {
            must(&name)?;
            Done::default()
        }
        Task::DropFormers { former, .. } => {
            let Context::Site(mut site) = must(&name)?.clone() else { return Err(no(PretendFault::Failed)) };
            site.formers.retain(|kept| former.as_ref().is_some_and(|gone| kept.name != *gone));
            save(fresh(Context::Site(site))?)
        }
        Task::CloneSite(clone) => {
            let Context::Site(site) = must(&ContextName::Site(clone.site.clone()))? else {
                return Err(no(PretendFault::Failed));
            };
            if is.is_some() {
                return Err(no(PretendFault::There(name.to_string())));
            }
            Done { answer: site_answer(plan), ..save(Context::Site(Box::new(sites::copied(site, clone)))) }
        }
        Task::RenameSite { to, old_name, .. } => {
            let Context::Site(site) = must(&name)? else { return Err(no(PretendFault::Failed)) };
            if saved.contains_key(&ContextName::Site(to.clone())) {
                return Err(no(PretendFault::There(format!("@{to}"))));
            }
            let names = sites::names(site, to, *old_name);
            let renamed = sites::renamed(site, &names).ok_or_else(|| no(PretendFault::Failed))?;
            Done { answer: fenced(site_answer(plan)), forget: Some(name), ..save(Context::Site(Box::new(renamed))) }
        }
        Task::BackupSite { note, .. } => {
            let Context::Site(site) = must(&name)? else { return Err(no(PretendFault::Failed)) };
            let found = (1..).map(|turn| backup(site, now, turn)).find(|one| !state.backups.contains_key(&one.backup));
            let mut found = found.ok_or_else(|| no(PretendFault::Failed))?;
            if let Some(manifest) = &mut found.manifest {
                manifest.note.clone_from(note);
            }
            let answer = map_of(json!({ "backup": found.backup, "bytes": found.bytes, "site": site.name }));
            Done { answer, backup: Some(found), ..Done::default() }
        }
        Task::VerifyBackup { backup, .. } | Task::DeleteBackup { backup } => {
            if !state.backups.contains_key(backup) {
                return Err(no(PretendFault::Absent(backup.to_string())));
            }
            let dropped = matches!(task, Task::DeleteBackup { .. }).then(|| backup.clone());
            Done { dropped, ..Done::default() }
        }
        Task::RestoreBackup { backup, new_site, platform, db_server, .. } => {
            let found = state.backups.get(backup).ok_or_else(|| no(PretendFault::Absent(backup.to_string())))?;
            match (is, new_site) {
                (Some(Context::Site(site)), None) => {
                    let platform = platform.as_ref().unwrap_or(&site.platform);
                    let restored = moved(must(&name)?, platform).ok_or_else(|| no(PretendFault::Failed))?;
                    Done { answer: fenced(site_answer(plan)), ..save(fresh(restored)?) }
                }
                (Some(_), _) => return Err(no(PretendFault::There(name.to_string()))),
                (None, _) => {
                    let like = match saved.get(&ContextName::Site(backup.site())) {
                        Some(Context::Site(site)) => Some(&**site),
                        _ => None,
                    };
                    let asked = (new_site.as_ref(), platform.as_ref(), db_server.as_ref());
                    let made = sites::of_backup(found, like, asked).ok_or_else(|| no(PretendFault::Failed))?;
                    Done { answer: site_answer(plan), ..save(Context::Site(Box::new(made))) }
                }
            }
        }
        Task::DisableSite { no_backup, .. } => {
            let Context::Site(site) = must(&name)? else { return Err(no(PretendFault::Failed)) };
            let made = (1..).map(|turn| backup(site, now, turn)).find(|one| !state.backups.contains_key(&one.backup));
            let answer = made.as_ref().map(|made| map_of(json!({ "backup": made.backup, "bytes": made.bytes })));
            let disabled = Context::Site(Box::new(SiteContext { disabled: true, ..(**site).clone() }));
            match *no_backup || site.disabled {
                true => save(fresh(disabled)?),
                false => Done { answer: answer.unwrap_or_default(), backup: made, ..save(fresh(disabled)?) },
            }
        }
        Task::EnableSite { .. } => {
            let Context::Site(site) = must(&name)? else { return Err(no(PretendFault::Failed)) };
            save(fresh(Context::Site(Box::new(SiteContext { disabled: false, ..(**site).clone() })))?)
        }
        Task::EjectSite { .. } | Task::DeleteSite { .. } => {
            must(&name)?;
            Done { forget: Some(name), ..Done::default() }
        }
    })
}

fn verified_platform(context: Context, plan: &Plan) -> Done {
    let Context::Platform(mut platform) = context else { return Done::default() };
    let profile: aegir_domain::MachineName = "standard".parse().expect("a machine name");
    let core = plan.core.unwrap_or(CORE);
    let facts = PlatformFacts { core: core.into(), default_profile: profile.clone(), php_minimum: "8.1.0".into() };
    platform.facts = Some(facts);
    let found = |folder: &String| aegir_domain::FoundSite {
        folder: folder.clone(),
        link: None,
        of_old_aegir: false,
        packages: 0,
    };
    let engines = plan.engines.clone().unwrap_or_else(|| vec!["mariadb", "sqlite"]);
    let language = |(profile, language): &(&str, &str)| {
        Some(ProfileLanguage { profile: profile.parse().ok()?, language: language.parse().ok()? })
    };
    let answer = PlatformAnswer {
        core: core.into(),
        php: "8.2.0".into(),
        default_profile: profile,
        packages: plan.packages.clone(),
        engines: Some(engines.iter().filter_map(|engine| engine.parse().ok()).collect()),
        languages: plan.languages.iter().filter_map(language).collect(),
        found_sites: plan.found_sites.iter().map(found).collect(),
        changes: Vec::new(),
    };
    Done { save: Some(Context::Platform(platform)), answer: map_of(json!(answer)), ..Done::default() }
}

/// What a site has: every package that the plan names, enabled.
fn site_answer(plan: &Plan) -> Map<String, Value> {
    let has = |code: &PackageCode| Instance {
        kind: code.kind,
        name: code.name.clone(),
        enabled: true,
        schema: code.schema,
        version: code.version.clone(),
        path: Some(code.path.clone()),
        reach: Some(code.reach.clone()),
    };
    let packages = plan.packages.iter().map(has).collect();
    map_of(json!(SiteAnswer { core: CORE.into(), packages: Some(packages), installer: None, changes: Vec::new() }))
}

/// The same, of a site whose visitors were told to come back meanwhile.
fn fenced(mut answer: Map<String, Value>) -> Map<String, Value> {
    answer.insert("fenced_ms".into(), 2400.into());
    answer
}

fn map_of(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

/// A backup of a site, made now.
fn backup(site: &SiteContext, now: u64, turn: u32) -> FoundBackup {
    let backup = BackupName::of(&site.name, now, turn);
    let manifest = BackupManifest {
        format: BACKUP_FORMAT,
        aegir: "0.1.0".into(),
        made: now,
        site: site.name.clone(),
        title: site.title.clone(),
        language: site.language.clone(),
        platform: site.platform.clone(),
        core: site.core.clone(),
        profile: site.profile.clone(),
        record: Some(BackupRecord {
            db_server: site.db_server.clone(),
            time_zone: site.time_zone.clone(),
            account: site.account.clone(),
            mail: site.mail.clone(),
            aliases: site.aliases.clone(),
            redirect: site.redirect.clone(),
            client: site.client.clone(),
            quiet: site.quiet,
            cron: site.cron,
        }),
        packages: Vec::new(),
        dump: BackupDump {
            file: "database.sql".into(),
            engine: "mariadb".into(),
            name: site.database.name.clone(),
            bytes: 8 << 20,
            sha256: "0".repeat(64),
            not_consistent: Vec::new(),
            not_included: Vec::new(),
        },
        files_bytes: 3 << 20,
        files_entries: 120,
        lacks: Vec::new(),
        left_out: Vec::new(),
        left: None,
        made_by: Some(TaskKind::BackupSite),
        note: None,
    };
    FoundBackup { backup, bytes: 4_200_000, manifest: Some(manifest), fault: None }
}

/// A site on another platform, with what it was as its one former self.
fn moved(is: &Context, to: &PlatformName) -> Option<Context> {
    let Context::Site(site) = is else { return None };
    let name = match site.formers.last().filter(|left| left.names.is_none()) {
        Some(before) => next_name(before)?,
        None => format!("{}-20260101.000000-0123456789ab", site.name).parse().ok()?,
    };
    let formers = vec![Former::of(site, name, 1_767_225_600, 50 << 20)];
    Some(Context::Site(Box::new(SiteContext { platform: to.clone(), formers, ..(**site).clone() })))
}

/// A name that no former self before had: each task leaves one of its own.
fn next_name(before: &Former) -> Option<FormerName> {
    let (stem, end) = before.name.as_str().rsplit_once('-')?;
    let number = u64::from_str_radix(end, 16).ok()?;
    format!("{stem}-{:012x}", number + 1).parse().ok()
}

/// The same with its former self, `was`, packed into a backup.
fn packed(moved: Context, was: &Context, now: u64) -> Option<(Context, Option<FoundBackup>)> {
    let (Context::Site(mut site), Context::Site(was)) = (moved, was) else { return None };
    let former = site.formers.last_mut()?;
    let mut found = backup(was, now, 1);
    former.archive = Some(found.backup.clone());
    let (task, attempt) = (TaskKind::MigrateSite, AttemptId::from_parts(now, [7; 10]));
    found.manifest.as_mut()?.left = Some(LeftBy { task, attempt, former: former.name.clone() });
    Some((Context::Site(site), Some(found)))
}

/// A site as its install leaves it.
fn new_site(install: &InstallSite) -> Option<SiteContext> {
    let title = match &install.title {
        Some(title) => title.clone(),
        None => install.site.as_str().parse().ok()?,
    };
    Some(SiteContext {
        name: install.site.clone(),
        revision: 1,
        platform: install.platform.clone(),
        db_server: install.db_server.clone(),
        database: Database {
            name: DbName::for_site(&install.site, [7; 5]),
            marker: Marker::new(&install.site, AttemptId::from_parts(0, [0; 10])),
            hosts: Vec::new(),
        },
        profile: match &install.profile {
            Some(profile) => profile.clone(),
            None => "standard".parse().ok()?,
        },
        language: install.language.clone(),
        time_zone: install.time_zone.clone(),
        title,
        account: install.account.clone(),
        mail: install.mail.clone(),
        aliases: install.aliases.clone(),
        redirect: install.redirect.clone(),
        client: install.client.clone(),
        core: CORE.into(),
        awaits_installer: false,
        disabled: false,
        quiet: aegir_domain::Quiet::default(),
        copy_of: None,
        cron: install.cron,
        formers: Vec::new(),
    })
}
