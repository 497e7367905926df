//! `--weights`: hands the tensors that plugins named to [`modelaudit_weights`], and makes findings of what is odd about them.

use std::io;
use std::time::Instant;

use modelaudit_weights::{Failure, Layout, Oddity, View, look};

use crate::bytes::Bytes;
use crate::file_scan::EngineFinding;
use crate::model::{Span, Tensor};
use crate::rules::{HIDDEN_BITS, LOW_BITS, NOT_FINITE, OUTLIERS, REPEATED, UNLIKE, WEIGHTS};

/// Tensors that one job looks at: enough of them that small ones cost no more than a large one.
pub const SHARE: usize = 32;

/// What a share of an artifact's tensors showed.
#[derive(Default)]
pub struct Weighed {
    /// What is odd.
    pub findings: Vec<EngineFinding>,
    /// What could not be looked at.
    pub gaps: Vec<String>,
    /// Bytes looked at.
    pub bytes: u64,
}

/// Looks at tensors, each with the format that it was named for.
pub fn weigh(bytes: &dyn Bytes, tensors: &[(String, Tensor)], deadline: Instant) -> Weighed {
    let mut weighed = Weighed::default();
    for (format, tensor) in tensors {
        let at = tensor.at;
        let view = View {
            name: &tensor.name,
            dtype: &tensor.dtype,
            shape: &tensor.shape,
            layout: layout(format),
            length: at.length,
        };
        let mut read = |offset: u64, block: &mut [u8]| -> io::Result<()> {
            let part = bytes.read_vec(at.offset + offset, block.len())?;
            block.copy_from_slice(&part);
            Ok(())
        };
        match look(&view, &mut read, &mut || Instant::now() < deadline) {
            Ok(Some(oddities)) => {
                weighed.bytes += at.length;
                weighed.findings.extend(oddities.iter().map(|oddity| finding(tensor, oddity)));
            }
            // Integers and types without a reading: the analysers have seen their bytes.
            Ok(None) => {}
            Err(Failure::Read(e)) => weighed.gaps.push(format!("the weights of '{}' can't be read: {e}", tensor.name)),
            Err(Failure::Stopped) => {
                weighed.gaps.push(
                    "the time limit for this file is over before all weights were seen; raise it with --timeout"
                        .to_owned(),
                );
                break;
            }
        }
    }
    weighed
}

/// How the outputs of a layer are laid out in a format's matrices.
fn layout(format: &str) -> Layout {
    match format {
        "gguf" | "ggml" => Layout::FirstIsInputs,
        "keras-hdf5" | "flax-msgpack" | "tensorflow" | "hdf5" => Layout::LastIsOutputs,
        _ => Layout::LastIsInputs,
    }
}

fn finding(tensor: &Tensor, oddity: &Oddity) -> EngineFinding {
    let name = &tensor.name;
    let mut at = tensor.at;
    let mut details = vec![("dtype".to_owned(), tensor.dtype.clone())];
    let listed = |outputs: &[u64]| outputs.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    let (rule, message) = match oddity {
        Oddity::NotFinite { nan, infinite, of } => {
            (NOT_FINITE, format!("{nan} of {of} numbers of '{name}' are not a number, {infinite} are infinite"))
        }
        Oddity::ExtremeNorm { root_mean_square, largest } => (
            WEIGHTS,
            format!("the numbers of '{name}' are huge: root mean square {root_mean_square:.3e}, largest {largest:.3e}"),
        ),
        Oddity::OutlierOutputs { outputs, count, of, distance } => {
            details.push(("outputs".to_owned(), listed(outputs)));
            let message = format!(
                "the weights of {count} of {of} outputs of '{name}' are unlike the others in size: up to {distance:.0} robust standard deviations"
            );
            (OUTLIERS, message)
        }
        Oddity::DissimilarOutputs { outputs, count, of } => {
            details.push(("outputs".to_owned(), listed(outputs)));
            (UNLIKE, format!("the weights of {count} of {of} outputs of '{name}' point where no other output's do"))
        }
        Oddity::Repeated { blocks, of } => {
            (REPEATED, format!("{blocks} of {of} blocks of '{name}' stand in it several times"))
        }
        Oddity::Constant { length, offset } => {
            at = Span { offset: at.offset + offset, length: *length };
            (REPEATED, format!("{length} bytes in the middle of '{name}' are one number again and again"))
        }
        Oddity::StructuredLowBits { offset, length, bits } => {
            at = Span { offset: at.offset + offset, length: *length };
            let message = format!(
                "the lowest {bits} bits of the numbers of '{name}' are no noise over {length} bytes, as they are elsewhere in it"
            );
            (LOW_BITS, message)
        }
        Oddity::HiddenInLowBits { what, bits } => {
            let message = format!("the lowest {bits} bits of the numbers of '{name}' spell {}", what.word());
            (HIDDEN_BITS, message)
        }
    };
    EngineFinding { rule, message, at: Some(at), element: Some(name.clone()), details }
}
