//! A dump as it is read again, statement by statement: ours, and those of `mysqldump` and `mariadb-dump`.
//!
//! A dump may be somebody else's. It is no program here: what the command line clients would take for orders to
//! themselves (`\!`, `source`, `system`) is nothing but a statement that the server refuses.

/// The longest statement that is put together, in bytes: the longest packet that servers take.
const LONGEST: usize = 1 << 30;

/// Cuts bytes that come piece by piece into statements.
#[derive(Default)]
pub struct Script {
    kept: Vec<u8>,
    /// How far `kept` was looked at, and within what that was.
    seen: usize,
    within: Within,
    delimiter: Option<Vec<u8>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Within {
    #[default]
    Nothing,
    /// Quotes of this kind.
    Quotes(u8),
    /// A comment up to the end of the line.
    Line,
    /// A comment between signs. One with `!` is a statement for those who understand it.
    Comment,
}

/// Why a dump cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScriptFault {
    /// A statement does not end.
    #[error("a statement of the dump has more than a gigabyte")]
    TooLong,
    /// It stops within a statement.
    #[error("the dump ends within a statement")]
    Torn,
}

impl aegir_domain::Remedy for ScriptFault {
    fn remedy(&self) -> Option<String> {
        Some("the dump is broken: use another backup".into())
    }
}

impl Script {
    /// Takes the next bytes, and hands on each statement that is whole now.
    pub fn read<F: From<ScriptFault>>(
        &mut self,
        bytes: &[u8],
        on_statement: &mut dyn FnMut(&[u8]) -> Result<(), F>,
    ) -> Result<(), F> {
        self.kept.extend_from_slice(bytes);
        while let Some((end, next)) = self.next_end(false) {
            self.hand_on(end, next, on_statement)?;
        }
        match self.kept.len() > LONGEST {
            true => Err(ScriptFault::TooLong.into()),
            false => Ok(()),
        }
    }

    /// There is no more: a last statement may lack its end.
    pub fn end<F: From<ScriptFault>>(&mut self, on_statement: &mut dyn FnMut(&[u8]) -> Result<(), F>) -> Result<(), F> {
        while let Some((end, next)) = self.next_end(true) {
            self.hand_on(end, next, on_statement)?;
        }
        match self.within {
            Within::Quotes(_) | Within::Comment => return Err(ScriptFault::Torn.into()),
            Within::Nothing | Within::Line => (),
        }
        let end = self.kept.len();
        self.hand_on(end, end, on_statement)
    }

    fn hand_on<F>(
        &mut self,
        end: usize,
        next: usize,
        on_statement: &mut dyn FnMut(&[u8]) -> Result<(), F>,
    ) -> Result<(), F> {
        let statement = without_comments(&self.kept[..end]);
        let handed = match statement.is_empty() {
            true => Ok(()),
            false => on_statement(statement),
        };
        self.kept.drain(..next);
        self.seen = 0;
        handed
    }

    /// Where the first statement ends and where the next one begins, if it is whole.
    fn next_end(&mut self, all: bool) -> Option<(usize, usize)> {
        loop {
            if self.seen == 0 && self.within == Within::Nothing {
                self.take_delimiter(all)?;
            }
            // Two bytes more are enough to know what any byte begins.
            let sure = if all { self.kept.len() } else { self.kept.len().saturating_sub(self.ahead()) };
            if self.seen >= sure {
                return None;
            }
            let at = self.seen;
            let rest = &self.kept[at..];
            let mut step = 1;
            match self.within {
                Within::Quotes(quote) => match rest[0] {
                    b'\\' if quote != b'`' => step = 2,
                    byte if byte == quote => self.within = Within::Nothing,
                    _ => (),
                },
                Within::Line => {
                    if rest[0] == b'\n' {
                        self.within = Within::Nothing;
                    }
                }
                Within::Comment => {
                    if rest.starts_with(b"*/") {
                        step = 2;
                        self.within = Within::Nothing;
                    }
                }
                Within::Nothing => {
                    let delimiter: &[u8] = self.delimiter.as_deref().unwrap_or(b";");
                    if rest.starts_with(delimiter) {
                        return Some((at, at + delimiter.len()));
                    }
                    self.within = begins(rest);
                    if self.within == Within::Comment {
                        step = 2;
                    }
                }
            }
            self.seen = (at + step).min(self.kept.len());
        }
    }

    fn ahead(&self) -> usize {
        self.delimiter.as_ref().map_or(3, |delimiter| delimiter.len().max(3))
    }

