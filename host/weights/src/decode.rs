//! Numbers out of bytes: the float types of tensors, and the scales of GGUF's quantised blocks.
//!
//! Of a quantised block only its scales say something about the weights' size; the small integers between them are bounded by construction.
//! Layouts of the blocks: ggml's `ggml-common.h`.

/// What a tensor's numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// IEEE 754 double precision.
    F64,
    /// IEEE 754 single precision.
    F32,
    /// IEEE 754 half precision.
    F16,
    /// The upper half of a single.
    Bf16,
    /// Eight bits: four of exponent, three of mantissa, no infinity (OCP FP8 E4M3).
    F8E4M3,
    /// Eight bits: five of exponent, two of mantissa (OCP FP8 E5M2).
    F8E5M2,
    /// Blocks of `bytes` bytes with half-precision scales at `scales`.
    Blocks {
        /// Bytes of a block.
        bytes: usize,
        /// Offsets of the scales.
        scales: &'static [usize],
    },
}

/// Blocks of ggml: name, bytes, offsets of half-precision scales.
const BLOCKS: &[(&str, usize, &[usize])] = &[
    ("q4_0", 18, &[0]),
    ("q4_1", 20, &[0, 2]),
    ("q5_0", 22, &[0]),
    ("q5_1", 24, &[0, 2]),
    ("q8_0", 34, &[0]),
    ("q2_k", 84, &[80, 82]),
    ("q3_k", 110, &[108]),
    ("q4_k", 144, &[0, 2]),
    ("q5_k", 176, &[0, 2]),
    ("q6_k", 210, &[208]),
    ("iq2_xxs", 66, &[0]),
    ("iq2_xs", 74, &[0]),
    ("iq3_xxs", 98, &[0]),
    ("iq1_s", 50, &[0]),
    ("iq4_nl", 18, &[0]),
    ("iq3_s", 110, &[0]),
    ("iq2_s", 82, &[0]),
    ("iq4_xs", 136, &[0]),
    ("tq1_0", 54, &[52]),
    ("tq2_0", 66, &[64]),
    ("q1_0", 18, &[0]),
];

impl Kind {
    /// The kind of an element type, as plugins name it; None for integers and types without a reading.
    pub fn of(dtype: &str) -> Option<Self> {
        Some(match dtype {
            "f64" => Self::F64,
            "f32" => Self::F32,
            "f16" => Self::F16,
            "bf16" => Self::Bf16,
            "f8_e4m3" | "f8_e4m3fn" => Self::F8E4M3,
            "f8_e5m2" => Self::F8E5M2,
            name => {
                let (_, bytes, scales) = BLOCKS.iter().find(|(known, ..)| *known == name)?;
                Self::Blocks { bytes: *bytes, scales }
            }
        })
    }

    /// Bytes that are read together.
    pub const fn block_bytes(self) -> usize {
        match self {
            Self::F64 => 8,
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::F8E4M3 | Self::F8E5M2 => 1,
            Self::Blocks { bytes, .. } => bytes,
        }
    }

    /// True if each block is one number of the tensor.
    pub const fn is_plain(self) -> bool {
        !matches!(self, Self::Blocks { .. })
    }

    /// Appends the numbers of whole blocks.
    pub fn decode(self, bytes: &[u8], out: &mut Vec<f32>) {
        match self {
            Self::F64 => out.extend(chunks(bytes).map(|b| f64::from_le_bytes(b) as f32)),
            Self::F32 => out.extend(chunks(bytes).map(f32::from_le_bytes)),
            Self::F16 => out.extend(chunks(bytes).map(|b| half(u16::from_le_bytes(b)))),
            Self::Bf16 => out.extend(chunks(bytes).map(|b| f32::from_bits(u32::from(u16::from_le_bytes(b)) << 16))),
            Self::F8E4M3 => out.extend(bytes.iter().map(|b| e4m3(*b))),
            Self::F8E5M2 => out.extend(bytes.iter().map(|b| half(u16::from(*b) << 8))),
            Self::Blocks { bytes: size, scales } => {
                for block in bytes.chunks_exact(size) {
                    out.extend(scales.iter().map(|at| half(u16::from_le_bytes([block[*at], block[at + 1]]))));
                }
            }
        }
    }
}

fn chunks<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> + '_ {
    bytes.as_chunks::<N>().0.iter().copied()
}

/// Half precision to single, exactly.
pub fn half(bits: u16) -> f32 {
    let sign = u32::from(bits & 0x8000) << 16;
    let rest = u32::from(bits & 0x7fff);
    match (rest >> 10, rest & 0x3ff) {
        // Subnormal: the mantissa times 2^-24.
        (0, mantissa) => f32::from_bits(sign | (mantissa as f32 * (1.0 / 16_777_216.0)).to_bits()),
        (0x1f, mantissa) => f32::from_bits(sign | 0x7f80_0000 | mantissa << 13),
        _ => f32::from_bits(sign | ((rest << 13) + (112 << 23))),
    }
}

/// OCP FP8 E4M3 to single: all ones is not a number, there is no infinity.
fn e4m3(bits: u8) -> f32 {
    let sign = u32::from(bits & 0x80) << 24;
    match (bits >> 3 & 0xf, bits & 7) {
        (0, mantissa) => f32::from_bits(sign | (f32::from(mantissa) / 512.0).to_bits()),
        (0xf, 7) => f32::NAN,
        (exponent, mantissa) => f32::from_bits(sign | (u32::from(exponent) + 120) << 23 | u32::from(mantissa) << 20),
    }
}
