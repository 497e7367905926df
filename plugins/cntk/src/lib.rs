//! Scans models of Microsoft's Cognitive Toolkit (CNTK): `.dnn` and `.cmf` of version 1, `.model` and `.dnn` of version 2.
//!
//! Version 1 is a row of sections with UTF-16 names (`BCN`, `BNodeList`, `ERelation` ...); nothing in it runs, so its texts are looked at
//! and its matrices measured (`legacy`). Version 2 is a protobuf `Dictionary` of the network (`dictionary`), and that one can name
//! code: a *user function* makes the loader open a native library, or makes cntk.load_model execute an import statement that is put
//! together from the file (`user_function`). Models over 2 GiB keep their arrays behind the message.
//!
//! Sources: CNTK.proto, Serialization.cpp and UserDefinedFunction.cpp of CNTK 2.7, bindings/python/cntk/internal/utils.py; for version 1
//! ComputationNetwork.cpp and Matrix.cpp.

mod array;
mod dictionary;
mod legacy;
mod user_function;
mod wide;

use modelaudit_plugin::{Artifact, Format, Magic, Manifest, Plugin, Sink};
use modelaudit_protobuf::Wire;
use modelaudit_protobuf::head::{self, HeadField};
use modelaudit_rules::programs_in_models::{S1180, S1181};
use modelaudit_rules::structure::{S902, S905, S911};

/// The plugin.
pub struct Cntk;

impl Plugin for Cntk {
    fn describe() -> Manifest {
        Manifest {
            name: "cntk",
            version: env!("CARGO_PKG_VERSION"),
            summary: "CNTK models: user functions that load code, texts, structure",
            homepage: env!("CARGO_PKG_HOMEPAGE"),
            formats: vec![
                Format::new("cntk", "CNTK model (version 1)")
                    .extensions(&["cmf"])
                    .magic(Magic::at(0, legacy::SIGNATURE)),
                Format::new("cntk-large", "CNTK model (version 2, over 2 GiB)").magic(Magic::at(0, dictionary::LARGE)),
                Format::new("cntk-v2", "CNTK model (version 2)").extensions(&["dnn"]).first_bytes([0x08, 0x12]),
            ],
            anchors: vec![],
            rules: vec![S902, S905, S911, S1180, S1181],
        }
    }

    fn probe(head: &[u8], size: u64) -> Vec<String> {
        if looks_like_dictionary(head, size) { vec!["cntk-v2".to_owned()] } else { Vec::new() }
    }

    fn scan(artifact: &dyn Artifact, _format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        let head = artifact.read(0, 4096);
        if head.starts_with(legacy::SIGNATURE) {
            return legacy::scan(artifact, sink);
        }
        if head.starts_with(dictionary::LARGE) {
            return dictionary::scan_large(artifact, sink);
        }
        // By its name alone; of a file that is cut off, little more than this can be known.
        if !matches!(head.first(), Some(0x08 | 0x12)) {
            return Err("neither the signature 'BCN' of version 1 nor the dictionary of version 2 is there".to_owned());
        }
        dictionary::scan(artifact, sink)
    }
}

modelaudit_plugin::export!(Cntk);

/// Whether the first bytes are those of a `Dictionary`: a version, then entries of a name and a value whose type and version are told.
/// Something else may follow.
fn looks_like_dictionary(head: &[u8], size: u64) -> bool {
    let (fields, _) = head::sound_fields(head, size);
    let known = |field: &&HeadField<'_>| matches!((field.number, field.wire), (1, Wire::Varint) | (2, Wire::Bytes));
    let mut entries = fields.iter().take_while(known).filter(|field| field.number == 2).peekable();
    entries.peek().is_some() && entries.all(looks_like_entry)
}

fn looks_like_entry(entry: &HeadField<'_>) -> bool {
    // Of an entry that the head cuts off before its value, the name must do.
    let Some(fields) = head::fields(entry.bytes, entry.length) else { return false };
    let [name, rest @ ..] = fields.as_slice() else { return (entry.bytes.len() as u64) < entry.length };
    let named = name.number == 1
        && name.text(256).is_some_and(|text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic()));
    named
        && match rest {
            [] => (entry.bytes.len() as u64) < entry.length,
            [value] => value.number == 2 && value.wire == Wire::Bytes && looks_like_value(value),
            _ => false,
        }
}

/// `DictionaryValue`: version, type, and one value whose number is the type's and two.
fn looks_like_value(value: &HeadField<'_>) -> bool {
    let Some(fields) = head::fields(value.bytes, value.length) else { return false };
    let kind = fields.iter().find(|field| (field.number, field.wire) == (2, Wire::Varint));
    let Some(kind) = kind else { return fields.is_empty() && (value.bytes.len() as u64) < value.length };
    kind.varint <= 11
        && fields.iter().all(|field| match field.number {
            1 | 2 => field.wire == Wire::Varint,
            number => u64::from(number) == kind.varint + 2,
        })
}
