//! Names and what is thought of them, one table: the proofs of concept of the reference's section 3.2, the safe names of its
//! section 2.2, the corpus, and names that must stay quiet.

use modelaudit_pickle_policy::{
    Group, Judgement, Role, entry_if_check_fails, executed_state, is_module, judge, resolve, suspicious_text,
    weights_only,
};
use modelaudit_plugin::Severity::{self, Critical, Info, Warning};

fn judged(module: &str, name: &str, protocol: u8) -> Judgement<'static> {
    judge(&resolve(module, name, protocol))
}

/// Module, name, protocol, severity of a call.
const DANGEROUS: &[(&str, &str, u8, Severity)] = &[
    // B33: evaluators of the standard library
    ("timeit", "timeit", 4, Critical),
    ("cProfile", "run", 2, Critical),
    ("cProfile", "runctx", 2, Critical),
    ("profile", "run", 2, Critical),
    ("profile", "Profile.run", 4, Critical),
    ("profile", "Profile.runctx", 4, Critical),
    ("trace", "Trace.run", 4, Critical),
    ("trace", "Trace.runctx", 4, Critical),
    ("trace", "Trace.runfunc", 4, Critical),
    ("doctest", "debug_script", 4, Critical),
    ("bdb", "Bdb.run", 4, Critical),
    ("pdb", "run", 2, Critical),
    // B34, B35: idlelib, lib2to3, ensurepip, code
    ("idlelib.autocomplete", "AutoComplete.get_entity", 4, Critical),
    ("idlelib.autocomplete", "AutoComplete.fetch_completions", 4, Critical),
    ("idlelib.calltip", "Calltip.fetch_tip", 4, Critical),
    ("idlelib.calltip", "get_entity", 2, Critical),
    ("idlelib.debugobj", "ObjectTreeItem.SetText", 4, Critical),
    ("idlelib.pyshell", "ModifiedInterpreter.runcode", 4, Critical),
    ("idlelib.pyshell", "ModifiedInterpreter.runcommand", 4, Critical),
    ("idlelib.run", "Executive.runcode", 4, Critical),
    ("lib2to3.pgen2.grammar", "Grammar.loads", 4, Critical),
    ("lib2to3.pgen2.pgen", "ParserGenerator.make_label", 4, Critical),
    ("ensurepip", "_run_pip", 2, Critical),
    ("code", "InteractiveInterpreter.runcode", 4, Critical),
    ("code", "InteractiveInterpreter.runsource", 4, Critical),
    ("code", "InteractiveConsole", 2, Critical),
    ("codeop", "compile_command", 2, Critical),
    // B36: torch
    ("torch.utils.bottleneck.__main__", "run_cprofile", 2, Critical),
    ("torch.utils.bottleneck.__main__", "run_autograd_prof", 2, Critical),
    ("torch._dynamo.guards", "GuardBuilder.get", 4, Critical),
    ("torch.fx.experimental.symbolic_shapes", "ShapeEnv.evaluate_guards_expression", 4, Critical),
    ("torch.utils.collect_env", "run", 2, Critical),
    ("torch.utils.data.datapipes.utils.decoder", "basichandlers", 2, Critical),
    ("torch.jit.unsupported_tensor_ops", "execWrapper", 2, Critical),
    ("torch.utils._config_module", "ConfigModule.load_config", 4, Critical),
    ("torch._inductor.codecache", "compile_file", 2, Critical),
    ("torch.fx.graph_module", "_forward_from_src", 2, Critical),
    ("torch.fx.graph_module", "reduce_graph_module", 2, Critical),
    ("torch.ops", "load_library", 2, Critical),
    ("torch", "ops.load_library", 4, Critical),
    ("torch", "hub.load", 4, Critical),
    ("torch.hub", "load_state_dict_from_url", 2, Critical),
    ("torch.distributed.rpc", "rpc_sync", 2, Critical),
    ("torch.utils.cpp_extension", "load_inline", 2, Critical),
    ("torch._utils", "_import_dotted_name", 2, Critical),
    ("torch", "load", 2, Critical),
    ("torch.serialization", "load", 2, Critical),
    ("torch.jit", "load", 2, Critical),
    ("torch.package", "PackageImporter", 2, Critical),
    // B37: numpy
    ("numpy.f2py.crackfortran", "getlincoef", 2, Critical),
    ("numpy.f2py.crackfortran", "_eval_length", 2, Critical),
    ("numpy", "f2py.crackfortran.myeval", 4, Critical),
    ("numpy.testing._private.utils", "runstring", 2, Critical),
    ("numpy.distutils.cpuinfo", "getoutput", 2, Critical),
    ("numpy.ctypeslib", "load_library", 2, Critical),
    ("numpy", "ctypeslib.load_library", 4, Critical),
    ("numpy", "lib.npyio.load", 4, Critical),
    ("numpy", "load", 2, Critical),
    ("numpy", "fromfile", 2, Critical),
    ("numpy", "memmap", 2, Critical),
    ("numpy", "loadtxt", 2, Warning),
    ("numpy", "savetxt", 2, Critical),
    // B38 to B41
    ("operator", "methodcaller", 2, Critical),
    ("_operator", "methodcaller", 4, Critical),
    ("pydoc", "locate", 2, Critical),
    ("pkgutil", "resolve_name", 2, Critical),
    ("importlib", "import_module", 2, Critical),
    ("importlib.machinery", "SourceFileLoader", 2, Critical),
    ("importlib.util", "spec_from_file_location", 2, Critical),
    ("inspect", "getattr_static", 2, Critical),
    ("marshal", "loads", 2, Critical),
    ("types", "FunctionType", 2, Critical),
    ("types", "CodeType", 2, Critical),
    // B42, B43: wrappers of subprocess
    ("uuid", "_get_command_stdout", 2, Critical),
    ("uuid", "_popen", 2, Critical),
    ("imaplib", "IMAP4_stream", 2, Critical),
    ("_pyrepl.pager", "pipe_pager", 2, Critical),
    ("_osx_support", "_read_output", 2, Critical),
    ("_aix_support", "_read_cmd_output", 2, Critical),
    ("test.support.script_helper", "assert_python_ok", 2, Critical),
    ("test.support", "run_in_subinterp", 2, Critical),
    ("distutils.spawn", "spawn", 2, Critical),
    ("setuptools._distutils.spawn", "spawn", 2, Critical),
    ("distutils.file_util", "write_file", 2, Critical),
    ("_posixsubprocess", "fork_exec", 2, Critical),
    ("_bootsubprocess", "check_output", 2, Critical),
    ("pty", "spawn", 2, Critical),
    ("platform", "popen", 2, Critical),
    ("multiprocessing.util", "spawnv_passfds", 2, Critical),
    ("concurrent.futures", "ProcessPoolExecutor", 2, Critical),
    ("asyncio.unix_events", "_UnixSubprocessTransport._start", 4, Critical),
    ("pipes", "Template", 2, Critical),
    ("mailcap", "findmatch", 2, Critical),
    // B44, B45
    ("typing", "get_type_hints", 2, Critical),
    ("typing", "_eval_type", 2, Critical),
    ("typing", "ForwardRef._evaluate", 4, Critical),
    ("dataclasses", "_create_fn", 2, Critical),
    ("dataclasses", "make_dataclass", 2, Critical),
    ("annotationlib", "ForwardRef.evaluate", 4, Critical),
    ("pip", "main", 2, Critical),
    ("pip._internal", "main", 2, Critical),
    ("ctypes", "CDLL", 2, Critical),
    ("_ctypes", "dlopen", 2, Critical),
    ("asyncio.subprocess", "create_subprocess_shell", 2, Critical),
    // B46: files and network
    ("codecs", "open", 2, Critical),
    ("io", "open", 2, Critical),
    ("_io", "FileIO", 2, Critical),
    ("_pyio", "open", 2, Critical),
    ("gzip", "open", 2, Critical),
    ("bz2", "BZ2File", 2, Critical),
    ("lzma", "open", 2, Critical),
    ("wave", "open", 2, Critical),
    ("logging", "FileHandler", 2, Critical),
    ("http.client", "HTTPSConnection", 2, Critical),
    ("pandas", "read_csv", 2, Critical),
    ("pandas", "read_pickle", 2, Critical),
    ("pandas.io.pickle", "read_pickle", 2, Critical),
    ("tensorflow.io.gfile", "GFile", 2, Critical),
    ("tensorflow", "io.gfile.GFile", 4, Critical),
    ("tensorizer.serialization", "TensorDeserializer", 2, Critical),
    ("pathlib", "Path.write_text", 4, Critical),
    ("pathlib", "PosixPath.unlink", 4, Critical),
    ("pathlib._local", "Path.write_bytes", 4, Critical),
    ("socket", "getaddrinfo", 2, Critical),
    ("_socket", "socket", 2, Critical),
    ("requests", "get", 2, Critical),
    ("requests.api", "get", 2, Critical),
    ("smtplib", "SMTP", 2, Critical),
    ("urllib.request", "urlretrieve", 2, Critical),
    ("webbrowser", "open", 2, Critical),
    ("aiohttp", "ClientSession", 2, Warning),
    ("zipfile", "ZipFile.extractall", 4, Critical),
    ("tarfile", "open", 2, Critical),
    ("shutil", "rmtree", 2, Critical),
    ("shelve", "open", 2, Warning),
    ("sqlite3", "connect", 2, Critical),
    ("keras.utils", "get_file", 2, Critical),
    ("tensorflow.keras.utils", "get_file", 2, Critical),
    // B47, B48, B56: walks
    ("itertools", "__loader__.load_module", 4, Critical),
    ("math", "__loader__.load_module", 4, Critical),
    ("collections", "_sys.modules.get", 4, Critical),
    ("random", "_os.system", 4, Critical),
    ("posixpath", "os.system", 4, Critical),
    ("pathlib", "os.system", 4, Critical),
    ("logging", "config.dictConfig", 4, Critical),
    ("logging", "config.listen", 4, Critical),
    ("logging", "handlers.RotatingFileHandler", 4, Critical),
    ("logging.config", "fileConfig", 2, Critical),
    ("json.tool", "Path.write_text", 4, Critical),
    ("bz2", "_builtin_open", 4, Critical),
    ("vendor.module", "os.system", 4, Critical),
    ("vendor.module", "_subprocess.Popen", 4, Critical),
    ("builtins", "eval.__call__", 4, Critical),
    ("numpy", "__builtins__", 4, Critical),
    ("vendor", "helper.__globals__", 4, Critical),
    ("builtins", "object.__subclasses__", 4, Critical),
    ("os.path", "os", 4, Critical),
    // B49, B51: other names of the same thing
    ("types", "LambdaType", 4, Critical),
    ("__builtin__", "reduce", 2, Critical),
    ("__builtin__", "eval", 0, Critical),
    ("__builtin__", "eval", 4, Critical),
    ("__builtins__", "eval", 4, Critical),
    ("itertools", "imap", 2, Critical),
    ("cPickle", "loads", 2, Critical),
    ("cPickle", "loads", 4, Critical),
    ("_pickle", "loads", 4, Critical),
    ("thread", "start_new_thread", 2, Critical),
    ("SocketServer", "TCPServer", 2, Critical),
    ("BaseHTTPServer", "HTTPServer", 2, Critical),
    ("xmlrpclib", "ServerProxy", 2, Critical),
    ("anydbm", "open", 2, Critical),
    ("urllib", "urlopen", 2, Critical),
    ("urllib2", "urlopen", 2, Critical),
    ("httplib", "HTTPConnection", 2, Critical),
    ("commands", "getoutput", 2, Critical),
    ("posix", "system", 0, Critical),
    ("nt", "system", 2, Critical),
    ("os", "posix_spawn", 4, Critical),
    ("six.moves", "builtins.eval", 4, Critical),
    ("six.moves.builtins", "eval", 4, Critical),
    ("six.moves", "cPickle.loads", 4, Critical),
    ("six", "exec_", 4, Critical),
    ("sklearn.externals.joblib", "load", 2, Critical),
    ("joblib.externals.cloudpickle", "loads", 2, Critical),
    ("multiprocess.pool", "Pool", 2, Critical),
    ("gevent.subprocess", "Popen", 2, Critical),
    // B50, B52 to B55, B58, B59, B61
    ("mailbox", "mbox", 2, Critical),
    ("mailbox", "MH", 2, Critical),
    ("_tkinter", "create", 2, Critical),
    ("tkinter", "Tcl", 2, Critical),
    ("builtins", "str.format", 4, Critical),
    ("builtins", "super", 4, Warning),
    ("builtins", "__build_class__", 4, Warning),
    ("builtins", "vars", 2, Critical),
    ("builtins", "globals", 2, Critical),
    ("builtins", "setattr", 2, Critical),
    ("runpy", "run_path", 2, Critical),
    ("_interpreters", "run_string", 2, Critical),
    ("_xxsubinterpreters", "run_string", 2, Critical),
    ("asteval", "Interpreter", 2, Critical),
    ("simpleeval", "simple_eval", 2, Critical),
    ("sh", "bash", 4, Critical),
    ("sys", "path.append", 4, Critical),
    ("sys", "modules", 2, Critical),
    ("sys", "setprofile", 2, Warning),
    ("atexit", "register", 2, Critical),
    ("copyreg", "add_extension", 2, Critical),
    ("copyreg", "dispatch_table.update", 4, Critical),
    ("warnings", "filterwarnings", 2, Warning),
    ("threading", "Timer", 2, Critical),
    ("site", "addsitedir", 2, Critical),
    ("venv", "create", 2, Critical),
    ("zipimport", "zipimporter", 2, Critical),
    ("signal", "signal", 2, Critical),
    // the family, not the name
    ("numexpr", "evaluate", 2, Critical),
    ("numexpr.necompiler", "evaluate", 2, Critical),
    ("deap.gp", "compile", 2, Critical),
    ("sympy.parsing.sympy_parser", "parse_expr", 2, Critical),
    ("sympy", "sympify", 2, Critical),
    ("pandas", "eval", 2, Critical),
    ("pandas.core.computation.eval", "eval", 2, Critical),
    ("yaml", "unsafe_load", 2, Critical),
    ("jsonpickle", "decode", 2, Critical),
    ("dill", "loads", 2, Critical),
    ("dill._dill", "_import_module", 2, Critical),
    ("dill._dill", "_create_function", 2, Warning),
    ("cloudpickle", "loads", 2, Critical),
    ("cloudpickle.cloudpickle", "subimport", 2, Critical),
    ("cloudpickle.cloudpickle", "_make_function", 2, Warning),
    ("joblib", "load", 2, Critical),
    ("mlflow.projects.backend.local", "_run_entry_point", 2, Critical),
    ("transformers.dynamic_module_utils", "get_class_from_dynamic_module", 2, Critical),
    ("huggingface_hub", "hf_hub_download", 2, Critical),
    ("jinja2", "Template", 2, Critical),
    ("paramiko", "SSHClient", 2, Critical),
    ("pexpect", "spawn", 2, Critical),
    ("psutil", "Popen", 2, Critical),
    ("picklescan.scanner", "_safe_globals", 2, Critical),
    ("pstats", "Stats", 2, Critical),
    ("gettext", "c2py", 2, Critical),
    ("copy", "_deepcopy_list", 4, Critical),
    ("functools", "_HashedSeq", 4, Critical),
    ("random", "_test_generator", 4, Critical),
    ("random", "randrange", 4, Critical),
    ("locale", "atof", 4, Critical),
    ("textwrap", "indent", 4, Critical),
    ("statistics", "_convert", 4, Critical),
    ("optparse", "Values.read_file", 4, Critical),
    ("xml.dom.minidom", "_do_pulldom_parse", 4, Critical),
    ("_collections_abc", "Generator.throw", 4, Critical),
    ("difflib", "SequenceMatcher", 4, Critical),
    ("builtins", "dict.get", 4, Critical),
    ("xml.sax", "_create_parser", 4, Critical),
    ("numpy.core._methods", "_load", 4, Critical),
    ("vendor.tools", "run_command", 4, Critical),
    ("vendor.tools", "safe_eval", 4, Critical),
    ("vendor.tools", "_import_string", 4, Critical),
    // harmless alone
    ("base64", "b64decode", 2, Info),
    ("builtins", "bytes.fromhex", 4, Info),
    ("zlib", "decompress", 2, Info),
    ("codecs", "decode", 2, Info),
];

