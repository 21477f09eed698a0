//! Random numbers by name: a stream for every (seed, purpose, entity).
//!
//! Law: a stream's numbers depend on its three names and on how many were drawn from it, on
//! nothing else: not on the order of events, threads or other streams. Two arms of a scenario
//! therefore give the same peer the same luck, and differences between arms are paired.
//!
//! A draw is a hash of (stream key, counter): two rounds of the `SplitMix64` finaliser (Steele,
//! Lea and Flood, OOPSLA 2014). Values are stable by promise: tests pin them.

use rand::TryRng;
use std::convert::Infallible;

/// What random numbers are drawn for. New uses are added at the end: the position is the key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Purpose {
    /// When a peer arrives.
    Arrival = 0,
    /// How fast its access link is.
    Capacity = 1,
    /// How long it stays as a seeder.
    Stay = 2,
    /// How long it waits before it gives up.
    Patience = 3,
    /// The phase of its choker's clock.
    Phase = 4,
    /// Which peers the tracker names to it.
    Announce = 5,
    /// Which piece it picks among equals.
    Pick = 6,
    /// Whom it unchokes among equals, and optimistically.
    Choke = 7,
    /// Sums of many peers: ties of the whole swarm.
    Swarm = 8,
    /// Who meets whom and when, in the workloads of `validate` that have no protocol.
    Workload = 9,
    /// When a user is online.
    Session = 10,
    /// Whether a user has the token's client, and lets it pay.
    Adoption = 11,
    /// Which payments get lost.
    Payment = 12,
    /// What a token is worth outside.
    TokenPrice = 13,
    /// Small economies without swarms.
    Market = 14,
    /// Which torrents a user asks for, and when.
    Demand = 15,
    /// Which of two peers that come together connects to the other.
    Connect = 16,
    /// Where a connection made later stands in its client's list.
    Place = 17,
    /// Where a peer is on the Internet.
    Address = 18,
    /// Which of several peers that come at the same moment is first.
    Order = 19,
}

/// A stream of random numbers. Cheap to make: 16 bytes, no state but a counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    key: u64,
    drawn: u64,
}

/// Opens the stream of (`seed`, `purpose`, `entity`) at its beginning.
pub fn stream(seed: u64, purpose: Purpose, entity: u64) -> Stream {
    Stream { key: key(seed, purpose, entity), drawn: 0 }
}

/// Number `index` of the stream (`seed`, `purpose`, `entity`), without opening it.
#[inline]
pub fn draw(seed: u64, purpose: Purpose, entity: u64, index: u64) -> u64 {
    Stream { key: key(seed, purpose, entity), drawn: index }.bits()
}

#[inline]
fn key(seed: u64, purpose: Purpose, entity: u64) -> u64 {
    let named = mix(seed ^ 0x6a09_e667_f3bc_c909).wrapping_add(u64::from(purpose as u8));
    mix(mix(named).wrapping_add(entity))
}

/// The finaliser of `SplitMix64`: a bijection with full avalanche.
#[inline]
pub(crate) fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

impl Stream {
    /// 64 random bits.
    #[inline]
    pub fn bits(&mut self) -> u64 {
        let out = mix(self.key ^ mix(self.drawn));
        self.drawn += 1;
        out
    }

    /// A whole number in `0..n` that belongs to `index`, and is the same whenever it is asked for:
    /// nothing is drawn.
    #[inline]
    pub fn aside(&self, index: u64, n: usize) -> usize {
        Self { key: !self.key, drawn: index }.below(n)
    }

    /// A whole number in `0..n`, without bias worth the name (2⁻⁶⁴ × n). `n` must not be 0.
    #[inline]
    pub fn below(&mut self, n: usize) -> usize {
        assert!(n > 0, "a choice needs something to choose from");
        let wide = u128::from(self.bits()) * n as u128;
        usize::try_from(wide >> 64).expect("smaller than n")
    }

