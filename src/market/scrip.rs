//! A scrip system: agents serve one another for one coin (Friedman, Halpern and Kash, EC 2006 and
//! 2007; Kash, Friedman and Halpern, Distributed Computing 2012).
//!
//! In each round one agent wants a service. Whoever holds fewer coins than its threshold is willing
//! to serve; one of the willing does, and is paid a coin. Without a coin, or without anybody
//! willing, the request fails. Coins are conserved by the ledger.
//!
//! Where it is wrong: everybody is able to serve everybody at any time (β = 1), and requests do not
//! depend on what was had before.

use crate::ids::AccountId;
use crate::ledger::{Kind, Ledger, Movement, Supply};
use crate::rng::{Purpose, Stream, stream};
use crate::units::{MicroBtt, SimTime, f64_of, f64_of_len, u32_of};

/// Agents that are alike.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct AgentKind {
    /// How many.
    pub count: u32,
    /// Coins each has at the start.
    pub coins: u64,
    /// Willing to serve while it holds fewer coins than this.
    pub threshold: u64,
    /// How likely it is to be chosen among the willing, relative to others: identities it has.
    pub weight: u32,
    /// Whether it ever wants anything; a hoarder does not.
    pub wants: bool,
}

/// One economy.
#[derive(Clone, PartialEq, Debug)]
pub struct ScripPlan {
    /// Who takes part.
    pub kinds: Vec<AgentKind>,
    /// Rounds in all.
    pub requests: u64,
    /// Rounds at the start that are not counted.
    pub burn_in: u64,
    /// Probability that a request is served for nothing.
    pub altruism: f64,
}

/// What came of it, after the burn-in.
#[derive(Clone, PartialEq, Debug)]
pub struct ScripOutcome {
    /// Requests counted.
    pub requests: u64,
    /// Of these, served for a coin or for nothing.
    pub satisfied: u64,
    /// Failed: the requester had no coin.
    pub no_money: u64,
    /// Failed: nobody was willing.
    pub no_volunteer: u64,
    /// Coins that changed hands.
    pub paid: u64,
    /// Share of agents, averaged over time, that hold 0, 1, 2 … coins.
    pub holdings: Vec<f64>,
    /// Satisfied ÷ requests by kind.
    pub satisfied_by_kind: Vec<f64>,
    /// Coins of each agent at the end.
    pub balances: Vec<f64>,
}

impl ScripOutcome {
    /// Satisfied requests ÷ requests.
    pub fn satisfied_share(&self) -> f64 {
        f64_of(self.satisfied) / f64_of(self.requests.max(1))
    }
}

/// The agents that are willing to serve, drawn from at once: an agent stands in it as often as its
/// weight says.
struct Willing {
    entries: Vec<u32>,
    /// Where each agent's entries stand.
    places: Vec<Vec<u32>>,
}

impl Willing {
    fn new(n: usize) -> Self {
        Self { entries: Vec::new(), places: vec![Vec::new(); n] }
    }

    fn set(&mut self, agent: u32, weight: u32, willing: bool) {
        let has = !self.places[agent as usize].is_empty();
        if has == willing {
            return;
        }
        if willing {
            for _ in 0..weight {
                self.places[agent as usize].push(u32_of(self.entries.len()));
                self.entries.push(agent);
            }
            return;
        }
        while let Some(at) = self.places[agent as usize].pop() {
            let last = u32_of(self.entries.len() - 1);
            let moved = self.entries.swap_remove(at as usize);
            debug_assert!(moved == agent, "places are kept up");
            if at != last {
                let other = self.entries[at as usize] as usize;
                let place = self.places[other].iter_mut().find(|place| **place == last);
                *place.expect("places are kept up") = at;
            }
        }
    }

    /// A willing agent other than `except`.
    fn draw(&self, except: u32, luck: &mut Stream) -> Option<u32> {
        let own = self.places[except as usize].len();
        if self.entries.len() == own {
            return None;
        }
        // Ends soon: an agent is a small part of the willing, or alone with few others.
        loop {
            let agent = self.entries[luck.below(self.entries.len())];
            if agent != except {
                return Some(agent);
            }
        }
    }
}

/// The state of one economy.
struct Economy<'a> {
    plan: &'a ScripPlan,
    ledger: Ledger,
    accounts: Vec<AccountId>,
    /// By agent, the number of its kind.
    kinds: Vec<usize>,
    /// Agents that want something.
    wanting: Vec<u32>,
    willing: Willing,
}

const COIN: MicroBtt = MicroBtt(1);

impl<'a> Economy<'a> {
    fn new(plan: &'a ScripPlan) -> Self {
        let coins: u64 = plan.kinds.iter().map(|kind| kind.coins * u64::from(kind.count)).sum();
        let supply = Supply { promo: MicroBtt(coins), ..Supply::default() };
        let mut ledger = Ledger::new(supply).expect("few coins");
        let (mut accounts, mut kinds, mut wanting) = (Vec::new(), Vec::new(), Vec::new());
        for (k, kind) in plan.kinds.iter().enumerate() {
            for _ in 0..kind.count {
                let account = ledger.open_account(Kind::Wallet);
                let coins = MicroBtt(kind.coins);
                let from = Ledger::PROMO;
                ledger
                    .transfer(SimTime::ZERO, Movement::Gift, from, account, coins)
                    .expect("minted");
                if kind.wants {
                    wanting.push(u32_of(accounts.len()));
                }
                accounts.push(account);
                kinds.push(k);
            }
        }
        let willing = Willing::new(accounts.len());
        let mut economy = Self { plan, ledger, accounts, kinds, wanting, willing };
        (0..economy.accounts.len()).for_each(|agent| economy.review(u32_of(agent)));
        economy
    }

