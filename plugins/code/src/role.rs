//! Who loads a Python file: its name and its place tell.

use modelaudit_plugin::Artifact;
use modelaudit_python_source::Role;

/// Beginnings of names that `auto_map` refers to. Source: the naming convention of transformers and diffusers, which their own
/// `save_pretrained` follows for custom code.
const PREFIXES: &[&str] = &[
    "modeling_",
    "modelling_",
    "configuration_",
    "tokenization_",
    "tokenizer_",
    "processing_",
    "processor_",
    "image_processing_",
    "video_processing_",
    "feature_extraction_",
    "pipeline_",
];

/// Whole names that a loader looks for: inference endpoints and TorchServe (`handler.py`), diffusers (`pipeline.py`), torch.hub
/// (`hubconf.py`), Python itself (`sitecustomize.py`), Triton (`model.py`), pip (`setup.py`).
const NAMES: &[&str] = &[
    "handler.py",
    "pipeline.py",
    "hubconf.py",
    "model.py",
    "modeling.py",
    "configuration.py",
    "tokenizer.py",
    "tokenization.py",
    "inference.py",
    "setup.py",
    "sitecustomize.py",
    "usercustomize.py",
];

/// Archives whose Python files are imported when the model is loaded.
const ARCHIVES: &[&str] = &[".mar", ".pt", ".pth", ".nemo", ".pt2"];

/// Who loads the file.
pub(crate) fn of(artifact: &dyn Artifact) -> Role {
    let path = artifact.name().to_lowercase();
    let name = path.rsplit('/').next().unwrap_or(&path);
    let named = PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || NAMES.contains(&name)
        || name.ends_with("_handler.py")
        || path.ends_with("custom_generate/generate.py");
    let inside = artifact.lineage().iter().any(|parent| {
        let parent = parent.to_lowercase();
        ARCHIVES.iter().any(|extension| parent.ends_with(extension))
    });
    if named || inside { Role::Model } else { Role::Plain }
}

/// pip runs it.
pub(crate) fn is_setup(artifact: &dyn Artifact) -> bool {
    artifact.name().to_lowercase().rsplit('/').next() == Some("setup.py")
}

/// The printed code of a TorchScript archive, which only looks like Python and is the pytorch plugin's to judge.
pub(crate) fn is_torchscript(artifact: &dyn Artifact) -> bool {
    let name = artifact.name();
    let code = name.starts_with("code/") || name.contains("/code/");
    code && !artifact.lineage().is_empty()
        && artifact
            .siblings()
            .iter()
            .any(|s| s.ends_with("constants.pkl") || s.ends_with("data.pkl") || s.ends_with(".debug_pkl"))
}
