//! Operators and attributes that need code from elsewhere, and names that attack.

/// Operators that call Python or C functions which the program registered (src/operator/custom, src/operator/native of MXNet 1.9).
pub const CODE_OPERATORS: &[&str] = &[
    "Custom",
    "Native",
    "_Native",
    "_NDArray",
    "NDArrayOp",
    "PythonOp",
    "_CustomFunction",
    "_custom_function",
    "CustomOp",
];

/// Keys of attributes that name a file or place to load something from, lower case.
pub const PLACES: &[&str] = &[
    "lib",
    "library",
    "lib_path",
    "library_path",
    "path",
    "module",
    "so_path",
    "plugin",
    "url",
    "file",
    "filename",
    "uri",
    "src",
];

/// Whether the value names a native library.
pub fn is_library(value: &str) -> bool {
    let value = value.trim().to_ascii_lowercase();
    [".so", ".dll", ".dylib", ".pyd"].iter().any(|ending| value.ends_with(ending)) || value.contains(".so.")
}

/// CVE-2022-24294: the longest name that any model has is far below, and no name is made of syntax.
const LONG_NAME: usize = 1024;
const SYNTAX: usize = 128;

/// Whether the name is one that a backtracking regular expression chokes on.
pub fn attacks_expressions(name: &str) -> bool {
    name.len() >= LONG_NAME && name.bytes().filter(|b| b"[](){}*+?|\\^$.".contains(b)).count() >= SYNTAX
}
