//! Functions of Python's libraries that matter, by their dotted names.
//!
//! Sources: the reference of Python's standard library (which functions start processes, run texts, open connections), shared/reference/
//! pickle-family.md 2.1, and the references of requests, httpx, aiohttp, torch, joblib, dill, numpy and pandas for their loaders.

use modelaudit_plugin::Rule;
use modelaudit_rules::{code, network, python};

/// What a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Runs its first argument as a command line of a shell.
    Shell,
    /// Starts a program: its first argument is a name or a list of arguments, or a command line with `shell=True`.
    Program,
    /// Starts a program that its arguments name one by one.
    Words,
    /// `pty.spawn`.
    Terminal,
    /// Runs a text or code object.
    Run,
    /// Turns a text into a code object.
    Compile,
    /// Runs a file or module.
    RunFile,
    /// An interpreter that reads lines.
    Interpreter,
    /// Builds functions out of bytecode.
    Bytecode,
    /// Loads a native library.
    Native,
    /// Loads a pickle out of a stream (false) or bytes (true).
    Unpickle(bool),
    /// `torch.load`, `numpy.load`: a pickle, depending on a keyword.
    TensorLoad,
    /// Fetches something.
    Download,
    /// Fetches a file to the path of the second argument.
    DownloadFile,
    /// Makes a connection object.
    Socket,
    /// Sends what its arguments hold.
    Send,
    /// Opens a page in the browser.
    Browser,
    /// Deletes a tree.
    DeleteTree,
}

/// A dotted name in the form the tables have: twins of one module under one name.
pub(crate) fn canonical(path: &str) -> String {
    const TWINS: &[(&str, &str)] = &[
        ("posix", "os"),
        ("nt", "os"),
        ("__builtin__", "builtins"),
        ("urllib2", "urllib.request"),
        ("six.moves.urllib", "urllib"),
        ("six.moves.builtins", "builtins"),
        ("cPickle", "pickle"),
        ("_pickle", "pickle"),
        ("six.moves.cPickle", "pickle"),
        ("subprocess32", "subprocess"),
        ("posixpath", "os.path"),
        ("ntpath", "os.path"),
        ("_socket", "socket"),
        ("numpy.core.multiarray", "numpy"),
    ];
    for (twin, name) in TWINS {
        if let Some(rest) = path.strip_prefix(twin)
            && (rest.is_empty() || rest.starts_with('.'))
        {
            return format!("{name}{rest}");
        }
    }
    match path {
        "urllib.urlopen" => "urllib.request.urlopen".to_owned(),
        "urllib.urlretrieve" => "urllib.request.urlretrieve".to_owned(),
        _ => path.to_owned(),
    }
}

