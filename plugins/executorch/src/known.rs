//! Which backends and which libraries of operators are everyday.

/// How much of a backend is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// It compiles or interprets a graph, or hands code to an accelerator.
    Known,
    /// It writes bytes of the file to disk and loads them as a native library.
    LoadsLibrary,
    /// Nobody knows it.
    Unknown,
}

/// Names under which ExecuTorch's backends register (the subclasses of `BackendDetails` in release 1.5, with those that releases before it
/// had and those of its examples).
const BACKENDS: &[&str] = &[
    "XnnpackBackend",
    "CoreMLBackend",
    "CoreAIBackend",
    "MPSBackend",
    "MLXBackend",
    "QnnBackend",
    "VulkanBackend",
    "EthosUBackend",
    "ArmBackend",
    "VgfBackend",
    "TOSABackend",
    "CadenceBackend",
    "CadenceExecutorchBackend",
    "NeuropilotBackend",
    "NeutronBackend",
    "OpenvinoBackend",
    "EnnBackend",
    "NativeBackend",
    "TensorRTBackend",
    "ExecutorBackend",
    "BackendWithCompilerDemo",
    "BackendWithDelegateMappingDemo",
    "BackendWithNamedDataMap",
    "DemoBackend",
    "ExampleBackend",
];

/// Backends on AOTInductor: the file holds a shared object (`so_blob`) that the runtime loads (backends/aoti, backends/cuda,
/// backends/apple/metal).
const LOADERS: &[&str] = &["AotiBackend", "CudaBackend", "MetalBackend"];

/// What a backend's name says.
pub fn backend(id: &str) -> Backend {
    if LOADERS.contains(&id) {
        Backend::LoadsLibrary
    } else if BACKENDS.contains(&id) {
        Backend::Known
    } else {
        Backend::Unknown
    }
}

/// Namespaces of operators that PyTorch and ExecuTorch register: kernels/, extension/llm/custom_ops, backends/, and torchao, torchvision.
const NAMESPACES: &[&str] = &[
    "aten",
    "prim",
    "executorch",
    "executorch_prim",
    "executorch_utils",
    "executorch_cuda",
    "dim_order_ops",
    "channels_last",
    "et_copy",
    "quantized",
    "quantized_decomposed",
    "llama",
    "torchao",
    "torchvision",
    "torchaudio",
    "et_vk",
    "cadence",
    "cortex_m",
    "tosa",
    "tosa_mxfp",
    "mlx",
    "qnn_custom",
    "coreml",
    "metal",
    "triton",
    "higher_order",
    "preprocess",
];

/// True if operators of that name are PyTorch's or ExecuTorch's own.
pub fn operator(name: &str) -> bool {
    name.split_once("::").is_some_and(|(namespace, _)| NAMESPACES.contains(&namespace))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart() {
        assert_eq!(backend("XnnpackBackend"), Backend::Known);
        assert_eq!(backend("CudaBackend"), Backend::LoadsLibrary);
        assert_eq!(backend("xnnpackbackend"), Backend::Unknown);
        assert!(operator("aten::add.out") && operator("dim_order_ops::_to_dim_order_copy"));
        assert!(!operator("evil::run") && !operator("aten") && !operator("atenx::add"));
    }
}
