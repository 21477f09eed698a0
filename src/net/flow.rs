//! A flow: data on its way from one link to another, brought up to date only when touched.

use super::links::LinkId;
use crate::units::{ByteRate, SimTime, Span, Volume};

/// Data on its way. `T` is whatever the owner wants to find there again.
#[derive(Clone, Copy, Debug)]
pub struct Flow<T> {
    /// The receiving link.
    pub to: LinkId,
    /// Share of the sender's upload relative to its other flows; at least 1.
    pub weight: u32,
    /// What flows now.
    pub rate: ByteRate,
    /// When `left` was last brought up to date; in the future while the first byte is delayed.
    pub since: SimTime,
    /// What was left until the owner's mark at `since`.
    pub left: Volume,
    /// When the mark is reached at this rate.
    pub due: SimTime,
    /// The owner's.
    pub payload: T,
}

impl<T> Flow<T> {
    /// Brings `left` up to date.
    #[inline]
    pub fn advance(&mut self, now: SimTime) {
        if now <= self.since {
            return;
        }
        // Each look on the way rounds progress down; at the mark those crumbs have moved too.
        let moved = self.rate.volume_in(now.since(self.since));
        let rest = Volume(self.left.0.saturating_sub(moved.0));
        self.left = if now >= self.due { Volume::ZERO } else { rest };
        self.since = now;
    }

    /// What is left at `now`, without changing anything.
    pub fn left_at(&self, now: SimTime) -> Volume {
        let moved = self.rate.volume_in(now.since(self.since));
        Volume(self.left.0.saturating_sub(moved.0))
    }

    /// Sets the next mark, `left` from now on. The flow must be up to date.
    #[inline]
    pub fn set_mark(&mut self, left: Volume) {
        self.left = left;
        self.due = self.since + left.time_at(self.rate);
    }

    /// Changes the rate from `now` on.
    #[inline]
    pub(super) fn set_rate(&mut self, now: SimTime, rate: ByteRate) {
        self.advance(now);
        self.rate = rate;
        self.due = self.since + self.left.time_at(rate);
    }

    /// Time since the last byte counted, for those who look at a flow without touching it.
    pub fn age(&self, now: SimTime) -> Span {
        now.since(self.since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Bytes;

    #[test]
    fn looks_on_the_way_leave_no_crumbs_at_the_mark() {
        let mut flow = Flow {
            to: LinkId(0),
            weight: 1,
            rate: ByteRate(3_752_999),
            since: SimTime::ZERO,
            left: Volume::ZERO,
            due: SimTime::NEVER,
            payload: (),
        };
        flow.set_mark(Bytes(16_384).volume());
        let due = flow.due;
        for look in 1..100 {
            flow.advance(SimTime(due.0 / 100 * look));
            assert!(flow.left > Volume::ZERO, "done before the mark");
        }
        flow.advance(due);
        assert_eq!((flow.left, flow.due), (Volume::ZERO, due));
    }
}
