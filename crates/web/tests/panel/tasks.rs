//! Tasks, the queue, the overview, and what is found.

use std::sync::atomic::Ordering;
use std::time::Duration;

use aegir_domain::protocol::{Level, Said};
use aegir_hosting::{Call, OperationId as Id};
use aegir_lab::pretend::{Ends, Plan, add_platform};
use aegir_web::Limits;
use serde_json::Value;

use crate::gate::{ADMIN, GUEST};
use crate::live_stage::{Panel, between};

fn verify(name: &str) -> Call {
    Call::of(Id::SiteVerify).about(name)
}

fn says(text: &str, output: Option<&str>) -> Said {
    Said::Log { level: Level::Info, text: text.into(), output: output.map(str::to_owned) }
}

/// The numbers of the lines on a page, in their order.
fn lines(page: &str) -> Vec<u64> {
    between(page, " id=\"line-1-", "\"").iter().map(|n| n.parse().unwrap()).collect()
}

/// The address behind a link of this text.
fn link<'a>(page: &'a str, text: &str) -> Option<&'a str> {
    let before = page.split_once(&format!(">{text}</a>"))?.0;
    let (_, tag) = before.rsplit_once("<a ")?;
    tag.split_once("href=\"")?.1.split_once('"').map(|(href, _)| href)
}

fn unescaped(text: &str) -> String {
    text.replace("&#38;", "&").replace("&amp;", "&")
}

#[test]
fn a_failure_is_two_clicks_from_its_cause_and_its_remedy() {
    let panel = Panel::over(async |front| {
        front.first_site().await;
        front.back_ends.machine("web1").plan(None, "@a.test", Plan::ends(Ends::Stuck).saying("before it failed"));
        front.queue(verify("a.test")).await;
        front.work().await;
    });

    let overview = panel.page("/");
    let failing = between(&overview, "id=\"failing\"", "</section>")[0];
    let task = link(failing, "Verify a.test").unwrap();
    let page = panel.page(task);

    assert!(failing.contains("it was told to fail") && failing.contains("stuck"), "{failing}");
    let problem = between(&page, "<section class=\"problem", "</section>")[0];
    for told in ["it was told to fail", "tell it otherwise", "What is left", "the undo was told to fail"] {
        assert!(problem.contains(told), "{told}: {problem}");
    }
    assert!(problem.contains(&format!("action=\"/do/task-retry/{}\"", task.trim_start_matches("/tasks/"))));
    assert!(page.find("class=\"problem") < page.find("data-log"), "what went wrong stands above the log");
    let open = between(&page, "<details open>", "</details>")[0];
    assert!(open.contains("pretend") && open.contains("before it failed"), "{open}");
    let decide = between(&overview, "id=\"decide\"", "</section>")[0];
    assert_eq!(link(decide, "Verify a.test"), Some(task));
}

