//! What is known of models beside findings: `modelaudit metadata` as a table, JSON or YAML.
//!
//! Facts and tensors are what the plugins named while they scanned; nothing is loaded for it. A part of a file (a member, an embedded
//! configuration) is shown if a plugin named a fact or a tensor of it.

use std::collections::BTreeMap;
use std::io::{self, Write};

use modelaudit_engine::model::{ArtifactReport, FileReport, ScanReport, Severity, Tensor, Verdict};
use serde::Serialize;
use serde_json::Value;

use crate::amount::{count, size};
use crate::facts::plain;
use crate::place::{clipped, location, printable};
use crate::tensors::parameters;
use crate::{hex, json, rule_of};

/// A way to write metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// For reading.
    Table,
    /// For programs.
    Json,
    /// For configurations and for reading.
    Yaml,
}

/// How it is written.
#[derive(Clone, Copy, Debug)]
pub struct MetadataOptions {
    /// The form.
    pub form: Form,
    /// Only what says which code is in the model or is asked for by it, where it comes from, its licence, and the findings.
    pub security_only: bool,
    /// Name each tensor, not only their sums.
    pub tensors: bool,
}

/// Facts that matter for security: what runs, what is fetched or opened, who made it, on which terms.
const SECURITY: &[&str] = &[
    "architecture",
    "architectures",
    "author",
    "classes",
    "copyright",
    "custom_operators",
    "delegates",
    "external_data",
    "format_version",
    "framework",
    "instantiated",
    "keras_objects",
    "keras_version",
    "latest_checkpoint",
    "license",
    "licenses",
    "license_class",
    "license_source",
    "methods",
    "model_name",
    "nemo_artifacts",
    "nemo_target",
    "operators",
    "opsets",
    "pickle_globals",
    "pickle_protocol",
    "pickle_weights_only",
    "pointer_oid",
    "producer",
    "producer_version",
    "signatures",
];

/// Parts of a file in a table; JSON and YAML show all.
const PARTS: usize = 20;
/// Characters of a value in a table.
const VALUE: usize = 300;

#[derive(Serialize)]
struct Document<'a> {
    files: Vec<File<'a>>,
    errors: Vec<Error<'a>>,
    summary: Summary<'a>,
}

#[derive(Serialize)]
struct Error<'a> {
    path: &'a str,
    message: &'a str,
}

#[derive(Serialize)]
struct Summary<'a> {
    total_files: usize,
    total_size: u64,
    total_parameters: u64,
    formats: BTreeMap<&'a str, u64>,
}

#[derive(Serialize)]
struct File<'a> {
    file: &'a str,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    formats: &'a [String],
    verdict: Verdict,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<&'a str, &'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tensors: Option<Tensors<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<Part<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<Finding<'a>>,
}

#[derive(Serialize)]
struct Part<'a> {
    path: &'a [String],
    size: u64,
    formats: &'a [String],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<&'a str, &'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tensors: Option<Tensors<'a>>,
}

#[derive(Serialize)]
struct Tensors<'a> {
    count: usize,
    /// Elements of all tensors.
    parameters: u64,
    /// Bytes of all tensors.
    bytes: u64,
    /// Tensors of each element type.
    dtypes: BTreeMap<&'a str, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    list: Option<&'a [Tensor]>,
}

#[derive(Serialize)]
struct Finding<'a> {
    rule: &'a str,
    severity: Severity,
    message: &'a str,
    location: String,
}

/// Writes what is known of the files of a report.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &ScanReport, options: &MetadataOptions, out: &mut dyn Write) -> io::Result<()> {
    let document = document(report, options);
    match options.form {
        Form::Table => table(&document, out),
        Form::Json => json::pretty(&document, out),
        Form::Yaml => yaml(&document, out),
    }
}

fn document<'a>(report: &'a ScanReport, options: &MetadataOptions) -> Document<'a> {
    let files: Vec<File<'a>> = report.files.iter().map(|f| file(report, f, options)).collect();
    let mut formats = BTreeMap::new();
    for kind in report.files.iter().flat_map(|f| f.artifacts.first()) {
        *formats.entry(kind.formats.first().map_or("unknown", String::as_str)).or_insert(0) += 1;
    }
    let all = report.files.iter().flat_map(|f| &f.artifacts);
    Document {
        summary: Summary {
            total_files: files.len(),
            total_size: report.files.iter().fold(0, |sum, f| sum.saturating_add(f.size)),
            total_parameters: all.fold(0, |sum, a| sum.saturating_add(parameters(&a.tensors))),
            formats,
        },
        files,
        errors: report.errors.iter().map(|e| Error { path: &e.path, message: &e.message }).collect(),
    }
}

