//! Which layers and attributes ask for code from elsewhere.

/// Beginnings of the operator sets that OpenVINO and its plugins have (`ov::get_available_opsets`, and the sets of the CPU and GPU
/// plugins that exported models keep).
const STANDARD: &[&str] = &[
    "opset",
    "experimental",
    "ie_internal_opset",
    "internal",
    "util",
    "type_relaxed_opset",
    "gpu_opset",
    "cpu_plugin_opset",
];

/// Layers of openvino_tokenizers and openvino_contrib, in the set `extension`: the two packages that models of the hubs use.
pub const KNOWN_EXTENSIONS: &[&str] = &[
    // openvino_tokenizers, src/ov_extension.cpp
    "BPETokenizer",
    "ByteFallback",
    "BytesToChars",
    "CaseFold",
    "CharsToBytes",
    "CombineSegments",
    "EqualStr",
    "FuzeRagged",
    "NormalizeUnicode",
    "RaggedTensorPack",
    "RaggedToDense",
    "RaggedToRagged",
    "RaggedToSparse",
    "RegexNormalization",
    "RegexSplit",
    "SentencepieceDetokenizer",
    "SentencepieceStreamDetokenizer",
    "SentencepieceTokenizer",
    "SpecialTokensSplit",
    "StringTensorPack",
    "StringTensorUnpack",
    "StringToHashBucketFast",
    "TrieTokenizer",
    "Truncate",
    "UnigramTokenizer",
    "UTF8Validate",
    "VocabDecoder",
    "VocabEncoder",
    "WordpieceTokenizer",
    // openvino_contrib, modules/custom_operations
    "CalculateGrid",
    "ComplexMultiplication",
    "FFT",
    "GridSample",
    "IFFT",
    "SparseConv",
    "SparseConvTranspose",
    "TSSN",
];

/// Types that say they run code, lower case.
pub const CODE_TYPES: &[&str] =
    &["custom", "python", "pythonop", "pyfunc", "py_func", "extension", "customlayer", "exec", "script"];

/// Endings of native libraries.
const LIBRARIES: &[&str] = &[".so", ".dll", ".dylib", ".pyd", ".lib"];

/// Whether the operator set is one of OpenVINO's.
pub fn is_standard(version: &str) -> bool {
    STANDARD.iter().any(|known| version.starts_with(known))
}

/// Whether the value names a native library.
pub fn is_library(value: &str) -> bool {
    let value = value.trim().to_ascii_lowercase();
    LIBRARIES.iter().any(|ending| value.ends_with(ending)) || value.contains(".so.")
}

/// Bits of an element type (`ov::element::Type`); None for strings and unknown ones.
pub fn bits(element: &str) -> Option<u64> {
    Some(match element {
        "u1" | "boolean_packed" => 1,
        "u2" => 2,
        "u3" => 3,
        "u4" | "i4" | "nf4" | "f4e2m1" => 4,
        "u6" => 6,
        "boolean" | "u8" | "i8" | "f8e4m3" | "f8e5m2" | "f8e8m0" => 8,
        "f16" | "bf16" | "u16" | "i16" => 16,
        "f32" | "u32" | "i32" => 32,
        "f64" | "u64" | "i64" => 64,
        _ => return None,
    })
}
