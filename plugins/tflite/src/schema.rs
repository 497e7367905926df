//! Slots of the tables of tensorflow/lite/schema/schema.fbs, and its element types.

/// `Model`.
pub mod model {
    /// Format version, 3.
    pub const VERSION: u64 = 4;
    /// Operators that are used.
    pub const OPERATOR_CODES: u64 = 6;
    /// Graphs; the first is the main one.
    pub const SUBGRAPHS: u64 = 8;
    /// Free text, mostly the converter's name.
    pub const DESCRIPTION: u64 = 10;
    /// Bytes of constants.
    pub const BUFFERS: u64 = 12;
    /// Named buffers.
    pub const METADATA: u64 = 16;
    /// Entry points by name.
    pub const SIGNATURES: u64 = 18;
}

/// `OperatorCode`.
pub mod code {
    /// Number of a builtin operator as a byte, which older readers look at; the greater of the two counts.
    pub const DEPRECATED: u64 = 4;
    /// Name of a custom operator.
    pub const CUSTOM: u64 = 6;
    /// Number of a builtin operator.
    pub const BUILTIN: u64 = 10;
}

/// `SubGraph`.
pub mod subgraph {
    /// Tensors.
    pub const TENSORS: u64 = 4;
    /// Indexes of the inputs.
    pub const INPUTS: u64 = 6;
    /// Indexes of the outputs.
    pub const OUTPUTS: u64 = 8;
    /// Operators in order of execution.
    pub const OPERATORS: u64 = 10;
}

/// `Tensor`.
pub mod tensor {
    /// Dimensions.
    pub const SHAPE: u64 = 4;
    /// Element type.
    pub const TYPE: u64 = 6;
    /// Index of the buffer, 0 for none.
    pub const BUFFER: u64 = 8;
    /// Name.
    pub const NAME: u64 = 10;
    /// Scales and zero points.
    pub const QUANTIZATION: u64 = 12;
    /// Set if the buffer holds only some of the elements.
    pub const SPARSITY: u64 = 16;
    /// Dimensions as they were before one was fixed.
    pub const SHAPE_SIGNATURE: u64 = 18;
}

/// `Operator`.
pub mod operator {
    /// Index of the operator code.
    pub const OPCODE: u64 = 4;
    /// Indexes of input tensors.
    pub const INPUTS: u64 = 6;
    /// Indexes of output tensors.
    pub const OUTPUTS: u64 = 8;
    /// Options of a builtin operator.
    pub const OPTIONS: u64 = 12;
    /// Options of a custom operator, in a format of its own.
    pub const CUSTOM_OPTIONS: u64 = 14;
    /// Where they stand behind the FlatBuffer, in models of more than 2 GiB.
    pub const LARGE_OPTIONS_OFFSET: u64 = 22;
    /// How many bytes they take, then.
    pub const LARGE_OPTIONS_SIZE: u64 = 24;
    /// Options of the operators that came after the first union was full.
    pub const OPTIONS_2: u64 = 28;
}

/// `Buffer`.
pub mod buffer {
    /// The bytes.
    pub const DATA: u64 = 4;
    /// Where they stand behind the FlatBuffer, in models of more than 2 GiB.
    pub const OFFSET: u64 = 6;
    /// How many, then.
    pub const SIZE: u64 = 8;
}

/// `Metadata`.
pub mod metadata {
    /// Name.
    pub const NAME: u64 = 4;
    /// Index of the buffer.
    pub const BUFFER: u64 = 6;
}

/// `ModelMetadata` (tensorflow/lite/schema metadata_schema.fbs), the content of the buffer called `TFLITE_METADATA`.
pub mod model_metadata {
    /// Name.
    pub const NAME: u64 = 4;
    /// What it does.
    pub const DESCRIPTION: u64 = 6;
    /// Version.
    pub const VERSION: u64 = 8;
    /// Who made it.
    pub const AUTHOR: u64 = 12;
    /// Under which terms.
    pub const LICENSE: u64 = 14;
}

/// `BuiltinOperator.STABLEHLO_COMPOSITE`, whose options name the subgraph that it stands for behind its name.
pub const COMPOSITE: (i32, u64) = (206, 6);

/// `BuiltinOperator.CUSTOM`.
pub const CUSTOM: i32 = 32;

/// Builtin operators that call subgraphs, and how many indexes of subgraphs their options begin with: IF, WHILE, CALL_ONCE.
pub const CALLS: &[(i32, u64)] = &[(118, 2), (119, 2), (129, 1)];

/// `TensorType`: name and bits of an element (0: not of a fixed size), by number.
const TYPES: &[(&str, u64)] = &[
    ("f32", 32),
    ("f16", 16),
    ("i32", 32),
    ("u8", 8),
    ("i64", 64),
    ("string", 0),
    ("bool", 8),
    ("i16", 16),
    ("c64", 64),
    ("i8", 8),
    ("f64", 64),
    ("c128", 128),
    ("u64", 64),
    ("resource", 0),
    ("variant", 0),
    ("u32", 32),
    ("u16", 16),
    ("i4", 4),
    ("bf16", 16),
    ("i2", 2),
    ("u4", 4),
];

/// Name and bits of an element type, if it is known.
pub fn data_type(number: u8) -> Option<(&'static str, u64)> {
    TYPES.get(usize::from(number)).copied()
}
