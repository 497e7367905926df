#![no_main]
use libfuzzer_sys::fuzz_target;
fuzz_target!(|data: &[u8]| {
    for format in ["torchserve", "torchserve-manifest"] {
        modelaudit_plugin::testing::scan::<modelaudit_plugin_torchserve::Torchserve>(data, format);
    }
});
