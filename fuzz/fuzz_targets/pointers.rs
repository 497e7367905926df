#![no_main]
use libfuzzer_sys::fuzz_target;
fuzz_target!(|data: &[u8]| {
    for format in ["lfs-pointer", "xet-pointer", "annex-pointer"] {
        modelaudit_plugin::testing::scan::<modelaudit_plugin_pointers::Pointers>(data, format);
    }
});
