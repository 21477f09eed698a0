//! Between two rounds of a choker: slots that fall free, and who gets them at once.

use super::edges::Mask;
use super::event::Event;
use super::world::Swarm;
use crate::ids::PeerId;
use crate::observe::Observer;
use crate::policy::choke::Served;
use crate::units::SimTime;

impl<O: Observer> Swarm<'_, O> {
    /// A neighbour became interested.
    pub(super) fn heard_interest(&mut self, p: PeerId, slot: u16) {
        if self.is(p, Mask::Serves, slot) {
            let (q, back) = (self.neighbour(p, slot), self.back(p, slot));
            self.unchoke_once_more(p, slot);
            self.ask_for_more(q, back);
            return;
        }
        self.fill_free_slot(p, slot);
    }

    /// Serves the neighbour in `slot` at once, if `p` does so and a slot is free.
    pub(super) fn fill_free_slot(&mut self, p: PeerId, slot: u16) {
        let at_once = self.class(p).protocol.choking.unchoke_on_interest;
        let peer = self.peer(p);
        let is_free = peer.slots > 0 && peer.uploads.len() < usize::from(peer.open);
        if !at_once || !is_free {
            return;
        }
        if self.has_economy {
            let q = self.neighbour(p, slot);
            if self.serves_for_pay_only(p) || !self.admits(p, q) {
                return;
            }
            self.set_terms(p, &Served::regular(slot));
        }
        self.unchoke(p, slot, 1);
    }

    /// A neighbour lost interest.
    pub(super) fn heard_no_interest(&mut self, p: PeerId, slot: u16) {
        if self.is(p, Mask::Serves, slot) && self.class(p).protocol.choking.choke_on_lost_interest {
            let optimistic = self.is(p, Mask::Optimistic, slot);
            self.choke(p, slot);
            self.slot_fell_free(p, optimistic);
        }
    }

    /// Has the choker run again soon, if the client does that; and the clock of the optimistic
    /// slots strike too, if it was one of them.
    pub(super) fn slot_fell_free(&mut self, p: PeerId, optimistic: bool) {
        if !self.is_present(p) {
            return;
        }
        let Some(at) = self.run_choker_soon(p) else { return };
        if optimistic && self.has_optimistic_clock(p) && at < self.peer(p).optimistic_due {
            self.optimistic_at(p, at);
        }
    }

    /// Has the choker run again soon, and gives when; `None` if that is in its next round.
    pub(super) fn run_choker_soon(&mut self, p: PeerId) -> Option<SimTime> {
        let after = self.class(p).protocol.choking.refill?;
        let at = self.now + self.until_tick(p, after);
        if !self.peer(p).refill_pending {
            self.peer_mut(p).refill_pending = true;
            self.queue.push(at, Event::Refill(p));
        }
        Some(at)
    }

    /// Chokes a neighbour that is served; the choker finds another one for its slot.
    pub(super) fn choke_neighbour(&mut self, p: PeerId, q: PeerId) {
        let served = self.peer(p).uploads.iter().map(|upload| upload.slot);
        let Some(slot) = served.into_iter().find(|&slot| self.neighbour(p, slot) == q) else {
            return;
        };
        let optimistic = self.is(p, Mask::Optimistic, slot);
        self.choke(p, slot);
        self.slot_fell_free(p, optimistic);
    }
}