#[test]
fn dangerous_names() {
    for (module, name, protocol, called) in DANGEROUS {
        match judged(module, name, *protocol) {
            Judgement::Dangerous(entry) => assert_eq!(entry.called, *called, "{module} {name}: {entry:?}"),
            other => panic!("{module} {name} at protocol {protocol}: {other:?}"),
        }
    }
}

#[test]
fn an_import_of_something_deadly_is_a_warning() {
    for (module, name) in [("os", "system"), ("builtins", "eval"), ("subprocess", "Popen"), ("ctypes", "CDLL")] {
        let Judgement::Dangerous(entry) = judged(module, name, 4) else { panic!("{module}.{name}") };
        assert_eq!((entry.called, entry.imported), (Critical, Warning));
    }
}

/// Module, name: anything may be done with it.
const CALLABLE: &[(&str, &str)] = &[
    ("collections", "OrderedDict"),
    ("collections", "Counter"),
    ("collections", "defaultdict"),
    ("collections", "deque"),
    ("builtins", "set"),
    ("__builtin__", "set"),
    ("builtins", "frozenset"),
    ("builtins", "slice"),
    ("builtins", "range"),
    ("__builtin__", "xrange"),
    ("__builtin__", "long"),
    ("__builtin__", "unicode"),
    ("builtins", "complex"),
    ("builtins", "bytearray"),
    ("builtins", "object"),
    ("builtins", "ValueError"),
    ("exceptions", "ValueError"),
    ("datetime", "datetime"),
    ("datetime", "timedelta"),
    ("datetime", "timezone"),
    ("decimal", "Decimal"),
    ("_pydecimal", "Decimal"),
    ("fractions", "Fraction"),
    ("uuid", "UUID"),
    ("uuid", "SafeUUID"),
    ("pathlib", "PosixPath"),
    ("pathlib", "PurePosixPath"),
    ("pathlib", "WindowsPath"),
    ("pathlib._local", "PosixPath"),
    ("re", "_compile"),
    ("types", "SimpleNamespace"),
    ("itertools", "count"),
    ("ipaddress", "IPv4Address"),
    ("zoneinfo", "ZoneInfo._unpickle"),
    ("random", "Random"),
    ("array", "_array_reconstructor"),
    ("logging", "getLogger"),
    ("http", "HTTPStatus"),
    ("socket", "AddressFamily"),
    ("signal", "Signals"),
    ("subprocess", "CompletedProcess"),
    ("_io", "BytesIO"),
    ("inspect", "Signature"),
    ("numpy", "ndarray"),
    ("numpy", "float64"),
    ("numpy.core.numeric", "_frombuffer"),
    ("numpy._core.numeric", "_frombuffer"),
    ("numpy.ma.core", "_mareconstruct"),
    ("numpy.random._pickle", "__bit_generator_ctor"),
    ("numpy.random", "__RandomState_ctor"),
    ("numpy.dtypes", "Float64DType"),
    ("pandas._libs.internals", "_unpickle_block"),
    ("pandas._libs.tslibs.timestamps", "_unpickle_timestamp"),
    ("pandas._libs.tslibs.offsets", "Day"),
    ("pandas", "StringDtype"),
    ("pandas.core.internals.managers", "BlockManager"),
    ("sklearn.tree._tree", "Tree"),
    ("sklearn.neighbors._kd_tree", "newObj"),
    ("sklearn.neighbors._ball_tree", "newObj"),
    ("sklearn.metrics._dist_metrics", "newObj"),
    ("sklearn.metrics._dist_metrics", "EuclideanDistance64"),
    ("sklearn._loss._loss", "CyHalfBinomialLoss"),
    ("_loss", "CyHalfBinomialLoss"),
    ("sklearn.linear_model._sgd_fast", "Hinge"),
    ("sklearn.utils._bunch", "Bunch"),
    ("scipy.sparse", "csr_matrix"),
    ("torch", "FloatStorage"),
    ("torch", "BFloat16Storage"),
    ("torch.storage", "TypedStorage"),
    ("torch.storage", "UntypedStorage"),
    ("torch", "Size"),
    ("torch", "device"),
    ("torch", "float32"),
    ("torch", "float8_e4m3fn"),
    ("torch", "per_tensor_affine"),
    ("torch.serialization", "_get_layout"),
    ("torch.nn.parameter", "Parameter"),
    ("torch._utils", "_rebuild_tensor_v2"),
    ("torch._utils", "_rebuild_parameter"),
    ("torch._utils", "_rebuild_qtensor"),
    ("torch._utils", "_rebuild_sparse_tensor"),
    ("torch.jit._pickle", "build_intlist"),
    ("transformers.trainer_utils", "IntervalStrategy"),
    ("transformers.trainer_utils", "SchedulerType"),
    ("transformers.training_args", "OptimizerNames"),
    ("accelerate.utils.dataclasses", "DistributedType"),
    ("tokenizers", "AddedToken"),
    ("dateutil.tz.tz", "tzutc"),
    ("pytz", "_UTC"),
    ("pytz", "_p"),
];

