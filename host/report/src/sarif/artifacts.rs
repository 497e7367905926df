//! Files and what is nested in them.

use std::collections::BTreeMap;
use std::path::Path;

use modelaudit_engine::model::{FileReport, ScanReport};
use serde::Serialize;

use super::{BASE, Message};
use crate::place::printable;
use crate::tree::{offsets, parents};
use crate::uri::{self, Uri};

/// Where an artifact is.
#[derive(Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Location {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri_base_id: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<Message>,
}

impl Location {
    /// A file by its path, relative if it is below the working directory.
    pub fn of(path: &str, folder: Option<&Path>) -> Self {
        if path == "-" {
            return Self { description: Some(Message::new("standard input")), ..Self::default() };
        }
        match uri::of_file(path, folder) {
            Uri::Below(uri) => Self { uri: Some(uri), uri_base_id: folder.map(|_| BASE), ..Self::default() },
            Uri::Absolute(uri) => Self { uri: Some(uri), ..Self::default() },
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Artifact<'a> {
    location: Location,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_index: Option<usize>,
    /// First byte in the parent, if its bytes are the parent's.
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    length: u64,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    hashes: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    roles: Vec<&'static str>,
    properties: Properties<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Properties<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<modelaudit_engine::model::Verdict>,
    formats: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    duplicate_of: Option<String>,
}

/// All artifacts of the log.
pub struct Files<'a> {
    /// Files and their parts, in the order of the report.
    pub artifacts: Vec<Artifact<'a>>,
    /// A file each, in the order of the report.
    pub files: Vec<FilePlace>,
}

/// What the results need to know of a file.
pub struct FilePlace {
    /// With the index of its artifact.
    pub location: Location,
    /// Of each of its artifacts: where its first byte is in the file.
    pub offsets: Vec<Option<u64>>,
    /// Index of the file's first artifact; the others follow it.
    pub first: usize,
}

impl<'a> Files<'a> {
    pub fn of(report: &'a ScanReport, folder: Option<&Path>) -> Self {
        let mut files = Self { artifacts: Vec::new(), files: Vec::new() };
        for file in &report.files {
            files.push(file, folder);
        }
        files
    }

    fn push(&mut self, file: &'a FileReport, folder: Option<&Path>) {
        let first = self.artifacts.len();
        let parents = parents(file);
        let mut location = Location::of(&file.path, folder);
        for (artifact, parent) in file.artifacts.iter().zip(&parents) {
            let nested = artifact.path.last().filter(|_| parent.is_some());
            self.artifacts.push(Artifact {
                location: match nested {
                    None => location.clone(),
                    Some(name) => Location { uri: Some(member_uri(name)), ..Location::default() },
                },
                parent_index: parent.map(|parent| first + parent),
                offset: parent.and(artifact.view).map(|view| view.offset),
                length: artifact.size,
                hashes: artifact.sha256.map(|hash| ("sha-256", crate::hex(&hash))).into_iter().collect(),
                roles: if nested.is_none() { vec!["analysisTarget"] } else { vec![] },
                properties: Properties {
                    verdict: nested.is_none().then(|| file.verdict()),
                    formats: &artifact.formats,
                    duplicate_of: file
                        .duplicate_of
                        .as_deref()
                        .filter(|_| nested.is_none())
                        .map(|p| printable(p).into_owned()),
                },
            });
        }
        location.index = Some(first).filter(|_| !file.artifacts.is_empty());
        self.files.push(FilePlace { location, offsets: offsets(file, &parents), first });
    }
}

/// The URI of a member in its container starts with a slash, as in the standard's example of nested files (section 3.24.10).
fn member_uri(name: &str) -> String {
    format!("/{}", uri::of_name(name.trim_start_matches('/')))
}
