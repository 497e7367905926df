//! `checkpoint`: the text file that says which checkpoint of a folder is the latest.
//!
//! `tf.train.latest_checkpoint` joins what stands here to the folder and restores it (tensorflow/python/checkpoint,
//! `checkpoint_management.py`). Trainers write absolute paths by themselves, so those are everyday; a path that climbs out of the folder, names another
//! machine's share or a file of accounts and keys is not.

use modelaudit_paths::{Parents, Root, classify};
use modelaudit_plugin::{Artifact, Finding, Severity, Sink, Span, clip, escape, quote};
use modelaudit_rules::files::S405;
use modelaudit_rules::frameworks::tensorflow_ops::sensitive;

use crate::text::{Token, Tokens};

/// The largest file; one with ten thousand paths takes some hundred kilobytes.
const LARGEST: u64 = 16 << 20;
/// Findings of one file.
const MOST: usize = 20;
/// The key with which the file begins, and the one for the others.
const LATEST: &str = "model_checkpoint_path";
const ALL: &str = "all_model_checkpoint_paths";

/// True if the text begins with one of the keys and a colon.
pub fn fits(head: &[u8]) -> bool {
    let text = head.trim_ascii_start();
    [LATEST, ALL].iter().any(|key| {
        let rest = text.strip_prefix(key.as_bytes()).map(<[u8]>::trim_ascii_start);
        rest.is_some_and(|rest| rest.starts_with(b":"))
    })
}

/// Scans the file.
pub fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    let Some(bytes) = artifact.read_all(LARGEST) else {
        return Err(format!("the list of checkpoints takes {} bytes, {LARGEST} are read", artifact.size()));
    };
    let mut tokens = Tokens::new(&bytes);
    let (mut key, mut paths, mut findings) = (String::new(), 0u64, 0);
    let mut seen = std::collections::BTreeSet::new();
    while let Some(token) = tokens.next()? {
        match token {
            Token::Word(word) => key = clip(&word, 64),
            Token::Text(path, at) if key == LATEST || key == ALL => {
                paths += 1;
                if key == LATEST {
                    sink.fact_text("latest_checkpoint", &clip(&escape(&String::from_utf8_lossy(&path)), 500));
                }
                if seen.len() < 100_000 && !seen.insert(path.clone()) {
                    continue;
                }
                let class = classify(&path);
                let text = String::from_utf8_lossy(&path).into_owned();
                let elsewhere = class.parents == Parents::Outside
                    || matches!(class.root, Root::Unc | Root::DeviceNamespace)
                    || class.nul
                    || class.control;
                if (elsewhere || sensitive(&text)) && findings < MOST {
                    findings += 1;
                    let why = if class.escapes() { class.reason() } else { "is no place for one" };
                    let message = format!("the checkpoint is restored from {}, which {why}", quote(&path));
                    let finding = Finding::new(&S405, message).severity(Severity::Warning);
                    let at = Span::new(at as u64, 0);
                    sink.finding(finding.at(at.offset, at.length).detail("path", clip(&escape(&text), 512)));
                }
            }
            _ => {}
        }
    }
    sink.fact_text("framework", "tensorflow");
    sink.fact_number("checkpoint_count", paths);
    Ok(())
}
