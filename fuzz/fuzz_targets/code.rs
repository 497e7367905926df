#![no_main]
use libfuzzer_sys::fuzz_target;
use modelaudit_plugin::testing::scan;
use modelaudit_plugin_code::Code;

fuzz_target!(|data: &[u8]| {
    for format in ["python-source", "jupyter-notebook", "javascript", "shell-script"] {
        scan::<Code>(data, format);
    }
});