/// The names, what a call of them does, and the rule for it.
const CALLS: &[(Effect, &Rule, &[&str])] = &[
    (Effect::Shell, &code::S101, &["os.system", "os.popen", "os.popen2", "os.popen3", "os.popen4", "platform.popen"]),
    (
        Effect::Shell,
        &code::S103,
        &[
            "subprocess.getoutput",
            "subprocess.getstatusoutput",
            "commands.getoutput",
            "commands.getstatusoutput",
            "asyncio.create_subprocess_shell",
            "popen2.popen2",
            "popen2.popen3",
        ],
    ),
    (
        Effect::Program,
        &code::S103,
        &[
            "subprocess.Popen",
            "subprocess.run",
            "subprocess.call",
            "subprocess.check_call",
            "subprocess.check_output",
            "pexpect.spawn",
            "pexpect.run",
        ],
    ),
    (
        Effect::Words,
        &code::S101,
        &[
            "os.execl",
            "os.execle",
            "os.execlp",
            "os.execlpe",
            "os.execv",
            "os.execve",
            "os.execvp",
            "os.execvpe",
            "os.posix_spawn",
            "os.posix_spawnp",
            "os.startfile",
        ],
    ),
    (Effect::Words, &code::S103, &["asyncio.create_subprocess_exec", "_posixsubprocess.fork_exec"]),
    (
        Effect::Words,
        &code::S101,
        &[
            "os.spawnl",
            "os.spawnle",
            "os.spawnlp",
            "os.spawnlpe",
            "os.spawnv",
            "os.spawnve",
            "os.spawnvp",
            "os.spawnvpe",
        ],
    ),
    (Effect::Terminal, &code::S111, &["pty.spawn"]),
    (Effect::Run, &code::S104, &["builtins.eval", "builtins.exec"]),
    (Effect::Compile, &code::S105, &["builtins.compile", "codeop.compile_command"]),
    (Effect::RunFile, &code::S108, &["runpy.run_path", "runpy.run_module", "builtins.execfile"]),
    (Effect::Interpreter, &code::S112, &["code.interact", "code.InteractiveConsole", "code.InteractiveInterpreter"]),
    (Effect::Bytecode, &code::S113, &["types.CodeType", "marshal.loads", "marshal.load"]),
    (
        Effect::Native,
        &code::S110,
        &[
            "ctypes.CDLL",
            "ctypes.PyDLL",
            "ctypes.WinDLL",
            "ctypes.OleDLL",
            "ctypes.cdll.LoadLibrary",
            "ctypes.windll.LoadLibrary",
            "ctypes.pydll.LoadLibrary",
            "torch.ops.load_library",
            "torch.classes.load_library",
            "tensorflow.load_op_library",
            "tensorflow.load_library",
        ],
    ),
    (
        Effect::Unpickle(false),
        &python::S120,
        &[
            "pickle.load",
            "pickle.Unpickler",
            "dill.load",
            "cloudpickle.load",
            "joblib.load",
            "shelve.open",
            "pandas.read_pickle",
        ],
    ),
    (Effect::Unpickle(true), &python::S120, &["pickle.loads", "dill.loads", "cloudpickle.loads", "jsonpickle.decode"]),
    (Effect::TensorLoad, &python::S120, &["torch.load", "numpy.load"]),
    (
        Effect::Download,
        &network::S302,
        &[
            "requests.get",
            "requests.post",
            "requests.put",
            "requests.patch",
            "requests.request",
            "requests.Session().get",
            "requests.Session().post",
            "requests.Session().put",
            "requests.session().get",
            "requests.session().post",
            "urllib.request.urlopen",
            "urllib.request.Request",
            "httpx.get",
            "httpx.post",
            "httpx.put",
            "httpx.Client().get",
            "httpx.Client().post",
            "aiohttp.ClientSession().get",
            "aiohttp.ClientSession().post",
            "urllib3.PoolManager().request",
        ],
    ),
    (
        Effect::DownloadFile,
        &network::S302,
        &["urllib.request.urlretrieve", "wget.download", "torch.hub.download_url_to_file"],
    ),
    (
        Effect::Download,
        &network::S303,
        &["http.client.HTTPConnection", "http.client.HTTPSConnection", "httplib.HTTPConnection"],
    ),
    (Effect::Send, &network::S304, &["ftplib.FTP", "ftplib.FTP_TLS", "ftplib.FTP().storbinary"]),
    (Effect::Send, &network::S305, &["telnetlib.Telnet"]),
    (
        Effect::Send,
        &network::S306,
        &["smtplib.SMTP", "smtplib.SMTP_SSL", "smtplib.SMTP().sendmail", "smtplib.SMTP_SSL().sendmail"],
    ),
    (Effect::Socket, &network::S301, &["socket.socket", "socket.create_connection"]),
    (Effect::Browser, &code::S109, &["webbrowser.open", "webbrowser.open_new", "webbrowser.open_new_tab"]),
    (Effect::DeleteTree, &modelaudit_rules::files::S403, &["shutil.rmtree"]),
];

/// What a call of that (canonical) name does.
pub(crate) fn effect(path: &str) -> Option<(Effect, &'static Rule)> {
    CALLS.iter().find(|(_, _, names)| names.contains(&path)).map(|(effect, rule, _)| (*effect, *rule))
}

/// Modules whose functions run code, start processes or reach native code: a detour to one of them (`__import__('os').system`,
/// `getattr(subprocess, 'Popen')`) is a way to hide it.
pub(crate) fn is_dangerous_module(path: &str) -> bool {
    const MODULES: &[&str] =
        &["os", "subprocess", "pty", "ctypes", "marshal", "commands", "socket", "runpy", "builtins"];
    MODULES.contains(&path.split('.').next().unwrap_or_default())
}

