//! Tells the crate which wasmtime it links: compiled code is keyed by the full version.

use std::path::Path;

fn main() {
    let lock = Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../../Cargo.lock");
    println!("cargo::rerun-if-changed={}", lock.display());
    let text = std::fs::read_to_string(&lock).expect("Cargo.lock is part of the repository");
    let version = text
        .split("[[package]]")
        .find(|p| p.contains("\nname = \"wasmtime\"\n"))
        .and_then(|p| p.split("version = \"").nth(1)?.split('"').next())
        .expect("Cargo.lock names wasmtime's version");
    println!("cargo::rustc-env=WASMTIME_VERSION={version}");
}
