//! The observer that judges.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use modelaudit_pickle_policy::Judgement;
use modelaudit_plugin::{Severity, Span, quote};
use modelaudit_rules::pickle::{S205, S206, S207, S208, S209, S210, S211, S214, S215};

use super::alert::{Alert, Alerts};
use super::names::{Imported, is_torch_id, owner};
use super::{code, grade, payload};
use crate::render;
use crate::special::Special;
use crate::value::{Kind, Value};
use crate::view::{
    Array, Blob, Build, Call, ComputedImport, Extension, Import, Item, LoadError, Observer, Oddity, Persistent, View,
};

/// Layers of pickles in pickles that are followed (reference section 7, point 6).
pub(crate) const LAYERS: u32 = 8;
/// Packages that are listed by name.
const PACKAGES: usize = 200;

/// What stopped a stream.
#[derive(Clone, Debug)]
pub(crate) struct Break {
    pub(crate) stream: u32,
    pub(crate) error: LoadError,
}

/// A part to be scanned on its own.
pub(crate) enum Part {
    Span(Span),
    Bytes(Vec<u8>),
}

/// State of the judgement over all streams of a range.
pub(crate) struct Analysis {
    /// Layer of nesting: 0 for the file itself.
    pub(crate) layer: u32,
    pub(crate) alerts: Alerts,
    /// Dangerous globals by path.
    pub(crate) imported: BTreeMap<String, Imported>,
    /// Packages of globals that nobody reviewed: names seen.
    pub(crate) packages: BTreeMap<String, BTreeSet<String>>,
    pub(crate) first_unknown: Option<u64>,
    pub(crate) main: BTreeSet<String>,
    /// Each global once, for the fact.
    pub(crate) globals: BTreeSet<String>,
    pub(crate) protocol: u8,
    pub(crate) weights_only: bool,
    pub(crate) breaks: Vec<Break>,
    pub(crate) first_stream_stopped: bool,
    pub(crate) persistent: Option<(u64, String)>,
    pub(crate) companions: BTreeSet<String>,
    pub(crate) children: Vec<(String, Part, &'static str)>,
    pub(crate) incomplete: Vec<String>,
    pub(crate) code: code::Found,
    /// Frame lies, told only if the stream is not simply cut off.
    pub(crate) frame_beyond: Option<(u64, u64, u32)>,
    pub(crate) frame_crossed: Option<u64>,
    /// Set in the readings after the first: only new criticals count.
    other_reading: Option<&'static str>,
    before: Option<Box<Saved>>,
    /// Paths that an alert patched or registered, with its mark.
    prepared: Vec<(String, u32)>,
    /// Alerts about constants that are pickles, by constant.
    pub(crate) blobs: HashMap<Value, u32>,
    /// Budget of work on inert blobs, in bytes.
    pub(crate) inert_budget: u64,
    pub(crate) stopped_streams: u32,
}

/// What another reading must not change.
pub(crate) struct Saved {
    breaks: Vec<Break>,
    incomplete: Vec<String>,
    packages: BTreeMap<String, BTreeSet<String>>,
    imported: BTreeMap<String, Imported>,
    protocol: u8,
    first_stream_stopped: bool,
    weights_only: bool,
    alerts: usize,
}

impl Analysis {
    pub(crate) fn new(layer: u32) -> Self {
        Self {
            layer,
            alerts: Alerts::default(),
            imported: BTreeMap::new(),
            packages: BTreeMap::new(),
            first_unknown: None,
            main: BTreeSet::new(),
            globals: BTreeSet::new(),
            protocol: 0,
            weights_only: true,
            breaks: Vec::new(),
            first_stream_stopped: false,
            persistent: None,
            companions: BTreeSet::new(),
            children: Vec::new(),
            incomplete: Vec::new(),
            code: code::Found::default(),
            frame_beyond: None,
            frame_crossed: None,
            other_reading: None,
            before: None,
            prepared: Vec::new(),
            blobs: HashMap::new(),
            inert_budget: 32 << 20,
            stopped_streams: 0,
        }
    }

    /// From here on the same bytes are read another way: what was known stays, and only calls that run in this reading alone are added.
    pub(crate) fn begin_other_reading(&mut self, how: &'static str) {
        self.other_reading = Some(how);
        self.alerts.again = true;
        self.before = Some(Box::new(Saved {
            breaks: self.breaks.clone(),
            incomplete: self.incomplete.clone(),
            packages: self.packages.clone(),
            imported: self.imported.clone(),
            protocol: self.protocol,
            first_stream_stopped: self.first_stream_stopped,
            weights_only: self.weights_only,
            alerts: self.alerts.len(),
        }));
    }

