//! A number in a result file: finite, in plain digits, the shortest that read back the same.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::fmt;

/// A finite float, written without exponent in the fewest digits that give the same bits back.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug)]
pub struct Number(f64);

impl Number {
    /// `value` as a field; `None`, an empty field, if it is not finite.
    pub fn of(value: f64) -> Option<Self> {
        // Adding 0 turns −0 into 0.
        value.is_finite().then_some(Self(value + 0.0))
    }

    /// The float.
    pub fn get(self) -> f64 {
        self.0
    }
}

/// An optional float as a field.
pub fn field(value: Option<f64>) -> Option<Number> {
    value.and_then(Number::of)
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        assert!(self.0.is_finite(), "no NaN and no infinity reaches a file");
        // Rust's Display for floats is the shortest round trip and never uses an exponent.
        fmt::Display::fmt(&self.0, f)
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = f64::deserialize(deserializer)?;
        Self::of(value).ok_or_else(|| D::Error::custom("a number in a result file is finite"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_plain_short_and_read_back() {
        for (value, want) in [
            (0.1 + 0.2, "0.30000000000000004"),
            (1e-7, "0.0000001"),
            (1e21, "1000000000000000000000"),
            (-0.0, "0"),
            (312.0, "312"),
        ] {
            let text = Number::of(value).expect("finite").to_string();
            assert_eq!(text, want);
            assert_eq!(text.parse::<f64>().expect("a float"), value);
        }
        assert_eq!((Number::of(f64::NAN), Number::of(f64::INFINITY)), (None, None));
    }
}
