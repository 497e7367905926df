//! What a component must be before a single byte of it is compiled.

use wasmparser::{ComponentExternalKind, Encoding, Parser, Payload};

use super::contract::{CONTRACT_VERSION, SCANNER_EXPORT_PREFIX, is_contract_import};

/// Why a plugin was refused. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Over the size limit.
    #[error(
        "{size} bytes, more than the limit of {limit}: build the plugin with `strip` and without debug information"
    )]
    TooLarge {
        /// Its size.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// Machine code.
    #[error("precompiled machine code, which could do anything: give the WebAssembly component it was compiled from")]
    Precompiled,
    /// Neither a component nor a core module.
    #[error(
        "not a WebAssembly component: it starts with {0}; build it with `cargo build --target wasm32-unknown-unknown`"
    )]
    NotWasm(String),
    /// Damaged.
    #[error("malformed WebAssembly: {0}; build the plugin again")]
    Malformed(String),
    /// Imports beyond the contract.
    #[error(
        "imports what the contract does not offer: {}; a plugin has no files, network, clock or environment, \
         build it for wasm32-unknown-unknown",
        .0.join(", ")
    )]
    Imports(Vec<String>),
    /// Exports no scanner.
    #[error("exports no `modelaudit:scanner/scanner`: implement the world `plugin` of wit/ and export it")]
    NoScanner,
    /// Another version of the contract.
    #[error("built against contract {found}, this host speaks {CONTRACT_VERSION}: {}", who_upgrades(.found))]
    ContractVersion {
        /// The version it exports.
        found: String,
    },
    /// wasmtime does not compile or link it.
    #[error("does not fit the contract: {0}")]
    Unfit(String),
    /// Its manifest breaks the contract.
    #[error("its manifest is not valid: {0}")]
    Manifest(String),
    /// `describe` failed.
    #[error("describe() failed: {0}")]
    Describe(String),
    /// The file can't be read.
    #[error("can't be read: {0}")]
    Read(String),
}

fn who_upgrades(found: &str) -> &'static str {
    let number = |v: &str| v.split(['.', '-', '+']).map(|p| p.parse::<u64>().unwrap_or(0)).collect::<Vec<_>>();
    if number(found) > number(CONTRACT_VERSION) { "upgrade modelaudit" } else { "rebuild the plugin with a newer SDK" }
}

/// Reads the outer layer of a component: no import outside the contract, a scanner of a version that we speak. Returns that version.
///
/// # Errors
/// The first thing that is wrong with it.
pub(super) fn inspect(wasm: &[u8]) -> Result<String, Refusal> {
    let mut foreign = Vec::new();
    let mut scanner = None;
    let mut depth = 0usize;
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.map_err(|e| Refusal::Malformed(e.message().to_owned()))? {
            Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => {
                return Err(Refusal::Malformed("a core module where a component should be".to_owned()));
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    let import = import.map_err(|e| Refusal::Malformed(e.message().to_owned()))?;
                    if !is_contract_import(import.name.name) {
                        foreign.push(import.name.name.to_owned());
                    }
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    let export = export.map_err(|e| Refusal::Malformed(e.message().to_owned()))?;
                    if let Some(version) = export.name.name.strip_prefix(SCANNER_EXPORT_PREFIX)
                        && export.kind == ComponentExternalKind::Instance
                    {
                        scanner = Some(version.to_owned());
                    }
                }
            }
            _ => {}
        }
    }
    // A newer contract may have interfaces that we don't know: then the version is what the author must hear about.
    if let Some(found) = scanner.as_ref().filter(|v| *v != CONTRACT_VERSION) {
        return Err(Refusal::ContractVersion { found: crate::text::name(found) });
    }
    if !foreign.is_empty() {
        foreign.sort();
        foreign.truncate(40);
        return Err(Refusal::Imports(foreign.iter().map(|n| crate::text::name(n)).collect()));
    }
    scanner.ok_or(Refusal::NoScanner)
}

/// Turns what the user gave into a component: as it is, or made from a core module that carries the contract's types
/// (what `cargo build --target wasm32-unknown-unknown` writes).
///
/// # Errors
/// It is neither.
pub(super) fn component(bytes: Vec<u8>) -> Result<Vec<u8>, Refusal> {
    match bytes.get(..8) {
        Some(b"\0asm\x01\0\0\0") => encode(&bytes),
        Some(b"\0asm\x0d\0\x01\0") => Ok(bytes),
        // wasmtime's precompiled code is an ELF file.
        Some(head) if head.starts_with(b"\x7fELF") => Err(Refusal::Precompiled),
        _ => {
            let head = &bytes[..bytes.len().min(16)];
            Err(Refusal::NotWasm(if head.is_empty() {
                "nothing, it is empty".to_owned()
            } else {
                format!("{:02x?}", head)
            }))
        }
    }
}

fn encode(module: &[u8]) -> Result<Vec<u8>, Refusal> {
    // The encoder is made for output of compilers, not for attacks: a panic in it must not end the scan.
    let encoded = std::panic::catch_unwind(|| {
        wit_component::ComponentEncoder::default().validate(true).module(module).and_then(|mut e| e.encode())
    });
    match encoded {
        Ok(Ok(component)) => Ok(component),
        Ok(Err(error)) => Err(match foreign_imports(module) {
            names if names.is_empty() => Refusal::Malformed(crate::text::name(&format!("{error:#}"))),
            names => Refusal::Imports(names),
        }),
        Err(_) => Err(Refusal::Malformed("its component types can't be read".to_owned())),
    }
}

/// Modules that a core module imports from and that are no part of the contract.
fn foreign_imports(module: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        if let Ok(Payload::ImportSection(section)) = payload {
            for import in section.into_imports().flatten() {
                if !is_contract_import(import.module) {
                    names.push(crate::text::name(import.module));
                }
            }
        }
    }
    names.sort();
    names.dedup();
    names.truncate(40);
    names
}
