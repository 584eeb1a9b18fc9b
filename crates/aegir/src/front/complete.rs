//! Completes a half typed line: commands and options from the program itself, names from the front end that runs.
//!
//! A shell asks at each press of a key, so the answer comes within a moment or not at all, and never with an error.

use std::path::Path;
use std::time::Duration;

use aegir_hosting::{Call, Names, Operation, OperationId, Parameter, Shape, Subject, TextKind};
use clap::{Arg, Command, ValueEnum};

use super::door::Door;
use super::perform::{bare, names};
use super::words;
use crate::speak::plain;

/// How long the front end may take to name what there is.
const MOMENT: Duration = Duration::from_millis(40);
/// How many names are worth showing.
const MOST: u32 = 100;

/// A shell that completes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    /// GNU bash
    Bash,
    /// zsh
    Zsh,
    /// fish
    Fish,
}

impl Shell {
    /// What the shell reads to complete our lines.
    pub(crate) fn script(self) -> &'static str {
        match self {
            Shell::Bash => include_str!("complete/aegir.bash"),
            Shell::Zsh => include_str!("complete/aegir.zsh"),
            Shell::Fish => include_str!("complete/aegir.fish"),
        }
    }
}

/// What can stand at the end of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted {
    /// One of these, each with what it is.
    Words(Vec<(String, String)>),
    /// The name of one of these.
    Names(Subject),
    /// A path.
    Files,
}

/// What the shell asks: the words behind `aegir`, the last one half typed; and what stands before the part of it that
/// the shell itself takes for the word.
#[derive(Debug, PartialEq, Eq)]
struct Half {
    words: Vec<String>,
    before: String,
}

impl Half {
    fn read(shell: Shell, given: &[String]) -> Half {
        match (shell, given) {
            // bash divides words at `=`, `:` and `@` too, so it hands the line as it is, and its own word.
            (Shell::Bash, [line, current]) => {
                let mut words = split(line);
                if !words.is_empty() {
                    words.remove(0);
                }
                let last = words.last().cloned().unwrap_or_default();
                let current = if ["=", ":", "@"].contains(&current.as_str()) { "" } else { current };
                let before = last.strip_suffix(current).unwrap_or_default().to_owned();
                Half { words, before }
            }
            _ => Half { words: given.to_vec(), before: String::new() },
        }
    }
}

/// The words of a line; the last one is what stands at its end, which may be nothing.
fn split(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (None, '\'' | '"') => quote = Some(letter),
            (Some(open), letter) if letter == open => quote = None,
            (None | Some('"'), '\\') => word.extend(letters.next()),
            (None, letter) if letter.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            (_, letter) => word.push(letter),
        }
    }
    words.push(word);
    words
}

/// Prints what a half typed line can go on with.
pub(crate) async fn answer(program: Command, home: &Path, shell: Shell, given: &[String]) -> String {
    let half = Half::read(shell, given);
    let last = half.words.last().cloned().unwrap_or_default();
    // An option and its value in one word.
    let (option, typed) = match last.split_once('=') {
        Some((option, value)) if last.starts_with("--") => (format!("{option}="), value.to_owned()),
        _ => (String::new(), last),
    };
    let found = match wanted(program, &half.words) {
        Wanted::Files => return ":files\n".into(),
        Wanted::Words(words) => words,
        Wanted::Names(subject) => {
            let named = tokio::time::timeout(MOMENT, live(home, subject, bare(&typed)));
            let named = named.await.unwrap_or_default();
            let mark = if typed.starts_with('@') { "@" } else { "" };
            named.into_iter().map(|name| (format!("{mark}{}", bare(&name)), subject.word().to_owned())).collect()
        }
    };
    let fitting = found.into_iter().filter(|(word, _)| word.starts_with(&typed));
    let lines = fitting.filter_map(|(word, about)| {
        let word = format!("{option}{word}");
        let word = plain(word.strip_prefix(&half.before)?).replace(['\n', '\t'], " ");
        Some(match shell {
            Shell::Bash => format!("{word}\n"),
            Shell::Zsh | Shell::Fish => format!("{word}\t{}\n", plain(&about).replace(['\n', '\t'], " ")),
        })
    });
    lines.collect()
}

/// The names that there are, as far as the front end tells them at once.
async fn live(home: &Path, subject: Subject, typed: &str) -> Vec<String> {
    let Ok(Some(mut door)) = Door::of_running(home).await else { return Vec::new() };
    let Some(list) = words::list_of(subject) else { return Vec::new() };
    let mut call = Call::of(list.id);
    if list.parameter("limit").is_some() {
        call = call.with("limit", MOST);
    }
    if list.parameter("search").is_some() && !typed.is_empty() {
        call = call.with("search", typed);
    }
    names(&mut door, call).await
}

