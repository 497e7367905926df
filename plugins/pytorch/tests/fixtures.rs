//! The plugin on fixtures/pytorch, on its part of the corpus and on real models.

#[path = "../../safetensors/tests/labels/mod.rs"]
mod labels;

use modelaudit_plugin::Severity;
use modelaudit_plugin::testing::{Memory, conformance, scan, scan_artifact};
use modelaudit_plugin_pytorch::Pytorch;

#[test]
fn labels_hold() {
    labels::check::<Pytorch>("pytorch");
}

/// The format of a file by its first bytes, as the host finds it.
fn format(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [b'P', b'K', 3, 4, ..] => Some("pytorch"),
        [0x80, 2, 0x8a, 0x0a, 0x6c, 0xfc, ..] => Some("pytorch-legacy"),
        _ => None,
    }
}

#[test]
fn the_corpus_is_judged() {
    let corpus = labels::fixtures().join("corpus");
    let mut seen = 0;
    for row in labels::rows(&corpus) {
        let (path, label) = (row[0].as_str(), row[1].as_str());
        let bytes = std::fs::read(corpus.join(path)).unwrap();
        let Some(format) = format(&bytes) else { continue };
        seen += 1;
        let report = labels::scan_file::<Pytorch>(&corpus.join(path), format);
        if label == "benign" {
            assert!(report.findings.is_empty() && report.incomplete.is_empty(), "{path}: {report:#?}");
        }
        if path == "pytorch/ts_os_system.pt" {
            assert_eq!(report.worst(), Some(Severity::Critical), "{report:#?}");
            assert_eq!(report.findings.len(), 1);
        }
        // A storage that is longer than its elements: what is in it is for the analysers to say.
        if path.starts_with("pytorch/storage_") {
            assert_eq!(report.of("S811").len(), 1, "{path}: {report:#?}");
        }
    }
    assert!(seen > 20, "{seen} files");
}

#[test]
fn real_models_are_clean() {
    for file in ["pytorch_legacy__lpips__vgg.pth", "pytorch_legacy__facenet-pytorch__pnet.pt"] {
        let path = labels::fixtures().join("real").join(file);
        let bytes = std::fs::read(&path).unwrap();
        let report = labels::scan_file::<Pytorch>(&path, format(&bytes).unwrap());
        assert!(report.findings.is_empty() && report.incomplete.is_empty(), "{file}: {report:#?}");
        assert!(!report.tensors.is_empty(), "{file}");
        let named: u64 = report.tensors.iter().map(|t| t.at.length).sum();
        assert!(named * 10 > bytes.len() as u64 * 8, "{file}: {named} of {} bytes", bytes.len());
    }
}

#[test]
fn small_files_hold_the_contract() {
    let folder = labels::fixtures().join("pytorch");
    for file in [
        "state_dict.pt",
        "views.pt",
        "deflated.pt",
        "torchscript.pt",
        "bad/ts_os_system.pt",
        "bad/tensor_outside.pt",
        "bad/sparse_outside.pt",
        "no_pickle.pt",
    ] {
        conformance::<Pytorch>(file, &std::fs::read(folder.join(file)).unwrap(), "pytorch");
    }
    for file in ["flat.pt", "bad/flat_tail.pt", "bad/flat_short.pt"] {
        conformance::<Pytorch>(file, &std::fs::read(folder.join(file)).unwrap(), "pytorch-legacy");
    }
}

#[test]
fn tensors_are_named_with_their_bytes() {
    let folder = labels::fixtures().join("pytorch");
    let bytes = std::fs::read(folder.join("views.pt")).unwrap();
    let report = scan::<Pytorch>(&bytes, "pytorch");
    let ones: Vec<(&str, &[u64], u64)> =
        report.tensors.iter().map(|t| (t.name.as_str(), t.shape.as_slice(), t.at.length)).collect();
    assert_eq!(ones, [("whole", &[4][..], 16), ("half", &[2], 8), ("flipped", &[2, 2], 16), ("none", &[0, 9], 0)]);
    let whole = &report.tensors[0];
    assert_eq!(&bytes[whole.at.offset as usize..][..4], 0.25f32.to_le_bytes());
    assert_eq!(report.tensors[1].at.offset, whole.at.offset + 8);

    let report = labels::scan_file::<Pytorch>(&folder.join("state_dict.pt"), "pytorch");
    assert_eq!(report.tensors.iter().map(|t| t.name.as_str()).collect::<Vec<_>>(), ["layer.weight", "layer.bias"]);
    assert_eq!(report.fact("torch_format"), Some("\"torch.save\""));
    assert_eq!(report.fact("byteorder"), Some("\"little\""));
    let report = labels::scan_file::<Pytorch>(&folder.join("float8.pt"), "pytorch");
    assert_eq!(report.tensors[0].dtype, "f8_e4m3");
    let report = labels::scan_file::<Pytorch>(&folder.join("flat.pt"), "pytorch-legacy");
    assert_eq!(report.tensors[1].dtype, "f64");
    let report = labels::scan_file::<Pytorch>(&folder.join("torchscript_custom_op.pt"), "pytorch");
    assert_eq!(report.fact("custom_operators"), Some("[\"ops.torchvision.nms\"]"));
    assert_eq!(report.fact("torch_format"), Some("\"torchscript\""));
}

#[test]
fn storages_are_not_read() {
    let bytes = std::fs::read(labels::fixtures().join("real/pytorch_legacy__facenet-pytorch__pnet.pt")).unwrap();
    let (_, served) = scan_artifact::<Pytorch>(Memory::new("pnet.pt", &bytes), "pytorch-legacy");
    // The pickles and eight bytes a storage; the reader's blocks are larger than this file's pickles.
    assert!(served < 2 * bytes.len() as u64, "{served} of {}", bytes.len());
}
