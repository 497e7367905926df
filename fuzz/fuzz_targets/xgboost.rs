#![no_main]
use libfuzzer_sys::fuzz_target;
fuzz_target!(|data: &[u8]| {
    for format in ["xgboost-json", "xgboost-ubj"] {
        modelaudit_plugin::testing::scan::<modelaudit_plugin_xgboost::XgBoost>(data, format);
    }
});
