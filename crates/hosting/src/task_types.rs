//! Which task types there are, as far as a front end has to know: what their forms ask, and who may ask for them.
//!
//! They lie in the home of the front end. A machine elsewhere has those of its own home, and refuses a task of a type
//! that it does not have.

use aegir_domain::{FaultReport, TaskManifest, TypePermission};

use crate::{Hosting, Permission};

/// A task type, as it is found now.
#[derive(Clone, Debug)]
pub struct KnownType {
    /// The name of its folder.
    pub name: String,
    /// What its manifest says, or why it cannot be used.
    pub manifest: Result<TaskManifest, FaultReport>,
}

/// Where task types are read from. It may read files, and is asked anew each time.
pub trait TaskTypes: Send + Sync {
    /// All that there are, by name.
    fn all(&self) -> Result<Vec<KnownType>, FaultReport>;
}

impl Hosting {
    /// Those that there are now; none where nobody said where they lie.
    pub(crate) async fn known_types(&self) -> Result<Vec<KnownType>, FaultReport> {
        let Some(types) = self.task_types() else { return Ok(Vec::new()) };
        // Whoever stops us stops the process.
        tokio::task::spawn_blocking(move || types.all()).await.unwrap_or_else(|_| Ok(Vec::new()))
    }
}

/// The same permission, as operations have it.
pub(crate) fn permission(needs: TypePermission) -> Permission {
    match needs {
        TypePermission::Operate => Permission::Operate,
        TypePermission::Manage => Permission::Manage,
        TypePermission::Administer => Permission::Administer,
    }
}
