//! Accounts of the panel, from the machine: always to be had by the owner of the home, with the whole address where the
//! panel answers.

use crate::served::on_both;
use crate::support::free_port;

#[test]
fn the_owner_of_the_home_makes_an_account_with_a_front_end_or_without() {
    on_both(|house| {
        house.aegir(&["account", "list"]).done().says("aegir account add NAME");
        let said = house.aegir(&["account", "add", "Anna"]).done();
        assert!(said.out.starts_with("/enter/") && said.out.len() > 45, "{}", said.all());
        assert!(said.err.contains("`anna`") && said.err.contains("--panel"), "{}", said.all());
        house.aegir(&["account", "add", "anna"]).ends(4).says("the name `anna` of an account is taken");
        house.aegir(&["session", "list"]).done().says("Nobody is signed in");

        let port = free_port();
        let served = house.serve_with(&["--panel", &format!("127.0.0.1:{port}")]);
        let said = house.aegir(&["account", "link", "anna"]).done();
        assert!(said.out.starts_with(&format!("http://localhost:{port}/enter/")), "{}", said.all());
        assert!(!said.err.contains("--panel"), "{}", said.all());
        assert!(!served.said().contains("/enter/"), "{}", served.said());
        served.stop();

        // Panel and API listen only if that is asked for.
        let served = house.serve();
        assert!(house.asks(&["account", "link", "anna"]).get("panel").is_none());
        let said = served.said();
        assert_eq!(said.lines().last(), Some("The front end answers on its socket."), "{said}");
        house.aegir(&["account", "delete", "anna"]).ends(4).says("the last account");
        house.aegir(&["account", "delete", "anna", "--last"]).done();
        house.aegir(&["account", "link", "anna"]).ends(1).says("there is no account `anna`");
        served.stop();
        house.aegir(&["account", "add", "anna"]).done();
    });
}

#[test]
fn a_panel_that_others_could_reach_is_refused() {
    on_both(|house| {
        house.aegir(&["serve", "--panel", "192.0.2.1:8088"]).ends(2).says("loopback alone");
        house.aegir(&["serve", "--panel", "127.0.0.1:8088", "--api", "127.0.0.1:8089"]).ends(2).says("--api");
    });
}
