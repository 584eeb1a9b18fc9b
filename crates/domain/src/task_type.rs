//! Task types: kinds of task that an operator adds to a home, each a folder in `tasks.d` with a manifest and programs.
//!
//! `task_type` in `docs/protocol.schema.json` is the JSON Schema of a manifest, `task_type_input` that of what its
//! programs are told. What is given for a type's fields is text until here, and has the type that its manifest says from
//! here on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use regex::{Regex, RegexBuilder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::text::word_enum;
use crate::{AttemptId, ContextName, HookObjects, MachineName, Remedy, Secrets, Title};

/// The version of what programs of task types are told that this build writes.
pub const TASK_TYPE_VERSION: u32 = 1;

/// The name of the manifest in the folder of a task type.
pub const MANIFEST: &str = "task.toml";

/// How many fields a form may have.
const MOST_FIELDS: usize = 50;
/// How long a text may be, in characters, where its field says nothing else, and at the most.
const LONGEST: (u32, u32) = (1_000, 10_000);
/// How long a program of a task type may take, in seconds, where the manifest says nothing else, and at the most.
const TIME: (u64, u64) = (300, 4 * 3600);
/// How long a description and a help text may be, in characters.
const LONGEST_ABOUT: usize = 2_000;
/// How long a pattern may be, in characters, and what it may take up once it is read, in bytes.
const LONGEST_PATTERN: usize = 500;
const PATTERN_SIZE: usize = 1 << 18;

word_enum! {
    /// What a task type is about.
    TypeObject, "what a task type is about" {
        /// A site.
        Site = "site",
        /// A platform.
        Platform = "platform",
        /// A server.
        Server = "server",
    }
}

impl TypeObject {
    /// Whether `name` is of such an object.
    pub fn is_of(self, name: &ContextName) -> bool {
        self == TypeObject::of(name)
    }

    /// What `name` is of.
    pub fn of(name: &ContextName) -> TypeObject {
        match name {
            ContextName::Site(_) => TypeObject::Site,
            ContextName::Platform(_) => TypeObject::Platform,
            ContextName::Server(_) => TypeObject::Server,
        }
    }
}

word_enum! {
    /// What a front end asks of whoever wants a task of this type.
    TypePermission, "a permission that task types take" {
        /// To have done again what has been decided.
        Operate = "operate",
        /// To add, change and delete objects.
        Manage = "manage",
        /// To change settings, tokens and the queue.
        Administer = "administer",
    }
}

word_enum! {
    /// What a field of a task type takes.
    FieldKind, "a kind of field" {
        /// One line of text.
        Text = "text",
        /// A whole number.
        Number = "number",
        /// `yes` or `no`.
        YesNo = "yes-no",
        /// One of its `choices`.
        Choice = "choice",
        /// A text that is told to the type's programs and to nobody else.
        Secret = "secret",
    }
}

/// What `task.toml` says of a task type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskManifest {
    /// Its name for people.
    pub title: Title,
    /// What it does.
    #[serde(default)]
    pub description: String,
    /// What it is about.
    pub object: TypeObject,
    /// What it takes of whoever asks a front end for it.
    #[serde(default = "manage")]
    pub permission: TypePermission,
    /// Whether whoever asks has to type the object's name again.
    #[serde(default)]
    pub dangerous: bool,
    /// Of a site: whether it also runs where the site is out of service.
    #[serde(default)]
    pub also_disabled: bool,
    /// How long each of its programs may take, in seconds.
    #[serde(default = "usual_time")]
    pub time_limit: u64,
    /// What its form asks, in this order.
    #[serde(default, rename = "field")]
    pub fields: Vec<TypeField>,
}

fn manage() -> TypePermission {
    TypePermission::Manage
}

fn usual_time() -> u64 {
    TIME.0
}

/// One field of a task type's form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TypeField {
    /// Its name for programs.
    pub name: MachineName,
    /// Its name for people.
    pub label: Title,
    /// A sentence below it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub help: String,
    /// What it takes.
    pub kind: FieldKind,
    /// Whether it must be given.
    #[serde(default)]
    pub required: bool,
    /// What holds if it is not given, written as it would be given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// Of a choice: what can be chosen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// Of a number: the least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least: Option<i64>,
    /// Of a number: the greatest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most: Option<i64>,
    /// Of a text or a secret: how many characters it may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest: Option<u32>,
    /// Of a text or a secret: what all of it must look like, a regular expression as `pattern` of a field in HTML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
}

