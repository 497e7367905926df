//! The globals of a pickle: each name is resolved and judged once, however often it is used.

use std::collections::HashMap;

use modelaudit_pickle_policy::{self as policy, Entry, Judgement, Resolved, Role};
use modelaudit_plugin::Severity;

use crate::special::{self, Special};

/// Different globals of one file that are kept. A file that names more is no model; it ends as incomplete.
const LIMIT: usize = 50_000;

/// A global that the stream names.
#[derive(Clone, Debug)]
pub struct Global {
    /// The name, resolved as a loader would.
    pub resolved: Resolved,
    /// What the policy thinks of it.
    pub judgement: Judgement<'static>,
    /// It is a module object: `BUILD` on it writes the module's attributes, `getattr` reads them.
    pub module_object: bool,
    /// What a call returns, where the machine follows it.
    pub(crate) special: Option<Special>,
    /// Offset of the opcode that named it first.
    pub offset: u64,
    /// The opcode that named it first (`GLOBAL`, `STACK_GLOBAL`, `INST`, `EXT1`, ... or a call such as `REDUCE`).
    pub opcode: &'static str,
}

impl Global {
    /// The policy's entry if the global is dangerous (more than a fact worth knowing when called).
    pub fn danger(&self) -> Option<&'static Entry> {
        match self.judgement {
            Judgement::Dangerous(entry) if entry.called >= Severity::Warning => Some(entry),
            _ => None,
        }
    }

    /// The role in which the policy calls it safe.
    pub fn role(&self) -> Option<Role> {
        match self.judgement {
            Judgement::Safe(role) => Some(role),
            _ => None,
        }
    }

    /// Canonical path.
    pub fn path(&self) -> String {
        if self.resolved.name.is_empty() {
            self.resolved.module.clone()
        } else {
            format!("{}.{}", self.resolved.module, self.resolved.name)
        }
    }
}

/// All globals of a stream (or of several that share a table).
#[derive(Default)]
pub(crate) struct Globals {
    list: Vec<Global>,
    index: HashMap<String, u32>,
    full: bool,
}

impl Globals {
    /// Finds or adds a global as written, in the protocol in force. None when the table is full.
    pub(crate) fn intern(
        &mut self,
        module: &str,
        name: &str,
        protocol: u8,
        offset: u64,
        opcode: &'static str,
    ) -> Option<u32> {
        // What a name means depends on the protocol in two steps only: renames below 3, attribute walks from 4 on.
        let class = match protocol {
            0..=2 => 'a',
            3 => 'b',
            _ => 'c',
        };
        let mut key = String::with_capacity(module.len() + name.len() + 4);
        key.extend([class, '\0']);
        key.push_str(module);
        key.push('\0');
        key.push_str(name);
        if let Some(&index) = self.index.get(&key) {
            return Some(index);
        }
        if self.list.len() >= LIMIT {
            self.full = true;
            return None;
        }
        let resolved = policy::resolve(module, name, protocol);
        let global = Global {
            judgement: policy::judge(&resolved),
            module_object: name.is_empty() || policy::is_module(&resolved),
            special: special::lookup(&resolved.module, &resolved.name),
            resolved,
            offset,
            opcode,
        };
        let index = self.list.len() as u32;
        self.list.push(global);
        self.index.insert(key, index);
        Some(index)
    }

    /// By index.
    pub(crate) fn get(&self, index: u64) -> Option<&Global> {
        self.list.get(usize::try_from(index).ok()?)
    }

    /// All of them, in the order in which they were first named.
    pub(crate) fn all(&self) -> &[Global] {
        &self.list
    }

    /// There were more than can be kept.
    pub(crate) fn full(&self) -> bool {
        self.full
    }
}
