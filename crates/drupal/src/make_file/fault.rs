//! Why a make file cannot be followed.

use std::fmt;

use aegir_domain::Remedy;

use super::tree::Place;

/// As many mistakes are told at once.
const TOLD: usize = 10;

/// What is wrong with a make file: each mistake with its line.
#[derive(Debug)]
pub struct MakeFileFault {
    problems: Vec<(Place, Problem)>,
}

impl MakeFileFault {
    pub(super) fn one(at: Place, problem: Problem) -> MakeFileFault {
        MakeFileFault { problems: vec![(at, problem)] }
    }

    pub(super) fn all(problems: Vec<(Place, Problem)>) -> MakeFileFault {
        MakeFileFault { problems }
    }

    /// Each mistake with its line, in the order of reading.
    pub fn problems(&self) -> &[(Place, Problem)] {
        &self.problems
    }
}

impl fmt::Display for MakeFileFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (at, problem)) in self.problems.iter().take(TOLD).enumerate() {
            write!(f, "{}{at}: {problem}", if index == 0 { "" } else { "; " })?;
        }
        match self.problems.len().saturating_sub(TOLD) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

impl std::error::Error for MakeFileFault {}

impl Remedy for MakeFileFault {
    fn remedy(&self) -> Option<String> {
        let mut remedies: Vec<String> = Vec::new();
        for (_, problem) in self.problems.iter().take(TOLD) {
            if let Some(remedy) = problem.remedy()
                && !remedies.contains(&remedy)
            {
                remedies.push(remedy);
            }
        }
        (!remedies.is_empty()).then(|| remedies.join("; "))
    }
}

/// A mistake in a make file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "each says what it is in its text")]
pub enum Problem {
    #[error("it has more than {most} bytes")]
    TooLarge { most: usize },
    #[error("it has more than {most} keys, with what it includes")]
    TooMany { most: usize },
    #[error("keys lie deeper than {deepest}")]
    TooDeep { deepest: usize },
    #[error("this is neither an assignment nor a comment")]
    NoAssignment,
    #[error("this is no key")]
    BadKey,
    #[error("a quote is not closed")]
    OpenQuote,
    #[error("something stands behind the closing quote")]
    BehindQuote,
    #[error("this has keys of its own and a text too (line {other})")]
    TextAndKeys { other: usize },
    #[error("it is no YAML: {why}")]
    NotYaml { why: String },
    #[error("the key stands twice")]
    KeyTwice,
    #[error("references within the file and tags are not followed")]
    Reference,
    #[error("it holds no keys")]
    NoKeys,
    #[error("`{key}` holds something other than a list")]
    NoList { key: String },
    #[error("`{key}` holds something other than a text")]
    NoText { key: String },
    #[error("`core` is missing")]
    NoCoreVersion,
    #[error("`core` is no version of Drupal")]
    BadCoreVersion,
    #[error("it is for Drupal {major}, which Ægir does not host")]
    TooOld { major: u32 },
    #[error("it is for Drupal {major}, and what is built is Drupal {built}")]
    OtherMajor { major: u32, built: u32 },
    #[error("`api` is not 2")]
    OtherApi,
    #[error("an include lies outside the folder of the make file")]
    IncludeNotHere,
    #[error("the include `{path}` cannot be read: {why}")]
    NoInclude { path: String, why: String },
    #[error("more than {most} files are included, or deeper than {deepest}")]
    IncludesWithoutEnd { most: usize, deepest: usize },
    #[error("`{key}` would run commands")]
    Commands { key: String },
    #[error("no core is named")]
    NoCore,
    #[error("a second core is named")]
    TwoCores,
    #[error("`{name}` stands twice, with different words")]
    Twice { name: String },
    #[error("`{name}` would lie in the folder of `{other}`, `{place}`")]
    SamePlace { name: String, other: String, place: String },
    #[error("`{name}` is no name of a project")]
    BadName { name: String },
    #[error("`{key}` leads to no folder below: `{path}`")]
    BadPath { key: &'static str, path: String },
    #[error("`{name}` is neither core, module, theme, profile nor library")]
    OtherType { name: String },
    #[error("no release of `{name}` is named")]
    NoVersion { name: String },
    #[error("`{version}` names no single release of `{name}`")]
    BadVersion { name: String, version: String },
    #[error("neither tag, revision nor branch of `{name}` is named")]
    NoRevision { name: String },
    #[error("the variant of `{name}` is none of `profile-only`, `no-core` and `core`")]
    OtherVariant { name: String },
    #[error("`{name}` asks a release server of its own")]
    OtherServer { name: String },
    #[error("it is not said where `{name}` is downloaded from")]
    NoDownload { name: String },
    #[error("the address of what `{name}` needs is missing")]
    NoAddress { name: String },
    #[error("the download of `{name}` has no type, which stands for git, and its address is that of an archive")]
    NoType { name: String },
    #[error("`{name}` comes by `{program}`, which Ægir does not start")]
    OtherProgram { name: String, program: String },
    #[error("`{name}` comes in a way that is not known")]
    OtherDownload { name: String },
    #[error("`{name}` is asked for with `{key}`, which Ægir does not send")]
    OtherRequest { name: String, key: String },
    #[error("`{name}` has a checksum, and is no file that could be compared with it")]
    NoFileToCheck { name: String },
    #[error("this is no checksum of the kind {digest}, which has {digits} hexadecimal digits")]
    BadChecksum { digest: &'static str, digits: usize },
    #[error("`{name}` comes over a connection that anybody between can change, and nothing proves what came")]
    Open { name: String, is_git: bool },
    #[error(
        "a patch of `{name}` comes over a connection that anybody between can change, and nothing proves what came"
    )]
    OpenPatch { name: String },
    #[error("`{address}` is no address: {why}")]
    BadAddress { address: String, why: String },
    #[error("an address holds an account or a password")]
    Account,
    #[error("an address is for ssh, which needs keys that a build has not")]
    Ssh,
    #[error("a git repository on this machine is named")]
    LocalGit,
    #[error("the branch, tag or revision of `{name}` is no name that git knows")]
    BadRef { name: String },
    #[error("a folder on this machine is to be copied, and the address is not one")]
    NotHere,
    #[error("the make file of a project names something on this machine")]
    NestedLocal,
}

