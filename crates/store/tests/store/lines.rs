//! What tasks say: every line once, whole, and in order.

use aegir_domain::protocol::{Ending, Level, Line, Phase, Said};
use aegir_domain::{AttemptState, Outcome};
use aegir_store::{FOLD, FULL_PAGE, Fence, LONGEST_LINES, StoreFault};

use crate::ground::{Ground, fault, log, on_both};

struct Running {
    ground: Ground,
    attempt: aegir_domain::AttemptId,
    fence: Fence,
}

impl Running {
    async fn on(ground: Ground) -> Running {
        let server = ground.server("web1").await;
        let platform = ground.platform("d10", server).await;
        ground.enqueue("verify", platform, server, &[]).await;
        let fence = ground.fence(server).await;
        let (_, attempt) = ground.claim(server, &fence).await.unwrap();
        Running { ground, attempt, fence }
    }

    async fn say(&self, lines: &[Line]) -> Result<u64, StoreFault> {
        let now = self.ground.now();
        let store = &self.ground.store;
        store.write_soon(async |tx| tx.record_lines(self.attempt, lines, &self.fence, now).await).await
    }

    async fn said(&self, from: u64, limit: u32) -> Vec<aegir_store::LineRecord> {
        self.ground.store.read(async |read| read.lines(self.attempt, from, limit).await).await.unwrap()
    }
}

#[test]
fn a_batch_that_is_told_twice_is_stored_once() {
    on_both(async |ground| {
        let running = Running::on(ground).await;
        let lines: Vec<Line> = (1..=250).map(|n| log(n, format!("line {n}"))).collect();

        assert_eq!(running.say(&lines[..200]).await.unwrap(), 201);
        assert_eq!(running.say(&lines[..200]).await.unwrap(), 201);
        assert_eq!(running.say(&lines[100..]).await.unwrap(), 251);
        let changed = [log(7, "something else")];
        assert_eq!(running.say(&changed).await.unwrap(), 251);

        let said: Vec<Line> = running.said(1, LONGEST_LINES).await.into_iter().map(|record| record.line).collect();
        assert_eq!(said, lines);
        let page: Vec<u64> = running.said(240, 5).await.iter().map(|record| record.line.n).collect();
        assert_eq!(page, [240, 241, 242, 243, 244]);
        let attempt =
            running.ground.store.read(async |read| read.attempt(running.attempt).await).await.unwrap().unwrap();
        assert_eq!((attempt.next_line, attempt.state), (251, AttemptState::Running));
    });
}

#[test]
fn a_page_is_full_after_so_many_bytes_and_the_next_goes_on() {
    on_both(async |ground| {
        let running = Running::on(ground).await;
        let lines: Vec<Line> = (1..=200).map(|n| log(n, format!("{n}").repeat(FOLD))).collect();
        for some in lines.chunks(50) {
            running.say(some).await.unwrap();
        }
        let (mut next, mut pages) = (1, 0);
        while next <= 200 {
            let page = running.said(next, LONGEST_LINES).await;
            let numbers: Vec<u64> = page.iter().map(|record| record.line.n).collect();
            assert_eq!(numbers, (next..next + page.len() as u64).collect::<Vec<_>>());
            let bytes: usize = page
                .iter()
                .map(|record| match &record.line.said {
                    Said::Log { text, .. } => text.len(),
                    other => panic!("{other:?}"),
                })
                .sum();
            assert!(!page.is_empty() && bytes <= FULL_PAGE + FOLD, "{bytes}");
            assert!(page.iter().all(|record| record.folded == (record.line.n > 9)));
            next += page.len() as u64;
            pages += 1;
        }
        assert!((5..=20).contains(&pages), "{pages}");
        // However large it is, one comes.
        assert_eq!(running.said(200, LONGEST_LINES).await.len(), 1);
        assert_eq!(running.said(201, LONGEST_LINES).await.len(), 0);
        assert_eq!(running.said(1, 3).await.len(), 3);
    });
}

#[test]
fn a_line_that_is_missing_is_noticed() {
    on_both(async |ground| {
        let running = Running::on(ground).await;
        running.say(&[log(1, "one")]).await.unwrap();

        for gap in [vec![log(3, "three")], vec![log(2, "two"), log(4, "four")]] {
            assert!(matches!(running.say(&gap).await, Err(StoreFault::Unfit { .. })));
        }
        assert_eq!(running.said(1, 10).await.len(), 1);
    });
}

