//! Scans Rockchip's RKNN models.
//!
//! A file is a header, the network for the processor (FlatBuffers or OpenVX), and JSON that describes nodes and tensors; the layout is
//! known from Netron (`source/rknn.js`), for the vendor documents none. The network's code runs on the accelerator; what reaches the host
//! are the texts, and lengths that the runtime believes. Encrypted models exist and can not be looked at.

use modelaudit_metadata_text::scan_runs;
use modelaudit_plugin::{Artifact, Finding, Format, Magic, Manifest, Plugin, Sink, Span};
use modelaudit_rules::structure::{S902, S905, S911, S912};

/// The plugin.
pub struct Rknn;

/// Magic, version, and size of the network, of eight bytes each.
const HEADER: u64 = 24;
/// What follows the header from version 2 on, if there is a network.
const MORE: u64 = 40;
/// Versions that Netron knows.
const VERSIONS: [std::ops::RangeInclusive<u64>; 2] = [1..=6, 0x1001..=0x1004];

impl Plugin for Rknn {
    fn describe() -> Manifest {
        Manifest {
            name: "rknn",
            version: env!("CARGO_PKG_VERSION"),
            summary: "RKNN models: layout, texts that travel along",
            homepage: "https://github.com/modelaudit/modelaudit",
            formats: vec![
                Format::new("rknn", "RKNN")
                    .extensions(&["rknn"])
                    .magic(Magic::at(0, b"RKNN\0\0\0\0"))
                    .magic(Magic::at(0, b"CYPTRKNN")),
            ],
            anchors: vec![],
            rules: vec![S902, S905, S911, S912],
        }
    }

    fn scan(artifact: &dyn Artifact, _format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        let size = artifact.size();
        let magic = artifact.read(0, 8);
        if magic.starts_with(b"CYPTRKNN") {
            sink.finding(Finding::new(&S912, "the model is encrypted, so nothing of it can be looked at").at(0, 8));
            return Err(format!("{size} bytes are encrypted"));
        }
        if magic != b"RKNN\0\0\0\0" {
            return Err("the magic 'RKNN' is missing".to_owned());
        }
        scan_runs(artifact, Span::new(8, size.saturating_sub(8)), "the model", sink);
        let (Some(version), Some(length)) = (number(artifact, 8), number(artifact, 16)) else {
            return Err(format!("the model is cut off: {size} bytes are less than its header"));
        };
        sink.fact_number("format_version", version);
        if !VERSIONS.iter().any(|known| known.contains(&version)) {
            // Texts were looked at; what else is in there is anybody's guess.
            let message = format!("the header says version {version}, which Rockchip's tools never wrote");
            sink.finding(Finding::new(&S902, message).at(8, 8));
            return Err(format!("the layout of version {version} is not known"));
        }
        layout(artifact, version, length, sink)
    }
}

modelaudit_plugin::export!(Rknn);

fn number(artifact: &dyn Artifact, offset: u64) -> Option<u64> {
    artifact.array::<8>(offset).map(u64::from_le_bytes)
}

/// Follows the lengths: header, network, JSON with its length before it.
fn layout(artifact: &dyn Artifact, version: u64, length: u64, sink: &mut dyn Sink) -> Result<(), String> {
    let size = artifact.size();
    let start = if version >= 2 && length > 0 { HEADER + MORE } else { HEADER };
    let json = start.saturating_add(length);
    if json > size {
        return Err(format!(
            "the model is cut off: its network takes {length} bytes, {} are there",
            size.saturating_sub(start)
        ));
    }
    sink.fact_number("network_length", length);
    if json == size {
        return Ok(());
    }
    let Some(text) = number(artifact, json) else {
        return Err(format!("the model is cut off in the length of its description at offset {json}"));
    };
    let end = json.saturating_add(8).saturating_add(text);
    if end > size {
        return Err(format!(
            "the model is cut off: its description takes {text} bytes, {} are there",
            size.saturating_sub(json + 8)
        ));
    }
    let first = artifact.read(json + 8, 1);
    if text > 0 && first != b"{" {
        sink.finding(Finding::new(&S902, "the description of the model is no JSON object").at(json + 8, text));
    }
    let rest = Span::new(end, size - end);
    let padding = artifact.read(end, 1 << 16);
    if rest.length > padding.len() as u64 || padding.iter().any(|b| *b != 0) {
        sink.finding(
            Finding::new(&S911, format!("{} bytes follow the model", rest.length)).at(rest.offset, rest.length),
        );
        sink.embed("after the model", rest, "");
    }
    Ok(())
}
