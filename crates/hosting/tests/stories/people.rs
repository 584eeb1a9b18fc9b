//! Those who come through the panel: links, passwords, codes, sessions, and what is refused at the door.

use aegir_domain::{Password, Remedy as _};
use aegir_hosting::{
    Actor, Answer, Call, Factor, NotLetIn, Opened, OperationId as Id, People as _, Permission, Refusal, Session, SignIn,
};
use serde_json::Value;
use totp_rs::{Builder, Secret, Totp};

use crate::ground::{Ground, on_both};

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
pub const GOOD: &str = "a red bicycle";
const BROWSER: &str = "Firefox 140 on Debian";

fn password(text: &str) -> Password {
    Password::new(text)
}

impl Ground {
    /// An account's secret link, as its maker is told it.
    async fn link_by(&self, call: Call) -> String {
        let told = self.shown(call).await["link"].as_str().unwrap().to_owned();
        told.strip_prefix("/enter/").unwrap().to_owned()
    }

    pub async fn invited(&self, name: &str) -> String {
        self.link_by(Call::of(Id::AccountAdd).about(name)).await
    }

    /// An account whose holder has come in; their first session.
    pub async fn person(&self, name: &str) -> Opened {
        let link = self.invited(name).await;
        self.hosting.enter(&link, password(GOOD), BROWSER).await.unwrap()
    }

    pub async fn try_with(&self, name: &str, text: &str, code: &str) -> Result<Opened, NotLetIn> {
        let given = SignIn { account: name.into(), password: password(text), code: code.into() };
        self.hosting.sign_in(given, BROWSER).await
    }

    pub async fn session_of(&self, opened: &Opened) -> Option<Session> {
        self.hosting.session(opened.secret.expose()).await.unwrap()
    }

    /// What happened at the door, the newest first: who, what, of whom, what came of it.
    async fn at_the_door(&self) -> Vec<[String; 4]> {
        let audit = self.items(Call::of(Id::AuditList).with("limit", 500)).await;
        let text = |record: &Value, name: &str| record[name].as_str().unwrap_or_default().to_owned();
        let at_the_door = audit.iter().filter(|record| record["operation"].as_str().unwrap().starts_with("panel-"));
        at_the_door
            .inspect(|record| assert_eq!(record["door"], "panel"))
            .map(|record| ["actor", "operation", "object", "answer"].map(|name| text(record, name)))
            .collect()
    }

    /// The second factor of a session's account, in use; an app that has it, and the codes that replace it.
    async fn with_factor(&self, session: &Session) -> (App, Vec<String>) {
        let app = App::of(&self.hosting.offer_factor(session).await.unwrap());
        let codes = self.hosting.confirm_factor(session, &app.code(self.now())).await.unwrap();
        (app, codes)
    }
}

/// An app that shows codes.
struct App(Totp);

impl App {
    fn of(factor: &Factor) -> App {
        let secret = Secret::try_from_base32(factor.secret.expose()).unwrap();
        App(Builder::new().with_secret(secret).with_account_name("anna").build().unwrap())
    }

    fn code(&self, now: i64) -> String {
        self.0.generate(now.unsigned_abs() / 1_000).to_string()
    }
}

#[test]
fn a_link_lets_in_once_sets_the_password_and_is_not_used_up_by_looking() {
    on_both(async |ground| {
        let made = ground.now();
        let link = ground.invited("Anna").await;
        for _ in 0..3 {
            let invitation = ground.hosting.link(&link).await.unwrap().unwrap();
            assert_eq!(invitation.account, "anna");
            assert!((0..MINUTE).contains(&(invitation.until - made - 24 * HOUR)));
        }
        for (weak, why) in [("short", "12"), ("password1234", "first"), ("xxxxxxxxxxxx", "again")] {
            let refused = ground.hosting.enter(&link, password(weak), BROWSER).await.unwrap_err();
            assert!(matches!(&refused, NotLetIn::Weak { why: said } if said.contains(why)), "{refused}");
        }

        let opened = ground.hosting.enter(&link, password(GOOD), BROWSER).await.unwrap();

        assert_eq!((opened.session.account.as_str(), opened.session.has_factor), ("anna", false));
        assert!(opened.session.actor.id.starts_with("account ") && opened.session.actor.name == "anna");
        assert_eq!(ground.session_of(&opened).await, Some(opened.session.clone()));
        assert_eq!(ground.hosting.link(&link).await.unwrap(), None);
        for gone in [link.as_str(), "", "unknown", &link[1..]] {
            let refused = ground.hosting.enter(gone, password(GOOD), BROWSER).await.unwrap_err();
            assert!(matches!(refused, NotLetIn::LinkGone) && refused.remedy().unwrap().contains("account link"));
        }
        ground.try_with("ANNA ", GOOD, "").await.unwrap();
        // What they may is what the operations ask for.
        assert!(ground.hosting.perform(&opened.session.actor, Call::of(Id::QueuePause)).await.is_ok());
        let audit = ground.items(Call::of(Id::AuditList).with("operation", "queue pause")).await;
        assert_eq!((&audit[0]["actor"], &audit[0]["door"]), (&"anna".into(), &"panel".into()));
    });
}

