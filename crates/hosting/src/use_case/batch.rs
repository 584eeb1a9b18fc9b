//! The sites of a platform move to another one: who can go, who cannot and why, and then, wave by wave, that they go.
//!
//! What is told before is looked at once more when it begins: sites that do not fit are left out of it with their
//! reasons, and no task is queued for them. A site that could not be compared is asked all the same; its own task
//! compares it again, and refuses what does not fit.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use aegir_domain::{Compared, FaultReport, Fit, NodeId, PlatformName, SiteName, Verdict};
use aegir_store::{BulkPlan, NewBulkEntry, Page, Read, ServerRecord, SiteList, SiteRecord};
use futures_util::StreamExt;
use futures_util::stream::iter;
use serde_json::{Map, Value, json};

use super::bulk::{Run, must_be_few};
use super::causes::Causes;
use super::object::{platform_named, short};
use super::{Asked, number, queued, shown};
use crate::dispatch::is_same_home;
use crate::view::{BatchPlanView, PlannedWaveView};
use crate::{Answer, BadParameters, Comparison, Hosting, OperationId, Place, Refusal, Setting, Waves};

/// How many sites are compared by one question to a machine: one answers within the time that an answer has.
const COMPARED_AT_ONCE: usize = 50;
/// How many such questions a machine is asked at a time: each is a process there, and it has its visitors to look after.
const COMPARERS: usize = 2;
/// How many sites are looked up at a time, as whether they can be asked: as many as the store has readers.
const ASKERS: usize = 4;
/// How many sites are compared; the tasks of the rest do it themselves.
const COMPARED: usize = 2_000;
/// From how many moves it is told how long one takes.
const LATELY: u32 = 50;
/// How many sites of a wave are named before it begins.
const NAMED: usize = 20;

/// What is to move.
struct Batch {
    from: PlatformName,
    to: PlatformName,
    /// The machine that both are on.
    place: Place,
    /// As many as may run there at once.
    room: u32,
    sites: Vec<Mover>,
    filters: Vec<String>,
    /// How many were named one by one.
    named: usize,
}

/// A site that is to move.
struct Mover {
    name: SiteName,
    created: i64,
    /// What it takes, as far as it is known.
    bytes: Option<u64>,
    stands: Stands,
}

/// What is known of a site before it moves.
enum Stands {
    /// Nothing stands in the way; what somebody should know of it.
    Can(Vec<String>),
    /// What stands in the way, each with its way out.
    Cannot(Vec<FaultReport>),
    /// It could not be compared.
    Unknown,
}

impl Hosting {
    pub(super) async fn migrate_platform(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let mut batch = self.batch(asked).await?;
        let mut parameters = Map::new();
        parameters.insert("platform".into(), batch.to.as_str().into());
        let allowed = asked.given.strs("allow_missing");
        if !allowed.is_empty() {
            parameters.insert("allow_missing".into(), allowed.into());
        }
        let rehearse = asked.given.str("rehearse").unwrap_or("none");
        if rehearse == "site" {
            parameters.insert("rehearse_first".into(), true.into());
        }
        if let Some(keep) = asked.given.str("keep_former") {
            parameters.insert("keep_former".into(), keep.into());
        }
        let given = asked.plan();
        let plan =
            BulkPlan { at_once: Some(given.at_once.unwrap_or(batch.room)), rehearse: rehearse == "wave", ..given };
        let chosen = json!({ "platform": batch.from, "objects": batch.named, "filter": batch.filters });
        let mut run =
            Run { operation: OperationId::SiteMigrate.declaration(), parameters, plan, entries: Vec::new(), chosen };
        self.ask_each(asked, &run, &mut batch).await;
        let why_not_compared = self.compare_each(asked, &mut batch).await;
        let waves: Waves = asked.given.text("waves").unwrap_or_default();
        if asked.dry_run {
            return self.told_before(&batch, &run, rehearse, &waves, why_not_compared).await;
        }
        if batch.sites.iter().all(|site| matches!(site.stands, Stands::Cannot(_))) {
            return Err(nothing_can_go(&batch));
        }
        run.entries = entries(&batch, &waves);
        self.begin(asked, run).await
    }

