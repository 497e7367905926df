//! Finds the texts of licences inside a text, several one after the other, too.
//!
//! Each known text is a sample of its shingles (five words in a row). A licence is there if most of its sample stands together in a
//! stretch about as long as itself. Texts of a family share most of their words (MIT and its forty variants), so of those that would
//! do, the one that explains most and misses least is taken; then what it explains is set aside, and the rest is looked at again.

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
    /// Which of the sample's shingles.
    shingle: u32,
}

/// A text that may be there.
struct Candidate {
    text: &'static Text,
    /// Where shingles of its sample stand, in order, as far as nothing else explains them.
    places: Vec<Place>,
    /// Where it stands best.
    best: Match,
    /// How much it explains, less what it misses.
    score: f64,
}

/// Finds licences, in the order of the text.
pub fn find(words: &[Word]) -> Vec<Match> {
    let mut candidates: Vec<Candidate> =
        places(words).into_iter().zip(TEXTS).filter_map(|(places, text)| Candidate::new(text, places)).collect();
    let mut found: Vec<Match> = Vec::new();
    while found.len() < MOST {
        let highest = (0..candidates.len()).max_by(|a, b| candidates[*a].score.total_cmp(&candidates[*b].score));
        let Some(index) = highest else { break };
        let candidate = candidates.swap_remove(index);
        // What was found since it was weighed may explain some of it. Weighed again it can only be lighter, so the first that is still
        // whole is the heaviest of all.
        let explained = |p: &Place| found.iter().any(|m| (m.first..=m.last).contains(&(p.word as usize)));
        if candidate.places.iter().any(explained) {
            let rest = candidate.places.iter().filter(|p| !explained(p)).copied().collect();
            candidates.extend(Candidate::new(candidate.text, rest));
            continue;
        }
        let taken = candidate.best.clone();
        // The same text may stand there twice.
        candidates.push(candidate);
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

/// Where the samples' shingles stand, for each text.
fn places(words: &[Word]) -> Vec<Vec<Place>> {
    let hashes: Vec<u32> = words.iter().map(|w| w.hash).collect();
    let mut places: Vec<Vec<Place>> = TEXTS.iter().map(|_| Vec::new()).collect();
    for at in 0..hashes.len().saturating_sub(SHINGLE - 1) {
        let Some(hash) = hashes.get(at..).and_then(shingle) else { break };
        let first = SHINGLES.partition_point(|h| *h < hash);
        for entry in first..SHINGLES.len() {
            if SHINGLES.get(entry) != Some(&hash) {
                break;
            }
            let owner = OWNERS.get(entry).copied().unwrap_or_default();
            if let Some(list) = places.get_mut(usize::from(owner)) {
                list.push(Place { word: at as u32, shingle: entry as u32 });
            }
        }
    }
    places
}

impl Candidate {
    /// A text whose shingles stand at these places; None if too few of them stand together.
    fn new(text: &'static Text, mut places: Vec<Place>) -> Option<Self> {
        let enough = if text.words < SHORT { ENOUGH_SHORT } else { ENOUGH } * f64::from(text.sample);
        if (places.len() as f64) < enough {
            return None;
        }
        // Numbered from 0, so that counting them is an index.
        let mut shingles: Vec<u32> = places.iter().map(|p| p.shingle).collect();
        shingles.sort_unstable();
        shingles.dedup();
        if (shingles.len() as f64) < enough {
            return None;
        }
        for place in &mut places {
            place.shingle = shingles.partition_point(|s| *s < place.shingle) as u32;
        }
        let (most, first, last) = densest(text, &places, shingles.len())?;
        if (most as f64) < enough {
            return None;
        }
        let part = most as f64 / f64::from(text.sample.max(1));
        let best = Match { id: text.id, part, first, last };
        Some(Self { text, places, best, score: f64::from(text.words) * (3.0 * part - 2.0) })
    }
}

/// The stretch of a text's length in which most different shingles of its sample stand: how many, and its first and last word.
fn densest(text: &Text, places: &[Place], shingles: usize) -> Option<(usize, usize, usize)> {
    // Names of holders and notes between paragraphs make it longer than the original.
    let reach = text.words + text.words / 4 + 40;
    let mut counts = vec![0u32; shingles];
    let (mut start, mut different) = (0, 0);
    let mut best: Option<(usize, usize, usize)> = None;
    for (end, place) in places.iter().enumerate() {
        let count = counts.get_mut(place.shingle as usize)?;
        different += usize::from(*count == 0);
        *count += 1;
        while let Some(oldest) = places.get(start).filter(|p| p.word + reach < place.word) {
            let count = counts.get_mut(oldest.shingle as usize)?;
            *count -= 1;
            different -= usize::from(*count == 0);
            start += 1;
        }
        if best.is_none_or(|(most, _, _)| different > most) {
            best = Some((different, start, end));
        }
    }
    let (most, start, end) = best?;
    Some((most, places.get(start)?.word as usize, places.get(end)?.word as usize + SHINGLE - 1))
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
