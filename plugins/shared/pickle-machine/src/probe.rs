//! Is it a pickle? Told from the first bytes.
//!
//! Pickle has no magic. Protocols 2 to 5 begin with `PROTO`, two bytes that stand at the start of one random file in 16,000;
//! protocols 0 and 1 begin with any opcode, and text files are full of letters that are opcodes. So the first opcodes are
//! walked with a count of what they leave on the stack; a file is a pickle if they make sense, and without `PROTO` only if
//! they also do something that only pickles do.

use crate::constant;
use crate::opcode::{self as op, Argument};

/// Opcodes that are looked at behind a `PROTO`: enough to be sure.
const ENOUGH: u32 = 48;

/// Whether the first bytes (`head`) of `size` bytes are the beginning of a pickle, complete or cut.
pub fn is_pickle(head: &[u8], size: u64) -> bool {
    let mut walk = Walk { head, size, at: 0, depth: 0, marks: Vec::new(), opcodes: 0, evidence: 0, stray: 0 };
    match head {
        [op::PROTO, version, ..] => {
            let end = walk.run(ENOUGH);
            let usual = (2..=5).contains(version);
            match end {
                // A cut behind the header is still a header.
                Ending::Cut | Ending::Enough => usual || walk.opcodes >= 4,
                Ending::Regular => true,
                // Raw array bytes of joblib, damage, or no pickle: then the very first opcodes make no sense.
                Ending::Wrong => walk.opcodes >= if usual { 3 } else { 5 },
            }
        }
        [] => false,
        _ => match walk.run(4096) {
            Ending::Regular => walk.evidence >= 1 || (walk.at as u64 == size && walk.opcodes >= 1),
            Ending::Enough => walk.evidence >= 1,
            Ending::Cut => walk.evidence >= 1 && walk.opcodes >= 3,
            // What was called before an error was called.
            Ending::Wrong => walk.evidence >= 3,
        },
    }
}

enum Ending {
    /// `STOP`.
    Regular,
    /// The head ends.
    Cut,
    /// Enough opcodes were seen.
    Enough,
    /// An opcode that is none, or that can not stand here.
    Wrong,
}

struct Walk<'h> {
    head: &'h [u8],
    size: u64,
    at: usize,
    depth: u32,
    marks: Vec<u32>,
    opcodes: u32,
    /// Grows with what only pickles do: names (1), memo (1), a call (3).
    evidence: u32,
    stray: u32,
}

