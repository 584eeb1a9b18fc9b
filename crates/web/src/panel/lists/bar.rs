//! The bar of filters of a list, made from the parameters of its operation.

use aegir_hosting::view::NodeView;
use aegir_hosting::{Call, Operation, OperationId, Parameter, Presence, Shape, Subject, TextKind};

use super::query::{Query, is_filter, shortened};
use super::which::List;
use crate::api::Problem;
use crate::panel::frame::Choice;
use crate::panel::visit::Visit;
use crate::panel::words::capital;

/// How many names are offered for a filter that names an object.
const OFFERED: usize = 100;
/// How many rows a page can have.
const SIZES: [u64; 4] = [25, 50, 100, 500];
/// How much of what was typed stands in its field again.
const LONGEST_SHOWN: usize = 1_000;

/// A filter in the bar.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    /// The name of its parameter.
    pub(super) name: &'static str,
    /// What it is called: `Asked by`.
    pub(super) label: String,
    /// What it is, in words.
    pub(super) about: String,
    /// What is wrong with what was given.
    pub(super) wrong: String,
    /// How it is filled in.
    pub(super) control: Control,
}

/// How a filter is filled in.
#[derive(Clone, Debug)]
pub(crate) enum Control {
    /// Any of some words.
    Several(Vec<Choice>),
    /// One of some words, or none.
    One(Vec<Choice>),
    /// A text, with texts that are offered.
    Text {
        /// As it was typed.
        value: String,
        /// What is offered.
        offered: Vec<String>,
    },
}

/// A filter that is set, and the list without it.
#[derive(Clone, Debug)]
pub(super) struct Chip {
    pub(super) text: String,
    pub(super) href: String,
}

/// The bar of a list.
#[derive(Clone, Debug, Default)]
pub(super) struct Bar {
    /// What is searched for; `None`: the list cannot be searched.
    pub(super) search: Option<Filter>,
    /// Filters that stand in the bar.
    pub(super) front: Vec<Filter>,
    /// Filters that are folded away.
    pub(super) more: Vec<Filter>,
    /// What is filtered.
    pub(super) chips: Vec<Chip>,
    /// Orders; none where the list has one alone.
    pub(super) orders: Vec<Choice>,
    /// How many rows a page can have.
    pub(super) sizes: Vec<Choice>,
    /// What is wrong with the order, the page or its size, or the columns.
    pub(super) wrong: Vec<String>,
    /// Columns that can be shown.
    pub(super) columns: Vec<Choice>,
}

impl Bar {
    /// Whether something that is folded away is wrong.
    pub(super) fn more_is_wrong(&self) -> bool {
        self.more.iter().any(|filter| !filter.wrong.is_empty())
    }
}

/// How many filters stand in the bar unfolded, the search aside.
const IN_FRONT: usize = 3;

/// The bar of a list, as it is asked for.
pub(super) async fn bar(visit: &Visit, list: &List, query: &Query) -> Result<Bar, Problem> {
    let mut bar = Bar { orders: orders(query), sizes: sizes(query), columns: columns(list, query), ..Bar::default() };
    let mut filters: Vec<&'static Parameter> =
        query.operation.parameters.iter().filter(|parameter| is_filter(parameter.name)).collect();
    // What is chosen from few comes first.
    filters.sort_by_key(|parameter| !matches!(parameter.shape, Shape::Choice(_) | Shape::Flag));
    for parameter in filters {
        let filter = filter(visit, query, parameter).await?;
        match bar.front.len() {
            _ if parameter.name == "search" => bar.search = Some(filter),
            count if count < IN_FRONT => bar.front.push(filter),
            _ => bar.more.push(filter),
        }
    }
    for (name, values) in query.given.iter().filter(|(name, _)| is_filter(name)) {
        bar.chips.extend(values.iter().map(|value| Chip {
            text: format!("{}: {}", label_of(name).to_lowercase(), shortened(value)),
            href: query.without(name, value),
        }));
    }
    for name in ["sort", "limit", "cursor", "columns"] {
        let Some(wrong) = query.wrong.get(name) else { continue };
        let remedy = wrong.remedy.as_ref().map(|remedy| format!(": {remedy}")).unwrap_or_default();
        bar.wrong.push(format!("{}: {}{remedy}", called(name), wrong.why));
    }
    Ok(bar)
}

fn called(name: &str) -> &str {
    match name {
        "sort" => "The order",
        "limit" => "The size of a page",
        "cursor" => "The place in the list",
        _ => "The columns",
    }
}