/// Module, name: constructed and given state, the way classes are pickled.
const CLASS: &[(&str, &str)] = &[
    ("argparse", "Namespace"),
    ("sklearn.preprocessing._label", "LabelEncoder"),
    ("sklearn.ensemble._forest", "RandomForestClassifier"),
    ("sklearn.ensemble.forest", "RandomForestClassifier"),
    ("sklearn.pipeline", "Pipeline"),
    ("scipy.sparse._csr", "csr_matrix"),
    ("scipy.sparse.csr", "csr_matrix"),
    ("scipy.stats._continuous_distns", "norm_gen"),
    ("scipy.optimize._optimize", "OptimizeResult"),
    ("pandas.core.frame", "DataFrame"),
    ("pandas.core.series", "Series"),
    ("xgboost.sklearn", "XGBClassifier"),
    ("lightgbm.sklearn", "LGBMClassifier"),
    ("catboost.core", "CatBoostClassifier"),
    ("torch.nn.modules.linear", "Linear"),
    ("torch.nn.modules.container", "Sequential"),
    ("torch.optim.adam", "Adam"),
    ("torch.optim.lr_scheduler", "LambdaLR"),
    ("torchvision.models.resnet", "ResNet"),
    ("timm.models.resnet", "ResNet"),
    ("ultralytics.nn.tasks", "DetectionModel"),
    ("ultralytics.nn.modules.head", "Detect"),
    ("models.yolo", "Model"),
    ("models.common", "Conv"),
    ("transformers.models.bert.configuration_bert", "BertConfig"),
    ("transformers.models.bert.tokenization_bert_fast", "BertTokenizerFast"),
    ("sentence_transformers.SentenceTransformer", "SentenceTransformer"),
    ("omegaconf.dictconfig", "DictConfig"),
    ("fairseq.data.dictionary", "Dictionary"),
    ("gensim.models.word2vec", "Word2Vec"),
    ("gensim.corpora.dictionary", "Dictionary"),
    ("spacy.vocab", "Vocab"),
    ("nltk.tokenize.punkt", "PunktSentenceTokenizer"),
    ("joblib.numpy_pickle", "NumpyArrayWrapper"),
    ("sklearn.externals.joblib.numpy_pickle", "NDArrayWrapper"),
    ("__torch__.models", "Net"),
    ("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint"),
    ("typing", "Any"),
];

