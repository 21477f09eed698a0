//! What a requester has to do with one provider, and with all of them.
//!
//! Looked up for each run of blocks and each round of a provider, and cold whenever it is: so a
//! line stands where the requester has the connection, and is fetched without looking for it.

use super::prices::{PriceId, Prices};
use super::{Dealer, Trade};
use crate::ids::PeerId;
use crate::ledger::ChannelId;
use crate::observe::Observer;
use crate::swarm::edges::{End, Stretch};
use crate::swarm::world::Swarm;
use crate::units::{Bytes, Chunks, MicroBtt, Price, u16_of};
use std::ops::{Index, IndexMut};

/// Stands where there is no line.
const NOBODY: PeerId = PeerId(u32::MAX);

/// What a requester has to do with one provider. What it owes stands with the requester, by piece
/// (`Dealer::parcels`), or by slot where that is overdue.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(32))]
pub(super) struct Line {
    pub(super) provider: PeerId,
    /// Bytes of the run of blocks under way that came before there was a price.
    pub(super) for_free: u32,
    pub(super) channel: Option<ChannelId>,
    /// What the requester can still sign for through that; nothing without a channel.
    pub(super) left: MicroBtt,
    /// What it pays for what comes in; nothing while it is served for other reasons
    /// (`Lines::price`).
    price: PriceId,
    /// What is paid for and not entered in the provider's books, in bytes (`Trade::enter_paid`),
    /// above the marks.
    paid: u32,
}

const _: () = assert!(size_of::<Line>() == 32, "two in a line of the cache");

/// What is to be known of a line: one bit each.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub(super) enum Mark {
    /// Each payment is entered at once, as the provider waits for it or others pay through the
    /// same channel.
    AtOnce = 1,
    /// The channel is known to be open.
    IsOpen = 2,
    /// The last payment failed.
    Failing = 4,
}

/// Bits of marks.
const MARKS: u32 = 3;

impl Line {
    /// Stands where there is none.
    const NONE: Self = Self::new(NOBODY);

    /// Between a requester and a provider that have not dealt before.
    const fn new(provider: PeerId) -> Self {
        let (price, left) = (PriceId::FREE, MicroBtt::ZERO);
        Self { provider, for_free: 0, channel: None, left, price, paid: 0 }
    }

    /// Whether nothing is paid for what comes in.
    #[inline]
    pub(super) fn is_free(&self) -> bool {
        self.price.is_free()
    }

    #[inline]
    pub(super) fn is(&self, mark: Mark) -> bool {
        self.paid & mark as u32 != 0
    }

    #[inline]
    pub(super) fn set(&mut self, mark: Mark, is: bool) {
        self.paid = self.paid & !(mark as u32) | if is { mark as u32 } else { 0 };
    }

    /// So much more is paid for. Gives what is to be entered now, as there is no room for it here.
    #[inline]
    pub(super) fn add_paid(&mut self, bytes: Bytes) -> Bytes {
        let sum = u64::from(self.paid) + (bytes.0 << MARKS);
        let Ok(sum) = u32::try_from(sum) else { return bytes };
        self.paid = sum;
        Bytes::ZERO
    }

    /// Takes what is paid for and not entered out of the books.
    #[inline]
    pub(super) fn take_paid(&mut self) -> Bytes {
        let bytes = self.paid >> MARKS;
        self.paid &= (1 << MARKS) - 1;
        Bytes(bytes.into())
    }

    /// Has another channel from now on, in which there is so much, or none; gives the one it had.
    pub(super) fn hold(&mut self, channel: Option<ChannelId>, left: MicroBtt) -> Option<ChannelId> {
        self.left = left;
        self.set(Mark::IsOpen, false);
        std::mem::replace(&mut self.channel, channel)
    }
}

/// The lines of all requesters, in the places of their connections (`Stretch::at`). They are most
/// of what a token keeps in memory.
#[derive(Debug, Default)]
pub(super) struct Lines {
    lines: Chunks<Line>,
    prices: Prices,
}

impl Lines {
    /// Where the line to the provider in a slot is, if there is one.
    #[inline]
    fn find(&self, stretch: Stretch, slot: u16, provider: PeerId) -> Option<usize> {
        if slot >= stretch.cap {
            return None; // it has left
        }
        let at = stretch.at(slot);
        (self[at].provider == provider).then_some(at)
    }

    /// What is paid for what comes in on a line.
    #[inline]
    pub(super) fn price(&self, at: usize) -> Price {
        self.prices.of(self.lines[at].price)
    }

    /// What comes in on a line costs this from now on.
    pub(super) fn set_price(&mut self, at: usize, price: Price) {
        let before = std::mem::replace(&mut self.lines[at].price, self.prices.keep(price));
        self.prices.drop(before);
    }

    /// Whether the prices are kept that are paid here, and no others.
    pub(super) fn audit_prices(&self) {
        let paying = self.lines.iter().filter(|line| !line.is_free()).count();
        assert!(self.prices.n_lines() == paying as u64, "{paying} lines pay: {:?}", self.prices);
    }

    /// Makes room up to a place.
    fn grow(&mut self, n: usize) {
        self.lines.grow(n, Line::NONE);
    }

    /// Moves a line to an empty place.
    fn shift(&mut self, from: usize, to: usize) {
        debug_assert!(self[to].provider == NOBODY, "a place for one line");
        self[to] = std::mem::replace(&mut self[from], Line::NONE);
    }

