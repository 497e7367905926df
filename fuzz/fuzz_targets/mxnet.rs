#![no_main]
use libfuzzer_sys::fuzz_target;
fuzz_target!(|data: &[u8]| {
    for format in ["mxnet-symbol", "mxnet-params"] {
        modelaudit_plugin::testing::scan::<modelaudit_plugin_mxnet::Mxnet>(data, format);
    }
});
