//! What the address of a list asks for: filters, order, page, columns. What cannot be read is told beside its place, and
//! no filter is ever left out silently.

use std::collections::{BTreeMap, BTreeSet};

use aegir_hosting::{Call, Names, Operation, Parameter, Presence};
use serde_json::Value;

use super::cell::Column;
use super::which::List;
use crate::panel::address::encoded;
use crate::panel::pairs::Pairs;

/// Names in the address that are the page's own.
const COLUMNS: &str = "columns";
const BACK: &str = "back";
const FORMAT: &str = "format";
/// Parameters that narrow nothing.
const ORDERING: [&str; 3] = ["sort", "limit", "cursor"];
/// The most pages that the way back is known of; their places stand in the address.
const MOST_BACK: usize = 6;
/// The longest cursor that is kept for the way back, so that an address stays one that servers take.
const LONGEST_BACK: usize = 600;
/// Stands for pages that are too far back.
const FAR: &str = "far";

/// What is wrong with what was given: why, and what to do instead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) why: String,
    pub(super) remedy: Option<String>,
}

/// An address of a list, read.
#[derive(Clone, Debug)]
pub(super) struct Query {
    pub(super) operation: Operation,
    /// What is asked of the front end: all that could be read.
    pub(super) call: Call,
    /// The values of each parameter, as they were given.
    pub(super) given: BTreeMap<&'static str, Vec<String>>,
    /// What is wrong, by parameter; `columns` too.
    pub(super) wrong: BTreeMap<&'static str, Wrong>,
    /// Names in the address that mean nothing here.
    pub(super) unknown: Vec<String>,
    /// The columns that are shown.
    pub(super) columns: Vec<Column>,
    /// Where the pages before this one begin, the first one left out.
    back: Vec<String>,
    /// Whether a file is wanted in place of a page.
    pub(super) csv: bool,
    /// Its page, without what is asked of it.
    pub(super) path: String,
    /// What the list shows where nobody chose.
    usual: Vec<Column>,
}

/// The address without what says nothing, where it has such: a form sends all of its fields, also those that are left as
/// they are.
pub(super) fn tidied(list: &List, query: &Pairs) -> Option<Pairs> {
    let operation = list.operation();
    let says_something = |(name, value): &&(String, String)| {
        let parameter = operation.parameter(name).filter(|_| ORDERING.contains(&name.as_str()));
        let usual = parameter.is_some_and(|one| matches!(one.presence, Presence::Default(usual) if usual == value));
        !value.is_empty() && name != COLUMNS && !usual
    };
    let mut kept = Pairs(query.0.iter().filter(says_something).cloned().collect());
    let columns: Vec<&str> = query.all(COLUMNS).filter(|words| !words.is_empty()).collect();
    let words = |columns: &mut dyn Iterator<Item = &str>| columns.map(str::to_owned).collect::<BTreeSet<_>>();
    let usual = words(&mut list.usual().iter().skip(1).map(|column| column.key));
    if !columns.is_empty() && words(&mut columns.iter().flat_map(|words| words.split(','))) != usual {
        kept.0.push((COLUMNS.to_owned(), columns.join(",")));
    }
    let same = kept.0.len() == query.0.len();
    (!same).then_some(kept)
}

impl Query {
    /// Reads the address of a list; of one that belongs to an object, with the object's `name`.
    pub(super) fn read(list: &List, name: &str, pairs: &Pairs) -> Query {
        let operation = list.operation();
        let call = Call::of(list.id);
        let mut query = Query {
            operation,
            call: if matches!(operation.names, Names::None) { call } else { call.about(name) },
            given: BTreeMap::new(),
            wrong: BTreeMap::new(),
            unknown: Vec::new(),
            columns: list.usual(),
            back: pairs.all(BACK).map(str::to_owned).collect(),
            csv: pairs.get(FORMAT) == Some("csv"),
            path: list.path_of(&encoded(name)),
            usual: list.usual(),
        };
        for (name, value) in pairs.0.iter().filter(|(_, value)| !value.is_empty()) {
            match operation.parameter(name) {
                Some(parameter) => query.take(parameter, value),
                None if [COLUMNS, BACK, FORMAT, "did"].contains(&name.as_str()) => (),
                None => query.unknown.push(shortened(name)),
            }
        }
        for parameter in operation.parameters {
            query.check(parameter);
        }
        query.choose(list, pairs);
        query
    }

