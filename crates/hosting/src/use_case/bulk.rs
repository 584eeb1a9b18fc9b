//! What can be asked of bulk runs: they are begun, shown and asked again. `halt.rs` has them pause, `batch.rs` begins those
//! that move sites, `way_back.rs` those that lead back.

use std::collections::BTreeMap;

use aegir_domain::{FaultReport, TaskState};
use aegir_store::{
    BulkAsker, BulkCounts, BulkEntry, BulkEntryList, BulkList, BulkPlan, BulkRecord, EntryState, NewBulk, NewBulkEntry,
    Page, Read,
};
use serde_json::{Map, Value, json};

use super::causes::Causes;
use super::shown::{self, cursor_page, of_page};
use super::{Asked, object, operation_named};
use crate::view::{BulkFailureView, BulkHaltView, BulkObjectView, BulkPlanView, BulkView, BulkWaveView};
use crate::{
    Answer, BadParameter, BadParameters, Call, Effect, Hosting, Names, Operation, OperationId, Refusal, Waves,
};

/// How many objects a run has at the most.
const MOST: usize = 10_000;
/// How many of them are looked at where only that is asked.
const LOOKED_AT: usize = 500;
/// How many of its tasks there are at once where a run has waves, or pauses, and nobody says how many.
const AT_ONCE: u32 = 4;
/// How many failures are put together.
const FAILURES: u32 = aegir_store::LONGEST_PAGE;

/// How tasks end that a retry would ask again.
const FAILED: [TaskState; 4] = [TaskState::Refused, TaskState::RolledBack, TaskState::Stuck, TaskState::Cancelled];

/// A bulk run that is about to begin.
pub(super) struct Run {
    /// What is asked of each.
    pub(super) operation: Operation,
    /// What is given with it.
    pub(super) parameters: Map<String, Value>,
    /// How it is asked.
    pub(super) plan: BulkPlan,
    /// Its objects.
    pub(super) entries: Vec<NewBulkEntry>,
    /// How they were chosen.
    pub(super) chosen: Value,
}

impl Hosting {
    pub(super) async fn list_bulk(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let list = BulkList { page: cursor_page(asked)? };
        self.store()
            .read(async |read| {
                let page = read.list(&list).await?;
                let mut items = Vec::new();
                for bulk in &page.rows {
                    items.push(view(bulk, &read.count_bulk(bulk.id).await?));
                }
                of_page(items, page.next, None)
            })
            .await
    }

    pub(super) async fn show_bulk(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        self.store()
            .snapshot(async |read| {
                let bulk = bulk_numbered(read, asked.name).await?;
                Ok(Answer::Object(shown::json(&bulk_shown(read, &bulk).await?)))
            })
            .await
    }

    pub(super) async fn list_bulk_objects(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let page = cursor_page(asked)?;
        let state = asked.given.strs("state").into_iter().filter_map(entry_state).collect();
        self.store()
            .snapshot(async |read| {
                let bulk = bulk_numbered(read, asked.name).await?.id;
                let (page, total) = read.list_with_total(&BulkEntryList { bulk, state, page }).await?;
                of_page(page.rows.iter().map(object).collect(), page.next, Some(total))
            })
            .await
    }

    pub(super) async fn start_bulk(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let slug = asked.given.str("operation").unwrap_or_default();
        let operation = operation_named(slug).map(OperationId::declaration).ok_or_else(|| {
            BadParameters::one(asked.operation, "operation", "there is none of this name", "give `site verify`")
        })?;
        let parameters = pairs(asked, "with")?;
        operation.read(&parameters).map_err(|bad| within(asked.operation, "with", bad))?;
        let objects: Vec<String> = asked.given.strs("object").into_iter().map(str::to_owned).collect();
        let filters: Vec<String> = asked.given.strs("filter").into_iter().map(str::to_owned).collect();
        let names = match (objects.is_empty(), filters.is_empty()) {
            (false, true) => self.named(asked, &operation, &objects)?,
            (true, false) => self.found(asked, &operation, &filters).await?,
            _ => {
                let remedy = "name them with `object`, or find them with `filter`; `filter=all` takes all there are";
                return Err(
                    BadParameters::one(asked.operation, "object", "no objects are chosen, or twice", remedy).into()
                );
            }
        };
        let chosen = json!({ "objects": objects.len(), "filter": filters });
        let waves: Waves = asked.given.text("waves").unwrap_or_default();
        let entries = (0..).zip(names).map(|(place, name)| entry(name, waves.of(place))).collect();
        let mut plan = asked.plan();
        if plan.at_once.is_none() && (plan.stop_after.is_some() || asked.given.has("waves")) {
            plan.at_once = Some(AT_ONCE);
        }
        self.begin(asked, Run { operation, parameters, plan, entries, chosen }).await
    }

