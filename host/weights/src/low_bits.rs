//! Least-significant-bit steganography: data in the low bits of the weights, where it changes no result.
//!
//! Trained weights have noise there, weights that were widened from a shorter type zeros. A payload that is neither encrypted nor compressed is
//! neither: its bytes are far from uniform (chi-squared over the bytes that the low bits make), window by window. And it begins, as files
//! do, with a magic. EvilModel (Wang and others, 2021) and MaleficNet (Hitaj and others, 2022) hide programs this way; what they encrypt looks like
//! noise and is beyond any statistic.

use crate::{Kind, Oddity};

/// Bytes that the low bits of a window make.
const WINDOW: usize = 1024;
/// Mean and standard deviation of chi-squared with 255 degrees of freedom are 255 and 22.6; honest noise exceeds this once in 10^30 windows.
const STRUCTURED: f64 = 600.0;
/// Below this many distinct bytes the low bits are zeros or a few rounding patterns: a widened type, not a message.
const DISTINCT: usize = 24;
/// Structured windows in a row from which they are no chance.
const WINDOWS: u64 = 4;

/// What the low bits spell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disguise {
    /// A Linux program.
    Elf,
    /// A Windows program.
    Pe,
    /// A zip archive.
    Zip,
    /// A gzip stream.
    Gzip,
    /// A pickle.
    Pickle,
    /// A script.
    Script,
}

impl Disguise {
    /// The word in a message.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Elf => "an ELF program",
            Self::Pe => "a Windows program",
            Self::Zip => "a zip archive",
            Self::Gzip => "a gzip stream",
            Self::Pickle => "a pickle",
            Self::Script => "a script",
        }
    }
}

/// Low bits of one width, put together to bytes in one order.
struct Stream {
    bits: u32,
    /// True if the first number's bits are the byte's highest.
    high_first: bool,
    byte: u8,
    filled: u32,
    window: Vec<u8>,
    windows: u64,
    head: Vec<u8>,
    run: u64,
    /// Chi-squared of the windows of the run.
    structure: f64,
    /// First window, number of windows and structure of the longest run.
    best: (u64, u64, f64),
    /// Windows of other kinds: noise, zeros.
    noise: u64,
}

/// The streams that are looked at.
pub struct LowBits {
    width: usize,
    streams: Vec<Stream>,
}

impl LowBits {
    /// For numbers of a kind; integers of blocks and eight-bit floats have no bits to spare.
    pub fn new(kind: Kind) -> Self {
        let widths: &[u32] = match kind {
            Kind::F64 | Kind::F32 => &[1, 2, 4, 8, 16],
            Kind::F16 | Kind::Bf16 => &[1, 2, 4],
            _ => &[],
        };
        let streams = widths
            .iter()
            .flat_map(|bits| [false, true].map(|high_first| (*bits, high_first)))
            .filter(|(bits, high_first)| *bits < 8 || !high_first)
            .map(|(bits, high_first)| Stream::new(bits, high_first))
            .collect();
        Self { width: kind.block_bytes(), streams }
    }

    /// Adds the bytes of numbers, in their order.
    pub fn take(&mut self, bytes: &[u8]) {
        for stream in &mut self.streams {
            stream.take(bytes, self.width);
        }
    }

    /// What is odd: the decisive first, one for the tensor.
    pub fn oddities(&self) -> Option<Oddity> {
        let hidden = self.streams.iter().find_map(|s| Some((disguise(&s.head)?, s.bits)));
        if let Some((what, bits)) = hidden {
            return Some(Oddity::HiddenInLowBits { what, bits });
        }
        let structured = |s: &&Stream| s.best.1 >= WINDOWS && s.noise * 2 > s.windows;
        let bytes =
            |stream: &Stream, windows: u64| windows * WINDOW as u64 * 8 / u64::from(stream.bits) * self.width as u64;
        // Several widths see the same message; the right one sees it whole and without noise.
        let clearest = |a: &&Stream, b: &&Stream| {
            let length = |s: &Stream| bytes(s, s.best.1);
            length(a).cmp(&length(b)).then(a.best.2.total_cmp(&b.best.2))
        };
        let stream = self.streams.iter().filter(structured).max_by(clearest)?;
        let (first, count, _) = stream.best;
        Some(Oddity::StructuredLowBits {
            offset: bytes(stream, first),
            length: bytes(stream, count),
            bits: stream.bits,
        })
    }
}

