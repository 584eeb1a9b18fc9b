//! Reads server-sent events as their text comes in, wherever it is cut.

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Event {
    /// Its kind; empty where none was named.
    pub(super) kind: String,
    /// Its id, if it has one.
    pub(super) id: Option<String>,
    /// What it says.
    pub(super) data: String,
}

/// What has come in so far.
#[derive(Debug, Default)]
pub(super) struct Reader {
    text: Vec<u8>,
    event: Event,
    spoke: bool,
}

/// A line is longer than any that the front end says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

/// The longest line: that of a task is cut long before.
const LONGEST: usize = 32 << 20;

impl Reader {
    /// Takes a piece in, and gives the events that are whole now.
    pub(super) fn take(&mut self, piece: &[u8]) -> Result<Vec<Event>, TooLong> {
        // What is left over holds no whole line.
        let mut searched = self.text.len();
        self.text.extend_from_slice(piece);
        let mut events = Vec::new();
        let mut begin = 0;
        while let Some(at) = self.text[searched..].iter().position(|byte| *byte == b'\n') {
            let end = searched + at;
            let line = String::from_utf8_lossy(&self.text[begin..end]).into_owned();
            events.extend(self.line(line.strip_suffix('\r').unwrap_or(&line)));
            begin = end + 1;
            searched = begin;
        }
        self.text.drain(..begin);
        if self.text.len() > LONGEST { Err(TooLong) } else { Ok(events) }
    }

    fn line(&mut self, line: &str) -> Option<Event> {
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            return std::mem::take(&mut self.spoke).then_some(event);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => self.event.kind = value.to_owned(),
            "id" if !value.contains('\0') => self.event.id = Some(value.to_owned()),
            "data" => {
                if self.spoke {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
                self.spoke = true;
            }
            // A comment keeps the connection alive; other fields are for browsers.
            _ => (),
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = ": hello\n\nevent: line\nid: 1.7\ndata: {\"a\":\ndata: 1}\r\n\r\nretry: 5\nid: 1.8\ndata: ü\n\n";

    #[test]
    fn events_are_the_same_wherever_their_text_is_cut() {
        let whole = Reader::default().take(TEXT.as_bytes()).unwrap();
        assert_eq!(whole.len(), 2);
        assert_eq!(whole[0], Event { kind: "line".into(), id: Some("1.7".into()), data: "{\"a\":\n1}".into() });
        assert_eq!(whole[1].data, "ü");

        for cut in 0..TEXT.len() {
            let mut reader = Reader::default();
            let mut events = reader.take(&TEXT.as_bytes()[..cut]).unwrap();
            events.extend(reader.take(&TEXT.as_bytes()[cut..]).unwrap());
            assert_eq!(events, whole, "cut at {cut}");
        }
    }

    #[test]
    fn half_an_event_is_none() {
        assert_eq!(Reader::default().take(b"id: 1.9\ndata: {}\n"), Ok(vec![]));
    }
}