#[test]
fn a_log_goes_on_where_the_page_ends_without_loss_or_doubling() {
    let mut panel = Panel::over(async |front| {
        front.first_site().await;
        let plan = Plan { floods: 1_200, ..Plan::holds() };
        front.back_ends.machine("web1").plan(None, "@a.test", plan);
    });
    let task = panel.does(panel.front.queue(verify("a.test")));
    panel.works();
    let path = format!("/tasks/{task}");
    let mut page = panel.page(&path);
    for _ in 0..500 {
        if between(&page, "data-last=\"", "\"")[0] == "1.1204" {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
        page = panel.page(&path);
    }
    assert_eq!(lines(&page), (705..=1204).collect::<Vec<_>>(), "the newest page is shown");

    let log = page.split_once("data-log ").unwrap().1;
    let events = unescaped(between(log, "data-events=\"", "\"")[0]);
    let after = between(log, "data-last=\"", "\"")[0];
    let mut first = panel.follow(&format!("{events}?after=1.1100"), None);
    let mut heard: Vec<String> = (0..50).map(|_| first.next_event().unwrap().id).collect();
    drop(first);
    // A browser asks the same address again, and says by a header how far it came.
    let mut again = panel.follow(&format!("{events}?after=1.1100"), heard.last().map(String::as_str));
    heard.extend((0..54).map(|_| {
        let event = again.next_event().unwrap();
        assert_eq!(event.name, "line", "{event:?}");
        event.id
    }));
    panel.front.back_ends.machine("web1").release("@a.test");
    let mut live = panel.follow(&format!("{events}?after={after}"), None);
    let mut end = Vec::new();
    while let Some(event) = live.next_event() {
        end.push((event.name, event.id));
    }

    assert_eq!(heard, (1101..=1204).map(|n| format!("1.{n}")).collect::<Vec<_>>());
    let ids: Vec<_> = end.iter().map(|(_, id)| id.as_str()).collect();
    assert_eq!(ids, ["1.1205", "1.1206", "1.1207", ""], "{end:?}");
    assert_eq!(end.last().map(|(name, _)| name.as_str()), Some("ended"));
    let part = panel.page(&format!("/fragments/task/{task}"));
    assert!(part.contains("succeeded") && !part.contains("hx-get"), "an ended task is not asked for again: {part}");
}

#[test]
fn every_line_is_on_one_page_has_a_link_for_good_and_is_in_the_file() {
    let panel = Panel::over(async |front| {
        front.first_site().await;
        let plan = Plan { floods: 3_000, ..Plan::default() };
        front.back_ends.machine("web1").plan(None, "@a.test", plan);
        front.queue(verify("a.test")).await;
        front.work().await;
    });
    let overview = panel.page("/find?q=a.test");
    assert!(overview.contains("/sites/a.test"));
    let task = panel.does(async {
        let call = Call::of(Id::TaskList).with("operation", vec!["site verify"]).with("limit", 1);
        let Ok(aegir_hosting::Answer::Page { items, .. }) = panel.front.ask(call).await else { panic!("no tasks") };
        items[0]["id"].as_i64().unwrap()
    });

    let mut page = panel.page(&format!("/tasks/{task}?from=1"));
    let mut seen = lines(&page);
    while let Some(later) = link(&page, "Later") {
        let later = unescaped(later);
        page = panel.page(later.split_once('#').unwrap().0);
        seen.extend(lines(&page));
    }
    let permanent = between(&page, "href=\"?line=1.3001", "\"")[0];
    let with_line = panel.page(&format!("/tasks/{task}?line=1.1234"));
    let file = panel.download(&format!("/tasks/{task}/log.txt"));

    assert_eq!(seen, (1..=3_007).collect::<Vec<_>>());
    assert_eq!(permanent, "#line-1-3001");
    assert!(with_line.contains("id=\"line-1-1234\""));
    assert_eq!(file.lines().count(), 2 + 3_007);
    assert!(file.contains("line 2999 of many") && file.ends_with("succeeded\n"), "{}", &file[file.len() - 200..]);
    for cut in ["?line=1.99999", "?attempt=9", "?from=99999", "?line=%3Cb%3E", "?from=-1&attempt=x"] {
        assert_eq!(panel.as_(ADMIN, &format!("/tasks/{task}{cut}")).status, 200, "{cut}");
    }
    for unknown in ["/tasks/0", "/tasks/999999", "/tasks/a%3Cb%3E", "/tasks/-1/events", "/tasks/x/log.txt"] {
        let reply = panel.as_(ADMIN, unknown);
        assert_eq!(reply.status, 404, "{unknown}");
        assert!(!reply.body.contains("a<b>"));
    }
}

#[test]
fn a_stream_does_not_keep_its_session_open_and_ends_with_it() {
    let limits = Limits { token: Duration::from_millis(50), ..Limits::default() };
    let panel = Panel::with(limits, async |front| front.first_site().await);
    let task = panel.does(panel.front.queue(verify("a.test")));
    let mut changes = panel.follow("/events", None);
    let mut log = panel.follow(&format!("/tasks/{task}/events"), None);
    let (uses, peeks) = (panel.gate.uses.load(Ordering::SeqCst), panel.gate.peeks.load(Ordering::SeqCst));
    panel.page("/fragments/queue");
    std::thread::sleep(Duration::from_millis(2_500));
    let peeked = panel.gate.peeks.load(Ordering::SeqCst) - peeks;

    panel.gate.shut.store(true, Ordering::SeqCst);
    let ends = [&mut changes, &mut log].map(|stream| {
        let mut last = None;
        while let Some(event) = stream.next_event() {
            last = Some(event);
        }
        last.unwrap()
    });

    assert_eq!((uses, panel.gate.uses.load(Ordering::SeqCst)), (0, 0), "what pages ask by themselves is no use");
    assert!(peeked >= 2, "{peeked}");
    for end in ends {
        assert_eq!(end.name, "trouble");
        assert_eq!(end.json()["detail"], "the session has ended");
    }
    let again = panel.as_(ADMIN, "/events");
    assert_eq!((again.status, again.header("location")), (303, Some("/sign-in?to=%2Fevents")));
}

#[test]
fn the_queue_says_what_waits_for_what_and_who_may_stop_it() {
    let panel = Panel::over(async |front| {
        front.first_site().await;
        front.ask(Call::of(Id::QueuePause)).await.unwrap();
        front.queue(verify("a.test")).await;
    });

    let page = panel.page("/queue");
    let viewed = panel.as_(GUEST, "/queue").body;
    let task = unescaped(link(&page, "Verify a.test").unwrap());
    let waiting = panel.page(&task);
    let viewed_task = panel.as_(GUEST, &task).body;

    assert!(page.contains("The queue is paused") && page.contains("the queue is paused"), "{page}");
    let all = between(&page, "id=\"all\"", "</section>")[0];
    assert!(all.contains("action=\"/do/queue-resume\"") && !all.contains("action=\"/do/queue-pause\""), "{all}");
    assert!(page.contains("name=\"server\" value=\"web1\""));
    assert!(waiting.contains("It waits: the queue is paused"), "{waiting}");
    assert!(waiting.contains("action=\"/do/task-cancel/"));
    assert!(viewed.contains("needs the permission") && !viewed.contains("action=\"/do/"), "{viewed}");
    assert!(viewed_task.contains("needs the permission") && !viewed_task.contains("action=\"/do/"));
    let audit = panel.does(panel.front.ask(Call::of(Id::AuditList).with("actor", "guest"))).unwrap();
    let aegir_hosting::Answer::Page { items, .. } = audit else { panic!("{audit:?}") };
    assert_eq!(items, [] as [Value; 0], "to look at a page is not told as an attempt");
}

#[test]
fn what_others_said_is_text_wherever_it_is_shown() {
    let hostile = "</span><script>alert(1)</script>\u{202e}\u{1b}[31m😀";
    let panel = Panel::over(async |front| {
        front.first_site().await;
        let mut plan = Plan::ends(Ends::RolledBack);
        plan.says = vec![says(hostile, Some(&format!("</pre>{hostile}")))];
        front.back_ends.machine("web1").plan(None, "@a.test", plan);
        front.queue(verify("a.test")).await;
        front.work().await;
    });
    let task = panel.page("/");
    let task = link(&task, "Verify a.test").unwrap().to_owned();

    let pages = [
        panel.page(&task),
        panel.page(&format!("/fragments/task/{}", task.trim_start_matches("/tasks/"))),
        panel.page("/find?q=%3C%2Fspan%3E%3Cscript%3Ealert(1)"),
        panel.page(&format!("/find?q={}", "a%3C".repeat(1_000))),
    ];
    let file = panel.download(&format!("{task}/log.txt"));

    for page in &pages {
        assert!(!page.contains("<script>alert"), "{page}");
    }
    assert!(pages[0].contains("&#60;script&#62;alert(1)"), "{}", pages[0]);
    assert!(file.contains("<script>") && !file.contains('\u{1b}'), "{file}");
}

#[test]
fn a_new_installation_says_what_to_do_first() {
    let panel = Panel::over(async |_| ());

    let empty = panel.page("/");
    panel.does(async {
        panel.front.queue(aegir_lab::pretend::add_server("web1")).await;
        panel.front.work().await;
    });
    let with_server = panel.page("/");
    panel.does(async {
        panel.front.queue(add_platform("d10", "web1")).await;
        panel.front.work().await;
        panel.front.queue(Call::of(Id::SiteAdd).about("a.test")).await;
    });
    let with_site = panel.page("/");

    assert!(empty.contains("href=\"/do/server-add\"") && empty.contains("aegir server add web1"), "{empty}");
    assert!(!empty.contains("href=\"/do/platform-add\""));
    assert!(with_server.contains("href=\"/do/platform-add\"") && !with_server.contains("href=\"/do/server-add\""));
    assert!(!with_site.contains("What to do first"));
}

#[test]
fn a_name_a_number_and_a_verb_are_found_as_far_as_one_may() {
    let panel = Panel::over(async |front| front.first_site().await);
    let found = |secret: &str, typed: &str| -> Vec<(String, String)> {
        let reply = panel.as_(secret, &format!("/fragments/find?q={typed}"));
        let offers: Vec<Value> = serde_json::from_str(&reply.body).unwrap();
        let text = |offer: &Value, name: &str| offer[name].as_str().unwrap().to_owned();
        offers.iter().map(|offer| (text(offer, "kind"), text(offer, "href"))).collect()
    };
    let has = |found: &[(String, String)], kind: &str, href: &str| {
        found.iter().any(|offer| (offer.0.as_str(), offer.1.as_str()) == (kind, href))
    };

    assert!(has(&found(ADMIN, "a.te"), "site", "/sites/a.test"));
    assert!(has(&found(ADMIN, "D1"), "platform", "/platforms/d10"));
    assert!(has(&found(ADMIN, "web"), "server", "/servers/web1"));
    assert!(has(&found(ADMIN, "verify+a.te"), "do", "/do/site-verify/a.test"));
    assert!(has(&found(ADMIN, "verify+site+a"), "do", "/do/site-verify/a.test"));
    assert!(has(&found(ADMIN, "3"), "task", "/tasks/3"));
    assert!(has(&found(ADMIN, "add+site"), "do", "/do/site-add"));
    assert!(has(&found(ADMIN, "set"), "page", "/settings"));
    assert_eq!(found(GUEST, "verify+a.te"), []);
    assert!(has(&found(GUEST, "a.te"), "site", "/sites/a.test"));
    assert!(!found(ADMIN, "").is_empty());
}