    pub(super) async fn retry_bulk(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let (bulk, entries) = self
            .store()
            .snapshot(async |read| {
                let bulk = bulk_numbered(read, asked.name).await?;
                let mut entries = Vec::new();
                let state = FAILED.into_iter().map(EntryState::Task).chain([EntryState::Refused]).collect();
                let mut list = BulkEntryList { bulk: bulk.id, state, page: Page::first(aegir_store::LONGEST_PAGE) };
                loop {
                    let page = read.list(&list).await?;
                    let again = |entry: BulkEntry| NewBulkEntry { given: entry.given, ..NewBulkEntry::of(entry.name) };
                    entries.extend(page.rows.into_iter().map(again));
                    let Some(next) = page.next else { break };
                    list.page = Page::behind(aegir_store::LONGEST_PAGE, next);
                }
                Ok::<_, Refusal>((bulk, entries))
            })
            .await?;
        if entries.is_empty() {
            return Err(Refusal::Conflict {
                what: format!("the bulk run {} failed for none of its objects", bulk.id),
                remedy: Some(format!("see how it stands with `aegir bulk show {}`", bulk.id)),
            });
        }
        let operation = operation_named(bulk.operation.as_str()).map(OperationId::declaration);
        let operation = operation.ok_or_else(|| Refusal::Conflict {
            what: format!("this version has no operation `{}`", bulk.operation),
            remedy: None,
        })?;
        let parameters = bulk.parameters.as_object().cloned().unwrap_or_default();
        let mut chosen = json!({ "retries": bulk.id });
        if let Some(platform) = bulk.chosen.get("platform") {
            chosen["platform"] = platform.clone();
        }
        self.begin(asked, Run { operation, parameters, plan: bulk.plan, entries, chosen }).await
    }

    /// Writes the run down, and has its objects asked; or says what would become of that.
    pub(super) async fn begin(&self, asked: &Asked<'_>, run: Run) -> Result<Answer, Refusal> {
        asked.actor.must(run.operation.needs)?;
        if asked.dry_run {
            return self.plan(asked, &run).await;
        }
        let Run { operation, parameters, plan, entries, chosen } = run;
        let actor = asked.actor;
        let new = NewBulk {
            operation: super::queued::operation_name(&operation.slug())?,
            parameters: parameters.into(),
            chosen,
            asker: BulkAsker {
                name: actor.name.clone(),
                id: actor.id.clone(),
                door: actor.door.as_str().into(),
                may: actor.may.iter().map(|permission| permission.to_string()).collect(),
            },
            plan,
            entries,
        };
        let now = self.now();
        let answer = self
            .change(asked, async |tx| {
                let id = tx.add_bulk(&new, now).await?;
                let bulk = tx.bulk(id).await?.ok_or_else(|| unknown(&id.to_string()))?;
                Ok(Answer::Object(shown::json(&view(&bulk, &tx.count_bulk(id).await?))))
            })
            .await?;
        self.0.bulk.notify_one();
        Ok(answer)
    }

    async fn plan(&self, asked: &Asked<'_>, run: &Run) -> Result<Answer, Refusal> {
        let mut can = 0;
        let mut refused = Causes::default();
        let looked_at = run.entries.len().min(LOOKED_AT);
        for entry in &run.entries[..looked_at] {
            match self.would_be_asked(asked, run, entry).await {
                Ok(()) => can += 1,
                Err(why) => refused.add((&entry.name, entry.wave), None, "not-queued", &why),
            }
        }
        Ok(Answer::Object(shown::json(&BulkPlanView {
            operation: run.operation.slug(),
            all: run.entries.len() as u64,
            looked_at: looked_at as u64,
            can,
            cannot: refused.views(),
        })))
    }

