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

    /// Standard normal (rand_distr's ziggurat, whose values are pinned by a test here).
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

    #[expect(clippy::cast_possible_truncation, reason = "the high half is wanted")]
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
}
