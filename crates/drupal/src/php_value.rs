//! PHP's `serialize()` format, read and written as bytes.
//!
//! Drupal keeps variables, states and configuration in it. Lengths count bytes and texts need not be
//! UTF-8, so nothing here is a `String`. What is read is written back byte for byte.
//!
//! ## Invariants
//!
//! - No bytes make the reader panic, recurse deeper than [`DEEPEST`] or allocate more than they are long.

use std::fmt;

/// Values nested deeper are refused.
pub const DEEPEST: usize = 200;

/// A value of PHP.
#[derive(Clone, Debug, PartialEq)]
pub enum PhpValue {
    /// `N;`
    Null,
    /// `b:1;`
    Bool(bool),
    /// `i:7;`
    Int(i64),
    /// `d:0.5;`, as it was written: PHP's digits are not ours to change.
    Float(String),
    /// `s:2:"ab";`
    Text(Vec<u8>),
    /// `a:1:{i:0;b:1;}`: keys are [`PhpValue::Int`] or [`PhpValue::Text`], in their order.
    Array(Vec<(PhpValue, PhpValue)>),
    /// `O:8:"stdClass":1:{…}`
    Object {
        /// Its class.
        class: Vec<u8>,
        /// Its properties, in their order.
        properties: Vec<(PhpValue, PhpValue)>,
    },
    /// `C:3:"Foo":2:{ab}`: an object that writes itself.
    Custom {
        /// Its class.
        class: Vec<u8>,
        /// What it wrote.
        data: Vec<u8>,
    },
    /// `E:7:"Foo:Bar";`
    Enum(Vec<u8>),
    /// `R:2;`: the same variable as an earlier one.
    Reference(u64),
    /// `r:2;`: the same object as an earlier one.
    SameObject(u64),
}

/// Bytes that are no PHP value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at byte {at}: {why}")]
pub struct NoPhpValue {
    /// Where reading stopped.
    pub at: usize,
    /// What was wrong there.
    pub why: &'static str,
}

impl PhpValue {
    /// Reads one value; there may be nothing behind it.
    pub fn read(bytes: &[u8]) -> Result<PhpValue, NoPhpValue> {
        let mut reader = Reader { bytes, at: 0 };
        let value = reader.value(0)?;
        match reader.at == bytes.len() {
            true => Ok(value),
            false => Err(reader.no("something follows the value")),
        }
    }

    /// Writes it as PHP does.
    pub fn write(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write_to(&mut out);
        out
    }

    /// The value under a text key, of an array or an object.
    pub fn get(&self, key: &str) -> Option<&PhpValue> {
        let (PhpValue::Array(entries) | PhpValue::Object { properties: entries, .. }) = self else { return None };
        entries.iter().find(|(k, _)| k.as_bytes() == Some(key.as_bytes())).map(|(_, value)| value)
    }

    /// The entries of an array.
    pub fn entries(&self) -> Option<&[(PhpValue, PhpValue)]> {
        match self {
            PhpValue::Array(entries) => Some(entries),
            _ => None,
        }
    }

    /// The bytes of a text.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            PhpValue::Text(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// A text as text; what is not UTF-8 in it is replaced.
    pub fn to_text(&self) -> Option<String> {
        self.as_bytes().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    /// A whole number, also where PHP kept it as text, as it often does.
    pub fn to_int(&self) -> Option<i64> {
        match self {
            PhpValue::Int(number) => Some(*number),
            PhpValue::Bool(yes) => Some(i64::from(*yes)),
            PhpValue::Text(bytes) => std::str::from_utf8(bytes).ok()?.parse().ok(),
            _ => None,
        }
    }

    fn write_to(&self, out: &mut Vec<u8>) {
        match self {
            PhpValue::Null => out.extend_from_slice(b"N;"),
            PhpValue::Bool(yes) => out.extend(format!("b:{};", u8::from(*yes)).bytes()),
            PhpValue::Int(number) => out.extend(format!("i:{number};").bytes()),
            PhpValue::Float(digits) => out.extend(format!("d:{digits};").bytes()),
            PhpValue::Text(bytes) => {
                write_text(b's', bytes, out);
                out.push(b';');
            }
            PhpValue::Array(entries) => {
                out.extend(format!("a:{}:", entries.len()).bytes());
                write_entries(entries, out);
            }
            PhpValue::Object { class, properties } => {
                write_text(b'O', class, out);
                out.extend(format!(":{}:", properties.len()).bytes());
                write_entries(properties, out);
            }
            PhpValue::Custom { class, data } => {
                write_text(b'C', class, out);
                out.extend(format!(":{}:{{", data.len()).bytes());
                out.extend_from_slice(data);
                out.push(b'}');
            }
            PhpValue::Enum(case) => {
                write_text(b'E', case, out);
                out.push(b';');
            }
            PhpValue::Reference(number) => out.extend(format!("R:{number};").bytes()),
            PhpValue::SameObject(number) => out.extend(format!("r:{number};").bytes()),
        }
    }
}

impl From<&str> for PhpValue {
    fn from(text: &str) -> Self {
        PhpValue::Text(text.into())
    }
}

impl From<i64> for PhpValue {
    fn from(number: i64) -> Self {
        PhpValue::Int(number)
    }
}

impl fmt::Display for PhpValue {
    /// In its serialised form, for messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.write()))
    }
}

