//! The tensors of a torch pickle: which storage each lies in, whether it fits there.
//!
//! A torch pickle holds no numbers: `BINPERSID` of `('storage', class, key, location, numel)` asks for a storage, a call of
//! `torch._utils._rebuild_tensor_v2(storage, offset, size, stride, ...)` makes a tensor of it. torch before 2.10 believed the
//! numbers (CVE-2026-24747): a storage record that is shorter than `numel` elements, or a size and stride beyond it, reads memory
//! that is not the file's. So both are checked, in every file format of torch alike.

use std::collections::HashMap;

use modelaudit_pickle_machine::{Call, Item, Kind, LoadError, Observer, Persistent, Value, View};
use modelaudit_plugin::{Artifact, Sink, Span, Tensor, clip, escape};
use modelaudit_rules::tensors::{S811, Tally};

use crate::dtype::{self, Dtype};

/// Storages and tensors that are kept; the largest real checkpoints have some 100,000.
const LIMIT: usize = 300_000;
/// Dimensions of a tensor; torch stops at 64.
const MAX_DIMENSIONS: usize = 128;

/// A storage as a persistent id describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage {
    /// Its key: the name of its record.
    pub key: String,
    /// Its elements; None for a class that torch does not have.
    pub dtype: Option<Dtype>,
    /// Number of elements; None if it is no number.
    pub elements: Option<i64>,
    /// Offset of the id in the pickle.
    pub offset: u64,
}

/// A tensor as a rebuild call describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    /// Name under which it was put into a dict.
    pub name: Option<String>,
    /// Index of its storage.
    pub storage: u32,
    /// Its elements, if other than the storage's.
    pub dtype: Option<Dtype>,
    /// First element in the storage.
    pub first: i64,
    /// Length of each dimension.
    pub size: Vec<i64>,
    /// Elements from one index to the next, of each dimension.
    pub stride: Vec<i64>,
    /// Offset of the call in the pickle.
    pub offset: u64,
}

/// Collects storages and tensors from a run of the pickle machine.
#[derive(Default)]
pub struct Collector {
    /// Storages in the order of their ids, each key once.
    pub storages: Vec<Storage>,
    /// Tensors in the order of their calls.
    pub tensors: Vec<Rebuilt>,
    /// More storages or tensors than are kept.
    pub more: bool,
    /// Where the pickle breaks off, and why.
    pub broken: Option<(u64, String)>,
    /// Keys whose ids contradict each other.
    pub contradictions: Tally,
    keys: HashMap<String, u32>,
    storage_values: HashMap<Value, u32>,
    tensor_values: HashMap<Value, u32>,
    /// Sparse tensors: the tensors of their indices, and their shape.
    pub sparse: Vec<Sparse>,
}

/// A sparse tensor as a rebuild call describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sparse {
    /// Which tensors hold indices, and what the indices of each row of it must be less than (one limit for all rows if there
    /// is one).
    pub indices: Vec<(u32, Vec<i64>)>,
    /// Offset of the call in the pickle.
    pub offset: u64,
}

/// How a rebuild function takes its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rebuild {
    /// (storage, offset, size, stride, ...).
    Strided,
    /// The same with the dtype as seventh.
    WithDtype,
    /// (tensor, ...): the result stands for the tensor.
    Wrapper,
    /// (function, type, arguments, state).
    FromType,
    /// (layout, (indices ..., values, size ...)).
    Sparse,
}

/// Source: `torch/_utils.py`, `torch/_tensor.py`.
const REBUILDS: &[(&str, Rebuild)] = &[
    ("torch._tensor._rebuild_from_type", Rebuild::FromType),
    ("torch._tensor._rebuild_from_type_v2", Rebuild::FromType),
    ("torch._utils._rebuild_parameter", Rebuild::Wrapper),
    ("torch._utils._rebuild_parameter_with_state", Rebuild::Wrapper),
    ("torch._utils._rebuild_qtensor", Rebuild::Strided),
    ("torch._utils._rebuild_sparse_csr_tensor", Rebuild::Sparse),
    ("torch._utils._rebuild_sparse_tensor", Rebuild::Sparse),
    ("torch._utils._rebuild_tensor", Rebuild::Strided),
    ("torch._utils._rebuild_tensor_v2", Rebuild::Strided),
    ("torch._utils._rebuild_tensor_v3", Rebuild::WithDtype),
    ("torch.nn.parameter.Parameter", Rebuild::Wrapper),
];

