//! The analyser on its own fixtures, the corpus and real models: what must fire fires, what must not does not.

use std::path::{Path, PathBuf};

use modelaudit_plugin::Severity;
use modelaudit_plugin::testing::{Memory, Report, conformance, scan_artifact};
use modelaudit_plugin_secrets::Secrets;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

fn scan(name: &str, bytes: &[u8]) -> Report {
    scan_artifact::<Secrets>(Memory::new(name, bytes), "").0
}

fn read(path: &str) -> Vec<u8> {
    std::fs::read(fixtures().join(path)).unwrap()
}

fn verdict(report: &Report) -> &'static str {
    match report.worst() {
        None => "clean",
        Some(Severity::Debug) => "debug",
        Some(Severity::Info) => "info",
        Some(Severity::Warning) => "warning",
        Some(Severity::Critical) => "critical",
    }
}

#[test]
fn own_fixtures() {
    let labels = String::from_utf8(read("secrets/labels.csv")).unwrap();
    let mut checked = 0;
    for line in labels.lines().skip(1) {
        let [file, _, expected, rules] = line.split(',').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let report = scan(file, &read(&format!("secrets/{file}")));
        assert_eq!(verdict(&report), expected, "{file}: {:#?}", report.findings);
        let mut found: Vec<&str> = report.findings.iter().map(|finding| finding.rule).collect();
        found.sort_unstable();
        found.dedup();
        assert_eq!(found.join(" "), rules, "{file}: {:#?}", report.findings);
        assert!(report.incomplete.is_empty(), "{file}: {:?}", report.incomplete);
        checked += 1;
    }
    assert!(checked > 60, "{checked} fixtures");
}

/// Nothing of a secret but its first four characters may be shown anywhere.
#[test]
fn secrets_are_redacted() {
    let list = String::from_utf8(read("secrets/secrets.txt")).unwrap();
    for line in list.lines() {
        let (file, secret) = line.split_once('\t').unwrap();
        let report = scan(file, &read(&format!("secrets/{file}")));
        assert_eq!(report.findings.len(), 1, "{file}: {:#?}", report.findings);
        let shown = format!("{report:?}");
        assert!(secret.len() < 8 || !shown.contains(&secret[4..]), "{file}: {shown}");
        let tail = &secret[secret.len() - 6..];
        assert!(!shown.contains(tail), "{file}: {shown}");
    }
}

#[test]
fn corpus() {
    for (file, rule) in [
        ("anthropic/config.json", "S701"),
        ("db_url.gguf", "S706"),
        ("discord_webhook/config.json", "S709"),
        ("github_pat.safetensors", "S708"),
        ("google_api.pkl", "S701"),
        ("hf_token.safetensors", "S708"),
        ("jwt.safetensors", "S707"),
        ("npm_token.gguf", "S708"),
        ("slack_bot.gguf", "S708"),
    ] {
        let report = scan(file, &read(&format!("corpus/secrets/{file}")));
        assert_eq!(report.findings.len(), 1, "{file}: {:#?}", report.findings);
        assert_eq!((report.findings[0].rule, report.findings[0].severity), (rule, Severity::Warning), "{file}");
    }
}

/// Benign models of the corpus and real ones.
#[test]
fn benign_models_are_silent() {
    let mut files = Vec::new();
    for folder in std::fs::read_dir(fixtures().join("corpus")).unwrap().flatten() {
        if folder.file_name().to_string_lossy().starts_with("benign") {
            walk(&folder.path(), &mut files);
        }
    }
    walk(&fixtures().join("real"), &mut files);
    assert!(files.len() > 60, "{} files", files.len());
    for file in files {
        let report = scan(&file.file_name().unwrap().to_string_lossy(), &std::fs::read(&file).unwrap());
        assert_eq!(report, Report::default(), "{}", file.display());
    }
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() {
            walk(&entry.path(), files);
        } else {
            files.push(entry.path());
        }
    }
    files.sort();
}

/// xorshift64*.
fn noise(length: usize, alphabet: Option<&[u8]>) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    (0..length)
        .map(|_| {
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            let value = state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40;
            alphabet.map_or(value as u8, |a| a[value as usize % a.len()])
        })
        .collect()
}

#[test]
fn noise_is_silent() {
    const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    assert_eq!(scan("weights.bin", &noise(1 << 20, None)), Report::default());
    let base64 = noise(1 << 20, Some(BASE64));
    assert_eq!(scan("weights.b64", &base64), Report::default());
    const BASE64URL: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    assert_eq!(scan("weights.b64", &noise(2 << 20, Some(BASE64URL))), Report::default());
    let mut lines = Vec::new();
    base64.chunks(76).for_each(|line| lines.extend_from_slice(&[line, b"\n"].concat()));
    assert_eq!(scan("weights.b64", &lines), Report::default());
}

/// A file of nothing but anchors costs time in proportion, and says nothing.
#[test]
fn floods_end() {
    for flood in [
        &b"eyJ"[..],
        b"://",
        b"sk-",
        b"://a:b@",
        b"-----BEGIN",
        b"\"api_key\": \"",
        b"ghp_",
        b":AA",
        b"sig=",
        b"pwd=",
        b"\"auth\":",
        b"AzSe",
    ] {
        let (report, served) = scan_artifact::<Secrets>(Memory::new("x", &flood.repeat(20_000)), "");
        assert_eq!(report, Report::default());
        assert!(served < 2 * flood.len() as u64 * 20_000 + (1 << 20), "{served} bytes read");
    }
}

#[test]
fn conforms() {
    for name in [
        "github_classic.safetensors",
        "rsa.json",
        "postgres.safetensors",
        "redis.gguf",
        "aws_pair.pkl",
        "jdbc.pkl",
        "docker_auth.json",
        "silent/placeholders.json",
    ] {
        conformance::<Secrets>(name, &read(&format!("secrets/{name}")), "");
    }
}
