//! The postman: over real sockets, with real programs, and the whole way from a task that fails.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "real processes and real time are what is tested")]

#[allow(dead_code, reason = "only some of it is of use here")]
#[path = "../back_ends/stage.rs"]
mod stage;
#[path = "../support/mod.rs"]
mod support;

mod hook;
mod letters;
mod local_mail;
mod mail_server;
mod posts;
mod tls;
mod whole_way;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aegir_domain::{FaultReport, Report};
use aegir_host::{Deadline, SystemClock, SystemMint, TaskPrograms};
use aegir_hosting::Letter;
use aegir_outside::post::{Patience, RealPostman};

/// A postman as the program has it.
fn postman() -> RealPostman {
    let programs = TaskPrograms::new(env!("CARGO_BIN_EXE_aegir").into(), Box::new(|_| Ok(())), Deadline::none());
    let programs = programs.with_grace(Duration::from_millis(200));
    RealPostman::new(Arc::new(programs), Arc::new(SystemClock), Arc::new(SystemMint))
        .with_patience(Patience { letter: Duration::from_secs(20), post: Duration::from_secs(20) })
}

/// One that gives up soon, for those who never answer.
fn impatient() -> RealPostman {
    postman().with_patience(Patience { letter: Duration::from_millis(1500), post: Duration::from_millis(1500) })
}

fn letter() -> Letter {
    Letter { subject: "[Ægir] site-add of @a.test failed".into(), body: "grüße\n.\n..\nthe end 🎉\n".into() }
}

/// A fault as a person reads it.
fn told(sent: Result<(), FaultReport>) -> String {
    Report(&sent.expect_err("it cannot be sent")).to_string()
}

/// A test of its own runtime.
fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let done = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(60), work).await });
    runtime.shutdown_timeout(Duration::from_millis(100));
    done.expect("it ends within a minute")
}

/// A program of the shell.
fn script(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}
