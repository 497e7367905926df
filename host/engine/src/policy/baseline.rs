//! Known findings: a file that lists them, so that only new ones count. It is written sorted and without times, so that equal findings
//! give equal bytes and a change of it can be reviewed line by line.

use std::collections::HashSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::model::{Acceptance, ScanReport, Severity};

/// Version of the file's form.
const VERSION: u64 = 1;

/// The findings of a baseline, for reading.
#[derive(Debug)]
pub struct Baseline {
    fingerprints: HashSet<String>,
}

/// A baseline as it is written.
#[derive(Debug, Serialize, Deserialize)]
pub struct BaselineFile {
    /// Version of the form, and what shows that this is a baseline.
    modelaudit_baseline: u64,
    /// Sorted by place, then rule, then fingerprint.
    findings: Vec<Entry>,
}

/// A finding that was known. Only the fingerprint is compared; the rest is for whoever reviews the file.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    fingerprint: String,
    #[serde(default)]
    rule: String,
    #[serde(default)]
    severity: String,
    #[serde(default)]
    location: String,
    #[serde(default)]
    message: String,
}

impl Baseline {
    /// Reads a baseline.
    ///
    /// # Errors
    /// The file can't be read, or is no baseline, in one line.
    pub fn read(path: &Path) -> Result<Self, String> {
        let say =
            |what: String| format!("can't use the baseline {}: {what}", crate::text::name(&path.to_string_lossy()));
        let text = std::fs::read_to_string(path).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => say("there is no such file; --write-baseline makes one".to_owned()),
            _ => say(e.to_string()),
        })?;
        Self::parse(&text).map_err(say)
    }

    fn parse(text: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Head {
            modelaudit_baseline: u64,
        }
        let head: Head = serde_json::from_str(text).map_err(|e| format!("it is no baseline of modelaudit: {e}"))?;
        if head.modelaudit_baseline != VERSION {
            let version = head.modelaudit_baseline;
            return Err(format!("it has form {version}, this modelaudit knows {VERSION}; write it anew"));
        }
        let file: BaselineFile = serde_json::from_str(text).map_err(|e| format!("it is damaged: {e}"))?;
        Ok(Self { fingerprints: file.findings.into_iter().map(|e| e.fingerprint).collect() })
    }

    /// True if it lists that finding.
    pub fn knows(&self, fingerprint: &str) -> bool {
        self.fingerprints.contains(fingerprint)
    }
}

/// The baseline of a report: every finding that would make a scan fail, at warning and above or at what `--fail-on` says, but for
/// those which a suppression accepts and those in files that could not be hashed. What an earlier baseline knew and is still there stays in.
pub fn of(report: &ScanReport) -> BaselineFile {
    let least = report.policy.fail_on.min(Severity::Warning);
    let mut findings: Vec<Entry> = report
        .files
        .iter()
        .flat_map(|f| f.findings())
        .filter(|(artifact, f)| f.severity >= least && artifact.sha256.is_some())
        .filter(|(_, f)| !matches!(f.ruling.accepted, Some(Acceptance::Suppression { .. })))
        .map(|(artifact, finding)| Entry {
            fingerprint: finding.fingerprint.clone(),
            rule: report.rules[finding.rule].id.clone(),
            severity: finding.severity.word().to_owned(),
            location: artifact.location(),
            message: finding.message.clone(),
        })
        .collect();
    // Files with the same bytes share their findings.
    let key = |e: &Entry| (e.location.clone(), e.rule.clone(), e.fingerprint.clone());
    findings.sort_by_cached_key(key);
    let mut seen = HashSet::new();
    findings.retain(|e| seen.insert(e.fingerprint.clone()));
    BaselineFile { modelaudit_baseline: VERSION, findings }
}

impl BaselineFile {
    /// How many findings it lists.
    pub fn len(&self) -> usize {
        self.findings.len()
    }

    /// True if it lists none.
    pub fn is_empty(&self) -> bool {
        self.findings.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_baselines_are_read() {
        let good = r#"{"modelaudit_baseline": 1, "findings": [{"fingerprint": "ab"}]}"#;
        let baseline = Baseline::parse(good).unwrap();
        assert!(baseline.knows("ab") && !baseline.knows("cd"));
        for (text, why) in [
            ("{}", "no baseline"),
            ("[]", "no baseline"),
            ("", "no baseline"),
            (r#"{"modelaudit_baseline": 2, "findings": []}"#, "has form 2"),
            (r#"{"modelaudit_baseline": 1}"#, "damaged"),
        ] {
            assert!(Baseline::parse(text).unwrap_err().contains(why), "{text}");
        }
        assert!(Baseline::read(Path::new("/nosuch")).unwrap_err().contains("--write-baseline"));
    }
}
