//! The plugin on fixtures/flax-msgpack and on its part of the corpus.

#[path = "../../safetensors/tests/labels/mod.rs"]
mod labels;

#[path = "../../mxnet/tests/gigabyte/mod.rs"]
mod gigabyte;

use modelaudit_plugin::testing::{Memory, conformance, scan_artifact};
use modelaudit_plugin::{Plugin, Severity};
use modelaudit_plugin_flax_msgpack::FlaxMsgpack;

fn claims(bytes: &[u8]) -> bool {
    !FlaxMsgpack::probe(&bytes[..bytes.len().min(4096)], bytes.len() as u64).is_empty()
}

#[test]
fn labels_hold() {
    labels::check::<FlaxMsgpack>("flax-msgpack");
}

#[test]
fn the_corpus_is_judged() {
    let corpus = labels::fixtures().join("corpus");
    for row in labels::rows(&corpus) {
        let path = row[0].as_str();
        let benign = path.starts_with("benign_flax/");
        if !path.starts_with("flax/") && !benign {
            continue;
        }
        assert!(claims(&std::fs::read(corpus.join(path)).unwrap()), "{path}");
        let report = labels::scan_file::<FlaxMsgpack>(&corpus.join(path), "flax-msgpack");
        assert!(report.incomplete.is_empty(), "{path}: {report:#?}");
        if benign {
            assert!(report.findings.is_empty() && report.tensors.len() == 2, "{path}: {report:#?}");
        } else {
            assert_eq!(report.worst(), Some(Severity::Warning), "{path}: {report:#?}");
            assert_eq!(report.findings.len(), 1, "{path}: {report:#?}");
        }
    }
}

/// The probe takes no other file of the corpora.
#[test]
fn other_files_are_not_claimed() {
    let mut folders = vec![labels::fixtures().join("corpus"), labels::fixtures().join("real")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.ends_with("other/orbax_checkpoint") {
                // An older checkpoint of orbax is msgpack without an extension.
                assert!(claims(&std::fs::read(&path).unwrap()));
                let report = labels::scan_file::<FlaxMsgpack>(&path, "flax-msgpack");
                assert_eq!((report.of("S1140").len(), report.of("S1143").len()), (1, 1), "{report:#?}");
            } else if path.extension().is_none_or(|e| e != "msgpack") {
                files += 1;
                assert!(!claims(&std::fs::read(&path).unwrap()), "{}", path.display());
            }
        }
    }
    assert!(files > 300, "{files}");
    // Random bytes, seeded.
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for _ in 0..4000 {
        let bytes: Vec<u8> = (0..64).flat_map(|_| next().to_le_bytes()).collect();
        assert!(!claims(&bytes));
    }
}

#[test]
fn weights_are_not_read() {
    // {"params": {"w": array of 32 MiB}}
    let size = 32u32 << 20;
    let mut bytes = b"\x81\xa6params\x81\xa1w\xc9".to_vec();
    let head = [b"\x93\x91\xce".to_vec(), (size / 4).to_be_bytes().to_vec(), b"\xa7float32\xc6".to_vec()].concat();
    bytes.extend((head.len() as u32 + 4 + size).to_be_bytes());
    bytes.push(1);
    bytes.extend(head);
    bytes.extend(size.to_be_bytes());
    bytes.resize(bytes.len() + size as usize, 0);
    assert!(claims(&bytes));
    let (report, served) = scan_artifact::<FlaxMsgpack>(Memory::new("w.msgpack", &bytes), "flax-msgpack");
    assert!(report.findings.is_empty() && report.incomplete.is_empty(), "{report:#?}");
    assert_eq!((report.tensors.len(), report.tensors[0].name.as_str()), (1, "params/w"));
    assert!(served < 64 << 10, "{served}");
}

#[test]
fn small_files_hold_the_contract() {
    let folder = labels::fixtures().join("flax-msgpack");
    for file in
        ["params.msgpack", "train_state.msgpack", "bad/reduce.msgpack", "bad/pickle_value.msgpack", "bad/deep.msgpack"]
    {
        conformance::<FlaxMsgpack>(file, &std::fs::read(folder.join(file)).unwrap(), "flax-msgpack");
    }
}

#[test]
fn arrays_of_a_gigabyte_are_not_read() {
    // {"params": extension 1 of [[2^28], "float32", bytes]}
    let mut body = vec![0x93, 0x91, 0xce, 0x10, 0, 0, 0, 0xa7];
    body.extend(b"float32");
    body.extend([0xc6, 0x40, 0, 0, 0]);
    let mut head = vec![0x82, 0xa6];
    head.extend(b"params");
    head.push(0xc9);
    head.extend((body.len() as u32 + (1 << 30)).to_be_bytes());
    head.push(1);
    head.extend(body);
    let said = gigabyte::Gigabyte::new(head, 1 << 30, b"\xa4step\x07".to_vec()).scan::<FlaxMsgpack>("flax-msgpack");
    assert!(said.findings.is_empty() && said.incomplete.is_empty(), "{said:?}");
    assert_eq!((said.tensors.len(), said.tensors[0].at.length), (1, 1 << 30));
    assert!(said.served < 1 << 20, "{}", said.served);
}

#[test]
fn models_say_what_they_are() {
    let path = labels::fixtures().join("flax-msgpack/params.msgpack");
    let report = labels::scan_file::<FlaxMsgpack>(&path, "flax-msgpack");
    let facts = [("framework", "\"flax\""), ("tensor_count", "2"), ("parameters", "20"), ("dtypes", "[\"f32\"]")];
    for (key, value) in facts {
        assert_eq!(report.fact(key), Some(value), "{key}: {report:#?}");
    }
}
