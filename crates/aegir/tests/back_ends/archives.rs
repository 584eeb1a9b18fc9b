//! Archives of backups cross to a back end and back: here, and on another machine.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use aegir_domain::BackupName;
use aegir_hosting::{BackEnds, Coming, CutOff, Place, Source};

use crate::ssh::two_machines;
use crate::stage::{as_owner, back_ends, here};
use crate::support::Lab;

const NAME: &str = "a.test-20140102.030405.tar";

/// An entry of an archive, as `tar` writes it.
fn entry(name: &str, content: &[u8]) -> Vec<u8> {
    let mut head = [0_u8; 512];
    head[..name.len()].copy_from_slice(name.as_bytes());
    head[100..108].copy_from_slice(b"0000644\0");
    head[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
    head[136..148].copy_from_slice(b"00000000000\0");
    head[148..156].fill(b' ');
    head[156] = b'0';
    head[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
    head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut whole = [&head[..], content].concat();
    whole.resize(whole.len().next_multiple_of(512), 0);
    whole
}

/// An archive of classic Aegir with all bytes that there are, line breaks among them.
fn archive() -> Vec<u8> {
    let file: Vec<u8> = (0..5_000_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    [entry("database.sql", b"-- nothing"), entry("files/large", &file), vec![0; 1024]].concat()
}

/// What is sent, up to where it breaks off.
struct Sends {
    bytes: Vec<u8>,
    at: usize,
    breaks_off_at: Option<usize>,
}

impl Source for Sends {
    fn next(&mut self) -> Coming<'_> {
        let end = self.bytes.len().min(self.at + 70_001);
        let breaks_off = self.breaks_off_at.is_some_and(|at| end > at);
        let piece = self.bytes[self.at..end].to_vec();
        self.at = end;
        Box::pin(async move {
            match breaks_off {
                true => Err(CutOff { why: "they went away".into() }),
                false => Ok((!piece.is_empty()).then_some(piece)),
            }
        })
    }
}

fn sends(bytes: Vec<u8>) -> Sends {
    Sends { bytes, at: 0, breaks_off_at: None }
}

fn lie_there(lab: &Lab) -> Vec<String> {
    let entries = fs::read_dir(lab.home().join("backups")).into_iter().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn cross_both_ways(lab: &Lab, place: &Place) {
    let (name, whole): (BackupName, _) = (NAME.parse().unwrap(), archive());
    as_owner(lab, async || {
        let back_ends = back_ends(lab);
        let missing = back_ends.send_archive(place, &name).await.unwrap();
        assert!(missing.is_err_and(|report| report.message.contains(NAME) && report.remedy.is_some()));

        let mut broken = Sends { breaks_off_at: Some(3_000_000), ..sends(whole.clone()) };
        let refused = back_ends.receive_archive(place, &name, &mut broken).await.unwrap().unwrap_err();
        assert!(refused.message.contains("broke off"), "{refused:?}");
        let nonsense = sends(b"<html>not found</html>".to_vec());
        let refused = back_ends.receive_archive(place, &name, &mut { nonsense }).await.unwrap();
        assert!(refused.is_err());
        assert_eq!(lie_there(lab), Vec::<String>::new());

        let found = back_ends.receive_archive(place, &name, &mut sends(whole.clone())).await.unwrap().unwrap();
        assert_eq!((found.backup.as_str(), found.bytes), (NAME, whole.len() as u64));
        assert_eq!(lie_there(lab), [NAME]);
        assert_eq!(back_ends.backups(place, None).await.unwrap().len(), 1);

        let mut given = back_ends.send_archive(place, &name).await.unwrap().unwrap();
        let mut came = Vec::new();
        while let Some(piece) = given.pieces.next().await.unwrap() {
            came.extend(piece);
        }
        assert!(given.bytes == whole.len() as u64 && came == whole, "{} bytes", came.len());

        // Whoever wants no more of it ends it, and nothing waits for them.
        let mut given = back_ends.send_archive(place, &name).await.unwrap().unwrap();
        given.pieces.next().await.unwrap();
        drop(given);
    });
    let lies = lab.home().join("backups").join(NAME);
    assert_eq!(fs::metadata(&lies).unwrap().permissions().mode() & 0o7777, 0o600);
}

#[test]
fn an_archive_crosses_to_the_back_end_of_this_machine_and_back() {
    let lab = Lab::bare(crate::support::way());
    cross_both_ways(&lab, &here());
}

#[test]
fn an_archive_crosses_to_another_machine_and_back() {
    let (lab, sshd) = two_machines();
    let place = sshd.place(&lab);
    cross_both_ways(&lab, &place);
}