    pub(crate) fn end_other_reading(&mut self) {
        let how = self.other_reading.take().unwrap_or_default();
        self.alerts.again = false;
        if let Some(saved) = self.before.take() {
            self.breaks = saved.breaks;
            self.incomplete = saved.incomplete;
            self.packages = saved.packages;
            let imported = std::mem::replace(&mut self.imported, saved.imported);
            for (path, import) in imported {
                if let Some(known) = self.imported.get_mut(&path) {
                    known.used |= import.used;
                }
            }
            self.protocol = saved.protocol;
            self.first_stream_stopped = saved.first_stream_stopped;
            self.weights_only = saved.weights_only;
            self.alerts.keep_new_only(saved.alerts, how);
        }
    }

    /// A dangerous global is part of an alert.
    pub(crate) fn use_global(&mut self, view: &View<'_, '_>, value: Value) {
        let mut value = value;
        for _ in 0..8 {
            if let Some(global) = view.global(value) {
                if let Some(import) = self.imported.get_mut(&global.path()) {
                    import.used = true;
                }
                return;
            }
            match (value.kind(), view.parts(value)) {
                (Kind::Partial | Kind::Method | Kind::Result, Some(parts)) => value = parts.callee,
                _ => return,
            }
        }
    }

    /// Dangerous globals inside of a value belong to an alert.
    pub(crate) fn use_inside(&mut self, view: &View<'_, '_>, value: Value) {
        for item in view.items(value, 64).0 {
            self.use_global(view, item);
            for item in view.items(item, 16).0 {
                self.use_global(view, item);
            }
        }
        if let Some(global) = view.danger(value)
            && let Some(import) = self.imported.get_mut(&global.path())
        {
            import.used = true;
        }
    }

    /// An alert prepares a later call of this path, or of what is below it.
    pub(crate) fn prepare(&mut self, path: String, mark: u32) {
        if self.prepared.len() < 256 {
            self.prepared.push((path, mark));
        }
    }

    /// Alerts that prepared the call of a path.
    pub(crate) fn prepared(&self, path: &str) -> Vec<u32> {
        let prepares =
            |known: &str| path.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        self.prepared.iter().filter(|(known, _)| prepares(known)).map(|(_, mark)| *mark).collect()
    }

    /// A dangerous global became part of something.
    pub(crate) fn store_danger(&mut self, view: &View<'_, '_>, value: Value, owner: &str, in_state: bool) {
        let mut store = |path: String| {
            if let Some(import) = self.imported.get_mut(&path) {
                let better = import.stored.as_ref().is_none_or(|(_, state)| in_state && !state);
                if better {
                    import.stored = Some((owner.to_owned(), in_state));
                }
            }
        };
        if let Some(global) = view.danger(value) {
            store(global.path());
        }
        // A container remembers one dangerous thing; look at the first items for more.
        if value.is_container() {
            for item in view.items(value, 64).0 {
                if let Some(global) = view.danger(item) {
                    store(global.path());
                }
            }
        }
    }

    /// Marks of reported calls inside these values.
    pub(crate) fn inner_marks(&self, view: &View<'_, '_>, values: &[Value]) -> Vec<u32> {
        let mut marks: Vec<u32> = values.iter().map(|v| view.mark(*v)).filter(|m| *m != 0).collect();
        for value in values.iter().take(16) {
            if value.is_container() {
                marks.extend(view.items(*value, 64).0.iter().map(|v| view.mark(*v)).filter(|m| *m != 0));
            }
        }
        marks.sort_unstable();
        marks.dedup();
        marks
    }

