//! Field numbers of onnx.proto3 (onnx/onnx, IR version 11) and its element types.

use modelaudit_protobuf::Wire::{self, Bytes, Fixed32, Varint};

/// Fields of a `ModelProto`; also what its first bytes are told by.
pub const MODEL: &[(u32, Wire)] = &[
    (1, Varint), // ir_version
    (2, Bytes),  // producer_name
    (3, Bytes),  // producer_version
    (4, Bytes),  // domain
    (5, Varint), // model_version
    (6, Bytes),  // doc_string
    (7, Bytes),  // graph
    (8, Bytes),  // opset_import
    (14, Bytes), // metadata_props
    (20, Bytes), // training_info
    (25, Bytes), // functions
    (26, Bytes), // configuration
];
/// Fields of a `GraphProto`.
pub const GRAPH: &[(u32, Wire)] = &[
    (1, Bytes),  // node
    (2, Bytes),  // name
    (5, Bytes),  // initializer
    (10, Bytes), // doc_string
    (11, Bytes), // input
    (12, Bytes), // output
    (13, Bytes), // value_info
    (14, Bytes), // quantization_annotation
    (15, Bytes), // sparse_initializer
    (16, Bytes), // metadata_props
];
/// Fields of a `NodeProto`.
pub const NODE: &[(u32, Wire)] = &[
    (1, Bytes),  // input
    (2, Bytes),  // output
    (3, Bytes),  // name
    (4, Bytes),  // op_type
    (5, Bytes),  // attribute
    (6, Bytes),  // doc_string
    (7, Bytes),  // domain
    (8, Bytes),  // overload
    (9, Bytes),  // metadata_props
    (10, Bytes), // device_configurations
];
/// Fields of an `AttributeProto`.
pub const ATTRIBUTE: &[(u32, Wire)] = &[
    (1, Bytes),   // name
    (2, Fixed32), // f
    (3, Varint),  // i
    (4, Bytes),   // s
    (5, Bytes),   // t
    (6, Bytes),   // g
    (7, Bytes),   // floats
    (7, Fixed32),
    (8, Bytes), // ints
    (8, Varint),
    (9, Bytes),   // strings
    (10, Bytes),  // tensors
    (11, Bytes),  // graphs
    (13, Bytes),  // doc_string
    (14, Bytes),  // tp
    (15, Bytes),  // type_protos
    (20, Varint), // type
    (21, Bytes),  // ref_attr_name
    (22, Bytes),  // sparse_tensor
    (23, Bytes),  // sparse_tensors
];
/// Fields of a `TensorProto`.
pub const TENSOR: &[(u32, Wire)] = &[
    (1, Varint), // dims
    (1, Bytes),
    (2, Varint), // data_type
    (3, Bytes),  // segment
    (4, Bytes),  // float_data
    (4, Fixed32),
    (5, Bytes), // int32_data
    (5, Varint),
    (6, Bytes), // string_data
    (7, Bytes), // int64_data
    (7, Varint),
    (8, Bytes),  // name
    (9, Bytes),  // raw_data
    (10, Bytes), // double_data
    (10, Wire::Fixed64),
    (11, Bytes), // uint64_data
    (11, Varint),
    (12, Bytes),  // doc_string
    (13, Bytes),  // external_data
    (14, Varint), // data_location
    (16, Bytes),  // metadata_props
];
/// Fields of a `FunctionProto`; 2, 3 were `since_version` and `status` of early drafts.
pub const FUNCTION: &[(u32, Wire)] = &[
    (1, Bytes), // name
    (2, Varint),
    (3, Varint),
    (4, Bytes),  // input
    (5, Bytes),  // output
    (6, Bytes),  // attribute
    (7, Bytes),  // node
    (8, Bytes),  // doc_string
    (9, Bytes),  // opset_import
    (10, Bytes), // domain
    (11, Bytes), // attribute_proto
    (12, Bytes), // value_info
    (13, Bytes), // overload
    (14, Bytes), // metadata_props
];

/// `TensorProto.DataType`: number, name, bits of an element (0 for strings).
const TYPES: &[(u64, &str, u64)] = &[
    (1, "f32", 32),
    (2, "u8", 8),
    (3, "i8", 8),
    (4, "u16", 16),
    (5, "i16", 16),
    (6, "i32", 32),
    (7, "i64", 64),
    (8, "string", 0),
    (9, "bool", 8),
    (10, "f16", 16),
    (11, "f64", 64),
    (12, "u32", 32),
    (13, "u64", 64),
    (14, "c64", 64),
    (15, "c128", 128),
    (16, "bf16", 16),
    (17, "f8_e4m3fn", 8),
    (18, "f8_e4m3fnuz", 8),
    (19, "f8_e5m2", 8),
    (20, "f8_e5m2fnuz", 8),
    (21, "u4", 4),
    (22, "i4", 4),
    (23, "f4_e2m1", 4),
    (24, "f8_e8m0", 8),
    (25, "u2", 2),
    (26, "i2", 2),
];

/// Name and bits of an element type, if it is known.
pub fn data_type(number: u64) -> Option<(&'static str, u64)> {
    TYPES.iter().find(|(n, ..)| *n == number).map(|(_, name, bits)| (*name, *bits))
}

/// Bytes that a tensor takes: None if a dimension is negative or the product overflows.
pub fn tensor_bytes(dims: &[u64], bits: u64) -> Option<u64> {
    let elements = dims
        .iter()
        .try_fold(1u64, |n, d| i64::try_from(*d).ok().filter(|d| *d >= 0).and_then(|_| n.checked_mul(*d)))?;
    elements.checked_mul(bits).map(|bits| bits.div_ceil(8))
}
