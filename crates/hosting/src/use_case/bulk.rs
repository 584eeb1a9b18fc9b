//! What can be asked of bulk runs.

use std::collections::BTreeMap;

use aegir_domain::{FaultReport, TaskState};
use aegir_store::{
    BulkAsker, BulkCounts, BulkEntry, BulkEntryList, BulkList, BulkRecord, EntryState, NewBulk, Page, Read,
};
use serde_json::{Map, Value, json};

use super::shown::{self, cursor_page, of_page};
use super::{Asked, object, operation_named};
use crate::view::{BulkFailureView, BulkObjectView, BulkPlanView, BulkView};
use crate::{Answer, BadParameter, BadParameters, Call, Effect, Hosting, Names, Operation, OperationId, Refusal};

/// How many objects a run has at the most.
const MOST: usize = 10_000;
/// How many of them are looked at where only that is asked.
const LOOKED_AT: usize = 500;
/// How many objects are named for each cause.
const NAMED: usize = 20;
/// How many failures are put together.
const FAILURES: u32 = aegir_store::LONGEST_PAGE;

/// How tasks end that a retry would ask again.
const FAILED: [TaskState; 4] = [TaskState::Refused, TaskState::RolledBack, TaskState::Stuck, TaskState::Cancelled];

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
                let mut view = view(&bulk, &read.count_bulk(bulk.id).await?);
                view.failures = failures(read, bulk.id).await?;
                Ok(Answer::Object(shown::json(&view)))
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
        self.start(asked, &operation, parameters, names, chosen).await
    }

    pub(super) async fn retry_bulk(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let (bulk, names) = self
            .store()
            .snapshot(async |read| {
                let bulk = bulk_numbered(read, asked.name).await?;
                let mut names = Vec::new();
                let state = FAILED.into_iter().map(EntryState::Task).chain([EntryState::Refused]).collect();
                let mut list = BulkEntryList { bulk: bulk.id, state, page: Page::first(aegir_store::LONGEST_PAGE) };
                loop {
                    let page = read.list(&list).await?;
                    names.extend(page.rows.into_iter().map(|entry| entry.name));
                    let Some(next) = page.next else { break };
                    list.page = Page::behind(aegir_store::LONGEST_PAGE, next);
                }
                Ok::<_, Refusal>((bulk, names))
            })
            .await?;
        if names.is_empty() {
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
        self.start(asked, &operation, parameters, names, json!({ "retries": bulk.id })).await
    }

    /// Writes the run down, and has its objects asked; or says what would become of that.
    async fn start(
        &self,
        asked: &Asked<'_>,
        operation: &Operation,
        parameters: Map<String, Value>,
        names: Vec<String>,
        chosen: Value,
    ) -> Result<Answer, Refusal> {
        asked.actor.must(operation.needs)?;
        if asked.dry_run {
            return self.plan(asked, operation, parameters, names).await;
        }
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
            names,
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

    async fn plan(
        &self,
        asked: &Asked<'_>,
        operation: &Operation,
        parameters: Map<String, Value>,
        names: Vec<String>,
    ) -> Result<Answer, Refusal> {
        let mut can = 0;
        let mut refused = Causes::default();
        let looked_at = names.len().min(LOOKED_AT);
        for name in &names[..looked_at] {
            let call =
                Call { parameters: parameters.clone(), dry_run: true, ..Call::of(operation.id).about(name.clone()) };
            // In a box: this is the way in that leads here, and a future cannot hold one of its own kind.
            match Box::pin(self.perform(asked.actor, call)).await {
                Ok(_) => can += 1,
                Err(refusal) => refused.add(name, None, "not-queued", &refusal.report()),
            }
        }
        Ok(Answer::Object(shown::json(&BulkPlanView {
            operation: operation.slug(),
            all: names.len() as u64,
            looked_at: looked_at as u64,
            can,
            cannot: refused.views(),
        })))
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
    async fn found(
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
            if names.len() > MOST {
                let remedy = "narrow it down, and ask for the rest in runs of their own";
                let why = format!("it finds more than {MOST} objects");
                return Err(BadParameters::one(asked.operation, "filter", why, remedy).into());
            }
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

async fn bulk_numbered(read: &mut Read, name: &str) -> Result<BulkRecord, Refusal> {
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

fn view(bulk: &BulkRecord, counts: &BulkCounts) -> BulkView {
    let mut states: BTreeMap<String, u64> =
        counts.states.iter().map(|(state, count)| (state.to_string(), *count)).collect();
    for (state, count) in [("not-asked", counts.open), ("not-queued", counts.refused), ("gone", counts.gone)] {
        if count > 0 {
            states.insert(state.into(), count);
        }
    }
    let of = |state: &TaskState| counts.states.get(state).copied().unwrap_or(0);
    let unended = counts.states.iter().filter(|(state, _)| !state.is_ended()).map(|(_, count)| count).sum::<u64>();
    BulkView {
        id: bulk.id,
        operation: bulk.operation.to_string(),
        chosen: chosen(&bulk.chosen),
        asked_by: bulk.asker.name.clone(),
        started: bulk.started,
        asked: bulk.asked,
        all: counts.all,
        states,
        ended: counts.open == 0 && unended == 0,
        failed: counts.refused + FAILED.iter().map(of).sum::<u64>(),
        failures: Vec::new(),
    }
}

/// How the objects were chosen, in words.
fn chosen(chosen: &Value) -> String {
    if let Some(run) = chosen["retries"].as_i64() {
        return format!("those that the bulk run {run} failed for");
    }
    let filters: Vec<&str> = chosen["filter"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    match (&filters[..], chosen["objects"].as_u64()) {
        (["all"], _) => "all there were".into(),
        ([], Some(count)) => format!("{count} by their names"),
        (filters, _) => format!("those with {}", filters.join(", ")),
    }
}

fn entry_state(word: &str) -> Option<EntryState> {
    match word {
        "not-asked" => Some(EntryState::Open),
        "not-queued" => Some(EntryState::Refused),
        task => task.parse().ok().map(EntryState::Task),
    }
}

fn object(entry: &BulkEntry) -> BulkObjectView {
    let fault = entry.refused.as_ref().or(entry.fault.as_ref());
    BulkObjectView {
        name: entry.name.clone(),
        task: entry.task.map(|task| task.0),
        state: state_of(entry),
        fault: fault.map(shown::json),
    }
}

fn state_of(entry: &BulkEntry) -> String {
    match (entry.task, entry.state, &entry.refused) {
        (_, Some(state), _) => state.to_string(),
        (Some(_), None, _) => "gone".into(),
        (None, None, Some(_)) => "not-queued".into(),
        (None, None, None) => "not-asked".into(),
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
            causes.add(&entry.name, entry.task.map(|task| task.0), &state_of(entry), fault);
        }
        let Some(next) = page.next else { break };
        list.page = Page::behind(FAILURES, next);
    }
    Ok(causes.views())
}

/// Failures, put together by how they ended and why.
#[derive(Default)]
struct Causes(BTreeMap<(String, String), BulkFailureView>);

impl Causes {
    fn add(&mut self, name: &str, task: Option<i64>, state: &str, fault: &FaultReport) {
        // The innermost cause tells failures apart; around it stands what was being done.
        let whole: Vec<&str> = std::iter::once(&fault.message).chain(&fault.because).map(String::as_str).collect();
        let without = |text: &str| text.replace(name, "…");
        let cause = without(&whole.join(": "));
        let remedy = fault.remedy.as_deref().map(without);
        let failure = self.0.entry((state.to_owned(), cause.clone())).or_insert_with(|| BulkFailureView {
            state: state.to_owned(),
            cause,
            remedy: remedy.clone(),
            count: 0,
            objects: Vec::new(),
        });
        failure.count += 1;
        if failure.remedy != remedy {
            failure.remedy = None;
        }
        if failure.objects.len() < NAMED {
            let fault = None;
            failure.objects.push(BulkObjectView { name: name.to_owned(), task, state: state.to_owned(), fault });
        }
    }

    fn views(self) -> Vec<BulkFailureView> {
        let mut views: Vec<_> = self.0.into_values().collect();
        views.sort_by_key(|view| std::cmp::Reverse(view.count));
        views
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_with_the_same_text_are_one_whatever_their_objects_are_called() {
        let fault = |name: &str| FaultReport {
            message: format!("cannot load the database of `{name}`"),
            because: vec!["the server has gone away".into()],
            remedy: Some(format!("see `aegir site show {name}`")),
        };
        let mut causes = Causes::default();
        for n in 0..30 {
            let name = format!("s{n}.test");
            causes.add(&name, Some(n), "rolled-back", &fault(&name));
        }
        causes.add("other.test", None, "not-queued", &fault("other.test"));

        let views = causes.views();

        assert_eq!(views.iter().map(|view| view.count).collect::<Vec<_>>(), [30, 1]);
        assert_eq!(views[0].cause, "cannot load the database of `…`: the server has gone away");
        assert_eq!(views[0].remedy.as_deref(), Some("see `aegir site show …`"));
        assert_eq!(views[0].objects.len(), NAMED);
    }
}
