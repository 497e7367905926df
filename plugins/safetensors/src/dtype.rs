//! Element types of safetensors.
//!
//! Source: `Dtype` in safetensors/src/tensor.rs of huggingface/safetensors. Newer releases add types; one that is not in the
//! table but whose name tells its width is taken at its word if the tensor's size agrees.

/// Name in the header and bits of one element.
const DTYPES: &[(&str, u64)] = &[
    ("BF16", 16),
    ("BOOL", 8),
    ("C64", 64),
    ("F16", 16),
    ("F32", 32),
    ("F4", 4),
    ("F64", 64),
    ("F6_E2M3", 6),
    ("F6_E3M2", 6),
    ("F8_E4M3", 8),
    ("F8_E4M3FNUZ", 8),
    ("F8_E5M2", 8),
    ("F8_E5M2FNUZ", 8),
    ("F8_E8M0", 8),
    ("I16", 16),
    ("I32", 32),
    ("I64", 64),
    ("I8", 8),
    ("U16", 16),
    ("U32", 32),
    ("U64", 64),
    ("U8", 8),
];

/// What a dtype name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dtype {
    /// A type of the format, with the bits of an element.
    Known(u64),
    /// Not in the table, but formed like one (`I4`, `C128`, `F8_E3M4`): a newer release may have it. With the bits that
    /// its name tells.
    Plausible(u64),
    /// Nothing that a release could mean.
    Unknown,
}

impl Dtype {
    /// Looks a name up.
    pub fn of(name: &str) -> Self {
        if let Ok(index) = DTYPES.binary_search_by(|(known, _)| (*known).cmp(name)) {
            return DTYPES.get(index).map_or(Self::Unknown, |(_, bits)| Self::Known(*bits));
        }
        let digits = name.trim_start_matches(|c: char| c.is_ascii_uppercase());
        let letters = name.len() - digits.len();
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        let (width, suffix) = digits.split_at(end);
        let suffix_fits = suffix.is_empty()
            || (suffix.starts_with('_')
                && suffix.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_'));
        match width.parse() {
            Ok(bits @ 1..=256) if (1..=4).contains(&letters) && suffix_fits && name.len() <= 24 => {
                Self::Plausible(bits)
            }
            _ => Self::Unknown,
        }
    }

    /// Bits of one element, if they are known.
    pub fn bits(self) -> Option<u64> {
        match self {
            Self::Known(bits) | Self::Plausible(bits) => Some(bits),
            Self::Unknown => None,
        }
    }
}

/// Bytes that a tensor takes: None if the product overflows or is no whole number of bytes.
pub fn size(shape: &[u64], bits: u64) -> Option<u64> {
    let total = elements(shape)?.checked_mul(bits)?;
    (total % 8 == 0).then_some(total / 8)
}

/// Number of elements, None if it overflows.
pub fn elements(shape: &[u64]) -> Option<u64> {
    shape.iter().try_fold(1u64, |product, dimension| product.checked_mul(*dimension))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(DTYPES.windows(2).all(|w| w[0].0 < w[1].0));
    }

    #[test]
    fn names_are_judged() {
        assert_eq!(Dtype::of("BF16"), Dtype::Known(16));
        assert_eq!(Dtype::of("F8_E3M4"), Dtype::Plausible(8));
        assert_eq!(Dtype::of("C128"), Dtype::Plausible(128));
        for bad in ["", "F", "32", "f32", "float32", "EVIL", "F32;x", "F0", "F99999", "F8-E4M3"] {
            assert_eq!(Dtype::of(bad), Dtype::Unknown, "{bad}");
        }
    }

    #[test]
    fn sizes_are_checked() {
        assert_eq!(size(&[], 32), Some(4));
        assert_eq!(size(&[3, 0, 5], 32), Some(0));
        assert_eq!(size(&[3], 4), None);
        assert_eq!(size(&[4], 6), Some(3));
        assert_eq!(size(&[1 << 40, 1 << 40], 8), None);
    }
}
