//! Numbers: the grammar of RFC 8259, checked byte by byte; the value stays text until somebody asks for it.

use modelaudit_plugin::Span;

/// Digits beyond this are checked, not kept: no number a format needs is longer.
pub(crate) const KEPT: usize = 64;

/// A number as it is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Number<'p> {
    /// Its text, at most the first 64 bytes.
    pub text: &'p str,
    /// Where it stands.
    pub at: Span,
}

impl Number<'_> {
    /// The value if it is written as a non-negative integer (no sign, point or exponent) that fits.
    pub fn as_u64(&self) -> Option<u64> {
        if self.at.length != self.text.len() as u64 { None } else { integer(self.text) }
    }

    /// The nearest value; None for one that was cut or is not finite.
    pub fn as_f64(&self) -> Option<f64> {
        if self.at.length != self.text.len() as u64 {
            return None;
        }
        self.text.parse().ok().filter(|v: &f64| v.is_finite())
    }
}

/// A non-negative integer without sign, point or exponent.
pub(crate) fn integer(text: &str) -> Option<u64> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// The grammar's states; `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Start,
    Minus,
    Zero,
    Integer,
    Point,
    Fraction,
    Exponent,
    Sign,
    Digits,
}

impl State {
    /// The next state, None if the byte does not continue the number.
    pub(crate) fn step(self, byte: u8) -> Option<Self> {
        Some(match (self, byte) {
            (Self::Start, b'-') => Self::Minus,
            (Self::Start | Self::Minus, b'0') => Self::Zero,
            (Self::Start | Self::Minus, b'1'..=b'9') | (Self::Integer, b'0'..=b'9') => Self::Integer,
            (Self::Zero | Self::Integer, b'.') => Self::Point,
            (Self::Point | Self::Fraction, b'0'..=b'9') => Self::Fraction,
            (Self::Zero | Self::Integer | Self::Fraction, b'e' | b'E') => Self::Exponent,
            (Self::Exponent, b'+' | b'-') => Self::Sign,
            (Self::Exponent | Self::Sign | Self::Digits, b'0'..=b'9') => Self::Digits,
            _ => return None,
        })
    }

    /// True if the number may end here.
    pub(crate) fn is_final(self) -> bool {
        matches!(self, Self::Zero | Self::Integer | Self::Fraction | Self::Digits)
    }
}
