//! What a peer's neighbours gave it: the memory its choker ranks them by.
//!
//! Most of fifty neighbours give nothing at a time, so only givers are noted, a dozen at most. Law:
//! who is not noted gave nothing in this round or the one before, and is silent (`is_silent`).

use crate::units::Span;

/// What one neighbour gave.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Giver {
    /// Its slot among our neighbours.
    pub(super) slot: u16,
    /// Bytes received from it in this round.
    pub(super) received: u32,
    /// Bytes received from it in the round before.
    pub(super) received_before: u32,
    /// When we last received from it, in ms.
    heard_ms: u32,
}

impl Giver {
    /// Whether it gave nothing for longer than `snub`; never, without one.
    #[inline]
    pub(super) fn is_silent(&self, now_ms: u32, snub: Option<Span>) -> bool {
        let silent_ms = u64::from(now_ms.wrapping_sub(self.heard_ms));
        snub.is_some_and(|most| silent_ms > most.0 / 1_000_000)
    }
}

/// The neighbours that gave a peer something of late, in no order.
#[derive(Debug, Default)]
pub(super) struct Givers(Vec<Giver>);

impl Givers {
    /// The neighbour in `slot` gave so many bytes.
    #[inline]
    pub(super) fn hear(&mut self, slot: u16, bytes: u32, now_ms: u32) {
        if let Some(giver) = self.0.iter_mut().find(|giver| giver.slot == slot) {
            giver.received = giver.received.saturating_add(bytes);
            giver.heard_ms = now_ms;
            return;
        }
        if self.0.len() == self.0.capacity() {
            self.0.reserve_exact(2.max(self.0.len() / 4)); // there are many peers
        }
        self.0.push(Giver { slot, received: bytes, received_before: 0, heard_ms: now_ms });
    }

    /// What was received in this round becomes what was received in the one before. Who is silent
    /// and gave nothing in either is not remembered.
    pub(super) fn begin_round(&mut self, now_ms: u32, snub: Option<Span>) {
        for giver in &mut self.0 {
            giver.received_before = std::mem::take(&mut giver.received);
        }
        let speaks = |giver: &Giver| snub.is_some() && !giver.is_silent(now_ms, snub);
        self.0.retain(|giver| giver.received_before > 0 || speaks(giver));
        if self.0.capacity() > self.0.len() + 4 {
            self.0.shrink_to(self.0.len() + 2);
        }
    }

    /// The neighbour in `slot` is gone.
    pub(super) fn forget(&mut self, slot: u16) {
        self.0.retain(|giver| giver.slot != slot);
    }

    /// Their slots, as one word of a mask.
    #[inline]
    pub(super) fn word(&self, word: usize) -> u64 {
        let here = self.0.iter().filter(|giver| usize::from(giver.slot) / 64 == word);
        here.fold(0, |bits, giver| bits | 1 << (giver.slot % 64))
    }

    /// All of them.
    #[inline]
    pub(super) fn iter(&self) -> std::slice::Iter<'_, Giver> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, stream};
    use crate::units::NS_PER_S;

    /// One entry per neighbour, for as long as it is connected.
    #[derive(Clone, Copy, Default)]
    struct Dense {
        received: u32,
        before: u32,
        heard_ms: Option<u32>,
    }

    #[test]
    fn forgets_nothing_that_a_choker_would_see() {
        let mut luck = stream(3, Purpose::Pick, 0);
        for snub in [None, Some(Span(60 * NS_PER_S))] {
            let mut givers = Givers::default();
            let mut all = [Dense::default(); 40];
            for step in 1..4000_u32 {
                let now_ms = step * 900;
                let slot = luck.below(all.len());
                match luck.below(12) {
                    0 => {
                        givers.begin_round(now_ms, snub);
                        for dense in &mut all {
                            dense.before = std::mem::take(&mut dense.received);
                        }
                    }
                    1 => {
                        givers.forget(u16::try_from(slot).expect("few"));
                        all[slot] = Dense::default();
                    }
                    _ if slot < 8 || step % 100 == 0 => {
                        givers.hear(u16::try_from(slot).expect("few"), step, now_ms);
                        all[slot].received += step;
                        all[slot].heard_ms = Some(now_ms);
                    }
                    _ => {}
                }
                for (slot, dense) in all.iter().enumerate() {
                    let giver = givers.iter().find(|giver| usize::from(giver.slot) == slot);
                    let seen = giver.map_or((0, 0), |g| (g.received, g.received_before));
                    assert_eq!(seen, (dense.received, dense.before), "step {step}");
                    let silent_ms = dense.heard_ms.map(|heard| u64::from(now_ms - heard));
                    let silent = snub.is_some_and(|most| {
                        silent_ms.is_none_or(|silent| silent > most.0 / 1_000_000)
                    });
                    let seen = giver.map_or(snub.is_some(), |g| g.is_silent(now_ms, snub));
                    assert_eq!(seen, silent, "step {step}");
                }
            }
            assert!(givers.iter().len() < 30, "{} are noted", givers.iter().len());
        }
    }
}
