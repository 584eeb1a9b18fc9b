//! The back end of another machine, behind ssh: over loopback, with a real sshd.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use aegir_domain::protocol::FoundState;
use aegir_domain::{OutcomeKind, SshAddress};
use aegir_hosting::{BackEnds, Lost, Place, Sought};

use crate::sshd::{Sshd, place};
use crate::stage::{
    as_owner, back_ends, ending, events, hold, masters, new_attempt, public_key, request, request_with_secret, rest,
    save, until_line, verify, waits, whole,
};
use crate::support::{Lab, free_port, kill, until, way};

/// A lab with another machine that lets us in.
pub fn two_machines() -> (Lab, Sshd) {
    let lab = Lab::bare(way());
    let key = as_owner(&lab, async || public_key(&lab).await);
    let sshd = Sshd::start(&lab, &key);
    (lab, sshd)
}

/// Asks what cannot be answered.
async fn lost(lab: &Lab, place: &Place) -> Lost {
    let back_ends = back_ends(lab);
    let listed = back_ends.contexts(place).await.unwrap_err();
    let asked = match back_ends.start(place, &request(save("files"))).await {
        Ok(mut lines) => lines.next().await.unwrap_err(),
        Err(lost) => lost,
    };
    assert_eq!((asked.passing, &asked.source.remedy), (listed.passing, &listed.source.remedy), "{asked:?}\n{listed:?}");
    asked
}

#[test]
fn attempts_on_another_machine_are_as_those_of_this_one_and_share_a_connection() {
    let (lab, sshd) = two_machines();
    let place = sshd.place(&lab);
    as_owner(&lab, async || {
        let back_ends = back_ends(&lab);
        let began = Instant::now();
        let saved = request(save("files"));
        whole(rest(&mut *back_ends.start(&place, &saved).await.unwrap()).await);
        println!("first contact, and a task: {:?}", began.elapsed());
        let held = hold(&lab, "files");
        let (one, two) = (request(verify("files")), request(verify("files")));
        let began = Instant::now();
        let mut one_lines = back_ends.start(&place, &one).await.unwrap();
        let mut told = vec![one_lines.next().await.unwrap().unwrap()];
        println!("from the request to the first line: {:?}", began.elapsed());
        let mut two_lines = back_ends.start(&place, &two).await.unwrap();
        until_line(&mut *two_lines, waits).await;

        assert_eq!(sshd.connections().len(), 1, "both share one");

        drop(held);
        told.extend(whole(rest(&mut *one_lines).await));
        assert_eq!(ending(&whole(rest(&mut *two_lines).await)).outcome.kind(), OutcomeKind::Succeeded);
        assert_eq!(told, events(&lab, one.attempt));
        let mut again = back_ends.attach(&place, one.attempt, 9).await.unwrap();
        assert_eq!(whole(rest(&mut *again).await), told[8..]);
        assert_eq!(back_ends.contexts(&place).await.unwrap().len(), 1);
        let found = back_ends.attempts(&place, &Sought { limit: 2, ..Sought::default() }).await.unwrap();
        // Two of one millisecond are in any order.
        assert!([one.attempt, two.attempt].iter().all(|asked| found.iter().any(|one| one.attempt == *asked)));
        let cancelled = back_ends.cancel(&place, one.attempt).await.unwrap();
        assert_eq!(cancelled.had_ended, Some(FoundState::Succeeded));
        assert_eq!(sshd.connections().len(), 1);
        let unknown = back_ends.attach(&place, new_attempt(), 1).await.unwrap().next().await.unwrap_err();
        assert!(unknown.unknown_attempt, "{unknown:?}");
    });
    let ours = lab.home().join("hostmaster/ssh");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode(&ours), mode(&ours.join("id_ed25519")), mode(&ours.join("known_hosts"))), (0o700, 0o600, 0o600));
    assert_eq!(mode(&lab.home().join("run/ssh")), 0o700);
}

