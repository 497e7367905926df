//! What was meant: the known words that are most like a mistyped one.

use std::collections::BTreeSet;

/// How alike a word must be to be worth a hint, from 0 (nothing in common) to 1.
const ALIKE: f64 = 0.75;
/// Words in a hint.
const HINTS: usize = 3;
/// Known words that are looked at: a folder may hold any number of names.
const LOOKED_AT: usize = 10_000;

/// The known words that are most like `word`, the best first; upper and lower case are the same.
pub fn nearest(word: &str, known: impl IntoIterator<Item = impl Into<String>>) -> Vec<String> {
    let word = word.to_lowercase();
    let known: BTreeSet<String> = known.into_iter().take(LOOKED_AT).map(Into::into).collect();
    let mut near: Vec<(f64, String)> = known
        .into_iter()
        .map(|k| (strsim::jaro_winkler(&word, &k.to_lowercase()), k))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    near.into_iter().take(HINTS).map(|(_, k)| k).collect()
}

/// The end of a message about an unknown word: `; did you mean A, B?`, or `; ` and `otherwise`.
pub fn hint(word: &str, known: impl IntoIterator<Item = impl Into<String>>, otherwise: &str) -> String {
    let near = nearest(word, known);
    if near.is_empty() { format!("; {otherwise}") } else { format!("; did you mean {}?", near.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn likely_mistakes_get_a_hint() {
        let known = ["S201", "S210", "S902", "ACME-001", "S201"];
        assert_eq!(hint("S20", known, "x"), "; did you mean S201, S210, S902?");
        assert_eq!(hint("acme-01", known, "x"), "; did you mean ACME-001?");
        assert_eq!(hint("whatever", known, "modelaudit rules lists them"), "; modelaudit rules lists them");
    }
}
