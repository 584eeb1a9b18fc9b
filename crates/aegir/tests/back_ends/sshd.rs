//! A second machine: an sshd on loopback, as the user that the home belongs to, in a folder of its own.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use aegir_domain::{HostKey, RemotePath, SshAddress, Transport};
use aegir_hosting::Place;

use crate::stage::processes;
use crate::support::{Lab, Way, free_port, kill, run, spawn, until};

/// Where the tests' packages put it.
const SSHD: &str = "/usr/sbin/sshd";

/// An sshd that runs.
pub struct Sshd {
    child: Child,
    pub port: u16,
    pub folder: PathBuf,
    user: String,
}

impl Sshd {
    /// Starts one that lets `public_key` in.
    pub fn start(lab: &Lab, public_key: &str) -> Sshd {
        let folder = lab.beside().join("sshd");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("authorized_keys"), format!("restrict {public_key}\n")).unwrap();
        make_host_key(&folder);
        let port = free_port();
        let config = format!(
            "ListenAddress 127.0.0.1\nPort {port}\nHostKey {0}/host_key\nAuthorizedKeysFile {0}/authorized_keys\n\
             MaxStartups 3\nPidFile none\nUsePAM no\nStrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n",
            folder.display()
        );
        fs::write(folder.join("config"), config).unwrap();
        lab.give(&folder);
        let user = user(lab);
        let child = serve(lab, &folder, &user);
        let sshd = Sshd { child, port, folder, user };
        sshd.listens();
        sshd
    }

    /// Ends it, and starts it anew with another key of its own.
    pub fn change_host_key(&mut self, lab: &Lab) {
        self.stop();
        make_host_key(&self.folder);
        lab.give(&self.folder);
        self.child = serve(lab, &self.folder, &self.user);
        self.listens();
    }

    /// Ends it, with its connections.
    pub fn stop(&mut self) {
        self.cut();
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }

    fn listens(&self) {
        until("sshd listens", || {
            let log = || fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert!(Path::new(&format!("/proc/{}", self.child.id())).join("exe").exists(), "sshd ended:\n{}", log());
            TcpStream::connect(("127.0.0.1", self.port)).is_ok()
        });
    }

    /// The processes that serve a connection: its children.
    pub fn connections(&self) -> Vec<u32> {
        children_of(self.child.id())
    }

    /// Cuts every connection, as a power cut of the machine between would. What runs there goes on.
    pub fn cut(&self) {
        for connection in self.connections() {
            // The one that watches, and the one that has the user's rights.
            let both = children_of(connection).into_iter().filter(|pid| name_of(*pid) == "sshd");
            both.chain([connection]).for_each(kill);
        }
    }

    /// Where it is. The home there is the lab's own: one folder, two ways to it.
    pub fn address(&self, lab: &Lab) -> SshAddress {
        let path = |path: &Path| -> RemotePath { path.to_str().unwrap().parse().unwrap() };
        SshAddress {
            host: "127.0.0.1".parse().unwrap(),
            user: self.user.parse().unwrap(),
            port: self.port,
            host_key: Some(self.host_key()),
            home: path(&lab.home()),
            program: Some(path(&lab.program())),
        }
    }

    /// The key it shows.
    pub fn host_key(&self) -> HostKey {
        fs::read_to_string(self.folder.join("host_key.pub")).unwrap().parse().unwrap()
    }

    /// As a place.
    pub fn place(&self, lab: &Lab) -> Place {
        place(self.address(lab))
    }
}

/// The server `web2` at an address.
pub fn place(address: SshAddress) -> Place {
    Place { server: "web2".parse().unwrap(), transport: Transport::Ssh(address) }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.stop();
    }
}

fn children_of(parent: u32) -> Vec<u32> {
    let parent_of = |pid: u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit(") ").next()?.split(' ').nth(1)?.parse::<u32>().ok()
    };
    processes(|_| true).into_iter().filter(|pid| parent_of(*pid) == Some(parent)).collect()
}

fn name_of(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_owned()
}

fn make_host_key(folder: &Path) {
    let key = folder.join("host_key");
    let _ = fs::remove_file(&key);
    run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(key));
}

/// The user that the home belongs to.
fn user(lab: &Lab) -> String {
    match (rustix::process::geteuid().is_root(), lab.way) {
        (true, Way::TwoUsers) => "aegir".into(),
        (true, Way::Person) => "nobody".into(),
        (false, _) => {
            let said = Command::new("id").arg("-un").output().unwrap();
            String::from_utf8(said.stdout).unwrap().trim().to_owned()
        }
    }
}

fn serve(lab: &Lab, folder: &Path, user: &str) -> Child {
    assert!(Path::new(SSHD).exists(), "the tests need `{SSHD}`; run `scripts/setup`");
    let mut command = lab.as_owner(SSHD);
    // The users that tests run as have no shell, and must not get one; to this sshd alone they have.
    let accounts = fs::read_to_string("/etc/passwd").unwrap();
    let with_shell = |line: &str| {
        let mut fields: Vec<&str> = line.split(':').collect();
        if fields[0] == user {
            (fields[5], fields[6]) = ("/", "/bin/sh");
        }
        fields.join(":") + "\n"
    };
    fs::write(folder.join("passwd"), accounts.lines().map(with_shell).collect::<String>()).unwrap();
    fs::copy("/etc/group", folder.join("group")).unwrap();
    command.env("LD_PRELOAD", "libnss_wrapper.so");
    command.env("NSS_WRAPPER_PASSWD", folder.join("passwd")).env("NSS_WRAPPER_GROUP", folder.join("group"));
    let log = fs::OpenOptions::new().create(true).append(true).open(folder.join("log")).unwrap();
    command.args(["-D", "-e", "-f"]).arg(folder.join("config")).current_dir("/");
    spawn(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log))
}
