//! Views of lists that people keep for themselves: what they filter and sort by, under a name of theirs.

use aegir_domain::BadText;
use aegir_store::{SavedView, StoreFault, Tx};

use crate::{Hosting, OperationId, Refusal, Session};

/// How many views an account keeps of one list.
pub const MOST_VIEWS: usize = 40;
/// The longest name, in characters.
const LONGEST_NAME: usize = 60;
/// The longest query, in bytes: two searches of the longest sort, and all columns.
const LONGEST_QUERY: usize = 4_000;

/// A view of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    name: String,
    query: String,
}

impl View {
    /// A view of this name, which leads to what this query of the list's address finds.
    pub fn of(name: &str, query: &str) -> Result<View, BadText> {
        let name = name.trim();
        let fits = !name.is_empty() && name.chars().count() <= LONGEST_NAME && !name.chars().any(char::is_control);
        if !fits {
            let why = "it is empty, has a line break, or more than 60 characters";
            return Err(BadText::of(name, "the name of a view", why, "give 1 to 60 characters on one line"));
        }
        if query.len() > LONGEST_QUERY || query.chars().any(char::is_control) {
            let why = "it filters by more than 4000 bytes";
            return Err(BadText::of("…", "a view", why, "filter by less before you save it"));
        }
        Ok(View { name: name.to_owned(), query: query.to_owned() })
    }

    /// What its account calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The query of its address, without the question mark.
    pub fn query(&self) -> &str {
        &self.query
    }
}

/// What becomes of the views of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ViewChange {
    /// One is kept, in place of the one that had its name.
    Save(View),
    /// The one of this name is forgotten; so is one that was never there.
    Drop(String),
}

impl Hosting {
    pub(super) async fn views_of(
        &self,
        session: &Session,
        list: OperationId,
        change: Option<ViewChange>,
    ) -> Result<Vec<View>, Refusal> {
        let (section, now) = (list.declaration().slug(), self.now());
        let views = match change {
            None => {
                self.store()
                    .snapshot(async |read| match read.account_of_session(session.id, now).await? {
                        Some(account) => read.saved_views(account, &section).await,
                        None => Ok::<_, StoreFault>(Vec::new()),
                    })
                    .await?
            }
            Some(change) => {
                self.store()
                    .write(async |tx| {
                        let account = tx.account_of_session(session.id, now).await?.ok_or_else(super::own::is_over)?;
                        make(tx, account, &section, &change).await?;
                        Ok::<_, Refusal>(tx.saved_views(account, &section).await?)
                    })
                    .await?
            }
        };
        Ok(views.into_iter().map(|view| View { name: view.name, query: view.query }).collect())
    }
}

async fn make(tx: &mut Tx, account: i64, section: &str, change: &ViewChange) -> Result<(), Refusal> {
    let view = match change {
        ViewChange::Drop(name) => return Ok(tx.drop_view(account, section, name).await.map(drop)?),
        ViewChange::Save(view) => view,
    };
    // Held, so that two who save at once are not both the last that fits.
    tx.hold_account(account).await?;
    let before = tx.saved_views(account, section).await?;
    let same = before.iter().find(|one| one.name == view.name).map(|one| one.position);
    if same.is_none() && before.len() >= MOST_VIEWS {
        return Err(Refusal::Conflict {
            what: format!("{MOST_VIEWS} views of this list are saved, which is as many as there can be"),
            remedy: Some("delete one that is not needed any more".into()),
        });
    }
    let next = before.iter().map(|one| one.position + 1).max().unwrap_or(0);
    let saved = SavedView {
        section: section.to_owned(),
        name: view.name.clone(),
        query: view.query.clone(),
        position: same.unwrap_or(next),
    };
    Ok(tx.save_view(account, &saved).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_has_a_name_that_fits_above_a_list() {
        assert_eq!(View::of(" mine ", "status=failed").unwrap().name(), "mine");
        assert!(View::of(&"ä".repeat(60), "").is_ok());
        for bad in ["", "  ", "a\nb", &"ä".repeat(61)] {
            assert!(View::of(bad, "").is_err(), "{bad}");
        }
        assert!(View::of("mine", &"q".repeat(4_001)).is_err());
    }
}