/// Builtins that are followed by name.
pub(crate) const BUILTINS: &[&str] = &[
    "__build_class__",
    "__import__",
    "bytearray",
    "bytes",
    "chr",
    "compile",
    "delattr",
    "dict",
    "enumerate",
    "eval",
    "exec",
    "execfile",
    "filter",
    "getattr",
    "globals",
    "hex",
    "input",
    "int",
    "len",
    "list",
    "locals",
    "map",
    "open",
    "ord",
    "range",
    "reversed",
    "setattr",
    "sorted",
    "str",
    "sum",
    "tuple",
    "vars",
    "zip",
];

/// Functions of Windows' API that are called, in a row, to run machine code out of memory.
/// Source: <https://attack.mitre.org/techniques/T1055/>.
pub(crate) const INJECTION: &[&str] = &[
    "CreateRemoteThread",
    "CreateThread",
    "EnumChildWindows",
    "NtCreateThreadEx",
    "RtlMoveMemory",
    "VirtualAlloc",
    "VirtualAllocEx",
    "VirtualProtect",
    "WriteProcessMemory",
    "mprotect",
];

/// Pieces of paths from which a system or a shell runs what stands there, or trusts it.
/// Source: MITRE ATT&CK T1037, T1053, T1098.004, T1543, T1546, T1547, T1574.006.
const STARTUP: &[(&str, &str)] = &[
    (".ssh/authorized_keys", "adds keys that may log in"),
    ("/etc/cron", "installs a timed job"),
    ("/var/spool/cron", "installs a timed job"),
    ("/etc/rc.local", "installs a program that starts with the system"),
    ("/etc/init.d/", "installs a program that starts with the system"),
    ("/etc/ld.so.preload", "puts a library into every program"),
    ("/etc/profile", "changes what every shell runs when it starts"),
    ("/etc/sudoers", "changes who may become root"),
    ("/etc/passwd", "changes the system's users"),
    ("/etc/shadow", "changes the system's passwords"),
    ("systemd/system/", "installs a service"),
    ("systemd/user/", "installs a service"),
    ("LaunchAgents/", "installs a program that starts with the system"),
    ("LaunchDaemons/", "installs a program that starts with the system"),
    (".config/autostart/", "installs a program that starts with the desktop"),
    ("Start Menu/Programs/Startup", "installs a program that starts with the desktop"),
    ("/.bashrc", "changes what the user's shell runs when it starts"),
    ("/.bash_profile", "changes what the user's shell runs when it starts"),
    ("/.profile", "changes what the user's shell runs when it starts"),
    ("/.zshrc", "changes what the user's shell runs when it starts"),
    ("/.zprofile", "changes what the user's shell runs when it starts"),
    ("sitecustomize.py", "changes what Python runs when it starts"),
    ("usercustomize.py", "changes what Python runs when it starts"),
];

/// What writing to that path does, if the system runs or trusts what stands there.
pub(crate) fn startup(path: &str) -> Option<&'static str> {
    let path = path.replace('\\', "/");
    STARTUP
        .iter()
        // A sitecustomize.py in a folder of its own customizes what is started there.
        .find(|(piece, _)| path.contains(piece) && !(piece.ends_with(".py") && path.contains(crate::value::HOLE)))
        .map(|(_, what)| *what)
}

/// Files that hold credentials. Source: MITRE ATT&CK T1552.001 and T1555.
const CREDENTIALS: &[&str] = &[
    ".ssh/id_",
    ".aws/credentials",
    ".config/gcloud",
    ".azure/",
    ".kube/config",
    ".docker/config.json",
    ".netrc",
    ".git-credentials",
    ".pypirc",
    ".npmrc",
    ".gnupg/",
    "/etc/shadow",
    "/etc/passwd",
    "/proc/self/environ",
    "huggingface/token",
    "Login Data",
    "logins.json",
    "wallet.dat",
];

/// Whether a path names a file of credentials.
pub(crate) fn holds_credentials(path: &str) -> bool {
    let path = path.replace('\\', "/");
    CREDENTIALS.iter().any(|piece| path.contains(piece))
}
