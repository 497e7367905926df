//! Components: files, what is in them, models in shards; and how they hang together.

use std::collections::{BTreeMap, HashMap, HashSet};

use modelaudit_engine::model::{ArtifactReport, Family, FileReport, Finding, ScanReport, Severity, Verdict};
use serde::Serialize;

use super::licences::{Licence, licences};
use super::model_card::{ModelCard, is_model, model_card};
use super::{Property, ROOT, property};
use crate::facts::plain;
use crate::place::printable;
use crate::tree::parents;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Component {
    r#type: &'static str,
    #[serde(rename = "bom-ref")]
    bom_ref: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authors: Vec<Named>,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hashes: Vec<Hash>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    licenses: Vec<Licence>,
    #[serde(skip_serializing_if = "Option::is_none")]
    copyright: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model_card: Option<ModelCard>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub properties: Vec<Property>,
}

#[derive(Serialize)]
struct Named {
    name: String,
}

#[derive(Serialize)]
struct Hash {
    alg: &'static str,
    content: String,
}

/// What a component is made of.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Dependency {
    r#ref: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    depends_on: Vec<String>,
}

/// Components of which not every part is known.
#[derive(Serialize)]
pub struct Composition {
    aggregate: &'static str,
    assemblies: Vec<String>,
}

impl Component {
    pub fn new(r#type: &'static str, bom_ref: &str, name: &str) -> Self {
        Self {
            r#type,
            bom_ref: bom_ref.to_owned(),
            authors: vec![],
            name: name.to_owned(),
            version: None,
            description: None,
            hashes: vec![],
            licenses: vec![],
            copyright: None,
            model_card: None,
            properties: vec![],
        }
    }
}

/// Everything that was scanned.
pub struct Inventory {
    pub components: Vec<Component>,
    pub dependencies: Vec<Dependency>,
    pub compositions: Vec<Composition>,
    /// `bom-ref` of each artifact, by file and artifact.
    refs: Vec<Vec<String>>,
    /// How often a reference was taken.
    taken: HashMap<String, usize>,
}

