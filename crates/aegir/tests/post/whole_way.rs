//! From a task that fails, in a real front end over SQLite with a real back end, to the letter and the post.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aegir_domain::{AttemptId, FaultReport};
use aegir_hosting::{Actor, Answer, Call, Dispatcher, Hosting, News, OperationId, Outside, What, do_chores};
use aegir_store::{SecretKey, Store};
use ring::hmac;
use serde_json::Value;

use crate::hook::{Hook, answer};
use crate::mail_server::{Does, MailServer, Manner, body};
use crate::postman;
use crate::stage::{as_owner, back_ends, new_attempt};
use crate::support::{Lab, free_port, way};

/// The real time, and as much ahead of it as a test wants.
#[derive(Default)]
struct Ahead(AtomicI64);

impl Ahead {
    fn by_minutes(&self, minutes: i64) {
        self.0.fetch_add(minutes * 60_000, Ordering::Relaxed);
    }
}

impl Outside for Ahead {
    fn now(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        i64::try_from(since.as_millis()).unwrap() + self.0.load(Ordering::Relaxed)
    }

    fn attempt(&self) -> AttemptId {
        new_attempt()
    }

    fn token(&self) -> String {
        panic!("nobody asks for a token here")
    }

    fn is_gone(&self, _: &str) -> bool {
        false
    }
}

/// News as the texts of hosting have them.
pub fn some_news() -> News {
    News {
        what: What::Stuck,
        task: Some(42),
        operation: "site-add".into(),
        object: "@a.test".into(),
        server: "web1".into(),
        asked_by: "aegir".into(),
        at: 0,
        fault: Some(FaultReport { message: "grüße".into(), because: Vec::new(), remedy: None }),
        undone: Vec::new(),
        left: Vec::new(),
    }
}

/// That a request bears the signature of its own time and body. Returns the body.
pub fn must_be_signed(request: &str, secret: &str) -> Value {
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap();
    let hex = header("aegir-signature").strip_prefix("sha256=").unwrap();
    let tag: Vec<u8> = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
    let signed = format!("{}.{body}", header("aegir-timestamp"));
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hmac::verify(&key, signed.as_bytes(), &tag).expect("the signature is that of time and body");
    assert!(hmac::verify(&key, format!("{signed} ").as_bytes(), &tag).is_err());
    serde_json::from_str(body).unwrap()
}

async fn ask(hosting: &Hosting, call: Call) -> Answer {
    hosting.perform(&Actor::of_machine("aegir"), call).await.unwrap_or_else(|refusal| panic!("{:?}", refusal.report()))
}

async fn set(hosting: &Hosting, name: &str, value: &str) {
    let parameter = if name.ends_with("_secret") || name.ends_with("_password") { "secret" } else { "value" };
    ask(hosting, Call::of(OperationId::SettingSet).about(name).with(parameter, value)).await;
}

async fn state(hosting: &Hosting, task: i64) -> String {
    match ask(hosting, Call::of(OperationId::TaskShow).about(task.to_string())).await {
        Answer::Object(task) => task["state"].as_str().unwrap().to_owned(),
        other => panic!("{other:?}"),
    }
}

/// A server whose database nobody can reach: its verify fails.
async fn a_task_that_fails(hosting: &Hosting, name: &str) -> i64 {
    let call = Call::of(OperationId::ServerAdd).about(name).with("db", "mariadb").with("db_host", "127.0.0.1");
    let call = call.with("db_port", free_port()).with("db_account", "root").with("db_password", "hunter2");
    let Answer::Queued(queued) = ask(hosting, call).await else { panic!("it queues a task") };
    Dispatcher::new(hosting.clone(), "test").once().await.unwrap();
    queued.task
}

