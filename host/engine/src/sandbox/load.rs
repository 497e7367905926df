//! Loads plugins: checks, compiles or fetches compiled code, asks for the manifest and checks that, too.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::{Component, InstancePre, Linker};

use super::cache::CodeCache;
use super::check::{Refusal, component, inspect};
use super::contract::{CONTRACT_VERSION, linker};
use super::native::{TrustedCode, load};
use super::run;
use super::state::State;
use crate::limits::Limits;
use crate::model::Origin;
use crate::plugin_info::{Builtin, Manifest};

/// Where a plugin's code comes from.
pub enum Source {
    /// The binary itself.
    Builtin(&'static Builtin),
    /// A file of the user: its path as given, and its bytes.
    File(String, Vec<u8>),
}

/// A plugin that was accepted. Its machine code is loaded when it is first needed.
pub struct Plugin {
    /// What it says of itself, checked.
    pub manifest: Arc<Manifest>,
    /// The anchors, shared with every scan.
    pub anchors: Arc<Vec<Vec<u8>>>,
    /// Where it comes from.
    pub origin: Origin,
    /// Contract version.
    pub contract: String,
    /// Size of the component.
    pub size: u64,
    /// SHA-256 of the component.
    pub sha256: [u8; 32],
    /// True if the user does not want it to run: it still says which files are its own, so that they are not called clean.
    pub off: bool,
    builtin: Option<&'static Builtin>,
    loaded: OnceLock<Result<Loaded, String>>,
}

/// Machine code, ready to be instantiated.
pub struct Loaded {
    pub(super) pre: InstancePre<State>,
    /// How long it took.
    pub load_time: Duration,
    /// How the code came about.
    pub code: &'static str,
}

impl Plugin {
    /// Accepts a plugin or says why not.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(engine: &Engine, limits: &Limits, source: Source, cache: Option<&CodeCache>) -> Result<Self, Refusal> {
        match source {
            Source::Builtin(builtin) => {
                // Its manifest was asked for at build time, so a plugin that an input does not need costs nothing.
                let manifest: Manifest =
                    serde_json::from_str(builtin.manifest).map_err(|e| Refusal::Manifest(e.to_string()))?;
                let wasm = (builtin.wasm.len() as u64, builtin.sha256);
                Ok(Self::accepted(manifest, Origin::Builtin, wasm, Some(builtin)))
            }
            Source::File(path, bytes) => {
                let size = bytes.len() as u64;
                if size > limits.component {
                    return Err(Refusal::TooLarge { size, limit: limits.component });
                }
                let wasm = component(bytes)?;
                inspect(&wasm)?;
                let started = Instant::now();
                let (component, code) = compile(engine, &wasm, cache)?;
                let loaded = link(engine, component, started, code).map_err(Refusal::Unfit)?;
                let manifest = run::describe(&loaded, limits).map_err(Refusal::Describe)?;
                check_manifest(&manifest).map_err(Refusal::Manifest)?;
                let plugin = Self::accepted(manifest, Origin::File(path), (size, digest(&wasm)), None);
                plugin.loaded.set(Ok(loaded)).unwrap_or_else(|_| unreachable!("a new plugin has no code yet"));
                Ok(plugin)
            }
        }
    }

    fn accepted(
        manifest: Manifest,
        origin: Origin,
        (size, sha256): (u64, [u8; 32]),
        builtin: Option<&'static Builtin>,
    ) -> Self {
        Self {
            anchors: Arc::new(manifest.anchors.clone()),
            manifest: Arc::new(manifest),
            origin,
            contract: CONTRACT_VERSION.to_owned(),
            size,
            sha256,
            off: false,
            builtin,
            loaded: OnceLock::new(),
        }
    }

    /// Its machine code; loaded on the first call.
    ///
    /// # Errors
    /// A built-in's code can be neither loaded nor compiled.
    pub fn loaded(&self, engine: &Engine) -> Result<&Loaded, String> {
        let loaded = self.loaded.get_or_init(|| {
            let started = Instant::now();
            let builtin = self.builtin.expect("a plugin out of a file is loaded when it is made");
            // On a processor that the ahead-of-time code was not made for, the WebAssembly is compiled instead.
            let (component, code) = match load(engine, &TrustedCode::built_in(builtin.native)) {
                Ok(component) => (component, "ahead of time"),
                Err(_) => (Component::new(engine, builtin.wasm).map_err(|e| format!("{e:#}"))?, "compiled"),
            };
            link(engine, component, started, code)
        });
        loaded.as_ref().map_err(Clone::clone)
    }
}