impl Stream {
    fn new(bits: u32, high_first: bool) -> Self {
        Self {
            bits,
            high_first,
            byte: 0,
            filled: 0,
            window: Vec::with_capacity(WINDOW),
            windows: 0,
            head: Vec::new(),
            run: 0,
            structure: 0.0,
            best: (0, 0, 0.0),
            noise: 0,
        }
    }

    fn take(&mut self, bytes: &[u8], width: usize) {
        if self.bits >= 8 {
            for number in bytes.chunks_exact(width) {
                self.window.extend_from_slice(&number[..(self.bits / 8) as usize]);
                if self.window.len() >= WINDOW {
                    self.end_window();
                }
            }
            return;
        }
        let mask = (1u8 << self.bits) - 1;
        for number in bytes.chunks_exact(width) {
            let low = number[0] & mask;
            self.byte |= if self.high_first { low << (8 - self.bits - self.filled) } else { low << self.filled };
            self.filled += self.bits;
            if self.filled == 8 {
                self.window.push(self.byte);
                (self.byte, self.filled) = (0, 0);
                if self.window.len() == WINDOW {
                    self.end_window();
                }
            }
        }
    }

    fn end_window(&mut self) {
        if self.windows == 0 {
            self.head.clone_from(&self.window);
        }
        let mut counts = [0u32; 256];
        self.window.iter().for_each(|b| counts[usize::from(*b)] += 1);
        let expected = self.window.len() as f64 / 256.0;
        let squared: f64 = counts.iter().map(|c| (f64::from(*c) - expected).powi(2)).sum::<f64>() / expected;
        let distinct = counts.iter().filter(|c| **c > 0).count();
        if squared > STRUCTURED && distinct >= DISTINCT {
            self.run += 1;
            self.structure += squared;
            if self.run > self.best.1 {
                self.best = (self.windows + 1 - self.run, self.run, self.structure / self.run as f64);
            }
        } else {
            (self.run, self.structure) = (0, 0.0);
            self.noise += u64::from(squared <= STRUCTURED);
        }
        self.windows += 1;
        self.window.clear();
    }
}

/// What a stream begins with, checked beyond its magic: two or four bytes stand in noise by chance.
fn disguise(head: &[u8]) -> Option<Disguise> {
    let word = |at: usize| Some(u32::from_le_bytes(head.get(at..at + 4)?.try_into().ok()?));
    match head {
        [0x7f, b'E', b'L', b'F', 1 | 2, 1 | 2, 1, ..] => Some(Disguise::Elf),
        [b'M', b'Z', ..] => {
            let at = word(0x3c)? as usize;
            (at < 900 && head.get(at..at + 4) == Some(b"PE\0\0")).then_some(Disguise::Pe)
        }
        [b'P', b'K', 3, 4, version, 0, _, _, 0 | 8, 0, ..] if *version <= 63 => Some(Disguise::Zip),
        [0x1f, 0x8b, 8, flags, ..] if *flags < 32 && matches!(head.get(9), Some(0..=13 | 255)) => {
            matches!(head.get(8), Some(0 | 2 | 4)).then_some(Disguise::Gzip)
        }
        // A frame whose length is honest, and a STOP at its end if that is in the window.
        [0x80, 2..=5, 0x95, ..] => (word(7)? == 0 && word(3)? > 4).then_some(Disguise::Pickle),
        [b'#', b'!', b'/', rest @ ..] => {
            let line = rest.split(|b| *b == b'\n').next()?;
            (line.len() < 100 && line.iter().all(|b| (b' '..=b'~').contains(b))).then_some(Disguise::Script)
        }
        _ => None,
    }
}
