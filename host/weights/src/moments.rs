//! Sums over a whole tensor: how many numbers are no numbers, how large they are.

use crate::{Kind, Oddity};

/// Weights of real models stay below: normalisation layers and embeddings reach a few hundred, half precision ends at 65,504. Beyond,
/// nothing that was trained survives a forward pass.
const LARGEST: f64 = 1e6;
/// Root of the mean square beyond which a tensor swamps its layer; none of the benign set (README of fixtures/weights) is above 200.
const ROOT_MEAN_SQUARE: f64 = 1e4;

/// Running sums.
#[derive(Default)]
pub struct Moments {
    count: u64,
    nan: u64,
    infinite: u64,
    squares: f64,
    largest: f32,
    smallest: Option<(f32, f32)>,
}

impl Moments {
    /// Adds numbers.
    pub fn take(&mut self, numbers: &[f32]) {
        self.count += numbers.len() as u64;
        // Sums of one block in eight lanes: vectorised, and exact enough, for a block is short.
        let mut lanes = [0f32; 8];
        let mut tops = [0f32; 8];
        let mut odd = 0u64;
        for eight in numbers.chunks(8) {
            for (lane, number) in eight.iter().enumerate() {
                let finite = number.is_finite();
                odd += u64::from(!finite);
                let size = if finite { number.abs() } else { 0.0 };
                lanes[lane] += size * size;
                tops[lane] = tops[lane].max(size);
            }
        }
        self.squares += lanes.iter().map(|l| f64::from(*l)).sum::<f64>();
        self.largest = tops.iter().copied().fold(self.largest, f32::max);
        if odd > 0 {
            let nan = numbers.iter().filter(|n| n.is_nan()).count() as u64;
            self.nan += nan;
            self.infinite += odd - nan;
        }
        for number in [numbers.first(), numbers.last()].into_iter().flatten() {
            let (low, high) = self.smallest.unwrap_or((*number, *number));
            self.smallest = Some((low.min(*number), high.max(*number)));
        }
        if self.is_constant() && numbers.iter().any(|n| Some((*n, *n)) != self.smallest) {
            self.smallest = Some((f32::NEG_INFINITY, f32::INFINITY));
        }
    }

    /// True if all numbers are the same one.
    pub fn is_constant(&self) -> bool {
        self.smallest.is_some_and(|(low, high)| low == high)
    }

    /// What is odd.
    pub fn oddities(&self, kind: Kind) -> Vec<Oddity> {
        let mut found = Vec::new();
        if self.nan > 0 || (self.infinite > 0 && !kind.is_plain()) || self.infinite * 2 > self.count {
            // Masks hold minus infinity in half of their places and are no weights; scales never do.
            found.push(Oddity::NotFinite { nan: self.nan, infinite: self.infinite, of: self.count });
        } else if self.infinite > 0 && self.infinite * 10 < self.count {
            found.push(Oddity::NotFinite { nan: 0, infinite: self.infinite, of: self.count });
        }
        let finite = self.count - self.nan - self.infinite;
        let root_mean_square = if finite > 0 { (self.squares / finite as f64).sqrt() } else { 0.0 };
        let largest = f64::from(self.largest);
        // A scalar (a step count, a scale) and the tables of positions are large by their nature.
        if finite > 16 && !self.is_constant() && (root_mean_square > ROOT_MEAN_SQUARE || largest > LARGEST) {
            found.push(Oddity::ExtremeNorm { root_mean_square, largest });
        }
        found
    }
}
