//! The main job on each shape of code base, and what may change of a site afterwards.

use std::time::Duration;

use crate::support::story::{Site, save_sqlite_server, three_sites};
use crate::support::web::get;
use crate::support::{Lab, Way, way, within};

#[test]
fn three_sites_live_on_a_platform_of_the_seven_shape() {
    let lab = Lab::start(way());
    save_sqlite_server(&lab);
    let root = lab.assemble("seven-1.0");
    lab.save_platform("seven", &root);

    three_sites(&lab, "seven", &root, Some("standard"), Some("minimal"));
}

#[test]
fn three_sites_live_on_a_platform_of_the_ten_shape() {
    let lab = Lab::start(way());
    save_sqlite_server(&lab);
    let project = lab.assemble("ten-1.0");
    lab.save_platform("ten", &project);

    three_sites(&lab, "ten", &project.join("web"), Some("standard"), Some("minimal"));
}

#[test]
fn a_distribution_installs_from_its_own_profile() {
    let lab = Lab::start(way());
    save_sqlite_server(&lab);
    let project = lab.assemble("distribution-1.0");
    lab.save_platform("harbour", &project);

    three_sites(&lab, "harbour", &project.join("web"), None, None);

    lab.provision(&["show", "@two.harbour.localhost"]).done().says("harbourfront");
}

#[test]
fn somebody_without_privileges_can_do_it_all() {
    let lab = Lab::start(Way::Person);
    save_sqlite_server(&lab);
    let project = lab.assemble("ten-1.0");
    lab.save_platform("ten", &project);

    three_sites(&lab, "ten", &project.join("web"), Some("standard"), Some("minimal"));
}

#[test]
fn a_site_answers_to_other_names_and_leads_them_to_one() {
    let lab = Lab::start(way());
    lab.platform("ten", "ten-1.0");
    let site = Site::install(&lab, "shop.localhost", "ten", "localhost", Some("minimal"));
    let at = lab.up().listen();

    lab.provision(&["save", "@shop.localhost", "--alias", "www.shop.localhost", "--alias", "*.shop.test"]).done();
    lab.provision(&["verify", "@shop.localhost"]).done().says("Changed: ");

    for name in ["shop.localhost", "www.shop.localhost", "any.shop.test"] {
        // PHP looks at most every two seconds whether a file of settings was changed.
        within(Duration::from_secs(4), &format!("`{name}` answers"), || get(at, name, "/").status == 200);
        assert!(get(at, name, "/").title().contains(&site.title), "{name}");
    }
    lab.provision(&["save", "@shop.localhost", "--redirect-to", "www.shop.localhost"]).done();
    lab.provision(&["verify", "@shop.localhost"]).done();
    let page = get(at, "shop.localhost", "/a?b=c");
    assert_eq!(page.status, 301);
    assert_eq!(page.header("location").unwrap(), format!("http://www.shop.localhost:{}/a?b=c", at.port()));
    assert_eq!(get(at, "www.shop.localhost", "/").status, 200);
    site.is_as_it_should_be(&lab);
    lab.provision(&["save", "@shop.localhost", "--no-redirect", "--no-aliases"]).done();
    lab.provision(&["verify", "@shop.localhost"]).done();
    within(Duration::from_secs(4), "it answers itself", || get(at, "shop.localhost", "/").status == 200);
    assert_ne!(get(at, "www.shop.localhost", "/").status, 200);
}