impl Problem {
    /// The way out, if there is one that the message does not say.
    pub fn remedy(&self) -> Option<String> {
        let words = match self {
            Problem::TooLarge { .. } | Problem::TooMany { .. } => "give a make file, or split it",
            Problem::NoAssignment => "write `key = value`, or `;` before what is a comment",
            Problem::BadKey => "write keys as `projects[views][version]`, or as YAML in a file that ends with `.yml`",
            Problem::OpenQuote | Problem::BehindQuote => "end the value with the quote that it begins with",
            Problem::TextAndKeys { .. } | Problem::Twice { .. } | Problem::KeyTwice => {
                "say all of a project in one place: `projects[views][version] = 3.7`"
            }
            Problem::Reference => "write the value where it is needed",
            Problem::NoCoreVersion | Problem::BadCoreVersion => "write `core = 7.x`, or the number of your Drupal",
            Problem::OtherApi => "write `api = 2`, the form of files that is read",
            Problem::IncludeNotHere => "put the file beside the make file and name it by its relative path",
            Problem::Commands { .. } => "leave it out, and do what it does with a hook of Ægir",
            Problem::NoCore => "add the core with its release: `projects[drupal][version] = 7.98`",
            Problem::TwoCores => "leave one of them",
            Problem::SamePlace { .. } => {
                "give one of them a `directory_name` or a `subdir`, or say `overwrite` of the later"
            }
            Problem::BadPath { .. } => "give a relative path without `..` and without hidden folders",
            Problem::OtherType { .. } => "write one of these as its `type`",
            Problem::NoVersion { .. } | Problem::BadVersion { .. } => {
                "pin it: `projects[NAME][version] = 3.7`, the release that you have tried"
            }
            Problem::NoRevision { .. } => {
                "add `download[tag]`, or the whole number of a commit as `download[revision]`"
            }
            Problem::OtherServer { .. } => {
                "give the address of its archive: `download[type] = get` and `download[url]`, or name its server with `--release-source`"
            }
            Problem::NoDownload { .. } | Problem::NoAddress { .. } => "add `download[type]` and `download[url]`",
            Problem::NoType { .. } => "write `download[type] = get`",
            Problem::OtherProgram { .. } | Problem::OtherDownload { .. } => {
                "give an archive (`download[type] = get`) or a git repository (`download[type] = git`) of it"
            }
            Problem::OtherRequest { .. } => "give an address that answers without it",
            Problem::NoFileToCheck { .. } => "of git, give the whole number of a commit as `revision` instead",
            Problem::Open { is_git: true, .. } => {
                "write `https://`, or give the whole number of a commit as `revision`"
            }
            Problem::Open { .. } => "write `https://`, or give its `download[sha256]`",
            Problem::OpenPatch { .. } => "write `https://`, or give the patch as `url` and `sha256`",
            Problem::BadAddress { .. } => "give one such as `https://example.org/a.tar.gz`",
            Problem::Account => "take it out: what is built is told in logs, which are no place for it",
            Problem::Ssh | Problem::LocalGit => "give an address that begins with `https://`",
            Problem::NestedLocal => "give its address, or build without following make files of projects",
            Problem::BadRef { .. } => "give a plain name such as `7.x-3.x` or the number of a commit",
            _ => return None,
        };
        Some(words.to_owned())
    }
}
