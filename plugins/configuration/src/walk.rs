//! Where a document's values stand, and which rule looks at them.
//!
//! JSON and YAML come here as the same steps. Of the document only the path of keys is kept, with a few marks per level.

use modelaudit_plugin::{Artifact, Finding, Severity, Sink, Span, clip, escape, quote};
use modelaudit_rules::policy::{S1012, S1015, S1017, S1019};
use modelaudit_rules::structure::S910;

use crate::redaction::redacted;
use crate::{callables, commands, components, interpolation, model_name, packages, remote_code, settings};

/// Bytes kept of a key.
const LONGEST_KEY: usize = 120;
/// Findings of one document; a document that has more is condemned anyway.
const MOST_FINDINGS: usize = 200;
/// Roots of documents that have a plugin of their own: XGBoost's models, MXNet's graphs, cells of notebooks.
const OTHERS: &[&str] = &["learner", "nodes", "cells"];
/// Templates handed on.
const MOST_TEMPLATES: usize = 64;

/// Keys whose value decides what is loaded: two of them in one object show two readers two configurations.
const DECISIVE: &[&str] = &[
    "_class_name",
    "_target_",
    "auto_map",
    "chat_template",
    "class_path",
    "cls",
    "custom_generate",
    "custom_pipelines",
    "loader_module",
    "target",
    "trust_remote_code",
];

/// Keys whose texts are Jinja templates (transformers' tokenizers and processors, GGUF converters, vLLM and SGLang configurations).
const TEMPLATES: &[&str] =
    &["chat_template", "chat_templates", "custom_chat_template", "default_chat_template", "jinja_template"];

/// Keys whose texts mean something to a loader; a text under any other is held against the commands only. A vocabulary has millions.
const TELLING: &[&str] = &[
    "_args_",
    "_component_",
    "_target_",
    "build_dependencies",
    "channels",
    "class_path",
    "cls",
    "custom_generate",
    "custom_pipeline",
    "dependencies",
    "impl",
    "loader_module",
    "model_code_path",
    "parent_library",
    "path",
    "pip",
    "target",
    "trust_remote_code",
    "type",
];

/// Roots of the configurations of build servers (GitHub, GitLab, Azure, Travis, SourceHut), whose values are commands: installers that
/// are piped into a shell are their daily bread.
const BUILD_SERVERS: &[&str] = &["before_install", "install", "jobs", "pipeline", "script", "stages", "steps", "tasks"];

/// Keys of templates that are Jinja's only if they look like it: other engines' have the same names.
const MAYBE_TEMPLATES: &[&str] = &["prompt", "prompt_template", "system_template", "template"];

/// What a template says only to break out; a text with one of these between Jinja's braces is handed on wherever it stands.
const ESCAPES: &[&str] = &[
    "__class__",
    "__globals__",
    "__init__",
    "__builtins__",
    "__mro__",
    "__base__",
    "__bases__",
    "__subclasses__",
    "__import__",
    "__getattribute__",
    "__getitem__",
    "_TemplateReference__context",
    "|attr(",
    "| attr(",
    "lipsum.",
    "cycler.",
    "joiner.",
];

/// Keys that say where pip takes packages from, and its option (BentoML's bentofile.yaml, pip.conf, uv).
const INDEXES: &[(&str, &str)] = &[
    ("extra-index-url", "--extra-index-url"),
    ("extra_index_url", "--extra-index-url"),
    ("find-links", "--find-links"),
    ("find_links", "--find-links"),
    ("index-url", "--index-url"),
    ("index_url", "--index-url"),
    ("trusted-host", "--trusted-host"),
    ("trusted_host", "--trusted-host"),
];

/// A value without parts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scalar<'t> {
    /// A text, and whether it was cut.
    Text(&'t str, bool),
    /// A truth value.
    Bool(bool),
    /// A number or nothing.
    Other,
}

/// An open object or array.
struct Level {
    array: bool,
    key: String,
    /// Index of the value to come, in an array.
    index: usize,
    /// Bit per key of [`DECISIVE`] that was there.
    seen: u32,
    /// Key in the object that this level stands under, nearest one upwards.
    under_template: bool,
    under_auto_map: bool,
    /// A call that looks another callable up.
    lookup: callables::Lookup,
}

/// The walk through a document.
pub(crate) struct Walk {
    levels: Vec<Level>,
    /// Lower-case base name of the file.
    file: String,
    /// Modules that stand beside a `model_index.json`.
    modules: Vec<String>,
    /// The library that the part of a pipeline names.
    library: String,
    remote: remote_code::Remote,
    callables: callables::Callables,
    interpolations: interpolation::Interpolations,
    reported: usize,
    templates: usize,
}

