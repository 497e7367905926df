//! Tells the crate which wasmtime it links (compiled code is keyed by the full version) and which sources it is made of (kept results
//! are keyed by them: while we develop, the version stays and what a scan says changes).

use std::path::{Path, PathBuf};

fn main() {
    let here = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    println!("cargo::rustc-env=ENGINE_SOURCES={:016x}", sources(&here.join("src")));
    println!("cargo::rerun-if-changed={}", here.join("src").display());
    let lock = here.join("../../Cargo.lock");
    println!("cargo::rerun-if-changed={}", lock.display());
    let text = std::fs::read_to_string(&lock).expect("Cargo.lock is part of the repository");
    let version = text
        .split("[[package]]")
        .find(|p| p.contains("\nname = \"wasmtime\"\n"))
        .and_then(|p| p.split("version = \"").nth(1)?.split('"').next())
        .expect("Cargo.lock names wasmtime's version");
    println!("cargo::rustc-env=WASMTIME_VERSION={version}");
}

/// FNV-1a over the sources in the order of their names: no secret, only a name for this state of the code.
fn sources(folder: &Path) -> u64 {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the crate has sources").flatten() {
            let path = entry.path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files
        .iter()
        .flat_map(|file| std::fs::read(file).expect("a source file can be read"))
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
