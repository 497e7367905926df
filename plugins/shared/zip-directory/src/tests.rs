//! On the archives of fixtures/zip, which fixtures/make/zip.py writes.

use modelaudit_plugin::testing::Memory;

use super::*;

fn with<T>(file: &str, look: impl FnOnce(&Archive<'_>, &Memory<'_>) -> T) -> T {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../fixtures/zip/");
    let bytes = std::fs::read(format!("{path}{file}")).unwrap_or_else(|e| panic!("{file}: {e}"));
    let artifact = Memory::new(file, &bytes);
    look(&Archive::open(&artifact), &artifact)
}

fn names(archive: &Archive<'_>) -> Vec<String> {
    archive.entries().map(|entry| String::from_utf8_lossy(entry.name()).into_owned()).collect()
}

fn differences(file: &str) -> Vec<Difference> {
    with(file, |archive, _| archive.entries().flat_map(|entry| entry.differences()).collect())
}

#[test]
fn members_of_a_plain_archive() {
    with("plain.zip", |archive, artifact| {
        assert_eq!(names(archive), ["model/", "model/config.json", "model/README.md"]);
        let mut entries = archive.entries();
        let sizes: Vec<_> = entries.by_ref().filter_map(|e| e.reading()?.size).collect();
        assert_eq!(sizes, [0, 40, 300]);
        let summary = entries.summary();
        assert_eq!((summary.entries, summary.overlapping, summary.gaps.len(), summary.truncated), (3, 0, 0, false));
        assert_eq!(summary.listings, [Listing { declared: 3, found: 3, length_fits: true }]);
        let readme = archive.entries().last().unwrap().reading().unwrap();
        let unpacked = unpack(artifact, &readme, &mut |_| true);
        assert_eq!((unpacked.outcome, unpacked.size, Some(unpacked.crc)), (Outcome::Complete, 300, readme.crc));
        assert_eq!(unpacked.used, readme.span.length);
        assert_eq!(unpack_all(artifact, &readme, 299), None);
    });
}

#[test]
fn descriptors_in_all_forms() {
    for file in ["streamed.zip", "unsigned_descriptor.zip", "wide_descriptor.zip", "torch_alignment.pt"] {
        with(file, |archive, _| {
            let mut entries = archive.entries();
            assert!(
                entries.by_ref().all(|entry| entry.descriptor.is_some() && entry.differences().is_empty()),
                "{file}"
            );
            assert!(entries.summary().gaps.is_empty(), "{file}: {:?}", entries.summary().gaps);
        });
    }
}

#[test]
fn both_views_are_united() {
    with("unlisted_streamed.zip", |archive, _| {
        assert_eq!(names(archive), ["a.txt", "hidden.txt"]);
        assert_eq!(archive.listed().count(), 1);
        let hidden = archive.entries().last().unwrap();
        assert_eq!((hidden.central.is_none(), hidden.reading().unwrap().size), (true, Some(40)));
    });
    with("longer_in_directory.zip", |archive, _| {
        assert_eq!(names(archive), ["a.txt", "hidden.txt"]);
        let first = archive.entries().next().unwrap();
        assert_eq!(first.other_readings().len(), 1, "the longer one and the shorter one");
    });
    with("concatenated.zip", |archive, _| assert_eq!(names(archive), ["b.txt", "a.txt"]));
    with("two_directories.zip", |archive, _| {
        assert_eq!(archive.directories().len(), 2);
        assert!(names(archive).contains(&"a.txt".to_owned()) && names(archive).contains(&"b.txt".to_owned()));
    });
    with("archive_in_comment.zip", |archive, _| assert_eq!(names(archive), ["b.txt", "a.txt"]));
    with("end_record_in_comment.zip", |archive, _| assert_eq!(archive.ends().len(), 2));
    with("no_directory.zip", |archive, _| {
        assert!(archive.directories().is_empty());
        assert_eq!(names(archive), ["a.txt", "b.txt"]);
    });
    // The members of a stored archive are that archive's.
    with("nested.zip", |archive, _| assert_eq!(names(archive), ["inner.zip"]));
    with("nested_streamed.zip", |archive, _| assert_eq!(names(archive), ["inner.zip"]));
}

#[test]
fn differences_are_told() {
    use Difference as D;
    assert_eq!(differences("names_differ.zip"), [D::Name]);
    assert_eq!(differences("flagged_in_one_header.zip"), [D::Flags]);
    assert_eq!(differences("patch_flag.zip"), [D::RefusedFlag]);
    assert_eq!(differences("crc_differs.zip"), [D::Crc]);
    assert_eq!(differences("method_differs.zip"), [D::Method]);
    assert_eq!(differences("wrong_descriptor.zip"), [D::Descriptor]);
    assert_eq!(differences("wrong_offset.zip"), [D::NoLocal, D::LocalOnly]);
    assert_eq!(differences("unicode_path.zip"), []);
    assert_eq!(differences("windows_separators.zip"), []);
}

#[test]
fn offsets_survive_what_stands_before_the_archive() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../fixtures/zip/plain.zip");
    let archive = std::fs::read(path).unwrap();
    let prefixed = [b"#!/bin/sh\n".as_slice(), &archive].concat();
    let artifact = Memory::new("x", &prefixed);
    let archive = Archive::open(&artifact);
    assert_eq!(archive.directories()[0].shift, 10);
    assert!(archive.listed().all(|entry| entry.differences().is_empty()));
    // A view that begins inside the file its offsets count from.
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../fixtures/zip/split_marker.zip");
    let whole = std::fs::read(path).unwrap();
    let artifact = Memory::new("x", &whole[4..]);
    let archive = Archive::open(&artifact);
    assert_eq!(archive.directories()[0].shift, -4);
    assert!(archive.listed().all(|entry| entry.differences().is_empty()));
}

#[test]
fn counts_and_sizes_out_of_the_file_allocate_nothing() {
    // A zip64 end record that declares 2^64 - 1 records of 2^63 bytes.
    let mut bytes = b"PK\x06\x06".to_vec();
    bytes.extend_from_slice(&44u64.to_le_bytes());
    bytes.extend_from_slice(&[0; 12]);
    for value in [u64::MAX, u64::MAX, 1 << 63, 1 << 63] {
        bytes.extend_from_slice(&value.to_le_bytes());
    }
    bytes.extend_from_slice(b"PK\x06\x07\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0");
    bytes.extend_from_slice(b"PK\x05\x06\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0");
    let artifact = Memory::new("x", &bytes);
    let archive = Archive::open(&artifact);
    assert!(archive.directories().is_empty());
    assert_eq!(archive.entries().count(), 0);
}
