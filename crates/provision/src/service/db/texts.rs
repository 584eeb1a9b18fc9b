//! Values in a database that this task made: looked through and changed, without the site's code.
//!
//! Only for a database that no PHP has opened yet: a file is opened to be written to.

use std::collections::BTreeMap;

use aegir_domain::{Database, DbService, Fault, Password};
use aegir_drivers::db::dump::name_of;
use aegir_drivers::db::views::KEPT;
use aegir_drivers::db::{InTable, Limits, holds_text};
use aegir_drupal::moved::{Moved, Value, is_looked_through};
use aegir_drupal::own::{END_MAINTENANCE, Fresh, OF_VISITS, PERSONAL, Row, rows, with_uuid};
use aegir_host::Connection;

use super::DbServer;

/// The keys of so many rows are read at once: each time the table is looked through anew.
const ROWS: usize = 20_000;

/// How long one statement may take: it may look through a table that is large.
const LOOKING: std::time::Duration = std::time::Duration::from_secs(3600);

/// How many rows a table has, by its name as a statement writes it.
pub(crate) fn count_of(connection: &mut dyn Connection, table: &str) -> Result<u64, Fault> {
    let count = super::text_of(connection.rows(&format!("SELECT COUNT(*) FROM {table}"))?);
    Ok(count.and_then(|count| count.parse().ok()).unwrap_or_default())
}

/// What was put right, table by table, and what could not be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PutRight {
    /// Tables with the number of values that were changed in each.
    pub(crate) changed: Vec<(String, usize)>,
    /// Tables with the number of values that still name the old folder.
    pub(crate) left: Vec<(String, usize)>,
}

/// A table as it is asked for: its columns that can hold text, and what its rows are known by.
#[derive(Default)]
struct Table {
    name: String,
    columns: Vec<String>,
    texts: Vec<String>,
    keys: Vec<String>,
}

/// Whether a value holds the name of the old folder, once it was looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Named {
    No,
    /// As a part of another name.
    Another,
    /// It does, and only the site's own code can change it.
    Left,
}

