//! Plain values in the text of a PHP file, read without running it: `$aliases['a'] = array('b' => 1);`.
//!
//! Programs write such files with `var_export`. What is more than a plain value (a call, another variable, a condition)
//! is passed over and counted, so that whoever reads can say that something was not understood.
//!
//! ## Invariants
//!
//! - No text makes the reader panic, recurse deeper than [`DEEPEST`] or read a byte twice for each level.

use crate::PhpValue;
use crate::php_value::DEEPEST;

/// What was read of a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Literals {
    /// Each assignment of a plain value, in order.
    pub set: Vec<Assignment>,
    /// The lines, the first being 1, on which something begins that is more than that.
    pub passed_over: Vec<usize>,
}

/// `$name['key']… = value;`
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    /// The name of the variable, without `$`.
    pub name: String,
    /// The keys that follow it.
    pub keys: Vec<PhpValue>,
    /// What it is set to.
    pub value: PhpValue,
}

impl Literals {
    /// Reads the text of a file.
    pub fn read(text: &str) -> Literals {
        let mut reader = Reader { bytes: text.as_bytes(), at: 0 };
        let mut read = Literals::default();
        let (mut line, mut counted) = (1, 0);
        while reader.find_code() {
            while let Some(begin) = reader.begin() {
                if let Some(assignment) = reader.assignment() {
                    read.set.push(assignment);
                    continue;
                }
                line += reader.bytes[counted..begin].iter().filter(|byte| **byte == b'\n').count();
                counted = begin;
                read.passed_over.push(line);
                // From its beginning: where reading stopped can be the middle of a text.
                reader.at = begin;
                reader.pass_over();
            }
        }
        read
    }

    /// What `$name['key']` was set to last.
    pub fn get(&self, name: &str, key: &str) -> Option<&PhpValue> {
        self.set.iter().rev().find(|set| set.is(name, key)).map(|set| &set.value)
    }

    /// Every `$name['…']` that was set, by its key, in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (String, &'a PhpValue)> {
        self.set.iter().filter(move |set| set.name == name).filter_map(|set| match set.keys.as_slice() {
            [key] => Some((key.to_text()?, &set.value)),
            _ => None,
        })
    }
}

impl Assignment {
    fn is(&self, name: &str, key: &str) -> bool {
        self.name == name && matches!(self.keys.as_slice(), [one] if one.as_bytes() == Some(key.as_bytes()))
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    /// Goes behind the next `<?php`; false at the end.
    fn find_code(&mut self) -> bool {
        const OPENS: &[u8] = b"<?php";
        match self.bytes[self.at..].windows(OPENS.len()).position(|bytes| bytes.eq_ignore_ascii_case(OPENS)) {
            Some(found) => {
                self.at += found + OPENS.len();
                true
            }
            None => {
                self.at = self.bytes.len();
                false
            }
        }
    }

    /// Goes to the next statement, and gives where it begins; nothing at the end of the code.
    fn begin(&mut self) -> Option<usize> {
        loop {
            self.space();
            match self.bytes.get(self.at)? {
                b';' => self.at += 1,
                b'?' if self.bytes[self.at..].starts_with(b"?>") => return None,
                _ => return Some(self.at),
            }
        }
    }

    /// Goes past spaces and comments.
    fn space(&mut self) {
        loop {
            let rest = &self.bytes[self.at..];
            let passed = match rest {
                [b' ' | b'\t' | b'\r' | b'\n', ..] => 1,
                [b'#', ..] | [b'/', b'/', ..] => end_of_line_comment(rest),
                [b'/', b'*', ..] => {
                    rest.windows(2).skip(2).position(|two| two == b"*/").map_or(rest.len(), |at| at + 4)
                }
                _ => return,
            };
            self.at += passed;
        }
    }

    fn assignment(&mut self) -> Option<Assignment> {
        self.expect(b'$')?;
        let name = self.word()?;
        let mut keys = Vec::new();
        while self.is(b'[') {
            keys.push(key_of(self.value(0)?)?);
            self.expect(b']')?;
        }
        self.expect(b'=')?;
        let value = self.value(0)?;
        // A closing tag ends a statement too.
        self.space();
        let ends = self.bytes[self.at..].starts_with(b"?>") || self.is(b';');
        ends.then_some(Assignment { name, keys, value })
    }

    fn value(&mut self, depth: usize) -> Option<PhpValue> {
        let mut value = self.one_value(depth)?;
        // `var_export` writes some bytes as texts joined by dots.
        while self.is(b'.') {
            match (&mut value, self.one_value(depth)?) {
                (PhpValue::Text(text), PhpValue::Text(more)) => text.extend(more),
                _ => return None,
            }
        }
        Some(value)
    }

    fn one_value(&mut self, depth: usize) -> Option<PhpValue> {
        if depth > DEEPEST {
            return None;
        }
        self.space();
        match *self.bytes.get(self.at)? {
            b'\'' => self.single().map(PhpValue::Text),
            b'"' => self.double().map(PhpValue::Text),
            b'[' => {
                self.at += 1;
                self.entries(b']', depth)
            }
            b'0'..=b'9' | b'-' | b'.' => self.number(),
            _ => {
                let word = self.word()?;
                match word.to_ascii_lowercase().as_str() {
                    "true" => Some(PhpValue::Bool(true)),
                    "false" => Some(PhpValue::Bool(false)),
                    "null" => Some(PhpValue::Null),
                    "array" => {
                        self.expect(b'(')?;
                        self.entries(b')', depth)
                    }
                    _ => None,
                }
            }
        }
    }

    fn entries(&mut self, end: u8, depth: usize) -> Option<PhpValue> {
        let (mut entries, mut next) = (Vec::new(), 0i64);
        while !self.is(end) {
            let first = self.value(depth + 1)?;
            let (key, value) = match self.is_arrow() {
                true => (key_of(first)?, self.value(depth + 1)?),
                false => (PhpValue::Int(next), first),
            };
            if let PhpValue::Int(number) = key {
                next = next.max(number.saturating_add(1));
            }
            entries.push((key, value));
            if !self.is(b',') {
                self.expect(end)?;
                break;
            }
        }
        Some(PhpValue::Array(entries))
    }

    fn number(&mut self) -> Option<PhpValue> {
        let begin = self.at;
        let part = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'+' | b'-');
        while self.bytes.get(self.at).is_some_and(part) {
            self.at += 1;
        }
        let digits = std::str::from_utf8(&self.bytes[begin..self.at]).ok()?;
        let plain = digits.strip_prefix('-').unwrap_or(digits);
        match digits.parse::<i64>() {
            // A number that begins with 0 counts by eights.
            Ok(_) if plain.len() > 1 && plain.starts_with('0') => None,
            Ok(number) => Some(PhpValue::Int(number)),
            Err(_) if plain.starts_with(|c: char| c.is_ascii_digit() || c == '.') => {
                digits.parse::<f64>().ok().map(|_| PhpValue::Float(digits.to_owned()))
            }
            Err(_) => None,
        }
    }

