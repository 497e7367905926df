//! What TensorFlow's operators can do beyond numbers.
//!
//! One table for all formats that carry them: graphs, and TensorFlow Lite's Flex operators. Sources: the operator registry (tensorflow/core/ops/*.cc), TensorAbuse (github.com/ZJU-SEC/TensorAbuse), and what every
//! export holds.

/// What an operator does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// Runs Python or loads native code.
    Code,
    /// Writes a file, whatever its name.
    Write,
    /// Writes a file if its name is there; tools leave it in graphs without one.
    MayWrite,
    /// Reads a file.
    Read,
    /// Reads a vocabulary or weights, as many exports do: only a path that has no business there counts.
    Asset,
    /// Reads or writes a checkpoint, as every export does: the same.
    Checkpoint,
    /// Talks to another machine.
    Network,
    /// Sends tensors to the URLs in an attribute.
    Debug,
    /// Prints to a stream that an attribute names.
    Print,
    /// Runs a graph that stands in a string.
    Graph,
}

/// An operator with its tier.
pub struct Policy {
    /// Name in the graph, without the version behind it.
    pub op: &'static str,
    /// What it does.
    pub tier: Tier,
    /// Operators that make up one payload share a group.
    pub group: &'static str,
    /// Which input is the path or address.
    pub input: usize,
    /// An attribute with a path in place of an input.
    pub attribute: &'static str,
}

const fn p(op: &'static str, tier: Tier) -> Policy {
    Policy { op, tier, group: op, input: 0, attribute: "" }
}

const fn at(op: &'static str, tier: Tier, input: usize) -> Policy {
    Policy { op, tier, group: op, input, attribute: "" }
}

const fn attribute(op: &'static str, tier: Tier, attribute: &'static str) -> Policy {
    Policy { op, tier, group: op, input: usize::MAX, attribute }
}

const fn rpc(op: &'static str) -> Policy {
    Policy { op, tier: Tier::Network, group: "Rpc", input: 0, attribute: "" }
}

/// The table. Names are those without a version: `V2` and the like are cut off, as is `Experimental` before datasets.
const POLICIES: &[Policy] = &[
    // Python and native code: script_ops.cc. The others are names under which custom libraries were seen.
    attribute("PyFunc", Tier::Code, "token"),
    attribute("PyFuncStateless", Tier::Code, "token"),
    attribute("EagerPyFunc", Tier::Code, "token"),
    attribute("PyCall", Tier::Code, "token"),
    p("LoadLibrary", Tier::Code),
    p("ShellExecute", Tier::Code),
    p("ExecuteOp", Tier::Code),
    p("SystemConfig", Tier::Code),
    p("RemoteFusedGraphExecute", Tier::Code),
    // Files that are written: io_ops.cc, summary_ops.cc, dataset_ops.cc.
    p("WriteFile", Tier::Write),
    at("SaveDataset", Tier::Write, 1),
    at("DatasetToTFRecord", Tier::Write, 1),
    at("ImportEvent", Tier::MayWrite, 1),
    at("CreateSummaryFileWriter", Tier::MayWrite, 1),
    at("CreateSummaryDbWriter", Tier::MayWrite, 1),
    at("WriteRawProtoSummary", Tier::MayWrite, 0),
    at("CacheDataset", Tier::MayWrite, 1),
    at("SnapshotDataset", Tier::MayWrite, 1),
    at("SnapshotDatasetReader", Tier::Read, 0),
    at("DistributedSave", Tier::Write, 1),
    at("DistributedSnapshot", Tier::Write, 0),
    // Files that are read: io_ops.cc, dataset_ops.cc, experimental_dataset_ops.cc.
    p("ReadFile", Tier::Read),
    p("MatchingFiles", Tier::Read),
    p("MatchingFilesDataset", Tier::Read),
    p("TextLineDataset", Tier::Read),
    p("TFRecordDataset", Tier::Read),
    p("FixedLengthRecordDataset", Tier::Read),
    p("CSVDataset", Tier::Read),
    p("LMDBDataset", Tier::Read),
    at("SqlDataset", Tier::Read, 1),
    p("LoadDataset", Tier::Read),
    p("ListDataset", Tier::Read),
    p("WholeFileReader", Tier::Read),
    p("TextLineReader", Tier::Read),
    p("TFRecordReader", Tier::Read),
    p("FixedLengthRecordReader", Tier::Read),
    p("LMDBReader", Tier::Read),
    p("ListSnapshotChunksDataset", Tier::Read),
    attribute("ImmutableConst", Tier::Asset, "memory_region_name"),
    attribute("FixedUnigramCandidateSampler", Tier::Asset, "vocab_file"),
    at("InitializeTableFromTextFile", Tier::Asset, 1),
    at("LoadAndRemapMatrix", Tier::Asset, 0),
    at("GenerateVocabRemapping", Tier::Asset, 0),
    // Checkpoints: every export writes and reads its own.
    p("Save", Tier::Checkpoint),
    p("SaveSlices", Tier::Checkpoint),
    p("Restore", Tier::Checkpoint),
    p("RestoreSlice", Tier::Checkpoint),
    at("MergeV2Checkpoints", Tier::Checkpoint, 1),
    p("CheckpointExists", Tier::Checkpoint),
    // The network: rpc_ops.cc, data_service_ops.cc, and the contributed readers of clouds.
    rpc("RpcClient"),
    rpc("RpcServer"),
    rpc("RpcServerStart"),
    rpc("RpcServerRegister"),
    rpc("RpcCall"),
    rpc("RpcCheckStatus"),
    rpc("RpcGetValue"),
    rpc("Rpc"),
    rpc("TryRpc"),
    at("DataServiceDataset", Tier::Network, 2),
    at("RegisterDataset", Tier::Network, 1),
    p("BigQueryReader", Tier::Network),
    p("BigQueryClient", Tier::Network),
    p("BigtableClient", Tier::Network),
    p("CloudBigtableClient", Tier::Network),
    p("KafkaDataset", Tier::Network),
    p("KinesisDataset", Tier::Network),
    p("PubSubDataset", Tier::Network),
    p("GcsConfigureCredentials", Tier::Network),
    attribute("DebugIdentity", Tier::Debug, "debug_urls"),
    attribute("DebugNanCount", Tier::Debug, "debug_urls"),
    attribute("DebugNumericSummary", Tier::Debug, "debug_urls"),
    attribute("Print", Tier::Print, "output_stream"),
    // A graph in a string: dataset_ops.cc.
    p("DatasetFromGraph", Tier::Graph),
];

