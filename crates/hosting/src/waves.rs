//! In which waves the objects of a bulk run are asked: a few first, then more, then the rest.

use std::fmt;
use std::str::FromStr;

use aegir_domain::BadText;

/// How many waves can be told apart.
const MOST: usize = 50;
/// How many objects a wave can have.
const LARGEST: u32 = 10_000;

/// The sizes of waves, as somebody gives them: `1,10,rest`.
///
/// Invariant: none of the sizes is 0. What they leave over is one more wave, whether or not `rest` was said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waves(Vec<u32>);

impl Waves {
    /// The wave, from 1 on, of the object at `place`, from 0 on.
    pub fn of(&self, place: usize) -> u32 {
        let mut end = 0;
        for (wave, size) in (1..).zip(&self.0) {
            end += *size as usize;
            if place < end {
                return wave;
            }
        }
        u32::try_from(self.0.len()).unwrap_or(u32::MAX).saturating_add(1)
    }
}

impl FromStr for Waves {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let bad = |why: &str| {
            let instead = "give how many are in each, such as `1,10,rest`; `rest` is all at once";
            BadText::of(text, "a list of waves", why, instead)
        };
        let mut sizes = Vec::new();
        let mut parts = text.split(',').map(str::trim).peekable();
        while let Some(part) = parts.next() {
            if part == "rest" {
                match parts.peek() {
                    None => break,
                    Some(_) => return Err(bad("something follows `rest`")),
                }
            }
            match part.parse() {
                Ok(size) if (1..=LARGEST).contains(&size) => sizes.push(size),
                _ => return Err(bad("a part of it is no number of objects, from 1 to 10000")),
            }
        }
        match sizes.len() {
            0..=MOST => Ok(Waves(sizes)),
            _ => Err(bad("it has more than 50 waves")),
        }
    }
}

impl fmt::Display for Waves {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for size in &self.0 {
            write!(f, "{size},")?;
        }
        f.write_str("rest")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_go_first_and_what_is_left_over_is_the_last_wave() {
        let waves: Waves = " 1, 3 ,rest".parse().unwrap();

        assert_eq!((0..7).map(|place| waves.of(place)).collect::<Vec<_>>(), [1, 2, 2, 2, 3, 3, 3]);
        assert_eq!(waves.to_string(), "1,3,rest");
        assert_eq!("1,3".parse::<Waves>().unwrap(), waves);
        assert_eq!((0..3).map(|place| Waves::default().of(place)).collect::<Vec<_>>(), [1, 1, 1]);
        assert_eq!("rest".parse::<Waves>().unwrap(), Waves::default());
    }

    #[test]
    fn what_is_no_list_of_waves_is_refused_with_one_that_is() {
        for text in ["", "0", "1,,2", "1,rest,2", "-3", "10001", "all", &"1,".repeat(60)] {
            let bad = text.parse::<Waves>().unwrap_err();
            assert!(bad.instead.is_some_and(|instead| instead.contains("1,10,rest")), "{text}");
        }
    }
}
