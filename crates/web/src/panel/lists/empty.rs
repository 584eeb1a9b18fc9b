//! How many there are, in words; and what to do first where there is none.

use aegir_hosting::{Call, OperationId, Permission};
use serde_json::Value;

use super::bar::label_of;
use super::query::Query;
use super::which::List;
use crate::api::Problem;
use crate::panel::visit::Visit;
use crate::panel::words;
use crate::panel::{address, elsewhere};

/// Counts end here.
const COUNTED_TO: &str = "1,000";

/// What stands in the place of rows where there is none.
#[derive(Clone, Debug, Default)]
pub(super) struct Empty {
    /// What is, in a sentence or two.
    pub(super) text: String,
    /// More of it.
    pub(super) more: Vec<String>,
    /// What to do: its words, and where.
    pub(super) button: String,
    pub(super) href: String,
    /// The same in a shell.
    pub(super) command: String,
}

/// What is said where no row matches, or there is none at all.
pub(super) async fn empty(visit: &Visit, list: &List, query: &Query) -> Result<Empty, Problem> {
    let (_, many) = list.noun;
    if query.is_unsure() {
        let text = format!("No {many} are shown: a filter cannot be read. Mend it above, or clear all filters.");
        let more = query.wrong.iter().map(|(name, wrong)| {
            let remedy = wrong.remedy.as_ref().map(|remedy| format!(": {remedy}")).unwrap_or_default();
            format!("{}: {}{remedy}", label_of(name), wrong.why)
        });
        return Ok(Empty { more: more.collect(), ..clearing(query, text) });
    }
    if query.narrows() {
        return Ok(clearing(query, format!("None of the {many} matches all of these filters.")));
    }
    if !query.is_first() {
        let text = format!("There are no {many} behind this place in the list.");
        return Ok(Empty { text, button: "To the first page".to_owned(), href: query.first(), ..Empty::default() });
    }
    let text = list.empty.to_owned();
    if !visit.actor().may.hold(Permission::Manage) {
        return Ok(Empty { text, ..Empty::default() });
    }
    let Some(step) = next_step(visit, list).await? else { return Ok(Empty { text, ..Empty::default() }) };
    let add = step.call.operation.declaration();
    let first = match list.operation().subject == add.subject {
        true => String::new(),
        false => format!(" First comes a {}.", add.subject.word()),
    };
    Ok(Empty {
        text: format!("{text}{first}"),
        button: step.button.to_owned(),
        href: address::doing(&add, None),
        command: elsewhere::elsewhere(step.button, &step.call).command,
        more: Vec::new(),
    })
}

fn clearing(query: &Query, text: String) -> Empty {
    Empty { text, button: "Clear the filters".to_owned(), href: query.cleared(), ..Empty::default() }
}

struct Step {
    button: &'static str,
    call: Call,
}

/// What is to be added next, on the way to the first of this list.
async fn next_step(visit: &Visit, list: &List) -> Result<Option<Step>, Problem> {
    use OperationId as Id;
    let server = Step {
        button: "Add a server",
        call: Call::of(Id::ServerAdd)
            .about("web1")
            .with("http", "nginx")
            .with("listen", "127.0.0.1:8080")
            .with("db", "sqlite"),
    };
    let platform = Step {
        button: "Add a platform",
        call: Call::of(Id::PlatformAdd).about("d11").with("composer", "drupal/recommended-project"),
    };
    let site = Step { button: "Add a site", call: Call::of(Id::SiteAdd).about("example.org") };
    Ok(match list.id {
        Id::ServerList => Some(server),
        Id::PlatformList if is_empty(visit, Id::ServerList).await? => Some(server),
        Id::PlatformList => Some(platform),
        Id::SiteList | Id::PackageList | Id::TaskList => {
            match (is_empty(visit, Id::ServerList).await?, is_empty(visit, Id::PlatformList).await?) {
                (true, _) => Some(server),
                (false, true) => Some(platform),
                (false, false) if list.id == Id::SiteList => Some(site),
                _ => None,
            }
        }
        _ => None,
    })
}

async fn is_empty(visit: &Visit, list: OperationId) -> Result<bool, Problem> {
    let (some, _, _) = visit.list::<Value>(Call::of(list).with("limit", 1).nodes_alone().uncounted()).await?;
    Ok(some.is_empty())
}

/// How many there are, in words, as far as that is known.
pub(super) fn how_many(list: &List, query: &Query, shown: usize, more: bool, total: Option<u64>) -> String {
    let (one, many) = list.noun;
    let whole = query.is_first() && !more;
    match (total, whole) {
        (_, true) => counted(shown as u64, one, many),
        (Some(total), false) => format!("{} of {}", words::count(&(shown as u64)), counted(total, one, many)),
        (None, false) if list.counted => format!("{} of more than {COUNTED_TO} {many}", words::count(&(shown as u64))),
        (None, false) => format!("{} here", counted(shown as u64, one, many)),
    }
}

/// A number with its noun: `1,204 sites`.
pub(crate) fn counted(count: u64, one: &str, many: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        count => format!("{} {many}", words::count(&count)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::which::{AUDIT, SITES};
    use super::*;
    use crate::panel::pairs::Pairs;

    #[test]
    fn a_number_is_told_as_far_as_it_is_known() {
        let first = Query::read(&SITES, "", &Pairs::default());
        let later = Query::read(&SITES, "", &Pairs::read("cursor=c"));
        let audit = Query::read(&AUDIT, "", &Pairs::default());

        assert_eq!(how_many(&SITES, &first, 0, false, Some(0)), "0 sites");
        assert_eq!(how_many(&SITES, &first, 1, false, None), "1 site");
        assert_eq!(how_many(&SITES, &first, 50, true, Some(1_000)), "50 of 1,000 sites");
        assert_eq!(how_many(&SITES, &later, 7, false, None), "7 of more than 1,000 sites");
        assert_eq!(how_many(&AUDIT, &audit, 50, true, None), "50 entries here");
    }
}
