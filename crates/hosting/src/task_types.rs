//! Which task types there are, as far as a front end has to know: what their forms ask, and who may ask for them.
//!
//! They lie in the home of the front end. A machine elsewhere has those of its own home, and refuses a task of a type
//! that it does not have.

use aegir_domain::{FaultReport, Report, TaskManifest, TypePermission};

use crate::{Hosting, Permission, Refusal};

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
    pub(crate) async fn known_types(&self) -> Result<Vec<KnownType>, Refusal> {
        let Some(types) = self.task_types() else { return Ok(Vec::new()) };
        let read = tokio::task::spawn_blocking(move || types.all()).await;
        // None would mean that there are none, and what is refused then would be refused for the wrong reason.
        read.unwrap_or_else(|_| Err(not_read_to_the_end())).map_err(|fault| cannot_be_read(&fault))
    }
}

fn not_read_to_the_end() -> FaultReport {
    FaultReport {
        message: "reading them did not come to its end".into(),
        because: Vec::new(),
        remedy: Some("look into the log of the front end, and tell those who make Ægir what it says".into()),
    }
}

/// What is wrong is in the files of the operator's own: the control database is well.
fn cannot_be_read(fault: &FaultReport) -> Refusal {
    let why = FaultReport { remedy: None, ..fault.clone() };
    Refusal::Conflict { what: format!("the task types cannot be read: {}", Report(&why)), remedy: fault.remedy.clone() }
}

/// The same permission, as operations have it.
pub(crate) fn permission(needs: TypePermission) -> Permission {
    match needs {
        TypePermission::Operate => Permission::Operate,
        TypePermission::Manage => Permission::Manage,
        TypePermission::Administer => Permission::Administer,
    }
}