    /// `'it\'s'`
    fn single(&mut self) -> Option<Vec<u8>> {
        self.at += 1;
        let mut text = Vec::new();
        loop {
            match self.bytes[self.at..] {
                [b'\'', ..] => break,
                [b'\\', escaped @ (b'\\' | b'\''), ..] => {
                    text.push(escaped);
                    self.at += 2;
                }
                [byte, ..] => {
                    text.push(byte);
                    self.at += 1;
                }
                [] => return None,
            }
        }
        self.at += 1;
        Some(text)
    }

    /// `"a\n"`; one with a variable in it is no plain value.
    fn double(&mut self) -> Option<Vec<u8>> {
        self.at += 1;
        let mut text = Vec::new();
        loop {
            match self.bytes[self.at..] {
                [b'"', ..] => break,
                [b'$', ..] => return None,
                [b'\\', escaped, ..] => {
                    text.push(match escaped {
                        b'\\' | b'"' | b'$' => escaped,
                        b'n' => b'\n',
                        b't' => b'\t',
                        b'r' => b'\r',
                        b'0' if !self.bytes.get(self.at + 2).is_some_and(u8::is_ascii_digit) => 0,
                        _ => return None,
                    });
                    self.at += 2;
                }
                [byte, ..] => {
                    text.push(byte);
                    self.at += 1;
                }
                [] => return None,
            }
        }
        self.at += 1;
        Some(text)
    }

    fn word(&mut self) -> Option<String> {
        let begin = self.at;
        while self.bytes.get(self.at).is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_') {
            self.at += 1;
        }
        let word = std::str::from_utf8(&self.bytes[begin..self.at]).ok()?;
        (!word.is_empty()).then(|| word.to_owned())
    }

    /// Goes behind the statement that begins here, which may hold texts and blocks.
    fn pass_over(&mut self) {
        let mut open = 0usize;
        loop {
            self.space();
            let Some(byte) = self.bytes.get(self.at).copied() else { return };
            match byte {
                b'\'' | b'"' => {
                    self.pass_text(byte);
                    continue;
                }
                b'?' if self.bytes[self.at..].starts_with(b"?>") => return,
                b'(' | b'[' | b'{' => open += 1,
                b')' | b']' => open = open.saturating_sub(1),
                b'}' => {
                    open = open.saturating_sub(1);
                    if open == 0 {
                        self.at += 1;
                        return;
                    }
                }
                b';' if open == 0 => {
                    self.at += 1;
                    return;
                }
                _ => (),
            }
            self.at += 1;
        }
    }

    fn pass_text(&mut self, quote: u8) {
        self.at += 1;
        while let Some(byte) = self.bytes.get(self.at) {
            match *byte {
                b'\\' => self.at = (self.at + 2).min(self.bytes.len()),
                byte => {
                    self.at += 1;
                    if byte == quote {
                        return;
                    }
                }
            }
        }
    }

    /// Whether `byte` follows; goes behind it.
    fn is(&mut self, byte: u8) -> bool {
        self.space();
        let is = self.bytes.get(self.at) == Some(&byte);
        self.at += usize::from(is);
        is
    }

    fn is_arrow(&mut self) -> bool {
        self.space();
        let is = self.bytes[self.at..].starts_with(b"=>");
        self.at += 2 * usize::from(is);
        is
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.is(byte).then_some(())
    }
}

