//! Callables that a configuration names for its framework to import and call: Hydra, OmegaConf, NeMo (CVE-2025-23304), LightningCLI,
//! torchtune, latent diffusion. What a name can do is [`modelaudit_callables`]' to say.

pub(crate) use modelaudit_callables::{dangerous, is_dotted, is_lookup};
use modelaudit_plugin::{Finding, Severity, Sink, Span, clip, escape};
use modelaudit_rules::policy::S1013;

/// Keys that name a callable; the second says that the key means nothing else, so a computed value is odd, too.
/// Sources: hydra.utils.instantiate (`cls` before 1.0, which NeMo still hands to it), nemo.core.classes.common (`target`), jsonargparse
/// (`class_path`), torchtune (`_component_`).
const KEYS: &[(&str, bool)] =
    &[("_target_", true), ("target", false), ("cls", false), ("class_path", false), ("_component_", false)];

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
        // Interpolations are resolved when the document ends.
        if value.contains("${") || !is_dotted(value) {
            return None;
        }
        if *only && self.names.len() < MOST_NAMES && !self.names.iter().any(|n| n == value) {
            self.names.push(value.to_owned());
        }
        let (entry, severity, object) = dangerous(value)?;
        // A key that may mean anything else counts only for what is known for certain.
        if severity < Severity::Warning || (!only && entry.module == "?") || self.is_reported(value) {
            return None;
        }
        self.note(value);
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

    /// Judges a name that a look-up (`hydra.utils.get_method`) returns for others to call.
    pub(crate) fn judge_looked_up(&mut self, function: &str, value: &str) -> Option<Finding> {
        let (entry, severity, object) = dangerous(value)?;
        if severity < Severity::Warning || self.is_reported(value) {
            return None;
        }
        self.note(value);
        let name = clip(&escape(value), 200);
        let message = format!("'{function}' looks up '{name}', which {}", entry.why);
        Some(
            Finding::new(&S1013, message)
                .severity(severity)
                .detail("callable", name)
                .detail("group", entry.group.id())
                .detail("resolves_to", clip(&escape(&object), 200)),
        )
    }

    /// Whether a callable was reported already.
    pub(crate) fn is_reported(&self, value: &str) -> bool {
        self.reported.iter().any(|n| n == value)
    }

    fn note(&mut self, value: &str) {
        if self.reported.len() < MOST_NAMES {
            self.reported.push(value.to_owned());
        }
    }

    /// The names as a fact.
    pub(crate) fn fact(&self, sink: &mut dyn Sink) {
        if !self.names.is_empty() {
            sink.fact_list("instantiated", &self.names);
        }
    }
}

/// What an object says of a look-up, in whatever order: the function, and the name that it looks up.
#[derive(Default)]
pub(crate) struct Lookup {
    function: Option<(String, Finding)>,
    looked_up: Vec<(String, Span)>,
}

/// Names kept of one look-up, which has one.
const MOST_LOOKED_UP: usize = 8;

impl Lookup {
    /// Takes the finding of a callable back if it is a look-up: what it looks up decides.
    pub(crate) fn take(&mut self, value: &str, finding: Finding) -> Option<Finding> {
        if !is_lookup(value) {
            return Some(finding);
        }
        self.function = Some((value.to_owned(), finding));
        None
    }

    /// Keeps an argument that may be the name.
    pub(crate) fn argument(&mut self, value: &str, at: Span) {
        if self.looked_up.len() < MOST_LOOKED_UP && (is_dotted(value) || value.contains("${")) {
            self.looked_up.push((value.to_owned(), at));
        }
    }

    /// The finding, now that the object has ended; its own place, if it has one.
    pub(crate) fn finish(self, callables: &mut Callables) -> Option<Finding> {
        let (function, finding) = self.function?;
        let known = !self.looked_up.is_empty() && self.looked_up.iter().all(|(name, _)| is_dotted(name));
        for (name, at) in &self.looked_up {
            if let Some(worse) = callables.judge_looked_up(&function, name) {
                let element = finding.element.unwrap_or_default();
                return Some(worse.at(at.offset, at.length).element(element));
            }
        }
        // A name that is known to do no harm: everyday.
        (!known).then_some(finding)
    }
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
        assert_eq!(severity("cls", "os.system"), Some(Severity::Critical));
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
