//! Whether a site fits a platform, asked in a shell.

use crate::support::story::Site;
use crate::support::{Lab, way};

#[test]
fn a_site_fits_a_newer_platform_and_no_older_one_nor_one_that_lacks_what_it_has() {
    let lab = Lab::start(way());
    lab.platform("seven", "seven-1.0");
    lab.platform("ten", "ten-1.0");
    lab.platform("next", "ten-1.1");
    Site::install(&lab, "a.localhost", "ten", "localhost", Some("minimal"));
    Site::install(&lab, "b.localhost", "next", "localhost", Some("minimal"));
    Site::install(&lab, "old.localhost", "seven", "localhost", Some("minimal"));
    let compare = |site: &str, to: &str| lab.provision(&["compare", site, "--to", to]);

    compare("@a.localhost", "next").done().says("Upgrades").says("It fits. Nothing was changed.");
    compare("@a.localhost", "@platform_ten").done().says("packages that stay as they are");
    compare("@b.localhost", "ten").ends(4).says("Errors").says("Drupal would go back");
    compare("@old.localhost", "ten").ends(4).says("no update leads from Drupal").says("migrate_drupal");
    let none = lab.provision(&["compare", "@a.localhost", "--to", "none"]).ends(1);
    none.remedy("aegir provision");

    // Whoever asks by the protocol gets an answer, whatever it is.
    let answer = lab.provision(&["compare", "@b.localhost", "--to", "ten", "--json", "--protocol", "1"]).done();
    answer.says("\"core-older\"");
    let refused = lab.provision(&["compare", "@a.localhost", "--to", "none", "--json", "--protocol", "1"]).done();
    refused.says("{\"refused\":");

    // Several are told one after the other, each on a line of its own.
    let sites = ["compare", "@a.localhost", "@old.localhost", "@none.localhost", "--to", "next"];
    let several = lab.provision(&[&sites[..], &["--json", "--protocol", "1"]].concat()).done();
    let told: Vec<&str> = several.out.lines().collect();
    assert_eq!(told.len(), 3, "{}", several.all());
    assert!(told[0].contains("\"verdict\":\"upgrades\""), "{}", told[0]);
    assert!(told[1].contains("no-update-path"), "{}", told[1]);
    assert!(told[2].starts_with("{\"refused\":"), "{}", told[2]);
}
