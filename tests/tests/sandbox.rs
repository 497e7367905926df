//! The sandbox refuses and survives: plugins that were taken over, and components that are none.

use std::path::PathBuf;
use std::time::Duration;

use modelaudit_engine::model::{Severity, Verdict};
use modelaudit_engine::{Limits, Options, Scanner};
use modelaudit_tests::{scan_bytes, scanner, scanner_with, test_plugin};

fn hostile() -> Scanner {
    scanner_with(&[test_plugin("hostile"), test_plugin("witness")])
}

/// Each misbehaviour ends as *incomplete* with plugin and reason; the witness's finding and what the plugin said before
/// stand.
#[test]
fn every_misbehaviour_is_a_typed_end() {
    let scanner = hostile();
    for (word, reason) in [
        ("loop", "out of fuel"),
        ("loop-calls", "out of fuel"),
        ("recurse", "leaves its memory"),
        ("recurse-on-the-stack", "recurses deeper"),
        ("grow", "bytes of memory wanted"),
        ("panic", "panicked: panicked at"),
        ("error", "an error with a \\x1b[31mcolour"),
        ("findings", "more than 10000 findings"),
        ("children", "more than 100000 embedded parts"),
        ("open-children", "a handle that it does not own"),
        ("log", "more than 100 lines"),
        ("facts", "more than 1000 facts"),
        ("no-json", "is not JSON"),
        ("incompletes", "reason 0"),
        ("dimensions", "more than 1,024 dimensions"),
        ("long", "more than 16384 bytes"),
        ("longer", "the plugin crashed"),
        ("control", "control characters"),
        ("details", "more than 64 details"),
        ("rule", "'HOSTILE-2', a rule it does not declare"),
        ("offset", "named bytes"),
        ("tensor-offset", "named bytes"),
        ("embed-offset", "named bytes"),
        ("unpack", "unpacked bytes"),
        ("literals", "1 to 64 literals"),
        ("empty-literal", "1 to 64 literals"),
        ("native-work", "read and search more than"),
    ] {
        let (report, file) = scan_bytes(&scanner, "file", format!("HOSTILE:{word} \n").as_bytes());
        let gaps: Vec<String> = file.gaps().map(|(_, gap)| format!("{}: {}", gap.plugin, gap.reason)).collect();
        assert!(gaps.iter().any(|g| g.contains(reason)), "{word}: {gaps:?}");
        assert!(gaps.iter().all(|g| g.starts_with("hostile: ") || g.starts_with("engine: ")), "{word}: {gaps:?}");
        assert!(
            gaps.len() <= 21 && gaps.iter().all(|g| g.len() < 4096 && !g.chars().any(char::is_control)),
            "{word}: {gaps:?}"
        );
        let messages: Vec<&str> = file.findings().map(|(_, f)| f.message.as_str()).collect();
        assert!(messages.iter().any(|m| m.ends_with(" bytes")), "{word}: the witness was lost: {messages:?}");
        assert!(messages.contains(&"before the break"), "{word}: what was said before was lost");
        assert!(messages.iter().all(|m| m.len() <= 16 << 10 | 3 && !m.contains('\x1b')), "{word}");
        if word == "unpack" {
            // The host's own finding: an archive bomb is worth a warning.
            assert_eq!((file.verdict(), report.exit_code()), (Verdict::Warning, 1));
        } else {
            assert_eq!((file.verdict(), report.exit_code()), (Verdict::Incomplete, 2), "{word}");
        }
    }
}

#[test]
fn a_finding_wins_over_what_was_not_seen() {
    let (report, file) = scan_bytes(&hostile(), "file", b"HOSTILE:panic LOUD");
    assert_eq!((file.verdict(), report.exit_code()), (Verdict::Warning, 1));
    assert_eq!(file.gaps().count(), 1);
}