#[test]
fn a_connection_that_is_cut_in_mid_task_loses_no_line_and_stops_nothing() {
    let (lab, sshd) = two_machines();
    let place = sshd.place(&lab);
    as_owner(&lab, async || {
        let back_ends = back_ends(&lab);
        whole(rest(&mut *back_ends.start(&place, &request(save("files"))).await.unwrap()).await);
        let held = hold(&lab, "files");
        let asked = request(verify("files"));
        let mut lines = back_ends.start(&place, &asked).await.unwrap();
        let mut told = until_line(&mut *lines, waits).await;

        sshd.cut();
        let (more, lost) = rest(&mut *lines).await;

        let lost = lost.unwrap();
        assert!(lost.passing && !lost.unknown_attempt && more.is_empty(), "{lost:?}");
        until("the connection is gone", || sshd.connections().is_empty());
        // What it says meanwhile is heard afterwards.
        drop(held);
        until("the attempt ended", || events(&lab, asked.attempt).len() > 40);
        let mut lines = back_ends.attach(&place, asked.attempt, told.len() as u64 + 1).await.unwrap();
        told.extend(whole(rest(&mut *lines).await));
        assert_eq!(told, events(&lab, asked.attempt));
        assert_eq!(ending(&told).outcome.kind(), OutcomeKind::Succeeded);
    });
}

#[test]
fn a_master_that_was_killed_is_replaced_by_whoever_comes_next() {
    let (lab, sshd) = two_machines();
    let place = sshd.place(&lab);
    as_owner(&lab, async || {
        let back_ends = back_ends(&lab);
        whole(rest(&mut *back_ends.start(&place, &request(save("files"))).await.unwrap()).await);
        let sockets = lab.home().join("run/ssh");
        let socket = || fs::read_dir(&sockets).unwrap().flatten().map(|entry| entry.path()).next();
        assert_eq!(masters(&lab).len(), 1, "{:?}", lab.processes());
        let left = socket().unwrap();
        masters(&lab).into_iter().for_each(kill);
        until("the master is gone", || masters(&lab).is_empty());
        assert!(left.exists(), "its socket is left over");

        for _ in 0..2 {
            assert_eq!(back_ends.contexts(&place).await.unwrap().len(), 1);
        }

        until("one connection is left", || sshd.connections().len() == 1);
    });
}

#[test]
fn more_attempts_at_once_than_a_connection_takes_are_each_told_whole() {
    let (lab, sshd) = two_machines();
    let place = sshd.place(&lab);
    as_owner(&lab, async || {
        let back_ends = back_ends(&lab);
        whole(rest(&mut *back_ends.start(&place, &request(save("files"))).await.unwrap()).await);
        let held = hold(&lab, "files");
        let began = Instant::now();
        // sshd lets ten share a connection, and this one lets few knock at once.
        let asked: Vec<_> = (0..24).map(|_| request(verify("files"))).collect();
        let started = asked.iter().map(|asked| back_ends.start(&place, asked));
        let mut streams = futures_util::future::try_join_all(started).await.unwrap();
        let mut told = Vec::new();
        for lines in &mut streams {
            told.push(until_line(&mut **lines, waits).await);
        }
        assert_eq!(sshd.connections().len(), 3, "eight share one");
        drop(held);
        for ((mut lines, mut told), asked) in streams.into_iter().zip(told).zip(&asked) {
            told.extend(whole(rest(&mut *lines).await));
            assert_eq!(told, events(&lab, asked.attempt));
        }
        println!("24 attempts at once over ssh: {:?}", began.elapsed());
        // Seats that are free are taken again.
        assert_eq!(back_ends.contexts(&place).await.unwrap().len(), 1);
        assert_eq!(sshd.connections().len(), 3);
    });
}

