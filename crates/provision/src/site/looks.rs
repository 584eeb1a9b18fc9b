//! Who has a check look: a task, which writes down that it did, or somebody who only asks what it would do.

use aegir_domain::Fault;
use aegir_recipe::{Check, Run};

use crate::World;

/// Has checks look, one after the other.
pub(super) trait Looks {
    /// What it finds.
    fn look<C: Check<World>>(&mut self, check: C) -> Result<C::Output, Fault>;

    /// What they look at.
    fn world(&self) -> &World;
}

impl Looks for Run<'_, World> {
    fn look<C: Check<World>>(&mut self, check: C) -> Result<C::Output, Fault> {
        self.check(check)
    }

    fn world(&self) -> &World {
        Run::world(self)
    }
}

/// Somebody who only asks.
pub(super) struct OnlyAsks<'w>(pub(super) &'w World);

impl Looks for OnlyAsks<'_> {
    fn look<C: Check<World>>(&mut self, check: C) -> Result<C::Output, Fault> {
        check.look(self.0)
    }

    fn world(&self) -> &World {
        self.0
    }
}
