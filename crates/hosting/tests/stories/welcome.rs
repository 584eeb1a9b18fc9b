//! The welcome letter of a new site: who gets it, what it says, and that what lets in is kept nowhere.

use aegir_domain::{FaultReport, InstallSite, NodeId, Task, TaskKind, TaskState, Welcome, WelcomeAnswer};
use aegir_hosting::{Actor, Answer, Call, Letter, OperationId as Id, Permission, Refusal};
use aegir_lab::pretend::{Ends, Plan, Sent};
use serde_json::Value;

use crate::ground::{Ground, add_site, on_both};

const HOUR: i64 = 60 * 60 * 1000;

impl Ground {
    /// A machine with a platform, and a way by which mail is sent.
    async fn with_mail(&self) {
        self.server("web1").await;
        self.platform("d10", "web1").await;
        self.set("news_mail_by", "sendmail").await;
        self.set("news_mail_from", "aegir@example.org").await;
    }

    async fn install(&self, call: Call) -> NodeId {
        let task = self.queue(call).await;
        self.work().await;
        self.assert_state(task, TaskState::Succeeded).await;
        task
    }

    /// What the log of an install is to say of the letter.
    async fn said(&self, task: NodeId) -> Value {
        self.task(task).await.parameters["request"]["welcome"].clone()
    }

    fn welcome_letters(&self) -> Vec<(String, Letter)> {
        let sent = self.postman.sent().into_iter();
        sent.filter_map(|sent| match sent {
            Sent::Letter(_, _, to, letter) => Some((to, letter)),
            Sent::Post(..) => None,
        })
        .collect()
    }

    /// What became of letters, as the history of a site has it, the oldest first.
    async fn deeds(&self, site: &str) -> Vec<String> {
        let history = self.items(Call::of(Id::NodeHistory).about(format!("@{site}")).with("limit", 100)).await;
        let what = history.iter().rev().filter_map(|deed| deed["what"].as_str().map(str::to_owned));
        what.filter(|what| what.contains("welcomed")).collect()
    }
}

fn by_anna(site: &str) -> Call {
    add_site(site).with("platform", "d10").with("mail", "anna@example.org")
}

#[test]
fn whoever_asked_for_a_site_gets_one_letter_that_lets_them_in() {
    on_both(async |ground| {
        ground.with_mail().await;
        let task = ground.install(by_anna("a.test").with("title", "Our shop").with("account", "anna")).await;

        assert_eq!(ground.said(task).await["to"], serde_json::json!(["anna@example.org"]));
        assert_eq!(ground.hosting.send_news().await.unwrap(), 1);
        let letters = ground.welcome_letters();
        let links = ground.machine().welcome_links();
        assert_eq!((letters.len(), letters[0].0.as_str(), links.len()), (1, "anna@example.org", 1));
        assert_eq!(letters[0].1.subject, "Your new site a.test");
        for part in ["Our shop", "http://a.test\n", "the account anna", links[0].as_str(), "works once"] {
            assert!(letters[0].1.body.contains(part), "{part}: {}", letters[0].1.body);
        }
        assert_eq!(ground.deeds("a.test").await, ["welcomed"]);

        // Not again: by this front end, by one that is started anew, or by a verify.
        assert_eq!(ground.hosting.send_news().await.unwrap(), 0);
        ground.outside.jump(25 * HOUR);
        assert_eq!(ground.another().await.send_news().await.unwrap(), 0);
        ground.queue(crate::ground::verify_site("a.test")).await;
        ground.work().await;
        assert_eq!(ground.hosting.send_news().await.unwrap(), 0);
        assert_eq!(ground.welcome_letters().len(), 1);
    });
}

