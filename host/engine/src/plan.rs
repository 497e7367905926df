//! What a scan would do: the files it would look at and who claims them. Nothing is scanned: only the first bytes of each file are read,
//! and the plugins without a magic are asked whether a file is theirs.

use serde::Serialize;

use crate::identify::identify;
use crate::model::ScanError;
use crate::scanner::Scanner;
use crate::spool::SpoolMemory;
use crate::targets::{Target, find};

/// What a scan would do.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// Files in order of their paths.
    pub files: Vec<PlannedFile>,
    /// What could not be scanned.
    pub errors: Vec<ScanError>,
    /// What the policy leaves out; folders have a slash at their end.
    pub excluded: Vec<String>,
    /// Names of the analysers that look into every file.
    pub analysers: Vec<String>,
    /// Names of the plugins that are switched off.
    pub not_run: Vec<String>,
    /// True if standard input was named: it is not read.
    pub standard_input: bool,
}

/// A file that would be scanned.
#[derive(Clone, Debug, Serialize)]
pub struct PlannedFile {
    /// Path as the user would type it.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
    /// Ids of the formats that claim it; empty if none does, so that only analysers would look.
    pub formats: Vec<String>,
    /// Names of the scanners that would run.
    pub scanners: Vec<String>,
    /// Names of the scanners that claim it and are switched off: it would be incomplete.
    pub switched_off: Vec<String>,
    /// True if only its name says what it is.
    pub by_name: bool,
}

impl Scanner {
    /// Finds what the targets name and identifies it. Parts of files are not known before a scan.
    pub fn plan(&self, targets: &[Target]) -> Plan {
        let on_disk: Vec<Target> = targets.iter().filter(|t| **t != Target::Stdin).cloned().collect();
        let (found, mut errors, excluded) = find(&on_disk, &SpoolMemory::new(0), &self.policy);
        let found = self.within_limits(found, &mut errors);
        let mut files = Vec::with_capacity(found.len());
        for file in found {
            let identified = file
                .open()
                .and_then(|bytes| identify(&self.engine, &self.limits, &self.plugins, bytes.as_ref(), &file.name, ""));
            let claims = match identified {
                Ok((claims, gaps)) => {
                    errors.extend(gaps.into_iter().map(|gap| ScanError {
                        path: file.display.clone(),
                        message: format!("{}: {}", gap.plugin, gap.reason),
                    }));
                    claims
                }
                Err(e) => {
                    errors.push(ScanError { path: file.display, message: format!("can't be opened: {e}") });
                    continue;
                }
            };
            let names = |off: bool| {
                let claimed = claims.iter().map(|c| &self.plugins[c.plugin]).filter(|p| p.off == off);
                let mut names: Vec<String> = claimed.map(|p| p.manifest.name.clone()).collect();
                names.dedup();
                names
            };
            files.push(PlannedFile {
                size: file.size,
                scanners: names(false),
                switched_off: names(true),
                by_name: !claims.is_empty() && claims.iter().all(|c| c.by_name),
                formats: claims.into_iter().map(|c| c.format).collect(),
                path: file.display,
            });
        }
        let analysers = self.plugins.iter().filter(|p| p.manifest.formats.is_empty() && !p.off);
        Plan {
            files,
            errors,
            excluded,
            analysers: analysers.map(|p| p.manifest.name.clone()).collect(),
            not_run: self.policy.off().to_vec(),
            standard_input: on_disk.len() < targets.len(),
        }
    }
}
