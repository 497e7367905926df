//! S7xx: secrets in model files.
//!
//! A model needs no secret; one that is inside was left there by a training script (an environment dumped into metadata, a pickled
//! configuration), or is the address that stolen data is sent to. Every rule demands the issuer's own grammar (prefix, length,
//! alphabet, checksum) or a value that nobody would type, and is silent about placeholders, documentation examples, vocabularies and
//! random bytes.

use modelaudit_plugin::{Rule, Severity};

/// What to do about a secret that others may have seen.
const REVOKE: &str = "revoke the secret where it was issued, remove it from the file and publish the file anew";

/// A key of a web service.
pub const S701: Rule = Rule {
    id: "S701",
    title: "API key",
    severity: Severity::Warning,
    why: "a key in the shape that its service issues (OpenAI, Anthropic, Google, Stripe, SendGrid, Twilio and others), or a random value \
          under a name like api_key: whoever downloads the file can use it. Test keys are a fact only; placeholders do not fire it.",
    remedy: REVOKE,
    references: &["CWE-798", "CWE-312"],
};

/// A password.
pub const S702: Rule = Rule {
    id: "S702",
    title: "password",
    severity: Severity::Warning,
    why: "a password stands beside its name or inside a URL. Words, placeholders, variables and addresses of the own machine do not \
          fire it, and neither do assignments in source code and documentation.",
    remedy: REVOKE,
    references: &["CWE-798", "CWE-259"],
};

/// A private key.
pub const S703: Rule = Rule {
    id: "S703",
    title: "private key",
    severity: Severity::Warning,
    why: "a private key with its body (PEM, PKCS8, OpenSSH, PGP, PuTTY, age): it opens servers or signs in somebody's name. A header \
          line without a body, as parsers and manuals have it, does not fire it.",
    remedy: REVOKE,
    references: &["CWE-321"],
};

/// AWS.
pub const S704: Rule = Rule {
    id: "S704",
    title: "AWS credentials",
    severity: Severity::Warning,
    why: "an AWS access key id or a secret access key. The examples of Amazon's documentation do not fire it.",
    remedy: REVOKE,
    references: &["CWE-798", "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html"],
};

/// Google Cloud and Azure.
pub const S705: Rule = Rule {
    id: "S705",
    title: "GCP or Azure credentials",
    severity: Severity::Warning,
    why: "a service account's key, an OAuth client's secret or access token of Google, a storage account's key, a signed URL or a client \
          secret of Azure",
    remedy: REVOKE,
    references: &["CWE-798"],
};

/// A database address with a password.
pub const S706: Rule = Rule {
    id: "S706",
    title: "database URL with a password",
    severity: Severity::Warning,
    why: "the address of a database or a message queue with user and password. Placeholders and the own machine do not fire it.",
    remedy: REVOKE,
    references: &["CWE-798", "CWE-312"],
};

/// JSON web token.
pub const S707: Rule = Rule {
    id: "S707",
    title: "JSON web token",
    severity: Severity::Warning,
    why: "a signed JSON web token whose header and claims decode: it logs in whoever presents it until it expires. The example of \
          the format's home page does not fire it.",
    remedy: REVOKE,
    references: &["CWE-522", "RFC 7519"],
};

/// A personal access token.
pub const S708: Rule = Rule {
    id: "S708",
    title: "access token",
    severity: Severity::Warning,
    why: "a token that acts for a person or a bot (GitHub, GitLab, Hugging Face, Slack, npm, PyPI, Docker, Telegram and others) in its \
          issuer's shape, or a random value under a name like access_token. Where the issuer puts a checksum into the token, the details say \
          whether it fits.",
    remedy: REVOKE,
    references: &["CWE-798", "CWE-522"],
};

/// A webhook with its secret part.
pub const S709: Rule = Rule {
    id: "S709",
    title: "webhook address",
    severity: Severity::Warning,
    why: "the complete address of a Discord or Slack webhook: a secret of its owner, for anybody may post through it, and a common way \
          to send stolen data out",
    remedy: "delete the webhook where it was made, and find out what in the model posts to it",
    references: &["CWE-798", "CWE-200"],
};

/// A random value that no grammar explains. Kept for the field's numbering: entropy alone flags weights and hashes.
pub const S710: Rule = Rule {
    id: "S710",
    title: "high entropy text",
    severity: Severity::Info,
    why: "a text that looks random and stands where a secret would; entropy alone never fires it, for weights, hashes and vocabularies \
          are random, too",
    remedy: "find out what the text is",
    references: &[],
};

/// All rules of this hundred.
pub const ALL: &[Rule] = &[S701, S702, S703, S704, S705, S706, S707, S708, S709, S710];