impl Collector {
    /// A storage's index by its id, adding it if it is new.
    fn storage(&mut self, view: &View<'_, '_>, event: &Persistent) -> Option<u32> {
        let (id, _) = view.items(event.id, 6);
        let [kind, class, key, _location, elements, ..] = *id.as_slice() else { return None };
        if view.text(kind, 16).as_deref() != Some("storage") {
            return None;
        }
        // Keys are texts; the legacy writer had numbers as texts, too.
        let key = view.text(key, 256).or_else(|| view.int(key).map(|n| n.to_string()))?;
        let dtype = view.global(class).and_then(|global| dtype::of_storage(&global.path()));
        let storage = Storage { key, dtype, elements: view.int(elements), offset: event.offset };
        if let Some(&known) = self.keys.get(&storage.key) {
            let first = self.storages.get(known as usize)?;
            let bytes = |s: &Storage| s.elements.zip(s.dtype).map(|(n, d)| i128::from(n) * i128::from(d.size));
            if bytes(first) != bytes(&storage) {
                let at = Span::new(event.offset, 0);
                self.contradictions.add(&storage.key, at, || "is described twice with different sizes".to_owned());
            }
            return Some(known);
        }
        if self.storages.len() >= LIMIT {
            self.more = true;
            return None;
        }
        let index = u32::try_from(self.storages.len()).ok()?;
        self.keys.insert(storage.key.clone(), index);
        self.storages.push(storage);
        Some(index)
    }

    /// The tensor that strided arguments describe.
    fn rebuilt(&self, view: &View<'_, '_>, arguments: &[Value], how: Rebuild, offset: u64) -> Option<Rebuilt> {
        let [storage, first, size, stride, rest @ ..] = arguments else { return None };
        let numbers = |value: Value| -> Option<Vec<i64>> {
            let (items, complete) = view.items(value, MAX_DIMENSIONS);
            if complete { items.into_iter().map(|v| view.int(v)).collect() } else { None }
        };
        let dtype = match (how, rest) {
            (Rebuild::WithDtype, [_, _, dtype, ..]) => view.global(*dtype).and_then(|g| dtype::of_scalar(&g.path())),
            _ => None,
        };
        Some(Rebuilt {
            name: None,
            storage: *self.storage_values.get(storage)?,
            dtype,
            first: view.int(*first)?,
            size: numbers(*size)?,
            stride: numbers(*stride)?,
            offset,
        })
    }

    /// The index tensors of a sparse tensor with the limits of their values: COO has (indices, values, size), CSR and CSC
    /// have (compressed, plain, values, size).
    fn sparse(&mut self, view: &View<'_, '_>, arguments: &[Value], offset: u64) {
        let [_, data, ..] = arguments else { return };
        let (parts, _) = view.items(*data, 6);
        let tensor = |value: &Value| self.tensor_values.get(value).copied();
        // A torch.Size is the result of a call with the tuple.
        let shape = |value: &Value| -> Option<Vec<i64>> {
            let numbers = match value.kind() {
                Kind::Tuple | Kind::List => *value,
                _ => *view.items(view.parts(*value)?.arguments, 2).0.first()?,
            };
            let (items, _) = view.items(numbers, MAX_DIMENSIONS);
            items.into_iter().map(|v| view.int(v)).collect()
        };
        let indices = match parts.as_slice() {
            [compressed, plain, values, size, ..] if tensor(values).is_some() => {
                let (Some(compressed), Some(plain), Some(values), Some(size)) =
                    (tensor(compressed), tensor(plain), tensor(values), shape(size))
                else {
                    return;
                };
                let entries = self.tensors.get(values as usize).and_then(|t| t.size.first()).copied();
                // Rows or columns: the layout says which; the larger of both is a limit for either.
                let limit = size.iter().rev().take(2).max().copied();
                match (entries, limit) {
                    (Some(entries), Some(limit)) => {
                        vec![(compressed, vec![entries.saturating_add(1)]), (plain, vec![limit])]
                    }
                    _ => return,
                }
            }
            [indices, values, size, ..] => match (tensor(indices), tensor(values), shape(size)) {
                (Some(indices), Some(_), Some(size)) => vec![(indices, size)],
                _ => return,
            },
            _ => return,
        };
        if self.sparse.len() < 1000 {
            self.sparse.push(Sparse { indices, offset });
        }
    }

