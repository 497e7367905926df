//! Outputs of a final layer: a backdoor that is put into a finished classifier shows as outputs whose weights are unlike the others'.
//!
//! The norm of an output's weights against the other outputs' (robust distance), and its direction against theirs. Directions are compared after a
//! random projection to 64 dimensions, which keeps cosines within about a tenth (Johnson and Lindenstrauss, 1984), so one pass is enough.

use crate::robust::distances;
use crate::{Kind, Layout, Oddity, View};

/// Parts of a name that say "final layer".
const FINAL: &[&str] = &["fc", "classifier", "head", "output", "final", "dense", "logits", "score", "predictions"];
/// Robust distance from which a norm is an outlier: normal data reaches 10 once in 10^23, trained layers of the benign set stay below 9.
const DISTANCE: f64 = 10.0;
/// Fewer outputs have no statistics; more are vocabularies, whose rare words' norms spread widely.
const OUTPUTS: std::ops::RangeInclusive<u64> = 3..=10_000;
/// Directions are compared for layers of at most so many outputs ...
const COMPARED: u64 = 1000;
/// ... and weights.
const COMPARED_WEIGHTS: u64 = 1 << 22;
/// Cosine below which two outputs do not resemble each other.
const ALIKE: f32 = 0.7;
/// Dimensions of the projection.
const DIMENSIONS: usize = 64;
/// Outputs that are named.
const NAMED: usize = 10;

/// Running sums for each output; empty for tensors that are no final layer.
pub struct Outputs {
    squares: Vec<f64>,
    directions: Vec<[f32; DIMENSIONS]>,
    /// Numbers of one output that stand together, or the number of outputs.
    row: u64,
    /// True if neighbours belong to different outputs.
    columns: bool,
    at: u64,
}

impl Outputs {
    /// For a tensor; looks at nothing unless it is the matrix of a final layer.
    pub fn new(view: &View<'_>, kind: Kind) -> Self {
        let none = Self { squares: Vec::new(), directions: Vec::new(), row: 1, columns: false, at: 0 };
        let name = view.name.to_lowercase();
        let words = |word: &&str| name.split(|c: char| !c.is_alphanumeric()).any(|part| part.starts_with(*word));
        let [first, last] = view.shape else { return none };
        let (outputs, row, columns) = match view.layout {
            Layout::LastIsInputs => (*first, *last, false),
            Layout::FirstIsInputs => (*last, *first, false),
            Layout::LastIsOutputs => (*last, *last, true),
        };
        let all = first.saturating_mul(*last);
        let whole = kind.is_plain() && all.saturating_mul(kind.block_bytes() as u64) == view.length;
        if !whole || !OUTPUTS.contains(&outputs) || row == 0 || all / outputs < 2 || !FINAL.iter().any(words) {
            return none;
        }
        let directions = if outputs <= COMPARED && all <= COMPARED_WEIGHTS && !columns { outputs as usize } else { 0 };
        Self {
            squares: vec![0.0; outputs as usize],
            directions: vec![[0.0; DIMENSIONS]; directions],
            row,
            columns,
            at: 0,
        }
    }

    /// Adds numbers, in their order.
    pub fn take(&mut self, numbers: &[f32]) {
        if self.squares.is_empty() {
            return;
        }
        let mut rest = numbers;
        while !rest.is_empty() {
            let inside = self.at % self.row;
            let now = ((self.row - inside) as usize).min(rest.len());
            let (part, after) = rest.split_at(now);
            if self.columns {
                for (sum, number) in self.squares[inside as usize..].iter_mut().zip(part) {
                    *sum += square(*number);
                }
            } else if let Some(output) = usize::try_from(self.at / self.row).ok().filter(|o| *o < self.squares.len()) {
                self.squares[output] += part.iter().map(|n| square(*n)).sum::<f64>();
                if let Some(direction) = self.directions.get_mut(output) {
                    project(direction, part, inside);
                }
            }
            self.at += now as u64;
            rest = after;
        }
    }

    /// What is odd.
    pub fn oddities(&self) -> Vec<Oddity> {
        let mut found = Vec::new();
        let of = self.squares.len() as u64;
        let norms: Vec<f64> = self.squares.iter().map(|s| s.sqrt()).collect();
        // A few: if many are far off, that is how this layer is.
        let few = |count: usize| count > 0 && count as u64 <= (of / 100).max(3).min(of / 2);
        if let Some(distances) = distances(&norms) {
            let far: Vec<usize> = (0..norms.len()).filter(|i| distances[*i].abs() > DISTANCE).collect();
            if few(far.len()) {
                let distance = far.iter().map(|i| distances[*i].abs()).fold(0.0, f64::max);
                found.push(Oddity::OutlierOutputs { outputs: named(&far), count: far.len() as u64, of, distance });
            }
        }
        let alone = self.alone();
        if few(alone.len()) {
            found.push(Oddity::DissimilarOutputs { outputs: named(&alone), count: alone.len() as u64, of });
        }
        found
    }

    /// Outputs that resemble no other, if the others do.
    fn alone(&self) -> Vec<usize> {
        let unit: Vec<[f32; DIMENSIONS]> = self.directions.iter().map(normalised).collect();
        let resembles = |i: usize| {
            unit.iter()
                .enumerate()
                .any(|(j, other)| j != i && unit[i].iter().zip(other).map(|(a, b)| a * b).sum::<f32>().abs() >= ALIKE)
        };
        (0..unit.len()).filter(|i| !resembles(*i)).collect()
    }
}

fn named(outputs: &[usize]) -> Vec<u64> {
    outputs.iter().take(NAMED).map(|o| *o as u64).collect()
}

fn square(number: f32) -> f64 {
    if number.is_finite() { f64::from(number) * f64::from(number) } else { 0.0 }
}

/// Adds numbers to a projection. Signs come from a hash of the place, so each output is projected alike.
fn project(direction: &mut [f32; DIMENSIONS], numbers: &[f32], first: u64) {
    for (place, number) in (first..).zip(numbers) {
        let number = if number.is_finite() { *number } else { 0.0 };
        let signs = mix(place);
        for (dimension, sum) in direction.iter_mut().enumerate() {
            *sum += if signs >> dimension & 1 == 0 { number } else { -number };
        }
    }
}

/// SplitMix64.
fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

fn normalised(direction: &[f32; DIMENSIONS]) -> [f32; DIMENSIONS] {
    let length = direction.iter().map(|x| x * x).sum::<f32>().sqrt();
    direction.map(|x| if length > 0.0 { x / length } else { 0.0 })
}
