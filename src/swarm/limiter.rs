//! The books of a rate limiter: what one direction of a line lets pass, and to whom it is granted.
//!
//! libtorrent's limiter grants quota at ticks. A connection asks for what it wants to send, or to
//! read; at each tick all that wait get equal parts until they have all they asked for, and only
//! then go on (`bandwidth_manager::update_quotas`, `bw_request`). What a line does not use it saves
//! up, for three seconds at most, and only while somebody waits; with a second saved nobody waits
//! (`bandwidth_channel::need_queueing`).
//!
//! Laws: what accrued is saved, granted or spent, and it accrues no faster than the line carries;
//! a connection uses what it was granted and no more.

use super::edges::End;
use crate::units::{Bytes, Volume};

/// After so many ticks a connection that waits takes what it has got (`bw_request::ttl`).
pub(super) const PATIENCE: u8 = 20;
/// A line saves up no more than it carries in so many seconds (`bandwidth_channel::update_quota`).
const SAVED_S: u64 = 3;

/// The limiter of one direction of a line. All in bytes.
#[derive(Debug, Default)]
pub(super) struct Limiter {
    /// What it may let pass and has not granted, below nothing after headers; what is less than a
    /// byte.
    saved: i64,
    crumbs: Volume,
    /// All that ever accrued, and all that connections have used up or lost.
    accrued: u64,
    spent: u64,
    /// Connections that wait for a grant, in the order in which they asked.
    waiting: Vec<End>,
}

/// What a connection may send, or read. All in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Quota {
    /// Granted and not used.
    pub(super) left: u32,
    /// Asked for, if it waits; of that, granted so far; and for how many more ticks it waits.
    asked: u32,
    granted: u32,
    patience: u8,
}

impl Quota {
    /// Whether it waits for a grant.
    #[inline]
    pub(super) fn is_waited_for(&self) -> bool {
        self.asked > 0
    }
}

impl Limiter {
    /// A connection asks for what it lacks of `wanted`, unless it waits already; `limit` is what
    /// the line carries in a second.
    #[inline]
    pub(super) fn ask(
        &mut self,
        quota: &mut Quota,
        wanted: u32,
        limit: impl FnOnce() -> u64,
        end: End,
    ) {
        if quota.asked == 0 && wanted > quota.left {
            self.ask_for_what_lacks(quota, wanted, limit(), end);
        }
    }

    #[inline(never)]
    fn ask_for_what_lacks(&mut self, quota: &mut Quota, wanted: u32, limit: u64, end: End) {
        let more = wanted - quota.left;
        if self.gives(more, limit) {
            self.saved -= i64::from(more);
            quota.left += more;
        } else {
            (quota.asked, quota.granted, quota.patience) = (more, 0, PATIENCE);
            self.waiting.push(end);
        }
    }

    /// Whether a connection that asks for so much gets it at once.
    fn gives(&self, more: u32, limit: u64) -> bool {
        self.saved >= signed(limit) + i64::from(more)
    }

    /// Whether a connection that wants `wanted` may use `size` of it now.
    #[inline]
    pub(super) fn lets(
        &self,
        quota: &Quota,
        wanted: u32,
        size: u32,
        limit: impl FnOnce() -> u64,
    ) -> bool {
        let more = wanted.saturating_sub(quota.left);
        quota.left >= size || quota.asked == 0 && self.gives(more, limit())
    }

    /// A connection uses `n` bytes of its quota.
    pub(super) fn take(&mut self, quota: &mut Quota, n: u32) {
        quota.left -= n;
        self.spent += u64::from(n);
    }

    /// Headers take so many bytes, whether they are saved or not (`rate_limit_ip_overhead`).
    pub(super) fn drain(&mut self, n: u64) {
        self.saved -= signed(n);
        self.spent += n;
    }

