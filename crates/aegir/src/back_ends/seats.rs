//! How conversations with one machine are spread over connections to it.
//!
//! An sshd lets ten share a connection (`MaxSessions`), and refuses at random those who knock while ten others have
//! not shown their key yet (`MaxStartups`). Whoever finds a connection full would knock on their own, all at once:
//! so each has a seat before it asks, and a connection is opened for eight at a time.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// How many of ours share a connection: of the ten two are left for other programs that come by the same socket.
const SHARED: usize = 8;

/// Who sits where: for each machine, how many share its first connection, its second, and so on.
#[derive(Default)]
pub(super) struct Seats(Mutex<HashMap<PathBuf, Vec<usize>>>);

/// A place in a connection, until it is dropped.
pub(crate) struct Seat {
    seats: Arc<Seats>,
    machine: PathBuf,
    connection: usize,
}

impl Seats {
    /// The first free seat to the machine whose sockets begin with this path.
    pub(super) fn take(self: &Arc<Seats>, machine: &Path) -> Seat {
        let mut seats = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = seats.entry(machine.to_owned()).or_default();
        let connection = taken.iter().position(|count| *count < SHARED).unwrap_or(taken.len());
        if connection == taken.len() {
            taken.push(0);
        }
        taken[connection] += 1;
        Seat { seats: self.clone(), machine: machine.to_owned(), connection }
    }
}

impl Seat {
    /// The socket of its connection.
    pub(super) fn socket(&self) -> PathBuf {
        self.machine.with_extension(self.connection.to_string())
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.seats.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(taken) = seats.get_mut(&self.machine) else { return };
        taken[self.connection] -= 1;
        while taken.last() == Some(&0) {
            taken.pop();
        }
        if taken.is_empty() {
            seats.remove(&self.machine);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_share_a_connection_and_a_seat_that_is_left_is_taken_again() {
        let seats = Arc::new(Seats::default());
        let (one, other) = (Path::new("/run/ssh/a"), Path::new("/run/ssh/b"));
        let mut taken: Vec<Seat> = (0..17).map(|_| seats.take(one)).collect();
        let sockets = |taken: &[Seat], end: &str| {
            let path = PathBuf::from(format!("/run/ssh/a.{end}"));
            taken.iter().filter(|seat| seat.socket() == path).count()
        };
        assert_eq!([sockets(&taken, "0"), sockets(&taken, "1"), sockets(&taken, "2")], [8, 8, 1]);
        assert_eq!(seats.take(other).socket(), Path::new("/run/ssh/b.0"));

        taken.remove(9);
        taken.remove(3);

        assert_eq!(seats.take(one).socket(), Path::new("/run/ssh/a.0"), "the first that is free");
        taken.extend([seats.take(one), seats.take(one)]);
        assert_eq!([sockets(&taken, "0"), sockets(&taken, "1"), sockets(&taken, "2")], [8, 8, 1]);
        drop(taken);
        assert!(seats.0.lock().unwrap().is_empty());
    }
}
