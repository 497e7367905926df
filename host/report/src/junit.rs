//! The report as JUnit XML: a suite a file, a case a finding, so that continuous integration shows them in its list of tests.
//!
//! What makes the exit code 1 is a failure, what makes it 2 an error, what the policy accepts is skipped, everything else passes. A
//! file of which there is nothing to say is one case that passes.

use std::io::{self, Write};

use modelaudit_engine::model::{ArtifactReport, FileReport, Finding, ScanReport, Severity, Verdict};
use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use crate::place::{clipped, location, printable};
use crate::time::utc;
use crate::traces::{acceptance, traces};
use crate::{Summary, plugin_of, rule_of};

/// What is in the JUnit report.
#[derive(Clone, Copy, Debug, Default)]
pub struct JunitOptions {
    /// With debug findings.
    pub verbose: bool,
}

/// Longest name; in characters.
const NAME: usize = 300;
/// Longest text.
const TEXT: usize = 2000;

/// Writes the report.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &ScanReport, options: &JunitOptions, out: &mut dyn Write) -> io::Result<()> {
    let mut junit = Report::new("modelaudit");
    junit.set_timestamp(utc(report.started));
    junit.set_time(report.duration);
    junit.add_test_suite(whole(report));
    for file in &report.files {
        junit.add_test_suite(suite(report, file, options));
    }
    junit.serialize(&mut *out).map_err(io::Error::other)?;
    out.write_all(b"\n")
}

fn name(text: &str) -> String {
    clipped(text, NAME).into_owned()
}

/// The scan as a suite: its verdict and traces as properties, and what could not be scanned.
fn whole(report: &ScanReport) -> TestSuite {
    let summary = Summary::of(report);
    let mut suite = TestSuite::new("modelaudit");
    suite.add_property(("version", crate::VERSION));
    suite.add_property(("verdict", summary.verdict().word()));
    suite.add_property(Property::new("exit_code", report.exit_code().to_string()));
    for trace in traces(report) {
        suite.add_property(Property::new(trace.subject.id(), clipped(&trace.text, TEXT)));
    }
    for error in &report.errors {
        suite.add_test_case(case("not scanned", &error.path, NonSuccessKind::Error, "not-scanned", &error.message, ""));
    }
    if report.files.is_empty() && report.errors.is_empty() {
        suite.add_test_case(case("not scanned", "", NonSuccessKind::Error, "not-scanned", "no file was found", ""));
    }
    suite
}

fn suite(report: &ScanReport, file: &FileReport, options: &JunitOptions) -> TestSuite {
    let mut suite = TestSuite::new(name(&file.path));
    suite.add_property(("verdict", file.verdict().word()));
    if let Some(hash) = file.artifacts.first().and_then(|a| a.sha256) {
        suite.add_property(Property::new("sha256", crate::hex(&hash)));
    }
    for (artifact, finding) in file.findings().filter(|(_, f)| options.verbose || f.severity > Severity::Debug) {
        suite.add_test_case(finding_case(report, artifact, finding));
    }
    for (artifact, gap) in file.gaps() {
        let what = format!("{}: {}", gap.plugin, gap.reason);
        suite.add_test_case(case("incomplete", &artifact.location(), NonSuccessKind::Error, "incomplete", &what, ""));
    }
    let unknown = file.verdict() == Verdict::Unrecognised;
    if unknown && file.named {
        let what = "no format claims the file: only the analysers looked";
        suite.add_test_case(case("unrecognised", &file.path, NonSuccessKind::Error, "unrecognised", what, ""));
    }
    if suite.test_cases.is_empty() {
        let mut passed = TestCase::new(if unknown { "unrecognised" } else { "clean" }, TestCaseStatus::success());
        passed.set_classname(name(&file.path));
        suite.add_test_case(passed);
    }
    suite
}

fn case(what: &str, place: &str, kind: NonSuccessKind, r#type: &str, message: &str, text: &str) -> TestCase {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(clipped(message, TEXT)).set_type(name(r#type));
    if !text.is_empty() {
        status.set_description(text);
    }
    let mut case = TestCase::new(name(what), status);
    case.set_classname(name(place));
    case
}

fn finding_case(report: &ScanReport, artifact: &ArtifactReport, finding: &Finding) -> TestCase {
    let (rule, plugin) = (rule_of(report, finding), plugin_of(report, finding));
    let title = format!("{} {}", rule.id, rule.title);
    let place = location(artifact, finding.at);
    let text = format!(
        "{}\nat {}\nwhy: {}\ndo: {}",
        clipped(&finding.message, TEXT),
        clipped(&place, TEXT),
        printable(&rule.why),
        printable(&rule.remedy)
    );
    let mut case = if let Some(reason) = acceptance(finding) {
        let mut status = TestCaseStatus::skipped();
        status.set_message(clipped(&reason, TEXT)).set_description(text);
        TestCase::new(name(&title), status)
    } else if finding.severity >= report.policy.fail_on {
        self::case(&title, "", NonSuccessKind::Failure, finding.severity.word(), &finding.message, &text)
    } else {
        let mut case = TestCase::new(name(&title), TestCaseStatus::success());
        case.set_system_out(text);
        case
    };
    case.set_classname(name(&artifact.location()));
    case.add_property(("severity", finding.severity.word()));
    case.add_property(Property::new("plugin", name(&plugin.name)));
    case.add_property(("fingerprint", finding.fingerprint.as_str()));
    if let Some(severity) = finding.ruling.original_severity {
        case.add_property(("original_severity", severity.word()));
    }
    case
}

#[cfg(test)]
mod tests;
