//! Scans CatBoost models (`.cbm`).
//!
//! A model is the magic, a size, and a FlatBuffers core of that size, with tables for categorical features behind it. CatBoost runs nothing
//! of it; what an attacker has are a core that leads its native reader outside (the reader checks it, older ones less), and the texts
//! that travel along: training parameters, class names, notes. So the core's skeleton is followed and every text is looked at.

mod trees;

use modelaudit_flatbuffer::{Defect, Flatbuffer, Table};
use modelaudit_metadata_text::scan_runs;
use modelaudit_plugin::{Artifact, Finding, Format, Magic, Manifest, Plugin, Sink, Span, clip, escape, quote};
use modelaudit_rules::structure::{S902, S905};

/// The plugin.
pub struct CatBoost;

/// Magic and size (catboost/libs/model/model.cpp: `TModelCore` behind a `ui32`, or one that says that a `ui64` follows).
const HEADER: u64 = 8;
const LONG_SIZE: u32 = u32::MAX;
/// What `TModelCore.FormatVersion` says in every model (model.cpp: `CURRENT_CORE_FORMAT_STRING`).
const FORMAT_VERSION: &str = "FlabuffersModel_v1";
/// Keys and values in `InfoMap` that are looked at.
const MOST_PAIRS: u64 = 10_000;

/// Fields of the tables as places in their vtables: 4, and 2 for each field before (catboost/libs/model/flatbuffers/model.fbs).
mod slot {
    pub const CORE_VERSION: u64 = 4;
    pub const CORE_TREES: u64 = 6;
    pub const CORE_INFO: u64 = 8;
    pub const PAIR_KEY: u64 = 4;
    pub const PAIR_VALUE: u64 = 6;
}

impl Plugin for CatBoost {
    fn describe() -> Manifest {
        Manifest {
            name: "catboost",
            version: env!("CARGO_PKG_VERSION"),
            summary: "CatBoost models: structure of the core, texts that travel along",
            homepage: "https://github.com/modelaudit/modelaudit",
            formats: vec![Format::new("catboost", "CatBoost").extensions(&["cbm"]).magic(Magic::at(0, b"CBM1"))],
            anchors: vec![],
            rules: vec![S902, S905],
        }
    }

    fn scan(artifact: &dyn Artifact, _format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        let size = artifact.size();
        if artifact.read(0, 4) != b"CBM1" {
            return Err("the magic 'CBM1' is missing".to_owned());
        }
        // The texts come first: what follows may break off.
        scan_runs(artifact, Span::new(4, size.saturating_sub(4)), "the model", sink);
        let Some(short) = artifact.array::<4>(4).map(u32::from_le_bytes) else {
            return Err(format!("the model is cut off: its size is missing in {size} bytes"));
        };
        let (start, length) = match short {
            LONG_SIZE => match artifact.array::<8>(HEADER) {
                Some(long) => (HEADER + 8, u64::from_le_bytes(long)),
                None => return Err(format!("the model is cut off: its size is missing in {size} bytes")),
            },
            short => (HEADER, u64::from(short)),
        };
        if length > size - start {
            sink.incomplete(&format!(
                "the model is cut off: its core takes {length} bytes, {} are there",
                size - start
            ));
        }
        if let Err(defect) = core(artifact, start, length, sink)
            && length <= size - start
        {
            sink.finding(Finding::new(&S902, format!("the core is malformed: {defect}")).at(start, length));
            sink.incomplete(&format!("the core was not read to its end: {defect}"));
        }
        sink.fact_text("framework", "catboost");
        let parts = size.saturating_sub(start.saturating_add(length));
        sink.fact_number("core_length", length);
        sink.fact_number("parts_length", parts);
        Ok(())
    }
}

modelaudit_plugin::export!(CatBoost);

/// Follows the skeleton of the core: version, trees, information.
fn core(artifact: &dyn Artifact, start: u64, length: u64, sink: &mut dyn Sink) -> Result<(), Defect> {
    let mut buffer = Flatbuffer::new(artifact);
    let root = buffer.follow(start)?;
    if root >= start.saturating_add(length) {
        return Err(Defect { at: start, what: "the root lies behind the core".to_owned() });
    }
    let root = buffer.table(root)?;
    let version = text(&mut buffer, &root, slot::CORE_VERSION)?;
    if version != FORMAT_VERSION {
        // The loader refuses any other.
        return Err(Defect { at: start, what: format!("its format is called {}", quote(&version)) });
    }
    if let Some(trees) = buffer.child(&root, slot::CORE_TREES)? {
        trees::check(&mut buffer, &trees, sink)?;
    }
    let mut keys = Vec::new();
    if let Some(info) = buffer.vector(&root, slot::CORE_INFO, 4)? {
        for index in 0..info.count.min(MOST_PAIRS) {
            let pair = buffer.element(&info, index)?;
            let key = text(&mut buffer, &pair, slot::PAIR_KEY)?;
            if let Some(fact) = information(&key) {
                let value = text(&mut buffer, &pair, slot::PAIR_VALUE)?;
                if let Some(value) = fact.value(&value) {
                    sink.fact_text(fact.name(), &clip(&escape(value), 200));
                }
            }
            if keys.len() < 100 {
                keys.push(clip(&escape(&key), 100));
            }
        }
    }
    sink.fact_text("format_version", FORMAT_VERSION);
    sink.fact_list("info", &keys);
    Ok(())
}

/// A value of `InfoMap` that is a fact.
enum Information {
    /// The commit that CatBoost was built from, in several lines; the branch of a release is `tags/v1.2.10`.
    Version,
    /// When training ended.
    Finished,
    /// An identifier of the model.
    Guid,
}

fn information(key: &str) -> Option<Information> {
    match key {
        "catboost_version_info" => Some(Information::Version),
        "train_finish_time" => Some(Information::Finished),
        "model_guid" => Some(Information::Guid),
        _ => None,
    }
}

impl Information {
    fn name(&self) -> &'static str {
        match self {
            Self::Version => "producer",
            Self::Finished => "date_saved",
            Self::Guid => "model_guid",
        }
    }

    fn value<'v>(&self, value: &'v str) -> Option<&'v str> {
        match self {
            Self::Version => value.split_once("Branch: tags/")?.1.split_whitespace().next(),
            _ => Some(value),
        }
    }
}

/// A text of a table; empty if it has none.
fn text(buffer: &mut Flatbuffer<'_>, table: &Table, slot: u64) -> Result<String, Defect> {
    let span = buffer.string(table, slot)?;
    Ok(span.map(|span| buffer.text(span, 1024)).unwrap_or_default())
}
