//! What the logs of the web server have of one site: their last lines, and what comes to them.
//!
//! All sites of a server share these files, so that a thousand sites need no thousand open ones; what is a site's is known by
//! the host that was asked for. Only looked at: no lock is taken, and nothing is remembered.
//!
//! ## Invariants
//!
//! - A log is read from its end, and of it [`FURTHEST`] bytes at the most.
//! - What lets somebody in (a login link, the key of cron, a query) is not shown, whatever the log has of it.

use std::path::PathBuf;

use aegir_domain::{Fault, HttpEngine, LogKind, LogTail, Remedy, ServerName, SiteName};
use aegir_host::{FileFault, Files, Kind};

use crate::{Contexts, WorldParts};

/// How far back a log is read, in bytes.
const FURTHEST: u64 = 16 << 20;
/// How much is read at first.
const FIRST: u64 = 256 << 10;
/// How much is read at once of what came to it, in bytes.
const AT_ONCE: usize = 1 << 20;

/// The last `count` lines that a log has of a site, as many of them as are given at once.
pub fn log_tail(parts: &WorldParts, site: &SiteName, kind: LogKind, count: usize) -> Result<LogTail, Fault> {
    let mut log = SiteLog::of(parts, site, kind)?;
    let lines = log.last(count)?;
    Ok(LogTail::of(site.clone(), kind, log.path, lines))
}

/// The log of one site.
pub struct SiteLog<'p> {
    files: &'p Files,
    path: PathBuf,
    kind: LogKind,
    owner: Owner,
    /// The first byte that was not read yet.
    next: u64,
}

impl<'p> SiteLog<'p> {
    /// That of `site`, which must be known, on the web server that serves it.
    pub fn of(parts: &'p WorldParts, site: &SiteName, kind: LogKind) -> Result<SiteLog<'p>, Fault> {
        let contexts = Contexts::new(&parts.home, &parts.files);
        let site = contexts.site(site)?;
        let server = contexts.server(&contexts.platform(&site.platform)?.server)?;
        let Some(http) = server.http else { return Err(LogFault::NoWebServer { server: server.name }.into()) };
        let wildcards: Vec<String> =
            site.aliases.iter().filter_map(|alias| Some(format!(".{}", alias.wildcard()?))).collect();
        let mut others = Vec::new();
        if !wildcards.is_empty() {
            for other in contexts.sites()?.into_iter().filter(|other| other.name != site.name) {
                others.push(other.name.to_string());
                others.extend(other.aliases.iter().map(ToString::to_string));
            }
        }
        let names = site.aliases.iter().map(ToString::to_string).chain([site.name.to_string()]).collect();
        let kind_of_file = if kind == LogKind::Web { "access" } else { "error" };
        let path = parts.home.logs().join(format!("{}-{kind_of_file}.log", http.engine.as_str()));
        if parts.files.kind(&path)? != Some(Kind::File) {
            return Err(LogFault::NoLog { path, engine: http.engine, kind }.into());
        }
        let folder = format!("/sites/{}/", site.name);
        let owner = Owner { names, wildcards, others, folder };
        Ok(SiteLog { files: &parts.files, path, kind, owner, next: 0 })
    }

    /// The last `count` of its lines, the oldest first. What came to the log since is told by [`SiteLog::more`].
    pub fn last(&mut self, count: usize) -> Result<Vec<String>, FileFault> {
        let end = self.files.stat(&self.path)?.map_or(0, |stat| stat.size);
        let mut window = FIRST;
        loop {
            let from = end.saturating_sub(window.min(FURTHEST));
            let length = usize::try_from(end - from).unwrap_or_default();
            let bytes = self.files.read_from(&self.path, from, length)?.unwrap_or_default();
            let whole = whole_lines(&bytes);
            self.next = from + whole as u64;
            // The first line may be the rest of one.
            let begin =
                if from == 0 { 0 } else { bytes.iter().position(|byte| *byte == b'\n').map_or(whole, |at| at + 1) };
            let mut found = self.owned(bytes.get(begin..whole).unwrap_or_default());
            if found.len() >= count || from == 0 || window >= FURTHEST {
                return Ok(found.split_off(found.len().saturating_sub(count)));
            }
            window *= 4;
        }
    }

    /// What came to it since the last look. A log that was begun anew is read from its beginning.
    pub fn more(&mut self) -> Result<Vec<String>, FileFault> {
        let end = self.files.stat(&self.path)?.map_or(0, |stat| stat.size);
        if end < self.next {
            self.next = 0;
        }
        let bytes = self.files.read_from(&self.path, self.next, AT_ONCE)?.unwrap_or_default();
        let whole = match whole_lines(&bytes) {
            // A line without an end is passed over in pieces.
            0 if bytes.len() == AT_ONCE => bytes.len(),
            whole => whole,
        };
        self.next += whole as u64;
        Ok(self.owned(bytes.get(..whole).unwrap_or_default()))
    }

    /// Those lines of a piece of the log that are the site's.
    fn owned(&self, bytes: &[u8]) -> Vec<String> {
        let text = String::from_utf8_lossy(bytes);
        let entries = match self.kind {
            LogKind::Web => text.lines().map(|line| vec![line]).collect(),
            LogKind::Errors | LogKind::Php => entries(&text),
        };
        let is_wanted = |entry: &[&str]| match self.kind {
            LogKind::Web => asked_host(entry[0]).is_some_and(|host| self.owner.has(host)),
            LogKind::Errors => !is_php(entry) && self.owner.is_of(entry),
            LogKind::Php => is_php(entry) && self.owner.is_of(entry),
        };
        entries.into_iter().filter(|entry| is_wanted(entry)).flatten().map(masked).collect()
    }
}

/// Where the whole lines of `bytes` end.
fn whole_lines(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1)
}

