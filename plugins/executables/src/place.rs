//! Where an executable stands decides how bad it is: the same ELF is a fact in `libfoo.so`, a reason to look in the middle
//! of a tensor, and an attack when it is the whole of a file that calls itself a model or rides in an archive.

use modelaudit_plugin::Artifact;

/// What the extension of a name promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// A program, library, script or bytecode: an executable is what the user expects.
    Program,
    /// A package of a software distribution, of which native libraries and scripts are a regular part.
    Package,
    /// Source code, which has scanners of its own.
    Source,
    /// A model, an archive, a picture: data that no system executes.
    Data,
    /// Text for people: documentation, tables.
    Prose,
    /// Text for programs: configuration values.
    Config,
    /// No extension at all.
    Nothing,
    /// An extension that none of the tables knows.
    Unknown,
}

/// Extensions and what they promise. Sources: Windows' PATHEXT and loader, ELF and Mach-O conventions; for data, the
/// formats that this tool knows (shared/reference/formats.md, section 1) and what travels beside models.
const EXTENSIONS: &[(Promise, &[&str])] = &[
    (
        Promise::Program,
        &[
            "exe",
            "dll",
            "sys",
            "com",
            "scr",
            "ocx",
            "cpl",
            "drv",
            "efi",
            "pyd",
            "so",
            "dylib",
            "bundle",
            "o",
            "obj",
            "a",
            "lib",
            "ko",
            "elf",
            "axf",
            "out",
            "appimage",
            "run",
            "node",
            "jnilib",
            "cubin",
            "fatbin",
            "hsaco",
            "wasm",
            "class",
            "dex",
            "pyc",
            "pyo",
            "luac",
            "msi",
            "msp",
            "mst",
            "lnk",
            "sh",
            "bash",
            "zsh",
            "fish",
            "csh",
            "ksh",
            "command",
            "debug",
            "bat",
            "cmd",
            "ps1",
            "psm1",
            "psd1",
            "llamafile",
        ],
    ),
    (Promise::Package, &["whl", "egg", "conda", "nupkg", "jar", "aar", "apk", "deb", "rpm", "pt2", "vsix", "xpi"]),
    (
        Promise::Source,
        &[
            "py", "pyw", "pyi", "pyx", "js", "mjs", "cjs", "ts", "pl", "pm", "rb", "php", "lua", "tcl", "awk", "r",
            "jl", "in",
        ],
    ),
    (
        Promise::Data,
        &[
            "bin",
            "pt",
            "pth",
            "ckpt",
            "chkpt",
            "pkl",
            "pickle",
            "p",
            "joblib",
            "dill",
            "npy",
            "npz",
            "safetensors",
            "gguf",
            "ggml",
            "ggmf",
            "ggjt",
            "gptq",
            "awq",
            "onnx",
            "ort",
            "h5",
            "hdf5",
            "keras",
            "pb",
            "pbtxt",
            "tflite",
            "lite",
            "mlmodel",
            "mlpackage",
            "mlmodelc",
            "pte",
            "ptl",
            "ptd",
            "engine",
            "plan",
            "trt",
            "model",
            "bst",
            "ubj",
            "cbm",
            "params",
            "pdmodel",
            "pdiparams",
            "pdparams",
            "pdopt",
            "mar",
            "nemo",
            "msgpack",
            "flax",
            "orbax",
            "pmml",
            "skops",
            "t7",
            "th",
            "net",
            "rknn",
            "dnn",
            "cmf",
            "caffemodel",
            "weights",
            "lgb",
            "lightgbm",
            "rds",
            "rda",
            "index",
            "meta",
            "data",
            "spm",
            "tiktoken",
            "parquet",
            "arrow",
            "zip",
            "tar",
            "gz",
            "tgz",
            "bz2",
            "tbz",
            "tbz2",
            "xz",
            "txz",
            "lzma",
            "lz4",
            "zst",
            "7z",
            "rar",
            "png",
            "jpg",
            "jpeg",
            "gif",
            "webp",
            "bmp",
            "ico",
            "tif",
            "tiff",
            "svg",
            "wav",
            "mp3",
            "mp4",
            "pdf",
            "ttf",
            "woff",
        ],
    ),
    (
        Promise::Prose,
        &[
            "md", "markdown", "mdx", "rst", "txt", "text", "html", "htm", "xhtml", "tex", "ipynb", "csv", "tsv",
            "jsonl", "log",
        ],
    ),
    (Promise::Config, &["json", "yaml", "yml", "toml", "ini", "cfg", "conf", "xml", "env", "properties", "config"]),
];

/// Extensions of files that a native loader or an interpreter of Windows batch and PowerShell takes as text.
const BATCH: &[&str] = &["bat", "cmd"];
const POWERSHELL: &[&str] = &["ps1", "psm1"];

