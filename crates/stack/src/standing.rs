//! How a stack stands, seen from outside: looked at without changing or starting anything.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use aegir_domain::Password;
use aegir_host::{Databases, RealDatabases, RealWeb, Web};

use crate::endpoints::Endpoints;
use crate::fault::StackFault;
use crate::places::Places;
use crate::running::Running;
use crate::{database, leftovers, ports, process_table};

/// How long a service may take to answer somebody who only looks.
const LIMIT: Duration = Duration::from_secs(5);

/// How the stack of a home stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Who keeps it.
    pub running: Option<Running>,
    /// Processes that nobody looks after: what they run, and their numbers.
    pub left_over: Vec<(String, i32)>,
    /// The remembered port, and who has it though no stack runs.
    pub port_taken: Option<(u16, String)>,
}

impl Standing {
    /// Looks at the stack of `home`, which is given without links.
    pub fn look(home: &Path) -> Result<Standing, StackFault> {
        let places = Places::of(home);
        let running = Running::find(home)?;
        let (mut left_over, mut port_taken) = (Vec::new(), None);
        if running.is_none() {
            let found = leftovers::find(&places);
            left_over.extend(found.into_iter().map(|(service, pid)| (service.to_string(), pid)));
            let port = ports::kept(home).ok().flatten();
            let taken = port.filter(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_err());
            // A left-over of ours that has it is told as what it is.
            port_taken = taken.filter(|_| left_over.is_empty()).map(|port| {
                (port, process_table::listener(port).unwrap_or_else(|| "a program of another user".into()))
            });
        }
        Ok(Standing { running, left_over, port_taken })
    }
}

/// What a service of a running stack answers: its name, and why it does not, if so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers {
    /// The service.
    pub service: &'static str,
    /// What it was asked at.
    pub at: String,
    /// Why it does not answer.
    pub fault: Option<String>,
}

impl Endpoints {
    /// Asks each service of the stack that runs in `home`, as a site would.
    pub fn ask_each(&self, home: &Path) -> Vec<Answers> {
        let mut all = vec![
            Answers {
                service: "the web server",
                at: self.listen.to_string(),
                fault: connect(self.listen).err().map(|fault| fault.to_string()),
            },
            Answers {
                service: "php-fpm",
                at: Places::of(home).idle_pool().display().to_string(),
                fault: RealWeb
                    .ping_php(&Places::of(home).idle_pool(), "/aegir-ping", LIMIT)
                    .err()
                    .map(|fault| fault.to_string()),
            },
        ];
        if self.db.is_some() {
            all.push(Answers {
                service: "the database server",
                at: Places::of(home).database_socket().display().to_string(),
                fault: self.ask_database(home).err().map(|fault| match std::error::Error::source(&*fault) {
                    Some(source) => format!("{fault}: {source}"),
                    None => fault.to_string(),
                }),
            });
        }
        all
    }

    fn ask_database(&self, home: &Path) -> Result<(), Box<dyn std::error::Error>> {
        let password = database::read_password(&Places::of(home))?.unwrap_or_else(|| Password::new(""));
        let Some(at) = &self.db else { return Ok(()) };
        RealDatabases.mariadb(at, &self.db_account, &password, None, LIMIT)?.rows("SELECT 1")?;
        Ok(())
    }
}

fn connect(at: SocketAddr) -> std::io::Result<()> {
    TcpStream::connect_timeout(&at, LIMIT).map(drop)
}
