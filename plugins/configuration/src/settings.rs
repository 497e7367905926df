//! Settings that exist to switch a protection off.

use modelaudit_plugin::{Finding, Severity, quote};
use modelaudit_rules::configuration::S1030;

/// A key in lower case, the value that is dangerous, how bad, and what it does. Sources: the documentation of LangChain (`FAISS.load_local`,
/// `PythonREPL`, `RequestsGet`), Keras (`enable_unsafe_deserialization`), torch.hub (`trust_repo`), NumPy, `torch.load`, and the lists of
/// environment variables of vLLM, PyTorch and Hugging Face datasets.
const SETTINGS: &[(&str, bool, Severity, &str)] = &[
    ("allow_dangerous_code", true, Severity::Warning, "a program of LangChain runs code that a model wrote"),
    ("allow_dangerous_deserialization", true, Severity::Warning, "LangChain unpickles the index that comes with it"),
    ("allow_dangerous_requests", true, Severity::Warning, "a model decides which addresses LangChain asks"),
    ("allow_pickle", true, Severity::Info, "NumPy unpickles arrays of objects"),
    ("enable_unsafe_deserialization", true, Severity::Warning, "Keras runs the lambda layers of the model"),
    ("hf_datasets_trust_remote_code", true, Severity::Warning, "loading scripts of data sets are run without asking"),
    ("torch_force_no_weights_only_load", true, Severity::Warning, "torch.load unpickles everything again"),
    ("trust_repo", true, Severity::Warning, "torch.hub runs the files of a repository without asking"),
    ("vllm_allow_insecure_serialization", true, Severity::Warning, "vLLM unpickles what other processes send"),
    ("weights_only", false, Severity::Info, "torch.load unpickles more than tensors"),
];

/// What setting the key to the value means; None if nothing.
pub(crate) fn judge(key: &str, value: bool) -> Option<Finding> {
    let key = key.to_ascii_lowercase();
    let (_, _, severity, what) = SETTINGS.iter().find(|row| row.0 == key && row.1 == value)?;
    Some(Finding::new(&S1030, format!("the setting {} is {value}: {what}", quote(&key))).severity(*severity))
}

/// The truth value that a text stands for, as configurations and environment variables write it.
pub(crate) fn truth(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Some(true),
        "false" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_dangerous_value_counts() {
        assert!(SETTINGS.is_sorted_by_key(|row| row.0));
        assert_eq!(judge("ALLOW_DANGEROUS_CODE", true).map(|f| f.severity), Some(Severity::Warning));
        assert_eq!(judge("weights_only", false).map(|f| f.severity), Some(Severity::Info));
        assert!(judge("weights_only", true).is_none() && judge("trust_repo", false).is_none());
        assert!(judge("use_cache", true).is_none());
        assert_eq!((truth(" Yes"), truth("0"), truth("maybe")), (Some(true), Some(false), None));
    }
}
