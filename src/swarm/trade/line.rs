//! What a requester has to do with one provider, and with all of them.
//!
//! Looked up for each run of blocks and each round of a provider, and cold whenever it is: so a
//! line stands where the requester has the connection, and is fetched without looking for it.

use super::{Dealer, Due, Trade};
use crate::ids::PeerId;
use crate::ledger::ChannelId;
use crate::observe::Observer;
use crate::swarm::edges::{End, Stretch};
use crate::swarm::world::Swarm;
use crate::units::{Bytes, MicroBtt, Price, SimTime};
use prefetch_index::prefetch_index;
use smallvec::SmallVec;
use std::ops::{Index, IndexMut};

/// Stands where there is no line.
const NOBODY: PeerId = PeerId(u32::MAX);

/// What a requester has to do with one provider.
///
/// What of `owed` is to be paid now is not kept, as it follows from the rest: all but what came of
/// pieces not verified yet and what is on its way (`Trade::due`).
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct Line {
    pub(super) provider: PeerId,
    /// Bytes of the run of blocks under way that came before there was a price.
    pub(super) for_free: u32,
    /// What it pays for what comes in; nothing while it is served for other reasons.
    pub(super) price: Price,
    /// Delivered at a price and not paid for.
    pub(super) owed: MicroBtt,
    pub(super) owed_bytes: Bytes,
    /// When the channel can be paid through.
    pub(super) ready: SimTime,
    pub(super) channel: Option<ChannelId>,
    /// The requester's slot for the provider.
    pub(super) slot: u16,
    /// Whether it holds a slot it won by its bid.
    pub(super) winning: bool,
    /// Whether the last payment failed.
    pub(super) failing: bool,
}

const _: () = assert!(size_of::<Line>() == 64, "one line of the cache");

impl Line {
    /// Between a requester and a provider that have not dealt before.
    fn new(provider: PeerId, slot: u16) -> Self {
        Self {
            provider,
            for_free: 0,
            price: Price::ZERO,
            owed: MicroBtt::ZERO,
            owed_bytes: Bytes::ZERO,
            ready: SimTime::ZERO,
            channel: None,
            slot,
            winning: false,
            failing: false,
        }
    }

    /// Whether it has a channel without a slot or a debt: nothing is going to be paid through it.
    pub(super) fn is_idle(&self) -> bool {
        self.channel.is_some() && !self.winning && self.owed_bytes == Bytes::ZERO
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
            self.chunks.push(vec![Line::new(NOBODY, 0); CHUNK].into());
        }
    }

    /// Moves a line to an empty place.
    fn shift(&mut self, from: usize, to: usize) {
        debug_assert!(self[to].provider == NOBODY, "a place for one line");
        self[to] = std::mem::replace(&mut self[from], Line::new(NOBODY, 0));
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

    /// Adds a line; returns where it is.
    pub(super) fn add_line(&mut self, (p, slot): End, provider: PeerId) -> usize {
        let dealer = &mut self.peers[p.index()];
        let at = dealer.stretch.at(slot);
        debug_assert!(self.lines[at].provider == NOBODY, "one line to a provider");
        self.lines[at] = Line::new(provider, slot);
        dealer.dealt.push(slot);
        at
    }

    /// Takes a line out.
    pub(super) fn remove_line(&mut self, (p, slot): End) -> Line {
        let dealer = &mut self.peers[p.index()];
        let nth = dealer.dealt.iter().position(|&dealt| dealt == slot);
        dealer.dealt.swap_remove(nth.expect("each line is listed"));
        let none = Line::new(NOBODY, 0);
        std::mem::replace(&mut self.lines[dealer.stretch.at(slot)], none)
    }

    /// What of a line is owed and not to be paid now: it came of pieces that are not verified yet,
    /// or its payment is on its way.
    pub(super) fn not_due(&self, p: PeerId, line: &Line) -> Due {
        let (amount, bytes) = self.on_its_way(p, line.slot);
        let parcels = &self.peers[p.index()].parcels;
        let parcels = parcels.iter().filter(|parcel| parcel.slot == line.slot);
        parcels.fold(Due { amount, bytes }, |sum, parcel| Due {
            amount: sum.amount + parcel.amount,
            bytes: sum.bytes + Bytes(parcel.bytes.into()),
        })
    }

    /// The part of what is owed on a line that is to be paid now: of verified pieces, or on
    /// account.
    pub(super) fn due(&self, p: PeerId, at: usize) -> Due {
        let line = &self.lines[at];
        let later = self.not_due(p, line);
        Due { amount: line.owed - later.amount, bytes: line.owed_bytes - later.bytes }
    }

    /// The lines on which a payment is due.
    #[cold]
    pub(super) fn overdue_lines(&self, p: PeerId) -> SmallVec<[usize; 8]> {
        let owes = |at: &usize| self.lines[*at].owed_bytes > Bytes::ZERO;
        let overdue = |at: &usize| self.due(p, *at).bytes > Bytes::ZERO;
        self.peers[p.index()].lines().filter(owes).filter(overdue).collect()
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
