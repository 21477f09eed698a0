//! The gateway between the operator's ledger and the public chain: how money gets in and out.
//!
//! Law: whatever the gateway does moves as much on one side as on the other; it never pays out
//! more than its stock, nor more in a day than its cap; a request it blocks changes nothing but a
//! count.
//!
//! A user has two balances, in the application and on the chain (TRON-US/go-btfs
//! `core/wallet/wallet.go`), and so, it follows, has the operator. A withdrawal moves money from
//! the user to the operator on the ledger, and as much from the operator's hot wallet to the user
//! on the chain. So the hot wallet can be empty although the operator owes the user the money, and
//! it was: the error was `assetBalance is not sufficient`, and bots polled it
//! (LPX55/BTTSpeed-API). A deposit goes the other way, and is credited when the chain is final.
//!
//! Minimum of a withdrawal 1 000 BTT, of a deposit 10 BTT (go-btfs `core/commands/wallet.go`); at
//! most 1 000 000 BTT a day for all users together, then failures until the next (go-btfs issues
//! 1075 and 1171). Ours, where sources are silent: a day begins at midnight, and the run does too;
//! a withdrawal beyond what is left of the cap fails as a whole; on the chain the money leaves the
//! ledger's sight (`Outside`) at the request, for nobody there waits for it.

use super::accounts::Ledger;
use super::chain::{Chain, ChainRules, DAY, Sent};
use super::latency::Latencies;
use super::movements::{Movement, Tally};
use crate::ids::AccountId;
use crate::units::{MicroBtt, SimTime, Span};
use std::collections::VecDeque;

/// What the gateway demands and allows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GatewayRules {
    /// The smallest withdrawal.
    pub least_withdrawal: MicroBtt,
    /// The smallest deposit.
    pub least_deposit: MicroBtt,
    /// The most that is paid out in a day, to all users together.
    pub daily_cap: MicroBtt,
    /// The chain behind it.
    pub chain: ChainRules,
}

impl Default for GatewayRules {
    /// As it was in 2021.
    fn default() -> Self {
        Self {
            least_withdrawal: MicroBtt(1_000 * MicroBtt::BTT.0),
            least_deposit: MicroBtt(10 * MicroBtt::BTT.0),
            daily_cap: MicroBtt(1_000_000 * MicroBtt::BTT.0),
            chain: ChainRules::default(),
        }
    }
}

/// Why the gateway did not do it. The first that applies, in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, thiserror::Error)]
#[repr(u8)]
pub enum Blocked {
    /// Less than the minimum.
    #[error("less than the minimum")]
    BelowMinimum = 0,
    /// The account that would pay holds less.
    #[error("the account holds less than that")]
    NotEnough = 1,
    /// More than is left of the day's cap for all users.
    #[error("more than is left of the cap of the day")]
    DailyCap = 2,
    /// More than the hot wallet holds.
    #[error("more than the gateway holds")]
    GatewayEmpty = 3,
}

impl Blocked {
    /// All reasons, in order.
    pub const ALL: [Self; 4] =
        [Self::BelowMinimum, Self::NotEnough, Self::DailyCap, Self::GatewayEmpty];
}

/// Somebody wants money across.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Order {
    /// The wallet of the user.
    pub account: AccountId,
    /// How much.
    pub amount: MicroBtt,
    /// Since when: earlier than now if it was blocked before. Latency is counted from here.
    pub wanted: SimTime,
}

/// What went across in one direction, and what did not.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Crossings {
    /// What went across.
    pub done: Tally,
    /// From being wanted to being final.
    pub latencies: Latencies,
    /// The same added up.
    pub took: Span,
    blocked: [u64; Blocked::ALL.len()],
}

impl Crossings {
    /// Requests blocked for this reason.
    pub fn blocked(&self, reason: Blocked) -> u64 {
        self.blocked[usize::from(reason as u8)]
    }

    /// Requests blocked for any reason.
    pub fn blocked_in_all(&self) -> u64 {
        self.blocked.iter().sum()
    }

    /// Enters one that went across.
    fn enter(&mut self, amount: MicroBtt, took: Span) {
        self.done.add(amount);
        self.latencies.add(took);
        self.took += took;
    }

    fn block(&mut self, reason: Blocked) -> Blocked {
        self.blocked[usize::from(reason as u8)] += 1;
        reason
    }
}

/// A deposit that the chain has taken in and the ledger has not credited.
#[derive(Clone, Copy, Debug)]
struct Credit {
    due: SimTime,
    order: Order,
}

