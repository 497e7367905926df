//! Reports built by hand for the tests: one file of each kind, and what a hostile one would put into names.

use std::time::Duration;

use modelaudit_engine::model::*;
use serde_json::json;

/// What an attacker would write into a name: a forged verdict, a cleared screen, a reversed extension, markup, a line break.
pub const HOSTILE: &str = "a\x1b[2J\x1b[31m\u{202e}lkp.exe\n\"><script>alert(1)</script>\u{9b}\x07";

/// An artifact in which nothing was found.
pub fn artifact(path: &[&str], format: &str) -> ArtifactReport {
    ArtifactReport {
        path: path.iter().map(|&p| p.to_owned()).collect(),
        formats: if format.is_empty() { vec![] } else { vec![format.to_owned()] },
        scanners: vec!["executables".to_owned(), "pickle".to_owned()],
        size: 2048,
        sha256: Some([path.len() as u8; 32]),
        view: None,
        findings: vec![],
        gaps: vec![],
        facts: [("protocols".to_owned(), json!([4]))].into(),
        tensors: vec![],
        log: vec![("pickle".to_owned(), "15 opcodes".to_owned())],
        bytes_read: 1000,
        fuel: 12345,
    }
}

/// A finding of rule 0 (S201) by plugin 0.
pub fn finding(severity: Severity, message: &str) -> Finding {
    Finding {
        rule: 0,
        message: message.to_owned(),
        severity,
        at: Some(Span { offset: 45, length: 1 }),
        element: None,
        details: vec![
            ("opcode".to_owned(), "REDUCE".to_owned()),
            ("import_reference".to_owned(), "posix.system".to_owned()),
        ],
        plugin: 0,
        fingerprint: "00112233445566778899aabbccddeeff".to_owned(),
        ruling: Ruling::default(),
    }
}

/// A file of these artifacts.
pub fn file(artifacts: Vec<ArtifactReport>) -> FileReport {
    FileReport {
        path: artifacts[0].path[0].clone(),
        named: false,
        size: artifacts[0].size,
        artifacts,
        duplicate_of: None,
    }
}

pub fn clean() -> FileReport {
    file(vec![artifact(&["models/clean.pkl"], "pickle")])
}

pub fn unrecognised(named: bool) -> FileReport {
    let path = if named { "models/named.txt" } else { "models/notes.txt" };
    FileReport { named, ..file(vec![artifact(&[path], "")]) }
}

pub fn gap() -> FileReport {
    let mut a = artifact(&["models/trunc.pkl"], "pickle");
    a.gaps.push(Gap { plugin: "pickle".to_owned(), reason: "stream breaks off at offset 17".to_owned() });
    file(vec![a])
}

pub fn info() -> FileReport {
    let mut a = artifact(&["models/info.pkl"], "pickle");
    a.findings.push(finding(Severity::Info, "imports collections.OrderedDict"));
    a.findings.push(finding(Severity::Debug, "protocol 4"));
    file(vec![a])
}

pub fn warning() -> FileReport {
    let mut root = artifact(&["models/a.zip"], "zip");
    root.tensors.push(Tensor {
        name: "w".to_owned(),
        dtype: "f32".to_owned(),
        shape: vec![2, 3],
        at: Span { offset: 8, length: 24 },
    });
    let mut member = artifact(&["models/a.zip", "data.pkl"], "pickle");
    member.view = Some(Span { offset: 60, length: 2048 });
    member.findings.push(Finding {
        rule: 1,
        element: Some("layer 1".to_owned()),
        plugin: 1,
        ..finding(Severity::Warning, "imports a class of unknown origin: my_project.Net")
    });
    file(vec![root, member])
}

pub fn critical() -> FileReport {
    let mut a = artifact(&["models/evil.pkl"], "pickle");
    a.findings.push(finding(Severity::Critical, "calls posix.system with 'id'"));
    file(vec![a])
}

/// A file where every text that a file or a plugin controls is [`HOSTILE`].
pub fn hostile() -> FileReport {
    let mut a = artifact(&[HOSTILE, HOSTILE], HOSTILE);
    let mut f = finding(Severity::Critical, HOSTILE);
    f.element = Some(HOSTILE.to_owned());
    f.details.push((HOSTILE.to_owned(), HOSTILE.to_owned()));
    f.plugin = 1;
    f.rule = 2;
    a.findings.push(f);
    a.gaps.push(Gap { plugin: HOSTILE.to_owned(), reason: HOSTILE.to_owned() });
    a.log.push((HOSTILE.to_owned(), HOSTILE.to_owned()));
    a.facts.insert(HOSTILE.to_owned(), json!({ HOSTILE: HOSTILE }));
    a.scanners.push(HOSTILE.to_owned());
    a.tensors.push(Tensor {
        name: HOSTILE.to_owned(),
        dtype: HOSTILE.to_owned(),
        shape: vec![],
        at: Span { offset: 0, length: 0 },
    });
    file(vec![a])
}

