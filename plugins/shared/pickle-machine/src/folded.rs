//! Strings and bytes that a pickle computes, within a budget.

use crate::value::{Kind, Value};

/// Bytes of all folded constants of a file.
const BYTES: usize = 16 << 20;
/// Number of them.
const COUNT: usize = 1 << 18;
/// Bytes of one.
pub(crate) const ONE: usize = 4 << 20;

/// The folded constants.
#[derive(Default)]
pub(crate) struct Folded {
    list: Vec<Box<[u8]>>,
    total: usize,
    spent: bool,
}

impl Folded {
    /// Keeps a constant. None when the budget is spent.
    pub(crate) fn add(&mut self, kind: Kind, bytes: Vec<u8>) -> Option<Value> {
        if self.list.len() >= COUNT || bytes.len() > ONE || self.total.saturating_add(bytes.len()) > BYTES {
            self.spent = true;
            return None;
        }
        self.total += bytes.len();
        self.list.push(bytes.into_boxed_slice());
        Some(Value::new(kind, self.list.len() as u64 - 1))
    }

    /// The bytes of a folded constant.
    pub(crate) fn get(&self, value: Value) -> Option<&[u8]> {
        match value.kind() {
            Kind::FoldedStr | Kind::FoldedBytes => self.list.get(value.payload() as usize).map(|b| &**b),
            _ => None,
        }
    }

    /// A constant was not computed because the budget was spent.
    pub(crate) fn spent(&self) -> bool {
        self.spent
    }
}
