//! The plugin on fixtures/rar: built ones, packed ones, and real ones of RAR and WinRAR.

#[path = "../../safetensors/tests/labels/mod.rs"]
mod labels;

use modelaudit_plugin::Severity;
use modelaudit_plugin::testing::{Report, conformance};
use modelaudit_plugin_rar::Rar;

const EVIL: &[u8] = b"\x80\x02cposix\nsystem\nX\x04\0\0\0echo\x85R.";

fn scan(file: &str) -> Report {
    labels::scan_file::<Rar>(&labels::fixtures().join("rar").join(file), "rar")
}

#[test]
fn labels_hold() {
    labels::check::<Rar>("rar");
}

#[test]
fn payloads_are_handed_over() {
    for row in labels::rows(&labels::fixtures().join("rar")) {
        if row[3].contains("S201") {
            let report = scan(&row[0]);
            assert!(report.children.iter().any(|child| child.bytes == EVIL), "{}: {report:?}", row[0]);
        }
    }
}

#[test]
fn members_come_out_whole() {
    let stored = scan("stored5.rar");
    assert!(stored.children.iter().all(|child| child.at.is_some()), "stored members are views");
    let weights = stored.child("model/weights.pkl").unwrap().bytes.clone();
    assert_eq!(weights.len(), 458);
    assert_eq!(scan("stored4.rar").child("model/weights.pkl").unwrap().bytes, weights);
    for file in ["solid_rars50", "packed_rars70", "solid_rars29", "packed_rars20", "packed_rars15"] {
        let report = scan(&format!("{file}.rar"));
        assert_eq!(report.child("model/weights.pkl").unwrap().bytes, weights, "{file}");
        assert_eq!(report.child("README.txt").unwrap().bytes, b"weights are not code; ".repeat(400), "{file}");
    }
}

#[test]
fn real_archives_are_unpacked() {
    for (file, member, content) in [
        ("rar15-comment", "FILE1.TXT", &b"foooo\r\n"[..]),
        ("rar2-unix-owner", "file.txt", b"foo\n"),
        ("rar3-comment-plain", "(CMT)", b"RARcomment\n"),
        ("rar3-subdirs", "sub/\u{fc}\u{235}\u{129}\u{f6}\u{1e0b}\u{e8}/file.txt", b"file\n"),
        ("unicode", "\u{443}\u{438}\u{438}\u{43e}\u{43e}\u{442}\u{438}\u{432}\u{43b}.txt", b"1\n"),
        ("rar5-versions", "versioned.txt;1", b"1\n"),
    ] {
        let report = scan(&format!("rarfile/{file}.rar"));
        let child = report.child(member).unwrap_or_else(|| panic!("{file} lacks {member}: {report:?}"));
        assert_eq!(child.bytes, content, "{file}");
    }
    let numbers: String = (0..512).map(|n| format!("{n:03}\n")).collect();
    for (file, members) in
        [("rar3-solid", 2), ("seektest", 2), ("rar5-crc", 2), ("rar5-solid", 2), ("rar5-solid-qo", 4)]
    {
        let report = scan(&format!("rarfile/{file}.rar"));
        let whole = report.children.iter().filter(|child| child.bytes == numbers.as_bytes()).count();
        assert_eq!(whole, members, "{file}: {report:?}");
    }
}

#[test]
fn names_stay_readable_when_the_content_is_not() {
    let report = scan("rarfile/rar5-psw.rar");
    assert!(report.of("S912")[0].message.contains("stest1.txt"), "{report:?}");
    assert!(!report.incomplete.is_empty());
    assert!(!scan("encrypted_headers5.rar").incomplete.is_empty());
    assert!(!scan("encrypted_headers4.rar").incomplete.is_empty());
}

#[test]
fn bombs_end() {
    let report = scan("bomb.rar");
    let finding = report.of("S410")[0];
    assert_eq!(finding.severity, Severity::Warning);
    // The harness takes 64 MiB, and the archive would go on to 80.
    assert!(finding.message.contains("would go on"), "{finding:?}");
    assert_eq!(report.children.len(), 3, "what came before is handed over");
    let endless = scan("endless_rar15.rar");
    assert!(endless.children.iter().map(|child| child.bytes.len()).sum::<usize>() < 1 << 20, "it is cut early");
}

#[test]
fn conforms() {
    for file in [
        "stored5.rar",
        "stored4.rar",
        "links_inside.rar",
        "quick_open.rar",
        "quick_open_lies.rar",
        "two_names.rar",
        "stream_outside.rar",
        "solid_rars50.rar",
        "packed_rars70.rar",
        "solid_rars29.rar",
        "packed_rars20.rar",
        "volume.part1.rar",
        "rarfile/rar3-subdirs.rar",
        "rarfile/rar5-solid-qo.rar",
        "rarfile/rar5-evil-symlink-traversal.rar",
    ] {
        conformance::<Rar>(file, &std::fs::read(labels::fixtures().join("rar").join(file)).unwrap(), "rar");
    }
}
