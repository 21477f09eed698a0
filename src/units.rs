//! Quantities: time, bytes and rates, each a type of its own. The one file that casts numbers.
//!
//! Law: time is rounded up, progress is rounded down, so that nothing is ever done too early.
//! All quantities are integers; `f64` appears only where a person reads or writes a number.

mod chunks;
mod money;
pub use chunks::Chunks;
pub use money::{MicroBtt, NanoUsd, Price};

use std::ops::{Add, AddAssign, Sub, SubAssign};

/// Nanoseconds in a second.
pub const NS_PER_S: u64 = 1_000_000_000;
/// Bytes in a KiB.
pub const KIB: u64 = 1024;
/// A request asks for one block of 16 KiB (BEP 3; every client since mainline 3.x).
pub const BLOCK: Bytes = Bytes(16 * KIB);

/// A point on the simulated clock, in nanoseconds since the run began. Holds 584 years.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct SimTime(pub u64);

/// A length of simulated time in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Span(pub u64);

/// An amount of data in bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Bytes(pub u64);

/// A data rate in fixed point: one unit is 2⁻⁴⁰ bytes per nanosecond.
///
/// 1 KiB/s is 1 125 900 units, so a share of a link is exact to a millionth of it, and the sum of
/// the shares never exceeds the link: shares are rounded down.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct ByteRate(pub u64);

/// An amount of data in flight in fixed point: one unit is 2⁻²⁰ bytes. Holds 16 TiB.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Volume(pub u64);

impl SimTime {
    /// The start of every run.
    pub const ZERO: Self = Self(0);
    /// Later than anything that happens.
    pub const NEVER: Self = Self(u64::MAX);

    /// The time `seconds` after the start, to the nearest nanosecond; negative is 0.
    pub fn from_secs(seconds: f64) -> Self {
        Self(Span::from_secs(seconds).0)
    }

    /// Seconds since the start, for people.
    pub fn as_secs(self) -> f64 {
        Span(self.0).as_secs()
    }

    /// How long ago `earlier` was; 0 if it lies ahead.
    pub fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Span> for SimTime {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// Longer than any run.
    pub const FOREVER: Self = Self(u64::MAX);

    /// `seconds` as a span, to the nearest nanosecond; negative is 0, infinite is `FOREVER`.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "float to integer saturates: negative to 0, huge to FOREVER"
    )]
    pub fn from_secs(seconds: f64) -> Self {
        Self((seconds * 1e9 + 0.5) as u64)
    }

    /// Seconds, for people.
    #[expect(clippy::cast_precision_loss, reason = "for people: 2^53 ns is 104 days exactly")]
    pub fn as_secs(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// Hours, for people.
    pub fn as_hours(self) -> f64 {
        self.as_secs() / 3600.0
    }

    /// `self` times `n`, saturating.
    pub fn times(self, n: u64) -> Self {
        Self(self.0.saturating_mul(n))
    }
}

impl Add for Span {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Span {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Bytes {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// From a number of KiB.
    pub fn from_kib(kib: u64) -> Self {
        Self(kib.saturating_mul(KIB))
    }

    /// The rate that moves this much in `span`, rounded down; nothing in no time is no rate.
    pub fn rate_over(self, span: Span) -> ByteRate {
        let units = (u128::from(self.0) << 40) / u128::from(span.0.max(1));
        ByteRate(narrow(units).min(ByteRate::UNLIMITED.0))
    }

    /// The exact amount as a volume in flight.
    pub fn volume(self) -> Volume {
        debug_assert!(self.0 < 1 << 44, "a volume in flight holds 16 TiB");
        Volume(self.0 << 20)
    }

    /// GiB, for people.
    pub fn as_gib(self) -> f64 {
        self.as_f64() / 1_073_741_824.0
    }