#[test]
fn safe_names() {
    for protocol in [2, 4] {
        for (module, name) in CALLABLE {
            let found = judged(module, name, protocol);
            assert_eq!(found, Judgement::Safe(Role::Callable), "{module} {name} at protocol {protocol}");
        }
        for (module, name) in CLASS {
            let found = judged(module, name, protocol);
            assert_eq!(found, Judgement::Safe(Role::Class), "{module} {name} at protocol {protocol}");
        }
    }
}

#[test]
fn safe_after_a_check() {
    let checked = [
        ("numpy.core.multiarray", "_reconstruct", "ndarray-reconstruct"),
        ("numpy._core.multiarray", "_reconstruct", "ndarray-reconstruct"),
        ("numpy.core.multiarray", "scalar", "numpy-scalar"),
        ("numpy", "dtype", "dtype"),
        ("_codecs", "encode", "codecs-encode"),
        ("copy_reg", "_reconstructor", "reconstructor"),
        ("copyreg", "_reconstructor", "reconstructor"),
        ("functools", "partial", "partial"),
        ("_functools", "partial", "partial"),
        ("builtins", "getattr", "getattr-enum"),
        ("__builtin__", "getattr", "getattr-enum"),
        ("operator", "itemgetter", "itemgetter-constant"),
        ("_operator", "itemgetter", "itemgetter-constant"),
        ("operator", "attrgetter", "attrgetter-constant"),
        ("operator", "getitem", "getitem-typing"),
        ("numpy.random._pickle", "__randomstate_ctor", "rebuild-from-type"),
        ("numpy.random._pickle", "__generator_ctor", "rebuild-from-type"),
        ("sortedcontainers.sorteddict", "SortedDict", "rebuild-from-type"),
        ("pandas.core.indexes.base", "_new_Index", "reconstructor"),
        ("types", "GenericAlias", "reconstructor"),
        ("torch.storage", "_load_from_bytes", "nested-torch"),
        ("torch._tensor", "_rebuild_from_type_v2", "rebuild-from-type"),
        ("numpy.core", "_ufunc_reconstruct", "ufunc-reconstruct"),
    ];
    for (module, name, tag) in checked {
        assert_eq!(judged(module, name, 2), Judgement::Safe(Role::Checked(tag)), "{module} {name}");
    }
    let entry = entry_if_check_fails(&resolve("builtins", "getattr", 2)).expect("getattr can do harm");
    assert_eq!(entry.group, Group::Reflection);
}

