//! Settings that make a library import Python files which come with the model.

use modelaudit_plugin::{Finding, Severity, Span, clip, escape, quote};
use modelaudit_rules::policy::S1012;

use crate::callables;

/// Classes of an `auto_map` that are shown.
const SHOWN: usize = 12;

/// The entries of one `auto_map`.
#[derive(Default)]
pub(crate) struct Remote {
    path: String,
    entries: Vec<String>,
    count: usize,
    at: Option<Span>,
}

impl Remote {
    /// Adds a class: `modeling_x.Class`, or `owner/repository--modeling_x.Class`.
    pub(crate) fn add(&mut self, path: &str, class: &str, at: Span) {
        if self.at.is_none() {
            self.path = path.to_owned();
        }
        self.count += 1;
        let class = clip(&escape(class), 200);
        if self.entries.len() < SHOWN && !self.entries.contains(&class) {
            self.entries.push(class);
        }
        let start = self.at.map_or(at.offset, |a| a.offset.min(at.offset));
        self.at = Some(Span::new(start, at.end().saturating_sub(start)));
    }

    /// The finding, if there were entries; forgets them.
    pub(crate) fn take(&mut self) -> Option<Finding> {
        let at = self.at.take()?;
        let entries = std::mem::take(&mut self.entries);
        let mut files: Vec<String> = Vec::new();
        for entry in &entries {
            let (repository, class) = entry.split_once("--").map_or(("", entry.as_str()), |(r, c)| (r, c));
            let module = class.rsplit_once('.').map_or(class, |(module, _)| module);
            let file = format!("{}.py", module.replace('.', "/"));
            let file = if repository.is_empty() { file } else { format!("{repository}: {file}") };
            if !files.contains(&file) {
                files.push(file);
            }
        }
        let shown: Vec<String> = files.iter().take(4).map(quote).collect();
        let message =
            format!("auto_map has the library import Python code that comes with the model: {}", shown.join(", "));
        self.count = 0;
        Some(
            Finding::new(&S1012, message)
                .at(at.offset, at.length)
                .element(std::mem::take(&mut self.path))
                .detail("classes", entries.join(", "))
                .detail("files", files.join(", ")),
        )
    }
}

/// Keys whose text names code of the repository or of another one, and what to say of it. Sources: transformers
/// (`custom_generate`, `custom_pipelines.*.impl`), diffusers (`custom_pipeline`).
const KEYS: &[(&str, Option<&str>, &str)] = &[
    ("custom_generate", None, "generation is done by Python code of a repository"),
    ("impl", Some("custom_pipelines"), "a pipeline is Python code of the repository"),
    ("custom_pipeline", None, "the pipeline is Python code of a repository"),
];

/// Packages whose classes a sentence-transformers `modules.json` names without code of the repository.
const SENTENCE_MODULES: &[&str] = &["sentence_transformers", "pylate", "model2vec", "sparsembed", "FlagEmbedding"];

/// What a text asks for beyond `auto_map`, for a message.
pub(crate) fn custom(key: &str, text: &str, file: &str, ancestors: &[&str]) -> Option<&'static str> {
    if let Some((_, parent, reason)) = KEYS.iter().find(|row| row.0 == key)
        && parent.is_none_or(|p| ancestors.contains(&p))
    {
        return Some(reason);
    }
    if key == "type" && file == "modules.json" && ancestors.is_empty() && callables::is_dotted(text) {
        let package = text.split('.').next().unwrap_or(text);
        let own = !SENTENCE_MODULES.contains(&package);
        return own.then_some("a module of the sentence transformer is a class from outside the library");
    }
    if key == "parent_library"
        && (callables::is_dotted(text) && callables::dangerous(text).is_some_and(|(_, s, _)| s >= Severity::Warning)
            || callables::dangerous(&format!("{text}.x")).is_some_and(|(_, s, _)| s >= Severity::Critical))
    {
        return Some("the adapter takes its base class from a module that no model needs");
    }
    None
}

/// Roots of modules that load MLflow models and come with MLflow or Databricks.
const FLAVOURS: &[&str] = &["mlflow", "databricks"];

/// What MLflow would import that is not its own.
pub(crate) fn mlflow(key: &str, text: &str, ancestors: &[&str]) -> Option<String> {
    let flavour = ancestors.first() == Some(&"python_function");
    match key {
        "loader_module" if flavour => {
            let root = text.split('.').next().unwrap_or(text);
            let own = !FLAVOURS.contains(&root);
            own.then(|| format!("MLflow imports the author's module {} to load the model", quote(text)))
        }
        "model_code_path" if ancestors.contains(&"flavors") => {
            Some(format!("MLflow runs the author's script {} to load the model", quote(text)))
        }
        _ => None,
    }
}
