#![no_main]
use libfuzzer_sys::fuzz_target;
use modelaudit_plugin::Plugin;
use modelaudit_plugin_coreml::CoreMl;
fuzz_target!(|data: &[u8]| {
    CoreMl::probe(&data[..data.len().min(4096)], data.len() as u64);
    for format in ["coreml", "coreml-package", "coreml-weights", "coreml-program", "coreml-network"] {
        modelaudit_plugin::testing::scan::<CoreMl>(data, format);
    }
});
