//! A field of a form, made from a parameter.

use aegir_hosting::{Names, Operation, Parameter, Presence, Shape, TextKind};

use crate::panel::frame::Choice;
use crate::panel::words::capital;

/// A field as a template reads it.
#[derive(Clone, Debug, Default)]
pub(in crate::panel) struct Field {
    /// What the form sends it as.
    pub(in crate::panel) name: String,
    pub(in crate::panel) label: String,
    pub(in crate::panel) hint: String,
    /// What is wrong with it.
    pub(in crate::panel) error: String,
    pub(in crate::panel) required: bool,
    pub(in crate::panel) look: Look,
    /// What stands in it; several are one a line. A secret's is always empty.
    pub(in crate::panel) value: String,
    /// What can be chosen; of a text, what is proposed.
    pub(in crate::panel) choices: Vec<Choice>,
    /// What stood in it when somebody began to change it: an edit sends what differs.
    pub(in crate::panel) was: Option<String>,
    /// What holds where it is left empty.
    pub(in crate::panel) otherwise: String,
    /// What all of it must look like, as a browser reads that; empty: anything.
    pub(in crate::panel) pattern: String,
    /// Where to ask what remains of the other choices, once this one is made.
    pub(in crate::panel) narrows: &'static str,
}

/// How a field is filled in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::panel) enum Look {
    #[default]
    Text,
    Number,
    Password,
    Date,
    Lines,
    Select,
    Radios,
    Checks,
    Flag,
    /// A line for which values are proposed.
    Proposed,
    Hidden,
}

impl Look {
    /// Its word in templates.
    pub(in crate::panel) fn word(self) -> &'static str {
        match self {
            Look::Text => "text",
            Look::Number => "number",
            Look::Password => "password",
            Look::Date => "date",
            Look::Lines => "lines",
            Look::Select => "select",
            Look::Radios => "radios",
            Look::Checks => "checks",
            Look::Flag => "flag",
            Look::Proposed => "proposed",
            Look::Hidden => "hidden",
        }
    }
}

impl Field {
    /// Whether it is ticked.
    pub(in crate::panel) fn is_on(&self) -> bool {
        self.value == "true"
    }

    /// Puts in what an object has now: an edit asks for what differs from it.
    pub(in crate::panel) fn begin_with(&mut self, value: &str, parameter: Option<&Parameter>) {
        self.fill(value);
        self.was = Some(value.to_owned());
        if let Some(Parameter { presence: Presence::Optional(text), .. }) = parameter {
            self.hint = self.hint.replace(&if_empty(text), "");
        }
        for choice in self.choices.iter_mut().filter(|choice| choice.value.is_empty()) {
            choice.text = "None".into();
            // It is not taken away by an edit.
            choice.open = value.is_empty();
        }
    }

    /// Makes it a choice among these, of which an empty one says what holds without it.
    pub(in crate::panel) fn among(&mut self, values: impl IntoIterator<Item = String>) {
        let none = (!self.required).then(|| open("", &self.otherwise));
        self.choices = none.into_iter().chain(values.into_iter().map(|value| open(&value, &value))).collect();
        self.look = Look::Select;
        self.fill(&self.value.clone());
    }

    /// Proposes these, and takes others too.
    pub(in crate::panel) fn proposing(&mut self, values: impl IntoIterator<Item = String>) {
        self.choices = values.into_iter().map(|value| open(&value, &value)).collect();
        self.look = Look::Proposed;
        self.fill(&self.value.clone());
    }

    /// Puts `value` in, and marks what is chosen.
    pub(in crate::panel) fn fill(&mut self, value: &str) {
        if self.look == Look::Password {
            return;
        }
        value.clone_into(&mut self.value);
        let chosen: Vec<&str> = match self.look {
            Look::Checks => value.lines().collect(),
            _ => vec![value],
        };
        for choice in &mut self.choices {
            choice.chosen = chosen.contains(&choice.value.as_str());
        }
        // What was asked for and is not among them is shown all the same: an address or a form must not change by itself.
        if matches!(self.look, Look::Select) && !self.choices.iter().any(|choice| choice.chosen) {
            self.choices.push(Choice { chosen: true, ..open(value, value) });
        }
    }
}

fn open(value: &str, text: &str) -> Choice {
    Choice { value: value.to_owned(), text: text.to_owned(), open: true, ..Choice::default() }
}