    /// Whether an object would be asked now; if not, why.
    pub(super) async fn would_be_asked(
        &self,
        asked: &Asked<'_>,
        run: &Run,
        entry: &NewBulkEntry,
    ) -> Result<(), FaultReport> {
        if let Some(why) = &entry.refused {
            return Err(why.clone());
        }
        let mut parameters = run.parameters.clone();
        parameters.extend(entry.given.as_ref().and_then(Value::as_object).cloned().unwrap_or_default());
        let call = Call { parameters, dry_run: true, ..Call::of(run.operation.id).about(entry.name.clone()) };
        // In a box: this is the way in that leads here, and a future cannot hold one of its own kind.
        Box::pin(self.perform(asked.actor, call)).await.map(drop).map_err(|refusal| refusal.report())
    }

    /// Reads names, as objects of `operation`; each once.
    fn named(&self, asked: &Asked<'_>, operation: &Operation, given: &[String]) -> Result<Vec<String>, Refusal> {
        let mut names = Vec::new();
        let mut bad = Vec::new();
        for text in given {
            let Names::One(kind) = operation.names else { break };
            match kind.read(text.strip_prefix('@').unwrap_or(text)) {
                Ok(name) if names.contains(&name) => (),
                Ok(name) => names.push(name),
                Err(wrong) => {
                    bad.push(BadParameter { parameter: "object".into(), why: wrong.to_string(), remedy: wrong.instead })
                }
            }
        }
        match bad.is_empty() {
            true => Ok(names),
            false => Err(BadParameters { operation: asked.operation.name(), bad }.into()),
        }
    }

    /// The names of all that the list of these finds.
    pub(super) async fn found(
        &self,
        asked: &Asked<'_>,
        operation: &Operation,
        filters: &[String],
    ) -> Result<Vec<String>, Refusal> {
        let lists = |other: &Operation| {
            other.subject == operation.subject && other.effect == Effect::Lists && other.verb == "list"
        };
        let list = OperationId::ALL.into_iter().map(OperationId::declaration).find(lists);
        let Some(list) = list else { return Ok(Vec::new()) };
        let mut parameters = match filters {
            [all] if all == "all" => Map::new(),
            _ => pairs_of(asked, &list, "filter", filters)?,
        };
        for own in ["limit", "cursor"] {
            parameters.remove(own);
        }
        parameters.insert("limit".into(), aegir_store::LONGEST_PAGE.into());
        let mut names = Vec::new();
        loop {
            let call = Call { parameters: parameters.clone(), ..Call::of(list.id) }.nodes_alone().uncounted();
            let page = Box::pin(self.perform(asked.actor, call)).await.map_err(|refusal| match refusal {
                Refusal::Bad(bad) => within(asked.operation, "filter", bad).into(),
                other => other,
            })?;
            let Answer::Page { items, next, .. } = page else { break };
            let bare = |item: &Value| {
                let name = item["name"].as_str().unwrap_or_default();
                name.parse().map_or_else(|_| name.to_owned(), |name| object::short(&name))
            };
            names.extend(items.iter().map(bare));
            must_be_few(asked.operation, names.len())?;
            let Some(next) = next else { break };
            parameters.insert("cursor".into(), next.into());
        }
        match names.is_empty() {
            false => Ok(names),
            true => {
                let remedy = format!("see what there is with `aegir {} list`", operation.subject.word());
                Err(BadParameters::one(asked.operation, "filter", "it finds nothing", remedy).into())
            }
        }
    }
}

/// Refuses more objects than one run may have.
pub(super) fn must_be_few(operation: &Operation, found: usize) -> Result<(), Refusal> {
    if found <= MOST {
        return Ok(());
    }
    let remedy = "narrow it down, and ask for the rest in runs of their own";
    let why = format!("it finds more than {MOST} objects");
    Err(BadParameters::one(operation, "filter", why, remedy).into())
}

pub(super) async fn bulk_numbered(read: &mut Read, name: &str) -> Result<BulkRecord, Refusal> {
    let id = name.parse().map_err(|_| unknown(name))?;
    read.bulk(id).await?.ok_or_else(|| unknown(name))
}

fn unknown(name: &str) -> Refusal {
    Refusal::Unknown { what: "bulk", name: name.to_owned() }
}

/// Mistakes in what was given for another operation, as mistakes of the parameter that holds it.
fn within(operation: &Operation, parameter: &str, bad: BadParameters) -> BadParameters {
    let bad = bad.bad.into_iter().map(|bad| BadParameter {
        parameter: parameter.to_owned(),
        why: format!("{}: {}", bad.parameter, bad.why),
        remedy: bad.remedy,
    });
    BadParameters { operation: operation.name(), bad: bad.collect() }
}

