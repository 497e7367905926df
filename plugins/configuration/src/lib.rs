//! Scans the configurations that travel with models: JSON, YAML, ini and TOML, dependency lists, path configuration files.
//!
//! A configuration runs nothing, but it decides what its reader runs: `auto_map` names Python files of the repository, Hydra's
//! `_target_` any callable of the machine, a YAML tag an object to build, a requirement a package to install. So documents are read
//! as a stream with the path of keys (`json`, `yaml`), each value is held against what its key means to a loader (`walk`), and
//! chat templates are handed on. Files of any size are read in constant memory; what belongs to other formats is passed over in silence.

mod callables;
mod commands;
mod comments;
mod components;
mod dockerfile;
mod ini;
mod interpolation;
mod json;
mod modelfile;
mod packages;
mod path_file;
mod redaction;
mod remote_code;
mod settings;
mod tags;
mod triton;
mod walk;
mod yaml;

use modelaudit_plugin::{Artifact, Format, Manifest, Plugin, Sink};
use modelaudit_rules::configuration::{S1030, S1031, S1032, S1033};
use modelaudit_rules::policy::{S1012, S1013, S1014, S1015, S1017, S1018, S1019};
use modelaudit_rules::programs_in_models::S1184;
use modelaudit_rules::structure::{S904, S910};

/// The plugin.
pub struct Configuration;

impl Plugin for Configuration {
    fn describe() -> Manifest {
        Manifest {
            name: "configuration",
            version: env!("CARGO_PKG_VERSION"),
            summary: "JSON, YAML, ini and TOML configurations, Triton's, Modelfiles, Dockerfiles, requirements, .pth path files",
            homepage: "https://github.com/modelaudit/modelaudit",
            formats: vec![
                Format::new("json-config", "JSON document")
                    .extensions(&["json", "jsonl", "ipynb", "jsonc", "json5"])
                    .first_characters(b"{["),
                Format::new("yaml-config", "YAML document")
                    .extensions(&["yaml", "yml"])
                    .file_names(&["mlmodel"])
                    .begins_as_text(),
                Format::new("ini-config", "ini or TOML configuration")
                    .extensions(&["ini", "cfg", "conf", "toml"])
                    .file_names(&["pipfile", "pip.conf"])
                    .begins_as_text(),
                Format::new("requirements", "Python requirements").file_names(packages::FILE_NAMES).begins_as_text(),
                Format::new("triton-config", "Triton model configuration")
                    .file_names(&["config.pbtxt"])
                    .begins_as_text(),
                Format::new("modelfile", "Ollama Modelfile").file_names(&["modelfile"]).begins_as_text(),
                Format::new("dockerfile", "Dockerfile").file_names(&["dockerfile", "containerfile"]).begins_as_text(),
                Format::new("python-path", "Python path configuration").extensions(&["pth"]).begins_as_text(),
            ],
            anchors: vec![],
            rules: vec![S904, S910, S1012, S1013, S1014, S1015, S1017, S1018, S1019, S1030, S1031, S1032, S1033, S1184],
        }
    }

    fn probe(head: &[u8], _size: u64) -> Vec<String> {
        let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
        let mut found = Vec::new();
        if head.contains(&0) {
            return found;
        }
        if json::looks_like_json(head) {
            found.push("json-config".to_owned());
        } else if yaml::looks_telling(head) {
            found.push("yaml-config".to_owned());
        } else if modelfile::looks_like_modelfile(head) {
            found.push("modelfile".to_owned());
        } else if dockerfile::looks_like_dockerfile(head) {
            found.push("dockerfile".to_owned());
        } else if triton::looks_like_triton(head) {
            found.push("triton-config".to_owned());
        } else if packages::looks_like_requirements(head) {
            found.push("requirements".to_owned());
        }
        found
    }

    fn scan(artifact: &dyn Artifact, format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        match format {
            "yaml-config" => yaml::scan(artifact, sink),
            "ini-config" => ini::scan(artifact, sink),
            "requirements" => packages::scan(artifact, sink),
            "python-path" => path_file::scan(artifact, sink),
            "triton-config" => triton::scan(artifact, sink),
            "modelfile" => modelfile::scan(artifact, sink),
            "dockerfile" => dockerfile::scan(artifact, sink),
            _ => json::scan(artifact, sink),
        }
    }
}

modelaudit_plugin::export!(Configuration);

/// A text file and whether it was longer than what was read of it; None if it is no text at all.
fn text(artifact: &dyn Artifact, limit: u64) -> Option<(String, bool)> {
    let wanted = artifact.size().min(limit);
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < wanted {
        let block = artifact.read(bytes.len() as u64, (wanted - bytes.len() as u64).min(1 << 20) as u32);
        if block.is_empty() {
            break;
        }
        bytes.extend_from_slice(&block);
    }
    let cut = artifact.size() > limit;
    if bytes.get(..bytes.len().min(4096))?.contains(&0) {
        return None;
    }
    match String::from_utf8(bytes) {
        Ok(text) => Some((text, cut)),
        // The limit may have cut a character.
        Err(error) if cut && error.utf8_error().error_len().is_none() => {
            let end = error.utf8_error().valid_up_to();
            let mut bytes = error.into_bytes();
            bytes.truncate(end);
            Some((String::from_utf8(bytes).ok()?, true))
        }
        Err(_) => None,
    }
}
