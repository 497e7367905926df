//! Which functions of R matter when serialized code calls them.

/// A function that starts programs, loads code or changes files; base R's documentation is the source of what each does.
pub const REACHES_OUT: &[(&str, &str)] = &[
    ("system", "starts programs"),
    ("system2", "starts programs"),
    ("shell", "starts programs"),
    ("shell.exec", "starts programs"),
    ("pipe", "starts programs"),
    ("source", "runs a file or URL as code"),
    ("sys.source", "runs a file as code"),
    ("source_url", "runs a URL as code"),  // devtools
    ("source_gist", "runs a URL as code"), // devtools
    ("download.file", "downloads a file"),
    ("socketConnection", "connects to a machine"),
    ("url", "connects to a machine"),
    ("curl_download", "downloads a file"), // curl
    ("dyn.load", "loads a native library"),
    ("library.dynam", "loads a native library"),
    ("install.packages", "installs code"),
    ("install_github", "installs code"), // remotes, devtools
    ("unlink", "deletes files"),
    ("file.remove", "deletes files"),
    ("file.rename", "renames files"),
    ("file.copy", "copies files"),
    ("writeLines", "writes files"),
    ("writeBin", "writes files"),
    ("sink", "writes files"),
    ("Sys.setenv", "changes the environment"),
    ("Sys.chmod", "changes files"),
    ("reg.finalizer", "runs code later"),
    ("exec_wait", "starts programs"),       // sys
    ("exec_background", "starts programs"), // sys
    ("py_run_string", "runs Python"),       // reticulate
    ("source_python", "runs Python"),       // reticulate
];

/// A function that gets its code or its function from its arguments, so a string in them may be the name of another.
pub const INDIRECT: &[&str] = &[
    "eval",
    "evalq",
    "parse",
    "str2lang",
    "str2expression",
    "do.call",
    "get",
    "get0",
    "match.fun",
    "Reduce",
    "lapply",
    "sapply",
    "Map",
];

/// Those of [`REACHES_OUT`] that take a command or an address as a string: called with one outside promises, they are worth a warning.
pub const TAKES_COMMAND: &[&str] =
    &["system", "system2", "shell", "shell.exec", "pipe", "source", "download.file", "exec_wait", "exec_background"];

/// What the function does, if it reaches out of R.
pub fn reaches_out(name: &str) -> Option<&'static str> {
    REACHES_OUT.iter().find(|(known, _)| *known == name).map(|(_, what)| *what)
}
