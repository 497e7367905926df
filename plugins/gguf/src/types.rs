//! The element types of ggml tensors.

/// How ggml packs the elements of a tensor: `block` elements in `bytes` bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Type {
    /// Number in the file.
    pub id: u32,
    /// Name, lower case.
    pub name: &'static str,
    /// Elements of a block; a row (the first dimension) is a multiple of it.
    pub block: u64,
    /// Bytes of a block; 0 if versions differ.
    pub bytes: u64,
}

const fn t(id: u32, name: &'static str, block: u64, bytes: u64) -> Type {
    Type { id, name, block, bytes }
}

/// `enum ggml_type` with the sizes of `type_traits` in ggml.c. 31 to 33 and 36 to 38 were repacked for ARM and are retired, files with
/// them are still about. 4 and 5 were retired before GGUF, and 9 has 40 bytes in gguf-py and 36 in ggml (it is an intermediate that
/// stands in no model): these have a name and no size.
const TYPES: &[Type] = &[
    t(0, "f32", 1, 4),
    t(1, "f16", 1, 2),
    t(2, "q4_0", 32, 18),
    t(3, "q4_1", 32, 20),
    t(4, "q4_2", 16, 0),
    t(5, "q4_3", 16, 0),
    t(6, "q5_0", 32, 22),
    t(7, "q5_1", 32, 24),
    t(8, "q8_0", 32, 34),
    t(9, "q8_1", 32, 0),
    t(10, "q2_k", 256, 84),
    t(11, "q3_k", 256, 110),
    t(12, "q4_k", 256, 144),
    t(13, "q5_k", 256, 176),
    t(14, "q6_k", 256, 210),
    t(15, "q8_k", 256, 292),
    t(16, "iq2_xxs", 256, 66),
    t(17, "iq2_xs", 256, 74),
    t(18, "iq3_xxs", 256, 98),
    t(19, "iq1_s", 256, 50),
    t(20, "iq4_nl", 32, 18),
    t(21, "iq3_s", 256, 110),
    t(22, "iq2_s", 256, 82),
    t(23, "iq4_xs", 256, 136),
    t(24, "i8", 1, 1),
    t(25, "i16", 1, 2),
    t(26, "i32", 1, 4),
    t(27, "i64", 1, 8),
    t(28, "f64", 1, 8),
    t(29, "iq1_m", 256, 56),
    t(30, "bf16", 1, 2),
    t(31, "q4_0_4_4", 32, 18),
    t(32, "q4_0_4_8", 32, 18),
    t(33, "q4_0_8_8", 32, 18),
    t(34, "tq1_0", 256, 54),
    t(35, "tq2_0", 256, 66),
    t(36, "iq4_nl_4_4", 32, 18),
    t(37, "iq4_nl_4_8", 32, 18),
    t(38, "iq4_nl_8_8", 32, 18),
    t(39, "mxfp4", 32, 17),
    t(40, "nvfp4", 64, 36),
    t(41, "q1_0", 128, 18),
];

/// The largest number that a fork of ggml gives to a type (ik_llama.cpp counts its repacked ones up to some 400).
pub const LARGEST_PLAUSIBLE: u32 = 1023;

/// The type of that number, if it is known.
pub fn get(id: u32) -> Option<Type> {
    TYPES.binary_search_by_key(&id, |t| t.id).ok().and_then(|index| TYPES.get(index)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(TYPES.is_sorted_by_key(|t| t.id));
        assert_eq!(get(39).map(|t| t.name), Some("mxfp4"));
        assert_eq!(get(4).map(|t| t.bytes), Some(0));
        assert_eq!(get(42), None);
    }
}
