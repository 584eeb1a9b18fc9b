//! What is found by a part of a name: objects, tasks by their number, pages, and what can be done to what.

use aegir_hosting::view::{NodeView, PackageView, TaskView};
use aegir_hosting::{Call, Effect, Names, Operation, OperationId, Subject};
use serde::Serialize;

use crate::panel::address;
use crate::panel::tasks::words;
use crate::panel::visit::Visit;
use crate::panel::words::capital;

/// How many of each sort are offered.
const MOST: usize = 5;
/// How much of what is typed is looked at.
const LONGEST: usize = 200;

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Offer {
    /// How it is called.
    pub(super) text: String,
    /// What it is: `site`, `task`, `page`, `do`.
    pub(super) kind: String,
    /// Where it is.
    pub(super) href: String,
}

impl Offer {
    fn of(text: impl Into<String>, kind: &str, href: impl Into<String>) -> Offer {
        Offer { text: text.into(), kind: kind.into(), href: href.into() }
    }
}

/// Pages that are not the list of a subject.
const PAGES: [(&str, &str); 5] = [
    ("Overview", "/"),
    ("Features", "/features"),
    ("Your account", "/account"),
    ("Keyboard", "/keyboard"),
    ("Audit: what was asked for, by whom", "/audit"),
];

/// All that is found. What cannot be asked now is left out: a search that tells a part is better than none.
pub(super) async fn offers(visit: &Visit, typed: &str) -> Vec<Offer> {
    let typed: String = typed.trim().chars().take(LONGEST).collect();
    let mut found = Vec::new();
    if typed.is_empty() {
        found.extend(pages(""));
        found.extend(makings(visit, ""));
        return found;
    }
    found.extend(task(visit, &typed).await);
    for subject in [Subject::Site, Subject::Platform, Subject::Server, Subject::Package] {
        let names = named(visit, subject, &typed).await;
        found.extend(names.into_iter().map(|name| Offer::of(&*name, subject.word(), address::object(subject, &name))));
    }
    found.extend(doings(visit, &typed).await);
    found.extend(makings(visit, &typed));
    found.extend(pages(&typed));
    found
}

/// The task of this number, if there is one.
async fn task(visit: &Visit, typed: &str) -> Option<Offer> {
    let digits = typed.trim_start_matches("task ").trim_start_matches('#');
    let number: i64 = digits.parse().ok().filter(|number| *number > 0)?;
    let task: TaskView = visit.object(Call::of(OperationId::TaskShow).about(number.to_string())).await.ok()?;
    let text = format!("{number}: {}", words::heading_of(&task));
    Some(Offer::of(text, "task", format!("/tasks/{number}")))
}

/// The names of a subject that hold what was typed.
async fn named(visit: &Visit, subject: Subject, typed: &str) -> Vec<String> {
    let list = match subject {
        Subject::Site => OperationId::SiteList,
        Subject::Platform => OperationId::PlatformList,
        Subject::Server => OperationId::ServerList,
        Subject::Package => OperationId::PackageList,
        _ => return Vec::new(),
    };
    let call = Call::of(list).with("search", typed).with("limit", MOST).nodes_alone().uncounted();
    match subject {
        Subject::Package => {
            let found = visit.list::<PackageView>(call).await.map(|(found, _, _)| found);
            found.unwrap_or_default().into_iter().map(|package| package.name).collect()
        }
        _ => {
            let found = visit.list::<NodeView>(call).await.map(|(found, _, _)| found);
            found.unwrap_or_default().into_iter().filter_map(|node| node.name).collect()
        }
    }
}

/// What can be done to an object, where a verb was typed, and perhaps a part of the object's name behind it:
/// `verify example`.
async fn doings(visit: &Visit, typed: &str) -> Vec<Offer> {
    let lower = typed.to_lowercase();
    let (verb, rest) = lower.split_once(' ').unwrap_or((&lower, ""));
    let fits = |operation: &Operation| {
        matches!(operation.names, Names::One(_))
            && matches!(operation.effect, Effect::Queues | Effect::Changes)
            && matches!(operation.subject, Subject::Site | Subject::Platform | Subject::Server)
            && operation.verb.starts_with(verb)
            && visit.actor().must(operation.needs).is_ok()
    };
    let mut offers = Vec::new();
    for operation in OperationId::ALL.into_iter().map(OperationId::declaration).filter(fits) {
        // Its subject may stand between: `verify site example`.
        let part = rest.strip_prefix(operation.subject.word()).map_or(rest, str::trim_start);
        if part.is_empty() {
            continue;
        }
        for name in named(visit, operation.subject, part).await {
            let text = format!("{} {name}", words::verb(&operation.slug()));
            offers.push(Offer::of(text, "do", address::doing(&operation, Some(&name))));
        }
    }
    offers.truncate(3 * MOST);
    offers
}

/// What can be done that names no object that is there.
fn makings(visit: &Visit, typed: &str) -> Vec<Offer> {
    let fits = |operation: &Operation| {
        !matches!(operation.names, Names::One(_))
            && matches!(operation.effect, Effect::Queues | Effect::Changes)
            && visit.actor().must(operation.needs).is_ok()
    };
    let all = OperationId::ALL.into_iter().map(OperationId::declaration).filter(fits);
    let offers = all.map(|operation| {
        let text = format!("{} {}", words::verb(&operation.slug()), operation.subject.word().replace('-', " "));
        Offer::of(text, "do", address::doing(&operation, None))
    });
    offers.filter(|offer| holds(&offer.text, typed)).take(MOST).collect()
}

/// Pages whose title holds what was typed: the lists, and some more.
fn pages(typed: &str) -> Vec<Offer> {
    let lists = OperationId::ALL.into_iter().map(OperationId::declaration).filter(|operation| {
        matches!(operation.names, Names::None) && matches!(operation.verb, "list" | "show") && operation.reads()
    });
    let lists = lists.map(|operation| {
        let path = operation.subject.path();
        Offer::of(capital(&path.replace('-', " ")), "page", address::list(operation.subject))
    });
    let others = PAGES.into_iter().map(|(text, href)| Offer::of(text, "page", href));
    let mut found: Vec<Offer> = lists.chain(others).filter(|offer| holds(&offer.text, typed)).collect();
    let mut seen = Vec::new();
    found.retain(|offer| {
        let is_new = !seen.contains(&offer.href);
        seen.push(offer.href.clone());
        is_new
    });
    found
}

/// Whether a title has all the words that were typed.
fn holds(title: &str, typed: &str) -> bool {
    let title = title.to_lowercase();
    typed.to_lowercase().split_whitespace().all(|word| title.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_is_a_page_that_is_found() {
        let all = pages("");

        for path in ["/sites", "/platforms", "/servers", "/packages", "/tasks", "/queue", "/drift", "/found-sites"] {
            assert_eq!(all.iter().filter(|offer| offer.href == path).count(), 1, "{path}");
        }
        assert_eq!(pages("found si").first().map(|offer| &*offer.href), Some("/found-sites"));
        assert_eq!(pages("nothing of the kind"), []);
    }
}