fn file<'a>(report: &'a ScanReport, file: &'a FileReport, options: &MetadataOptions) -> File<'a> {
    let root = file.artifacts.first();
    let part = |artifact: &'a ArtifactReport| Part {
        path: artifact.path.get(1..).unwrap_or_default(),
        size: artifact.size,
        formats: &artifact.formats,
        metadata: metadata(artifact, options),
        tensors: tensors(artifact, options),
    };
    let findings = file.findings().filter(|(_, f)| options.security_only && f.severity >= Severity::Info);
    File {
        file: &file.path,
        size: file.size,
        sha256: root.and_then(|a| a.sha256).map(|hash| hex(&hash)),
        formats: root.map_or(&[], |a| &a.formats),
        verdict: file.verdict(),
        metadata: root.map(|a| metadata(a, options)).unwrap_or_default(),
        tensors: root.and_then(|a| tensors(a, options)),
        parts: file
            .artifacts
            .iter()
            .skip(1)
            .map(part)
            .filter(|p| !p.metadata.is_empty() || p.tensors.is_some())
            .collect(),
        findings: findings
            .map(|(artifact, f)| Finding {
                rule: &rule_of(report, f).id,
                severity: f.severity,
                message: &f.message,
                location: location(artifact, f.at),
            })
            .collect(),
    }
}

fn metadata<'a>(artifact: &'a ArtifactReport, options: &MetadataOptions) -> BTreeMap<&'a str, &'a Value> {
    let wanted = |key: &str| !options.security_only || SECURITY.contains(&key);
    artifact.facts.iter().filter(|(key, _)| wanted(key)).map(|(key, value)| (key.as_str(), value)).collect()
}

fn tensors<'a>(artifact: &'a ArtifactReport, options: &MetadataOptions) -> Option<Tensors<'a>> {
    if artifact.tensors.is_empty() || options.security_only {
        return None;
    }
    let mut dtypes = BTreeMap::new();
    for tensor in &artifact.tensors {
        *dtypes.entry(tensor.dtype.as_str()).or_insert(0) += 1;
    }
    Some(Tensors {
        count: artifact.tensors.len(),
        parameters: parameters(&artifact.tensors),
        bytes: artifact.tensors.iter().fold(0, |sum, t| sum.saturating_add(t.at.length)),
        dtypes,
        list: options.tensors.then_some(artifact.tensors.as_slice()),
    })
}

/// YAML by way of JSON's data model; control characters and what a terminal acts on are escaped as in all reports.
fn yaml(document: &Document<'_>, out: &mut dyn Write) -> io::Result<()> {
    let text = serde_saphyr::to_string(document).map_err(io::Error::other)?;
    for line in text.lines() {
        writeln!(out, "{}", printable(line))?;
    }
    Ok(())
}

fn table(document: &Document<'_>, out: &mut dyn Write) -> io::Result<()> {
    for (number, file) in document.files.iter().enumerate() {
        if number > 0 {
            writeln!(out)?;
        }
        writeln!(out, "{}", printable(file.file))?;
        row(out, 1, "format", &names(file.formats))?;
        let exact = if file.size < 1024 { String::new() } else { format!(" ({} bytes)", file.size) };
        row(out, 1, "size", &(size(file.size) + &exact))?;
        if let Some(sha256) = &file.sha256 {
            row(out, 1, "sha256", sha256)?;
        }
        row(out, 1, "verdict", file.verdict.word())?;
        facts(out, 1, &file.metadata, file.tensors.as_ref())?;
        for part in file.parts.iter().take(PARTS) {
            writeln!(out, "  {}", clipped(&part.path.join(":"), VALUE))?;
            row(out, 2, "format", &names(part.formats))?;
            row(out, 2, "size", &size(part.size))?;
            facts(out, 2, &part.metadata, part.tensors.as_ref())?;
        }
        if file.parts.len() > PARTS {
            let more = count((file.parts.len() - PARTS) as u64, "more part");
            writeln!(out, "  ... and {more}: --format json shows all")?;
        }
        for finding in &file.findings {
            let text = format!("{} {}", finding.rule, finding.message);
            row(out, 1, finding.severity.word(), &text)?;
        }
    }
    if document.files.len() > 1 {
        let summary = &document.summary;
        let kinds: Vec<String> = summary.formats.iter().map(|(kind, n)| format!("{kind} {n}")).collect();
        let parameters = match summary.total_parameters {
            0 => String::new(),
            n => format!(", {}", count(n, "parameter")),
        };
        let files = count(summary.total_files as u64, "file");
        writeln!(out, "\n{files}, {}{parameters}: {}", size(summary.total_size), printable(&kinds.join(", ")))?;
    }
    Ok(())
}

