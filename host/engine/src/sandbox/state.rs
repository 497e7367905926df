//! What the host keeps for one scan of one artifact by one plugin: the artifact, the budgets, and what was reported.
//!
//! Everything a plugin hands over is hostile: texts are escaped and cut, places are checked against the artifact, counts are
//! capped. What breaks the contract is noted and makes the artifact *incomplete*: a plugin that lies once is not believed to have seen it all.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use wasmtime::component::{Resource, ResourceTable};
use wasmtime::{AsContextMut, ResourceLimiter, Result, StoreContextMut};

use crate::bytes::Bytes;
use crate::limits::Limits;
use crate::model::{Severity, Span, Tensor};
use crate::plugin_info::Manifest;
use crate::search::{Hit, Hits, Literals};
use crate::siblings::Siblings;
use crate::spool::{Spool, SpoolMemory};
use crate::text::{name, printable};

/// The most that one read serves.
const READ_LIMIT: u32 = 1 << 20;
/// The most hits that one call returns.
const HITS_LIMIT: u32 = 65_536;
/// Handles (findings, children) that a plugin may hold at once.
const HANDLES: usize = 1024;
/// Reasons kept for an artifact and plugin; more of them say nothing new.
const REASONS: usize = 20;

/// What a plugin is asked to look at, and what that may cost.
#[derive(Clone)]
pub struct Task {
    /// Logical name, already made printable.
    pub name: String,
    /// Names of the parents.
    pub lineage: Vec<String>,
    /// Names beside it.
    pub siblings: Arc<Siblings>,
    /// The bytes.
    pub bytes: Arc<dyn Bytes>,
    /// Where this plugin's anchors stand.
    pub hits: Hits,
    /// The plugin's anchors, to go on searching where `hits` was cut.
    pub anchors: Arc<Vec<Vec<u8>>>,
    /// Bytes that may be unpacked.
    pub unpacked: u64,
    /// Children that may be reported.
    pub children: usize,
    /// Memory for spools, shared by the file.
    pub spool: Arc<SpoolMemory>,
    /// When the file's time is over.
    pub deadline: Instant,
    /// All other limits.
    pub limits: Arc<Limits>,
}

/// A finding as the plugin made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawFinding {
    /// Index of the rule in the manifest.
    pub rule: usize,
    /// One sentence.
    pub message: String,
    /// Severity.
    pub severity: Severity,
    /// Evidence.
    pub at: Option<Span>,
    /// Named part.
    pub element: Option<String>,
    /// Key and value.
    pub details: Vec<(String, String)>,
}

/// Where a child's bytes are.
#[derive(Clone)]
pub enum ChildBytes {
    /// A range of the parent.
    View(Span),
    /// Unpacked.
    Unpacked(Arc<dyn Bytes>),
}

/// A part of the artifact that is a file of its own.
#[derive(Clone)]
pub struct Child {
    /// Its name, printable.
    pub name: String,
    /// A format id to try, may be empty.
    pub hint: String,
    /// Its bytes.
    pub bytes: ChildBytes,
}

/// All that a plugin said of an artifact.
#[derive(Default)]
pub struct Outcome {
    /// Findings in the order they came.
    pub findings: Vec<RawFinding>,
    /// Children in the order they were finished.
    pub children: Vec<Child>,
    /// Facts: key and JSON.
    pub facts: Vec<(String, serde_json::Value)>,
    /// Tensors.
    pub tensors: Vec<Tensor>,
    /// Why the artifact was not wholly understood.
    pub incomplete: Vec<String>,
    /// Log lines.
    pub log: Vec<String>,
    /// Bytes served to it.
    pub bytes_read: u64,
    /// Bytes it unpacked.
    pub unpacked: u64,
    /// True if it wanted to unpack more than was left of the budget.
    pub budget_spent: bool,
    /// Fuel it burnt.
    pub fuel: u64,
    /// True if it asked for the artifact's name.
    pub saw_name: bool,
    /// True if it asked for the names of its parents, and there are any.
    pub saw_lineage: bool,
    /// True if it asked for the names beside it.
    pub saw_siblings: bool,
}

/// Why the host ended a scan in the middle of a call.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stop {
    #[error("the time limit of {0} s for this file is over; raise it with --timeout")]
    Deadline(u64),
    #[error("reading the file failed: {0}")]
    Read(io::Error),
    #[error("writing unpacked bytes to a temporary file failed: {0}; make room or set TMPDIR")]
    Spool(io::Error),
    #[error("asked the host to read and search more than {0} bytes")]
    NativeWork(u64),
    #[error("more than {0} bytes of memory wanted")]
    Memory(usize),
    #[error("used a handle that it does not own")]
    Handle,
    #[error("called into the host while it described itself")]
    NoArtifact,
}

