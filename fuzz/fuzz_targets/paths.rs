#![no_main]
use libfuzzer_sys::fuzz_target;
fuzz_target!(|data: &[u8]| { modelaudit_paths::resolve_link(data, data); assert_eq!(modelaudit_paths::classify(data).escapes(), !modelaudit_paths::classify(data).reason().is_empty()); });