impl Inventory {
    pub fn of(report: &ScanReport) -> Self {
        let mut inventory = Self {
            components: vec![],
            dependencies: vec![Dependency { r#ref: ROOT.to_owned(), depends_on: vec![] }],
            compositions: vec![],
            refs: vec![],
            taken: HashMap::from([(ROOT.to_owned(), 1)]),
        };
        let mut incomplete = Vec::new();
        // Each path's file, and where its dependency stands.
        let mut places: HashMap<&str, (&FileReport, usize)> = HashMap::new();
        for file in &report.files {
            places.insert(&file.path, (file, inventory.dependencies.len()));
            inventory.file(file);
            let first = inventory.refs.last().and_then(|refs| refs.first());
            incomplete.extend(first.filter(|_| file.gaps().next().is_some()).cloned());
        }
        // What is in something else hangs there; the rest hangs on the root.
        let mut top: Vec<String> = inventory.refs.iter().filter_map(|refs| refs.first()).cloned().collect();
        let mut sharded = HashSet::new();
        for family in &report.families {
            let (name, shards) = inventory.family(family, &places);
            if !family.missing.is_empty() || (shards.len() as u64) < family.expected {
                incomplete.push(name.clone());
            }
            sharded.extend(shards.iter().cloned());
            top.push(name.clone());
            inventory.dependencies.push(Dependency { r#ref: name, depends_on: shards });
        }
        top.retain(|reference| !sharded.contains(reference));
        inventory.dependencies[0].depends_on = top;
        if !report.errors.is_empty() || !report.policy.excluded.is_empty() {
            incomplete.push(ROOT.to_owned());
        }
        if !incomplete.is_empty() {
            inventory.compositions.push(Composition { aggregate: "incomplete", assemblies: incomplete });
        }
        inventory
    }

    /// The reference of an artifact.
    pub fn reference(&self, file: usize, artifact: usize) -> &str {
        &self.refs[file][artifact]
    }

    /// A name that no other component has: two members of an archive may share theirs.
    fn unique(&mut self, name: &str) -> String {
        let name = printable(name).into_owned();
        let mut reference = name.clone();
        loop {
            let n = self.taken.entry(reference.clone()).or_insert(0);
            *n += 1;
            if *n == 1 {
                return reference;
            }
            reference = format!("{name} ({n})");
        }
    }

    /// Adds a file with everything in it.
    fn file(&mut self, file: &FileReport) {
        let first = self.dependencies.len();
        let mut refs: Vec<String> = Vec::with_capacity(file.artifacts.len());
        for (index, (artifact, parent)) in file.artifacts.iter().zip(parents(file)).enumerate() {
            let reference = self.unique(&artifact.location());
            if let Some(parent) = parent {
                self.dependencies[first + parent].depends_on.push(reference.clone());
            }
            self.dependencies.push(Dependency { r#ref: reference.clone(), depends_on: vec![] });
            let mut component = component(artifact, &reference);
            component.properties.extend(if index == 0 { of_file(file) } else { risk(artifact.findings.iter()) });
            self.components.push(component);
            refs.push(reference);
        }
        self.refs.push(refs);
    }

    /// Adds the model that the shards make up; its index, if it was scanned, depends on them, too.
    fn family(&mut self, family: &Family, places: &HashMap<&str, (&FileReport, usize)>) -> (String, Vec<String>) {
        let found: Vec<_> = family.present.iter().filter_map(|path| places.get(path.as_str())).collect();
        let members: Vec<&FileReport> = found.iter().map(|(file, _)| *file).collect();
        let shards: Vec<String> = found.iter().map(|&&(_, at)| self.dependencies[at].r#ref.clone()).collect();
        if let Some(&(_, at)) = index_of(&family.name).and_then(|path| places.get(path.as_str())) {
            self.dependencies[at].depends_on.extend(shards.iter().cloned());
        }
        let model = members.iter().flat_map(|f| f.artifacts.first()).any(is_model);
        let kind = if model { "machine-learning-model" } else { "file" };
        let reference = self.unique(&family.name);
        let mut component = Component::new(kind, &reference, &printable(base_name(&family.name)));
        component.properties = vec![
            property("shards", &family.expected.to_string()),
            property("shards_present", &family.present.len().to_string()),
        ];
        component.properties.extend(family.missing.iter().map(|name| property("shard_missing", name)));
        component.properties.extend(risk(members.iter().flat_map(|f| f.findings()).map(|(_, f)| f)));
        self.components.push(component);
        (reference, shards)
    }

    /// What was scanned as a whole.
    pub fn root(&self, report: &ScanReport) -> Component {
        let model = report.files.iter().flat_map(|f| &f.artifacts).any(is_model);
        let name = match report.files.as_slice() {
            [file] => base_name(&file.path).to_owned(),
            files => common_folder(files),
        };
        let mut root = Component::new(if model { "machine-learning-model" } else { "file" }, ROOT, &printable(&name));
        root.properties = risk(report.files.iter().flat_map(FileReport::findings).map(|(_, f)| f));
        root
    }
}

/// `models/model-*-of-00003.safetensors` has its index in `models/model.safetensors.index.json`.
fn index_of(family: &str) -> Option<String> {
    let (before, after) = family.split_once('*')?;
    let end = after.find('.')?;
    Some(format!("{}{}.index.json", before.trim_end_matches(['-', '_', '.']), &after[end..]))
}

fn base_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or(path)
}

/// The name of the innermost folder that holds all files; `scan` if it has none.
fn common_folder(files: &[FileReport]) -> String {
    let folder = |file: &FileReport| {
        let mut parts: Vec<_> = file.path.split('/').map(str::to_owned).collect();
        parts.pop();
        parts
    };
    let mut files = files.iter();
    let Some(first) = files.next() else { return ROOT.to_owned() };
    let common = files.map(folder).fold(folder(first), |common, other| {
        common.into_iter().zip(other).take_while(|(a, b)| a == b).map(|(a, _)| a).collect()
    });
    common.into_iter().rev().find(|part| !matches!(part.as_str(), "" | "." | "..")).unwrap_or_else(|| ROOT.to_owned())
}

fn text(artifact: &ArtifactReport, key: &str) -> Option<String> {
    artifact.facts.get(key)?.as_str().filter(|text| !text.trim().is_empty()).map(|text| printable(text).into_owned())
}

fn component(artifact: &ArtifactReport, reference: &str) -> Component {
    let name = artifact.path.last().map_or("", String::as_str);
    let name = if artifact.path.len() == 1 { base_name(name) } else { name };
    let model = is_model(artifact);
    let mut component =
        Component::new(if model { "machine-learning-model" } else { "file" }, reference, &printable(name));
    component.authors =
        ["author", "organization"].iter().filter_map(|key| text(artifact, key)).map(|name| Named { name }).collect();
    component.version = text(artifact, "model_version");
    component.description = text(artifact, "description");
    component.hashes =
        artifact.sha256.map(|hash| Hash { alg: "SHA-256", content: crate::hex(&hash) }).into_iter().collect();
    component.licenses = licences(artifact.facts.get("license"), artifact.facts.get("licenses"));
    component.copyright = artifact.facts.get("copyright").map(plain).map(|text| printable(&text).into_owned());
    component.model_card = Some(artifact).filter(|_| model).and_then(model_card);
    component.properties.push(property("size", &artifact.size.to_string()));
    component.properties.extend(artifact.formats.iter().map(|format| property("format", format)));
    component
        .properties
        .extend(artifact.facts.iter().map(|(key, value)| property(&format!("fact:{key}"), &plain(value))));
    component
}

/// Verdict and risk of a file with everything in it.
fn of_file(file: &FileReport) -> Vec<Property> {
    let mut properties = vec![property("verdict", file.verdict().word())];
    properties.extend(risk(file.findings().map(|(_, f)| f)));
    if file.verdict() == Verdict::Unrecognised {
        properties.push(property("unrecognised", "no format claims the file"));
    }
    properties.extend(file.duplicate_of.iter().map(|path| property("duplicate-of", path)));
    let gap = |(artifact, gap): (&ArtifactReport, &modelaudit_engine::model::Gap)| {
        property("incomplete", &format!("{}: {}: {}", artifact.location(), gap.plugin, gap.reason))
    };
    properties.extend(file.gaps().map(gap));
    properties
}

/// How many findings of each severity count, and the score that follows from them: 5 for each critical one and 2 for each warning, 10 at
/// most. It is 0 if and only if nothing at warning or above counts; facts are no risk.
fn risk<'a>(findings: impl Iterator<Item = &'a Finding>) -> Vec<Property> {
    let mut counts: BTreeMap<Severity, u64> = BTreeMap::new();
    let mut accepted = 0_u64;
    for finding in findings {
        if finding.counts() { *counts.entry(finding.severity).or_default() += 1 } else { accepted += 1 }
    }
    let of = |severity| counts.get(&severity).copied().unwrap_or(0);
    let (critical, warning) = (of(Severity::Critical), of(Severity::Warning));
    let score = critical.saturating_mul(5).saturating_add(warning.saturating_mul(2)).min(10);
    let rows = [
        ("risk_score", score),
        ("critical", critical),
        ("warning", warning),
        ("info", of(Severity::Info)),
        ("accepted", accepted),
    ];
    rows.map(|(name, n)| property(name, &n.to_string())).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn the_index_of_a_family() {
        assert_eq!(index_of("m/model-*-of-00003.safetensors").as_deref(), Some("m/model.safetensors.index.json"));
        assert_eq!(index_of("pytorch_model-*-of-00002.bin").as_deref(), Some("pytorch_model.bin.index.json"));
        assert_eq!(index_of("x"), None);
    }

    #[test]
    fn the_root_is_named_after_the_folder() {
        let file = |path: &str| FileReport { path: path.to_owned(), ..samples::clean() };
        assert_eq!(common_folder(&[file("a/b/x"), file("a/b/y")]), "b");
        assert_eq!(common_folder(&[file("a/b/x"), file("a/c/y")]), "a");
        assert_eq!(common_folder(&[file("x"), file("y")]), "scan");
        assert_eq!(common_folder(&[]), "scan");
        assert_eq!(base_name("a/b/"), "b");
    }
}
