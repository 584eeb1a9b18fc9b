//! Letters by a mail server.

use std::time::{Duration, Instant};

use aegir_domain::{EmailAddress, FaultReport, Password};
use aegir_hosting::{Letter, MailWay, Postman};
use aegir_outside::post::RealPostman;
use tokio::task::JoinSet;

use crate::mail_server::{At, Does, MailServer, Manner, body};
use crate::tls::Certificate;
use crate::{impatient, letter, postman, run, told};

async fn send_letter(
    postman: &RealPostman,
    way: &MailWay,
    password: Option<&str>,
    letter: &Letter,
) -> Result<(), FaultReport> {
    let from: EmailAddress = "aegir@host.test".parse().unwrap();
    let to: EmailAddress = "ops@example.org".parse().unwrap();
    let password = password.map(Password::new);
    postman.mail(way, password.as_ref(), &from, &to, letter).await
}

async fn send(postman: &RealPostman, way: &MailWay, password: Option<&str>) -> Result<(), FaultReport> {
    send_letter(postman, way, password, &letter()).await
}

#[test]
fn a_letter_arrives_as_it_was_written() {
    run(async {
        let server = MailServer::start(Manner::default()).await;

        send(&postman(), &server.way("smtp://", "?tls=none"), None).await.unwrap();

        let letters = server.letters().await;
        let [letter] = &letters[..] else { panic!("{letters:?}") };
        assert_eq!(body(letter), "grüße\r\n.\r\n..\r\nthe end 🎉\r\n");
        let (head, _) = letter.split_once("\r\n\r\n").unwrap();
        for line in ["To: ops@example.org", "Auto-Submitted: auto-generated", "MIME-Version: 1.0"] {
            assert!(head.lines().any(|header| header == line), "{head}");
        }
        assert!(head.contains("Date: ") && head.contains("Message-ID: <"), "{head}");
        assert_eq!(
            server.heard().lines,
            ["EHLO host.test", "MAIL FROM:<aegir@host.test>", "RCPT TO:<ops@example.org>", "DATA", "QUIT"]
        );
    });
}

#[test]
fn no_letter_says_a_command_or_another_header() {
    run(async {
        let server = MailServer::start(Manner::default()).await;
        let letter = Letter {
            subject: "a\r\nBcc: all@example.org\r\n\r\nhidden".into(),
            body: "plain\r\n.\r\nMAIL FROM:<evil@example.org>\r\n.\nQUIT\n".into(),
        };

        send_letter(&postman(), &server.way("smtp://", ""), None, &letter).await.unwrap();

        let letters = server.letters().await;
        let (head, _) = letters[0].split_once("\r\n\r\n").unwrap();
        assert!(!head.lines().any(|line| line.starts_with("Bcc")), "{head}");
        let lines = |text: &str| text.trim_end().lines().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(lines(&body(&letters[0])), lines(&letter.body));
        assert_eq!(server.heard().lines.iter().filter(|line| line.starts_with("MAIL")).count(), 1);
    });
}

#[test]
fn a_connection_is_encrypted_if_the_server_offers_it() {
    run(async {
        // A server of one's own often has a certificate that nobody signed.
        let certificate = Certificate::of(&["somebody.test"]);
        let manner = Manner { starttls: Some(certificate.acceptor()), ..Manner::default() };
        let server = MailServer::start(manner).await;

        send(&postman(), &server.way("smtp://", ""), None).await.unwrap();

        assert_eq!(server.letters().await.len(), 1);
        let lines = server.heard().lines;
        assert_eq!(lines[..2], ["EHLO host.test", "STARTTLS"]);
        assert!(lines[2..].iter().all(|line| line.starts_with("tls ")), "{lines:?}");
    });
}

