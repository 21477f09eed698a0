//! What a requester has to do with one provider, and with all of them.

use crate::ids::PeerId;
use crate::ledger::ChannelId;
use crate::units::{Bytes, MicroBtt, Price, SimTime};
use std::ops::{Deref, DerefMut};

/// What a requester has to do with one provider.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) provider: PeerId,
    /// What it pays for what comes in; nothing while it is served for other reasons.
    pub(super) price: Price,
    /// Whether it holds a slot it won by its bid.
    pub(super) winning: bool,
    /// Whether the last payment failed.
    pub(super) failing: bool,
    /// What of the run of blocks under way came before there was a price.
    pub(super) for_free: Bytes,
    /// Delivered at a price and not paid for.
    pub(super) owed: MicroBtt,
    pub(super) owed_bytes: Bytes,
    /// The part of `owed` that is to be paid now: of verified pieces, or on account.
    pub(super) due: MicroBtt,
    pub(super) due_bytes: Bytes,
    pub(super) channel: Option<ChannelId>,
    /// When the channel can be paid through.
    pub(super) ready: SimTime,
}

impl Line {
    /// A requester that has not dealt with this provider before.
    fn new(provider: PeerId) -> Self {
        Self {
            provider,
            price: Price::ZERO,
            winning: false,
            failing: false,
            for_free: Bytes::ZERO,
            owed: MicroBtt::ZERO,
            owed_bytes: Bytes::ZERO,
            due: MicroBtt::ZERO,
            due_bytes: Bytes::ZERO,
            channel: None,
            ready: SimTime::ZERO,
        }
    }

    /// Whether it has a channel without a slot or a debt: nothing is going to be paid through it.
    pub(super) fn is_idle(&self) -> bool {
        self.channel.is_some() && !self.winning && self.owed_bytes == Bytes::ZERO
    }
}

/// All lines of a requester. Looked up all the time, so names stand apart, close together.
#[derive(Debug, Default)]
pub(super) struct Lines {
    names: Vec<PeerId>,
    rows: Vec<Line>,
}

impl Lines {
    /// Where the line to a provider is, if there is one.
    #[inline]
    pub(super) fn find(&self, provider: PeerId) -> Option<usize> {
        self.names.iter().position(|&name| name == provider)
    }

    /// Adds a line; returns where it is.
    pub(super) fn add(&mut self, provider: PeerId) -> usize {
        self.names.push(provider);
        self.rows.push(Line::new(provider));
        self.rows.len() - 1
    }

    /// Takes a line out; the last one takes its place.
    pub(super) fn remove(&mut self, at: usize) -> Line {
        self.names.swap_remove(at);
        self.rows.swap_remove(at)
    }
}

impl Deref for Lines {
    type Target = [Line];
    fn deref(&self) -> &[Line] {
        &self.rows
    }
}

impl DerefMut for Lines {
    fn deref_mut(&mut self) -> &mut [Line] {
        &mut self.rows
    }
}