/// A comment ends with its line, or before the tag that ends the code.
fn end_of_line_comment(rest: &[u8]) -> usize {
    let line = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    rest[..line].windows(2).position(|two| two == b"?>").unwrap_or(line)
}

/// What may be a key.
fn key_of(value: PhpValue) -> Option<PhpValue> {
    matches!(value, PhpValue::Int(_) | PhpValue::Text(_)).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_var_export_wrote_is_read() {
        let read = Literals::read(
            "<?php\n$aliases['a.test'] = array (\n  'uri' => 'a.test',\n  'aliases' => \n  array (\n    0 => 'www.a.test',\n    'it\\'s' => NULL,\n  ),\n  'on' => true,\n  'n' => -7,\n  'f' => 0.5,\n  'nul' => '' . \"\\0\" . 'x',\n);\n",
        );

        assert_eq!(read.passed_over, Vec::<usize>::new());
        let site = read.get("aliases", "a.test").unwrap();
        assert_eq!(site.get("uri").and_then(PhpValue::to_text).as_deref(), Some("a.test"));
        let names = site.get("aliases").unwrap();
        assert_eq!(names.entries().unwrap()[0], (PhpValue::Int(0), "www.a.test".into()));
        assert_eq!(names.get("it's"), Some(&PhpValue::Null));
        assert_eq!(site.get("on"), Some(&PhpValue::Bool(true)));
        assert_eq!(site.get("n").and_then(PhpValue::to_int), Some(-7));
        assert_eq!(site.get("f"), Some(&PhpValue::Float("0.5".into())));
        assert_eq!(site.get("nul"), Some(&PhpValue::Text(b"\0x".to_vec())));
    }

    #[test]
    fn short_lists_several_statements_and_comments_are_read_and_the_last_word_counts() {
        let read = Literals::read(
            "text <?php # one; ?><?PHP\n// two;\n/* three; */ $options[\"db\"]['name'] = ['x', 5 => 'y', 'z',];\n$options['a'] = 'b'; $options['a'] = \"c\\\"\" ?> $options['no'] = 1;",
        );

        assert_eq!(read.set.len(), 3);
        let keys: Vec<i64> = read.set[0].value.entries().unwrap().iter().filter_map(|(key, _)| key.to_int()).collect();
        assert_eq!(keys, [0, 5, 6]);
        assert_eq!(read.get("options", "a").and_then(PhpValue::to_text).as_deref(), Some("c\""));
        assert_eq!(read.get("options", "no"), None);
        assert_eq!(read.all("options").count(), 2);
    }

    #[test]
    fn what_is_more_than_a_plain_value_is_passed_over_and_counted() {
        let read = Literals::read(
            "<?php\n$a['x'] = getenv('y;');\nif (TRUE) {\n  $a['hidden'] = 'no';\n}\n$_SERVER['db'] = $a['x'];\n$a['i'] = \"$b\";\n$a['sum'] = 1 + 2;\n$a['o'] = 010;\n$a['good'] = 'yes';\n",
        );

        assert_eq!(read.passed_over, [2, 3, 6, 7, 8, 9]);
        assert_eq!(read.set.len(), 1);
        assert_eq!(read.get("a", "good").and_then(PhpValue::to_text).as_deref(), Some("yes"));
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = |n: usize| format!("<?php $a['x'] = {}1{}; $a['y'] = 2;", "array(".repeat(n), ")".repeat(n));
        assert_eq!(Literals::read(&deep(DEEPEST)).set.len(), 2);
        for more in [DEEPEST + 1, 50_000] {
            let read = Literals::read(&deep(more));
            assert_eq!((read.set.len(), read.passed_over.len()), (1, 1), "{more}");
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic() {
        const SAMPLE: &str = "<?php $a['x'] = array('k' => \"v\\n\", 2 => [1, -2.5e3,], 'n' => NULL); /* c */ # d\nif ($x) { echo 'y'; } $b = 'é' . 'f' ?> tail";
        let mut seed = 7u64;
        let mut random = |below: usize| {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (seed >> 33) as usize % below
        };
        for end in 0..SAMPLE.len() {
            Literals::read(&String::from_utf8_lossy(&SAMPLE.as_bytes()[..end]));
        }
        for _ in 0..20_000 {
            let mut bytes = SAMPLE.as_bytes().to_vec();
            for _ in 0..=random(5) {
                let at = random(bytes.len());
                match random(3) {
                    0 => bytes[at] = random(256) as u8,
                    1 => drop(bytes.remove(at)),
                    _ => bytes.insert(at, b"'\"\\$;[](){}=>,.#/*?<-0"[random(22)]),
                }
            }
            Literals::read(&String::from_utf8_lossy(&bytes));
        }
    }
}