#[test]
fn a_link_is_worth_nothing_once_it_is_too_old_or_another_is_made_or_its_account_blocked_or_deleted() {
    on_both(async |ground| {
        let first = ground.invited("anna").await;
        let second = ground.link_by(Call::of(Id::AccountLink).about("anna").with("hours", 1)).await;
        let gone = async |link: &str| {
            let not = ground.hosting.enter(link, password(GOOD), BROWSER).await;
            assert!(matches!(not, Err(NotLetIn::LinkGone)), "{not:?}");
            ground.hosting.link(link).await.unwrap().is_none()
        };
        assert!(gone(&first).await);
        assert!(ground.hosting.link(&second).await.unwrap().is_some());
        ground.outside.jump(HOUR);
        assert!(gone(&second).await);

        let third = ground.link_by(Call::of(Id::AccountLink).about("anna")).await;
        ground.sql("UPDATE account SET blocked = 1").await;
        assert!(gone(&third).await);
        let refused = ground.refused(Call::of(Id::AccountLink).about("anna")).await;
        assert!(refused.to_string().contains("blocked"), "{refused}");
        ground.sql("UPDATE account SET blocked = NULL").await;
        assert!(ground.hosting.link(&third).await.unwrap().is_some());
        ground.ask(Call::of(Id::AccountDelete).about("anna").with("last", true)).await.unwrap();
        assert!(gone(&third).await);
        let unknown = ground.refused(Call::of(Id::AccountLink).about("anna")).await;
        assert!(matches!(unknown, Refusal::Unknown { what: "account", .. }));
    });
}

#[test]
fn of_two_who_use_a_link_at_once_one_comes_in() {
    on_both(async |ground| {
        let link = ground.invited("anna").await;
        let (one, two) = tokio::join!(
            ground.hosting.enter(&link, password(GOOD), BROWSER),
            ground.hosting.enter(&link, password("a blue bicycle"), BROWSER)
        );
        assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
        let (right, wrong) = if one.is_ok() { (GOOD, "a blue bicycle") } else { ("a blue bicycle", GOOD) };
        assert!(matches!(ground.try_with("anna", wrong, "").await, Err(NotLetIn::Wrong)));
        ground.try_with("anna", right, "").await.unwrap();
    });
}

#[test]
fn a_new_link_drops_the_factor_and_ends_all_sessions_of_the_account_and_of_no_other() {
    on_both(async |ground| {
        let (anna, berta) = (ground.person("anna").await, ground.person("berta").await);
        ground.with_factor(&anna.session).await;
        assert!(ground.session_of(&anna).await.unwrap().has_factor);
        let link = ground.link_by(Call::of(Id::AccountLink).about("anna")).await;
        assert!(ground.session_of(&anna).await.is_some(), "that it is made ends nothing");

        let opened = ground.hosting.enter(&link, password("a green bicycle"), BROWSER).await.unwrap();

        assert!(ground.session_of(&anna).await.is_none());
        assert!(ground.session_of(&berta).await.is_some());
        assert!(!ground.session_of(&opened).await.unwrap().has_factor);
        assert!(matches!(ground.try_with("anna", GOOD, "").await, Err(NotLetIn::Wrong)));
        ground.try_with("anna", "a green bicycle", "").await.unwrap();
    });
}