/// A finding under construction.
pub(super) struct FindingHandle {
    finding: RawFinding,
    /// False once it was emitted, or when its rule is not declared.
    open: bool,
}

struct OpenChild {
    name: String,
    hint: String,
    spool: Option<Spool>,
}

/// The store's data.
pub(super) struct State {
    task: Option<Task>,
    manifest: Option<Arc<Manifest>>,
    pub(super) outcome: Outcome,
    findings: ResourceTable,
    /// By a number that is never used again: a handle that outlives its child must not reach another one.
    children: BTreeMap<u32, OpenChild>,
    next_child: u32,
    memory: usize,
    memory_limit: usize,
    /// The budget for bytes read, searched and hashed.
    native_work: u64,
    /// Bytes whose reading already earned fuel.
    credited: u64,
    /// Fuel earned and not yet in the store's tank.
    reserve: u64,
    /// The most that the tank holds: what a plugin can burn between two calls.
    tank: u64,
    /// All fuel that was ever put into the tank.
    pub(super) fuelled: u64,
    /// Only the first lost finding, fact and so on of each kind is told.
    told: Vec<&'static str>,
}

impl State {
    /// The state of a call without an artifact: `describe` and `probe`.
    pub(super) fn without_artifact(limits: &Limits) -> Self {
        Self {
            task: None,
            manifest: None,
            outcome: Outcome::default(),
            findings: table(),
            children: BTreeMap::new(),
            next_child: 0,
            memory: 0,
            memory_limit: limits.memory,
            native_work: 0,
            credited: 0,
            reserve: 0,
            tank: limits.fuel,
            fuelled: limits.fuel,
            told: Vec::new(),
        }
    }

    /// The state of a scan.
    pub(super) fn for_scan(task: Task, manifest: Arc<Manifest>) -> Self {
        let limits = Arc::clone(&task.limits);
        let native_work = task.bytes.size().saturating_mul(limits.native_work).saturating_add(limits.native_work_floor);
        Self { task: Some(task), manifest: Some(manifest), native_work, ..Self::without_artifact(&limits) }
    }

    /// The gate of every host function: the deadline, and fuel that was earned by reading goes into the tank.
    pub(super) fn enter<'a>(store: &'a mut StoreContextMut<'_, State>) -> Result<&'a mut State> {
        let state = store.data();
        let Some(task) = &state.task else { return Err(Stop::NoArtifact.into()) };
        if Instant::now() > task.deadline {
            return Err(Stop::Deadline(task.limits.timeout.as_secs()).into());
        }
        if state.reserve > 0 {
            let (tank, reserve) = (state.tank, state.reserve);
            let left = store.get_fuel()?;
            let more = reserve.min(tank.saturating_sub(left));
            store.as_context_mut().set_fuel(left + more)?;
            let state = store.data_mut();
            state.reserve -= more;
            state.fuelled += more;
        }
        Ok(store.data_mut())
    }

    /// The artifact; `enter` has seen that there is one.
    pub(super) fn task(&self) -> &Task {
        self.task.as_ref().expect("enter() refuses calls without an artifact")
    }

    fn limits(&self) -> &Limits {
        &self.task().limits
    }

    fn work(&mut self, bytes: u64) -> Result<()> {
        match self.native_work.checked_sub(bytes) {
            Some(left) => {
                self.native_work = left;
                Ok(())
            }
            None => {
                let limit = self.task().bytes.size().saturating_mul(self.limits().native_work);
                Err(Stop::NativeWork(limit.saturating_add(self.limits().native_work_floor)).into())
            }
        }
    }

    /// Bytes read for the first time, or unpacked, earn fuel. What was read twice earns nothing: reads are told apart by
    /// their sum only, which no plugin can drive beyond the artifact's size.
    fn earn(&mut self, bytes: u64) {
        self.reserve = self.reserve.saturating_add(bytes.saturating_mul(self.limits().fuel_per_byte));
    }

    pub(super) fn name(&mut self) -> String {
        self.outcome.saw_name = true;
        self.task().name.clone()
    }

