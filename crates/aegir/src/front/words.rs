//! The front end's operations as commands: made from their declarations, so that none can be missing.
//!
//! ```text
//!   aegir SUBJECT VERB [NAME] --PARAMETER VALUE …   and how it is asked: --json, --no-wait, --dry-run, …
//! ```

mod own;

use std::path::PathBuf;

use aegir_hosting::{Effect, Names, Operation, OperationId, Parameter, Presence, Shape, Subject, TextKind};
use clap::builder::{PossibleValuesParser, TypedValueParser, ValueParser};
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command, FromArgMatches, Subcommand};
use serde_json::{Map, Value};

use super::Asked;
use super::asked::{Ask, Manner, Selection};
use super::run::follows;

/// The id of the name of an object.
const NAME: &str = "object-name";
/// The heading of options that say how something is asked, not what.
const ASKING: &str = "How it is asked";
/// As `args.rs` heads what every command takes.
const EVERYWHERE: &str = "Everywhere";
/// What every page of help about a task ends with.
const CODES: &str = "\
Exit codes: 0 done, 4 refused (nothing was touched), 7 taken back (all is as it was), 8 stuck (it
says what is left), 5 of many, some failed, 6 the task goes on without you, 1 an error outside any
task, 2 wrong usage, 3 nothing was to change (with --fail-if-unchanged).";

/// What the help of each subject ends with.
const NEEDS: &str = "\
It is asked of the front end of this home. If none runs, the command opens what is remembered and
does its own task itself; `aegir up` or `aegir serve` starts one, and `aegir doctor` says what stands
in its way.";

/// The same of what a machine can do that has a back end alone.
const NEEDS_NONE: &str = "\
It is asked of the front end of this home. If none runs, the command opens what is remembered and
does its own task itself. In a home that no front end was ever used in, it is the trash of this
machine, as `aegir provision trash-list`, `trash-restore` and `trash-empty` have it.";

impl Subcommand for Asked {
    fn augment_subcommands(command: Command) -> Command {
        Subject::ALL.into_iter().fold(command, |command, subject| command.subcommand(of_subject(subject)))
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        Subject::ALL.into_iter().any(|subject| subject.word() == name)
    }
}

impl FromArgMatches for Asked {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let asked = matches.subcommand().and_then(|(word, matches)| {
            let subject = Subject::ALL.into_iter().find(|subject| subject.word() == word)?;
            read(subject, matches)
        });
        asked.ok_or_else(|| clap::Error::raw(ErrorKind::MissingSubcommand, "a verb is missing"))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// What a subject's page of help begins with.
pub(crate) fn about(subject: Subject) -> &'static str {
    match subject {
        Subject::Server => "Machines and their services",
        Subject::Platform => "Copies of Drupal's code, on which sites live",
        Subject::Site => "Drupal sites",
        Subject::Backup => "Backups of sites, wherever they lie",
        Subject::Trash => "What was deleted and lies aside, on the machines where it lay",
        Subject::Package => "Modules, themes and profiles, and where each is installed",
        Subject::Task => "What was asked for, and what became of it",
        Subject::Queue => "What runs, what waits and for what",
        Subject::Bulk => "One operation, asked of many objects",
        Subject::Token => "Tokens, which let programs use the API",
        Subject::Account => "Accounts of the panel, by which people come in",
        Subject::Session => "Sessions of the panel: who is signed in",
        Subject::Setting => "Settings of the front end",
        Subject::Field => "Fields of your own on servers, platforms and sites",
        Subject::TaskType => "Task types of your own, for `server run`, `platform run` and `site run`",
        Subject::FoundSite => "Sites that were found and are not managed",
        Subject::Drift => "Differences between what the front end remembers and what a back end has",
        Subject::Audit => "What was asked for, by whom",
        Subject::Node => "Anything that has a number",
    }
}

/// The operations of a subject, in the order of their declaration.
pub(crate) fn operations(subject: Subject) -> impl Iterator<Item = Operation> {
    OperationId::ALL.into_iter().map(OperationId::declaration).filter(move |operation| operation.subject == subject)
}

