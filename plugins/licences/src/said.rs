//! What the words of a file say: whole texts of licences, the sentences that apply one to a file, titles of model licences, and
//! sentences of a card about the model.

use modelaudit_plugin::Span;

use crate::declared::{Declared, Source};
use crate::expression::Terms;
use crate::fingerprints::find;
use crate::identifiers::{by_id, by_words, named};
use crate::tables::NAMED;
use crate::text::Text;
use crate::words::{Word, phrase, words};

/// Words at the beginning of a file among which a notice or a title stands.
const HEAD_WORDS: usize = 400;
/// Bytes that hold so many words, where nothing else is looked for.
const HEAD_BYTES: usize = 4096;
/// Words from "the model" to "licensed under".
const SENTENCE: usize = 14;
/// Sentences of a card that are looked at.
const MOST_SENTENCES: usize = 8;

fn place(words: &[Word], first: usize, last: usize) -> Span {
    let start = words.get(first).map_or(0, |w| u64::from(w.start));
    let end = words.get(last).map_or(start, |w| u64::from(w.end));
    Span::new(start, end.saturating_sub(start))
}

/// Texts and notices. `texts`: whether the text of a licence may stand in it.
pub fn texts_and_notices(text: &Text, texts: bool) -> Vec<Declared> {
    let all = texts || text.is_licence_file;
    let words =
        words(text.bytes.get(..text.bytes.len().min(if all { usize::MAX } else { HEAD_BYTES })).unwrap_or_default());
    let matches = if texts { find(&words) } else { Vec::new() };
    let mut found: Vec<Declared> = Vec::new();
    let inside = |at: usize| matches.iter().any(|m| (m.first..=m.last).contains(&at));
    for known in &matches {
        let Some(licence) = by_id(known.id) else { continue };
        if !found.iter().any(|d| d.terms.expression == licence.id) {
            let at = place(&words, known.first, known.last);
            found.push(Declared { source: Source::Text, terms: Terms::one(licence), at });
        }
    }
    let until = if text.is_licence_file { words.len() } else { words.len().min(HEAD_WORDS) };
    let hashes: Vec<u32> = words.iter().map(|w| w.hash).collect();
    let mut at = 0;
    while at < until {
        // The longest phrase counts: "bigcode open rail m v1 license agreement" before "bigcode open rail m".
        let rest = hashes.get(at..).unwrap_or_default();
        let best = NAMED
            .iter()
            .flat_map(|n| n.phrases.iter().map(move |p| (n, *p)))
            .filter(|(_, p)| rest.first() == p.first() && rest.starts_with(p))
            .max_by_key(|(_, p)| p.len());
        let Some((row, words_of_it)) = best else {
            at += 1;
            continue;
        };
        // The appendix of the GPL quotes the notice, and the end of one text may name another.
        let licence = named(row);
        if !inside(at) && !found.iter().any(|d| covers(&d.terms.expression, &licence.id)) {
            let at = place(&words, at, at + words_of_it.len() - 1);
            found.push(Declared { source: Source::Notice, terms: Terms::one(licence), at });
        }
        at += words_of_it.len();
    }
    found
}

/// True if a text that was found says what a notice would: `GPL-3.0-only` stands for the text of both.
fn covers(found: &str, notice: &str) -> bool {
    let base = |id: &str| id.trim_end_matches("-only").trim_end_matches("-or-later").to_owned();
    found == notice || base(found) == base(notice)
}

/// "This model is released under the CC BY-NC 4.0 license": what the body of a card says of the model itself. Code and data have
/// licences of their own, so sentences about them do not count.
pub fn statements(body: &[u8], shift: u64) -> Vec<Declared> {
    let words = words(body);
    let hash = |word: &str| phrase(word).first().copied().unwrap_or_default();
    let subjects = ["model", "models", "weights", "checkpoint", "checkpoints"].map(hash);
    let verbs = ["licensed", "released", "distributed", "available", "license", "provided", "shared"].map(hash);
    let others =
        ["code", "codebase", "repository", "dataset", "data", "base", "not", "based", "library", "source"].map(hash);
    let (under, articles) = (hash("under"), ["the", "a", "an", "its"].map(hash));
    let ends_sentence = |a: &Word, b: &Word| {
        let between = body.get(a.end as usize..b.start as usize).unwrap_or_default();
        between.windows(2).any(|w| w == b"\n\n") || (between.starts_with(b".") && between.len() > 1)
    };
    let mut found: Vec<Declared> = Vec::new();
    let mut looked = 0;
    for (at, word) in words.iter().enumerate() {
        if word.hash != under || looked == MOST_SENTENCES {
            continue;
        }
        let mut start = at;
        while start > 0
            && at - start < SENTENCE
            && words.get(start - 1..=start).is_some_and(|w| !ends_sentence(&w[0], &w[1]))
        {
            start -= 1;
        }
        let before = words.get(start..at).unwrap_or_default();
        let has = |list: &[u32]| before.iter().any(|w| list.contains(&w.hash));
        if !has(&subjects) || !has(&verbs) || has(&others) {
            continue;
        }
        looked += 1;
        let articles = words.iter().skip(at + 1).take_while(|w| articles.contains(&w.hash)).count();
        let first = at + 1 + articles;
        let hashes: Vec<u32> = words.iter().skip(first).take(9).map(|w| w.hash).collect();
        let known = (1..=hashes.len()).rev().find_map(|n| Some((n, by_words(hashes.get(..n)?)?)));
        if let Some((length, known)) = known {
            let last = first + length - 1;
            let mut place = place(&words, start, last);
            place.offset += shift;
            found.push(Declared { source: Source::Statement, terms: Terms::one(known), at: place });
        }
    }
    found
}