    fn remember(&mut self, result: Value, tensor: Rebuilt) {
        if self.tensors.len() >= LIMIT {
            self.more = true;
            return;
        }
        if let Ok(index) = u32::try_from(self.tensors.len()) {
            self.tensor_values.insert(result, index);
            self.tensors.push(tensor);
        }
    }
}

impl Observer for Collector {
    fn error(&mut self, _view: &View<'_, '_>, event: &LoadError) {
        self.broken.get_or_insert_with(|| (event.offset, event.reason.clone()));
    }

    fn persistent(&mut self, view: &View<'_, '_>, event: &Persistent) {
        // Ids are pushed for one call: the map need not outgrow the tensors of a file.
        if self.storage_values.len() >= 2 * LIMIT {
            self.storage_values.clear();
        }
        if let Some(index) = self.storage(view, event) {
            self.storage_values.insert(event.value, index);
        }
    }

    fn call(&mut self, view: &View<'_, '_>, call: &Call<'_>) -> u32 {
        let rebuild = |value: Value| {
            let path = view.global(value)?.path();
            REBUILDS.iter().find(|(known, _)| *known == path).map(|(_, how)| *how)
        };
        match rebuild(call.callee) {
            Some(how @ (Rebuild::Strided | Rebuild::WithDtype)) => {
                if let Some(tensor) = self.rebuilt(view, call.arguments, how, call.offset) {
                    self.remember(call.result, tensor);
                }
            }
            Some(Rebuild::Wrapper) => {
                if let Some(&index) = call.arguments.first().and_then(|inner| self.tensor_values.get(inner)) {
                    self.tensor_values.insert(call.result, index);
                }
            }
            Some(Rebuild::Sparse) => self.sparse(view, call.arguments, call.offset),
            Some(Rebuild::FromType) => {
                if let [function, _, arguments, ..] = call.arguments
                    && let Some(how @ (Rebuild::Strided | Rebuild::WithDtype)) = rebuild(*function)
                {
                    let (inner, _) = view.items(*arguments, 16);
                    if let Some(tensor) = self.rebuilt(view, &inner, how, call.offset) {
                        self.remember(call.result, tensor);
                    }
                }
            }
            None => {}
        }
        0
    }

    fn item(&mut self, view: &View<'_, '_>, item: &Item) {
        if !matches!(item.value.kind(), Kind::Result | Kind::Object) {
            return;
        }
        let Some(tensor) = self.tensor_values.get(&item.value).and_then(|i| self.tensors.get_mut(*i as usize)) else {
            return;
        };
        if tensor.name.is_none() {
            tensor.name = view.text(item.key, 1024);
        }
    }
}

/// Where the records of storages are.
pub trait Records {
    /// The bytes of a storage in the artifact, and how many it has once unpacked; None if there is no such record.
    fn find(&self, key: &str) -> Option<Record>;
}

/// A storage's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where they stand, if they stand in the artifact as they are.
    pub at: Option<Span>,
    /// How many there are.
    pub size: u64,
    /// The record's end is missing; then its size says nothing.
    pub cut: bool,
}

/// What is reported of a pickle's tensors.
#[derive(Default)]
pub struct Summary {
    /// Tensors that were understood.
    pub tensors: u64,
    /// Their elements.
    pub parameters: u64,
    /// Their element types.
    pub dtypes: Vec<String>,
    missing: Tally,
    shorter: Tally,
    longer: Tally,
    outside: Tally,
    indices: Tally,
}

/// Indices of a sparse tensor that are read; beyond that nobody looks.
const MAX_INDICES: i64 = 1 << 16;