#[test]
fn whoever_is_not_let_in_is_not_told_whether_there_is_such_an_account() {
    on_both(async |ground| {
        ground.person("anna").await;
        ground.invited("never.entered").await;
        ground.person("blocked").await;
        ground.sql("UPDATE account SET blocked = 1 WHERE name = 'blocked'").await;

        for name in ["anna", "nobody", "never.entered", "blocked", "", "no name at all", "\u{0}"] {
            // The same of each, to the waiting.
            for _ in 0..3 {
                let not = ground.try_with(name, "a wrong password", "123456").await;
                assert!(matches!(not, Err(NotLetIn::Wrong)), "{name}: {not:?}");
            }
        }
        let not = ground.try_with("blocked", GOOD, "").await;
        assert!(matches!(not, Err(NotLetIn::Wrong)), "{not:?}");
        for name in ["anna", "nobody"] {
            for _ in 0..2 {
                assert!(matches!(ground.try_with(name, "a wrong password", "").await, Err(NotLetIn::Wrong)));
            }
            assert!(matches!(ground.try_with(name, GOOD, "").await, Err(NotLetIn::TooMany { .. })), "{name}");
        }
    });
}

#[test]
fn a_code_is_asked_for_and_taken_once_and_a_recovery_code_in_its_place_once() {
    on_both(async |ground| {
        let anna = ground.person("anna").await;
        let wrong = {
            let offered = App::of(&ground.hosting.offer_factor(&anna.session).await.unwrap());
            let wrong = ground.hosting.confirm_factor(&anna.session, "nonsense").await;
            assert!(matches!(wrong, Err(NotLetIn::WrongCode)), "{wrong:?}");
            assert!(!ground.session_of(&anna).await.unwrap().has_factor, "one that is only offered does not hold");
            ground.try_with("anna", GOOD, "").await.unwrap();
            offered
        };
        let (app, codes) = ground.with_factor(&anna.session).await;
        // The one that was offered first is none.
        assert_ne!(wrong.code(ground.now()), app.code(ground.now()));
        let again = ground.hosting.offer_factor(&anna.session).await;
        assert!(matches!(again, Err(NotLetIn::Refused(Refusal::Conflict { .. }))), "{again:?}");
        assert_eq!(codes.len(), 10);

        for _ in 0..7 {
            // To be asked for it costs no waiting.
            assert!(matches!(ground.try_with("anna", GOOD, " ").await, Err(NotLetIn::NeedsCode)));
        }
        let used = app.code(ground.now());
        assert!(matches!(ground.try_with("anna", GOOD, &used).await, Err(NotLetIn::WrongCode)), "it confirmed itself");
        ground.outside.jump(31 * SECOND);
        let code = app.code(ground.now());
        assert!(matches!(ground.try_with("anna", "a wrong password", &code).await, Err(NotLetIn::Wrong)));
        assert!(ground.try_with("anna", GOOD, &code).await.unwrap().session.has_factor);
        assert!(matches!(ground.try_with("anna", GOOD, &code).await, Err(NotLetIn::WrongCode)), "used");
        assert!(matches!(ground.try_with("anna", GOOD, &used).await, Err(NotLetIn::WrongCode)), "older than that");
        // The clock of a phone may be a little ahead.
        let ahead = app.code(ground.now() + 30 * SECOND);
        ground.try_with("anna", GOOD, &ahead).await.unwrap();

        let recovery = codes[3].to_uppercase().replace('-', " ");
        ground.try_with("anna", GOOD, &recovery).await.unwrap();
        assert!(matches!(ground.try_with("anna", GOOD, &codes[3]).await, Err(NotLetIn::WrongCode)));
        ground.try_with("anna", GOOD, &codes[4]).await.unwrap();

        let wrong = ground.hosting.drop_factor(&anna.session, password("a wrong password")).await;
        assert!(matches!(wrong, Err(NotLetIn::Wrong)), "{wrong:?}");
        ground.hosting.drop_factor(&anna.session, password(GOOD)).await.unwrap();
        ground.try_with("anna", GOOD, "").await.unwrap();
        // Codes of a factor that is gone go with it.
        let (_, anew) = ground.with_factor(&anna.session).await;
        assert!(matches!(ground.try_with("anna", GOOD, &codes[5]).await, Err(NotLetIn::WrongCode)));
        ground.try_with("anna", GOOD, &anew[0]).await.unwrap();
    });
}