    pub(super) fn lineage(&mut self) -> Vec<String> {
        // A file on disk has no parents, and says so whatever its name.
        self.outcome.saw_lineage |= !self.task().lineage.is_empty();
        self.task().lineage.clone()
    }

    pub(super) fn siblings(&mut self) -> Result<Vec<String>> {
        self.outcome.saw_siblings = true;
        let siblings = Arc::clone(&self.task().siblings);
        let names = siblings.names();
        self.work(names.iter().map(|n| n.len() as u64).sum())?;
        Ok(names.to_vec())
    }

    pub(super) fn read(&mut self, offset: u64, length: u32) -> Result<Vec<u8>> {
        let bytes = Arc::clone(&self.task().bytes);
        if offset > bytes.size() {
            // A parser that follows an offset which it did not check has not understood the file.
            self.violation(
                "read",
                format!("read at {offset}, beyond the end of an artifact of {} bytes", bytes.size()),
            );
            return Ok(Vec::new());
        }
        let length = u64::from(length.min(READ_LIMIT)).min(bytes.size().saturating_sub(offset));
        self.work(length)?;
        let block = bytes.read_vec(offset, length as usize).map_err(Stop::Read)?;
        self.outcome.bytes_read += length;
        let new = length.min(bytes.size().saturating_sub(self.credited));
        self.credited += new;
        self.earn(new);
        Ok(block)
    }

    pub(super) fn hits(&mut self, start: u64, limit: u32) -> Result<Vec<Hit>> {
        let task = self.task();
        let limit = limit.min(HITS_LIMIT) as usize;
        let first = task.hits.list.partition_point(|h| h.offset < start);
        let mut hits: Vec<Hit> = task.hits.list[first..].iter().take(limit).copied().collect();
        if hits.len() < limit
            && let Some(until) = task.hits.until
        {
            let anchors = Arc::clone(&task.anchors);
            let from = start.max(until);
            let more = self.search(&anchors, Span { offset: from, length: u64::MAX - from }, limit - hits.len())?;
            hits.extend(more);
        }
        Ok(hits)
    }

    pub(super) fn find(&mut self, literals: &[Vec<u8>], within: Span, limit: u32) -> Result<Vec<Hit>> {
        if !(1..=64).contains(&literals.len()) || literals.iter().any(|l| !(1..=256).contains(&l.len())) {
            self.violation("find", "asked to find something other than 1 to 64 literals of 1 to 256 bytes");
            return Ok(Vec::new());
        }
        self.search(literals, within, limit.min(HITS_LIMIT) as usize)
    }

    fn search(&mut self, literals: &[Vec<u8>], within: Span, limit: usize) -> Result<Vec<Hit>> {
        let bytes = Arc::clone(&self.task().bytes);
        let length = within.end().min(bytes.size()).saturating_sub(within.offset);
        // Building the automaton is work, too.
        self.work(length + 4096)?;
        let hits = Literals::new(literals).find(bytes.as_ref(), within, limit).map_err(Stop::Read)?;
        Ok(hits)
    }

    pub(super) fn digest(&mut self, algorithm: &str, within: Span) -> Result<Option<Vec<u8>>> {
        use sha2::Digest;
        let bytes = Arc::clone(&self.task().bytes);
        let (offset, end) = (within.offset.min(bytes.size()), within.end().min(bytes.size()));
        if !matches!(algorithm, "sha256" | "crc32") {
            return Ok(None);
        }
        self.work((end - offset) + 64)?;
        let mut sha256 = sha2::Sha256::new();
        let mut crc32 = crc32fast::Hasher::new();
        let mut position = offset;
        while position < end {
            let block = bytes.read_vec(position, (end - position).min(256 << 10) as usize).map_err(Stop::Read)?;
            match algorithm {
                "sha256" => sha256.update(&block),
                _ => crc32.update(&block),
            }
            position += block.len() as u64;
        }
        Ok(Some(match algorithm {
            "sha256" => sha256.finalize().to_vec(),
            _ => crc32.finalize().to_be_bytes().to_vec(),
        }))
    }

    /// Notes that the plugin broke the contract or a cap, once a kind.
    fn violation(&mut self, kind: &'static str, what: impl Into<String>) {
        if !self.told.contains(&kind) {
            self.told.push(kind);
            self.outcome.incomplete.push(format!("the plugin is not to be trusted: it {}", what.into()));
        }
    }

    /// A text as it may be shown; what had to be changed is a violation.
    fn text(&mut self, text: &str, limit: usize) -> String {
        let (shown, changed) = printable(text, limit);
        if changed {
            self.violation("text", format!("reported a text with control characters or of more than {limit} bytes"));
        }
        shown
    }

