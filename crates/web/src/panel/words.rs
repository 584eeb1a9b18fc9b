//! Words as pages tell them: numbers, sentences with names in them, headings.

/// How much something takes: `512 bytes`, `3.4 MB`; in thousands, as disks are sold.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if bytes < 1000 {
        return format!("{bytes} bytes");
    }
    let (mut tenths, mut unit) = (bytes / 100, 0);
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths /= 1000;
        unit += 1;
    }
    match tenths < 100 {
        true => format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit]),
        false => format!("{} {}", tenths / 10, UNITS[unit]),
    }
}

/// The same, as templates hand it over.
pub fn room(bytes: &u64) -> String {
    size(*bytes)
}

/// A number for people: `1,204`.
pub fn count(n: &u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A text with its first letter as a heading has it.
pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

/// A piece of a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// What it says.
    pub text: &'a str,
    /// Whether it stood in backticks: a name, a path, a command.
    pub is_name: bool,
}

/// The pieces of a sentence of ours. A backtick without its other stays what it is.
pub fn prose(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, name, after)) = first_name(rest) {
        pieces.push(Piece { text: before, is_name: false });
        pieces.push(Piece { text: name, is_name: true });
        rest = after;
    }
    pieces.push(Piece { text: rest, is_name: false });
    pieces.retain(|piece| !piece.text.is_empty());
    pieces
}

fn first_name(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('`')?;
    let (name, after) = rest.split_once('`')?;
    Some((before, name, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_headings_are_told_as_people_tell_them() {
        assert_eq!((count(&7), count(&1_204), count(&1_000_000)), ("7".into(), "1,204".into(), "1,000,000".into()));
        assert_eq!(
            (capital("over there"), capital("æ"), capital("")),
            ("Over there".into(), "Æ".into(), String::new())
        );
    }

    #[test]
    fn what_stands_in_backticks_is_a_name() {
        let said = |text| prose(text).iter().map(|piece| (piece.text.to_owned(), piece.is_name)).collect::<Vec<_>>();
        let expected = [("run ", false), ("nginx -t", true), (" on ", false), ("web1", true)];
        assert_eq!(said("run `nginx -t` on `web1`"), expected.map(|(text, name)| (text.to_owned(), name)));
        assert_eq!(said("a ` alone"), [("a ` alone".to_owned(), false)]);
        assert_eq!(said(""), []);
    }
}
