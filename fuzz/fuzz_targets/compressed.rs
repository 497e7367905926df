#![no_main]
use libfuzzer_sys::fuzz_target;
fuzz_target!(|data: &[u8]| {
    for format in ["gzip", "bzip2", "xz", "lzma", "lzip", "lz4", "zstd", "zlib", "joblib-zfile"] {
        modelaudit_plugin::testing::scan::<modelaudit_plugin_compressed::Compressed>(data, format);
    }
    let head = data.get(..data.len().min(4096)).unwrap_or_default();
    <modelaudit_plugin_compressed::Compressed as modelaudit_plugin::Plugin>::probe(head, data.len() as u64);
});