    /// As a float, for statistics. Exact to 8 PiB.
    #[expect(clippy::cast_precision_loss, reason = "exact to 8 PiB")]
    pub fn as_f64(self) -> f64 {
        self.0 as f64
    }
}

impl Add for Bytes {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl AddAssign for Bytes {
    #[inline]
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl Sub for Bytes {
    type Output = Self;
    #[inline]
    fn sub(self, other: Self) -> Self {
        Self(self.0.checked_sub(other.0).expect("bytes never go below zero"))
    }
}

impl SubAssign for Bytes {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl ByteRate {
    /// A link that carries nothing.
    pub const ZERO: Self = Self(0);
    /// No limit of its own: 1 TiB/s, faster than any link a scenario can state.
    pub const UNLIMITED: Self = Self(1_208_925_819_614_629);

    /// From KiB per second, rounded to the nearest unit; capped at `UNLIMITED`.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "float to integer saturates, and the result is capped"
    )]
    pub fn from_kib_per_s(rate: f64) -> Self {
        Self(((rate * UNITS_PER_KIB_PER_S + 0.5) as u64).min(Self::UNLIMITED.0))
    }

    /// KiB per second, for people.
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    pub fn as_kib_per_s(self) -> f64 {
        self.0 as f64 / UNITS_PER_KIB_PER_S
    }

    /// Whether this is no limit at all.
    pub fn is_unlimited(self) -> bool {
        self >= Self::UNLIMITED
    }

    /// What flows in `span`, rounded down.
    #[inline]
    pub fn volume_in(self, span: Span) -> Volume {
        Volume(narrow((u128::from(self.0) * u128::from(span.0)) >> 20))
    }

    /// Whole bytes that flow in `span`, rounded down.
    pub fn bytes_in(self, span: Span) -> Bytes {
        Bytes(narrow((u128::from(self.0) * u128::from(span.0)) >> 40))
    }

    /// The rate times a factor in `0..`, rounded down to the unit.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "53 bits hold any link to a millionth; the result is capped"
    )]
    pub fn scaled(self, factor: f64) -> Self {
        if self.is_unlimited() {
            return self;
        }
        Self(((self.0 as f64 * factor) as u64).min(Self::UNLIMITED.0))
    }
}

/// Fixed-point units in 1 KiB/s: 1024 × 2⁴⁰ ÷ 10⁹.
const UNITS_PER_KIB_PER_S: f64 = 1_125_899.906_842_624;

impl Add for ByteRate {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for ByteRate {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.checked_sub(other.0).expect("a rate never goes below zero"))
    }
}

impl Volume {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Whole bytes, rounded down.
    pub fn bytes(self) -> Bytes {
        Bytes(self.0 >> 20)
    }

    /// Whole bytes, rounded up.
    #[inline]
    pub fn bytes_up(self) -> Bytes {
        Bytes(self.0.div_ceil(1 << 20))
    }

    /// How long this takes at `rate`, rounded up; `FOREVER` at rate zero.
    #[inline]
    pub fn time_at(self, rate: ByteRate) -> Span {
        if rate.0 == 0 {
            return Span::FOREVER;
        }
        // 64-bit division is several times faster than 128-bit and serves all volumes < 16 MiB.
        if self.0 < 1 << 44 {
            return Span((self.0 << 20).div_ceil(rate.0));
        }
        let ns = (u128::from(self.0) << 20).div_ceil(u128::from(rate.0));
        Span(u64::try_from(ns).unwrap_or(u64::MAX))
    }
}

impl Add for Volume {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Volume {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.checked_sub(other.0).expect("a volume never goes below zero"))
    }
}

/// The low 64 bits, saturating.
#[inline]
fn narrow(wide: u128) -> u64 {
    u64::try_from(wide).unwrap_or(u64::MAX)
}

/// A count as an index type of 32 bits.
#[inline]
pub fn u32_of(n: usize) -> u32 {
    u32::try_from(n).expect("no collection in a run holds 2^32 things")
}

/// A count as an index type of 16 bits.
#[inline]
pub fn u16_of(n: usize) -> u16 {
    u16::try_from(n).expect("a torrent has at most 65 534 pieces, a peer as many neighbours")
}