#[test]
fn where_encryption_is_required_nothing_is_told_in_the_open_or_to_somebody_else() {
    run(async {
        let (ours, others) = (Certificate::of(&["localhost"]), Certificate::of(&["somebody.test"]));
        let way = |server: &MailServer| server.way("smtp://news@", "?tls=required");
        let login = Some(("PLAIN", "news", "hunter2"));
        let trusting = || postman().trusting([ours.der.clone(), others.der.clone()]);

        let bare = MailServer::start(Manner { login, ..Manner::default() }).await;
        let said = told(send(&trusting(), &way(&bare), Some("hunter2")).await);
        assert!(said.contains("does not offer to encrypt") && said.contains("how to fix it"), "{said}");
        assert_eq!(bare.heard().lines, ["EHLO host.test"]);

        for (certificate, postman) in [(&others, trusting()), (&ours, postman().trusting([others.der.clone()]))] {
            let manner = Manner { login, starttls: Some(certificate.acceptor()), ..Manner::default() };
            let server = MailServer::start(manner).await;
            let said = told(send(&postman, &way(&server), Some("hunter2")).await);
            assert!(said.contains("no encrypted connection") && said.contains("update-ca-certificates"), "{said}");
            assert_eq!(server.heard().lines, ["EHLO host.test", "STARTTLS"]);
        }

        let manner = Manner { login, starttls: Some(ours.acceptor()), ..Manner::default() };
        let server = MailServer::start(manner).await;
        send(&trusting(), &way(&server), Some("hunter2")).await.unwrap();
        assert_eq!(server.letters().await.len(), 1);
    });
}

#[test]
fn what_is_slipped_in_before_encryption_is_no_answer() {
    run(async {
        let certificate = Certificate::of(&["localhost"]);
        let odd = Some(("STARTTLS", Does::Says("220 go ahead\r\n250-test\r\n250 AUTH LOGIN")));
        let manner = Manner { odd, starttls: Some(certificate.acceptor()), ..Manner::default() };
        let server = MailServer::start(manner).await;

        let way = server.way("smtp://", "?tls=required");
        let said = told(send(&postman().trusting([certificate.der.clone()]), &way, None).await);

        assert!(said.contains("no encrypted connection"), "{said}");
        assert_eq!(server.heard().lines, ["EHLO host.test", "STARTTLS"]);
    });
}

#[test]
fn a_user_logs_in_over_an_encrypted_connection() {
    run(async {
        let certificate = Certificate::of(&["localhost"]);
        for way in ["PLAIN", "LOGIN"] {
            let login = Some((way, "news@example.org", "hünter 2"));
            let manner = Manner { login, wrapped: Some(certificate.acceptor()), ..Manner::default() };
            let server = MailServer::start(manner).await;
            let postman = postman().trusting([certificate.der.clone()]);

            send(&postman, &server.way("smtps://news@example.org@", ""), Some("hünter 2")).await.unwrap();

            assert_eq!(server.letters().await.len(), 1, "{way}");
        }
    });
}

#[test]
fn a_login_that_fails_repeats_no_password_even_if_the_server_does() {
    run(async {
        let certificate = Certificate::of(&["localhost"]);
        // What follows is `\0news\0hunter2`, `hunter2`, and the password itself.
        let repeats = "535 5.7.8 no: AG5ld3MAaHVudGVyMg== aHVudGVyMg== hunter2";
        for odd in [None, Some(("AUTH", Does::Says(repeats)))] {
            let login = Some(("PLAIN", "news", "another"));
            let manner = Manner { odd, login, wrapped: Some(certificate.acceptor()), ..Manner::default() };
            let server = MailServer::start(manner).await;
            let postman = postman().trusting([certificate.der.clone()]);

            let said = told(send(&postman, &server.way("smtps://news@", ""), Some("hunter2")).await);

            assert!(said.contains("does not let `news` in: 535") && said.contains("news_mail_password"), "{said}");
            for secret in ["hunter2", "aHVudGVyMg", "AG5ld3MAaHVudGVyMg"] {
                assert!(!said.contains(secret), "{said}");
            }
            assert!(server.heard().letters.is_empty());
        }
    });
}

