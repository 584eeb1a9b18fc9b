//! Why a database server did not do what it was asked for.

use aegir_domain::Remedy;

/// What kind of no it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SqlKind {
    /// Nothing answers there, or it takes no more connections.
    Unreachable,
    /// The account or its password is wrong.
    PasswordRefused,
    /// The account may not do that.
    NotAllowed,
    /// The connection was lost, or the answer took too long. What became of the statement is unknown.
    Gone,
    /// What was to be made is there already.
    Exists,
    /// What was named is not there.
    NoSuch,
    /// Anything else.
    Other,
}

/// Why a database server did not do what it was asked for.
///
/// Never holds the text of a statement, which may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{doing} did not work: {}", told(.code, .state, .message))]
pub struct SqlFault {
    /// What kind of no it was.
    pub kind: SqlKind,
    /// The server's error number; 0 if the no did not come from it.
    pub code: u32,
    /// The server's SQLSTATE; empty likewise.
    pub state: String,
    /// The server's words, freed of secrets.
    pub message: String,
    /// What was being done: `connecting to … as …`, or the first words of the statement.
    pub doing: String,
}

fn told(code: &u32, state: &str, message: &str) -> String {
    match (code, state) {
        (0, _) => message.to_owned(),
        (code, "") => format!("{message} (error {code})"),
        (code, state) => format!("{message} (error {code}, state {state})"),
    }
}

impl Remedy for SqlFault {
    fn remedy(&self) -> Option<String> {
        Some(match self.kind {
            SqlKind::Unreachable => "check that the database server runs and listens there, then retry the task".into(),
            SqlKind::PasswordRefused => {
                "give the right account and password with `aegir provision save` of that server, then retry".into()
            }
            SqlKind::NotAllowed => {
                "as the database administrator, give the account all it needs, `GRANT ALL PRIVILEGES ON *.* TO 'ACCOUNT'@'HOST' WITH GRANT OPTION`, then retry".into()
            }
            SqlKind::Gone => "wait until the database server answers again, then run `aegir provision recover`".into(),
            // The server's own words are the best we have.
            SqlKind::Exists | SqlKind::NoSuch | SqlKind::Other => return None,
        })
    }
}
