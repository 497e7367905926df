//! The part of CoreML's schema that matters here (apple/coremltools, mlmodel/format/*.proto): which field of which message leads where.

use modelaudit_protobuf::Wire;

/// Field of the description in a model.
pub const DESCRIPTION_IN_MODEL: u32 = 2;

/// Fields of `Model` with their wire types, for telling a model from other messages.
pub const MODEL: &[(u32, Wire)] = &[
    (1, Wire::Varint),
    (2, Wire::Bytes),
    (10, Wire::Varint),
    (200, Wire::Bytes),
    (201, Wire::Bytes),
    (202, Wire::Bytes),
    (300, Wire::Bytes),
    (301, Wire::Bytes),
    (302, Wire::Bytes),
    (303, Wire::Bytes),
    (304, Wire::Bytes),
    (400, Wire::Bytes),
    (401, Wire::Bytes),
    (402, Wire::Bytes),
    (403, Wire::Bytes),
    (404, Wire::Bytes),
    (500, Wire::Bytes),
    (501, Wire::Bytes),
    (502, Wire::Bytes),
    (555, Wire::Bytes),
    (556, Wire::Bytes),
    (560, Wire::Bytes),
    (600, Wire::Bytes),
    (601, Wire::Bytes),
    (602, Wire::Bytes),
    (603, Wire::Bytes),
    (604, Wire::Bytes),
    (606, Wire::Bytes),
    (607, Wire::Bytes),
    (609, Wire::Bytes),
    (610, Wire::Bytes),
    (900, Wire::Bytes),
    (2000, Wire::Bytes),
    (2001, Wire::Bytes),
    (2002, Wire::Bytes),
    (2003, Wire::Bytes),
    (2004, Wire::Bytes),
    (2005, Wire::Bytes),
    (2006, Wire::Bytes),
    (3000, Wire::Bytes),
];

/// Fields of `ModelDescription`: input, output, state, functions, default function, names of predictions, metadata, training input.
pub const DESCRIPTION: &[(u32, Wire)] = &[
    (1, Wire::Bytes),
    (10, Wire::Bytes),
    (11, Wire::Bytes),
    (12, Wire::Bytes),
    (13, Wire::Bytes),
    (20, Wire::Bytes),
    (21, Wire::Bytes),
    (50, Wire::Bytes),
    (100, Wire::Bytes),
];

/// Messages that are walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Model,
    Description,
    Metadata,
    /// An entry of the user's metadata: key 1, value 2.
    UserDefined,
    /// `PipelineClassifier` and `PipelineRegressor`: a pipeline in field 1.
    PipelineOwner,
    Pipeline,
    NeuralNetwork,
    Layer,
    /// `CustomLayerParams` and `CustomModel`.
    Custom,
    LinkedModel,
    LinkedFile,
    /// `StringParameter`: what a linked file is called, or where it is looked for.
    LinkedPath,
    Program,
    FunctionEntry,
    Function,
    BlockEntry,
    Block,
    Operation,
    AttributeEntry,
    Value,
    Blob,
    Serialized,
}

/// Where the fields of messages lead.
const EDGES: &[(Kind, u32, Kind)] = &[
    (Kind::Model, 2, Kind::Description),
    (Kind::Model, 200, Kind::PipelineOwner),
    (Kind::Model, 201, Kind::PipelineOwner),
    (Kind::Model, 202, Kind::Pipeline),
    (Kind::Model, 303, Kind::NeuralNetwork),
    (Kind::Model, 403, Kind::NeuralNetwork),
    (Kind::Model, 500, Kind::NeuralNetwork),
    (Kind::Model, 502, Kind::Program),
    (Kind::Model, 555, Kind::Custom),
    (Kind::Model, 556, Kind::LinkedModel),
    (Kind::Model, 3000, Kind::Serialized),
    (Kind::Description, 100, Kind::Metadata),
    (Kind::Metadata, 100, Kind::UserDefined),
    (Kind::PipelineOwner, 1, Kind::Pipeline),
    (Kind::Pipeline, 1, Kind::Model),
    (Kind::NeuralNetwork, 1, Kind::Layer),
    (Kind::Layer, 500, Kind::Custom),
    (Kind::LinkedModel, 1, Kind::LinkedFile),
    (Kind::LinkedFile, 1, Kind::LinkedPath),
    (Kind::LinkedFile, 2, Kind::LinkedPath),
    (Kind::Program, 2, Kind::FunctionEntry),
    (Kind::FunctionEntry, 2, Kind::Function),
    (Kind::Function, 3, Kind::BlockEntry),
    (Kind::BlockEntry, 2, Kind::Block),
    (Kind::Block, 3, Kind::Operation),
    (Kind::Operation, 4, Kind::Block),
    (Kind::Operation, 5, Kind::AttributeEntry),
    (Kind::AttributeEntry, 2, Kind::Value),
    (Kind::Value, 5, Kind::Blob),
];

/// The message that the field is, if it is walked.
pub fn child(kind: Kind, field: u32) -> Option<Kind> {
    EDGES.iter().find(|(from, number, _)| *from == kind && *number == field).map(|(_, _, to)| *to)
}
