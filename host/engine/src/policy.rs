//! What the user's rules make of a report: severities changed, findings accepted. Runs over the finished report, so that what was
//! found is the same whatever the policy, and every change leaves its trace in [`Ruling`](crate::model::Ruling) and
//! [`Policy`].

pub mod baseline;
mod licences;
mod path_pattern;
mod rule_pattern;
mod scanners;

use std::collections::HashMap;
use std::path::PathBuf;

use crate::model::{Acceptance, BaselineState, Finding, Policy, Rule, ScanReport, Severity};
use crate::nearest::hint;
use crate::rules::UNREVIEWED;
use baseline::Baseline;
use licences::Licences;
pub use path_pattern::{PathPattern, Place};
pub use rule_pattern::RulePattern;

/// Something the user wrote, and where: `--suppress`, or the path of a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stated {
    /// As it was written.
    pub text: String,
    /// Where it was written.
    pub origin: String,
}

impl Stated {
    /// A text with its origin.
    pub fn new(text: impl Into<String>, origin: impl Into<String>) -> Self {
        Self { text: text.into(), origin: origin.into() }
    }

    fn error(&self, what: impl std::fmt::Display) -> PolicyError {
        PolicyError(format!("{}: {}: {what}", self.origin, self.text))
    }
}

/// What the user asked for. Later entries of a list win over earlier ones, so a configuration file's come first.
#[derive(Clone, Debug)]
pub struct PolicyOptions {
    /// Findings of this severity and above make the exit code 1.
    pub fail_on: Severity,
    /// True to warn of code that nobody reviewed (unknown packages, bytecode, custom classes), which is a fact else.
    pub strict: bool,
    /// True to warn of licences, which are facts else.
    pub strict_license: bool,
    /// `ID=LEVEL`, where `ID` is an SPDX id, a class of licences or a licence rule: what `strict_license` makes of it.
    pub licences: Vec<Stated>,
    /// `RULE` or `RULE@GLOB`.
    pub suppress: Vec<Stated>,
    /// `RULE=LEVEL`.
    pub severity: Vec<Stated>,
    /// Patterns of paths to leave out.
    pub exclude: Vec<Stated>,
    /// Names of the only plugins to run; empty for all.
    pub only: Vec<Stated>,
    /// Names of plugins not to run.
    pub without: Vec<Stated>,
    /// Known findings.
    pub baseline: Option<PathBuf>,
    /// The configuration file that some of this comes from.
    pub config: Option<String>,
}

impl Default for PolicyOptions {
    fn default() -> Self {
        Self {
            fail_on: Severity::Warning,
            strict: false,
            strict_license: false,
            licences: Vec::new(),
            suppress: Vec::new(),
            severity: Vec::new(),
            exclude: Vec::new(),
            only: Vec::new(),
            without: Vec::new(),
            baseline: None,
            config: None,
        }
    }
}

/// What is wrong with a policy, and what to do, in one line.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PolicyError(String);

/// A policy whose every word is known to mean something.
pub struct Ruleset {
    options: PolicyOptions,
    suppress: Vec<Suppression>,
    severity: Vec<Override>,
    exclude: Vec<PathPattern>,
    licences: Licences,
    baseline: Option<Baseline>,
    off: Vec<String>,
}

struct Suppression {
    rules: RulePattern,
    paths: Option<PathPattern>,
    stated: Stated,
}

struct Override {
    rules: RulePattern,
    level: Severity,
}

impl Ruleset {
    /// Checks the user's words against the rules and plugins that there are.
    ///
    /// # Errors
    /// A rule, a plugin, a severity or a pattern that means nothing; a baseline that can't be read.
    pub fn new(options: PolicyOptions, rules: &[Rule], plugins: &[String]) -> Result<Self, PolicyError> {
        let known: Vec<&str> = rules.iter().map(|r| r.id.as_str()).collect();
        let suppress = options.suppress.iter().map(|stated| {
            let (rule, glob) = match stated.text.split_once('@') {
                Some((rule, glob)) => (rule, Some(glob)),
                None => (stated.text.as_str(), None),
            };
            let rules = RulePattern::new(rule, &known).map_err(|e| stated.error(e))?;
            if rules.is_all() && glob.is_none() {
                return Err(stated.error("this accepts everything everywhere; name the files: ALL@GLOB"));
            }
            let paths = glob.map(PathPattern::new).transpose().map_err(|e| stated.error(e))?;
            Ok(Suppression { rules, paths, stated: stated.clone() })
        });
        let suppress = suppress.collect::<Result<_, _>>()?;
        let severity = options.severity.iter().map(|stated| {
            let (rule, level) = stated.text.split_once('=').ok_or_else(|| stated.error("write RULE=LEVEL"))?;
            let rules = RulePattern::new(rule, &known).map_err(|e| stated.error(e))?;
            Ok(Override { rules, level: level_of(level).map_err(|e| stated.error(e))? })
        });
        let severity = severity.collect::<Result<_, _>>()?;
        let exclude = options.exclude.iter().map(|s| PathPattern::new(&s.text).map_err(|e| s.error(e)));
        let exclude = exclude.collect::<Result<_, _>>()?;
        let licences = Licences::new(&options.licences)?;
        let off = scanners::off(&options.only, &options.without, plugins)?;
        let baseline = options.baseline.as_deref().map(Baseline::read).transpose().map_err(PolicyError)?;
        Ok(Self { options, suppress, severity, exclude, licences, baseline, off })
    }

