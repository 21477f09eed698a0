//! Who gets what rate: max-min fairness kept up locally.
//!
//! Each uplink keeps a level A, each downlink a level B, and a flow of weight w moves at
//! min(w A, B). An uplink sets A so that its flows use its capacity; a downlink sets B so that
//! the flows into it fit, or to "unlimited" while they do anyway. A change at one link is passed
//! on only to the links it touches, until nothing changes by more than `SLACK`.
//!
//! Law: no link ever carries more than its capacity, not even between two steps of a re-share:
//! rates are lowered before others are raised. Rates agree with [`super::oracle`] but for the
//! slack; tests hold both to that.

use super::links::{LinkId, Links, PortId, Source, Uplink};
use crate::units::{ByteRate, SimTime};

/// A link is shared again only if more than 1/1024 of its capacity would be gained.
const SLACK: u32 = 10;
/// Raising steps per change; lowering is never limited. Reached only by pathological chains.
const RAISES_MAX: u32 = 64;

/// A link to be shared again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Task {
    /// An uplink may have capacity to spare.
    Up(LinkId),
    /// A downlink may have capacity to spare.
    Down(LinkId),
}

/// What one source of a downlink would send it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offer {
    from: LinkId,
    /// Position of its flow.
    at: usize,
    limit: ByteRate,
    rate: ByteRate,
}

impl<T: Copy> Links<T> {
    /// Shares an uplink again, and whatever that touches.
    pub(super) fn share_up(&mut self, now: SimTime, link: LinkId) {
        self.work.push(Task::Up(link));
        self.settle(now);
    }

    /// Shares a downlink again, and whatever that touches.
    pub(super) fn share_down(&mut self, now: SimTime, link: LinkId) {
        self.lower_down(now, link);
        self.work.push(Task::Down(link));
        self.settle(now);
    }

    /// A flow has been closed: both its ends may have capacity to spare.
    pub(super) fn share_after_close(&mut self, now: SimTime, from: LinkId, to: LinkId) {
        if !self.down[to.index()].level.is_unlimited() {
            self.work.push(Task::Down(to));
        }
        self.work.push(Task::Up(from));
        self.settle(now);
    }

    /// Works off the tasks, first come, first served.
    fn settle(&mut self, now: SimTime) {
        let mut done = 0;
        let mut raises = 0;
        while let Some(&task) = self.work.get(done) {
            done += 1;
            raises += 1;
            if raises > RAISES_MAX {
                break;
            }
            match task {
                Task::Up(link) => self.fill_up(now, link),
                Task::Down(link) => self.relax_down(now, link),
            }
        }
        self.work.clear();
    }

    /// Computes an uplink's level and gives its flows what it allows.
    fn fill_up(&mut self, now: SimTime, link: LinkId) {
        if self.up[link.index()].metered {
            return;
        }
        self.reshares += 1;
        let Some(level) = self.up_level(link) else { return };
        let Self { up, down, link: link_of, .. } = self;
        let up = &mut up[link.index()];
        up.level = level;
        let mut used = up.used.0;
        let (mut changed, mut relieve) = (0, false);
        let to = up.to.first(up.flows.len());
        let (flows, due) = (up.flows.as_mut_slice(), up.due.as_mut_slice());
        for ((flow, to), due) in flows.iter_mut().zip(to).zip(due) {
            let down = &mut down[link_of[to.index()].index()];
            let rate = weighted(level, flow.weight.into()).min(down.level);
            let before = flow.rate;
            if rate == before {
                continue;
            }
            changed += 1;
            used = used - before.0 + rate.0;
            down.used = ByteRate(down.used.0 - before.0 + rate.0);
            flow.set_rate(now, due, rate);
            relieve |=
                down.used > down.cap || !down.level.is_unlimited() && spare(down.used, down.cap);
        }
        up.used = ByteRate(used);
        debug_assert!(up.used <= up.cap, "an upload link over its capacity");
        self.rate_changes += changed;
        if changed > 0 {
            self.touch(link);
        }
        if relieve {
            self.relieve(now, link);
        }
    }

    /// Lowers the downlinks that an uplink's raise has overloaded; asks others to relax.
    fn relieve(&mut self, now: SimTime, link: LinkId) {
        for i in 0..self.up[link.index()].flows.len() {
            let to = self.link[self.up[link.index()].to[i].index()];
            let down = &self.down[to.index()];
            if down.used > down.cap {
                self.lower_down(now, to);
            } else if !down.level.is_unlimited() && spare(down.used, down.cap) {
                self.work.push(Task::Down(to));
            }
        }
    }

