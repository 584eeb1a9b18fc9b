//! What `--json` prints of each list and each object, over the real front end, whose machines pretend: the promise to
//! whoever wrote a script.
//!
//! A file for each operation lies in `tests/recorded/json/`; `AEGIR_RECORD=yes` writes them anew. Fields are added, and
//! never taken away.

use std::path::Path;
use std::sync::Arc;

use aegir_hosting::{Names, Operation, OperationId, Subject};
use aegir_lab::pretend::{Furnished, PretendFront};
use serde_json::Value;

use crate::contract::{Served, aegir, home_for_a_front_end};

/// From here on a number is a moment.
const MOMENTS: i64 = 1_700_000_000_000;

/// Something that is there.
fn name(operation: &Operation, there: &Furnished) -> String {
    match operation.subject {
        Subject::Server => "web4".into(),
        Subject::Platform => "d10".into(),
        Subject::Site => "retry.test".into(),
        Subject::Backup => there.backup.clone(),
        Subject::Package => "views".into(),
        Subject::Task => there.ended.to_string(),
        Subject::Bulk => there.bulk.to_string(),
        Subject::Setting => "tasks_at_once".into(),
        Subject::Node => "@retry.test".into(),
        Subject::FoundSite => "found.test".into(),
        other => panic!("nothing is shown by its name among {other:?}"),
    }
}

/// What is another one each time.
fn masked(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(_) if name == "id" => *value = "<id>".into(),
                    Value::String(text) if text.ends_with(".tar.zst") => *value = "<backup>".into(),
                    Value::Number(_) if name == "took" => *value = "<time>".into(),
                    other => masked(other),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(masked),
        Value::Number(number) if number.as_i64().is_some_and(|number| number > MOMENTS) => *value = "<time>".into(),
        _ => (),
    }
}

#[test]
fn lists_and_objects_are_printed_as_json_in_shapes_that_stay() {
    let lab = home_for_a_front_end();
    let folder = tempfile::tempdir().unwrap();
    let mut there = None;
    let _served = Served::begin(&lab.home(), async || {
        let front = PretendFront::in_folder(folder.path()).await;
        there = Some(front.furnish().await);
        Arc::new(front.hosting)
    });
    let there = there.unwrap();
    for operation in OperationId::ALL.map(OperationId::declaration).into_iter().filter(Operation::reads) {
        let mut typed = vec![operation.subject.word().to_owned(), operation.verb.to_owned(), "--json".into()];
        if matches!(operation.names, Names::One(_)) {
            typed.push(match operation.id {
                // Of one that was moved.
                OperationId::SiteWrittenSince => "moved.test".into(),
                // Of a machine that is in reach.
                OperationId::ServerTrash => "web1".into(),
                _ => name(&operation, &there),
            });
        }
        if operation.id == OperationId::FoundSiteShow {
            typed.extend(["--platform".into(), "d10".into()]);
        }
        if operation.id == OperationId::SiteCompare {
            typed.extend(["--to".into(), "d10".into()]);
        }

        let said = aegir(&lab, &typed.iter().map(String::as_str).collect::<Vec<_>>()).done();

        // A log is a value on each line.
        let values = serde_json::Deserializer::from_str(&said.out).into_iter::<Value>();
        let mut values: Vec<Value> = values.collect::<Result<_, _>>().unwrap_or_else(|_| panic!("{}", said.all()));
        values.iter_mut().for_each(masked);
        let nothing = values.iter().all(|value| value["items"].as_array().is_some_and(Vec::is_empty));
        assert!(!nothing, "{} shows no shape", operation.name());
        let text: String = values.iter().map(|value| format!("{value:#}\n")).collect();
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded/json");
        let path = path.join(format!("{}.json", operation.slug()));
        if std::env::var_os("AEGIR_RECORD").is_some_and(|yes| yes == "yes") {
            std::fs::write(&path, &text).unwrap();
        }
        let recorded = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(text, recorded, "{}: what was published stays", path.display());
    }
}
