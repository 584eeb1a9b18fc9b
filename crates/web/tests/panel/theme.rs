//! The theme's files: that what is other people's is what its table says it is.

use ring::digest::{SHA256, digest};

/// What the theme's folder `assets/` has.
fn asset(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/eldir/assets/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// What a row of the table says.
fn said<'a>(table: &'a str, row: &str) -> &'a str {
    let line = table.lines().find(|line| line.starts_with(&format!("| {row} |"))).unwrap();
    line.split('|').nth(2).unwrap().trim()
}

#[test]
fn htmx_is_the_file_that_its_table_says_unchanged() {
    let table = String::from_utf8(asset("README.md")).unwrap();
    let file = asset("htmx.min.js");

    let sum: String = digest(&SHA256, &file).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();

    assert_eq!(said(&table, "SHA-256"), format!("`{sum}`"));
    let version = said(&table, "version").split(',').next().unwrap();
    assert!(
        String::from_utf8(file).unwrap().contains(&format!("version:\"{version}\"")),
        "it says of itself {version}"
    );
}
