//! A flow: data on its way from one link to another, brought up to date only when touched.

use crate::units::{ByteRate, SimTime, Volume};

/// Data on its way. `T` is whatever the owner wants to find there again.
#[derive(Clone, Copy, Debug)]
pub struct Flow<T> {
    /// Share of the sender's upload relative to its other flows; at least 1.
    pub weight: u32,
    /// What flows now.
    pub rate: ByteRate,
    /// When `left` was last brought up to date; in the future while the first byte is delayed.
    pub since: SimTime,
    /// What was left until the owner's mark at `since`.
    pub left: Volume,
    /// The owner's.
    pub payload: T,
}

impl<T> Flow<T> {
    /// Brings `left` up to date; the mark is reached at `due`.
    #[inline]
    pub(super) fn advance(&mut self, now: SimTime, due: SimTime) {
        if now <= self.since {
            return;
        }
        // Each look on the way rounds progress down; at the mark those crumbs have moved too.
        let moved = self.rate.volume_in(now.since(self.since));
        let rest = Volume(self.left.0.saturating_sub(moved.0));
        self.left = if now >= due { Volume::ZERO } else { rest };
        self.since = now;
    }

    /// Changes the rate from `now` on, and with it when the mark is reached.
    #[inline]
    pub(super) fn set_rate(&mut self, now: SimTime, due: &mut SimTime, rate: ByteRate) {
        self.advance(now, *due);
        self.rate = rate;
        *due = self.due();
    }

    /// What is left at `now`, without changing anything.
    pub fn left_at(&self, now: SimTime) -> Volume {
        let moved = self.rate.volume_in(now.since(self.since));
        Volume(self.left.0.saturating_sub(moved.0))
    }

    /// When the mark is reached at this rate. The flow must be up to date.
    #[inline]
    pub(super) fn due(&self) -> SimTime {
        self.since + self.left.time_at(self.rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Bytes;

    #[test]
    fn looks_on_the_way_leave_no_crumbs_at_the_mark() {
        let left = Bytes(16_384).volume();
        let rate = ByteRate(3_752_999);
        let mut flow = Flow { weight: 1, rate, since: SimTime::ZERO, left, payload: () };
        let due = flow.due();
        for look in 1..100 {
            flow.advance(SimTime(due.0 / 100 * look), due);
            assert!(flow.left > Volume::ZERO, "done before the mark");
        }
        flow.advance(due, due);
        assert_eq!(flow.left, Volume::ZERO);
    }
}
