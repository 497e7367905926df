//! Extensions that promise one format over content that has the signature of another.
//!
//! Only extensions that belong to one format count (`.bin`, `.pt`, `.pb` and `.model` belong to many), and only signatures that no chance
//! brings about. Pickles, 7z and RAR archives say it themselves, programs have findings of their own, and what was merely
//! compressed is still what it says, unless a model loader would be handed it.

use modelaudit_plugin::{Artifact, Finding, Sink, quote};
use modelaudit_rules::structure::S901;

/// What the first bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Zip,
    Tar,
    Compressed,
    Hdf5,
    Gguf,
    Numpy,
    Safetensors,
    TfLite,
    Picture,
}

impl Kind {
    fn describe(self) -> &'static str {
        match self {
            Self::Zip => "a zip archive",
            Self::Tar => "a tar archive",
            Self::Compressed => "a compressed file",
            Self::Hdf5 => "an HDF5 file",
            Self::Gguf => "a GGUF model",
            Self::Numpy => "a NumPy array",
            Self::Safetensors => "a safetensors file",
            Self::TfLite => "a TensorFlow Lite model",
            Self::Picture => "a picture",
        }
    }
}

/// What an extension may hold; everything else of the list above is a mismatch.
const PROMISES: &[(&str, &[Kind])] = &[
    ("safetensors", &[Kind::Safetensors]),
    ("gguf", &[Kind::Gguf]),
    ("npy", &[Kind::Numpy]),
    ("npz", &[Kind::Zip]),
    ("h5", &[Kind::Hdf5]),
    ("hdf5", &[Kind::Hdf5]),
    // Keras 3 writes a zip, Keras 2 wrote HDF5 under the same name.
    ("keras", &[Kind::Zip, Kind::Hdf5]),
    ("tflite", &[Kind::TfLite]),
    ("onnx", &[]),
    ("png", &[Kind::Picture]),
    ("jpg", &[Kind::Picture]),
    ("jpeg", &[Kind::Picture]),
    ("gif", &[Kind::Picture]),
    ("webp", &[Kind::Picture]),
    ("txt", &[Kind::Compressed]),
    ("md", &[Kind::Compressed]),
    ("json", &[Kind::Compressed]),
    ("yaml", &[Kind::Compressed]),
    ("yml", &[Kind::Compressed]),
    ("csv", &[Kind::Compressed]),
    ("xml", &[Kind::Compressed]),
];

/// Signatures at the start.
const SIGNATURES: &[(&[u8], Kind)] = &[
    (b"PK\x03\x04", Kind::Zip),
    (b"\x89HDF\r\n\x1a\n", Kind::Hdf5),
    (b"GGUF", Kind::Gguf),
    (b"\x93NUMPY", Kind::Numpy),
    (b"\x1f\x8b\x08", Kind::Compressed),
    (b"\x28\xb5\x2f\xfd", Kind::Compressed),
    (b"\xfd7zXZ\0", Kind::Compressed),
    (b"BZh91AY&SY", Kind::Compressed),
    (b"\x89PNG\r\n\x1a\n", Kind::Picture),
    (b"\xff\xd8\xff\xe0", Kind::Picture),
    (b"\xff\xd8\xff\xe1", Kind::Picture),
    (b"GIF87a", Kind::Picture),
    (b"GIF89a", Kind::Picture),
];

/// Where a tar says what it is.
const TAR: (u64, &[u8]) = (257, b"ustar");

/// Reports a mismatch. Reads a few bytes, and none of a file whose extension promises nothing.
pub(crate) fn scan(artifact: &dyn Artifact, base: &str, sink: &mut dyn Sink) {
    let Some((_, extension)) = base.rsplit_once('.') else { return };
    let Some((extension, promised)) = PROMISES.iter().find(|(e, _)| e.eq_ignore_ascii_case(extension)) else { return };
    let head = artifact.read(0, 16);
    let Some((kind, length)) = kind(artifact, &head) else { return };
    if promised.contains(&kind) {
        return;
    }
    let message = format!("the name ends in {}, the content is {}", quote(format!(".{extension}")), kind.describe());
    sink.finding(Finding::new(&S901, message).at(0, length));
}

fn kind(artifact: &dyn Artifact, head: &[u8]) -> Option<(Kind, u64)> {
    if let Some((signature, kind)) = SIGNATURES.iter().find(|(signature, _)| head.starts_with(signature)) {
        return Some((*kind, signature.len() as u64));
    }
    if head.get(4..8) == Some(b"TFL3") {
        return Some((Kind::TfLite, 8));
    }
    // The length of the header, then its JSON.
    let length = head.first_chunk::<8>().map(|n| u64::from_le_bytes(*n));
    if length.is_some_and(|n| n > 1 && n < artifact.size()) && head.get(8..10) == Some(b"{\"") {
        return Some((Kind::Safetensors, 10));
    }
    let (offset, magic) = TAR;
    (artifact.size() >= 512 && artifact.read(offset, magic.len() as u32) == magic)
        .then_some((Kind::Tar, offset + magic.len() as u64))
}
