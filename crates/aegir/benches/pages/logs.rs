//! Many open logs: what the front end takes for them, and how late a line comes.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aegir_domain::TaskKind;
use aegir_hosting::{Call, OperationId, Outside as _};
use aegir_lab::pretend::{Plan, PretendFront};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::pages::{Found, ms};
use crate::serve::{Panel, request};

/// How many logs are open.
const OPEN: usize = 200;
/// How many tasks say something meanwhile, each followed by as many.
const TASKS: [&str; 4] = ["@one.test", "@two.test", "@three.test", "@four.test"];
/// How often each says a line.
const PACE: Duration = Duration::from_millis(200);
/// How long it is looked at.
const LOOK: Duration = Duration::from_secs(20);

/// A front end of its own, as `aegir serve` is one, whose tasks talk; and one whose install failed.
pub async fn front_end(home: &Path) {
    let front = PretendFront::in_folder(home).await;
    front.first_site().await;
    let web1 = front.back_ends.machine("web1");
    for name in TASKS {
        let add = Call::of(OperationId::SiteAdd).about(name.trim_start_matches('@')).with("platform", "d10");
        front.queue(add).await;
    }
    front.work().await;
    web1.wants_password("another");
    front.queue(Call::of(OperationId::SiteAdd).about("shop.example.org").with("platform", "d10")).await;
    front.work().await;
    let says = (0..2_000).fold(Plan::default(), |plan, n| plan.saying(format!("copied folder {n} of many")));
    let mut tasks = Vec::new();
    for name in TASKS {
        web1.plan(TaskKind::VerifySite, name, Plan { pause: PACE, ..says.clone() });
        tasks.push(front.queue(Call::of(OperationId::SiteVerify).about(name.trim_start_matches('@'))).await);
    }
    let (stop, told) = watch::channel(false);
    let panel = Panel::over(front.clone(), "bench").await;
    let ahead = now() - front.outside.now();
    println!("{}", json!({ "origin": panel.origin, "secret": panel.secret, "tasks": tasks, "ahead": ahead }));
    let working = tokio::spawn(async move { front.work_until(told).await });
    tokio::task::spawn_blocking(|| std::io::stdin().lines().for_each(drop)).await.unwrap();
    stop.send(true).unwrap();
    working.abort();
    std::process::exit(0);
}

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// Measures them, and the ways through the panel that are counted in clicks.
pub async fn measure(dir: &Path, logs: bool, browser: bool) -> usize {
    let home = dir.join("logs");
    std::fs::create_dir(&home).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .arg("front-end")
        .arg(&home)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
    let told: Value = serde_json::from_str(&said).unwrap();
    let mut missed = 0;
    if browser {
        let (origin, secret) = (told["origin"].as_str().unwrap(), told["secret"].as_str().unwrap());
        let found = Found { site: "shop.example.org".into(), node: 0, task: 0 };
        missed += crate::browser("clicks", origin, secret, &found);
    }
    if logs {
        open(child.id(), &told).await;
    }
    drop(child.stdin.take());
    child.wait().unwrap();
    missed
}

async fn open(front_end: u32, told: &Value) {
    let before = memory(front_end);
    let port: u16 = told["origin"].as_str().unwrap().rsplit_once(':').unwrap().1.parse().unwrap();
    let ahead = told["ahead"].as_i64().unwrap();
    let until = Instant::now() + LOOK;
    let mut readers = tokio::task::JoinSet::new();
    for n in 0..OPEN {
        let task = told["tasks"][n % TASKS.len()].as_i64().unwrap();
        let asked = request(&format!("/tasks/{task}/events"), told["secret"].as_str().unwrap());
        readers.spawn(async move { read(port, asked, ahead, until).await });
    }
    let mut late = Vec::new();
    let mut most = 0.0_f64;
    loop {
        tokio::select! {
            one = readers.join_next() => match one {
                Some(one) => late.extend(one.unwrap()),
                None => break,
            },
            () = tokio::time::sleep(Duration::from_millis(500)) => most = most.max(memory(front_end)),
        }
    }
    late.sort_unstable();
    let at = |percent: usize| ms(Duration::from_millis(late[(late.len() - 1) * percent / 100].try_into().unwrap_or(0)));
    let each = PACE.as_millis();
    println!("     memory of the front end: {before:.0} MB, and {most:.0} MB at the most with {OPEN} open logs");
    println!(
        "     a line in {OPEN} open logs, from its machine to its reader: median {}, p95 {}, the latest {} ({} lines; {} \
         tasks say one each {each} ms)",
        at(50),
        at(95),
        at(100),
        late.len(),
        TASKS.len()
    );
}

/// Follows a log; how late its new lines came, in milliseconds. What was said before it was opened is no news.
async fn read(port: u16, asked: String, ahead: i64, until: Instant) -> Vec<i64> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(asked.as_bytes()).await.unwrap();
    let opened = now();
    let mut lines = tokio::io::BufReader::new(stream).lines();
    let mut late = Vec::new();
    let mut last = 0;
    while let Ok(Ok(Some(line))) = tokio::time::timeout_at(until.into(), lines.next_line()).await {
        let Some(said) = line.strip_prefix("data:") else { continue };
        let Ok(said) = serde_json::from_str::<Value>(said.trim()) else { continue };
        let (Some(n), Some(at)) = (said["n"].as_u64(), said["at"].as_i64()) else { continue };
        assert_eq!(n, last + 1, "each line once, in order");
        last = n;
        let at = at + ahead;
        if at > opened {
            late.push(now() - at);
        }
    }
    assert!(last > 10, "the log goes on");
    late
}

/// What a process takes now, in MB.
fn memory(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    kilobytes.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}
