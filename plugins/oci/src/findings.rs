//! Findings up to a limit.

use modelaudit_plugin::{Finding, Sink};
use modelaudit_rules::containers::S1190;

/// Findings that are shown; a manifest of four megabytes could make a hundred thousand.
const MOST: u64 = 200;

/// Passes findings on.
pub struct Findings<'s> {
    /// Where everything else goes.
    pub sink: &'s mut dyn Sink,
    reported: u64,
}

impl<'s> Findings<'s> {
    /// None yet.
    pub fn new(sink: &'s mut dyn Sink) -> Self {
        Self { sink, reported: 0 }
    }

    /// One more.
    pub fn add(&mut self, finding: Finding) {
        self.reported += 1;
        if self.reported <= MOST {
            self.sink.finding(finding);
        }
    }

    /// One finding for those beyond the limit.
    pub fn finish(self) {
        if let Some(more @ 1..) = self.reported.checked_sub(MOST) {
            self.sink.finding(Finding::new(&S1190, format!("{more} more findings of this document are not shown")));
        }
    }
}
