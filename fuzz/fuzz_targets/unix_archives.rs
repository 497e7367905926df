#![no_main]
use libfuzzer_sys::fuzz_target;
fuzz_target!(|data: &[u8]| {
    for format in ["ar", "cpio", "opaque-archive"] {
        modelaudit_plugin::testing::scan::<modelaudit_plugin_unix_archives::UnixArchives>(data, format);
    }
});
