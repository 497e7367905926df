#![no_main]
use libfuzzer_sys::fuzz_target;
use modelaudit_plugin::testing::{Memory, scan_artifact};
// The first byte chooses the name: what counts in a file depends on it.
fuzz_target!(|data: &[u8]| {
    let Some((choice, text)) = data.split_first() else { return };
    let name = ["README.md", "config.json", "a.py", "model.safetensors", "tokenizer.json"][usize::from(*choice) % 5];
    scan_artifact::<modelaudit_plugin_identity::Identity>(Memory::new(name, text), "");
});
