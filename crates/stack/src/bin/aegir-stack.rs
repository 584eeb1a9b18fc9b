//! Runs a private stack alone, for tests and for trying by hand; `aegir up` is the real thing.
//!
//! `aegir-stack HOME [--users] [--no-mariadb] [--apache] [--port N]`; Ctrl-C stops it, a second one at once.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::ExitCode;

use aegir_domain::{FaultReport, HttpEngine, Report};
use aegir_stack::{Programs, Signals, Stack, StackFault, StackSettings, Users};

fn main() -> ExitCode {
    match up() {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("{}", Report(&FaultReport::of(&fault)));
            ExitCode::FAILURE
        }
    }
}

fn up() -> Result<(), StackFault> {
    let mut args = std::env::args().skip(1);
    let mut settings = StackSettings {
        home: PathBuf::from(args.next().unwrap_or_default()),
        address: Ipv4Addr::LOCALHOST.into(),
        http_port: None,
        users: None,
        http: None,
        mariadb: true,
        programs: Programs::find(),
    };
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--users" => settings.users = Some(Users::find("aegir", "aegir-web")?),
            "--apache" => settings.http = Some(HttpEngine::Apache),
            "--no-mariadb" => settings.mariadb = false,
            "--port" => settings.http_port = args.next().and_then(|port| port.parse().ok()),
            other => eprintln!("unknown: {other}"),
        }
    }
    let say = |text: &str| println!("{text}");
    let signals = Signals::listen().map_err(|source| StackFault::File {
        doing: "listen for signals of",
        path: "/proc/self".into(),
        source,
    })?;
    let stack = Stack::start(settings, &say, &|| signals.asked())?;
    println!("ready {}", stack.endpoints().listen);
    stack.supervise(&say, &|| signals.asked())
}
