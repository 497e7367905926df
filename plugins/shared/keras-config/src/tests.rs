use modelaudit_plugin::Severity;
use modelaudit_plugin::testing::{Memory, Report, run};

use super::*;

fn scan(json: &str, container: Container, version: Option<&str>) -> Report {
    let artifact = Memory::new("config.json", json.as_bytes());
    run(&artifact, |_, sink| {
        let place = Span::new(0, json.len() as u64);
        let origin = Origin { container, version, name: "config.json", start: Some(0), place };
        judge_text(json.as_bytes(), &origin, sink);
        Ok(())
    })
    .0
}

fn zip(json: &str) -> Report {
    scan(json, Container::Zip, Some("3.5.0"))
}

fn layer(json: &str) -> Report {
    zip(&format!(
        r#"{{"module":"keras","class_name":"Sequential","config":{{"name":"m","layers":[{json}]}},"registered_name":null}}"#
    ))
}

/// `lambda x: __import__('os').system('id')` and `lambda x: x * 2 + 1`, Python 3.11.
const SYSTEM: &str = "4wEAAAAAAAAAAAAAAAMAAAADAAAA80oAAACXAHQBAAAAAAAAAAAAAGQBpgEAAKsBAAAAAAAAAACgAQAAAAAAAAAAAAAAAAAAAAAAAAAAZAKmAQAAqwEAAAAAAAAAAHABfABTACkDTtoCb3PaAmlkKQLaCl9faW1wb3J0X1/aBnN5c3RlbakB2gF4cwEAAAAg+h8vdG1wL2NvcnB1cy9nZW4vZ2VuX2tlcmFzX3RmLnB5+gg8bGFtYmRhPnIJAAAACgAAAHMiAAAAgAC1GrhE0TFB1DFB1zFI0jFIyBTRMU7UMU7QMVPQUlOAAPMAAAAA\\n";
const QUIET: &str = "4wEAAAAAAAAAAAAAAAIAAAADAAAA8xIAAACXAHwAZAF6BQAAZAJ6AAAAUwApA07pAgAAAOkBAAAAqQCpAdoBeHMBAAAAIPofL3RtcC9jb3JwdXMvZ2VuL2dlbl9rZXJhc190Zi5wefoIPGxhbWJkYT5yCAAAAAwAAABzDgAAAIAAsHG4MbF1uHGxeYAA8wAAAAA=\\n";

#[test]
fn the_class_table_is_sorted() {
    assert!(classes::KNOWN.windows(2).all(|w| w[0] < w[1]));
    assert!(classes::FUNCTIONS.windows(2).all(|w| w[0] < w[1]));
}

