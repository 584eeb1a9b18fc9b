//! What the engine costs a line: one sync of the journal, on the disk that temporary files lie on.

use std::io::Write;
use std::time::Instant;

use aegir_provision::FileJournal;
use aegir_recipe::{Journal, Record};

/// Enough for the first ones not to matter.
const LINES: u32 = 200;

#[test]
#[allow(clippy::disallowed_methods, reason = "it measures")]
fn a_line_costs_one_sync_of_the_journal() {
    let folder = tempfile::tempdir().unwrap();
    let (mut journal, _) = FileJournal::open(&folder.path().join("journal")).unwrap();
    let inputs =
        serde_json::json!({ "path": "/var/aegir/platforms/d10/sites/a.test/files", "mode": 1517, "group": 33 });

    let began = Instant::now();
    for line in 1..=LINES {
        let begun = Record::Begun { line, name: "make-folder".into(), inputs: inputs.clone() };
        journal.append(&begun, true).unwrap();
        journal.append(&Record::Done { line }, false).unwrap();
    }
    let took = began.elapsed();

    assert_eq!((journal.records, journal.syncs), (2 * LINES, LINES));
    let _ = writeln!(
        std::io::stdout(),
        "engine: {} records and {} sync a line, {:.0} µs a line",
        journal.records / LINES,
        journal.syncs / LINES,
        took.as_secs_f64() * 1e6 / f64::from(LINES),
    );
}
