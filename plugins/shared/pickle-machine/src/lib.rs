//! The pickle machine: what a pickle does when it is loaded, without loading it.
//!
//! A pickle is a program for a stack machine of 68 opcodes. Scanners that look at its opcodes one by one are fooled by
//! everything a machine can do: names through the memo, names put together by calls, several streams, errors behind the
//! payload, opcodes that loaders read differently (`shared/reference/pickle-family.md`, section 3.1). So this crate *runs* it,
//! over abstract values: stack, marks, memo, protocol and frames are real, imports and calls are events.
//!
//! Three layers, each usable alone:
//! 1. [`walk`] runs all streams of a range and tells an [`Observer`] about imports, calls, state, items, persistent ids,
//!    errors. Values are opaque handles ([`Value`]) that a [`View`] resolves: texts, numbers, items, what a call was made of.
//! 2. [`scan_pickle`] is the observer that makes findings of it (rules S2xx), shared by the pickle plugin, numpy's object arrays and others.
//! 3. [`is_pickle`] decides from the first bytes whether something is a pickle at all.
//!
//! Memory is bounded whatever the input (see `store` and `memo`), payloads are skipped, nothing recurses along the input.
//!
//! # Reading tensors out of a torch `data.pkl`
//! ```
//! use modelaudit_pickle_machine::{Call, Item, Observer, Persistent, Reading, Slice, Value, View, walk};
//! use modelaudit_plugin::Span;
//! use std::collections::HashMap;
//!
//! /// Tensors by the value that their rebuild call returned, and their names.
//! #[derive(Default)]
//! struct Tensors { shapes: HashMap<Value, Vec<i64>>, names: Vec<(String, Vec<i64>)> }
//!
//! impl Observer for Tensors {
//!     fn call(&mut self, view: &View<'_, '_>, call: &Call<'_>) -> u32 {
//!         if view.global(call.callee).is_some_and(|g| g.path() == "torch._utils._rebuild_tensor_v2")
//!             && let [storage, _offset, size, ..] = call.arguments
//!             // The storage is what BINPERSID pushed: its callee is the id, ('storage', class, key, location, numel).
//!             && let Some(parts) = view.parts(*storage)
//!         {
//!             let (id, _) = view.items(parts.callee, 5);
//!             assert_eq!(view.text(id[2], 64).as_deref(), Some("0"));
//!             let (size, _) = view.items(*size, 64);
//!             self.shapes.insert(call.result, size.iter().filter_map(|v| view.int(*v)).collect());
//!         }
//!         0
//!     }
//!     fn item(&mut self, view: &View<'_, '_>, item: &Item) {
//!         if let (Some(shape), Some(name)) = (self.shapes.get(&item.value), view.text(item.key, 1024)) {
//!             self.names.push((name, shape.clone()));
//!         }
//!     }
//! }
//!
//! let pickle = b"\x80\x02}U\x01wctorch._utils\n_rebuild_tensor_v2\n((U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuK\x06tQK\x00K\x02K\x03\x86K\x03K\x01\x86\x89}tRs.";
//! let slice = Slice(pickle);
//! let mut tensors = Tensors::default();
//! let outcome = walk(&slice, Span::new(0, pickle.len() as u64), Reading::USUAL, 1, &mut tensors);
//! assert!(outcome.stopped);
//! assert_eq!(tensors.names, [("w".to_owned(), vec![2, 3])]);
//! ```

mod array;
mod blob;
mod calls;
mod codec;
mod constant;
mod fold;
mod folded;
mod globals;
mod input;
mod literals;
mod machine;
mod memo;
mod opcode;
mod ops;
mod probe;
mod render;
mod scan;
mod special;
mod stack;
mod store;
mod streams;
mod value;
mod view;

pub use codec::{Compression, decompress};
pub use globals::Global;
pub use machine::Reading;
pub use modelaudit_plugin::Slice;
pub use opcode::{all as opcodes, name as opcode_name};
pub use probe::is_pickle;
pub use scan::{Hidden, ScanOptions, Summary, hidden_in_encoding, hidden_pickle, runs_code, scan_pickle};
pub use streams::{Outcome, walk};
pub use value::{Kind, Value};
pub use view::{
    Array, Blob, Build, Call, ComputedImport, Extension, Import, Item, LoadError, Observer, Oddity, Parts, Persistent,
    View,
};
