//! Checksums of files as others publish them, also those that prove little.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use md5::Digest as _;
use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA512};
use rustix::fs::{Mode, OFlags};

use super::{FileFault, Files};

const DOING: &str = "read";

/// Checksums of one file, in lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digests {
    /// MD5: it tells a damaged file, and is no proof against who made it.
    pub md5: String,
    /// SHA-1: likewise.
    pub sha1: String,
    /// SHA-256.
    pub sha256: String,
    /// SHA-512.
    pub sha512: String,
}

impl Files {
    /// All checksums of a file, read once.
    pub fn digests_of(&self, path: &Path) -> Result<Digests, FileFault> {
        let fault = |error: std::io::Error| FileFault::new(DOING, path, error);
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let opened = self.place(DOING, path)?.open(flags, Mode::empty());
        let mut file: File = opened.map_err(|error| fault(error.into()))?.into();
        let mut sha = [&SHA1_FOR_LEGACY_USE_ONLY, &SHA256, &SHA512].map(Context::new);
        let mut md5 = md5::Md5::new();
        let mut buffer = vec![0; 1 << 16];
        loop {
            let read = file.read(&mut buffer).map_err(fault)?;
            if read == 0 {
                break;
            }
            md5.update(&buffer[..read]);
            for context in &mut sha {
                context.update(&buffer[..read]);
            }
        }
        let [sha1, sha256, sha512] = sha.map(|context| hex(context.finish().as_ref()));
        Ok(Digests { md5: hex(&md5.finalize()), sha1, sha256, sha512 })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_the_checksums_that_programs_print_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        std::fs::write(&path, "abc").unwrap();

        let digests = Files::new(vec![dir.path().to_owned()]).digests_of(&path).unwrap();

        assert_eq!(digests.md5, "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(digests.sha1, "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(digests.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert!(digests.sha512.starts_with("ddaf35a193617abacc417349ae204131") && digests.sha512.len() == 128);
        assert!(Files::new(vec![dir.path().to_owned()]).digests_of(&dir.path().join("b")).is_err());
    }
}
