//! How a parameter is called on the command line. It follows from the declaration, so that whoever shows a command
//! and whoever reads it say the same.

use super::{Operation, Parameter, Shape};

/// Words that mean something of their own on the command line, so that a parameter bears its subject's before it.
const TAKEN: [&str; 12] = [
    "home",
    "json",
    "verbose",
    "wait",
    "no-wait",
    "dry-run",
    "yes",
    "where",
    "all",
    "follow",
    "fail-if-unchanged",
    "help",
];

impl Operation {
    /// The option of one of its parameters, without the dashes: `db-server`, `db-password-file`, `server-home`.
    pub fn option_of(&self, parameter: &Parameter) -> String {
        let word = parameter.name.replace('_', "-");
        match parameter.shape {
            Shape::Secret => format!("{word}-file"),
            _ if TAKEN.contains(&word.as_str()) => format!("{}-{word}", self.subject.word()),
            _ => word,
        }
    }
}

impl Parameter {
    /// Whether it stands behind the name, with no option: the value of `settings set`, the new name of `site rename`, the type of
    /// `site run`; or with no name, the things of `trash empty`.
    pub fn is_positional(&self) -> bool {
        matches!(self.name, "value" | "new_name" | "task_type" | "thing")
    }
}

#[cfg(test)]
mod tests {
    use crate::OperationId;

    #[test]
    fn an_option_bears_the_word_of_its_subject_where_its_own_is_taken() {
        let add = OperationId::ServerAdd.declaration();
        let option = |name| add.option_of(add.parameters.iter().find(|parameter| parameter.name == name).unwrap());

        assert_eq!(
            [option("home"), option("db_password"), option("db_port")],
            ["server-home", "db-password-file", "db-port"]
        );
    }
}