impl Walk {
    /// A walk through a file.
    pub(crate) fn new(artifact: &dyn Artifact) -> Self {
        let name = artifact.name();
        let file = name.rsplit('/').next().unwrap_or(&name).to_lowercase();
        let mut modules = Vec::new();
        if file == "model_index.json" {
            // Siblings may have their folder with them; a part's module lies in the folder of that part, or here.
            let names = artifact.siblings();
            let scripts = names.iter().filter_map(|name| name.rsplit('/').next()?.strip_suffix(".py"));
            modules = scripts.take(256).map(str::to_owned).collect();
        }
        Self {
            levels: Vec::new(),
            file,
            modules,
            library: String::new(),
            remote: remote_code::Remote::default(),
            callables: callables::Callables::default(),
            interpolations: interpolation::Interpolations::default(),
            reported: 0,
            templates: 0,
        }
    }

    /// Forgets where it stands, for the next document of the file.
    pub(crate) fn reset(&mut self, sink: &mut dyn Sink) {
        // A document that breaks off leaves objects open.
        while let Some(level) = self.levels.pop() {
            self.leave(level, sink);
        }
        self.flush(sink);
    }

    /// Says what was gathered over the whole file.
    pub(crate) fn finish(&mut self, sink: &mut dyn Sink) {
        self.reset(sink);
        self.callables.fact(sink);
    }

    /// How deep it stands.
    pub(crate) fn depth(&self) -> usize {
        self.levels.len()
    }

    fn flush(&mut self, sink: &mut dyn Sink) {
        if let Some(finding) = self.remote.take() {
            self.report(finding, sink);
        }
        if self.levels.is_empty() {
            let callables = &self.callables;
            for finding in self.interpolations.finish(|name| callables.is_reported(name)) {
                self.report(finding, sink);
            }
        }
    }

    /// An object is over: what it looked up is known.
    fn leave(&mut self, level: Level, sink: &mut dyn Sink) {
        if let Some(finding) = level.lookup.finish(&mut self.callables) {
            self.report(finding, sink);
        }
    }

    /// An object or array begins.
    pub(crate) fn begin(&mut self, array: bool, offset: u64, sink: &mut dyn Sink) {
        let key = self.key_here().to_owned();
        if key == "_class_name" && array && self.file == "model_index.json" {
            let message = "the pipeline class of 'model_index.json' comes from a Python file of the repository";
            self.report(Finding::new(&S1012, message).at(offset, 1).element("_class_name"), sink);
        }
        let level = Level {
            array,
            key: String::new(),
            index: 0,
            seen: 0,
            under_template: self.inside(|l| l.under_template) || TEMPLATES.contains(&key.as_str()),
            under_auto_map: self.inside(|l| l.under_auto_map) || key == "auto_map",
            lookup: callables::Lookup::default(),
        };
        self.levels.push(level);
    }

    /// An object or array ends.
    pub(crate) fn end(&mut self, _offset: u64, sink: &mut dyn Sink) {
        let left = self.levels.pop();
        let left_map = left.as_ref().is_some_and(|l| l.under_auto_map);
        if let Some(level) = left {
            self.leave(level, sink);
        }
        if left_map && !self.inside(|l| l.under_auto_map) {
            self.flush(sink);
        }
        self.next();
    }

    /// A key.
    pub(crate) fn key(&mut self, key: &str, at: Span, sink: &mut dyn Sink) {
        let Some(level) = self.levels.last_mut() else { return };
        level.key.clear();
        level.key.push_str(match key.char_indices().nth(LONGEST_KEY) {
            Some((end, _)) => key.get(..end).unwrap_or_default(),
            None => key,
        });
        let Ok(position) = DECISIVE.binary_search(&key) else { return };
        let bit = 1u32 << position;
        let again = level.seen & bit != 0;
        level.seen |= bit;
        if again {
            let message = format!("the key '{key}' stands twice in one object, readers differ in which one they take");
            let element = self.path();
            self.report(Finding::new(&S910, message).at(at.offset, at.length).element(element), sink);
        }
    }

    /// A value without parts.
    pub(crate) fn scalar(&mut self, value: Scalar<'_>, at: Span, sink: &mut dyn Sink) {
        match value {
            Scalar::Text(text, cut) => self.text(text, cut, at, sink),
            Scalar::Bool(true) if self.key_here() == "trust_remote_code" => self.trust(at, sink),
            Scalar::Bool(value) => self.setting(value, at, sink),
            _ => {}
        }
        self.next();
    }

    fn trust(&mut self, at: Span, sink: &mut dyn Sink) {
        let message =
            "the configuration switches trust_remote_code on, Python files of the repository are run without asking";
        let finding = Finding::new(&S1012, message).at(at.offset, at.length).element(self.path());
        self.report(finding, sink);
    }

