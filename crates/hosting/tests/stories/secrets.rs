//! Secrets: told to whom they are for, once, and in no table.

use aegir_hosting::{Actor, Call, Front as _, OperationId as Id};

use crate::ground::{log_in, on_both, on_task};

#[test]
fn a_login_link_comes_to_whoever_asked_once_and_lies_nowhere() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        let task = ground.queue(log_in("a.test")).await;
        ground.work().await;

        assert_eq!(ground.hosting.secret_answer(&Actor::of_machine("bob"), task.0).await, None);
        let link = ground.hosting.secret_answer(&ground.anna, task.0).await.unwrap();
        assert_eq!(link["login_link"], "http://a.test/user/reset/1/only-once");
        assert_eq!(ground.hosting.secret_answer(&ground.anna, task.0).await, None);
        let shown = ground.shown(on_task(Id::TaskShow, task)).await.to_string();
        let log = format!("{:?}", ground.items(on_task(Id::TaskLog, task)).await);
        for text in [shown, log, ground.everything().await] {
            assert!(!text.contains("only-once") && !text.contains("the-first-link"));
        }
        // That of an install waits as long as it should, and no longer.
        let site = ground.site("b.test").await;
        let install = ground.items(Call::of(Id::TaskList).with("object", "@b.test")).await[0]["id"].as_i64().unwrap();
        ground.outside.jump(16 * 60 * 1000);
        assert_eq!(ground.hosting.secret_answer(&ground.anna, install).await, None, "{site}");
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