/// The gateway. Its stock is the balance of [`Ledger::GATEWAY`].
#[derive(Clone, Debug)]
pub struct Gateway {
    rules: GatewayRules,
    chain: Chain,
    day: u64,
    paid_today: MicroBtt,
    /// In order of `due`.
    credits: VecDeque<Credit>,
    withdrawals: Crossings,
    deposits: Crossings,
}

impl Gateway {
    /// A gateway that has done nothing yet.
    pub fn new(rules: GatewayRules) -> Self {
        Self {
            rules,
            chain: Chain::new(rules.chain),
            day: 0,
            paid_today: MicroBtt::ZERO,
            credits: VecDeque::new(),
            withdrawals: Crossings::default(),
            deposits: Crossings::default(),
        }
    }

    /// Money from the ledger to the chain. It has left the wallet now and is the user's out there
    /// when the transfer is final. The fee is the operator's: its hot wallet sends.
    ///
    /// # Errors
    /// The reason it is blocked; it is counted.
    ///
    /// # Panics
    /// If the account is no wallet; if the clock runs back.
    pub fn request_withdrawal(
        &mut self,
        now: SimTime,
        ledger: &mut Ledger,
        order: Order,
    ) -> Result<Sent, Blocked> {
        self.turn_day(now);
        if let Some(reason) = self.obstacle(ledger, order) {
            return Err(self.withdrawals.block(reason));
        }
        let Order { account, amount, wanted } = order;
        let moved = ledger
            .transfer(now, Movement::Withdraw, account, Ledger::OPERATOR, amount)
            .and_then(|()| {
                ledger.transfer(now, Movement::PayOut, Ledger::GATEWAY, Ledger::OUTSIDE, amount)
            });
        moved.expect("both have been asked whether they can pay");
        self.paid_today += amount;
        let sent = self.chain.send(now, Ledger::GATEWAY);
        self.withdrawals.enter(amount, sent.final_at.since(wanted));
        Ok(sent)
    }

    /// What stands against a withdrawal, if anything.
    fn obstacle(&self, ledger: &Ledger, order: Order) -> Option<Blocked> {
        let Order { account, amount, .. } = order;
        if amount < self.rules.least_withdrawal {
            return Some(Blocked::BelowMinimum);
        }
        if amount > ledger.balance(account) {
            return Some(Blocked::NotEnough);
        }
        if amount > self.rules.daily_cap.saturating_sub(self.paid_today) {
            return Some(Blocked::DailyCap);
        }
        (amount > ledger.balance(Ledger::GATEWAY)).then_some(Blocked::GatewayEmpty)
    }

    fn turn_day(&mut self, now: SimTime) {
        let today = now.0 / DAY.0;
        assert!(today >= self.day, "days do not come back");
        if today > self.day {
            (self.day, self.paid_today) = (today, MicroBtt::ZERO);
        }
    }

    /// Money from the chain to the ledger. It has left the outside now; the wallet has it when the
    /// transfer is final and [`Gateway::credit`] is called. The fee is the user's.
    ///
    /// # Errors
    /// `BelowMinimum`, or `NotEnough` if the whole world outside holds less; it is counted.
    ///
    /// # Panics
    /// If the clock runs back.
    pub fn request_deposit(
        &mut self,
        now: SimTime,
        ledger: &mut Ledger,
        order: Order,
    ) -> Result<Sent, Blocked> {
        let Order { account, amount, .. } = order;
        if amount < self.rules.least_deposit {
            return Err(self.deposits.block(Blocked::BelowMinimum));
        }
        let paid = ledger.transfer(now, Movement::PayIn, Ledger::OUTSIDE, Ledger::GATEWAY, amount);
        paid.map_err(|_| self.deposits.block(Blocked::NotEnough))?;
        let sent = self.chain.send(now, account);
        self.credits.push_back(Credit { due: sent.final_at, order });
        Ok(sent)
    }

    /// Credits all deposits that are final by now, first come, first served, and says how many.
    /// If the operator has too little on its own ledger, they wait: users called it limbo (go-btfs
    /// issues 1121 and 1122).
    ///
    /// # Panics
    /// If an account that a deposit is for is no wallet; if the clock runs back.
    pub fn credit(&mut self, now: SimTime, ledger: &mut Ledger) -> usize {
        std::iter::from_fn(|| self.credit_next(now, ledger)).count()
    }

