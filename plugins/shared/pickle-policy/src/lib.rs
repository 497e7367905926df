//! What a pickle may name.
//!
//! A pickle is a program whose instructions are harmless; what it does is decided by the globals that it names and calls.
//! This crate answers one question for the pickle machine and for skops: *what can `module.name` do?* It has two halves.
//! `resolve` brings the name into the form the loader would see (Python 2 renames, C twins, attribute walks, re-exports),
//! and `judge` looks it up in reviewed tables (`data/`), which the build script compiles to sorted arrays.
//!
//! It answers published bypasses of name lists: siblings of a listed name, another module that re-exports it, private twins,
//! dotted walks through an allowed module, Python 2 spellings, whole-module allow-lists (reference, section 3.2). The mind is
//! default-deny: the standard library was reviewed module by module, what can do harm is listed as families, and no
//! whole module is allowed beyond the plain names directly in it.
//!
//! ```
//! use modelaudit_pickle_policy::{Group, Judgement, judge, resolve};
//!
//! let resolved = resolve("random", "_os.system", 4);
//! assert_eq!((resolved.module.as_str(), resolved.name.as_str()), ("os", "system"));
//! let Judgement::Dangerous(entry) = judge(&resolved) else { panic!() };
//! assert_eq!(entry.group, Group::Process);
//! ```

mod entry;
mod judge;
mod resolve;
mod tables;
mod text;

pub use entry::{Entry, Group, Judgement, Role};
pub use judge::{entry_if_check_fails, executed_state, judge, weights_only};
pub use resolve::{Resolved, is_module, resolve};
pub use text::suspicious_text;
