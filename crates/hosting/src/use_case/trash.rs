//! What lies in the trash of a server's machine: asked of the back end each time, and remembered nowhere.

use super::object::server_named;
use super::{Asked, shown};
use crate::view::TrashView;
use crate::{Answer, Hosting, Place, Refusal};

impl Hosting {
    pub(super) async fn list_trash(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let name = asked.server()?;
        let place = self
            .store()
            .read(async |read| {
                let server = server_named(read, &name).await?;
                Ok::<_, Refusal>(Place { server: server.context.name, transport: server.transport })
            })
            .await?;
        let things = self.0.back_ends.trash(&place).await?;
        let items = things.iter().map(TrashView::of).collect();
        // The newest first: the page is in the order of its keys.
        shown::page_of_whole(asked, items, |one: &TrashView| {
            format!("{:020} {} {}", i64::MAX - one.since.max(0), one.name, one.folder)
        })
    }
}