    fn take(&mut self, parameter: &'static Parameter, value: &str) {
        let values = self.given.entry(parameter.name).or_default();
        match parameter.many {
            true => values.extend(value.split(',').map(|value| value.trim().to_owned()).filter(|one| !one.is_empty())),
            false => values.push(value.to_owned()),
        }
    }

    fn check(&mut self, parameter: &'static Parameter) {
        let Some(values) = self.given.get(parameter.name) else { return };
        let value = match (parameter.many, values.as_slice()) {
            (true, values) => Value::from(values),
            (false, [value]) => Value::from(value.as_str()),
            (false, _) => return self.refuse(parameter.name, "it is given more than once", Some("give it once")),
        };
        match parameter.check(&value) {
            Ok(value) => {
                self.call.parameters.insert(parameter.name.to_owned(), value);
            }
            Err(bad) => self.refuse(parameter.name, &bad.to_string(), bad.instead.as_deref()),
        }
    }

    fn choose(&mut self, list: &List, pairs: &Pairs) {
        let words: Vec<&str> = pairs.all(COLUMNS).flat_map(|words| words.split(',')).map(str::trim).collect();
        let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
        if words.is_empty() {
            return;
        }
        let strange: Vec<_> =
            words.iter().filter(|word| list.columns.iter().all(|column| column.key != **word)).collect();
        if let Some(strange) = strange.first() {
            let there: Vec<_> = list.columns.iter().map(|column| column.key).collect();
            let why = format!("`{}` is no column of this list", shortened(strange));
            return self.refuse(COLUMNS, &why, Some(&format!("there are: {}", there.join(", "))));
        }
        // In the list's own order; the one that leads on is always there.
        let mut wanted = list.columns.iter().enumerate();
        self.columns = wanted
            .by_ref()
            .filter(|(place, column)| *place == 0 || words.contains(&column.key))
            .map(|(_, column)| *column)
            .collect();
    }

    /// Says that a parameter cannot be taken as it was given.
    pub(super) fn refuse(&mut self, name: &'static str, why: &str, remedy: Option<&str>) {
        self.call.parameters.remove(name);
        let why = why.chars().take(400).collect();
        self.wrong.insert(name, Wrong { why, remedy: remedy.map(str::to_owned) });
    }

    /// Whether a filter cannot be read, so that nothing can be said to match.
    pub(super) fn is_unsure(&self) -> bool {
        self.wrong.keys().any(|name| is_filter(name))
    }

    /// Whether something narrows the list.
    pub(super) fn narrows(&self) -> bool {
        self.given.keys().any(|name| is_filter(name))
    }

    /// How many rows a page has.
    pub(super) fn limit(&self) -> u64 {
        self.call.parameters.get("limit").and_then(Value::as_u64).unwrap_or(50)
    }

    /// Whether it is the first page.
    pub(super) fn is_first(&self) -> bool {
        !self.call.parameters.contains_key("cursor")
    }

    /// The order, if the list has one.
    pub(super) fn sort(&self) -> Option<&str> {
        let usual = match self.operation.parameter("sort")?.presence {
            Presence::Default(usual) => usual,
            _ => return None,
        };
        Some(self.call.parameters.get("sort").and_then(Value::as_str).unwrap_or(usual))
    }

