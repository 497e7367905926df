//! A scan: what the user asked for, the plugins, and the jobs that lead from a file to its report.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use wasmtime::Engine;

use crate::collect::Numbering;
use crate::families;
use crate::file_jobs::{FileScan, Job, Step};
use crate::known_bad::KnownBad;
use crate::limits::Limits;
use crate::model::{FileReport, Origin, PluginReport, Policy, Rule, ScanError, ScanReport};
use crate::plugin_info::{Builtin, LoadFailure, PluginInfo};
use crate::policy::{PolicyError, PolicyOptions, Ruleset};
use crate::result_cache::ResultCache;
use crate::reuse::Reuse;
use crate::rules::{ENGINE, rules as engine_rules};
use crate::sandbox::{self, CodeCache, Plugin, Source};
use crate::schedule::run;
use crate::search::Anchors;
use crate::spool::SpoolMemory;
use crate::targets::{Found, Target, find};

/// What the user asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// What the scan may cost.
    pub limits: Limits,
    /// Worker threads; 0 for one a processor.
    pub jobs: usize,
    /// Texts that no name may hold; case does not matter.
    pub blacklist: Vec<String>,
    /// Files that are known to be bad.
    pub known_bad: KnownBad,
    /// What counts, and which plugins run.
    pub policy: PolicyOptions,
    /// True to read all weights and say what is odd about them.
    pub weights: bool,
    /// Third-party plugins.
    pub plugin_files: Vec<PathBuf>,
    /// Folders of third-party plugins (`*.wasm`).
    pub plugin_dirs: Vec<PathBuf>,
    /// True to use the built-in plugins.
    pub builtin: bool,
    /// Folder for compiled third-party plugins; None to compile them each time.
    pub cache: Option<PathBuf>,
    /// Folder for results, so that a second scan of the same bytes is quick; None to scan everything anew.
    pub results: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            jobs: 0,
            blacklist: Vec::new(),
            known_bad: KnownBad::ours(),
            policy: PolicyOptions::default(),
            weights: false,
            plugin_files: Vec::new(),
            plugin_dirs: Vec::new(),
            builtin: true,
            cache: None,
            results: None,
        }
    }
}

/// Why there is no scanner at all.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// wasmtime can't work here.
    #[error("the sandbox can't start on this machine: {0}")]
    Sandbox(String),
    /// The policy names what there is not.
    #[error(transparent)]
    Policy(#[from] PolicyError),
}

/// Told how far a scan is.
pub trait Progress: Sync {
    /// So many files, of so many bytes in all, will be scanned.
    fn found(&self, files: u64, bytes: u64) {
        let _ = (files, bytes);
    }
    /// So many more bytes of them were looked at.
    fn advance(&self, bytes: u64) {
        let _ = bytes;
    }
    /// A file is done.
    fn finished(&self, path: &str) {
        let _ = path;
    }
}

/// Tells nobody.
pub struct Quiet;

impl Progress for Quiet {}

/// The plugins, ready to scan.
pub struct Scanner {
    pub(crate) engine: Engine,
    options: Options,
    pub(crate) limits: Arc<Limits>,
    pub(crate) plugins: Vec<Plugin>,
    failures: Vec<LoadFailure>,
    pub(crate) anchors: Anchors,
    /// Length of each anchor of each plugin.
    pub(crate) anchor_lengths: Vec<Vec<usize>>,
    blacklist: Vec<String>,
    pub(crate) numbering: Numbering,
    pub(crate) policy: Ruleset,
    results: Option<ResultCache>,
}

impl Scanner {
    /// Loads the plugins. One that can't be loaded is listed in [`Self::failures`] and fails nothing else.
    ///
    /// # Errors
    /// The sandbox can't start on this machine; the policy names rules or plugins that there are not.
    pub fn new(options: Options, builtins: &'static [Builtin]) -> Result<Self, EngineError> {
        let engine = sandbox::engine().map_err(|e| EngineError::Sandbox(format!("{e:#}")))?;
        let cache = options.cache.as_deref().map(CodeCache::new);
        let mut plugins: Vec<Plugin> = Vec::new();
        let mut failures = Vec::new();
        let builtin = builtins.iter().filter(|_| options.builtin).map(|b| (b.name.to_owned(), Ok(Source::Builtin(b))));
        let (files, unreadable) = plugin_files(&options);
        failures.extend(unreadable);
        let files = files.into_iter().map(|path| {
            let shown = crate::text::name(&path.to_string_lossy());
            let read = read_plugin(&path, options.limits.component);
            (shown.clone(), read.map(|bytes| Source::File(shown, bytes)))
        });
        for (name, source) in builtin.chain(files) {
            let loaded = source.and_then(|s| {
                Plugin::new(&engine, &options.limits, s, cache.as_ref()).map_err(|refusal| refusal.to_string())
            });
            match loaded {
                Ok(p) if p.manifest.name == ENGINE || plugins.iter().any(|q| q.manifest.name == p.manifest.name) => {
                    let reason =
                        format!("the name '{}' is taken by another plugin: rename one of them", p.manifest.name);
                    failures.push(LoadFailure { plugin: name, reason });
                }
                Ok(plugin) => plugins.push(plugin),
                Err(reason) => failures.push(LoadFailure { plugin: name, reason }),
            }
        }
        let mut first_rule = Vec::with_capacity(plugins.len());
        let mut rules = engine_rules().len();
        for plugin in &plugins {
            first_rule.push(rules);
            rules += plugin.manifest.rules.len();
        }
        let names: Vec<String> = plugins.iter().map(|p| p.manifest.name.clone()).collect();
        let known: Vec<Rule> = rules_of(&plugins).collect();
        let policy = Ruleset::new(options.policy.clone(), &known, &names)?;
        for plugin in &mut plugins {
            plugin.off = policy.off().contains(&plugin.manifest.name);
        }
        let results = options.results.as_deref().map(|folder| ResultCache::new(folder, &decides(&options, &plugins)));
        Ok(Self {
            results,
            policy,
            anchors: Anchors::new(plugins.iter().map(|p| p.anchors.as_slice())),
            anchor_lengths: plugins.iter().map(|p| p.anchors.iter().map(Vec::len).collect()).collect(),
            blacklist: options.blacklist.iter().map(|p| p.to_lowercase()).filter(|p| !p.is_empty()).collect(),
            limits: Arc::new(options.limits.clone()),
            numbering: Numbering { first_rule },
            engine,
            options,
            plugins,
            failures,
        })
    }

