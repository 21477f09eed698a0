//! Users who buy tokens on the public chain and bring them in through the gateway.
//!
//! They buy where the market is and deposit what they bought: it leaves the world outside at once,
//! and is in the wallet when the chain is final and the operator can credit it. Bids are made anew
//! then. A deposit the gateway refuses is not tried again.
//!
//! Law: what was deposited is in the gateway's stock from the request on, and in exactly one wallet
//! after it was credited, never both.

use super::Trade;
use crate::ids::{AccountId, UserId};
use crate::ledger::Order;
use crate::observe::Observer;
use crate::swarm::event::Event;
use crate::swarm::world::{Stage, Swarm};
use crate::units::{MicroBtt, SimTime};

impl<O: Observer> Swarm<'_, O> {
    /// A user deposits what it has bought outside.
    pub(super) fn deposit(&mut self, u: UserId, account: AccountId, amount: MicroBtt) {
        let now = self.now;
        let Some(trade) = self.trade.as_deref_mut() else { return };
        let order = Order { account, amount, wanted: now };
        if let Ok(sent) = trade.gateway.request_deposit(now, &mut trade.ledger, order) {
            trade.users[u.index()].awaits_deposit = true;
            self.queue.push(sent.final_at, Event::Deposit(u));
        }
    }

    /// A deposit is final: the operator credits what it can, and those it credited bid anew.
    pub(in crate::swarm) fn deposits_are_final(&mut self) {
        let now = self.now;
        let Some(trade) = self.trade.as_deref_mut() else { return };
        trade.close_due(now);
        for u in trade.credit_deposits(now) {
            for i in 0..self.users[u.index()].peers.len() {
                let p = self.users[u.index()].peers[i];
                if self.peer(p).stage == Stage::Leecher {
                    self.review_bid(p);
                }
            }
        }
    }
}

impl Trade {
    /// Credits deposits that are final, as far as the operator's money goes; gives whose.
    pub(super) fn credit_deposits(&mut self, now: SimTime) -> Vec<UserId> {
        let mut credited = Vec::new();
        while let Some(order) = self.gateway.credit_next(now, &mut self.ledger) {
            let user = self.owner(order.account);
            let trader = &mut self.users[user.index()];
            trader.sums.bought += order.amount;
            trader.awaits_deposit = false;
            credited.push(user);
        }
        credited
    }

    /// The user behind a wallet; behind an account of the house there is none.
    pub(super) fn owner(&self, wallet: AccountId) -> UserId {
        self.owners[wallet.index()]
    }
}
