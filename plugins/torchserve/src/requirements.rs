//! `requirements.txt`: where packages come from.

use modelaudit_plugin::{Artifact, Finding, Sink, clip, escape, quote};
use modelaudit_rules::tensors::S818;
use modelaudit_zip_directory::{Entry, unpack_all};

use crate::MAX_TEXT;

/// Hosts of package indexes that projects publish on. Source: the installation pages of pip, PyTorch, NVIDIA, JAX.
const INDEXES: &[&str] = &[
    "pypi.org",
    "pypi.python.org",
    "files.pythonhosted.org",
    "download.pytorch.org",
    "pypi.nvidia.com",
    "pypi.ngc.nvidia.com",
    "data.pyg.org",
    "storage.googleapis.com",
];

/// Options of pip that name another source.
const OPTIONS: &[&str] = &["--index-url", "--extra-index-url", "--find-links", "-i", "-f", "--trusted-host"];

/// Lines shown in a finding.
const SHOWN: usize = 5;

/// Scans one requirements file of the archive.
pub fn scan(artifact: &dyn Artifact, entry: &Entry, sink: &mut dyn Sink) {
    let name = escape(&String::from_utf8_lossy(entry.name()));
    let Some(bytes) = entry.reading().and_then(|r| unpack_all(artifact, &r, MAX_TEXT)) else {
        sink.incomplete(&format!("{} could not be unpacked or is larger than {MAX_TEXT} bytes", quote(&name)));
        return;
    };
    let text = String::from_utf8_lossy(&bytes);
    // pip joins lines that end in a backslash.
    let joined = text.replace("\\\r\n", " ").replace("\\\n", " ");
    let foreign: Vec<&str> = joined.lines().map(statement).filter(|line| is_foreign(line)).collect();
    let Some(first) = foreign.first() else { return };
    let more = if foreign.len() > 1 { format!(" (and {} more lines)", foreign.len() - 1) } else { String::new() };
    let message = format!("{} installs from outside the package index: {}{more}", quote(&name), quote(first));
    let lines: Vec<String> = foreign.iter().take(SHOWN).map(|l| clip(&escape(l), 200)).collect();
    let at = entry.at();
    sink.finding(
        Finding::new(&S818, message)
            .at(at.offset, at.length)
            .element(clip(&name, 200))
            .detail("lines", lines.join("; ")),
    );
}

/// A line without its comment, which needs a blank before it (`#egg=` in a URL is none).
fn statement(line: &str) -> &str {
    let comment = line
        .match_indices('#')
        .map(|(at, _)| at)
        .find(|at| line.get(..*at).is_some_and(|b| b.is_empty() || b.ends_with([' ', '\t'])));
    comment.and_then(|at| line.get(..at)).unwrap_or(line).trim()
}

/// True if a line names a source that is no known index.
fn is_foreign(line: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    let option = OPTIONS.iter().find_map(|o| {
        let rest = lower.strip_prefix(o)?;
        // `-i URL`, `--index-url=URL`; `-iURL` is legal, too.
        (o.len() == 2 || rest.starts_with([' ', '=', '\t'])).then(|| rest.trim_start_matches([' ', '=', '\t']))
    });
    if let Some(target) = option {
        return !host(target).is_some_and(is_index);
    }
    if ["-e ", "--editable"].iter().any(|o| lower.starts_with(o)) {
        return true;
    }
    // `name @ URL`, a bare URL, `git+https://...`.
    match lower.find("://") {
        Some(_) => !url_host(&lower).is_some_and(is_index),
        None => false,
    }
}

fn is_index(host: &str) -> bool {
    INDEXES.contains(&host)
}

/// The host of the first URL in a line.
fn url_host(text: &str) -> Option<&str> {
    let (before, _) = text.split_once("://")?;
    let scheme = before.rsplit(|c: char| !(c.is_ascii_alphanumeric() || c == '+')).next().unwrap_or_default();
    // A repository is a source of code wherever it is.
    if scheme != "http" && scheme != "https" { None } else { host(text.get(before.len() - scheme.len()..)?) }
}

fn host(url: &str) -> Option<&str> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#', ' ', '\t']).next()?;
    let host = authority.rsplit('@').next()?;
    Some(host.split(':').next().unwrap_or(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_judged() {
        for line in [
            "numpy==1.26.4",
            "torch>=2.0,<3 # see https://pytorch.org",
            "--extra-index-url https://download.pytorch.org/whl/cpu",
            "-i https://pypi.org/simple",
            "--index-url=https://pypi.org/simple",
            "x @ https://files.pythonhosted.org/packages/x.whl",
            "# git+https://example.org/x",
            "",
            "transformers[torch]; python_version > '3.8'",
        ] {
            assert!(!is_foreign(statement(line)), "{line}");
        }
        for line in [
            "--index-url http://evil.example/simple",
            "--extra-index-url=https://pypi.org@evil.example/simple",
            "-ihttps://evil.example/simple",
            "-f ./local",
            "--trusted-host evil.example",
            "git+https://github.com/x/y.git",
            "x @ git+ssh://git@github.com/x/y.git",
            "https://evil.example/x-1.0.tar.gz",
            "-e ../x",
            "x @ file:///tmp/x",
        ] {
            assert!(is_foreign(statement(line)), "{line}");
        }
    }
}
