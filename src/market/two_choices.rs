//! Who serves for a token, where debts are allowed (Ashlagi, Kerimov and Tamuz, “Power of two in
//! token systems”): one agent at random, or the poorest of a few.
//!
//! The ledger knows no debts, so everybody begins with more coins than it can spend; a balance is
//! what it holds above that. Law: balances add up to nothing.

use crate::ids::AccountId;
use crate::ledger::{Kind, Ledger, Movement, Supply};
use crate::rng::{Purpose, stream};
use crate::units::{MicroBtt, SimTime, f64_of};

/// Coins everybody begins with: nobody asks so often.
const CREDIT: u64 = 1 << 32;

/// The balances of `agents` after each of these numbers of requests, where the poorest of `choices`
/// random others serves.
pub fn balances(agents: usize, choices: usize, after: &[u64], seed: u64) -> Vec<Vec<f64>> {
    let coins = MicroBtt(CREDIT * agents as u64);
    let supply = Supply { promo: coins, ..Supply::default() };
    let mut ledger = Ledger::new(supply).expect("a small supply");
    let accounts: Vec<AccountId> = (0..agents)
        .map(|_| {
            let account = ledger.open_account(Kind::Wallet);
            let gift = MicroBtt(CREDIT);
            let from = Ledger::PROMO;
            ledger.transfer(SimTime::ZERO, Movement::Gift, from, account, gift).expect("minted");
            account
        })
        .collect();
    let mut luck = stream(seed, Purpose::Market, 3);
    let mut found = Vec::new();
    let last = after.iter().copied().max().unwrap_or(0);
    for round in 1..=last {
        let asks = luck.below(agents);
        // Any of the others.
        let mut other = || (asks + 1 + luck.below(agents - 1)) % agents;
        let drawn: Vec<usize> = (0..choices).map(|_| other()).collect();
        let poorest = drawn.into_iter().min_by_key(|&agent| ledger.balance(accounts[agent]));
        let serves = poorest.expect("somebody is drawn");
        let (from, to) = (accounts[asks], accounts[serves]);
        ledger.transfer(SimTime(round), Movement::Serve, from, to, MicroBtt(1)).expect("credit");
        if after.contains(&round) {
            let above = |&account: &AccountId| f64_of(ledger.balance(account).0) - f64_of(CREDIT);
            let balances: Vec<f64> = accounts.iter().map(above).collect();
            assert_eq!(balances.iter().sum::<f64>(), 0.0, "what one owes others are owed");
            found.push(balances);
        }
    }
    ledger.audit();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The poorest of two never falls far behind: after as many requests balances lie closer
    /// together than where anybody serves. 50 agents, seed 2.
    #[test]
    fn a_choice_of_two_holds_balances_together() {
        let widest = |choices| {
            let balances = &balances(50, choices, &[100_000], 2)[0];
            balances.iter().copied().fold(0.0, |most: f64, balance| most.max(balance.abs()))
        };
        let (one, two) = (widest(1), widest(2));
        assert!(two < 20.0 && one > 4.0 * two, "{one} and {two}");
    }
}
