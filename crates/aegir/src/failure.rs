//! Errors outside any task: what is printed, and with which code the program ends.

use aegir_domain::protocol::{NotDone, NotDoneCase};
use aegir_domain::{Fault, FaultReport, Remedy, Report, exit_code};
use aegir_provision::AttemptFault;

/// Why a command came to nothing.
#[derive(Debug)]
pub(crate) struct Failure {
    fault: FaultReport,
    case: NotDoneCase,
    code: u8,
}

impl Failure {
    /// Wrong usage: the way out is another line.
    pub(crate) fn usage(fault: impl Remedy) -> Failure {
        Failure { fault: FaultReport::of(&fault), case: NotDoneCase::Other, code: exit_code::USAGE }
    }

    /// One that was reported elsewhere, with its own exit code.
    pub(crate) fn reported(fault: FaultReport, code: u8) -> Failure {
        Failure { fault, case: NotDoneCase::Other, code }
    }

    /// Prints it, and gives the exit code.
    pub(crate) fn tell(&self) -> u8 {
        crate::speak::err(&crate::speak::plain(&format!("error: {}", Report(&self.fault))));
        self.code
    }

    /// The same for a front end.
    pub(crate) fn tell_front_end(self) -> u8 {
        let not_done = NotDone { case: self.case, fault: self.fault };
        crate::speak::err(&serde_json::to_string(&not_done).unwrap_or_default());
        self.code
    }
}

impl<E: Into<Fault>> From<E> for Failure {
    fn from(error: E) -> Failure {
        let fault: Fault = error.into();
        let case = match fault.downcast_ref() {
            Some(AttemptFault::Unknown { .. }) => NotDoneCase::UnknownAttempt,
            Some(AttemptFault::OtherProtocol { .. }) => NotDoneCase::OtherProtocol,
            _ => NotDoneCase::Other,
        };
        Failure { fault: fault.report(), case, code: exit_code::ERROR }
    }
}
