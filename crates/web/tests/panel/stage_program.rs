//! The panel over the real front end, whose machines pretend, for browsers: says its address with a one-time link, carries
//! out what is queued, and ends when its standard input does, or when it is told to (SIGTERM).
//!
//! ```text
//! panel [PORT [HOME]]     a HOME that was used before is gone on with, as a front end does that was restarted
//! ```

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "a stage for tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aegir_domain::{Context, TaskKind};
use aegir_hosting::{Answer, Call, OperationId, Outside as _, Permission};
use aegir_lab::pretend::{Ends, Plan, PretendFront, add_platform, add_server, package};
use aegir_web::panel::{PanelRoute, routes};
use aegir_web::{Limits, PanelWay, Server, Ways};
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

mod machine;

use machine::Machine;

/// How much the task says that is followed through a restart.
const LINES: usize = 300;

#[tokio::main]
async fn main() {
    let mut words = std::env::args().skip(1);
    let port = words.next().and_then(|port| port.parse().ok()).unwrap_or(0);
    let spare = tempfile::tempdir().unwrap();
    let home = words.next().map_or_else(|| spare.path().to_owned(), PathBuf::from);
    let machines = home.join("machines.json");
    let front = PretendFront::in_folder(&home).await;
    let before = fs::read(&machines).ok();
    match &before {
        Some(written) => go_on(&front, &serde_json::from_slice(written).unwrap()),
        None => furnish(&front).await,
    }
    let panel = Some(PanelWay { people: Arc::new(front.hosting.clone()), host: None });
    let ways = Ways { socket: None, tcp: Some(([127, 0, 0, 1], port).into()), panel };
    let outside = Arc::new(Machine::of(&front));
    let server = Server::bind(Arc::new(front.hosting.clone()), outside, ways, Limits::default()).await.unwrap();
    let address = server.address().unwrap();
    front.hosting.panel_is_at(address);
    if before.is_some() {
        println!("http://localhost:{}/", address.port());
    } else {
        let token = front.token("stage", &Permission::ALL).await;
        let Ok(Answer::Object(link)) = front.ask(Call::of(OperationId::AccountAdd).about("admin")).await else {
            panic!("there is no account yet")
        };
        println!("{} {token}", link["link"].as_str().unwrap());
    }
    let (stop, told) = watch::channel(false);
    let working = tokio::spawn({
        let front = front.clone();
        async move { front.work_until(told).await }
    });
    let told = tokio::task::spawn_blocking({
        let front = front.clone();
        let machines = machines.clone();
        move || std::io::stdin().lines().map_while(Result::ok).for_each(|line| do_as_told(&front, &machines, &line))
    });
    let mut ends = signal(SignalKind::terminate()).unwrap();
    server
        .serve(async {
            tokio::select! {
                _ = told => (),
                _ = ends.recv() => (),
            }
        })
        .await;
    stop.send(true).unwrap();
    working.await.unwrap();
    write_down(&front, &machines);
    // Standard input is still read, by a thread that nothing else ends.
    std::process::exit(0);
}

/// Keeps what machines have, and do: they go on when a front end does not.
fn write_down(front: &PretendFront, machines: &Path) {
    let kept = json!({ "now": front.outside.now(), "machines": front.back_ends.written_down() });
    fs::write(machines, kept.to_string()).unwrap();
}

/// Goes on where the front end before it ended, whose home this is.
fn go_on(front: &PretendFront, kept: &Value) {
    // The same hour, and no name a second time.
    front.outside.jump(kept["now"].as_i64().unwrap() - front.outside.now() + 1_000);
    front.outside.begins_after(front.outside.now().unsigned_abs());
    plan_a_long_one(front);
    plan_a_batch(front);
    front.back_ends.take_up(&kept["machines"]);
}

/// What a story has happen on machines, in a line; each is answered by a line.
fn do_as_told(front: &PretendFront, machines: &Path, line: &str) {
    let words: Vec<&str> = line.split(' ').collect();
    let answer = match words[..] {
        ["routes"] => {
            let told = |route: &PanelRoute| json!([route.method.as_str(), route.path]);
            routes().iter().map(told).collect::<Value>().to_string()
        }
        ["dies"] => {
            // As if it were killed: nothing is closed or told, and whatever it was at stays as it is.
            write_down(front, machines);
            std::process::exit(137);
        }
        ["batch-is-mended"] => {
            front.back_ends.machine("web2").plan(TaskKind::MigrateSite, None, Plan::default());
            "done".into()
        }
        ["release", machine, object] => {
            front.back_ends.machine(machine).release(object);
            "done".into()
        }
        ["talks", "site16.example.org"] => {
            plan_a_long_one(front);
            "done".into()
        }
        ["wants-password", machine, password] => {
            front.back_ends.machine(machine).wants_password(password);
            "done".into()
        }
        _ => panic!("the stage does not know `{line}`"),
    };
    println!("{answer}");
}

