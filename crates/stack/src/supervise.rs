//! Keeping a stack: a child that dies is started again, until we are asked to stop.

use std::io::Write;
use std::time::Duration;

use aegir_host::{Clock, SystemClock};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::Signal;

use crate::control::Asked;
use crate::daemon::{self, now};
use crate::fault::StackFault;
use crate::places::Places;
use crate::service::Service;
use crate::stack::{Kept, Setup, Stack, until_ready};
use crate::{files, php, reload};

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopRequest {
    /// Go on.
    No,
    /// Let each service finish what it does.
    Orderly,
    /// End all services now.
    AtOnce,
}

/// How often a service may die within a minute.
const DEATHS: usize = 5;
const MINUTE: Duration = Duration::from_secs(60);
/// How often we look, when nobody asks anything.
const TURN: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// The deaths of a service within the last minute, and when it is started again.
#[derive(Debug, Default)]
pub(crate) struct Deaths {
    at: Vec<Duration>,
    again: Option<Duration>,
}

impl Deaths {
    /// Counts one; returns how long to wait, or nothing if it was one too many.
    fn count(&mut self, now: Duration) -> Option<Duration> {
        self.at.retain(|death| now.saturating_sub(*death) < MINUTE);
        self.at.push(now);
        if self.at.len() >= DEATHS {
            return None;
        }
        let wait = Duration::from_secs(1 << (self.at.len() - 1));
        self.again = Some(now + wait);
        Some(wait)
    }
}

impl Stack {
    /// Keeps the services running until `stop` asks to end them, or one of them dies too often.
    ///
    /// What is said of them also goes to `logs/stack.log`: nobody may be looking when one dies.
    pub fn supervise(mut self, say: &dyn Fn(&str), stop: &dyn Fn() -> StopRequest) -> Result<(), StackFault> {
        let places = self.setup.places.clone();
        let say = &|said: &str| {
            say(said);
            log(&places, said);
        };
        loop {
            if stop() != StopRequest::No {
                self.stop(say, stop);
                return Ok(());
            }
            if let Err(fault) = self.look_after(say, stop) {
                if stop() != StopRequest::No {
                    continue;
                }
                self.stop(say, stop);
                return Err(fault);
            }
            let mut wanted = [PollFd::new(self.control.listener(), PollFlags::IN)];
            // An interruption is a signal: the next turn asks what it was.
            let _ = rustix::event::poll(&mut wanted, Some(&TURN));
            let (setup, kept) = (&self.setup, &mut self.kept);
            self.control.answer(|asked| answer(setup, kept, asked));
        }
    }

    /// Sees who died, and starts again whose time has come.
    fn look_after(&mut self, say: &dyn Fn(&str), stop: &dyn Fn() -> StopRequest) -> Result<(), StackFault> {
        for index in 0..self.kept.len() {
            let kept = &mut self.kept[index];
            let service = kept.service;
            let Some(how) = kept.daemon.ended() else { continue };
            let Some(again) = kept.deaths.again else {
                kept.daemon.sweep();
                let Some(wait) = kept.deaths.count(now()) else {
                    return Err(StackFault::KeepsDying { service, times: DEATHS, source: kept.daemon.said() });
                };
                say(&format!("{service} died ({how}); it is started again in {} s", wait.as_secs()));
                continue;
            };
            if now() < again {
                continue;
            }
            kept.deaths.again = None;
            kept.daemon = self.setup.launch(service)?.stay()?;
            self.remember()?;
            match until_ready(&self.setup, service, &mut self.kept[index].daemon, stop) {
                Ok(()) => say(&format!("{service} is back")),
                // The next turn counts this death like any other.
                Err(StackFault::Died { .. }) => (),
                Err(fault) => return Err(fault),
            }
        }
        Ok(())
    }