    /// As [`Gateway::credit`] for the next one only; gives its order.
    ///
    /// # Panics
    /// As [`Gateway::credit`].
    pub fn credit_next(&mut self, now: SimTime, ledger: &mut Ledger) -> Option<Order> {
        let Credit { order, .. } = *self.credits.front().filter(|next| next.due <= now)?;
        let Order { account, amount, wanted } = order;
        ledger.transfer(now, Movement::Deposit, Ledger::OPERATOR, account, amount).ok()?;
        self.credits.pop_front();
        self.deposits.enter(amount, now.since(wanted));
        Some(order)
    }

    /// When the next deposit is due to be credited; it is past if the operator could not.
    pub fn next_credit(&self) -> Option<SimTime> {
        self.credits.front().map(|credit| credit.due)
    }

    /// Deposits that have left the outside and are not credited yet.
    pub fn n_waiting(&self) -> usize {
        self.credits.len()
    }

    /// What went out.
    pub fn withdrawals(&self) -> &Crossings {
        &self.withdrawals
    }

    /// What came in.
    pub fn deposits(&self) -> &Crossings {
        &self.deposits
    }

    /// The chain behind it.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::chain::Sun;
    use crate::ledger::{Kind, Supply};

    fn btt(btt: u64) -> MicroBtt {
        MicroBtt(btt * MicroBtt::BTT.0)
    }

    fn secs(seconds: f64) -> SimTime {
        SimTime::from_secs(seconds)
    }

    /// A gateway with `stock` BTT and a user with 3 000 000 BTT.
    fn rich_user(stock: u64) -> (Ledger, Gateway, AccountId) {
        let supply = Supply {
            promo: btt(3_000_000),
            gateway: btt(stock),
            operator: btt(50),
            outside: btt(500),
        };
        let mut ledger = Ledger::new(supply).expect("fits");
        let user = ledger.open_account(Kind::Wallet);
        let all = btt(3_000_000);
        ledger.transfer(SimTime::ZERO, Movement::Gift, Ledger::PROMO, user, all).expect("enough");
        (ledger, Gateway::new(GatewayRules::default()), user)
    }

    fn order(account: AccountId, amount: MicroBtt, wanted: SimTime) -> Order {
        Order { account, amount, wanted }
    }

    #[test]
    fn a_withdrawal_drains_the_stock_by_what_the_user_gets() {
        let (mut ledger, mut gateway, user) = rich_user(5_000);
        let sent = gateway
            .request_withdrawal(secs(10.0), &mut ledger, order(user, btt(1_000), secs(10.0)))
            .expect("nothing against it");
        assert_eq!((sent.final_at, sent.fee), (secs(69.0), Sun(0)));
        let houses = [Ledger::GATEWAY, Ledger::OPERATOR, Ledger::OUTSIDE, user];
        let held = houses.map(|account| ledger.balance(account));
        assert_eq!(held, [btt(4_000), btt(1_050), btt(1_500), btt(2_999_000)]);
        assert_eq!(gateway.withdrawals().latencies.within(100), Some(Span::from_secs(65.536)));
        ledger.audit();
    }

    #[test]
    fn each_obstacle_has_its_name_and_its_count() {
        let (mut ledger, mut gateway, user) = rich_user(1_200_000);
        let poor = ledger.open_account(Kind::Wallet);
        let mut ask = |day: f64, account, amount| {
            let now = secs(day * 86_400.0);
            gateway.request_withdrawal(now, &mut ledger, order(account, amount, now)).err()
        };
        assert_eq!(ask(0.0, user, MicroBtt(btt(1_000).0 - 1)), Some(Blocked::BelowMinimum));
        assert_eq!(ask(0.0, poor, btt(10)), Some(Blocked::BelowMinimum), "the first that applies");
        assert_eq!(ask(0.0, poor, btt(1_000)), Some(Blocked::NotEnough));
        assert_eq!(ask(0.0, user, MicroBtt(btt(1_000_000).0 + 1)), Some(Blocked::DailyCap));
        assert_eq!(ask(0.1, user, btt(999_000)), None);
        assert_eq!(ask(0.5, user, btt(1_001)), Some(Blocked::DailyCap), "all or nothing");
        assert_eq!(ask(0.9, user, btt(1_000)), None, "to the last µBTT");
        assert_eq!(ask(0.99, user, btt(1_000)), Some(Blocked::DailyCap));
        assert_eq!(ask(1.0, user, btt(200_001)), Some(Blocked::GatewayEmpty), "a new day");
        assert_eq!(ask(1.0, user, btt(200_000)), None);
        assert_eq!(ask(1.0, user, btt(1_000)), Some(Blocked::GatewayEmpty));
        let blocked = Blocked::ALL.map(|reason| gateway.withdrawals().blocked(reason));
        assert_eq!(blocked, [2, 1, 3, 2]);
        assert_eq!(gateway.withdrawals().blocked_in_all(), 8);
        assert_eq!(gateway.withdrawals().done.count, 3);
        assert_eq!(gateway.withdrawals().latencies.count(), 3);
        assert_eq!(ledger.balance(Ledger::GATEWAY), btt(0));
        ledger.audit();
    }

