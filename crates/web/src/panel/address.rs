//! Addresses of pages.

use aegir_hosting::{Operation, Subject};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What needs no encoding in a part of a path or a query.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A text as a part of an address.
pub(crate) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

/// The page of a list.
pub(crate) fn list(subject: Subject) -> String {
    format!("/{}", subject.path())
}

/// The page of an object, by its name without `@`, or of a task by its number.
pub(crate) fn object(subject: Subject, name: &str) -> String {
    format!("/{}/{}", subject.path(), encoded(name))
}

/// The page where an operation is asked for.
pub(crate) fn doing(operation: &Operation, name: Option<&str>) -> String {
    match name {
        Some(name) => format!("/do/{}/{}", operation.slug(), encoded(name)),
        None => format!("/do/{}", operation.slug()),
    }
}

/// The page of the object that tasks call by this name: `@example.org`, `@platform_d10`, `@server_web1`.
pub(crate) fn of_context(name: &str) -> String {
    let bare = name.strip_prefix('@').unwrap_or(name);
    match (bare.strip_prefix("platform_"), bare.strip_prefix("server_")) {
        (Some(platform), _) => object(Subject::Platform, platform),
        (_, Some(server)) => object(Subject::Server, server),
        _ => object(Subject::Site, bare),
    }
}

/// Whether an address leads to a page of this panel, and nowhere else.
pub(crate) fn is_own(address: &str) -> bool {
    address.starts_with('/')
        && !address.starts_with("//")
        && !address.contains('\\')
        && !address.contains(|c: char| c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_the_panel_are_its_own() {
        for own in ["/", "/sites?search=a", "/tasks/7"] {
            assert!(is_own(own), "{own}");
        }
        for other in ["", "//evil.test", "/\\evil.test", "https://evil.test", "/a\nb", "javascript:alert(1)"] {
            assert!(!is_own(other), "{other}");
        }
    }

    #[test]
    fn a_name_of_a_context_leads_to_its_object() {
        assert_eq!(of_context("@example.org"), "/sites/example.org");
        assert_eq!(of_context("@platform_d10"), "/platforms/d10");
        assert_eq!(of_context("@server_web1"), "/servers/web1");
        assert_eq!(object(Subject::Site, "a/b?c"), "/sites/a%2Fb%3Fc");
    }
}
