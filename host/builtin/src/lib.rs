//! The built-in plugins: every folder of plugins/, compiled to a component and ahead of time to machine code by build.rs.

use modelaudit_engine::Builtin;

include!(concat!(env!("OUT_DIR"), "/plugins.rs"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_plugin_is_here_once_with_code_and_manifest() {
        assert!(!PLUGINS.is_empty());
        for (index, plugin) in PLUGINS.iter().enumerate() {
            assert!(PLUGINS[..index].iter().all(|p| p.name != plugin.name), "{} is there twice", plugin.name);
            assert!(plugin.wasm.starts_with(b"\0asm") && plugin.manifest.starts_with('{'), "{}", plugin.name);
        }
    }
}
