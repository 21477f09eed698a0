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

use super::links::{LinkId, Links, PortId, Source};
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
        self.reshares += 1;
        let up = &self.up[link.index()];
        if up.flows.is_empty() {
            return;
        }
        let level = self.up_level(link);
        let up = &mut self.up[link.index()];
        up.level = level;
        let mut used = up.used.0;
        let (mut changed, mut relieve) = (0, false);
        for ((flow, to), due) in up.flows.iter_mut().zip(&up.to).zip(&mut up.due) {
            let down = &mut self.down[self.link[to.index()].index()];
            let rate = weighted(level, flow.weight).min(down.level);
            if rate == flow.rate {
                continue;
            }
            changed += 1;
            used = used - flow.rate.0 + rate.0;
            down.used = ByteRate(down.used.0 - flow.rate.0 + rate.0);
            flow.set_rate(now, due, rate);
            let room = !down.level.is_unlimited() && spare(down.used, down.cap);
            relieve |= room || down.used > down.cap;
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

    /// Sets a downlink's level so that what its sources offer fits, and lowers flows to it.
    fn lower_down(&mut self, now: SimTime, link: LinkId) {
        self.reshares += 1;
        let mut offers = std::mem::take(&mut self.offers);
        offers.clear();
        offers.extend(self.down[link.index()].sources.iter().map(|&Source { from, to }| {
            let at = self.flow_to(from, to);
            let up = &self.up[from.index()];
            let flow = &up.flows[at];
            let limit = weighted(up.level, flow.weight).min(up.cap);
            Offer { from, at, limit, rate: flow.rate }
        }));
        let cap = self.down[link.index()].cap;
        let level = water_level(cap, || offers.iter().map(|offer| (offer.limit, 1)));
        self.down[link.index()].level = level;
        for offer in &offers {
            if offer.rate > level {
                self.set_rate(now, offer.from, offer.at, level);
                self.touch(offer.from);
            }
            let up = &self.up[offer.from.index()];
            if up.flows.len() > 1 && spare(up.used, up.cap) {
                self.work.push(Task::Up(offer.from));
            }
        }
        self.offers = offers;
        let down = &self.down[link.index()];
        assert!(down.used <= down.cap, "a download link over its capacity");
    }

    /// Raises a downlink's level if there is something to gain, and asks its sources for more.
    fn relax_down(&mut self, now: SimTime, link: LinkId) {
        let down = &self.down[link.index()];
        if down.level.is_unlimited() || !spare(down.used, down.cap) {
            return;
        }
        self.lower_down(now, link);
        for s in 0..self.down[link.index()].sources.len() {
            let Source { from, to } = self.down[link.index()].sources[s];
            let up = &self.up[from.index()];
            if spare(up.used, up.cap) || self.would_take_more(from, to) {
                self.work.push(Task::Up(from));
            }
        }
    }

    /// Whether the flow from `from` to `to` runs below what both ends' levels allow.
    fn would_take_more(&self, from: LinkId, to: PortId) -> bool {
        let limit = self.down[self.link[to.index()].index()].level;
        let up = &self.up[from.index()];
        let flow = &up.flows[self.flow_to(from, to)];
        spare(flow.rate, weighted(up.level, flow.weight).min(limit))
    }

    #[inline]
    fn set_rate(&mut self, now: SimTime, from: LinkId, at: usize, rate: ByteRate) {
        self.rate_changes += 1;
        let up = &mut self.up[from.index()];
        let flow = &mut up.flows[at];
        let down = &mut self.down[self.link[up.to[at].index()].index()];
        up.used = ByteRate(up.used.0 - flow.rate.0 + rate.0);
        down.used = ByteRate(down.used.0 - flow.rate.0 + rate.0);
        flow.set_rate(now, &mut up.due[at], rate);
        debug_assert!(up.used <= up.cap, "an upload link over its capacity");
    }

    /// The level at which the flows out of `link` use its capacity: Σ min(w A, B) = cap.
    #[inline]
    fn up_level(&self, link: LinkId) -> ByteRate {
        let up = &self.up[link.index()];
        let limit = |to: PortId| self.down[self.link[to.index()].index()].level;
        let limited = up.to.iter().any(|&to| !limit(to).is_unlimited());
        if !limited {
            // The common case: no receiver is the bottleneck.
            let weight: u64 = up.flows.iter().map(|f| u64::from(f.weight)).sum();
            return ByteRate(up.cap.0 / weight);
        }
        let weights = || up.flows.iter().map(|f| u64::from(f.weight));
        water_level(up.cap, || up.to.iter().map(|&to| limit(to)).zip(weights()))
    }

    /// The position of the flow from `from` to `to`.
    #[inline]
    fn flow_to(&self, from: LinkId, to: PortId) -> usize {
        self.up[from.index()].find(to).expect("both ends know of a flow")
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
            if limit.0 <= level * weight {
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

/// `level` times `weight`, not beyond unlimited.
#[inline]
fn weighted(level: ByteRate, weight: u32) -> ByteRate {
    ByteRate(level.0.saturating_mul(u64::from(weight)).min(ByteRate::UNLIMITED.0))
}

/// Whether `used` leaves more than the slack of `cap`.
#[inline]
fn spare(used: ByteRate, cap: ByteRate) -> bool {
    cap.0.saturating_sub(used.0) > cap.0 >> SLACK
}
