//! Names with values, as a query or a form sends them.

use percent_encoding::percent_decode_str;

/// Names with values, in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pairs(pub(crate) Vec<(String, String)>);

impl Pairs {
    /// Reads a query, or the body of a form. What is no UTF-8 is shown as such, and not refused: a page must not
    /// be lost over a stray byte in an address.
    pub(crate) fn read(text: &str) -> Pairs {
        let parts = text.split('&').filter(|part| !part.is_empty());
        let decoded = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
        Pairs(
            parts
                .map(|part| part.split_once('=').unwrap_or((part, "")))
                .map(|(name, value)| (decoded(name), decoded(value)))
                .collect(),
        )
    }

    /// The first value of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// All values of this name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// The same without these names.
    pub(crate) fn without(&self, names: &[&str]) -> Pairs {
        Pairs(self.0.iter().filter(|(given, _)| !names.contains(&given.as_str())).cloned().collect())
    }

    /// The same with this value alone for the name.
    pub(crate) fn with(&self, name: &str, value: &str) -> Pairs {
        let mut pairs = self.without(&[name]);
        pairs.0.push((name.to_owned(), value.to_owned()));
        pairs
    }

    /// As a query writes them, without the question mark.
    pub(crate) fn write(&self) -> String {
        use super::address::encoded;
        let parts: Vec<_> =
            self.0.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
        parts.join("&")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written_again() {
        let pairs = Pairs::read("status=new&search=a+b%26c&empty=&status=failed&flag");

        assert_eq!(pairs.get("search"), Some("a b&c"));
        assert_eq!(pairs.all("status").collect::<Vec<_>>(), ["new", "failed"]);
        assert_eq!(pairs.get("flag"), Some(""));
        assert_eq!(Pairs::read(&pairs.write()), pairs);
        assert_eq!(pairs.with("status", "all").write(), "search=a%20b%26c&empty=&flag=&status=all");
    }

    #[test]
    fn stray_bytes_are_no_reason_to_refuse_a_page() {
        assert_eq!(Pairs::read("search=%ff%zz").get("search"), Some("\u{fffd}%zz"));
    }
}
