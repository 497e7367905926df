//! Runs the plugin on its fixtures, on the corpus and on real models: what they are taken for, what is reported, what comes out.

use std::fs;
use std::path::{Path, PathBuf};

use modelaudit_plugin::testing::{Memory, Report, check_report, conformance, scan_artifact};
use modelaudit_plugin::{Plugin, Severity};
use modelaudit_plugin_compressed::Compressed;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

fn read(file: &str) -> Vec<u8> {
    fs::read(fixtures().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// What the host makes of the bytes: formats whose magic stands, and those that the probe names.
fn identify(bytes: &[u8]) -> Vec<String> {
    let stands = |m: &modelaudit_plugin::Magic| {
        let mask = m.mask.iter().copied().chain(std::iter::repeat(0xff));
        bytes.get(m.offset as usize..).is_some_and(|bytes| {
            bytes.len() >= m.bytes.len()
                && bytes.iter().zip(&m.bytes).zip(mask).all(|((b, m), mask)| b & mask == m & mask)
        })
    };
    let formats = Compressed::describe().formats;
    let by_magic = formats.iter().filter(|f| f.magics.iter().any(stands)).map(|f| f.id.to_owned());
    let probed = Compressed::probe(&bytes[..bytes.len().min(4096)], bytes.len() as u64);
    by_magic.chain(probed).collect()
}

fn scan(name: &str, bytes: &[u8], format: &str) -> Report {
    let (report, _) = scan_artifact::<Compressed>(Memory::new(name, bytes), format);
    check_report(&Compressed::describe(), bytes.len() as u64, &report)
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    report
}

/// Identifies and scans a file of the fixtures.
fn scan_file(file: &str) -> Report {
    let bytes = read(file);
    let formats = identify(&bytes);
    assert_eq!(formats.len(), 1, "{file} is {formats:?}");
    scan(file, &bytes, &formats[0])
}

#[test]
fn every_fixture_is_what_its_label_says() {
    let labels = String::from_utf8(read("compressed/labels.csv")).unwrap();
    for line in labels.lines().skip(1) {
        let [file, format, verdict, rules] = line.split(',').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let bytes = read(&format!("compressed/{file}"));
        let expected: Vec<&str> = if format.is_empty() { vec![] } else { vec![format] };
        assert_eq!(identify(&bytes), expected, "{file}");
        if format.is_empty() {
            continue;
        }
        let report = scan(file, &bytes, format);
        for rule in rules.split_whitespace() {
            assert_eq!(report.of(rule).len(), 1, "{file} lacks {rule}: {:?}", report.findings);
        }
        assert_eq!(report.findings.len(), rules.split_whitespace().count(), "{file}: {:?}", report.findings);
        let worst = report.worst();
        match verdict {
            "clean" => assert!(worst.is_none() && report.incomplete.is_empty(), "{file}: {report:?}"),
            "warning" => assert_eq!(worst, Some(Severity::Warning), "{file}"),
            "incomplete" => assert!(worst.is_none() && !report.incomplete.is_empty(), "{file}: {report:?}"),
            // The payload is in the child, and it is whole.
            "critical" => assert!(
                report.children.iter().any(|c| c.bytes.starts_with(b"\x80\x02cposix\nsystem\nX")),
                "{file}: {report:?}"
            ),
            other => panic!("{file}: verdict {other}"),
        }
        // A stream that broke off is never taken for a whole one.
        if file.contains("cut") || file.contains("broken") || file.contains("no_") && verdict == "critical" {
            assert!(!report.incomplete.is_empty(), "{file}");
        }
    }
}

#[test]
fn the_content_comes_out_whole() {
    let weights = read("compressed/weights.pkl.gz");
    let weights = scan("w.pkl.gz", &weights, "gzip").children.remove(0).bytes;
    assert_eq!(weights.len(), 458);
    for entry in fs::read_dir(fixtures().join("compressed")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let good =
            ["bad_", "cut", "evil", "trailing", "broken", "reserved", "dictionary", "huge", "bomb", "long_block"];
        if good.iter().any(|bad| name.starts_with(bad)) || !name.contains(".pkl") && !name.contains(".joblib") {
            continue;
        }
        let report = scan_file(&format!("compressed/{name}"));
        assert_eq!(report.children.len(), 1, "{name}");
        let expected = if name == "two_frames.joblib" { [&weights[..], &weights].concat() } else { weights.clone() };
        assert_eq!(report.children[0].bytes, expected, "{name}");
    }
    for name in ["linked_blocks.txt.lz4", "blocks.txt.zst"] {
        let report = scan_file(&format!("compressed/{name}"));
        assert_eq!(report.children[0].bytes, b"weights are not code; ".repeat(8000), "{name}");
    }
    let filtered = scan_file("compressed/filters.bin.xz");
    assert_eq!(filtered.children[0].bytes, b"weights are not code; ".repeat(8000)[..5000]);
    assert!(scan_file("compressed/empty.gz").children.is_empty(), "nothing comes out of nothing");
}

#[test]
fn what_stands_behind_is_a_child_of_its_own() {
    let report = scan_file("compressed/trailing_pickle.pkl.bz2");
    assert_eq!(report.child("trailing_pickle.pkl").unwrap().bytes.len(), 458);
    assert!(report.child("trailing").unwrap().bytes.starts_with(b"\x80\x02cposix"));
    let report = scan_file("compressed/trailing_text.pkl.gz");
    assert_eq!(report.child("trailing").unwrap().bytes, b"and now for something else", "padding is not shown");
}

#[test]
fn the_corpus_is_unpacked() {
    let system = |report: &Report| report.children.iter().any(|c| c.bytes.windows(5).any(|w| w == b"posix"));
    for file in [
        "joblib/compressed_bz2.joblib",
        "joblib/compressed_gz.joblib",
        "joblib/compressed_lzma.joblib",
        "joblib/compressed_zlib.joblib",
        "joblib/gz_broken_tail.joblib",
        "joblib/legacy_zfile.joblib",
        "compressed/gz_named.pkl",
        "compressed/model.pkl.bz2",
        "compressed/model.pkl.xz",
        "archive/pickle_inside.tar.gz",
        "archive/pickle_inside.tar.bz2",
    ] {
        let report = scan_file(&format!("corpus/{file}"));
        assert!(system(&report), "{file}: {report:?}");
        assert!(report.findings.is_empty(), "{file}: {:?}", report.findings);
    }
    for file in ["archive/gz_bomb.gz", "archive/bz2_bomb.bz2"] {
        let report = scan_file(&format!("corpus/{file}"));
        assert_eq!(report.of("S410").len(), 1, "{file}");
        assert_eq!(report.worst(), Some(Severity::Warning), "{file}");
    }
}

#[test]
fn harmless_files_are_silent() {
    for file in [
        "corpus/benign_archive/model.tar.gz",
        "corpus/benign_archive/zeros.npy.gz",
        "corpus/benign_sklearn/rf_lz4.joblib",
        "corpus/benign_sklearn/rf_lzma.joblib",
        "real/joblib__joblib__joblib_0.10.0_pickle_py33_np18.pkl.xz",
        "real/pickle_gz__numpy__generator_pcg64_np126.pkl.gz",
    ] {
        let report = scan_file(file);
        assert!(report.findings.is_empty() && report.incomplete.is_empty(), "{file}: {report:?}");
        assert_eq!(report.children.len(), 1, "{file}");
    }
}

#[test]
fn files_of_other_formats_are_not_claimed() {
    let mut folders = vec![fixtures().join("corpus"), fixtures().join("real")];
    let mut claimed = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !identify(&fs::read(&path).unwrap()).is_empty() {
                claimed.push(path.file_name().unwrap().to_string_lossy().into_owned());
            }
        }
    }
    claimed.sort();
    let compressed = |name: &String| {
        [".gz", ".bz2", ".xz", "compressed_", "_lz4", "_lzma", "zfile", "gz_"].iter().any(|part| name.contains(part))
    };
    assert!(claimed.iter().all(compressed), "{claimed:?}");
}

