//! Which operators leave the computation (paddle/fluid/operators, 1.8 to 3.0), and what they report.

use modelaudit_plugin::{Finding, Severity, quote};
use modelaudit_rules::other_formats::S1107;

/// What an operator reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Python functions that the process registered.
    Python,
    /// Reads a file at a path of its attributes.
    Reads,
    /// Writes a file at a path of its attributes.
    Writes,
    /// Connects to machines or listens.
    Network,
}

const OPERATORS: &[(&str, Reach)] = &[
    ("py_func", Reach::Python),
    ("py_layer", Reach::Python),
    ("pylayer", Reach::Python),
    ("load", Reach::Reads),
    ("load_combine", Reach::Reads),
    ("sparse_tensor_load", Reach::Reads),
    ("read_file", Reach::Reads),
    ("create_custom_reader", Reach::Reads),
    ("lookup_sparse_table_read", Reach::Reads),
    ("save", Reach::Writes),
    ("save_combine", Reach::Writes),
    ("checkpoint_notify", Reach::Writes),
    ("recv_save", Reach::Writes),
    ("listen_and_serv", Reach::Network),
    ("heter_listen_and_serv", Reach::Network),
    ("send", Reach::Network),
    ("recv", Reach::Network),
    ("send_and_recv", Reach::Network),
    ("send_barrier", Reach::Network),
    ("fetch_barrier", Reach::Network),
    ("prefetch", Reach::Network),
    ("distributed_lookup_table", Reach::Network),
    ("distributed_push_sparse", Reach::Network),
    ("gen_nccl_id", Reach::Network),
    ("c_gen_nccl_id", Reach::Network),
    ("gen_bkcl_id", Reach::Network),
];

/// Attributes that are not looked at: the traceback of the Python that built the operator is full of code and paths.
pub const IGNORED: &[&str] = &["op_callstack", "op_namescope", "op_device", "op_role_var"];

/// What the operator reaches, if it leaves the computation.
pub fn reach(operator: &str) -> Option<Reach> {
    let row = OPERATORS.iter().find(|(name, _)| *name == operator).map(|(_, reach)| *reach);
    // Parameter servers: every release has its own names behind these.
    let network = ["distributed_", "c_gen_", "pull_box_", "push_box_", "fl_listen_"];
    row.or_else(|| network.iter().any(|start| operator.starts_with(start)).then_some(Reach::Network))
}

/// The finding for an operator with the strings of its attributes.
pub fn finding(operator: &str, reach: Reach, strings: &[(String, String)]) -> Finding {
    let path = strings.iter().find(|(key, _)| {
        let key = key.to_ascii_lowercase();
        key.contains("path") || key.contains("file") || key.contains("dir")
    });
    let leaves = path.map(|(_, value)| modelaudit_paths::classify(value.as_bytes())).filter(|class| class.escapes());
    let (what, severity) = match (reach, &leaves) {
        (Reach::Python, _) => ("calls a Python function", Severity::Warning),
        (Reach::Network, _) => ("talks to other machines", Severity::Warning),
        // Where a program writes is its author's choice: outside its folder, it is an attack.
        (Reach::Writes, Some(_)) => ("writes a file outside the model's folder", Severity::Critical),
        (Reach::Writes, None) => ("writes a file", Severity::Warning),
        (Reach::Reads, Some(_)) => ("reads a file outside the model's folder", Severity::Warning),
        // Programs that load their parameters themselves were everyday before save_inference_model.
        (Reach::Reads, None) => ("reads a file", Severity::Info),
    };
    let mut message = format!("the operator {} {what}", quote(operator));
    if let Some((_, value)) = path {
        message += &format!(": {}", quote(value));
    }
    let mut finding = Finding::new(&S1107, message).severity(severity).element(operator);
    if let Some(class) = leaves {
        finding = finding.detail("path", class.reason());
    }
    if !strings.is_empty() {
        let shown: Vec<String> =
            strings.iter().take(8).map(|(key, value)| format!("{}={}", quote(key), quote(value))).collect();
        finding = finding.detail("attributes", shown.join(", "));
    }
    finding
}