    fn simple(
        &mut self,
        rule: &'static modelaudit_plugin::Rule,
        severity: Severity,
        message: String,
        offset: u64,
        view: &View<'_, '_>,
        inner: &[u32],
    ) -> u32 {
        let alert = Alert {
            rule,
            severity,
            link: message.clone(),
            phrase: format!("does this: {message}"),
            message,
            at: Some((offset, 1)),
            details: vec![("stream", view.stream.to_string())],
            chain: Vec::new(),
            parent: 0,
            stream: view.stream,
            count: 1,
        };
        self.alerts.add(alert, inner)
    }
}

/// Keys whose value decides what code runs on the object (reference 3.1, B60). Source: CPython's data model, `copyreg`.
const CODE_KEYS: &[&str] = &[
    "__call__",
    "__class__",
    "__code__",
    "__del__",
    "__getattr__",
    "__getattribute__",
    "__getstate__",
    "__globals__",
    "__init__",
    "__new__",
    "__reduce__",
    "__reduce_ex__",
    "__setattr__",
    "__setstate__",
];

/// The dicts of a state: itself, or those of a tuple (attributes, slots).
fn state_dicts(view: &View<'_, '_>, state: Value) -> impl Iterator<Item = Value> {
    let dicts = if state.kind() == Kind::Tuple { view.items(state, 2).0 } else { vec![state] };
    dicts.into_iter().filter(|dict| dict.kind() == Kind::Dict)
}

impl Observer for Analysis {
    fn start(&mut self, _view: &View<'_, '_>, _offset: u64) {
        self.blobs.clear();
    }

    fn stop(&mut self, view: &View<'_, '_>, value: Value, _end: u64) {
        self.stopped_streams = self.stopped_streams.saturating_add(1);
        if view.stream == 0 && view.broken.is_none() {
            self.first_stream_stopped = true;
        }
        self.protocol = self.protocol.max(view.protocol);
        let _ = value;
    }

    fn import(&mut self, view: &View<'_, '_>, event: &Import) {
        let Some(global) = view.global(event.value) else { return };
        let path = global.path();
        self.protocol = self.protocol.max(view.protocol);
        self.weights_only &= event.opcode == "GLOBAL"
            && modelaudit_pickle_policy::weights_only(&global.resolved.module, &global.resolved.name);
        if self.globals.len() < 4096 {
            self.globals.insert(path.clone());
        }
        match global.judgement {
            Judgement::Dangerous(entry) => {
                self.imported.entry(path.clone()).or_insert_with(|| Imported {
                    path,
                    written: global.resolved.written.clone(),
                    renamed: global.resolved.renamed,
                    offset: event.offset,
                    opcode: event.opcode,
                    group: entry.group,
                    why: entry.why,
                    called: entry.called,
                    imported: entry.imported,
                    stream: view.stream,
                    used: false,
                    stored: None,
                });
            }
            Judgement::Safe(_) => {}
            Judgement::Main => {
                self.main.insert(global.resolved.name.clone());
            }
            Judgement::Unknown { .. } => {
                self.first_unknown.get_or_insert(event.offset);
                let package = global.resolved.module.split('.').next().unwrap_or_default().to_owned();
                if self.packages.len() < PACKAGES || self.packages.contains_key(&package) {
                    let names = self.packages.entry(package).or_default();
                    if names.len() < 8 {
                        names.insert(path);
                    }
                }
            }
        }
    }

    fn computed_import(&mut self, view: &View<'_, '_>, event: &ComputedImport) -> u32 {
        let inner = self.inner_marks(view, &[event.module, event.name]);
        let message = match view.global(event.value) {
            Some(global) => {
                format!("the import of {} is put together while the file is loaded", quote(global.path()))
            }
            None => format!(
                "the name of an import is computed while the file is loaded: module {}, name {}",
                view.render(event.module, 120),
                view.render(event.name, 120)
            ),
        };
        self.use_global(view, event.value);
        self.simple(&S205, Severity::Critical, message, event.offset, view, &inner)
    }

    fn call(&mut self, view: &View<'_, '_>, event: &Call<'_>) -> u32 {
        grade::call(self, view, event)
    }

