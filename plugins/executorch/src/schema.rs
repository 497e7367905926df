//! Slots of the tables of ExecuTorch's schemas (schema/program.fbs, extension/flat_tensor/serialize/flat_tensor.fbs,
//! devtools/bundled_program/schema/bundled_program_schema.fbs, release 1.5), and the element types.

/// `Program`.
pub mod program {
    /// Schema version, 0 so far.
    pub const VERSION: u64 = 4;
    /// Methods.
    pub const PLANS: u64 = 6;
    /// Constants inside the FlatBuffer, up to release 0.4.
    pub const CONSTANT_BUFFER: u64 = 8;
    /// Data of delegates inside the FlatBuffer.
    pub const DELEGATE_DATA: u64 = 10;
    /// Ranges behind the FlatBuffer.
    pub const SEGMENTS: u64 = 12;
    /// Where constants stand in a segment.
    pub const CONSTANT_SEGMENT: u64 = 14;
    /// Where first values of variables stand in segments.
    pub const MUTABLE_SEGMENTS: u64 = 16;
    /// Segments by name, for delegates.
    pub const NAMED_DATA: u64 = 18;
}

/// `ExecutionPlan`.
pub mod plan {
    /// Name of the method.
    pub const NAME: u64 = 4;
    /// Values.
    pub const VALUES: u64 = 8;
    /// Indexes of values.
    pub const INPUTS: u64 = 10;
    /// Indexes of values.
    pub const OUTPUTS: u64 = 12;
    /// Chains of instructions; one so far.
    pub const CHAINS: u64 = 14;
    /// Operators.
    pub const OPERATORS: u64 = 16;
    /// Delegates.
    pub const DELEGATES: u64 = 18;
    /// Bytes of the memory for activations; the first is not used.
    pub const MEMORY: u64 = 20;
}

/// `EValue` and `Instruction`: a union's kind and its table.
pub mod union {
    /// Kind.
    pub const KIND: u64 = 4;
    /// Table.
    pub const TABLE: u64 = 6;
}

/// Kinds of `KernelTypes` that hold more than a number.
pub mod value {
    /// A tensor.
    pub const TENSOR: u8 = 5;
    /// A text.
    pub const STRING: u8 = 6;
    /// Indexes of integers.
    pub const INT_LIST: u8 = 7;
    /// Indexes of tensors.
    pub const TENSOR_LIST: u8 = 10;
    /// Indexes of tensors, -1 for none.
    pub const OPTIONAL_TENSOR_LIST: u8 = 11;
}

/// `Tensor`.
pub mod tensor {
    /// Element type.
    pub const TYPE: u64 = 4;
    /// Where the elements begin in the storage; 0 so far.
    pub const STORAGE_OFFSET: u64 = 6;
    /// Dimensions.
    pub const SIZES: u64 = 8;
    /// Order of the dimensions in memory.
    pub const ORDER: u64 = 10;
    /// Number of the constant, 0 for none.
    pub const BUFFER: u64 = 14;
    /// Place in the memory for activations.
    pub const ALLOCATION: u64 = 16;
    /// What few tensors have.
    pub const EXTRA: u64 = 22;
    /// In `ExtraTensorInfo`: which list of first values.
    pub const EXTRA_MUTABLE: u64 = 4;
    /// In `ExtraTensorInfo`: name.
    pub const EXTRA_NAME: u64 = 6;
    /// In `ExtraTensorInfo`: 1 if the data are in another file.
    pub const EXTRA_LOCATION: u64 = 8;
    /// In `AllocationDetails`: which memory.
    pub const MEMORY_ID: u64 = 4;
    /// In `AllocationDetails`: offset, lower half.
    pub const OFFSET_LOW: u64 = 6;
    /// In `AllocationDetails`: offset, upper half.
    pub const OFFSET_HIGH: u64 = 8;
}

/// Kinds of `InstructionArguments` and the slots of their numbers.
pub mod instruction {
    /// Calls an operator.
    pub const KERNEL: u8 = 1;
    /// Calls a delegate.
    pub const DELEGATE: u8 = 2;
    /// Moves a value.
    pub const MOVE: u8 = 3;
    /// Jumps.
    pub const JUMP: u8 = 4;
    /// Frees a value.
    pub const FREE: u8 = 5;
    /// Operator, delegate, or first value.
    pub const FIRST: u64 = 4;
    /// Arguments, second value, or target of a jump.
    pub const SECOND: u64 = 6;
}

