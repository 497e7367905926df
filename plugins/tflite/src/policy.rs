//! Which custom operators are everyday.

use modelaudit_plugin::{Rule, Severity};
use modelaudit_rules::frameworks::tensorflow_ops::{self, Tier};
use modelaudit_rules::frameworks::{S1102, S1112, S1113, S1118};

/// Custom operators of libraries in use; the whole name, or its beginning where it ends in `*`. Sources: TensorFlow's own kernels
/// (tensorflow/lite/kernels/custom_ops_register.h), MediaPipe (mediapipe/util/tflite/operations), TF Text and TF Signal, the micro frontend,
/// and the compilers of accelerators, which replace a whole graph by one operator.
const KNOWN: &[&str] = &[
    "TFLite_*",
    "MaxPoolingWithArgmax2D",
    "MaxUnpooling2D",
    "Convolution2DTransposeBias",
    "TransformTensorBilinear",
    "TransformLandmarks",
    "Landmarks2TransformMatrix",
    "Landmarks*",
    "AudioSpectrogram",
    "Mfcc",
    "AudioMicrofrontend",
    "AUDIO_MICROFRONTEND",
    "Signal*",
    "SIGNAL_*",
    "NumericVerify",
    "RandomUniform*",
    "RandomStandardNormal",
    "Multinomial",
    "Hashtable*",
    "HashTable*",
    "LookupTable*",
    "LOOKUP_TABLE*",
    "Rfft*",
    "Irfft*",
    "IRFFT*",
    "FFT*",
    "Roll",
    "Ctc*",
    "CTC*",
    "Ngrams*",
    "NGrams*",
    "Ragged*",
    "TFSentencepiece*",
    "TFText*",
    "tftext:*",
    "Sentencepiece*",
    "Whitespace*",
    "Wordpiece*",
    "FastWordpiece*",
    "FastBert*",
    "FastSentencepiece*",
    "Bert*",
    "EXTRACT_FEATURES",
    "NORMALIZE",
    "PREDICT",
    "CUSTOM_OP_*",
    "VARIABLE_*",
    "READ_VARIABLE",
    "ASSIGN_VARIABLE",
    "edgetpu-custom-op*",
    "ethos-u*",
    "ARM_ETHOS*",
    "DISPATCH_OP*",
    "DelegatePartition*",
    "qnn*",
    "QNN*",
    "Qnn*",
    "mtk*",
    "MTK*",
    "neuron*",
    "Neuron*",
    "samsung*",
    "Google*",
    "XNNPack*",
    "VSI*",
    "vsi-npu*",
    "nxp*",
    "hailo*",
    "nbg-*",
    "odml.*",
    "Genai*",
    "aten::*",
    "Mediapipe*",
    "mediapipe*",
    "KmeansEmbeddingLookup",
    "ResizeNearest*",
    "CombinedNonMaxSuppression",
    "NonMaxSuppression*",
    "Erf",
    "Erfc",
    "Gelu",
    "ComplexAbs",
    "Sign",
    "AddN",
    "AvgPool3D",
    "MaxPool3D",
    "AveragePool3D",
    "ROIAlign*",
    "RoiAlign*",
    "CropAndResize",
    "DenseImageWarp",
    "Dilate*",
    "GridSample*",
    "ExtractImagePatches",
    "StreamingFixedSize*",
    "SequenceStringProjection*",
    "DenseBincount",
    "Bincount",
    "ExpectedValueOp",
    "LayerNorm*",
    "PoolingOp",
    "UniformCausalAttn",
    "TfLiteCustom*",
];

/// What a custom operator is: the rule, how bad, and what it does. `name` is the whole custom code.
pub fn classify(name: &str) -> (&'static Rule, Severity, &'static str) {
    let flex = name.strip_prefix("Flex");
    let op = flex.unwrap_or(name);
    if let Some(policy) = tensorflow_ops::find(op) {
        return match policy.tier {
            Tier::Code => (&S1102, Severity::Critical, "runs Python or native code"),
            Tier::Write => (&S1102, Severity::Critical, "writes a file"),
            Tier::MayWrite => (&S1102, Severity::Warning, "writes a file"),
            Tier::Checkpoint if op.starts_with("Save") || op.starts_with("Merge") => {
                (&S1102, Severity::Warning, "writes a checkpoint")
            }
            Tier::Read => (&S1112, Severity::Warning, "reads a file"),
            Tier::Asset | Tier::Checkpoint => (&S1112, Severity::Info, "reads a file"),
            Tier::Network | Tier::Debug => (&S1113, Severity::Warning, "talks to the network"),
            Tier::Print => (&S1118, Severity::Info, "prints"),
            Tier::Graph => (&S1118, Severity::Warning, "runs a graph that stands in a string"),
        };
    }
    if tensorflow_ops::suspicious(op) {
        return (&S1118, Severity::Warning, "has a name that promises a process");
    }
    if flex.is_some() {
        return (&S1118, Severity::Info, "needs TensorFlow's Flex delegate");
    }
    let known = KNOWN.iter().any(|known| match known.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == *known,
    });
    if known {
        (&S1118, Severity::Info, "needs a runtime that registers it")
    } else {
        (&S1118, Severity::Warning, "needs a native library that nobody knows")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_have_tiers() {
        assert_eq!(classify("FlexWriteFile").1, Severity::Critical);
        assert_eq!(classify("FlexPyFunc").1, Severity::Critical);
        assert_eq!(classify("FlexReadFile").1, Severity::Warning);
        assert_eq!(classify("FlexErf").1, Severity::Info);
        assert_eq!(classify("TFLite_Detection_PostProcess").1, Severity::Info);
        assert_eq!(classify("edgetpu-custom-op").1, Severity::Info);
        assert_eq!(classify("MyOp").1, Severity::Warning);
    }
}