    fn build(&mut self, view: &View<'_, '_>, event: &Build) -> u32 {
        let inner = self.inner_marks(view, &[event.state]);
        if let Some(global) = view.global(event.object) {
            let path = global.path();
            let grave = global.danger().is_some() || view.danger(event.state).is_some() || !inner.is_empty();
            let severity = if grave { Severity::Critical } else { Severity::Warning };
            let what = if global.module_object { "module" } else { "imported object" };
            let message =
                format!("attributes of the {what} {} are set to {}", quote(&path), view.render(event.state, 200));
            self.use_global(view, event.object);
            self.use_inside(view, event.state);
            for item in self.state_values(view, event.state) {
                self.use_inside(view, item);
            }
            let mark = self.simple(&S208, severity, message, event.offset, view, &inner);
            self.prepare(path, mark);
            return mark;
        }
        // functools.partial gets another function to call.
        if event.object.kind() == Kind::Partial
            && let Some(global) = view.parts(event.object).and_then(|p| view.global(p.callee))
            && global.danger().is_some()
            && view.danger(event.state).is_some()
        {
            let message = format!("the state of a functools.partial makes it call {}", quote(global.path()));
            let callee = view.parts(event.object).map_or(Value::UNKNOWN, |p| p.callee);
            self.use_global(view, callee);
            return self.simple(&S207, Severity::Critical, message, event.offset, view, &inner);
        }
        if let Some(global) = view.parts(event.object).and_then(|p| view.global(p.callee))
            && global.special == Some(Special::ArrayFile)
            && let Some(name) = view.lookup(event.state, "filename").and_then(|v| view.text(v, 1024))
            && self.companions.len() < 64
        {
            self.companions.insert(name);
        }
        if let Some(mark) = self.code_keys(view, event, &inner).or_else(|| self.executed_state(view, event, &inner)) {
            return mark;
        }
        if view.danger(event.state).is_some() {
            let owner = owner(view, event.object);
            self.store_danger(view, event.state, &owner, true);
        }
        0
    }

    fn item(&mut self, view: &View<'_, '_>, event: &Item) {
        if let Some(global) = view.global(event.container) {
            let path = global.path();
            let severity = if global.danger().is_some() || view.danger(event.value).is_some() {
                Severity::Critical
            } else {
                Severity::Warning
            };
            let keyed = event.key != Value::UNKNOWN;
            let message = if keyed {
                let (key, value) = (view.render(event.key, 80), view.render(event.value, 120));
                format!("{}[{key}] is set to {value} while the file is loaded", modelaudit_plugin::escape(&path))
            } else {
                format!("{} is added to {} while the file is loaded", view.render(event.value, 120), quote(&path))
            };
            let inner = self.inner_marks(view, &[event.value, event.key]);
            self.use_global(view, event.container);
            self.use_global(view, event.value);
            self.simple(if keyed { &S209 } else { &S210 }, severity, message, event.offset, view, &inner);
        } else if matches!(event.container.kind(), Kind::Object | Kind::Result) && view.danger(event.value).is_some() {
            let owner = owner(view, event.container);
            self.store_danger(view, event.value, &owner, false);
        }
    }

    fn persistent(&mut self, view: &View<'_, '_>, event: &Persistent) {
        if self.persistent.is_none() && !is_torch_id(view, event.id) {
            self.persistent = Some((event.offset, view.render(event.id, 120)));
        }
    }

    fn extension(&mut self, view: &View<'_, '_>, event: &Extension) {
        let message = format!("{} names object {} of the loader's extension registry", event.opcode, event.code);
        self.simple(&S211, Severity::Warning, message, event.offset, view, &[]);
    }

    fn blob(&mut self, view: &View<'_, '_>, event: &Blob) {
        payload::inert(self, view, event);
    }

    fn array(&mut self, _view: &View<'_, '_>, _event: &Array) {}

    fn error(&mut self, view: &View<'_, '_>, event: &LoadError) {
        // Cut right in front of the call: the callable and its arguments are there, only the opcode is missing.
        if event.truncated
            && let [.., callee, arguments] = *view.stack
            && arguments.kind() == Kind::Tuple
            && let Some(global) = view.global(callee)
            && let Some(danger) = global.danger()
        {
            let (items, complete) = view.items(arguments, 64);
            let call = render::call(view, &global.path(), &items, complete, 300);
            let message = format!("the file breaks off right before it calls {call}, which {}", danger.why);
            self.use_global(view, callee);
            let inner = self.inner_marks(view, &[arguments]);
            let severity = danger.called;
            self.simple(&S206, severity, message, event.offset.saturating_sub(1), view, &inner);
        }
        if self.breaks.len() < 64 {
            self.breaks.push(Break { stream: view.stream, error: event.clone() });
        }
    }

