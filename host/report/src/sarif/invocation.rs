//! The run of the tool: how it ended, what was not looked at, what bent the verdict.

use std::path::Path;

use modelaudit_engine::model::{FileReport, ScanReport, Severity};
use serde::Serialize;

use super::Message;
use super::artifacts::{Files, Location};
use crate::Summary;
use crate::time::rfc3339;
use crate::traces::{Subject, traces};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Invocation {
    start_time_utc: String,
    end_time_utc: String,
    exit_code: u8,
    exit_code_description: &'static str,
    execution_successful: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    working_directory: Option<Location>,
    tool_execution_notifications: Vec<Notification>,
    tool_configuration_notifications: Vec<Notification>,
}

#[derive(Serialize)]
struct Notification {
    descriptor: Reference,
    level: &'static str,
    message: Message,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    locations: Vec<Place>,
}

#[derive(Serialize)]
struct Reference {
    id: &'static str,
    index: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    physical_location: Physical,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    artifact_location: Location,
}

/// A kind of notification.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    id: &'static str,
    short_description: Message,
}

const GAP: &str = "incomplete";
const ERROR: &str = "not-scanned";
const UNKNOWN: &str = "unrecognised";

/// Id and meaning of each kind, in the order of the driver's notifications.
const KINDS: [(&str, &str); 7] = [
    (GAP, "a part of a file was not looked at"),
    (ERROR, "a path could not be scanned"),
    (UNKNOWN, "no format claims the file: only the analysers looked"),
    (Subject::Policy.id(), "a setting of the user bends the verdict"),
    (Subject::LeftOut.id(), "something was left out on the user's word"),
    (Subject::MissingShards.id(), "shards of a model are not there"),
    (Subject::Duplicates.id(), "files have the bytes of another"),
];

/// The kinds of notifications that the tool gives.
pub fn descriptors() -> Vec<Descriptor> {
    KINDS.into_iter().map(|(id, text)| Descriptor { id, short_description: Message::new(text) }).collect()
}

fn notification(kind: &str, level: &'static str, text: &str, location: Option<&Location>) -> Notification {
    let index = KINDS.iter().position(|(id, _)| *id == kind).unwrap_or_default();
    Notification {
        descriptor: Reference { id: KINDS[index].0, index },
        level,
        message: Message::new(text),
        locations: location
            .map(|l| Place { physical_location: Physical { artifact_location: l.clone() } })
            .into_iter()
            .collect(),
    }
}

pub fn invocation(report: &ScanReport, summary: &Summary, files: &Files<'_>, folder: Option<&Path>) -> Invocation {
    let mut execution = Vec::new();
    for (file, place) in report.files.iter().zip(&files.files) {
        for (artifact, gap) in file.gaps() {
            let text = format!("{}: {}: {}", artifact.location(), gap.plugin, gap.reason);
            execution.push(notification(GAP, "warning", &text, Some(&place.location)));
        }
        if file.verdict() == modelaudit_engine::model::Verdict::Unrecognised {
            let level = if file.named { "warning" } else { "note" };
            let text = format!("{}: no format claims the file, only the analysers looked", file.path);
            execution.push(notification(UNKNOWN, level, &text, Some(&place.location)));
        }
    }
    for error in &report.errors {
        let location = Location::of(&error.path, folder);
        let text = format!("{}: {}", error.path, error.message);
        execution.push(notification(ERROR, "error", &text, Some(&location)));
    }
    let mut configuration = Vec::new();
    for trace in traces(report) {
        let (list, level) = match trace.subject {
            Subject::Policy => (&mut configuration, "note"),
            Subject::MissingShards => (&mut execution, "warning"),
            Subject::LeftOut | Subject::Duplicates => (&mut execution, "note"),
        };
        list.push(notification(trace.subject.id(), level, &trace.text, None));
    }
    let exit_code = report.exit_code();
    Invocation {
        start_time_utc: rfc3339(report.started),
        end_time_utc: rfc3339(report.started + report.duration.as_secs_f64()),
        exit_code,
        exit_code_description: exit_text(exit_code, report),
        execution_successful: summary.complete(),
        working_directory: folder
            .map(|folder| Location { uri: Some(crate::uri::of_folder(folder)), ..Location::default() }),
        tool_execution_notifications: execution,
        tool_configuration_notifications: configuration,
    }
}

fn exit_text(code: u8, report: &ScanReport) -> &'static str {
    match (code, report.policy.fail_on) {
        (0, _) if report.files.iter().flat_map(FileReport::findings).any(|(_, f)| f.severity >= Severity::Warning) => {
            "everything was seen; the policy accepts what was found"
        }
        (0, _) => "everything was seen, and nothing at warning or above was found",
        (1, Severity::Critical) => "something critical was found",
        (1, Severity::Warning) => "something at warning or above was found",
        (1, _) => "something was found",
        _ => "not everything was seen, and nothing was found in the rest",
    }
}