    /// Ends the services: PHP, the web server, the database.
    fn stop(&mut self, say: &dyn Fn(&str), stop: &dyn Fn() -> StopRequest) {
        self.kept.sort_by_key(|kept| std::cmp::Reverse(kept.service.stays()));
        while let Some(mut kept) = self.kept.pop() {
            if stop() == StopRequest::AtOnce {
                self.kept.push(kept);
                say("stopping everything at once");
                break;
            }
            say(&format!("stopping {}", kept.service));
            let (signal, limit) = kept.service.orderly();
            kept.daemon.signal(signal);
            let ended = daemon::wait_until(limit, || kept.daemon.is_gone() || stop() == StopRequest::AtOnce);
            if !ended {
                say(&format!("{} did not end within {} s: ending it", kept.service, limit.as_secs()));
            }
            if !kept.daemon.is_gone() {
                self.kept.push(kept);
                self.end_now(1);
            }
        }
        self.end_now(self.kept.len());
        if let Err(fault) = self.remember() {
            say(&fault.to_string());
        }
    }

    /// Ends the last `count` services without waiting for what they do.
    fn end_now(&mut self, count: usize) {
        let first = self.kept.len() - count;
        let mut kept = self.kept.split_off(first);
        for kept in &mut kept {
            kept.daemon.signal(Signal::TERM);
        }
        daemon::wait_until(Duration::from_secs(2), || kept.iter_mut().all(|kept| kept.daemon.is_gone()));
        for kept in &mut kept {
            kept.daemon.sweep();
        }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        self.end_now(self.kept.len());
    }
}

/// Notes with the time what was said. A log that cannot be written is no reason to end the services.
fn log(places: &Places, said: &str) {
    if let Ok(mut log) = files::append(&places.log("stack.log"), places.private_owner(), 0o640) {
        let at = aegir_domain::stamp(SystemClock.unix_ms());
        let _ = writeln!(log, "{at} {}", said.replace('\n', "; "));
    }
}

fn answer(setup: &Setup, kept: &mut [Kept], asked: Asked) -> Result<String, String> {
    match asked {
        Asked::Status => Ok(status(kept)),
        Asked::Reload(service) => {
            let mut running = kept.iter_mut().filter(|kept| kept.service == service);
            let Some(kept) = running.find_map(|kept| kept.daemon.ended().is_none().then_some(kept)) else {
                return Err(format!("{service} is not running; it is being started again"));
            };
            match service {
                Service::Nginx => reload::nginx(setup, &mut kept.daemon)?,
                Service::Apache => reload::apache(setup, &mut kept.daemon)?,
                Service::PhpFpm => {
                    // It would end on what it does not understand.
                    let ran = php::test(setup).map_err(|fault| fault.to_string())?;
                    if !ran.status.success() {
                        return Err(format!("{service} refuses its configuration: {}", ran.said.text));
                    }
                    kept.daemon.signal(Signal::USR2);
                }
                Service::Mariadb => return Err("MariaDB needs no reload".into()),
            }
            Ok(String::new())
        }
    }
}

fn status(kept: &mut [Kept]) -> String {
    let words: Vec<String> = kept
        .iter_mut()
        .map(|kept| match kept.daemon.ended() {
            None => format!("{}={}", kept.service.as_str(), kept.daemon.pid),
            Some(_) => format!("{}=down", kept.service.as_str()),
        })
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_dies_again_is_waited_for_longer_and_the_fifth_time_given_up() {
        let begin = now();
        let mut deaths = Deaths::default();

        let waits: Vec<_> = (0..5).map(|n| deaths.count(begin + Duration::from_secs(n)).map(|w| w.as_secs())).collect();

        assert_eq!(waits, [Some(1), Some(2), Some(4), Some(8), None]);
    }

    #[test]
    fn an_old_death_is_forgotten() {
        let begin = now();
        let mut deaths = Deaths::default();

        deaths.count(begin);

        assert_eq!(deaths.count(begin + MINUTE), Some(Duration::from_secs(1)));
    }
}
