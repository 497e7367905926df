#![no_main]
use libfuzzer_sys::fuzz_target;
fuzz_target!(|data: &[u8]| {
    for format in ["coreml", "coreml-package"] {
        modelaudit_plugin::testing::scan::<modelaudit_plugin_coreml::CoreMl>(data, format);
    }
});