#[test]
fn what_is_said_comes_back_as_it_was_and_a_long_text_is_folded_on_pages() {
    on_both(async |ground| {
        let running = Running::on(ground).await;
        let long = "ü".repeat(1024 * 1024);
        let output = Said::Log { level: Level::Warning, text: "short".into(), output: Some(long.clone()) };
        let step = |phase, took| Said::Step { line: 2, name: "create-database".into(), phase, took };
        let lines = vec![
            log(1, long.clone()),
            Line { n: 2, at: 7, said: output },
            Line { n: 3, at: 8, said: step(Phase::Doing, None) },
            Line { n: 4, at: 9, said: step(Phase::Done, Some(12)) },
            Line { n: 5, at: 9, said: Said::Progress { done: 1, total: 2, text: "half".into() } },
        ];
        running.say(&lines).await.unwrap();

        let page = running.said(1, 10).await;
        let Said::Log { text, .. } = &page[0].line.said else { panic!("{:?}", page[0]) };
        assert_eq!((text.chars().count(), page[0].text_bytes, page[0].folded), (FOLD, 2 * 1024 * 1024, true));
        let Said::Log { text, output: Some(output), .. } = &page[1].line.said else { panic!("{:?}", page[1]) };
        assert_eq!((text.as_str(), output.chars().count(), page[1].folded), ("short", FOLD, true));
        assert_eq!(page[2..].iter().map(|record| record.line.clone()).collect::<Vec<_>>(), lines[2..]);
        assert!(page[2..].iter().all(|record| !record.folded));
        for line in &lines {
            let whole = running.ground.store.read(async |read| read.whole_line(running.attempt, line.n).await).await;
            assert_eq!(whole.unwrap().as_ref(), Some(line));
        }
        let steps = running.ground.store.read(async |read| read.steps(running.attempt).await).await.unwrap();
        assert_eq!((steps.len(), steps[0].phase, steps[0].took), (1, Phase::Done, Some(12)));
    });
}

#[test]
fn bytes_that_one_database_cannot_hold_are_replaced_on_both() {
    on_both(async |ground| {
        let running = Running::on(ground).await;
        running.say(&[log(1, "a\0b")]).await.unwrap();
        assert_eq!(running.said(1, 1).await[0].line, log(1, "a\u{fffd}b"));
    });
}

#[test]
fn a_secret_answer_is_stored_nowhere() {
    on_both(async |ground| {
        let running = Running::on(ground).await;
        let mut ending = Ending::of(Outcome::Stuck {
            fault: fault("no way"),
            left: vec![aegir_domain::Left { line: "create-database".into(), fault: None }],
        });
        ending.answer.insert("site".into(), "@a.test".into());
        let secret = serde_json::json!({ "link": "https://a.test/user/reset/hunter2" });
        ending.secret_answer = secret.as_object().cloned();
        let last = Line { n: 1, at: 1, said: Said::Result(Box::new(ending.clone())) };
        let now = running.ground.now();

        running
            .ground
            .store
            .write(async |tx| {
                tx.record_lines(running.attempt, std::slice::from_ref(&last), &running.fence, now).await?;
                tx.end_attempt(running.attempt, &ending, &running.fence, now).await
            })
            .await
            .unwrap();

        let attempt =
            running.ground.store.read(async |read| read.attempt(running.attempt).await).await.unwrap().unwrap();
        assert_eq!(attempt.answer, ending.answer);
        assert_eq!((attempt.fault, attempt.left.len()), (Some(fault("no way")), 1));
        let shown = format!("{:?}", running.said(1, 10).await);
        assert!(shown.contains("no way") && !shown.contains("hunter2"), "{shown}");
        if let aegir_store::StoreAddress::Sqlite(path) = &running.ground.address {
            running.ground.store.tend().await.unwrap();
            let bytes = std::fs::read(path).unwrap();
            assert!(!bytes.windows(7).any(|seven| seven == b"hunter2"));
        }
    });
}

#[test]
fn two_hundred_thousand_lines_are_stored_and_paged() {
    on_both(async |ground| {
        let running = Running::on(ground).await;
        for batch in 0..200 {
            let lines: Vec<Line> =
                (batch * 1000 + 1..=batch * 1000 + 1000).map(|n| log(n, "a line of a task")).collect();
            running.say(&lines).await.unwrap();
        }

        let last = running.said(199_999, 10).await;
        assert_eq!(last.iter().map(|record| record.line.n).collect::<Vec<_>>(), [199_999, 200_000]);
        assert_eq!(running.said(100_000, 3).await.len(), 3);
    });
}
