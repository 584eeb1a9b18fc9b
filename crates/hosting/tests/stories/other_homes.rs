//! Homes that use the same names: each keeps its own, and nothing of one is taken for the other's.

use aegir_domain::{Context, PlatformContext, ServerContext, SiteContext, TaskKind, TaskState};
use aegir_hosting::{Call, OperationId as Id, Pace};
use aegir_lab::pretend::{Call as Asked, Machine, Reach, Sent};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::by_hand::{delete, site};
use crate::ground::{Ground, PACE, add_server, on_both, verify_site};

fn server(machine: &Machine, name: &str) -> ServerContext {
    let Some(Context::Server(server)) = machine.context(name) else { panic!("there is no {name}") };
    server
}

fn platform(machine: &Machine, name: &str) -> PlatformContext {
    let Some(Context::Platform(platform)) = machine.context(name) else { panic!("there is no {name}") };
    platform
}

fn put_site(machine: &Machine, site: SiteContext) {
    machine.put_context(Context::Site(Box::new(site)));
}

impl Ground {
    /// A machine behind ssh.
    pub(crate) async fn far_server(&self, name: &str) -> Arc<Machine> {
        let key = self.back_ends.machine(name).host_key().to_string();
        let behind_ssh = add_server(name).with("ssh_host", format!("{name}.test")).with("ssh_host_key", key);
        let task = self.queue(behind_ssh).await;
        self.work().await;
        self.assert_state(task, TaskState::Succeeded).await;
        self.back_ends.machine(name)
    }

    async fn letters(&self) -> Vec<String> {
        self.hosting.send_news().await.unwrap();
        let sent = self.postman.sent().into_iter();
        let letters = sent.filter_map(|sent| match sent {
            Sent::Letter(_, _, _, letter) => Some(format!("{}\n{}", letter.subject, letter.body)),
            Sent::Post(..) => None,
        });
        letters.collect()
    }
}

#[test]
fn a_home_with_names_that_are_taken_here_changes_nothing_of_those_and_that_is_told_once() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.want_news().await;
        let (near, far) = (ground.machine(), ground.far_server("web2").await);
        // What both homes were made with, changed there since.
        let mut its_server = server(&near, "@server_web1");
        its_server.revision += 7;
        its_server.db = None;
        let mut its_platform = platform(&near, "@platform_d10");
        its_platform.revision += 7;
        its_platform.root = "/srv/other".parse().unwrap();
        let mut its_site = site(&near, "@a.test");
        its_site.revision += 7;
        its_site.mail = "theirs@example.org".parse().unwrap();
        let mut stray = its_site.clone();
        stray.name = "stray.test".parse().unwrap();
        far.put_context(Context::Server(its_server));
        far.put_context(Context::Platform(its_platform.clone()));
        put_site(&far, its_site.clone());
        put_site(&far, stray.clone());
        // And what is its own.
        its_platform.name = "d11".parse().unwrap();
        its_platform.root = "/srv/d11".parse().unwrap();
        its_platform.server = "web2".parse().unwrap();
        far.put_context(Context::Platform(its_platform));
        let mut own = stray.clone();
        own.name = "own.test".parse().unwrap();
        own.platform = "d11".parse().unwrap();
        put_site(&far, own);
        let web1 = async || {
            let shown = ground.shown(Call::of(Id::ServerShow).about("web1")).await;
            [shown["revision"].clone(), shown["services"].clone(), shown["changed"].clone()]
        };
        let before = web1().await;
        far.by_hand(delete("a.test"));
        ground.until("it is deleted there", async || far.context("@a.test").is_none()).await;
        put_site(&far, its_site);
        for _ in 0..3 {
            ground.look().await;
        }

        assert_eq!(web1().await, before);
        let shown = ground.shown(Call::of(Id::PlatformShow).about("d10")).await;
        assert_eq!(shown["root"], "/srv/d10");
        let names = ground.items(Call::of(Id::SiteList)).await;
        let names: Vec<_> = names.iter().map(|site| (site["name"].as_str().unwrap(), &site["platform"])).collect();
        assert_eq!(names, [("a.test", &"d10".into()), ("own.test", &"d11".into())]);
        assert!(ground.items(Call::of(Id::DriftList)).await.is_empty());
        assert!(!ground.tasks().await.iter().any(|task| task.starts_with("site-delete")));
        let letters = ground.letters().await;
        assert_eq!(letters.len(), 1, "{letters:?}");
        for told in ["@server_web2", "`@server_web1`", "`@platform_d10`", "`@a.test`", "`@stray.test`", "how to fix it"]
        {
            assert!(letters[0].contains(told), "{told}: {}", letters[0]);
        }
        let history = ground.items(Call::of(Id::NodeHistory).about("@server_web2")).await;
        let told = history.iter().filter(|deed| deed["what"] == "namesakes found").count();
        assert_eq!(told, 1);
        // Both are worked with as before.
        let tasks = [ground.queue(verify_site("a.test")).await, ground.queue(verify_site("own.test")).await];
        ground.work().await;
        for task in tasks {
            ground.assert_state(task, TaskState::Succeeded).await;
        }
    });
}

