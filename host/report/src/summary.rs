//! What all formats agree on: the counts and the verdict of the whole scan.

use modelaudit_engine::model::{FileReport, ScanReport, Severity, Verdict};

/// Counts of a scan and its verdict. Every report takes them from here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Files scanned.
    pub files: u64,
    /// Their sizes added up, in bytes.
    pub bytes: u64,
    /// Files that ended in each verdict, in the order of [`Verdict`].
    verdicts: [u64; 6],
    /// Findings of each severity, in the order of [`Severity`].
    findings: [u64; 4],
    /// Findings that the policy accepts, whatever their severity; they are in no other number.
    pub accepted: u64,
    /// Paths that could not be scanned, plugins that could not be loaded.
    pub errors: u64,
    /// Files that could only be scanned in part, whatever was found in the rest.
    pub partial: u64,
    /// Files that the user named and no format claims.
    pub named_unrecognised: u64,
}

impl Summary {
    /// Counts the report once.
    pub fn of(report: &ScanReport) -> Self {
        let mut summary =
            Self { files: report.files.len() as u64, errors: report.errors.len() as u64, ..Self::default() };
        for file in &report.files {
            let verdict = file.verdict();
            summary.bytes = summary.bytes.saturating_add(file.size);
            summary.verdicts[verdict as usize] += 1;
            summary.partial += u64::from(file.gaps().next().is_some());
            summary.named_unrecognised += u64::from(verdict == Verdict::Unrecognised && file.named);
            for (_, finding) in file.findings() {
                if finding.counts() {
                    summary.findings[finding.severity as usize] += 1;
                } else {
                    summary.accepted += 1;
                }
            }
        }
        summary
    }

    /// How many files ended like that.
    pub fn verdicts(&self, verdict: Verdict) -> u64 {
        self.verdicts[verdict as usize]
    }

    /// How many findings have that severity.
    pub fn findings(&self, severity: Severity) -> u64 {
        self.findings[severity as usize]
    }

    /// The verdict of the whole scan, in step with [`ScanReport::exit_code`]: `Clean` is 0, `Warning` and `Critical` are 1, the others
    /// are 2. `Incomplete` says that something should have been looked at and was not, `Unrecognised` that there was
    /// nothing to understand (or that a file the user named is of no known format).
    pub fn verdict(&self) -> Verdict {
        if self.verdicts(Verdict::Critical) > 0 {
            Verdict::Critical
        } else if self.verdicts(Verdict::Warning) > 0 {
            Verdict::Warning
        } else if self.verdicts(Verdict::Incomplete) > 0 || self.errors > 0 {
            Verdict::Incomplete
        } else if self.verdicts(Verdict::Accepted) > 0 && self.named_unrecognised == 0 {
            Verdict::Accepted
        } else if self.named_unrecognised > 0 || self.verdicts(Verdict::Clean) == 0 {
            Verdict::Unrecognised
        } else {
            Verdict::Clean
        }
    }

    /// True if everything that should be looked at was: no errors, no gaps, something understood. Findings do not make it false.
    pub fn complete(&self) -> bool {
        self.errors == 0 && self.partial == 0 && !matches!(self.verdict(), Verdict::Unrecognised | Verdict::Incomplete)
    }

    /// The name of the only file, if there is exactly one and nothing else to speak of.
    pub(crate) fn only<'a>(&self, report: &'a ScanReport) -> Option<&'a FileReport> {
        match report.files.as_slice() {
            [file] if report.errors.is_empty() => Some(file),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn the_verdict_agrees_with_the_exit_code_for_every_mix() {
        let kinds = [
            samples::clean(),
            samples::unrecognised(false),
            samples::unrecognised(true),
            samples::gap(),
            samples::info(),
        ];
        let loud = [samples::warning(), samples::critical()];
        let all: Vec<_> = kinds.into_iter().chain(loud).collect();
        for mask in 0..1_u32 << all.len() {
            for errors in [false, true] {
                let files = (0..all.len()).filter(|i| mask >> i & 1 == 1).map(|i| all[i].clone()).collect();
                let report = samples::report(files, errors);
                let expected = match report.exit_code() {
                    0 => &[Verdict::Clean][..],
                    1 => &[Verdict::Warning, Verdict::Critical],
                    _ => &[Verdict::Incomplete, Verdict::Unrecognised],
                };
                let summary = Summary::of(&report);
                assert!(expected.contains(&summary.verdict()), "{mask:b} {errors}: {summary:?}");
                assert_eq!(summary.findings(Severity::Critical) as usize, report.count(Severity::Critical));
            }
        }
    }
}