/// The list of a subject, if it has one.
pub(crate) fn list_of(subject: Subject) -> Option<Operation> {
    operations(subject).find(|operation| operation.verb == "list")
}

fn of_subject(subject: Subject) -> Command {
    let command = Command::new(subject.word())
        .about(about(subject))
        .after_help(if subject == Subject::Trash { NEEDS_NONE } else { NEEDS })
        .subcommand_required(true)
        .arg_required_else_help(true);
    let command = operations(subject).fold(command, |command, operation| command.subcommand(of_operation(&operation)));
    own::with_own(subject, command)
}

fn of_operation(operation: &Operation) -> Command {
    // A list of sites has a `--version` of its own.
    let command = Command::new(operation.verb).about(operation.about.trim_end_matches('.')).disable_version_flag(true);
    let command = match &operation.names {
        Names::None => command,
        Names::New(kind) => command.arg(name_arg(kind, operation.subject).required(true).help("How it will be called")),
        Names::One(kind) => {
            let arg = name_arg(kind, operation.subject).help("Which one");
            match can_be_many(operation) {
                true => many(command.arg(arg)),
                false => command.arg(arg.required(true)),
            }
        }
    };
    let command =
        operation.parameters.iter().fold(command, |command, parameter| command.arg(arg(operation, parameter)));
    let command = command.args(asking(operation)).args(everywhere());
    let has_codes = operation.effect == Effect::Queues || follows(operation.id).is_some();
    if has_codes { command.after_help(CODES) } else { command }
}

/// Whether a verb can be asked of many objects at once: not where each must be named by itself.
pub(crate) fn can_be_many(operation: &Operation) -> bool {
    let alone = operation.parameter("confirm").is_some()
        || operation.effect == Effect::Tries
        || matches!(operation.id, OperationId::SiteLogin | OperationId::SiteDropFormer | OperationId::ServerTrust)
        // A filter that finds more than was meant would have Ægir forget them all.
        || operation.id == OperationId::SiteEject
        // Each new name is another one.
        || matches!(operation.id, OperationId::SiteClone | OperationId::SiteRename)
        // Only copies can be, and no filter finds those alone.
        || matches!(operation.id, OperationId::SiteRefresh | OperationId::SiteSwitch)
        // Some take the name of each a second time.
        || operation.verb == "run"
        // It is about many as it is.
        || operation.id == OperationId::PlatformMigrate;
    let of_many = [Subject::Server, Subject::Platform, Subject::Site, Subject::Task].contains(&operation.subject);
    matches!(operation.names, Names::One(_)) && !operation.reads() && of_many && !alone
}

fn many(command: Command) -> Command {
    command
        .arg(
            Arg::new("where")
                .long("where")
                .value_name("FILTER")
                .help("All that the filter finds, such as 'status=failed': filters are those of `list`")
                .help_heading(ASKING),
        )
        .arg(switch("all").help("All that there are"))
        .arg(switch("yes").short('y').help("Asks no questions"))
        .group(ArgGroup::new("which").args([NAME, "where", "all"]).required(true))
}

fn name_arg(kind: &TextKind, subject: Subject) -> Arg {
    let kind = *kind;
    Arg::new(NAME).value_name(kind.word).value_parser(ValueParser::new(move |text: &str| {
        let text = if subject == Subject::Site { bare(text) } else { text };
        kind.read(text).map_err(told)
    }))
}

/// A site's name without the `@` of its context; other names read theirs themselves.
fn bare(text: &str) -> &str {
    text.strip_prefix('@').unwrap_or(text)
}

fn told(bad: aegir_domain::BadText) -> String {
    aegir_domain::Report(&aegir_domain::FaultReport::of(&bad)).to_string()
}

fn id_of(parameter: &Parameter) -> String {
    format!("parameter-{}", parameter.name)
}

/// Whether an argument is the name of an object.
pub(crate) fn is_name(arg: &Arg) -> bool {
    arg.get_id() == NAME
}