/// A task of a type that an operator added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomTask {
    /// Which type: the name of its folder in `tasks.d`.
    pub task_type: MachineName,
    /// What it is about.
    pub object: ContextName,
    /// What was given for its fields, as text. Secret ones come as secrets of the task, by the names of their fields.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<MachineName, String>,
    /// Of a dangerous one: the object's name again, typed by who asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
}

word_enum! {
    /// Which program of a task type runs.
    TypePhase, "a program of a task type" {
        /// Says whether the task may be. It reads only.
        Check = "check",
        /// Does it.
        Do = "do",
        /// Takes it back.
        Undo = "undo",
        /// Takes away what only the task itself needed, once it happened.
        Cleanup = "cleanup",
    }
}

/// What a program of a task type is told.
///
/// It can be neither printed nor serialised by accident where `secrets` is filled: see [`TypeInput::expose`].
#[derive(Clone, Debug, JsonSchema)]
pub struct TypeInput {
    /// [`TASK_TYPE_VERSION`]
    pub version: u32,
    /// Why it runs.
    pub phase: TypePhase,
    /// The attempt. A program that runs twice for one attempt and phase is told the same.
    pub attempt: AttemptId,
    /// The type.
    pub task_type: MachineName,
    /// The object it is about.
    pub object: ContextName,
    /// Who asked, as the log says it.
    pub asked_by: Option<String>,
    /// The home.
    #[schemars(with = "String")]
    pub home: PathBuf,
    /// What was given for each field: a text, a number, or yes or no; nothing for one that was not given.
    pub fields: Map<String, Value>,
    /// What was given for secret fields.
    #[schemars(with = "BTreeMap<String, String>")]
    pub secrets: Secrets,
    /// What was saved when the task began.
    pub was: HookObjects,
}

impl TypeInput {
    /// As text, secrets in the open: for standard input of the program only.
    pub fn expose(&self) -> String {
        let value = serde_json::json!({
            "version": self.version,
            "phase": self.phase,
            "attempt": self.attempt,
            "task_type": self.task_type,
            "object": self.object,
            "asked_by": self.asked_by,
            "home": self.home,
            "fields": self.fields,
            "secrets": self.secrets.expose(),
            "was": self.was,
        });
        format!("{value:#}\n")
    }
}

/// A manifest that says something which cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct BadManifest {
    what: String,
    instead: String,
}

impl Remedy for BadManifest {
    fn remedy(&self) -> Option<String> {
        Some(self.instead.clone())
    }
}

/// What was given for a field is not what it takes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the field `{field}` {why}")]
pub struct BadField {
    /// Its name.
    pub field: String,
    /// What is wrong.
    pub why: String,
    instead: String,
}

impl BadField {
    fn new(field: &str, why: impl Into<String>, instead: impl Into<String>) -> BadField {
        BadField { field: field.to_owned(), why: why.into(), instead: instead.into() }
    }
}

impl Remedy for BadField {
    fn remedy(&self) -> Option<String> {
        Some(self.instead.clone())
    }
}

impl TaskManifest {
    /// Whether all that it says can be.
    pub fn check(&self) -> Result<(), BadManifest> {
        let bad = |what: String, instead: &str| Err(BadManifest { what, instead: instead.to_owned() });
        if !(1..=TIME.1).contains(&self.time_limit) {
            let what = format!("`time_limit` is {} seconds", self.time_limit);
            return bad(what, &format!("say 1 to {} seconds", TIME.1));
        }
        if !is_told_to_people(&self.description) {
            return bad("`description` is too long, or holds control characters".into(), "say it in a few lines");
        }
        if self.also_disabled && self.object != TypeObject::Site {
            return bad("`also_disabled` is said of what is no site".into(), "leave it out: only sites are disabled");
        }
        if self.fields.len() > MOST_FIELDS {
            return bad(format!("it has {} fields", self.fields.len()), &format!("have at most {MOST_FIELDS}"));
        }
        let mut names = BTreeSet::new();
        for field in &self.fields {
            if !names.insert(&field.name) {
                return bad(format!("two fields are called `{}`", field.name), "give each a name of its own");
            }
            field.check()?;
        }
        Ok(())
    }