#[test]
fn unknown_and_main() {
    let unknown = |known_package, standard_library| Judgement::Unknown { known_package, standard_library };
    assert_eq!(judged("mypkg.models", "Net", 4), unknown(false, false));
    assert_eq!(judged("src.model", "Net", 4), unknown(false, false));
    assert_eq!(judged("captum.attr", "IntegratedGradients", 4), unknown(true, false));
    assert_eq!(judged("shlex", "split", 4), unknown(true, true));
    // A project folder that is named like a plain module of the library.
    assert_eq!(judged("code.models", "Net", 4), unknown(false, false));
    assert_eq!(judged("trace.net", "Net", 4), unknown(false, false));
    assert_eq!(judged("__main__", "Net", 4), Judgement::Main);
    assert_eq!(judged("__mp_main__", "Net", 4), Judgement::Main);
    assert_eq!(judged("", "", 4), unknown(false, false));
}

#[test]
fn modules_as_values() {
    for (module, name) in [
        ("collections", "abc"),
        ("random", "_os"),
        ("logging", "config"),
        ("os", "path"),
        ("torch", "hub"),
        ("numpy", "f2py"),
        ("vendor", "os"),
        ("concurrent", "futures"),
    ] {
        let resolved = resolve(module, name, 4);
        assert!(is_module(&resolved), "{module} {name}: {resolved:?}");
        assert!(!matches!(judge(&resolved), Judgement::Safe(_)), "{module} {name}");
    }
    for (module, name) in [
        ("datetime", "datetime"),
        ("copy", "copy"),
        ("array", "array"),
        ("numpy", "array"),
        ("pprint", "pprint"),
        ("torch", "select"),
        ("time", "time"),
        ("pandas", "array"),
        ("vendor.random", "random"),
    ] {
        assert!(!is_module(&resolve(module, name, 4)), "{module} {name}");
    }
}