    fn holds(&self, agent: u32) -> u64 {
        self.ledger.balance(self.accounts[agent as usize]).0
    }

    /// Whether an agent is willing may have changed.
    fn review(&mut self, agent: u32) {
        let kind = self.plan.kinds[self.kinds[agent as usize]];
        let willing = self.holds(agent) < kind.threshold;
        self.willing.set(agent, kind.weight, willing);
    }

    fn pay(&mut self, now: SimTime, from: u32, to: u32) {
        let accounts = [from, to].map(|agent| self.accounts[agent as usize]);
        self.ledger
            .transfer(now, Movement::Serve, accounts[0], accounts[1], COIN)
            .expect("it has a coin");
        self.review(from);
        self.review(to);
    }
}

/// Runs one economy. The time is the number of the round.
pub fn run(plan: &ScripPlan, seed: u64) -> ScripOutcome {
    let mut economy = Economy::new(plan);
    let mut luck = stream(seed, Purpose::Market, 0);
    let n_kinds = plan.kinds.len();
    let (mut asked, mut got) = (vec![0_u64; n_kinds], vec![0_u64; n_kinds]);
    let mut out = ScripOutcome {
        requests: 0,
        satisfied: 0,
        no_money: 0,
        no_volunteer: 0,
        paid: 0,
        holdings: Vec::new(),
        satisfied_by_kind: Vec::new(),
        balances: Vec::new(),
    };
    let every = u64::from(u32_of(economy.accounts.len()));
    let mut samples = 0_u64;
    for round in 0..plan.requests {
        let counted = u64::from(round >= plan.burn_in);
        let agent = economy.wanting[luck.below(economy.wanting.len())];
        let kind = economy.kinds[agent as usize];
        asked[kind] += counted;
        out.requests += counted;
        let gift = plan.altruism > 0.0 && luck.unit() < plan.altruism;
        let served = if gift {
            true
        } else if economy.holds(agent) == 0 {
            out.no_money += counted;
            false
        } else if let Some(server) = economy.willing.draw(agent, &mut luck) {
            economy.pay(SimTime(round), agent, server);
            out.paid += counted;
            true
        } else {
            out.no_volunteer += counted;
            false
        };
        out.satisfied += counted * u64::from(served);
        got[kind] += counted * u64::from(served);
        if counted == 1 && round % every == 0 {
            samples += 1;
            tally(&economy, &mut out.holdings);
        }
    }
    economy.ledger.audit();
    let all = f64_of(samples.max(1)) * f64_of_len(economy.accounts.len());
    out.holdings.iter_mut().for_each(|share| *share /= all);
    let share = |(got, asked): (u64, u64)| f64_of(got) / f64_of(asked.max(1));
    out.satisfied_by_kind = got.into_iter().zip(asked).map(share).collect();
    let agents = 0..u32_of(economy.accounts.len());
    out.balances = agents.map(|agent| f64_of(economy.holds(agent))).collect();
    out
}

/// Adds everybody's holdings to the histogram.
fn tally(economy: &Economy<'_>, holdings: &mut Vec<f64>) {
    for agent in 0..u32_of(economy.accounts.len()) {
        let coins = usize::try_from(economy.holds(agent)).expect("few coins");
        if holdings.len() <= coins {
            holdings.resize(coins + 1, 0.0);
        }
        holdings[coins] += 1.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(coins: u64, threshold: u64) -> ScripPlan {
        let kind = AgentKind { count: 200, coins, threshold, weight: 1, wants: true };
        ScripPlan { kinds: vec![kind], requests: 400_000, burn_in: 80_000, altruism: 0.0 }
    }

    #[test]
    fn with_coins_enough_for_all_thresholds_nobody_serves() {
        let outcome = run(&plan(5, 5), 1);
        assert_eq!((outcome.satisfied, outcome.no_money), (0, 0));
        assert_eq!(outcome.no_volunteer, outcome.requests);
    }

    #[test]
    fn coins_are_conserved_and_counted() {
        let outcome = run(&plan(2, 5), 3);
        assert_eq!(outcome.balances.iter().sum::<f64>(), 400.0);
        let mean: f64 =
            outcome.holdings.iter().enumerate().map(|(i, share)| f64_of_len(i) * share).sum();
        assert!((mean - 2.0).abs() < 1e-9, "{mean}");
        assert!((outcome.holdings.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        assert!(outcome.holdings.len() <= 6, "nobody goes beyond its threshold");
        let sum = outcome.satisfied + outcome.no_money + outcome.no_volunteer;
        assert_eq!(sum, outcome.requests);
        // Theory for many agents: 0.7532.
        assert!((outcome.satisfied_share() - 0.7532).abs() < 0.01, "{}", outcome.satisfied_share());
    }

    #[test]
    fn who_counts_twice_is_served_more_often() {
        let mut plan = plan(2, 5);
        plan.kinds[0].count = 199;
        plan.kinds.push(AgentKind { count: 1, weight: 3, ..plan.kinds[0] });
        let outcome = run(&plan, 5);
        assert!(outcome.satisfied_by_kind[1] > outcome.satisfied_by_kind[0] + 0.1);
    }
}
