//! A scan: what the user asked for, the plugins, and the jobs that lead from a file to its report.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Instant, SystemTime};

use wasmtime::Engine;

use crate::bytes::MemoryBytes;
use crate::collect::{self, Numbering};
use crate::file_scan::{EngineFinding, Tree};
use crate::identify::{Claim, identify};
use crate::limits::Limits;
use crate::model::{FileReport, Origin, PluginReport, Policy, Rule, ScanError, ScanReport};
use crate::plugin_info::{Builtin, LoadFailure, PluginInfo};
use crate::policy;
use crate::rules::{BLACKLIST, ENGINE, rules as engine_rules};
use crate::sandbox::{self, CodeCache, Outcome, Plugin, Source, Task};
use crate::schedule::{Pool, lock, run};
use crate::search::{Anchors, PassError};
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
    /// True to warn of code that nobody reviewed (unknown packages, bytecode, custom classes), which is a fact else.
    pub strict: bool,
    /// Third-party plugins.
    pub plugin_files: Vec<PathBuf>,
    /// Folders of third-party plugins (`*.wasm`).
    pub plugin_dirs: Vec<PathBuf>,
    /// True to use the built-in plugins.
    pub builtin: bool,
    /// Folder for compiled third-party plugins; None to compile them each time.
    pub cache: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            jobs: 0,
            blacklist: Vec::new(),
            strict: false,
            plugin_files: Vec::new(),
            plugin_dirs: Vec::new(),
            builtin: true,
            cache: None,
        }
    }
}

/// Why there is no scanner at all.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// wasmtime can't work here.
    #[error("the sandbox can't start on this machine: {0}")]
    Sandbox(String),
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
    engine: Engine,
    options: Options,
    limits: Arc<Limits>,
    plugins: Vec<Plugin>,
    failures: Vec<LoadFailure>,
    anchors: Anchors,
    /// Length of each anchor of each plugin.
    anchor_lengths: Vec<Vec<usize>>,
    blacklist: Vec<String>,
    numbering: Numbering,
}

