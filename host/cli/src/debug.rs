//! `modelaudit debug`: what a bug report needs and nothing that is private. Folders are shown below `~`, variables by name only.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use anyhow::Result;
use modelaudit_engine::{LoadFailure, Scanner};
use modelaudit_report::amount::{count, size};
use modelaudit_report::json;
use modelaudit_report::place::printable;
use serde::Serialize;

use crate::args::DebugArgs;
use crate::output::Output;
use crate::{config, terminal};

/// Variables that change what we do, but for those of [`terminal::CI`].
const VARIABLES: [&str; 12] = [
    "NO_COLOR",
    "CLICOLOR",
    "CLICOLOR_FORCE",
    "TERM",
    "COLUMNS",
    "HOME",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "APPDATA",
    "LOCALAPPDATA",
    "TMPDIR",
    "TEMP",
];
/// Entries of a folder that are added up.
const ENTRIES: usize = 1_000_000;

#[derive(Serialize)]
struct Facts {
    version: &'static str,
    sandbox: String,
    platform: Platform,
    terminal: Terminal,
    plugins: Plugins,
    cache: Option<Folder>,
    /// Files with settings that are there.
    configuration: Vec<String>,
    /// Names of variables that are set.
    variables: Vec<&'static str>,
}

#[derive(Serialize)]
struct Platform {
    system: &'static str,
    /// As the system calls itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    release: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kernel: Option<String>,
    architecture: &'static str,
    cpu_features: Vec<&'static str>,
    processors: usize,
}

#[derive(Serialize)]
struct Terminal {
    colour: bool,
    columns: usize,
    ci: bool,
}

#[derive(Serialize)]
struct Plugins {
    loaded: usize,
    /// How the code of how many of them came about.
    code: BTreeMap<&'static str, usize>,
    third_party: Vec<String>,
    failures: Vec<LoadFailure>,
}

#[derive(Serialize)]
struct Folder {
    path: String,
    exists: bool,
    files: u64,
    bytes: u64,
}

/// Collects and shows it.
pub fn run(args: &DebugArgs) -> Result<u8> {
    let scanner = Scanner::new(args.plugins.options(), modelaudit_builtin::PLUGINS)?;
    let facts = facts(&scanner);
    Output::Stdout.write(|out| if args.json { json::pretty(&facts, out) } else { text(&facts, out) })?;
    Ok(0)
}

fn facts(scanner: &Scanner) -> Facts {
    let plugins = scanner.plugins();
    let mut code = BTreeMap::new();
    plugins.iter().for_each(|p| *code.entry(p.code).or_default() += 1);
    let third_party = plugins.iter().filter(|p| p.origin != modelaudit_engine::model::Origin::Builtin);
    let third_party = third_party.map(|p| format!("{} {}", p.manifest.name, p.manifest.version)).collect();
    let failures = scanner.failures().into_iter().map(|f| LoadFailure { plugin: without_home(&f.plugin), ..f });
    let variables = VARIABLES.into_iter().chain(terminal::CI).filter(|name| std::env::var_os(name).is_some());
    Facts {
        version: modelaudit_report::VERSION,
        sandbox: modelaudit_engine::sandbox_version(),
        platform: Platform {
            system: std::env::consts::OS,
            release: release(),
            kernel: first_line("/proc/sys/kernel/osrelease"),
            architecture: std::env::consts::ARCH,
            cpu_features: cpu_features(),
            processors: std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
        },
        terminal: Terminal { colour: terminal::color(), columns: terminal::width(), ci: terminal::is_ci() },
        plugins: Plugins { loaded: plugins.len(), code, third_party, failures: failures.collect() },
        cache: scanner.options().cache.as_deref().map(|plugins| folder(plugins.parent().unwrap_or(plugins))),
        configuration: config::places().iter().filter(|p| p.exists()).map(|p| shown(p)).collect(),
        variables: variables.collect(),
    }
}

