//! Restore platform: the code of a platform that was deleted is taken out of the trash, and the platform is known as it was.
//!
//! What it says of the web server and of php-fpm is its verify's, as it is of code that was just built.

use aegir_domain::{Context, Fault, PlatformContext, PlatformName, Remedy, ServerName, TrashName};
use aegir_recipe::{Action, Afterwards, Check, Committed, Recipe, Run, Undo};
use serde::{Deserialize, Serialize};

use crate::step::file::SetAside;
use crate::trash::{Comes, code_in_trash, lock};
use crate::{World, context_task};

/// Takes the code of a platform out of the trash.
pub(crate) struct Restore {
    pub(crate) platform: PlatformName,
    pub(crate) server: ServerName,
    pub(crate) thing: TrashName,
}

impl Recipe<World> for Restore {
    fn run(&self, run: &mut Run<'_, World>) -> Result<Committed, Fault> {
        let Comes { aside, was } = run.check(CodeCanComeBack {
            platform: self.platform.clone(),
            server: self.server.clone(),
            thing: self.thing.clone(),
        })?;
        let folder = aside.path.clone();
        run.step(TakeOut { aside })?;
        let root = was.root.clone();
        let context = PlatformContext { revision: 0, facts: None, ..*was };
        context_task::save(run, &Context::Platform(context))?;

        run.say(format!("The code of `{}` lies at `{}` again", self.platform, folder.display()));
        run.answer("platform", self.platform.as_str());
        run.answer("root", root.as_str());
        run.point_of_no_return(Afterwards::new())
    }
}

/// The thing is the code of this platform, nobody needs it, and both its place and its name are free.
struct CodeCanComeBack {
    platform: PlatformName,
    server: ServerName,
    thing: TrashName,
}

impl Check<World> for CodeCanComeBack {
    type Output = Comes;
    const NAME: &'static str = "code-can-come-back";

    fn look(&self, world: &World) -> Result<Comes, Fault> {
        // The journal of this very task speaks of it.
        let comes = code_in_trash(&world.parts, &self.thing, world.task.attempt)?;
        let PlatformContext { name, server, .. } = &*comes.was;
        match *name == self.platform && *server == self.server {
            true => Ok(comes),
            false => Err(OfAnother { thing: self.thing.clone(), is: name.clone(), server: server.clone() }.into()),
        }
    }
}

/// Moves a folder from the trash back to where it lay.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct TakeOut {
    /// How it came there.
    pub(crate) aside: SetAside,
}

impl Action<World> for TakeOut {
    type Output = ();
    const NAME: &'static str = "take-out";

    fn apply(&self, world: &World) -> Result<(), Fault> {
        // Whoever empties the trash and looked at it before this task began must have come to an end.
        let _lock = lock(&world.parts)?;
        self.aside.undo(world)
    }
}

impl Undo<World> for TakeOut {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        // Not locked: that the journal speaks of it keeps it from being removed, and a large folder may be going.
        self.aside.apply(world)
    }
}

/// The thing is not what it was said to be.
#[derive(Debug, thiserror::Error)]
#[error("`{thing}` is the code of the platform `{is}` on `{server}`")]
struct OfAnother {
    thing: TrashName,
    is: PlatformName,
    server: ServerName,
}

impl Remedy for OfAnother {
    fn remedy(&self) -> Option<String> {
        Some(format!("ask for that one: `aegir trash restore {}`", self.thing))
    }
}