    /// What was given for its fields, as its programs are told it. `is_given` says which secrets there are.
    pub fn read(
        &self,
        given: &BTreeMap<MachineName, String>,
        is_given: &dyn Fn(&MachineName) -> bool,
    ) -> Result<Map<String, Value>, BadField> {
        if let Some(unknown) = given.keys().find(|name| !self.fields.iter().any(|field| field.name == **name)) {
            let names: Vec<_> = self.fields.iter().map(|field| field.name.as_str()).collect();
            let instead = match names.is_empty() {
                true => "leave it out: this task type has no fields".to_owned(),
                false => format!("there are: {}", names.join(", ")),
            };
            return Err(BadField::new(unknown.as_str(), "is none of this task type", instead));
        }
        let mut read = Map::new();
        for field in &self.fields {
            let name = field.name.as_str();
            if field.kind == FieldKind::Secret {
                if given.contains_key(&field.name) {
                    let instead = "give it as a secret of the task: whatever else is given, is kept and shown";
                    return Err(BadField::new(name, "is secret, and was given in the open", instead));
                }
                if field.required && !is_given(&field.name) {
                    return Err(field.missing());
                }
                continue;
            }
            let value = match given.get(&field.name).or(field.default.as_ref()) {
                Some(text) => field.value(text)?,
                None if field.required => return Err(field.missing()),
                None => Value::Null,
            };
            read.insert(name.to_owned(), value);
        }
        Ok(read)
    }

    /// The names of its secret fields.
    pub fn secret_fields(&self) -> impl Iterator<Item = &MachineName> {
        self.fields.iter().filter(|field| field.kind == FieldKind::Secret).map(|field| &field.name)
    }
}

impl TypeField {
    fn check(&self) -> Result<(), BadManifest> {
        let name = &self.name;
        let bad = |what: String, instead: &str| Err(BadManifest { what, instead: instead.to_owned() });
        if !is_told_to_people(&self.help) {
            return bad(format!("`help` of the field `{name}` is too long, or no text"), "say it in a few lines");
        }
        if (self.kind == FieldKind::Choice) == self.choices.is_empty() {
            let what = format!("the field `{name}` is a choice without choices, or has some and is none");
            return bad(what, "list in `choices` what a field of the kind `choice` takes, and in no other");
        }
        if self.kind != FieldKind::Number && (self.least.is_some() || self.most.is_some()) {
            let what = format!("the field `{name}` has a `least` or a `most`, and is no number");
            return bad(what, "leave them out");
        }
        if let (Some(least), Some(most)) = (self.least, self.most)
            && least > most
        {
            return bad(format!("of the field `{name}`, `least` is above `most`"), "exchange them");
        }
        if self.longest.is_some_and(|longest| longest == 0 || longest > LONGEST.1) {
            let what = format!("`longest` of the field `{name}` is 0, or too great");
            return bad(what, &format!("say 1 to {}", LONGEST.1));
        }
        if let Some(pattern) = &self.pattern {
            if !matches!(self.kind, FieldKind::Text | FieldKind::Secret) {
                return bad(format!("the field `{name}` has a `pattern`, and is no text"), "leave it out");
            }
            if let Err(why) = whole(pattern) {
                let what = format!("`pattern` of the field `{name}` is none: {why}");
                return bad(what, "write a regular expression without look-around, such as `[a-z]{2,8}`");
            }
        }
        match &self.default {
            Some(_) if self.kind == FieldKind::Secret => {
                bad(format!("the secret field `{name}` has a default"), "leave it out: whoever can read it knows it")
            }
            Some(text) => match self.value(text) {
                Ok(_) => Ok(()),
                Err(fault) => {
                    let BadField { why, instead, .. } = fault;
                    Err(BadManifest { what: format!("the default of the field `{name}` {why}"), instead })
                }
            },
            None => Ok(()),
        }
    }

    fn missing(&self) -> BadField {
        BadField::new(self.name.as_str(), "must be given", format!("give it: {}", self.label))
    }

    /// What a text that was given for it means.
    fn value(&self, text: &str) -> Result<Value, BadField> {
        let bad = |why: String, instead: String| Err(BadField::new(self.name.as_str(), why, instead));
        match self.kind {
            FieldKind::Text | FieldKind::Secret => {
                self.is_text(text)?;
                Ok(text.into())
            }
            FieldKind::Number => {
                let (least, most) = (self.least.unwrap_or(i64::MIN), self.most.unwrap_or(i64::MAX));
                match text.trim().parse::<i64>() {
                    Ok(number) if (least..=most).contains(&number) => Ok(number.into()),
                    Ok(number) => bad(format!("is {number}"), format!("give a number from {least} to {most}")),
                    Err(_) => bad("is no whole number".into(), "give one such as `10`".into()),
                }
            }
            FieldKind::YesNo => match text {
                "yes" | "true" => Ok(true.into()),
                "no" | "false" => Ok(false.into()),
                _ => bad("is neither yes nor no".into(), "give `yes` or `no`".into()),
            },
            FieldKind::Choice => match self.choices.iter().any(|choice| choice == text) {
                true => Ok(text.into()),
                false => bad("is none of its choices".into(), format!("give one of: {}", self.choices.join(", "))),
            },
        }
    }

