//! The progress bar: on standard error, only for a person, only when the wait is long enough to wonder.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use modelaudit_engine::Progress;
use modelaudit_report::place::clipped;

/// Shorter scans show no bar.
const PATIENCE: Duration = Duration::from_millis(500);
/// Characters of a path that fit beside the bar.
const NAME: usize = 40;

/// A bar over the bytes of all files.
pub struct Bar {
    bar: ProgressBar,
    started: Instant,
    shown: OnceLock<()>,
}

impl Bar {
    /// A bar that shows itself when it is time to.
    pub fn new() -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden());
        let style = ProgressStyle::with_template("{bar:24} {binary_bytes} of {binary_total_bytes}, {eta} left  {msg}");
        // The template is ours; should it ever be wrong, indicatif's own will do.
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, started: Instant::now(), shown: OnceLock::new() }
    }

    /// Takes the bar off the screen.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for Bar {
    fn found(&self, _files: u64, bytes: u64) {
        self.bar.set_length(bytes);
    }

    fn advance(&self, bytes: u64) {
        self.bar.inc(bytes);
        if self.shown.get().is_none() && self.started.elapsed() > PATIENCE {
            self.shown.get_or_init(|| self.bar.set_draw_target(ProgressDrawTarget::stderr()));
        }
    }

    fn finished(&self, path: &str) {
        if self.shown.get().is_some() {
            self.bar.set_message(clipped(path, NAME).into_owned());
        }
    }
}
