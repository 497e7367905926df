//! Finds the texts of licences inside a text, several one after the other, too.
//!
//! Each known text is a sample of its shingles (five words in a row). A licence is there if most of its sample stands together in a
//! stretch about as long as itself. Texts of a family share most of their words (MIT and its forty variants), so of those that would
//! do, the one that explains most and misses least is taken; then what it explains is set aside, and the rest is looked at again.

use std::collections::HashMap;

use crate::tables::{OWNERS, SHINGLES, TEXTS, Text};
use crate::words::{SHINGLE, Word, shingle};

/// Part of a sample that must be there. Names of holders inside the text, another title or a missing appendix cost up to a fifth.
const ENOUGH: f64 = 0.75;
/// The same for texts of a few lines, which prove less.
const ENOUGH_SHORT: f64 = 0.85;
/// Words of a text of a few lines.
const SHORT: u32 = 80;
/// Licences that are found in one text; the longest bundles of real wheels have about twenty.
const MOST: usize = 24;

/// A licence's text.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    /// SPDX identifier.
    pub id: &'static str,
    /// Part of its sample that is there, 0 to 1.
    pub part: f64,
    /// Index of its first word.
    pub first: usize,
    /// Index of its last word.
    pub last: usize,
}

/// A shingle of the sample of a text, and the word where it stands.
#[derive(Clone, Copy)]
struct Place {
    word: u32,
    /// Index into [`SHINGLES`]: one for each shingle of each text.
    entry: u32,
}

/// Finds licences, in the order of the text.
pub fn find(words: &[Word]) -> Vec<Match> {
    let hashes: Vec<u32> = words.iter().map(|w| w.hash).collect();
    let mut places: Vec<Vec<Place>> = vec![Vec::new(); TEXTS.len()];
    for at in 0..hashes.len().saturating_sub(SHINGLE - 1) {
        let Some(hash) = hashes.get(at..).and_then(shingle) else { break };
        let first = SHINGLES.partition_point(|h| *h < hash);
        for entry in first..SHINGLES.len() {
            if SHINGLES.get(entry) != Some(&hash) {
                break;
            }
            let owner = OWNERS.get(entry).copied().unwrap_or_default();
            if let Some(list) = places.get_mut(usize::from(owner)) {
                list.push(Place { word: at as u32, entry: entry as u32 });
            }
        }
    }
    let mut candidates: Vec<(usize, Vec<Place>)> = places
        .into_iter()
        .enumerate()
        .filter(|(text, list)| TEXTS.get(*text).is_some_and(|t| could_be(t, list.len())))
        .collect();
    let mut found: Vec<Match> = Vec::new();
    while found.len() < MOST {
        let mut best: Option<(f64, Match)> = None;
        candidates.retain(|(text, list)| {
            let Some(candidate) = TEXTS.get(*text).and_then(|t| densest(t, list)) else { return false };
            let score = f64::from(TEXTS[*text].words) * (3.0 * candidate.part - 2.0);
            if best.as_ref().is_none_or(|(s, _)| score > *s) {
                best = Some((score, candidate));
            }
            true
        });
        let Some((_, taken)) = best else { break };
        for (_, list) in &mut candidates {
            list.retain(|p| !(taken.first..=taken.last).contains(&(p.word as usize)));
        }
        found.push(taken);
    }
    found.sort_by_key(|m| m.first);
    // The LGPL is a set of permissions on top of the GPL, whose text stands behind it in SPDX's list and in many files.
    let behind = |gpl: &Match| {
        found.iter().any(|m| m.id.starts_with("LGPL-3") && m.first < gpl.first && m.last + 200 > gpl.first)
    };
    let part_of_lgpl = found.iter().position(|m| m.id.starts_with("GPL-3") && behind(m));
    if let Some(index) = part_of_lgpl {
        found.remove(index);
    }
    found
}

/// The part of the sample that is needed.
fn enough(text: &Text) -> f64 {
    if text.words < SHORT { ENOUGH_SHORT } else { ENOUGH }
}

fn could_be(text: &Text, places: usize) -> bool {
    places as f64 >= enough(text) * f64::from(text.sample)
}

/// The stretch of a text's length in which most of its sample stands, if that is enough.
fn densest(text: &Text, places: &[Place]) -> Option<Match> {
    if !could_be(text, places.len()) {
        return None;
    }
    // Names of holders and notes between paragraphs make it longer than the original.
    let reach = text.words + text.words / 4 + 40;
    let mut counts: HashMap<u32, u32> = HashMap::new();
    let mut start = 0;
    let mut best: Option<(usize, usize, usize)> = None;
    for (end, place) in places.iter().enumerate() {
        *counts.entry(place.entry).or_default() += 1;
        while let Some(oldest) = places.get(start).filter(|p| p.word + reach < place.word) {
            if let Some(count) = counts.get_mut(&oldest.entry) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(&oldest.entry);
                }
            }
            start += 1;
        }
        if best.is_none_or(|(most, _, _)| counts.len() > most) {
            best = Some((counts.len(), start, end));
        }
    }
    let (most, start, end) = best?;
    let part = most as f64 / f64::from(text.sample.max(1));
    (part >= enough(text)).then(|| Match {
        id: text.id,
        part,
        first: places.get(start).map_or(0, |p| p.word as usize),
        last: places.get(end).map_or(0, |p| p.word as usize + SHINGLE - 1),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::words;

    fn ids(text: &str) -> Vec<&'static str> {
        find(&words(text)).into_iter().map(|m| m.id).collect()
    }

    fn text(id: &str) -> &'static str {
        spdx::license_id(id).unwrap().text()
    }

    #[test]
    fn every_text_is_found_as_itself_or_its_twin() {
        let mut wrong = Vec::new();
        for known in TEXTS {
            let found = ids(text(known.id));
            if found != [known.id] {
                wrong.push((known.id, found));
            }
        }
        // Families whose members differ by less than the sample can tell, or contain one another.
        assert!(wrong.len() <= TEXTS.len() / 20, "{} of {}: {wrong:?}", wrong.len(), TEXTS.len());
        for id in ["MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "Zlib", "GPL-2.0-only", "GPL-3.0-only"] {
            assert_eq!(ids(text(id)), [id]);
        }
        for id in ["AGPL-3.0-only", "LGPL-2.1-only", "LGPL-3.0-only", "MPL-2.0", "CC-BY-4.0", "CC-BY-NC-4.0", "JSON"] {
            assert_eq!(ids(text(id)), [id]);
        }
        for id in ["CC-BY-SA-4.0", "CC-BY-NC-SA-4.0", "CC-BY-NC-ND-4.0", "CC0-1.0", "Unlicense", "EPL-2.0", "BSL-1.0"] {
            assert_eq!(ids(text(id)), [id]);
        }
    }

    #[test]
    fn several_texts_in_one_file_and_edits_are_told_apart() {
        let bundle = format!("Bundled:\n{}\n----\n{}\n====\n{}", text("MIT"), text("Apache-2.0"), text("BSD-3-Clause"));
        assert_eq!(ids(&bundle), ["MIT", "Apache-2.0", "BSD-3-Clause"]);
        let commented: String = text("BSD-3-Clause").lines().map(|l| format!(" * {l}\n")).collect();
        assert_eq!(ids(&commented.replace("the copyright holder", "ACME Corporation")), ["BSD-3-Clause"]);
        assert_eq!(ids(&format!("{}\n{}", text("MIT"), "words of a manual about models ".repeat(500))), ["MIT"]);
        assert!(ids(&text("Apache-2.0")[..3000]).is_empty(), "a third of a licence is none");
    }
}