/// Whether an argument is this parameter.
pub(crate) fn is_parameter(arg: &Arg, parameter: &Parameter) -> bool {
    arg.get_id() == id_of(parameter).as_str()
}

fn arg(operation: &Operation, parameter: &Parameter) -> Arg {
    let arg = Arg::new(id_of(parameter)).help(help(parameter));
    let arg = match parameter.is_positional() {
        true => arg,
        false => arg.long(operation.option_of(parameter)),
    };
    // A confirmation that is missing is asked for, and its absence told in another way.
    let required = parameter.presence == Presence::Required && parameter.name != "confirm";
    let arg = arg.required(required);
    let arg = match parameter.shape {
        Shape::Flag if matches!(parameter.presence, Presence::Default(_)) => return arg.action(ArgAction::SetTrue),
        Shape::Flag => arg
            .value_name("true|false")
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .value_parser(PossibleValuesParser::new(["true", "false"]).map(|word| Value::Bool(word == "true"))),
        Shape::Choice(words) => arg
            .value_name("WORD")
            .value_parser(PossibleValuesParser::new(words.iter()).map(Value::String))
            // `--sort -name`
            .allow_hyphen_values(words.iter().any(|word| word.starts_with('-'))),
        Shape::Number { .. } => arg.value_name("NUMBER").value_parser(checked(parameter)),
        Shape::Text(kind) => arg.value_name(kind.word).value_parser(checked(parameter)),
        Shape::Secret => return arg.value_name("FILE").value_parser(clap::value_parser!(PathBuf)),
    };
    match parameter.many {
        true => arg.action(ArgAction::Append),
        false => arg,
    }
}

/// Reads one value as the declaration says; all that is wrong with it is told where it was typed.
fn checked(parameter: &Parameter) -> ValueParser {
    let one = Parameter { many: false, ..*parameter };
    let of_site = matches!(parameter.shape, Shape::Text(kind) if kind.word == "SITE");
    ValueParser::new(move |text: &str| {
        let text = if of_site { bare(text) } else { text };
        one.check(&Value::from(text)).map_err(told)
    })
}

/// What a parameter is, as it is filled in on the command line.
pub(crate) fn help_about(parameter: &Parameter) -> String {
    let about = match parameter.shape {
        Shape::Secret => format!("a file with {}, or `-` for standard input", parameter.about),
        _ => parameter.about.to_owned(),
    };
    let mut letters = about.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}", letters.as_str())
}

fn help(parameter: &Parameter) -> String {
    let more = if parameter.many { "; may be given again" } else { "" };
    let else_ = match (parameter.presence, parameter.shape) {
        (Presence::Default(_), Shape::Flag) | (Presence::Required, _) => String::new(),
        (Presence::Default(text) | Presence::Optional(text), _) => format!(" [default: {text}]"),
    };
    format!("{}{more}{else_}", help_about(parameter))
}

fn switch(word: &'static str) -> Arg {
    Arg::new(word).long(word).action(ArgAction::SetTrue).help_heading(ASKING)
}

fn verbose() -> Arg {
    switch("verbose").short('v').help("Prints every line of the recipe too, and programs' output whole")
}

fn unchanged() -> Arg {
    switch("fail-if-unchanged").help("Ends with 3 if nothing was to change")
}

fn everywhere() -> [Arg; 1] {
    [switch("json").help("Prints JSON").help_heading(EVERYWHERE)]
}