fn pairs(asked: &Asked<'_>, parameter: &'static str) -> Result<Map<String, Value>, Refusal> {
    let operation = asked.given.str("operation").and_then(operation_named).map(OperationId::declaration);
    let texts: Vec<String> = asked.given.strs(parameter).into_iter().map(str::to_owned).collect();
    match operation {
        Some(operation) => pairs_of(asked, &operation, parameter, &texts),
        None => Ok(Map::new()),
    }
}

/// Reads NAME=VALUE; what may have several values gathers them.
fn pairs_of(
    asked: &Asked<'_>,
    of: &Operation,
    parameter: &'static str,
    texts: &[String],
) -> Result<Map<String, Value>, Refusal> {
    let mut map = Map::new();
    for text in texts {
        let Some((name, value)) = text.split_once('=') else {
            let why = format!("`{text}` is not of the form NAME=VALUE");
            return Err(BadParameters::one(asked.operation, parameter, why, "write it as `status=failed`").into());
        };
        match of.parameter(name).is_some_and(|parameter| parameter.many) {
            true => {
                let values = map.entry(name.to_owned()).or_insert_with(|| json!([]));
                if let Some(values) = values.as_array_mut() {
                    values.extend(value.split(',').map(Value::from));
                }
            }
            false if map.contains_key(name) => {
                let why = format!("`{name}` is given more than once");
                return Err(BadParameters::one(asked.operation, parameter, why, "give it once").into());
            }
            false => {
                map.insert(name.to_owned(), value.into());
            }
        }
    }
    Ok(map)
}

impl Asked<'_> {
    /// How the objects of a run are asked, as far as that is given.
    pub(super) fn plan(&self) -> BulkPlan {
        let number = |name: &str| self.given.number(name).and_then(|number| u32::try_from(number).ok());
        BulkPlan { at_once: number("at_once"), stop_after: number("stop_after"), rehearse: false }
    }
}

fn entry(name: String, wave: u32) -> NewBulkEntry {
    NewBulkEntry { wave, ..NewBulkEntry::of(name) }
}

/// All that is told of a run.
pub(super) async fn bulk_shown(read: &mut Read, bulk: &BulkRecord) -> Result<BulkView, Refusal> {
    let waves = read.count_waves(bulk.id).await?;
    let counts = BulkCounts::sum(waves.values());
    let mut view = view(bulk, &counts);
    view.failures = failures(read, bulk.id).await?;
    let wave = |(wave, counts): (u32, BulkCounts)| BulkWaveView {
        wave,
        all: counts.all,
        states: states(&counts),
        succeeded: counts.succeeded(),
        failed: failed(&counts),
        ended: counts.left() == 0 && counts.outstanding() == 0,
    };
    view.waves = waves.into_iter().map(wave).collect();
    if let (false, Some(each)) = (view.ended, read.took_in_bulk(bulk.id).await?.each()) {
        let at_once = u64::from(bulk.plan.at_once.unwrap_or(1).max(1));
        let rehearsals = if bulk.plan.rehearse { counts.open } else { 0 };
        let tasks = counts.left() + counts.outstanding() + rehearsals;
        view.left_ms = Some(each.saturating_mul(tasks.div_ceil(at_once)));
    }
    Ok(view)
}

/// How many stand how; states of none are left out.
fn states(counts: &BulkCounts) -> BTreeMap<String, u64> {
    let mut states: BTreeMap<String, u64> =
        counts.states.iter().map(|(state, count)| (state.to_string(), *count)).collect();
    for (state, count) in [
        ("not-asked", counts.open),
        ("not-queued", counts.refused),
        ("rehearsing", counts.rehearsing),
        ("rehearsed", counts.rehearsed),
        ("gone", counts.gone),
    ] {
        if count > 0 {
            states.insert(state.into(), count);
        }
    }
    states
}

/// For how many it failed: those that a retry would ask again.
fn failed(counts: &BulkCounts) -> u64 {
    counts.refused + FAILED.iter().filter_map(|state| counts.states.get(state)).sum::<u64>()
}

