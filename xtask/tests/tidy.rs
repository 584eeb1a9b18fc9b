//! The house rules hold for this project. The same as `cargo xtask tidy`.

use std::path::Path;

#[test]
fn the_house_rules_hold() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");

    let report = xtask::tidy::check(&root).expect("the sources can be read");

    assert!(report.is_clean(), "\n{report}");
}
