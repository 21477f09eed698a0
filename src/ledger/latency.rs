//! How long things took: counts in fixed buckets, each twice as wide as the one before.

use crate::units::Span;

/// Nanoseconds in a millisecond.
const NS_PER_MS: u64 = 1_000_000;
/// The last bucket but one ends at 2³⁵ ms, a little over a year.
const N_BUCKETS: usize = 37;

/// Counts by duration. The first bucket holds what took up to 1 ms, the next up to 2 ms, then 4 ms
/// and so on; the last holds whatever took longer than 2³⁵ ms. Bounds are included.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Latencies {
    counts: [u64; N_BUCKETS],
}

impl Latencies {
    /// The buckets in order: the longest duration each holds, and how many it holds.
    pub fn buckets(&self) -> impl Iterator<Item = (Span, u64)> {
        (0..N_BUCKETS).map(|at| (bound(at), self.counts[at]))
    }

    /// How many in all.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The bound of the bucket in which `percent` of all have been reached: at least so many took
    /// no longer than that. `None` if there are none.
    pub fn within(&self, percent: u64) -> Option<Span> {
        let n = u128::from(self.count());
        let wanted = (n * u128::from(percent)).div_ceil(100);
        let mut seen = 0;
        let mut buckets = self.buckets().filter(|(_, count)| *count > 0);
        buckets.find_map(|(bound, count)| {
            seen += u128::from(count);
            (seen >= wanted).then_some(bound)
        })
    }

    /// Enters one.
    pub(super) fn add(&mut self, took: Span) {
        let ms = took.0.div_ceil(NS_PER_MS);
        let at = ms.checked_next_power_of_two().map_or(u64::BITS, u64::trailing_zeros);
        self.counts[(at as usize).min(N_BUCKETS - 1)] += 1;
    }
}

impl Default for Latencies {
    fn default() -> Self {
        Self { counts: [0; N_BUCKETS] }
    }
}

/// The longest duration in a bucket.
fn bound(at: usize) -> Span {
    if at + 1 == N_BUCKETS { Span::FOREVER } else { Span(NS_PER_MS << at) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket_of(took: Span) -> Span {
        let mut latencies = Latencies::default();
        latencies.add(took);
        latencies.buckets().find(|(_, count)| *count == 1).expect("one was entered").0
    }

    #[test]
    fn bounds_belong_to_their_bucket() {
        for at in 0..N_BUCKETS {
            assert_eq!(bucket_of(bound(at)), bound(at));
        }
        for at in 0..N_BUCKETS - 1 {
            assert_eq!(bucket_of(Span(bound(at).0 + 1)), bound(at + 1));
        }
        assert_eq!(bucket_of(Span::ZERO), Span(NS_PER_MS));
        assert_eq!(bucket_of(Span::from_secs(60.0)), Span::from_secs(65.536));
    }

    #[test]
    fn shares_are_reached_in_order() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.within(50), None);
        for seconds in [0.001, 1.0, 1.0, 100.0] {
            latencies.add(Span::from_secs(seconds));
        }
        let within = |percent| latencies.within(percent).expect("not empty").as_secs();
        assert_eq!([0, 25].map(within), [0.001; 2]);
        assert_eq!([26, 50, 75].map(within), [1.024; 3]);
        assert_eq!([76, 100].map(within), [131.072; 2]);
    }
}