/// Moves on `web2` take a moment, and four of a batch fail, each for a reason of its own.
fn plan_a_batch(front: &PretendFront) {
    let web2 = front.back_ends.machine("web2");
    let takes = Plan { pause: Duration::from_millis(250), ..Plan::default() };
    web2.plan(TaskKind::MigrateSite, None, takes.clone());
    let fails = [
        (
            "@move06.example.org",
            Ends::RolledBack,
            "the update 7003 of the module `registration` failed: Unknown column 'seats' in 'field list'",
            "put the module right on the new platform, then try again",
        ),
        (
            "@move14.example.org",
            Ends::RolledBack,
            "`files/reports/2019.pdf` cannot be read: Input/output error",
            "bring the file back from a backup, or delete it, then try again",
        ),
        (
            "@move22.example.org",
            Ends::RolledBack,
            "there is no room left where databases lie",
            "make room there, then try again",
        ),
        (
            "@move27.example.org",
            Ends::Refused,
            "the hook `check.d/10-freeze` says no: frozen until the end of the campaign",
            "ask whoever put it there, or move the site later",
        ),
    ];
    for (site, ends, what, remedy) in fails {
        let fails = Plan { pause: takes.pause, ..Plan::ends_because(ends, what, remedy) };
        web2.plan(TaskKind::MigrateSite, site, fails);
    }
}

/// A task that says much, and takes its time: it is followed through a restart.
fn plan_a_long_one(front: &PretendFront) {
    let says = |n| format!("copied folder {n:03} of {LINES}");
    let plan = (1..=LINES).fold(Plan::default(), |plan, n| plan.saying(says(n)));
    let plan = Plan { pause: Duration::from_millis(40), ..plan };
    front.back_ends.machine("web1").plan(TaskKind::VerifySite, "@site16.example.org", plan);
}

/// What lists and pages of objects show besides: packages with releases, a found site, a site that was not made, sides that
/// differ, fields of the operator's own, a machine behind ssh whose key nobody trusts yet.
async fn furnish_odd_ones(front: &PretendFront) {
    let web1 = front.back_ends.machine("web1");
    let packages = vec![package("module", "views", "10.3.6"), package("module", "pathauto", "8.x-1.13")];
    let found_sites = vec!["found.example.org".into(), "another.example.org".into()];
    web1.plan(
        TaskKind::VerifyPlatform,
        "@platform_d10",
        Plan { packages: packages.clone(), found_sites, ..Plan::default() },
    );
    let older = vec![package("module", "pathauto", "8.x-1.12"), package("theme", "harbour", "")];
    web1.plan(TaskKind::VerifySite, "@site01.example.org", Plan { packages, ..Plan::default() });
    web1.plan(TaskKind::VerifySite, "@site02.example.org", Plan { packages: older, ..Plan::default() });
    front.queue(Call::of(OperationId::PlatformVerify).about("d10")).await;
    for site in ["site01.example.org", "site02.example.org"] {
        front.queue(Call::of(OperationId::SiteVerify).about(site)).await;
    }
    web1.plan_once(TaskKind::InstallSite, "@broken.example.org", Plan::ends(Ends::RolledBack));
    front.queue(Call::of(OperationId::SiteAdd).about("broken.example.org").with("platform", "d10")).await;
    front.queue(add_server("web3").with("ssh_host", "192.0.2.7")).await;
    let field = Call::of(OperationId::FieldAdd).about("contract").with("kind", "site").with("title", "Contract");
    front.ask(field).await.unwrap();
    front
        .queue(Call::of(OperationId::SiteEdit).about("site03.example.org").with("field", vec!["contract=C-17 <gold>"]))
        .await;
    front.work().await;
    for name in ["@site05.example.org", "@site06.example.org"] {
        let machine = front.back_ends.machine(if name.contains("06") { "web2" } else { "web1" });
        let Some(Context::Site(mut site)) = machine.context(name) else { continue };
        site.mail = "theirs@example.org".parse().unwrap();
        machine.put_context(Context::Site(site));
    }
    front.look().await;
}

/// A fleet that has what pages show: servers, platforms, forty sites, tasks that ended well and ill, one that runs long.
async fn furnish(front: &PretendFront) {
    plan_a_batch(front);
    front.first_site().await;
    front.queue(add_server("web2")).await;
    front.work().await;
    front.queue(add_platform("drupal_10", "web2")).await;
    front.queue(add_platform("commons_7", "web1")).await;
    front.work().await;
    for n in 1..=42 {
        let name = format!("site{n:02}.example.org");
        front
            .queue(
                Call::of(OperationId::SiteAdd)
                    .about(name)
                    .with("platform", if n % 3 == 0 { "drupal_10" } else { "d10" }),
            )
            .await;
    }
    front.work().await;
    furnish_odd_ones(front).await;
    front.back_ends.machine("web1").plan(None, "@site07.example.org", Plan::ends(Ends::RolledBack));
    front.back_ends.machine("web1").plan(None, "@site10.example.org", Plan::ends(Ends::Stuck));
    front.back_ends.machine("web1").plan(None, "@site11.example.org", Plan::ends(Ends::Refused));
    for name in ["site07.example.org", "site10.example.org", "site11.example.org", "site12.example.org"] {
        front.queue(Call::of(OperationId::SiteVerify).about(name)).await;
    }
    front.work().await;
    front.back_ends.machine("web1").plan(None, "@site13.example.org", Plan::holds());
    for name in ["site13.example.org", "site14.example.org"] {
        front.queue(Call::of(OperationId::SiteVerify).about(name)).await;
    }
}
