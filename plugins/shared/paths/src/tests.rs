use super::*;

#[test]
fn ordinary_names_are_plain() {
    for name in [
        "config.json",
        "v1..2/config..json",
        "notes...txt",
        "archive/.data/serialization_id",
        "a/b/../c",
        "./model_config.yaml",
        "dense/kernel:0.npy",
        "w:0",
        "models--org--name/snapshots/0a1b/model.safetensors",
        "~draft.docx",
        "100%/x",
        "价格/模型.bin",
        "..hidden",
        "...",
        "",
        "C++/x",
    ] {
        let class = classify(name.as_bytes());
        assert!(!class.escapes(), "{name}: {class:?}");
        assert_eq!(class.disguise, None, "{name}");
        assert_eq!(class.reason(), "", "{name}");
        assert!(!class.environment && !class.control && !class.nul && !class.bidi, "{name}: {class:?}");
    }
}

#[test]
fn escapes_are_told_apart() {
    let table: &[(&[u8], Root, Parents)] = &[
        (b"../x", Root::Relative, Parents::Outside),
        (b"model/../../../../tmp/pwned", Root::Relative, Parents::Outside),
        (b"a/../../b", Root::Relative, Parents::Outside),
        (br"..\..\x", Root::Relative, Parents::Outside),
        (b".. /x", Root::Relative, Parents::Outside),
        (b"..\0/x", Root::Relative, Parents::Outside),
        (b"/etc/passwd", Root::Absolute, Parents::None),
        (br"\Windows\x", Root::Absolute, Parents::None),
        (b"///x", Root::Absolute, Parents::None),
        (br"C:\x", Root::Drive, Parents::None),
        (b"c:/x", Root::Drive, Parents::None),
        (b"C:x", Root::DriveRelative, Parents::None),
        (br"\\host\share\x", Root::Unc, Parents::None),
        (br"\\?\C:\x", Root::DeviceNamespace, Parents::None),
        (br"\\.\pipe\x", Root::DeviceNamespace, Parents::None),
        (b"https://example.org/x", Root::Url, Parents::None),
        (b"s3://bucket/x", Root::Url, Parents::None),
        (b"file:/etc/passwd", Root::Url, Parents::None),
    ];
    for (path, root, parents) in table {
        let class = classify(path);
        assert_eq!((class.root, class.parents), (*root, *parents), "{}", path.escape_ascii());
        assert!(class.escapes() && !class.reason().is_empty(), "{}", path.escape_ascii());
        assert_eq!(class.disguise, None);
    }
    assert_eq!(classify(b"~/.ssh/id_rsa").root, Root::Home);
    assert_eq!(classify(b"HTTP://x/y").scheme.as_deref(), Some("http"));
    assert_eq!(classify(b"a/../b").parents, Parents::Inside);
}

#[test]
fn disguises_are_taken_off() {
    let table: &[(&[u8], Disguise)] = &[
        (b"%2e%2e/%2e%2e/x", Disguise::Percent),
        (b"%252e%252e%252fx", Disguise::Percent),
        (b"%25252e%25252e%25252fx", Disguise::Percent),
        (b"%2fetc%2fpasswd", Disguise::Percent),
        ("\u{ff0e}\u{ff0e}\u{ff0f}x".as_bytes(), Disguise::Unicode),
        ("\u{2025}/x".as_bytes(), Disguise::Unicode),
        (b"\xc0\xae\xc0\xae\xc0\xafx", Disguise::Overlong),
    ];
    for (path, disguise) in table {
        let class = classify(path);
        assert!(class.escapes(), "{}", path.escape_ascii());
        assert_eq!(class.disguise, Some(*disguise), "{}", path.escape_ascii());
    }
    assert!(!classify(b"a%20b/%41").escapes());
}

#[test]
fn system_folders_are_named() {
    assert_eq!(classify(b"/etc/shadow").system_folder, Some("/etc"));
    assert_eq!(classify(b"/etcetera").system_folder, None);
    assert_eq!(classify(b"../../etc/passwd").system_folder, Some("/etc"));
    assert_eq!(classify(b"a/../../../etc").system_folder, Some("/etc"));
    assert_eq!(classify(b"../lib/x").system_folder, None);
    assert_eq!(classify(b"etc/x").system_folder, None);
    assert_eq!(classify(br"C:\Windows\System32\x").system_folder, Some("c:/windows"));
    assert_eq!(classify(b"file:///proc/self/environ").system_folder, Some("/proc"));
}

#[test]
fn odd_names_are_flagged() {
    assert!(classify(b"a\0.txt").nul);
    assert!(classify(b"a\x1b[31m").control);
    assert!(classify("a\u{202e}gpj.exe".as_bytes()).bidi);
    assert!(classify(b"x/NUL.txt").device_name && classify(b"com1").device_name && !classify(b"console").device_name);
    assert!(classify(b"x./y").trailing_dot_or_space && classify(b"x ").trailing_dot_or_space);
    assert!(!classify(b"../x/./y").trailing_dot_or_space);
    assert!(classify(&[b'x'; 256]).long_component && !classify(&[b'x'; 255]).long_component);
    assert!(classify(b"$HOME/x").environment && classify(b"${X}").environment && classify(b"%TEMP%/x").environment);
    assert!(!classify(b"%2e%2e%2f").environment && !classify(b"cost$").environment);
    assert!(classify(br"a\b").backslash);
}

#[test]
fn links_are_resolved_in_their_folder() {
    let at = |link: &[u8], target: &[u8]| resolve_link(link, target).map(|p| String::from_utf8(p).unwrap());
    assert_eq!(at(b"snapshots/abc/model.safetensors", b"../../blobs/deadbeef").as_deref(), Some("blobs/deadbeef"));
    assert_eq!(at(b"a/w", b"../../../etc/shadow"), None);
    assert_eq!(at(b"w", b"/etc/passwd"), None);
    assert_eq!(at(b"../w", b"x"), None);
    assert_eq!(at(b"w", b"./x//y").as_deref(), Some("x/y"));
    assert_eq!(at(b"a/b", b"..").as_deref(), Some(""));
    assert_eq!(at(b"a/b", br"..\..\x"), None);
    assert_eq!(normalise(b"./a//b/../c").as_deref(), Some(&b"a/c"[..]));
    assert_eq!(normalise(b"a/../../c"), None);
}

#[test]
fn nothing_panics() {
    let mut seed = 1u64;
    let alphabet = b"../\\%2ef:~$CN\0 \xc0\xae\xef\xbc\x8eA{}?";
    for _ in 0..20_000 {
        let mut path = Vec::new();
        for _ in 0..12 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            path.push(alphabet[(seed >> 33) as usize % alphabet.len()]);
        }
        let class = classify(&path);
        assert_eq!(class.escapes(), !class.reason().is_empty());
        let _ = resolve_link(&path, &path);
    }
}

#[test]
fn names_that_are_one_on_some_file_systems() {
    use crate::members::{Twin, Twins};
    let mut twins = Twins::default();
    for name in ["a/b.txt", "a/c.txt", "a/b.txt", "b", "./x", "../y", "./a/b.txt", "a//b.txt"] {
        assert_eq!(twins.find(name.as_bytes()), None, "{name}");
    }
    for name in ["A/b.txt", "a/B.TXT"] {
        assert_eq!(twins.find(name.as_bytes()), Some(Twin::Case), "{name}");
    }
    for name in ["a/b.txt ", "a./b.txt", "a/b.txt...", "B "] {
        assert_eq!(twins.find(name.as_bytes()), Some(Twin::Padding), "{name}");
    }
}
