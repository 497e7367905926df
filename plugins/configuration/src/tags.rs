//! YAML tags that make a loader build objects (PyYAML's unsafe loaders, HyperPyYAML, SnakeYAML, Ruby's Psych, js-yaml).

use modelaudit_pickle_policy::{Judgement, judge, resolve};
use modelaudit_plugin::{Finding, Severity, clip, escape, quote};
use modelaudit_rules::policy::S1014;

use crate::callables;

/// The prefix that `!!` stands for.
const CORE: &str = "tag:yaml.org,2002:";

/// PyYAML's constructors that take a name (`yaml/constructor.py`), and whether they call it.
const PYTHON: &[(&str, bool)] = &[
    ("python/object/apply:", true),
    ("python/object/new:", true),
    ("python/object:", true),
    ("python/name:", false),
    ("python/module:", false),
];

/// HyperPyYAML's constructors (SpeechBrain's hyperparams.yaml), which stand in every configuration of it: only what they name counts.
const HYPER: &[&str] = &["new:", "apply:", "name:", "module:"];

/// Tags of other languages' loaders by their start.
const OTHERS: &[(&str, Severity, &str)] = &[
    (
        "javax.script.",
        Severity::Critical,
        "SnakeYAML builds a script engine, the known way to load classes from the network",
    ),
    ("java.net.URLClassLoader", Severity::Critical, "SnakeYAML builds a class loader for classes from the network"),
    ("com.sun.rowset.", Severity::Critical, "SnakeYAML builds a JNDI row set, the known way to run code"),
    ("org.springframework.", Severity::Critical, "SnakeYAML builds a Spring bean, the known way to run code"),
    ("java", Severity::Warning, "SnakeYAML builds a Java object"),
    ("js/function", Severity::Critical, "js-yaml makes a function of the text"),
    ("ruby/object:Gem::", Severity::Critical, "Ruby builds an object of RubyGems, the known way to run code"),
    ("ruby/", Severity::Warning, "Ruby builds an object"),
    ("php/object", Severity::Warning, "PHP unserialises an object"),
];

/// Judges a tag, handle and suffix joined.
pub(crate) fn judge_tag(full: &str) -> Option<Finding> {
    let full = decoded(full);
    let core = full.strip_prefix(CORE).or_else(|| full.strip_prefix("!!"));
    let local = core.or_else(|| full.strip_prefix('!')).unwrap_or(&full);
    if let Some((prefix, calls)) = PYTHON.iter().find(|row| local.starts_with(row.0)) {
        return Some(python(prefix, local.get(prefix.len()..).unwrap_or_default(), *calls));
    }
    if let Some(name) = HYPER.iter().find_map(|prefix| local.strip_prefix(prefix)) {
        let (entry, severity, object) = callables::dangerous(name)?;
        return (severity >= Severity::Warning).then(|| {
            Finding::new(&S1014, format!("the tag has HyperPyYAML take {}, which {}", quote(name), entry.why))
                .severity(severity)
                .detail("tag", clip(&escape(&full), 200))
                .detail("callable", clip(&escape(&object), 200))
        });
    }
    let (_, severity, reason) = OTHERS.iter().find(|row| local.starts_with(row.0))?;
    Some(
        Finding::new(&S1014, format!("{reason}: {}", quote(local)))
            .severity(*severity)
            .detail("tag", clip(&escape(&full), 200)),
    )
}

/// A tag of PyYAML that names something.
fn python(prefix: &str, name: &str, calls: bool) -> Finding {
    let kind = prefix.trim_end_matches(':');
    // Without a dot the name is a builtin (`find_python_name`); a module is judged as one.
    let dotted = if name.contains('.') { name.to_owned() } else { format!("builtins.{name}") };
    let worst = if prefix == "python/module:" {
        callables::dangerous(&format!("{name}.x"))
    } else {
        callables::dangerous(&dotted)
    };
    let verb = if calls { "build an object with" } else { "import" };
    let text = |tail: String| format!("the tag '{kind}' has an unsafe loader {verb} {}{tail}", quote(name));
    let finding = match worst {
        Some((entry, severity, object)) if severity >= Severity::Warning => {
            Finding::new(&S1014, text(format!(", which {}", entry.why)))
                .severity(severity)
                .detail("group", entry.group.id())
                .detail("callable", clip(&escape(&object), 200))
        }
        _ => {
            let (module, attribute) = dotted.rsplit_once('.').unwrap_or(("", &dotted));
            let safe = matches!(judge(&resolve(module, attribute, 4)), Judgement::Safe(_));
            Finding::new(&S1014, text(String::new())).severity(if safe { Severity::Info } else { Severity::Warning })
        }
    };
    finding.detail("tag", clip(&escape(&format!("{prefix}{name}")), 200))
}

/// `%xx` decoded, as loaders do with tags.
fn decoded(tag: &str) -> String {
    let bytes = tag.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let hex = tag.get(at + 1..at + 3).filter(|_| *byte == b'%').and_then(|h| u8::from_str_radix(h, 16).ok());
        out.push(hex.unwrap_or(*byte));
        at += if hex.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_graded() {
        let severity = |tag: &str| judge_tag(tag).map(|f| f.severity);
        for tag in [
            "tag:yaml.org,2002:python/object/apply:os.system",
            "tag:yaml.org,2002:python/object/apply:eval",
            "tag:yaml.org,2002:python/object/new:subprocess.Popen",
            "tag:yaml.org,2002:python/object/apply:os%2esystem",
            "tag:yaml.org,2002:python/name:os.system",
            "tag:yaml.org,2002:python/module:subprocess",
            "!apply:os.system",
            "tag:yaml.org,2002:javax.script.ScriptEngineManager",
        ] {
            assert_eq!(severity(tag), Some(Severity::Critical), "{tag}");
        }
        assert_eq!(severity("tag:yaml.org,2002:python/object:mypkg.Config"), Some(Severity::Warning));
        assert_eq!(severity("tag:yaml.org,2002:python/object:argparse.Namespace"), Some(Severity::Info));
        for tag in [
            "tag:yaml.org,2002:python/tuple",
            "tag:yaml.org,2002:str",
            "!new:speechbrain.nnet.CNN.Conv1d",
            "!ref",
            "!ENV",
            "!include:x.yaml",
        ] {
            assert_eq!(severity(tag), None, "{tag}");
        }
    }
}
