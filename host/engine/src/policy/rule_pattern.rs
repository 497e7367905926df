//! `S201`, `S200-S299` or `ALL`.

use crate::nearest::hint;

/// Which rules are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RulePattern {
    /// One rule, by its id as its plugin writes it.
    One(String),
    /// All rules whose ids have these letters and a number between the two, both included.
    Range {
        /// What stands before the number.
        letters: String,
        /// The first number.
        first: u64,
        /// The last number.
        last: u64,
    },
    /// Every rule.
    All,
}

impl RulePattern {
    /// Reads a pattern; upper and lower case are the same.
    ///
    /// # Errors
    /// It fits no known rule.
    pub fn new(text: &str, known: &[&str]) -> Result<Self, String> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("all") {
            return Ok(Self::All);
        }
        // First of all an id, for there are ids with a hyphen.
        if let Some(id) = known.iter().find(|id| id.eq_ignore_ascii_case(text)) {
            return Ok(Self::One((*id).to_owned()));
        }
        if let Some(range) = Self::range(text)? {
            return match known.iter().any(|id| range.matches(id)) {
                true => Ok(range),
                false => Err(format!("no rule is in {text}; modelaudit rules lists them")),
            };
        }
        let hint = hint(text, known.iter().copied(), "modelaudit rules lists them");
        Err(format!("there is no rule {text}{hint}"))
    }

    /// A range, if it has the form of one.
    ///
    /// # Errors
    /// It ends before it starts, or its two letters differ.
    pub fn range(text: &str) -> Result<Option<Self>, String> {
        let ends = text.split_once('-').and_then(|(a, b)| Some((split(a.trim())?, split(b.trim())?)));
        let Some(((letters, first), (other, last))) = ends else { return Ok(None) };
        if !letters.eq_ignore_ascii_case(other) {
            return Err(format!("a range stays within one letter, {letters} and {other} differ"));
        }
        if first > last {
            return Err(format!("the range ends before it starts; write {other}{last}-{letters}{first}"));
        }
        Ok(Some(Self::Range { letters: letters.to_ascii_uppercase(), first, last }))
    }

    /// True if that rule is meant.
    pub fn matches(&self, id: &str) -> bool {
        match self {
            Self::One(one) => one == id,
            Self::Range { letters, first, last } => split(id)
                .is_some_and(|(l, number)| l.eq_ignore_ascii_case(letters) && (*first..=*last).contains(&number)),
            Self::All => true,
        }
    }

    /// True for every rule.
    pub fn is_all(&self) -> bool {
        *self == Self::All
    }

    /// How many numbers it spans: of two patterns the narrower one is the more deliberate.
    pub fn width(&self) -> u64 {
        match self {
            Self::One(_) => 0,
            Self::Range { first, last, .. } => (last - first).saturating_add(1),
            Self::All => u64::MAX,
        }
    }
}

/// The letters and the number of an id; None if it is built otherwise.
fn split(id: &str) -> Option<(&str, u64)> {
    let digits = id.find(|c: char| c.is_ascii_digit())?;
    let (letters, number) = id.split_at(digits);
    (!letters.is_empty() && letters.chars().all(|c| c.is_ascii_alphabetic())).then_some(())?;
    number.chars().all(|c| c.is_ascii_digit()).then(|| number.parse().ok())?.map(|n| (letters, n))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 5] = ["S201", "S210", "S902", "S1001", "ACME-001"];

    fn pattern(text: &str) -> Result<Vec<&'static str>, String> {
        RulePattern::new(text, &KNOWN).map(|p| KNOWN.into_iter().filter(|id| p.matches(id)).collect())
    }

    #[test]
    fn ids_ranges_and_all() {
        assert_eq!(pattern("s201").unwrap(), ["S201"]);
        assert_eq!(pattern("acme-001").unwrap(), ["ACME-001"]);
        assert_eq!(pattern("S200-S299").unwrap(), ["S201", "S210"]);
        assert_eq!(pattern("s201 - s201").unwrap(), ["S201"]);
        assert_eq!(pattern("S900-S1999").unwrap(), ["S902", "S1001"]);
        assert_eq!(pattern("all").unwrap().len(), KNOWN.len());
    }

    #[test]
    fn what_means_nothing() {
        assert_eq!(pattern("S20").unwrap_err(), "there is no rule S20; did you mean S201, S210, S902?");
        assert_eq!(pattern("S300-S399").unwrap_err(), "no rule is in S300-S399; modelaudit rules lists them");
        assert_eq!(pattern("S299-S200").unwrap_err(), "the range ends before it starts; write S200-S299");
        assert!(pattern("S200-X299").unwrap_err().contains("S and X differ"));
        assert!(pattern("").is_err());
        assert!(pattern("-").is_err());
        assert!(pattern("S99999999999999999999-S1").is_err());
    }
}
