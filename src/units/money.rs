//! Money: whole µBTT, and prices as exact ratios so that comparing two bids never rounds.

mod ratio;
pub use ratio::NanoUsd;

use super::Bytes;
use std::cmp::Ordering;
use std::ops::{Add, AddAssign, Sub, SubAssign};

/// Bytes in a GiB, the unit in which people quote prices.
const GIB: f64 = 1_073_741_824.0;

/// An amount of money in µBTT, a millionth of a BTT of 2019: the smallest unit of the token's own
/// ledger. Holds 18 times the whole supply of 990 · 10⁹ BTT.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct MicroBtt(pub u64);

impl MicroBtt {
    /// No money.
    pub const ZERO: Self = Self(0);
    /// One BTT.
    pub const BTT: Self = Self(1_000_000);

    /// From a number of BTT, to the nearest µBTT; negative is 0.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "float to integer saturates: negative to 0"
    )]
    pub fn from_btt(btt: f64) -> Self {
        Self((btt * 1e6 + 0.5) as u64)
    }

    /// BTT, for people.
    #[expect(clippy::cast_precision_loss, reason = "for people: exact to 9 · 10⁹ BTT")]
    pub fn as_btt(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// BTT, for people, of a sum of µBTT that may be wider than an amount.
    #[expect(clippy::cast_precision_loss, reason = "for people: to 16 digits")]
    pub fn wide_as_btt(sum: u128) -> f64 {
        sum as f64 / 1e6
    }

    /// The sum, unless it overflows.
    #[inline]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference, unless it would be negative.
    #[inline]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// The difference, not below nothing.
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// The largest multiple of `coin` that is not more.
    ///
    /// # Panics
    /// If the coin is worth nothing.
    pub fn in_coins_of(self, coin: Self) -> Self {
        assert!(coin > Self::ZERO, "a coin is worth something");
        Self(self.0 - self.0 % coin.0)
    }
}

impl Add for MicroBtt {
    type Output = Self;
    #[inline]
    fn add(self, other: Self) -> Self {
        self.checked_add(other).expect("an amount of money fits 64 bits")
    }
}

impl AddAssign for MicroBtt {
    #[inline]
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for MicroBtt {
    type Output = Self;
    #[inline]
    fn sub(self, other: Self) -> Self {
        self.checked_sub(other).expect("an amount of money is never negative")
    }
}

impl SubAssign for MicroBtt {
    #[inline]
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

/// A price of data: so many µBTT for so many bytes, kept as that ratio.
///
/// Two prices are equal if the ratios are: 2 µBTT for 4 bytes is 1 µBTT for 2. Comparing
/// multiplies crosswise in 128 bits and is exact, so multiplying all money by one factor changes
/// no comparison.
#[derive(Clone, Copy, Debug)]
pub struct Price {
    micro: u64,
    bytes: u64,
}

impl Price {
    /// For free.
    pub const ZERO: Self = Self { micro: 0, bytes: 1 };

    /// `amount` for `data`.
    ///
    /// # Panics
    /// If it is for no data at all.
    pub fn new(amount: MicroBtt, data: Bytes) -> Self {
        assert!(data > Bytes::ZERO, "a price is for some data");
        Self { micro: amount.0, bytes: data.0 }
    }

    /// Whether it is for free.
    #[inline]
    pub fn is_zero(self) -> bool {
        self.micro == 0
    }

    /// The price of `data`, rounded down to a multiple of `coin`.
    ///
    /// # Panics
    /// If it does not fit an amount of money, or the coin is worth nothing.
    #[inline]
    pub fn of(self, data: Bytes, coin: MicroBtt) -> MicroBtt {
        assert!(coin > MicroBtt::ZERO, "a coin is worth something");
        let exact = u128::from(self.micro) * u128::from(data.0);
        let per_coin = u128::from(self.bytes) * u128::from(coin.0);
        let coins = match (u64::try_from(exact), u64::try_from(per_coin)) {
            // Prices are mostly for a GiB, and a division takes longer than all the rest.
            (Ok(exact), Ok(per_coin)) if per_coin.is_power_of_two() => {
                exact >> per_coin.trailing_zeros()
            }
            (Ok(exact), Ok(per_coin)) => exact / per_coin,
            _ => wide_quotient(exact, per_coin),
        };
        MicroBtt(coins.checked_mul(coin.0).expect("the price of some data fits 64 bits"))
    }

    /// Data that `amount` buys at this price, rounded down; `None` if everything is free.
    pub fn buys(self, amount: MicroBtt) -> Option<Bytes> {
        let exact = (u128::from(amount.0) * u128::from(self.bytes)).checked_div(self.micro.into());
        exact.map(|bytes| Bytes(u64::try_from(bytes).unwrap_or(u64::MAX)))
    }

