//! The jobs that lead from a file to its report: open it, look at each artifact, let plugins scan it, wave after wave.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::bytes::MemoryBytes;
use crate::collect;
use crate::file_scan::{EngineFinding, Tree};
use crate::identify::{Claim, identify};
use crate::model::{FileReport, ScanError};
use crate::redaction;
use crate::reuse::{Circumstances, Kept, Reuse};
use crate::rules::{BLACKLIST, KNOWN_BAD};
use crate::sandbox::{self, Outcome, Task};
use crate::scanner::{Progress, Scanner};
use crate::schedule::{Pool, lock};
use crate::search::PassError;
use crate::targets::Found;
use crate::weights::{self, Weighed};

/// The next thing to do for a file.
pub enum Step {
    /// Open it.
    Open,
    /// Find out what an artifact is, and walk over its bytes.
    Inspect(usize),
    /// Let a plugin scan an artifact: node, and index of its task.
    Scan(usize, usize),
    /// Look at the weights of an artifact: node, and index of the first tensor of a share.
    Weigh(usize, usize),
}

/// A job of the pool.
pub struct Job {
    /// Index of the file.
    pub file: usize,
    /// What is to do.
    pub step: Step,
}

/// A file on its way.
pub struct FileScan<'a> {
    scanner: &'a Scanner,
    found: &'a Found,
    reuse: &'a Reuse<'a>,
    progress: &'a dyn Progress,
    tree: Mutex<Option<Tree>>,
    wave: Mutex<Vec<usize>>,
    outstanding: AtomicUsize,
    ended: Mutex<Option<Result<FileReport, ScanError>>>,
}

impl<'a> FileScan<'a> {
    /// A file that was found and not opened yet; its first job is [`Step::Open`].
    pub fn new(scanner: &'a Scanner, found: &'a Found, reuse: &'a Reuse<'a>, progress: &'a dyn Progress) -> Self {
        Self {
            scanner,
            found,
            reuse,
            progress,
            tree: Mutex::new(None),
            wave: Mutex::new(Vec::new()),
            outstanding: AtomicUsize::new(0),
            ended: Mutex::new(None),
        }
    }