    /// Whether a text fits a field of text, or a secret one.
    pub fn is_text(&self, text: &str) -> Result<(), BadField> {
        let longest = self.longest.unwrap_or(LONGEST.0);
        if text.chars().count() > longest as usize {
            let instead = format!("give at most {longest} characters");
            return Err(BadField::new(self.name.as_str(), "is too long", instead));
        }
        if text.chars().any(char::is_control) {
            let why = "holds a line break or another control character";
            return Err(BadField::new(self.name.as_str(), why, "give one line"));
        }
        let Some(pattern) = &self.pattern else { return Ok(()) };
        // What is wrong with a manifest is told where that is read.
        match whole(pattern).is_ok_and(|pattern| pattern.is_match(text)) {
            true => Ok(()),
            false => {
                let instead = match self.help.trim() {
                    "" => format!("give what fits `{pattern}`"),
                    help => help.to_owned(),
                };
                Err(BadField::new(self.name.as_str(), "does not look as it must", instead))
            }
        }
    }
}

/// A pattern that all of a text must fit. Whatever it is, to compare takes time and room that grow with the text alone.
fn whole(pattern: &str) -> Result<Regex, String> {
    if pattern.is_empty() || pattern.chars().count() > LONGEST_PATTERN {
        return Err(format!("it has not 1 to {LONGEST_PATTERN} characters"));
    }
    // Alone first, so that it cannot end the group that it is put into.
    let build = |text: &str| RegexBuilder::new(text).size_limit(PATTERN_SIZE).build();
    build(pattern).and_then(|_| build(&format!("^(?:{pattern})$"))).map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
        error => error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned(),
    })
}