#[test]
fn contacts_of_the_client_or_nobody_get_it_where_that_is_chosen() {
    on_both(async |ground| {
        ground.with_mail().await;
        ground.set("welcome_contacts", "bert@example.org, cleo@example.org").await;
        ground.install(by_anna("one.test").with("welcome", "client")).await;
        ground.set("welcome_to", "client").await;
        ground.install(by_anna("two.test")).await;
        let silent = ground.install(by_anna("three.test").with("welcome", "nobody")).await;
        ground.set("welcome_to", "nobody").await;
        ground.install(by_anna("four.test")).await;
        ground.install(by_anna("five.test").with("welcome", "creator")).await;

        assert_eq!(ground.said(silent).await, Value::Null);
        ground.hosting.send_news().await.unwrap();
        let told: Vec<String> =
            ground.welcome_letters().into_iter().map(|(to, letter)| format!("{to}: {}", letter.subject)).collect();
        assert_eq!(
            told,
            [
                "bert@example.org: Your new site one.test",
                "cleo@example.org: Your new site one.test",
                "bert@example.org: Your new site two.test",
                "cleo@example.org: Your new site two.test",
                "anna@example.org: Your new site five.test",
            ]
        );
        // Each has a link of their own.
        let mut links = ground.machine().welcome_links();
        links.dedup();
        assert_eq!(links.len(), 5);
    });
}

#[test]
fn without_a_way_or_an_address_nothing_is_sent_and_the_log_is_told_why() {
    on_both(async |ground| {
        ground.server("web1").await;
        ground.platform("d10", "web1").await;
        let fresh = ground.install(by_anna("a.test")).await;
        assert_eq!(ground.said(fresh).await, "no-way");
        ground.set("news_mail_by", "sendmail").await;
        let no_sender = ground.install(by_anna("b.test")).await;
        assert_eq!(ground.said(no_sender).await, "no-way");
        ground.set("news_mail_to", "ops@example.org").await;
        let nobody = ground.install(add_site("c.test").with("platform", "d10")).await;
        assert_eq!(ground.said(nobody).await, "no-address");
        let no_contacts = ground.install(by_anna("d.test").with("welcome", "client")).await;
        assert_eq!(ground.said(no_contacts).await, "no-contacts");

        assert_eq!(ground.read(async |read| read.count_unsent().await).await, 0);
        assert!(ground.machine().welcome_links().is_empty());
        // What cannot be an address is none before anything is installed.
        let bad = ground.refused(add_site("e.test").with("mail", "anna")).await;
        assert!(matches!(bad, Refusal::Bad(_)), "{bad:?}");
    });
}

#[test]
fn a_letter_that_cannot_be_sent_changes_no_install_is_tried_for_a_day_and_then_given_up() {
    on_both(async |ground| {
        ground.with_mail().await;
        ground.postman.strike(true);
        let task = ground.install(by_anna("a.test")).await;
        ground.install(by_anna("b.test")).await;
        assert_eq!(ground.hosting.send_news().await.unwrap(), 0);
        ground.assert_state(task, TaskState::Succeeded).await;
        assert_eq!(ground.deeds("a.test").await, ["not welcomed yet"]);
        ground.outside.jump(HOUR);
        let busy = WelcomeAnswer::NotNow("`site-b.test` is held by attempt 7".into());
        ground.machine().welcome_is("b.test", Some(busy));
        ground.postman.strike(false);

        assert_eq!(ground.hosting.send_news().await.unwrap(), 1);
        assert_eq!(ground.deeds("a.test").await, ["not welcomed yet", "welcomed"]);
        // The link of the first try was never sent; what is sent has one of its own.
        assert!(ground.welcome_letters()[0].1.body.contains(ground.machine().welcome_links().last().unwrap()));

        ground.outside.jump(22 * HOUR);
        assert_eq!(ground.hosting.send_news().await.unwrap(), 0);
        ground.outside.jump(2 * HOUR);
        ground.machine().welcome_is("b.test", None);
        ground.hosting.send_news().await.unwrap();
        ground.outside.jump(HOUR);
        assert_eq!(ground.hosting.send_news().await.unwrap(), 0);
        assert_eq!(ground.read(async |read| read.count_unsent().await).await, 0);
    });
}