#[test]
fn without_a_password_or_a_way_to_log_in_the_setting_is_named() {
    run(async {
        let certificate = Certificate::of(&["localhost"]);
        let server = MailServer::start(Manner { wrapped: Some(certificate.acceptor()), ..Manner::default() }).await;
        let postman = postman().trusting([certificate.der.clone()]);
        let way = server.way("smtps://news@", "");

        let said = told(send(&postman, &way, None).await);
        assert!(said.contains("no password for `news`") && said.contains("`news_mail_password`"), "{said}");
        assert_eq!(server.heard().calls, 0);

        let said = told(send(&postman, &way, Some("hunter2")).await);
        assert!(said.contains("offers no way to log in") && said.contains("`news_mail_by`"), "{said}");
    });
}

/// Each place of a conversation, and how a fault calls it.
const PLACES: [(At, &str); 6] = [
    ("", "we greeted it"),
    ("EHLO", "we greeted it"),
    ("MAIL", "whom the letter comes from"),
    ("RCPT", "whom the letter goes to"),
    ("DATA", "it was given the letter"),
    (".", "it was given the letter"),
];

#[test]
fn a_no_is_told_with_its_place_and_the_servers_words() {
    run(async {
        for query in ["", "?tls=none"] {
            for (at, place) in PLACES {
                let odd = Some((at, Does::Says("550-5.7.1 not\r\n550 from here\u{1b}[2J")));
                let server = MailServer::start(Manner { odd, ..Manner::default() }).await;

                let said = told(send(&postman(), &server.way("smtp://", query), None).await);

                assert!(said.contains("said no when") && said.contains(place), "{at}: {said}");
                assert!(said.contains("550") && said.contains("from here"), "{at}: {said}");
                assert!(!said.contains('\u{1b}'), "{said:?}");
                assert!(server.heard().letters.is_empty());
            }
        }
    });
}

#[test]
fn a_server_that_breaks_off_or_says_too_much_is_told_with_its_place() {
    run(async {
        for (at, place) in PLACES {
            for does in [Does::Closes, Does::Floods, Does::Says("hello there"), Does::Says("250 \u{ff}")] {
                if matches!((at, does), ("" | "EHLO" | "MAIL" | "RCPT" | ".", Does::Says("250 \u{ff}"))) {
                    // That is a yes, more or less.
                    continue;
                }
                let server = MailServer::start(Manner { odd: Some((at, does)), ..Manner::default() }).await;

                let said = told(send(&postman(), &server.way("smtp://", "?tls=none"), None).await);

                assert!(said.contains(place), "{at} {does:?}: {said}");
                assert!(said.len() < 1500, "{said}");
            }
        }
    });
}

#[test]
fn a_server_that_stalls_is_given_up_in_time() {
    run(async {
        let began = Instant::now();
        let mut all = JoinSet::new();
        for (at, place) in PLACES {
            all.spawn(async move {
                let server = MailServer::start(Manner { odd: Some((at, Does::Stalls)), ..Manner::default() }).await;
                let said = told(send(&impatient(), &server.way("smtp://", ""), None).await);
                assert!(said.contains("did not answer within") && said.contains(place), "{at}: {said}");
            });
        }
        while let Some(done) = all.join_next().await {
            done.unwrap();
        }
        assert!(began.elapsed() < Duration::from_secs(15));
        // What was taken is taken, with or without a goodbye.
        for does in [Does::Stalls, Does::Closes, Does::Says("500 stay")] {
            let server = MailServer::start(Manner { odd: Some(("QUIT", does)), ..Manner::default() }).await;
            send(&postman(), &server.way("smtp://", ""), None).await.unwrap();
            assert_eq!(server.letters().await.len(), 1);
        }
    });
}

#[test]
fn where_nobody_answers_the_cause_and_the_way_out_are_told() {
    run(async {
        let port = crate::support::free_port();
        let said = told(send(&postman(), &format!("smtp://127.0.0.1:{port}").parse().unwrap(), None).await);
        assert!(
            said.contains(&format!("`127.0.0.1:{port}` cannot be reached\n  because Connection refused")),
            "{said}"
        );
        assert!(said.contains("how to fix it"), "{said}");

        let said = told(send(&postman(), &"smtp://nobody.invalid".parse().unwrap(), None).await);
        assert!(said.contains("does not know `nobody.invalid`") || said.contains("did not answer"), "{said}");
    });
}