/// What can stand at the end of a line, whose last word is half typed.
fn wanted(mut program: Command, words: &[String]) -> Wanted {
    program.build();
    let mut command = &program;
    let mut path: Vec<&str> = Vec::new();
    let mut open: Option<&Arg> = None;
    let mut behind = 0;
    let (last, before) = match words.split_last() {
        Some((last, before)) => (last.as_str(), before),
        None => ("", &[][..]),
    };
    for word in before {
        if open.take().is_some() {
            continue;
        }
        if let Some(option) = word.strip_prefix("--").filter(|option| !option.is_empty()) {
            let named = option.split('=').next().unwrap_or_default();
            open = command.get_arguments().find(|arg| arg.get_long() == Some(named)).filter(|arg| takes_value(arg));
            if option.contains('=') {
                open = None;
            }
        } else if let Some(short) = word.strip_prefix('-').and_then(|short| short.chars().last()) {
            open = command.get_arguments().find(|arg| arg.get_short() == Some(short)).filter(|arg| takes_value(arg));
        } else if let Some(found) = command.find_subcommand(word) {
            command = found;
            path.push(found.get_name());
            behind = 0;
        } else {
            behind += 1;
        }
    }
    let operation = operation(&path);
    if let Some(arg) = open {
        return value(arg, operation.as_ref());
    }
    if let Some((named, _)) = last.strip_prefix("--").and_then(|option| option.split_once('=')) {
        let arg = command.get_arguments().find(|arg| arg.get_long() == Some(named));
        return arg.map_or(Wanted::Words(Vec::new()), |arg| value(arg, operation.as_ref()));
    }
    if last.starts_with('-') {
        let shown = command.get_arguments().filter(|arg| !arg.is_hide_set() && !was_given(arg, before));
        let named = shown.filter_map(|arg| Some((format!("--{}", arg.get_long()?), about(arg.get_help()))));
        return Wanted::Words(named.collect());
    }
    if path == ["drush"] && behind == 0 {
        // It is no operation, and its name is a site's all the same.
        return Wanted::Names(Subject::Site);
    }
    if let Some(arg) = command.get_positionals().nth(behind) {
        return value(arg, operation.as_ref());
    }
    if behind > 0 {
        return Wanted::Words(Vec::new());
    }
    let shown = command.get_subcommands().filter(|command| !command.is_hide_set());
    Wanted::Words(shown.map(|command| (command.get_name().to_owned(), about(command.get_about()))).collect())
}

fn about(help: Option<&clap::builder::StyledStr>) -> String {
    help.map(|help| help.to_string().lines().next().unwrap_or_default().to_owned()).unwrap_or_default()
}

/// Whether an option that is there once need not be offered again.
fn was_given(arg: &Arg, before: &[String]) -> bool {
    let once = !matches!(arg.get_action(), clap::ArgAction::Append | clap::ArgAction::Count);
    let named = arg.get_long().map(|long| format!("--{long}"));
    let is =
        |word: &String| named.as_ref().is_some_and(|named| word == named || word.starts_with(&format!("{named}=")));
    once && before.iter().any(is)
}

fn takes_value(arg: &Arg) -> bool {
    arg.get_action().takes_values() && !arg.is_require_equals_set()
}

/// The operation that a way through the commands leads to; following a task names one as showing it does.
fn operation(path: &[&str]) -> Option<Operation> {
    match path {
        ["task", "follow"] => Some(OperationId::TaskShow.declaration()),
        ["backup", "download"] => Some(OperationId::BackupShow.declaration()),
        [subject, verb] => {
            let subject = Subject::ALL.into_iter().find(|found| found.word() == *subject)?;
            words::operations(subject).find(|operation| operation.verb == *verb)
        }
        _ => None,
    }
}

