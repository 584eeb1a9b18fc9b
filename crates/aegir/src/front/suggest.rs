//! What somebody may have meant who typed something else.

/// How alike two words must be.
const ALIKE: f64 = 0.8;

/// The word that is most like `typed`, if one is like it at all.
pub(crate) fn nearest<'a>(typed: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let scored = words.into_iter().map(|word| (strsim::jaro_winkler(typed, word), word));
    let best = scored.filter(|(score, _)| *score >= ALIKE).max_by(|a, b| a.0.total_cmp(&b.0));
    best.map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        let names = ["www.example.org", "shop.example.org", "blog.test"];

        assert_eq!(nearest("www.exmaple.org", names), Some("www.example.org"));
        assert_eq!(nearest("intranet", names), None);
    }
}