/// The options that an operation has besides its parameters.
fn asking(operation: &Operation) -> Vec<Arg> {
    let mut args = Vec::new();
    if operation.id == OperationId::SiteCron {
        let wait = "Of one site: waits until it has run, and tells what came of it; so it is by default";
        args.push(switch("wait").overrides_with("no-wait").help(wait));
        args.push(switch("no-wait").help("Asks for it, and tells when it runs; so it is with many"));
    }
    if operation.effect == Effect::Queues || operation.id == OperationId::QueueDrain {
        args.push(switch("wait").overrides_with("no-wait").help("Follows the task until it ends; so it is by default"));
        args.push(switch("no-wait").help("Prints the number of the task, and leaves it alone"));
    }
    match follows(operation.id) {
        Some(true) => {
            let follow = "Follows the run until it ends or pauses; so it is by default";
            args.push(switch("wait").overrides_with("no-wait").help(follow));
            args.push(switch("no-wait").help("Begins the run, and leaves it alone"));
        }
        Some(false) => args.push(switch("wait").help("Follows the run until it ends or pauses")),
        None => (),
    }
    if operation.effect == Effect::Queues {
        args.extend([verbose(), unchanged()]);
    }
    if operation.id == OperationId::TrashEmpty {
        args.push(unchanged());
    }
    if !operation.reads() {
        args.push(switch("dry-run").help("Says what would be done, and does not do it"));
    }
    if operation.id == OperationId::TaskLog {
        args.push(switch("follow").short('f').help("Goes on until the task ends, and ends as the task does"));
        args.push(verbose());
    }
    if operation.effect == Effect::Lists && operation.parameter("cursor").is_some() {
        args.push(switch("all").help("All of them, however many pages that takes"));
    }
    args
}

fn read(subject: Subject, matches: &ArgMatches) -> Option<Asked> {
    let (verb, matches) = matches.subcommand()?;
    let name = matches.try_get_one::<String>(NAME).ok().flatten().cloned();
    if let Some(asked) = own::read(subject, verb, name.clone(), matches) {
        return asked;
    }
    let operation = operations(subject).find(|operation| operation.verb == verb)?;
    let mut parameters = Map::new();
    let mut secrets = Vec::new();
    for parameter in operation.parameters {
        let id = id_of(parameter);
        match parameter.shape {
            Shape::Flag if matches!(parameter.presence, Presence::Default(_)) => {
                if matches.get_flag(&id) {
                    parameters.insert(parameter.name.into(), true.into());
                }
            }
            Shape::Secret => {
                secrets.extend(matches.get_one::<PathBuf>(&id).map(|path| (parameter.name, path.clone())));
            }
            _ if parameter.many => {
                if let Some(values) = matches.get_many::<Value>(&id) {
                    parameters.insert(parameter.name.into(), values.cloned().collect());
                }
            }
            _ => {
                if let Some(value) = matches.get_one::<Value>(&id) {
                    parameters.insert(parameter.name.into(), value.clone());
                }
            }
        }
    }
    let selection = match can_be_many(&operation) {
        true if matches.get_flag("all") => Some(Selection::All),
        true => matches.get_one::<String>("where").cloned().map(Selection::Where),
        false => None,
    };
    let mut manner = manner(matches);
    if follows(operation.id) == Some(false) {
        manner.wait = matches.get_flag("wait");
    }
    Some(Asked::Operation(Box::new(Ask { operation, name, parameters, secrets, selection, manner })))
}