fn names(formats: &[String]) -> String {
    if formats.is_empty() { "unknown".to_owned() } else { formats.join(", ") }
}

fn facts(
    out: &mut dyn Write,
    level: usize,
    metadata: &BTreeMap<&str, &Value>,
    tensors: Option<&Tensors<'_>>,
) -> io::Result<()> {
    for (key, value) in metadata {
        let value = plain(value);
        if !value.is_empty() {
            row(out, level, &key.replace('_', " "), &value)?;
        }
    }
    let Some(tensors) = tensors else { return Ok(()) };
    let kinds: Vec<String> = tensors.dtypes.iter().map(|(dtype, n)| format!("{dtype} {n}")).collect();
    let sums =
        [count(tensors.count as u64, "tensor"), count(tensors.parameters, "parameter"), size(tensors.bytes)].join(", ");
    row(out, level, "tensors", &format!("{sums}: {}", kinds.join(", ")))?;
    for tensor in tensors.list.unwrap_or_default() {
        let shape: Vec<String> = tensor.shape.iter().map(u64::to_string).collect();
        row(out, level + 1, &tensor.name, &format!("{} [{}]", tensor.dtype, shape.join(", ")))?;
    }
    Ok(())
}

fn row(out: &mut dyn Write, level: usize, key: &str, value: &str) -> io::Result<()> {
    let key = clipped(key, VALUE);
    writeln!(out, "{:indent$}{key:<20}  {}", "", clipped(value, VALUE), indent = 2 * level)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    fn written(report: &ScanReport, form: Form, security_only: bool) -> String {
        let mut out = Vec::new();
        write(report, &MetadataOptions { form, security_only, tensors: true }, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn parameters_are_counted_and_parts_with_facts_shown() {
        let report = samples::report(vec![samples::warning()], false);
        let json: Value = serde_json::from_str(&written(&report, Form::Json, false)).unwrap();
        assert_eq!(json["files"][0]["tensors"]["parameters"], 6);
        assert_eq!(json["files"][0]["tensors"]["list"][0]["name"], "w");
        assert_eq!(json["files"][0]["parts"][0]["path"][0], "data.pkl");
        assert_eq!(json["summary"]["total_parameters"], 6);
        let table = written(&report, Form::Table, false);
        assert!(table.contains("1 tensor, 6 parameters, 24 bytes: f32 1"), "{table}");
        assert!(!table.contains("imports a class"), "findings are scan's business: {table}");
    }

    #[test]
    fn security_only_leaves_numbers_out_and_shows_findings() {
        let report = samples::report(vec![samples::warning()], false);
        let json: Value = serde_json::from_str(&written(&report, Form::Json, true)).unwrap();
        assert!(json["files"][0].get("tensors").is_none(), "{json}");
        assert_eq!(json["files"][0]["findings"][0]["rule"], "ACME-001");
    }

    #[test]
    fn yaml_says_what_json_says() {
        let report = samples::everything();
        let json: Value = serde_json::from_str(&written(&report, Form::Json, false)).unwrap();
        let yaml: Value = serde_saphyr::from_str(&written(&report, Form::Yaml, false)).unwrap();
        assert_eq!(json, yaml);
    }

    #[test]
    fn hostile_texts_are_harmless_in_every_form() {
        let report = samples::report(vec![samples::hostile()], false);
        for form in [Form::Table, Form::Json, Form::Yaml] {
            let text = written(&report, form, false);
            assert!(!text.chars().any(|c| c != '\n' && crate::place::is_unsafe(c)), "{form:?}: {text:?}");
        }
    }
}
