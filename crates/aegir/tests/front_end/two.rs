//! Two control nodes on one PostgreSQL, each with a home of its own: together they are one front end.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use aegir_domain::Home;
use aegir_host::OwnProgram;
use aegir_outside::back_ends::ProcessBackEnds;
use aegir_store::Dialect;

use crate::killed::add_behind_ssh;
use crate::served::{House, Served, remember_by};
use crate::sshd::Sshd;
use crate::stage::{as_owner, hold, public_key, public_key_of};
use crate::support::story::attempts;
use crate::support::{Lab, way};

/// Makes the home of a second control node: the same database, and the same key.
fn second_home(house: &House, sshd: &Sshd) -> std::path::PathBuf {
    let home = house.lab.beside().join("h2");
    fs::create_dir(&home).unwrap();
    remember_by(&house.lab, &home, &house.address);
    fs::copy(house.home.join("hostmaster/control.key"), home.join("hostmaster/control.key")).unwrap();
    house.lab.give(&home);
    fs::set_permissions(home.join("hostmaster/control.key"), fs::Permissions::from_mode(0o600)).unwrap();
    let key = as_owner(&house.lab, async || {
        let back_ends = ProcessBackEnds::new(Home::new(home.clone()), OwnProgram::new(house.lab.program(), None));
        public_key_of(&back_ends).await
    });
    let mut let_in = fs::File::options().append(true).open(sshd.folder.join("authorized_keys")).unwrap();
    writeln!(let_in, "restrict {key}").unwrap();
    home
}

#[test]
fn two_front_ends_on_one_postgresql_are_one() {
    let house = House::of(Lab::bare(way()), Dialect::Postgres);
    let key = as_owner(&house.lab, async || public_key(&house.lab).await);
    let sshd = Sshd::start(&house.lab, &key);
    add_behind_ssh(&house, &sshd);
    let one = house.serve();
    house.until_enabled("@server_web2");
    let two = Served::start(&house.lab, &second_home(&house, &sshd));
    let before = attempts(&house.lab).len();
    let held = hold(&house.lab, "web2");
    let task = house.queues(&["server", "verify", "web2"]);
    let attempt = house.until_it_waits(task);
    assert!(one.holds(&house.leases()) && !two.holds(&house.leases()));

    one.kill9();
    let took = two.attaches(&house, attempt);
    println!("the other one attached after {took:?}");
    assert!(took < std::time::Duration::from_secs(10), "{took:?}");
    drop(held);
    house.until_state(task, "succeeded");
    house.is_told_whole(task, "succeeded");

    // Both at work: whoever asks at one is answered with what the other one does.
    let one = house.serve();
    house.aegir(&["server", "verify", "web2"]).done().says("succeeded");
    two.stop();
    let last = house.queues(&["server", "verify", "web2"]);
    house.until_state(last, "succeeded");
    assert!(one.holds(&house.leases()));
    assert_eq!(attempts(&house.lab).len(), before + 3, "nothing ran twice");
    one.stop();
}