/// An arena smaller than this, in bytes, doubles when it is full: to copy it over and over takes
/// time.
const SMALL: usize = 1 << 20;

/// Makes an arena `more` longer. A large one grows by a sixteenth when it is full: arenas are most
/// of the memory of a large swarm, and twice as much as is needed would be paid for in cache
/// misses.
pub fn extend<T: Clone>(arena: &mut Vec<T>, more: usize, value: T) {
    if arena.len() + more > arena.capacity() {
        let step = if size_of_val(arena.as_slice()) < SMALL { 1 } else { 16 };
        arena.reserve_exact(more.max(arena.len() / step));
    }
    arena.resize(arena.len() + more, value);
}

/// How many percent of `whole` are `part`, rounded down; 0 of nothing.
pub fn percent_of(part: u64, whole: u64) -> u64 {
    let exact = (u128::from(part) * 100).checked_div(whole.into()).unwrap_or(0);
    u64::try_from(exact).unwrap_or(u64::MAX)
}

/// How much comes in an hour if `amount` came in `span`, rounded down; nothing in no time.
pub fn per_hour(amount: u64, span: Span) -> u64 {
    let exact = u128::from(amount) * u128::from(3600 * NS_PER_S);
    let exact = exact.checked_div(span.0.into()).unwrap_or(0);
    u64::try_from(exact).unwrap_or(u64::MAX)
}

/// A whole count as a float, for statistics.
#[expect(clippy::cast_precision_loss, reason = "counts in a run stay below 2^53")]
pub fn f64_of(n: u64) -> f64 {
    n as f64
}

/// A length or index as a float, for statistics.
#[expect(clippy::cast_precision_loss, reason = "counts in a run stay below 2^53")]
pub fn f64_of_len(n: usize) -> f64 {
    n as f64
}

/// The whole part of a float that is known to be small and not negative; saturates.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "float to integer saturates: negative to 0"
)]
pub fn floor_u64(x: f64) -> u64 {
    x as u64
}

/// As `floor_u64`, as an index.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "float to integer saturates: negative to 0"
)]
pub fn floor_usize(x: f64) -> usize {
    x as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moved_in_a_time_is_a_rate() {
        let rate = Bytes::from_kib(300).rate_over(Span::from_secs(3.0));
        assert!((rate.as_kib_per_s() - 100.0).abs() < 1e-6);
        assert_eq!(Bytes::ZERO.rate_over(Span::ZERO), ByteRate::ZERO);
    }

    #[test]
    fn time_is_rounded_up_and_progress_down() {
        let rate = ByteRate::from_kib_per_s(100.0);
        let size = Bytes::from_kib(256).volume();
        let span = size.time_at(rate);
        assert!(rate.volume_in(span) >= size, "done when said to be done");
        assert!(rate.volume_in(Span(span.0 - 1)) < size, "not done one nanosecond before");
        assert!((span.as_secs() - 2.56).abs() < 1e-6);
    }

    #[test]
    fn big_volumes_take_the_wide_path_and_agree() {
        let rate = ByteRate::from_kib_per_s(1000.0);
        let small = Bytes(1 << 23).volume().time_at(rate);
        let big = Bytes(1 << 25).volume().time_at(rate);
        assert!(big.0.abs_diff(4 * small.0) <= 4);
        assert_eq!(Bytes(1).volume().time_at(ByteRate::ZERO), Span::FOREVER);
    }

    #[test]
    fn rates_survive_the_round_trip() {
        for kib in [0.5, 1.0, 20.0, 122.07, 12_458.45] {
            let back = ByteRate::from_kib_per_s(kib).as_kib_per_s();
            assert!((back / kib - 1.0).abs() < 1e-6, "{kib} became {back}");
        }
        assert!(ByteRate::from_kib_per_s(f64::INFINITY).is_unlimited());
    }
}
