//! Names that pass for well-known ones by a letter.
//!
//! Only the organisation of `organisation/model` is judged, and whole names of models that have none: fine-tunes carry the names of what
//! they come from, and anybody may. What differs by digits only (versions), what contains a known name or is contained in one, and what
//! stands in the tables itself is no squat.

use modelaudit_deceptive_unicode::skeleton;

use crate::popular::{MODELS, ORGANISATIONS, OTHERS};

/// A name and what it passes for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Squat {
    /// The well-known name.
    pub(crate) known: &'static str,
    /// What it does, with the verb, for a message.
    pub(crate) how: &'static str,
    /// The same as a word for details.
    pub(crate) kind: &'static str,
}

const LOOKS: (&str, &str) = ("looks like", "look-alike");
const SPELLED: (&str, &str) = ("is spelled almost like", "spelling");

/// Shortest known name that is held against others at all: there are too many real names one letter apart below.
const SHORTEST: usize = 6;
/// From here on any one edit counts; below only those that the eye or the fingers make.
const ONE_EDIT: usize = 8;
/// From here on two edits count, for organisations. Models have versions and kinds in their names (`camembertv2-base`).
const TWO_EDITS: usize = 12;
/// Shortest name of a model without an organisation.
const SHORTEST_MODEL: usize = 10;

/// Judges the name of a model as a configuration gives it.
pub(crate) fn judge(value: &str) -> Option<Squat> {
    let value = value.trim();
    let value = ["https://huggingface.co/", "https://hf.co/", "hf://", "huggingface.co/"]
        .iter()
        .find_map(|prefix| value.strip_prefix(prefix))
        .unwrap_or(value);
    if value.len() > 200 || value.contains(['\\', ':', ' ', '\n', '@', '$', '{', '~']) || value.starts_with(['.', '/'])
    {
        return None;
    }
    let mut parts = value.split('/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(organisation), Some(model), None) if !organisation.is_empty() && !model.is_empty() => {
            near(organisation, ORGANISATIONS, SHORTEST, TWO_EDITS)
        }
        // A model's name is checked by spelling only where it is long enough to be no word.
        (Some(model), None, None) => near(&model.replace('_', "-"), MODELS, SHORTEST_MODEL, usize::MAX),
        _ => None,
    }
}

/// Holds a name against known ones of at least `shortest` bytes; from `two_edits` bytes on two edits count.
fn near(name: &str, known: &'static [&'static str], shortest: usize, two_edits: usize) -> Option<Squat> {
    let lower = name.to_lowercase();
    if known.iter().chain(OTHERS).any(|k| k.eq_ignore_ascii_case(&lower)) {
        return None;
    }
    let squat = |known, (how, kind): (&'static str, &'static str)| Some(Squat { known, how, kind });
    if !name.is_ascii() {
        let seen = skeleton(&lower);
        // The skeleton folds some Latin letters, too (I and l, m and rn), so the known name is folded the same way.
        let known = known.iter().find(|k| skeleton(&k.to_lowercase()) == seen)?;
        return squat(known, LOOKS);
    }
    let folded = fold(&lower);
    for known in known {
        let other = known.to_lowercase();
        if other.len() < shortest || lower.len().abs_diff(other.len()) > 2 {
            continue;
        }
        if folded == fold(&other) {
            return squat(known, LOOKS);
        }
        if lower.contains(&other) || other.contains(&lower) || without_digits(&lower) == without_digits(&other) {
            continue;
        }
        let distance = strsim::osa_distance(&lower, &other);
        let close = match other.len() {
            length if length >= two_edits => distance <= 2,
            length if length >= ONE_EDIT => distance == 1,
            _ => distance == 1 && is_slip(&lower, &other),
        };
        if close {
            return squat(known, SPELLED);
        }
    }
    None
}

/// A name with the characters that pass for others in many fonts made one.
fn fold(lower: &str) -> String {
    lower
        .replace("rn", "m")
        .replace("vv", "w")
        .replace("cl", "d")
        .replace('0', "o")
        .replace(['1', 'i'], "l")
        .replace('5', "s")
}

fn without_digits(text: &str) -> String {
    text.chars().filter(|c| !c.is_ascii_digit()).collect()
}