/// Whose a line is.
struct Owner {
    names: Vec<String>,
    /// The ends of names that are many: `.example.org`.
    wildcards: Vec<String>,
    /// Names of other sites, which are theirs though a wildcard fits.
    others: Vec<String>,
    /// What the path of a file of the site holds.
    folder: String,
}

impl Owner {
    fn has(&self, host: &str) -> bool {
        // As a browser sent it: with a port, and in any case.
        let host = host.split(':').next().unwrap_or_default().to_ascii_lowercase();
        let fits = || self.wildcards.iter().any(|end| host.ends_with(end.as_str()));
        self.names.contains(&host) || (fits() && !self.others.contains(&host))
    }

    /// nginx says of each complaint for which host it was, and so does Apache where Ægir configures its log; else only
    /// files tell. A visitor's referrer, which stands behind the host as it came, can be made to look like another one:
    /// what names several is each one's, so that nobody can have what they did to a site vanish from its log.
    fn is_of(&self, entry: &[&str]) -> bool {
        let Some(line) = entry.iter().rev().find(|line| line.contains("host: \"")) else {
            return entry.iter().any(|line| line.contains(&self.folder));
        };
        let mut hosts = line.split("host: \"").skip(1).filter_map(|rest| rest.split('"').next());
        hosts.any(|host| self.has(host))
    }
}

/// The host in a line of our access log: `ADDRESS - HOST [TIME] …`.
fn asked_host(line: &str) -> Option<&str> {
    let mut words = line.splitn(4, ' ');
    let (_, dash, host) = (words.next()?, words.next()?, words.next()?);
    (dash == "-").then_some(host)
}

/// The entries of an error log: what does not begin with a moment belongs to the line before, as PHP's longer complaints do.
fn entries(text: &str) -> Vec<Vec<&str>> {
    let mut entries: Vec<Vec<&str>> = Vec::new();
    for line in text.lines() {
        match entries.last_mut() {
            Some(entry) if !begins_entry(line) => entry.push(line),
            _ => entries.push(vec![line]),
        }
    }
    entries
}

/// Whether a line begins with a moment, as nginx writes it (`2026/11/22 20:15:00 [`), or Apache (`[Sun Nov 22 …] [`).
fn begins_entry(line: &str) -> bool {
    let nginx = || {
        let shape = line.as_bytes().get(..21)?;
        let fits = |(at, byte): (usize, &u8)| match at {
            4 | 7 => *byte == b'/',
            10 | 19 => *byte == b' ',
            13 | 16 => *byte == b':',
            20 => *byte == b'[',
            _ => byte.is_ascii_digit(),
        };
        Some(shape.iter().enumerate().all(fits))
    };
    let apache = || line.starts_with('[') && line.contains("] [") && line.contains("[pid ");
    nginx().unwrap_or(false) || apache()
}

fn is_php(entry: &[&str]) -> bool {
    entry.iter().any(|line| line.contains("PHP message: ") || line.contains("FastCGI sent in stderr"))
}

/// A line without what lets somebody in: of a login link and of cron's address the beginning stays, of a query that
/// there was one.
fn masked(line: &str) -> String {
    let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | ')' | '>');
    let mut shown = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((at, mark)) = next_mark(rest) {
        let (before, behind) = rest.split_at(at + mark.len());
        shown.push_str(before);
        let (hidden, after) = behind.split_at(behind.find(ends).unwrap_or(behind.len()));
        // A question mark may just end a sentence.
        let is_secret = if mark == "?" { hidden.contains('=') } else { !hidden.is_empty() };
        shown.push_str(if is_secret { "..." } else { "" });
        rest = if is_secret { after } else { behind };
    }
    shown + rest
}

