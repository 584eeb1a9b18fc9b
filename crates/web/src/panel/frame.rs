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

// Templates hand numbers over by reference: hence `&i64` in what follows.

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// A time for machines: `2026-11-21T17:50:12Z`.
pub fn iso(at: &i64) -> String {
    let (date, time) = date_and_time(*at);
    format!("{date}T{time}Z")
}

/// A time for people, exactly: `2026-11-21 17:50:12 UTC`.
pub fn exact(at: &i64) -> String {
    let (date, time) = date_and_time(*at);
    format!("{date} {time} UTC")
}

/// The time of day alone, for lines of a log: `17:50:12`.
pub fn time_of_day(at: &i64) -> String {
    date_and_time(*at).1
}

/// A time as seen from `now`: `12 s ago`, `in 3 days`, and the date beyond 30 days. `eldir.js` says it by the same rule.
pub fn ago(at: &i64, now: &i64) -> String {
    let apart = now.saturating_sub(*at);
    let (size, ahead) = (apart.saturating_abs(), apart < 0);
    let text = match size {
        0..SECOND => return "now".to_owned(),
        SECOND..MINUTE => format!("{} s", size / SECOND),
        MINUTE..HOUR => format!("{} min", size / MINUTE),
        HOUR..DAY => format!("{} h", size / HOUR),
        _ if size / DAY == 1 => "1 day".to_owned(),
        _ if size / DAY <= 30 => format!("{} days", size / DAY),
        _ => return date_and_time(*at).0,
    };
    if ahead { format!("in {text}") } else { format!("{text} ago") }
}

/// How long something took: `0.4 s`, `12 s`, `3 min 4 s`, `2 h 5 min`.
pub fn lasted(milliseconds: &i64) -> String {
    match (*milliseconds).max(0) {
        short if short < 10 * SECOND => format!("{}.{} s", short / SECOND, short % SECOND / 100),
        some if some < MINUTE => format!("{} s", some / SECOND),
        more if more < HOUR => format!("{} min {} s", more / MINUTE, more % MINUTE / SECOND),
        long => format!("{} h {} min", long / HOUR, long % HOUR / MINUTE),
    }
}

/// How long something has gone on that began at `at`.
pub fn since(at: &i64, now: &i64) -> String {
    // Whole seconds: it is read while it grows.
    lasted(&(now.saturating_sub(*at) / SECOND * SECOND)).replace(".0 s", " s")
}

/// A number for people: `1,204`.
pub fn count(n: &u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A piece of a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// What it says.
    pub text: &'a str,
    /// Whether it stood in backticks: a name, a path, a command.
    pub is_name: bool,
}

/// The pieces of a sentence of ours. A backtick without its other stays what it is.
pub fn prose(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, name, after)) = first_name(rest) {
        pieces.push(Piece { text: before, is_name: false });
        pieces.push(Piece { text: name, is_name: true });
        rest = after;
    }
    pieces.push(Piece { text: rest, is_name: false });
    pieces.retain(|piece| !piece.text.is_empty());
    pieces
}

fn first_name(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('`')?;
    let (name, after) = rest.split_once('`')?;
    Some((before, name, after))
}

/// Date and time of day in UTC, by the Gregorian calendar.
fn date_and_time(at: i64) -> (String, String) {
    let (days, of_day) = (at.div_euclid(DAY), at.rem_euclid(DAY));
    // Counted from 1 March of the year 0, in eras of 400 years, so that a leap day is the last of its year.
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month + 2) / 5 + 1;
    let (month, later) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = year + era * 400 + later;
    (
        format!("{year:04}-{month:02}-{of_month:02}"),
        format!("{:02}:{:02}:{:02}", of_day / HOUR, of_day % HOUR / MINUTE, of_day % MINUTE / SECOND),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        for (at, said) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_399_999, "2000-02-28 23:59:59 UTC"),
            (951_782_400_000, "2000-02-29 00:00:00 UTC"),
            (1_795_283_412_000, "2026-11-21 17:50:12 UTC"),
            (4_107_542_400_000, "2100-03-01 00:00:00 UTC"),
            (-1, "1969-12-31 23:59:59 UTC"),
        ] {
            assert_eq!(exact(&at), said, "{at}");
        }
        assert_eq!(iso(&1_795_283_412_000), "2026-11-21T17:50:12Z");
    }

    #[test]
    fn a_time_is_told_as_people_tell_it() {
        let now = 1_795_283_412_000;
        for (apart, said) in [
            (0, "now"),
            (12 * SECOND, "12 s ago"),
            (59 * MINUTE, "59 min ago"),
            (-3 * HOUR, "in 3 h"),
            (DAY, "1 day ago"),
            (30 * DAY, "30 days ago"),
            (-40 * DAY, "2026-12-31"),
        ] {
            assert_eq!(ago(&(now - apart), &now), said, "{apart}");
        }
        assert_eq!(ago(&i64::MIN, &i64::MAX).len(), "-292277022-05-16".len(), "no time is too far");
        assert_eq!(
            (lasted(&430), lasted(&12_900), lasted(&184_000)),
            ("0.4 s".into(), "12 s".into(), "3 min 4 s".into())
        );
        assert_eq!(lasted(&7_500_000), "2 h 5 min");
        assert_eq!((since(&now, &(now + 3_900)), since(&now, &(now + 184_000))), ("3 s".into(), "3 min 4 s".into()));
        assert_eq!((count(&7), count(&1_204), count(&1_000_000)), ("7".into(), "1,204".into(), "1,000,000".into()));
    }

    #[test]
    fn what_stands_in_backticks_is_a_name() {
        let said = |text| prose(text).iter().map(|piece| (piece.text.to_owned(), piece.is_name)).collect::<Vec<_>>();
        let expected = [("run ", false), ("nginx -t", true), (" on ", false), ("web1", true)];
        assert_eq!(said("run `nginx -t` on `web1`"), expected.map(|(text, name)| (text.to_owned(), name)));
        assert_eq!(said("a ` alone"), [("a ` alone".to_owned(), false)]);
        assert_eq!(said(""), []);
    }
}
