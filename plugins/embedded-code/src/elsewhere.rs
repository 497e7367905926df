//! Files whose code or texts another plugin judges.

use modelaudit_executable_headers::{Kind, identify, is_text};
use modelaudit_plugin::Artifact;

/// First bytes of files whose own plugin looks into their strings, or whose members are scanned by themselves: zip, HDF5, GGUF, RKNN,
/// CatBoost.
const MAGICS: &[&[u8]] = &[b"PK\x03\x04", b"\x89HDF\r\n", b"GGUF", b"RKNN", b"CBM1"];
/// Extensions of formats without a magic of which the same is true.
const EXTENSIONS: &[&str] = &[".mlmodel", ".pdmodel", ".ubj"];

/// Where the data begins that nobody else reads; None if there is none.
pub(crate) fn first_byte(artifact: &dyn Artifact) -> Option<u64> {
    let head = artifact.read(0, 4096);
    let name = artifact.name().to_lowercase();
    let pickle = matches!(head.as_slice(), [0x80, 2..=5, ..]);
    let document = matches!(head.trim_ascii_start().first(), Some(b'{' | b'[' | b'<'));
    let tar = head.get(257..262) == Some(b"ustar");
    if pickle
        || document
        || tar
        || MAGICS.iter().any(|magic| head.starts_with(magic))
        || EXTENSIONS.iter().any(|extension| name.ends_with(extension))
        || is_text(&head)
    {
        return None;
    }
    // A program's strings are its own affair: interpreters and libraries are full of code.
    if identify(&head, artifact.size())
        .is_some_and(|kind| kind.is_native() || matches!(kind, Kind::PythonBytecode { .. }))
    {
        return None;
    }
    // The metadata of a safetensors file is judged by its plugin; its tensors are not.
    let safetensors = head.get(8) == Some(&b'{');
    let header = head.first_chunk::<8>().map(|bytes| u64::from_le_bytes(*bytes));
    match header.filter(|length| safetensors && *length < artifact.size()) {
        Some(length) => Some(8 + length),
        None => Some(0),
    }
}
