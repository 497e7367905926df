//! The text around a place in binary data, and what of it may be code.

use modelaudit_plugin::Artifact;

/// How far a run is followed on each side ...
const REACH: u64 = 32 << 10;
/// ... once it is known to go on beyond this: most places are a word among bytes.
const NEAR: u64 = 256;

/// A run of printable ASCII with its line feeds and tabs.
pub(crate) struct Run {
    /// Offset of its first byte.
    pub(crate) start: u64,
    /// Its text.
    pub(crate) text: String,
    /// The place in it that announced it.
    anchor: usize,
}

/// The run around an offset.
pub(crate) fn around(artifact: &dyn Artifact, offset: u64) -> Run {
    let near = within(artifact, offset, NEAR);
    let ends = near.start > offset.saturating_sub(NEAR) || near.start == 0;
    if ends && near.end() < offset.saturating_add(NEAR) { near } else { within(artifact, offset, REACH) }
}

/// As much of the run around an offset as lies within a distance of it.
fn within(artifact: &dyn Artifact, offset: u64, reach: u64) -> Run {
    let start = offset.saturating_sub(reach);
    let bytes = artifact.read(start, (2 * reach) as u32);
    let at = usize::try_from(offset - start).unwrap_or(0).min(bytes.len());
    let printable = |b: &u8| matches!(b, b' '..=b'~' | b'\t' | b'\n' | b'\r');
    let from = bytes.get(..at).unwrap_or_default().iter().rposition(|b| !printable(b)).map_or(0, |p| p + 1);
    let to = bytes.get(at..).unwrap_or_default().iter().position(|b| !printable(b)).map_or(bytes.len(), |p| at + p);
    let text = String::from_utf8_lossy(bytes.get(from..to).unwrap_or_default()).into_owned();
    Run { start: start + from as u64, text, anchor: at - from.min(at) }
}

impl Run {
    /// The byte after it.
    pub(crate) fn end(&self) -> u64 {
        self.start + self.text.len() as u64
    }

    /// What of it may be a program: all of it, from its first import or from the place itself, with what may have been glued to
    /// either end by chance cut off; and the string of JSON or of another program that it stands in.
    pub(crate) fn candidates(&self) -> Vec<String> {
        let before = self.text.get(..self.anchor).unwrap_or_default();
        let import = ["import ", "from ", "__import__"].iter().filter_map(|word| before.find(word)).min();
        let mut out: Vec<String> = Vec::new();
        for start in [Some(0), import, Some(self.anchor)].into_iter().flatten() {
            let Some(text) = self.text.get(start..) else { continue };
            let closed = text.rfind([')', '\'', '"']).and_then(|end| text.get(..=end));
            let line = text.rfind('\n').and_then(|end| text.get(..end));
            for candidate in [Some(text), closed, line].into_iter().flatten() {
                let candidate = candidate.trim();
                if !candidate.is_empty() && !out.iter().any(|known| known == candidate) {
                    out.push(candidate.to_owned());
                }
            }
        }
        out.extend(self.quoted());
        out
    }

    /// The text between the double quotes around the place, with its escapes undone.
    fn quoted(&self) -> Option<String> {
        let (before, after) = self.text.split_at_checked(self.anchor)?;
        let open = before.rfind('"').filter(|at| !before.get(..*at).unwrap_or_default().ends_with('\\'))?;
        let mut out = String::new();
        let mut escaped = false;
        for c in before.get(open + 1..)?.chars().chain(after.chars()) {
            match (escaped, c) {
                (false, '\\') => {
                    escaped = true;
                    continue;
                }
                (false, '"') => return (!out.is_empty()).then_some(out),
                (true, 'n') => out.push('\n'),
                (true, 't') => out.push('\t'),
                (_, c) => out.push(c),
            }
            escaped = false;
        }
        None
    }
}