    fn line(&mut self, text: &str) -> String {
        let limit = self.limits().text.min(1024);
        self.text(text, limit).replace('\n', "\\n").replace('\t', "\\t")
    }

    fn place(&mut self, at: Span) -> Option<Span> {
        let size = self.task().bytes.size();
        if at.offset.checked_add(at.length).is_some_and(|end| end <= size) {
            return Some(at);
        }
        self.violation("place", format!("named bytes {} to {} of an artifact of {size}", at.offset, at.end()));
        None
    }

    pub(super) fn new_finding(&mut self, rule: &str, message: &str) -> Result<Resource<FindingHandle>> {
        let limit = self.limits().text;
        let message = self.text(message, limit);
        let manifest = Arc::clone(self.manifest.as_ref().expect("a scan has a manifest"));
        let index = manifest.rules.iter().position(|r| r.id == rule);
        if index.is_none() {
            let rule = name(rule);
            self.violation("rule", format!("reported '{rule}', a rule it does not declare: {}", name(&message)));
        }
        let finding = RawFinding {
            rule: index.unwrap_or(0),
            message,
            severity: index.map_or(Severity::Info, |i| manifest.rules[i].severity),
            at: None,
            element: None,
            details: Vec::new(),
        };
        self.findings.push(FindingHandle { finding, open: index.is_some() }).map_err(|_| Stop::Handle.into())
    }

    fn finding(&mut self, handle: &Resource<FindingHandle>) -> Result<&mut FindingHandle> {
        self.findings.get_mut(handle).map_err(|_| Stop::Handle.into())
    }

    pub(super) fn finding_at(&mut self, handle: &Resource<FindingHandle>, at: Span) -> Result<()> {
        let at = self.place(at);
        self.finding(handle)?.finding.at = at;
        Ok(())
    }

    pub(super) fn finding_element(&mut self, handle: &Resource<FindingHandle>, element: &str) -> Result<()> {
        let element = self.line(element);
        self.finding(handle)?.finding.element = Some(element);
        Ok(())
    }

    pub(super) fn finding_severity(&mut self, handle: &Resource<FindingHandle>, severity: Severity) -> Result<()> {
        self.finding(handle)?.finding.severity = severity;
        Ok(())
    }

    pub(super) fn finding_detail(&mut self, handle: &Resource<FindingHandle>, key: &str, value: &str) -> Result<()> {
        let limit = self.limits().text;
        let (key, value) = (self.line(key), self.text(value, limit));
        let details = &mut self.finding(handle)?.finding.details;
        if details.len() < 64 {
            details.push((key, value));
        } else {
            self.violation("details", "gave more than 64 details to a finding");
        }
        Ok(())
    }

    pub(super) fn emit(&mut self, handle: &Resource<FindingHandle>) -> Result<()> {
        let limit = self.limits().findings;
        let full = self.outcome.findings.len() >= limit;
        let handle = self.finding(handle)?;
        if !std::mem::replace(&mut handle.open, false) {
            return Ok(());
        }
        let finding = handle.finding.clone();
        if full {
            self.violation("findings", format!("reported more than {limit} findings; there is more of the same"));
        } else {
            self.outcome.findings.push(finding);
        }
        Ok(())
    }

    pub(super) fn drop_finding(&mut self, rep: u32) {
        // A finding that was never emitted does not count; the handle was checked by wasmtime.
        let _ = self.findings.delete(Resource::<FindingHandle>::new_own(rep));
    }

    pub(super) fn incomplete(&mut self, reason: &str) {
        let reason = self.line(reason);
        if self.outcome.incomplete.len() < REASONS && !self.outcome.incomplete.contains(&reason) {
            self.outcome.incomplete.push(reason);
        }
    }

    pub(super) fn fact(&mut self, key: &str, json: &str) {
        let (facts, text) = (self.limits().facts, self.limits().text);
        if self.outcome.facts.len() >= facts {
            return self.violation("facts", format!("reported more than {facts} facts"));
        }
        let key = self.line(key);
        match serde_json::from_str(json) {
            Ok(value) if json.len() <= text => self.outcome.facts.push((key, value)),
            Ok(_) => self.violation("fact", format!("reported a fact of more than {text} bytes")),
            Err(_) => self.violation("fact", format!("reported a fact '{key}' that is not JSON")),
        }
    }