impl Scanner {
    /// Loads the plugins. One that can't be loaded is listed in [`Self::failures`] and fails nothing else.
    ///
    /// # Errors
    /// The sandbox can't start on this machine.
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
        Ok(Self {
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
        let (found, mut errors) = find(targets, &memory);
        let found = self.within_limits(found, &mut errors);
        let bytes = found.iter().map(|f| f.size).sum();
        progress.found(found.len() as u64, bytes);

        let processors = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let jobs = if self.options.jobs == 0 { processors() } else { self.options.jobs };
        // A single small file is done before a second thread is up.
        let threads = if found.len() <= 1 && bytes < 1 << 20 { 1 } else { jobs };
        let scans: Vec<FileScan<'_>> = found.iter().map(|found| FileScan::new(self, found, progress)).collect();
        let opens = (0..scans.len()).map(|file| Job { file, step: Step::Open }).collect();
        run(threads, opens, |pool, job| scans[job.file].run(pool, job.file, job.step));

        let mut files = Vec::new();
        for (scan, found) in scans.into_iter().zip(&found) {
            match scan.ended.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
                Some(Ok(report)) => files.push(report),
                Some(Err(error)) => errors.push(error),
                None => errors.push(ScanError {
                    path: found.display.clone(),
                    message: "its scan broke off through a defect of modelaudit; please report it with the file"
                        .to_owned(),
                }),
            }
        }
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
            rules: engine_rules()
                .into_iter()
                .chain(self.plugins.iter().flat_map(|p| p.manifest.rules.iter().cloned()))
                .collect(),
            plugins: std::iter::once(host).chain(plugins).collect(),
            families: Vec::new(),
            policy: Policy::default(),
            started: epoch,
            duration: started.elapsed(),
        };
        if self.options.strict {
            policy::strict(&mut report);
        }
        report
    }

    /// Leaves out what `--max-file-size` and `--max-total-size` forbid, and says so.
    fn within_limits(&self, found: Vec<Found>, errors: &mut Vec<ScanError>) -> Vec<Found> {
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

    fn blacklisted(&self, text: &str) -> Option<&str> {
        let text = text.to_lowercase();
        self.blacklist.iter().find(|pattern| text.contains(pattern.as_str())).map(String::as_str)
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

/// The next thing to do for a file.
enum Step {
    /// Open it.
    Open,
    /// Find out what an artifact is, and walk over its bytes.
    Inspect(usize),
    /// Let a plugin scan an artifact: node, and index of its task.
    Scan(usize, usize),
}

struct Job {
    file: usize,
    step: Step,
}

/// A file on its way.
struct FileScan<'a> {
    scanner: &'a Scanner,
    found: &'a Found,
    progress: &'a dyn Progress,
    tree: Mutex<Option<Tree>>,
    wave: Mutex<Vec<usize>>,
    outstanding: AtomicUsize,
    ended: Mutex<Option<Result<FileReport, ScanError>>>,
}

impl<'a> FileScan<'a> {
    fn new(scanner: &'a Scanner, found: &'a Found, progress: &'a dyn Progress) -> Self {
        Self {
            scanner,
            found,
            progress,
            tree: Mutex::new(None),
            wave: Mutex::new(Vec::new()),
            outstanding: AtomicUsize::new(0),
            ended: Mutex::new(None),
        }
    }

    fn run(&self, pool: &Pool<Job>, file: usize, step: Step) {
        match step {
            Step::Open => match self.found.open() {
                Ok(bytes) => {
                    let tree = Tree::new(self.found.name.clone(), bytes, self.found.siblings(), &self.scanner.limits);
                    *lock(&self.tree) = Some(tree);
                    self.begin_wave(pool, file, vec![0]);
                }
                Err(e) => {
                    let message = format!("can't be opened: {e}");
                    *lock(&self.ended) = Some(Err(ScanError { path: self.found.display.clone(), message }));
                }
            },
            Step::Inspect(node) => {
                // A panic is a defect of ours; it must neither hang the file nor make it clean.
                let claims = catch_unwind(AssertUnwindSafe(|| self.inspect(node))).unwrap_or_else(|_| {
                    self.with_tree(|tree| tree.nodes[node].gap("a defect of modelaudit: looking at it broke off"));
                    Vec::new()
                });
                let count = claims.len();
                self.with_tree(|tree| tree.nodes[node].tasks = claims.into_iter().map(|c| (c, None)).collect());
                self.outstanding.fetch_add(count, Ordering::AcqRel);
                pool.first((0..count).map(|task| Job { file, step: Step::Scan(node, task) }).collect::<Vec<_>>());
                self.one_done(pool, file);
            }
            Step::Scan(node, task) => {
                let outcome = catch_unwind(AssertUnwindSafe(|| self.scan(node, task))).unwrap_or_else(|_| Outcome {
                    incomplete: vec!["a defect of modelaudit: the scan broke off".to_owned()],
                    ..Outcome::default()
                });
                self.with_tree(|tree| tree.nodes[node].tasks[task].1 = Some(outcome));
                self.one_done(pool, file);
            }
        }
    }

    fn with_tree<R>(&self, with: impl FnOnce(&mut Tree) -> R) -> R {
        with(lock(&self.tree).as_mut().expect("a file has a tree from its opening to its end"))
    }

    fn begin_wave(&self, pool: &Pool<Job>, file: usize, wave: Vec<usize>) {
        self.outstanding.store(wave.len(), Ordering::Release);
        let jobs: Vec<Job> = wave.iter().map(|node| Job { file, step: Step::Inspect(*node) }).collect();
        *lock(&self.wave) = wave;
        pool.first(jobs);
    }

    /// The last job of a wave merges it, and begins the next or ends the file.
    fn one_done(&self, pool: &Pool<Job>, file: usize) {
        if self.outstanding.fetch_sub(1, Ordering::AcqRel) > 1 {
            return;
        }
        let wave = std::mem::take(&mut *lock(&self.wave));
        let next = self.with_tree(|tree| tree.merge(&wave));
        if !next.is_empty() {
            return self.begin_wave(pool, file, next);
        }
        let Some(mut tree) = lock(&self.tree).take() else { return };
        self.match_blacklist(&mut tree);
        let scanner = self.scanner;
        let path = self.found.display.clone();
        let report = collect::report(tree, path, self.found.named, &scanner.plugins, &scanner.numbering);
        *lock(&self.ended) = Some(Ok(report));
        self.progress.finished(&self.found.display);
    }

    /// Finds out what an artifact is, hashes it and finds its anchors. Returns who will scan it.
    fn inspect(&self, node: usize) -> Vec<Claim> {
        let (bytes, name, hint, deadline, inherited, top) = self.with_tree(|tree| {
            let inherited = tree.inherited(node, &self.scanner.anchor_lengths);
            let n = &tree.nodes[node];
            (n.bytes.clone(), n.name.clone(), n.hint.clone(), tree.deadline, inherited, n.parent.is_none())
        });
        let Some(bytes) = bytes else { return Vec::new() };
        let scanner = self.scanner;
        let identified = identify(&scanner.engine, &scanner.limits, &scanner.plugins, bytes.as_ref(), &name, &hint);
        let advance = |n: u64| {
            if top {
                self.progress.advance(n);
            }
        };
        let pass = scanner.anchors.pass(bytes.as_ref(), inherited, deadline, &advance);
        let mut claims = self.with_tree(|tree| {
            let node = &mut tree.nodes[node];
            match identified {
                Ok((claims, gaps)) => {
                    node.gaps.extend(gaps);
                    claims
                }
                Err(e) => {
                    node.gap(format!("reading the file failed: {e}"));
                    Vec::new()
                }
            }
        });
        match pass {
            Ok(pass) => {
                let analysers = scanner.plugins.iter().enumerate().filter(|(index, p)| {
                    p.manifest.formats.is_empty() && (p.anchors.is_empty() || pass.hits[*index].any())
                });
                claims.extend(analysers.map(|(plugin, _)| Claim { plugin, format: String::new(), by_name: false }));
                self.with_tree(|tree| tree.nodes[node].pass = Some(pass));
            }
            Err(e) => self.with_tree(|tree| {
                tree.nodes[node].gap(match e {
                    PassError::Read(e) => format!("reading the file failed, did it change? {e}"),
                    PassError::TimedOut => {
                        let limit = scanner.limits.timeout.as_secs();
                        format!("the time limit of {limit} s for this file is over; raise it with --timeout")
                    }
                });
            }),
        }
        claims
    }

    fn scan(&self, node: usize, task: usize) -> Outcome {
        let scanner = self.scanner;
        let (claim, task) = self.with_tree(|tree| {
            let n = &tree.nodes[node];
            let claim = n.tasks[task].0.clone();
            let plugin = &scanner.plugins[claim.plugin];
            let task = Task {
                name: n.name.clone(),
                lineage: tree.lineage(node),
                siblings: Arc::clone(&n.siblings),
                bytes: n.bytes.clone().unwrap_or_else(|| Arc::new(MemoryBytes(Vec::new()))),
                hits: n.pass.as_ref().map(|p| p.hits[claim.plugin].clone()).unwrap_or_default(),
                anchors: Arc::clone(&plugin.anchors),
                unpacked: tree.unpacked_left,
                children: tree.children_left,
                spool: Arc::clone(&tree.spool),
                deadline: tree.deadline,
                limits: Arc::clone(&scanner.limits),
            };
            (claim, task)
        });
        let plugin = &scanner.plugins[claim.plugin];
        match plugin.loaded(&scanner.engine) {
            Ok(loaded) => sandbox::scan(loaded, &plugin.manifest, task, &claim.format),
            Err(reason) => Outcome { incomplete: vec![reason.to_owned()], ..Outcome::default() },
        }
    }

    /// Names of the file, of its parts and of the model (facts whose key ends in `name`) against the user's list.
    fn match_blacklist(&self, tree: &mut Tree) {
        if self.scanner.blacklist.is_empty() {
            return;
        }
        for node in &mut tree.nodes {
            let facts = node.tasks.iter().filter_map(|(_, outcome)| outcome.as_ref()).flat_map(|o| &o.facts);
            let names = facts
                .filter(|(key, _)| key.ends_with("name"))
                .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)));
            let hit = std::iter::once(("name", node.name.as_str()))
                .chain(names)
                .find_map(|(key, text)| Some((key, text, self.scanner.blacklisted(text)?)));
            if let Some((key, text, pattern)) = hit {
                let message = format!("{} '{}' holds '{pattern}'", key.replace('_', " "), crate::text::name(text));
                let details = vec![("pattern".to_owned(), pattern.to_owned())];
                node.findings.push(EngineFinding { rule: BLACKLIST, message, details });
            }
        }
    }
}
