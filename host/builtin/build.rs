//! Compiles every plugin of plugins/ to a component, ahead of time to machine code, and asks it for its manifest.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

const TARGET: &str = "wasm32-unknown-unknown";

fn main() {
    let root = Path::new(&variable("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .expect("host/builtin is in the workspace");
    let out = PathBuf::from(variable("OUT_DIR"));
    let plugins = plugins(&root);
    rerun_if_changed(&root);
    have_target();

    // Beside this workspace's own target folder: nested cargo would wait for ours for ever, and `cargo clean` removes both.
    let target_dir = out.ancestors().nth(4).unwrap_or(&out).join("plugins");
    build(&root, &target_dir, &plugins);

    let mut index = String::from("/// The built-in plugins, by name.\npub static PLUGINS: &[Builtin] = &[\n");
    for name in &plugins {
        let module = target_dir.join(format!("{TARGET}/plugin/modelaudit_plugin_{}.wasm", name.replace('-', "_")));
        let module = fs::read(&module).unwrap_or_else(|e| fail(&format!("{}: {e}", module.display())));
        let wasm = component(name, &module);
        let manifest =
            modelaudit_engine::sandbox::describe(wasm.clone()).unwrap_or_else(|e| fail(&format!("plugin {name}: {e}")));
        // An architecture that wasmtime can't compile for gets no machine code; the plugin is compiled when it runs.
        let native = modelaudit_engine::sandbox::precompile(&wasm, &variable("TARGET")).unwrap_or_else(|e| {
            println!("cargo::warning=plugin {name} is not compiled ahead of time: {e:#}");
            Vec::new()
        });
        let write = |extension: &str, bytes: &[u8]| {
            let path = out.join(format!("{name}.{extension}"));
            fs::write(&path, bytes).unwrap_or_else(|e| fail(&format!("{}: {e}", path.display())));
        };
        write("wasm", &wasm);
        write("native", &native);
        write("json", serde_json::to_string(&manifest).expect("a manifest is plain data").as_bytes());
        let sha256 = modelaudit_engine::sandbox::digest(&wasm);
        let file = |extension: &str| format!("concat!(env!(\"OUT_DIR\"), \"/{name}.{extension}\")");
        writeln!(
            index,
            "    Builtin {{ name: {name:?}, wasm: include_bytes!({}), sha256: {sha256:?}, native: include_bytes!({}), manifest: include_str!({}) }},",
            file("wasm"),
            file("native"),
            file("json")
        )
        .expect("a string takes all");
    }
    index.push_str("];\n");
    fs::write(out.join("plugins.rs"), index).expect("OUT_DIR can be written");
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| fail(&format!("{name} is not set: run this through cargo")))
}

fn fail(message: &str) -> ! {
    println!("cargo::error={message}");
    std::process::exit(1)
}

/// Every folder of plugins/ is a plugin, but for these.
fn plugins(root: &Path) -> Vec<String> {
    let folder = root.join("plugins");
    let mut names: Vec<String> = fs::read_dir(&folder)
        .unwrap_or_else(|e| fail(&format!("{}: {e}", folder.display())))
        .flatten()
        .filter(|e| e.path().join("Cargo.toml").is_file())
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .filter(|name| !["sdk", "template"].contains(&name.as_str()))
        .collect();
    names.sort();
    names
}

fn rerun_if_changed(root: &Path) {
    for path in ["wit", "Cargo.lock", "Cargo.toml", "plugins/sdk"] {
        println!("cargo::rerun-if-changed={}", root.join(path).display());
    }
    for folder in ["plugins", "plugins/shared"] {
        let entries = fs::read_dir(root.join(folder)).into_iter().flatten().flatten();
        // A template's target folder changes with every test run and is no part of the product.
        for entry in entries.filter(|e| e.file_name() != "template") {
            for part in ["src", "Cargo.toml", "build.rs", "data"] {
                let path = entry.path().join(part);
                if path.exists() {
                    println!("cargo::rerun-if-changed={}", path.display());
                }
            }
        }
    }
}

/// Sees to it that the toolchain can compile for the plugins' target: asks rustup, else says what to type.
fn have_target() {
    let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let installed = || {
        Command::new(&rustc)
            .args(["--print", "target-libdir", "--target", TARGET])
            .output()
            .is_ok_and(|o| Path::new(String::from_utf8_lossy(&o.stdout).trim()).is_dir())
    };
    if installed() {
        return;
    }
    let added = Command::new("rustup").args(["target", "add", TARGET]).status().is_ok_and(|s| s.success());
    if !added || !installed() {
        fail(&format!("the plugins need the target {TARGET}: type `rustup target add {TARGET}` and build again"));
    }
}

fn build(root: &Path, target_dir: &Path, plugins: &[String]) {
    let mut cargo = Command::new(variable("CARGO"));
    cargo.current_dir(root).args(["build", "--profile", "plugin", "--target", TARGET, "--target-dir"]).arg(target_dir);
    for name in plugins {
        cargo.args(["-p", &format!("modelaudit-plugin-{name}")]);
    }
    // What this build was asked for must not leak into the nested one: other flags, wrappers (clippy) and targets.
    for name in [
        "CARGO_ENCODED_RUSTFLAGS",
        "RUSTFLAGS",
        "CARGO_BUILD_TARGET",
        "CARGO_TARGET_DIR",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTC_WRAPPER",
    ] {
        cargo.env_remove(name);
    }
    let cargo_made = |name: &str| {
        name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_FEATURE_") || name.starts_with("CARGO_CFG_")
    };
    for (name, _) in env::vars().filter(|(name, _)| cargo_made(name)) {
        cargo.env_remove(name);
    }
    // Paths of this machine have no place in the binary, and equal sources shall give equal components.
    let home = env::var("CARGO_HOME").or_else(|_| env::var("HOME").map(|h| format!("{h}/.cargo"))).unwrap_or_default();
    let flags = [
        "-Ctarget-feature=+simd128".to_owned(),
        format!("--remap-path-prefix={}=", root.display()),
        format!("--remap-path-prefix={home}=cargo"),
    ];
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
    match cargo.status() {
        Ok(status) if status.success() => {}
        Ok(status) => fail(&format!("building the plugins failed ({status}), see above")),
        Err(e) => fail(&format!("cargo can't be started: {e}")),
    }
}

fn component(name: &str, module: &[u8]) -> Vec<u8> {
    wit_component::ComponentEncoder::default()
        .validate(true)
        .module(module)
        .and_then(|mut encoder| encoder.encode())
        .unwrap_or_else(|e| fail(&format!("plugin {name} is no component: {e:#}")))
}
