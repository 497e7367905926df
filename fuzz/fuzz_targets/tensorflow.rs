#![no_main]
use libfuzzer_sys::fuzz_target;
use modelaudit_plugin::Plugin;
use modelaudit_plugin_tensorflow::Tensorflow;
fuzz_target!(|data: &[u8]| {
    Tensorflow::probe(&data[..data.len().min(4096)], data.len() as u64);
    for format in ["tf-savedmodel", "tf-text", "tf-checkpoint", "tf-checkpoint-index"] {
        modelaudit_plugin::testing::scan::<Tensorflow>(data, format);
    }
});