#[test]
fn a_site_that_is_not_made_or_not_there_any_more_has_no_letter() {
    on_both(async |ground| {
        ground.with_mail().await;
        ground.machine().plan_once(TaskKind::InstallSite, None, Plan::ends(Ends::RolledBack));
        ground.queue(by_anna("a.test")).await;
        ground.work().await;
        assert_eq!(ground.hosting.send_news().await.unwrap(), 0);

        ground.install(by_anna("b.test")).await;
        ground.disable("b.test").await;
        assert_eq!(ground.hosting.send_news().await.unwrap(), 0);
        assert_eq!(ground.deeds("b.test").await, ["not welcomed"]);

        let fault = FaultReport { message: "the account is blocked".into(), because: Vec::new(), remedy: None };
        ground.install(by_anna("c.test")).await;
        ground.machine().welcome_is("c.test", Some(WelcomeAnswer::Refused(fault)));
        assert_eq!(ground.hosting.send_news().await.unwrap(), 0);
        assert!(ground.welcome_letters().is_empty());
    });
}

#[test]
fn what_a_machine_says_was_asked_there_calls_for_no_letter() {
    on_both(async |ground| {
        ground.with_mail().await;
        let to = Welcome::To(vec!["eve@example.org".parse().unwrap()]);
        let Task::InstallSite(install) = crate::by_hand::install("hand.test") else { panic!() };
        ground.machine().by_hand(Task::InstallSite(Box::new(InstallSite { welcome: Some(to), ..*install })));
        ground.look().await;

        let tasks = ground.items(Call::of(Id::TaskList).with("object", "@hand.test")).await;
        assert_eq!(
            (tasks.len(), &tasks[0]["operation"], &tasks[0]["state"]),
            (1, &"site-add".into(), &"succeeded".into())
        );
        let task = NodeId(tasks[0]["id"].as_i64().unwrap());
        assert_eq!(ground.said(task).await["to"], serde_json::json!(["eve@example.org"]));
        assert_eq!(ground.hosting.send_news().await.unwrap(), 0);
        assert_eq!(ground.read(async |read| read.count_unsent().await).await, 0);
        assert!(ground.welcome_letters().is_empty() && ground.machine().welcome_links().is_empty());
    });
}

#[test]
fn what_lets_in_lies_in_no_table() {
    on_both(async |ground| {
        ground.with_mail().await;
        ground.install(by_anna("a.test")).await;
        ground.postman.strike(true);
        ground.hosting.send_news().await.unwrap();
        ground.postman.strike(false);
        ground.outside.jump(HOUR);
        ground.hosting.send_news().await.unwrap();

        let links = ground.machine().welcome_links();
        assert_eq!(links.len(), 2);
        assert!(ground.welcome_letters()[0].1.body.contains("welcome-secret-1"), "{:?}", ground.welcome_letters());
        let all = ground.everything().await;
        assert!(all.contains("anna@example.org"), "what was looked through is not all");
        assert!(!all.contains("welcome-secret"), "a link lies in the control database");
    });
}

