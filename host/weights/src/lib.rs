//! Statistics over weights: `scan --weights` reads every tensor that a plugin named and says what is odd about its numbers.
//!
//! It runs in the host and not in the sandbox: there is no format left to parse, only numbers at a place and of a type that the engine has
//! checked against the artifact's size, and native code does it in half the time (see docs/decisions/weights.md). No byte decides
//! an address or a length here: whatever the weights are, the same loops run over them.
//!
//! One pass in constant memory: [`decode`] makes numbers of a block of bytes, and each of `moments`, `outputs` and `low_bits`
//! looks at it. What they find is a note, for honest models are odd, too; only a program hidden in the low bits is more, because real weights never
//! spell one.

mod blocks;
pub mod decode;
mod low_bits;
mod moments;
mod outputs;
mod robust;

use std::io;

pub use decode::Kind;
pub use low_bits::Disguise;

/// Numbers handled at a time.
const BLOCK: usize = 1 << 15;

/// Which numbers of a tensor belong to one output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// The last dimension is the inputs of one output, as in PyTorch, safetensors, ONNX.
    LastIsInputs,
    /// The first dimension is the fastest, and the inputs of one output: GGUF.
    FirstIsInputs,
    /// The last dimension is the outputs: Keras and Flax kernels.
    LastIsOutputs,
}

/// A tensor as it stands in an artifact.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Its name: final layers are told by it.
    pub name: &'a str,
    /// Element type as plugins name it: `f32`, `bf16`, `q4_k`.
    pub dtype: &'a str,
    /// Length of each dimension.
    pub shape: &'a [u64],
    /// How outputs are laid out.
    pub layout: Layout,
    /// Bytes of the tensor.
    pub length: u64,
}

/// Something odd about a tensor.
#[derive(Clone, Debug, PartialEq)]
pub enum Oddity {
    /// Numbers that no computation survives.
    NotFinite {
        /// Not a number.
        nan: u64,
        /// Infinite.
        infinite: u64,
        /// All numbers.
        of: u64,
    },
    /// A norm beyond what training leaves.
    ExtremeNorm {
        /// Root of the mean square.
        root_mean_square: f64,
        /// Largest absolute value.
        largest: f64,
    },
    /// Outputs of a final layer whose weights are far larger or smaller than the others'.
    OutlierOutputs {
        /// Indexes, at most ten.
        outputs: Vec<u64>,
        /// How many there are.
        count: u64,
        /// Outputs of the layer.
        of: u64,
        /// Largest distance from the median, in robust standard deviations.
        distance: f64,
    },
    /// Outputs of a final layer that resemble no other.
    DissimilarOutputs {
        /// Indexes, at most ten.
        outputs: Vec<u64>,
        /// How many there are.
        count: u64,
        /// Outputs of the layer.
        of: u64,
    },
    /// The same block of numbers again and again.
    Repeated {
        /// Blocks that stand elsewhere in the tensor, too.
        blocks: u64,
        /// All blocks.
        of: u64,
    },
    /// A region in the middle of the weights that is all one number.
    Constant {
        /// Bytes of the region.
        length: u64,
        /// Offset in the tensor.
        offset: u64,
    },
    /// Low bits that are neither noise nor zero in a part of the tensor.
    StructuredLowBits {
        /// Offset of the part in the tensor, in bytes.
        offset: u64,
        /// Its length in bytes.
        length: u64,
        /// How many low bits of each number.
        bits: u32,
    },
    /// Low bits that spell the head of a program or archive.
    HiddenInLowBits {
        /// What it is.
        what: Disguise,
        /// How many low bits of each number.
        bits: u32,
    },
}

/// How reading ended.
#[derive(Debug)]
pub enum Failure {
    /// The bytes can't be read.
    Read(io::Error),
    /// `go_on` said no.
    Stopped,
}

/// Looks at a tensor. `read` fills a block from an offset in the tensor; `go_on` is asked before each block. None: numbers of
/// this type are not looked at.
///
/// # Errors
/// The bytes can't be read, or `go_on` said no.
pub fn look(
    view: &View<'_>,
    read: &mut dyn FnMut(u64, &mut [u8]) -> io::Result<()>,
    go_on: &mut dyn FnMut() -> bool,
) -> Result<Option<Vec<Oddity>>, Failure> {
    let Some(kind) = Kind::of(view.dtype) else { return Ok(None) };
    let width = kind.block_bytes() as u64;
    let units = view.length / width;
    let mut moments = moments::Moments::default();
    let mut outputs = outputs::Outputs::new(view, kind);
    let mut low_bits = low_bits::LowBits::new(kind);
    let mut repeats = blocks::Repeats::new(width);
    let per_read = (BLOCK as u64 * 4 / width).max(1);
    let mut bytes = vec![0; (per_read.min(units.max(1)) * width) as usize];
    let mut numbers = Vec::with_capacity(BLOCK);
    let mut done = 0;
    while done < units {
        if !go_on() {
            return Err(Failure::Stopped);
        }
        let now = per_read.min(units - done);
        let block = &mut bytes[..(now * width) as usize];
        read(done * width, block).map_err(Failure::Read)?;
        numbers.clear();
        kind.decode(block, &mut numbers);
        moments.take(&numbers);
        outputs.take(&numbers);
        low_bits.take(block);
        repeats.take(block);
        done += now;
    }
    let mut found = Vec::new();
    found.extend(moments.oddities(kind));
    found.extend(outputs.oddities());
    found.extend(low_bits.oddities());
    found.extend(repeats.oddities(moments.is_constant()));
    Ok(Some(found))
}

#[cfg(test)]
mod tests;
