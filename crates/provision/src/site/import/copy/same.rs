//! A copy compared with what it was made of, before anything of it is changed: its tables, row by row counted, and its files.

use std::path::PathBuf;
use std::time::Duration;

use aegir_domain::{Fault, SiteContext};
use aegir_drivers::db::dump::name_of;
use aegir_host::Connection;
use aegir_recipe::{Check, Run};
use serde_json::json;

use super::data::{Place, Readable, connect_to_read};
use super::files::compare_files;
use super::source::Tree;
use crate::World;
use crate::service::{DbServer, count_of};
use crate::site::import::data::some;

/// What was compared, and what is not the same: somebody wrote to the site meanwhile, or not all of it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Compared {
    tables: usize,
    rows: u64,
    files: u64,
    differ: Vec<String>,
}

impl Compared {
    /// By the tables of both, each with how many rows it has there and here, and by their files.
    fn of(tables: &[(String, u64, Option<u64>)], files: (u64, Vec<String>)) -> Compared {
        let mut compared = Compared { files: files.0, ..Compared::default() };
        for (table, there, here) in tables {
            match here {
                Some(here) => {
                    compared.tables += 1;
                    compared.rows += here;
                    if here != there {
                        compared.differ.push(format!("the table `{table}` has {there} rows there, and {here} here"));
                    }
                }
                None => compared.differ.push(format!("the table `{table}` is not here")),
            }
        }
        if !files.1.is_empty() {
            let names: Vec<&str> = files.1.iter().map(|name| name.trim_matches('`')).collect();
            compared.differ.push(format!("{} files are other ones there: {}", names.len(), some(&names)));
        }
        compared
    }

    /// Says it, and has the answer of the task have it.
    pub(super) fn tell(&self, run: &mut Run<'_, World>) {
        let what = format!("{} tables with {} rows, and {} files", self.tables, self.rows, self.files);
        match self.differ.is_empty() {
            true => run.say(format!("Compared with the original: {what}, all as there")),
            false => run.world().warn(format!(
                "Compared with the original: {what}. Not as there, since it was written to meanwhile: {}",
                self.differ.join("; ")
            )),
        }
        run.answer(
            "compared",
            json!({ "tables": self.tables, "rows": self.rows, "files": self.files, "differ": self.differ }),
        );
    }
}

/// Compares them. What differs is no reason to refuse the copy: the site goes on.
pub(super) struct SameAsTheirs<'a> {
    pub(super) data: &'a Readable,
    pub(super) trees: &'a [Tree],
    /// Where the files were copied to.
    pub(super) folder: PathBuf,
    pub(super) site: &'a SiteContext,
}

impl Check<World> for SameAsTheirs<'_> {
    type Output = Compared;
    const NAME: &'static str = "same-as-theirs";
    const LIMIT: Duration = Duration::from_secs(3600);

    fn look(&self, world: &World) -> Result<Compared, Fault> {
        let theirs = self.theirs(world)?;
        let password = world.task_secret("database")?;
        let server = DbServer::of(world, &self.site.db_server)?;
        let here = server.count_rows(&self.site.database, &password, theirs.iter().map(|(table, _)| table.as_str()))?;
        let tables: Vec<(String, u64, Option<u64>)> = theirs
            .into_iter()
            .map(|(table, count)| {
                let here = here.get(&table).copied().flatten();
                (table, count, here)
            })
            .collect();
        let files = compare_files(world, self.trees, self.data.file().as_deref(), &self.folder)?;
        Ok(Compared::of(&tables, files))
    }
}

impl SameAsTheirs<'_> {
    /// Their tables, by the names that they have here, less caches: those do not come along.
    fn theirs(&self, world: &World) -> Result<Vec<(String, u64)>, Fault> {
        let (mut connection, tables): (Box<dyn Connection>, Vec<(String, String)>) = match &self.data.place {
            Place::Tables { at, account, database, tables } => {
                let named = |table: &str| format!("{}.{}", name_of(database), name_of(table));
                let tables = tables.iter().map(|(there, here)| (named(there), here.clone()));
                (connect_to_read(world, at, account, database)?, tables.collect())
            }
            Place::File { path } => {
                let mut connection = world.parts.databases.sqlite_to_read(path)?;
                let rows = connection.rows("SELECT name FROM sqlite_master WHERE type = 'table'")?;
                let names = rows.into_iter().flatten().flatten();
                let names = names.map(|name| String::from_utf8_lossy(&name).into_owned());
                let own = names.filter(|name| !name.starts_with("sqlite_") && name != "aegir_marker");
                let tables = own.map(|name| (name_of(&name), name)).collect();
                (connection, tables)
            }
        };
        let lasting = tables.into_iter().filter(|(_, here)| here != "cache" && !here.starts_with("cache_"));
        lasting.map(|(there, here)| Ok((here, count_of(&mut *connection, &there)?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_named() {
        let tables =
            [("node".to_owned(), 3, Some(3)), ("watchdog".to_owned(), 9, Some(7)), ("gone".to_owned(), 1, None)];
        let compared = Compared::of(&tables, (4, vec!["`files/a.txt`".to_owned()]));

        assert_eq!((compared.tables, compared.rows, compared.files), (2, 10, 4));
        assert_eq!(
            compared.differ,
            [
                "the table `watchdog` has 9 rows there, and 7 here",
                "the table `gone` is not here",
                "1 files are other ones there: `files/a.txt`"
            ]
        );
        assert_eq!(Compared::of(&tables[..1], (4, Vec::new())).differ, Vec::<String>::new());
    }
}
