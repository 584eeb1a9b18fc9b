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
    as_owner, back_ends, ending, events, hold, masters, new_attempt, request, request_with_secret, rest, save,
    until_line, verify, waits, whole,
};
use crate::support::{Lab, free_port, kill, until, way};

/// A lab with another machine that lets us in.
fn two_machines() -> (Lab, Sshd) {
    let lab = Lab::bare(way());
    let key = as_owner(&lab, async || back_ends(&lab).public_key().await.unwrap());
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
        let began = Instant::now();
        // sshd lets ten share a connection.
        let asked: Vec<_> = (0..24).map(|number| request(save(&format!("server{number}")))).collect();
        let mut streams = Vec::new();
        for asked in &asked {
            streams.push(back_ends.start(&place, asked).await.unwrap());
        }
        for (mut lines, asked) in streams.into_iter().zip(&asked) {
            let told = whole(rest(&mut *lines).await);
            assert_eq!(told, events(&lab, asked.attempt));
        }
        println!("24 attempts at once over ssh: {:?}", began.elapsed());
    });
}

#[test]
fn a_machine_is_known_by_the_key_that_an_operator_confirmed_and_by_no_other() {
    let (lab, mut sshd) = two_machines();
    let unknown = place(SshAddress { host_key: None, ..sshd.address(&lab) });
    as_owner(&lab, async || {
        let told = lost(&lab, &unknown).await;
        assert!(!told.passing, "{told:?}");
        assert!(told.source.message.contains("by which key"), "{told:?}");
        assert!(told.source.remedy.unwrap().contains("ssh-keygen -lf"));

        let learnt = back_ends(&lab).learn_host_key(&unknown.server, &sshd.address(&lab)).await.unwrap();
        let said = Command::new("ssh-keygen").arg("-lf").arg(sshd.folder.join("host_key.pub")).output().unwrap();
        assert!(String::from_utf8(said.stdout).unwrap().contains(&learnt.fingerprint), "{learnt:?}");
        assert_eq!(learnt.key, sshd.host_key());
        assert!(!lost(&lab, &unknown).await.passing, "to learn it is not to trust it");
        back_ends(&lab).trust_host_key(&unknown.server, &learnt.key).unwrap();
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
            assert!(told.source.remedy.unwrap().contains("trust it anew"));
        }
        let key = sshd.host_key();
        back_ends(&lab).trust_host_key(&pinned.server, &key).unwrap();
        assert!(back_ends(&lab).contexts(&pinned_in_file).await.unwrap().is_empty());
    });
    let left: Vec<_> = fs::read_dir(lab.home().join("hostmaster/ssh")).unwrap().flatten().collect();
    assert_eq!(left.len(), 2, "{left:?}");
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
