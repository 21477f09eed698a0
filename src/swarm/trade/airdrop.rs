//! Airdrops: money of the promotional pool that goes to people who are no users.
//!
//! From February 2019 the token was given to holders of another coin month by month (CoinDesk), not
//! to those who seed. What they are given is outside, where users can buy it; the pool of welcome
//! gifts is emptied sooner.
//!
//! Law: an airdrop takes from the pool what it brings outside, and touches no wallet; after the one
//! that empties the pool there is none.

use crate::ledger::{Ledger, Movement};
use crate::observe::Observer;
use crate::swarm::event::Event;
use crate::swarm::world::Swarm;
use crate::units::MicroBtt;

impl<O: Observer> Swarm<'_, O> {
    /// The next airdrop will come, if the economy has any.
    pub(in crate::swarm) fn await_airdrop(&mut self) {
        if let Some(airdrop) = self.token().and_then(|token| token.airdrop) {
            self.queue.push(self.now + airdrop.every, Event::Airdrop);
        }
    }

    /// An airdrop is due.
    pub(in crate::swarm) fn airdrop(&mut self) {
        let now = self.now;
        let rules = self.token().and_then(|token| token.airdrop);
        let (Some(rules), Some(trade)) = (rules, self.trade.as_deref_mut()) else { return };
        trade.close_due(now);
        let (from, to) = (Ledger::PROMO, Ledger::OUTSIDE);
        let amount = rules.amount.min(trade.ledger.balance(from));
        if amount > MicroBtt::ZERO {
            let moved = trade.ledger.transfer(now, Movement::Airdrop, from, to, amount);
            moved.expect("no more than the pool holds");
            self.await_airdrop();
        }
    }
}
