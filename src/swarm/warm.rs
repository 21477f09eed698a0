//! Fetches into the cache what the next events will touch. Changes nothing.
//!
//! In a large swarm each event meets a peer whose state lies cold in memory, and one line leads to
//! the next: the peer, its flow, the receiver, the receiver's pieces. Asked for some events ahead,
//! one link of this chain per step, they come in while other events are handled.

use super::edges::Mask;
use super::event::Event;
use super::transfer::Transfer;
use super::world::Swarm;
use crate::ids::PeerId;
use crate::net::LinkId;
use crate::observe::Observer;
use prefetch_index::prefetch_index;

/// How many events ahead each link of the chain is fetched.
const AHEAD: [usize; 4] = [10, 7, 4, 2];

/// How many ends of connections ahead their other ends are fetched.
pub(super) const ENDS_AHEAD: usize = 4;

/// A swarm this small stays in the cache by itself.
const WORTH_IT: usize = 3000;

impl<O: Observer> Swarm<'_, O> {
    /// Called once per event.
    #[inline]
    pub(super) fn warm_up(&self) {
        if self.some_wait
            && let Some((_, Event::Letter(p, slot))) = self.queue.ahead(ENDS_AHEAD)
        {
            self.warm_other_end(p, slot);
        }
        if self.peers.len() < WORTH_IT {
            return;
        }
        for (step, &ahead) in AHEAD.iter().enumerate() {
            match self.queue.ahead(ahead) {
                Some((_, Event::FlowDue(u))) => self.warm_flow(LinkId(u.0), step),
                Some((_, Event::Rechoke(p) | Event::Refill(p))) => self.warm_choker(p, step),
                _ => {}
            }
        }
    }

    /// Fetches what the neighbour of `p` in `slot` has of their connection.
    #[inline]
    pub(super) fn warm_other_end(&self, p: PeerId, slot: u16) {
        let stretch = self.peer(p).edges;
        if slot >= stretch.cap {
            return; // it has left
        }
        let at = stretch.at(slot);
        let (q, back) = (self.edges.peer[at], self.edges.back[at]);
        if let Some(sockets) = self.sockets.get(q.index()) {
            prefetch_index(sockets, usize::from(back));
        }
    }

    #[inline]
    fn warm_flow(&self, link: LinkId, step: usize) {
        if step == 0 {
            self.links.warm(link);
            return;
        }
        let Some((to, transfer)) = self.due_flow(link) else { return };
        // The flow, and who is at its other end, are on their way until the second step.
        if step == 2 && self.trade.is_some() {
            self.warm_delivery((to, transfer.back));
        }
        let peer = &self.peers[to.index()];
        match step {
            1 => {
                fetch(&transfer.run);
                fetch(&transfer.queued);
                fetch(&peer.next_rechoke);
                fetch(&peer.partials);
            }
            2 => {
                self.runs.warm(transfer.next);
                let row = self.row(to).start;
                prefetch_index(&self.taken, row);
                prefetch_index(&self.have, row);
                prefetch_index(&self.have, self.visible_from + row);
                prefetch_index(&self.n_have, to.index());
                fetch(&self.links.down[self.line(to)].cap);
                self.edges.warm_slot(peer.edges, transfer.back);
                self.edges.warm_names(peer.edges);
                peer.partials.iter().step_by(4).for_each(fetch);
                peer.uploads.iter().step_by(2).for_each(fetch);
            }
            3 => {
                let part = peer.partials.iter().find(|part| part.piece == transfer.run.piece);
                if let Some(part) = part {
                    self.blocks.warm(part.bits);
                }
            }
            _ => {}
        }
    }

    /// The flow out of a link that is due next.
    #[inline]
    fn due_flow(&self, link: LinkId) -> Option<(PeerId, &Transfer)> {
        let up = &self.links.up[link.index()];
        let at = up.soonest_at as usize;
        Some((Self::behind(up.to.get(at)?), &up.flows.get(at)?.payload))
    }

    fn warm_choker(&self, p: PeerId, step: usize) {
        let peer = &self.peers[p.index()];
        match step {
            0 => {
                fetch(&peer.next_rechoke);
                fetch(&peer.uploads);
                fetch(&peer.choke_luck);
                self.links.warm(self.link(p));
                self.warm_sale(p);
            }
            1 => {
                self.edges.warm(peer.edges);
                peer.uploads.iter().step_by(2).for_each(fetch);
                self.links.up[self.line(p)].flows.iter().for_each(fetch);
            }
            2 | 3 => {
                for slot in self.edges.slots(peer.edges, Mask::FlowIn) {
                    let from = self.neighbour(p, slot);
                    if step == 2 {
                        self.links.warm(self.link(from));
                    } else if let Some(at) = self.flow_at(from, p) {
                        fetch(&self.links.up[self.line(from)].flows[at]);
                    }
                }
            }
            _ => {}
        }
    }
}

/// Fetches the line where `what` begins.
#[inline]
pub(super) fn fetch<T>(what: &T) {
    prefetch_index(std::slice::from_ref(what), 0);
}
