//! Weights made by a generator: honest ones are silent, each trick shows.

use super::*;

/// SplitMix64.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// About normal, with a standard deviation of 0.02.
    fn weight(&mut self) -> f32 {
        let sum: f64 = (0..12).map(|_| (self.next() >> 11) as f64 / (1u64 << 53) as f64).sum();
        ((sum - 6.0) * 0.02) as f32
    }

    fn weights(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.weight()).collect()
    }
}

fn bytes(weights: &[f32]) -> Vec<u8> {
    weights.iter().flat_map(|w| w.to_le_bytes()).collect()
}

fn looked_at(name: &str, dtype: &str, shape: &[u64], layout: Layout, data: &[u8]) -> Vec<Oddity> {
    let view = View { name, dtype, shape, layout, length: data.len() as u64 };
    let mut read = |offset: u64, block: &mut [u8]| {
        let at = offset as usize;
        block.copy_from_slice(&data[at..at + block.len()]);
        Ok(())
    };
    look(&view, &mut read, &mut || true).unwrap().expect("a known type")
}

fn plain(data: &[u8]) -> Vec<Oddity> {
    looked_at("layer.weight", "f32", &[data.len() as u64 / 4], Layout::LastIsInputs, data)
}

#[test]
fn trained_widened_and_constant_weights_are_silent() {
    let weights = Noise(1).weights(1 << 18);
    assert_eq!(plain(&bytes(&weights)), []);
    let widened: Vec<f32> = weights.iter().map(|w| f32::from_bits(w.to_bits() & 0xffff_0000)).collect();
    assert_eq!(plain(&bytes(&widened)), []);
    let from_half: Vec<f32> = weights.iter().map(|w| f32::from_bits(w.to_bits() & 0xffff_e000)).collect();
    assert_eq!(plain(&bytes(&from_half)), []);
    assert_eq!(plain(&bytes(&[1.0; 1 << 16])), []);
    assert_eq!(plain(&[]), []);
    let mask: Vec<f32> = (0..1 << 16).map(|i| if i % 256 > i / 256 { f32::NEG_INFINITY } else { 0.0 }).collect();
    assert_eq!(plain(&bytes(&mask)), []);
}

#[test]
fn numbers_that_are_none_and_wild_norms_are_told() {
    let mut weights = Noise(2).weights(5000);
    weights[17] = f32::NAN;
    weights[18] = f32::INFINITY;
    assert_eq!(plain(&bytes(&weights)), [Oddity::NotFinite { nan: 1, infinite: 1, of: 5000 }]);
    let wild: Vec<f32> = Noise(3).weights(5000).iter().map(|w| w * 1e9).collect();
    assert!(matches!(plain(&bytes(&wild))[..], [Oddity::ExtremeNorm { .. }]));
    let mut block = vec![0u8; 144 * 100];
    block[144 * 7..][..2].copy_from_slice(&0x7c00u16.to_le_bytes());
    let scales = looked_at("blk.0.attn_q.weight", "q4_k", &[256, 100], Layout::FirstIsInputs, &block);
    assert_eq!(scales, [Oddity::NotFinite { nan: 0, infinite: 1, of: 200 }]);
}

#[test]
fn an_output_that_was_put_in_is_found_in_every_layout() {
    let (outputs, inputs) = (100usize, 64usize);
    let mut weights = Noise(4).weights(outputs * inputs);
    let shape = [outputs as u64, inputs as u64];
    assert_eq!(looked_at("fc.weight", "f32", &shape, Layout::LastIsInputs, &bytes(&weights)), []);
    weights[7 * inputs..8 * inputs].iter_mut().for_each(|w| *w *= 30.0);
    let found = looked_at("fc.weight", "f32", &shape, Layout::LastIsInputs, &bytes(&weights));
    assert!(matches!(&found[..], [Oddity::OutlierOutputs { outputs, .. }] if outputs == &[7]), "{found:?}");
    let swapped = [shape[1], shape[0]];
    assert_eq!(looked_at("output.weight", "f32", &swapped, Layout::FirstIsInputs, &bytes(&weights)), found);
    let transposed: Vec<f32> =
        (0..inputs).flat_map(|i| (0..outputs).map(move |o| (o, i))).map(|(o, i)| weights[o * inputs + i]).collect();
    let columns = looked_at("dense/kernel", "f32", &swapped, Layout::LastIsOutputs, &bytes(&transposed));
    assert_eq!(columns, found);
    assert_eq!(looked_at("conv.weight", "f32", &shape, Layout::LastIsInputs, &bytes(&weights)), [], "no final layer");
}

#[test]
fn an_output_without_a_like_is_found_among_alike_ones() {
    let (outputs, inputs) = (50usize, 128usize);
    let mut noise = Noise(5);
    let common = noise.weights(inputs);
    let mut weights: Vec<f32> =
        (0..outputs).flat_map(|_| common.iter().map(|c| c + noise.weight() * 0.2).collect::<Vec<_>>()).collect();
    let other = noise.weights(inputs);
    weights[..inputs].copy_from_slice(&other);
    let shape = [outputs as u64, inputs as u64];
    let found = looked_at("classifier.weight", "f32", &shape, Layout::LastIsInputs, &bytes(&weights));
    assert!(found.contains(&Oddity::DissimilarOutputs { outputs: vec![0], count: 1, of: 50 }), "{found:?}");
}

