#![no_main]
use libfuzzer_sys::fuzz_target;
fuzz_target!(|data: &[u8]| {
    for format in ["json-config", "yaml-config", "ini-config", "requirements", "python-path", "triton-config", "modelfile", "dockerfile"] {
        modelaudit_plugin::testing::scan::<modelaudit_plugin_configuration::Configuration>(data, format);
    }
});
