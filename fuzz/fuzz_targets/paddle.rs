#![no_main]
use libfuzzer_sys::fuzz_target;
fuzz_target!(|data: &[u8]| {
    for format in ["paddle-program", "paddle-parameters", "paddle-pir"] {
        modelaudit_plugin::testing::scan::<modelaudit_plugin_paddle::Paddle>(data, format);
    }
});
