#![no_main]
use libfuzzer_sys::fuzz_target;
use modelaudit_plugin::Plugin;
use modelaudit_plugin_onnx::Onnx;
fuzz_target!(|data: &[u8]| {
    Onnx::probe(&data[..data.len().min(4096)], data.len() as u64);
    for format in ["onnx", "onnx-tensor", "onnx-sequence"] {
        modelaudit_plugin::testing::scan::<Onnx>(data, format);
    }
});