#[test]
fn a_budget_that_is_spent_is_a_bomb_only_at_a_bombs_ratio() {
    // More than the harness takes: 64 MiB at 700:1.
    let report = scan_file("corpus/archive/gz_bomb.gz");
    assert!(report.of("S410")[0].message.contains("budget"), "{:?}", report.findings);
}

#[test]
fn tiny_members_without_end_are_a_bomb() {
    let empty = read("compressed/empty.gz");
    let report = scan("many.gz", &empty.repeat(10_100), "gzip");
    assert_eq!(report.of("S410").len(), 1);
    assert!(!report.incomplete.is_empty());
    let report = scan("some.gz", &empty.repeat(1000), "gzip");
    assert!(report.findings.is_empty() && report.incomplete.is_empty());
}

#[test]
fn a_name_without_content_is_an_error() {
    for format in Compressed::describe().formats {
        let report = scan("x.gz", b"this is not compressed at all, and long enough", format.id);
        assert_eq!(report.incomplete.len(), 1, "{}", format.id);
        assert!(report.findings.is_empty() && report.children.is_empty());
    }
}

#[test]
fn conforms() {
    for name in [
        "all_fields.pkl.gz",
        "bad_crc.pkl.gz",
        "two_streams.pkl.bz2",
        "blocks_crc32.pkl.xz",
        "filters.bin.xz",
        "two_streams.joblib",
        "two_frames.joblib",
        "linked_blocks.txt.lz4",
        "skippable.pkl.zst",
        "blocks.txt.zst",
        "zlib_9.joblib",
        "weights.pkl.z",
        "evil_cut.pkl.zst",
        "trailing_pickle.pkl.bz2",
    ] {
        let bytes = read(&format!("compressed/{name}"));
        let format = identify(&bytes).remove(0);
        conformance::<Compressed>(name, &bytes, &format);
    }
}
