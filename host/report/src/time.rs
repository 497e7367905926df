//! Points in time as reports write them.

use chrono::{DateTime, SecondsFormat, Utc};

/// Seconds since 1970 as RFC 3339 in UTC with milliseconds; the epoch itself for what no calendar holds.
pub fn rfc3339(seconds: f64) -> String {
    utc(seconds).to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The same as a value.
pub fn utc(seconds: f64) -> DateTime<Utc> {
    // A float's cast saturates, and NaN becomes 0.
    DateTime::from_timestamp_millis((seconds * 1000.0).round() as i64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(rfc3339(1_795_311_568.5), "2026-11-22T01:39:28.500Z");
        for odd in [f64::NAN, f64::INFINITY, -1e300] {
            assert_eq!(rfc3339(odd), "1970-01-01T00:00:00.000Z");
        }
    }
}
