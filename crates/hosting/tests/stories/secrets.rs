//! Secrets: told to whom they are for, once, and in no table.

use aegir_hosting::{Actor, Call, Front as _, OperationId as Id, Permission};

use crate::ground::{log_in, on_both, on_task};

#[test]
fn a_login_link_comes_to_whoever_asked_once_and_lies_nowhere() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        let task = ground.queue(log_in("a.test")).await;
        ground.work().await;

        assert_eq!(ground.hosting.secret_answer(&Actor::of_machine("bob"), task.0).await.unwrap(), None);
        let link = ground.hosting.secret_answer(&ground.anna, task.0).await.unwrap().unwrap();
        assert_eq!(link["login_link"], "http://a.test/user/reset/1/only-once");
        assert_eq!(ground.hosting.secret_answer(&ground.anna, task.0).await.unwrap(), None);
        let shown = ground.shown(on_task(Id::TaskShow, task)).await.to_string();
        let log = format!("{:?}", ground.items(on_task(Id::TaskLog, task)).await);
        for text in [shown, log, ground.everything().await] {
            assert!(!text.contains("only-once") && !text.contains("the-first-link"));
        }
        // That of an install waits as long as it should, and no longer.
        let site = ground.site("b.test").await;
        let install = ground.items(Call::of(Id::TaskList).with("object", "@b.test")).await[0]["id"].as_i64().unwrap();
        ground.outside.jump(16 * 60 * 1000);
        assert_eq!(ground.hosting.secret_answer(&ground.anna, install).await.unwrap(), None, "{site}");
    });
}

#[test]
fn another_control_node_tells_it_too_and_of_two_that_are_asked_one_does() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        let task = ground.queue(log_in("a.test")).await;
        ground.work().await;
        let (one, two) = (ground.another().await, ground.another().await);

        let (first, second) =
            tokio::join!(one.secret_answer(&ground.anna, task.0), two.secret_answer(&ground.anna, task.0));
        assert!(first.unwrap().is_some() != second.unwrap().is_some());

        // What nobody fetched goes by itself, and so does what was for whoever asked before.
        let task = ground.queue(log_in("a.test")).await;
        ground.work().await;
        let kept = async || ground.read(async |read| read.secret_names(task).await).await;
        assert_eq!(kept().await, ["answer"]);
        ground.ask(on_task(Id::TaskRetry, task)).await.unwrap();
        assert!(kept().await.is_empty());
        ground.work().await;
        assert_eq!(kept().await, ["answer"]);
        ground.outside.jump(16 * 60 * 1000);
        ground.hosting.prune().await.unwrap();
        assert!(kept().await.is_empty());
        one.store().close().await;
        two.store().close().await;
    });
}

#[test]
fn a_token_made_anew_under_the_same_label_is_not_the_one_that_asked() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        let scopes = [Permission::View, Permission::LogIn];
        let old = ground.token("ci", &scopes).await;
        let old = ground.hosting.actor_of_token(&old).await.unwrap().unwrap();
        let asked = ground.hosting.perform(&old, log_in("a.test")).await.unwrap();
        let aegir_hosting::Answer::Queued(asked) = asked else { panic!("{asked:?}") };
        ground.work().await;
        ground.ask(Call::of(Id::TokenRevoke).about("ci")).await.unwrap();
        let new = ground.token("ci", &scopes).await;
        let new = ground.hosting.actor_of_token(&new).await.unwrap().unwrap();
        assert_eq!(new.name, old.name);

        assert_eq!(ground.hosting.secret_answer(&new, asked.task).await.unwrap(), None);
        assert_eq!(ground.hosting.secret_answer(&Actor::of_machine("token ci"), asked.task).await.unwrap(), None);
        assert!(ground.hosting.secret_answer(&old, asked.task).await.unwrap().is_some());
    });
}

#[test]
fn no_password_and_no_token_is_in_any_table_in_the_open() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        let edit = Call::of(Id::ServerEdit).about("web1").with("db_password", "a second secret");
        ground.queue(edit).await;
        ground.work().await;
        assert_eq!(ground.machine().password_of("@server_web1").as_deref(), Some("a second secret"));
        let token = ground.token("build", &[aegir_hosting::Permission::View]).await;
        ground
            .ask(Call::of(Id::SettingSet).about("news_webhook_secret").with("secret", "a third secret"))
            .await
            .unwrap();
        // In the wrong place, too.
        for call in [
            Call::of(Id::SiteAdd).about("b.test").with("db_password", "a fourth secret"),
            Call::of(Id::ServerAdd).about("web2").with("db_password", 7).with("db", "a fifth secret"),
            Call::of(Id::SettingSet).about("keep_copies").with("secret", "a sixth secret"),
        ] {
            ground.refused(call).await;
        }

        let everything = ground.everything().await;
        for secret in [
            "the secret of web1",
            "second secret",
            "third secret",
            "fourth secret",
            "fifth secret",
            "sixth secret",
            token.trim_start_matches("aegir_"),
        ] {
            assert!(!everything.contains(secret), "`{secret}` is in a table");
        }
    });
}
