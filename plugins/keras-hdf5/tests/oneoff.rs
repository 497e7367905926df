#[test]
fn all() {
    let mut todo = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/keras-hdf5"))];
    while let Some(p) = todo.pop() {
        if p.is_dir() { todo.extend(std::fs::read_dir(&p).unwrap().map(|e| e.unwrap().path())); continue; }
        if p.extension().is_some_and(|e| e == "csv") { continue; }
        let b = std::fs::read(&p).unwrap();
        if b.len() > 20_000 { continue; }
        modelaudit_plugin::testing::conformance::<modelaudit_plugin_keras_hdf5::KerasHdf5>(&p.file_name().unwrap().to_string_lossy(), &b, "keras-hdf5");
    }
}