#[test]
fn the_letter_is_what_the_settings_or_the_profile_say() {
    on_both(async |ground| {
        ground.with_mail().await;
        ground.set("welcome_subject", "{account}: {title}").await;
        ground.set("welcome_body", "Come in:\n\n{link}\n").await;
        ground.install(by_anna("a.test").with("title", "Our {link} shop")).await;
        ground.hosting.send_news().await.unwrap();
        // What fills a template is none.
        assert_eq!(ground.welcome_letters()[0].1.subject, "admin: Our {link} shop");
        assert_eq!(
            ground.welcome_letters()[0].1.body,
            format!("Come in:\n\n{}\n", ground.machine().welcome_links()[0])
        );

        ground.machine().profiles_have(Some("Subject: Of the profile: {site}\n\nHello {account}: {link}\n"));
        ground.install(by_anna("b.test")).await;
        ground.hosting.send_news().await.unwrap();
        assert_eq!(ground.welcome_letters()[1].1.subject, "Of the profile: b.test");

        // One that is no template is passed over, and so is one that cannot be read.
        for (site, unfit) in [("c.test", Some("Subject: {password}\n\n{link}")), ("d.test", None)] {
            ground.machine().profiles_have(unfit);
            ground.install(by_anna(site)).await;
            ground.hosting.send_news().await.unwrap();
            assert!(ground.welcome_letters().last().unwrap().1.body.starts_with("Come in:"), "{site}");
        }
        // Taken back, it is the one that there is by default.
        ground.ask(Call::of(Id::SettingSet).about("welcome_body")).await.unwrap();
        let shown = ground.shown(Call::of(Id::SettingShow).about("welcome_body")).await;
        assert!(shown["value"].as_str().unwrap().contains("{link}") && shown["value"] == shown["default"]);
    });
}

#[test]
fn what_is_no_template_is_refused_when_it_is_set_by_its_name_and_only_who_may_sets_one() {
    on_both(async |ground| {
        for (name, value, named) in [
            ("welcome_subject", "Hello {sight}", "`{sight}`"),
            ("welcome_subject", "{link}", "mail servers"),
            ("welcome_subject", "a\nBcc: all@example.org", "line break"),
            ("welcome_body", "{link} {password}", "`{password}`"),
            ("welcome_body", "Hello.", "`{link}`"),
            ("welcome_to", "everybody", "none of the words"),
            ("welcome_contacts", "anna@example.org, nobody", "nobody"),
            // Lines are for texts alone.
            ("news_mail_to", "a@example.org\nb@example.org", "one line"),
        ] {
            let bad = ground.refused(Call::of(Id::SettingSet).about(name).with("value", value)).await;
            let said = format!("{:?}", bad.report());
            assert!(matches!(bad, Refusal::Bad(_)) && said.contains(named), "{name}: {said}");
        }
        // What else is kept as it was given has one line, and is short.
        for (operation, parameter) in
            [(Id::BulkStart, "with"), (Id::BulkStart, "filter"), (Id::PlatformMigrate, "filter")]
        {
            let parameter = operation.declaration().parameter(parameter).unwrap();
            assert!(parameter.check(&serde_json::json!(["a=b"])).is_ok());
            for bad in ["a=b\nc".to_owned(), format!("a={}", "b".repeat(2_000))] {
                assert!(parameter.check(&serde_json::json!([bad])).is_err(), "{bad:?}");
            }
        }
        let manages = [Permission::View, Permission::Operate, Permission::LogIn, Permission::Manage];
        let token = Actor::of_token(1, "build", manages.into_iter().collect());
        let call = Call::of(Id::SettingSet).about("welcome_body").with("value", "{link}");
        assert!(matches!(ground.hosting.perform(&token, call).await, Err(Refusal::Forbidden(_))));
        let looks = Actor::of_token(2, "look", [Permission::View].into_iter().collect());
        let call = by_anna("a.test").with("welcome", "creator");
        assert!(matches!(ground.hosting.perform(&looks, call).await, Err(Refusal::Forbidden(_))));
    });
}

#[test]
fn a_site_that_is_left_to_a_browser_has_no_account_to_be_let_into() {
    on_both(async |ground| {
        ground.with_mail().await;
        let by_hand = || by_anna("a.test").with("method", "manual");
        let refused = ground.refused(by_hand().with("welcome", "creator")).await;
        assert!(matches!(refused, Refusal::Bad(_)), "{refused:?}");
        let Ok(Answer::WouldQueue { requests, .. }) = ground.ask(Call { dry_run: true, ..by_hand() }).await else {
            panic!()
        };
        assert_eq!(requests[0]["welcome"], Value::Null);
    });
}
