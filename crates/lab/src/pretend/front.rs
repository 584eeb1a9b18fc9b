//! A whole front end over back ends that pretend: the real operations, queue and dispatcher, at the pace of tests.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aegir_domain::{Context, PackageCode, Password, TaskKind};
use aegir_hosting::{
    Actor, Answer, Call, DispatchedOnce, Dispatcher, Hosting, Opened, OperationId as Id, Pace, People as _, Permission,
    Refusal, SignIn, ask_bulk_runs, fingerprint,
};
use aegir_store::{SecretKey, Store, StoreAddress};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{Ends, Plan, PretendBackEnds, PretendOutside, PretendPostman, PretendTypes};

/// Stories are told faster than life.
pub const PACE: Pace = Pace {
    turn: Duration::from_millis(100),
    lease: Duration::from_secs(30),
    look: Duration::from_secs(60),
    pause: Duration::from_millis(20),
    longest_pause: Duration::from_millis(100),
    patience: Duration::from_millis(250),
    first_word: Duration::from_millis(1500),
    minute: Duration::from_millis(100),
};
/// The password of whoever is [`PretendFront::signed_in`].
pub const PASSWORD: &str = "a red bicycle";
/// So long until a machine is looked at again, in milliseconds.
pub const A_LOOK: i64 = 61_000;

/// A front end whose machines pretend. Cheap to clone.
#[derive(Clone)]
pub struct PretendFront {
    /// It itself.
    pub hosting: Hosting,
    /// Its clock and chance.
    pub outside: Arc<PretendOutside>,
    /// Its machines.
    pub back_ends: PretendBackEnds,
    /// Its postman.
    pub postman: Arc<PretendPostman>,
    /// Its task types.
    pub types: Arc<PretendTypes>,
    /// Somebody who may everything.
    pub anna: Actor,
}

/// What somebody finds there, beside objects.
pub struct Furnished {
    /// A task that waits.
    pub waiting: i64,
    /// A task that has ended.
    pub ended: i64,
    /// A bulk run that failed for one of its objects.
    pub bulk: i64,
    /// One of which nothing was asked yet.
    pub going: i64,
    /// One that is paused.
    pub paused: i64,
    /// One that moved a site, `moved.test`.
    pub moved: i64,
    /// The fingerprint that the machine of `web4` is known by, though it was made anew since.
    pub old_key: String,
    /// The fingerprint that it shows.
    pub new_key: String,
    /// A session of the panel that is open.
    pub session: i64,
    /// A backup, of `login.test`.
    pub backup: String,
}

impl PretendFront {
    /// Over a new control database of SQLite in `folder`.
    ///
    /// # Panics
    ///
    /// If none can be made there.
    pub async fn in_folder(folder: &Path) -> PretendFront {
        let address: StoreAddress =
            format!("sqlite:{}", folder.join("control.sqlite").display()).parse().expect("the address of a file");
        let store = Store::open(&address).await.expect("a new control database");
        let key = SecretKey::read_or_make(&folder.join("key")).expect("a new key");
        PretendFront::over(store, key)
    }

    /// Over a control database.
    pub fn over(store: Store, key: SecretKey) -> PretendFront {
        let outside = Arc::new(PretendOutside::default());
        let back_ends = PretendBackEnds::new(outside.clone());
        let postman = Arc::new(PretendPostman::default());
        let hosting = Hosting::new(store, Arc::new(back_ends.clone()), outside.clone(), postman.clone(), key);
        let types = Arc::new(PretendTypes::default());
        hosting.task_types_are_in(types.clone());
        PretendFront { hosting, outside, back_ends, postman, types, anna: Actor::of_machine("anna") }
    }

    /// Asks as Anna.
    pub async fn ask(&self, call: Call) -> Result<Answer, Refusal> {
        self.hosting.perform(&self.anna, call).await
    }

    /// Asks for what is answered by a task, and tells its number.
    ///
    /// # Panics
    ///
    /// If something else comes of it.
    pub async fn queue(&self, call: Call) -> i64 {
        let what = format!("{call:?}");
        match self.ask(call).await {
            Ok(Answer::Queued(queued)) => queued.task,
            other => panic!("{what}: {other:?}"),
        }
    }

