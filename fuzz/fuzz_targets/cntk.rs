#![no_main]
use libfuzzer_sys::fuzz_target;
fuzz_target!(|data: &[u8]| {
    for format in ["cntk", "cntk-large", "cntk-v2"] {
        modelaudit_plugin::testing::scan::<modelaudit_plugin_cntk::Cntk>(data, format);
    }
});
