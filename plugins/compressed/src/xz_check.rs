//! The integrity checks of xz blocks (xz-file-format 1.2.1, section 2.1.1.2).

/// Sizes in bytes of the sixteen possible checks; the format fixes them even for those that are not defined yet.
const SIZES: [u64; 16] = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64];

/// A check that is being computed over a block.
pub struct Check {
    id: u8,
    crc32: crc32fast::Hasher,
    crc64: u64,
}

impl Check {
    /// A check by its id in the stream header; only the lower four bits count.
    pub fn new(id: u8) -> Self {
        Self { id: id & 15, crc32: crc32fast::Hasher::new(), crc64: !0 }
    }

    /// Bytes that it takes in the file.
    pub fn size(&self) -> u64 {
        SIZES.get(usize::from(self.id)).copied().unwrap_or(0)
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match self.id {
            1 => self.crc32.update(bytes),
            4 => self.crc64 = bytes.iter().fold(self.crc64, |crc, byte| crc64_step(crc, *byte)),
            _ => {}
        }
    }

    /// The bytes that should stand in the file; None for checks that are not computed (none, SHA-256, undefined ones): the content is
    /// scanned whatever its check says.
    pub fn finish(&self) -> Option<Vec<u8>> {
        match self.id {
            1 => Some(self.crc32.clone().finalize().to_le_bytes().to_vec()),
            4 => Some((!self.crc64).to_le_bytes().to_vec()),
            _ => None,
        }
    }
}

/// The polynomial of ECMA-182, reflected.
const POLYNOMIAL: u64 = 0xc96c_5795_d787_0f42;

const TABLE: [u64; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u64;
        let mut bit = 0;
        while bit < 8 {
            crc = (crc >> 1) ^ (POLYNOMIAL & (crc & 1).wrapping_neg());
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

fn crc64_step(crc: u64, byte: u8) -> u64 {
    // An index of eight bits is always inside a table of 256.
    TABLE[usize::from(crc as u8 ^ byte)] ^ (crc >> 8)
}

#[cfg(test)]
mod tests {
    use super::Check;

    #[test]
    fn checks_of_the_usual_text() {
        let of = |id| {
            let mut check = Check::new(id);
            check.update(b"123456789");
            check.finish()
        };
        assert_eq!(of(1).unwrap(), 0xcbf4_3926_u32.to_le_bytes());
        assert_eq!(of(4).unwrap(), 0x995d_c9bb_df19_39fa_u64.to_le_bytes());
        assert_eq!(of(0), None);
        assert_eq!(Check::new(10).size(), 32);
    }
}