fn manner(matches: &ArgMatches) -> Manner {
    // Not every command knows every word. A debug build tells that apart from one that was not said, a release build
    // does not, and `get_flag` panics there.
    let said = |word: &str| matches.try_get_one::<bool>(word).ok().flatten().copied().unwrap_or_default();
    Manner {
        json: said("json"),
        verbose: said("verbose"),
        wait: !said("no-wait"),
        dry_run: said("dry-run"),
        yes: said("yes"),
        follow: said("follow"),
        all: said("all"),
        fail_if_unchanged: said("fail-if-unchanged"),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::args::Cli;

    #[test]
    fn the_whole_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_operation_has_its_command_with_all_its_parameters() {
        let program = Cli::command();
        for id in OperationId::ALL {
            let operation = id.declaration();
            let subject = program.find_subcommand(operation.subject.word()).unwrap();
            let command = subject.find_subcommand(operation.verb).unwrap_or_else(|| panic!("{}", operation.name()));
            for parameter in operation.parameters {
                let arg = command.get_arguments().find(|arg| arg.get_id() == id_of(parameter).as_str());
                let arg = arg.unwrap_or_else(|| panic!("{}: {}", operation.name(), parameter.name));
                assert!(arg.is_positional() || arg.get_long() == Some(&operation.option_of(parameter)));
                assert!(arg.get_help().is_some());
            }
        }
    }

    /// A value of a parameter, the nastiest that it takes.
    fn sample(parameter: &Parameter) -> Value {
        let texts = match parameter.shape {
            Shape::Choice(words) => words.to_vec(),
            _ => vec![
                "-it's $HOME; \"a\" `b` *",
                "true",
                "7",
                "example.org",
                "example.org-20261121.021530.tar.zst",
                "example.org-20261121.021530-0a1b2c3d4e5f",
                "/srv/a b",
                "/usr/bin/aegir",
                "127.0.0.1:80",
                "vendor/package",
                "^10.3",
                "https://packages.example.org/",
                "Europe/Berlin",
                "site-verify",
                "hours=it's $HOME; \"a\" `b` *",
                "a1",
                "root@example.org",
                "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB0d",
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            ],
        };
        let taken = texts.iter().rev().find_map(|text| parameter.check(&Value::from(*text)).ok());
        let nastiest = texts.iter().find_map(|text| parameter.check(&Value::from(*text)).ok());
        match (nastiest, taken) {
            (Some(Value::Array(mut first)), Some(Value::Array(last))) => {
                first.extend(last);
                first.dedup();
                Value::Array(first)
            }
            (value, _) => value.unwrap_or_else(|| panic!("no sample fits `{}`", parameter.name)),
        }
    }

    #[test]
    fn what_pages_show_as_a_command_is_read_as_the_same_call() {
        use clap::Parser;

        for id in OperationId::ALL {
            let operation = id.declaration();
            let mut call = aegir_hosting::Call { dry_run: !operation.reads(), ..aegir_hosting::Call::of(id) };
            let named = Parameter {
                name: "name",
                about: "",
                shape: match operation.names {
                    Names::One(kind) | Names::New(kind) => Shape::Text(kind),
                    Names::None => Shape::Flag,
                },
                presence: Presence::Required,
                many: false,
            };
            if !matches!(operation.names, Names::None) {
                call.name = sample(&named).as_str().map(str::to_owned);
            }
            let mut secrets = Vec::new();
            for parameter in operation.parameters {
                call.parameters.insert(parameter.name.into(), sample(parameter));
                if matches!(parameter.shape, Shape::Secret) {
                    secrets.push((parameter.name, PathBuf::from("-")));
                }
            }
            let command = aegir_web::panel::elsewhere::command_of(&call);
            let words = std::iter::once("aegir".to_owned()).chain(command.args.clone());

            let cli = Cli::try_parse_from(words).unwrap_or_else(|error| panic!("{command}: {error}"));

            let crate::args::Command::Front(asked) = cli.command else { panic!("{command}") };
            let Asked::Operation(ask) = *asked else { panic!("{command}") };
            assert_eq!(ask.secrets, secrets, "{command}");
            call.parameters.retain(|name, _| !secrets.iter().any(|(secret, _)| secret == name));
            assert_eq!(ask.call(), call, "{command}");
        }
    }

    #[test]
    fn what_must_be_confirmed_or_is_told_once_is_asked_of_one_object_at_a_time() {
        let many: Vec<String> = OperationId::ALL
            .map(OperationId::declaration)
            .iter()
            .filter(|o| can_be_many(o))
            .map(Operation::name)
            .collect();

        assert_eq!(
            many,
            [
                "server edit",
                "server verify",
                "server forget",
                "platform edit",
                "platform verify",
                "platform forget",
                "platform lock",
                "platform unlock",
                "site edit",
                "site verify",
                "site migrate",
                "site update",
                "site go-back",
                "site backup",
                "site cron",
                "site rebuild-caches",
                "site disable",
                "site enable",
                "task cancel",
                "task retry",
            ]
        );
    }
}