/// What an argument's value can be.
fn value(arg: &Arg, operation: Option<&Operation>) -> Wanted {
    let possible: Vec<(String, String)> = arg
        .get_possible_values()
        .iter()
        .filter(|value| !value.is_hide_set())
        .map(|value| (value.get_name().to_owned(), about(value.get_help())))
        .collect();
    if !possible.is_empty() {
        return Wanted::Words(possible);
    }
    let nothing = Wanted::Words(Vec::new());
    let Some(operation) = operation else {
        // The back end's commands and their like: what is no word is mostly a path.
        return if arg.get_value_hint() == clap::ValueHint::AnyPath || is_path(arg) { Wanted::Files } else { nothing };
    };
    if words::is_name(arg) {
        return match operation.names {
            Names::One(kind) => Wanted::Names(refers(&kind).unwrap_or(operation.subject)),
            Names::New(_) | Names::None => nothing,
        };
    }
    let parameter: Option<&Parameter> =
        operation.parameters.iter().find(|parameter| words::is_parameter(arg, parameter));
    match parameter.map(|parameter| parameter.shape) {
        Some(Shape::Text(kind)) => match refers(&kind) {
            Some(subject) => Wanted::Names(subject),
            None if kind.word == "PATH" => Wanted::Files,
            None => nothing,
        },
        Some(Shape::Secret) => Wanted::Files,
        _ if is_path(arg) => Wanted::Files,
        _ => nothing,
    }
}

fn is_path(arg: &Arg) -> bool {
    let named = arg.get_value_names().unwrap_or_default();
    named.iter().any(|name| ["DIR", "PATH", "FILE"].contains(&name.as_str()))
}

fn refers(kind: &TextKind) -> Option<Subject> {
    kind.refers
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::args::Cli;

    fn wanted_at(line: &str) -> Wanted {
        let half = Half::read(Shell::Zsh, &split(line));
        wanted(Cli::command(), &half.words)
    }

    fn words_at(line: &str) -> Vec<String> {
        match wanted_at(line) {
            Wanted::Words(words) => words.into_iter().map(|(word, _)| word).collect(),
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn commands_options_and_choices_are_those_of_the_program() {
        assert!(words_at("").contains(&"site".into()) && words_at("").contains(&"provision".into()));
        assert!(words_at("--home /x site ").contains(&"verify".into()));
        assert!(!words_at("").contains(&"complete".into()), "what is hidden stays so");
        assert!(words_at("site list --").contains(&"--platform".into()));
        assert!(!words_at("site add a.test --language de --").contains(&"--language".into()));
        assert_eq!(words_at("site list --status "), ["new", "enabled", "disabled", "failed", "deleted"]);
        assert_eq!(words_at("site list --status=en"), ["new", "enabled", "disabled", "failed", "deleted"]);
        assert_eq!(words_at("completion "), ["bash", "zsh", "fish"]);
    }

    #[test]
    fn where_a_name_stands_names_are_wanted() {
        for (line, subject) in [
            ("site verify ", Subject::Site),
            ("site verify @exa", Subject::Site),
            ("drush ", Subject::Site),
            ("--home /x site show ", Subject::Site),
            ("platform add x --server ", Subject::Server),
            ("site add a.test --platform=d", Subject::Platform),
            ("task follow ", Subject::Task),
            ("task log ", Subject::Task),
            ("drift resolve ", Subject::Drift),
            ("token revoke ", Subject::Token),
            ("account link ", Subject::Account),
            ("session list --account ", Subject::Account),
            ("settings set ", Subject::Setting),
        ] {
            assert_eq!(wanted_at(line), Wanted::Names(subject), "{line}");
        }
        assert_eq!(wanted_at("server edit db1 --db-password-file "), Wanted::Files);
        assert_eq!(wanted_at("platform add x --root /s"), Wanted::Files);
        assert_eq!(wanted_at("--home "), Wanted::Files);
        assert_eq!(wanted_at("site add "), Wanted::Words(vec![]), "a new name is nobody's");
    }

    #[test]
    fn every_operation_about_an_object_offers_the_names_of_such() {
        for id in OperationId::ALL {
            let operation = id.declaration();
            if let Names::One(_) = operation.names {
                let found = wanted_at(&format!("{} ", operation.name()));
                assert!(matches!(found, Wanted::Names(_)), "{}: {found:?}", operation.name());
            }
        }
    }

    #[test]
    fn bash_is_answered_with_the_part_that_it_replaces() {
        let half = Half::read(Shell::Bash, &["aegir site list --status=en".into(), "en".into()]);
        assert_eq!(half.before, "--status=");
        let half = Half::read(Shell::Bash, &["aegir site list --status=".into(), "=".into()]);
        assert_eq!(half.before, "--status=");
        let half = Half::read(Shell::Bash, &["aegir site verify @w".into(), "w".into()]);
        assert_eq!((half.before.as_str(), half.words.len()), ("@", 3));
        assert_eq!(split("aegir 'a b' c\\ d "), ["aegir", "a b", "c d", ""]);
    }
}