    fn setting(&mut self, value: bool, at: Span, sink: &mut dyn Sink) {
        if let Some(finding) = settings::judge(self.key_here(), value) {
            let finding = finding.at(at.offset, at.length).element(self.path());
            self.report(finding, sink);
        }
    }

    /// A part of a pipeline: its library comes first, then its class.
    fn component(&mut self, text: &str, at: Span, sink: &mut dyn Sink) {
        let [object, Level { array: true, index, .. }] = self.levels.as_slice() else { return };
        if object.array || object.key.starts_with('_') {
            return;
        }
        match index {
            0 => self.library = clip(text, LONGEST_KEY),
            1 => {
                let file = self.modules.contains(&self.library);
                if let Some(finding) = components::judge(&object.key, &self.library, &clip(text, LONGEST_KEY), file) {
                    let finding = finding.at(at.offset, at.length).element(self.path());
                    self.report(finding, sink);
                }
            }
            _ => {}
        }
    }

    /// An index of packages; true if it is an unusual one.
    fn index(&mut self, text: &str, at: Span, sink: &mut dyn Sink) -> bool {
        let key = self.key_here();
        let Some((_, option)) = INDEXES.iter().find(|row| row.0 == key) else { return false };
        let Some(reason) = packages::requirement(&format!("{option} {}", text.trim())) else { return false };
        let finding = Finding::new(&S1015, format!("{reason}: {}", quote(redacted(text.trim()).as_ref())));
        let finding = finding.at(at.offset, at.length).element(self.path());
        self.report(finding, sink);
        true
    }

    /// A text that is a Jinja template although its key does not promise one.
    fn is_template(&self, text: &str) -> bool {
        let statement = text.contains("{%");
        (statement && MAYBE_TEMPLATES.contains(&self.key_here()))
            || ((statement || text.contains("{{")) && ESCAPES.iter().any(|word| text.contains(word)))
    }

    fn text(&mut self, text: &str, cut: bool, at: Span, sink: &mut dyn Sink) {
        if text.is_empty() {
            return;
        }
        if self.file == "model_index.json" {
            self.component(text, at, sink);
        }
        if let Some(value) = settings::truth(text) {
            self.setting(value, at, sink);
        }
        if let Some(finding) = model_name::judge(self.key_here(), text) {
            let finding = finding.at(at.offset, at.length).element(self.path());
            self.report(finding, sink);
        }
        if self.index(text, at, sink) {
            return;
        }
        if self.interpolations.wants(text) {
            self.interpolations.name(self.path(), text);
        }
        let in_list = self.levels.last().is_some_and(|l| l.array);
        let key = self.key_here();
        if text.contains("${")
            && let Some(finding) = interpolation::judge(text)
        {
            let finding = finding.at(at.offset, at.length).element(self.path());
            self.report(finding, sink);
            return;
        }
        let marked =
            self.inside(|l| l.under_auto_map || l.under_template) || key == "auto_map" || TEMPLATES.contains(&key);
        if !marked && self.is_template(text) {
            self.template(text, cut, at, sink);
            return;
        }
        if !marked && TELLING.binary_search(&key).is_err() {
            self.command(text, at, sink);
            return;
        }
        let key = key.to_owned();
        if self.inside(|l| l.under_auto_map) || key == "auto_map" {
            self.remote.add(&self.path(), text, at);
        }
        if (self.inside(|l| l.under_template) && key != "name") || TEMPLATES.contains(&key.as_str()) {
            self.template(text, cut, at, sink);
            return;
        }
        if key == "trust_remote_code" && text.eq_ignore_ascii_case("true") {
            self.trust(at, sink);
        }
        self.callable(&key, text, at, sink);
        if let Some(reason) = remote_code::custom(&key, text, &self.file, &self.ancestors()) {
            let message = format!("{reason}: {}", quote(text));
            let finding = Finding::new(&S1012, message).at(at.offset, at.length).element(self.path());
            self.report(finding, sink);
        }
        if let Some(message) = remote_code::mlflow(&key, text, &self.ancestors()) {
            let finding = Finding::new(&S1019, message)
                .at(at.offset, at.length)
                .element(self.path())
                .detail("module", clip(&escape(text), 200));
            self.report(finding, sink);
        }
        if in_list && matches!(key.as_str(), "pip" | "dependencies" | "build_dependencies" | "channels") {
            let suspicious = if key == "channels" { packages::channel(text) } else { packages::requirement(text) };
            if let Some(reason) = suspicious {
                let finding = Finding::new(&S1015, format!("{reason}: {}", quote(redacted(text.trim()).as_ref())))
                    .at(at.offset, at.length)
                    .element(self.path());
                self.report(finding, sink);
                return;
            }
        }
        self.command(text, at, sink);
    }

