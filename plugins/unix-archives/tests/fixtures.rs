//! The plugin on fixtures/unix-archives.

#[path = "../../mxnet/tests/gigabyte/mod.rs"]
mod gigabyte;
#[path = "../../safetensors/tests/labels/mod.rs"]
mod labels;

use modelaudit_plugin::testing::conformance;
use modelaudit_plugin_unix_archives::UnixArchives;

#[test]
fn labels_hold() {
    labels::check::<UnixArchives>("unix-archives");
}

fn children(file: &str, format: &str) -> Vec<(String, Vec<u8>)> {
    let report = labels::scan_file::<UnixArchives>(&labels::fixtures().join("unix-archives").join(file), format);
    report.children.into_iter().map(|child| (child.name, child.bytes)).collect()
}

#[test]
fn members_are_handed_on_under_their_names() {
    let child = |name: &str, bytes: &[u8]| (name.to_owned(), bytes.to_vec());
    assert_eq!(children("gnu.a", "ar"), [child("a_name_of_more_than_sixteen.o", b"odd"), child("b.o", b"even")]);
    assert_eq!(children("bsd.a", "ar"), [child("a_name_of_bsd.o", b"text")]);
    assert_eq!(children("tree.cpio", "cpio"), [child("dir/a.txt", b"hello")]);
    assert_eq!(children("old.cpio", "cpio"), [child("a", b"abc"), child("b/c", b"x")]);
    assert_eq!(children("bad_second.cpio", "cpio").last(), Some(&child("hidden", b"text")));
    assert_eq!(children("bad_behind.cpio", "cpio").last(), Some(&child("(trailing)", b"#!/bin/sh\necho fixture\n")));
}

#[test]
fn a_member_of_a_gigabyte_is_not_read() {
    let name = format!("{:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", "weights.bin/", 0, 0, 0, "100644", 1 << 30);
    let head = [b"!<arch>\n".to_vec(), name.into_bytes()].concat();
    let said = gigabyte::Gigabyte::new(head, 1 << 30, Vec::new()).scan::<UnixArchives>("ar");
    assert!(said.findings.is_empty() && said.incomplete.is_empty() && said.tensors.is_empty(), "{said:?}");
    assert_eq!((said.embedded.len(), said.embedded[0].length), (1, 1 << 30));
    assert!(said.served < 4096, "{}", said.served);
}

#[test]
fn small_files_hold_the_contract() {
    let folder = labels::fixtures().join("unix-archives");
    for (file, format) in [
        ("package.deb", "ar"),
        ("gnu.a", "ar"),
        ("bsd.a", "ar"),
        ("tree.cpio", "cpio"),
        ("old.cpio", "cpio"),
        ("bad_link_system.cpio", "cpio"),
        ("x.squashfs", "opaque-archive"),
    ] {
        conformance::<UnixArchives>(file, &std::fs::read(folder.join(file)).unwrap(), format);
    }
}