/// Words in a name without extension that promise a model.
const MODEL_WORDS: &[&str] = &["model", "weights", "checkpoint", "tensor", "pytorch", "safetensors"];

/// What the embedded-zip plugin calls an archive at the end of another file.
const ZIP_AT_THE_END: &str = "(zip at ";

/// What a name promises.
pub fn promise(name: &str) -> Promise {
    let Some(extension) = extension(name) else {
        let name = base(name).to_ascii_lowercase();
        return if MODEL_WORDS.iter().any(|word| name.contains(word)) { Promise::Data } else { Promise::Nothing };
    };
    EXTENSIONS
        .iter()
        .find(|(_, extensions)| extensions.contains(&extension.as_str()))
        .map_or(Promise::Unknown, |(promise, _)| *promise)
}

/// A Windows batch file by its name.
pub fn names_batch(name: &str) -> bool {
    extension(name).is_some_and(|extension| BATCH.contains(&extension.as_str()))
}

/// A PowerShell script by its name.
pub fn names_powershell(name: &str) -> bool {
    extension(name).is_some_and(|extension| POWERSHELL.contains(&extension.as_str()))
}

/// The last component of a path.
pub fn base(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// The extension, lower case; version numbers behind it (`libfoo.so.1.2`) are looked through.
fn extension(name: &str) -> Option<String> {
    let numeric = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let mut found = None;
    // The dot of a hidden file (`.bashrc`) starts no extension. Whole numbers at the end are a version; in front of another
    // part they belong to the stem.
    for part in base(name).trim_start_matches('.').split('.').skip(1).filter(|part| !part.is_empty()) {
        if found.is_none() || !numeric(&part) {
            found = Some(part);
        }
    }
    found.filter(|part| !numeric(part)).map(str::to_ascii_lowercase)
}

/// The surroundings of the artifact under scan.
pub struct Place {
    /// The artifact's logical name.
    pub name: String,
    /// What its name promises.
    pub promise: Promise,
    /// The name of what it was taken out of; None for a file on disk.
    pub parent: Option<String>,
    /// What the parent's name promises.
    parent_promise: Promise,
    conda: bool,
    llamafile: bool,
}

impl Place {
    /// Looks at name, parents and neighbours.
    pub fn of(artifact: &dyn Artifact) -> Self {
        let name = artifact.name();
        let mut lineage = artifact.lineage();
        // An archive at the end of another file has no name of its own: what counts is the file.
        while lineage.len() > 1 && lineage.last().is_some_and(|parent| parent.starts_with(ZIP_AT_THE_END)) {
            lineage.pop();
        }
        let parent = lineage.pop();
        // A conda package of the first generation is a plain .tar.bz2; this member tells it (conda-build's documentation).
        let conda = parent.is_some() && artifact.siblings().iter().any(|sibling| sibling == "info/index.json");
        // A llamafile often has no extension at all; its archive holds weights or arguments (llamafile/args.c).
        let weights = |sibling: &String| sibling == ".args" || sibling.ends_with(".gguf");
        let inside = artifact.lineage().last().is_some_and(|parent| parent.starts_with(ZIP_AT_THE_END));
        let llamafile = inside && artifact.siblings().iter().any(weights);
        Self {
            llamafile,
            promise: promise(&name),
            parent_promise: parent.as_deref().map_or(Promise::Nothing, promise),
            name,
            parent,
            conda,
        }
    }

    /// It was taken out of something else.
    pub fn is_member(&self) -> bool {
        self.parent.is_some()
    }

    /// It came out of a package whose purpose is to carry programs.
    pub fn is_packaged(&self) -> bool {
        self.conda || self.parent_promise == Promise::Package
    }

    /// It came out of a program (a self-extracting archive, a llamafile) that the user named as one.
    pub fn is_part_of_program(&self) -> bool {
        let program = self.parent_promise == Promise::Program;
        self.is_member() && (program || self.llamafile && self.parent_promise == Promise::Nothing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_promise() {
        for (name, expected) in [
            ("libfoo.so", Promise::Program),
            ("lib/libfoo.so.1.2.3", Promise::Program),
            ("foo.cpython-312-x86_64-linux-gnu.so", Promise::Program),
            ("model-v1.5.exe", Promise::Program),
            ("tool", Promise::Nothing),
            ("python3.11", Promise::Nothing),
            ("archive/data/0", Promise::Nothing),
            ("pytorch_model", Promise::Data),
            ("model.PT", Promise::Data),
            ("llama-3.1-8b.gguf", Promise::Data),
            ("x.whl", Promise::Package),
            ("README.md", Promise::Prose),
            ("config.json", Promise::Config),
            (".bashrc", Promise::Nothing),
            ("weights.xyz", Promise::Unknown),
            ("", Promise::Nothing),
            ("...", Promise::Nothing),
        ] {
            assert_eq!(promise(name), expected, "{name}");
        }
    }
}