    /// Whether it differs from `other` by more than `percent` of `other`.
    pub fn differs(self, other: Self, percent: u64) -> bool {
        let ours = u128::from(self.micro) * u128::from(other.bytes);
        let theirs = u128::from(other.micro) * u128::from(self.bytes);
        // |ours - theirs| / theirs > percent / 100; both products are below 2¹²⁸ / 100 for any
        // amount and size a scenario can state.
        ours.abs_diff(theirs).saturating_mul(100) > theirs.saturating_mul(percent.into())
    }

    /// Compares prices of different amounts of data.
    #[cold]
    #[inline(never)]
    fn cmp_crosswise(self, other: Self) -> Ordering {
        let ours = u128::from(self.micro) * u128::from(other.bytes);
        ours.cmp(&(u128::from(other.micro) * u128::from(self.bytes)))
    }

    /// BTT per GiB, for people.
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    pub fn as_btt_per_gib(self) -> f64 {
        self.micro as f64 / 1e6 / (self.bytes as f64 / GIB)
    }

    /// From BTT per GiB, to the nearest µBTT per GiB.
    pub fn from_btt_per_gib(btt: f64) -> Self {
        Self { micro: MicroBtt::from_btt(btt).0, bytes: 1 << 30 }
    }
}

impl PartialEq for Price {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        // Nearly all prices are for the same amount of data.
        self.bytes == other.bytes && self.micro == other.micro
            || self.bytes != other.bytes && self.cmp_crosswise(*other).is_eq()
    }
}

impl Eq for Price {}

impl PartialOrd for Price {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Price {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        if self.bytes == other.bytes {
            return self.micro.cmp(&other.micro);
        }
        self.cmp_crosswise(*other)
    }
}

/// A quotient of numbers that do not fit 64 bits, which hardly ever happens.
#[cold]
#[inline(never)]
fn wide_quotient(exact: u128, per_coin: u128) -> u64 {
    u64::try_from(exact / per_coin).expect("the price of some data fits 64 bits")
}

impl Default for Price {
    fn default() -> Self {
        Self::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_compare_as_ratios() {
        let price = |micro, bytes| Price::new(MicroBtt(micro), Bytes(bytes));
        assert_eq!(price(2, 4), price(1, 2));
        assert!(price(1, 3) < price(34, 100) && price(33, 100) < price(1, 3));
        assert!(Price::ZERO < price(1, u64::MAX) && price(0, 7) == Price::ZERO);
        let big = price(u64::MAX, u64::MAX - 1);
        assert!(big > price(u64::MAX - 1, u64::MAX - 1) && !big.is_zero());
    }

    #[test]
    fn what_data_costs_is_rounded_down_to_coins() {
        let price = Price::new(MicroBtt(10), Bytes(3));
        assert_eq!(price.of(Bytes(10), MicroBtt(1)), MicroBtt(33));
        assert_eq!(price.of(Bytes(10), MicroBtt(4)), MicroBtt(32));
        let twice = Price::new(MicroBtt(20), Bytes(3));
        for bytes in [1, 7, 10, 16_384, 1 << 30] {
            let (one, two) =
                (price.of(Bytes(bytes), MicroBtt(1)), twice.of(Bytes(bytes), MicroBtt(2)));
            assert_eq!(two.0, 2 * one.0, "twice the money, twice the coin");
        }
        assert_eq!(price.buys(MicroBtt(33)), Some(Bytes(9)));
        assert_eq!(Price::ZERO.buys(MicroBtt(33)), None);
        // Products beyond 64 bits divide as well.
        let dear = Price::new(MicroBtt(u64::MAX), Bytes(u64::MAX - 1));
        assert_eq!(dear.of(Bytes(1 << 40), MicroBtt(1)), MicroBtt(1 << 40));
        assert_eq!(dear.of(Bytes(1 << 40), MicroBtt(3)), MicroBtt((1 << 40) / 3 * 3));
        // 10 BTT over 1 GiB: 9.54e-6 BTT per kB of 1024 bytes.
        let bid = Price::new(MicroBtt::from_btt(10.0), Bytes(1 << 30));
        assert!((bid.as_btt_per_gib() - 10.0).abs() < 1e-12);
        assert_eq!(bid, Price::from_btt_per_gib(10.0));
    }

    #[test]
    fn a_tenth_more_is_no_change_and_more_than_that_is() {
        let price = |micro| Price::new(MicroBtt(micro), Bytes(1000));
        assert!(!price(110).differs(price(100), 10) && !price(90).differs(price(100), 10));
        assert!(price(111).differs(price(100), 10) && price(89).differs(price(100), 10));
        assert!(price(1).differs(Price::ZERO, 10) && !Price::ZERO.differs(Price::ZERO, 10));
    }
}
