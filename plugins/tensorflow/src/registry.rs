//! The operators that TensorFlow itself registers: others come from a library that the user must load.

use std::sync::LazyLock;

/// Names of `TF_GetAllOpList` of TensorFlow 2.21, one a line, sorted. Operators are never removed from the registry.
const REGISTERED: &str = include_str!("registered.txt");

static NAMES: LazyLock<Vec<&str>> = LazyLock::new(|| REGISTERED.lines().collect());

/// True if TensorFlow has the operator, or had it in one of its own earlier packages.
pub fn is_registered(op: &str) -> bool {
    NAMES.binary_search(&op).is_ok() || op.starts_with('_') || op.starts_with("Experimental")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_whole() {
        assert!(NAMES.is_sorted() && NAMES.len() > 1500);
        for op in ["Const", "MatMul", "WriteFile", "PyFunc", "StatefulPartitionedCall", "DatasetFromGraph", "_Arg"] {
            assert!(is_registered(op), "{op}");
        }
        for op in ["RunShell", "Addons>Gelu", "WhitespaceTokenizeWithOffsets", ""] {
            assert!(!is_registered(op), "{op}");
        }
    }
}
