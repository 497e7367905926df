//! Every fixture of fixtures/embedded-pickle gets the verdict and the rules that its label says.

use std::path::Path;

use modelaudit_plugin::Severity;
use modelaudit_plugin::testing::{Memory, conformance, scan_artifact};
use modelaudit_plugin_embedded_pickle::EmbeddedPickle;

#[test]
fn labels_hold() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/embedded-pickle");
    let labels = std::fs::read_to_string(root.join("labels.csv")).unwrap();
    let mut wrong = Vec::new();
    for line in labels.lines().skip(1) {
        let [file, _, verdict, rules] = line.split(',').collect::<Vec<_>>()[..] else { panic!("label: {line}") };
        let bytes = std::fs::read(root.join(file)).unwrap();
        let (report, _) = scan_artifact::<EmbeddedPickle>(Memory::new(file, &bytes), "");
        let outcome = match report.worst() {
            Some(Severity::Critical) => "critical",
            Some(Severity::Warning) => "warning",
            None if report.incomplete.is_empty() => "clean",
            _ => "something else",
        };
        let missing = rules.split_whitespace().any(|r| report.of(r).is_empty());
        if outcome != verdict || missing {
            wrong.push(format!("{file}: {outcome} instead of {verdict}: {report:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} fixtures are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn conforms() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/embedded-pickle");
    for file in ["behind_image.png", "text_base64.json", "behind_a_pickle.pkl", "two.bin", "behind_many_constants.bin"]
    {
        let bytes = std::fs::read(root.join(file)).unwrap();
        conformance::<EmbeddedPickle>(file, &bytes, "");
    }
}

/// A file of digits holds places that look like a pickle by chance: they cost little each, and hide no real one behind them.
#[test]
fn digits_by_the_megabyte_cost_little_and_hide_nothing() {
    const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut text: Vec<u8> = (0..512 << 10)
        .map(|_| {
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            BASE64[(state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40) as usize % 64]
        })
        .collect();
    for (index, at) in (0..text.len() - 8).step_by(4096).enumerate() {
        text[at..at + 4].copy_from_slice([&b"gASV"[..], b"gARj", b"gAJd", b"gAN9", b"gASM"][index % 5]);
    }
    let (report, served) = scan_artifact::<EmbeddedPickle>(Memory::new("weights.b64", &text), "");
    assert!(report.findings.is_empty() && report.incomplete.is_empty(), "{report:?}");
    assert!(served < 2 * text.len() as u64, "{served} bytes read");
    // `cos\nsystem\n(S'echo pwned'\ntR.` behind a protocol header, in lines as `base64.encodebytes` writes them.
    text.extend_from_slice(b"\ngAJjb3MKc3lzdGVt\nCihTJ2VjaG8gcHduZWQnCnRSLg==\n");
    let (report, _) = scan_artifact::<EmbeddedPickle>(Memory::new("weights.b64", &text), "");
    let [finding] = report.findings.as_slice() else { panic!("{report:?}") };
    assert_eq!((finding.rule, finding.at.unwrap().offset), ("S213", (512 << 10) + 1));
    assert!(finding.message.contains("os.system"), "{}", finding.message);
}
