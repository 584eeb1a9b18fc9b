//! Tables for people: aligned, and cut to the width of the terminal.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::screen::Tone;
use crate::speak::plain;

/// What stands between two columns.
const GAP: &str = "  ";
/// No column is cut below this.
const NARROWEST: usize = 6;

/// A table.
#[derive(Debug, Default)]
pub(crate) struct Table {
    heads: Vec<String>,
    rows: Vec<Vec<Cell>>,
}

/// A cell of a table, on one line, without what a terminal would obey.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// A text in a tone.
    pub(crate) fn new(text: &str, tone: Tone) -> Cell {
        Cell { text: one_line(text), tone }
    }
}

/// A text on one line, without what a terminal would obey.
pub(crate) fn one_line(text: &str) -> String {
    plain(text).replace(['\n', '\t'], " ").trim().to_owned()
}

impl Table {
    /// One with these heads.
    pub(crate) fn new(heads: &[&str]) -> Table {
        Table { heads: heads.iter().map(|head| (*head).to_owned()).collect(), rows: Vec::new() }
    }

    /// One row more.
    pub(crate) fn push(&mut self, row: Vec<Cell>) {
        self.rows.push(row);
    }

    /// Its lines, none wider than `width`.
    pub(crate) fn lines(&self, width: Option<usize>, colours: bool) -> Vec<String> {
        let widths = self.widths(width);
        let heads: Vec<Cell> = self.heads.iter().map(|head| Cell { text: head.clone(), tone: Tone::Plain }).collect();
        let rows = std::iter::once(&heads).chain(&self.rows);
        rows.map(|row| line(row, &widths, width, colours)).collect()
    }

    fn widths(&self, most: Option<usize>) -> Vec<usize> {
        let mut widths: Vec<usize> = (0..self.heads.len())
            .map(|at| {
                let cells = self.rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.text.width());
                cells.max().unwrap_or(0).max(self.heads[at].width())
            })
            .collect();
        let Some(most) = most else { return widths };
        loop {
            let total = widths.iter().sum::<usize>() + GAP.len() * widths.len().saturating_sub(1);
            let widest = (0..widths.len()).max_by_key(|at| widths[*at]);
            match widest {
                // The widest gives way first; a tie is for the last, as the first names the object.
                Some(at) if total > most && widths[at] > NARROWEST => widths[at] -= 1,
                _ => return widths,
            }
        }
    }
}

fn line(row: &[Cell], widths: &[usize], most: Option<usize>, colours: bool) -> String {
    let (mut line, mut used) = (String::new(), 0);
    for (at, (cell, width)) in row.iter().zip(widths).enumerate() {
        if at > 0 {
            line.push_str(GAP);
            used += GAP.len();
        }
        let room = most.map_or(*width, |most| (*width).min(most.saturating_sub(used)));
        if room == 0 {
            break;
        }
        let text = cut(&cell.text, room);
        let blank = width.saturating_sub(text.width());
        used += width;
        line.push_str(&cell.tone.paint(&text, colours));
        line.push_str(&" ".repeat(blank));
    }
    line.trim_end().to_owned()
}

/// A text in at most `width` columns, with `…` where some of it is left out.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 1;
    for letter in text.chars() {
        used += letter.width().unwrap_or(0);
        if used > width {
            break;
        }
        out.push(letter);
    }
    if width > 0 {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&["NAME", "STATUS", "TITLE"]);
        let row = |name: &str, title: &str| {
            vec![Cell::new(name, Tone::Plain), Cell::new("enabled", Tone::Good), Cell::new(title, Tone::Plain)]
        };
        table.push(row("@a.example.org", "A"));
        table.push(row("@b.example.org", "日本語のサイトの名前がここにあります"));
        table.push(row("@c.example.org", "evil\x1b[2J\nrow \u{202e}txet"));
        table
    }

    #[test]
    fn columns_are_aligned_by_what_is_seen() {
        let lines = table().lines(None, false);

        assert_eq!(lines[0], "NAME            STATUS   TITLE");
        assert_eq!(lines[1], "@a.example.org  enabled  A");
        assert!(lines[3].ends_with("evil\u{fffd}[2J row \u{fffd}txet"), "{}", lines[3]);
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for width in 1..80 {
            for line in table().lines(Some(width), false) {
                assert!(line.width() <= width, "{width}: {line}");
            }
        }
    }

    #[test]
    fn colours_take_no_room() {
        let lines = table().lines(Some(40), true);

        assert!(lines[1].contains("\x1b[32menabled\x1b[0m  A"), "{}", lines[1]);
    }
}