#[test]
fn names_are_resolved_like_a_loader_does() {
    let cases = [
        // module, name, protocol, canonical module, canonical name, renamed
        ("cPickle", "loads", 2, "pickle", "loads", true),
        ("copy_reg", "_reconstructor", 2, "copyreg", "_reconstructor", true),
        ("__builtin__", "reduce", 2, "functools", "reduce", true),
        ("urllib", "urlopen", 1, "urllib.request", "urlopen", true),
        ("UserDict", "UserDict", 0, "collections", "UserDict", true),
        ("itertools", "izip", 2, "builtins", "zip", true),
        ("posix", "system", 4, "os", "system", true),
        ("random", "_os.system", 4, "os", "system", true),
        ("numpy._core.multiarray", "scalar", 4, "numpy.core.multiarray", "scalar", true),
        (
            "sklearn.externals.joblib.numpy_pickle",
            "NumpyArrayWrapper",
            2,
            "joblib.numpy_pickle",
            "NumpyArrayWrapper",
            true,
        ),
        ("logging", "config.dictConfig", 4, "logging.config", "dictConfig", false),
        ("collections", "OrderedDict", 2, "collections", "OrderedDict", false),
        ("torch._utils", "_rebuild_tensor_v2", 2, "torch._utils", "_rebuild_tensor_v2", false),
        ("a.b", "Outer.Inner", 4, "a.b", "Outer.Inner", false),
    ];
    for (module, name, protocol, to_module, to_name, renamed) in cases {
        let resolved = resolve(module, name, protocol);
        assert_eq!((resolved.module.as_str(), resolved.name.as_str()), (to_module, to_name), "{module} {name}");
        assert_eq!(resolved.written, format!("{module}.{name}"));
        assert_eq!(resolved.renamed.is_some(), renamed, "{resolved:?}");
        assert_eq!(resolved.dotted, protocol >= 4 && name.contains('.'));
    }
}