    pub(super) fn tensor(&mut self, tensor: &str, dtype: &str, shape: Vec<u64>, at: Span) {
        let limit = self.limits().tensors;
        if self.outcome.tensors.len() >= limit {
            return self.violation("tensors", format!("named more than {limit} tensors"));
        }
        if shape.len() > 1024 {
            return self.violation("shape", "named a tensor of more than 1,024 dimensions");
        }
        let (tensor, dtype) = (self.line(tensor), self.line(dtype));
        if let Some(at) = self.place(at) {
            self.outcome.tensors.push(Tensor { name: tensor, dtype, shape, at });
        }
    }

    /// False if no more children are taken.
    fn room_for_child(&mut self) -> bool {
        let limit = self.task().children;
        if self.outcome.children.len() + self.children.len() < limit {
            return true;
        }
        let reason =
            format!("more than {} embedded parts in this file; the rest was not scanned", self.limits().children);
        if !self.told.contains(&"children") {
            self.told.push("children");
            self.outcome.incomplete.push(reason);
        }
        false
    }

    pub(super) fn embed(&mut self, child: &str, at: Span, hint: &str) {
        if !self.room_for_child() {
            return;
        }
        let (child, hint) = (self.line(child), self.line(hint));
        if let Some(at) = self.place(at) {
            self.outcome.children.push(Child { name: child, hint, bytes: ChildBytes::View(at) });
        }
    }

    pub(super) fn new_child(&mut self, child: &str, hint: &str) -> Result<u32> {
        let spool = self.room_for_child().then(|| Spool::new(Arc::clone(&self.task().spool)));
        let open = OpenChild { name: self.line(child), hint: self.line(hint), spool };
        if self.children.len() >= HANDLES {
            return Err(Stop::Handle.into());
        }
        let rep = self.next_child;
        self.next_child = rep.checked_add(1).ok_or(Stop::Handle)?;
        self.children.insert(rep, open);
        Ok(rep)
    }

    pub(super) fn write_child(&mut self, rep: u32, bytes: &[u8]) -> Result<bool> {
        let left = self.task().unpacked.saturating_sub(self.outcome.unpacked);
        let Some(child) = self.children.get_mut(&rep) else { return Err(Stop::Handle.into()) };
        let Some(spool) = &mut child.spool else { return Ok(false) };
        if bytes.len() as u64 > left {
            // The host reports it once for the file, when all tasks of the wave are merged.
            self.outcome.budget_spent = true;
            return Ok(false);
        }
        spool.write(bytes).map_err(Stop::Spool)?;
        self.outcome.unpacked += bytes.len() as u64;
        self.earn(bytes.len() as u64);
        Ok(true)
    }

    /// Hands a child over; also what happens to one that is dropped, so a second call is harmless.
    pub(super) fn finish_child(&mut self, rep: u32) -> Result<()> {
        let Some(mut child) = self.children.remove(&rep) else { return Ok(()) };
        if let Some(spool) = child.spool.take() {
            let bytes = ChildBytes::Unpacked(spool.finish().map_err(Stop::Spool)?);
            self.outcome.children.push(Child { name: child.name, hint: child.hint, bytes });
        }
        Ok(())
    }

    /// What was being unpacked when the plugin ended is scanned as far as it was written.
    pub(super) fn finish_children(&mut self) {
        let open: Vec<u32> = self.children.keys().copied().collect();
        for rep in open {
            if let Err(error) = self.finish_child(rep) {
                self.outcome.incomplete.push(format!("{error}"));
            }
        }
    }

    pub(super) fn log(&mut self, message: &str) {
        let limit = self.limits().log_lines;
        if self.outcome.log.len() >= limit {
            return self.violation("log", format!("logged more than {limit} lines"));
        }
        let line = self.line(message);
        self.outcome.log.push(line);
    }
}

fn table() -> ResourceTable {
    let mut table = ResourceTable::new();
    table.set_max_capacity(HANDLES);
    table
}

impl ResourceLimiter for State {
    /// The cap is on the sum over all memories of the instance.
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        let total = self.memory.saturating_add(desired.saturating_sub(current));
        if total > self.memory_limit {
            return Err(Stop::Memory(self.memory_limit).into());
        }
        self.memory = total;
        Ok(true)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        Ok(desired <= 100_000)
    }

    fn instances(&self) -> usize {
        32
    }

    fn tables(&self) -> usize {
        32
    }

    fn memories(&self) -> usize {
        8
    }
}
