//! Which classes and functions a NeMo configuration may name.
//!
//! Since 2.3.2 NeMo refuses targets outside of a list (`ALLOWED_TARGET_PREFIXES` and `ALLOWED_CALLABLE_PREFIXES` in
//! nemo/core/classes/common.py); before, it imported and called whatever stood there. The lists here are those, and the libraries that
//! configurations of earlier releases name.

use modelaudit_callables::{dangerous, is_dotted};
use modelaudit_plugin::Severity;

/// Packages whose classes models are built of.
const CLASSES: &[&str] = &[
    "nemo.collections.",
    "nemo.core.",
    "nemo.utils.",
    "nemo.lightning.",
    "nemo_text_processing.",
    "torch.nn.",
    "torch.optim.",
    "torch.utils.data.",
    "torch.distributed.fsdp.",
    "torchmetrics.",
    "lightning.pytorch.",
    "pytorch_lightning.",
    "lightning_fabric.",
    "omegaconf.",
    "megatron.",
    // Named by configurations of releases without the list.
    "apex.",
    "dataclasses.",
    "torchaudio.",
    "transformer_engine.",
    "transformers.",
    "webdataset.",
];

/// Packages whose functions may be called.
const FUNCTIONS: &[&str] = &[
    "nemo.collections.common.tokenizers",
    "nemo.collections.common.parts",
    "nemo.collections.asr.modules",
    "nemo.collections.asr.parts",
    "nemo.collections.audio.parts",
    "nemo.collections.speechlm",
    "nemo.collections.llm",
    "nemo.lightning",
    "megatron.core",
    "torch.nn.functional",
    "torch.nn.init",
];

/// Methods of classes that load another model from wherever the configuration says.
const LOADERS: &[&str] =
    &["restore_from", "from_pretrained", "load_from_checkpoint", "extract_state_dict_from", "from_config_file"];

/// Where a target stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// `target` of the whole model, which NeMo resolves itself.
    Model,
    /// `_target_` of a part.
    Part,
}

/// What is odd about a target, with the severity; None if nothing is, or if the configuration plugin says it.
pub(crate) fn judge(place: Place, name: &str) -> Option<(Severity, &'static str)> {
    let name = name.trim();
    if name.contains("${") {
        let text = "is put together on loading, so that nothing says which class it is";
        return (place == Place::Model).then_some((Severity::Warning, text));
    }
    if !is_dotted(name) {
        return None;
    }
    // Under `target` the configuration plugin reports only what is known for certain.
    let told = dangerous(name).is_some_and(|(entry, severity, _)| {
        severity >= Severity::Warning && (place == Place::Part || entry.module != "?")
    });
    if told {
        return None;
    }
    let known = |list: &[&str]| list.iter().any(|prefix| name.starts_with(prefix));
    let last = name.rsplit('.').next().unwrap_or(name);
    if LOADERS.contains(&last) {
        return Some((Severity::Warning, "loads another model from wherever the configuration says"));
    }
    if last.trim_start_matches('_').starts_with(|c: char| c.is_uppercase()) {
        return (!known(CLASSES))
            .then_some((Severity::Info, "is a class of none of the packages that NeMo builds models of"));
    }
    (!known(FUNCTIONS))
        .then_some((Severity::Warning, "is no class, and a function of none of the modules whose functions NeMo calls"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_graded() {
        let severity = |place, name| judge(place, name).map(|(severity, _)| severity);
        for name in [
            "nemo.collections.asr.models.EncDecCTCModel",
            "nemo.collections.asr.modules.AudioToMelSpectrogramPreprocessor",
            "torch.optim.AdamW",
            "pytorch_lightning.callbacks.ModelCheckpoint",
            "nemo.collections.common.tokenizers.text_to_speech.tokenizer_utils.english_text_preprocessing",
            "megatron.core.models.gpt.gpt_layer_specs.get_gpt_layer_local_spec",
            "label",
            "",
        ] {
            assert_eq!(severity(Place::Model, name), None, "{name}");
            assert_eq!(severity(Place::Part, name), None, "{name}");
        }
        for name in ["mypkg.models.MyModel", "nemo.evil.Payload"] {
            assert_eq!(severity(Place::Part, name), Some(Severity::Info), "{name}");
        }
        for name in [
            "nemo.core.classes.ModelPT.restore_from",
            "nemo.collections.asr.models.ASRModel.from_pretrained",
            "nemo.utils.exp_manager.exp_manager",
            "mypkg.run",
        ] {
            assert_eq!(severity(Place::Part, name), Some(Severity::Warning), "{name}");
        }
        // The configuration plugin's.
        for name in ["os.system", "numpy.f2py.run_main", "pytorch_lightning.core.saving.load_from_checkpoint"] {
            assert_eq!(severity(Place::Part, name), None, "{name}");
            assert_eq!(severity(Place::Model, name), None, "{name}");
        }
        assert_eq!(severity(Place::Model, "${oc.env:X}"), Some(Severity::Warning));
        assert_eq!(severity(Place::Part, "${oc.env:X}"), None);
    }
}
