//! The floor: the same work by hand, on a web server of its own, with the same PHP and database.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use aegir_domain::DbEngine;

use crate::code::Platform;
use crate::support::web::get;
use crate::support::{Lab, free_port, root, run, until};

/// A web server for sites made by hand.
pub struct Floor<'a> {
    lab: &'a Lab,
    folder: PathBuf,
    port: u16,
    servers: [Child; 2],
    made: u32,
}

impl<'a> Floor<'a> {
    /// Starts it, for sites on one platform.
    pub fn start(lab: &'a Lab, platform: &Platform) -> Floor<'a> {
        let folder = lab.beside().join(format!("floor-{}", platform.id));
        for name in ["", "vhosts", "fence", "temp", "opcache", "work"] {
            fs::create_dir(folder.join(name)).unwrap();
        }
        let port = free_port();
        let temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|what| format!("{what}_temp_path temp;"));
        let text = format!(
            "daemon off;\nworker_processes 1;\npid nginx.pid;\nerror_log error.log;\nevents {{}}\nhttp {{\n  access_log off;\n  {}\n  \
             server {{ listen 127.0.0.1:{port} default_server; return 404; }}\n  include vhosts/*.conf;\n}}\n",
            temp.join(" ")
        );
        fs::write(folder.join("nginx.conf"), text).unwrap();
        let endpoints = lab.up().endpoints();
        let credentials: serde_json::Value =
            serde_json::from_slice(&fs::read(&endpoints.db_credentials).unwrap()).unwrap();
        let password = credentials["password"].as_str().unwrap();
        let text = format!(
            "[client]\nsocket={}\nuser={}\npassword=\"{password}\"\n",
            db_socket(lab).display(),
            endpoints.db_account
        );
        fs::write(folder.join("my.cnf"), text).unwrap();
        fs::set_permissions(folder.join("my.cnf"), fs::Permissions::from_mode(0o600)).unwrap();
        // The user that Ægir runs as may not enter the folder of the checkout.
        let scripts = folder.join("scripts");
        run(Command::new("cp").arg("-r").arg(root().join("benches/floors")).arg(&scripts));
        let programs = aegir_stack::Programs::find();
        // A worker that served a site of ours stays held to that site's folders: so these have their own.
        let text = format!(
            "[global]\nerror_log = {0}/fpm.log\ndaemonize = no\n[floor]\nlisten = {0}/fpm.sock\npm = ondemand\n\
             pm.max_children = 16\nphp_admin_value[memory_limit] = 256M\nphp_admin_value[opcache.revalidate_freq] = 0\n",
            folder.display()
        );
        fs::write(folder.join("fpm.conf"), text).unwrap();
        lab.give(&folder);
        let mut fpm = lab.as_owner(programs.php_fpm.unwrap());
        let fpm = fpm.arg("--fpm-config").arg(folder.join("fpm.conf")).stderr(Stdio::null()).spawn().unwrap();
        until("the floor's php-fpm answers", || folder.join("fpm.sock").exists());
        let mut nginx = lab.as_owner(programs.nginx.unwrap());
        nginx.arg("-e").arg(folder.join("error.log")).arg("-p").arg(&folder);
        let nginx = nginx.arg("-c").arg(folder.join("nginx.conf")).stderr(Stdio::null()).spawn().unwrap();
        until("the floor's nginx answers", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        Floor { lab, folder, port, servers: [nginx, fpm], made: 0 }
    }

    /// Installs a site by hand, with its vhost, one reload and its first page.
    pub fn install(&mut self, platform: &Platform) -> Handmade {
        self.made += 1;
        let name = format!("floor{}.{}.localhost", self.made, platform.id);
        let site = Handmade { name, database: format!("floor{}{}", platform.id, self.made) };
        quietly(self.script("install.sh", platform, &site).env("PROFILE", platform.profile));
        site
    }

    /// Moves a site by hand as `move.sh` has it, `to` a platform if it is to live on another one.
    pub fn moves(&self, what: &[&str], site: &Handmade, from: &Platform, to: &Platform, lanes: usize) {
        let mut script = self.script("move.sh", from, site);
        script.args(what).env("TO_ROOT", &to.root).env("TO_SITE", format!("moved-{}", site.name));
        script.env("TO_DATABASE", format!("{}moved", site.database)).env("LANES", lanes.to_string());
        script.env("UPDATES", if from.name == to.name { "no" } else { "yes" });
        script.env("WORK", self.folder.join("work")).env("ARCHIVE", self.folder.join("archive.tar.zst"));
        quietly(&mut script);
    }

    /// Takes a site in that nothing serves yet.
    pub fn imports(&self, site: &Handmade, platform: &Platform) {
        let mut script = self.script("import.sh", platform, site);
        quietly(script.env("TO_DATABASE", format!("{}in", site.database)));
    }

    /// Has cron of a site run whenever [`Floor::cron`] asks for it.
    pub fn serves_cron(&self, site: &Handmade, platform: &Platform) {
        quietly(&mut self.script("cron.sh", platform, site));
        until("the floor's nginx runs cron", || self.ask_for_cron(site) == 200);
    }

    /// Runs cron of a site.
    pub fn cron(&self, site: &Handmade) {
        assert_eq!(self.ask_for_cron(site), 200, "cron of {}, by hand", site.name);
    }

    fn ask_for_cron(&self, site: &Handmade) -> u16 {
        get(SocketAddr::from(([127, 0, 0, 1], self.port)), &site.name, "/cron").status
    }

    /// How long the last copy of tables took that [`Floor::moves`] made.
    pub fn copied(&self) -> Duration {
        let micros = fs::read_to_string(self.folder.join("work/copied")).unwrap();
        Duration::from_micros(micros.trim().parse().unwrap())
    }

    fn script(&self, name: &str, platform: &Platform, site: &Handmade) -> Command {
        let mut script = self.lab.as_owner(self.folder.join("scripts").join(name));
        script.env("ROOT", &platform.root).env("SITE", &site.name).env("DATABASE", &site.database);
        script.env("FAMILY", platform.family).env("PHP", "php").env("OPCACHE", self.folder.join("opcache"));
        script.env("MY_CNF", self.folder.join("my.cnf")).env("DB_SOCKET", db_socket(self.lab));
        script.env("WEB", &self.folder).env("POOL", self.folder.join("fpm.sock")).env("PORT", self.port.to_string());
        script
    }
}

/// Runs a script, and passes on what it complains of alone.
fn quietly(script: &mut Command) {
    run(script.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()));
}

/// A site that was made by hand.
pub struct Handmade {
    /// Its name.
    pub name: String,
    /// Its database, and the user of that.
    pub database: String,
}

impl Drop for Floor<'_> {
    fn drop(&mut self) {
        for server in &mut self.servers {
            // Its workers end with a master that was asked, not with one that was killed.
            let pid = rustix::process::Pid::from_raw(server.id().cast_signed()).unwrap();
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            let _ = server.wait();
        }
    }
}

fn db_socket(lab: &Lab) -> PathBuf {
    match lab.up().endpoints().db {
        Some(DbEngine::Socket(path)) => path,
        other => panic!("the private stack's database has no socket: {other:?}"),
    }
}
