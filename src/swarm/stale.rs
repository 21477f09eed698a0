//! UNCHOKEs that are heard when they hold no longer, and requests that are refused.
//!
//! A client serves whoever connects at once where a slot is free, and its choker takes that back if
//! the other one is not interested yet. Both messages wait in the send buffer. So who connects
//! hears first that it may ask, and asks; only then that it may not. Its requests come while it is
//! choked, and are rejected (BEP 6) - or its interest, which comes just ahead of them, has
//! opened the slot again, and they are answered at once (libtorrent `incoming_unchoke`,
//! `incoming_request`, `write_reject_request`). The same goes for a first request that a CHOKE
//! crosses. Until a rejection is heard nobody else is asked for those blocks.
//!
//! Law: what was requested in vain is claimed until the rejection is heard or the connection ends.

use super::edges::Mask;
use super::letters::{Letter, News};
use super::world::Swarm;
use crate::ids::PeerId;
use crate::observe::Observer;

impl<O: Observer> Swarm<'_, O> {
    /// `q` hears that its neighbour in `back` unchokes it: it asks, also if that has choked it
    /// again meanwhile, unless it has asked already.
    pub(super) fn hear_unchoke(&mut self, q: PeerId, back: u16) {
        if self.is(q, Mask::Vain, back) || self.has_pending(q, back) {
            return;
        }
        if self.is(q, Mask::Served, back) || self.is(q, Mask::Late, back) {
            self.request_arrives(q, back);
        } else if self.is(q, Mask::Wants, back) {
            self.ask_in_vain(q, back);
        }
    }

    /// The neighbour of `p` in `slot` becomes interested, which `p` serves already: it is told so
    /// once more, in case it did not listen before (libtorrent `incoming_interested`).
    pub(super) fn unchoke_once_more(&mut self, p: PeerId, slot: u16) {
        if self.in_turn(p).is_none() {
            return;
        }
        let (q, back) = (self.neighbour(p, slot), self.back(p, slot));
        self.count_news(p, q);
        if !self.post(p, slot, Letter::of(News::Unchoke)) {
            self.hear(q, back, News::Unchoke);
        }
    }

    fn ask_in_vain(&mut self, q: PeerId, back: u16) {
        if !self.claim_ahead(q, back) {
            return;
        }
        self.note_request(q, back);
        self.put(q, Mask::Vain, back);
        if !self.post(q, back, Letter::of(News::Request)) {
            self.hear_request(q, back);
        }
        if self.is(q, Mask::Vain, back) {
            self.ask_to_read(q, back);
        }
    }

    /// `p` is choked by its neighbour in `slot`: a first request that is on its way is refused when
    /// it arrives.
    pub(super) fn choke_crosses_request(&mut self, p: PeerId, slot: u16) {
        self.take(p, Mask::Asked, slot);
        if self.has_pending(p, slot) {
            self.put(p, Mask::Vain, slot);
        }
    }

    /// A request of `p` reaches its neighbour in `slot`. If that chokes it, it is refused; if it
    /// did so and does no more, all is well.
    pub(super) fn hear_request(&mut self, p: PeerId, slot: u16) {
        if self.is_present(p) && self.is(p, Mask::Vain, slot) {
            if !self.is(p, Mask::Served, slot) {
                self.refuse(p, slot);
                return;
            }
            self.take(p, Mask::Vain, slot);
        }
        self.request_arrives(p, slot);
    }

    /// The neighbour of `p` in `slot` rejects what `p` has requested, or ends their connection.
    fn refuse(&mut self, p: PeerId, slot: u16) {
        if self.disconnects_late(p, slot) {
            return;
        }
        let (q, back) = (self.neighbour(p, slot), self.back(p, slot));
        let blocks = self.blocks_pending(p, slot);
        if !self.post(q, back, Letter::of(News::Reject(blocks))) {
            self.hear_rejects(p, slot);
        }
    }

    /// `p` hears that its requests to its neighbour in `slot` were refused: others may send that.
    pub(super) fn hear_rejects(&mut self, p: PeerId, slot: u16) {
        if self.is(p, Mask::Vain, slot) {
            self.take(p, Mask::Vain, slot);
            self.drop_pending(p, slot);
        }
    }
}