#[test]
fn an_honest_scan_by_the_same_plugin_is_clean() {
    let scanner = hostile();
    let (report, file) = scan_bytes(&scanner, "file", b"HOSTILE:nothing ANCHOR");
    assert_eq!((file.verdict(), report.exit_code()), (Verdict::Clean, 0));
    let (_, file) = scan_bytes(&scanner, "file", b"HOSTILE:hits ANCHOR ANCHORANCHOR");
    assert!(file.findings().any(|(_, f)| f.message == "3 hits"));
    let (_, file) = scan_bytes(&scanner, "some name", b"HOSTILE:name ");
    assert!(
        file.findings().any(|(_, f)| f.message == r#"("some name", [], ["some name"])"#),
        "no host path is visible"
    );
}

#[test]
fn nesting_ends_at_the_depth_limit_with_a_finding() {
    let bytes = b"HOSTILE:nest ".repeat(30);
    let (_, file) = scan_bytes(&hostile(), "file", &bytes);
    assert_eq!(file.verdict(), Verdict::Incomplete.max(Verdict::Warning));
    assert!(file.gaps().any(|(_, g)| g.reason.contains("deeper than 10 levels")));
    assert_eq!(file.artifacts.iter().map(|a| a.path.len()).max(), Some(11));
}

#[test]
fn an_attack_on_the_probe_is_a_gap() {
    let scanner = hostile();
    for (word, reason) in [("loop", "out of fuel"), ("panic", "called into the host while it described itself")] {
        let (report, file) = scan_bytes(&scanner, "file", format!("PROBE:{word}").as_bytes());
        let gaps: Vec<&str> = file.gaps().map(|(_, gap)| gap.reason.as_str()).collect();
        assert!(gaps.iter().any(|g| g.contains(reason)), "{word}: {gaps:?}");
        assert_eq!(report.exit_code(), 2);
    }
    let (report, file) = scan_bytes(&scanner, "file", b"anything");
    assert_eq!(
        file.verdict(),
        Verdict::Unrecognised,
        "a probe claims only its own formats: {:?}",
        file.artifacts[0].formats
    );
    assert_eq!(report.exit_code(), 2, "the user named the file and nobody knows it");
}

#[test]
fn the_clock_is_a_backstop() {
    let limits = Limits { timeout: Duration::from_millis(0), ..Limits::default() };
    let options = Options { plugin_files: vec![test_plugin("hostile")], builtin: false, limits, ..Options::default() };
    let (report, file) = scan_bytes(&scanner(options), "file", b"HOSTILE:nothing");
    assert!(file.gaps().any(|(_, g)| g.reason.contains("time limit")));
    assert_eq!(report.exit_code(), 2);
}

#[test]
fn fuel_and_report_are_the_same_on_one_thread_and_on_many() {
    let run = |jobs| {
        let plugins = vec![test_plugin("hostile"), test_plugin("witness")];
        let scanner = scanner(Options { plugin_files: plugins, builtin: false, jobs, ..Options::default() });
        ["nest", "findings", "loop", "unpack"].map(|word| {
            let bytes = format!("HOSTILE:{word} ").repeat(20);
            let (_, mut file) = scan_bytes(&scanner, "file", bytes.as_bytes());
            file.path.clear();
            file.artifacts.iter_mut().for_each(|a| a.path[0].clear());
            file
        })
    };
    let one = run(1);
    assert!(one.iter().all(|f| f.artifacts[0].fuel > 0));
    for jobs in [2, 8] {
        assert_eq!(one, run(jobs));
    }
}

#[test]
fn a_plugin_written_from_the_contract_alone_works() {
    let scanner = scanner_with(&[test_plugin("raw")]);
    let (_, file) = scan_bytes(&scanner, "file", b"RAW:hello");
    assert_eq!(file.verdict(), Verdict::Warning);
    let (_, file) = scan_bytes(&scanner, "file", b"RAW:read");
    assert!(file.gaps().any(|(_, g)| g.reason.contains("beyond the end of an artifact")), "a wild read is noted");
    let (_, file) = scan_bytes(&scanner, "file", b"RAW:twice");
    assert_eq!(file.findings().filter(|(_, f)| f.message.starts_with("told")).count(), 1);
    assert_eq!(file.artifacts.len(), 2);
    assert!(file.gaps().any(|(_, g)| g.reason.contains("a handle that it does not own")));
}

/// What is wrong with a plugin file, in the words the user sees.
fn refusal(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path: PathBuf = folder.path().join("plugin.wasm");
    std::fs::write(&path, bytes).expect("it can be written to");
    let scanner = scanner_with(&[path]);
    let failures = scanner.failures();
    assert_eq!(failures.len(), 1, "it was not refused");
    assert!(failures[0].plugin.ends_with("plugin.wasm"));
    let (report, _) = scan_bytes(&scanner, "file", b"x");
    assert_eq!(report.exit_code(), 2);
    assert!(report.errors.iter().any(|e| e.message.contains(&failures[0].reason)), "the report says it, too");
    failures[0].reason.clone()
}

const WASI: [&str; 31] = [
    "wasi:io/error@0.2.0",
    "wasi:io/poll@0.2.0",
    "wasi:io/streams@0.2.0",
    "wasi:clocks/monotonic-clock@0.2.0",
    "wasi:clocks/wall-clock@0.2.0",
    "wasi:clocks/timezone@0.2.0",
    "wasi:random/random@0.2.0",
    "wasi:random/insecure@0.2.0",
    "wasi:random/insecure-seed@0.2.0",
    "wasi:filesystem/types@0.2.0",
    "wasi:filesystem/preopens@0.2.0",
    "wasi:sockets/network@0.2.0",
    "wasi:sockets/instance-network@0.2.0",
    "wasi:sockets/ip-name-lookup@0.2.0",
    "wasi:sockets/tcp@0.2.0",
    "wasi:sockets/tcp-create-socket@0.2.0",
    "wasi:sockets/udp@0.2.0",
    "wasi:sockets/udp-create-socket@0.2.0",
    "wasi:cli/environment@0.2.0",
    "wasi:cli/exit@0.2.0",
    "wasi:cli/stdin@0.2.0",
    "wasi:cli/stdout@0.2.0",
    "wasi:cli/stderr@0.2.0",
    "wasi:cli/terminal-input@0.2.0",
    "wasi:cli/terminal-output@0.2.0",
    "wasi:cli/terminal-stdin@0.2.0",
    "wasi:cli/terminal-stdout@0.2.0",
    "wasi:cli/terminal-stderr@0.2.0",
    "wasi:http/types@0.2.0",
    "wasi:http/outgoing-handler@0.2.0",
    "wasi:http/incoming-handler@0.2.0",
];

#[test]
fn every_import_outside_the_contract_is_refused_by_name() {
    let others = ["modelaudit:scanner/network@0.1.0", "env", "acme:plugin/host"];
    for import in WASI.iter().chain(&others) {
        let text = format!(r#"(component (import "{import}" (instance)) {})"#, scanner_export("0.1.0"));
        let text = if *import == "env" {
            text.replace("(import \"env\" (instance))", "(import \"env\" (func))")
        } else {
            text
        };
        let bytes = wat::parse_str(&text).expect("the test's component is well-formed");
        let reason = refusal(&bytes);
        assert!(
            reason.contains("imports what the contract does not offer") && reason.contains(import),
            "{import}: {reason}"
        );
    }
    let module = wat::parse_str(
        r#"(module (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32))))"#,
    )
    .expect("the test's module is well-formed");
    assert!(refusal(&module).contains("wasi_snapshot_preview1"));
}

/// An export named like a scanner of that version.
fn scanner_export(version: &str) -> String {
    format!(r#"(instance $s) (export "modelaudit:scanner/scanner@{version}" (instance $s))"#)
}

#[test]
fn an_unknown_contract_says_who_must_upgrade() {
    for (version, who) in
        [("0.2.0", "upgrade modelaudit"), ("9.0.0-rc.1", "upgrade modelaudit"), ("0.0.9", "rebuild the plugin")]
    {
        let bytes = wat::parse_str(format!("(component {})", scanner_export(version))).expect("well-formed");
        let reason = refusal(&bytes);
        assert!(
            reason.contains(&format!("contract {version}, this host speaks 0.1.0")) && reason.contains(who),
            "{reason}"
        );
    }
}

#[test]
fn what_is_no_plugin_is_refused_with_what_to_do() {
    let component = wat::parse_str("(component)").expect("well-formed");
    let fake = wat::parse_str(format!("(component {})", scanner_export("0.1.0"))).expect("well-formed");
    let core = wat::parse_str("(module)").expect("well-formed");
    let real = std::fs::read(test_plugin("witness")).expect("it was just built");
    for (bytes, words) in [
        (b"".to_vec(), "it is empty"),
        (b"#!/bin/sh\necho hello\n".to_vec(), "not a WebAssembly component"),
        (b"\0asm\x0d\0\x01\0\xff\xff\xff\xff\xff".to_vec(), "malformed WebAssembly"),
        (component, "exports no `modelaudit:scanner/scanner`"),
        (core, "exports no `modelaudit:scanner/scanner`"),
        (fake, "has no function"),
        (real[..real.len() / 2].to_vec(), "malformed WebAssembly"),
        // wasmtime's precompiled code is an ELF file: loading it would run it.
        (b"\x7fELF\x02\x01\x01\0wasmtime".to_vec(), "precompiled machine code"),
    ] {
        let reason = refusal(&bytes);
        assert!(reason.contains(words), "{words}: {reason}");
        assert!(!reason.contains('\n') && reason.len() < 2048, "{reason}");
    }
}

#[test]
fn a_huge_plugin_is_refused_before_it_is_read() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("huge.wasm");
    std::fs::File::create(&path).and_then(|f| f.set_len(1 << 40)).expect("a sparse file");
    let scanner = scanner_with(&[path]);
    assert!(scanner.failures()[0].reason.contains("more than the limit of"), "{:?}", scanner.failures());
}

#[test]
fn damaged_components_are_refused_or_run_and_nothing_else() {
    let real = std::fs::read(test_plugin("witness")).expect("it was just built");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("plugin.wasm");
    for step in 0..40usize {
        let mut bytes = real.clone();
        let at = (step * 7919 + 8) % bytes.len();
        bytes[at] ^= 0x41;
        std::fs::write(&path, &bytes).expect("it can be written to");
        let scanner = scanner_with(std::slice::from_ref(&path));
        assert!(scanner.failures().len() <= 1);
    }
}

#[test]
fn two_plugins_of_one_name_do_not_replace_each_other() {
    let scanner = scanner_with(&[test_plugin("witness"), test_plugin("witness")]);
    assert!(scanner.failures()[0].reason.contains("the name 'witness' is taken"));
    assert_eq!(scanner.plugins().len(), 1);
}

#[test]
fn compiled_code_comes_out_of_the_cache_the_second_time() {
    let cache = tempfile::tempdir().expect("a temporary folder");
    let load = || {
        let options = Options {
            plugin_files: vec![test_plugin("witness")],
            builtin: false,
            cache: Some(cache.path().to_owned()),
            ..Options::default()
        };
        let scanner = scanner(options);
        let (_, file) = scan_bytes(&scanner, "file", b"LOUD");
        assert_eq!(file.worst(), Some(Severity::Warning));
        scanner.plugins()[0].code
    };
    assert_eq!((load(), load()), ("compiled", "cache"));
}
