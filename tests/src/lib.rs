//! What the end-to-end tests share: the plugins that are made for them, built once a run.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use modelaudit_engine::model::{FileReport, ScanReport};
use modelaudit_engine::{Options, Quiet, Scanner, Target};

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the repository").to_owned()
}

/// Runs a nested cargo build for the plugins' target and returns the folder with the modules.
fn build(manifest: &Path, target_dir: &Path, arguments: &[&str], profile: &str) -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.arg("build").arg("--manifest-path").arg(manifest).arg("--target-dir").arg(target_dir);
    cargo.args(["--target", "wasm32-unknown-unknown", "--profile", profile]).args(arguments);
    for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_TARGET_DIR", "RUSTC_WORKSPACE_WRAPPER"] {
        cargo.env_remove(name);
    }
    let output = cargo.output().expect("cargo runs the tests, so it runs here");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    target_dir.join("wasm32-unknown-unknown").join(profile)
}

/// The plugins that misbehave, see tests/hostile, tests/witness and tests/raw.
pub fn test_plugin(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let packages =
            ["-p", "modelaudit-plugin-hostile", "-p", "modelaudit-plugin-witness", "-p", "modelaudit-plugin-raw"];
        build(&root().join("Cargo.toml"), &target_dir().join("plugins"), &packages, "plugin")
    });
    folder.join(format!("modelaudit_plugin_{name}.wasm"))
}

/// What `cargo build` makes of plugins/template.
pub fn template_plugin() -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let manifest = root().join("plugins/template/Cargo.toml");
    FOLDER.get_or_init(|| build(&manifest, &target_dir().join("template"), &[], "release")).join("acme_scanner.wasm")
}

/// Where cargo puts what tests make.
pub fn target_dir() -> PathBuf {
    root().join("target")
}

/// A scanner with these plugins and without the built-in ones.
pub fn scanner_with(plugins: &[PathBuf]) -> Scanner {
    scanner(Options { plugin_files: plugins.to_vec(), builtin: false, ..Options::default() })
}

/// A scanner with the built-in plugins if the options want them.
pub fn scanner(options: Options) -> Scanner {
    Scanner::new(options, modelaudit_builtin::PLUGINS).expect("the sandbox starts on a machine that runs tests")
}

/// Scans bytes as a file of that name.
pub fn scan_bytes(scanner: &Scanner, name: &str, bytes: &[u8]) -> (ScanReport, FileReport) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).expect("it can be written to");
    let report = scanner.scan(&[Target::Path(path)], &Quiet);
    let file = report.files.first().unwrap_or_else(|| panic!("not scanned: {:?}", report.errors)).clone();
    (report, file)
}

/// The binary, built if it is missing or old: cargo builds no other package's binary for a test.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
        let build = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--release", "--package", "modelaudit"])
            .current_dir(root())
            .status()
            .expect("cargo runs the tests, so it runs here");
        assert!(build.success());
        target.join("release").join(format!("modelaudit{}", std::env::consts::EXE_SUFFIX))
    })
}