/// The first place behind which something may lie that is not shown.
fn next_mark(text: &str) -> Option<(usize, &'static str)> {
    let marks = ["/user/reset/", "/cron/", "?"];
    marks.into_iter().filter_map(|mark| Some((text.find(mark)?, mark))).min()
}

/// Why there is nothing to read.
#[derive(Debug, thiserror::Error)]
enum LogFault {
    #[error("`@server_{server}` has no web server, and so no log")]
    NoWebServer { server: ServerName },
    #[error("there is no log `{}`", path.display())]
    NoLog { path: PathBuf, engine: HttpEngine, kind: LogKind },
}

impl Remedy for LogFault {
    fn remedy(&self) -> Option<String> {
        match self {
            LogFault::NoWebServer { .. } => None,
            LogFault::NoLog { engine, kind: LogKind::Errors | LogKind::Php, .. } => Some(format!(
                "a web server that the system runs has its error log where the system wants it, such as `/var/log/{}/error.log`",
                if *engine == HttpEngine::Apache { "apache2" } else { engine.as_str() }
            )),
            LogFault::NoLog { .. } => {
                Some("it is made by the web server: verify the server, and look whether it runs".into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner() -> Owner {
        Owner {
            names: vec!["a.test".into(), "www.a.test".into()],
            wildcards: vec![".many.test".into()],
            others: vec!["own.many.test".into()],
            folder: "/sites/a.test/".into(),
        }
    }

    #[test]
    fn a_line_is_its_hosts_and_nobody_elses() {
        for (host, is_ours) in [
            ("a.test", true),
            ("WWW.A.test:8080", true),
            ("x.many.test", true),
            ("own.many.test", false),
            ("many.test", false),
            ("aa.test", false),
            ("a.test.evil.test", false),
        ] {
            let line = format!(
                "127.0.0.1 - {host} [22/Nov/2026:20:15:00 +0000] \"GET / HTTP/1.1\" 200 1 \"-\" \"a.test\" 0.1"
            );
            assert_eq!(asked_host(&line).is_some_and(|host| owner().has(host)), is_ours, "{line}");
        }
        assert_eq!(asked_host("garbage"), None);
    }

    #[test]
    fn a_complaint_of_several_lines_is_one_and_its_host_counts() {
        let text = "2026/11/22 20:15:00 [error] 1#1: *1 FastCGI sent in stderr: \"PHP message: Uncaught\nStack trace:\n#0 /srv/sites/a.test/x.php\" \
                    while reading, request: \"GET /?x=y HTTP/1.1\", host: \"b.test\"\n\
                    2026/11/22 20:15:01 [error] 1#1: *2 open() failed, host: \"a.test\"\n\
                    [Sun Nov 22 20:15:02.0 2026] [core:error] [pid 1:tid 2] AH1: /srv/sites/a.test/y is not there\n\
                    [Sun Nov 22 20:15:03.0 2026] [proxy_fcgi:error] [pid 1:tid 2] [client 127.0.0.1] AH01071: Got error \
                    'PHP message: it said host: \"b.test\"' host: \"a.test\"\n";
        let entries = entries(text);
        assert_eq!(entries.iter().map(Vec::len).collect::<Vec<_>>(), [3, 1, 1, 1]);
        assert_eq!(entries.iter().map(|entry| owner().is_of(entry)).collect::<Vec<_>>(), [false, true, true, true]);
        assert_eq!(entries.iter().map(|entry| is_php(entry)).collect::<Vec<_>>(), [true, false, false, true]);
    }

    #[test]
    fn nobody_can_have_a_complaint_vanish_by_a_referrer_that_names_another_host() {
        let line = "2026/11/22 20:15:00 [error] 1#1: *1 open() failed, request: \"GET /x HTTP/1.1\", host: \"a.test\", \
                    referrer: \"http://x/\", host: \"b.test\"";
        assert!(owner().is_of(&[line]));
    }

    #[test]
    fn what_lets_in_is_not_shown() {
        for (line, shown) in [
            (
                "request: \"GET /user/reset/1/17/abc/login HTTP/1.1\", host",
                "request: \"GET /user/reset/... HTTP/1.1\", host",
            ),
            ("\"GET /de/user/reset/1/2/c?x=y HTTP/2\"", "\"GET /de/user/reset/... HTTP/2\""),
            ("GET /cron/s3cret HTTP", "GET /cron/... HTTP"),
            ("GET /a?pass=s3cret&x HTTP", "GET /a?... HTTP"),
            ("Did that work? Yes = no", "Did that work? Yes = no"),
            ("GET /a?/user/reset/1/2/3 HTTP", "GET /a?/user/reset/... HTTP"),
            ("referrer: \"https://a.test/?token=x\"", "referrer: \"https://a.test/?...\""),
        ] {
            assert_eq!(masked(line), shown);
        }
    }
}
