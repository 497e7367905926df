//! Callables that a configuration names for its framework to import and call: Hydra, OmegaConf, NeMo (CVE-2025-23304), LightningCLI,
//! torchtune, latent diffusion. What a name can do is the pickle policy's to say: the danger is the same.

use modelaudit_pickle_policy::{Entry, Judgement, judge, resolve};
use modelaudit_plugin::{Finding, Severity, Sink, clip, escape};
use modelaudit_rules::policy::S1013;

/// Keys that name a callable; the second says that the key means nothing else, so a computed value is odd, too.
/// Sources: hydra.utils.instantiate, nemo.core.classes.common (`target`), jsonargparse (`class_path`), torchtune (`_component_`).
const KEYS: &[(&str, bool)] = &[("_target_", true), ("target", false), ("class_path", false), ("_component_", false)];

/// Names that everyday configurations call although a pickle must not: they load data that the configuration itself names.
/// Last component, severity at most, and why.
const EVERYDAY: &[(&str, Severity)] = &[
    ("from_pretrained", Severity::Info),
    ("load_dataset", Severity::Info),
    ("load_from_disk", Severity::Info),
    ("read_csv", Severity::Info),
    ("get_class", Severity::Warning),
    ("get_method", Severity::Warning),
    ("get_object", Severity::Warning),
    ("instantiate", Severity::Warning),
    ("print", Severity::Info),
];

/// Names kept for the report.
const MOST_NAMES: usize = 64;

/// The callables of a document.
#[derive(Default)]
pub(crate) struct Callables {
    names: Vec<String>,
    reported: Vec<String>,
}

impl Callables {
    /// Judges the value of a key; a callable that was reported is not reported again.
    pub(crate) fn judge(&mut self, key: &str, value: &str) -> Option<Finding> {
        let (_, only) = KEYS.iter().find(|row| row.0 == key)?;
        let value = value.trim();
        if value.contains("${") {
            let message = format!(
                "'{key}' names a callable that is put together on loading: {}",
                modelaudit_plugin::quote(value)
            );
            return only.then(|| Finding::new(&S1013, message).severity(Severity::Warning));
        }
        if !is_dotted(value) {
            return None;
        }
        if *only && self.names.len() < MOST_NAMES && !self.names.iter().any(|n| n == value) {
            self.names.push(value.to_owned());
        }
        if self.reported.iter().any(|n| n == value) {
            return None;
        }
        let (entry, severity, object) = dangerous(value)?;
        // A key that may mean anything else counts only for what is known for certain.
        if severity < Severity::Warning || (!only && entry.module == "?") {
            return None;
        }
        if self.reported.len() < MOST_NAMES {
            self.reported.push(value.to_owned());
        }
        let name = clip(&escape(value), 200);
        let mut finding = Finding::new(&S1013, format!("'{key}' names '{name}', which {}", entry.why))
            .severity(severity)
            .detail("callable", name)
            .detail("group", entry.group.id());
        if object != value {
            finding = finding.detail("resolves_to", clip(&escape(&object), 200));
        }
        Some(finding)
    }

    /// The names as a fact.
    pub(crate) fn fact(&self, sink: &mut dyn Sink) {
        if !self.names.is_empty() {
            sink.fact_list("instantiated", &self.names);
        }
    }
}

/// What a dotted name can do at worst, with the severity of calling it and the object it stands for.
///
/// The loaders try every border between module and attribute, so every one is judged.
pub(crate) fn dangerous(path: &str) -> Option<(&'static Entry, Severity, String)> {
    let mut worst: Option<(&'static Entry, Severity, String)> = None;
    for (dot, _) in path.match_indices('.').take(16) {
        let (Some(module), Some(name)) = (path.get(..dot), path.get(dot + 1..)) else { continue };
        let resolved = resolve(module, name, 4);
        if let Judgement::Dangerous(entry) = judge(&resolved) {
            let last = path.rsplit('.').next().unwrap_or(path);
            // A name that only sounds dangerous is a reason to look, no more.
            let guess = matches!(entry.module, "?" | "*");
            let mut severity = if guess { entry.called.min(Severity::Warning) } else { entry.called };
            if let Some((_, most)) = EVERYDAY.iter().find(|row| row.0 == last) {
                severity = severity.min(*most);
            }
            if worst.as_ref().is_none_or(|(_, s, _)| severity > *s) {
                worst = Some((entry, severity, resolved.object));
            }
        }
    }
    worst
}

/// `a.b.c` of identifiers.
pub(crate) fn is_dotted(text: &str) -> bool {
    text.len() <= 512
        && text.contains('.')
        && text.split('.').all(|part| {
            !part.is_empty()
                && !part.starts_with(|c: char| c.is_ascii_digit())
                && part.chars().all(|c| c.is_alphanumeric() || c == '_')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn severity(key: &str, value: &str) -> Option<Severity> {
        Callables::default().judge(key, value).map(|f| f.severity)
    }

    #[test]
    fn dangerous_callables_are_named() {
        for name in [
            "os.system",
            "subprocess.Popen",
            "builtins.eval",
            "numpy.f2py.run_main",
            "torch.hub.load",
            "random._os.system",
            "shutil.rmtree",
        ] {
            assert_eq!(severity("_target_", name), Some(Severity::Critical), "{name}");
        }
        assert_eq!(severity("target", "os.system"), Some(Severity::Critical));
        assert_eq!(severity("class_path", "subprocess.run"), Some(Severity::Critical));
        assert_eq!(severity("_target_", "${oc.env:X}.y"), Some(Severity::Warning));
        assert_eq!(severity("_target_", "hydra.utils.get_method"), Some(Severity::Warning));
    }

    #[test]
    fn everyday_classes_are_silent() {
        for name in [
            "torch.nn.Linear",
            "torch.optim.AdamW",
            "nemo.collections.asr.models.EncDecCTCModel",
            "pytorch_lightning.callbacks.ModelCheckpoint",
            "transformers.AutoModel.from_pretrained",
            "src.models.net.Net",
            "ldm.models.diffusion.ddpm.LatentDiffusion",
            "torchvision.transforms.Compose",
            "datasets.load_dataset",
            "mypkg.data.load",
            "lightning.pytorch.Trainer",
            "omegaconf.OmegaConf.create",
        ] {
            assert_eq!(severity("_target_", name), None, "{name}");
        }
        for value in ["label", "out.csv", "http://a.b/c", "code", "os", "gpu.kernel", "1.5"] {
            assert_eq!(severity("target", value), None, "{value}");
        }
    }
}