    /// Names of the plugins that are switched off.
    pub fn off(&self) -> &[String] {
        &self.off
    }

    /// True if the user wants this file or folder left out.
    pub fn excludes(&self, place: &Place<'_>) -> bool {
        self.exclude.iter().any(|pattern| pattern.matches(place))
    }

    /// Lays the policy over a finished report. `below` is, for a file in a folder that was named, its path in that folder.
    pub fn apply(&self, report: &mut ScanReport, below: &HashMap<String, String>, excluded: Vec<String>) {
        let rules = &report.rules;
        for file in &mut report.files {
            let place = Place { typed: &file.path, below: below.get(&file.path).map(String::as_str), folder: false };
            for artifact in &mut file.artifacts {
                let hashed = artifact.sha256.is_some();
                for finding in &mut artifact.findings {
                    self.rule_on(finding, &rules[finding.rule].id, &place, hashed);
                }
                crate::collect::sort(&mut artifact.findings);
            }
        }
        report.policy = self.trace(excluded);
    }

    fn rule_on(&self, finding: &mut Finding, id: &str, place: &Place<'_>, hashed: bool) {
        let strict = (self.options.strict && UNREVIEWED.contains(&id)).then_some(Severity::Warning);
        let licence = self.options.strict_license.then(|| self.licences.level(id, &finding.details)).flatten();
        if finding.severity == Severity::Info
            && let Some(level) = strict.or(licence)
        {
            change(finding, level);
        }
        // The narrowest pattern wins, and among equals the last.
        let overriding = self.severity.iter().rev().filter(|o| o.rules.matches(id)).min_by_key(|o| o.rules.width());
        if let Some(Override { level, .. }) = overriding {
            change(finding, *level);
        }
        let accepts = |s: &&Suppression| s.rules.matches(id) && s.paths.as_ref().is_none_or(|p| p.matches(place));
        if let Some(Suppression { stated, .. }) = self.suppress.iter().find(accepts) {
            let [pattern, origin] = [&stated.text, &stated.origin].map(|text| crate::text::name(text));
            finding.ruling.accepted = Some(Acceptance::Suppression { pattern, origin });
        }
        if let Some(baseline) = &self.baseline {
            // Without a hash, fingerprints of different files are equal: nothing is known of such a file.
            let known = hashed && baseline.knows(&finding.fingerprint);
            finding.ruling.baseline = Some(if known { BaselineState::Unchanged } else { BaselineState::New });
            if known && finding.ruling.accepted.is_none() {
                finding.ruling.accepted = Some(Acceptance::Baseline { path: self.baseline_path().unwrap_or_default() });
            }
        }
    }

    fn baseline_path(&self) -> Option<String> {
        self.options.baseline.as_deref().map(|p| crate::text::name(&p.to_string_lossy()))
    }

    fn trace(&self, excluded: Vec<String>) -> Policy {
        let texts = |list: &[Stated]| list.iter().map(|s| crate::text::name(&s.text)).collect();
        Policy {
            fail_on: self.options.fail_on,
            strict: self.options.strict,
            strict_license: self.options.strict_license,
            suppress: texts(&self.options.suppress),
            severity: texts(&self.options.severity),
            not_run: self.off.clone(),
            exclude: texts(&self.options.exclude),
            excluded,
            baseline: self.baseline_path(),
            config: self.options.config.clone(),
        }
    }
}

/// Changes a severity; the first one is remembered.
fn change(finding: &mut Finding, severity: Severity) {
    if finding.severity != severity {
        finding.ruling.original_severity.get_or_insert(finding.severity);
        finding.severity = severity;
    }
}

/// A severity by its word, or by the words of tools that know more levels.
fn level_of(word: &str) -> Result<Severity, String> {
    match word.trim().to_ascii_lowercase().as_str() {
        "critical" | "high" => Ok(Severity::Critical),
        "warning" | "medium" => Ok(Severity::Warning),
        "info" | "low" => Ok(Severity::Info),
        "debug" => Ok(Severity::Debug),
        other => {
            let known = ["critical", "warning", "info", "debug"];
            Err(format!("there is no severity '{other}'{}", hint(other, known, "critical, warning, info or debug")))
        }
    }
}

#[cfg(test)]
mod tests;
