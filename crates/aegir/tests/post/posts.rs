//! Posts to a webhook.

use std::time::{Duration, Instant};

use aegir_domain::Password;
use aegir_hosting::{Post, Postman, WebhookAddress};

use crate::hook::{Does, Hook, answer};
use crate::tls::Certificate;
use crate::{impatient, postman, run, told};

fn post() -> Post {
    Post {
        body: r#"{"version":1,"news":"grüße"}"#.into(),
        timestamp: "1700000000".into(),
        signature: Some("sha256=00ff".into()),
    }
}

#[test]
fn a_post_is_one_request_with_its_time_and_signature() {
    run(async {
        let hook = Hook::start(answer("200 OK", "", "thanks")).await;

        postman().post(&hook.address("http://", "/a/b?key=c%20d"), &post()).await.unwrap();

        let version = env!("CARGO_PKG_VERSION");
        let heard = hook.heard();
        assert_eq!(
            heard[0].replace("\r\n", "\n"),
            format!(
                "POST /a/b?key=c%20d HTTP/1.1\nhost: localhost:{}\nuser-agent: Aegir/{version}\n\
                 content-type: application/json\nconnection: close\naegir-timestamp: 1700000000\n\
                 aegir-signature: sha256=00ff\ncontent-length: 30\n\n{}",
                hook.port,
                post().body
            )
        );

        let unsigned = Post { signature: None, ..post() };
        postman().post(&hook.address("http://", ""), &unsigned).await.unwrap();
        assert!(!hook.heard()[1].contains("aegir-signature"));
    });
}

#[test]
fn any_success_is_one_and_its_text_is_not_read() {
    run(async {
        for status in ["200 OK", "201 Created", "202 Accepted", "204 No Content", "299 Fine"] {
            let hook = Hook::start(answer(status, "", "")).await;
            postman().post(&hook.address("http://", "/"), &post()).await.unwrap();
        }
        let began = Instant::now();
        for does in [
            Does::Floods("HTTP/1.1 200 OK\r\n\r\n", "text"),
            Does::Stalls("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"),
            Does::Says("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbroken off".into()),
            Does::Says("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n".into()),
            Does::Says("HTTP/1.0 200 OK\r\n\r\n".into()),
        ] {
            let hook = Hook::start(does.clone()).await;
            let sent = postman().post(&hook.address("http://", "/"), &post()).await;
            assert!(sent.is_ok(), "{does:?}: {sent:?}");
        }
        assert!(began.elapsed() < Duration::from_secs(15));
    });
}

#[test]
fn a_refusal_is_told_with_its_status_and_without_what_may_be_secret() {
    run(async {
        for (status, remedy) in [("400 Bad", false), ("404 Not Found", true), ("410 Gone", true), ("500 Oops", false)] {
            let hook =
                Hook::start(answer(status, "", "no\r\n\u{1b}[2Jtoken hunter2-T0KEN in /hooks/hunter2-T0KEN")).await;
            let address = hook.address("http://", "/hooks/hunter2-T0KEN?id=hunter2-T0KEN");

            let said = told(postman().post(&address, &post()).await);

            let code = status.split(' ').next().unwrap();
            assert!(
                said.contains(&format!("`http://localhost:{}` answered with status {code}: no", hook.port)),
                "{said}"
            );
            assert_eq!(said.contains("`news_webhook`"), remedy, "{said}");
            assert!(!said.contains("hunter2") && !said.contains("T0KEN") && !said.contains('\u{1b}'), "{said:?}");
        }
    });
}

#[test]
fn a_redirect_is_not_followed() {
    run(async {
        let elsewhere = Hook::start(answer("200 OK", "", "")).await;
        for status in ["301 Moved", "302 Found", "303 See", "307 There", "308 There"] {
            let location = format!("Location: http://localhost:{}/hunter2-T0KEN\r\n", elsewhere.port);
            let hook = Hook::start(answer(status, &location, "")).await;

            let said = told(postman().post(&hook.address("http://", "/a"), &post()).await);

            assert!(said.contains("has moved") && said.contains(&elsewhere.port.to_string()), "{said}");
            assert!(!said.contains("hunter2"), "{said}");
        }
        assert_eq!(elsewhere.calls(), 0);
    });
}

