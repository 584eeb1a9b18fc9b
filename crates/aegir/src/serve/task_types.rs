//! The task types of a home, for its front end: read anew each time it asks, so that one that is added is there.

use aegir_domain::{FaultReport, Home};
use aegir_host::{Files, own_uid};
use aegir_hosting::{KnownType, TaskTypes};

/// Those that lie in this home.
pub(super) struct TypesOf(pub(super) Home);

impl TaskTypes for TypesOf {
    fn all(&self) -> Result<Vec<KnownType>, FaultReport> {
        let files = Files::new(vec![self.0.path().to_owned()]);
        let found = aegir_provision::task_types(&files, &self.0.task_types(), own_uid());
        let found = found.map_err(|fault| FaultReport::of(&fault))?;
        let known = found.into_iter().map(|(name, read)| KnownType {
            name,
            manifest: read.map(|found| found.manifest).map_err(|fault| FaultReport::of(&fault)),
        });
        Ok(known.collect())
    }
}
