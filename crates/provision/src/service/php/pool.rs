//! Asks php-fpm about a site: with the rights of the web server's workers, in a pool that Ægir alone can reach.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use aegir_domain::{Fault, Password, PlatformContext, PlatformName, Remedy, SiteFolder, SiteName};
use aegir_drupal::Family;
use aegir_drupal::driver::{Credentials, DriverFault, FaultKind, FoundSettings, Listener, Operation, Question, Told};
use aegir_host::{PhpPage, PhpRun, WebFault};
use serde::de::DeserializeOwned;

use super::{Asker, Pool, basedir, scripts_for_pools, tell_noise, without};
use crate::World;
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
    let mut open = basedir::of_question(world, site, platform)?;
    open.push(folder.clone());
    // Sooner than its asker gives up: PHP then says itself where it was.
    let until = world.parts.clock.unix_ms() / 1000 + limit.as_secs() * 5 / 6;
    let post = Post {
        platform,
        mails: matches!(operation, Operation::Cron),
        script: folder.join(operation.script(asker.family)),
        temp: asker.temp(),
        input: asker.input(operation, Some(until), Some(open)),
        socket,
        limit,
        patience,
        name,
    };
    let PhpPage { body, errors } = post.send(world)?;
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

/// A question on its way to a pool.
struct Post<'a> {
    platform: &'a PlatformContext,
    socket: PathBuf,
    script: PathBuf,
    temp: PathBuf,
    input: Password,
    limit: Duration,
    patience: Duration,
    /// What is asked.
    name: &'static str,
    /// Whether it may send letters.
    mails: bool,
}

impl Post<'_> {
    fn send(&self, world: &World) -> Result<PhpPage, Fault> {
        let temp = self.temp.to_string_lossy().into_owned();
        let sendmail = if self.mails { SENDMAIL } else { NO_MAIL };
        let settings = [
            ("upload_tmp_dir", temp.clone()),
            ("sys_temp_dir", temp.clone()),
            ("session.save_path", temp),
            // A worker keeps what it was told last, so each question says it.
            ("sendmail_path", sendmail.to_owned()),
        ];
        let run = PhpRun {
            script: &self.script,
            page: &self.platform.root.path().join("index.php"),
            settings: &settings,
            input: &self.input,
            tag: &world.task.attempt.to_string(),
        };
        let began = world.parts.clock.now();
        let page = world.parts.web.run_php(&self.socket, &run, self.patience);
        let took = world.parts.clock.now().saturating_sub(began);
        page.map_err(|source| PoolFault::of(source, self.name, &self.platform.name, self.limit, took))
    }
}

/// How long the settings of a site may take that is not ours.
const SETTINGS_LIMIT: Duration = Duration::from_secs(30);

/// Has the settings of a site in `platform` that is not ours be read where it lies, as if it were asked for as `site`, with the rights of a visitor's request to it: it may
/// open its own folder and the code of the platform. Gives what they say, and what PHP would not open for them.
///
/// Whatever else that code says is told to nobody: it may print secrets that nobody knows yet.
pub(crate) fn settings_of_stranger(
    world: &World,
    site: &SiteName,
    lies_in: &SiteFolder,
    platform: &PlatformContext,
    family: Family,
) -> Result<(FoundSettings, Vec<String>), Fault> {
    let folder = scripts_for_pools(world)?;
    let mut open = basedir::of_stranger(world, lies_in, platform)?;
    open.push(folder.clone());
    let operation = Operation::Settings;
    let name = operation.as_str();
    let nothing = Password::new("");
    let question = Question {
        root: platform.root.clone(),
        site: lies_in.clone(),
        uri: format!("http://{site}"),
        credentials: Credentials {
            db_type: String::new(),
            db_host: String::new(),
            db_port: String::new(),
            db_socket: String::new(),
            db_user: String::new(),
            db_passwd: nothing.clone(),
            db_name: String::new(),
            hash_salt: nothing,
        },
        until: Some(world.parts.clock.unix_ms() / 1000 + SETTINGS_LIMIT.as_secs()),
        open: Some(open),
        operation: operation.clone(),
    };
    let post = Post {
        platform,
        script: folder.join(operation.script(family)),
        temp: platform.root.folder(lies_in).join("files"),
        input: Password::new(String::from_utf8_lossy(&question.expose()).into_owned()),
        socket: world.ask_socket(&platform.name),
        limit: SETTINGS_LIMIT,
        patience: SETTINGS_LIMIT + Duration::from_secs(5),
        name,
        mails: false,
    };
    let PhpPage { body, errors } = post.send(world)?;
    let mut listener = Listener::default();
    listener.hear(&body);
    match listener.answer(name, "its page") {
        Ok(found) => Ok((found, kept_from(&errors))),
        Err(DriverFault::NoAnswer { .. }) => {
            Err(PoolFault::Wordless { operation: name, said: "nothing that may be told".into() }.into())
        }
        Err(DriverFault::Refused { operation, mut source }) => {
            source.stray.clear();
            // What is thrown may be made of a password, which we do not know yet; the class and the place tell enough.
            if matches!(source.kind, FaultKind::Exception | FaultKind::PhpError) {
                source.message = format!(
                    "{} (its words are left out, for they may hold a password)",
                    source.class.as_deref().unwrap_or("an error of PHP")
                );
            }
            Err(DriverFault::Refused { operation, source }.into())
        }
        Err(fault) => Err(fault.into()),
    }
}

/// The files that PHP would not open, by what it said of it.
fn kept_from(errors: &str) -> Vec<String> {
    let files = errors.split("open_basedir restriction in effect. File(").skip(1);
    let mut files: Vec<String> = files.filter_map(|rest| Some(rest.split_once(')')?.0.to_owned())).collect();
    files.sort();
    files.dedup();
    files
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
