//! The tables that `build.rs` makes.

use crate::class::Class;

/// A licence by its other names.
pub struct Named {
    /// SPDX identifier, or the hub's name of a licence that SPDX does not list.
    pub id: &'static str,
    /// Class; None: SPDX knows the identifier.
    pub class: Option<Class>,
    /// Full name; empty if SPDX has it.
    pub title: &'static str,
    /// Other spellings, as hashes of words.
    pub spellings: &'static [&'static [u32]],
    /// Phrases that open its text or apply it to a file, as hashes of words.
    pub phrases: &'static [&'static [u32]],
}

/// The text of a licence, as a sample of its shingles.
pub struct Text {
    /// SPDX identifier.
    pub id: &'static str,
    /// Words of the text.
    pub words: u32,
    /// Shingles in the sample.
    pub sample: u32,
}

include!(concat!(env!("OUT_DIR"), "/tables.rs"));