#[test]
fn lambda_bytecode_is_read() {
    let new = format!(
        r#"{{"module":"keras.layers","class_name":"Lambda","config":{{"name":"lam","function":{{"class_name":"__lambda__","config":{{"code":"{SYSTEM}","defaults":null}}}}}}}}"#
    );
    let legacy = format!(
        r#"{{"class_name":"Lambda","config":{{"name":"lam","function":["{SYSTEM}",null,null],"function_type":"lambda"}}}}"#
    );
    for json in [new, legacy] {
        let report = layer(&json);
        assert_eq!(report.findings.len(), 1, "{report:#?}");
        let finding = &report.findings[0];
        assert_eq!((finding.rule, finding.severity), ("S1103", Severity::Critical));
        assert_eq!(finding.element.as_deref(), Some("lam"));
        assert!(finding.message.contains("__import__") && finding.message.contains("system"), "{}", finding.message);
    }
    let report =
        layer(&format!(r#"{{"class_name":"Lambda","config":{{"name":"lam","function":["{QUIET}",null,null]}}}}"#));
    assert_eq!(report.worst(), Some(Severity::Warning));
    let report = layer(r#"{"class_name":"Lambda","config":{"name":"lam","function":["AAAA",null,null]}}"#);
    assert_eq!(report.worst(), Some(Severity::Warning));
    // Wherever it stands.
    let report = zip(&format!(r#"{{"loss":{{"a":["{SYSTEM}"]}}}}"#));
    assert_eq!(report.worst(), Some(Severity::Critical));
}

#[test]
fn references_are_judged() {
    let cases: &[(&str, &str, Option<Severity>)] = &[
        ("os", "system", Some(Severity::Critical)),
        ("builtins", "eval", Some(Severity::Critical)),
        ("builtins", "os.system", Some(Severity::Critical)),
        ("subprocess", "Popen", Some(Severity::Critical)),
        ("keras.utils", "get_file", Some(Severity::Critical)),
        ("tf_keras.src.utils", "get_file", Some(Severity::Critical)),
        ("keras.models", "load_model", Some(Severity::Critical)),
        ("keras.src.backend.common.global_state", "set_global_attribute", Some(Severity::Critical)),
        ("keras.config", "enable_unsafe_deserialization", Some(Severity::Critical)),
        ("tensorflow", "load_op_library", Some(Severity::Critical)),
        ("tensorflow.io", "write_file", Some(Severity::Critical)),
        ("tensorflow.raw_ops", "ReadFile", Some(Severity::Critical)),
        ("numpy", "fromfile", Some(Severity::Critical)),
        ("numpy", "load", Some(Severity::Critical)),
        ("keras.utils", "to_categorical", Some(Severity::Warning)),
        ("evil.sub", "fn", Some(Severity::Warning)),
        ("keras.activations", "relu", None),
        ("keras.src.ops.numpy", "add", None),
        ("tensorflow", "add", None),
        ("tensorflow.io", "decode_jpeg", None),
        ("tensorflow.python.ops.nn_ops", "leaky_relu", None),
        ("jax.nn", "gelu", None),
        ("torch.nn.functional", "relu", None),
        ("torch", "load", Some(Severity::Critical)),
        ("keras.ops", "silu", None),
        ("tensorflow.raw_ops", "MatMul", None),
        ("builtins", "my_loss", None),
        ("builtins", "relu", None),
    ];
    for (module, name, expected) in cases {
        let report = layer(&format!(
            r#"{{"class_name":"function","config":"{name}","module":"{module}","registered_name":"function"}}"#
        ));
        assert_eq!(report.worst().filter(|s| *s > Severity::Info), *expected, "{module}.{name}: {report:#?}");
        let lambda = layer(&format!(
            r#"{{"class_name":"Lambda","config":{{"name":"l","function":"{name}","function_type":"function","module":"{module}"}}}}"#
        ));
        assert_eq!(lambda.worst().filter(|s| *s > Severity::Info), *expected, "{module}.{name}: {lambda:#?}");
    }
}

#[test]
fn classes_are_judged() {
    let cases: &[(&str, &str, &str, Option<Severity>)] = &[
        ("\"keras.layers\"", "Dense", "{}", None),
        ("null", "Dense", "{}", None),
        ("null", "MyLayer", "{}", Some(Severity::Info)),
        ("null", "Custom>MyLayer", "{\"units\":4}", Some(Severity::Info)),
        ("null", "evil_pkg>RunCommand", "{\"cmd\":\"id\"}", Some(Severity::Warning)),
        ("\"__main__\"", "MyLayer", "{}", Some(Severity::Info)),
        ("\"keras_hub.src.models\"", "Backbone", "{}", Some(Severity::Info)),
        ("\"evilmodule.submodule\"", "Payload", "{}", Some(Severity::Warning)),
        ("\"os\"", "system", "{}", Some(Severity::Critical)),
        ("\"keras.callbacks\"", "CSVLogger", "{}", Some(Severity::Critical)),
        ("\"keras.src.engine.functional\"", "Functional", "{}", None),
        ("\"keras.layers\"", "StringLookup", "{\"vocabulary\":\"http://x/y\"}", Some(Severity::Warning)),
        ("\"keras.layers\"", "TextVectorization", "{\"vocabulary\":\"/etc/passwd\"}", Some(Severity::Warning)),
        ("\"keras.layers\"", "StringLookup", "{\"vocabulary\":[\"a\",\"http://x\"]}", None),
        ("\"keras.layers\"", "TFSMLayer", "{\"filepath\":\"https://x/m\"}", Some(Severity::Critical)),
        ("\"keras.layers\"", "TorchModuleWrapper", "{\"module\":\"UEsDB\"}", Some(Severity::Warning)),
        ("null", "TFOpLambda", "{\"function\":\"io.write_file\"}", Some(Severity::Critical)),
        ("null", "TFOpLambda", "{\"function\":\"math.multiply\"}", None),
        ("\"keras.layers\"", "Normalization", "{\"mean\":null}", None),
    ];
    for (module, class, config, expected) in cases {
        let report =
            layer(&format!(r#"{{"module":{module},"class_name":"{class}","config":{config},"registered_name":null}}"#));
        assert_eq!(report.worst(), *expected, "{module}.{class}: {report:#?}");
        assert!(report.incomplete.is_empty());
    }
}

#[test]
fn broken_configurations_are_not_clean() {
    let report = zip(r#"{"class_name": "Sequential", "config": "#);
    assert!(report.findings.is_empty() && report.incomplete.len() == 1, "{report:#?}");
    let report = zip(r#"{"class_name": Sequential}"#);
    assert_eq!((report.of("S902").len(), report.incomplete.len()), (1, 1));
    let report = zip(r#"{"class_name":"Dense","class_name":"os.system"}"#);
    assert_eq!(report.worst(), Some(Severity::Critical));
    assert_eq!(report.of("S910").len(), 1);
    let report = zip(&"[".repeat(5000));
    assert_eq!(report.incomplete.len(), 1);
}

#[test]
fn versions_choose_the_advisory() {
    let json = format!(r#"{{"class_name":"Lambda","config":{{"name":"l","function":["{SYSTEM}",null,null]}}}}"#);
    let cve = |container, version| {
        let report = scan(&json, container, version);
        report.findings[0].details.iter().find(|(k, _)| *k == "cve").map(|(_, v)| v.clone())
    };
    assert_eq!(cve(Container::Hdf5, Some("3.5.0")).as_deref(), Some("CVE-2025-9905"));
    assert_eq!(cve(Container::Hdf5, Some("2.9.0-tf")).as_deref(), Some("CVE-2024-3660"));
    assert_eq!(cve(Container::Zip, Some("3.5.0")), None);
    assert_eq!(cve(Container::Zip, None).as_deref(), Some("CVE-2024-3660"));
}

#[test]
fn what_reaches_functions_without_naming_them_is_found() {
    let critical = Some(Severity::Critical);
    let cases: &[(&str, Option<Severity>)] = &[
        // Borrowed from a module that imported it.
        (r#"{"class_name":"function","module":"keras.src.utils.file_utils","config":"urlretrieve"}"#, critical),
        (r#"{"class_name":"function","module":"keras.losses","config":"get"}"#, critical),
        (
            r#"{"class_name":"function","module":"keras.src.backend.config","config":"set_floatx"}"#,
            Some(Severity::Warning),
        ),
        (r#"{"class_name":"function","module":"keras.applications","config":"VGG16"}"#, Some(Severity::Warning)),
        (r#"{"class_name":"function","module":"keras.src.applications.resnet","config":"preprocess_input"}"#, None),
        (r#"{"class_name":"function","module":"keras.src.backend.tensorflow.numpy","config":"add"}"#, None),
        (r#"{"class_name":"function","module":"builtins","config":"swish"}"#, None),
        // Equal keys: any of them may be the one that is read.
        (r#"{"class_name":"function","module":"os","module":"keras.losses","config":"system"}"#, critical),
        (r#"{"class_name":"function","module":"os","config":"system","config":"relu"}"#, critical),
        // Packages that compute: other parts of them are tools.
        (r#"{"class_name":"function","module":"jax.numpy","config":"load"}"#, critical),
        (r#"{"class_name":"function","module":"jax.profiler","config":"start_trace"}"#, Some(Severity::Warning)),
        (r#"{"class_name":"function","module":"jax.profiler","config":"start_server"}"#, critical),
        (r#"{"class_name":"function","module":"jax._src.nn.functions","config":"silu"}"#, None),
        (r#"{"class_name":"function","module":"torch.nn.functional","config":"gelu"}"#, None),
        (
            r#"{"class_name":"function","module":"keras_hub.src.utils.preset_utils","config":"load_json"}"#,
            Some(Severity::Warning),
        ),
        (
            r#"{"class_name":"function","module":"keras_hub.src.utils.keras_utils","config":"gelu_approximate"}"#,
            Some(Severity::Info),
        ),
        (
            r#"{"class_name":"KerasLayer","module":"tensorflow_hub.keras_layer","config":{"handle":"https://tfhub.dev/google/x/1"}}"#,
            Some(Severity::Warning),
        ),
        (
            r#"{"class_name":"KerasLayer","module":"tensorflow_hub.keras_layer","config":{"handle":"https://evil.example/x"}}"#,
            critical,
        ),
        // Operators and methods.
        (r#"{"class_name":"TensorFlowOpLayer","config":{"node_def":"name: \"x\"\nop: \"WriteFile\"\n"}}"#, critical),
        (r#"{"class_name":"TensorFlowOpLayer","config":{"node_def":{"op":"ReadFile"}}}"#, critical),
        (
            r#"{"class_name":"TensorFlowOpLayer","config":{"node_def":"name: \"op\"\nop: \"Mul\"\nattr { key: \"T\" }"}}"#,
            None,
        ),
        (r#"{"class_name":"ClassMethod","config":{"cls_symbol":"keras.Model","method":"from_preset"}}"#, critical),
        (r#"{"class_name":"ClassMethod","config":{"cls_symbol":"tf.RaggedTensor","method":"from_row_splits"}}"#, None),
        (
            r#"{"class_name":"TFOpLambda","config":{"function":"print"},"inbound_nodes":[["x",0,0,{"output_stream":"file:///tmp/x"}]]}"#,
            critical,
        ),
        (r#"{"class_name":"TFOpLambda","config":{"function":"print"},"inbound_nodes":[["x",0,0,{}]]}"#, None),
        // A configuration in a text of a configuration.
        (
            r#"{"class_name":"Dense","config":{"inner":"{\"class_name\":\"function\",\"module\":\"os\",\"config\":\"system\"}"}}"#,
            critical,
        ),
        (r#"{"class_name":"Dense","config":{"inner":"{\"class_name\":\"Dense\",\"config\":{}}"}}"#, None),
    ];
    for (json, expected) in cases {
        let report = layer(json);
        let found = report.findings.iter().filter(|f| f.rule != "S910").map(|f| f.severity).max();
        assert_eq!(found, *expected, "{json}: {report:#?}");
        assert!(report.incomplete.is_empty(), "{json}: {report:#?}");
    }
}

#[test]
fn bytecode_that_is_no_base64_is_read() {
    // Keras 1 and 2 fall back to the text itself.
    let bytes = base64::decode(SYSTEM).unwrap();
    let raw: String = bytes.iter().map(|b| format!("\\u{:04x}", b)).collect();
    for json in [
        format!(r#"{{"class_name":"Lambda","config":{{"name":"l","function":["{raw}",null,null]}}}}"#),
        format!(r#"{{"loss":"{raw}"}}"#),
    ] {
        let report = layer(&json);
        assert_eq!(report.worst(), Some(Severity::Critical), "{report:#?}");
        assert!(report.findings[0].message.contains("__import__"), "{report:#?}");
    }
}

#[test]
fn encodings_that_python_reads_are_read() {
    let json = r#"{"class_name":"function","module":"os","config":"system"}"#;
    let wide = |little: bool| -> Vec<u8> {
        json.encode_utf16().flat_map(|u| if little { u.to_le_bytes() } else { u.to_be_bytes() }).collect()
    };
    let long: Vec<u8> = json.chars().flat_map(|c| u32::from(c).to_be_bytes()).collect();
    let marked = [&[0xff, 0xfe][..], &wide(true)].concat();
    for bytes in [wide(true), wide(false), long, marked] {
        let artifact = Memory::new("config.json", &bytes);
        let place = Span::new(0, bytes.len() as u64);
        let (report, _) = run(&artifact, |_, sink| {
            let origin =
                Origin { container: Container::Zip, version: None, name: "config.json", start: Some(0), place };
            judge_text(&bytes, &origin, sink);
            Ok(())
        });
        assert_eq!(report.worst(), Some(Severity::Critical), "{report:#?}");
    }
    assert_eq!(text::to_utf8(b"{}"), None);
    assert_eq!(text::to_utf8(b""), None);
}