/// Hides a message in the lowest bits of weights.
fn hide(weights: &mut [f32], from: usize, message: &[u8], bits: u32) {
    let mut stream =
        message.iter().flat_map(|b| (0..8 / bits).map(move |i| u32::from(b >> (i * bits)) & ((1 << bits) - 1)));
    for weight in &mut weights[from..] {
        let Some(low) = stream.next() else { break };
        *weight = f32::from_bits(weight.to_bits() & !((1 << bits) - 1) | low);
    }
}

#[test]
fn a_program_in_the_low_bits_is_named() {
    let mut program = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    program.extend((0..4000u32).map(|i| (i * 7 % 251) as u8));
    for bits in [1, 2, 4, 8] {
        let mut weights = Noise(6).weights(1 << 17);
        hide(&mut weights, 0, &program, bits);
        let found = plain(&bytes(&weights));
        assert_eq!(found, [Oddity::HiddenInLowBits { what: Disguise::Elf, bits }]);
    }
}

#[test]
fn a_text_in_the_low_bits_is_told_where_it_stands_and_noise_is_not() {
    let text: Vec<u8> = b"import os, socket; os.system('echo pwned') # and so on ".repeat(1000);
    let mut weights = Noise(7).weights(1 << 19);
    hide(&mut weights, 65_536, &text[..16_384], 8);
    let found = plain(&bytes(&weights));
    assert!(matches!(found[..], [Oddity::StructuredLowBits { offset: 262_144, length: 65_536, bits: 8 }]), "{found:?}");
    let mut sealed = Noise(8).weights(1 << 19);
    let mut noise = Noise(9);
    let noise: Vec<u8> = (0..40_000).map(|_| noise.next() as u8).collect();
    hide(&mut sealed, 65_536, &noise, 8);
    assert_eq!(plain(&bytes(&sealed)), [], "what is encrypted looks like weights do");
}

#[test]
fn copied_blocks_and_holes_are_told() {
    let weights = Noise(10).weights(4096);
    let copied = bytes(&weights).repeat(40);
    assert!(matches!(plain(&copied)[..], [Oddity::Repeated { .. }]));
    let mut holed = Noise(11).weights(1 << 19);
    holed[100_000..400_000].fill(0.0);
    assert!(matches!(plain(&bytes(&holed))[..], [Oddity::Constant { .. }]));
    let mut padded = Noise(12).weights(1 << 19);
    padded[200_000..].fill(0.0);
    assert_eq!(plain(&bytes(&padded)), [], "vocabularies are padded");
}

#[test]
fn short_types_are_decoded_exactly() {
    for bits in 0..=u16::MAX {
        let number = decode::half(bits);
        let exponent = i32::from(bits >> 10 & 0x1f);
        let mantissa = f64::from(bits & 0x3ff);
        let expected = match exponent {
            0x1f if mantissa == 0.0 => f64::INFINITY,
            0x1f => f64::NAN,
            0 => mantissa * 2f64.powi(-24),
            e => (1.0 + mantissa / 1024.0) * 2f64.powi(e - 15),
        } * if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
        assert!(f64::from(number) == expected || number.is_nan() && expected.is_nan(), "{bits:04x}: {number}");
    }
    let mut out = Vec::new();
    Kind::F8E4M3.decode(&[0x00, 0x01, 0x08, 0x38, 0x7e, 0x7f, 0xb8], &mut out);
    assert_eq!(out[..5], [0.0, 1.0 / 512.0, 1.0 / 64.0, 1.0, 448.0]);
    assert!(out[5].is_nan() && out[6] == -1.0);
    out.clear();
    Kind::Bf16.decode(&[0x80, 0x3f], &mut out);
    Kind::F8E5M2.decode(&[0x3c], &mut out);
    assert_eq!(out, [1.0, 1.0]);
}

#[test]
fn every_length_and_content_is_survived() {
    let mut noise = Noise(13);
    let data: Vec<u8> = (0..4096).map(|_| noise.next() as u8).collect();
    for dtype in ["f64", "f32", "f16", "bf16", "f8_e4m3", "f8_e5m2", "q4_0", "q6_k", "tq1_0"] {
        for length in (0..300).chain([4095, 4096]) {
            for shape in [&[][..], &[u64::MAX, u64::MAX], &[length as u64], &[0, 5], &[3, length as u64 / 12]] {
                looked_at("output.weight", dtype, shape, Layout::LastIsInputs, &data[..length]);
            }
        }
    }
    assert!(
        look(
            &View { name: "", dtype: "i32", shape: &[1], layout: Layout::LastIsInputs, length: 4 },
            &mut |_, _| Ok(()),
            &mut || true
        )
        .unwrap()
        .is_none()
    );
}
