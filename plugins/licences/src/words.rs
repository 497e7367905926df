//! A text as words, so that line breaks, comment marks, quotes and case do not matter. `build.rs` takes this file in, too: the tables
//! and the texts that are held against them are cut in the same way.

/// Words of a shingle: long enough that two licences share one only where they share a sentence.
pub const SHINGLE: usize = 5;

/// A word and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    /// Hash of its lower-case letters.
    pub hash: u32,
    /// First byte.
    pub start: u32,
    /// The byte after its last.
    pub end: u32,
}

/// Cuts a text of at most 4 GiB, in any encoding that keeps ASCII, into words: runs of letters and digits, with the plus signs behind them (`GPLv2+`, `RAIL++`). "Licence" is read as "license"; `http` and `https` are left
/// out, for addresses are written with both.
pub fn words(text: impl AsRef<[u8]>) -> Vec<Word> {
    let mut words = Vec::new();
    let mut start = None;
    let bytes = text.as_ref();
    for at in 0..=bytes.len() {
        let inside =
            bytes.get(at).is_some_and(|b| b.is_ascii_alphanumeric() || *b >= 0x80 || (*b == b'+' && start.is_some()));
        match (inside, start) {
            (true, None) => start = Some(at),
            (false, Some(first)) => {
                let word = bytes.get(first..at).unwrap_or_default();
                if !word.eq_ignore_ascii_case(b"http") && !word.eq_ignore_ascii_case(b"https") {
                    words.push(Word { hash: hash_word(word), start: first as u32, end: at as u32 });
                }
                start = None;
            }
            _ => {}
        }
    }
    words
}

/// Hashes of a phrase's words.
pub fn phrase(text: &str) -> Vec<u32> {
    words(text).iter().map(|w| w.hash).collect()
}

/// Hash of the words from one on; None near the end.
pub fn shingle(words: &[u32]) -> Option<u32> {
    words.get(..SHINGLE).map(|words| words.iter().fold(0x811c_9dc5, |hash, word| mix(hash, *word)))
}

fn hash_word(word: &[u8]) -> u32 {
    let fnv = |bytes: &mut dyn Iterator<Item = u8>| {
        bytes.fold(0x811c_9dc5u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
    };
    let lower = |b: &u8| b.to_ascii_lowercase();
    if word.len() >= 7 && word.get(..6).is_some_and(|w| w.eq_ignore_ascii_case(b"licenc")) {
        let mut spelled = b"licens".iter().chain(word.get(6..).unwrap_or_default()).map(lower);
        return fnv(&mut spelled);
    }
    fnv(&mut word.iter().map(lower))
}

fn mix(hash: u32, word: u32) -> u32 {
    let mixed = (hash.rotate_left(7) ^ word).wrapping_mul(0x9e37_79b1);
    mixed ^ (mixed >> 15)
}