impl Walk<'_> {
    fn run(&mut self, limit: u32) -> Ending {
        while self.opcodes < limit {
            let Some(&opcode) = self.head.get(self.at) else { return Ending::Cut };
            // A stray line feed stops every loader, and hand-made pickles have them (B23).
            if matches!(opcode, b'\n' | b'\r') && self.evidence > 0 && self.stray < 16 {
                self.stray += 1;
                self.at += 1;
                continue;
            }
            let begin = self.at + 1;
            let next = match op::argument(opcode) {
                Argument::Nothing => begin,
                Argument::Fixed(width) => begin + usize::from(width),
                Argument::Counted(width) => match self.counted(opcode, begin, usize::from(width)) {
                    Ok(next) => next,
                    Err(stop) => return stop,
                },
                Argument::Lines(lines) => match self.lines(opcode, begin, lines) {
                    Ok(next) => next,
                    Err(stop) => return stop,
                },
                Argument::Invalid => return Ending::Wrong,
            };
            if opcode == op::STOP {
                self.at = next;
                return if self.depth > 0 { Ending::Regular } else { Ending::Wrong };
            }
            if !self.stack(opcode) {
                return Ending::Wrong;
            }
            if next > self.head.len() {
                // The argument leaves the head; it must not leave the file by far, or it is no length.
                self.opcodes += 1;
                return Ending::Cut;
            }
            self.at = next;
            self.opcodes += 1;
        }
        Ending::Enough
    }

    fn counted(&self, opcode: u8, begin: usize, width: usize) -> Result<usize, Ending> {
        let Some(bytes) = self.head.get(begin..begin + width) else { return Err(Ending::Cut) };
        let mut word = [0u8; 8];
        for (to, from) in word.iter_mut().zip(bytes) {
            *to = *from;
        }
        let length = u64::from_le_bytes(word);
        let begin = begin + width;
        if length > self.size.saturating_sub(begin as u64) {
            // A length that no file fulfils: the end of a cut pickle, or no pickle. Four plausible opcodes tell.
            return Err(if self.head.first() == Some(&op::PROTO) { Ending::Cut } else { Ending::Wrong });
        }
        let next = usize::try_from(length).ok().and_then(|length| begin.checked_add(length)).unwrap_or(usize::MAX);
        // A text that is no UTF-8 is none (a cut one may end inside a character).
        if matches!(opcode, op::SHORT_BINUNICODE | op::BINUNICODE) {
            let text = self.head.get(begin..next.min(self.head.len())).unwrap_or_default();
            let surrogates = text.windows(2).any(|w| matches!(w, [0xed, 0xa0..=0xbf]));
            if let Err(error) = std::str::from_utf8(text)
                && error.error_len().is_some()
                && !surrogates
            {
                return Err(Ending::Wrong);
            }
        }
        Ok(next)
    }

    fn lines(&mut self, opcode: u8, begin: usize, lines: u8) -> Result<usize, Ending> {
        let mut at = begin;
        for _ in 0..lines {
            let rest = self.head.get(at..).unwrap_or_default();
            let Some(length) = memchr::memchr(b'\n', rest) else {
                let plausible = self.line_fits(opcode, rest, true);
                return Err(if plausible && self.opcodes > 0 { Ending::Cut } else { Ending::Wrong });
            };
            if !self.line_fits(opcode, rest.get(..length).unwrap_or_default(), false) {
                return Err(Ending::Wrong);
            }
            at += length + 1;
        }
        Ok(at)
    }

    /// The line can be the argument of this opcode.
    fn line_fits(&self, opcode: u8, line: &[u8], cut: bool) -> bool {
        let number = |line: &[u8]| {
            let line = line.split(|&b| b == 0).next().unwrap_or_default();
            constant::integer(line).is_some()
                || (line.len() > 18 && line.iter().all(|b| b.is_ascii_hexdigit() || b"-+xXoObBL_".contains(b)))
        };
        match opcode {
            op::INT | op::LONG => number(line) || cut,
            // `p-1` stops the loaders, not the scanner (1.3).
            op::PUT | op::GET => number(line) || (cut && line.len() < 12),
            op::FLOAT => {
                let text = line.split(|&b| b == 0).next().unwrap_or_default();
                cut || std::str::from_utf8(text).is_ok_and(|t| t.trim().replace('_', "").parse::<f64>().is_ok())
            }
            op::STRING => {
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                line.starts_with(b"'") && (cut || line.ends_with(b"'"))
                    || line.starts_with(b"\"") && (cut || line.ends_with(b"\""))
            }
            op::GLOBAL | op::INST => {
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                line.len() <= 256
                    && (!line.is_empty() || cut)
                    && line.iter().all(|&b| b.is_ascii_alphanumeric() || b"_.<>-\\".contains(&b) || b >= 0x80)
                    && std::str::from_utf8(line).is_ok()
            }
            op::PERSID => line.len() <= 1024 && line.iter().all(|b| (0x20..0x7f).contains(b)),
            // UNICODE: any text, but no binary; behind something that only pickles do, also bytes in Latin-1.
            _ if self.evidence > 0 => !line.contains(&0),
            _ => line.iter().all(|&b| b >= 0x20 || b == b'\t' || b == b'\r'),
        }
    }

    fn take(&mut self, count: u32) -> bool {
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.depth.checked_sub(count) {
            Some(depth) if depth >= floor => {
                self.depth = depth;
                true
            }
            _ => false,
        }
    }

    fn drop_to_mark(&mut self) -> bool {
        match self.marks.pop() {
            Some(mark) => {
                self.depth = mark;
                true
            }
            None => false,
        }
    }

    /// Carries out the opcode on the depth of the stack; false if it can not stand here.
    fn stack(&mut self, opcode: u8) -> bool {
        let fine = match opcode {
            op::MARK => {
                self.marks.push(self.depth);
                return self.marks.len() <= 4096;
            }
            op::PROTO | op::FRAME | op::READONLY_BUFFER => return true,
            op::POP => return self.take(1) || self.drop_to_mark(),
            op::POP_MARK => return self.drop_to_mark(),
            op::PUT | op::BINPUT | op::LONG_BINPUT | op::MEMOIZE => {
                self.evidence = self.evidence.max(1);
                return self.depth > 0;
            }
            op::DUP => self.depth > 0,
            op::BINPERSID | op::TUPLE1 => self.take(1),
            op::TUPLE2 => self.take(2),
            op::TUPLE3 => self.take(3),
            op::STACK_GLOBAL => {
                self.evidence = self.evidence.max(1);
                self.take(2)
            }
            op::NEWOBJ => self.take(2),
            op::REDUCE => {
                let fine = self.take(2);
                self.evidence = if fine { 3 } else { self.evidence };
                fine
            }
            op::NEWOBJ_EX => self.take(3),
            op::BUILD | op::APPEND => return self.take(2) && self.grow(),
            op::SETITEM => return self.take(3) && self.grow(),
            op::APPENDS | op::SETITEMS | op::ADDITEMS => return self.drop_to_mark() && self.depth > 0,
            op::LIST | op::TUPLE | op::DICT | op::FROZENSET => {
                self.evidence = self.evidence.max(u32::from(opcode != op::TUPLE || self.evidence > 0));
                self.drop_to_mark()
            }
            op::OBJ | op::INST => {
                let fine = self.drop_to_mark();
                self.evidence = if fine { 3 } else { self.evidence };
                fine
            }
            op::GLOBAL => {
                self.evidence = self.evidence.max(1);
                true
            }
            _ => true,
        };
        fine && self.grow()
    }

    fn grow(&mut self) -> bool {
        self.depth += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(bytes: &[u8]) -> bool {
        is_pickle(bytes, bytes.len() as u64)
    }

    #[test]
    fn pickles_of_all_protocols() {
        for pickle in [
            &b"\x80\x04N."[..],
            b"\x80\x02}q\0.",
            b"\x80\x04\x95\x0b\0\0\0\0\0\0\0]\x94(K\x01K\x02e.",
            b"\x80\x05",
            b"\x80\x02cos\nsys",
            b"\x80\xffcos\nsystem\n(S'id'\ntR.",
            b"cos\nsystem\n(Vecho pwned\ntR.",
            b"(lp0\nI1\na.",
            b"(dp0\nS'a'\np1\nI1\ns.",
            b"I0x10\n0cposix\nsystem\n(S'id'\ntR.",
            b"]q\0(K\x01K\x02e.",
            b"Vos\np0\n0Vsystem\np1\n0g0\ng1\n\x93.",
            b"(ios\nsystem\n.",
            b"cos\nsystem\n(S'id'\ntR\n",
            b"I1\n.",
            b"\x80\x02X\xff\xff\0\0abc",
        ] {
            assert!(is(pickle), "{}", pickle.escape_ascii());
        }
        assert!(is_pickle(b"\x80\x04\x8e\0\0\0\0\x01\0\0\0abc", 1 << 40));
    }

    #[test]
    fn other_files() {
        for other in [
            &b""[..],
            b"\x80",
            b"{\"a\": 1}",
            b"[1, 2]",
            b"\x89PNG\r\n\x1a\n",
            b"PK\x03\x04\x14\0\0\0",
            b"\x93NUMPY\x01\0v\0",
            b"GGUF\x03\0\0\0\x01\0\0\0\0\0\0\0",
            b"cat\ndog\nelephant\nfox\n",
            b"(c) 2020 Someone\nAll rights reserved\n",
            b"Version 1.0\nFinal.\n",
            b"In the beginning\n.",
            b"\x1f\x8b\x08\0",
            b"MZ\x90\0\x03\0",
            b"\x80\x02\x00\x00\x00\x00",
            b"\x28\0\0\0\0\0\0\0{\"a\":1}",
            b"Some text. And more.\n",
            b"import os\nos.system('id')\n",
            b"BM\x36\0\0\0",
            b"RIFF\0\0\0\0WAVE",
            b"II*\0\x08\0\0\0",
            b"\x08\x07\x12\x04test",
        ] {
            assert!(!is(other), "{}", other.escape_ascii());
        }
    }

    #[test]
    fn random_bytes_are_rarely_taken() {
        let mut state = 0x1234_5678_9abc_def1u64;
        let mut taken = 0;
        for _ in 0..200_000 {
            let mut bytes = [0u8; 64];
            for chunk in bytes.chunks_mut(8) {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                chunk.copy_from_slice(&state.to_le_bytes());
            }
            taken += u32::from(is_pickle(&bytes, 1 << 20));
        }
        assert!(taken < 20, "{taken} of 200,000 random heads were taken for pickles");
    }
}