    /// What is chosen, in its order.
    async fn batch(&self, asked: &Asked<'_>) -> Result<Batch, Refusal> {
        let filters: Vec<String> = asked.given.strs("filter").into_iter().map(str::to_owned).collect();
        let found: Option<BTreeSet<String>> = match filters.is_empty() {
            true => None,
            false => {
                let found = self.found(asked, &OperationId::SiteMigrate.declaration(), &filters).await?;
                Some(found.into_iter().collect())
            }
        };
        let mut batch = self.store().snapshot(async |read| read_batch(read, asked, filters).await).await?;
        batch.sites.retain(|site| found.as_ref().is_none_or(|found| found.contains(site.name.as_str())));
        if batch.sites.is_empty() {
            return Err(Refusal::Conflict {
                what: format!("no site of the platform `{}` is chosen", batch.from),
                remedy: Some(format!("see those that live on it with `aegir site list --platform {}`", batch.from)),
            });
        }
        // Each of them is asked, and compared, before anything begins.
        must_be_few(asked.operation, batch.sites.len())?;
        match asked.given.str("order").unwrap_or("name") {
            "smallest" => batch.sites.sort_by_key(|site| (site.bytes.is_none(), site.bytes)),
            "largest" => batch.sites.sort_by_key(|site| Reverse(site.bytes)),
            "oldest" => batch.sites.sort_by_key(|site| site.created),
            "newest" => batch.sites.sort_by_key(|site| Reverse(site.created)),
            _ => batch.sites.sort_by(|a, b| a.name.cmp(&b.name)),
        }
        Ok(batch)
    }

    /// Finds out which of the sites can be asked to move now, as far as that is known here.
    async fn ask_each(&self, asked: &Asked<'_>, run: &Run, batch: &mut Batch) {
        let names: Vec<String> = batch.sites.iter().map(|site| site.name.to_string()).collect();
        let answers = names.into_iter().map(async |name| {
            let entry = NewBulkEntry::of(name);
            self.would_be_asked(asked, run, &entry).await
        });
        let answers: Vec<_> = iter(answers).buffered(ASKERS).collect().await;
        for (site, answer) in batch.sites.iter_mut().zip(answers) {
            if let Err(why) = answer {
                site.stands = Stands::Cannot(vec![why]);
            }
        }
    }

    /// Has the sites compared with the platform, on their machine; why not all were, if so.
    async fn compare_each(&self, asked: &Asked<'_>, batch: &mut Batch) -> Option<String> {
        let Batch { to, place, sites, .. } = batch;
        let mut open: Vec<&mut Mover> =
            sites.iter_mut().filter(|site| matches!(site.stands, Stands::Unknown)).take(COMPARED).collect();
        let questions: Vec<Comparison> = open
            .chunks(COMPARED_AT_ONCE)
            .map(|part| Comparison {
                sites: part.iter().map(|site| site.name.clone()).collect(),
                platform: to.clone(),
                allow_missing: asked.given.texts("allow_missing"),
            })
            .collect();
        let place = &*place;
        let answers = questions.into_iter().map(async |question| self.0.back_ends.compare(place, &question).await);
        let mut answers = iter(answers).buffered(COMPARERS);
        let mut parts = open.chunks_mut(COMPARED_AT_ONCE);
        // A machine that was lost is asked no more.
        while let Some(answer) = answers.next().await {
            let part = parts.next().unwrap_or_default();
            match answer {
                Ok(compared) => {
                    for (site, compared) in part.iter_mut().zip(compared) {
                        site.stands = stands(compared);
                    }
                }
                Err(lost) => return Some(Refusal::from(lost).to_string()),
            }
        }
        None
    }