async fn filter(visit: &Visit, query: &Query, parameter: &'static Parameter) -> Result<Filter, Problem> {
    let empty = Vec::new();
    let given = query.given.get(parameter.name).unwrap_or(&empty);
    let control = match parameter.shape {
        Shape::Choice(words) if parameter.many => {
            Control::Several(words.iter().map(|word| choice(word, &word.replace('-', " "), given)).collect())
        }
        Shape::Choice(words) => one_of(parameter, words.iter().map(|word| (*word, word.replace('-', " "))), given),
        Shape::Flag => one_of(parameter, [("true", "yes".to_owned()), ("false", "no".to_owned())].into_iter(), given),
        Shape::Text(kind) => Control::Text { value: typed(given), offered: offered(visit, &kind).await? },
        Shape::Number { .. } | Shape::Secret => Control::Text { value: typed(given), offered: Vec::new() },
    };
    let wrong = query.wrong.get(parameter.name).map(|wrong| match &wrong.remedy {
        Some(remedy) => format!("{}: {remedy}", wrong.why),
        None => wrong.why.clone(),
    });
    let several = if parameter.many && matches!(control, Control::Text { .. }) { "; several with commas" } else { "" };
    Ok(Filter {
        name: parameter.name,
        label: label_of(parameter.name),
        about: format!("{}{several}", parameter.about),
        wrong: wrong.unwrap_or_default(),
        control,
    })
}

/// The word of a parameter on pages: `Asked by`.
pub(crate) fn label_of(name: &str) -> String {
    capital(&name.replace('_', " "))
}

fn typed(given: &[String]) -> String {
    given.join(", ").chars().take(LONGEST_SHOWN).collect()
}

fn choice(value: &str, text: &str, given: &[String]) -> Choice {
    let chosen = given.iter().any(|one| one == value);
    Choice { value: value.to_owned(), text: text.to_owned(), hint: String::new(), chosen, open: true }
}

/// One of some words, or what holds where none is given.
fn one_of<'a>(parameter: &Parameter, words: impl Iterator<Item = (&'a str, String)>, given: &[String]) -> Control {
    let none = match parameter.presence {
        Presence::Optional(holds) => holds,
        _ => "all",
    };
    let none = Choice { value: String::new(), text: none.to_owned(), open: true, ..Choice::default() };
    Control::One([none].into_iter().chain(words.map(|(value, text)| choice(value, &text, given))).collect())
}

/// Texts that are offered: names of objects, or of operations, where a filter is about such.
async fn offered(visit: &Visit, kind: &TextKind) -> Result<Vec<String>, Problem> {
    let list = match kind.refers {
        Some(Subject::Server) => OperationId::ServerList,
        Some(Subject::Platform) => OperationId::PlatformList,
        _ if kind.word == "OPERATION" => return Ok(operations(kind)),
        _ => return Ok(Vec::new()),
    };
    let (objects, _, _) =
        visit.list::<NodeView>(Call::of(list).with("limit", OFFERED).nodes_alone().uncounted()).await?;
    Ok(objects.into_iter().filter_map(|object| object.name).collect())
}

fn operations(kind: &TextKind) -> Vec<String> {
    let names = OperationId::ALL.into_iter().map(OperationId::declaration).map(|operation: Operation| operation.name());
    names.filter(|name| kind.read(name).is_ok()).collect()
}

fn orders(query: &Query) -> Vec<Choice> {
    let Some(Shape::Choice(words)) = query.operation.parameter("sort").map(|sort| sort.shape) else {
        return Vec::new();
    };
    let now = query.sort().unwrap_or_default().to_owned();
    words
        .iter()
        .map(|word| {
            let (key, down) = word.strip_prefix('-').map_or((*word, false), |key| (key, true));
            // All that is no name is a time.
            let text = match (key, down) {
                ("name", false) => "by name".to_owned(),
                ("name", true) => "by name, from the end".to_owned(),
                (key, false) => format!("{key}, oldest first"),
                (key, true) => format!("{key}, newest first"),
            };
            choice(word, &text, std::slice::from_ref(&now))
        })
        .collect()
}

fn sizes(query: &Query) -> Vec<Choice> {
    let now = query.limit();
    let mut sizes: Vec<u64> = SIZES.into_iter().chain([now]).collect();
    sizes.sort_unstable();
    sizes.dedup();
    sizes.iter().map(|size| choice(&size.to_string(), &format!("{size} a page"), &[now.to_string()])).collect()
}

fn columns(list: &List, query: &Query) -> Vec<Choice> {
    let shown: Vec<String> = query.columns.iter().map(|column| column.key.to_owned()).collect();
    // The first one is always there, and no choice.
    list.columns.iter().skip(1).map(|column| choice(column.key, column.title, &shown)).collect()
}
