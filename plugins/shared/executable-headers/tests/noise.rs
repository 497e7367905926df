//! Data that is not an executable: random bytes, weights, sparse numbers. At no offset may one be seen.

use modelaudit_executable_headers::identify;

/// xorshift64*: the same sequence on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}

/// One MiB of each kind of data that models are made of.
fn block(random: &mut Random, kind: usize) -> Vec<u8> {
    let words = (1 << 20) / 8;
    let mut bytes = Vec::with_capacity(1 << 20);
    for _ in 0..words {
        let n = random.next();
        let uniform = |n: u64| ((n >> 40) as f32 / (1u64 << 24) as f32 - 0.5) * 0.1;
        match kind {
            0 => bytes.extend_from_slice(&n.to_le_bytes()),
            1 => {
                bytes.extend_from_slice(&uniform(n).to_le_bytes());
                bytes.extend_from_slice(&uniform(n << 24).to_le_bytes());
            }
            // Small whole numbers, mostly zero bytes: header fields are like that, too.
            2 => bytes.extend_from_slice(&(n % 70_000).to_le_bytes()),
            3 => (0..8).for_each(|shift| bytes.push((n >> (8 * shift)) as u8 & (n >> (63 - shift)) as u8)),
            // Magics everywhere, with noise between them.
            _ => {
                let magics = [
                    *b"MZ\x90\0",
                    *b"\x7fELF",
                    *b"\xcf\xfa\xed\xfe",
                    *b"\xca\xfe\xba\xbe",
                    *b"\0asm",
                    *b"\x1bLua",
                    *b"#!/b",
                ];
                bytes.extend_from_slice(&magics[(n >> 60) as usize % magics.len()]);
                bytes.extend_from_slice(&(n as u32).to_le_bytes());
            }
        }
    }
    bytes
}

fn look_at(blocks: usize) {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for index in 0..blocks {
        let bytes = block(&mut random, index % 5);
        for offset in 0..bytes.len() - 4096 {
            let found = identify(&bytes[offset..offset + 4096], (bytes.len() - offset) as u64);
            assert_eq!(found, None, "block {index}, offset {offset}");
        }
    }
}

#[test]
fn noise_is_no_executable() {
    look_at(10);
}

#[test]
#[ignore = "one GiB: cargo test --release -p modelaudit-executable-headers -- --ignored"]
fn a_gibibyte_of_noise_is_no_executable() {
    look_at(1024);
}
