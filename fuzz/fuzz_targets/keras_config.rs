#![no_main]
use libfuzzer_sys::fuzz_target;
use modelaudit_keras_config::{Container, Origin, judge_text};
use modelaudit_plugin::{Span, testing};
fuzz_target!(|data: &[u8]| {
    let place = Span::new(0, data.len() as u64);
    let origin = Origin { container: Container::Hdf5, version: None, name: "model_config", start: Some(0), place };
    testing::run(&testing::Memory::new("config.json", data), |_, sink| {
        judge_text(data, &origin, sink);
        Ok(())
    });
});