    /// A text under a key that may name a callable, or may be the name that one looks up.
    fn callable(&mut self, key: &str, text: &str, at: Span, sink: &mut dyn Sink) {
        let path = self.path();
        if key == "_target_" && text.contains("${") {
            self.interpolations.callable(key, path, text, at);
            return;
        }
        let judged = self.callables.judge(key, text);
        let Some(object) = self.levels.iter_mut().rev().find(|l| !l.array) else { return };
        if matches!(key, "path" | "_args_") {
            object.lookup.argument(text, at);
        }
        let finding = judged.map(|finding| finding.at(at.offset, at.length).element(path));
        if let Some(finding) = finding.and_then(|finding| object.lookup.take(text, finding)) {
            self.report(finding, sink);
        }
    }

    /// A text that is a command by itself.
    fn command(&mut self, text: &str, at: Span, sink: &mut dyn Sink) {
        // Another plugin judges the texts of these documents, by what their own consumers do with them.
        if OTHERS.iter().any(|root| self.path().strip_prefix(root).is_some_and(|rest| rest.starts_with(['.', '[']))) {
            return;
        }
        // A container image's record of how it was built: nothing runs it again, and `curl | sh` is everyday there.
        if self.key_here() == "created_by" && self.path().starts_with("history[") {
            return;
        }
        let Some(kind) = commands::command(text) else { return };
        let text = redacted(text);
        let key = clip(&escape(self.key_here()), LONGEST_KEY);
        let root = self.levels.first().map_or("", |level| level.key.as_str());
        let installer = kind == commands::INSTALLER && BUILD_SERVERS.contains(&root);
        let usual = installer && !text.contains("http://") && !packages::has_bare_address(&text);
        let severity = if usual { Severity::Info } else { S1017.severity };
        let finding = Finding::new(&S1017, format!("the value of '{key}' is {kind}: {}", quote(text.as_ref())))
            .severity(severity)
            .at(at.offset, at.length)
            .element(self.path())
            .detail("value", clip(&escape(&text), 500));
        self.report(finding, sink);
    }

    /// A template is a file of its own.
    fn template(&mut self, text: &str, cut: bool, at: Span, sink: &mut dyn Sink) {
        self.templates += 1;
        if self.templates > MOST_TEMPLATES {
            if self.templates == MOST_TEMPLATES + 1 {
                sink.incomplete(&format!(
                    "more than {MOST_TEMPLATES} chat templates, those from offset {} on were not read",
                    at.offset
                ));
            }
            return;
        }
        if cut {
            sink.incomplete(&format!("the chat template at offset {} is too long to be read whole", at.offset));
        }
        // A name of a template or of a file is none: `chatml`, `templates/chat.jinja`.
        if !text.contains(['{', '}']) {
            return;
        }
        let mut child = sink.child("chat_template.jinja", "jinja");
        child.write(text.as_bytes());
        child.finish();
    }

    /// Reports, up to the cap.
    pub(crate) fn report(&mut self, finding: Finding, sink: &mut dyn Sink) {
        self.reported += 1;
        match self.reported {
            n if n <= MOST_FINDINGS => sink.finding(finding),
            n if n == MOST_FINDINGS + 1 => {
                sink.incomplete(&format!("more than {MOST_FINDINGS} findings, the others are not shown"))
            }
            _ => {}
        }
    }

    fn inside(&self, mark: impl Fn(&Level) -> bool) -> bool {
        self.levels.last().is_some_and(mark)
    }

    fn next(&mut self) {
        if let Some(level) = self.levels.last_mut()
            && level.array
        {
            level.index = level.index.saturating_add(1);
        }
    }

    /// The key of the value to come, that of the list's for one in a list.
    fn key_here(&self) -> &str {
        self.levels.iter().rev().find(|l| !l.array).map_or("", |l| l.key.as_str())
    }

    /// Keys above the value's own, innermost first.
    fn ancestors(&self) -> Vec<&str> {
        self.levels.iter().rev().filter(|l| !l.array).skip(1).map(|l| l.key.as_str()).take(8).collect()
    }

    /// The path of the value: `model.layers[2]._target_`.
    pub(crate) fn path(&self) -> String {
        let mut path = String::new();
        for level in &self.levels {
            if level.array {
                path.push_str(&format!("[{}]", level.index));
            } else {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(&level.key);
            }
        }
        clip(&escape(&path), 300)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn decisive_keys_are_sorted() {
        assert!(super::DECISIVE.is_sorted() && super::TELLING.is_sorted() && super::INDEXES.is_sorted());
        assert!(super::DECISIVE.len() <= 32);
    }
}
