//! Distances that a few wild values don't spoil.

/// Turns the median absolute deviation of normal data into its standard deviation.
const NORMAL: f64 = 1.4826;

/// The middle value; the list is reordered. None if it is empty.
pub fn median(values: &mut [f64]) -> Option<f64> {
    let middle = values.len() / 2;
    if values.is_empty() {
        return None;
    }
    Some(*values.select_nth_unstable_by(middle, f64::total_cmp).1)
}

/// Each value's distance from the median in robust standard deviations (Iglewicz and Hoaglin, "How to Detect and Handle Outliers", 1993).
/// None if more than half of the values are equal: then there is no scale.
pub fn distances(values: &[f64]) -> Option<Vec<f64>> {
    let mut sorted = values.to_vec();
    let middle = median(&mut sorted)?;
    let mut deviations: Vec<f64> = values.iter().map(|v| (v - middle).abs()).collect();
    let deviation = median(&mut deviations)? * NORMAL;
    (deviation > 0.0).then(|| values.iter().map(|v| (v - middle) / deviation).collect())
}
