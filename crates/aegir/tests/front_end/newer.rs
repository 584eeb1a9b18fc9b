//! A control database that a newer Ægir wrote is told, and left alone.

use sqlx::{ConnectOptions as _, Connection as _, Executor as _};

use crate::served::{House, on_both};
use crate::stage::as_owner;

/// Does something behind the front end's back.
fn sql(house: &House, text: &'static str) {
    as_owner(&house.lab, async || match house.address.starts_with("sqlite:") {
        true => {
            let options: sqlx::sqlite::SqliteConnectOptions = house.address.parse().unwrap();
            let mut connection = options.connect().await.unwrap();
            connection.execute(text).await.unwrap();
            connection.close().await.unwrap();
        }
        false => {
            let options: sqlx::postgres::PgConnectOptions = house.address.parse().unwrap();
            let mut connection = options.connect().await.unwrap();
            connection.execute(text).await.unwrap();
            connection.close().await.unwrap();
        }
    });
}

#[test]
fn a_control_database_of_a_newer_version_is_told() {
    on_both(|house| {
        house.aegir(&["field", "add", "rack", "--kind", "server"]).done();
        sql(&house, "INSERT INTO meta (name, value) VALUES ('migration-9999', 'x')");
        for words in [
            &["serve"][..],
            &["site", "list"],
            &["server", "add", "files", "--db", "sqlite"],
            &["queue", "dispatch", "--once"],
        ] {
            let said = house.aegir(words).ends(1);
            assert_eq!(said.out, "", "{}", said.all());
            said.says("has the schema 9999").remedy("a newer one");
        }

        sql(&house, "DELETE FROM meta WHERE name = 'migration-9999'");
        assert_eq!(house.asks(&["field", "list"])["items"].as_array().unwrap().len(), 1);
        assert_eq!(house.asks(&["server", "list"])["items"].as_array().unwrap().len(), 0);
    });
}
