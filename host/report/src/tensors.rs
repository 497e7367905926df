//! Tensors in a few numbers.

use std::collections::BTreeMap;

use modelaudit_engine::model::Tensor;

/// How many numbers the tensors hold: the lengths of their dimensions multiplied, added up, saturating. What a hostile header claims is a
/// claim.
pub fn parameters(tensors: &[Tensor]) -> u64 {
    let product = |shape: &[u64]| shape.iter().fold(1_u64, |n, &length| n.saturating_mul(length));
    tensors.iter().map(|tensor| product(&tensor.shape)).fold(0, u64::saturating_add)
}

/// What the tensors of one element type add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Number of tensors.
    pub tensors: u64,
    /// Their elements.
    pub parameters: u64,
    /// Their bytes in the file.
    pub bytes: u64,
}

/// The tensors by element type.
pub fn by_type(tensors: &[Tensor]) -> BTreeMap<&str, Share> {
    let mut shares: BTreeMap<_, Share> = BTreeMap::new();
    for tensor in tensors {
        let share = shares.entry(tensor.dtype.as_str()).or_default();
        share.tensors += 1;
        share.parameters = share.parameters.saturating_add(parameters(std::slice::from_ref(tensor)));
        share.bytes = share.bytes.saturating_add(tensor.at.length);
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use modelaudit_engine::model::Span;

    #[test]
    fn sums() {
        let tensor = |dtype: &str, shape: &[u64], length| Tensor {
            name: "t".to_owned(),
            dtype: dtype.to_owned(),
            shape: shape.to_vec(),
            at: Span { offset: 0, length },
        };
        let tensors = [tensor("f32", &[2, 3], 24), tensor("f32", &[], 4), tensor("i8", &[5], 5)];
        assert_eq!(parameters(&tensors), 12);
        assert_eq!(by_type(&tensors)["f32"], Share { tensors: 2, parameters: 7, bytes: 28 });
        assert_eq!(parameters(&[tensor("f32", &[u64::MAX, 2], 0), tensor("f32", &[1], 0)]), u64::MAX);
    }
}
