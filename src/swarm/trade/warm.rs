//! Fetches into the cache what the next payments will touch. Changes nothing.
//!
//! What a requester has to do with one provider is cold whenever blocks come in. It is asked for
//! some events ahead, as in `swarm/warm.rs`, or while the blocks are entered in the books.

use crate::ids::PeerId;
use crate::observe::Observer;
use crate::swarm::edges::End;
use crate::swarm::warm::fetch;
use crate::swarm::world::Swarm;

impl<O: Observer> Swarm<'_, O> {
    /// Fetches what blocks on their way to a requester will touch, one link of the chain. Before
    /// the second step the requester itself would have to be waited for.
    #[inline(never)]
    pub(in crate::swarm) fn warm_delivery(&self, from: PeerId, (to, slot): End, step: usize) {
        let Some(trade) = self.trade.as_deref() else { return };
        match step {
            2 => {
                trade.lines.warm(self.peers[to.index()].edges, slot);
                fetch(&trade.peers[to.index()].parcels);
                fetch(&trade.users[self.line(to)]);
                fetch(&trade.peers[from.index()].parcels);
                fetch(&trade.users[self.line(from)]);
            }
            3 => {
                let line = self.line_at((to, slot), from).map(|at| &trade.lines[at]);
                if let Some(channel) = line.and_then(|line| line.channel) {
                    trade.ledger.warm(channel);
                }
            }
            _ => {}
        }
    }

    /// Fetches what a provider in its round will look at.
    pub(in crate::swarm) fn warm_sale(&self, p: PeerId) {
        if let Some(trade) = self.trade.as_deref() {
            let dealer = &trade.peers[p.index()];
            fetch(&dealer.parcels);
            fetch(&dealer.customers);
            fetch(&dealer.ask);
        }
    }
}