    fn odd(&mut self, view: &View<'_, '_>, oddity: Oddity, offset: u64) {
        let (rule, severity, message) = match oddity {
            Oddity::HugeMemoIndex(index) => (
                &S214,
                Severity::Warning,
                format!("memo index {index} makes the loader allocate {} GiB", (index >> 26).max(1)),
            ),
            Oddity::HugeLength(length) => (
                &S214,
                Severity::Warning,
                format!("a length of {length} bytes is declared in a file of {}", view.input.end()),
            ),
            Oddity::Fanout(weight) => (
                &S214,
                Severity::Warning,
                format!("containers hold each other so often that walking them meets {weight} values"),
            ),
            Oddity::DeepStack => {
                (&S214, Severity::Warning, "more than a million marks are nested into each other".to_owned())
            }
            Oddity::FrameBeyondEnd(length) => {
                self.frame_beyond.get_or_insert((offset, length, view.stream));
                return;
            }
            Oddity::FrameCrossed => {
                self.frame_crossed.get_or_insert(offset);
                let message =
                    "an argument crosses the end of its frame, where CPython's loaders go on differently".to_owned();
                (&S215, Severity::Warning, message)
            }
            Oddity::LongName => (&S214, Severity::Warning, "an import has a name of more than 8 KiB".to_owned()),
            Oddity::ForgottenName => {
                self.incomplete
                    .push(format!("the name of the import at offset {offset} lies beyond the memo that is kept"));
                return;
            }
            Oddity::UnknownProtocol(version) => {
                if self.incomplete.len() < 16 && version > 5 {
                    // All loaders refuse it; what follows is looked at all the same.
                    self.breaks.push(Break {
                        stream: view.stream,
                        error: LoadError {
                            offset,
                            reason: format!("protocol {version} does not exist"),
                            truncated: false,
                        },
                    });
                }
                return;
            }
        };
        self.simple(rule, severity, message, offset, view, &[]);
    }
}

impl Analysis {
    /// The values of a state dict, or of the two dicts of a state tuple.
    fn state_values(&self, view: &View<'_, '_>, state: Value) -> Vec<Value> {
        view.items(state, 128).0.into_iter().filter(|v| v.is_container() || v.kind() == Kind::Global).collect()
    }

    /// Text in the state that the class runs as code while the state is set (`rv_generic` of scipy).
    fn executed_state(&mut self, view: &View<'_, '_>, event: &Build, inner: &[u32]) -> Option<u32> {
        let parts = view.parts(event.object)?;
        let mut global = view.global(parts.callee)?;
        if global.special == Some(Special::Reconstructor) {
            // Protocols 0 and 1: the class is an argument.
            global = view.items(parts.arguments, 1).0.first().and_then(|class| view.global(*class))?;
        }
        for name in modelaudit_pickle_policy::executed_state(&global.resolved) {
            for dict in state_dicts(view, event.state) {
                let Some((bytes, complete)) = view.lookup(dict, name).and_then(|v| view.bytes(v, 16 << 10)) else {
                    continue;
                };
                let text = String::from_utf8_lossy(&bytes);
                // The real ones have a few hundred bytes; what is longer than the look at it hides something.
                let long = (!complete).then_some("more than a template");
                let Some(looks) = modelaudit_pickle_policy::suspicious_text(&text).or(long) else { continue };
                let message = format!(
                    "{} runs its attribute {name} as code while its state is set, and that looks like {looks}: {}",
                    quote(global.path()),
                    quote(text.as_ref())
                );
                return Some(self.simple(&S207, Severity::Critical, message, event.offset, view, inner));
            }
        }
        None
    }

    /// State that holds a callable under a name that Python itself looks up.
    fn code_keys(&mut self, view: &View<'_, '_>, event: &Build, inner: &[u32]) -> Option<u32> {
        for dict in state_dicts(view, event.state) {
            let (items, _) = view.items(dict, 1024);
            for pair in items.chunks_exact(2) {
                let [key, value] = *pair else { continue };
                let callable = matches!(value.kind(), Kind::Global | Kind::Result | Kind::Partial | Kind::Method);
                if !callable {
                    continue;
                }
                let Some(name) = view.text(key, 64) else { continue };
                if !CODE_KEYS.contains(&name.as_str()) {
                    continue;
                }
                let harmless = view.global(value).is_some_and(|g| g.danger().is_none()) || view.danger(value).is_none();
                let severity = if harmless && inner.is_empty() { Severity::Warning } else { Severity::Critical };
                let message = format!(
                    "{} of {} is set to {}",
                    name,
                    modelaudit_plugin::escape(&owner(view, event.object)),
                    view.render(value, 160)
                );
                self.use_global(view, value);
                return Some(self.simple(&S207, severity, message, event.offset, view, inner));
            }
        }
        None
    }
}