/// A report of these files, with one path that does not exist if `errors`.
pub fn report(files: Vec<FileReport>, errors: bool) -> ScanReport {
    let rule = |id: &str, title: &str, severity| {
        Rule {
        id: id.to_owned(),
        title: title.to_owned(),
        severity,
        why: "Unpickling calls whatever the stream names, with arguments out of the stream, before the caller sees an object. The \
              posix module runs shell commands."
            .to_owned(),
        remedy: "Do not load the file; ask for the weights as safetensors.".to_owned(),
        references: ["CWE-502", "CVE-2025-1716", "https://docs.python.org/3/library/pickle.html"].map(str::to_owned).into(),
    }
    };
    ScanReport {
        files,
        errors: if errors {
            vec![ScanError { path: "nosuch.pkl".to_owned(), message: "no such file or directory".to_owned() }]
        } else {
            vec![]
        },
        rules: vec![
            rule("S201", "dangerous call in a pickle", Severity::Critical),
            rule("ACME-001", "unknown class", Severity::Warning),
            Rule {
                why: HOSTILE.to_owned(),
                remedy: HOSTILE.to_owned(),
                references: vec![HOSTILE.to_owned()],
                ..rule(HOSTILE, HOSTILE, Severity::Info)
            },
        ],
        plugins: vec![
            PluginReport { name: "pickle".to_owned(), version: "0.1.0".to_owned(), origin: Origin::Builtin },
            PluginReport {
                name: "acme".to_owned(),
                version: "1.2.3".to_owned(),
                origin: Origin::File("plugins/acme.wasm".to_owned()),
            },
        ],
        families: vec![],
        policy: Policy::default(),
        started: 1_795_311_568.5,
        duration: Duration::from_millis(42),
    }
}

/// A file with findings at warning and above, all accepted: one by a suppression, one by the baseline.
pub fn accepted() -> FileReport {
    let mut a = artifact(&["models/old/known.pkl"], "pickle");
    let accepted = |severity, message, accepted, baseline| Finding {
        ruling: Ruling { accepted: Some(accepted), baseline, ..Ruling::default() },
        ..finding(severity, message)
    };
    a.findings = vec![
        accepted(
            Severity::Critical,
            "calls builtins.eval with '1'",
            Acceptance::Suppression { pattern: "S2*@models/old/*".to_owned(), origin: "--suppress".to_owned() },
            Some(BaselineState::New),
        ),
        accepted(
            Severity::Warning,
            "imports shutil.rmtree",
            Acceptance::Baseline { path: "baseline.json".to_owned() },
            Some(BaselineState::Unchanged),
        ),
    ];
    file(vec![a])
}

/// Two of three shards, and the index that names them.
pub fn shards() -> Vec<FileReport> {
    let shard = |n: u8| {
        let mut a = artifact(&[&format!("models/big-0000{n}-of-00003.safetensors")], "safetensors");
        a.sha256 = Some([0x50 + n; 32]);
        a.facts = [
            ("parameters", json!(7_000_000)),
            ("architecture", json!("LlamaForCausalLM")),
            ("license", json!("apache-2.0")),
            ("dtypes", json!(["bf16"])),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into();
        a.tensors = vec![Tensor {
            name: format!("layers.{n}.weight"),
            dtype: "bf16".to_owned(),
            shape: vec![8, 16],
            at: Span { offset: 128, length: 256 },
        }];
        file(vec![a])
    };
    vec![shard(1), shard(3), file(vec![artifact(&["models/big.safetensors.index.json"], "safetensors-index")])]
}

/// One file of every kind, under a policy that does everything a policy can do.
pub fn everything() -> ScanReport {
    let mut files =
        vec![warning(), clean(), critical(), info(), unrecognised(true), unrecognised(false), gap(), accepted()];
    files.extend(shards());
    let mut copy = clean();
    copy.path = "models/copy.pkl".to_owned();
    copy.artifacts[0].path = vec![copy.path.clone()];
    copy.duplicate_of = Some("models/clean.pkl".to_owned());
    files.push(copy);
    let mut report = report(files, true);
    for finding in report.files.iter_mut().flat_map(|f| &mut f.artifacts).flat_map(|a| &mut a.findings) {
        if finding.rule == 1 {
            finding.ruling.original_severity = Some(Severity::Info);
        }
        finding.ruling.baseline.get_or_insert(BaselineState::New);
    }
    report.families = vec![Family {
        name: "models/big-*-of-00003.safetensors".to_owned(),
        expected: 3,
        present: vec![
            "models/big-00001-of-00003.safetensors".to_owned(),
            "models/big-00003-of-00003.safetensors".to_owned(),
        ],
        missing: vec!["models/big-00002-of-00003.safetensors".to_owned()],
    }];
    report.policy = Policy {
        strict: true,
        suppress: vec!["S2*@models/old/*".to_owned(), "S999".to_owned()],
        severity: vec!["ACME-001=warning".to_owned()],
        not_run: vec!["network".to_owned()],
        exclude: vec!["*.md".to_owned()],
        excluded: vec!["README.md".to_owned(), "docs/a.md".to_owned()],
        baseline: Some("baseline.json".to_owned()),
        config: Some("modelaudit.toml".to_owned()),
        ..Policy::default()
    };
    report
}

/// Compares a report with its golden file; `SNAPSHOTS=overwrite` (the variable of snapbox and trycmd) writes the file instead.
pub fn assert_golden(name: &str, actual: &[u8]) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(name);
    if std::env::var_os("SNAPSHOTS").is_some_and(|v| v == "overwrite") {
        std::fs::write(&path, actual).unwrap();
    }
    let expected = std::fs::read(&path).unwrap_or_default();
    assert!(expected == actual, "{} differs; it would be\n{}", path.display(), String::from_utf8_lossy(actual));
}
