//! A module in a real site's own folder gets later code in place: its updates run where the site lives, or all is as it was.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::Lab;
use crate::support::real::{Asked, Real};
use crate::support::story::Site;
use crate::support::web::get;

/// A module that reads its table on every page.
struct Ledger<'a> {
    lab: &'a Lab,
    folder: PathBuf,
    is_seven: bool,
}

impl<'a> Ledger<'a> {
    fn of(real: &Real<'a>, site: &str) -> Ledger<'a> {
        let folder = real.root.join("sites").join(site).join("modules/ledger");
        fs::create_dir_all(&folder).unwrap();
        Ledger { lab: real.lab, folder, is_seven: real.is_seven() }
    }

    /// Its code, which reads `column`, with more in the file of its updates.
    fn is_written(&self, column: &str, updates: &str) {
        let (info, name, hook) = match self.is_seven {
            true => ("name = Ledger\ncore = 7.x\n", "ledger.info", "ledger_init()"),
            false => (
                "name: Ledger\ntype: module\ncore_version_requirement: ^8.8 || ^9 || ^10 || ^11\n",
                "ledger.info.yml",
                "ledger_page_attachments(array &$page)",
            ),
        };
        let ask = match self.is_seven {
            true => format!("db_query('SELECT {column} FROM {{ledger}}')->fetchAll();"),
            false => format!("\\Drupal::database()->query('SELECT {column} FROM {{ledger}}')->fetchAll();"),
        };
        let schema = "return ['ledger' => ['fields' => ['name' => ['type' => 'varchar', 'length' => 32, 'not null' => TRUE, \
                      'default' => '']], 'primary key' => ['name']]];";
        self.write(name, info);
        self.write("ledger.module", &format!("<?php\nfunction {hook} {{\n  {ask}\n}}\n"));
        self.write("ledger.install", &format!("<?php\nfunction ledger_schema() {{\n  {schema}\n}}\n{updates}"));
        self.lab.give(self.folder.parent().unwrap());
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.join(name), text).unwrap();
    }

    fn update(&self, number: u32, does: &str) -> String {
        let number = if self.is_seven { 7000 + number } else { 10000 + number };
        format!("\n/**\n * Update {number} of the ledger.\n */\nfunction ledger_update_{number}() {{\n  {does}\n}}\n")
    }

    fn adds(&self, number: u32, column: &str) -> String {
        let what = "['type' => 'varchar', 'length' => 32, 'not null' => TRUE, 'default' => 'blue']";
        let schema = if self.is_seven { "Database::getConnection()" } else { "\\Drupal::database()" };
        let does =
            format!("{schema}->schema()->addField('ledger', '{column}', {what});\n  return 'It has a {column}.';");
        self.update(number, &does)
    }
}

fn context(lab: &Lab, site: &str) -> Value {
    let shown = lab.provision(&["show", &format!("@{site}"), "--json"]).done();
    serde_json::from_str(&shown.out).unwrap()
}

/// What a page of the site answers, of which nothing is kept. Drupal 7 keeps none by itself.
fn shows(real: &Real<'_>, site: &Site) -> u16 {
    if !real.is_seven() {
        real.drupal_says(&site.name, &["forget"]);
    }
    get(real.lab.up().listen(), &site.name, "/user/password").status
}

/// What lies on the shelf of former selves.
fn shelf(root: &Path) -> usize {
    fs::read_dir(root.join("sites/.aegir-former")).map_or(0, |shelf| shelf.flatten().count())
}

pub fn in_place(real: &Real<'_>, db_server: &str, profile: Option<&str>) {
    let (lab, name) = (real.lab, format!("{db_server}.updated.localhost"));
    let at = format!("@{name}");
    let asked = Asked { site: &name, db_server, profile, language: "en" };
    let site = real.installs_what_is_asked(&asked);
    site.answers(lab);
    lab.provision(&["update", &at]).done().says("No update waits for");
    let ledger = Ledger::of(real, &name);
    ledger.is_written("name", "");
    lab.provision(&["verify", &at]).done();
    real.drupal_says(&name, &["ledger"]);
    lab.provision(&["verify", &at]).done();
    assert_eq!(shows(real, &site), 200);
    let before = context(lab, &name);

    // Code that goes on without its update.
    let colour = ledger.adds(1, "colour");
    ledger.is_written("name", &colour);
    let said = lab.provision(&["update", &at]).done();

    said.says("of the ledger.").says("It has a colour.").says("The fence was up for ");
    is_well(real, &site);
    let now = context(lab, &name);
    assert_eq!((&now["platform"], &now["formers"][0]["database"]), (&before["platform"], &before["database"]));
    lab.provision(&["update", &at]).done().says("No update waits for");
    lab.provision(&["go-back", &at]).done();
    assert_eq!(context(lab, &name)["database"], before["database"]);
    lab.provision(&["update", &at]).done().says("It has a colour.");
    is_well(real, &site);

    // Code that asks for what the data do not have: the site is broken until they do.
    let shade = [colour, ledger.adds(2, "shade")].concat();
    ledger.is_written("shade", &shade);
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert_eq!(shows(real, &site), 500, "the new code needs its update");
    lab.provision(&["update", &at]).done().says("It has a shade.");
    assert_eq!(shows(real, &site), 200);
    is_well(real, &site);
    let was = context(lab, &name);
    lab.provision(&["go-back", &at]).ends(7).says("all is as it was");
    assert_eq!(context(lab, &name), was, "what it was is broken, and is no better for being gone back to");

    // One that fails, after one that does not.
    let kept = shelf(real.root);
    let planted = [
        shade,
        ledger.update(3, "return 'This one is well.';"),
        ledger.update(4, "throw new \\Exception('This update was planted.');"),
    ];
    ledger.is_written("shade", &planted.concat());
    lab.provision(&["update", &at]).ends(7).says("This update was planted.").says("all is as it was");
    assert_eq!((context(lab, &name), shelf(real.root)), (was, kept));
    assert_eq!(shows(real, &site), 200);
    site.answers(lab);
    lab.delete(&name);
}

fn is_well(real: &Real<'_>, site: &Site) {
    // What somebody put there by hand has the modes of that.
    real.lab.provision(&["verify", &format!("@{}", site.name)]).done();
    site.answers(real.lab);
    site.lets_in(real.lab);
    site.is_as_it_should_be(real.lab);
    assert_eq!(real.drupal_says(&site.name, &[])["site"], format!("sites/{}", site.name));
}
