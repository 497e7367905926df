//! Names that deceive: of files, and of the members of archives.
//!
//! A name is what a person decides by, and many a tool. This analyser is given every artifact and looks at its name: controls and
//! look-alike letters (`modelaudit_deceptive_unicode`), extensions that hide others (`extension`), and extensions that promise another
//! format than the first bytes are (`mismatch`, which is all that it reads). A plain name costs it next to nothing.

mod extension;
mod mismatch;

use modelaudit_deceptive_unicode::{Deception, name, visible};
use modelaudit_plugin::{Artifact, Finding, Manifest, Plugin, Sink, escape};
use modelaudit_rules::encodings::S605;
use modelaudit_rules::identity::S914;
use modelaudit_rules::structure::S901;

/// The analyser.
pub struct Names;

impl Plugin for Names {
    fn describe() -> Manifest {
        Manifest {
            name: "names",
            version: env!("CARGO_PKG_VERSION"),
            summary: "finds names that deceive: look-alike letters, invisible characters, hidden and false extensions",
            homepage: "https://github.com/modelaudit/modelaudit",
            formats: Vec::new(),
            anchors: Vec::new(),
            rules: vec![S605, S901, S914],
        }
    }

    fn scan(artifact: &dyn Artifact, _format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        let full = artifact.name();
        let base = full.rsplit('/').next().unwrap_or_default();
        // The host and the format plugins escape what a terminal would act on; the escape is what stands for the character here.
        let base = unescape(base);
        if let Some(deception) = name(&base) {
            let message = format!("the name '{}' holds {}", shown(&base), escape(&deception.describe()));
            let mut finding = Finding::new(&S605, message).element(shown(&full)).detail("kind", deception.word());
            if let Deception::LookAlike(_, seen) = &deception {
                finding = finding.detail("looks_like", escape(seen));
            }
            sink.finding(finding);
        }
        if let Some(trick) = extension::trick(&base) {
            let message = format!("the name '{}' {}", shown(&base), trick.describe());
            sink.finding(Finding::new(&S914, message).element(shown(&full)).detail("extension", escape(trick.last())));
        }
        mismatch::scan(artifact, &base, sink);
        Ok(())
    }
}

modelaudit_plugin::export!(Names);

/// A name fit for a message: nothing invisible, at most 200 characters.
fn shown(name: &str) -> String {
    escape(&modelaudit_plugin::clip(&visible(name), 200))
}

/// Takes back the escapes that the host puts into names: `\u{202e}` of invisible characters.
fn unescape(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while let Some((head, tail)) = rest.split_once("\\u{") {
        out.push_str(head);
        let code = tail.split_once('}').filter(|(digits, _)| (1..=6).contains(&digits.len()));
        match code.and_then(|(digits, behind)| Some((char::from_u32(u32::from_str_radix(digits, 16).ok()?)?, behind))) {
            Some((c, behind)) => {
                out.push(c);
                rest = behind;
            }
            None => {
                out.push_str("\\u{");
                rest = tail;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_of_the_host_are_taken_back() {
        assert_eq!(unescape("a\\u{202e}b"), "a\u{202e}b");
        for name in ["plain", "a\\u{zz}b", "a\\u{", "a\\u{}b", "a\\u{110000}b", "\\u{d800}"] {
            assert_eq!(unescape(name), name);
        }
    }
}
