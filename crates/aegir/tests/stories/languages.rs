//! A site's language: from a file beside the code, or from the translation server; else it is refused.

use std::fs;

use aegir_domain::PlatformAnswer;

use crate::support::translations::{fetch_from, translation_server};
use crate::support::world::World;
use crate::support::{Lab, free_port, way};

fn words<'a>(site: &'a str, platform: &'a str, language: &'a str) -> [&'a str; 10] {
    let server = "localhost";
    ["install", site, "--platform", platform, "--db-server", server, "--profile", "minimal", "--language", language]
}

#[test]
fn a_language_that_cannot_be_had_is_refused_before_anything_is_touched() {
    let lab = Lab::start(way());
    lab.platform("seven", "seven-1.0");
    lab.platform("ten", "ten-1.0");
    fetch_from(&lab, &format!("127.0.0.1:{}", free_port()));
    let before = World::of(&lab);

    let seven = lab.provision(&words("@a.localhost", "seven", "de")).ends(4);
    let ten = lab.provision(&words("@b.localhost", "ten", "de")).ends(4);

    assert!(
        seven.err.contains("no translation of Drupal 7.200 to `de`: the profile `minimal` has none"),
        "{}",
        seven.all()
    );
    assert!(seven.err.contains("seven-1.0/profiles/minimal/translations/drupal-7.200.de.po"), "{}", seven.all());
    assert!(ten.err.contains("does not answer"), "{}", ten.all());
    assert!(ten.err.contains("ten-1.0/web/sites/all/translations/drupal-10.90.0.de.po"), "{}", ten.all());
    World::of(&lab).must_be(&before);
}

#[test]
fn a_language_comes_from_a_file_beside_the_code_or_is_asked_for_where_drupal_would_fetch_it() {
    let lab = Lab::start(way());
    lab.platform("ten", "ten-1.0");
    let (at, asked) = translation_server("");
    fetch_from(&lab, &at.to_string());
    let translations = lab.home().join("platforms/ten-1.0/web/sites/all/translations");
    fs::create_dir_all(&translations).unwrap();
    fs::write(translations.join("drupal-10.x.de.po"), "msgid \"Log in\"\nmsgstr \"Anmelden\"\n").unwrap();
    lab.give(translations.parent().unwrap());

    let refused = lab.provision(&words("@nl.localhost", "ten", "nl")).ends(4);
    let known = asked.lock().unwrap().len();
    lab.provision(&words("@de.localhost", "ten", "de")).done();
    let verified = lab.provision(&["verify", "@platform_ten", "--json"]).done();

    // A front end is told what can be chosen here: what lies beside the code, by each profile that it is for.
    let last: serde_json::Value = serde_json::from_str(verified.out.lines().last().unwrap()).unwrap();
    let told: PlatformAnswer = serde_json::from_value(last["answer"].clone()).unwrap();
    let german: Vec<_> = told.languages.iter().filter(|found| found.language.to_string() == "de").collect();
    assert!(german.iter().any(|found| found.profile.as_str() == "minimal"), "{:?}", told.languages);
    assert_eq!(german.len(), told.languages.len(), "{:?}", told.languages);
    let engines: Vec<_> = told.engines.unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(engines, ["mariadb", "sqlite"]);
    assert!(refused.err.contains("answers with status 404"), "{}", refused.all());
    assert!(asked.lock().unwrap()[0].starts_with("HEAD /all/drupal-10.90.0.nl.po "), "{asked:?}");
    assert_eq!(asked.lock().unwrap().len(), known, "nothing is fetched where a file lies");
    let brought = lab.home().join("platforms/ten-1.0/web/sites/de.localhost/files/translations/drupal-10.90.0.de.po");
    assert!(fs::read_to_string(brought).unwrap().contains("Anmelden"));
}
