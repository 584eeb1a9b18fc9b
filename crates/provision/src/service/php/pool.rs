//! Asks php-fpm about a site: with the rights of the web server's workers, in a pool that Ægir alone can reach.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use aegir_domain::{Fault, PlatformName, Remedy};
use aegir_drupal::driver::{DriverFault, Listener, Operation, Told};
use aegir_host::{PhpPage, PhpRun, WebFault};
use serde::de::DeserializeOwned;

use super::{Asker, Pool, basedir, scripts_for_pools, tell_noise, without};
use crate::service::fpm::{LONGEST_QUESTION, PoolOf};

/// Nobody is written to because Ægir looks at a site.
const NO_MAIL: &str = "/bin/true";
/// Cron is there to write to people: what PHP has where nobody set anything.
const SENDMAIL: &str = "/usr/sbin/sendmail -t -i";

/// Has the pool answer, for at most `limit`.
///
/// A worker that goes on after that is ended by php-fpm; of updates, [`PoolOf::end_updates`] sees to it. Until then it has the rights of a visitor's request and
/// no others, so no undo needs to mind it more than one of those.
pub(super) fn ask<T: DeserializeOwned>(asker: &Asker<'_>, operation: Operation, limit: Duration) -> Result<T, Fault> {
    let Asker { world, site, platform, .. } = asker;
    let (socket, limit, patience) = match asker.pool {
        Pool::Asked => {
            let limit = limit.min(LONGEST_QUESTION);
            (world.ask_socket(&platform.name), limit, limit)
        }
        Pool::Updates => {
            let limit = limit.min(PoolOf::new(world, platform).update_limit()?);
            // The pool ends the request itself, and nothing of it is left when its end is heard of.
            (world.update_socket(&platform.name), limit, limit + Duration::from_secs(15))
        }
    };
    let name = operation.as_str();
    let folder = scripts_for_pools(world)?;
    let script = folder.join(operation.script(asker.family));
    let mut open = basedir::of_question(world, site, platform)?;
    open.push(folder);
    let temp = asker.temp().to_string_lossy().into_owned();
    let sendmail = if matches!(operation, Operation::Cron) { SENDMAIL } else { NO_MAIL };
    let settings = [
        ("upload_tmp_dir", temp.clone()),
        ("sys_temp_dir", temp.clone()),
        ("session.save_path", temp),
        // A worker keeps what it was told last, so each question says it.
        ("sendmail_path", sendmail.to_owned()),
    ];
    // Sooner than its asker gives up: PHP then says itself where it was.
    let until = world.parts.clock.unix_ms() / 1000 + limit.as_secs() * 5 / 6;
    let run = PhpRun {
        script: &script,
        page: &platform.root.path().join("index.php"),
        settings: &settings,
        input: &asker.input(operation, Some(until), Some(open)),
        tag: &world.task.attempt.to_string(),
    };
    let began = world.parts.clock.now();
    let page = world.parts.web.run_php(&socket, &run, patience);
    let took = world.parts.clock.now().saturating_sub(began);
    let PhpPage { body, errors } = page.map_err(|source| PoolFault::of(source, name, &platform.name, limit, took))?;
    let secrets = asker.secrets();
    let page = without(&secrets, &String::from_utf8_lossy(&body));
    let errors = without(&secrets, &errors);
    let mut listener = Listener::default();
    for news in listener.hear(page.as_bytes()) {
        if let Told::Update { name, took, output } = news {
            world.say_with(format!("`{name}` ran in {:.2} s", took.as_secs_f64()), output);
        }
    }
    match listener.answer(name, "its page") {
        Err(DriverFault::NoAnswer { .. }) => {
            Err(PoolFault::Wordless { operation: name, said: excerpt(&[errors, page].join(" ")) }.into())
        }
        told => {
            // What its folders keep from the site is meant to be kept from it.
            let noise = errors.lines().filter(|line| !line.contains("open_basedir restriction in effect"));
            tell_noise(world, name, &noise.collect::<Vec<_>>().join("\n"));
            Ok(told?)
        }
    }
}

/// Whether nothing was asked, because nothing answers.
pub(super) fn is_silent(fault: &Fault) -> bool {
    matches!(fault.downcast_ref(), Some(PoolFault::Silent { .. }))
}

/// One line, of a length that can be read.
fn excerpt(text: &str) -> String {
    let mut words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.is_empty() {
        words = "nothing".into();
    }
    match words.char_indices().nth(2000) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words,
    }
}

/// Why php-fpm has no answer of Drupal's.
#[derive(Debug, thiserror::Error)]
enum PoolFault {
    #[error("php-fpm does not answer on `{}`", socket.display())]
    Silent { socket: PathBuf, platform: PlatformName, source: WebFault },
    #[error("Drupal's `{operation}` gave no answer within {} seconds", limit.as_secs())]
    Slow { operation: &'static str, limit: Duration, source: WebFault },
    #[error("the process of php-fpm that was asked Drupal's `{operation}` ended before it answered")]
    Died { operation: &'static str, source: WebFault },
    #[error("Drupal's `{operation}` ended without an answer; php-fpm said: {said}")]
    Wordless { operation: &'static str, said: String },
}

impl PoolFault {
    fn of(fault: WebFault, operation: &'static str, platform: &PlatformName, limit: Duration, took: Duration) -> Fault {
        match fault {
            WebFault::Unreachable { at: aegir_host::WebAddress::Unix(ref socket), .. } => {
                PoolFault::Silent { socket: socket.clone(), platform: platform.clone(), source: fault }.into()
            }
            WebFault::NoAnswer { ref source, .. } if source.kind() == io::ErrorKind::TimedOut || took >= limit => {
                PoolFault::Slow { operation, limit, source: fault }.into()
            }
            WebFault::NoAnswer { .. } => PoolFault::Died { operation, source: fault }.into(),
            other => other.into(),
        }
    }
}

impl Remedy for PoolFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            PoolFault::Silent { platform, .. } => format!(
                "see that `aegir up` is running; if it is, give the platform its pools with `aegir provision verify @platform_{platform}`"
            ),
            PoolFault::Slow { .. } => {
                "look for what holds the site's code up (a service elsewhere, a lock in its database, a loop); when many \
                 sites of its platform are asked at once, retry later"
                    .into()
            }
            PoolFault::Died { .. } => {
                "look into `logs/php-fpm.log` for how it ended; when php-fpm was just restarted, retry".into()
            }
            PoolFault::Wordless { .. } => {
                "correct what php-fpm names; if it names nothing, look into `logs/php-fpm.log`, and at the site's own code"
                    .into()
            }
        })
    }
}
