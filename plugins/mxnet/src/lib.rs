//! Scans MXNet models: the graph (`*-symbol.json`) and the parameters (`.params`).
//!
//! The graph is JSON whose operators the engine knows by name; `Custom` and its kin call Python that the program registered, attributes
//! may name native libraries, and a name made for it kept MXNet's own regular expressions busy for ever (CVE-2022-24294). The parameters
//! are raw arrays whose counts and shapes a native reader believes.

mod params;
mod policy;
mod symbol;

use modelaudit_plugin::{Artifact, Format, Magic, Manifest, Plugin, Sink};
use modelaudit_rules::other_formats::{S1106, S1151};
use modelaudit_rules::structure::{S902, S905, S910, S911};

/// The plugin.
pub struct Mxnet;

impl Plugin for Mxnet {
    fn describe() -> Manifest {
        // ndarray.cc: kMXAPINDArrayListMagic, and a number that is reserved.
        let mut list = [0u8; 16];
        (list[0], list[1]) = (0x12, 0x01);
        Manifest {
            name: "mxnet",
            version: env!("CARGO_PKG_VERSION"),
            summary: "MXNet graphs and parameters: custom operators, libraries, malformed arrays",
            homepage: "https://github.com/modelaudit/modelaudit",
            formats: vec![
                Format::new("mxnet-symbol", "MXNet graph").first_characters(b"{"),
                Format::new("mxnet-params", "MXNet parameters").magic(Magic::at(0, &list)),
            ],
            anchors: vec![],
            rules: vec![S902, S905, S910, S911, S1106, S1151],
        }
    }

    fn probe(head: &[u8], _size: u64) -> Vec<String> {
        let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
        let has = |word: &[u8]| text.windows(word.len()).any(|w| w == word);
        // Graphs of TVM have the same shape and are read the same way.
        let nodes = has(b"\"nodes\"") && (has(b"\"op\"") && has(b"\"inputs\"") || has(b"\"arg_nodes\""));
        if text.starts_with(b"{") && nodes { vec!["mxnet-symbol".to_owned()] } else { Vec::new() }
    }

    fn scan(artifact: &dyn Artifact, format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        match format {
            "mxnet-params" => params::scan(artifact, sink),
            _ => symbol::scan(artifact, sink),
        }
    }
}

modelaudit_plugin::export!(Mxnet);