    /// Takes lines `DELIMITER x` away from the beginning, which are for the client alone. Nothing if the line that
    /// begins there is not whole.
    fn take_delimiter(&mut self, all: bool) -> Option<()> {
        const WORD: &[u8] = b"DELIMITER ";
        loop {
            let blank = self.kept.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            let rest = &self.kept[blank..];
            let have = rest.len().min(WORD.len());
            if !rest[..have].eq_ignore_ascii_case(&WORD[..have]) {
                return Some(());
            }
            let Some(end) = rest.iter().position(|byte| *byte == b'\n').or(all.then_some(rest.len())) else {
                // It could still become one.
                return None;
            };
            if have < WORD.len() {
                return Some(());
            }
            let word = rest[WORD.len().min(end)..end].trim_ascii().to_vec();
            self.delimiter = Some(word).filter(|word| !word.is_empty());
            let upto = (blank + end + 1).min(self.kept.len());
            self.kept.drain(..upto);
        }
    }
}

fn begins(rest: &[u8]) -> Within {
    match rest {
        [b'\'' | b'"' | b'`', ..] => Within::Quotes(rest[0]),
        [b'#', ..] => Within::Line,
        [b'-', b'-'] => Within::Line,
        [b'-', b'-', next, ..] if next.is_ascii_whitespace() => Within::Line,
        [b'/', b'*', ..] => Within::Comment,
        _ => Within::Nothing,
    }
}

/// A statement without blanks and comments before it; comments that are statements (`/*!`, `/*M!`) stay.
fn without_comments(mut text: &[u8]) -> &[u8] {
    loop {
        text = text.trim_ascii();
        let end = match text {
            [b'#', ..] => text.iter().position(|byte| *byte == b'\n').map(|at| at + 1),
            [b'-', b'-'] => None,
            [b'-', b'-', next, ..] if next.is_ascii_whitespace() => {
                text.iter().position(|byte| *byte == b'\n').map(|at| at + 1)
            }
            [b'/', b'*', b'!', ..] | [b'/', b'*', b'M', b'!', ..] => return text,
            [b'/', b'*', ..] => text.windows(2).position(|two| two == b"*/").map(|at| at + 2),
            _ => return text,
        };
        text = end.map_or(&[], |end| &text[end..]);
    }
}

/// What becomes of a statement of a dump.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loaded {
    /// It is run, in these words.
    Run(String),
    /// It changes nothing that a database of one site has, or its rights are not needed: it is left out.
    Skip,
}

/// What becomes of a statement when it is run by the user of one site's database, who is alone there.
pub fn loaded(statement: &[u8]) -> Loaded {
    let head: Vec<String> = words(statement).take(3).collect();
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    match head.as_slice() {
        // A site's user has no right to lock, and nobody else is there.
        ["LOCK", ..] | ["UNLOCK", ..] => Loaded::Skip,
        // What a dump sets back at its end, and what only an administrator may set.
        ["SET", "GLOBAL" | "SQL_LOG_BIN", ..] => Loaded::Skip,
        ["CREATE" | "DROP", "DATABASE" | "SCHEMA", ..] | ["USE", ..] => Loaded::Skip,
        _ if mentions(statement, b"SQL_LOG_BIN") || mentions(statement, b"GTID_PURGED") => Loaded::Skip,
        _ => Loaded::Run(as_text(statement)),
    }
}

/// The first words of a statement, in capitals, without the signs of a comment that is one.
fn words(statement: &[u8]) -> impl Iterator<Item = String> {
    let statement = match statement.strip_prefix(b"/*!").or_else(|| statement.strip_prefix(b"/*M!")) {
        Some(rest) => &rest[rest.iter().take_while(|byte| byte.is_ascii_digit()).count()..],
        None => statement,
    };
    let head = String::from_utf8_lossy(&statement[..statement.len().min(200)]).to_ascii_uppercase();
    let words: Vec<String> = head
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    words.into_iter()
}

/// Whether a short statement has a word that an administrator alone may use.
fn mentions(statement: &[u8], word: &[u8]) -> bool {
    statement.len() < 300
        && statement.to_ascii_uppercase().starts_with(b"SET")
        && statement.to_ascii_uppercase().windows(word.len()).any(|window| window == word)
}

/// A statement as text: values that are no UTF-8 are written in hexadecimal digits.
fn as_text(statement: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(statement) {
        return text.to_owned();
    }
    let mut text = String::with_capacity(statement.len() * 2);
    let mut rest = statement;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'\'' | b'"')) {
        text.push_str(&String::from_utf8_lossy(&rest[..at]));
        let length = quoted_length(&rest[at..]);
        let literal = &rest[at..at + length];
        match std::str::from_utf8(literal) {
            Ok(literal) => text.push_str(literal),
            Err(_) => {
                // An introducer says how bytes are to be read; hexadecimal digits are bytes by themselves.
                let plain = text.trim_end().strip_suffix("_binary").map(str::len);
                text.truncate(plain.unwrap_or(text.len()));
                text.push_str("x'");
                text.extend(unescaped(literal).iter().map(|byte| format!("{byte:02x}")));
                text.push('\'');
            }
        }
        rest = &rest[at + length..];
    }
    text.push_str(&String::from_utf8_lossy(rest));
    text
}

