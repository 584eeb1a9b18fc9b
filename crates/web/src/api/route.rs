//! Which address each operation has: said once, for the router, the document and the command line's client.

use aegir_hosting::{Effect, Names, Operation, Subject};
use axum::http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What all addresses begin with.
const BASE: &str = "/api/v1";
/// What a name may hold in an address as it is.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'@');

/// A method of HTTP and an address in which `{name}` stands for the name of the object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The address: `/api/v1/sites/{name}/verify`.
    pub path: String,
}

impl Route {
    /// The address of one object.
    pub fn at(&self, name: &str) -> String {
        self.path.replace("{name}", &utf8_percent_encode(name, KEPT).to_string())
    }
}

/// Where an operation's parameters are read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The query of the address.
    Query,
    /// A JSON object that is sent along.
    Body,
}

/// The address of `operation`.
pub fn route_of(operation: &Operation) -> Route {
    let subject = operation.subject.path();
    let verb = operation.verb;
    let (method, path) = match (operation.names, verb) {
        (Names::None, "list") => (Method::GET, format!("{BASE}/{subject}")),
        (Names::None, "show") => (Method::GET, format!("{BASE}/{subject}")),
        (Names::None, _) if operation.reads() => (Method::GET, format!("{BASE}/{subject}/{verb}")),
        (Names::None, _) => (Method::POST, format!("{BASE}/{subject}/{verb}")),
        (Names::New(_), "add") => (Method::POST, format!("{BASE}/{subject}")),
        (Names::New(_), _) => (Method::POST, format!("{BASE}/{subject}/{verb}")),
        (Names::One(_), "show") => (Method::GET, format!("{BASE}/{subject}/{{name}}")),
        (Names::One(_), "edit") => (Method::PATCH, format!("{BASE}/{subject}/{{name}}")),
        (Names::One(_), "set") => (Method::PUT, format!("{BASE}/{subject}/{{name}}")),
        // `DELETE` of a platform only forgets it, which was promised before its code could go too.
        (Names::One(_), "delete") if operation.subject == Subject::Platform => {
            (Method::POST, format!("{BASE}/{subject}/{{name}}/{verb}"))
        }
        (Names::One(_), "delete" | "forget" | "revoke") => (Method::DELETE, format!("{BASE}/{subject}/{{name}}")),
        (Names::One(_), _) if operation.reads() => (Method::GET, format!("{BASE}/{subject}/{{name}}/{verb}")),
        (Names::One(_), _) => (Method::POST, format!("{BASE}/{subject}/{{name}}/{verb}")),
    };
    Route { method, path }
}

/// Where the parameters of `operation` are read from. What deletes has none in a body, which proxies drop.
pub fn place_of(operation: &Operation) -> Place {
    match route_of(operation).method {
        Method::GET | Method::DELETE => Place::Query,
        _ => Place::Body,
    }
}

/// The parameter that says where the next page of a list begins, if it has pages.
pub(crate) fn turns_page_by(operation: &Operation) -> Option<&'static str> {
    if operation.effect != Effect::Lists {
        return None;
    }
    ["cursor", "from"].into_iter().find(|name| operation.parameter(name).is_some())
}

/// The address of a task.
pub(crate) fn task_at(task: i64) -> String {
    format!("{BASE}/{}/{task}", Subject::Task.path())
}

/// An address that is no operation of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OwnRoute {
    /// What a task says, as it says it.
    TaskEvents,
    /// What a task tells once.
    TaskSecret,
    /// The archive of a backup.
    BackupDownload,
    /// An archive that is to be a backup.
    BackupUpload,
    /// What changes, as it changes.
    Changes,
    /// This API, described.
    Document,
}

impl OwnRoute {
    /// All of them.
    pub const ALL: [OwnRoute; 6] = [
        OwnRoute::TaskEvents,
        OwnRoute::TaskSecret,
        OwnRoute::BackupDownload,
        OwnRoute::BackupUpload,
        OwnRoute::Changes,
        OwnRoute::Document,
    ];

    /// Its address.
    pub fn route(self) -> Route {
        let path = match self {
            OwnRoute::TaskEvents => format!("{BASE}/{}/{{name}}/events", Subject::Task.path()),
            OwnRoute::TaskSecret => format!("{BASE}/{}/{{name}}/secret", Subject::Task.path()),
            OwnRoute::BackupDownload | OwnRoute::BackupUpload => {
                format!("{BASE}/{}/{{name}}/archive", Subject::Backup.path())
            }
            OwnRoute::Changes => format!("{BASE}/changes"),
            OwnRoute::Document => format!("{BASE}/openapi.json"),
        };
        let method = if self == OwnRoute::BackupUpload { Method::POST } else { Method::GET };
        Route { method, path }
    }

    /// What it does, in a sentence.
    pub fn about(self) -> &'static str {
        match self {
            OwnRoute::TaskEvents => "Tells the lines of a task as it says them, until it ends.",
            OwnRoute::TaskSecret => "Tells once, to whoever asked for the task, what of its answer is kept nowhere.",
            OwnRoute::BackupDownload => "Gives the archive of a backup.",
            OwnRoute::BackupUpload => "Takes in an archive as a backup, once all of it was looked through.",
            OwnRoute::Changes => "Tells what changes, as it changes.",
            OwnRoute::Document => "Describes this API.",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use aegir_hosting::OperationId;

    use super::*;

    #[test]
    fn no_two_operations_share_an_address() {
        let operations = OperationId::ALL.into_iter().map(|id| route_of(&id.declaration()));
        let all: Vec<_> = operations.chain(OwnRoute::ALL.into_iter().map(OwnRoute::route)).collect();

        let own: BTreeSet<_> = all.iter().map(|route| (route.method.as_str(), &route.path)).collect();

        assert_eq!(own.len(), all.len());
    }

    #[test]
    fn a_name_stays_one_part_of_the_address() {
        let route = route_of(&OperationId::NodeShow.declaration());

        assert_eq!(route.at("@a.test"), "/api/v1/nodes/@a.test");
        assert_eq!(route.at("a/../b?c#d%"), "/api/v1/nodes/a%2F..%2Fb%3Fc%23d%25");
    }
}
