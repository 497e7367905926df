//! Which operators mean what.

/// What an operator does that a graph of numbers has no need of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Part of ONNX.
    Standard,
    /// Hands control to Python or native code by name.
    Code,
    /// A compiled engine of an execution provider.
    Engine,
    /// Sends its inputs to a web service.
    Network,
    /// Of a package that many models use.
    Extension,
    /// Its name says what no operator on tensors does.
    Suspicious,
    /// Nobody knows it.
    Unknown,
}

/// Domains of ONNX itself (onnx/defs/schema.h).
const STANDARD: &[&str] =
    &["", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview", "ai.onnx.preview.training"];

/// Operators that run Python, whatever their domain. Sources: ONNX Runtime training (`PythonOp`, orttraining/core/graph/
/// training_op_defs.cc), onnxruntime-extensions (`PyOp`, pyop.cc; the name of the Python function is the op type there), and the names
/// that TensorFlow's converters keep.
const CODE: &[&str] = &[
    "PythonOp",
    "PythonOpGrad",
    "PyOp",
    "PyCustomOp",
    "PyFunc",
    "PyFuncStateless",
    "EagerPyFunc",
    "PyCall",
    "Python",
    "NumpyFunction",
    "ExternalFunctionOp",
    "ExternalFunction",
];

/// Nodes that carry or name an engine which only the vendor's compiler can read (onnxruntime, `EPContext` design; SNPE provider).
const ENGINE: &[&str] = &["EPContext", "Snpe", "TRTEngineOp"];

/// Operators of onnxruntime-extensions that call a web service at the address in their attribute `model_uri`: its family of cloud
/// operators (docs/custom_ops.md, "Azure operators"), told by the beginning of their names.
const NETWORK: &[&str] = &["Azure", "OpenAI"];
/// The domain in which they stand.
const NETWORK_DOMAIN: &str = "com.microsoft.extensions";

/// Domains of runtimes, converters and toolkits in use, matched whole or as the parent of `.x`.
const EXTENSIONS: &[&str] = &[
    "com.microsoft",   // contributed operators of ONNX Runtime, its layouts and converters
    "com.ms.internal", // layout rewrites of ONNX Runtime
    "ai.onnx.contrib", // onnxruntime-extensions: tokenizers, image decoders
    "onnxruntime",
    "org.pytorch",    // fallbacks and custom operators of torch.onnx
    "pkg.onnxscript", // onnxscript's function library
    "pkg.torch",
    "onnxscript",
    "pytorch",
    "torch",
    "torchvision",
    "local",
    "local_functions",
    "mmdeploy", // OpenMMLab
    "mmcv",
    "trt.plugins", // TensorRT
    "com.nvidia",
    "nvidia",
    "tensorrt",
    "org.openvinotoolkit", // OpenVINO
    "com.intel",
    "com.amd",
    "com.xilinx",
    "com.qti", // Qualcomm
    "com.qualcomm",
    "qti_aisw",
    "aimet_torch",
    "com.arm",
    "com.apple",
    "com.facebook",
    "org.caffe2",
    "caffe2",
    "ai.graphcore",
    "com.graphcore",
    "onnx.brevitas", // quantisation toolkits
    "qonnx",
    "finn",
    "brevitas",
    "com.neuralmagic",
    "com.tensorflow",
    "tf2onnx",
    "ai.rknn",
    "com.rockchip",
    "custom_ops_library",
    "spox",
    "tvm",
    "paddle",
    "org.mindspore",
    "com.cambricon",
    "com.huawei",
    "npu", // Ascend
    "com.horizon",
];

/// Words of an operator's name that promise a process, code, a file or a connection.
const WORDS: &[&str] = &[
    "shell",
    "exec",
    "execute",
    "popen",
    "subprocess",
    "spawn",
    "eval",
    "system",
    "command",
    "cmd",
    "dlopen",
    "ctypes",
    "pickle",
    "marshal",
    "download",
    "upload",
    "http",
    "https",
    "socket",
    "curl",
    "wget",
    "backdoor",
    "payload",
    "exploit",
    "malicious",
];

/// What an operator of a domain is.
pub fn classify(domain: &str, op: &str) -> Class {
    if CODE.contains(&op) {
        return Class::Code;
    }
    if ENGINE.contains(&op) {
        return Class::Engine;
    }
    if NETWORK.iter().any(|start| op.starts_with(start)) && domain == NETWORK_DOMAIN {
        return Class::Network;
    }
    if words(op).any(|word| WORDS.contains(&word.as_str())) {
        return Class::Suspicious;
    }
    if STANDARD.contains(&domain) {
        return Class::Standard;
    }
    let lower = domain.to_ascii_lowercase();
    let known = |known: &&str| {
        lower.strip_prefix(*known).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', ':', '_']))
    };
    if EXTENSIONS.iter().any(known) { Class::Extension } else { Class::Unknown }
}

/// True for the domains whose operators every runtime has.
pub fn is_standard(domain: &str) -> bool {
    STANDARD.contains(&domain)
}

/// The words of a name, lower case: `RunShell_cmd` is run, shell, cmd.
fn words(name: &str) -> impl Iterator<Item = String> {
    let mut spaced = String::with_capacity(name.len() + 8);
    let mut before = ' ';
    for c in name.chars() {
        if c.is_uppercase() && !before.is_uppercase() {
            spaced.push(' ');
        }
        spaced.push(if c.is_alphanumeric() { c.to_ascii_lowercase() } else { ' ' });
        before = c;
    }
    spaced.split_whitespace().map(str::to_owned).collect::<Vec<_>>().into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_are_told_apart() {
        assert_eq!(classify("", "Gemm"), Class::Standard);
        assert_eq!(classify("com.microsoft", "FusedMatMul"), Class::Extension);
        assert_eq!(classify("com.microsoft.nchwc", "Conv"), Class::Extension);
        assert_eq!(classify("com.microsoft", "PythonOp"), Class::Code);
        assert_eq!(classify("com.microsoft.extensions", "AzureTextToText"), Class::Network);
        assert_eq!(classify("com.microsoft.extensions", "StringSplit"), Class::Extension);
        assert_eq!(classify("com.microsofty", "X"), Class::Unknown);
        assert_eq!(classify("", "RunShell"), Class::Suspicious);
        assert_eq!(classify("x", "exec_cmd"), Class::Suspicious);
        assert_eq!(classify("", "SequenceMap"), Class::Standard);
    }
}