    /// What is asked for, as pairs; from the first page on.
    fn pairs(&self) -> Pairs {
        let mut pairs = Vec::new();
        for (name, values) in self.given.iter().filter(|(name, _)| **name != "cursor") {
            pairs.extend(values.iter().map(|value| ((*name).to_owned(), value.clone())));
        }
        if let Some(columns) = self.columns_written() {
            pairs.push((COLUMNS.to_owned(), columns));
        }
        Pairs(pairs)
    }

    /// What is asked for, as the address has it from the first page on.
    pub(super) fn written(&self) -> String {
        self.pairs().write()
    }

    /// The columns as the address has them; nothing where they are the usual ones.
    fn columns_written(&self) -> Option<String> {
        let keys = |columns: &[Column]| columns.iter().map(|column| column.key).collect::<Vec<_>>().join(",");
        (self.usual != self.columns).then(|| keys(&self.columns))
    }

    fn at(&self, pairs: &Pairs) -> String {
        match pairs.write().as_str() {
            "" => self.path.clone(),
            text => format!("{}?{text}", self.path),
        }
    }

    /// The first page of the same.
    pub(super) fn first(&self) -> String {
        self.at(&self.pairs())
    }

    /// The page that begins at `next`.
    pub(super) fn next(&self, next: &str) -> String {
        let mut pairs = self.pairs();
        let mut back = self.back.clone();
        if let Some(here) = self.call.parameters.get("cursor").and_then(Value::as_str) {
            back.push(here.to_owned());
        }
        // Beyond the bounds the oldest go: from there on, only the first page is known.
        let long = back.iter().rposition(|cursor| cursor.len() > LONGEST_BACK).map_or(0, |place| place + 1);
        let begin = long.max(back.len().saturating_sub(MOST_BACK));
        let far = (begin > 0).then(|| FAR.to_owned());
        let kept = far.into_iter().chain(back.split_off(begin));
        pairs.0.extend(kept.map(|cursor| (BACK.to_owned(), cursor)));
        pairs.0.push(("cursor".to_owned(), next.to_owned()));
        self.at(&pairs)
    }

    /// The page before this one; nothing where it is not known, or this is the first one.
    pub(super) fn previous(&self) -> Option<String> {
        if self.is_first() {
            return None;
        }
        let Some((last, before)) = self.back.split_last() else { return Some(self.first()) };
        if last == FAR {
            return None;
        }
        let mut pairs = self.pairs();
        pairs.0.extend(before.iter().map(|cursor| (BACK.to_owned(), cursor.clone())));
        pairs.0.push(("cursor".to_owned(), last.clone()));
        Some(self.at(&pairs))
    }

    /// The same in another order, from the first page on.
    pub(super) fn sorted(&self, sort: &str) -> String {
        self.at(&self.pairs().with("sort", sort))
    }

    /// The same without a filter, or without one of its values.
    pub(super) fn without(&self, name: &str, value: &str) -> String {
        let mut pairs = self.pairs();
        pairs.0.retain(|(given, one)| given != name || one != value);
        self.at(&pairs)
    }

    /// The list with nothing filtered; order and columns stay.
    pub(super) fn cleared(&self) -> String {
        let mut pairs = self.pairs();
        pairs.0.retain(|(name, _)| !is_filter(name));
        self.at(&pairs)
    }

    /// All that match, as a file.
    pub(super) fn file(&self) -> String {
        let mut pairs = self.pairs().without(&["limit"]);
        pairs.0.push((FORMAT.to_owned(), "csv".to_owned()));
        self.at(&pairs)
    }
}

/// Whether a parameter narrows the list.
pub(super) fn is_filter(name: &str) -> bool {
    !ORDERING.contains(&name) && name != COLUMNS
}