impl Summary {
    /// Checks the storages and tensors of a pickle against the records and names the tensors. `place` makes a place in the
    /// artifact of an offset in the pickle.
    pub fn add(
        &mut self,
        artifact: &dyn Artifact,
        found: &Collector,
        records: &dyn Records,
        place: &dyn Fn(u64) -> Span,
        suffix: &str,
        sink: &mut dyn Sink,
    ) {
        let located: Vec<Option<Record>> = found.storages.iter().map(|s| records.find(&s.key)).collect();
        for (storage, record) in found.storages.iter().zip(&located) {
            self.storage(storage, record.as_ref(), place(storage.offset));
        }
        for tensor in &found.tensors {
            let Some(storage) = found.storages.get(tensor.storage as usize) else { continue };
            let record = located.get(tensor.storage as usize).copied().flatten();
            self.tensor(tensor, storage, record, place(tensor.offset), suffix, sink);
        }
        // Indices of a big-endian machine are rare enough to go unread.
        for sparse in found.sparse.iter().filter(|_| suffix.is_empty()) {
            for (index, limits) in &sparse.indices {
                let Some(tensor) = found.tensors.get(*index as usize) else { continue };
                let record = located.get(tensor.storage as usize).copied().flatten();
                let bytes = found.storages.get(tensor.storage as usize).zip(record.and_then(|r| r.at));
                if let Some((storage, bytes)) = bytes
                    && let Some(bad) = bad_index(artifact, tensor, storage, bytes, limits)
                {
                    let name = tensor.name.clone().unwrap_or_else(|| format!("storage {}", storage.key));
                    self.indices.add(&name, place(sparse.offset), || {
                        format!("holds the index {bad} of a sparse tensor, which is outside its shape")
                    });
                }
            }
        }
        found.contradictions.report(&S811, None, "storage", sink);
        if found.more {
            sink.incomplete(&format!("more than {LIMIT} storages or tensors: the others were not checked"));
        }
    }

    fn storage(&mut self, storage: &Storage, record: Option<&Record>, at: Span) {
        let Some(record) = record else {
            self.missing.add(&storage.key, at, || "has no record in the file".to_owned());
            return;
        };
        let wanted = match (storage.elements, storage.dtype) {
            (Some(n), Some(dtype)) => u64::try_from(n).ok().and_then(|n| n.checked_mul(dtype.size)),
            // A class that torch does not have: a subclass from elsewhere, whose size nobody here knows.
            (Some(0..), None) => return,
            _ => None,
        };
        match wanted {
            None => self
                .shorter
                .add(&storage.key, at, || "has a number of elements that is negative or overflows".to_owned()),
            Some(wanted) if wanted > record.size => {
                if !record.cut {
                    let size = record.size;
                    self.shorter.add(&storage.key, at, || format!("says {wanted} bytes, its record has {size}"));
                }
            }
            // A storage that was reinterpreted with a wider type counts whole elements: its last bytes may make none.
            Some(wanted) if record.size - wanted >= storage.dtype.map_or(1, |d| d.size) => {
                let (place, size) = (record.at.unwrap_or(at), record.size);
                self.longer.add(&storage.key, place, || format!("says {wanted} bytes, its record has {size}"));
            }
            Some(_) => {}
        }
    }

    fn tensor(
        &mut self,
        tensor: &Rebuilt,
        storage: &Storage,
        record: Option<Record>,
        at: Span,
        suffix: &str,
        sink: &mut dyn Sink,
    ) {
        let name = tensor.name.clone().unwrap_or_else(|| format!("storage {}", storage.key));
        let dtype = tensor.dtype.or(storage.dtype);
        let reach = reach(tensor);
        // A tensor of another type than its storage counts its own elements.
        let unit = |n: i64| i128::from(n) * i128::from(dtype.map_or(1, |d| d.size));
        let room = storage.elements.map(|n| i128::from(n) * i128::from(storage.dtype.map_or(1, |d| d.size)));
        let fits = match (reach, room) {
            (None, _) => false,
            (Some((_, end)), Some(room)) => {
                unit(end) <= room || dtype.is_none_or(|d| d.packed) || storage.dtype.is_none()
            }
            (Some(_), None) => true,
        };
        if !fits {
            let shape = shown(&tensor.size);
            let elements = storage.elements.unwrap_or(0);
            self.outside.add(&name, at, || {
                format!(
                    "of shape {shape}, stride {} and offset {} leaves its storage of {elements} elements",
                    shown(&tensor.stride),
                    tensor.first
                )
            });
        }
        let Some(shape) = tensor.size.iter().map(|n| u64::try_from(*n).ok()).collect::<Option<Vec<u64>>>() else {
            return;
        };
        self.tensors += 1;
        let elements = shape.iter().try_fold(1u64, |product, n| product.checked_mul(*n)).unwrap_or(0);
        self.parameters = self.parameters.saturating_add(if fits { elements } else { 0 });
        let Some(dtype) = dtype else { return };
        let label = format!("{}{suffix}", dtype.name);
        if self.dtypes.len() < 64 && !self.dtypes.contains(&label) {
            self.dtypes.push(label.clone());
        }
        let (Some((first, end)), Some(bytes), true) = (reach, record.and_then(|r| r.at), fits) else { return };
        let range = |n: i64| u64::try_from(n).ok().and_then(|n| n.checked_mul(dtype.size));
        if let (Some(first), Some(end)) = (range(first), range(end))
            && end <= bytes.length
        {
            let at = Span::new(bytes.offset.saturating_add(first), end.saturating_sub(first));
            sink.tensor(Tensor { name: clip(&escape(&name), 1024), dtype: label, shape, at });
        }
    }

