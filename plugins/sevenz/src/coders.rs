//! Undoes the coders of a folder: a chain (with BCJ2, a tree) of readers over the packed streams.

use std::io::Read;

use lzma_rust2::filter::{bcj::BcjReader, bcj2::Bcj2Reader, delta::DeltaReader};
use lzma_rust2::{Lzma2Reader, LzmaReader};
use modelaudit_plugin::{Artifact, Reader, Span};

use crate::header::{Coder, Folder};

/// History that a coder may keep, and output up to which a larger one is no matter: the window grows with the output. Guests have
/// 256 MiB, and a growing buffer needs its old self beside it.
pub const WINDOW_LIMIT: u64 = 128 << 20;

/// What a method does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Nothing.
    Copy,
    /// LZMA with a header of five bytes.
    Lzma,
    /// LZMA2.
    Lzma2,
    /// Raw deflate.
    Deflate,
    /// bzip2.
    Bzip2,
    /// Zstandard (7-Zip ZS, py7zr).
    Zstd,
    /// Differences to bytes before.
    Delta,
    /// Addresses of branches, by processor.
    Bcj(Branch),
    /// The same with four streams.
    Bcj2,
    /// AES-256 with a password.
    Aes,
    /// Known by name, not unpacked here.
    Other,
}

/// A processor whose branches a filter rewrites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Branch {
    /// x86, 32 and 64 bits.
    X86,
    /// PowerPC, big-endian.
    PowerPc,
    /// Itanium.
    Ia64,
    /// 32-bit ARM.
    Arm,
    /// ARM Thumb.
    ArmThumb,
    /// SPARC.
    Sparc,
    /// 64-bit ARM.
    Arm64,
    /// RISC-V.
    RiscV,
}

/// Methods by id: DOC/Methods.txt of the 7-Zip sources; those at 04F711xx are registered there to 7-Zip ZS.
const METHODS: &[(u64, &str, Method)] = &[
    (0x00, "Copy", Method::Copy),
    (0x03, "Delta", Method::Delta),
    (0x04, "BCJ x86", Method::Bcj(Branch::X86)),
    (0x05, "BCJ PowerPC", Method::Bcj(Branch::PowerPc)),
    (0x06, "BCJ IA-64", Method::Bcj(Branch::Ia64)),
    (0x07, "BCJ ARM", Method::Bcj(Branch::Arm)),
    (0x08, "BCJ ARM Thumb", Method::Bcj(Branch::ArmThumb)),
    (0x09, "BCJ SPARC", Method::Bcj(Branch::Sparc)),
    (0x0a, "BCJ ARM64", Method::Bcj(Branch::Arm64)),
    (0x0b, "BCJ RISC-V", Method::Bcj(Branch::RiscV)),
    (0x21, "LZMA2", Method::Lzma2),
    (0x03_0101, "LZMA", Method::Lzma),
    (0x0303_0103, "BCJ x86", Method::Bcj(Branch::X86)),
    (0x0303_011b, "BCJ2", Method::Bcj2),
    (0x0303_0205, "BCJ PowerPC", Method::Bcj(Branch::PowerPc)),
    (0x0303_0401, "BCJ IA-64", Method::Bcj(Branch::Ia64)),
    (0x0303_0501, "BCJ ARM", Method::Bcj(Branch::Arm)),
    (0x0303_0701, "BCJ ARM Thumb", Method::Bcj(Branch::ArmThumb)),
    (0x0303_0805, "BCJ SPARC", Method::Bcj(Branch::Sparc)),
    (0x03_0401, "PPMd", Method::Other),
    (0x04_0108, "Deflate", Method::Deflate),
    (0x04_0109, "Deflate64", Method::Other),
    (0x04_0202, "BZip2", Method::Bzip2),
    (0x04f7_1101, "Zstandard", Method::Zstd),
    (0x04f7_1102, "Brotli", Method::Other),
    (0x04f7_1104, "LZ4", Method::Other),
    (0x04f7_1105, "LZ5", Method::Other),
    (0x04f7_1106, "Lizard", Method::Other),
    (0x06f1_0701, "AES-256", Method::Aes),
];

impl Coder {
    /// What it does.
    pub fn kind(&self) -> Method {
        METHODS.iter().find(|(id, ..)| *id == self.method).map_or(Method::Other, |(.., method)| *method)
    }

    /// Its name.
    pub fn name(&self) -> String {
        let known = METHODS.iter().find(|(id, ..)| *id == self.method);
        known.map_or_else(|| format!("unknown method {:x}", self.method), |(_, name, _)| (*name).to_owned())
    }
}

impl Folder {
    /// True if a password is needed.
    pub fn is_encrypted(&self) -> bool {
        self.coders.iter().any(|coder| coder.kind() == Method::Aes)
    }

    /// True if its output is its packed stream, byte for byte.
    pub fn is_stored(&self) -> bool {
        matches!(self.coders.as_slice(), [coder] if coder.kind() == Method::Copy)
    }

    /// The names of its methods.
    pub fn methods(&self) -> String {
        self.coders.iter().map(Coder::name).collect::<Vec<_>>().join(" + ")
    }