#[test]
fn constructing_by_new_alone() {
    let by_new = |module, name| match judged(module, name, 2) {
        Judgement::Dangerous(entry) => entry.dangerous_by_new,
        other => panic!("{module}.{name}: {other:?}"),
    };
    assert!(by_new("numpy", "memmap") && by_new("types", "FunctionType") && by_new("mmap", "mmap"));
    assert!(!by_new("subprocess", "Popen") && !by_new("io", "FileIO"));
}

#[test]
fn state_that_is_run() {
    assert_eq!(executed_state(&resolve("scipy.stats._continuous_distns", "norm_gen", 4)), ["_parse_arg_template"]);
    assert!(executed_state(&resolve("sklearn.pipeline", "Pipeline", 4)).is_empty());
    // What scipy itself writes there is no alarm.
    let template = "\ndef _parse_args(self, %(shape_arg_str)s %(locscale_in)s):\n    return (%(shape_arg_str)s), %(locscale_out)s\n";
    assert_eq!(suspicious_text(template), None);
}

#[test]
fn torch_weights_only() {
    for (module, name) in [
        ("collections", "OrderedDict"),
        ("torch", "BFloat16Storage"),
        ("torch._utils", "_rebuild_tensor_v2"),
        ("__builtin__", "set"),
        ("_codecs", "encode"),
    ] {
        assert!(weights_only(module, name), "{module} {name}");
    }
    for (module, name) in [("argparse", "Namespace"), ("torch.nn.modules.linear", "Linear"), ("os", "system")] {
        assert!(!weights_only(module, name), "{module} {name}");
    }
}