    /// Takes a line out; gives its channel.
    fn remove(&mut self, at: usize) -> Option<ChannelId> {
        let line = std::mem::replace(&mut self.lines[at], Line::NONE);
        self.prices.drop(line.price);
        line.channel
    }

    /// Fetches the place of a line into the cache.
    #[inline]
    pub(super) fn warm(&self, stretch: Stretch, slot: u16) {
        self.lines.warm(stretch.range().start + usize::from(slot));
    }
}

impl Index<usize> for Lines {
    type Output = Line;
    #[inline]
    fn index(&self, at: usize) -> &Line {
        &self.lines[at]
    }
}

impl IndexMut<usize> for Lines {
    #[inline]
    fn index_mut(&mut self, at: usize) -> &mut Line {
        &mut self.lines[at]
    }
}

impl Dealer {
    /// Whether it looks at everybody's bids: none are its debtors, or dropped.
    pub(super) fn nobody_is_out(&self) -> bool {
        !self.is_wary || self.debtors.is_empty() && self.dropped.is_empty()
    }

    /// Whether a requester holds a slot it won by its bid.
    pub(super) fn is_paid_by(&self, requester: PeerId) -> bool {
        self.customers.iter().any(|&(customer, _)| customer == requester)
    }

    /// Where its lines are, in the order in which they came but for those that moved up.
    pub(super) fn lines(&self) -> impl Iterator<Item = usize> + '_ {
        self.dealt.iter().map(|&slot| self.stretch.at(slot))
    }
}

impl Trade {
    /// Makes room for the lines of a peer whose connections stand here, or have moved here.
    pub(in crate::swarm) fn make_room(&mut self, p: PeerId, stretch: Stretch) {
        self.lines.grow(stretch.range().end);
        let dealer = &mut self.peers[p.index()];
        for &slot in &dealer.dealt {
            let (old, new) = (dealer.stretch.at(slot), stretch.at(slot));
            self.lines.shift(old, new);
        }
        dealer.stretch = stretch;
    }

    /// Where the line of a requester to a provider is, if there is one, looked for.
    pub(super) fn line_to(&self, p: PeerId, provider: PeerId) -> Option<usize> {
        self.peers[p.index()].lines().find(|&at| self.lines[at].provider == provider)
    }

    /// Whether a line of a requester has a channel without a slot or a debt: nothing is going to be
    /// paid through it.
    pub(super) fn is_idle(&self, p: PeerId, at: usize) -> bool {
        let Line { provider, channel, .. } = self.lines[at];
        let is_won = || self.peers[provider.index()].is_paid_by(p);
        channel.is_some() && self.owed((p, self.slot(p, at))).bytes == Bytes::ZERO && !is_won()
    }

    /// Of the run under way on a line so much came for free.
    pub(super) fn set_for_free(&mut self, p: PeerId, at: usize, bytes: u32) {
        let before = std::mem::replace(&mut self.lines[at].for_free, bytes);
        let n_free = &mut self.peers[p.index()].n_free;
        *n_free = *n_free + u16::from(bytes > 0) - u16::from(before > 0);
    }

    /// Adds a line; returns where it is.
    pub(super) fn add_line(&mut self, (p, slot): End, provider: PeerId) -> usize {
        let dealer = &mut self.peers[p.index()];
        let at = dealer.stretch.at(slot);
        debug_assert!(self.lines[at].provider == NOBODY, "one line to a provider");
        dealer.dealt.push(slot);
        let at_once = self.per_pair || self.peers[provider.index()].is_wary;
        self.lines[at] = Line::new(provider);
        self.lines[at].set(Mark::AtOnce, at_once);
        at
    }

    /// Takes a line out; gives its channel, if it had one.
    pub(super) fn remove_line(&mut self, (p, slot): End) -> Option<ChannelId> {
        let dealer = &mut self.peers[p.index()];
        let at = dealer.stretch.at(slot);
        let nth = dealer.dealt.iter().position(|&dealt| dealt == slot);
        dealer.dealt.swap_remove(nth.expect("each line is listed"));
        self.set_for_free(p, at, 0);
        self.lines.remove(at)
    }

    /// The slot of `p` for the provider of a line.
    pub(super) fn slot(&self, p: PeerId, at: usize) -> u16 {
        u16_of(at - self.peers[p.index()].stretch.range().start)
    }
}

impl<O: Observer> Swarm<'_, O> {
    /// Where the line of a requester to the provider in a slot is, if there is one.
    #[inline]
    pub(super) fn line_at(&self, (p, slot): End, provider: PeerId) -> Option<usize> {
        let stretch = self.peers[p.index()].edges;
        self.trade.as_deref()?.lines.find(stretch, slot, provider)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What there is no room for is given back whole, and marks stay as they are.
    #[test]
    fn bytes_and_marks_do_not_mix() {
        let mut line = Line::new(PeerId(7));
        line.set(Mark::AtOnce, true);
        line.set(Mark::Failing, true);
        let (most, one) = (Bytes((1 << (u32::BITS - MARKS)) - 1), Bytes(1));
        assert_eq!(line.add_paid(most), Bytes::ZERO);
        assert_eq!(line.add_paid(one), one, "no room");
        assert!(line.is(Mark::AtOnce) && line.is(Mark::Failing) && !line.is(Mark::IsOpen));
        line.set(Mark::Failing, false);
        assert_eq!(line.take_paid(), most);
        assert_eq!(line.take_paid(), Bytes::ZERO);
        assert!(line.is(Mark::AtOnce) && !line.is(Mark::Failing));
    }
}
