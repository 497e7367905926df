//! xxHash with 32 bits, the checksum of LZ4 frames (xxHash specification 0.2.0, seed 0).

const P1: u32 = 0x9e37_79b1;
const P2: u32 = 0x85eb_ca77;
const P3: u32 = 0xc2b2_ae3d;
const P4: u32 = 0x27d4_eb2f;
const P5: u32 = 0x1656_67b1;

/// A hash that is being computed.
pub struct Xxh32 {
    lanes: [u32; 4],
    tail: Vec<u8>,
    length: u64,
}

impl Xxh32 {
    /// The hash of no bytes.
    pub fn new() -> Self {
        Self { lanes: [P1.wrapping_add(P2), P2, 0, P1.wrapping_neg()], tail: Vec::with_capacity(16), length: 0 }
    }

    /// The hash of a whole text.
    pub fn of(bytes: &[u8]) -> u32 {
        let mut hash = Self::new();
        hash.update(bytes);
        hash.value()
    }

    /// Adds bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        self.length = self.length.wrapping_add(bytes.len() as u64);
        if !self.tail.is_empty() {
            let (first, rest) = bytes.split_at(bytes.len().min(16 - self.tail.len()));
            self.tail.extend_from_slice(first);
            bytes = rest;
            if let Some(stripe) = self.tail.first_chunk::<16>().copied() {
                self.stripe(&stripe);
                self.tail.clear();
            }
        }
        let (stripes, rest) = bytes.as_chunks::<16>();
        for stripe in stripes {
            self.stripe(stripe);
        }
        self.tail.extend_from_slice(rest);
    }

    fn stripe(&mut self, stripe: &[u8; 16]) {
        for (lane, word) in self.lanes.iter_mut().zip(stripe.as_chunks::<4>().0) {
            *lane = lane.wrapping_add(u32::from_le_bytes(*word).wrapping_mul(P2)).rotate_left(13).wrapping_mul(P1);
        }
    }

    /// The hash.
    pub fn value(&self) -> u32 {
        let [a, b, c, d] = self.lanes;
        let mut hash = if self.length >= 16 {
            a.rotate_left(1)
                .wrapping_add(b.rotate_left(7))
                .wrapping_add(c.rotate_left(12))
                .wrapping_add(d.rotate_left(18))
        } else {
            P5
        };
        hash = hash.wrapping_add(self.length as u32);
        let (words, rest) = self.tail.as_chunks::<4>();
        for word in words {
            hash = hash.wrapping_add(u32::from_le_bytes(*word).wrapping_mul(P3)).rotate_left(17).wrapping_mul(P4);
        }
        for byte in rest {
            hash = hash.wrapping_add(u32::from(*byte).wrapping_mul(P5)).rotate_left(11).wrapping_mul(P1);
        }
        hash = (hash ^ (hash >> 15)).wrapping_mul(P2);
        hash = (hash ^ (hash >> 13)).wrapping_mul(P3);
        hash ^ (hash >> 16)
    }
}

#[cfg(test)]
mod tests {
    use super::Xxh32;

    #[test]
    fn hashes_of_known_texts() {
        assert_eq!(Xxh32::of(b""), 0x02cc_5d05);
        assert_eq!(Xxh32::of(b"a"), 0x550d_7456);
        assert_eq!(Xxh32::of(b"abc"), 0x32d1_53ff);
        assert_eq!(Xxh32::of(b"Nobody inspects the spammish repetition"), 0xe229_3b2f);
    }

    #[test]
    fn the_cuts_do_not_matter() {
        let text: Vec<u8> = (0..200).collect();
        for cut in 0..text.len() {
            let mut hash = Xxh32::new();
            hash.update(&text[..cut]);
            hash.update(&text[cut..]);
            assert_eq!(hash.value(), Xxh32::of(&text), "{cut}");
        }
    }
}
