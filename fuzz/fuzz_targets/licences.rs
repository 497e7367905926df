#![no_main]
use libfuzzer_sys::fuzz_target;
use modelaudit_plugin::testing::{Memory, scan_artifact};
// The first byte chooses the name: what is read of a file depends on it.
fuzz_target!(|data: &[u8]| {
    let Some((choice, text)) = data.split_first() else { return };
    let name = ["README.md", "LICENSE", "a.json", "METADATA", "pyproject.toml", "a.c"][usize::from(*choice) % 6];
    scan_artifact::<modelaudit_plugin_licences::Licences>(Memory::new(name, text), "");
});
