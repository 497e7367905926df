//! The functions whose effect the machine follows, because chains of gadgets are built from them.
//!
//! Whether a function is dangerous is the policy's business; this table says what a call *returns*, so that a name put
//! together from letters, a payload behind base64 and zlib, or a function fetched with `getattr` is seen for what it is
//! (pickle-family 3.2 and section 7, point 6). Names are canonical (`modelaudit_pickle_policy::resolve`).

/// What a call of the function does to values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Special {
    /// `getattr(object, name)`.
    GetAttribute,
    /// Returns the module whose name is the first argument.
    ImportModule,
    /// Returns the object that a string names (`pkgutil.resolve_name("os:system")`).
    ResolveName,
    /// `attrgetter(name)`: a function that fetches the attribute.
    AttributeGetter,
    /// `methodcaller(name, *args)`: a function that calls the method.
    MethodCaller,
    /// `itemgetter(key)`.
    ItemGetter,
    /// `getitem(container, key)`.
    GetItem,
    /// Calls its first argument with the rest (`operator.call`, `Context.run`).
    CallFirst,
    /// Calls its first argument with the sequence that is the second (`apply`, `map` and friends, `Thread` targets).
    ApplyFirst,
    /// `functools.partial`.
    Partial,
    /// Makes a list, tuple or string out of a sequence and keeps its items.
    Sequence,
    /// `str.join(separator, items)`.
    Join,
    /// `a + b`.
    Concatenate,
    /// `chr`.
    Character,
    /// `bytes(...)` and `bytearray(...)`.
    Bytes,
    /// `str(...)`.
    Text,
    /// `codecs.encode(object, encoding)`.
    CodecsEncode,
    /// `codecs.decode(object, encoding)`.
    CodecsDecode,
    /// Decodes base64, whatever the alphabet.
    Base64,
    /// Decodes base32.
    Base32,
    /// Decodes base85 (the alphabet of `b85encode`).
    Base85,
    /// Decodes Ascii85.
    Ascii85,
    /// Decodes hexadecimal digits.
    Hex,
    /// zlib, gzip, bz2, xz or lzma: told by the data.
    Decompress,
    /// A file object over bytes (`io.BytesIO`).
    BytesFile,
    /// Unpickles the first bytes-like argument.
    LoadPickle,
    /// Loads a model file (torch, numpy, joblib) out of the first bytes-like argument.
    LoadModel,
    /// `copyreg.add_extension(module, name, code)`.
    AddExtension,
    /// `copyreg.__newobj__(class, *args)` and `__newobj_ex__`.
    NewObject,
    /// `copyreg._reconstructor(class, base, state)`.
    Reconstructor,
    /// Looks a type up by name in `types` (`cloudpickle._builtin_type("CodeType")`, `dill._load_type`).
    BuiltinType,
    /// Evaluates a text that dill wrote for a singleton (`dill._dill._eval_repr("Ellipsis")`).
    EvaluatedRepr,
    /// Builds a code object out of its parts.
    Code,
    /// Builds a function or class out of a code object.
    Function,
    /// A numpy dtype, which tells how long an array of joblib is.
    Dtype,
    /// joblib's placeholder, after whose `BUILD` an array follows outside the opcodes (pickle-family 4.5).
    ArrayWrapper,
    /// The wrapper of joblib before 0.10: the array is in a file beside this one.
    ArrayFile,
}