fn write_text(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    out.extend(format!(":{}:\"", bytes.len()).bytes());
    out.extend_from_slice(bytes);
    out.push(b'"');
}

fn write_entries(entries: &[(PhpValue, PhpValue)], out: &mut Vec<u8>) {
    out.push(b'{');
    for (key, value) in entries {
        key.write_to(out);
        value.write_to(out);
    }
    out.push(b'}');
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<PhpValue, NoPhpValue> {
        if depth > DEEPEST {
            return Err(self.no("values are nested too deep"));
        }
        let tag = self.byte()?;
        if tag == b'N' {
            self.expect(b';')?;
            return Ok(PhpValue::Null);
        }
        self.expect(b':')?;
        match tag {
            b'b' => match self.until(b';')? {
                b"0" => Ok(PhpValue::Bool(false)),
                b"1" => Ok(PhpValue::Bool(true)),
                _ => Err(self.no("neither true nor false")),
            },
            b'i' => self.number(b';').map(PhpValue::Int),
            b'd' => self.float(),
            b's' => {
                let text = self.text()?.to_vec();
                self.expect(b';')?;
                Ok(PhpValue::Text(text))
            }
            b'E' => {
                let case = self.text()?.to_vec();
                self.expect(b';')?;
                Ok(PhpValue::Enum(case))
            }
            b'a' => Ok(PhpValue::Array(self.entries(depth)?)),
            b'O' => {
                let class = self.text()?.to_vec();
                self.expect(b':')?;
                Ok(PhpValue::Object { class, properties: self.entries(depth)? })
            }
            b'C' => {
                let class = self.text()?.to_vec();
                self.expect(b':')?;
                let length = self.number::<usize>(b':')?;
                self.expect(b'{')?;
                let data = self.take(length)?.to_vec();
                self.expect(b'}')?;
                Ok(PhpValue::Custom { class, data })
            }
            b'R' => self.number(b';').map(PhpValue::Reference),
            b'r' => self.number(b';').map(PhpValue::SameObject),
            _ => Err(self.no("no type of PHP begins like this")),
        }
    }

    fn entries(&mut self, depth: usize) -> Result<Vec<(PhpValue, PhpValue)>, NoPhpValue> {
        let count = self.number::<usize>(b':')?;
        self.expect(b'{')?;
        // A count is not believed: an entry takes at least six bytes, such as `i:0;N;`.
        let mut entries = Vec::with_capacity(count.min((self.bytes.len() - self.at) / 6));
        for _ in 0..count {
            let key = self.value(depth + 1)?;
            if !matches!(key, PhpValue::Int(_) | PhpValue::Text(_)) {
                return Err(self.no("a key that is neither a number nor a text"));
            }
            entries.push((key, self.value(depth + 1)?));
        }
        self.expect(b'}')?;
        Ok(entries)
    }

    fn float(&mut self) -> Result<PhpValue, NoPhpValue> {
        let digits = std::str::from_utf8(self.until(b';')?).map_err(|_| self.no("no number"))?.to_owned();
        match digits.as_str() {
            "INF" | "-INF" | "NAN" => Ok(PhpValue::Float(digits)),
            _ if digits.parse::<f64>().is_ok() => Ok(PhpValue::Float(digits)),
            _ => Err(self.no("no number")),
        }
    }

    /// `2:"ab"`
    fn text(&mut self) -> Result<&'a [u8], NoPhpValue> {
        let length = self.number::<usize>(b':')?;
        self.expect(b'"')?;
        let text = self.take(length)?;
        self.expect(b'"')?;
        Ok(text)
    }

    fn number<N: std::str::FromStr>(&mut self, end: u8) -> Result<N, NoPhpValue> {
        let digits = self.until(end)?;
        let number =
            std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+')).and_then(|d| d.parse().ok());
        number.ok_or_else(|| self.no("no whole number"))
    }

    fn until(&mut self, end: u8) -> Result<&'a [u8], NoPhpValue> {
        // No number is longer than this.
        let window = &self.bytes[self.at..self.bytes.len().min(self.at + 400)];
        let length = window.iter().position(|byte| *byte == end).ok_or_else(|| self.no("the value is cut short"))?;
        self.at += length + 1;
        Ok(&window[..length])
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], NoPhpValue> {
        let end = self.at.checked_add(length).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or_else(|| self.no("the value is cut short"))?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, NoPhpValue> {
        Ok(self.take(1)?[0])
    }

    fn expect(&mut self, byte: u8) -> Result<(), NoPhpValue> {
        match self.byte()? == byte {
            true => Ok(()),
            false => Err(self.no("another character was expected")),
        }
    }

    fn no(&self, why: &'static str) -> NoPhpValue {
        NoPhpValue { at: self.at, why }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLES: [&[u8]; 12] = [
        b"N;",
        b"b:1;",
        b"i:-42;",
        b"d:0.1000000000000000055511151231257827;",
        b"d:-INF;",
        b"s:5:\"a\";b\xff\";",
        b"a:2:{i:0;s:1:\"x\";s:1:\"k\";a:0:{}}",
        b"O:8:\"stdClass\":2:{s:1:\"a\";i:1;s:4:\"\0*\0b\";R:2;}",
        b"a:2:{i:0;O:8:\"stdClass\":0:{}i:1;r:2;}",
        b"C:3:\"Foo\":4:{a\"};}",
        b"E:8:\"Suit:Red\";",
        b"a:1:{i:0;d:1.0E+25;}",
    ];

    #[test]
    fn what_is_read_is_written_back_byte_for_byte() {
        for sample in SAMPLES {
            let value = PhpValue::read(sample).unwrap_or_else(|error| panic!("{}: {error}", sample.escape_ascii()));
            assert_eq!(value.write(), sample, "{}", sample.escape_ascii());
        }
    }

    #[test]
    fn values_are_found_by_their_key() {
        let value = PhpValue::read(b"a:2:{s:4:\"name\";s:3:\"abc\";s:1:\"n\";s:2:\"12\";}").unwrap();

        assert_eq!(value.get("name").and_then(PhpValue::to_text).as_deref(), Some("abc"));
        assert_eq!(value.get("n").and_then(PhpValue::to_int), Some(12));
        assert_eq!(value.get("none"), None);
    }

    #[test]
    fn broken_values_are_refused() {
        for bad in [
            &b""[..],
            b"N",
            b"i:;",
            b"i:+1;",
            b"i:99999999999999999999;",
            b"b:2;",
            b"s:5:\"abc\";",
            b"s:99999999999999999999:\"\";",
            b"s:18446744073709551615:\"\";",
            b"a:1:{b:1;i:1;}",
            b"a:99999999:{",
            b"a:-1:{}",
            b"x:1;",
            b"i:1;i:2;",
            b"d:abc;",
        ] {
            assert!(PhpValue::read(bad).is_err(), "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = |n: usize| [b"a:1:{i:0;".repeat(n), b"N;".to_vec(), b"}".repeat(n)].concat();
        assert!(PhpValue::read(&deep(DEEPEST)).is_ok());
        assert!(PhpValue::read(&deep(DEEPEST + 1)).is_err());
        assert!(PhpValue::read(&deep(100_000)).is_err());
    }

    #[test]
    fn no_bytes_make_the_reader_panic() {
        let mut seed = 42u64;
        let mut random = |below: usize| {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (seed >> 33) as usize % below
        };
        for round in 0..20_000 {
            let mut bytes = SAMPLES[round % SAMPLES.len()].to_vec();
            for _ in 0..=random(4) {
                let at = random(bytes.len());
                match random(3) {
                    0 => bytes[at] = random(256) as u8,
                    1 => bytes.truncate(at + 1),
                    _ => bytes.insert(at, b"aOCEsibdNRr:;{}\"0123456789"[random(26)]),
                }
            }
            if let Ok(value) = PhpValue::read(&bytes) {
                assert_eq!(PhpValue::read(&value.write()), Ok(value));
            }
        }
    }
}