#[test]
fn of_two_who_show_the_same_code_at_once_one_comes_in() {
    on_both(async |ground| {
        let anna = ground.person("anna").await;
        let (app, codes) = ground.with_factor(&anna.session).await;
        ground.outside.jump(31 * SECOND);
        for code in [app.code(ground.now()), codes[0].clone()] {
            let (one, two) = tokio::join!(ground.try_with("anna", GOOD, &code), ground.try_with("anna", GOOD, &code));
            assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
        }
    });
}

#[test]
fn five_that_are_wrong_close_the_door_for_a_while_that_grows_on_any_control_node() {
    on_both(async |ground| {
        let anna = ground.person("anna").await;
        ground.person("berta").await;
        let waits = async |seconds: u64| match ground.try_with("anna", GOOD, "").await {
            Err(NotLetIn::TooMany { seconds: told }) => assert!((seconds - 5..=seconds).contains(&told), "{told}"),
            other => panic!("{other:?}"),
        };
        for _ in 0..5 {
            assert!(matches!(ground.try_with("anna", "a wrong password", "").await, Err(NotLetIn::Wrong)));
        }
        waits(30).await;
        // As after a restart, or on a second control node.
        let another = ground.another().await;
        let given = SignIn { account: "anna".into(), password: password(GOOD), code: String::new() };
        let told = another.sign_in(given, BROWSER).await;
        assert!(matches!(told, Err(NotLetIn::TooMany { .. })), "{told:?}");
        another.store().close().await;

        // It concerns nobody else, nobody who is in, and no link.
        ground.try_with("berta", GOOD, "").await.unwrap();
        assert!(ground.session_of(&anna).await.is_some());
        ground.hosting.change_password(&anna.session, password(GOOD), password("a blue bicycle")).await.unwrap();
        for (wait, next) in [(30, 60), (60, 120), (120, 240), (240, 480), (480, 900), (900, 900)] {
            ground.outside.jump(wait * SECOND);
            assert!(matches!(ground.try_with("anna", "a wrong password", "").await, Err(NotLetIn::Wrong)), "{wait}");
            waits(next).await;
        }
        let link = ground.link_by(Call::of(Id::AccountLink).about("anna")).await;
        ground.hosting.enter(&link, password(GOOD), BROWSER).await.unwrap();
        // That was known to be right: all is forgotten.
        for _ in 0..4 {
            assert!(matches!(ground.try_with("anna", "a wrong password", "").await, Err(NotLetIn::Wrong)));
        }
        ground.try_with("anna", GOOD, "").await.unwrap();
        for _ in 0..4 {
            assert!(matches!(ground.try_with("anna", "a wrong password", "").await, Err(NotLetIn::Wrong)));
        }
        ground.try_with("anna", GOOD, "").await.unwrap();
    });
}

#[test]
fn a_thousand_who_try_at_once_are_counted_as_that_and_one_password_on_many_names_too() {
    on_both(async |ground| {
        ground.person("anna").await;
        let tries = (0..12).map(|_| {
            let hosting = ground.hosting.clone();
            tokio::spawn(async move {
                let given = SignIn { account: "anna".into(), password: password("wrong"), code: String::new() };
                hosting.sign_in(given, BROWSER).await
            })
        });
        let mut compared = 0;
        for tried in tries.collect::<Vec<_>>() {
            compared += usize::from(matches!(tried.await.unwrap(), Err(NotLetIn::Wrong)));
        }
        assert_eq!(compared, 5);

        // As if ninety-five names had been tried since.
        ground.sql("UPDATE wrong_try SET tries = 99 WHERE who = 'all'").await;
        assert!(matches!(ground.try_with("nobody", "a wrong password", "").await, Err(NotLetIn::Wrong)));
        let not = ground.try_with("somebody", "a wrong password", "").await;
        assert!(matches!(not, Err(NotLetIn::TooMany { seconds: 1..=5 })), "{not:?}");
        let link = ground.link_by(Call::of(Id::AccountLink).about("anna")).await;
        let anna = ground.hosting.enter(&link, password(GOOD), BROWSER).await.unwrap();
        assert!(ground.session_of(&anna).await.is_some());
        ground.outside.jump(5 * SECOND);
        ground.try_with("anna", GOOD, "").await.unwrap();
    });
}