#[test]
fn hostile_names_are_bounded_and_do_not_panic() {
    let long = "a.".repeat(200_000);
    for (module, name) in [
        ("", ""),
        (".", "."),
        ("..", "..."),
        ("os", ""),
        ("", "system"),
        ("os.", ".system"),
        ("é", "ü.ß"),
        ("os\n", "system\0"),
        (long.as_str(), long.as_str()),
        ("random", long.as_str()),
    ] {
        for protocol in [0, 2, 3, 4, 5, 255] {
            let resolved = resolve(module, name, protocol);
            let _ = (judge(&resolved), is_module(&resolved), weights_only(module, name), suspicious_text(name));
        }
    }
    // Even a name too long to be walked is judged by where it starts.
    let Judgement::Dangerous(_) = judged("os", &"x".repeat(10_000), 4) else { panic!() };
}

/// A pickle may name a million different globals; judging one must stay in the order of a microsecond.
#[test]
fn a_hundred_thousand_names_are_judged_in_no_time() {
    let start = std::time::Instant::now();
    let mut dangerous = 0;
    for index in 0..100_000 {
        let resolved = resolve("sklearn.ensemble._forest", &format!("Class{index}"), 2);
        dangerous += u32::from(matches!(judge(&resolved), Judgement::Dangerous(_)));
    }
    assert_eq!(dangerous, 0);
    // Ten times what a debug build on a busy machine takes.
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}