    /// Uniform in `[0, 1)`, a multiple of 2⁻⁵³.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / 9_007_199_254_740_992.0
    }

    /// Exponential with the given mean, by inverse CDF over `libm`.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * libm::log(1.0 - self.unit())
    }

    /// Standard normal (`rand_distr`'s ziggurat, whose values are pinned by a test here).
    pub fn normal(&mut self) -> f64 {
        rand_distr::Distribution::sample(&rand_distr::StandardNormal, self)
    }

    /// Log-normal with the given median and sigma of the logarithm.
    pub fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        median * libm::exp(sigma * self.normal())
    }

    /// Pareto: at least `minimum`, tail exponent `shape`.
    pub fn pareto(&mut self, minimum: f64, shape: f64) -> f64 {
        minimum * libm::pow(1.0 - self.unit(), -1.0 / shape)
    }

    /// Uniform in `[low, high)`.
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Puts `items` in random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

impl TryRng for Stream {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.bits() >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.bits())
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        for chunk in dst.chunks_mut(8) {
            let bytes = self.bits().to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_do_not_move_each_other() {
        let mut a = stream(1, Purpose::Pick, 7);
        let first = a.bits();
        let mut b = stream(1, Purpose::Choke, 7);
        let _ = b.bits();
        assert_eq!(a.bits(), draw(1, Purpose::Pick, 7, 1));
        assert_eq!(first, draw(1, Purpose::Pick, 7, 0));
        assert_ne!(first, draw(1, Purpose::Pick, 8, 0));
        assert_ne!(first, draw(2, Purpose::Pick, 7, 0));
    }

    #[test]
    fn a_choice_is_even() {
        let mut s = stream(3, Purpose::Pick, 0);
        let mut seen = [0_u32; 7];
        for _ in 0..70_000 {
            seen[s.below(7)] += 1;
        }
        // Binomial sd is 93: five of them.
        assert!(seen.iter().all(|&n| n.abs_diff(10_000) < 465), "{seen:?}");
    }

    /// The stream all golden values below come from.
    fn golden() -> Stream {
        stream(1, Purpose::Phase, 7)
    }

    /// The first four draws, and how many bits they took: that is a part of the promise.
    fn four<T>(mut draw: impl FnMut(&mut Stream) -> T) -> ([T; 4], u64) {
        let mut s = golden();
        (std::array::from_fn(|_| draw(&mut s)), s.drawn)
    }

    // The purpose is part of the key: its numbers are as stable as the mixing.
    #[test]
    fn purposes_keep_their_numbers() {
        let purposes = [
            Purpose::Arrival,
            Purpose::Capacity,
            Purpose::Stay,
            Purpose::Patience,
            Purpose::Phase,
            Purpose::Announce,
            Purpose::Pick,
            Purpose::Choke,
            Purpose::Swarm,
            Purpose::Workload,
        ];
        assert!(purposes.iter().zip(0..).all(|(&purpose, n)| purpose as u8 == n));
    }

    // The whole numbers were computed a second time by a program in another language.
    #[test]
    fn whole_numbers_are_stable() {
        assert_eq!(
            four(Stream::bits),
            (
                [
                    0x347c_6329_6341_fbc3,
                    0x9130_dca4_15f2_7034,
                    0x1edc_2c3b_8e85_2d93,
                    0x0ae1_60e6_470c_a09c
                ],
                4
            )
        );
        assert_eq!(four(|s| s.below(1000)), ([205, 567, 120, 42], 4));
        let aside = four(|s| s.aside(3, 1000));
        assert_eq!(aside, ([362; 4], 0), "the same each time, and nothing is drawn");
        let mut items = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
        golden().shuffle(&mut items);
        assert_eq!(items, [9, 8, 1, 3, 6, 4, 7, 0, 5, 2]);
    }

    // Equal to the last bit: `libm` computes the same on every machine.
    #[test]
    fn floats_are_stable() {
        assert_eq!(
            four(Stream::unit),
            (
                [
                    0.205_023_000_339_913_5,
                    0.567_151_823_101_036_8,
                    0.120_547_070_064_749_4,
                    0.042_501_503_200_627_955
                ],
                4
            )
        );
        assert_eq!(
            four(|s| s.uniform(-1.0, 3.0)),
            (
                [
                    -0.179_907_998_640_346,
                    1.268_607_292_404_147_4,
                    -0.517_811_719_741_002_4,
                    -0.829_993_987_197_488_2
                ],
                4
            )
        );
        assert_eq!(
            four(|s| s.exponential(2.0)),
            (
                [
                    0.458_884_191_982_991_8,
                    1.674_736_486_366_600_6,
                    0.256_910_470_710_511_8,
                    0.086_862_255_701_790_35
                ],
                4
            )
        );
        assert_eq!(
            four(|s| s.pareto(10.0, 1.5)),
            (
                [
                    11.652_799_951_526_635,
                    17.476_036_303_987_88,
                    10.894_106_081_960_67,
                    10.293_773_297_707_71
                ],
                4
            )
        );
    }

    // The ziggurat is `rand_distr`'s: another version of it may break this, and must not pass.
    #[test]
    fn normals_are_stable() {
        assert_eq!(
            four(Stream::normal),
            (
                [
                    -0.633_347_514_597_987_3,
                    0.288_092_553_460_799_8,
                    -1.068_371_183_694_831_7,
                    -1.232_991_270_893_748_3
                ],
                4
            )
        );
        assert_eq!(
            four(|s| s.log_normal(100.0, 0.5)),
            (
                [
                    72.856_840_648_238_23,
                    115.493_755_402_207_88,
                    58.614_645_826_783_67,
                    53.983_289_800_758_406
                ],
                4
            )
        );
    }

    #[test]
    fn bytes_are_those_of_the_bits() {
        let mut bytes = [0; 12];
        let Ok(()) = golden().try_fill_bytes(&mut bytes);
        let mut s = golden();
        let mut expected = s.bits().to_le_bytes().to_vec();
        expected.extend_from_slice(&s.bits().to_le_bytes()[..4]);
        assert_eq!(bytes, expected[..]);
    }

    /// Asserts that the mean of 200 000 draws is `mean` to five standard errors, given `sd`.
    fn check_mean(name: &str, mean: f64, sd: f64, draw: impl Fn(&mut Stream) -> f64) {
        let n = 200_000;
        let mut s = stream(11, Purpose::Arrival, 3);
        let sum: f64 = (0..n).map(|_| draw(&mut s)).sum();
        let (got, error) = (sum / f64::from(n), 5.0 * sd / libm::sqrt(f64::from(n)));
        assert!((got - mean).abs() < error, "{name}: {got}, not {mean} ± {error}");
    }

    #[test]
    fn means_are_right() {
        check_mean("unit", 0.5, libm::sqrt(1.0 / 12.0), Stream::unit);
        check_mean("uniform", 4.0, libm::sqrt(4.0 / 12.0), |s| s.uniform(3.0, 5.0));
        check_mean("exponential", 2.0, 2.0, |s| s.exponential(2.0));
        check_mean("normal", 0.0, 1.0, Stream::normal);
        check_mean("normal squared", 1.0, libm::sqrt(2.0), |s| {
            let x = s.normal();
            x * x
        });
        // Log-normal: mean m e^(σ²/2), variance m² e^(σ²) (e^(σ²) − 1).
        let e = libm::exp(0.25);
        let (mean, sd) = (100.0 * libm::exp(0.125), 100.0 * libm::sqrt(e * (e - 1.0)));
        check_mean("log-normal", mean, sd, |s| s.log_normal(100.0, 0.5));
        // Pareto of shape 4 and minimum 3: mean 4, variance 9 × 4 ÷ (3² × 2) = 2.
        check_mean("pareto", 4.0, libm::sqrt(2.0), |s| s.pareto(3.0, 4.0));
        // A fair die of 0 to 6: mean 3, variance (7² − 1) ÷ 12 = 4.
        check_mean("below", 3.0, 2.0, |s| f64::from(crate::units::u32_of(s.below(7))));
    }

    #[test]
    fn a_shuffle_is_even() {
        let mut at = [[0_u32; 4]; 4];
        let mut s = stream(5, Purpose::Announce, 1);
        for _ in 0..40_000 {
            let mut items = [0, 1, 2, 3];
            s.shuffle(&mut items);
            for (place, &item) in items.iter().enumerate() {
                at[item][place] += 1;
            }
        }
        // Binomial sd of 40 000 draws at 1/4 is 87: five of them.
        let even = |&n: &u32| n.abs_diff(10_000) < 435;
        assert!(at.iter().flatten().all(even), "{at:?}");
    }
}