    /// What somebody is to know before it begins.
    async fn told_before(
        &self,
        batch: &Batch,
        run: &Run,
        rehearse: &str,
        waves: &Waves,
        why_not_compared: Option<String>,
    ) -> Result<Answer, Refusal> {
        let (mut reasons, mut warnings) = (Causes::default(), Causes::default());
        let (mut with_warnings, mut cannot, mut not_compared) = (0, 0, 0);
        for site in &batch.sites {
            match &site.stands {
                Stands::Can(known) => {
                    with_warnings += u64::from(!known.is_empty());
                    for what in known {
                        let told = FaultReport { message: what.clone(), because: Vec::new(), remedy: None };
                        warnings.add((site.name.as_str(), 1), None, "warning", &told);
                    }
                }
                Stands::Cannot(why) => {
                    cannot += 1;
                    why.iter().for_each(|why| reasons.add((site.name.as_str(), 1), None, "not-queued", why));
                }
                Stands::Unknown => not_compared += 1,
            }
        }
        let goers: Vec<&Mover> = goers(batch).collect();
        let operation = queued::operation_name(&run.operation.slug())?;
        let took = self.store().read(async |read| read.took_lately(&operation, LATELY).await).await?;
        let at_once = run.plan.at_once.unwrap_or(1).max(1);
        let each_does = if rehearse == "none" { 1 } else { 2 };
        let turns = (goers.len() as u64 * each_does).div_ceil(u64::from(at_once));
        Ok(Answer::Object(shown::json(&BatchPlanView {
            platform: batch.from.to_string(),
            to: batch.to.to_string(),
            all: batch.sites.len() as u64,
            can: goers.len() as u64,
            with_warnings,
            cannot,
            not_compared,
            why_not_compared,
            reasons: reasons.views(),
            warnings: warnings.views(),
            waves: planned_waves(&goers, waves),
            at_once,
            stop_after: run.plan.stop_after,
            rehearse: rehearse.to_owned(),
            bytes: goers.iter().filter_map(|site| site.bytes).sum(),
            size_unknown: goers.iter().filter(|site| site.bytes.is_none()).count() as u64,
            takes_ms: took.each().map(|each| each.saturating_mul(turns)),
            known_from: took.tasks,
        })))
    }
}

async fn read_batch(read: &mut Read, asked: &Asked<'_>, filters: Vec<String>) -> Result<Batch, Refusal> {
    let from = asked.name.parse().map_err(|_| Refusal::Unknown { what: "platform", name: asked.name.to_owned() })?;
    let Some(to) = asked.given.text::<PlatformName>("to") else {
        return Err(BadParameters::one(asked.operation, "to", "it must be given", "name a platform").into());
    };
    let (here, there) = (platform_named(read, &from).await?, platform_named(read, &to).await?);
    if here.node.id == there.node.id {
        let why = format!("they live on `{to}` already");
        return Err(BadParameters::one(asked.operation, "to", why, "name another platform").into());
    }
    let (server, target) = (server_at(read, here.server).await?, server_at(read, there.server).await?);
    if !is_same_home(&server.transport, &target.transport) {
        return Err(Refusal::Conflict {
            what: format!("the platform `{to}` is on another machine than `{from}`"),
            remedy: Some("choose a platform of the same machine".into()),
        });
    }
    let room = match server.task_limit {
        Some(limit) => limit,
        None => number(read, Setting::TasksPerServer).await?,
    };
    let all = sites_on(read, here.node.id).await?;
    let named: BTreeSet<String> = named(asked, "site", &all, &from)?;
    let left_out = self::named(asked, "leave_out", &all, &from)?;
    let mut sites = Vec::new();
    for site in all {
        let Some(name) = site_name(&site) else { continue };
        let is_chosen = named.is_empty() || named.contains(name.as_str());
        if is_chosen && !left_out.contains(name.as_str()) {
            let bytes = size_of(read, &site).await?;
            sites.push(Mover { name, created: site.node.created, bytes, stands: Stands::Unknown });
        }
    }
    let place = Place { server: server.context.name, transport: server.transport };
    Ok(Batch { from, to, place, room: room.max(1), sites, filters, named: named.len() })
}

async fn server_at(read: &mut Read, id: NodeId) -> Result<ServerRecord, Refusal> {
    read.server(id).await?.ok_or_else(|| Refusal::Unknown { what: "server", name: id.to_string() })
}

async fn sites_on(read: &mut Read, platform: NodeId) -> Result<Vec<SiteRecord>, Refusal> {
    let page = Page::first(aegir_store::LONGEST_PAGE);
    let mut list = SiteList { platform: vec![platform], page, ..SiteList::default() };
    let mut sites = Vec::new();
    loop {
        let page = read.list(&list).await?;
        sites.extend(page.rows);
        match page.next {
            Some(next) => list.page = Page::behind(aegir_store::LONGEST_PAGE, next),
            None => return Ok(sites),
        }
    }
}

fn site_name(site: &SiteRecord) -> Option<SiteName> {
    short(site.node.name.as_ref()?).parse().ok()
}

/// The sites that a parameter names: each must live on the platform.
fn named(
    asked: &Asked<'_>,
    parameter: &'static str,
    all: &[SiteRecord],
    from: &PlatformName,
) -> Result<BTreeSet<String>, Refusal> {
    let there: BTreeSet<String> = all.iter().filter_map(site_name).map(|name| name.to_string()).collect();
    let named: BTreeSet<String> = asked.given.strs(parameter).into_iter().map(str::to_owned).collect();
    match named.difference(&there).next() {
        None => Ok(named),
        Some(other) => {
            let why = format!("no site `{other}` lives on the platform `{from}`");
            let remedy = format!("see those that do with `aegir site list --platform {from}`");
            Err(BadParameters::one(asked.operation, parameter, why, remedy).into())
        }
    }
}