/// How long a value between quotes is, with both.
fn quoted_length(text: &[u8]) -> usize {
    let quote = text[0];
    let mut at = 1;
    while at < text.len() {
        match text[at] {
            b'\\' => at += 2,
            byte if byte == quote && text.get(at + 1) == Some(&quote) => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

/// What stands between quotes.
fn unescaped(literal: &[u8]) -> Vec<u8> {
    let quote = literal[0];
    let mut bytes = literal[1..literal.len().saturating_sub(1).max(1)].iter();
    let mut plain = Vec::with_capacity(literal.len());
    while let Some(byte) = bytes.next() {
        plain.push(match byte {
            b'\\' => match bytes.next() {
                Some(b'0') => 0,
                Some(b'n') => b'\n',
                Some(b'r') => b'\r',
                Some(b't') => b'\t',
                Some(b'b') => 8,
                Some(b'Z') => 0x1a,
                Some(byte) => *byte,
                None => b'\\',
            },
            byte if *byte == quote => {
                bytes.next();
                quote
            }
            byte => *byte,
        });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(dump: &[u8], piece: usize) -> Result<Vec<String>, ScriptFault> {
        let mut found = Vec::new();
        let mut script = Script::default();
        let mut on = |statement: &[u8]| {
            found.push(String::from_utf8_lossy(statement).into_owned());
            Ok::<(), ScriptFault>(())
        };
        for piece in dump.chunks(piece) {
            script.read(piece, &mut on)?;
        }
        script.end(&mut on)?;
        Ok(found)
    }

    const DUMP: &str = "-- a dump; of somebody's\n# and; this\n/*!40101 SET NAMES utf8 */;\n\
        /* plain; comment */ INSERT INTO `a;b` VALUES ('it''s; \\'; \\\\',\"x;\");\n\
        DELIMITER ;;\nCREATE TRIGGER t BEGIN SELECT 1; SELECT 2; END ;;\nDELIMITER ;\nSELECT 5--2;\n\nSELECT 'last'";

    #[test]
    fn a_dump_is_cut_into_its_statements_however_it_comes() {
        let expected = [
            "/*!40101 SET NAMES utf8 */",
            "INSERT INTO `a;b` VALUES ('it''s; \\'; \\\\',\"x;\")",
            "CREATE TRIGGER t BEGIN SELECT 1; SELECT 2; END",
            "SELECT 5--2",
            "SELECT 'last'",
        ];
        for piece in [1, 2, 3, 7, 64, 4096] {
            assert_eq!(cut(DUMP.as_bytes(), piece).unwrap(), expected, "{piece} bytes at once");
        }
    }

    #[test]
    fn a_dump_that_stops_within_a_value_is_torn() {
        assert_eq!(cut(b"INSERT INTO a VALUES ('x", 3), Err(ScriptFault::Torn));
        assert_eq!(cut(b"SELECT 1; /* no end", 3), Err(ScriptFault::Torn));
        assert_eq!(cut(b"SELECT 1; -- the end", 3).unwrap(), ["SELECT 1"]);
    }

    #[test]
    fn what_a_sites_user_may_not_do_and_need_not_is_left_out() {
        for skipped in [
            "LOCK TABLES `a` WRITE",
            "UNLOCK TABLES",
            "USE `elsewhere`",
            "CREATE DATABASE /*!32312 IF NOT EXISTS*/ `x`",
            "/*!40000 DROP DATABASE IF EXISTS `x`*/",
            "SET @@SESSION.SQL_LOG_BIN= 0",
            "SET @@GLOBAL.GTID_PURGED=/*!80000 '+'*/ ''",
        ] {
            assert_eq!(loaded(skipped.as_bytes()), Loaded::Skip, "{skipped}");
        }
        for run in ["INSERT INTO a VALUES (1)", "/*!40000 ALTER TABLE `a` DISABLE KEYS */", "SET NAMES utf8"] {
            assert_eq!(loaded(run.as_bytes()), Loaded::Run(run.into()), "{run}");
        }
    }

    #[test]
    fn values_that_are_no_text_are_sent_as_bytes() {
        let statement = b"INSERT INTO a VALUES (_binary '\xff\\0''\\n', '\xc3\xa9', 'x')";
        assert_eq!(loaded(statement), Loaded::Run("INSERT INTO a VALUES (x'ff00270a', '\u{e9}', 'x')".into()));
    }
}
