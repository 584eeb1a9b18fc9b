//! The table of rules as regular expressions, which nginx and Apache read alike.
//!
//! The subject is `method site path`. `\z` and not `$`, which also fits before a line break at the end;
//! `(?s)`, so that a line break in a path hides nothing.

use super::rules::{Action, Match};

/// A regular expression.
pub(super) struct Pattern {
    pub(super) text: String,
    /// Whether large letters are as good as small ones.
    pub(super) any_case: bool,
}

/// What a request is treated as; the last three are scripts, `denied` is also what fits nothing.
pub(super) fn class(action: Action) -> &'static str {
    match action {
        Action::Deny => "denied",
        Action::NotFound => "absent",
        Action::StaticOrFront => "any",
        Action::SiteFile => "site",
        Action::Php(script) => script.name(),
    }
}

/// What fits the requests that `matched` is for.
pub(super) fn pattern(matched: &Match) -> Pattern {
    let exact = |text: String| Pattern { text, any_case: false };
    let any_case = |text: String| Pattern { text, any_case: true };
    match matched {
        Match::MethodOtherThan(methods) => exact(format!("^(?!(?:{}) )", methods.join("|"))),
        Match::DotPart => exact(r"/\.(?!well-known(?:/|\z))".to_owned()),
        Match::OtherSite => exact(r"^[A-Z]+ ([^ /]+) /sites/(?!\1/|all/)[^/]+/".to_owned()),
        Match::Path(glob) => exact(format!(r"^[A-Z]+ [^ /]+ {}\z", globbed(glob))),
        Match::Below(glob) => exact(format!(r"^[A-Z]+ [^ /]+ {}/", globbed(glob))),
        Match::Tree(glob) => exact(format!(r"^[A-Z]+ [^ /]+ {}(?:/|\z)", globbed(glob))),
        Match::FrontPath(path) => exact(format!(r"^[A-Z]+ [^ /]+ {}(?:/[^.]*)?\z", globbed(path))),
        Match::AnyPartEnds(suffixes) => any_case(format!(r"\.(?:{})(?:/|\z)", alternatives(suffixes))),
        Match::LastPartEnds(suffixes) => any_case(format!(r"(?:{})\z", alternatives(suffixes))),
        Match::LastPartIs(names) => any_case(format!(r"/(?:{})\z", alternatives(names))),
        Match::CodeFileIs(names) => any_case(format!(
            r"(?s)^[A-Z]+ [^ /]+ (?!/files/|/sites/[^/]+/files/)/(?:.*/)?(?:{})\z",
            alternatives(names)
        )),
    }
}

fn alternatives(words: &[&str]) -> String {
    words.iter().map(|word| globbed(word)).collect::<Vec<_>>().join("|")
}

/// A glob as a regular expression: `*` is any run of characters within one part of a path.
pub(super) fn globbed(glob: &str) -> String {
    let mut pattern = String::new();
    for c in glob.chars() {
        match c {
            '*' => pattern.push_str("[^/]*"),
            c if c.is_ascii_alphanumeric() || "/_-~".contains(c) => pattern.push(c),
            c => {
                pattern.push('\\');
                pattern.push(c);
            }
        }
    }
    pattern
}
