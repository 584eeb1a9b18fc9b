//! Requests on standard input that are none: told why, and nothing left behind.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use crate::support::said::Said;
use crate::support::{Lab, spawn, way};

const ID: &str = "01900000-0000-7000-8000-000000000001";

fn request(change: &dyn Fn(&mut serde_json::Value)) -> Vec<u8> {
    let mut request = serde_json::json!({
        "protocol": 1,
        "attempt": ID,
        "task": { "kind": "verify-site", "site": "a.localhost" },
        "secrets": {},
    });
    change(&mut request);
    request.to_string().into_bytes()
}

#[test]
fn a_request_that_is_none_is_refused_and_leaves_nothing_behind() {
    let lab = Lab::bare(way());
    let whole = request(&|_| ());
    let table: [(&str, Vec<u8>, &str); 10] = [
        ("nothing", Vec::new(), "EOF"),
        ("truncated", whole[..whole.len() - 5].to_vec(), "EOF"),
        ("no JSON", b"install a site, please".to_vec(), "expected value"),
        ("no object", b"[1, 2]".to_vec(), "cannot read the request"),
        ("another protocol", request(&|request| request["protocol"] = 2.into()), "version 2 of the protocol"),
        ("another id", request(&|request| request["attempt"] = "../../x".into()), "it is no UUID"),
        ("an unknown task", request(&|request| request["task"]["kind"] = "explode".into()), "unknown variant"),
        ("an unknown field", request(&|request| request["more"] = 1.into()), "unknown field"),
        ("a bad name", request(&|request| request["task"]["site"] = "a b".into()), "is not the name of a site"),
        ("bad secrets", request(&|request| request["secrets"] = "hunter2".into()), "not an object of texts"),
    ];
    for (what, text, says) in table {
        let said = lab.provision_with(&["run"], &text).ends(1).says(says);
        assert!(said.err.contains("how to fix it: "), "{what}: {}", said.all());
        assert!(said.out.is_empty() && !said.err.contains("hunter2"), "{what}: {}", said.all());
    }
    let secrets = request(&|request| request["secrets"] = serde_json::json!({ "../x": "hunter2" }));
    lab.provision_with(&["run"], &secrets).ends(1).says("`secrets`");
    let left: Vec<_> = fs::read_dir(lab.home()).unwrap().flatten().map(|entry| entry.path()).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn of_a_request_of_100_mb_only_as_much_is_read_as_one_can_have() {
    let lab = Lab::bare(way());
    let mut child = spawn(lab.line(&["run"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()));
    let mut stdin = child.stdin.take().unwrap();
    let mut taken = stdin.write(b"{\"protocol\": 1, \"more\": \"").unwrap();
    let block = vec![b'x'; 64 * 1024];
    while taken < 100 << 20 {
        match stdin.write(&block) {
            Ok(count) => taken += count,
            Err(_) => break,
        }
    }
    drop(stdin);

    let said = Said::whole(child, &["run"]).ends(1).says("has more than 4194304 bytes");

    assert!(said.err.contains("how to fix it: "), "{}", said.all());
    assert!(taken < 5 << 20, "it read on for {taken} bytes");
    assert!(fs::read_dir(lab.home()).unwrap().next().is_none());
}

#[test]
fn a_task_on_what_nobody_knows_is_refused_and_remembered() {
    let lab = Lab::bare(way());

    let said = lab.provision_with(&["run"], &request(&|_| ())).ends(4);

    let lines: Vec<serde_json::Value> = said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["type"], "started");
    assert_eq!(lines[0]["attempt"], ID);
    let last = lines.last().unwrap();
    assert_eq!((&last["type"], &last["outcome"]), (&"result".into(), &"refused".into()));
    assert!(last["fault"]["remedy"].is_string());
    let again = lab.provision_with(&["run"], &request(&|_| ())).ends(4);
    assert_eq!(again.out, said.out, "the same id runs once");
    lab.provision(&["tasks", "--json"]).done().says("\"state\":\"refused\"");
    lab.provision(&["recover"]).done().says("Nothing was left to recover");
}

#[test]
fn a_drill_that_is_misspelt_is_told_before_anything_is_made() {
    let lab = Lab::bare(way());
    let mut line = lab.line(&["verify", "@a.localhost"]);
    Said::of(line.env("AEGIR_DRILL", "explode").stdin(Stdio::null()), &["verify"]).ends(1).remedy("before:N");
    assert!(fs::read_dir(lab.home()).unwrap().next().is_none());
}
