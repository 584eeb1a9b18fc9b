//! What is to go wrong, for proofs: `AEGIR_DRILL` in the environment of a command.
//!
//! | value | what happens |
//! |---|---|
//! | `before:N` | the worker kills itself before record N of the journal is written |
//! | `after:N` | the same after it |
//! | `fail:N` | line N of the recipe fails before it acts |
//! | `fail-after:N` | the same after it acted |
//!
//! Only the first worker of an attempt is told; the one that recovers it runs as ever.

use std::sync::Arc;

use aegir_provision::{Boundary, BoundaryDrill};
use aegir_recipe::proof::{Drill, When};

/// What is to go wrong.
#[derive(Clone, Default)]
pub(crate) struct Drilled {
    pub(crate) drill: Drill,
    pub(crate) at_boundary: Option<BoundaryDrill>,
}

impl Drilled {
    /// Reads the text of `AEGIR_DRILL`.
    pub(crate) fn read(text: Option<&str>) -> Result<Drilled, DrillFault> {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(Drilled::default()) };
        let bad = || DrillFault { text: text.to_owned() };
        let (what, number) = text.split_once(':').ok_or_else(bad)?;
        let number: u32 = number.parse().map_err(|_| bad())?;
        let failing =
            |when| Drilled { drill: Drill { fail_at: Some((number, when)), ..Drill::default() }, at_boundary: None };
        Ok(match what {
            "before" => Drilled::killed(Boundary::Before, number),
            "after" => Drilled::killed(Boundary::After, number),
            "fail" => failing(When::Before),
            "fail-after" => failing(When::After),
            _ => return Err(bad()),
        })
    }

    fn killed(side: Boundary, number: u32) -> Drilled {
        let drill = move |at: Boundary, record: u32| {
            if (at, record) == (side, number) {
                let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
            }
        };
        Drilled { drill: Drill::default(), at_boundary: Some(Arc::new(drill)) }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("`AEGIR_DRILL` is `{text}`")]
pub(crate) struct DrillFault {
    text: String,
}

impl aegir_domain::Remedy for DrillFault {
    fn remedy(&self) -> Option<String> {
        Some("unset it: it is for proofs, and takes `before:N`, `after:N`, `fail:N` or `fail-after:N`".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drill_is_read_or_refused() {
        assert!(Drilled::read(None).unwrap().at_boundary.is_none());
        assert!(Drilled::read(Some("before:3")).unwrap().at_boundary.is_some());
        assert_eq!(Drilled::read(Some("fail:7")).unwrap().drill.fail_at, Some((7, When::Before)));
        for bad in ["before", "fail:x", "boom:1"] {
            assert!(Drilled::read(Some(bad)).is_err(), "{bad}");
        }
    }
}
