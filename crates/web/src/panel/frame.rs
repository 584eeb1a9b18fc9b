//! What each page has around it: navigation, the queue, who is signed in, and how the same is done elsewhere.

/// What is around each page. Templates extend `frame.html`, which reads it as `frame`.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// What the page is called, in the browser's title and as its heading.
    pub title: String,
    /// Which part of the navigation it belongs to: `overview`, `sites`, `platforms`, `servers`, `tasks`, `packages`, `settings`.
    pub section: &'static str,
    /// The way there: texts with addresses, the page itself left out.
    pub trail: Vec<(String, String)>,
    /// Who is signed in; `None`: nobody, and there is no navigation.
    pub who: Option<Who>,
    /// How the queue stands.
    pub queue: QueueBar,
    /// Something to be told on top of the page.
    pub notices: Vec<Notice>,
    /// How the same is done on the command line and with the API.
    pub elsewhere: Vec<Elsewhere>,
    /// `auto`, `light` or `dark`.
    pub theme: &'static str,
    /// Whether keys without a modifier do something.
    pub shortcuts: bool,
    /// A mark that changes with each asset, for their addresses.
    pub assets: &'static str,
    /// The page's own address, for forms that lead back to it: `/sites?status=disabled`.
    pub here: String,
    /// What the time is, in milliseconds since 1970: what `3 min ago` is said by.
    pub now: i64,
}

impl Frame {
    /// Which Ægir this is.
    pub fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    /// What forms of this session send as `form_token`; empty where nobody is signed in.
    pub fn token(&self) -> &str {
        self.who.as_ref().map_or("", |who| &who.form_token)
    }
}

/// Who is signed in.
#[derive(Clone, Debug)]
pub struct Who {
    /// The name of the account.
    pub account: String,
    /// What each form of this session sends as the field `form_token`.
    pub form_token: String,
}

/// How the queue stands.
#[derive(Clone, Debug, Default)]
pub struct QueueBar {
    /// How many tasks run.
    pub running: u64,
    /// How many wait.
    pub waiting: u64,
    /// How many are out of contact.
    pub out_of_contact: u64,
    /// Whether no task is started.
    pub paused: bool,
    /// The tasks that run, at most three: number, what it does, of what.
    pub now: Vec<QueueTask>,
}

/// A task in the queue's bar.
#[derive(Clone, Debug)]
pub struct QueueTask {
    /// Its number.
    pub id: i64,
    /// What it does: `verify`.
    pub verb: String,
    /// Its object: `example.org`.
    pub object: String,
    /// When it began, in milliseconds since 1970.
    pub started: i64,
}

/// Something to be told on top of a page.
#[derive(Clone, Debug)]
pub struct Notice {
    /// Which of the looks it has.
    pub tone: Tone,
    /// What is told.
    pub text: String,
    /// More of it: the cause, the way out.
    pub more: Vec<String>,
}

/// How a notice, a state or a button looks; always with a word or a sign beside the colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Neither good nor bad.
    Plain,
    /// It goes on now.
    Busy,
    /// Fine.
    Good,
    /// Somebody should look.
    Warning,
    /// Failed.
    Bad,
}

impl Tone {
    /// Its word in classes: `tone-good`.
    pub fn word(self) -> &'static str {
        match self {
            Tone::Plain => "plain",
            Tone::Busy => "busy",
            Tone::Good => "good",
            Tone::Warning => "warning",
            Tone::Bad => "bad",
        }
    }
}

/// The same action, as a command and as an API call.
#[derive(Clone, Debug)]
pub struct Elsewhere {
    /// What it does: `This list`, `Verify`.
    pub what: String,
    /// As a command: `aegir site list`.
    pub command: String,
    /// As a call: `GET /api/v1/sites`.
    pub call: String,
    /// The body of that call, if it has one.
    pub body: Option<String>,
}

/// One of several that may be chosen: what the macros `select`, `radios` and `choices` read.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// What the form sends.
    pub value: String,
    /// What is read.
    pub text: String,
    /// More of it, in a sentence; or why it cannot be chosen.
    pub hint: String,
    /// Whether it is chosen now.
    pub chosen: bool,
    /// Whether it can be chosen.
    pub open: bool,
}
