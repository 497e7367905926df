#![no_main]
use libfuzzer_sys::fuzz_target;
fuzz_target!(|data: &[u8]| { modelaudit_plugin::testing::scan::<modelaudit_plugin_embedded_code::EmbeddedCode>(data, ""); });