    /// Sets a downlink's level so that what its sources offer fits, and gives its flows what it
    /// allows. Has those of its sources shared again that can do more elsewhere now, or here.
    fn lower_down(&mut self, now: SimTime, link: LinkId) {
        self.reshares += 1;
        let mut offers = std::mem::take(&mut self.offers);
        offers.clear();
        let (up, down) = (&self.up, &mut self.down[link.index()]);
        offers.extend(down.sources.iter().map(|&Source { from, to }| {
            let up = &up[from.index()];
            let at = up.find(to).expect("both ends know of a flow");
            let flow = &up.flows[at];
            let limit = weighted(up.level, flow.weight.into()).min(up.cap);
            Offer { from, at, limit, rate: flow.rate }
        }));
        self.limits.clear();
        self.limits.extend(offers.iter().map(|offer| offer.limit));
        let level = level_below(down.cap, &self.limits);
        down.level = level;
        let (mut used, mut changed) = (down.used.0, 0);
        for &Offer { from, at, rate, .. } in offers.iter().filter(|offer| offer.rate > level) {
            (used, changed) = (used - rate.0 + level.0, changed + 1);
            let up = self.set_rate(now, from, at, level);
            // Where all receivers are the bottleneck nobody gains from what one of them loses.
            if up.flows.len() > 1 && !up.level.is_unlimited() && spare(up.used, up.cap) {
                self.work.push(Task::Up(from));
            }
        }
        for &Offer { from, at, limit, rate } in &offers {
            if spare(rate, limit.min(level)) {
                let up = &self.up[from.index()];
                let fits = up.used.0 - rate.0 + level.0 <= up.cap.0;
                if up.level.is_unlimited() && fits {
                    (used, changed) = (used - rate.0 + level.0, changed + 1);
                    self.set_rate(now, from, at, level);
                } else {
                    self.work.push(Task::Up(from));
                }
            }
        }
        self.offers = offers;
        self.rate_changes += changed;
        let down = &mut self.down[link.index()];
        down.used = ByteRate(used);
        assert!(down.used <= down.cap, "a download link over its capacity");
    }

    /// Raises a downlink's level if there is something to gain, and asks its sources for more.
    fn relax_down(&mut self, now: SimTime, link: LinkId) {
        let down = &self.down[link.index()];
        if !down.level.is_unlimited() && spare(down.used, down.cap) {
            self.lower_down(now, link);
        }
    }

    /// Gives one flow another rate. What its receiver's link carries is for the caller to enter.
    #[inline]
    fn set_rate(&mut self, now: SimTime, from: LinkId, at: usize, rate: ByteRate) -> &Uplink<T> {
        self.touch(from);
        let up = &mut self.up[from.index()];
        let flow = &mut up.flows[at];
        up.used = ByteRate(up.used.0 - flow.rate.0 + rate.0);
        flow.set_rate(now, &mut up.due[at], rate);
        debug_assert!(up.used <= up.cap, "an upload link over its capacity");
        up
    }

    /// The level at which the flows out of `link` use its capacity: Σ min(w A, B) = cap. None
    /// without flows.
    #[inline]
    fn up_level(&self, link: LinkId) -> Option<ByteRate> {
        let Self { up, down, link: link_of, .. } = self;
        let up = &up[link.index()];
        let limit = |to: &PortId| down[link_of[to.index()].index()].level;
        let (flows, to) = (up.flows.as_slice(), up.to.first(up.flows.len()));
        let (mut weight, mut limited) = (0, false);
        for (flow, to) in flows.iter().zip(to) {
            weight += u64::from(flow.weight);
            limited |= !limit(to).is_unlimited();
        }
        if limited {
            let weights = || flows.iter().map(|flow| u64::from(flow.weight));
            return Some(water_level(up.cap, || to.iter().map(limit).zip(weights())));
        }
        // The common case: no receiver is the bottleneck.
        up.cap.0.checked_div(weight).map(ByteRate)
    }
}

/// Fills flows with (limit, weight) from `cap` by raising one level for all: the level at which
/// `cap` is used up, or `UNLIMITED` if the limits leave some of it over.
#[inline]
fn water_level<I: Iterator<Item = (ByteRate, u64)>>(
    cap: ByteRate,
    flows: impl Fn() -> I,
) -> ByteRate {
    let mut level = 0;
    loop {
        let mut rest = cap.0;
        let mut open = 0;
        for (limit, weight) in flows() {
            if limit <= weighted(ByteRate(level), weight) {
                rest = rest.saturating_sub(limit.0);
            } else {
                open += weight;
            }
        }
        if open == 0 {
            return ByteRate::UNLIMITED;
        }
        // Each pass settles the flows with the lowest limits; the level only ever rises.
        let next = rest / open;
        if next <= level {
            return ByteRate(level);
        }
        level = next;
    }
}

/// The level at which what the sources of a downlink offer fits into `cap`, or `UNLIMITED` if all
/// of it does.
///
/// As `water_level` with all weights 1, but that it adds up several offers at a time.
fn level_below(cap: ByteRate, offers: &[ByteRate]) -> ByteRate {
    let mut level = 0;
    loop {
        let (mut small, mut open) = (0, 0);
        for limit in offers {
            let fits = u64::from(limit.0 <= level);
            small += limit.0 * fits;
            open += 1 - fits;
        }
        if open == 0 {
            return ByteRate::UNLIMITED;
        }
        let next = cap.0.saturating_sub(small) / open;
        if next <= level {
            return ByteRate(level);
        }
        level = next;
    }
}

/// `level` times `weight`, not beyond unlimited.
#[inline]
fn weighted(level: ByteRate, weight: u64) -> ByteRate {
    ByteRate(level.0.saturating_mul(weight).min(ByteRate::UNLIMITED.0))
}

/// Whether `used` leaves more than the slack of `cap`.
#[inline]
fn spare(used: ByteRate, cap: ByteRate) -> bool {
    cap.0.saturating_sub(used.0) > cap.0 >> SLACK
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heavy_flow_with_a_limit_leaves_the_rest_to_a_light_one() {
        // An unlimited uplink, and shares as an auction by bids may give them.
        let flows = [(ByteRate(100), 1_000_000_000), (ByteRate::UNLIMITED, 1)];
        let level = water_level(ByteRate::UNLIMITED, || flows.into_iter());
        assert_eq!(level, ByteRate(ByteRate::UNLIMITED.0 - 100));
    }
}