fn text(facts: &Facts, out: &mut dyn Write) -> io::Result<()> {
    let Facts { platform, terminal, plugins, .. } = facts;
    let mut line = |key: &str, text: &str| writeln!(out, "{key:<9} {}", printable(text));
    line("version", facts.version)?;
    line("sandbox", &facts.sandbox)?;
    let names = [platform.release.as_deref(), platform.kernel.as_deref()];
    let names = names.into_iter().flatten().fold(String::new(), |all, name| all + ", " + name);
    line("system", &format!("{}{names}", platform.system))?;
    let features = platform.cpu_features.join(" ");
    line("processor", &format!("{}, {} of them, {features}", platform.architecture, platform.processors))?;
    let yes = |b: bool| if b { "yes" } else { "no" };
    line(
        "terminal",
        &format!("{} columns, colour {}, ci {}", terminal.columns, yes(terminal.colour), yes(terminal.ci)),
    )?;
    let code: Vec<_> = plugins.code.iter().map(|(how, n)| format!("{n} {how}")).collect();
    line("plugins", &format!("{} ({})", plugins.loaded, code.join(", ")))?;
    plugins.third_party.iter().try_for_each(|plugin| line("", &format!("third party: {plugin}")))?;
    plugins.failures.iter().try_for_each(|f| line("", &format!("not loaded: {}: {}", f.plugin, f.reason)))?;
    line(
        "cache",
        &match &facts.cache {
            None => "none".to_owned(),
            Some(f) if !f.exists => format!("{}, not there yet", f.path),
            Some(f) => format!("{}, {} of {}", f.path, count(f.files, "file"), size(f.bytes)),
        },
    )?;
    let or_none = |list: String| if list.is_empty() { "none".to_owned() } else { list };
    line("settings", &or_none(facts.configuration.join(", ")))?;
    line("variables", &or_none(facts.variables.join(" ")))
}

fn release() -> Option<String> {
    let text = std::fs::read_to_string("/etc/os-release").ok()?;
    let name = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    Some(name.trim_matches('"').to_owned())
}

fn first_line(path: &str) -> Option<String> {
    std::fs::read_to_string(path).ok()?.lines().next().map(str::to_owned)
}

/// Those that decide whether code that was compiled ahead runs here.
fn cpu_features() -> Vec<&'static str> {
    #[cfg(target_arch = "x86_64")]
    {
        let all = [
            ("sse4.2", std::arch::is_x86_feature_detected!("sse4.2")),
            ("popcnt", std::arch::is_x86_feature_detected!("popcnt")),
            ("avx", std::arch::is_x86_feature_detected!("avx")),
            ("avx2", std::arch::is_x86_feature_detected!("avx2")),
            ("bmi1", std::arch::is_x86_feature_detected!("bmi1")),
            ("bmi2", std::arch::is_x86_feature_detected!("bmi2")),
            ("lzcnt", std::arch::is_x86_feature_detected!("lzcnt")),
            ("fma", std::arch::is_x86_feature_detected!("fma")),
            ("sha", std::arch::is_x86_feature_detected!("sha")),
            ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
        ];
        all.into_iter().filter(|(_, there)| *there).map(|(name, _)| name).collect()
    }
    #[cfg(target_arch = "aarch64")]
    {
        let all = [
            ("neon", std::arch::is_aarch64_feature_detected!("neon")),
            ("lse", std::arch::is_aarch64_feature_detected!("lse")),
            ("sha2", std::arch::is_aarch64_feature_detected!("sha2")),
        ];
        all.into_iter().filter(|(_, there)| *there).map(|(name, _)| name).collect()
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    Vec::new()
}

fn folder(path: &Path) -> Folder {
    let (mut files, mut bytes) = (0, 0);
    let mut todo = vec![path.to_owned()];
    let mut seen = 0;
    while let Some(entries) = todo.pop().map(std::fs::read_dir) {
        for entry in entries.into_iter().flatten().flatten() {
            seen += 1;
            match entry.metadata() {
                Ok(meta) if meta.is_dir() && seen < ENTRIES => todo.push(entry.path()),
                Ok(meta) if meta.is_file() => {
                    files += 1;
                    bytes += meta.len();
                }
                _ => {}
            }
        }
    }
    Folder { path: shown(path), exists: path.exists(), files, bytes }
}

fn shown(path: &Path) -> String {
    without_home(&path.to_string_lossy())
}

/// The text with the user's folder as `~`: its name is often that of a person.
fn without_home(text: &str) -> String {
    match std::env::home_dir().as_deref().filter(|h| h.components().count() > 1) {
        Some(home) => text.replace(&*home.to_string_lossy(), "~"),
        None => text.to_owned(),
    }
}