#[test]
fn a_task_that_fails_is_told_by_letter_and_post_and_those_who_are_out_are_told_later() {
    let lab = Lab::bare(way());
    as_owner(&lab, async || {
        let clock = Arc::new(Ahead::default());
        let address = format!("sqlite:{}", lab.home().join("control.sqlite").display());
        let store = Store::open(&address.parse().unwrap()).await.unwrap();
        let key = SecretKey::read_or_make(&lab.home().join("key")).unwrap();
        let hosting = Hosting::new(store, Arc::new(back_ends(&lab)), clock.clone(), Arc::new(postman()), key);
        // Nobody is there yet.
        let (mail_port, hook_port) = (free_port(), free_port());
        set(&hosting, "news_mail_to", "ops@example.org").await;
        set(&hosting, "news_mail_from", "aegir@host.test").await;
        set(&hosting, "news_mail_by", &format!("smtp://localhost:{mail_port}?tls=none")).await;
        set(&hosting, "news_webhook", &format!("http://localhost:{hook_port}/aegir")).await;
        set(&hosting, "news_webhook_secret", "key").await;

        let task = a_task_that_fails(&hosting, "db1").await;

        let ended = state(&hosting, task).await;
        assert!(matches!(ended.as_str(), "refused" | "rolled-back"), "{ended}");
        assert_eq!(hosting.send_news().await.unwrap(), 0);
        assert_eq!(state(&hosting, task).await, ended, "news that cannot be sent change no task");
        let waiting = async || hosting.store().read(async |read| read.count_unsent().await).await.unwrap();
        assert_eq!(waiting().await, 2);

        // The receiver is there; the mail server takes no letters yet.
        let hook = Hook::start_on(hook_port, None, answer("204 No Content", "", "")).await;
        let odd = Some(("MAIL", Does::Says("451 later")));
        let busy = MailServer::start_on(mail_port, Manner { odd, ..Manner::default() }).await;
        assert_eq!(hosting.send_news().await.unwrap(), 0, "nothing is tried again at once");
        clock.by_minutes(5);
        assert_eq!(hosting.send_news().await.unwrap(), 1);
        assert_eq!((waiting().await, busy.heard().calls), (1, 1));
        let server = MailServer::start(Manner::default()).await;
        set(&hosting, "news_mail_by", &server.way("smtp://", "").to_string()).await;
        clock.by_minutes(60);
        assert_eq!(hosting.send_news().await.unwrap(), 1);
        assert_eq!(waiting().await, 0);
        assert_eq!(hosting.send_news().await.unwrap(), 0, "nothing is sent twice");

        let letters = server.letters().await;
        let text = body(&letters[0]);
        for part in ["server-add of @server_db1", "Connection refused", "how to fix it", "127.0.0.1", "aegir task log"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
        let news = must_be_signed(&hook.heard()[0], "key");
        assert_eq!(news["news"]["task"], task);
        assert!(news["news"]["fault"]["message"].is_string(), "{news}");
        for all in [letters.concat(), hook.heard().concat()] {
            assert!(!all.contains("hunter2"), "{all}");
        }
        hosting.store().close().await;
    });
}

#[test]
fn a_password_of_the_mail_server_is_set_apart_and_used() {
    let lab = Lab::bare(way());
    as_owner(&lab, async || {
        let certificate = crate::tls::Certificate::of(&["localhost"]);
        let login = Some(("PLAIN", "news", "s3cret-of-mail"));
        let server =
            MailServer::start(Manner { login, wrapped: Some(certificate.acceptor()), ..Manner::default() }).await;
        let file = lab.home().join("control.sqlite");
        let store = Store::open(&format!("sqlite:{}", file.display()).parse().unwrap()).await.unwrap();
        let key = SecretKey::read_or_make(&lab.home().join("key")).unwrap();
        let postman = postman().trusting([certificate.der]);
        let back_ends = Arc::new(back_ends(&lab));
        let hosting = Hosting::new(store, back_ends, Arc::new(Ahead::default()), Arc::new(postman), key);
        let with_password = format!("smtps://news:s3cret-of-mail@localhost:{}", server.port);
        let call = Call::of(OperationId::SettingSet).about("news_mail_by").with("value", with_password);
        let refused = hosting.perform(&Actor::of_machine("aegir"), call).await.unwrap_err();
        let said = format!("{:?}", refused.report());
        assert!(said.contains("news_mail_password") && !said.contains("s3cret"), "{said}");
        set(&hosting, "news_mail_to", "ops@example.org").await;
        set(&hosting, "news_mail_by", &server.way("smtps://news@", "").to_string()).await;
        set(&hosting, "news_mail_password", "s3cret-of-mail").await;

        a_task_that_fails(&hosting, "db1").await;
        hosting.send_news().await.unwrap();

        assert_eq!(server.letters().await.len(), 1);
        let asked = ask(&hosting, Call::of(OperationId::SettingList)).await;
        assert!(!format!("{asked:?}").contains("s3cret"));
        hosting.store().close().await;
        let written = std::fs::read(&file).unwrap();
        assert!(!written.windows(14).any(|bytes| bytes == b"s3cret-of-mail"), "it lies nowhere in the open");
    });
}

#[test]
fn a_mail_server_that_says_nothing_keeps_no_front_end_from_stopping() {
    let lab = Lab::bare(way());
    as_owner(&lab, async || {
        let odd = Some(("", Does::Stalls));
        let server = MailServer::start(Manner { odd, ..Manner::default() }).await;
        let address = format!("sqlite:{}", lab.home().join("control.sqlite").display());
        let store = Store::open(&address.parse().unwrap()).await.unwrap();
        let key = SecretKey::read_or_make(&lab.home().join("key")).unwrap();
        let back_ends = Arc::new(back_ends(&lab));
        let clock = Arc::new(Ahead::default());
        let hosting = Hosting::new(store, back_ends, clock.clone(), Arc::new(postman()), key);
        set(&hosting, "news_mail_to", "ops@example.org").await;
        set(&hosting, "news_mail_by", &server.way("smtp://", "").to_string()).await;
        let task = a_task_that_fails(&hosting, "db1").await;
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let chores = tokio::spawn(do_chores(hosting.clone(), stopped));
        while server.heard().calls == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }

        stop.send(true).unwrap();
        tokio::time::timeout(Duration::from_secs(12), chores).await.expect("it stops").unwrap();

        assert!(matches!(state(&hosting, task).await.as_str(), "refused" | "rolled-back"));
        // Nothing is lost by that.
        let server = MailServer::start(Manner::default()).await;
        set(&hosting, "news_mail_by", &server.way("smtp://", "").to_string()).await;
        clock.by_minutes(5);
        hosting.send_news().await.unwrap();
        assert_eq!(server.letters().await.len(), 1);
        hosting.store().close().await;
    });
}