/// In `Chain`: instructions.
pub const CHAIN_INSTRUCTIONS: u64 = 8;

/// `Operator`.
pub mod operator {
    /// Name with its namespace.
    pub const NAME: u64 = 4;
    /// Overload.
    pub const OVERLOAD: u64 = 6;
}

/// `BackendDelegate`.
pub mod delegate {
    /// Name of the backend.
    pub const ID: u64 = 4;
    /// Where its data are.
    pub const PROCESSED: u64 = 6;
    /// Options.
    pub const SPECS: u64 = 8;
    /// In `BackendDelegateDataReference`: 0 in the FlatBuffer, 1 in a segment.
    pub const LOCATION: u64 = 4;
    /// In `BackendDelegateDataReference`: which.
    pub const INDEX: u64 = 6;
    /// In `CompileSpec`: name.
    pub const KEY: u64 = 4;
    /// In `CompileSpec`: bytes.
    pub const VALUE: u64 = 6;
}

/// In `Buffer` and `BackendDelegateInlineData`: bytes.
pub const BYTES: u64 = 4;

/// `DataSegment`.
pub mod segment {
    /// From the base that the header names.
    pub const OFFSET: u64 = 4;
    /// Bytes.
    pub const SIZE: u64 = 6;
}

/// `SubsegmentOffsets`.
pub mod subsegment {
    /// Segment.
    pub const SEGMENT: u64 = 4;
    /// Offsets in it.
    pub const OFFSETS: u64 = 6;
}

/// `NamedData`, in programs and in files of tensors.
pub mod named {
    /// Name.
    pub const KEY: u64 = 4;
    /// Segment.
    pub const SEGMENT: u64 = 6;
    /// Type and shape, in files of tensors.
    pub const LAYOUT: u64 = 8;
    /// In `TensorLayout`: element type.
    pub const LAYOUT_TYPE: u64 = 4;
    /// In `TensorLayout`: dimensions.
    pub const LAYOUT_SIZES: u64 = 6;
    /// In `TensorLayout`: order of the dimensions in memory.
    pub const LAYOUT_ORDER: u64 = 8;
}

/// `FlatTensor`.
pub mod flat_tensor {
    /// Schema version.
    pub const VERSION: u64 = 4;
    /// Ranges behind the FlatBuffer.
    pub const SEGMENTS: u64 = 6;
    /// Segments by name.
    pub const NAMED_DATA: u64 = 8;
}

/// `BundledProgram`.
pub mod bundle {
    /// Schema version.
    pub const VERSION: u64 = 4;
    /// Tests.
    pub const SUITES: u64 = 6;
    /// A whole program.
    pub const PROGRAM: u64 = 8;
    /// In `BundledMethodTestSuite`: method.
    pub const SUITE_METHOD: u64 = 4;
}

/// `ScalarType`: number, name, bytes of an element. The numbers are PyTorch's (c10/core/ScalarType.h).
const TYPES: &[(u8, &str, u64)] = &[
    (0, "u8", 1),
    (1, "i8", 1),
    (2, "i16", 2),
    (3, "i32", 4),
    (4, "i64", 8),
    (5, "f16", 2),
    (6, "f32", 4),
    (7, "f64", 8),
    (8, "c32", 4),
    (9, "c64", 8),
    (10, "c128", 16),
    (11, "bool", 1),
    (12, "qi8", 1),
    (13, "qu8", 1),
    (14, "qi32", 4),
    (15, "bf16", 2),
    (16, "qu4x2", 1),
    (17, "qu2x4", 1),
    (18, "bits1x8", 1),
    (19, "bits2x4", 1),
    (20, "bits4x2", 1),
    (21, "bits8", 1),
    (22, "bits16", 2),
    (23, "f8e5m2", 1),
    (24, "f8e4m3fn", 1),
    (25, "f8e5m2fnuz", 1),
    (26, "f8e4m3fnuz", 1),
    (27, "u16", 2),
    (28, "u32", 4),
    (29, "u64", 8),
];

/// Name and bytes of an element type, if it is known.
pub fn data_type(number: u8) -> Option<(&'static str, u64)> {
    TYPES.iter().find(|(known, ..)| *known == number).map(|(_, name, width)| (*name, *width))
}