#[test]
fn a_machine_is_known_by_the_key_that_an_operator_confirmed_and_by_no_other() {
    let (lab, mut sshd) = two_machines();
    let address = SshAddress { host_key: None, ..sshd.address(&lab) };
    let unknown = place(address.clone());
    as_owner(&lab, async || {
        let told = lost(&lab, &unknown).await;
        assert!(!told.passing, "{told:?}");
        assert!(told.source.message.contains("by which key"), "{told:?}");
        let remedy = told.source.remedy.unwrap();
        assert!(remedy.contains("ssh-keygen -lf") && remedy.contains("aegir server host-key web2"), "{remedy}");

        let keys = back_ends(&lab).host_keys(&unknown.server, &address).await.unwrap();
        let shown = keys.shown.unwrap();
        assert_eq!((&shown, keys.trusted), (&sshd.host_key(), None));
        let said = Command::new("ssh-keygen").arg("-lf").arg(sshd.folder.join("host_key.pub")).output().unwrap();
        let print = aegir_hosting::fingerprint(&shown).unwrap();
        assert!(String::from_utf8(said.stdout).unwrap().contains(&print), "{print}");
        assert!(!lost(&lab, &unknown).await.passing, "to be shown it is not to trust it");
        assert!(back_ends(&lab).contexts(&sshd.place(&lab)).await.unwrap().is_empty());
        // It is known by that from now on, whatever the address says.
        let keys = back_ends(&lab).host_keys(&unknown.server, &address).await.unwrap();
        assert_eq!(keys.trusted, Some(shown));
        assert!(back_ends(&lab).contexts(&unknown).await.unwrap().is_empty());
    });
    let (pinned, pinned_in_file) = (sshd.place(&lab), unknown);
    sshd.change_host_key(&lab);
    as_owner(&lab, async || {
        until("the old connection is gone", || masters(&lab).is_empty());
        for place in [&pinned, &pinned_in_file] {
            let told = lost(&lab, place).await;
            assert!(!told.passing, "{told:?}");
            assert!(told.source.message.contains("shows another key"), "{told:?}");
            let remedy = told.source.remedy.unwrap();
            assert!(remedy.contains("`aegir server trust web2 --key … --instead-of …`"), "{remedy}");
        }
        let keys = back_ends(&lab).host_keys(&pinned.server, &address).await.unwrap();
        assert_ne!(keys.trusted, Some(sshd.host_key()));
        assert_eq!(keys.shown.unwrap(), sshd.host_key());
        assert!(back_ends(&lab).contexts(&sshd.place(&lab)).await.unwrap().is_empty());
        assert!(back_ends(&lab).contexts(&pinned_in_file).await.unwrap().is_empty());
    });
    let left: Vec<_> = fs::read_dir(lab.home().join("hostmaster/ssh")).unwrap().flatten().collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn another_machine_is_taken_in_by_words_of_the_command_line_alone() {
    let lab = Lab::bare(way());
    let mut sshd = Sshd::start(&lab, "");
    let there = sshd.address(&lab);
    let (port, home) = (there.port.to_string(), there.home.to_string());
    let program = there.program.unwrap().to_string();
    let add = ["server", "add", "web2", "--db", "sqlite", "--ssh-host", "127.0.0.1", "--ssh-port", &port];
    let more = ["--ssh-user", there.user.as_str(), "--server-home", &home, "--ssh-program", "/srv/none/aegir"];
    let task = lab.front(&[&add[..], &more, &["--no-wait"]].concat()).done().out;
    let task = task.split(' ').next().unwrap();
    let shown = || -> serde_json::Value {
        serde_json::from_str(&lab.front(&["server", "host-key", "web2", "--json"]).done().out).unwrap()
    };
    let keys = shown();
    let print = keys["shown"]["fingerprint"].as_str().unwrap().to_owned();
    let print = print.as_str();
    assert_eq!(keys["shown"]["key"], sshd.host_key().as_str());
    let said = lab.front(&["server", "host-key", "web2"]).done().says("trusted is   no key yet");
    assert!(said.out.contains(&format!("aegir server trust web2 --key {print}")), "{}", said.all());

    // What is said is what is to be typed.
    let line = said.out.lines().find(|line| line.starts_with("restrict ssh-ed25519 ")).unwrap();
    fs::write(sshd.folder.join("authorized_keys"), format!("{line}\n")).unwrap();
    let wrong = format!("SHA256:{}", "A".repeat(43));
    lab.front(&["server", "trust", "web2", "--key", &wrong]).ends(4).says(print).remedy("do not go on");
    lab.front(&["server", "trust", "web2", "--key", print, "--dry-run"]).done().says("Nothing was done.");
    assert_eq!(shown()["trusted"], serde_json::Value::Null);
    lab.front(&["server", "trust", "web2", "--key", print]).done();

    // No program lies there. Where it is is said anew, and the task that waits for it goes on.
    let keys = shown();
    let remedy = keys["fault"]["remedy"].as_str().unwrap();
    assert!(remedy.contains("`aegir server edit web2 --ssh-program PATH`"), "{keys}");
    lab.front(&["server", "edit", "web2", "--ssh-program", &program]).done().says(&program);
    let keys = shown();
    assert_eq!((&keys["trusted"]["fingerprint"], &keys["answers"]), (&print.into(), &true.into()));
    lab.front(&["task", "follow", task]).done().says("succeeded");

    // Made anew, it shows another key: nothing is asked there until somebody names the old one.
    sshd.change_host_key(&lab);
    let new = shown()["shown"]["fingerprint"].as_str().unwrap().to_owned();
    let trust = ["server", "trust", "web2", "--key", &new];
    let refused = lab.front(&trust).ends(4).remedy(&format!("--key {new} --instead-of {print}"));
    assert!(refused.err.contains(print) && refused.err.contains(&new), "{}", refused.all());
    lab.front(&[&trust[..], &["--instead-of", print]].concat()).done();
}

#[test]
fn a_machine_that_does_not_answer_or_does_not_let_us_in_is_told_with_the_way_out() {
    let (lab, sshd) = two_machines();
    let good = sshd.address(&lab);
    // One that takes a connection and never says anything.
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = |port| place(SshAddress { port, ..good.clone() });
    as_owner(&lab, async || {
        let began = Instant::now();
        let told = lost(&lab, &at(free_port())).await;
        assert!(told.passing && told.source.message.contains("Connection refused"), "{told:?}");
        assert!(began.elapsed() < Duration::from_secs(5));

        let began = Instant::now();
        let (mute, front_end) = (at(mute.local_addr().unwrap().port()), back_ends(&lab));
        let ask = || front_end.contexts(&mute);
        let (one, two, three, four) = tokio::join!(ask(), ask(), ask(), ask());
        let told = one.unwrap_err();
        assert!(told.passing && told.source.message.contains("timed out"), "{told:?}");
        for other in [two, three, four] {
            assert_eq!(other.unwrap_err().source, told.source, "they wait together");
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
        assert!(told.source.remedy.unwrap().contains("sshd answers"));

        let nowhere = place(SshAddress { host: "no-such-host.invalid".parse().unwrap(), ..good.clone() });
        let told = lost(&lab, &nowhere).await;
        assert!(told.passing && told.source.message.contains("no-such-host.invalid"), "{told:?}");

        let missing = SshAddress { program: Some("/srv/none/aegir".parse().unwrap()), ..good.clone() };
        let told = lost(&lab, &place(missing)).await;
        assert!(!told.passing && told.source.message.contains("/srv/none/aegir"), "{told:?}");
        assert!(told.source.remedy.unwrap().contains("/usr/local/bin/aegir"));

        let no_home = SshAddress { home: "/srv/none".parse().unwrap(), ..good.clone() };
        let told = lost(&lab, &place(no_home)).await;
        assert!(!told.passing && told.source.message.contains("no home at `/srv/none`"), "{told:?}");

        fs::write(sshd.folder.join("authorized_keys"), "").unwrap();
        let other = Place { server: "web3".parse().unwrap(), ..place(good.clone()) };
        let told = lost(&lab, &other).await;
        assert!(!told.passing && told.source.message.contains("Permission denied"), "{told:?}");
        assert!(told.source.remedy.unwrap().contains("authorized_keys"));
    });
}

#[test]
fn a_secret_crosses_to_another_machine_on_standard_input_alone() {
    let (lab, sshd) = two_machines();
    let place = sshd.place(&lab);
    as_owner(&lab, async || {
        let back_ends = back_ends(&lab);
        whole(rest(&mut *back_ends.start(&place, &request(save("files"))).await.unwrap()).await);
        let _held = hold(&lab, "files");
        let asked = request_with_secret(verify("files"), "rosebud-7431");
        let mut lines = back_ends.start(&place, &asked).await.unwrap();
        until_line(&mut *lines, waits).await;

        let words = lab.processes();

        assert!(words.len() >= 4, "two of ssh, the follower, the worker: {words:?}");
        assert!(words.iter().all(|words| !words.contains("rosebud")), "{words:?}");
        back_ends.cancel(&place, asked.attempt).await.unwrap();
    });
}
