//! Renders pages with made-up content, to look at the theme: `cargo run -p aegir-web --example gallery`, then open
//! `target/gallery/index.html`. The templates are those of the panel.

use std::path::{Path, PathBuf};
use std::{fs, io};

use aegir_web::panel::frame::{Choice, Elsewhere, Frame, Notice, QueueBar, QueueTask, Tone, Who};
use askama::Template;

/// Templates reach `crate::panel::times` and the like, as they do in the panel itself.
mod panel {
    pub use aegir_web::panel::{times, words};
}

/// 21 November 2026, 17:50 UTC.
const NOW: i64 = 1_795_283_412_000;
/// Beside the pages, so that they look the same from a file and from any web server.
const ASSETS: &str = "0";

struct Row {
    id: String,
    name: String,
    health: (Tone, &'static str),
    sync: (Tone, &'static str),
    platform: &'static str,
    client: &'static str,
    packages: u64,
    verified: i64,
}

#[derive(Template)]
#[template(path = "gallery/list.html")]
struct List {
    frame: Frame,
    rows: Vec<Row>,
    choices: Vec<Choice>,
}

#[derive(Template)]
#[template(path = "gallery/site.html")]
struct Site {
    frame: Frame,
    now: i64,
}

#[derive(Template)]
#[template(path = "gallery/overview.html")]
struct Overview {
    frame: Frame,
    now: i64,
}

#[derive(Template)]
#[template(path = "gallery/task.html")]
struct Task {
    frame: Frame,
    now: i64,
    causes: Vec<&'static str>,
    ended: bool,
    lines: Vec<(u64, i64, &'static str, String, &'static str)>,
}

#[derive(Template)]
#[template(path = "gallery/form.html")]
struct Form {
    frame: Frame,
    errors: Vec<(&'static str, &'static str)>,
    choices: Vec<Choice>,
}

#[derive(Template)]
#[template(path = "gallery/components.html")]
struct Parts {
    frame: Frame,
    icons: Vec<String>,
    consequences: Vec<&'static str>,
    survives: Vec<&'static str>,
}

#[derive(Template)]
#[template(path = "gallery/signin.html")]
struct SignIn {
    frame: Frame,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let theme = Path::new(env!("CARGO_MANIFEST_DIR")).join("eldir");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/gallery");
    copy_assets(&theme.join("assets"), &folder.join("assets").join(ASSETS))?;
    let icons = icons(&theme)?;
    let mut index = Vec::new();
    for theme in ["auto", "light", "dark"] {
        for (name, page) in pages(theme, &icons)? {
            let file = format!("{theme}-{name}.html");
            fs::write(folder.join(&file), page)?;
            index.push(format!("<li><a href=\"/{file}\">{file}</a>"));
        }
    }
    let index = format!("<!doctype html><title>Gallery</title><ul>{}</ul>", index.concat());
    fs::write(folder.join("index.html"), index)?;
    println!("{} pages below {}", 3 * pages("auto", &[])?.len(), folder.canonicalize()?.display());
    Ok(())
}

fn pages(theme: &'static str, icons: &[String]) -> Result<Vec<(&'static str, String)>, askama::Error> {
    let sites = || vec![("Sites".to_owned(), "/sites".to_owned())];
    let mut outside = frame(theme, "Sign in", "");
    outside.who = None;
    outside.elsewhere.clear();
    let mut noted = frame(theme, "Components", "settings");
    noted.notices = vec![
        notice(Tone::Good, "The site is added; it is being installed."),
        notice(Tone::Warning, "web2.example is out of contact."),
        notice(Tone::Bad, "The platform was not added."),
        notice(Tone::Plain, "Nothing is changed here."),
    ];
    noted.queue = QueueBar { waiting: 12, out_of_contact: 1, paused: true, ..QueueBar::default() };
    let mut site = frame(theme, "www.harbour-museum.example", "sites");
    site.trail = sites();
    let mut task = frame(theme, "migrate", "tasks");
    task.trail = vec![("Tasks".to_owned(), "/tasks".to_owned())];
    let mut form = frame(theme, "Add a site", "sites");
    form.trail = sites();
    Ok(vec![
        ("list", List { frame: frame(theme, "Sites", "sites"), rows: rows(), choices: choices() }.render()?),
        ("overview", Overview { frame: frame(theme, "Overview", "overview"), now: NOW }.render()?),
        ("site", Site { frame: site, now: NOW }.render()?),
        ("task", a_task(task).render()?),
        (
            "form",
            Form { frame: form, errors: vec![("name", "`exa mple` is no host name")], choices: choices() }.render()?,
        ),
        ("components", parts(noted, icons).render()?),
        ("signin", SignIn { frame: outside }.render()?),
    ])
}

fn frame(theme: &'static str, title: &str, section: &'static str) -> Frame {
    let task = |id, verb: &str, object: &str, ago: i64| QueueTask {
        id,
        verb: verb.to_owned(),
        object: object.to_owned(),
        started: NOW - ago,
    };
    Frame {
        title: title.to_owned(),
        section,
        who: Some(Who { account: "admin".to_owned(), form_token: "a-token".to_owned() }),
        queue: QueueBar {
            running: 3,
            waiting: 12,
            now: vec![
                task(91, "verify", "www.harbour-museum.example", 12_000),
                task(92, "install", "shop.example", 3_000),
                task(93, "migrate", "a-rather-long-name.of-a-department.university.example", 190_000),
            ],
            ..QueueBar::default()
        },
        elsewhere: vec![
            Elsewhere {
                what: "This list".to_owned(),
                command: "aegir site list --status enabled --sort name".to_owned(),
                call: "GET /api/v1/sites?status=enabled&sort=name".to_owned(),
                body: None,
            },
            Elsewhere {
                what: "Verify".to_owned(),
                command: "aegir site verify www.harbour-museum.example".to_owned(),
                call: "POST /api/v1/sites/1204/verify".to_owned(),
                body: Some("{ \"wait\": true }".to_owned()),
            },
        ],
        theme,
        shortcuts: true,
        assets: ASSETS,
        here: "/sites".to_owned(),
        now: NOW,
        ..Frame::default()
    }
}

fn notice(tone: Tone, text: &str) -> Notice {
    Notice { tone, text: text.to_owned(), more: vec!["Because this is how it looks with a second line.".to_owned()] }
}

fn a_task(frame: Frame) -> Task {
    let lines = (1..=12_u64)
        .map(|n| {
            let level = ["info", "info", "info", "warning", "error"][(n % 5) as usize];
            let output = if n == 9 { "PHP Fatal error: Uncaught Error\n  #0 core/lib/Drupal.php(12)" } else { "" };
            (n, NOW - 43_000 + n as i64 * 900, level, format!("line {n} of what was done to `sites/default`"), output)
        })
        .collect();
    let causes = vec!["`php` ended with status 255", "Class \"WebformHandlerBase\" not found"];
    Task { frame, now: NOW, causes, ended: true, lines }
}

fn parts(frame: Frame, icons: &[String]) -> Parts {
    Parts {
        frame,
        icons: icons.to_vec(),
        consequences: vec![
            "Visitors get an error",
            "The database and 3.1 GB of files are moved to the trash of web1.example",
        ],
        survives: vec!["A last backup, until 21 Feb 2027", "What was in the trash is removed on 21 Dec 2026"],
    }
}

fn choices() -> Vec<Choice> {
    [("", "Any", true), ("standard", "Standard", true), ("minimal", "Minimal", true), ("museum", "Museum", false)]
        .into_iter()
        .enumerate()
        .map(|(n, (value, text, open))| Choice {
            value: value.to_owned(),
            text: text.to_owned(),
            hint: if open { "A sentence about it.".to_owned() } else { "The platform does not have it.".to_owned() },
            chosen: n == 1,
            open,
        })
        .collect()
}

fn rows() -> Vec<Row> {
    // What people may have typed.
    let long = "long-".repeat(40);
    let awkward =
        ["<script>alert(1)</script>", "\u{202e}txet detrevni\u{202c} אתר", long.as_str(), "🌊🌊 \u{200f}site"];
    let names = ["www.harbour-museum.example", "shop.example", "a-rather-long-name.of-a-department.university.example"];
    (0..12_usize)
        .map(|n| Row {
            id: (1200 + n).to_string(),
            name: if n < 3 {
                names[n].to_owned()
            } else if n < 8 {
                format!("site-{n}.example")
            } else {
                awkward[n - 8].to_owned()
            },
            health: [(Tone::Good, "enabled"), (Tone::Plain, "disabled"), (Tone::Bad, "failing")]
                [[0, 0, 1, 0, 2, 0][n % 6]],
            sync: [(Tone::Good, "in sync"), (Tone::Warning, "drifted"), (Tone::Busy, "verifying")]
                [[0, 0, 0, 1, 0, 2, 0][n % 7]],
            platform: ["drupal-10.3.6", "drupal-7.105"][n % 2],
            client: ["Harbour Museum", "University of Ås", "–"][n % 3],
            packages: 142 - n as u64 * 9,
            verified: NOW - 7_000_000 * n as i64,
        })
        .collect()
}

/// The names of all drawings.
fn icons(theme: &Path) -> io::Result<Vec<String>> {
    let drawings = fs::read_to_string(theme.join("assets/icons.svg"))?;
    Ok(drawings.split("id=\"i-").skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect())
}

fn copy_assets(from: &Path, to: &PathBuf) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for file in fs::read_dir(from)? {
        let file = file?;
        fs::copy(file.path(), to.join(file.file_name()))?;
    }
    Ok(())
}