/// The policy of an operator, whatever its version.
pub fn find(op: &str) -> Option<&'static Policy> {
    let exact = |name: &str| POLICIES.iter().find(|p| p.op == name);
    let op = op.strip_prefix("Experimental").unwrap_or(op);
    exact(op).or_else(|| {
        let stem = op.trim_end_matches(|c: char| c.is_ascii_digit());
        stem.strip_suffix('V').filter(|_| stem.len() < op.len()).and_then(exact)
    })
}

/// Operators that hand a constant on; the input that is the text.
pub const PASSES: &[&str] = &[
    "Identity",
    "IdentityN",
    "StringJoin",
    "DecodeBase64",
    "DecodeCompressed",
    "EncodeBase64",
    "RegexReplace",
    "StaticRegexReplace",
    "StringStrip",
    "StringLower",
    "Reshape",
    "ExpandDims",
    "Squeeze",
    "Pack",
    "ConcatV2",
    "StopGradient",
    "Snapshot",
    "PlaceholderWithDefault",
    "Fill",
    "AsString",
    "StringFormat",
    "Substr",
    "TensorSliceDataset",
    "TensorDataset",
    "ShardedFilename",
    "FIFOQueueV2",
    "GatherV2",
    "StridedSlice",
    "Select",
    "SelectV2",
    "EnsureShape",
];

/// Operators whose value comes from the caller.
pub const ARGUMENTS: &[&str] = &["Placeholder", "PlaceholderV2", "_Arg", "Arg", "_Retval"];

/// Words of an operator's name that promise a process or a connection. `Execute` is not among them: TPU operators have it.
const WORDS: &[&str] =
    &["shell", "popen", "subprocess", "dlopen", "backdoor", "malicious", "payload", "exploit", "curl", "wget", "cmd"];

/// True if the name of an operator says what none of TensorFlow's does.
pub fn suspicious(op: &str) -> bool {
    let lower = op.to_ascii_lowercase();
    WORDS.iter().any(|word| lower.contains(word))
}

/// Parts of paths that no model has business with: accounts, keys, tokens, the kernel's files. Folders in which people train
/// (/root, /home, /usr/local, /tmp, /var/folders) are not among them, vocabularies keep such paths in harmless exports.
const SENSITIVE: &[&str] = &[
    "/etc/",
    "/proc/",
    "/sys/",
    "/boot/",
    "/var/run/",
    "/run/secrets",
    "/var/spool/cron",
    "/var/log/",
    "/.ssh",
    "/.aws",
    "/.azure",
    "/.config/gcloud",
    "/.kube",
    "/.docker",
    "/.gnupg",
    "/.netrc",
    "/.npmrc",
    "/.pypirc",
    "/.git-credentials",
    "/.bash",
    "/.zsh",
    "/.profile",
    "/.env",
    "id_rsa",
    "id_ed25519",
    "authorized_keys",
    "/windows/",
    "ntuser.dat",
    "/startup/",
    "/cron.",
    "/crontab",
    "sitecustomize.py",
    "usercustomize.py",
];

/// True if a path names something of `SENSITIVE`.
pub fn sensitive(path: &str) -> bool {
    let lower = path.to_ascii_lowercase().replace('\\', "/");
    SENSITIVE.iter().any(|part| lower.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_one_operator() {
        for op in [
            "DebugIdentity",
            "DebugIdentityV3",
            "CacheDatasetV2",
            "ExperimentalCSVDataset",
            "SaveV2",
            "InitializeTableFromTextFileV2",
        ] {
            assert!(find(op).is_some(), "{op}");
        }
        assert_eq!(find("MergeV2Checkpoints").map(|p| p.tier), Some(Tier::Checkpoint));
        for op in ["V2", "Conv2D", "MatMul", "TPUExecute", "ReadVariableOp"] {
            assert!(find(op).is_none() && !suspicious(op), "{op}");
        }
    }
}
