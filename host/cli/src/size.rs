//! Sizes as people type them.

use std::str::FromStr;

/// A number of bytes, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(u64);

impl Size {
    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

/// Units; each is 1024 times the one before, with or without the `i` and the `B`, as in the Python tool.
const UNITS: &str = "KMGTPE";

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = (&text[..split], text[split..].trim_start().to_ascii_uppercase());
        let letter = unit.strip_suffix("IB").or(unit.strip_suffix('B')).unwrap_or(&unit);
        let power = match letter {
            "" if unit != "IB" => 0,
            letter if letter.len() == 1 && UNITS.contains(letter) => UNITS.find(letter).unwrap_or_default() as u32 + 1,
            _ => return Err(format!("unknown unit {unit:?}: write 10GB, 512MiB or a number of bytes")),
        };
        // Whole numbers are taken exactly, only fractions go through floating point.
        let bytes = match number.parse::<u64>() {
            Ok(whole) => 1024_u64.checked_pow(power).and_then(|unit| whole.checked_mul(unit)),
            Err(_) => {
                let value: f64 =
                    number.parse().map_err(|_| "not a size: write 10GB, 512MiB or a number of bytes".to_owned())?;
                let bytes = value * 1024_f64.powi(power as i32);
                (bytes < u64::MAX as f64).then_some(bytes as u64)
            }
        };
        match bytes {
            Some(0) => Err("must be at least 1 byte".to_owned()),
            Some(bytes) => Ok(Self(bytes)),
            None => Err("too large: at most 16 EiB less one byte".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_that_are_taken() {
        let cases = [
            ("1", 1),
            ("10GB", 10 << 30),
            ("10 gb", 10 << 30),
            ("512MiB", 512 << 20),
            ("1.5k", 1536),
            ("2T", 2 << 40),
            ("7b", 7),
            (".5K", 512),
            ("18446744073709551615", u64::MAX),
            ("15E", 15 << 60),
        ];
        for (text, bytes) in cases {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
    }

    #[test]
    fn the_forms_that_are_not() {
        for text in [
            "",
            "GB",
            "-1",
            "0",
            "0.0001",
            "1.2.3",
            "1XB",
            "1 iB",
            "ten",
            "16E",
            "99999999999999999999",
            "1e3",
            "nan",
            ".",
            "1 KK",
            "٣",
        ] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }
}