    #[test]
    fn who_waited_for_days_is_seen_in_the_latencies() {
        let (mut ledger, mut gateway, user) = rich_user(500);
        let wanted = secs(5.0);
        let order = order(user, btt(1_000), wanted);
        let asked = gateway.request_withdrawal(wanted, &mut ledger, order);
        assert_eq!(asked, Err(Blocked::GatewayEmpty));
        let now = secs(3.0 * 86_400.0);
        let (from, to) = (Ledger::OUTSIDE, Ledger::GATEWAY);
        ledger.transfer(now, Movement::Refill, from, to, btt(500)).expect("enough");
        gateway.request_withdrawal(now, &mut ledger, order).expect("nothing against it");
        let days = Span::from_secs(3.0 * 86_400.0);
        assert!(gateway.withdrawals().latencies.within(50).is_some_and(|within| within > days));
    }

    #[test]
    fn a_deposit_is_credited_when_it_is_final() {
        let (mut ledger, mut gateway, _) = rich_user(0);
        let user = ledger.open_account(Kind::Wallet);
        let mut ask = |ledger: &mut Ledger, amount| {
            gateway.request_deposit(secs(1.0), ledger, order(user, amount, secs(1.0)))
        };
        assert_eq!(ask(&mut ledger, MicroBtt(btt(10).0 - 1)), Err(Blocked::BelowMinimum));
        assert_eq!(ask(&mut ledger, btt(501)), Err(Blocked::NotEnough));
        let sent = ask(&mut ledger, btt(40)).expect("nothing against it");
        assert_eq!(sent.final_at, secs(60.0));
        assert_eq!(ledger.balance(user), btt(0));
        assert_eq!(ledger.balance(Ledger::GATEWAY), btt(40), "the stock has it at once");
        assert_eq!(gateway.next_credit(), Some(secs(60.0)));
        assert_eq!(gateway.credit(secs(59.9), &mut ledger), 0);
        assert_eq!(gateway.credit(secs(60.0), &mut ledger), 1);
        assert_eq!(ledger.balance(user), btt(40));
        assert_eq!((gateway.next_credit(), gateway.n_waiting()), (None, 0));
        assert_eq!(gateway.deposits().blocked_in_all(), 2);
        assert_eq!(gateway.deposits().done.ubtt, 40_000_000);
        ledger.audit();
    }

    #[test]
    fn deposits_the_operator_cannot_credit_wait_in_order() {
        let (mut ledger, mut gateway, rich) = rich_user(10_000);
        let user = ledger.open_account(Kind::Wallet);
        for amount in [40, 20, 10] {
            let order = order(user, btt(amount), secs(1.0));
            gateway.request_deposit(secs(1.0), &mut ledger, order).expect("nothing against it");
        }
        assert_eq!(gateway.credit(secs(100.0), &mut ledger), 1, "the operator has 50");
        assert_eq!((ledger.balance(user), gateway.n_waiting()), (btt(40), 2));
        let out = order(rich, btt(1_000), secs(200.0));
        gateway.request_withdrawal(secs(200.0), &mut ledger, out).expect("nothing against it");
        assert_eq!(gateway.credit(secs(200.0), &mut ledger), 2, "a withdrawal pays the operator");
        assert_eq!(ledger.balance(user), btt(70));
        ledger.audit();
    }

    #[test]
    fn the_operator_pays_for_withdrawals_and_users_for_deposits() {
        let (mut ledger, mut gateway, user) = rich_user(100_000);
        let mut fees = Vec::new();
        for _ in 0..19 {
            let out = order(user, btt(1_000), SimTime::ZERO);
            let sent = gateway.request_withdrawal(SimTime::ZERO, &mut ledger, out);
            fees.push(sent.expect("nothing against it").fee);
        }
        assert_eq!((fees[17], fees[18]), (Sun(0), Sun(2_700)));
        let deposit = order(user, btt(10), SimTime::ZERO);
        let sent = gateway.request_deposit(SimTime::ZERO, &mut ledger, deposit);
        assert_eq!(sent.expect("nothing against it").fee, Sun(0), "an account of its own");
        assert_eq!(gateway.chain().fees(), Sun(2_700));
    }
}
