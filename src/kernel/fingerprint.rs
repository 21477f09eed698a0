//! The fingerprint of a run: one number that differs if anything happened differently.
//!
//! Law: it depends on every event's time, kind and entity and on their order, and on nothing else;
//! its values are stable on every machine (a test pins them). Two different runs agree by chance
//! once in 2⁶⁴. It guards against accidents, not against malice.

use crate::units::SimTime;

/// A running hash over events. Costs about a nanosecond per event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fingerprint(u64);

/// Digits of the roots of 2 and 3: nothing up the sleeve, no zero operand by accident.
const START: u64 = 0x6a09_e667_f3bc_c908;
const SECRET: u64 = 0xbb67_ae85_84ca_a73b;

impl Fingerprint {
    /// The fingerprint of a run in which nothing has happened.
    pub fn new() -> Self {
        Self(START)
    }

    /// Takes in one event: a full 64 × 64 bit product, folded (the mix of wyhash).
    #[inline]
    pub fn absorb(&mut self, at: SimTime, kind: u8, entity: u32) {
        let what = (u64::from(entity) << 8) | u64::from(kind);
        let wide = u128::from(self.0 ^ at.0) * u128::from(what ^ SECRET);
        let bytes = wide.to_le_bytes();
        let (halves, _) = bytes.as_chunks::<8>();
        self.0 = u64::from_le_bytes(halves[0]) ^ u64::from_le_bytes(halves[1]);
    }

    /// The hash of all events so far.
    pub fn value(&self) -> u64 {
        self.0
    }
}

impl Default for Fingerprint {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(events: &[(u64, u8, u32)]) -> u64 {
        let mut fingerprint = Fingerprint::new();
        for &(at, kind, entity) in events {
            fingerprint.absorb(SimTime(at), kind, entity);
        }
        fingerprint.value()
    }

    #[test]
    fn values_are_stable() {
        assert_eq!(value(&[]), START);
        assert_eq!(value(&[(0, 0, 0)]), 0xb499_582f_b868_d383);
        assert_eq!(value(&[(1, 2, 3)]), 0x8f7a_3205_d172_d91c);
        assert_eq!(value(&[(1, 2, 3), (1_000_000_000, 255, u32::MAX)]), 0x88b9_c5a4_2f4e_c095);
    }

    #[test]
    fn every_part_and_the_order_count() {
        let base = value(&[(10, 1, 5), (20, 2, 6)]);
        for other in [
            value(&[(20, 2, 6), (10, 1, 5)]),
            value(&[(11, 1, 5), (20, 2, 6)]),
            value(&[(10, 2, 5), (20, 2, 6)]),
            value(&[(10, 1, 4), (20, 2, 6)]),
            value(&[(10, 1, 5)]),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn no_two_of_many_small_events_collide() {
        let mut seen: Vec<u64> =
            (0..100_000_u32).map(|n| value(&[(u64::from(n % 100), 1, n / 100)])).collect();
        seen.sort_unstable();
        assert!(seen.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
