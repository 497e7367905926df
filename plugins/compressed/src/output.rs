//! The child that the unpacked bytes go to, and the measure of how much came out of how little.

use modelaudit_plugin::{ChildWriter, Finding, Severity, Sink, clip, escape};
use modelaudit_rules::files::S410;

use crate::stop::Stop;

/// Output below this is never called a bomb: any machine has room for it, and a small model of zeros packs 1000:1.
pub const BOMB_FLOOR: u64 = 32 << 20;

/// Output per byte of input above which [`BOMB_FLOOR`] counts. Weights pack at most 4:1, text 30:1, half-empty embeddings 100:1.
pub const BOMB_RATIO: u64 = 200;

/// Where unpacked bytes go: one child, made with its first byte, so that an empty stream has none.
pub struct Output<'a> {
    /// The sink of the scan.
    pub sink: &'a mut dyn Sink,
    name: String,
    hint: &'static str,
    child: Option<Box<dyn ChildWriter>>,
    written: u64,
    refused: bool,
}

impl<'a> Output<'a> {
    /// An output whose child will have this name and format hint.
    pub fn new(sink: &'a mut dyn Sink, name: String, hint: &'static str) -> Self {
        Self { sink, name, hint, child: None, written: 0, refused: false }
    }

    /// Bytes written so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Appends bytes; `position` is how far the input was read.
    ///
    /// # Errors
    /// The host's budget is spent.
    pub fn write(&mut self, bytes: &[u8], position: u64) -> Result<(), Stop> {
        if bytes.is_empty() {
            return Ok(());
        }
        if self.child.is_none() {
            self.child = Some(self.sink.child(&self.name, self.hint));
        }
        if !self.child.as_mut().is_some_and(|child| child.write(bytes)) {
            self.refused = true;
            return Err(Stop::Budget);
        }
        self.written = self.written.saturating_add(bytes.len() as u64);
        self.sink.progress(position);
        Ok(())
    }

    /// Hands the child over and reports a bomb; `consumed` is how much of the input it came from.
    pub fn finish(mut self, what: &str, consumed: u64) {
        if let Some(child) = self.child.take() {
            child.finish();
        }
        let ratio = self.written / consumed.max(1);
        let bomb = self.written > BOMB_FLOOR && ratio > BOMB_RATIO;
        if !bomb && !self.refused {
            return;
        }
        // A budget that ran out at an ordinary ratio says that the file is large, not that it is hostile.
        let severity = if ratio > BOMB_RATIO / 2 { Severity::Warning } else { Severity::Info };
        let more = if self.refused { " and would go on: the budget for unpacked bytes is spent" } else { "" };
        let message =
            format!("{consumed} bytes of {what} data unpack to {} bytes, {ratio} times as much{more}", self.written);
        let finding = Finding::new(&S410, message)
            .severity(severity)
            .at(0, consumed)
            .detail("unpacked_bytes", self.written.to_string())
            .detail("packed_bytes", consumed.to_string())
            .detail("ratio", ratio.to_string());
        self.sink.finding(finding);
    }
}

/// The name of the child: the file's base name without the codec's suffix (`suffixes`: suffix and what stands for it), else
/// with `.unpacked` behind it.
pub fn child_name(name: &str, suffixes: &[(&str, &str)]) -> String {
    let base = name.rsplit('/').next().unwrap_or(name);
    let lower = base.to_ascii_lowercase();
    let stem = suffixes.iter().find_map(|(suffix, instead)| {
        let cut = lower.strip_suffix(suffix).filter(|stem| !stem.is_empty())?.len();
        Some(format!("{}{instead}", base.get(..cut)?))
    });
    clip(&escape(&stem.unwrap_or_else(|| format!("{base}.unpacked"))), 1000)
}

#[cfg(test)]
mod tests {
    use super::child_name;

    #[test]
    fn the_suffix_goes_and_a_foreign_name_stays() {
        let gzip = &[(".tgz", ".tar"), (".gz", "")];
        assert_eq!(child_name("a/model.pkl.GZ", gzip), "model.pkl");
        assert_eq!(child_name("a/b.tgz", gzip), "b.tar");
        assert_eq!(child_name("model.joblib", gzip), "model.joblib.unpacked");
        assert_eq!(child_name("a/.gz", gzip), ".gz.unpacked");
        assert_eq!(child_name("\u{130}.gz", gzip), "\u{130}");
        assert_eq!(child_name("a\x1b.gz", gzip), "a\\x1b");
    }
}
