//! Takes in an archive that somebody sends: it lies aside until all of it was read and found to be a backup, and bears
//! its name only then.
//!
//! Whoever sends it may mean harm, and may go away in the middle. So nothing is unpacked here, no more is taken than
//! there is room for, and what is not whole is removed.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use aegir_domain::{BackupName, Fault, FaultReport, Remedy, SiteName};
use aegir_host::{FileFault, Files};

use super::Listed;
use super::archive::{Archive, BackupFault};
use crate::WorldParts;

/// What the names of archives on their way begin with, which no backup's does.
const COMING: &str = ".coming-";
/// How long one on its way may stand still before it is taken to be of somebody who was killed, in milliseconds.
const FORGOTTEN: i128 = 24 * 3600 * 1000;
/// What is left of the room of the file system in any case, in bytes.
const SPARED: u64 = 64 << 20;
/// How much is read at once, in bytes.
const PIECE: usize = 1 << 18;
/// How many backups can have one site and one moment.
const MOST_TURNS: u32 = 999;

/// Takes in the archive that `from` gives until it ends, as the backup `name`; as another one of its site and moment, if
/// that name is taken. Nothing is left of one that is no backup, or that breaks off.
pub fn receive(parts: &WorldParts, name: &BackupName, from: &mut dyn Read) -> Result<Listed, Fault> {
    let (files, backups) = (&parts.files, parts.home.backups());
    if files.kind(&backups)?.is_none() {
        files.make_dir(&backups, 0o700)?;
    }
    drop_forgotten(parts, &backups)?;
    let random: [u8; 8] = parts.mint.random();
    let word: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let coming = backups.join(format!("{COMING}{word}"));
    let received = take(files, &backups, &coming, from).and_then(|()| admit(files, &backups, &coming, name));
    if received.is_err() {
        // That it cannot be removed adds nothing to why it was not taken; the next one that comes removes it.
        let _ = files.remove_file(&coming);
    }
    received
}

/// Writes what comes, as long as there is room.
fn take(files: &Files, backups: &Path, coming: &Path, from: &mut dyn Read) -> Result<(), Fault> {
    let room = files.free_space(backups)?.bytes.saturating_sub(SPARED);
    let mut file = files.begin_file(coming)?;
    let mut piece = vec![0; PIECE];
    let mut taken = 0;
    loop {
        let count = match from.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(source) => return Err(ReceiveFault::BrokeOff { bytes: taken, source }.into()),
        };
        taken += count as u64;
        if taken > room {
            return Err(ReceiveFault::NoRoom { at: backups.to_owned(), room }.into());
        }
        file.write(&piece[..count])?;
    }
    file.end()?;
    Ok(files.sync(coming)?)
}

/// Looks through what came, and gives it its name.
fn admit(files: &Files, backups: &Path, coming: &Path, name: &BackupName) -> Result<Listed, Fault> {
    // Where it lies meanwhile says nothing to whoever sent it.
    let unreadable = |what, report| ReceiveFault::unreadable(name, what, report);
    let archive = Archive::open(files, coming.to_owned(), name).map_err(|fault| {
        let of_manifest = matches!(fault.downcast_ref(), Some(BackupFault::Manifest { .. }));
        unreadable(if of_manifest { "its manifest: " } else { "" }, fault.report())
    })?;
    match &archive.manifest {
        None if name.is_ours() => return Err(ReceiveFault::NoManifest { name: name.clone() }.into()),
        Some(_) if !name.is_ours() => return Err(ReceiveFault::OurOwn { name: name.clone() }.into()),
        Some(says) if says.site != name.site() => {
            return Err(ReceiveFault::OtherSite { name: name.clone(), site: says.site.clone() }.into());
        }
        _ => (),
    }
    let bounds = archive.bounds(files, backups)?;
    let contents =
        files.look_through_archive(coming, bounds).map_err(|fault| unreadable("", FaultReport::of(&fault)))?;
    archive.must_be_whole(&contents)?;
    let mut named = name.clone();
    for turn in 2..=MOST_TURNS {
        let path = backups.join(named.as_str());
        // Another one may have taken the name since: the second of two is told, and neither is lost.
        if files.kind(&path)?.is_none() {
            files.rename(coming, &path)?;
            files.sync(backups)?;
            return Ok(Listed { backup: named, bytes: archive.bytes, manifest: archive.manifest, fault: None });
        }
        named = name.in_turn(turn);
    }
    Err(ReceiveFault::Full { name: name.clone() }.into())
}

