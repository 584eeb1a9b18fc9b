//! What people put on a site, and that all of it is wherever the site lives: accounts, pages, addresses, uploads, and
//! the pictures that image styles make of them, and a package in the site's own folder.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::FOLDERS;
use crate::support::real::Real;
use crate::support::said::Said;
use crate::support::story::Site;
use crate::support::web::{Page, attribute, get, path_of, plain};
use crate::support::{Lab, run};

/// A style of which the front page shows a picture, in the profile `standard`.
const TEASER: &str = "medium";

/// What was put on a site.
pub struct Content {
    /// What Drupal said of the site then.
    pub says: Value,
    teaser: Styled,
    whole: Styled,
    /// What the style of the teaser made, which nobody asks for again.
    made: Vec<u8>,
}

/// Whether a site has the key of the one that its content was put on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Key {
    Same,
    Another,
}

/// A picture on a page, as a style makes it.
struct Styled {
    /// Where it is asked for, with its token.
    address: String,
    token: String,
    /// What the page says of its width and height.
    size: String,
}

impl Styled {
    /// That of `style` on a page of the site `name`, which names no other site's folder.
    fn on(lab: &Lab, name: &str, page: &str, style: &str) -> Styled {
        let page = get(lab.up().listen(), name, page);
        assert_eq!(page.status, 200, "{name}: {}", page.body);
        let is_meant = |tag: &&str| tag.contains(&format!("/sites/{name}/files/styles/{style}/public/"));
        let tags = page.body.split("<img").skip(1).map(|rest| rest.split('>').next().unwrap_or_default());
        let tag = tags.clone().find(is_meant);
        let tag = tag.unwrap_or_else(|| panic!("{name}: no picture of `{style}`: {:?}", tags.collect::<Vec<_>>()));
        let address = path_of(&plain(&attribute(tag, "src")));
        let token = address.split("itok=").nth(1).and_then(|rest| rest.split('&').next()).unwrap_or_default();
        assert_eq!(token.len(), 8, "{name}: a token in `{address}`");
        let size = format!("{}x{}", attribute(tag, "width"), attribute(tag, "height"));
        Styled { token: token.to_owned(), address, size }
    }

    /// It is served, as large as the page says.
    fn is_served(&self, lab: &Lab, name: &str) -> Vec<u8> {
        let Page { status, headers, body, bytes } = get(lab.up().listen(), name, &self.address);
        assert_eq!(status, 200, "{name}: {}: {headers:?} {body}", self.address);
        assert_eq!(size_of(&bytes), self.size, "{name}: {}", self.address);
        bytes
    }

    fn file(&self, real: &Real<'_>) -> PathBuf {
        let path = self.address.split('?').next().unwrap_or_default();
        real.root.join(path.trim_start_matches('/'))
    }
}

/// The width and the height of a picture of any kind, as PHP reads them.
fn size_of(picture: &[u8]) -> String {
    let read = "$size = getimagesizefromstring(stream_get_contents(STDIN)); print $size ? \"$size[0]x$size[1]\" : 'no picture';";
    Said::with_input(Command::new("php").args(["-r", read]), &["php"], picture).done().out
}

impl Content {
    /// Has a site of `standard` hold some.
    pub fn put(real: &Real<'_>, site: &Site) -> Content {
        real.takes_a_picture(site);
        let package = has_a_package(real, site);
        let says = real.drupal_says(&site.name, &["write"]);
        for (what, holds) in [("aliases", "/a-picture-of-ours"), ("accounts", "Somebody Else"), ("files", "public://")]
        {
            let all = says["holds"][what].to_string();
            assert!(all.contains(holds.trim_start_matches('/')), "{what}: {all}");
        }
        assert_eq!(says["holds"]["package"], package);
        shows_its_view(real, &site.name, &says);
        let [teaser, whole] = styled(real, &site.name);
        assert_eq!(teaser.size.split('x').next(), Some("220"), "the style makes it smaller");
        assert_ne!(teaser.size, whole.size);
        let made = teaser.is_served(real.lab, &site.name);
        assert_eq!(fs::read(teaser.file(real)).unwrap(), made, "what a style makes is kept");
        Content { says, teaser, whole, made }
    }

