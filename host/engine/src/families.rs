//! Models in shards: files whose names say which of how many they are (`model-00001-of-00003.safetensors`, TensorFlow's
//! `variables.data-00000-of-00002`, GGUF's `name-00001-of-00003.gguf`). A model of which a shard is missing was not seen as a whole.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Family, FileReport, Gap};
use crate::rules::ENGINE;

/// Names promise more shards than any model has: the number means something else.
const SHARDS: u64 = 100_000;
/// Missing shards that are named.
const NAMED: usize = 100;

/// The number in a name: text before it, its value and digits, the total's digits and value, text after it.
struct Numbered<'a> {
    before: &'a str,
    number: u64,
    width: usize,
    total: &'a str,
    after: &'a str,
}

/// Finds `<digits>-of-<digits>` in a file's name; the last one counts.
fn numbered(name: &str) -> Option<Numbered<'_>> {
    let at = name.rfind("-of-")?;
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let width = name[..at].bytes().rev().take_while(u8::is_ascii_digit).count();
    let total = &name[at + 4..][..digits(&name[at + 4..])];
    let number = &name[at - width..at];
    // Leading text is told apart from the number by something that is no letter or digit: `-`, `_`, `.`.
    let before = &name[..at - width];
    if before.ends_with(|c: char| c.is_alphanumeric()) {
        return None;
    }
    Some(Numbered { before, number: number.parse().ok()?, width, total, after: &name[at + 4 + total.len()..] })
        .filter(|n| n.total.parse().is_ok_and(|t: u64| (1..=SHARDS).contains(&t)))
}

/// Finds the families among the files, and notes at the first shard of each what is missing. A single shard that the user named is
/// no family: it is what was asked for.
pub fn find(files: &mut [FileReport]) -> Vec<Family> {
    let mut groups: BTreeMap<(String, u64, usize, String), BTreeMap<u64, usize>> = BTreeMap::new();
    for (index, file) in files.iter().enumerate() {
        let (folder, name) = file.path.rfind('/').map_or(("", file.path.as_str()), |at| file.path.split_at(at + 1));
        if let Some(n) = numbered(name) {
            let total = n.total.parse().unwrap_or(1);
            let key = (format!("{folder}{}", n.before), total, n.width, format!("-of-{}{}", n.total, n.after));
            groups.entry(key).or_default().insert(n.number, index);
        }
    }
    let mut families = Vec::new();
    for ((before, expected, width, after), present) in groups {
        if present.len() == 1 && present.values().all(|i| files[*i].named) {
            continue;
        }
        // Most count from one, TensorFlow from zero.
        let first = u64::from(!present.contains_key(&0));
        let promised: BTreeSet<u64> = (first..first + expected).collect();
        let lacking: Vec<u64> = promised.iter().copied().filter(|n| !present.contains_key(n)).collect();
        let name = |n: &u64| format!("{before}{n:0width$}{after}");
        let family = Family {
            name: format!("{before}*{after}"),
            expected,
            present: present.values().map(|i| files[*i].path.clone()).collect(),
            missing: lacking.iter().take(NAMED).map(name).collect(),
        };
        if !lacking.is_empty()
            && let Some(artifact) = present.values().next().and_then(|i| files[*i].artifacts.first_mut())
        {
            artifact.gaps.push(Gap { plugin: ENGINE.to_owned(), reason: missing(&family, lacking.len()) });
        }
        families.push(family);
    }
    families
}

fn missing(family: &Family, lacking: usize) -> String {
    let shown = family.missing.iter().take(5).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = if lacking > 5 { format!(" and {} more", lacking - 5) } else { String::new() };
    let expected = family.expected;
    format!("{lacking} of the model's {expected} shards are not there, so they were not scanned: {shown}{more}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ArtifactReport, Verdict};

    fn files(paths: &[&str], named: bool) -> Vec<FileReport> {
        let file = |path: &str| FileReport {
            path: path.to_owned(),
            named,
            size: 1,
            artifacts: vec![ArtifactReport { formats: vec!["safetensors".to_owned()], ..ArtifactReport::at(path) }],
            duplicate_of: None,
        };
        paths.iter().map(|p| file(p)).collect()
    }

    #[test]
    fn a_missing_shard_is_named_and_makes_the_model_incomplete() {
        let mut all = files(
            &["m/model-00001-of-00003.safetensors", "m/model-00003-of-00003.safetensors", "m/config.json"],
            false,
        );
        let families = find(&mut all);
        assert_eq!(families.len(), 1);
        assert_eq!(families[0].name, "m/model-*-of-00003.safetensors");
        assert_eq!(families[0].missing, ["m/model-00002-of-00003.safetensors"]);
        assert_eq!(all[0].verdict(), Verdict::Incomplete);
        assert_eq!(all[1].verdict(), Verdict::Clean);
    }

    #[test]
    fn whole_families_count_from_one_or_from_zero() {
        for paths in [
            ["a-00001-of-00002.gguf", "a-00002-of-00002.gguf"],
            ["v/variables.data-00000-of-00002", "v/variables.data-00001-of-00002"],
        ] {
            let mut all = files(&paths, false);
            let families = find(&mut all);
            assert!(families[0].missing.is_empty(), "{families:?}");
            assert_eq!(families[0].present.len(), 2);
            assert!(all.iter().all(|f| f.verdict() == Verdict::Clean));
        }
    }

    #[test]
    fn other_names_are_no_families_and_a_single_named_shard_is_what_was_asked_for() {
        assert!(find(&mut files(&["best-of-2.pkl", "x1-of-2", "a-1-of-9999999999", "1-of-0"], false)).is_empty());
        assert!(find(&mut files(&["m-1-of-2.bin"], true)).is_empty());
        let mut alone = files(&["m-1-of-90000.bin"], false);
        let families = find(&mut alone);
        assert_eq!((families[0].expected, families[0].missing.len()), (90_000, NAMED));
        assert!(alone[0].artifacts[0].gaps[0].reason.contains("and 89994 more"));
    }
}
