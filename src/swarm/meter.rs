//! What a client knows of how much a connection moves (libtorrent `stat_channel`).

use super::plan::Requests;
use super::socket::{SECOND, narrow};
use super::world::Swarm;
use crate::ids::PeerId;
use crate::observe::Observer;
use crate::units::{BLOCK, ByteRate, Bytes};

/// What a connection moves one way. All in bytes of blocks.
#[derive(Debug, Default)]
pub(super) struct Meter {
    /// In this second, in the one before, and on average over some seconds.
    pub(super) second: u32,
    pub(super) before: u32,
    pub(super) rate: u32,
}

impl Meter {
    pub(super) fn end_second(&mut self, span_s: u32) {
        self.rate = average(self.rate, self.second, span_s);
        self.before = std::mem::take(&mut self.second);
    }

    /// Whether nothing moved lately.
    pub(super) fn is_still(&self) -> bool {
        self.rate == 0 && self.before == 0 && self.second == 0
    }

    pub(super) fn known_rate(&self) -> ByteRate {
        Bytes(self.rate.into()).rate_over(SECOND)
    }
}

/// An average over some seconds, a second later (`stat_channel::second_tick`).
pub(super) fn average(before: u32, second: u32, span_s: u32) -> u32 {
    narrow(u64::from(before) * u64::from(span_s - 1) / u64::from(span_s)) + second / span_s
}

/// Bytes a connection at `rate` keeps asked for in advance, in whole blocks.
#[inline]
pub(super) fn queue_bytes(requests: &Requests, rate: ByteRate) -> Bytes {
    let blocks = rate.bytes_in(requests.queue_span).0 / BLOCK.0 + u64::from(requests.queue_base);
    let blocks = blocks.clamp(u64::from(requests.queue_min), u64::from(requests.queue_max));
    Bytes(blocks * BLOCK.0)
}

impl<O: Observer> Swarm<'_, O> {
    /// The rate of flow `at` of `from`, as its receiver knows it.
    pub(super) fn flow_rate(&self, from: PeerId, at: usize) -> ByteRate {
        let flow = &self.links.up[self.line(from)].flows[at];
        if self.is_metered(from) { self.metered_pace(from, flow.payload.slot).0 } else { flow.rate }
    }

    /// The rate at which the neighbour in `slot` of `from` gets data, and what it keeps requested.
    pub(super) fn metered_pace(&self, from: PeerId, slot: u16) -> (ByteRate, Bytes) {
        let (to, back) = (self.neighbour(from, slot), self.back(from, slot));
        if self.in_turn(to).is_some() {
            let socket = self.socket(to, back);
            let queue = Bytes(u64::from(socket.queue.max(1)) * BLOCK.0);
            return (socket.reading.known_rate(), queue);
        }
        let rate = self.socket(from, slot).sending.known_rate();
        (rate, queue_bytes(&self.class(to).protocol.requests, rate))
    }

    /// What is requested in advance on flow `at` of `from`.
    #[inline]
    pub(super) fn queue_on(&self, from: PeerId, at: usize) -> Bytes {
        let up = &self.links.up[self.line(from)];
        if up.metered {
            return self.metered_pace(from, up.flows[at].payload.slot).1;
        }
        let to = Self::behind(up.to[at]);
        queue_bytes(&self.class(to).protocol.requests, up.flows[at].rate)
    }
}
