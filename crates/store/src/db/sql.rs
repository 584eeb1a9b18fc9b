//! Statements: one text for both databases, or two where they differ.

/// Which database a text is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// One file, nothing to install.
    Sqlite,
    /// For several control nodes.
    Postgres,
}

/// A statement with its name, which errors tell.
pub(crate) struct Sql {
    pub(crate) name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

impl Sql {
    pub(crate) const fn same(name: &'static str, text: &'static str) -> Sql {
        Sql { name, sqlite: text, postgres: text }
    }

    pub(crate) const fn each(name: &'static str, sqlite: &'static str, postgres: &'static str) -> Sql {
        Sql { name, sqlite, postgres }
    }

    pub(crate) fn text(&self, dialect: Dialect) -> &'static str {
        match dialect {
            Dialect::Sqlite => self.sqlite,
            Dialect::Postgres => self.postgres,
        }
    }
}

/// The statements of a file, and the list of them by which a test asks both databases about each.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $text:literal $(| $postgres:literal)?;)*) => {
        $($(#[$doc])* const $name: $crate::db::Sql = $crate::db::statements!(@ $name $text $($postgres)?);)*
        pub(crate) const STATEMENTS: &[$crate::db::Sql] = &[$($name),*];
    };
    (@ $name:ident $text:literal) => { $crate::db::Sql::same(stringify!($name), $text) };
    (@ $name:ident $sqlite:literal $postgres:literal) => {
        $crate::db::Sql::each(stringify!($name), $sqlite, $postgres)
    };
}
pub(crate) use statements;

/// How many rows go into one statement. SQLite looks each value up by its name among all of the statement's, so
/// that many more of them take longer than many statements.
pub(crate) const ROWS_AT_ONCE: usize = 32;

/// A statement that is put together, of texts of the program and values: never of given text.
#[derive(Default)]
pub struct Query {
    pub(crate) text: String,
    pub(crate) values: Vec<super::Value>,
    /// For which database, where that makes a difference.
    pub(crate) dialect: Option<Dialect>,
}

impl Query {
    pub(crate) fn new(text: &'static str) -> Query {
        Query { text: text.to_owned(), values: Vec::new(), dialect: None }
    }

    /// Adds a text of the program.
    pub(crate) fn push(&mut self, text: &'static str) -> &mut Query {
        self.text.push_str(text);
        self
    }

    /// Adds a value, by its place.
    pub(crate) fn bind(&mut self, value: impl Into<super::Value>) -> &mut Query {
        self.values.push(value.into());
        self.text.push('$');
        self.text.push_str(&self.values.len().to_string());
        self
    }

    /// Adds `(value, value, …)`.
    pub(crate) fn bind_all<V: Into<super::Value>>(&mut self, values: impl IntoIterator<Item = V>) -> &mut Query {
        self.push("(");
        for (place, value) in values.into_iter().enumerate() {
            if place > 0 {
                self.push(", ");
            }
            self.bind(value);
        }
        self.push(")")
    }
}
