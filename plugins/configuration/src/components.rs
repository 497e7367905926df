//! `model_index.json` of diffusers: each part of the pipeline is named with the module that its class comes from.

use modelaudit_plugin::{Finding, Severity, quote};
use modelaudit_rules::policy::S1012;

use crate::callables;

/// Libraries whose classes pipelines are made of, and the modules of diffusers' own pipelines that classes are named by.
/// Source: `diffusers.pipelines` and `LOADABLE_CLASSES`.
const LIBRARIES: &[&str] = &[
    "diffusers",
    "transformers",
    "onnxruntime",
    "optimum",
    "flax",
    "peft",
    "k_diffusion",
    "librosa",
    "sentencepiece",
    "torch",
    "amused",
    "animatediff",
    "audioldm",
    "audioldm2",
    "aura_flow",
    "blip_diffusion",
    "bria",
    "chroma",
    "cogvideo",
    "cogview3",
    "cogview4",
    "consisid",
    "controlnet",
    "cosmos",
    "deepfloyd_if",
    "dit",
    "easyanimate",
    "flux",
    "hidream_image",
    "hunyuan_video",
    "hunyuandit",
    "i2vgen_xl",
    "kandinsky",
    "kandinsky2_2",
    "kandinsky3",
    "kolors",
    "latent_diffusion",
    "latte",
    "ledits_pp",
    "lumina",
    "lumina2",
    "mochi",
    "musicldm",
    "omnigen",
    "pag",
    "paint_by_example",
    "pixart_alpha",
    "qwenimage",
    "sana",
    "semantic_stable_diffusion",
    "shap_e",
    "spectrogram_diffusion",
    "stable_audio",
    "stable_cascade",
    "stable_diffusion",
    "stable_diffusion_3",
    "stable_diffusion_safe",
    "stable_diffusion_xl",
    "stable_video_diffusion",
    "unclip",
    "unidiffuser",
    "versatile_diffusion",
    "visualcloze",
    "wan",
    "wuerstchen",
];

/// The finding for a part whose class `library.class` is not from a library; `file` says whether the repository has that module.
pub(crate) fn judge(part: &str, library: &str, class: &str, file: bool) -> Option<Finding> {
    if library.is_empty() {
        return None;
    }
    if let Some((entry, severity, _)) = callables::dangerous(&format!("{library}.{class}"))
        && severity >= Severity::Critical
    {
        let message =
            format!("the part {} is {}, which {}", quote(part), quote(format!("{library}.{class}")), entry.why);
        return Some(Finding::new(&S1012, message).severity(Severity::Critical));
    }
    let root = library.split('.').next().unwrap_or(library);
    if LIBRARIES.contains(&root) && !file {
        return None;
    }
    let from = if file { "a Python file of the repository" } else { "a module that is no library of pipelines" };
    Some(Finding::new(&S1012, format!("the class of the part {} comes from {from}: {}", quote(part), quote(library))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_libraries_are_everyday() {
        for (library, class) in [
            ("diffusers", "UNet2DConditionModel"),
            ("transformers", "CLIPTextModel"),
            ("stable_diffusion", "StableDiffusionSafetyChecker"),
            ("optimum.onnxruntime", "X"),
        ] {
            assert!(judge("x", library, class, false).is_none(), "{library}");
        }
        assert_eq!(judge("x", "my_unet", "Net", false).map(|f| f.severity), Some(Severity::Warning));
        assert_eq!(judge("x", "os", "system", false).map(|f| f.severity), Some(Severity::Critical));
        assert!(judge("x", "flux", "Net", true).is_some());
    }
}
