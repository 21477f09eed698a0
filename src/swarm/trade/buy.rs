//! What users buy: when they first come, and again whenever they run short, if they do that.
//!
//! They look at what they have where it matters: as a download begins, and as money is to be set
//! aside for a provider. What is bought from the operator is there at once; what is on its way
//! through the gateway is waited for, and nothing is bought meanwhile.
//!
//! Law: what is bought comes from outside, and there is nothing to buy when nothing is left there.

use crate::ids::{PeerId, UserId};
use crate::ledger::{Ledger, Movement};
use crate::observe::Observer;
use crate::swarm::plan::economy::Route;
use crate::swarm::world::Swarm;
use crate::units::MicroBtt;

impl<O: Observer> Swarm<'_, O> {
    /// A user with a wallet buys what its class buys, as far as there is any.
    pub(super) fn buy(&mut self, u: UserId) {
        let habits = &self.plan.classes[self.users[u.index()].class.index()].trade;
        let now = self.now;
        let Some(trade) = self.trade.as_deref_mut() else { return };
        let Some(wallet) = trade.users[u.index()].wallet else { return };
        let there_is = trade.ledger.balance(Ledger::OUTSIDE);
        let for_dollars = habits.bought_for.buys_at(trade.btt(now)).min(there_is);
        let amount = (habits.bought.min(there_is) + for_dollars).min(there_is);
        if amount == MicroBtt::ZERO {
            return;
        }
        match habits.route {
            Route::Operator => {
                let from = Ledger::OUTSIDE;
                let moved = trade.ledger.transfer(now, Movement::Purchase, from, wallet, amount);
                moved.expect("no more than there is");
                trade.users[u.index()].sums.bought += amount;
            }
            Route::Gateway => self.deposit(u, wallet, amount),
        }
    }

    /// The user of `p` buys the same again if it can spend less than it likes to. As when it earns,
    /// its bids know of it from the next piece on.
    pub(super) fn buy_again(&mut self, p: PeerId) {
        let Some(least) = self.habits(p).buys_again_below else { return };
        let (now, u) = (self.now, self.user(p));
        let Some(trade) = self.trade.as_deref_mut() else { return };
        trade.close_due(now);
        if trade.balance(u) < least && !trade.users[u.index()].awaits_deposit {
            self.buy(u);
        }
    }
}
