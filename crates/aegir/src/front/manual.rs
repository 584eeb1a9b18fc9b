//! The manual: pages for `man`, and the page about the command line, both made from the commands themselves.

use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};

use aegir_domain::Remedy;
use aegir_hosting::{Effect, Names, Operation, OperationId, Parameter, Presence, Shape, Subject};
use clap::Command;

use super::{filter, words};

/// What the page begins with.
const BEGIN: &str = include_str!("manual/begin.md");
/// What it ends with.
const END: &str = include_str!("manual/end.md");

/// The folder of the pages cannot be written to.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the manual pages into `{}`", dir.display())]
pub(crate) struct NoPages {
    dir: PathBuf,
    source: io::Error,
}

impl Remedy for NoPages {
    fn remedy(&self) -> Option<String> {
        Some("name a folder that is there and that you may write to, such as `~/.local/share/man/man1`".into())
    }
}

/// Writes a page for `man` of every command.
pub(crate) fn pages(program: Command, dir: &Path) -> Result<(), NoPages> {
    clap_mangen::generate_to(program, dir).map_err(|source| NoPages { dir: dir.to_owned(), source })
}

/// The page about the command line, as Markdown.
pub(crate) fn page() -> String {
    let mut page = BEGIN.to_owned();
    for subject in Subject::ALL {
        let _ = write!(page, "\n## `aegir {}`\n\n{}.\n", subject.word(), words::about(subject));
        for operation in words::operations(subject) {
            describe(&operation, &mut page);
        }
    }
    page.push_str("\n## Filters\n\nWhat `--where` takes for each kind of object, and `list` as options:\n\n");
    page.push_str("| objects | filters |\n| --- | --- |\n");
    for id in OperationId::ALL {
        let operation = id.declaration();
        if words::can_be_many(&operation)
            && operation.verb != "edit"
            && let Some(list) = words::list_of(operation.subject)
        {
            let names: Vec<String> = filter::filters(&list).map(|filter| format!("`{}`", filter.name)).collect();
            let line = format!("| {} | {} |\n", operation.subject.word(), names.join(", "));
            if !page.ends_with(&line) {
                page.push_str(&line);
            }
        }
    }
    page.push_str(END);
    page
}

fn describe(operation: &Operation, page: &mut String) {
    let name = match &operation.names {
        Names::None => String::new(),
        Names::One(_) if words::can_be_many(operation) => " NAME|--where FILTER|--all".into(),
        Names::One(kind) | Names::New(kind) => format!(" {}", kind.word),
    };
    let name = name.replace("NAME|", &format!("{}|", word_of(operation)));
    let (required, others): (Vec<_>, Vec<_>) =
        operation.parameters.iter().partition(|parameter| parameter.presence == Presence::Required);
    let required: String = required.iter().map(|parameter| format!(" {}", shown(operation, parameter))).collect();
    let options = if others.is_empty() { "" } else { " [OPTIONS]" };
    let comes = match operation.effect {
        Effect::Lists | Effect::Shows => "",
        Effect::Tries => " Changes nothing; ends with 4 if something stands in the way.",
        Effect::Changes => " Takes effect at once.",
        Effect::Queues => " Queues a task, and follows it.",
    };
    let _ = write!(
        page,
        "\n### `aegir {}{name}{required}{options}`\n\n{}{comes} Needs the permission `{}`.\n",
        operation.name(),
        operation.about,
        operation.needs
    );
    if operation.parameters.is_empty() {
        return;
    }
    page.push_str("\n| option | what it is | if left out |\n| --- | --- | --- |\n");
    for parameter in operation.parameters {
        let else_ = match (parameter.presence, parameter.shape) {
            (Presence::Required, _) => "it must be given".into(),
            (Presence::Default(_), Shape::Flag) => "no".into(),
            (Presence::Default(text), _) => format!("`{text}`"),
            (Presence::Optional(text), _) => text.to_owned(),
        };
        let many = if parameter.many { "; may be given again" } else { "" };
        let about = words::help_about(parameter).replace('|', "\\|");
        let shown = shown(operation, parameter).replace('|', "\\|");
        let _ = writeln!(page, "| `{shown}` | {about}{many} | {else_} |");
    }
}

fn word_of(operation: &Operation) -> &'static str {
    match &operation.names {
        Names::One(kind) | Names::New(kind) => kind.word,
        Names::None => "",
    }
}

/// A parameter as it is typed.
fn shown(operation: &Operation, parameter: &Parameter) -> String {
    let value = match parameter.shape {
        Shape::Text(kind) => kind.word.to_owned(),
        Shape::Number { .. } => "NUMBER".into(),
        Shape::Choice(choices) => choices.join("|"),
        Shape::Secret => "FILE".into(),
        Shape::Flag => String::new(),
    };
    let option = format!("--{}", operation.option_of(parameter));
    match (parameter.is_positional(), parameter.shape) {
        (true, _) => value,
        (false, Shape::Flag) if matches!(parameter.presence, Presence::Optional(_)) => format!("{option}=true|false"),
        (false, Shape::Flag) => option,
        (false, _) => format!("{option} {value}"),
    }
}