/// What a site takes: what its last move counted; else, packed, its newest backup.
async fn size_of(read: &mut Read, site: &SiteRecord) -> Result<Option<u64>, Refusal> {
    if let Some(former) = site.context.as_ref().and_then(|context| context.formers.last()) {
        return Ok(Some(former.bytes));
    }
    Ok(read.backups(site.node.id, 1).await?.first().map(|backup| backup.of.size))
}

fn stands(compared: Compared) -> Stands {
    match compared {
        Compared::Refused(fault) => Stands::Cannot(vec![fault]),
        Compared::Fit(fit) if fit.is_allowed() => Stands::Can(told(&fit, Verdict::Warning).into_keys().collect()),
        Compared::Fit(fit) => {
            let report = |(message, remedy)| FaultReport { message, because: Vec::new(), remedy };
            Stands::Cannot(told(&fit, Verdict::Error).into_iter().map(report).collect())
        }
    }
}

/// The reasons of that verdict, in words, each with its way out.
fn told(fit: &Fit, verdict: Verdict) -> BTreeMap<String, Option<String>> {
    let whose = |package: Option<&aegir_domain::PackageFit>| {
        package.map(|package| format!("`{}` ", package.name)).unwrap_or_default()
    };
    fit.reasons(verdict).map(|(package, reason)| (format!("{}{reason}", whose(package)), reason.remedy())).collect()
}

/// Those that are asked: all but those that cannot go.
fn goers(batch: &Batch) -> impl Iterator<Item = &Mover> {
    batch.sites.iter().filter(|site| !matches!(site.stands, Stands::Cannot(_)))
}

fn planned_waves(goers: &[&Mover], waves: &Waves) -> Vec<PlannedWaveView> {
    let mut planned: Vec<PlannedWaveView> = Vec::new();
    for (place, site) in goers.iter().enumerate() {
        let wave = waves.of(place);
        if planned.last().is_none_or(|last| last.wave != wave) {
            planned.push(PlannedWaveView { wave, count: 0, sites: Vec::new() });
        }
        if let Some(last) = planned.last_mut() {
            last.count += 1;
            if last.sites.len() < NAMED {
                last.sites.push(site.name.to_string());
            }
        }
    }
    planned
}

/// The objects of the run: those that go, in their waves; and, with the last of these, those that cannot.
fn entries(batch: &Batch, waves: &Waves) -> Vec<NewBulkEntry> {
    let mut entries: Vec<NewBulkEntry> = goers(batch)
        .enumerate()
        .map(|(place, site)| NewBulkEntry { wave: waves.of(place), ..NewBulkEntry::of(site.name.to_string()) })
        .collect();
    let last = entries.last().map_or(1, |entry| entry.wave);
    for site in &batch.sites {
        if let Stands::Cannot(why) = &site.stands {
            let refused = Some(does_not_fit(why, &batch.to));
            entries.push(NewBulkEntry { wave: last, refused, ..NewBulkEntry::of(site.name.to_string()) });
        }
    }
    entries
}

/// All that stands in the way of one site, as one report.
fn does_not_fit(why: &[FaultReport], to: &PlatformName) -> FaultReport {
    match why {
        [one] => one.clone(),
        several => FaultReport {
            message: format!("it does not fit the platform `{to}`"),
            because: several.iter().map(|why| why.message.clone()).collect(),
            remedy: several.iter().find_map(|why| why.remedy.clone()),
        },
    }
}

fn nothing_can_go(batch: &Batch) -> Refusal {
    let why = batch.sites.iter().find_map(|site| match &site.stands {
        Stands::Cannot(why) => why.first(),
        _ => None,
    });
    let why: Value = why.map_or(Value::Null, |why| why.message.clone().into());
    Refusal::Conflict {
        what: format!(
            "none of the {} chosen sites can go to the platform `{}`: {}",
            batch.sites.len(),
            batch.to,
            why.as_str().unwrap_or("nobody knows why")
        ),
        remedy: Some(format!(
            "see what stands in the way of each with `aegir platform migrate {} --to {} --dry-run`",
            batch.from, batch.to
        )),
    }
}