/// A text of other origin, short enough to be said again.
pub(super) fn shortened(text: &str) -> String {
    let clean = text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c });
    let mut short: String = clean.take(60).collect();
    if text.chars().count() > 60 {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::super::which::SITES;
    use super::*;

    fn read(text: &str) -> Query {
        Query::read(&SITES, "", &Pairs::read(text))
    }

    fn walk(address: &str) -> Query {
        read(address.split_once('?').map_or("", |(_, query)| query))
    }

    #[test]
    fn all_that_is_asked_for_stays_from_page_to_page() {
        let query = read("status=new,failed&search=a%26b&sort=-name&columns=name,core&limit=25&status=new");
        assert_eq!(query.wrong, BTreeMap::new());
        assert_eq!(query.call.parameters["status"], serde_json::json!(["new", "failed"]));

        let second = walk(&query.next("c2"));
        assert_eq!(second.call.parameters["cursor"], "c2");
        for name in ["status", "search", "sort", "limit"] {
            assert_eq!(second.call.parameters[name], query.call.parameters[name], "{name}");
        }
        assert_eq!(second.columns, query.columns);
        assert_eq!(second.columns.len(), 2);
        assert_eq!(second.previous(), Some(query.first()));
        let third = walk(&second.next("c3"));
        assert_eq!(walk(&third.previous().unwrap()).call, second.call);
        assert_eq!(query.previous(), None);
    }

    #[test]
    fn the_way_back_is_bounded_and_never_leads_to_a_wrong_page() {
        let mut page = read("");
        for n in 2..40 {
            page = walk(&page.next(&format!("c{n}")));
        }
        assert!(page.first().len() < 100);
        for n in (34..39).rev() {
            page = walk(&page.previous().unwrap());
            assert_eq!(page.call.parameters["cursor"], format!("c{n}"));
        }
        page = walk(&page.previous().unwrap());
        assert_eq!((page.call.parameters["cursor"].as_str(), page.previous()), (Some("c33"), None));

        let long = walk(&read("").next(&"c".repeat(4000)));
        assert_eq!(long.previous(), Some("/sites".to_owned()));
        assert_eq!(walk(&long.next("c3")).previous(), None);
    }

    #[test]
    fn what_cannot_be_read_is_told_and_is_not_asked_for() {
        let query = read("status=bad&verified=maybe&limit=0&search=a&search=b&columns=nought&stauts=new&cursor=");

        let wrong: Vec<_> = query.wrong.keys().copied().collect();
        assert_eq!(wrong, ["columns", "limit", "search", "status", "verified"]);
        assert!(query.is_unsure() && query.call.parameters.is_empty());
        assert_eq!(query.unknown, ["stauts"]);
        assert_eq!((query.limit(), query.columns), (50, SITES.usual()));
        assert!(!read("limit=0&columns=nought").is_unsure(), "what narrows nothing leaves the list as it is");
    }

    #[test]
    fn a_filter_is_taken_away_alone_or_with_all_others() {
        let query = read("status=new,failed&client=admin&sort=-name");

        assert_eq!(query.without("status", "new"), "/sites?client=admin&sort=-name&status=failed");
        assert_eq!(query.cleared(), "/sites?sort=-name");
        assert_eq!(query.file(), "/sites?client=admin&sort=-name&status=new&status=failed&format=csv");
    }

    #[test]
    fn what_a_form_sends_and_says_nothing_is_left_out_of_the_address() {
        let usual: String = SITES.usual().iter().skip(1).map(|column| format!("&columns={}", column.key)).collect();
        let tidy = |text: &str| tidied(&SITES, &Pairs::read(text)).map(|pairs| pairs.write());

        assert_eq!(tidy(&format!("search=&status=new&sort=name&limit=50{usual}")).unwrap(), "status=new");
        assert_eq!(tidy("columns=core&columns=client&limit=25").unwrap(), "limit=25&columns=core%2Cclient");
        for whole in ["", "status=new&status=failed&limit=25", "columns=core%2Cnought", "sort=-name&cursor=x&back=far"]
        {
            assert_eq!(tidy(whole), None, "{whole}");
        }
    }
}
