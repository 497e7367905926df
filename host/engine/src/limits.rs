//! What a scan may cost. Every limit that is hit is shown in the report as *incomplete*.

use std::time::Duration;

use serde::Serialize;

/// Budgets of a scan. Sizes are in bytes.
#[derive(Clone, Debug, Serialize)]
pub struct Limits {
    /// Levels of nesting: a file is level 0, its members level 1. Whole top-level file.
    pub depth: usize,
    /// Embedded and unpacked parts of a top-level file.
    pub children: usize,
    /// Bytes unpacked out of a top-level file.
    pub unpacked: u64,
    /// Unpacked bytes per byte of the file, once `ratio_floor` was unpacked.
    pub ratio: u64,
    /// Bytes that may be unpacked whatever the ratio.
    pub ratio_floor: u64,
    /// Unpacked bytes of a file kept in memory; more goes to an unlinked temporary file.
    pub spool_memory: u64,
    /// Wall-clock time for a top-level file. A backstop: fuel ends a runaway plugin long before, and equally on every machine.
    pub timeout: Duration,
    /// Findings of one plugin about one artifact.
    pub findings: usize,
    /// Log lines of one plugin about one artifact.
    pub log_lines: usize,
    /// Facts of one plugin about one artifact.
    pub facts: usize,
    /// Tensors of one plugin about one artifact.
    pub tensors: usize,
    /// Length of a text that a plugin hands over.
    pub text: usize,
    /// Linear memory of a plugin instance.
    pub memory: usize,
    /// Stack of WebAssembly code.
    pub wasm_stack: usize,
    /// Fuel (about one per instruction) that a scan starts with.
    pub fuel: u64,
    /// Fuel added for each byte that is read for the first time or unpacked.
    pub fuel_per_byte: u64,
    /// Bytes that the host reads, searches or hashes for a plugin, as a multiple of the artifact's size ...
    pub native_work: u64,
    /// ... on top of this many.
    pub native_work_floor: u64,
    /// Size of a plugin component.
    pub component: u64,
    /// Files larger than this are not scanned; None for no limit.
    pub file_size: Option<u64>,
    /// No more files are scanned once their sizes add up to this; None for no limit.
    pub total_size: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 10,
            children: 100_000,
            unpacked: 64 << 30,
            ratio: 1000,
            ratio_floor: 64 << 20,
            spool_memory: 64 << 20,
            timeout: Duration::from_secs(3600),
            findings: 10_000,
            log_lines: 100,
            facts: 1000,
            tensors: 1_000_000,
            text: 16 << 10,
            memory: 256 << 20,
            wasm_stack: 1 << 20,
            fuel: 4_000_000_000,
            fuel_per_byte: 1000,
            native_work: 64,
            native_work_floor: 64 << 20,
            component: 64 << 20,
            file_size: None,
            total_size: None,
        }
    }
}

impl Limits {
    /// Bytes that may be unpacked out of a file of `size` bytes.
    pub fn unpacked_of(&self, size: u64) -> u64 {
        self.unpacked.min(size.saturating_mul(self.ratio).max(self.ratio_floor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_file_may_unpack_the_floor_and_a_large_one_its_ratio() {
        let limits = Limits::default();
        assert_eq!(limits.unpacked_of(100), 64 << 20);
        assert_eq!(limits.unpacked_of(1 << 20), 1000 << 20);
        assert_eq!(limits.unpacked_of(u64::MAX), 64 << 30);
    }
}
