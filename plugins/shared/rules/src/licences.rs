//! S1008, S1009 and S1020 to S1023: licences. S1008 and S1009 are the field's codes; the others are ours: the field reports licences
//! without a code, so that nobody can suppress them.

use modelaudit_plugin::{Rule, Severity};

/// All rules of the group.
pub const ALL: &[Rule] = &[S1008, S1009, S1020, S1021, S1022, S1023];

/// Terms that can't be met together.
pub const S1008: Rule = Rule {
    id: "S1008",
    title: "licences contradict each other",
    severity: Severity::Info,
    why: "the file names two licences that can't be met together, or declares one and holds the text of a stricter one. Licences to \
          choose from (OR) and bundles of the licences of several parts do not fire it.",
    remedy: "ask the author which licence the model is under before passing it on",
    references: &["https://www.gnu.org/licenses/license-list.html"],
};

/// Terms that reach the works which contain it.
pub const S1009: Rule = Rule {
    id: "S1009",
    title: "copyleft licence",
    severity: Severity::Info,
    why: "the licence wants works that contain the file (GPL, CC-BY-SA), or services that offer it (AGPL, SSPL), under the same terms; \
          this matters for a product whose terms are others. Weak copyleft (LGPL, MPL), which reaches only its own files, is shown with \
          --verbose.",
    remedy: "check that the licence suits the product before shipping it",
    references: &["https://spdx.org/licenses/"],
};

/// No commercial use.
pub const S1020: Rule = Rule {
    id: "S1020",
    title: "non-commercial licence",
    severity: Severity::Info,
    why: "the licence forbids or limits commercial use (CC-BY-NC, research licences of models)",
    remedy: "do not use it in a product without another licence from the author",
    references: &["https://creativecommons.org/licenses/"],
};

/// Limits on use.
pub const S1021: Rule = Rule {
    id: "S1021",
    title: "licence limits use",
    severity: Severity::Info,
    why: "the licence limits what the model may be used for, by whom, or what may be made of it: responsible AI licences (RAIL), the \
          community licences of Llama, Gemma, Qwen and others, no-derivatives and source-available terms",
    remedy: "read the limits (often an appendix or an acceptable use policy) and pass them on with the model",
    references: &["https://www.licenses.ai"],
};

/// An identifier of the past.
pub const S1022: Rule = Rule {
    id: "S1022",
    title: "deprecated licence identifier",
    severity: Severity::Info,
    why: "SPDX has replaced the identifier, mostly because it does not say whether later versions are allowed (GPL-3.0); the hub's own \
          names are such",
    remedy: "write the identifier that SPDX names instead",
    references: &["https://spdx.org/licenses/"],
};

/// Nobody knows the terms.
pub const S1023: Rule = Rule {
    id: "S1023",
    title: "unknown or missing licence",
    severity: Severity::Info,
    why: "a model card names no licence, or a licence is declared or given as a text that is not known here. Texts, code and models \
          without a card do not fire it.",
    remedy: "ask the author for the terms; without a licence nobody but the author may use the model",
    references: &["https://huggingface.co/docs/hub/repositories-licenses"],
};