    /// All of it is there, on a site that is called `name` on the platform of `real`, and new pictures are made.
    pub fn is_there(&self, real: &Real<'_>, name: &str, key: Key) {
        let says = real.drupal_says(name, &[]);
        assert_eq!(says["holds"], self.says["holds"], "{name}");
        shows_its_view(real, name, &says);
        let [teaser, whole] = styled(real, name);
        for (is, was) in [(&teaser, &self.teaser), (&whole, &self.whole)] {
            assert_eq!(is.size, was.size, "{name}: {}", is.address);
            assert_eq!(is.token == was.token, key == Key::Same, "{name}: {} and {}", is.address, was.address);
        }
        assert_eq!(fs::read(teaser.file(real)).unwrap(), self.made, "{name}: what a style made goes along");
        assert_eq!(teaser.is_served(real.lab, name), self.made);

        // Nobody asked for it before, or it is lost: it is made again, for whoever comes by the page.
        let _ = fs::remove_file(whole.file(real));
        let other = if key == Key::Same { "nobodys0" } else { self.whole.token.as_str() };
        let guessed = whole.address.replace(&whole.token, other);
        let answer = get(real.lab.up().listen(), name, &guessed);
        assert!(matches!(answer.status, 403 | 404), "{name}: {guessed}: {}", answer.status);
        assert!(!whole.file(real).exists(), "{name}: {guessed} is no address that it gave");
        whole.is_served(real.lab, name);
        assert!(whole.file(real).exists(), "{name}: {}", whole.address);
    }
}

/// Puts packages into the site's own folder: contributed ones, as far as any tree has them; of Drupal 7 one of ours
/// besides. Gives what Drupal says of it once it is enabled.
fn has_a_package(real: &Real<'_>, site: &Site) -> String {
    let modules = real.root.join("sites").join(&site.name).join("modules");
    fs::create_dir_all(&modules).unwrap();
    let said = if real.is_seven() {
        let folder = modules.join("sites_own");
        fs::create_dir(&folder).unwrap();
        let info = "name = Sites' own\ncore = 7.x\nfiles[] = sites_own.inc\n";
        let class = "<?php\nclass SitesOwn {\n  const WHAT = 'a class';\n}\n";
        for (name, text) in [("sites_own.info", info), ("sites_own.module", "<?php\n"), ("sites_own.inc", class)] {
            fs::write(folder.join(name), text).unwrap();
        }
        // `views` needs the other one.
        if let (Some(ctools), Some(views)) = (contributed("ctools", "ctools.info"), contributed("views", "views.info"))
        {
            run(Command::new("cp").arg("-a").args([ctools, views]).arg(&modules));
        }
        "a class of modules/sites_own"
    } else {
        match contributed("token", "token.info.yml") {
            Some(token) => {
                run(Command::new("cp").arg("-a").arg(token).arg(&modules));
                "Drupal\\token\\Token of modules/token"
            }
            None => "none",
        }
    };
    real.lab.give(&modules);
    real.lab.provision(&["verify", &format!("@{}", site.name)]).done();
    said.to_owned()
}

/// The folder of a contributed module in any of the trees, where a file of this name says what it is.
fn contributed(name: &str, info: &str) -> Option<PathBuf> {
    let trees = fs::read_dir(std::env::var("AEGIR_TEST_PLATFORMS").unwrap()).unwrap().flatten();
    let places = trees.flat_map(|tree| FOLDERS.map(|inside| tree.path().join(inside))).flat_map(|root| {
        ["modules/contrib", "sites/all/modules", "sites/all/modules/contrib"].map(|folder| root.join(folder).join(name))
    });
    places.into_iter().find(|place| place.join(info).is_file())
}

/// What the contributed module `views` makes a page of, where the site has it.
fn shows_its_view(real: &Real<'_>, name: &str, says: &Value) {
    if says["holds"]["view"].as_array().is_none_or(Vec::is_empty) {
        assert!(!real.is_seven() || contributed("views", "views.info").is_none(), "{name}: {says}");
        return;
    }
    let page = get(real.lab.up().listen(), name, "/a-view-of-ours");
    assert_eq!(page.status, 200, "{name}: {}", page.body);
    assert!(page.body.contains("A picture of ours"), "{name}: {}", page.body);
}

/// The picture on the front page and that on its own page.
fn styled(real: &Real<'_>, name: &str) -> [Styled; 2] {
    let whole = if real.is_seven() { "large" } else { "wide" };
    let on = |page, style| Styled::on(real.lab, name, page, style);
    [on("/node", TEASER), on("/a-picture-of-ours", whole)]
}
