//! Letters by the machine's own `sendmail`: here, by programs that the test writes.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use aegir_domain::FaultReport;
use aegir_hosting::{MailWay, Postman};
use aegir_outside::post::RealPostman;

use crate::mail_server::body;
use crate::{impatient, letter, postman, run, script, told};

async fn send(postman: RealPostman, sendmail: &Path, from: &str, to: &str) -> Result<(), FaultReport> {
    let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
    postman.with_sendmail(sendmail).mail(&MailWay::Sendmail, None, &from, &to, &letter()).await
}

#[test]
fn a_program_gets_the_letter_on_standard_input_and_addresses_that_are_no_options() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let (sendmail, words, taken) =
            (dir.path().join("sendmail"), dir.path().join("words"), dir.path().join("taken"));
        script(
            &sendmail,
            &format!(
                "for word in \"$@\"; do echo \"$word\"; done > {}\ncat > {}\necho queued",
                words.display(),
                taken.display()
            ),
        );

        send(postman(), &sendmail, "aegir@host.test", "o'brien+x@example.org").await.unwrap();

        assert_eq!(fs::read_to_string(words).unwrap(), "-i\n-f\naegir@host.test\n--\no'brien+x@example.org\n");
        let taken = fs::read_to_string(taken).unwrap();
        assert!(!taken.contains('\r'), "line ends are those of this machine");
        let letter = taken.replace('\n', "\r\n");
        assert!(letter.contains("\r\nAuto-Submitted: auto-generated\r\n"), "{letter}");
        assert_eq!(body(&letter), "grüße\r\n.\r\n..\r\nthe end 🎉\r\n");
    });
}

#[test]
fn an_address_that_could_be_an_option_starts_no_program() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let (sendmail, ran) = (dir.path().join("sendmail"), dir.path().join("ran"));
        script(&sendmail, &format!("touch {}", ran.display()));

        for (from, to) in [("-oQ/tmp@host.test", "ops@example.org"), ("aegir@host.test", "-bi@example.org")] {
            let said = told(send(postman(), &sendmail, from, to).await);
            assert!(said.contains("cannot be given to `sendmail`") && said.contains("how to fix it"), "{said}");
        }
        assert!(!ran.exists());
    });
}

#[test]
fn a_program_that_fails_is_told_with_its_words() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let sendmail = dir.path().join("sendmail");
        script(&sendmail, "cat > /dev/null; echo 'postdrop: queue is full' >&2; exit 75");

        let said = told(send(postman(), &sendmail, "aegir@host.test", "ops@example.org").await);

        assert!(
            said.contains("did not take the letter") && said.contains("status 75: postdrop: queue is full"),
            "{said}"
        );
    });
}

#[test]
fn a_program_that_stalls_or_is_not_there_is_told() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let sendmail = dir.path().join("sendmail");
        script(&sendmail, "sleep 100");
        let began = Instant::now();

        let said = told(send(impatient(), &sendmail, "aegir@host.test", "ops@example.org").await);
        assert!(said.contains("took too long and was ended"), "{said}");
        assert!(began.elapsed() < Duration::from_secs(10));

        let missing = dir.path().join("no-such-program");
        let said = told(send(postman(), &missing, "aegir@host.test", "ops@example.org").await);
        assert!(said.contains("is not on this machine") && said.contains("`smtp://mail.example.org`"), "{said}");
    });
}

#[test]
fn a_program_that_hangs_ends_with_whoever_waited_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let (sendmail, runs) = (dir.path().join("sendmail"), dir.path().join("runs"));
    // It is not impressed by being asked to end.
    script(
        &sendmail,
        &format!("trap '' TERM\necho $$ > {0}.new\nmv {0}.new {0}\nwhile :; do sleep 1; done", runs.display()),
    );
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();

    runtime.block_on(async {
        let sending = tokio::spawn(async move {
            let _ = send(postman(), &sendmail, "aegir@host.test", "ops@example.org").await;
        });
        while !runs.exists() {
            assert!(!sending.is_finished());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        sending.abort();
    });
    let began = Instant::now();
    drop(runtime);

    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let id: u32 = fs::read_to_string(dir.path().join("runs")).unwrap().trim().parse().unwrap();
    let words = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    assert!(!String::from_utf8_lossy(&words).contains("sendmail"), "it still runs");
}