    /// The history that unpacking keeps at most, in bytes.
    pub fn window(&self) -> u64 {
        let window = |(coder, size): (&Coder, &u64)| dictionary(coder).map_or(0, |window| u64::from(window).min(*size));
        self.coders.iter().zip(&self.sizes).map(window).max().unwrap_or(0)
    }

    /// A reader of its output; `packed` are the places of its packed streams. The error says what can't be undone.
    pub fn open<'a>(&self, artifact: &'a dyn Artifact, packed: &[Span]) -> Result<Box<dyn Read + 'a>, String> {
        let last = self.last().ok_or("its coders feed each other in a circle")?;
        self.output(artifact, packed, last, self.coders.len())
    }

    /// The output of a coder. `depth` bounds the chain: one that is longer than there are coders is a circle.
    fn output<'a>(
        &self,
        artifact: &'a dyn Artifact,
        packed: &[Span],
        coder: usize,
        depth: usize,
    ) -> Result<Box<dyn Read + 'a>, String> {
        let below = depth.checked_sub(1).ok_or("its coders feed each other in a circle")?;
        let first: usize = self.coders.iter().take(coder).map(|coder| coder.inputs).sum();
        let (coder, size) = self.coders.get(coder).zip(self.sizes.get(coder)).ok_or("a coder's size is missing")?;
        let mut inputs = Vec::new();
        for input in first..first + coder.inputs {
            let fed = self.pairs.iter().find(|(pair, _)| *pair == input);
            let stream: Box<dyn Read + 'a> = match fed {
                Some((_, output)) => self.output(artifact, packed, *output, below)?,
                None => {
                    let index = self.packed.iter().position(|packed| *packed == input);
                    let span = index.and_then(|index| packed.get(index)).ok_or("a packed stream is missing")?;
                    Box::new(Reader::over(artifact, *span))
                }
            };
            inputs.push(stream);
        }
        undo(coder, inputs, *size)
    }
}

/// The dictionary that an LZMA coder's properties ask for.
fn dictionary(coder: &Coder) -> Option<u32> {
    match (coder.kind(), coder.properties.as_slice()) {
        (Method::Lzma, [_, size @ ..]) => size.first_chunk().map(|size| u32::from_le_bytes(*size)),
        (Method::Lzma2, [40, ..]) => Some(u32::MAX),
        (Method::Lzma2, [size @ 0..40, ..]) => Some((2 | u32::from(size & 1)) << (u32::from(size / 2) + 11)),
        _ => None,
    }
}

/// The output of one coder, `size` bytes long, over its inputs.
fn undo<'a>(coder: &Coder, mut inputs: Vec<Box<dyn Read + 'a>>, size: u64) -> Result<Box<dyn Read + 'a>, String> {
    let method = coder.kind();
    if method == Method::Bcj2 {
        // It allocates a megabyte and asks for four streams.
        return Bcj2Reader::try_new(inputs, size).map(boxed).map_err(|error| error.to_string());
    }
    let (Some(input), true) = (inputs.pop(), inputs.is_empty()) else {
        return Err(format!("{} has several inputs", coder.name()));
    };
    // No more than the output is ever looked back on; a dictionary above a gigabyte can't be addressed in 32 bits.
    let window = dictionary(coder).map(|window| u64::from(window).min(size).clamp(4096, 1 << 30) as u32);
    Ok(match method {
        Method::Copy => input,
        Method::Lzma => {
            let (window, properties) = window.zip(coder.properties.first()).ok_or("LZMA lacks its properties")?;
            let mut reader =
                LzmaReader::new_with_props(input, size, *properties, window, None).map_err(|e| e.to_string())?;
            reader.set_defer_errors(true);
            boxed(reader)
        }
        Method::Lzma2 => boxed(Lzma2Reader::new(input, window.ok_or("LZMA2 lacks its properties")?, None)),
        Method::Deflate => boxed(flate2::read::DeflateDecoder::new(input)),
        Method::Bzip2 => boxed(bzip2::read::BzDecoder::new(input)),
        Method::Zstd => boxed(ruzstd::decoding::StreamingDecoder::new(input).map_err(|error| error.to_string())?),
        Method::Delta => {
            boxed(DeltaReader::new(input, usize::from(coder.properties.first().copied().unwrap_or(0)) + 1))
        }
        Method::Bcj(branch) => {
            let start = coder.properties.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes)) as usize;
            boxed(match branch {
                Branch::X86 => BcjReader::new_x86(input, start),
                Branch::PowerPc => BcjReader::new_ppc(input, start),
                Branch::Ia64 => BcjReader::new_ia64(input, start),
                Branch::Arm => BcjReader::new_arm(input, start),
                Branch::ArmThumb => BcjReader::new_arm_thumb(input, start),
                Branch::Sparc => BcjReader::new_sparc(input, start),
                Branch::Arm64 => BcjReader::new_arm64(input, start),
                Branch::RiscV => BcjReader::new_riscv(input, start),
            })
        }
        Method::Bcj2 | Method::Aes | Method::Other => return Err(format!("{} is not supported", coder.name())),
    })
}

fn boxed<'a>(reader: impl Read + 'a) -> Box<dyn Read + 'a> {
    Box::new(reader)
}