    /// Begins a bulk run, and tells its number.
    ///
    /// # Panics
    ///
    /// If something else comes of it.
    pub async fn run(&self, call: Call) -> i64 {
        let what = format!("{call:?}");
        match self.ask(call).await {
            Ok(Answer::Object(run)) => run["id"].as_i64().expect("the number of a bulk run"),
            other => panic!("{what}: {other:?}"),
        }
    }

    /// A new token with these permissions.
    ///
    /// # Panics
    ///
    /// If there is one of this label.
    pub async fn token(&self, label: &str, scopes: &[Permission]) -> String {
        let scopes: Vec<_> = scopes.iter().map(|scope| scope.as_str()).collect();
        match self.ask(Call::of(Id::TokenAdd).about(label).with("scope", scopes)).await {
            Ok(Answer::Object(token)) => token["token"].as_str().unwrap_or_default().to_owned(),
            other => panic!("a token `{label}`: {other:?}"),
        }
    }

    /// A new account of the panel, whose holder has come in by its link and chosen [`PASSWORD`].
    ///
    /// # Panics
    ///
    /// If there is one of this name.
    pub async fn signed_in(&self, name: &str) -> Opened {
        let link = match self.ask(Call::of(Id::AccountAdd).about(name)).await {
            Ok(Answer::Object(told)) => told["link"].as_str().unwrap_or_default().to_owned(),
            other => panic!("an account `{name}`: {other:?}"),
        };
        let secret = link.rsplit('/').next().unwrap_or_default();
        let entered = self.hosting.enter(secret, Password::new(PASSWORD), "a browser that pretends").await;
        entered.expect("the link lets in")
    }

    /// Signs an account in once more, by the password that [`PretendFront::signed_in`] set: the secret of that session.
    ///
    /// # Panics
    ///
    /// If it is not let in.
    pub async fn signs_in_again(&self, name: &str) -> Password {
        let given = SignIn { account: name.into(), password: Password::new(PASSWORD), code: String::new() };
        self.hosting.sign_in(given, "another browser").await.expect("the password lets in").secret
    }

    /// Works on the queue until nothing is left that could be begun.
    ///
    /// # Panics
    ///
    /// If it does not come to its end, or the control database is away.
    pub async fn work(&self) -> DispatchedOnce {
        let once = Dispatcher::new(self.hosting.clone(), "one").at(PACE).once();
        let worked = tokio::time::timeout(Duration::from_secs(30), once).await;
        worked.expect("the queue comes to its end").expect("the control database answers")
    }

    /// Has machines looked at, and works until nothing is left.
    pub async fn look(&self) {
        self.outside.jump(A_LOOK);
        self.work().await;
    }

    /// Works on the queue as a front end that runs does, until it is told to stop.
    pub async fn work_until(&self, stop: watch::Receiver<bool>) {
        let asking = ask_bulk_runs(self.hosting.clone(), stop.clone());
        tokio::join!(Dispatcher::new(self.hosting.clone(), "one").at(PACE).run(stop), asking);
    }

    /// A server `web1`, a platform `d10` and a site `a.test`, all in service.
    pub async fn first_site(&self) {
        self.queue(add_server("web1")).await;
        self.work().await;
        self.queue(add_platform("d10", "web1")).await;
        self.work().await;
        self.queue(add_site("a.test")).await;
        self.work().await;
    }

