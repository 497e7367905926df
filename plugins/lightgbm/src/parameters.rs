//! Parameters of the training that name files or machines, and what is in them.

use modelaudit_metadata_text::{finding, judge, label};
use modelaudit_paths::{Parents, Root, classify};
use modelaudit_plugin::{Finding, Severity, Sink, Span, quote};
use modelaudit_rules::deployment::S1173;
use modelaudit_rules::frameworks::tensorflow_ops::sensitive;

/// What LightGBM does with what a parameter names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    /// Data to train with: paths of any kind are everyday.
    Data,
    /// Reads the file.
    Reads,
    /// Writes the file.
    Writes,
    /// Talks to the machines.
    Machines,
}

/// Parameters and their aliases (docs/Parameters.rst).
const PARAMETERS: &[(&str, Use)] = &[
    ("data", Use::Data),
    ("train", Use::Data),
    ("train_data", Use::Data),
    ("train_data_file", Use::Data),
    ("data_filename", Use::Data),
    ("valid", Use::Data),
    ("test", Use::Data),
    ("valid_data", Use::Data),
    ("valid_data_file", Use::Data),
    ("test_data", Use::Data),
    ("test_data_file", Use::Data),
    ("valid_filenames", Use::Data),
    ("initscore_filename", Use::Data),
    ("valid_data_initscores", Use::Data),
    ("config", Use::Reads),
    ("config_file", Use::Reads),
    ("input_model", Use::Reads),
    ("model_input", Use::Reads),
    ("model_in", Use::Reads),
    ("forcedsplits_filename", Use::Reads),
    ("fs", Use::Reads),
    ("forced_splits_filename", Use::Reads),
    ("forced_splits_file", Use::Reads),
    ("forced_splits", Use::Reads),
    ("forcedbins_filename", Use::Reads),
    ("parser_config_file", Use::Reads),
    ("machine_list_filename", Use::Reads),
    ("machine_list_file", Use::Reads),
    ("machine_list", Use::Reads),
    ("mlist", Use::Reads),
    ("output_model", Use::Writes),
    ("model_output", Use::Writes),
    ("model_out", Use::Writes),
    ("output_result", Use::Writes),
    ("predict_result", Use::Writes),
    ("prediction_result", Use::Writes),
    ("convert_model", Use::Writes),
    ("convert_model_file", Use::Writes),
    ("machines", Use::Machines),
    ("workers", Use::Machines),
    ("nodes", Use::Machines),
];

/// Findings of one model.
const MOST: usize = 20;

/// Judges parameters and other texts, and keeps count.
#[derive(Default)]
pub struct Judge {
    findings: usize,
}

impl Judge {
    /// Judges a parameter with its value.
    pub fn parameter(&mut self, key: &str, value: &str, at: Span, sink: &mut dyn Sink) {
        if value.is_empty() {
            return;
        }
        let known = PARAMETERS.iter().find(|(name, _)| *name == key);
        if let Some((_, purpose)) = known {
            let paths = value.split(',').map(str::trim).filter(|path| !path.is_empty());
            let worst = paths.filter_map(|path| grade(*purpose, path)).max_by_key(|(severity, ..)| *severity);
            if let Some((severity, path, what)) = worst {
                let message = format!("the parameter {} names {}, which {what}", quote(key), quote(path));
                let found = Finding::new(&S1173, message).severity(severity).at(at.offset, at.length);
                self.report(found.element(label(key)).detail("value", label(value)), sink);
                return;
            }
        }
        self.text(&format!("the parameter {}", quote(key)), value, at, sink);
    }

    /// Judges any other text.
    pub fn text(&mut self, place: &str, text: &str, at: Span, sink: &mut dyn Sink) {
        if let Some(found) = judge(text) {
            self.report(finding(place, &found).at(at.offset, at.length), sink);
        }
    }

    /// How many there were.
    pub fn count(&self) -> usize {
        self.findings
    }

    fn report(&mut self, finding: Finding, sink: &mut dyn Sink) {
        self.findings += 1;
        if self.findings <= MOST {
            sink.finding(finding);
        } else if self.findings == MOST + 1 {
            sink.log("more texts of that kind are not reported");
        }
    }
}

/// How bad it is that the parameter names this, and why, to follow the path.
fn grade(purpose: Use, path: &str) -> Option<(Severity, &str, &'static str)> {
    if purpose == Use::Machines {
        return Some((Severity::Info, path, "LightGBM calls when the training goes on"));
    }
    let class = classify(path.as_bytes());
    if sensitive(path) {
        return Some((Severity::Warning, path, "is a file of the system or of its user's accounts"));
    }
    if class.nul || class.control || class.bidi {
        return Some((Severity::Warning, path, "holds characters that no path has"));
    }
    if purpose == Use::Data {
        return None;
    }
    if matches!(class.root, Root::Unc | Root::Url | Root::DeviceNamespace) || class.parents == Parents::Outside {
        return Some((Severity::Warning, path, class.reason()));
    }
    // People train as root, and keep data under /var.
    let theirs = |folder| matches!(folder, "/root" | "/var" | "/run" | "/private/var" | "c:/programdata");
    if purpose == Use::Writes && class.system_folder.is_some_and(|folder| !theirs(folder)) {
        return Some((Severity::Warning, path, "is written into a folder of the system"));
    }
    class.escapes().then(|| (Severity::Info, path, class.reason()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_graded() {
        let severity = |purpose, path| grade(purpose, path).map(|(severity, ..)| severity);
        assert_eq!(severity(Use::Data, "/home/me/train.csv"), None);
        assert_eq!(severity(Use::Data, "../../data/binary.train"), None);
        assert_eq!(severity(Use::Data, "hdfs://cluster/train"), None);
        assert_eq!(severity(Use::Data, "/etc/shadow"), Some(Severity::Warning));
        assert_eq!(severity(Use::Reads, "forced.json"), None);
        assert_eq!(severity(Use::Reads, "/home/me/forced.json"), Some(Severity::Info));
        assert_eq!(severity(Use::Reads, "../../x.json"), Some(Severity::Warning));
        assert_eq!(severity(Use::Reads, "https://evil.example/x"), Some(Severity::Warning));
        assert_eq!(severity(Use::Writes, "LightGBM_model.txt"), None);
        assert_eq!(severity(Use::Writes, "/home/me/.ssh/authorized_keys"), Some(Severity::Warning));
        assert_eq!(severity(Use::Writes, "/usr/bin/model"), Some(Severity::Warning));
        assert_eq!(severity(Use::Machines, "10.0.0.1:12400"), Some(Severity::Info));
    }
}