#[test]
fn a_copy_of_what_is_kept_elsewhere_is_no_news() {
    on_both(async |ground| {
        ground.fleet(&[]).await;
        ground.want_news().await;
        let (near, far) = (ground.machine(), ground.far_server("web2").await);
        let mut copy = server(&near, "@server_web1");
        copy.revision += 3;
        far.put_context(Context::Server(copy));
        ground.look().await;

        assert!(ground.letters().await.is_empty());
        assert!(ground.items(Call::of(Id::DriftList)).await.is_empty());
    });
}

#[test]
fn a_site_whose_verify_tells_of_a_platform_that_is_anothers_here_stays_where_it_is() {
    on_both(async |ground| {
        ground.fleet(&[]).await;
        let far = ground.far_server("web2").await;
        ground.platform("d11", "web2").await;
        let task = ground.queue(crate::ground::add_site("far.test").with("platform", "d11")).await;
        ground.work().await;
        ground.assert_state(task, TaskState::Succeeded).await;
        // There, somebody moved it to a platform whose name is another's here.
        let mut moved = site(&far, "@far.test");
        moved.platform = "d10".parse().unwrap();
        moved.revision += 1;
        put_site(&far, moved);
        let task = ground.queue(verify_site("far.test")).await;
        ground.work().await;

        ground.assert_state(task, TaskState::Succeeded).await;
        assert_eq!(ground.shown(Call::of(Id::SiteShow).about("far.test")).await["platform"], "d11");
        assert_eq!(ground.items(Call::of(Id::DriftList)).await.len(), 1, "somebody has to see it");
    });
}

/// So patient that nothing would be done in time if it were waited for.
const PATIENT: Pace = Pace { first_word: Duration::from_secs(60), ..PACE };

#[test]
fn a_home_that_says_nothing_keeps_no_other_machine_waiting() {
    on_both(async |ground| {
        ground.far_server("web2").await;
        ground.back_ends.machine("localhost").reach(Reach::Mute);
        ground.outside.jump(6_000);
        let began = Instant::now();
        let at_work = ground.at_work_as(&ground.hosting, "one", PATIENT);
        let task = ground.queue(Call::of(Id::ServerVerify).about("web2")).await;
        ground.until_state(task, TaskState::Succeeded).await;
        at_work.stop().await;
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    });
}

#[test]
fn a_server_whose_records_are_damaged_keeps_no_other_waiting() {
    on_both(async |ground| {
        let first = ground.server("web1").await;
        ground.server("web2").await;
        ground.sql(&format!("UPDATE attempt SET state = 'odd' WHERE server = {first}")).await;
        let at_work = ground.at_work();
        let task = ground.queue(Call::of(Id::ServerVerify).about("web2")).await;
        ground.until_state(task, TaskState::Succeeded).await;
        at_work.stop().await;
        ground.until_began(TaskKind::VerifyServer, "@server_web2").await;
        // Whoever works on it once is told.
        assert!(ground.dispatcher("one").once().await.is_err());
    });
}

#[test]
fn each_home_is_asked_once_to_empty_its_trash_and_one_that_is_away_keeps_no_other() {
    on_both(async |ground| {
        ground.server("web1").await;
        let (near, far) = (ground.machine(), ground.far_server("web2").await);
        let last = ground.far_server("web3").await;
        far.reach(Reach::Away);

        assert_eq!(ground.hosting.empty_trash().await.unwrap(), 0);

        assert_eq!([near.calls(Asked::Trash), far.calls(Asked::Trash), last.calls(Asked::Trash)], [1, 1, 1]);
    });
}