    /// Fills an empty front end: each list has an entry, and each operation can be asked of something of its own.
    ///
    /// # Panics
    ///
    /// If something of that does not come about.
    pub async fn furnish(&self) -> Furnished {
        for server in ["web1", "web2", "web3"] {
            self.queue(add_server(server)).await;
        }
        let behind_ssh = self.back_ends.machine("web4");
        let key = behind_ssh.host_key();
        self.queue(add_server("web4").with("ssh_host", "192.0.2.7").with("ssh_host_key", key.as_str())).await;
        self.work().await;
        let web1 = self.back_ends.machine("web1");
        let packages = vec![package("module", "views", "3.1")];
        web1.plan(TaskKind::VerifySite, "@retry.test", Plan { packages: packages.clone(), ..Plan::default() });
        let plan = Plan { packages, found_sites: vec!["found.test".into()], ..Plan::default() };
        web1.plan(TaskKind::VerifyPlatform, None, plan);
        for platform in ["d10", "d11", "d12", "d14", "d15"] {
            self.queue(add_platform(platform, "web1")).await;
        }
        self.work().await;
        for site in ["edit", "verify", "login", "migrate", "moved", "delete", "cancel", "retry", "ours", "theirs"] {
            self.queue(add_site(&format!("{site}.test"))).await;
        }
        web1.plan_once(TaskKind::InstallSite, "@failed.test", Plan::ends(Ends::RolledBack));
        self.queue(add_site("failed.test")).await;
        self.queue(copy_site("copied.test")).await;
        self.work().await;
        let migrate = Call::of(Id::PlatformMigrate).about("d10").with("to", "d11").with("site", "moved.test");
        let moved = self.run(migrate.with("allow_missing", "left_out")).await;
        let ended = self.queue(Call::of(Id::SiteVerify).about("retry.test")).await;
        self.work().await;
        self.queue(Call::of(Id::SiteBackup).about("login.test")).await;
        self.queue(Call::of(Id::SiteDisable).about("delete.test").with("no_backup", true)).await;
        self.work().await;
        let backup = web1.backups(None).into_iter().next().expect("a backup").backup.to_string();
        for name in ["@ours.test", "@theirs.test"] {
            let Some(Context::Site(mut site)) = web1.context(name) else { panic!("there is no {name}") };
            site.mail = "theirs@example.org".parse().expect("an address");
            web1.put_context(Context::Site(site));
        }
        // On a busy machine a look may be given up, as one is at a machine that says nothing; the next one finds it.
        for _ in 0..20 {
            self.look().await;
            let drifts = self.hosting.store().read(async |read| read.drifts().await).await;
            if drifts.expect("the control database answers").len() == 2 {
                break;
            }
        }
        self.ask(Call::of(Id::PlatformLock).about("d14")).await.expect("a platform can be locked");
        self.token("spare", &[Permission::View]).await;
        self.ask(Call::of(Id::FieldAdd).about("spare").with("kind", "site")).await.expect("a field");
        self.ask(Call::of(Id::AccountAdd).about("leaving")).await.expect("an account");
        let session = self.signed_in("spare").await.session.id;
        let start = |sites| Call::of(Id::BulkStart).with("operation", "site verify").with("object", sites);
        let bulk = self.run(start(json!(["failed.test"]))).await;
        self.hosting.ask_open_bulk_runs().await.expect("the control database answers");
        let in_waves = |sites| start(sites).with("waves", "1,rest").with("stop_after", 3);
        let paused = self.run(in_waves(json!(["login.test", "ours.test"]))).await;
        self.ask(Call::of(Id::BulkPause).about(paused.to_string())).await.expect("it is paused");
        let going = self.run(in_waves(json!(["verify.test", "login.test"]))).await;
        behind_ssh.make_anew();
        Furnished {
            waiting: self.queue(Call::of(Id::SiteVerify).about("cancel.test")).await,
            ended,
            bulk,
            going,
            paused,
            moved,
            old_key: fingerprint(&key).expect("a key"),
            new_key: fingerprint(&behind_ssh.host_key()).expect("a key"),
            session,
            backup,
        }
    }
}

/// A server with a web service and a database service.
pub fn add_server(name: &str) -> Call {
    Call::of(Id::ServerAdd)
        .about(name)
        .with("http", "nginx")
        .with("listen", "127.0.0.1:8080")
        .with("db", "mariadb")
        .with("db_host", "127.0.0.1")
        .with("db_account", "aegir")
        .with("db_password", format!("the secret of {name}"))
}

/// A platform whose code is there already.
pub fn add_platform(name: &str, server: &str) -> Call {
    Call::of(Id::PlatformAdd).about(name).with("root", format!("/srv/{name}")).with("server", server)
}

/// A site on the platform `d10`.
fn add_site(name: &str) -> Call {
    Call::of(Id::SiteAdd).about(name).with("platform", "d10")
}

/// A copy on the platform `d10` of a site that somebody else looks after.
pub fn copy_site(name: &str) -> Call {
    Call::of(Id::SiteCopy).about(name).with("platform", "d10").with("folder", "/var/www/html/sites/default")
}

/// A package that lies on a platform.
///
/// # Panics
///
/// If it is none.
pub fn package(kind: &str, name: &str, version: &str) -> PackageCode {
    let code: Value = json!({
        "kind": kind, "name": name, "title": name, "path": format!("modules/{name}"), "version": version,
        "reach": "platform", "schema": 8001,
    });
    serde_json::from_value(code).expect("a package")
}