    /// Reports what was found, and the facts.
    pub fn report(&self, missing_counts: bool, sink: &mut dyn Sink) {
        if missing_counts {
            self.missing.report(&S811, None, "storage", sink);
        }
        self.shorter.report(&S811, None, "storage", sink);
        self.longer.report(&S811, None, "storage", sink);
        self.outside.report(&S811, None, "tensor", sink);
        self.indices.report(&S811, None, "tensor", sink);
        if self.tensors > 0 {
            sink.fact_number("tensor_count", self.tensors);
            sink.fact_number("parameters", self.parameters);
            sink.fact_list("dtypes", &self.dtypes);
        }
    }
}

/// The first index of a matrix or list of 64-bit indices that is negative or not below its row's limit.
fn bad_index(artifact: &dyn Artifact, tensor: &Rebuilt, storage: &Storage, bytes: Span, limits: &[i64]) -> Option<i64> {
    let (rows, columns, row_stride, stride) = match (tensor.size.as_slice(), tensor.stride.as_slice()) {
        ([rows, columns], [row_stride, stride]) => (*rows, *columns, *row_stride, *stride),
        ([columns], [stride]) => (1, *columns, 0, *stride),
        _ => return None,
    };
    let (_, end) = reach(tensor)?;
    let total = rows.checked_mul(columns)?;
    let unit = storage.dtype.filter(|d| d.name == "i64" || d.name == "i32")?.size;
    let length = u64::try_from(end).ok()?.checked_mul(unit)?;
    if !(1..=MAX_INDICES).contains(&total) || end > 4 * MAX_INDICES || length > bytes.length {
        return None;
    }
    let data = artifact.read_span(Span::new(bytes.offset, length), length)?;
    let value = |element: i64| {
        let at = usize::try_from(element).ok()?.checked_mul(unit as usize)?;
        let raw = data.get(at..)?;
        match unit {
            8 => raw.first_chunk().map(|b| i64::from_le_bytes(*b)),
            _ => raw.first_chunk().map(|b| i64::from(i32::from_le_bytes(*b))),
        }
    };
    (0..rows).find_map(|row| {
        let limit =
            limits.get(usize::try_from(row).ok()?).or(if rows == 1 { limits.first() } else { None }).copied()?;
        (0..columns).find_map(|column| {
            value(tensor.first + row * row_stride + column * stride).filter(|index| !(0..limit).contains(index))
        })
    })
}

/// The first element that a tensor touches and the one after the last; None if a number is negative or the sum overflows.
fn reach(tensor: &Rebuilt) -> Option<(i64, i64)> {
    if tensor.first < 0 || tensor.size.len() != tensor.stride.len() {
        return None;
    }
    let mut last = tensor.first;
    let mut empty = false;
    for (size, stride) in tensor.size.iter().zip(&tensor.stride) {
        if *size < 0 || *stride < 0 {
            return None;
        }
        empty |= *size == 0;
        last = last.checked_add(size.saturating_sub(1).max(0).checked_mul(*stride)?)?;
    }
    Some((tensor.first, if empty { tensor.first } else { last.checked_add(1)? }))
}

fn shown(numbers: &[i64]) -> String {
    let mut text: Vec<String> = numbers.iter().take(8).map(i64::to_string).collect();
    if numbers.len() > 8 {
        text.push("...".to_owned());
    }
    format!("[{}]", text.join(", "))
}