#[test]
fn a_session_ends_when_it_is_idle_or_old_or_ended_or_its_account_is_blocked_or_deleted() {
    on_both(async |ground| {
        let idle = ground.person("anna").await;
        assert!(ground.session_of(&idle).await.is_some());
        assert_eq!(ground.hosting.session("").await.unwrap(), None);
        assert_eq!(ground.hosting.session(&idle.secret.expose()[1..]).await.unwrap(), None);
        ground.outside.jump(12 * HOUR + SECOND);
        assert!(ground.session_of(&idle).await.is_none());

        let used = ground.try_with("anna", GOOD, "").await.unwrap();
        assert!((used.until - ground.now() - 7 * 24 * HOUR).abs() < MINUTE);
        for hours in 1..=16 {
            ground.outside.jump(10 * HOUR);
            let found = ground.session_of(&used).await;
            assert!(found.is_some(), "after {} hours", hours * 10);
            let noted = async || {
                // What could not be written then, the next use writes.
                ground.session_of(&used).await;
                let sessions = ground.items(Call::of(Id::SessionList)).await;
                sessions.first().is_some_and(|session| ground.now() - session["last_used"].as_i64().unwrap() < HOUR)
            };
            ground.until("its use is written down", noted).await;
        }
        ground.outside.jump(8 * HOUR + SECOND);
        assert!(ground.session_of(&used).await.is_none(), "it has lasted a week");
        let late = ground.hosting.change_password(&used.session, password(GOOD), password("a blue bicycle")).await;
        assert!(matches!(late, Err(NotLetIn::Refused(Refusal::Conflict { .. }))), "{late:?}");

        let out = ground.try_with("anna", GOOD, "").await.unwrap();
        ground.hosting.sign_out(&out.session).await.unwrap();
        ground.hosting.sign_out(&out.session).await.unwrap();
        assert!(ground.session_of(&out).await.is_none());

        let ended = ground.try_with("anna", GOOD, "").await.unwrap();
        let call = || Call::of(Id::SessionEnd).about(ended.session.id.to_string());
        ground.ask(call()).await.unwrap();
        assert!(ground.session_of(&ended).await.is_none());
        assert!(matches!(ground.refused(call()).await, Refusal::Unknown { what: "session", .. }));

        let blocked = ground.try_with("anna", GOOD, "").await.unwrap();
        ground.sql("UPDATE account SET blocked = 1").await;
        assert!(ground.session_of(&blocked).await.is_none());
        assert!(ground.hosting.offer_factor(&blocked.session).await.is_err());
        ground.sql("UPDATE account SET blocked = NULL").await;
        assert!(ground.session_of(&blocked).await.is_some());
        ground.ask(Call::of(Id::AccountDelete).about("anna").with("last", true)).await.unwrap();
        assert!(ground.session_of(&blocked).await.is_none());
    });
}

#[test]
fn a_new_password_ends_the_other_sessions_and_takes_the_old_one() {
    on_both(async |ground| {
        let first = ground.person("anna").await;
        let second = ground.try_with("anna", GOOD, "").await.unwrap();
        let change = async |old: &str, new: &str| {
            ground.hosting.change_password(&second.session, password(old), password(new)).await
        };
        assert!(matches!(change(GOOD, "short").await, Err(NotLetIn::Weak { .. })));
        assert!(matches!(change("a wrong password", "a blue bicycle").await, Err(NotLetIn::Wrong)));
        assert!(ground.session_of(&first).await.is_some());

        change(GOOD, "a blue bicycle").await.unwrap();

        assert!(ground.session_of(&first).await.is_none());
        assert!(ground.session_of(&second).await.is_some());
        assert!(matches!(ground.try_with("anna", GOOD, "").await, Err(NotLetIn::Wrong)));
        ground.try_with("anna", "a blue bicycle", "").await.unwrap();
        // A session in the wrong hands finds no password by trying.
        for _ in 0..5 {
            assert!(matches!(change("a wrong password", "a third bicycle").await, Err(NotLetIn::Wrong)));
        }
        let not = change("a blue bicycle", "a third bicycle").await;
        assert!(matches!(not, Err(NotLetIn::TooMany { .. })), "{not:?}");
        ground.try_with("anna", "a blue bicycle", "").await.unwrap();
    });
}

