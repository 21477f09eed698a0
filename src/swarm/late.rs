//! Requests that come too late: whoever asks long after it was choked is disconnected.
//!
//! libtorrent rejects requests of a choked peer, and two seconds after the choke it disconnects the
//! peer (`peer_connection::incoming_request`). A request can be under way for longer than that
//! behind the blocks of a slow uplink; and who still gets blocks asks for more, as the CHOKE comes
//! behind them. So peers with slow uplinks lose neighbours, and get them back a minute later.
//!
//! Law: only who asks can be too late, and not before the grace is over.
//!
//! Where it is wrong: whoever asked connects again, where it is the one that may.

use super::edges::Mask;
use super::event::Event;
use super::letters::{Letter, News};
use super::world::Swarm;
use crate::ids::PeerId;
use crate::observe::Observer;
use crate::units::{SimTime, Span};

/// A neighbour that was lost, and when it may be connected to again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lost {
    peer: PeerId,
    due: SimTime,
}

impl<O: Observer> Swarm<'_, O> {
    /// `from` is about to choke the receiver of its flow `at`: notes whether that will ask for more
    /// when the block under way is in. It will not if it has asked for enough already.
    #[inline(never)]
    pub(super) fn note_who_asks(&mut self, from: PeerId, at: usize) {
        let to = self.receiver(from, at);
        let transfer = &self.links.up[self.line(from)].flows[at].payload;
        let slot = transfer.back;
        if self.in_turn(to).is_none() || !self.is(to, Mask::Served, slot) {
            return;
        }
        let target = self.pace(to, slot, from, Some(at)).queue;
        if self.outstanding(from, at) <= target.0 {
            self.put(to, Mask::Late, slot);
        }
    }

    /// A flow to `p` from its neighbour in `slot` has nothing more to send. If that is because `p`
    /// was choked, `p` has asked for more with the last block: the CHOKE came behind it.
    #[inline(never)]
    pub(super) fn ask_too_late(&mut self, p: PeerId, slot: u16) {
        let asks = self.is(p, Mask::Late, slot) && self.is(p, Mask::Wants, slot);
        let is_late = asks && !self.is(p, Mask::Served, slot);
        if is_late && !self.post(p, slot, Letter::of(News::Request)) {
            self.queue.push(self.now, Event::Request(p, slot));
        }
    }

    /// Whether a request of `p` comes when its neighbour in `slot` has choked it.
    pub(super) fn comes_too_late(&mut self, p: PeerId, slot: u16) -> bool {
        if !self.is(p, Mask::Late, slot) {
            return false;
        }
        self.take(p, Mask::Late, slot);
        if self.is(p, Mask::Served, slot) {
            return false;
        }
        self.disconnects_late(p, slot);
        true
    }

    /// A request of `p` comes when its neighbour in `slot` has choked it. If that is long ago,
    /// their connection ends; gives whether it does.
    pub(super) fn disconnects_late(&mut self, p: PeerId, slot: u16) -> bool {
        let (q, back) = (self.neighbour(p, slot), self.back(p, slot));
        let Some(rules) = self.in_turn(q) else { return false };
        let (grace, reconnect) = (rules.grace, rules.reconnect);
        let choked_ms = self.socket(q, back).choked_ms;
        let since = Span(u64::from(self.now_ms().wrapping_sub(choked_ms)) * 1_000_000);
        let is_late = since > grace;
        if is_late {
            self.disconnect_for(reconnect, p, slot);
        }
        is_late
    }

    /// Ends the connection of `p` to its neighbour in `slot`; `p` connects again after so long.
    pub(super) fn disconnect_for(&mut self, reconnect: Span, p: PeerId, slot: u16) {
        let (peer, due) = (self.neighbour(p, slot), self.now + reconnect);
        self.disconnect(p, slot);
        self.lost[p.index()].push(Lost { peer, due });
        self.queue.push(due, Event::Reconnect(p));
    }

    /// `p` connects again to those it lost, if they are there.
    pub(super) fn reconnect(&mut self, p: PeerId) {
        let now = self.now;
        while let Some(at) = self.lost[p.index()].iter().position(|lost| lost.due <= now) {
            let q = self.lost[p.index()].remove(at).peer;
            if self.is_present(p) && self.is_present(q) {
                self.connect(p, q);
            }
        }
    }
}
