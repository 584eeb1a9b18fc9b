//! What is kept of a text that may be long: its first and its last part.

/// Keeps the first and the last half of what is put in.
pub(super) struct Kept {
    half: usize,
    head: Vec<u8>,
    /// The last bytes; a ring once it is full.
    tail: Vec<u8>,
    /// Where the oldest byte of a full ring is.
    oldest: usize,
    total: u64,
}

impl Kept {
    pub(super) fn new(limit: usize) -> Kept {
        Kept { half: (limit / 2).max(1), head: Vec::new(), tail: Vec::new(), oldest: 0, total: 0 }
    }

    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let (first, rest) = bytes.split_at(bytes.len().min(self.half - self.head.len()));
        self.head.extend_from_slice(first);
        // Of a long piece only the end can stay.
        let mut rest = &rest[rest.len().saturating_sub(self.half)..];
        let free = self.half - self.tail.len();
        let (fits, over) = rest.split_at(rest.len().min(free));
        self.tail.extend_from_slice(fits);
        rest = over;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(self.half - self.oldest));
            self.tail[self.oldest..self.oldest + now.len()].copy_from_slice(now);
            self.oldest = (self.oldest + now.len()) % self.half;
            rest = later;
        }
    }

    /// How much was put in.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    pub(super) fn is_whole(&self) -> bool {
        self.total <= (self.head.len() + self.tail.len()) as u64
    }

    pub(super) fn text(&self) -> String {
        let mut bytes = self.head.clone();
        if !self.is_whole() {
            let left_out = self.total - (self.head.len() + self.tail.len()) as u64;
            bytes.extend_from_slice(format!("\n… {left_out} bytes left out …\n").as_bytes());
        }
        bytes.extend_from_slice(&self.tail[self.oldest..]);
        bytes.extend_from_slice(&self.tail[..self.oldest]);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_text_is_kept_whole() {
        let mut kept = Kept::new(10);
        for piece in ["abc", "", "defg", "hij"] {
            kept.put(piece.as_bytes());
        }
        assert!(kept.is_whole());
        assert_eq!(kept.text(), "abcdefghij");
    }

    #[test]
    fn of_a_long_text_its_ends_are_kept_however_it_comes() {
        let text: Vec<u8> = (0..1000u32).map(|n| b'a' + (n % 26) as u8).collect();
        for size in [1, 2, 3, 7, 10, 11, 999, 1000] {
            let mut kept = Kept::new(10);
            text.chunks(size).for_each(|piece| kept.put(piece));
            let end = String::from_utf8(text[995..].to_vec()).unwrap();
            assert!(!kept.is_whole());
            assert_eq!(kept.text(), format!("abcde\n… 990 bytes left out …\n{end}"), "{size}");
        }
    }
}