#[test]
fn what_is_kept_of_a_password_is_derived_anew_once_it_is_weaker_than_todays() {
    on_both(async |ground| {
        ground.person("anna").await;
        let kept = async || {
            let account = ground.read(async |read| read.account_named("anna").await).await.unwrap();
            account.password.unwrap().expose().to_owned()
        };
        let todays = kept().await;
        ground.try_with("anna", GOOD, "").await.unwrap();
        assert_eq!(kept().await, todays, "it is left as it is");
        // Of the same password, with a fifth of the memory.
        let old = "$argon2id$v=19$m=4096,t=1,p=1$BwcHBwcHBwcHBwcHBwcHBw$";
        let params = argon2::Params::new(4096, 1, 1, None).unwrap();
        let argon = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
        let derived = argon2::PasswordHasher::hash_password_with_salt(&argon, GOOD.as_bytes(), &[7; 16]);
        let derived: argon2::password_hash::phc::PasswordHash = derived.unwrap();
        let derived = derived.to_string();
        assert!(derived.starts_with(old), "{derived}");
        ground.sql(&format!("UPDATE account SET password = '{derived}'")).await;

        assert!(matches!(ground.try_with("anna", "a wrong password", "").await, Err(NotLetIn::Wrong)));
        assert_eq!(kept().await, derived);
        ground.try_with("anna", GOOD, "").await.unwrap();

        assert!(kept().await.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", kept().await);
        ground.try_with("anna", GOOD, "").await.unwrap();
    });
}

#[test]
fn accounts_and_sessions_are_listed_and_the_last_account_is_not_deleted_by_mistake() {
    on_both(async |ground| {
        let anna = ground.person("anna").await;
        ground.with_factor(&anna.session).await;
        ground.invited("berta").await;
        let taken = ground.refused(Call::of(Id::AccountAdd).about("ANNA")).await;
        assert_eq!(taken.sort(), aegir_hosting::Sort::Conflict);

        let accounts = ground.items(Call::of(Id::AccountList)).await;
        let short = |account: &Value| {
            let flags = ["entered", "factor"].map(|flag| account[flag].as_bool().unwrap());
            (account["name"].as_str().unwrap().to_owned(), flags, account["sessions"].as_u64().unwrap())
        };
        assert_eq!(
            accounts.iter().map(short).collect::<Vec<_>>(),
            [("anna".to_owned(), [true, true], 1), ("berta".to_owned(), [false, false], 0)]
        );
        let sessions = ground.items(Call::of(Id::SessionList).with("account", "Anna")).await;
        assert_eq!((sessions.len(), &sessions[0]["browser"]), (1, &BROWSER.into()));
        assert_eq!(sessions[0]["id"].as_i64(), Some(anna.session.id));
        assert!(ground.items(Call::of(Id::SessionList).with("account", "berta")).await.is_empty());

        // Only to see what would be.
        for (call, key) in [
            (Call::of(Id::AccountAdd).about("carla"), "link"),
            (Call::of(Id::AccountLink).about("anna"), "link"),
            (Call::of(Id::AccountDelete).about("anna"), "none"),
            (Call::of(Id::SessionEnd).about(anna.session.id.to_string()), "none"),
        ] {
            let shown = ground.shown(Call { dry_run: true, ..call }).await;
            assert!(shown.get(key).is_none(), "{shown}");
        }
        assert!(ground.session_of(&anna).await.is_some());
        assert_eq!(ground.items(Call::of(Id::AccountList)).await.len(), 2);

        ground.ask(Call::of(Id::AccountDelete).about("berta")).await.unwrap();
        let last = ground.refused(Call::of(Id::AccountDelete).about("anna")).await;
        assert!(last.remedy().unwrap().contains("account add"), "{last}");
        ground.ask(Call::of(Id::AccountDelete).about("anna").with("last", true)).await.unwrap();
        assert!(ground.session_of(&anna).await.is_none());
        ground.person("anna").await;
    });
}

#[test]
fn nobody_makes_an_account_that_may_more_than_they() {
    on_both(async |ground| {
        ground.invited("anna").await;
        let clerk = Actor::of_token(7, "clerk", [Permission::View, Permission::Administer].into_iter().collect());
        for call in [Call::of(Id::AccountAdd).about("berta"), Call::of(Id::AccountLink).about("anna")] {
            let asked = ground.hosting.perform(&clerk, call).await;
            assert!(matches!(asked, Err(Refusal::Forbidden(_))), "{asked:?}");
        }
        let all = Actor::of_token(8, "all", Permission::ALL.into_iter().collect());
        assert!(ground.hosting.perform(&all, Call::of(Id::AccountAdd).about("berta")).await.is_ok());
        assert!(ground.hosting.perform(&clerk, Call::of(Id::AccountDelete).about("berta")).await.is_ok());
    });
}

#[test]
fn a_link_is_told_whole_where_the_panel_answers() {
    on_both(async |ground| {
        let told = ground.shown(Call::of(Id::AccountAdd).about("anna")).await;
        assert!(told.get("panel").is_none() && told["link"].as_str().unwrap().starts_with("/enter/"), "{told}");

        let another = ground.another().await;
        another.panel_is_at("127.0.0.1:8088".parse().unwrap());
        let Answer::Object(told) =
            another.perform(&ground.anna, Call::of(Id::AccountLink).about("anna")).await.unwrap()
        else {
            panic!("no object")
        };
        assert_eq!(told["panel"], "http://localhost:8088");
        let secret = told["link"].as_str().unwrap().strip_prefix("http://localhost:8088/enter/").unwrap().to_owned();
        assert_eq!(ground.hosting.link(&secret).await.unwrap().unwrap().account, "anna");
        another.store().close().await;
    });
}

#[test]
fn the_audit_tells_who_came_and_who_did_not_and_no_table_tells_a_secret() {
    on_both(async |ground| {
        let link = ground.invited("anna").await;
        let anna = ground.hosting.enter(&link, password(GOOD), BROWSER).await.unwrap();
        let (app, codes) = ground.with_factor(&anna.session).await;
        let offered = app.0.secret().to_base32();
        let _ = ground.try_with("anna", "a wrong password", "").await;
        let _ = ground.try_with("my secret in the wrong place", "x", "").await;
        let _ = ground.try_with("my.secret.too", "x", "").await;
        let _ = ground.try_with("anna", GOOD, "000000").await;
        let other = ground.try_with("anna", GOOD, &codes[0]).await.unwrap();
        ground.hosting.change_password(&other.session, password(GOOD), password("a blue bicycle")).await.unwrap();
        let _ = ground.hosting.drop_factor(&other.session, password("a wrong password")).await;
        ground.hosting.drop_factor(&other.session, password("a blue bicycle")).await.unwrap();
        ground.hosting.sign_out(&other.session).await.unwrap();

        let mut door = ground.at_the_door().await;
        door.reverse();
        let expected = [
            ["anna", "panel-enter", "anna", "done"],
            ["anna", "panel-confirm-factor", "anna", "done"],
            ["unknown", "panel-sign-in", "anna", "wrong"],
            ["unknown", "panel-sign-in", "", "wrong"],
            ["unknown", "panel-sign-in", "", "wrong"],
            ["unknown", "panel-sign-in", "anna", "wrong-code"],
            ["anna", "panel-sign-in", "anna", "done"],
            ["anna", "panel-change-password", "anna", "done"],
            ["unknown", "panel-drop-factor", "anna", "wrong"],
            ["anna", "panel-drop-factor", "anna", "done"],
            ["anna", "panel-sign-out", "anna", "done"],
        ];
        assert_eq!(door, expected.map(|deed| deed.map(str::to_owned)));
        let signed_in = ground.items(Call::of(Id::AuditList).with("operation", "panel sign-in")).await;
        assert_eq!(signed_in.len(), 5);
        assert_eq!(signed_in[0]["parameters"]["by"], "password and recovery code");
        let made = ground.items(Call::of(Id::AuditList).with("operation", "account add")).await;
        assert_eq!((made.len(), &made[0]["answer"]), (1, &"done".into()));

        let everything = ground.everything().await;
        let plain = codes[1].replace('-', "").to_uppercase();
        for secret in [
            link.as_str(),
            GOOD,
            "a blue bicycle",
            "a wrong password",
            anna.secret.expose(),
            other.secret.expose(),
            &offered,
            &codes[1],
            &plain,
            "my secret in the wrong place",
        ] {
            assert!(!everything.contains(secret), "`{secret}` is in a table");
        }
        let shown = format!("{anna:?} {link:?}", link = ground.hosting.link(&link).await.unwrap());
        assert!(!shown.contains(anna.secret.expose()));
    });
}