impl DbServer<'_> {
    /// Puts right, in all tables of `database`, what names the folder that a site lived in.
    pub(crate) fn put_paths_right(
        &self,
        database: &Database,
        password: &Password,
        moved: &Moved,
    ) -> Result<PutRight, Fault> {
        self.change(database, password, |connection, tables| {
            let mut put_right = PutRight::default();
            for table in tables {
                if !is_looked_through(&table.name) || table.keys.is_empty() || table.texts.is_empty() {
                    continue;
                }
                let (changed, left) = self.put_table_right(connection, table, moved)?;
                if changed > 0 {
                    put_right.changed.push((table.name.clone(), changed));
                }
                if left > 0 {
                    put_right.left.push((table.name.clone(), left));
                }
            }
            Ok(put_right)
        })
    }

    /// Changes rows of a database that this task made: no trigger acts on that.
    fn change<T>(
        &self,
        database: &Database,
        password: &Password,
        what: impl FnOnce(&mut dyn Connection, &[Table]) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let mut connection = self.to_write(database, password)?;
        let tables = self.tables_of(database, &mut *connection)?;
        let are_kept = tables.iter().any(|table| table.name == KEPT);
        self.without_triggers(&database.name, password, &mut *connection, are_kept, |connection| {
            what(connection, &tables)
        })
    }

    /// How many values of a table were changed, and how many are left.
    fn put_table_right(
        &self,
        connection: &mut dyn Connection,
        table: &Table,
        moved: &Moved,
    ) -> Result<(usize, usize), Fault> {
        let Table { name, texts, keys, .. } = table;
        let (mut changed, mut left, mut passed) = (0, 0, 0);
        loop {
            // What was changed is not found again; what still holds the name is passed by.
            let ask = self.driver.ask_holding(name, keys, texts, &moved.needle(), Limits { count: ROWS, passed });
            let rows = connection.rows(ask.text().expose())?;
            let all = rows.len();
            connection.run(self.driver.begin().text().expose())?;
            for row in rows {
                let (known_by, holds) = row.split_at(keys.len().min(row.len()));
                let mut known_by = known_by.to_vec();
                let mut holds_still = false;
                for (column, _) in texts.iter().zip(holds).filter(|(_, holds)| holds.as_deref() == Some(b"1")) {
                    let here = InTable { table: name, column, keys };
                    let (new, named) = self.put_value_right(connection, &here, &known_by, moved)?;
                    changed += usize::from(new.is_some());
                    left += usize::from(named == Named::Left);
                    holds_still |= named != Named::No;
                    // A row may be known by what is put right.
                    if let Some(at) = keys.iter().position(|key| key == column).filter(|_| new.is_some()) {
                        known_by[at] = new;
                    }
                }
                passed += usize::from(holds_still);
            }
            connection.run(self.driver.commit().text().expose())?;
            if all < ROWS {
                return Ok((changed, left));
            }
        }
    }

    /// What a value was changed to, if it was, and whether it names the old folder still.
    fn put_value_right(
        &self,
        connection: &mut dyn Connection,
        here: &InTable<'_>,
        known_by: &[Option<Vec<u8>>],
        moved: &Moved,
    ) -> Result<(Option<Vec<u8>>, Named), Fault> {
        let rows = connection.rows(self.driver.ask_value(here, known_by).text().expose())?;
        let Some(Some(was)) = rows.into_iter().next().and_then(|row| row.into_iter().next()) else {
            // Found, and not by its own keys: it would be found again for ever if it were not passed by.
            return Ok((None, Named::Left));
        };
        Ok(match moved.value(&was) {
            Value::Changed(new) => {
                connection.run(self.driver.put_value(here, known_by, &new).text().expose())?;
                // The end of another name stands there still.
                let holds = super::contains(&new, moved.needle().as_bytes());
                (Some(new), if holds { Named::Another } else { Named::No })
            }
            Value::Left => (None, Named::Left),
            Value::Same => (None, Named::Another),
        })
    }

    /// Gives a copy of a site the keys of a site of its own, if there are `fresh` ones, and nobody is signed in there.
    pub(crate) fn make_own(
        &self,
        database: &Database,
        password: &Password,
        fresh: Option<&Fresh>,
    ) -> Result<(), Fault> {
        self.change(database, password, |connection, tables| {
            let has = |name: &str, column: &str| {
                tables.iter().any(|table| table.name == name && table.columns.iter().any(|there| there == column))
            };
            let own = fresh.into_iter().flat_map(|fresh| rows(fresh).into_iter().map(move |row| (row, fresh)));
            for ((Row { table, column, keys }, value), fresh) in own {
                if !has(table, column) {
                    continue;
                }
                let (names, known_by): (Vec<String>, Vec<_>) =
                    keys.iter().map(|(key, value)| ((*key).to_owned(), Some(value.as_bytes().to_vec()))).unzip();
                let here = InTable { table, column, keys: &names };
                let rows = connection.rows(self.driver.ask_value(&here, &known_by).text().expose())?;
                let Some(Some(was)) = rows.into_iter().next().and_then(|row| row.into_iter().next()) else { continue };
                if let Some(value) = value.or_else(|| with_uuid(&was, fresh)) {
                    connection.run(self.driver.put_value(&here, &known_by, &value.write()).text().expose())?;
                }
            }
            // What caches hold is of the site that was copied, and of the folder it lives in.
            let caches = self.names(&database.name, &self.driver.ask_caches(&database.name))?;
            let emptied = |table: &&Table| OF_VISITS.contains(&table.name.as_str()) || caches.contains(&table.name);
            for table in tables.iter().filter(emptied) {
                connection.run(self.driver.empty_table(&table.name).text().expose())?;
            }
            Ok(())
        })
    }

    /// Has a copy of a site show its pages, though the site shows its maintenance page.
    pub(crate) fn end_maintenance(&self, database: &Database, password: &Password) -> Result<(), Fault> {
        self.change(database, password, |connection, tables| {
            for (table, statement) in END_MAINTENANCE {
                if tables.iter().any(|there| there.name == table) {
                    connection.run(statement)?;
                }
            }
            Ok(())
        })
    }

    /// Counts the rows of these tables of a database that this task made.
    pub(crate) fn count_rows<'t>(
        &self,
        database: &Database,
        password: &Password,
        tables: impl Iterator<Item = &'t str>,
    ) -> Result<BTreeMap<String, Option<u64>>, Fault> {
        let mut connection = self.to_write(database, password)?;
        let there = self.tables_of(database, &mut *connection)?;
        tables
            .map(|table| {
                let is_there = there.iter().any(|there| there.name == table);
                let count = is_there.then(|| count_of(&mut *connection, &name_of(table))).transpose()?;
                Ok((table.to_owned(), count))
            })
            .collect()
    }

    /// Takes people's addresses and passwords out of a copy of a site; gives the number of rows by table and column.
    pub(crate) fn sanitise(&self, database: &Database, password: &Password) -> Result<Vec<(String, u64)>, Fault> {
        self.change(database, password, |connection, tables| {
            let mut changed = Vec::new();
            for personal in PERSONAL {
                let (table, column) = (personal.table, personal.column);
                let there = tables.iter().find(|there| there.name == table);
                if there.is_some_and(|there| there.columns.iter().any(|there| there == column)) {
                    let change = format!("UPDATE {table} SET {column} = {} WHERE {column} <> ''", personal.becomes);
                    changed.push((format!("{table}.{column}"), connection.run(&change)?));
                }
            }
            Ok(changed)
        })
    }

    /// A connection that can change no other database than this one.
    fn to_write(&self, database: &Database, password: &Password) -> Result<Box<dyn Connection>, Fault> {
        self.must_bear(&database.name, &database.marker)?;
        let name = &database.name;
        let databases = &self.world.parts.databases;
        let mut connection = match &self.service {
            DbService::Sqlite {} => databases.sqlite(&self.file(name))?,
            DbService::Mariadb { at, .. } => {
                databases.mariadb(at, name.as_str(), password, Some(name.as_str()), LOOKING)?
            }
        };
        for statement in self.driver.before_putting() {
            connection.run(statement.text().expose())?;
        }
        Ok(connection)
    }

    fn tables_of(&self, database: &Database, connection: &mut dyn Connection) -> Result<Vec<Table>, Fault> {
        let mut tables: Vec<Table> = Vec::new();
        for row in connection.rows(self.driver.ask_columns(&database.name).text().expose())? {
            let part = |at: usize| row.get(at).and_then(Option::as_deref).map(String::from_utf8_lossy);
            let (Some(table), Some(column), Some(kind)) = (part(0), part(1), part(2)) else { continue };
            if tables.last().is_none_or(|last| last.name != table) {
                tables.push(Table { name: table.clone().into_owned(), ..Table::default() });
            }
            let Some(last) = tables.last_mut() else { continue };
            last.columns.push(column.clone().into_owned());
            if holds_text(&kind) {
                last.texts.push(column.clone().into_owned());
            }
            if part(3).is_some_and(|key| key == "PRI") {
                last.keys.push(column.into_owned());
            }
        }
        Ok(tables)
    }
}