/// One edit that eyes miss or fingers make: two letters swapped, a letter doubled or left out of a pair or from inside.
fn is_slip(name: &str, known: &str) -> bool {
    if name.len() == known.len() {
        let differ: Vec<usize> =
            name.bytes().zip(known.bytes()).enumerate().filter(|(_, (a, b))| a != b).map(|(i, _)| i).collect();
        return differ.len() == 2;
    }
    let doubled = |longer: &str, shorter: &str| {
        let bytes = longer.as_bytes();
        (1..bytes.len()).any(|i| {
            let mut without = longer.to_owned();
            without.remove(i);
            bytes.get(i) == bytes.get(i - 1) && without == shorter
        })
    };
    // A letter missing from inside: "nvida".
    let left_out = name.len() + 1 == known.len()
        && name.bytes().next() == known.bytes().next()
        && name.bytes().last() == known.bytes().last();
    doubled(name, known) || doubled(known, name) || left_out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squats() {
        for (name, known) in [
            ("meta-1lama/Llama-3.1-8B", "meta-llama"),
            ("meta-lIama/Llama-2-7b", "meta-llama"),
            ("meta-lama/Llama-2-7b", "meta-llama"),
            ("rneta-llama/Llama-2-7b", "meta-llama"),
            ("mircosoft/phi-2", "microsoft"),
            ("micros0ft/phi-2", "microsoft"),
            ("m\u{456}crosoft/phi-2", "microsoft"),
            ("mistra1ai/Mistral-7B-v0.1", "mistralai"),
            ("mistraiai/Mistral-7B-v0.1", "mistralai"),
            ("deepseek-aI/DeepSeek-R1x", ""),
            ("deepseak-ai/DeepSeek-R1", "deepseek-ai"),
            ("stabiltyai/sdxl", "stabilityai"),
            ("0penai/whisper-large", "openai"),
            ("openal/whisper-large", "openai"),
            ("opeani/whisper-large", "openai"),
            ("goggle-bert/bert-base-uncased", "google-bert"),
            ("gooogle/gemma-2b", "google"),
            ("nvida/nemotron", "nvidia"),
            ("EleuterAI/gpt-j-6b", "EleutherAI"),
            ("sentense-transformers/all-MiniLM-L6-v2", "sentence-transformers"),
            ("https://huggingface.co/faceb00k/opt-1.3b", "facebook"),
            ("bert-base-uncasde", "bert-base-uncased"),
            ("bert-base-uncassed", "bert-base-uncased"),
            ("distilbert-base-uncased\u{430}", ""),
            ("b\u{435}rt-base-uncased", "bert-base-uncased"),
        ] {
            let found = judge(name).map_or("", |s| s.known);
            assert_eq!(found, known, "{name}");
        }
    }

    #[test]
    fn honest_names() {
        for name in [
            "meta-llama/Llama-3.1-8B-Instruct",
            "meta-llama/Meta-Llama-3-8B",
            "unsloth/Llama-3.2-1B",
            "TheBloke/Llama-2-7B-GGUF",
            "my-meta-llama/x",
            "meta-llama-3/x",
            "google/gemma-2b",
            "google-t5/t5-small",
            "googles/x",
            "microsoft2/phi",
            "facebookresearch/x",
            "openai-community/gpt2",
            "openai/whisper",
            "open-ai/whisper",
            "opensi/x",
            "openui/x",
            "HuggingFaceH4/zephyr-7b-beta",
            "HuggingFaceM4/idefics2",
            "HuggingFaceTB/SmolLM2",
            "stability-ai/x",
            "bert-base-uncased",
            "bert-base-cased",
            "bert-large-uncased",
            "bert-base-uncased-finetuned",
            "bert_base_uncased",
            "roberta-base",
            "xlm-roberta-base",
            "my-roberta-base",
            "camembert-base",
            "camembertv2-base",
            "distilbert-base-uncased",
            "gpt2",
            "gpt2-xl",
            "t5-small",
            "t5-base",
            "mt5-base",
            "deberta-v3-base",
            "/home/me/model",
            "./output/checkpoint-500",
            "output/checkpoint-500",
            "C:\\models\\x",
            "models/llama",
            "checkpoints/run1",
            "",
            "/",
            "a/b/c/d",
            "Qwen/Qwen2.5-7B",
            "01-ai/Yi-6B",
            "user/mistral-7b",
            "mistral/x",
            "mistralai/Mixtral-8x7B",
            "bigscience/bloom",
            "bigcode/starcoder",
            "nvidia/x",
            "apple/x",
            "appel/x",
            "timm/x",
        ] {
            assert_eq!(judge(name), None, "{name}");
        }
    }
}
