//! What users have in the end: money, income, and welfare in dollars.
//!
//! Welfare of a user = − worth of its hours of waiting − cost of its hours of seeding − cost of
//! its upload − cost of identities beyond the first + (earned − spent) at the price of the day on
//! which its last peer left (or of the end). Payments between users cancel at a constant price;
//! gifts, and money that was bought and not spent, are in none of it.

use super::grid::ArmDesign;
use super::measure::{self, SwarmBound};
use super::metric::{Metric, Part};
use super::{inequality, stats};
use crate::ids::UserId;
use crate::observe::{MoneyRecord, Outcome, PeerRecord, WalletRecord};
use crate::units::{Bytes, MicroBtt, SimTime, Span};

/// The users of a run.
#[derive(Debug)]
pub struct Wealth<'a> {
    arm: &'a ArmDesign,
    money: Option<&'a MoneyRecord>,
    users: Vec<Person>,
}

/// A user with identities beyond the first.
struct Sybil {
    /// How many.
    n: u32,
    /// What the gift of each is worth, in USD: with a dearer identity nobody would farm gifts.
    worth: f64,
    /// What each costs, in USD.
    cost: f64,
}

/// What a user has of it all, in USD. Its welfare is what it was paid less all the others.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Welfare {
    /// Who.
    pub user: UserId,
    /// Position of its class in the arm.
    pub class: usize,
    /// Whether it has the token's client, whatever the economy.
    pub is_adopter: bool,
    /// What its waiting was worth.
    pub waiting: f64,
    /// What its seeding cost.
    pub seeding: f64,
    /// What its upload cost.
    pub upload: f64,
    /// What its identities beyond the first cost.
    pub identities: f64,
    /// What it was paid less what it paid, at the price of the day on which it left.
    pub payments: f64,
}

impl Welfare {
    /// All of it.
    pub fn total(&self) -> f64 {
        self.payments - (self.waiting + self.seeding + self.upload) - self.identities
    }
}

/// To a billionth of a dollar, the smallest amount the model knows: what cancels is 0.
pub fn to_nano_usd(usd: f64) -> f64 {
    (usd * 1e9).round() / 1e9
}

/// What one user lived through in all its swarms.
#[derive(Clone, Debug)]
struct Person {
    id: UserId,
    class: usize,
    is_adopter: bool,
    waiting: Span,
    seeding: Span,
    uploaded: Bytes,
    /// Useful payload received.
    received: Bytes,
    /// Waiting that nothing came of, or that was more than its link and the swarm needed, in s.
    needless_s: f64,
    /// When its last peer left; the end of the run if one was there.
    left: SimTime,
    wallet: Option<usize>,
}

impl<'a> Wealth<'a> {
    /// The users of a run; those without any peer have nothing but a wallet.
    pub fn of(arm: &'a ArmDesign, outcome: &'a Outcome, bound: &SwarmBound) -> Self {
        let mut users: Vec<Option<Person>> = Vec::new();
        for peer in &outcome.peers {
            let index = peer.user.index();
            users.resize(users.len().max(index + 1), None);
            users[index].get_or_insert_with(|| Person::new(peer)).add(peer, outcome.end, bound);
        }
        let money = outcome.money.as_ref();
        for (index, user) in users.iter_mut().enumerate() {
            let has_wallet = money.is_some_and(|money| index < money.wallets.len());
            if let Some(user) = user.as_mut().filter(|_| has_wallet) {
                user.wallet = Some(index);
            }
        }
        Self { arm, money, users: users.into_iter().flatten().collect() }
    }

    /// A number of the users of a part; `None` if it does not exist or belongs to somebody else.
    pub fn value(&self, metric: Metric, part: Part) -> Option<f64> {
        match metric {
            Metric::PaidByteShare => self.paid_byte_share(part),
            Metric::SpentMean => stats::mean(&self.amounts(part, |w| w.spent.as_btt())),
            Metric::EarnedMean => stats::mean(&self.amounts(part, |w| w.earned.as_btt())),
            Metric::BalanceFinalMean => stats::mean(&self.amounts(part, balance)),
            Metric::GiniOfBalances => gini(&self.amounts(part, balance)),
            Metric::GiniOfIncome => gini(&self.amounts(part, |w| w.earned.as_btt())),
            Metric::UnpaidBytesMean => {
                stats::mean(&self.amounts(part, |w| w.unpaid_bytes.as_f64()))
            }
            Metric::SybilBreakEven => stats::mean(&self.sybils(part, |user| user.worth)),
            Metric::SybilGainMean => {
                let gain = |user: &Sybil| f64::from(user.n) * (user.worth - user.cost);
                stats::mean(&self.sybils(part, gain))
            }
            Metric::WelfareMean => {
                let welfare = self.members(part).map(|user| self.welfare(user).total());
                stats::mean(&welfare.collect::<Vec<f64>>()).map(to_nano_usd)
            }
            Metric::DeadWeightLoss => {
                let lost = |user: &Person| {
                    user.needless_s / 3600.0 * self.arm.classes[user.class].worth.hour.as_usd()
                };
                Some(to_nano_usd(self.members(part).map(lost).sum()))
            }
            _ => None,
        }
    }