    /// What was asked for.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Names of the plugins that the policy switches off.
    pub fn switched_off(&self) -> &[String] {
        self.policy.off()
    }

    /// Plugins that were refused, or whose code can't be loaded.
    pub fn failures(&self) -> Vec<LoadFailure> {
        let late = self.plugins.iter().filter_map(|p| {
            let reason = p.loaded(&self.engine).err()?;
            Some(LoadFailure { plugin: p.manifest.name.clone(), reason })
        });
        self.failures.iter().cloned().chain(late).collect()
    }

    /// All plugins with their load times: loads those that were not needed yet.
    pub fn plugins(&self) -> Vec<PluginInfo> {
        let info = |p: &Plugin| {
            let loaded = p.loaded(&self.engine).ok()?;
            Some(PluginInfo {
                manifest: p.manifest.as_ref().clone(),
                origin: p.origin.clone(),
                contract: p.contract.clone(),
                size: p.size,
                load_time: loaded.load_time,
                code: loaded.code,
            })
        };
        self.plugins.iter().filter_map(info).collect()
    }

    /// Every rule with the plugin that declares it, sorted by id; the host's own under the name `engine`.
    pub fn rules(&self) -> Vec<(Rule, String)> {
        let host = engine_rules().into_iter().map(|rule| (rule, ENGINE.to_owned()));
        let declared = self
            .plugins
            .iter()
            .flat_map(|p| p.manifest.rules.iter().map(|rule| (rule.clone(), p.manifest.name.clone())));
        let mut rules: Vec<(Rule, String)> = host.chain(declared).collect();
        let key =
            |id: &str| (id.chars().take_while(|c| !c.is_ascii_digit()).collect::<String>(), id.len(), id.to_owned());
        rules.sort_by(|a, b| key(&a.0.id).cmp(&key(&b.0.id)).then_with(|| a.1.cmp(&b.1)));
        rules
    }

    /// Scans files, folders and standard input.
    pub fn scan(&self, targets: &[Target], progress: &dyn Progress) -> ScanReport {
        let started = Instant::now();
        let epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64());
        let memory = SpoolMemory::new(self.limits.spool_memory);
        let (found, mut errors, excluded) = find(targets, &memory, &self.policy);
        let found = self.within_limits(found, &mut errors);
        let bytes = found.iter().map(|f| f.size).sum();
        progress.found(found.len() as u64, bytes);

        let processors = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let jobs = if self.options.jobs == 0 { processors() } else { self.options.jobs };
        // A single small file is done before a second thread is up.
        let threads = if found.len() <= 1 && bytes < 1 << 20 { 1 } else { jobs };
        let reuse = Reuse::new(found.iter().map(|f| f.size), self.results.as_ref());
        let scans: Vec<FileScan<'_>> = found.iter().map(|found| FileScan::new(self, found, &reuse, progress)).collect();
        let opens = (0..scans.len()).map(|file| Job { file, step: Step::Open }).collect();
        run(threads, opens, |pool, job| scans[job.file].run(pool, job.file, job.step));

