//! Errors outside any task: what is printed, and with which code the program ends.

use aegir_domain::{Fault, FaultReport, Remedy, Report, exit_code};

/// Why a command came to nothing.
#[derive(Debug)]
pub(crate) struct Failure {
    fault: FaultReport,
    code: u8,
}

impl Failure {
    /// Wrong usage: the way out is another line.
    pub(crate) fn usage(fault: impl Remedy) -> Failure {
        Failure { fault: FaultReport::of(&fault), code: exit_code::USAGE }
    }

    /// Prints it, and gives the exit code.
    pub(crate) fn tell(&self) -> u8 {
        crate::speak::err(&format!("error: {}", Report(&self.fault)));
        self.code
    }
}

impl<E: Into<Fault>> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure { fault: error.into().report(), code: exit_code::ERROR }
    }
}
