#![no_main]
use libfuzzer_sys::fuzz_target;
// The first byte picks the format.
fuzz_target!(|data: &[u8]| {
    let (Some(first), Some(rest)) = (data.first(), data.get(1..)) else { return };
    let format = ["executorch", "executorch-tensors", "executorch-bundle"][usize::from(first % 3)];
    modelaudit_plugin::testing::scan::<modelaudit_plugin_executorch::ExecuTorch>(rest, format);
});
