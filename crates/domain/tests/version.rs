//! What holds for every text that somebody may have written as a version.

use std::cmp::Ordering;

use aegir_domain::Version;
use proptest::prelude::*;

/// What Drupal's packages say, and what stands where they should have said something.
fn text() -> impl Strategy<Value = String> {
    let number = || prop_oneof![(0u32..13).prop_map(|n| n.to_string()), Just("x".to_owned())];
    let core = prop_oneof![Just(String::new()), (6u32..9).prop_map(|core| format!("{core}.x-"))];
    let numbers = prop::collection::vec(number(), 1..5).prop_map(|numbers| numbers.join("."));
    let stage = prop_oneof![
        3 => Just(String::new()),
        1 => Just("-dev".to_owned()),
        2 => ("alpha|beta|rc|unstable|p", 0u32..12).prop_map(|(word, n)| format!("-{word}{n}")),
        1 => (0u32..9).prop_map(|n| format!("+{n}-dev")),
    ];
    let version = (core, numbers, stage).prop_map(|(core, numbers, stage)| format!("{core}{numbers}{stage}"));
    prop_oneof![8 => version, 1 => "\\PC{0,12}", 1 => Just("VERSION".to_owned())]
}

proptest! {
    #[test]
    fn what_is_read_is_shown_as_it_was(text in text()) {
        prop_assert_eq!(Version::of(&text).to_string(), text);
    }

    #[test]
    fn all_versions_stand_in_one_order(a in text(), b in text(), c in text()) {
        let (a, b, c) = (Version::of(&a), Version::of(&b), Version::of(&c));
        prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
        prop_assert_eq!(a.cmp(&b) == Ordering::Equal, a == b);
        if a <= b && b <= c {
            prop_assert!(a <= c);
        }
    }

    #[test]
    fn what_is_told_to_be_later_is_sorted_later(a in text(), b in text()) {
        let (a, b) = (Version::of(&a), Version::of(&b));
        prop_assert_eq!(a.released_after(&b), b.released_after(&a).map(Ordering::reverse));
        match a.released_after(&b) {
            Some(Ordering::Greater) => prop_assert!(a > b),
            Some(Ordering::Less) => prop_assert!(a < b),
            _ => (),
        }
    }

    #[test]
    fn a_release_is_later_than_its_candidates(numbers in "[0-9]{1,2}\\.[0-9]{1,2}(\\.[0-9]{1,2})?", n in 0u32..30) {
        let stages = ["-dev".to_owned(), format!("-alpha{n}"), format!("-beta{n}"), format!("-rc{n}"), String::new()];
        let versions = stages.map(|stage| Version::of(&format!("{numbers}{stage}")));
        prop_assert!(versions.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", versions);
    }
}
