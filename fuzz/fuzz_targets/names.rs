#![no_main]
use libfuzzer_sys::fuzz_target;
use modelaudit_plugin::testing::{Memory, scan_artifact};
fuzz_target!(|name: &str| {
    scan_artifact::<modelaudit_plugin_names::Names>(Memory::new(name, b""), "");
});