    /// Does a job, and puts those that follow from it into the pool.
    pub fn run(&self, pool: &Pool<Job>, file: usize, step: Step) {
        match step {
            Step::Open => match self.found.open() {
                Ok(bytes) => {
                    let tree = Tree::new(
                        self.found.name.clone(),
                        bytes,
                        Arc::clone(&self.found.siblings),
                        &self.scanner.limits,
                    );
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
            Step::Weigh(node, first) => {
                let weighed = catch_unwind(AssertUnwindSafe(|| self.weigh(node, first))).unwrap_or_else(|_| Weighed {
                    gaps: vec!["a defect of modelaudit: looking at the weights broke off".to_owned()],
                    ..Weighed::default()
                });
                self.with_tree(|tree| tree.nodes[node].weighed.insert(first, weighed));
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

    /// How it ended; None if it never did, which is a defect.
    pub fn ended(self) -> Option<Result<FileReport, ScanError>> {
        self.ended.into_inner().unwrap_or_else(PoisonError::into_inner)
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
        let weighs = self.weighs(&wave);
        if !weighs.is_empty() {
            self.outstanding.store(weighs.len(), Ordering::Release);
            *lock(&self.wave) = wave;
            return pool.first(
                weighs
                    .into_iter()
                    .map(|(node, first)| Job { file, step: Step::Weigh(node, first) })
                    .collect::<Vec<_>>(),
            );
        }
        self.remember_secrets(&wave);
        let next = self.with_tree(|tree| tree.merge(&wave));
        if !next.is_empty() {
            return self.begin_wave(pool, file, next);
        }
        let Some(mut tree) = lock(&self.tree).take() else { return };
        let scanner = self.scanner;
        let (path, named) = (self.found.display.clone(), self.found.named);
        let report = match tree.kept.take() {
            Some(kept) => {
                let artifacts = kept.artifacts_at(&path);
                FileReport { path, named, size: tree.nodes[0].size, artifacts, duplicate_of: None }
            }
            None => {
                self.match_blacklist(&mut tree);
                self.match_known_bad(&mut tree);
                let circumstances = tree.circumstances();
                let report = collect::report(tree, path, named, &scanner.plugins, &scanner.numbering);
                self.keep(&report, circumstances);
                report
            }
        };
        *lock(&self.ended) = Some(Ok(report));
        self.progress.finished(&self.found.display);
    }

    /// Reads what plugins found to be secrets, while the bytes are there.
    fn remember_secrets(&self, wave: &[usize]) {
        let plugins = &self.scanner.plugins;
        self.with_tree(|tree| {
            for &index in wave {
                let node = &tree.nodes[index];
                let Some(bytes) = node.bytes.clone() else { continue };
                let findings = node.tasks.iter().filter_map(|(claim, outcome)| Some((claim.plugin, outcome.as_ref()?)));
                let places: Vec<(u64, usize)> = findings
                    .flat_map(|(plugin, outcome)| outcome.findings.iter().map(move |f| (plugin, f)))
                    .filter(|(plugin, f)| redaction::is_secret(&plugins[*plugin].manifest.rules[f.rule].id))
                    .filter_map(|(_, f)| redaction::evidence(f.at?))
                    .collect();
                for (offset, length) in places {
                    // What can't be read any more was told by the plugin that could.
                    if let Ok(secret) = bytes.read_vec(offset, length) {
                        tree.secrets.add(&secret);
                    }
                }
            }
        });
    }

    /// The shares of weights that a wave's artifacts have and that nobody looked at yet.
    fn weighs(&self, wave: &[usize]) -> Vec<(usize, usize)> {
        if !self.scanner.options().weights {
            return Vec::new();
        }
        self.with_tree(|tree| {
            let mut shares = Vec::new();
            for &index in wave {
                let node = &mut tree.nodes[index];
                if !std::mem::replace(&mut node.weights_begun, true) {
                    let count = node.tensors().count();
                    shares.extend((0..count).step_by(weights::SHARE).map(|first| (index, first)));
                }
            }
            shares
        })
    }

    fn weigh(&self, node: usize, first: usize) -> Weighed {
        let (bytes, tensors, deadline) = self.with_tree(|tree| {
            let n = &tree.nodes[node];
            let tensors: Vec<_> =
                n.tensors().skip(first).take(weights::SHARE).map(|(f, t)| (f.to_owned(), t.clone())).collect();
            (n.bytes.clone(), tensors, tree.deadline)
        });
        match bytes {
            Some(bytes) => weights::weigh(bytes.as_ref(), &tensors, deadline),
            None => Weighed::default(),
        }
    }

    /// The result of a file with the same bytes, if nothing else that it depends on differs here.
    fn known(&self, sha256: &[u8; 32], size: u64) -> Option<Arc<Kept>> {
        let (name, siblings) = self.with_tree(|tree| (tree.nodes[0].name.clone(), Arc::clone(&tree.nodes[0].siblings)));
        self.reuse.find(sha256, size, &name, &siblings)
    }

    /// Keeps a whole result for files with the same bytes.
    fn keep(&self, report: &FileReport, circumstances: Circumstances) {
        let whole = report.gaps().next().is_none();
        if let Some(sha256) = report.artifacts[0].sha256.filter(|_| whole) {
            self.reuse.keep(sha256, report.size, Kept { circumstances, artifacts: report.artifacts.clone() });
        }
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
        let advance = |n: u64| {
            if top {
                self.progress.advance(n);
            }
        };
        let pass = scanner.anchors.pass(bytes.as_ref(), inherited, deadline, &advance);
        if let Ok(pass) = &pass
            && top
            && let Some(kept) = self.known(&pass.sha256, bytes.size())
        {
            self.with_tree(|tree| tree.kept = Some(kept));
            return Vec::new();
        }
        let identified = identify(&scanner.engine, &scanner.limits, &scanner.plugins, bytes.as_ref(), &name, &hint);
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
                    !p.off && p.manifest.formats.is_empty() && (p.anchors.is_empty() || pass.hits[*index].any())
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
        if plugin.off {
            let reason = format!("this scanner is switched off, so the file was not looked at as {}", claim.format);
            return Outcome { incomplete: vec![reason], ..Outcome::default() };
        }
        match plugin.loaded(&scanner.engine) {
            Ok(loaded) => sandbox::scan(loaded, &plugin.manifest, task, &claim.format),
            Err(reason) => Outcome { incomplete: vec![reason.to_owned()], ..Outcome::default() },
        }
    }

    /// Hashes of the file and of its parts against the lists of bad ones.
    fn match_known_bad(&self, tree: &mut Tree) {
        let list = &self.scanner.options().known_bad;
        for node in &mut tree.nodes {
            let Some(name) = node.pass.as_ref().and_then(|pass| list.name(&pass.sha256)) else { continue };
            let message = match name {
                "" => "its SHA-256 is on a list of bad files".to_owned(),
                name => format!("its SHA-256 is on a list of bad files as '{name}'"),
            };
            node.findings.push(EngineFinding::new(KNOWN_BAD, message, Vec::new()));
        }
    }

    /// Names of the file, of its parts and of the model (facts whose key ends in `name`) against the user's list.
    fn match_blacklist(&self, tree: &mut Tree) {
        if !self.scanner.has_blacklist() {
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
                node.findings.push(EngineFinding::new(BLACKLIST, message, details));
            }
        }
    }
}