        let mut files = Vec::new();
        for (scan, found) in scans.into_iter().zip(&found) {
            match scan.ended() {
                Some(Ok(report)) => files.push(report),
                Some(Err(error)) => errors.push(error),
                None => errors.push(ScanError {
                    path: found.display.clone(),
                    message: "its scan broke off through a defect of modelaudit; please report it with the file"
                        .to_owned(),
                }),
            }
        }
        mark_duplicates(&mut files);
        let families = families::find(&mut files);
        for failure in &self.failures {
            errors.push(ScanError {
                path: failure.plugin.clone(),
                message: format!("this plugin was not loaded: {}", failure.reason),
            });
        }
        let host = PluginReport {
            name: ENGINE.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            origin: Origin::Builtin,
        };
        let plugins = self.plugins.iter().map(|p| PluginReport {
            name: p.manifest.name.clone(),
            version: p.manifest.version.clone(),
            origin: p.origin.clone(),
        });
        let mut report = ScanReport {
            files,
            errors,
            rules: rules_of(&self.plugins).collect(),
            plugins: std::iter::once(host).chain(plugins).collect(),
            families,
            policy: Policy::default(),
            started: epoch,
            duration: started.elapsed(),
        };
        let below = found.into_iter().filter(|f| !f.named).map(|f| (f.display, f.name)).collect();
        self.policy.apply(&mut report, &below, excluded);
        report
    }

    /// Leaves out what `--max-file-size` and `--max-total-size` forbid, and says so.
    pub(crate) fn within_limits(&self, found: Vec<Found>, errors: &mut Vec<ScanError>) -> Vec<Found> {
        let mut kept = Vec::with_capacity(found.len());
        let mut total = 0u64;
        let mut beyond: Option<(String, u64)> = None;
        for file in found {
            if let Some(limit) = self.limits.file_size.filter(|limit| file.size > *limit) {
                let message = format!("{} bytes, more than --max-file-size allows ({limit}): not scanned", file.size);
                errors.push(ScanError { path: file.display, message });
                continue;
            }
            if self.limits.total_size.is_some_and(|limit| total.saturating_add(file.size) > limit) {
                beyond.get_or_insert((file.display, 0)).1 += 1;
                continue;
            }
            total += file.size;
            kept.push(file);
        }
        if let Some((path, files)) = beyond {
            let message = format!("--max-total-size is reached here: {files} files were not scanned");
            errors.push(ScanError { path, message });
        }
        kept
    }

    /// True if the user gave a list of patterns for names.
    pub(crate) fn has_blacklist(&self) -> bool {
        !self.blacklist.is_empty()
    }

    /// The pattern of the user's list that a name holds.
    pub(crate) fn blacklisted(&self, text: &str) -> Option<&str> {
        let text = text.to_lowercase();
        self.blacklist.iter().find(|pattern| text.contains(pattern.as_str())).map(String::as_str)
    }
}

/// The host's rules and those of the plugins, numbered as findings number them.
fn rules_of(plugins: &[Plugin]) -> impl Iterator<Item = Rule> {
    engine_rules().into_iter().chain(plugins.iter().flat_map(|p| p.manifest.rules.iter().cloned()))
}

/// Everything beside a file that decides what a scan says of it.
fn decides<'a>(options: &Options, plugins: &'a [Plugin]) -> Vec<Cow<'a, [u8]>> {
    let Options { limits, blacklist, weights, .. } = options;
    let off: Vec<bool> = plugins.iter().map(|p| p.off).collect();
    let asked = serde_json::json!({ "limits": limits, "blacklist": blacklist, "weights": weights, "off": off });
    let mut parts = vec![Cow::Owned(asked.to_string().into_bytes()), Cow::Owned(options.known_bad.hashes().concat())];
    parts.extend(plugins.iter().map(|p| Cow::Borrowed(p.sha256.as_slice())));
    parts
}

/// Says of each file whose bytes stand in an earlier one, too, which that is.
fn mark_duplicates(files: &mut [FileReport]) {
    let mut first: HashMap<[u8; 32], String> = HashMap::new();
    for file in files.iter_mut().filter(|f| f.size > 0) {
        let Some(sha256) = file.artifacts.first().and_then(|a| a.sha256) else { continue };
        match first.entry(sha256) {
            Entry::Occupied(earlier) => file.duplicate_of = Some(earlier.get().clone()),
            Entry::Vacant(vacant) => {
                vacant.insert(file.path.clone());
            }
        }
    }
}

fn read_plugin(path: &std::path::Path, limit: u64) -> Result<Vec<u8>, String> {
    let meta = std::fs::metadata(path).map_err(|e| format!("can't be read: {e}"))?;
    if meta.len() > limit {
        return Err(sandbox::Refusal::TooLarge { size: meta.len(), limit }.to_string());
    }
    std::fs::read(path).map_err(|e| sandbox::Refusal::Read(e.to_string()).to_string())
}

/// The files of `--plugin` and `--plugin-dir`, and folders that can't be read.
fn plugin_files(options: &Options) -> (Vec<PathBuf>, Vec<LoadFailure>) {
    let mut files = options.plugin_files.clone();
    let mut failures = Vec::new();
    for folder in &options.plugin_dirs {
        match std::fs::read_dir(folder) {
            Ok(entries) => {
                let mut inside: Vec<PathBuf> = entries
                    .flatten()
                    .map(|e| e.path())
                    .filter(|p| p.extension().is_some_and(|e| e == "wasm"))
                    .collect();
                inside.sort();
                files.extend(inside);
            }
            Err(e) => failures.push(LoadFailure {
                plugin: crate::text::name(&folder.to_string_lossy()),
                reason: format!("the folder of plugins can't be read: {e}"),
            }),
        }
    }
    (files, failures)
}
