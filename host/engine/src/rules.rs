//! What the host itself reports: things about names, nesting and budgets that no plugin can see.

use crate::model::{Rule, Severity};

/// The name under which the host reports.
pub const ENGINE: &str = "engine";

/// Rules that say "this needs code that nobody reviewed". They are facts, because real models show them; `--strict` makes warnings of
/// them: S216 packages that a pickle imports, S218 bytecode in a pickle, S810 custom objects of Keras.
pub const UNREVIEWED: &[&str] = &["S216", "S218", "S810"];

/// Indexes into [`rules`].
pub const NESTING: usize = 0;
/// A name on the user's list.
pub const BLACKLIST: usize = 1;
/// A hash on a list of bad files.
pub const KNOWN_BAD: usize = 9;
/// Weights that are odd as a whole.
pub const WEIGHTS: usize = 2;
/// Outputs of a size unlike the others'.
pub const OUTLIERS: usize = 3;
/// Outputs of a direction unlike the others'.
pub const UNLIKE: usize = 4;
/// Numbers that are none.
pub const NOT_FINITE: usize = 5;
/// Blocks that stand several times.
pub const REPEATED: usize = 6;
/// Low bits with a structure.
pub const LOW_BITS: usize = 7;
/// Low bits that spell a program.
pub const HIDDEN_BITS: usize = 8;

/// The host's rules.
pub fn rules() -> Vec<Rule> {
    let rule = |id: &str, title: &str, severity, why: &str, remedy: &str, references: &[&str]| Rule {
        id: id.to_owned(),
        title: title.to_owned(),
        severity,
        why: why.to_owned(),
        remedy: remedy.to_owned(),
        references: references.iter().map(|&r| r.to_owned()).collect(),
    };
    vec![
        rule(
            "S410",
            "archive bomb",
            Severity::Warning,
            // The words of the archive plugins, which report the same: tests/tests/rules.rs holds them together.
            "the file unpacks to far more than it is (ratio, overlapping members, number of members, depth), or declares \
             sizes that make an unpacker fill the disk or the memory. Tensors of zeros compress well, too: a high ratio alone is \
             judged by what is really there.",
            "do not unpack the file; ask its author for a regular export",
            &["CWE-409", "CWE-400"],
        ),
        rule(
            "S1001",
            "name on the blacklist",
            Severity::Critical,
            "the name of a file, of a member or of the model holds a text given with --blacklist; case does not matter",
            "do not use the model, or take the pattern off the list",
            &[],
        ),
        rule(
            "S801",
            "suspicious weights",
            Severity::Info,
            "with --weights: the root mean square of a tensor is above 10^4 or a number above 10^6, far beyond what training leaves: a \
             damaged or manipulated tensor, or one that is no weight. Scalars, constants and infinite masks do not fire it.",
            "compare the file's hash with its author's; look at what the tensor is for",
            &["https://arxiv.org/abs/2107.08590"],
        ),
        rule(
            "S802",
            "outlier neurons in a final layer",
            Severity::Info,
            "with --weights: at most one in a hundred outputs of a final layer (by its name: fc, classifier, head, output ...) has weights \
             whose norm is more than 10 robust standard deviations from the median, as a backdoor put into a finished classifier does; so does \
             honest fine-tuning of one class. Layers in which many outputs differ, and vocabularies, do not fire it.",
            "ask how the outputs that are named were trained; test the model on inputs that should not reach them",
            &["https://arxiv.org/abs/1708.06733"],
        ),
        rule(
            "S803",
            "dissimilar outputs in a final layer",
            Severity::Info,
            "with --weights: a few outputs of a final layer of up to 1,000 resemble no other (cosine below 0.7) while the rest resemble each \
             other. Layers whose outputs are all unlike each other, as most are, do not fire it.",
            "ask how the outputs that are named were trained",
            &["https://arxiv.org/abs/1708.06733"],
        ),
        rule(
            "S821",
            "weights that are no numbers",
            Severity::Info,
            "with --weights: a tensor, or the scales of a quantised one, holds NaN or infinity, so that whatever is computed with it is lost: \
             a broken conversion, or sabotage. Masks that are infinite in a good part of their places do not fire it.",
            "convert or download the model again",
            &[],
        ),
        rule(
            "S822",
            "repeated or constant weights",
            Severity::Info,
            "with --weights: a quarter of a tensor's 4 KiB blocks stand in it several times, or a mebibyte in the middle of it is one number: \
             nothing that training leaves. Constant tensors and padding at an end do not fire it.",
            "look at what the region is for; it may be room that was made for something else",
            &[],
        ),
        rule(
            "S823",
            "structured low bits in weights",
            Severity::Info,
            "with --weights: in a part of a tensor whose low bits are noise elsewhere, they are neither noise nor zeros (chi-squared of their \
             bytes above 600 where noise has 255): data that is neither encrypted nor compressed may be hidden there. Weights that were widened \
             from a shorter type, and encrypted data, do not fire it.",
            "round the weights to a shorter type and back: that removes what the low bits hold and changes no result",
            &["https://arxiv.org/abs/2107.08590", "https://arxiv.org/abs/2201.08786"],
        ),
        rule(
            "S820",
            "program in the low bits of weights",
            Severity::Warning,
            "with --weights: the lowest bits of a tensor's numbers, put together, begin with the head of a program, archive, pickle or \
             script, checked beyond its magic: somebody hid it there for a loader that is elsewhere (steganography). Real weights never spell one.",
            "do not use the model; search for the code that would take the program out again",
            &["https://arxiv.org/abs/2107.08590", "CWE-506"],
        ),
        rule(
            "S1002",
            "known malicious file",
            Severity::Critical,
            "the SHA-256 of the file, or of a part of it, is on the list that comes with the tool or on one given with --known-bad. A file \
             that differs in one byte has another hash and does not fire it, so its silence means nothing.",
            "delete the file, and find out how it came here",
            &["CWE-506"],
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_indexes_name_their_rules() {
        let id = |index: usize| rules()[index].id.clone();
        let named =
            [NESTING, BLACKLIST, WEIGHTS, OUTLIERS, UNLIKE, NOT_FINITE, REPEATED, LOW_BITS, HIDDEN_BITS, KNOWN_BAD]
                .map(id);
        assert_eq!(named, ["S410", "S1001", "S801", "S802", "S803", "S821", "S822", "S823", "S820", "S1002"]);
        assert_eq!(rules().len(), named.len());
    }
}
