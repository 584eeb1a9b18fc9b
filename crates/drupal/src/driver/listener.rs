//! Reads what a driver script tells on descriptor 3.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{DriverFault, LONGEST_LINE, PhpFault};

/// One line of a script.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// A task of the operation is done.
    Progress {
        /// Its name.
        task: String,
        /// How long it took.
        took: Duration,
    },
    /// An update of the site came to an end.
    Update {
        /// The function that it is.
        name: String,
        /// How long it took.
        took: Duration,
        /// What it said.
        output: String,
    },
    /// The operation is done, and this is its answer.
    Answer(Value),
    /// The operation is not done, and this is why.
    Fault(PhpFault),
    /// Nothing that a script of ours writes.
    Noise,
}

impl Told {
    /// Reads a line. There is no line that it cannot make something of.
    pub fn read(line: &[u8]) -> Told {
        #[derive(Deserialize)]
        #[serde(rename_all = "kebab-case")]
        enum Line {
            Progress { task: String, ms: u64 },
            Update { name: String, ms: u64, output: String },
            Answer(Value),
            Fault(PhpFault),
        }
        match serde_json::from_slice(line) {
            Ok(Line::Progress { task, ms }) => Told::Progress { task, took: Duration::from_millis(ms) },
            Ok(Line::Update { name, ms, output }) => Told::Update { name, took: Duration::from_millis(ms), output },
            Ok(Line::Answer(answer)) => Told::Answer(answer),
            Ok(Line::Fault(fault)) => Told::Fault(fault),
            Err(_) => Told::Noise,
        }
    }
}

/// Cuts bytes into lines, and keeps how it ended.
#[derive(Debug, Default)]
pub struct Listener {
    line: Vec<u8>,
    too_long: bool,
    end: Option<Told>,
}

impl Listener {
    /// Takes what was read from descriptor 3, and says what is new: progress, for whoever watches.
    pub fn hear(&mut self, bytes: &[u8]) -> Vec<Told> {
        let mut news = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let ended = piece.ends_with(b"\n");
            if self.line.len() + piece.len() > LONGEST_LINE {
                self.too_long = true;
                self.line.clear();
            }
            if !self.too_long {
                self.line.extend_from_slice(piece);
            }
            if ended {
                news.extend(self.end_line());
            }
        }
        news
    }

    fn end_line(&mut self) -> Option<Told> {
        let line = std::mem::take(&mut self.line);
        if std::mem::take(&mut self.too_long) {
            return None;
        }
        match Told::read(&line) {
            Told::Noise => None,
            news @ (Told::Progress { .. } | Told::Update { .. }) => Some(news),
            // The first counts: a script tells one, and what follows is not ours.
            end => {
                self.end.get_or_insert(end);
                None
            }
        }
    }

    /// How it ended, once descriptor 3 is closed. `how` says how the process ended: `status 255`.
    pub fn answer<T: DeserializeOwned>(mut self, operation: &'static str, how: &str) -> Result<T, DriverFault> {
        self.end_line();
        match self.end {
            Some(Told::Answer(answer)) => {
                serde_json::from_value(answer).map_err(|source| DriverFault::OddAnswer { operation, source })
            }
            Some(Told::Fault(fault)) => Err(DriverFault::from_php(operation, fault)),
            _ => Err(DriverFault::NoAnswer { operation, how: how.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::Flushed;

    #[test]
    fn lines_are_heard_however_they_are_cut() {
        let text = b"{\"progress\":{\"task\":\"a\",\"ms\":3}}\n{\"answer\":{\"site_path\":\"sites/a\"}}\n";
        for cut in 0..text.len() {
            let mut listener = Listener::default();
            let mut news = listener.hear(&text[..cut]);
            news.extend(listener.hear(&text[cut..]));

            assert_eq!(news, [Told::Progress { task: "a".into(), took: Duration::from_millis(3) }], "{cut}");
            assert_eq!(listener.answer::<Flushed>("flush", "status 0").unwrap().site_path, "sites/a");
        }
    }

    #[test]
    fn noise_between_the_lines_is_passed_over() {
        let mut listener = Listener::default();
        listener.hear(b"\xff\xfe\n\n[]\n{\"answer\":\n{\"answer\":{\"site_path\":\"sites/a\"},\"fault\":{}}\n");
        listener.hear(&vec![b'x'; 3 * LONGEST_LINE]);
        listener.hear(b"\n{\"answer\":{\"site_path\":\"sites/b\"}}");

        assert_eq!(listener.answer::<Flushed>("flush", "status 0").unwrap().site_path, "sites/b");
    }

    #[test]
    fn the_first_answer_counts() {
        let mut listener = Listener::default();
        listener.hear(b"{\"fault\":{\"kind\":\"exit\",\"message\":\"m\"}}\n{\"answer\":{\"site_path\":\"sites/a\"}}\n");

        assert!(listener.answer::<Flushed>("flush", "status 1").is_err());
    }

    #[test]
    fn a_process_that_dies_silently_is_a_fault_that_says_how() {
        let fault = Listener::default().answer::<Flushed>("flush", "signal 9").unwrap_err();

        assert_eq!(fault.to_string(), "Drupal's `flush` ended with signal 9 and gave no answer");
    }

    #[test]
    fn no_bytes_make_it_stumble() {
        let mut seed = 7u64;
        for _ in 0..2000 {
            let bytes: Vec<u8> = (0..40)
                .map(|_| {
                    seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                    b"{}[]\":,\nanswer\xff0progress fault kind"[(seed >> 33) as usize % 35]
                })
                .collect();
            let mut listener = Listener::default();
            listener.hear(&bytes);
            let _ = listener.answer::<Flushed>("flush", "status 0");
        }
    }
}
