//! ini and TOML by the line: `key = value`. What matters of them (indexes of packages, callables, commands) stands on one line; the
//! structure around it decides nothing.

use modelaudit_plugin::{Artifact, Finding, Sink, Span};
use modelaudit_rules::policy::S1015;

use crate::packages;
use crate::walk::{Scalar, Walk};

/// Bytes read.
const LONGEST: u64 = 8 << 20;

/// Keys whose value is an index of packages besides those that say so in every format: uv's, Poetry's and Pipenv's sources write
/// `url` in a section of that name.
const INDEX_KEYS: &[(&str, &str)] = &[("url", "source"), ("url", "index")];

/// Scans the lines of a file.
pub(crate) fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    let Some((text, cut)) = crate::text(artifact, LONGEST) else {
        return Err("the configuration is not UTF-8 text".to_owned());
    };
    let mut walk = Walk::new(artifact);
    let mut section = String::new();
    let mut offset = 0u64;
    walk.begin(false, 0, sink);
    for line in text.split_inclusive('\n') {
        let start = offset;
        offset += line.len() as u64;
        let line = line.trim_end();
        if let Some(name) = line.trim_start().strip_prefix('[') {
            section = name.trim_matches(['[', ']', ' ']).to_ascii_lowercase();
            // A new section may say the same keys again.
            walk.end(start, sink);
            walk.begin(false, start, sink);
            continue;
        }
        let Some((key, value)) = line.split_once('=').or_else(|| line.split_once(':')) else { continue };
        let key = key.trim().trim_matches(['"', '\'']);
        if key.is_empty() || key.starts_with(['#', ';']) {
            continue;
        }
        let at = Span::new(start, line.len() as u64);
        let value = value.trim().trim_matches(['"', '\'', ',']);
        let is_index = INDEX_KEYS.iter().any(|(k, s)| *k == key && section.ends_with(s));
        if is_index && packages::requirement(&format!("--index-url {value}")).is_some() {
            let message = format!(
                "packages come from another index: {}",
                modelaudit_plugin::quote(crate::redaction::redacted(value).as_ref())
            );
            walk.report(Finding::new(&S1015, message).at(at.offset, at.length).element(key), sink);
            continue;
        }
        walk.key(key, at, sink);
        walk.scalar(Scalar::Text(value, false), at, sink);
    }
    walk.finish(sink);
    if cut { Err(format!("only the first {LONGEST} bytes of the configuration were read")) } else { Ok(()) }
}