fn view(bulk: &BulkRecord, counts: &BulkCounts) -> BulkView {
    let stopped = bulk.halt.as_ref().is_some_and(|halt| halt.stopped);
    let ended = counts.outstanding() == 0 && (counts.left() == 0 || stopped);
    let state = match (&bulk.halt, ended) {
        (Some(halt), _) if halt.stopped => "stopped",
        (_, true) => "ended",
        (Some(_), false) => "paused",
        (None, false) => "going",
    };
    BulkView {
        id: bulk.id,
        operation: bulk.operation.to_string(),
        chosen: chosen(&bulk.chosen),
        asked_by: bulk.asker.name.clone(),
        started: bulk.started,
        asked: bulk.asked,
        all: counts.all,
        states: states(counts),
        state: state.into(),
        ended,
        succeeded: counts.succeeded(),
        failed: failed(counts),
        halt: bulk.halt.as_ref().map(|halt| BulkHaltView { at: halt.at, by: halt.by.clone(), why: halt.why.clone() }),
        at_once: bulk.plan.at_once,
        stop_after: bulk.plan.stop_after,
        rehearse: bulk.plan.rehearse,
        left_ms: None,
        waves: Vec::new(),
        failures: Vec::new(),
    }
}

/// How the objects were chosen, in words.
fn chosen(chosen: &Value) -> String {
    if let Some(run) = chosen["retries"].as_i64() {
        return format!("those that the bulk run {run} failed for");
    }
    if let Some(run) = chosen["goes_back"].as_i64() {
        let did = if chosen["did"] == "update" { "updated" } else { "moved" };
        return format!("those that the bulk run {run} {did}");
    }
    let lived = chosen["platform"].as_str().map(|platform| format!(" of the platform `{platform}`"));
    let lived = lived.unwrap_or_default();
    let filters: Vec<&str> = chosen["filter"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    match (&filters[..], chosen["objects"].as_u64()) {
        (["all"], _) => "all there were".into(),
        ([], None | Some(0)) if !lived.is_empty() => format!("all{lived}"),
        ([], count) => format!("{} by their names{}", count.unwrap_or_default(), lived),
        (filters, _) => format!("those with {}{lived}", filters.join(", ")),
    }
}

fn entry_state(word: &str) -> Option<EntryState> {
    match word {
        "not-asked" => Some(EntryState::Open),
        "not-queued" => Some(EntryState::Refused),
        "rehearsing" => Some(EntryState::Rehearsing),
        "rehearsed" => Some(EntryState::Rehearsed),
        task => task.parse().ok().map(EntryState::Task),
    }
}

fn object(entry: &BulkEntry) -> BulkObjectView {
    let fault = entry.refused.as_ref().or(entry.fault.as_ref());
    BulkObjectView {
        name: entry.name.clone(),
        task: entry.task.or(entry.rehearsal).map(|task| task.0),
        wave: entry.wave,
        state: state_of(entry),
        fault: fault.map(shown::json),
    }
}

fn state_of(entry: &BulkEntry) -> String {
    match entry.stands() {
        Some(EntryState::Task(state)) => state.to_string(),
        Some(EntryState::Rehearsing) => "rehearsing".into(),
        Some(EntryState::Rehearsed) => "rehearsed".into(),
        Some(EntryState::Refused) => "not-queued".into(),
        Some(EntryState::Open) => "not-asked".into(),
        None => "gone".into(),
    }
}

async fn failures(read: &mut Read, bulk: i64) -> Result<Vec<BulkFailureView>, Refusal> {
    let state = FAILED.into_iter().chain([TaskState::Untidy]).map(EntryState::Task).chain([EntryState::Refused]);
    let mut list = BulkEntryList { bulk, state: state.collect(), page: Page::first(FAILURES) };
    let mut causes = Causes::default();
    loop {
        let page = read.list(&list).await?;
        for entry in &page.rows {
            let none = FaultReport { message: "it was told no cause".into(), because: Vec::new(), remedy: None };
            let fault = entry.refused.as_ref().or(entry.fault.as_ref()).unwrap_or(&none);
            let task = entry.task.or(entry.rehearsal).map(|task| task.0);
            causes.add((&entry.name, entry.wave), task, &state_of(entry), fault);
        }
        let Some(next) = page.next else { break };
        list.page = Page::behind(FAILURES, next);
    }
    Ok(causes.views())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_has_so_many_objects_and_no_more() {
        let operation = OperationId::PlatformMigrate.declaration();

        assert!(must_be_few(&operation, MOST).is_ok());
        let Err(Refusal::Bad(bad)) = must_be_few(&operation, MOST + 1) else { panic!("it is refused") };
        assert!(bad.bad[0].remedy.as_deref().is_some_and(|remedy| remedy.starts_with("narrow it down")), "{bad:?}");
    }
}
