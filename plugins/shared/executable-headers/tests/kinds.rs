//! Every kind on the fixtures, by slice and by artifact, whole and cut.

use std::path::Path;

use modelaudit_executable_headers::{Kind, Language, find_pe_start, identify, identify_at, shebang};
use modelaudit_plugin::testing::Memory;

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../fixtures/executables").join(name)).unwrap()
}

/// The one tensor's bytes of a safetensors fixture, and where the payload starts in them.
fn inside(name: &str) -> Vec<u8> {
    let bytes = fixture(&format!("inside/{name}.safetensors"));
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    bytes[8 + header + 1400..].to_vec()
}

#[test]
fn kinds() {
    for (name, title) in [
        ("pe", "Windows PE executable (x86-64)"),
        ("pe_x86_dll", "Windows PE library (x86)"),
        ("pe_tiny", "Windows PE executable (x86-64)"),
        ("elf", "ELF executable (x86-64)"),
        ("elf32_big_endian", "ELF executable (MIPS)"),
        ("elf_arm_library", "ELF shared object (AArch64)"),
        ("elf_scrambled_ident", "ELF executable (x86-64)"),
        ("macho", "Mach-O executable (Arm64)"),
        ("macho_fat", "universal Mach-O executable of 2 architecture(s)"),
        ("wasm", "WebAssembly module"),
        ("java_class", "Java class file (format version 52)"),
        ("dex", "Android DEX bytecode"),
        ("lua", "Lua 5.3 bytecode"),
        ("luajit", "LuaJIT bytecode"),
        ("pyc", "Python bytecode file (magic 3495)"),
        ("msi", "Windows installer package (MSI)"),
        ("shortcut", "Windows shortcut (LNK)"),
        ("shell", "bash script"),
    ] {
        let bytes = inside(name);
        let artifact = Memory::new("x", &bytes);
        let found = identify_at(&artifact, 0).unwrap_or_else(|| panic!("{name}"));
        assert_eq!(found.kind.title(), title);
        assert!(found.extent > 0 && found.extent <= bytes.len() as u64, "{name}: {found:?}");
        assert_eq!(identify(&bytes, bytes.len() as u64), Some(found.kind), "{name}");
        // Cut anywhere: an answer or none, no panic, and never more than there is.
        for end in 0..bytes.len().min(700) {
            let cut = &bytes[..end];
            let _ = identify(cut, bytes.len() as u64);
            if let Some(found) = identify_at(&Memory::new("x", cut), 0) {
                assert!(found.extent <= end as u64, "{name} cut at {end}: {found:?}");
            }
        }
    }
}

#[test]
fn a_stretched_stub_is_found_from_its_signature() {
    let bytes = [vec![0x3f; 1000], inside("pe_long_stub")].concat();
    let artifact = Memory::new("x", &bytes);
    assert!(identify_at(&artifact, 1000).is_some());
    assert_eq!(find_pe_start(&artifact, 1000 + 0x3000, 64 << 10), Some(1000));
    assert_eq!(find_pe_start(&artifact, 1000 + 0x3000, 4 << 10), None);
    assert_eq!(find_pe_start(&artifact, 0, 4 << 10), None);
    assert_eq!(find_pe_start(&artifact, u64::MAX, 4 << 10), None);
}

#[test]
fn accelerator_code_is_told_apart() {
    let bytes = fixture("accelerator/hexagon.safetensors");
    let at = bytes.windows(4).position(|window| window == b"\x7fELF").unwrap();
    let kind = identify(&bytes[at..], (bytes.len() - at) as u64).unwrap();
    assert!(kind.is_accelerator() && !kind.is_native());
    assert!(matches!(kind, Kind::Elf { machine: 164, .. }));
}

#[test]
fn shebang_lines() {
    let language = |line: &str| shebang(line.as_bytes()).map(|found| found.interpreter.language);
    assert_eq!(language("#!/bin/sh\n"), Some(Language::Shell));
    assert_eq!(language("#! /bin/bash -e\r\n"), Some(Language::Shell));
    assert_eq!(language("#!/usr/bin/env -S python3.11 -u\n"), Some(Language::Python));
    assert_eq!(language("#!/usr/bin/env LANG=C node\n"), Some(Language::JavaScript));
    assert_eq!(language("#!/usr/bin/pwsh\n"), Some(Language::PowerShell));
    assert_eq!(language("#!/usr/local/bin/frobnicate\n"), Some(Language::Other));
    for line in
        ["#!/bin/sh", "#![allow(x)]\n", "#!\n", "#!/usr/bin/env\n", "#!bash\n", "#!/b\0in/sh\n", "#!/path/thing\n", ""]
    {
        assert_eq!(language(line), None, "{line:?}");
    }
}

#[test]
fn a_token_list_is_no_module() {
    // GGUF: u64 length, text. `asm`, then a token of one letter.
    let bytes = b"\x03\0\0\0\0\0\0\0asm\x01\0\0\0\0\0\0\0!\x04\0\0\0\0\0\0\0test";
    assert_eq!(identify(&bytes[7..], bytes.len() as u64 - 7), None);
    // The same with lengths of 32 bits; the token is a line feed, which is a section id.
    let bytes = b"\x03\0\0\0asm\x01\0\0\0\x0a\x05\0\0\0words";
    assert_eq!(identify(&bytes[3..], bytes.len() as u64 - 3), None);
}

#[test]
fn a_signature_in_a_table_of_file_types_is_no_shortcut() {
    let mut bytes = inside("shortcut");
    assert!(identify(&bytes, bytes.len() as u64).is_some());
    bytes[20..24].fill(0);
    assert_eq!(identify(&bytes, bytes.len() as u64), None);
}