    /// Whether somebody waits.
    pub(super) fn is_waited_for(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Those that wait, first come, first; `grant` puts those back that wait on.
    pub(super) fn call(&mut self) -> Vec<End> {
        std::mem::take(&mut self.waiting)
    }

    /// A tick at which somebody waits: what may be handed out at it, of a line that carries `more`
    /// in a tick and `limit` in a second.
    pub(super) fn accrue(&mut self, more: Volume, limit: u64) -> u64 {
        let more = more + self.crumbs;
        let bytes = Bytes(more.0 / Bytes(1).volume().0);
        self.crumbs = more - bytes.volume();
        let most = signed((SAVED_S * limit).max(1));
        let saved = (self.saved + signed(bytes.0)).min(most).max(self.saved);
        self.accrued += saved.abs_diff(self.saved);
        self.saved = saved;
        u64::try_from(saved).unwrap_or(0)
    }

    /// Grants one that waits at most `part`; gives whether it waits no longer.
    pub(super) fn grant(&mut self, quota: &mut Quota, part: u32, end: End) -> bool {
        let part = part.min(quota.asked - quota.granted);
        quota.granted += part;
        self.saved -= i64::from(part);
        quota.patience = quota.patience.saturating_sub(1);
        let is_done = quota.granted == quota.asked || quota.patience == 0 && quota.granted > 0;
        if is_done {
            quota.left += std::mem::take(&mut quota.granted);
            quota.asked = 0;
        } else {
            self.waiting.push(end);
        }
        is_done
    }

    /// A connection ended: what it did not use is lost, what it waited for is not.
    pub(super) fn forget(&mut self, quota: &Quota, end: End) {
        self.waiting.retain(|&other| other != end);
        self.saved += i64::from(quota.granted);
        self.spent += u64::from(quota.left);
    }

    /// The laws, where connections hold these quotas and the line could carry `most` so far.
    pub(super) fn audit(&self, ends: &[(End, Quota)], most: u64) {
        let held: u64 = ends.iter().map(|(_, q)| u64::from(q.left) + u64::from(q.granted)).sum();
        let used = signed(self.spent + held);
        assert_eq!(signed(self.accrued), self.saved + used, "no quota is lost");
        assert!(self.accrued <= most, "a limiter within its line");
        for (end, quota) in ends {
            assert_eq!(self.waiting.contains(end), quota.asked > 0, "who asked waits");
        }
    }
}

/// A number of bytes that is known not to be large.
fn signed(n: u64) -> i64 {
    i64::try_from(n).expect("fewer bytes than a line ever carries")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::PeerId;

    const LIMIT: u64 = 1000;

    fn end(slot: u16) -> End {
        (PeerId(0), slot)
    }

    /// One tick of half a second; gives who waits no longer.
    fn tick(limiter: &mut Limiter, quotas: &mut [Quota]) -> Vec<u16> {
        let waiting = limiter.call();
        let saved = limiter.accrue(Bytes(LIMIT / 2).volume(), LIMIT);
        let part = u32::try_from(saved / waiting.len().max(1) as u64).expect("small");
        let mut done = Vec::new();
        for (p, slot) in waiting {
            if limiter.grant(&mut quotas[usize::from(slot)], part, (p, slot)) {
                done.push(slot);
            }
        }
        done
    }

    fn check(limiter: &Limiter, quotas: &[Quota], ticks: u64) {
        let ends: Vec<_> = (0..).map(end).zip(quotas.iter().copied()).collect();
        limiter.audit(&ends, ticks * LIMIT / 2);
    }

    #[test]
    fn those_that_wait_get_equal_parts_and_go_on_with_all_they_asked_for() {
        let (mut limiter, mut quotas) = (Limiter::default(), [Quota::default(); 2]);
        limiter.ask(&mut quotas[0], 200, || LIMIT, end(0));
        limiter.ask(&mut quotas[1], 600, || LIMIT, end(1));
        assert_eq!(tick(&mut limiter, &mut quotas), [0], "200 of 250");
        assert_eq!((quotas[0].left, quotas[1].left), (200, 0), "a part of it is no quota");
        check(&limiter, &quotas, 1);
        assert_eq!(tick(&mut limiter, &mut quotas), [1], "250 and then 350 of 550");
        assert_eq!(quotas[1].left, 600);
        check(&limiter, &quotas, 2);
        assert_eq!(limiter.saved, 200);
    }

    #[test]
    fn with_a_second_saved_nobody_waits() {
        let (mut limiter, mut quotas) = (Limiter::default(), [Quota::default(); 1]);
        for ticks in 1..=3 {
            limiter.ask(&mut quotas[0], 10, || LIMIT, end(0));
            assert_eq!(tick(&mut limiter, &mut quotas), [0]);
            limiter.take(&mut quotas[0], 10);
            check(&limiter, &quotas, ticks);
        }
        assert_eq!(limiter.saved, 1470);
        assert!(
            limiter.lets(&quotas[0], 470, 1, || LIMIT)
                && !limiter.lets(&quotas[0], 471, 1, || LIMIT)
        );
        limiter.ask(&mut quotas[0], 470, || LIMIT, end(0));
        assert_eq!(quotas[0].left, 470, "at once");
        assert!(!limiter.is_waited_for());
        check(&limiter, &quotas, 3);
    }

    #[test]
    fn a_line_of_a_byte_in_three_ticks_carries_it() {
        let (mut limiter, mut quotas) = (Limiter::default(), [Quota::default(); 1]);
        limiter.ask(&mut quotas[0], 1, || 0, end(0));
        for ticks in 1..=3 {
            let waiting = limiter.call();
            let saved = limiter.accrue(Volume(Bytes(1).volume().0 / 3 + 1), 0);
            let part = u32::try_from(saved).expect("small");
            let done = limiter.grant(&mut quotas[0], part, waiting[0]);
            assert_eq!(done, ticks == 3, "tick {ticks}");
        }
    }

    #[test]
    fn headers_are_paid_for_before_anybody_is_granted_more() {
        let (mut limiter, mut quotas) = (Limiter::default(), [Quota::default(); 1]);
        limiter.ask(&mut quotas[0], 300, || LIMIT, end(0));
        limiter.drain(700);
        assert!(tick(&mut limiter, &mut quotas).is_empty());
        assert_eq!(limiter.saved, -200);
        assert_eq!(tick(&mut limiter, &mut quotas), [0], "300 of 500 - 200");
        assert_eq!((limiter.saved, quotas[0].left), (0, 300));
        check(&limiter, &quotas, 2);
    }

    #[test]
    fn savings_have_an_end_and_so_has_patience() {
        let (mut limiter, mut quotas) = (Limiter::default(), [Quota::default(); 1]);
        limiter.ask(&mut quotas[0], 1_000_000, || LIMIT, end(0));
        for _ in 0..PATIENCE - 1 {
            assert!(tick(&mut limiter, &mut quotas).is_empty());
        }
        assert_eq!(tick(&mut limiter, &mut quotas), [0]);
        assert_eq!(quotas[0].left, 10_000);
        for _ in 0..10 {
            let waiting = limiter.call();
            assert!(waiting.is_empty());
            limiter.accrue(Bytes(LIMIT / 2).volume(), LIMIT);
        }
        assert_eq!(limiter.saved, 3000);
        limiter.forget(&quotas[0], end(0));
        check(&limiter, &[], 40);
    }
}