fn is_told_to_people(text: &str) -> bool {
    text.chars().count() <= LONGEST_ABOUT && text.chars().all(|c| c == '\n' || !c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(kind: FieldKind) -> TypeField {
        TypeField {
            name: "count".parse().unwrap(),
            label: "How many".parse().unwrap(),
            help: String::new(),
            kind,
            required: false,
            default: None,
            choices: Vec::new(),
            least: None,
            most: None,
            longest: None,
            pattern: None,
        }
    }

    fn manifest(fields: Vec<TypeField>) -> TaskManifest {
        TaskManifest {
            title: "Warm up".parse().unwrap(),
            description: String::new(),
            object: TypeObject::Site,
            permission: TypePermission::Manage,
            dangerous: false,
            also_disabled: false,
            time_limit: 300,
            fields,
        }
    }

    fn read(field: TypeField, given: &str) -> Result<Value, String> {
        let given = BTreeMap::from([(field.name.clone(), given.to_owned())]);
        let read = manifest(vec![field]).read(&given, &|_| false);
        read.map(|read| read["count"].clone()).map_err(|bad| bad.to_string())
    }

    #[test]
    fn what_is_given_has_the_type_that_the_manifest_says() {
        let ten = TypeField { least: Some(1), most: Some(10), ..field(FieldKind::Number) };
        let choice = TypeField { choices: vec!["a b".into(), "c".into()], ..field(FieldKind::Choice) };

        assert_eq!(read(ten.clone(), "7"), Ok(7.into()));
        assert_eq!(read(field(FieldKind::YesNo), "no"), Ok(false.into()));
        assert_eq!(read(field(FieldKind::Text), "a b"), Ok("a b".into()));
        assert_eq!(read(choice.clone(), "a b"), Ok("a b".into()));

        assert_eq!(read(ten.clone(), "11"), Err("the field `count` is 11".into()));
        assert_eq!(read(ten, "ten"), Err("the field `count` is no whole number".into()));
        assert_eq!(read(field(FieldKind::YesNo), "maybe"), Err("the field `count` is neither yes nor no".into()));
        assert_eq!(read(choice, "a"), Err("the field `count` is none of its choices".into()));
        assert!(read(field(FieldKind::Text), "a\nb").unwrap_err().contains("line break"));
        assert!(read(field(FieldKind::Text), &"a".repeat(1_001)).unwrap_err().contains("too long"));
    }

    #[test]
    fn a_pattern_is_for_all_of_a_text_and_is_none_that_takes_long() {
        let of = |pattern: &str| TypeField { pattern: Some(pattern.into()), ..field(FieldKind::Text) };
        assert_eq!(read(of("[a-z]{2,3}"), "abc"), Ok("abc".into()));
        for (pattern, given) in
            [("[a-z]{2,3}", "abcd"), ("a|b", "ab"), ("a", ""), ("a", "a "), ("(a+)+", "aaaaaaaaaaaaaab")]
        {
            assert_eq!(read(of(pattern), given), Err("the field `count` does not look as it must".into()), "{pattern}");
        }
        let helped = TypeField { help: "Two letters.".into(), ..of("[a-z]{2}") };
        assert_eq!(helped.is_text("a").unwrap_err().remedy().unwrap(), "Two letters.");

        for bad in ["(", "a)|(b", "", "(?=a)", "\\1", "((a{1000}){1000}){1000}", &"a".repeat(501)] {
            assert!(of(bad).check().unwrap_err().to_string().contains("is none: "), "{bad}");
        }
        let number = TypeField { pattern: Some("1".into()), ..field(FieldKind::Number) };
        assert!(number.check().unwrap_err().to_string().contains("is no text"));
        assert!(TypeField { default: Some("A".into()), ..of("[a-z]") }.check().is_err());
    }

    #[test]
    fn what_is_not_given_is_the_default_or_nothing_or_refused() {
        let read = |field: TypeField| manifest(vec![field]).read(&BTreeMap::new(), &|_| false);
        let filled = TypeField { default: Some("3".into()), ..field(FieldKind::Number) };

        assert_eq!(read(filled).unwrap()["count"], 3);
        assert!(read(field(FieldKind::Number)).unwrap()["count"].is_null());
        let required = TypeField { required: true, ..field(FieldKind::Text) };
        assert_eq!(read(required).unwrap_err().to_string(), "the field `count` must be given");
        let unknown = BTreeMap::from([("other".parse().unwrap(), String::new())]);
        let said = manifest(vec![field(FieldKind::Text)]).read(&unknown, &|_| false).unwrap_err();
        assert_eq!((said.field.as_str(), said.remedy().unwrap().as_str()), ("other", "there are: count"));
    }

    #[test]
    fn a_secret_is_among_no_values() {
        let secret = TypeField { required: true, ..field(FieldKind::Secret) };
        let manifest = manifest(vec![secret]);

        assert!(manifest.read(&BTreeMap::new(), &|_| true).unwrap().is_empty());
        assert!(manifest.read(&BTreeMap::new(), &|_| false).is_err());
        let open = BTreeMap::from([("count".parse().unwrap(), "hunter2".to_owned())]);
        let said = manifest.read(&open, &|_| true).unwrap_err().to_string();
        assert!(said.contains("in the open") && !said.contains("hunter2"), "{said}");
    }

    #[test]
    fn a_manifest_that_cannot_be_is_told_by_what_is_wrong_with_it() {
        let says = |manifest: TaskManifest| manifest.check().unwrap_err().to_string();
        let of = |field: TypeField| says(manifest(vec![field]));

        assert!(manifest(vec![field(FieldKind::Text)]).check().is_ok());
        assert!(says(TaskManifest { time_limit: 0, ..manifest(vec![]) }).contains("time_limit"));
        assert!(says(manifest(vec![field(FieldKind::Text), field(FieldKind::Text)])).contains("two fields"));
        assert!(of(field(FieldKind::Choice)).contains("choices"));
        assert!(of(TypeField { least: Some(2), most: Some(1), ..field(FieldKind::Number) }).contains("above"));
        assert!(of(TypeField { least: Some(2), ..field(FieldKind::Text) }).contains("no number"));
        assert!(of(TypeField { default: Some("x".into()), ..field(FieldKind::Number) }).contains("default"));
        assert!(of(TypeField { default: Some("x".into()), ..field(FieldKind::Secret) }).contains("default"));
        assert!(of(TypeField { longest: Some(0), ..field(FieldKind::Text) }).contains("longest"));
        let server = TaskManifest { object: TypeObject::Server, also_disabled: true, ..manifest(vec![]) };
        assert!(says(server).contains("also_disabled"));
    }
}
