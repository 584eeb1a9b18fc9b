//! A batch on the command line, over the real front end, whose machines pretend: looked at, begun and followed, and told
//! by the exit code.

use std::sync::Arc;

use aegir_domain::TaskKind;
use aegir_hosting::{Call, OperationId as Id};
use aegir_lab::pretend::{Ends, Plan, PretendFront, add_platform, add_server};
use serde_json::Value;
use tokio::sync::watch;

use crate::contract::{Served, aegir, home_for_a_front_end};

#[test]
fn a_batch_is_looked_at_followed_and_ends_with_five_where_some_failed() {
    let lab = home_for_a_front_end();
    let folder = tempfile::tempdir().unwrap();
    let (_stop, stopped) = watch::channel(false);
    let _served = Served::begin(&lab.home(), async || {
        let front = PretendFront::in_folder(folder.path()).await;
        front.queue(add_server("web1")).await;
        front.work().await;
        for platform in ["d10", "d11"] {
            front.queue(add_platform(platform, "web1")).await;
        }
        front.work().await;
        for n in 0..6 {
            front.queue(Call::of(Id::SiteAdd).about(format!("s{n}.test")).with("platform", "d10")).await;
        }
        front.work().await;
        let machine = front.back_ends.machine("web1");
        for site in ["@s2.test", "@s3.test"] {
            machine.plan_once(TaskKind::MigrateSite, site, Plan::ends(Ends::RolledBack));
        }
        let works = front.clone();
        tokio::spawn(async move { works.work_until(stopped).await });
        Arc::new(front.hosting)
    });
    let migrate = ["platform", "migrate", "d10", "--to", "d11"];
    let with = |more: &[&'static str]| [&migrate[..], &["--allow-missing", "left_out"], more].concat();

    let cannot = aegir(&lab, &[&migrate[..], &["--dry-run"]].concat()).done();
    assert!(cannot.out.contains("0 of 6 sites can go to d11."), "{}", cannot.all());
    assert!(cannot.out.contains("6: `left_out` is enabled"), "{}", cannot.all());
    let can = aegir(&lab, &with(&["--dry-run"])).done();
    assert!(can.out.contains("6 of 6 sites can go to d11.") && can.out.contains("Waves: 1, then 5;"), "{}", can.all());

    let paused = aegir(&lab, &with(&["--stop-after", "1", "--at-once", "1"])).ends(5);
    assert!(paused.out.contains("Wave 1 of 2 has ended: 1 of 1 succeeded, 0 failed."), "{}", paused.all());
    assert!(paused.out.contains("It is paused: 1 object failed"), "{}", paused.all());
    assert!(paused.out.ends_with("2 of 6 succeeded.\n"), "{}", paused.all());
    assert!(paused.err.contains("aegir bulk resume 1 --wait"), "{}", paused.all());
    let ended = aegir(&lab, &["bulk", "resume", "1", "--wait"]).ends(5);
    assert!(ended.out.contains("3 of 6 succeeded") || ended.out.contains("It is paused"), "{}", ended.all());
    aegir(&lab, &["bulk", "resume", "1", "--wait"]).ends(5).says("4 of 6 succeeded.");
    let objects = aegir(&lab, &["bulk", "objects", "1", "--state", "rolled-back", "--json"]).done();
    let objects: Value = serde_json::from_str(&objects.out).unwrap();
    let names: Vec<_> = objects["items"].as_array().unwrap().iter().map(|item| &item["name"]).collect();
    assert_eq!(names, ["s2.test", "s3.test"]);

    let again = aegir(&lab, &["bulk", "retry", "1", "--wait", "--json"]).done();
    let again: Value = serde_json::from_str(&again.out).unwrap();
    assert_eq!((&again["succeeded"], &again["state"]), (&2.into(), &"ended".into()));
    aegir(&lab, &["bulk", "go-back", "1", "--wait"]).done().says("4 of 4 succeeded.");
    aegir(&lab, &["bulk", "go-back", "1"]).ends(4).says("is not as the run left it");
    aegir(&lab, &["bulk", "stop", "1"]).ends(4).says("all objects of the bulk run 1 were asked");
}

#[test]
fn updates_of_many_sites_are_a_run_with_a_number_and_a_way_back() {
    let lab = home_for_a_front_end();
    let folder = tempfile::tempdir().unwrap();
    let (_stop, stopped) = watch::channel(false);
    let _served = Served::begin(&lab.home(), async || {
        let front = PretendFront::in_folder(folder.path()).await;
        front.queue(add_server("web1")).await;
        front.work().await;
        front.queue(add_platform("d10", "web1")).await;
        front.work().await;
        for n in 0..4 {
            front.queue(Call::of(Id::SiteAdd).about(format!("s{n}.test")).with("platform", "d10")).await;
        }
        front.work().await;
        let failing = Plan::ends(Ends::RolledBack);
        front.back_ends.machine("web1").plan_once(TaskKind::UpdateSite, "@s2.test", failing);
        let works = front.clone();
        tokio::spawn(async move { works.work_until(stopped).await });
        Arc::new(front.hosting)
    });

    let update = ["site", "update", "--where", "platform=d10", "--yes"];
    let told = aegir(&lab, &[&update[..], &["--dry-run"]].concat()).done();
    assert!(told.out.contains("update-site"), "{}", told.all());
    let kept = ["--keep-former", "itself", "--allow-missing", "left_out"];
    aegir(&lab, &[&update[..], &kept].concat()).ends(5).says("3 of 4 succeeded.");

    let run = aegir(&lab, &["bulk", "show", "1", "--json"]).done();
    let run: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!((&run["operation"], &run["all"]), (&"site-update".into(), &4.into()), "{run}");
    aegir(&lab, &["bulk", "go-back", "1", "--wait"]).done().says("3 of 3 succeeded.");
    let later = aegir(&lab, &["site", "update", "--all", "--yes", "--no-wait", "--json"]).done();
    let later: Value = serde_json::from_str(&later.out).unwrap();
    assert_eq!(later["id"], 3, "the update, the way back, and this one: {later}");
}