/// The field of a parameter; empty.
pub(in crate::panel) fn field_of(parameter: &Parameter) -> Field {
    let otherwise = match parameter.presence {
        Presence::Optional(text) | Presence::Default(text) => capital(text),
        Presence::Required => String::new(),
    };
    let required = parameter.presence == Presence::Required;
    let mut field = Field {
        name: parameter.name.to_owned(),
        label: match (parameter.name, parameter.shape) {
            ("rehearse", Shape::Choice(_)) => "Rehearse it first".into(),
            _ => label_of(parameter.name),
        },
        hint: hint_of(parameter),
        required,
        otherwise,
        ..Field::default()
    };
    let may_be_open = matches!(parameter.presence, Presence::Optional(_));
    match parameter.shape {
        Shape::Choice(words) => {
            field.look = match (parameter.many, required) {
                (true, _) => Look::Checks,
                (false, true) => Look::Radios,
                (false, false) => Look::Select,
            };
            let none = (may_be_open && field.look == Look::Select).then(|| open("", &field.otherwise));
            field.choices = none.into_iter().chain(words.iter().map(|word| open(word, word))).collect();
        }
        _ if parameter.many => field.look = Look::Lines,
        Shape::Text(_) => field.look = Look::Text,
        Shape::Number { .. } => field.look = Look::Number,
        Shape::Flag => field.look = Look::Flag,
        Shape::Secret => field.look = Look::Password,
    }
    if let (Presence::Default(text), false) = (parameter.presence, parameter.many) {
        field.fill(text);
    }
    field
}

/// The field for the name of what is made.
pub(in crate::panel) fn name_field(operation: &Operation) -> Option<Field> {
    let Names::New(kind) = operation.names else { return None };
    Some(Field {
        name: "name".into(),
        label: "Name".into(),
        hint: hint_of_name(&kind),
        required: true,
        ..Field::default()
    })
}

fn hint_of_name(kind: &TextKind) -> String {
    match kind.word {
        "SITE" => "The name that visitors type: www.example.org. All else can be left as it is.".into(),
        _ => "A short name of small letters, digits and underscores, which does not change later.".into(),
    }
}

/// What a parameter is called on pages: its name as words.
pub(in crate::panel) fn label_of(name: &str) -> String {
    match name {
        "as" => return "Name of the new site".into(),
        "old_name" => return "The old name".into(),
        "sanitise" => return "Without people's addresses and passwords".into(),
        "with_mail" => return "It may send mail".into(),
        "with_cron" => return "Cron runs on it".into(),
        "allow_missing" => return "It may do without".into(),
        "keep_former" => return "What it was is kept".into(),
        "rehearse" => return "Only rehearse it".into(),
        "rehearse_first" => return "Rehearse it first".into(),
        _ => (),
    }
    let words = name.split('_').map(|word| match word {
        "db" => "database",
        "php" => "PHP",
        "ip" => "IP address",
        "ssh" => "SSH",
        "http" => "web service",
        "smtp" => "SMTP",
        other => other,
    });
    capital(&words.collect::<Vec<_>>().join(" "))
}

fn hint_of(parameter: &Parameter) -> String {
    let mut hint = format!("{}.", capital(parameter.about));
    match (parameter.presence, parameter.shape) {
        (Presence::Optional(_), Shape::Choice(_)) if !parameter.many => (),
        (Presence::Optional(text), _) => hint.push_str(&if_empty(text)),
        _ => (),
    }
    if let Shape::Number { least, most } = parameter.shape
        && most < 1_000_000
    {
        hint.push_str(&format!(" From {least} to {most}."));
    }
    if parameter.many && !matches!(parameter.shape, Shape::Choice(_)) {
        hint.push_str(" One a line.");
    }
    hint
}

/// What a hint ends with that says what an empty field means.
fn if_empty(text: &str) -> String {
    match text.starts_with("needed") {
        true => format!(" {}.", capital(text)),
        false => format!(" Left empty: {text}."),
    }
}

#[cfg(test)]
mod tests {
    use aegir_hosting::OperationId;

    use super::*;
    use crate::panel::route::done_on_pages;

    #[test]
    fn every_parameter_of_every_form_has_a_field_that_says_what_it_is() {
        for operation in done_on_pages() {
            for parameter in operation.parameters {
                let field = field_of(parameter);
                assert!(!field.label.is_empty() && field.hint.ends_with('.'), "{}: {field:?}", operation.name());
                let to_choose = matches!(field.look, Look::Select | Look::Radios | Look::Checks);
                assert_eq!(to_choose, matches!(parameter.shape, Shape::Choice(_)), "{}", parameter.name);
            }
        }
    }

    #[test]
    fn a_secret_is_never_put_into_a_field() {
        let operation = OperationId::ServerAdd.declaration();
        let mut field = field_of(operation.parameter("db_password").unwrap());

        field.fill("hunter2");

        assert!(!format!("{field:?}").contains("hunter2"));
    }

    #[test]
    fn what_was_asked_for_is_shown_though_it_cannot_be_chosen() {
        let operation = OperationId::ServerAdd.declaration();
        let mut field = field_of(operation.parameter("http").unwrap());

        field.fill("iis");

        assert!(field.choices.iter().any(|choice| choice.value == "iis" && choice.chosen));
    }
}
