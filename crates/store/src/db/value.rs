//! What goes into a statement: four kinds of value, each of which may be absent.
//!
//! An absent value has a kind too: PostgreSQL wants to know what is missing.

use aegir_domain::{
    AttemptId, AttemptState, ContextName, CronInterval, CronResult, DomainKind, HostName, InstanceScope, LockMode,
    MachineName, NodeId, NodeKind, ObjectStatus, OperationName, PackageKind, PlatformRoot, Priority, SiteFolder,
    SiteName, TaskState, TlsMode,
};
use sqlx::Arguments;
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;

/// One value of a statement.
#[derive(Clone, Debug)]
pub enum Value {
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
    Bool(Option<bool>),
}

/// The values of a statement, in the order of `$1`, `$2`, ….
macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$($crate::db::Value::from($value)),*] };
}
pub(crate) use values;

impl Value {
    /// A text that both databases can hold: PostgreSQL has none with a NUL, which programs do print.
    fn text(text: String) -> Value {
        Value::Text(Some(if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }))
    }
}

pub(crate) fn for_sqlite(values: Vec<Value>) -> Result<SqliteArguments, sqlx::error::BoxDynError> {
    let mut arguments = SqliteArguments::default();
    for value in values {
        match value {
            Value::Int(value) => Arguments::add(&mut arguments, value)?,
            Value::Text(value) => Arguments::add(&mut arguments, value)?,
            Value::Bytes(value) => Arguments::add(&mut arguments, value)?,
            Value::Bool(value) => Arguments::add(&mut arguments, value)?,
        }
    }
    Ok(arguments)
}

pub(crate) fn for_postgres(values: Vec<Value>) -> Result<PgArguments, sqlx::error::BoxDynError> {
    let mut arguments = PgArguments::default();
    for value in values {
        match value {
            Value::Int(value) => arguments.add(value)?,
            Value::Text(value) => arguments.add(value)?,
            Value::Bytes(value) => arguments.add(value)?,
            Value::Bool(value) => arguments.add(value)?,
        }
    }
    Ok(arguments)
}

/// What can be a value.
macro_rules! is_value {
    ($kind:ident: $($of:ty => $into:expr),* $(,)?) => { $(
        impl From<$of> for Value {
            fn from(value: $of) -> Value {
                #[allow(clippy::redundant_closure_call, reason = "one arm for every type")]
                let value = ($into)(value);
                is_value!(@ $kind value)
            }
        }
        impl From<Option<$of>> for Value {
            fn from(value: Option<$of>) -> Value {
                value.map_or(Value::$kind(None), Value::from)
            }
        }
    )* };
    (@ Text $value:ident) => { Value::text($value) };
    (@ $kind:ident $value:ident) => { Value::$kind(Some($value)) };
}

is_value!(Int:
    i64 => |n| n,
    u16 => i64::from,
    u32 => i64::from,
    // Bytes, lines and numbers of lines: none comes near the end of the range.
    u64 => |n| i64::try_from(n).unwrap_or(i64::MAX),
    usize => |n| i64::try_from(n).unwrap_or(i64::MAX),
    NodeId => |id: NodeId| id.0,
    Priority => |priority| match priority { Priority::Person => 0, Priority::Scheduled => 1 },
);
is_value!(Bool: bool => |b| b, LockMode => |mode| mode == LockMode::Exclusive);
is_value!(Bytes: Vec<u8> => |bytes| bytes, &[u8] => |bytes: &[u8]| bytes.to_vec());
is_value!(Text:
    String => |text| text,
    &String => |text: &String| text.clone(),
    &str => |text: &str| text.to_owned(),
    AttemptId => |id: AttemptId| id.to_string(),
    &ContextName => |name: &ContextName| name.to_string(),
    &SiteName => |name: &SiteName| name.to_string(),
    &SiteFolder => |name: &SiteFolder| name.to_string(),
    &HostName => |name: &HostName| name.to_string(),
    &MachineName => |name: &MachineName| name.to_string(),
    &OperationName => |name: &OperationName| name.to_string(),
    &PlatformRoot => |root: &PlatformRoot| root.to_string(),
    NodeKind => |word: NodeKind| word.to_string(),
    ObjectStatus => |word: ObjectStatus| word.to_string(),
    CronInterval => |word: CronInterval| word.to_string(),
    CronResult => |word: CronResult| word.to_string(),
    TaskState => |word: TaskState| word.to_string(),
    AttemptState => |word: AttemptState| word.to_string(),
    DomainKind => |word: DomainKind| word.to_string(),
    TlsMode => |word: TlsMode| word.to_string(),
    InstanceScope => |word: InstanceScope| word.to_string(),
    PackageKind => |word: PackageKind| word.as_str().to_owned(),
    &serde_json::Value => |json: &serde_json::Value| json.to_string(),
);

/// Reads a priority back; the number is what orders the queue.
pub(crate) fn priority_of(number: i64) -> Priority {
    if number == 0 { Priority::Person } else { Priority::Scheduled }
}
