//! Fetches into the cache what the next payments will touch. Changes nothing.
//!
//! What a requester has to do with one provider is cold whenever blocks come in, and it takes some
//! lookups to find: who buys, where its line is, the line, the channel. Each is asked for some
//! events ahead, as in `swarm/warm.rs`.

use crate::ids::PeerId;
use crate::observe::Observer;
use crate::swarm::warm::fetch;
use crate::swarm::world::Swarm;

impl<O: Observer> Swarm<'_, O> {
    /// Fetches what blocks on their way between two peers will touch, one link of the chain.
    #[inline(never)]
    pub(in crate::swarm) fn warm_delivery(&self, from: PeerId, to: PeerId, step: usize) {
        let Some(trade) = self.trade.as_deref() else { return };
        let dealer = &trade.peers[to.index()];
        match step {
            1 => {
                fetch(&dealer.lines);
                fetch(&dealer.parcels);
                fetch(&trade.users[self.line(to)]);
            }
            2 => {
                dealer.lines.warm(from);
                fetch(&trade.peers[from.index()].lines);
                fetch(&trade.users[self.line(from)]);
            }
            3 => {
                if let Some(at) = dealer.lines.find(from) {
                    fetch(&dealer.lines[at]);
                }
            }
            _ => {
                let line = dealer.lines.find(from).map(|at| &dealer.lines[at]);
                if let Some(channel) = line.and_then(|line| line.channel) {
                    trade.ledger.warm(channel);
                }
            }
        }
    }

    /// Fetches what a provider in its round will look at.
    pub(in crate::swarm) fn warm_sale(&self, p: PeerId) {
        if let Some(trade) = self.trade.as_deref() {
            let dealer = &trade.peers[p.index()];
            fetch(&dealer.lines);
            fetch(&dealer.customers);
            fetch(&dealer.ask);
        }
    }
}