/// Canonical name, effect. Sorted by name (a test holds it); source: CPython's library, the packages' sources.
const TABLE: &[(&str, Special)] = {
    use Special::*;
    &[
        ("_pickle.loads", LoadPickle),
        ("base64.a85decode", Ascii85),
        ("base64.b16decode", Hex),
        ("base64.b32decode", Base32),
        ("base64.b32hexdecode", Base32),
        ("base64.b64decode", Base64),
        ("base64.b85decode", Base85),
        ("base64.decodebytes", Base64),
        ("base64.decodestring", Base64),
        ("base64.standard_b64decode", Base64),
        ("base64.urlsafe_b64decode", Base64),
        ("binascii.a2b_base64", Base64),
        ("binascii.a2b_hex", Hex),
        ("binascii.unhexlify", Hex),
        ("builtins.__import__", ImportModule),
        ("builtins.apply", ApplyFirst),
        ("builtins.bytearray", Bytes),
        ("builtins.bytearray.decode", CodecsDecode),
        ("builtins.bytearray.fromhex", Hex),
        ("builtins.bytes", Bytes),
        ("builtins.bytes.decode", CodecsDecode),
        ("builtins.bytes.fromhex", Hex),
        ("builtins.bytes.join", Join),
        ("builtins.chr", Character),
        ("builtins.filter", ApplyFirst),
        ("builtins.getattr", GetAttribute),
        ("builtins.list", Sequence),
        ("builtins.map", ApplyFirst),
        ("builtins.object.__getattribute__", GetAttribute),
        ("builtins.str", Text),
        ("builtins.str.encode", CodecsEncode),
        ("builtins.str.join", Join),
        ("builtins.tuple", Sequence),
        ("builtins.type.__getattribute__", GetAttribute),
        ("bz2.decompress", Decompress),
        ("cloudpickle.cloudpickle._builtin_type", BuiltinType),
        ("cloudpickle.cloudpickle._make_function", Function),
        ("cloudpickle.cloudpickle._make_skel_func", Function),
        ("cloudpickle.cloudpickle.dynamic_subimport", ImportModule),
        ("cloudpickle.cloudpickle.subimport", ImportModule),
        ("cloudpickle.cloudpickle_fast._builtin_type", BuiltinType),
        ("cloudpickle.loads", LoadPickle),
        ("cloudpickle.subimport", ImportModule),
        ("codecs.decode", CodecsDecode),
        ("codecs.encode", CodecsEncode),
        ("contextvars.Context.run", CallFirst),
        ("copyreg.__newobj__", NewObject),
        ("copyreg.__newobj_ex__", NewObject),
        ("copyreg._reconstructor", Reconstructor),
        ("copyreg.add_extension", AddExtension),
        ("dill._dill._create_code", Code),
        ("dill._dill._create_function", Function),
        ("dill._dill._eval_repr", EvaluatedRepr),
        ("dill._dill._get_attr", GetAttribute),
        ("dill._dill._getattribute", GetAttribute),
        ("dill._dill._import_module", ImportModule),
        ("dill._dill._load_type", BuiltinType),
        ("dill._dill.loads", LoadPickle),
        ("dill.loads", LoadPickle),
        ("functools.partial", Partial),
        ("functools.reduce", ApplyFirst),
        ("gzip.decompress", Decompress),
        ("importlib.__import__", ImportModule),
        ("importlib._bootstrap._call_with_frames_removed", CallFirst),
        ("importlib._bootstrap._gcd_import", ImportModule),
        ("importlib.import_module", ImportModule),
        ("inspect.getattr_static", GetAttribute),
        ("io.BytesIO", BytesFile),
        ("itertools.starmap", ApplyFirst),
        ("joblib.load", LoadModel),
        ("joblib.numpy_pickle.NDArrayWrapper", ArrayFile),
        ("joblib.numpy_pickle.NumpyArrayWrapper", ArrayWrapper),
        ("joblib.numpy_pickle.ZNDArrayWrapper", ArrayFile),
        ("joblib.numpy_pickle.load", LoadModel),
        ("joblib.numpy_pickle_compat.NDArrayWrapper", ArrayFile),
        ("joblib.numpy_pickle_compat.ZNDArrayWrapper", ArrayFile),
        ("lzma.decompress", Decompress),
        ("numpy.core.multiarray.dtype", Dtype),
        ("numpy.dtype", Dtype),
        ("numpy.lib.npyio.load", LoadModel),
        ("numpy.load", LoadModel),
        ("operator.__add__", Concatenate),
        ("operator.__concat__", Concatenate),
        ("operator.__getitem__", GetItem),
        ("operator.add", Concatenate),
        ("operator.attrgetter", AttributeGetter),
        ("operator.call", CallFirst),
        ("operator.concat", Concatenate),
        ("operator.getitem", GetItem),
        ("operator.itemgetter", ItemGetter),
        ("operator.methodcaller", MethodCaller),
        ("pandas.read_pickle", LoadModel),
        ("pickle._loads", LoadPickle),
        ("pickle.loads", LoadPickle),
        ("pkgutil.resolve_name", ResolveName),
        ("pydoc.locate", ResolveName),
        ("sklearn.externals.joblib.numpy_pickle.NDArrayWrapper", ArrayFile),
        ("sklearn.externals.joblib.numpy_pickle.NumpyArrayWrapper", ArrayWrapper),
        ("sklearn.externals.joblib.numpy_pickle.ZNDArrayWrapper", ArrayFile),
        ("torch._utils._import_dotted_name", ResolveName),
        ("torch.jit.load", LoadModel),
        ("torch.load", LoadModel),
        ("torch.serialization.load", LoadModel),
        ("torch.storage._load_from_bytes", LoadModel),
        ("types.CodeType", Code),
        ("types.FunctionType", Function),
        ("zlib.decompress", Decompress),
    ]
};

/// The effect of calling a canonical name.
pub(crate) fn lookup(module: &str, name: &str) -> Option<Special> {
    // Joined without allocating: the table is small, the comparison walks both parts.
    let key = module.bytes().chain(std::iter::once(b'.')).chain(name.bytes());
    let found = TABLE.binary_search_by(|(entry, _)| entry.bytes().cmp(key.clone()));
    found.ok().and_then(|index| TABLE.get(index)).map(|(_, special)| *special)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_found() {
        assert!(TABLE.windows(2).all(|w| w[0].0 < w[1].0));
        for (path, special) in TABLE {
            let (module, name) = path.rsplit_once('.').unwrap();
            assert_eq!(lookup(module, name), Some(*special));
        }
        assert_eq!(lookup("builtins", "bytes.fromhex"), Some(Special::Hex));
        assert_eq!(lookup("os", "system"), None);
    }
}
