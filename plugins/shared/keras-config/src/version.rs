//! Versions of Keras, as far as advisories name them.

/// Major, minor, patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32, pub u32);

impl Version {
    /// Reads `3.5.0`, `2.13.1-tf`, `3.0.0.dev2024`; what follows the third number is left out. None if it does not begin so.
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.trim().splitn(4, '.').map(|part| {
            let digits = part.bytes().take_while(u8::is_ascii_digit).count();
            part.get(..digits).and_then(|d| d.parse::<u32>().ok())
        });
        Some(Self(numbers.next()??, numbers.next().flatten().unwrap_or(0), numbers.next().flatten().unwrap_or(0)))
    }

    /// Whether it is in `[from, to)`.
    pub fn is_in(self, from: Self, to: Self) -> bool {
        from <= self && self < to
    }
}