    fn members(&self, part: Part) -> impl Iterator<Item = &Person> {
        self.users.iter().filter(move |user| part.has(user.class, user.is_adopter))
    }

    fn wallet(&self, user: &Person) -> Option<&WalletRecord> {
        Some(&self.money?.wallets[user.wallet?])
    }

    /// Of the users with a wallet.
    fn amounts(&self, part: Part, of: fn(&WalletRecord) -> f64) -> Vec<f64> {
        let wallets = self.members(part).filter_map(|user| self.wallet(user));
        wallets.filter(|wallet| wallet.trades).map(of).collect()
    }

    /// Of the users with a wallet and more than one identity.
    fn sybils(&self, part: Part, of: impl Fn(&Sybil) -> f64) -> Vec<f64> {
        let traders = self.members(part).filter_map(|user| Some((user, self.wallet(user)?)));
        let sybils = traders.filter_map(|(user, wallet)| {
            let class = &self.arm.classes[user.class];
            let n = class.identities.saturating_sub(1);
            if !wallet.trades || n == 0 {
                return None;
            }
            // The first identity has its gift before the others; the pool may be empty by then.
            let first = MicroBtt(class.gift.0 / u64::from(class.identities)).min(wallet.gift);
            let further = (wallet.gift - first).as_btt() * self.usd_per_btt(user.left);
            let all_cost = class.worth.identities.as_usd();
            let each = |usd: f64| usd / f64::from(n);
            Some(of(&Sybil { n, worth: each(further), cost: each(all_cost) }))
        });
        sybils.collect()
    }

    fn paid_byte_share(&self, part: Part) -> Option<f64> {
        let received: f64 = self.members(part).map(|user| user.received.as_f64()).sum();
        let wallets = self.members(part).filter_map(|user| self.wallet(user));
        let bought: f64 = wallets.map(|wallet| wallet.bought_bytes.as_f64()).sum();
        (received > 0.0).then(|| bought / received)
    }

    /// Of every user with a peer, by id.
    pub fn welfare_by_user(&self) -> impl Iterator<Item = Welfare> {
        self.users.iter().map(|user| self.welfare(user))
    }

    fn welfare(&self, user: &Person) -> Welfare {
        let worth = self.arm.classes[user.class].worth;
        let wallet = self.wallet(user).filter(|wallet| wallet.trades);
        let net_btt = wallet.map_or(0.0, |w| w.earned.as_btt() - w.spent.as_btt());
        Welfare {
            user: user.id,
            class: user.class,
            is_adopter: user.is_adopter,
            waiting: user.waiting.as_hours() * worth.hour.as_usd(),
            seeding: user.seeding.as_hours() * worth.seeding_hour.as_usd(),
            upload: user.uploaded.as_gib() * worth.upload_gib.as_usd(),
            identities: wallet.map_or(0.0, |_| worth.identities.as_usd()),
            payments: net_btt * self.usd_per_btt(user.left),
        }
    }

    /// The price of the day.
    fn usd_per_btt(&self, at: SimTime) -> f64 {
        let rows = self.money.map_or(&[][..], |money| &money.samples);
        let later = rows.partition_point(|row| row.at <= at);
        rows.get(later.saturating_sub(1)).map_or(0.0, |row| row.usd_per_btt)
    }
}

/// Their Gini coefficient; `None` where nobody has anything, as there is nothing to be shared out
/// then.
fn gini(amounts: &[f64]) -> Option<f64> {
    let any = amounts.iter().any(|&amount| amount > 0.0);
    any.then(|| inequality::gini(amounts)).flatten()
}

/// Wallet and what can still be spent from channels, in BTT.
pub fn balance(wallet: &WalletRecord) -> f64 {
    (wallet.wallet + wallet.in_channels).as_btt()
}

impl Person {
    fn new(peer: &PeerRecord) -> Self {
        Self {
            id: peer.user,
            class: peer.class.index(),
            is_adopter: peer.is_adopter,
            waiting: Span::ZERO,
            seeding: Span::ZERO,
            uploaded: Bytes::ZERO,
            received: Bytes::ZERO,
            needless_s: 0.0,
            left: SimTime::ZERO,
            wallet: None,
        }
    }

    fn add(&mut self, peer: &PeerRecord, end: SimTime, bound: &SwarmBound) {
        let waiting = measure::waiting(peer, end);
        self.waiting += waiting;
        self.seeding += peer.seeding;
        self.uploaded += peer.uploaded;
        self.received += Bytes(peer.downloaded.0 - peer.wasted.0);
        // Of a download that was not finished nothing was needed: nothing came of it.
        let needed_s = peer.completed.and_then(|_| bound.best_s(peer)).unwrap_or(0.0);
        self.needless_s += (waiting.as_secs() - needed_s).max(0.0);
        self.left = self.left.max(peer.departed.unwrap_or(end));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_not_shared_out_alike() {
        assert_eq!((gini(&[]), gini(&[0.0, 0.0])), (None, None));
        assert_eq!(gini(&[0.0, 3.0]), Some(0.5));
    }
}
