//! Extensions that hide what opens a file.

/// What Windows runs at a double click, and macOS and Linux desktops by association. Scripts that toolchains name after their input
/// (`config.json.py`, `run.pt.sh`) are not among them.
const RUN: &[&str] = &[
    "exe", "scr", "pif", "com", "bat", "cmd", "msi", "lnk", "hta", "vbs", "vbe", "jse", "wsf", "wsh", "ps1", "cpl",
    "jar", "command", "desktop", "appimage",
];

/// JavaScript is run by Windows Script Host, and is what web models are made of, too: it counts behind weights only.
const RUN_BEHIND_WEIGHTS: &[&str] = &["js"];

/// Weights and archives of models.
const WEIGHTS: &[&str] = &[
    "safetensors",
    "bin",
    "pt",
    "pth",
    "ckpt",
    "pkl",
    "pickle",
    "onnx",
    "h5",
    "hdf5",
    "keras",
    "gguf",
    "ggml",
    "tflite",
    "pb",
    "npy",
    "npz",
    "joblib",
    "model",
    "mlmodel",
    "pte",
    "engine",
    "msgpack",
    "rds",
    "skops",
    "nemo",
    "mar",
];

/// Documents, tables, pictures and archives that people open without a thought.
const HARMLESS: &[&str] = &[
    "txt", "md", "json", "yaml", "yml", "csv", "tsv", "parquet", "pdf", "doc", "docx", "xls", "xlsx", "rtf", "png",
    "jpg", "jpeg", "gif", "webp", "svg", "mp3", "mp4", "wav", "zip", "tar", "gz", "7z", "html",
];

/// A name that hides its last extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trick {
    /// A harmless one stands before it.
    Double(String, String),
    /// White space pushes it out of sight.
    Space(String),
}

impl Trick {
    /// What the name does, for a message.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Double(shown, last) => format!("shows '.{shown}' and ends in '.{last}', which the system runs"),
            Self::Space(last) => format!("hides its extension '.{last}' behind white space"),
        }
    }

    /// The extension that counts.
    pub(crate) fn last(&self) -> &str {
        match self {
            Self::Double(_, last) | Self::Space(last) => last,
        }
    }
}

/// Blanks in a row that push the rest of a name out of sight.
const BLANKS: usize = 8;

/// Judges the last component of a name.
pub(crate) fn trick(base: &str) -> Option<Trick> {
    let (stem, last) = base.rsplit_once('.')?;
    let last = last.trim_end().to_ascii_lowercase();
    if last.len() > 12 || !last.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    let runs = RUN.contains(&last.as_str());
    let blanks = stem.chars().rev().take_while(|c| c.is_whitespace() || *c == '\u{a0}').count();
    if blanks >= BLANKS && (runs || stem.trim_end().contains('.')) {
        return Some(Trick::Space(last));
    }
    let before = stem.trim_end().rsplit_once('.')?.1.to_ascii_lowercase();
    let weights = WEIGHTS.contains(&before.as_str());
    let hides = runs && (weights || HARMLESS.contains(&before.as_str()))
        || weights && RUN_BEHIND_WEIGHTS.contains(&last.as_str());
    hides.then_some(Trick::Double(before, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_that_hide_others() {
        for name in [
            "model.safetensors.exe",
            "model.PT.JS",
            "weights.bin .scr",
            "invoice.pdf.vbs",
            "README.md.lnk",
            "a.tar.gz.exe",
            "model.safetensors                  .exe",
            "config.json          .bin",
            "x.onnx.hta",
        ] {
            assert!(trick(name).is_some(), "{name}");
        }
        for name in [
            "model.safetensors",
            "model.tar.gz",
            "a.b.c",
            "model.safetensors.index.json",
            "config.json.py",
            "setup.exe",
            "jquery.min.js",
            "data.json.js",
            "group1-shard1of1.bin",
            "model.onnx.so",
            "run.pt.sh",
            "model.bin.bak",
            "model.v1.0.exe",
            ".exe",
            "exe",
            "",
            "my model .bin",
            "libtorch.2.exe",
            "model.pt.zip",
            "script.ps1",
            "x.txt.md",
        ] {
            assert_eq!(trick(name), None, "{name}");
        }
    }
}
