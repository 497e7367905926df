//! `model.safetensors.index.json` and `pytorch_model.bin.index.json`: which shard holds which tensor.
//!
//! transformers joins each shard name to the model's folder and opens it; for `.bin` shards that means unpickling. A name that
//! leaves the folder makes it load a file of the author's choice.

use std::collections::BTreeMap;

use modelaudit_json::{DefectKind, Event, Limits, Parser};
use modelaudit_paths::{Root, classify};
use modelaudit_plugin::{Artifact, Finding, Reader, Severity, Sink, Span, clip, escape, quote};
use modelaudit_rules::files::S405;
use modelaudit_rules::structure::{S902, S910};

/// Different shard names that are kept; the largest real indexes name some hundreds.
const MAX_SHARDS: usize = 20_000;
/// Findings on shard names.
const MAX_FINDINGS: u64 = 20;

/// Scans an index.
///
/// # Errors
/// It is not JSON or has no `weight_map`.
pub fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    let mut index = Index::default();
    let limits = Limits { text: 64 << 10, keys: 1 << 21, ..Limits::default() };
    let mut parser = Parser::with_limits(Reader::new(artifact), limits);
    let result = index.document(&mut parser, sink);
    if let Some(defect) = parser.defects().iter().find(|d| matches!(d.kind, DefectKind::DuplicateKey(_))) {
        let finding = Finding::new(&S910, format!("in the index, {defect}: readers keep the first or the last"));
        sink.finding(finding.at(defect.offset, 1));
    }
    if let Err(error) = result {
        return Err(format!("the shard index could not be read: {error}"));
    }
    if let Some(offset) = parser.rest() {
        sink.finding(Finding::new(&S902, format!("data follows the index at offset {offset}")).at(offset, 1));
    }
    if !index.has_map {
        return Err("a JSON document without a weight_map is not a shard index".to_owned());
    }
    index.missing(&artifact.siblings(), sink);
    sink.fact_number("tensor_count", index.tensors);
    sink.fact_number("shard_count", index.shards.len() as u64);
    if let Some(total) = index.total_size {
        sink.fact_number("total_size", total);
    }
    Ok(())
}

#[derive(Default)]
struct Index {
    has_map: bool,
    tensors: u64,
    shards: BTreeMap<String, Span>,
    too_many: bool,
    total_size: Option<u64>,
    findings: u64,
}

impl Index {
    fn document(&mut self, parser: &mut Parser<'_>, sink: &mut dyn Sink) -> Result<(), modelaudit_json::Error> {
        if !matches!(parser.event()?, Some(Event::BeginObject(_))) {
            return Ok(());
        }
        while let Some(Event::Key(key)) = parser.event()? {
            match key.value {
                "weight_map" => self.weight_map(parser, sink)?,
                "metadata" => self.metadata(parser)?,
                _ => parser.skip_value()?,
            }
        }
        // The top object has closed; see that the document is at its end.
        parser.event().map(|_| ())
    }

    fn metadata(&mut self, parser: &mut Parser<'_>) -> Result<(), modelaudit_json::Error> {
        let depth = parser.depth();
        parser.event()?;
        while parser.depth() > depth {
            let total = matches!(parser.event()?, Some(Event::Key(key)) if key.value == "total_size");
            // Some writers put it as a float (`1.3e10`).
            if total && let Some(Event::Number(number)) = parser.event()? {
                self.total_size = number.as_u64().or_else(|| number.as_f64().filter(|v| *v >= 0.0).map(|v| v as u64));
            }
        }
        Ok(())
    }

    fn weight_map(&mut self, parser: &mut Parser<'_>, sink: &mut dyn Sink) -> Result<(), modelaudit_json::Error> {
        let depth = parser.depth();
        if !matches!(parser.event()?, Some(Event::BeginObject(_))) {
            while parser.depth() > depth {
                parser.event()?;
            }
            return Ok(());
        }
        self.has_map = true;
        while let Some(Event::Key(key)) = parser.event()? {
            self.tensors += 1;
            let tensor = clip(key.value, 120);
            let inner = parser.depth();
            match parser.event()? {
                Some(Event::String(shard)) => {
                    if !self.shards.contains_key(shard.value) {
                        self.shard(shard.value, shard.at, &tensor, sink);
                    }
                }
                _ => {
                    self.findings += 1;
                    if self.findings <= MAX_FINDINGS {
                        let message =
                            format!("tensor {} is mapped to something that is not a file name", quote(&tensor));
                        sink.finding(
                            Finding::new(&S902, message)
                                .element(escape(&tensor))
                                .at(parser.position().saturating_sub(1), 1),
                        );
                    }
                    while parser.depth() > inner {
                        parser.event()?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Judges a shard name that was not seen before.
    fn shard(&mut self, name: &str, at: Span, tensor: &str, sink: &mut dyn Sink) {
        if self.shards.len() >= MAX_SHARDS {
            if !self.too_many {
                sink.incomplete(&format!("the index names more than {MAX_SHARDS} shards: the others were not checked"));
            }
            self.too_many = true;
            return;
        }
        self.shards.insert(name.to_owned(), at);
        let class = classify(name.as_bytes());
        let reason = if class.root == Root::Url {
            "is a URL"
        } else if class.escapes() {
            class.reason()
        } else if class.nul || class.control {
            "holds control characters"
        } else {
            return;
        };
        self.findings += 1;
        if self.findings > MAX_FINDINGS {
            return;
        }
        let mut finding =
            Finding::new(&S405, format!("the shard {} of tensor {} {reason}", quote(name), quote(tensor)))
                .at(at.offset, at.length)
                .element(clip(&escape(name), 200))
                .detail("shard", clip(&escape(name), 500));
        if !class.escapes() || class.disguise.is_some() {
            finding = finding.severity(Severity::Warning);
        }
        sink.finding(finding);
    }

    /// Says which shards are not beside the index. Somebody may have fetched the index alone: a fact, no alarm.
    fn missing(&self, siblings: &[String], sink: &mut dyn Sink) {
        let beside = |name: &str| siblings.iter().any(|s| s == name || s.rsplit('/').next() == Some(name));
        let plain = || self.shards.iter().filter(|(name, _)| !name.contains(['/', '\\']));
        if !plain().any(|(name, _)| beside(name)) {
            return;
        }
        let missing: Vec<&str> = plain().filter(|(name, _)| !beside(name)).map(|(name, _)| name.as_str()).collect();
        if let Some(first) = missing.first() {
            let message = format!(
                "{} of {} shards are not beside the index, the first is {}",
                missing.len(),
                self.shards.len(),
                quote(first)
            );
            let names: Vec<String> = missing.iter().take(10).map(|m| clip(&escape(m), 120)).collect();
            sink.finding(Finding::new(&S902, message).severity(Severity::Info).detail("missing", names.join(", ")));
        }
    }
}
