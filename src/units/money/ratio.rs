//! What decisions about money compute: prices multiplied by ratios, and dollars.
//!
//! Law: a product is exact wherever it can be held in 64 bits for 64 bits; where not, it is rounded
//! down, so that nobody ever bids more than the rule says.

use super::{Bytes, MicroBtt, Price};

/// An amount of US dollars in billionths: what things outside the swarm cost. It never enters the
/// ledger.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct NanoUsd(pub u64);

impl NanoUsd {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// From a number of dollars, to the nearest billionth; negative is 0.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "float to integer saturates: negative to 0"
    )]
    pub fn from_usd(dollars: f64) -> Self {
        Self((dollars * 1e9 + 0.5) as u64)
    }

    /// Dollars, for people.
    #[expect(clippy::cast_precision_loss, reason = "for people: exact to 9 million dollars")]
    pub fn as_usd(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// What so much costs at this price of a GiB, rounded down.
    pub fn of_gib(self, bytes: Bytes) -> Self {
        let exact = (u128::from(self.0) * u128::from(bytes.0)) >> 30;
        Self(u64::try_from(exact).unwrap_or(u64::MAX))
    }

    /// Both together, or the most there can be.
    pub fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// What this buys where a BTT costs so much, rounded down to the µBTT; nothing where there is
    /// no price.
    pub fn buys_at(self, per_btt: Self) -> MicroBtt {
        let exact = u128::from(self.0) * u128::from(MicroBtt::BTT.0);
        let micro = exact.checked_div(per_btt.0.into()).unwrap_or(0);
        MicroBtt(u64::try_from(micro).unwrap_or(u64::MAX))
    }
}

impl Price {
    /// This price times `n / d`.
    ///
    /// # Panics
    /// If `d` is 0.
    pub fn times(self, n: u64, d: u64) -> Self {
        assert!(d > 0, "a ratio has a denominator");
        let common = gcd(n.into(), d.into());
        let micro = u128::from(self.micro) * (u128::from(n) / common);
        let bytes = u128::from(self.bytes) * (u128::from(d) / common);
        Self::held(micro, bytes)
    }

    /// The ratio of two wide numbers, rounded down if it must be.
    fn held(micro: u128, bytes: u128) -> Self {
        if let (Ok(micro), Ok(bytes)) = (u64::try_from(micro), u64::try_from(bytes)) {
            return Self { micro, bytes };
        }
        let common = gcd(micro, bytes);
        let (micro, bytes) = (micro / common, bytes / common);
        let narrow = |wide: u128| u64::try_from(wide).unwrap_or(u64::MAX);
        let excess = 64_u32.saturating_sub(micro.max(bytes).leading_zeros());
        if bytes >> excess < 1 << 20 {
            // More than 2⁴⁴ µBTT a byte: whole ones are fine enough.
            return Self { micro: narrow(micro / bytes), bytes: 1 };
        }
        // The denominator upward, so that the price is rounded down.
        Self { micro: narrow(micro >> excess), bytes: narrow(bytes.div_ceil(1 << excess)) }
    }

    /// What part of `whole` it is, in millionths, rounded down; the price of nothing is no part,
    /// and a part of nothing is `u64::MAX`.
    pub fn millionths_of(self, whole: Self) -> u64 {
        if self.is_zero() {
            return 0;
        }
        let ours = u128::from(self.micro) * u128::from(whole.bytes);
        let theirs = u128::from(whole.micro) * u128::from(self.bytes);
        // A million takes 20 bits: products that leave less room lose their last 20 bits first.
        let spare = if ours >> 108 == 0 { 0 } else { 20 };
        let part = ((ours >> spare) * 1_000_000).checked_div(theirs >> spare);
        part.and_then(|part| u64::try_from(part).ok()).unwrap_or(u64::MAX)
    }
}

/// The greatest common divisor; at least 1.
fn gcd(mut a: u128, mut b: u128) -> u128 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{Bytes, MicroBtt};

    fn price(micro: u64, bytes: u64) -> Price {
        Price::new(MicroBtt(micro), Bytes(bytes))
    }

    #[test]
    fn products_are_exact_where_they_can_be_held_and_never_above_elsewhere() {
        for (p, n, d, want) in [
            (price(10, 3), 1, 2, price(5, 3)),
            (price(10, 3), 300, 100, price(10, 1)),
            (price(0, 3), 5, 7, Price::ZERO),
            (price(u64::MAX, 3), 100, 100, price(u64::MAX, 3)),
            (price(1 << 63, 1 << 40), 4, 1, price(1 << 30, 1 << 5)),
        ] {
            assert_eq!(p.times(n, d), want, "{p:?} × {n}/{d}");
        }
        // 2⁶⁴ − 1 µBTT for 2⁶⁴ − 3 bytes, times 2³¹ − 1 over 2³¹ − 19: both sides need 95 bits.
        let (n, d) = ((1 << 31) - 1, (1 << 31) - 19);
        let grown = price(u64::MAX, u64::MAX - 2).times(n, d);
        assert!(grown <= price(n, d).times(u64::MAX, u64::MAX - 2), "either way");
        let low = price(1_000_000_008, 1_000_000_000);
        assert!(low < grown && grown < price(1_000_000_009, 1_000_000_000), "18/(2³¹ − 19) more");
        assert_eq!(price(u64::MAX, 1).times(9, 1), price(u64::MAX, 1), "saturates");
    }

    #[test]
    fn parts_are_in_millionths_at_any_size() {
        assert_eq!(price(1, 4).millionths_of(price(1, 2)), 500_000);
        assert_eq!(price(2, 6).millionths_of(price(1, 1)), 333_333);
        assert_eq!(Price::ZERO.millionths_of(Price::ZERO), 0);
        assert_eq!(price(1, 1).millionths_of(Price::ZERO), u64::MAX);
        let huge = price(u64::MAX, u64::MAX - 1);
        assert_eq!(huge.millionths_of(huge), 1_000_000);
        assert_eq!(huge.times(1, 2).millionths_of(huge), 499_999, "rounded down");
    }

    #[test]
    fn dollars_survive_the_round_trip() {
        assert_eq!(NanoUsd::from_usd(0.00012), NanoUsd(120_000));
        assert!((NanoUsd(120_000).as_usd() - 0.00012).abs() < 1e-18);
        assert_eq!(NanoUsd::from_usd(-1.0), NanoUsd::ZERO);
        assert_eq!(NanoUsd::from_usd(1.0).buys_at(NanoUsd(120_000)), MicroBtt(8_333_333_333));
        assert_eq!(NanoUsd(u64::MAX).buys_at(NanoUsd(1)), MicroBtt(u64::MAX), "saturates");
        assert_eq!(NanoUsd(1).buys_at(NanoUsd::ZERO), MicroBtt::ZERO);
        assert_eq!(NanoUsd(2_000_001).of_gib(Bytes(3 << 29)), NanoUsd(3_000_001), "rounded down");
        assert_eq!(NanoUsd(u64::MAX).saturating_add(NanoUsd(1)), NanoUsd(u64::MAX));
    }
}
