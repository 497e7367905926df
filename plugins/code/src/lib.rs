//! Reads the source code that travels with models: Python, notebooks, JavaScript, shell scripts.
//!
//! A repository whose config.json has an `auto_map` is loaded by importing its Python files; handlers of inference servers and setup
//! scripts run as they are. So a Python file is parsed and followed (the shared crate `python-source`), and graded by who loads it: a
//! `modeling_x.py` runs when the model is loaded, a `train.py` when somebody starts it. Scripts with a shebang line, batch files and
//! PowerShell scripts are judged by the analyser `executables`; here they are recognised, and shell scripts without such a line judged.

mod javascript;
mod notebook;
mod python;
mod role;
mod script;

use modelaudit_plugin::{Artifact, Format, Manifest, Plugin, Rule, Sink};
use modelaudit_python_source::looks_like_python;
use modelaudit_rules::embedded::S504;
use modelaudit_rules::programs::S517;
use modelaudit_rules::python::S121;

/// The plugin.
pub struct Code;

impl Plugin for Code {
    fn describe() -> Manifest {
        let mut rules: Vec<Rule> = modelaudit_python_source::RULES.to_vec();
        rules.extend([S121, S504, S517]);
        Manifest {
            name: "code",
            version: env!("CARGO_PKG_VERSION"),
            summary: "source code beside models: Python, notebooks, JavaScript, shell",
            homepage: "https://github.com/modelaudit/modelaudit",
            formats: vec![
                Format::new("python-source", "Python source").extensions(&["py", "pyw"]).begins_as_text(),
                Format::new("jupyter-notebook", "Jupyter notebook").first_characters(b"{"),
                Format::new("javascript", "JavaScript").extensions(&["js", "mjs", "cjs"]).begins_as_text(),
                Format::new("shell-script", "shell, batch or PowerShell script")
                    .extensions(&["sh", "bash", "zsh", "ksh", "bat", "cmd", "ps1", "psm1"])
                    .begins_as_text(),
            ],
            anchors: vec![],
            rules,
        }
    }

    fn probe(head: &[u8], size: u64) -> Vec<String> {
        if notebook::looks_like_one(head) {
            vec!["jupyter-notebook".to_owned()]
        } else if looks_like_python(head, head.len() as u64 == size) {
            vec!["python-source".to_owned()]
        } else {
            Vec::new()
        }
    }

    fn scan(artifact: &dyn Artifact, format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        match format {
            "jupyter-notebook" => notebook::scan(artifact, sink),
            "javascript" => javascript::scan(artifact, sink),
            "shell-script" => script::scan(artifact, sink),
            _ => python::scan(artifact, sink),
        }
    }
}

modelaudit_plugin::export!(Code);

/// The whole file if it is text of at most `limit` bytes.
fn text(artifact: &dyn Artifact, limit: u64) -> Result<Vec<u8>, String> {
    let size = artifact.size();
    let bytes = artifact.read_all(limit).ok_or_else(|| format!("the source has {size} bytes, more than {limit}"))?;
    if let Some(at) = bytes.iter().position(|b| *b == 0) {
        return Err(format!("not source code: it holds a NUL at offset {at}"));
    }
    Ok(bytes)
}
