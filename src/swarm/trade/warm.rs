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
    /// Fetches what blocks on their way to a requester, which is there itself, will touch.
    #[inline(never)]
    pub(in crate::swarm) fn warm_delivery(&self, (to, slot): End) {
        let Some(trade) = self.trade.as_deref() else { return };
        trade.lines.warm(self.peers[to.index()].edges, slot);
        let dealer = &trade.peers[to.index()];
        fetch(&dealer.parcels);
        fetch(&dealer.stretch);
        fetch(&trade.users[self.line(to)]);
    }

    /// Fetches what a requester that is to be served will touch.
    pub(in crate::swarm) fn warm_service(&self, end: End) {
        self.warm_delivery(end);
        if let Some(trade) = self.trade.as_deref() {
            fetch(&trade.peers[end.0.index()].dealt);
        }
    }

    /// Fetches what a provider in its round will look at.
    pub(in crate::swarm) fn warm_sale(&self, p: PeerId) {
        if let Some(trade) = self.trade.as_deref() {
            let dealer = &trade.peers[p.index()];
            fetch(&dealer.sells);
            fetch(&dealer.customers);
            fetch(&dealer.ask);
        }
    }
}
