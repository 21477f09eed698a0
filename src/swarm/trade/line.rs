//! What a requester has to do with one provider, and with all of them.
//!
//! Looked up for each run of blocks and each round of a provider, and cold whenever it is: so a
//! line stands where the requester has the connection, and is fetched without looking for it.

use super::{Dealer, Trade};
use crate::ids::PeerId;
use crate::ledger::ChannelId;
use crate::observe::Observer;
use crate::swarm::edges::{End, Stretch};
use crate::swarm::world::Swarm;
use crate::units::{Bytes, MicroBtt, Price, u16_of};
use prefetch_index::prefetch_index;
use std::ops::{Index, IndexMut};

/// Stands where there is no line.
const NOBODY: PeerId = PeerId(u32::MAX);

/// What a requester has to do with one provider. What it owes stands with the requester, by piece
/// (`Dealer::parcels`), or by slot where that is overdue.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct Line {
    pub(super) provider: PeerId,
    /// Bytes of the run of blocks under way that came before there was a price.
    pub(super) for_free: u32,
    /// What it pays for what comes in; nothing while it is served for other reasons.
    pub(super) price: Price,
    /// What a whole piece costs at that.
    pub(super) piece_costs: MicroBtt,
    pub(super) channel: Option<ChannelId>,
    /// What the requester can still sign for through that; nothing without a channel.
    pub(super) left: MicroBtt,
    /// Paid for, and not entered in the provider's books (`Trade::enter_paid`).
    pub(super) paid_bytes: u32,
    /// Whether each payment is entered at once, as the provider waits for it or others pay through
    /// the same channel.
    pub(super) at_once: bool,
    /// Whether the channel is known to be open.
    pub(super) is_open: bool,
    /// Whether the last payment failed.
    pub(super) failing: bool,
}

const _: () = assert!(size_of::<Line>() == 64, "one line of the cache");

impl Line {
    /// Stands where there is none.
    const NONE: Self = Self::new(NOBODY);

    /// Between a requester and a provider that have not dealt before.
    const fn new(provider: PeerId) -> Self {
        Self {
            provider,
            for_free: 0,
            price: Price::ZERO,
            piece_costs: MicroBtt::ZERO,
            channel: None,
            left: MicroBtt::ZERO,
            paid_bytes: 0,
            at_once: false,
            is_open: false,
            failing: false,
        }
    }

    /// Costs this from now on, and so much for a whole piece.
    pub(super) fn set_price(&mut self, price: Price, piece_costs: MicroBtt) {
        (self.price, self.piece_costs) = (price, piece_costs);
    }

    /// Has another channel from now on, in which there is so much, or none; gives the one it had.
    pub(super) fn hold(&mut self, channel: Option<ChannelId>, left: MicroBtt) -> Option<ChannelId> {
        (self.left, self.is_open) = (left, false);
        std::mem::replace(&mut self.channel, channel)
    }
}

/// Lines in a chunk, 256 KiB.
const CHUNK: usize = 1 << 12;

/// The lines of all requesters, in the places of their connections (`Stretch::at`). They are most
/// of what a token keeps in memory, so they stand in chunks: with one array that doubles, a swarm
/// of 1 000 took 51 MB at its peak, not 43.
#[derive(Debug, Default)]
pub(super) struct Lines {
    chunks: Vec<Box<[Line]>>,
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

    /// Makes room up to a place.
    fn grow(&mut self, n: usize) {
        while self.chunks.len() * CHUNK < n {
            self.chunks.push(vec![Line::NONE; CHUNK].into());
        }
    }

    /// Moves a line to an empty place.
    fn shift(&mut self, from: usize, to: usize) {
        debug_assert!(self[to].provider == NOBODY, "a place for one line");
        self[to] = std::mem::replace(&mut self[from], Line::NONE);
    }

    /// Fetches the place of a line into the cache.
    #[inline]
    pub(super) fn warm(&self, stretch: Stretch, slot: u16) {
        let at = stretch.range().start + usize::from(slot);
        if let Some(chunk) = self.chunks.get(at / CHUNK) {
            prefetch_index(chunk, at % CHUNK);
        }
    }
}

impl Index<usize> for Lines {
    type Output = Line;
    #[inline]
    fn index(&self, at: usize) -> &Line {
        &self.chunks[at / CHUNK][at % CHUNK]
    }
}

impl IndexMut<usize> for Lines {
    #[inline]
    fn index_mut(&mut self, at: usize) -> &mut Line {
        &mut self.chunks[at / CHUNK][at % CHUNK]
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
        self.lines[at] = Line { at_once, ..Line::new(provider) };
        at
    }

    /// Takes a line out.
    pub(super) fn remove_line(&mut self, (p, slot): End) -> Line {
        let dealer = &mut self.peers[p.index()];
        let at = dealer.stretch.at(slot);
        let nth = dealer.dealt.iter().position(|&dealt| dealt == slot);
        dealer.dealt.swap_remove(nth.expect("each line is listed"));
        self.set_for_free(p, at, 0);
        std::mem::replace(&mut self.lines[at], Line::NONE)
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
