//! Names of Lua that lead out of computing, as they stand among the constants of a dumped function.

/// Constants of a dump are apart (`os` and `execute` are two strings), so a way out is one word, or two that both occur. With the source
/// of each: the Lua 5.1 manual, section 5, and LuaJIT's extensions.
pub const WAYS_OUT: &[(&str, &str, &str)] = &[
    ("os", "execute", "starts programs"),
    ("io", "popen", "starts programs"),
    ("os", "remove", "deletes files"),
    ("os", "rename", "renames files"),
    ("package", "loadlib", "loads a native library"),
    ("ffi", "load", "loads a native library"), // LuaJIT
    ("ffi", "cdef", "calls native code"),      // LuaJIT
    ("loadstring", "", "runs text as code"),
    ("dofile", "", "runs a file as code"),
    ("loadfile", "", "runs a file as code"),
    ("sys", "execute", "starts programs"), // the sys package of Torch7
    ("os.execute", "", "starts programs"), // as text, for source that loadstring gets
    ("io.popen", "", "starts programs"),
    ("socket.http", "", "talks to the network"), // LuaSocket
];

/// Element size of `torch.<Name>Storage` in bytes (generic/Storage.c and THC).
pub const ELEMENT: &[(&str, u64)] = &[
    ("Byte", 1),
    ("Char", 1),
    ("Short", 2),
    ("Int", 4),
    ("Long", 8),
    ("Float", 4),
    ("Double", 8),
    ("Half", 2),
    ("Cuda", 4),
    ("CudaByte", 1),
    ("CudaChar", 1),
    ("CudaShort", 2),
    ("CudaInt", 4),
    ("CudaLong", 8),
    ("CudaDouble", 8),
    ("CudaHalf", 2),
    ("Cl", 4),
];

/// What a class of Torch7 writes behind its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// Dimensions, sizes, strides, offset, and the storage as an object.
    Tensor,
    /// A count and that many elements of this size.
    Storage(u64),
    /// A count and that many objects (tds.Vec), or twice that many (tds.Hash).
    Objects(u64),
    /// One object, a table as a rule: what `File.lua` does for classes without a `read` of their own.
    Object,
}

/// How the class reads itself.
pub fn body(class: &str) -> Body {
    match class {
        "tds.Vec" | "tds_Vec" => return Body::Objects(1),
        "tds.Hash" | "tds_Hash" => return Body::Objects(2),
        _ => {}
    }
    let Some(name) = class.strip_prefix("torch.") else { return Body::Object };
    let element = |name: &str| ELEMENT.iter().find(|(known, _)| *known == name).map(|(_, size)| *size);
    if let Some(kind) = name.strip_suffix("Tensor")
        && element(kind).is_some()
    {
        return Body::Tensor;
    }
    name.strip_suffix("Storage").and_then(element).map_or(Body::Object, Body::Storage)
}