#[test]
fn a_receiver_that_stalls_or_never_ends_is_given_up_in_time() {
    run(async {
        for does in [
            Does::Stalls(""),
            Does::Stalls("HTTP/1.1 200 OK\r\nX: y"),
            Does::Floods("HTTP/1.1 200 OK\r\n", "X: y\r\n"),
            Does::Floods("", "no answer at all "),
            Does::Floods("HTTP/1.1 500 Oops\r\n\r\n", "text "),
            Does::Stalls("HTTP/1.1 500 Oops\r\nContent-Length: 1000\r\n\r\nso far"),
        ] {
            let hook = Hook::start(does.clone()).await;
            let began = Instant::now();

            let said = told(impatient().post(&hook.address("http://", "/"), &post()).await);

            assert!(said.len() < 1000, "{said}");
            assert!(began.elapsed() < Duration::from_secs(10), "{does:?}");
        }
        let hook = Hook::start(Does::Stalls("HTTP/1.1 500 Oops\r\nContent-Length: 1000\r\n\r\nso far")).await;
        let said = told(postman().post(&hook.address("http://", "/"), &post()).await);
        assert!(said.contains("status 500: so far"), "a status that was said is told: {said}");
    });
}

#[test]
fn a_receiver_that_speaks_something_else_is_told() {
    run(async {
        for does in [Does::Closes, Does::Says("SSH-2.0-OpenSSH_9.2\r\n".into()), Does::Says(String::new())] {
            let hook = Hook::start(does.clone()).await;
            let said = told(postman().post(&hook.address("http://", "/hunter2"), &post()).await);
            assert!(said.contains("broke off or said what nobody understands"), "{does:?}: {said}");
            assert!(!said.contains("hunter2"), "{said}");
        }
        let port = crate::support::free_port();
        let address: WebhookAddress = format!("http://127.0.0.1:{port}/hunter2").parse().unwrap();
        let said = told(postman().post(&address, &post()).await);
        assert!(said.contains("cannot be reached\n  because Connection refused"), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    });
}

#[test]
fn an_encrypted_post_goes_only_to_the_machine_that_was_named() {
    run(async {
        let (ours, others) = (Certificate::of(&["localhost"]), Certificate::of(&["somebody.test"]));
        let ok = || answer("200 OK", "", "");

        let hook = Hook::start_on(0, Some(ours.acceptor()), ok()).await;
        let address = hook.address("https://", "/a");
        postman().trusting([ours.der.clone()]).post(&address, &post()).await.unwrap();
        assert_eq!(hook.heard().len(), 1);

        // Nobody this machine trusts, and a name that is another's.
        let said = told(postman().post(&address, &post()).await);
        assert!(said.contains("no encrypted connection") && said.contains("update-ca-certificates"), "{said}");
        let named = Hook::start_on(0, Some(others.acceptor()), ok()).await;
        let said = told(postman().trusting([others.der.clone()]).post(&named.address("https://", "/"), &post()).await);
        assert!(said.contains("no encrypted connection"), "{said}");
        assert_eq!((hook.heard().len(), named.heard().len()), (1, 0));

        // One that speaks no TLS.
        let plain = Hook::start(ok()).await;
        let said = told(impatient().trusting([ours.der]).post(&plain.address("https://", "/"), &post()).await);
        assert!(said.contains("encrypted"), "{said}");
        assert!(plain.heard().is_empty());
    });
}

#[test]
fn what_is_signed_can_be_verified_by_whoever_has_the_secret() {
    run(async {
        let hook = Hook::start(answer("204 No Content", "", "")).await;
        let news = crate::whole_way::some_news();

        let post = news.post(1_700_000_000, Some(&Password::new("key")));
        postman().post(&hook.address("http://", "/"), &post).await.unwrap();

        crate::whole_way::must_be_signed(&hook.heard()[0], "key");
    });
}
