//! Task types that nobody runs: what their manifests say, for front ends whose back ends pretend.

use std::sync::{Mutex, PoisonError};

use aegir_domain::{Fault, FaultReport, FieldKind, Remedy, TaskManifest, TypeField, TypeObject, TypePermission};
use aegir_hosting::{KnownType, TaskTypes};

/// A type for each kind of object, `mark_site` and so on; `risky`, that takes the site's name again and has a field with a pattern; `sealed`, with a
/// secret field; `kept_up`, for whoever administers; and `broken`, that cannot be used.
#[derive(Debug, Default)]
pub struct PretendTypes {
    reading: Mutex<Reading>,
}

/// What comes of reading them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reading {
    /// They are read.
    #[default]
    Well,
    /// Their folder cannot be read.
    Refused,
    /// Whoever reads them panics.
    Panics,
}

impl PretendTypes {
    /// Has reading them come to this, from now on.
    pub fn reading(&self, reading: Reading) {
        *self.reading.lock().unwrap_or_else(PoisonError::into_inner) = reading;
    }
}

impl TaskTypes for PretendTypes {
    fn all(&self) -> Result<Vec<KnownType>, FaultReport> {
        let reading = *self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        match reading {
            Reading::Well => (),
            Reading::Refused => return Err(Fault::from(Unreadable).report()),
            Reading::Panics => panic!("a task type is stranger than anybody thought"),
        }
        let of = |object: TypeObject| (format!("mark_{object}"), manifest(object));
        let mut all: Vec<_> = TypeObject::ALL.into_iter().map(of).collect();
        let site = || manifest(TypeObject::Site);
        let why = TypeField { pattern: Some("[a-z ]{1,20}".into()), ..field("why", FieldKind::Text) };
        all.push(("risky".into(), TaskManifest { dangerous: true, fields: vec![why], ..site() }));
        all.push(("kept_up".into(), TaskManifest { permission: TypePermission::Administer, ..site() }));
        all.push(("sealed".into(), TaskManifest { fields: vec![field("key", FieldKind::Secret)], ..site() }));
        let mut known: Vec<_> =
            all.into_iter().map(|(name, manifest)| KnownType { name, manifest: Ok(manifest) }).collect();
        known.push(KnownType { name: "broken".into(), manifest: Err(Fault::from(Broken).report()) });
        Ok(known)
    }
}

fn manifest(object: TypeObject) -> TaskManifest {
    TaskManifest {
        title: format!("Mark a {object}").parse().expect("a title"),
        description: "Marks what it is asked of.".into(),
        object,
        permission: TypePermission::Operate,
        dangerous: false,
        also_disabled: false,
        time_limit: 60,
        fields: vec![TypeField {
            least: Some(1),
            most: Some(10),
            default: Some("1".into()),
            ..field("count", FieldKind::Number)
        }],
    }
}

fn field(name: &str, kind: FieldKind) -> TypeField {
    TypeField {
        name: name.parse().expect("the name of a field"),
        label: name.parse().expect("a label"),
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

#[derive(Debug, thiserror::Error)]
#[error("the folder `tasks.d` cannot be read")]
struct Unreadable;

impl Remedy for Unreadable {
    fn remedy(&self) -> Option<String> {
        Some("let the user `aegir` read it".into())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the program `broken/undo` is missing")]
struct Broken;

impl Remedy for Broken {
    fn remedy(&self) -> Option<String> {
        Some("put it there".into())
    }
}
