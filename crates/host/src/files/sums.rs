//! The list of sums at the end of an archive, in the form that `sha256sum --check` reads.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use ring::digest::{Context, Digest, SHA256};

/// What a stream was summed up to while it was read.
pub(super) struct Summed<R> {
    from: R,
    context: Context,
    pub(super) bytes: u64,
}

impl<R: Read> Summed<R> {
    pub(super) fn new(from: R) -> Summed<R> {
        Summed { from, context: Context::new(&SHA256), bytes: 0 }
    }

    /// What it reads from.
    pub(super) fn inner(&self) -> &R {
        &self.from
    }

    /// The SHA-256 of all that was read, in hexadecimal digits.
    pub(super) fn sum(self) -> String {
        hex(&self.context.finish())
    }
}

impl<R: Read> Read for Summed<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(into)?;
        self.context.update(&into[..count]);
        self.bytes += count as u64;
        Ok(count)
    }
}

fn hex(digest: &Digest) -> String {
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A line of the list. As the program has it, a name with a line break or a backslash is escaped, and its line begins
/// with a backslash.
pub(super) fn line(sum: &str, name: &Path) -> Vec<u8> {
    let name = name.as_os_str().as_bytes();
    let odd = name.iter().any(|byte| matches!(byte, b'\\' | b'\n' | b'\r'));
    let mut line = Vec::with_capacity(sum.len() + name.len() + 4);
    line.extend(odd.then_some(b'\\'));
    line.extend_from_slice(sum.as_bytes());
    line.extend_from_slice(b"  ");
    for byte in name {
        match byte {
            b'\\' if odd => line.extend_from_slice(b"\\\\"),
            b'\n' => line.extend_from_slice(b"\\n"),
            b'\r' => line.extend_from_slice(b"\\r"),
            byte => line.push(*byte),
        }
    }
    line.push(b'\n');
    line
}

/// The lines of a list as sums and names; nothing if one is no such line.
pub(super) fn read(list: &[u8]) -> Option<Vec<(String, PathBuf)>> {
    let lines = list.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let (odd, line) = line.strip_prefix(b"\\").map_or((false, line), |line| (true, line));
            let (sum, name) = (line.get(..64)?, line.get(64..)?.strip_prefix(b"  ")?);
            let is_sum = sum.iter().all(u8::is_ascii_hexdigit) && !name.is_empty();
            let name = if odd { unescaped(name)? } else { name.to_vec() };
            let name = PathBuf::from(std::ffi::OsString::from_vec(name));
            is_sum.then(|| (String::from_utf8_lossy(sum).to_ascii_lowercase(), name))
        })
        .collect()
}

fn unescaped(name: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(name.len());
    let mut bytes = name.iter();
    while let Some(byte) = bytes.next() {
        plain.push(match byte {
            b'\\' => match bytes.next()? {
                b'\\' => b'\\',
                b'n' => b'\n',
                b'r' => b'\r',
                _ => return None,
            },
            byte => *byte,
        });
    }
    Some(plain)
}

/// A name as a reader of a log is to see it.
pub(super) fn shown(name: &OsStr) -> String {
    name.to_string_lossy().chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_is_read_back_as_it_was() {
        let sum = "0123456789abcdef".repeat(4);
        for name in ["site/a b", "site/a\\b", "site/a\nb\r", " x", "site/\\n", "site/é"] {
            let list = line(&sum, Path::new(name));
            assert_eq!(read(&list).unwrap(), [(sum.clone(), PathBuf::from(name))], "{name:?}");
        }
        assert_eq!(read(b"no sum  a\n"), None);
        assert_eq!(read(b""), Some(Vec::new()));
    }
}
