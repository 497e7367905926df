//! What a document type declares, and what its entities would expand to.

use std::collections::HashMap;

/// Entities that are kept; a document that declares more is an attack or no model.
pub(crate) const MOST_ENTITIES: usize = 4096;
/// Different entities that one may refer to.
pub(crate) const MOST_REFERENCES: usize = 64;
/// Rounds of working out sizes: chains of references that are longer count as endless.
const ROUNDS: usize = 64;

/// An entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    /// Its name.
    pub name: String,
    /// For use inside the document type only (`%name;`).
    pub parameter: bool,
    /// Where its text stands, if it is elsewhere: a URI.
    pub external: Option<String>,
    /// Bytes of its text, without the references.
    pub literal: u64,
    /// The entities its text refers to, and how often.
    pub references: Vec<(String, u64)>,
    /// Offset of the declaration.
    pub at: u64,
}

/// A document type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Doctype {
    /// The root element that it is for.
    pub name: String,
    /// Where a part of it stands, if it is elsewhere: a URI.
    pub external: Option<String>,
    /// Its entities.
    pub entities: Vec<Entity>,
    /// True if there are more than were kept.
    pub more: bool,
    /// Offset of `<!DOCTYPE`.
    pub at: u64,
    /// Bytes up to and with `>`.
    pub length: u64,
    /// Bytes of each entity when it is expanded; `u64::MAX` if it refers to itself.
    pub(crate) expanded: HashMap<String, u64>,
}

impl Doctype {
    /// Bytes that the entity expands to; none for one that is not declared.
    pub fn expanded(&self, name: &str) -> u64 {
        self.expanded.get(name).copied().unwrap_or(0)
    }

    /// The entity that expands furthest, and to what.
    pub fn largest(&self) -> Option<(&str, u64)> {
        let name = self.entities.iter().map(|e| e.name.as_str()).max_by_key(|n| self.expanded(n))?;
        Some((name, self.expanded(name)))
    }

    /// Works out what every entity expands to, without expanding one.
    pub(crate) fn measure(&mut self) {
        let mut sizes: HashMap<String, u64> = HashMap::new();
        for round in 0..=ROUNDS {
            let mut changed = false;
            for entity in &self.entities {
                let inner = entity.references.iter().fold(0u64, |sum, (name, count)| {
                    sum.saturating_add(sizes.get(name).copied().unwrap_or(0).saturating_mul(*count))
                });
                let size = entity.literal.saturating_add(inner);
                let old = sizes.entry(entity.name.clone()).or_insert(0);
                // What still grows after so many rounds refers to itself.
                let size = if round == ROUNDS && size > *old { u64::MAX } else { size };
                // The first declaration of a name counts (XML 1.0, 4.2), the larger is the safer guess.
                if size > *old {
                    *old = size;
                    changed = true;
                }
            }
            if !changed {
                break;
            }
        }
        // An entity without text that refers to itself grows not, and yet it is endless.
        for entity in &self.entities {
            if entity.references.iter().any(|(name, _)| *name == entity.name) {
                sizes.insert(entity.name.clone(), u64::MAX);
            }
        }
        self.expanded = sizes;
    }
}
