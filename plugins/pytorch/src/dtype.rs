//! Element types of torch storages.

/// A storage's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dtype {
    /// Name for the host: `f32`, `bf16`, `qint8` ...
    pub name: &'static str,
    /// Bytes of an element; of types with several elements a byte, bytes of the unit the storage counts.
    pub size: u64,
    /// Several elements share a byte, so a tensor's size says nothing about bytes.
    pub packed: bool,
}

const fn plain(name: &'static str, size: u64) -> Dtype {
    Dtype { name, size, packed: false }
}

/// Storage classes by the last part of their name (`torch.FloatStorage`, `torch.cuda.FloatStorage`). Source: `torch/__init__.py`
/// and `torch/storage.py` (`_dtype_to_storage_type_map`).
const STORAGES: &[(&str, Dtype)] = &[
    ("BFloat16Storage", plain("bf16", 2)),
    ("BoolStorage", plain("bool", 1)),
    ("ByteStorage", plain("u8", 1)),
    ("CharStorage", plain("i8", 1)),
    ("ComplexDoubleStorage", plain("c128", 16)),
    ("ComplexFloatStorage", plain("c64", 8)),
    ("DoubleStorage", plain("f64", 8)),
    ("FloatStorage", plain("f32", 4)),
    ("HalfStorage", plain("f16", 2)),
    ("IntStorage", plain("i32", 4)),
    ("LongStorage", plain("i64", 8)),
    ("QInt32Storage", plain("qint32", 4)),
    ("QInt8Storage", plain("qint8", 1)),
    ("QUInt2x4Storage", Dtype { name: "quint2x4", size: 1, packed: true }),
    ("QUInt4x2Storage", Dtype { name: "quint4x2", size: 1, packed: true }),
    ("QUInt8Storage", plain("quint8", 1)),
    ("ShortStorage", plain("i16", 2)),
    ("UntypedStorage", plain("u8", 1)),
    ("_UntypedStorage", plain("u8", 1)),
];

/// Types without a storage class of their own, which `_rebuild_tensor_v3` gets as `torch.<name>`. Source: `c10/core/ScalarType.h`.
const SCALARS: &[(&str, Dtype)] = &[
    ("bfloat16", plain("bf16", 2)),
    ("bool", plain("bool", 1)),
    ("complex128", plain("c128", 16)),
    ("complex32", plain("c32", 4)),
    ("complex64", plain("c64", 8)),
    ("float16", plain("f16", 2)),
    ("float32", plain("f32", 4)),
    ("float4_e2m1fn_x2", Dtype { name: "f4_e2m1", size: 1, packed: true }),
    ("float64", plain("f64", 8)),
    ("float8_e4m3fn", plain("f8_e4m3", 1)),
    ("float8_e4m3fnuz", plain("f8_e4m3fnuz", 1)),
    ("float8_e5m2", plain("f8_e5m2", 1)),
    ("float8_e5m2fnuz", plain("f8_e5m2fnuz", 1)),
    ("float8_e8m0fnu", plain("f8_e8m0", 1)),
    ("int16", plain("i16", 2)),
    ("int32", plain("i32", 4)),
    ("int64", plain("i64", 8)),
    ("int8", plain("i8", 1)),
    ("uint16", plain("u16", 2)),
    ("uint32", plain("u32", 4)),
    ("uint64", plain("u64", 8)),
    ("uint8", plain("u8", 1)),
];

fn find(table: &[(&str, Dtype)], path: &str) -> Option<Dtype> {
    let name = path.rsplit('.').next().unwrap_or_default();
    table.iter().find(|(known, _)| *known == name).map(|(_, dtype)| *dtype)
}

/// The elements of a storage class.
pub fn of_storage(path: &str) -> Option<Dtype> {
    find(STORAGES, path)
}

/// The elements of a `torch.dtype`.
pub fn of_scalar(path: &str) -> Option<Dtype> {
    find(SCALARS, path)
}