/// Removes what was on its way when whoever took it was killed.
fn drop_forgotten(parts: &WorldParts, backups: &Path) -> Result<(), FileFault> {
    let now = i128::from(parts.clock.unix_ms());
    for name in parts.files.list(backups)?.iter().filter(|name| name.starts_with(COMING)) {
        let path = backups.join(name);
        let stat = parts.files.stat(&path)?;
        if stat.is_some_and(|stat| now - stat.modified / 1_000_000 > FORGOTTEN) {
            parts.files.remove_file(&path)?;
        }
    }
    Ok(())
}

/// What a front end sends piece by piece, read as one: before each piece stands how long it is, in four bytes with the
/// highest first; behind the last stands nothing of length. Without that it broke off.
#[derive(Debug)]
pub struct Pieces<R> {
    from: R,
    /// What is left of the piece that is read; nothing before the first.
    left: u32,
    ended: bool,
}

impl<R: Read> Pieces<R> {
    /// Of what `from` reads.
    pub fn of(from: R) -> Pieces<R> {
        Pieces { from, left: 0, ended: false }
    }
}

impl<R: Read> Read for Pieces<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && !self.ended {
            let mut length = [0; 4];
            self.from.read_exact(&mut length)?;
            self.left = u32::from_be_bytes(length);
            self.ended = self.left == 0;
        }
        if self.ended || into.is_empty() {
            return Ok(0);
        }
        let most = into.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let count = self.from.read(&mut into[..most])?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= u32::try_from(count).unwrap_or(self.left);
        Ok(count)
    }
}

/// Why an archive was not taken in.
#[derive(Debug, thiserror::Error)]
enum ReceiveFault {
    #[error("the archive broke off after {bytes} bytes")]
    BrokeOff { bytes: u64, source: io::Error },
    #[error("the archive has more than the {} MB that there is room for at `{}`", room >> 20, at.display())]
    NoRoom { at: PathBuf, room: u64 },
    #[error("what was sent as `{name}` is no archive that can be used: {why}")]
    Unreadable { name: BackupName, why: String },
    #[error("what was sent as `{name}` has no manifest")]
    NoManifest { name: BackupName },
    #[error("what was sent as `{name}` is no archive of classic Aegir: it has a manifest")]
    OurOwn { name: BackupName },
    #[error("what was sent as `{name}` is a backup of `{site}`")]
    OtherSite { name: BackupName, site: SiteName },
    #[error("there are {MOST_TURNS} backups of the site and the moment that `{name}` names")]
    Full { name: BackupName },
}

impl ReceiveFault {
    fn unreadable(name: &BackupName, what: &str, report: FaultReport) -> ReceiveFault {
        let FaultReport { message, because, .. } = report;
        let why = because.last().cloned().unwrap_or(message);
        ReceiveFault::Unreadable { name: name.clone(), why: format!("{what}{why}") }
    }
}

impl Remedy for ReceiveFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            ReceiveFault::BrokeOff { .. } => "nothing of it was kept: send it again".into(),
            ReceiveFault::NoRoom { at, .. } => {
                format!("make room on the disk of `{}`, such as by deleting old backups", at.display())
            }
            ReceiveFault::Unreadable { .. } => {
                "send an archive that Ægir, or classic Aegir, made, as it was made; `tar -t` lists what is in it".into()
            }
            ReceiveFault::NoManifest { .. } => {
                "send an archive that Ægir made as it is; one of classic Aegir ends with `.tar.gz`, `.tar.bz2` or `.tar`"
                    .into()
            }
            ReceiveFault::OurOwn { .. } => "give it a name that ends with `.tar.zst`".into(),
            ReceiveFault::OtherSite { site, .. } => {
                format!("name it after that site: `{site}-…`; to make another site of it, use `restore --as`")
            }
            ReceiveFault::Full { .. } => "delete those that nobody needs".into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(sent: &[u8]) -> io::Result<Vec<u8>> {
        let mut read = Vec::new();
        Pieces::of(sent).read_to_end(&mut read).map(|_| read)
    }

    #[test]
    fn pieces_are_read_as_one_and_what_breaks_off_is_no_end() {
        let whole = [&[0, 0, 0, 2, b'a', b'b'][..], &[0, 0, 0, 1, b'c'], &[0, 0, 0, 0], b"and more"].concat();
        assert_eq!(read(&whole).unwrap(), b"abc");
        assert_eq!(read(&[0, 0, 0, 0]).unwrap(), b"");
        for end in 0..11 {
            assert_eq!(read(&whole[..end]).unwrap_err().kind(), io::ErrorKind::UnexpectedEof, "{end}");
        }
    }
}