/// SHA-256 of a component: which plugin a kept result is from.
pub fn digest(wasm: &[u8]) -> [u8; 32] {
    Sha256::digest(wasm).into()
}

fn compile(engine: &Engine, wasm: &[u8], cache: Option<&CodeCache>) -> Result<(Component, &'static str), Refusal> {
    let entry = cache.and_then(|c| c.load(wasm));
    if let Some(Ok(component)) = entry.map(|entry| load(engine, &TrustedCode::cached(&entry))) {
        return Ok((component, "cache"));
    }
    let component =
        Component::new(engine, wasm).map_err(|e| Refusal::Malformed(crate::text::name(&format!("{e:#}"))))?;
    if let (Some(cache), Ok(code)) = (cache, component.serialize()) {
        // A cache that can't be written costs time, nothing else.
        let _ = cache.store(wasm, &code);
    }
    Ok((component, "compiled"))
}

fn link(engine: &Engine, component: Component, started: Instant, code: &'static str) -> Result<Loaded, String> {
    let linker: Linker<State> = linker(engine).map_err(|e| format!("{e:#}"))?;
    let pre = linker.instantiate_pre(&component).map_err(|e| crate::text::name(&format!("{e:#}")))?;
    Ok(Loaded { pre, load_time: started.elapsed(), code })
}

/// Asks a component for its manifest: what the build script puts beside a built-in.
///
/// # Errors
/// The component does not pass the checks that every plugin passes.
pub fn describe(wasm: Vec<u8>) -> Result<Manifest, Refusal> {
    let engine = super::config::engine().map_err(|e| Refusal::Unfit(e.to_string()))?;
    let limits = Limits::default();
    let plugin = Plugin::new(&engine, &limits, Source::File("built-in".to_owned(), wasm), None)?;
    Ok(plugin.manifest.as_ref().clone())
}

/// The rules of wit/ for a manifest.
fn check_manifest(manifest: &Manifest) -> Result<(), String> {
    let identifier = |text: &str| {
        (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let printable = |text: &str, limit: usize| !crate::text::printable(text, limit).1;
    if !identifier(&manifest.name) {
        return Err(format!(
            "name '{}' is not 1 to 64 lower-case letters, digits and '-'",
            crate::text::name(&manifest.name)
        ));
    }
    for text in [&manifest.version, &manifest.summary, &manifest.homepage] {
        if !printable(text, 1024) {
            return Err("version, summary or homepage has control characters or more than 1,024 bytes".to_owned());
        }
    }
    if manifest.formats.len() > 256 || manifest.anchors.len() > 256 || manifest.rules.len() > 1024 {
        return Err("more than 256 formats, 256 anchors or 1,024 rules".to_owned());
    }
    for format in &manifest.formats {
        if !identifier(&format.id) || !printable(&format.title, 256) {
            return Err(format!("format id '{}' or its title is not valid", crate::text::name(&format.id)));
        }
        let names = format.extensions.iter().chain(&format.file_names);
        if format.extensions.len() + format.file_names.len() > 256 || names.into_iter().any(|n| !printable(n, 256)) {
            return Err(format!("extensions or file names of format '{}' are not valid", format.id));
        }
        let bad = |m: &crate::plugin_info::Magic| {
            m.offset > 1 << 20
                || !(2..=64).contains(&m.bytes.len())
                || !(m.mask.is_empty() || m.mask.len() == m.bytes.len())
        };
        if format.magics.len() > 64 || format.first_bytes.len() > 512 || format.magics.iter().any(bad) {
            return Err(format!("a magic of format '{}' is not 2 to 64 bytes in the first 1 MiB", format.id));
        }
    }
    if manifest.anchors.iter().any(|a| !(2..=64).contains(&a.len())) {
        return Err("an anchor is not 2 to 64 bytes long".to_owned());
    }
    let mut ids: Vec<&str> = manifest.rules.iter().map(|r| r.id.as_str()).collect();
    ids.sort_unstable();
    if ids.windows(2).any(|w| w[0] == w[1]) {
        return Err("a rule is declared twice".to_owned());
    }
    for rule in &manifest.rules {
        let id = (1..=64).contains(&rule.id.len()) && rule.id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let texts = [&rule.title, &rule.why, &rule.remedy];
        if !id
            || texts.iter().any(|t| t.is_empty() || !printable(t, 4096))
            || rule.references.iter().any(|r| !printable(r, 1024))
        {
            return Err(format!(
                "rule '{}' lacks a title, why or remedy, or has unprintable text",
                crate::text::name(&rule.id)
            ));
        }
    }
    Ok(())
}
