//! `modelaudit doctor`: what is there, what is not, and why.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Result;
use modelaudit_engine::limits::Limits;
use modelaudit_engine::model::Origin;
use modelaudit_engine::{Format, LoadFailure, PluginInfo, Scanner};
use modelaudit_report::amount::{count, size};
use modelaudit_report::json;
use modelaudit_report::place::printable;
use serde::Serialize;

use crate::args::DoctorArgs;
use crate::output::Output;

#[derive(Serialize)]
struct Checkup {
    version: &'static str,
    sandbox: String,
    cache: Option<PathBuf>,
    limits: Limits,
    /// None if only failures were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    plugins: Option<Vec<Plugin>>,
    failures: Vec<LoadFailure>,
}

#[derive(Serialize)]
struct Plugin {
    name: String,
    version: String,
    summary: String,
    homepage: String,
    formats: Vec<PluginFormat>,
    rules: Vec<String>,
    origin: Origin,
    contract: String,
    /// Bytes of the component.
    size: u64,
    /// Milliseconds.
    load_time_ms: f64,
    code: &'static str,
}

#[derive(Serialize)]
struct PluginFormat {
    id: String,
    title: String,
    extensions: Vec<String>,
    file_names: Vec<String>,
}

impl From<PluginInfo> for Plugin {
    fn from(info: PluginInfo) -> Self {
        let manifest = info.manifest;
        Self {
            name: manifest.name,
            version: manifest.version,
            summary: manifest.summary,
            homepage: manifest.homepage,
            formats: manifest.formats.into_iter().map(PluginFormat::from).collect(),
            rules: manifest.rules.into_iter().map(|r| r.id).collect(),
            origin: info.origin,
            contract: info.contract,
            size: info.size,
            load_time_ms: info.load_time.as_micros() as f64 / 1000.0,
            code: info.code,
        }
    }
}

impl From<Format> for PluginFormat {
    fn from(format: Format) -> Self {
        Self { id: format.id, title: format.title, extensions: format.extensions, file_names: format.file_names }
    }
}

/// Loads every plugin and shows what came of it. The exit code is 1 for failures that `--show-failed` asked for, otherwise 0.
pub fn run(args: &DoctorArgs) -> Result<u8> {
    let scanner = Scanner::new(args.plugins.options(), modelaudit_builtin::PLUGINS)?;
    // Loads them all: only then are the failures known.
    let plugins = scanner.plugins();
    let failures = scanner.failures();
    let failed = args.show_failed && !failures.is_empty();
    let checkup = Checkup {
        version: modelaudit_report::VERSION,
        sandbox: modelaudit_engine::sandbox_version(),
        cache: scanner.options().cache.clone(),
        limits: scanner.options().limits.clone(),
        plugins: (!args.show_failed).then(|| plugins.into_iter().map(Plugin::from).collect()),
        failures,
    };
    Output::Stdout.write(|out| match (args.json, args.show_failed) {
        (true, _) => json::pretty(&checkup, out),
        (false, true) => failures_text(&checkup.failures, out),
        (false, false) => text(&checkup, out),
    })?;
    Ok(u8::from(failed))
}

fn text(checkup: &Checkup, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "modelaudit {}", checkup.version)?;
    writeln!(out, "sandbox  {}", checkup.sandbox)?;
    match &checkup.cache {
        Some(path) => writeln!(out, "cache    {}", printable(&path.to_string_lossy()))?,
        None => writeln!(out, "cache    none: third-party plugins are compiled each time")?,
    }
    let limits = &checkup.limits;
    writeln!(
        out,
        "limits   a file: {} s, {} levels, {} parts, {} unpacked; a plugin: {} of memory, {} of stack, {} findings",
        limits.timeout.as_secs(),
        limits.depth,
        limits.children,
        size(limits.unpacked),
        size(limits.memory as u64),
        size(limits.wasm_stack as u64),
        limits.findings
    )?;
    let plugins = checkup.plugins.as_deref().unwrap_or_default();
    writeln!(out, "plugins  {}", plugins.len())?;
    for plugin in plugins {
        writeln!(out)?;
        plugin_text(plugin, out)?;
    }
    if !checkup.failures.is_empty() {
        writeln!(out)?;
        failures_text(&checkup.failures, out)?;
    }
    Ok(())
}

fn plugin_text(plugin: &Plugin, out: &mut dyn Write) -> io::Result<()> {
    let line = |key: &str, text: &str| format!("  {key:<8} {}", printable(text));
    writeln!(out, "{} {}", printable(&plugin.name), printable(&plugin.version))?;
    writeln!(out, "  {}", printable(&plugin.summary))?;
    let formats: Vec<_> = plugin.formats.iter().map(|f| f.id.as_str()).collect();
    let formats = if formats.is_empty() { "an analyser, looks at every file".to_owned() } else { formats.join(", ") };
    writeln!(out, "{}", line("formats", &formats))?;
    writeln!(out, "{}", line("rules", &plugin.rules.join(", ")))?;
    writeln!(out, "{}", line("origin", &plugin.origin.to_string()))?;
    let code = format!(
        "contract {}, {}, loaded in {:.1} ms ({})",
        plugin.contract,
        size(plugin.size),
        plugin.load_time_ms,
        plugin.code
    );
    writeln!(out, "{}", line("code", &code))
}

fn failures_text(failures: &[LoadFailure], out: &mut dyn Write) -> io::Result<()> {
    if failures.is_empty() {
        return writeln!(out, "every plugin could be loaded");
    }
    writeln!(out, "{} could not be loaded", count(failures.len() as u64, "plugin"))?;
    for failure in failures {
        writeln!(out, "  {}: {}", printable(&failure.plugin), printable(&failure.reason))?;
    }
    Ok(())
}
