//! Credit on a private tracker without swarms: too little credit stops trade, and more capacity in
//! few hands can lower what all get (after Vinkó, Santos, Meulpolder, Pouwelse and Hales,
//! “BitTorrent or `BitCrunch`”, WETICE 2009; the set-up here is our own).
//!
//! Peers offer their upload in one of many swarms at a time; each takes files one after the other,
//! in swarms drawn at random. A unit of data costs a unit of credit; with free-leech, none.

use crate::ids::AccountId;
use crate::ledger::{Kind, Ledger, Movement, Supply};
use crate::rng::{Purpose, Stream, stream};
use crate::units::{MicroBtt, SimTime, f64_of, f64_of_len, u32_of};

/// One community.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct SqueezePlan {
    /// Members.
    pub peers: usize,
    /// Swarms.
    pub swarms: usize,
    /// Members with ten times the upload of the others.
    pub fast: usize,
    /// Credit of each at the start, in hundredths of a unit.
    pub grant_centi: u64,
    /// Whether taking costs nothing.
    pub free_leech: bool,
    /// Steps of time, of which the second half is counted.
    pub steps: u32,
}

/// What came of it.
#[derive(Clone, PartialEq, Debug)]
pub struct SqueezeOutcome {
    /// Units taken per member and step.
    pub throughput: f64,
    /// The same of members with ordinary links.
    pub throughput_of_slow: f64,
    /// Credit at the end.
    pub balances: Vec<f64>,
}

const UNIT: u64 = 100;

struct Member {
    account: AccountId,
    upload: u64,
    /// Where it offers its upload.
    seeds: usize,
    /// What it takes: where, and how much is left.
    wants: Option<(usize, u64)>,
}

/// Runs one community: per step each member moves its upload with probability 0.1, an idle one
/// wants 10 units somewhere with probability 0.5, and downloads of at most 4 units a step share
/// what is offered in their swarm.
pub fn run(plan: &SqueezePlan, seed: u64) -> SqueezeOutcome {
    let mut luck = stream(seed, Purpose::Market, 3);
    let total = plan.grant_centi * u64::from(u32_of(plan.peers));
    let supply = Supply { promo: MicroBtt(total), ..Supply::default() };
    let mut ledger = Ledger::new(supply).expect("little credit");
    let mut members: Vec<Member> = (0..plan.peers)
        .map(|i| {
            let account = ledger.open_account(Kind::Wallet);
            let (from, grant) = (Ledger::PROMO, MicroBtt(plan.grant_centi));
            ledger.transfer(SimTime::ZERO, Movement::Gift, from, account, grant).expect("minted");
            let upload = if i < plan.fast { 10 * UNIT } else { UNIT };
            Member { account, upload, seeds: luck.below(plan.swarms), wants: None }
        })
        .collect();
    let mut taken = vec![0_u64; plan.peers];
    for step in 0..plan.steps {
        for member in &mut members {
            if luck.unit() < 0.1 {
                member.seeds = luck.below(plan.swarms);
            }
            if member.wants.is_none() && luck.unit() < 0.5 {
                member.wants = Some((luck.below(plan.swarms), 10 * UNIT));
            }
        }
        let counted = step >= plan.steps / 2;
        trade(plan, &mut members, &mut ledger, SimTime(step.into()), &mut luck, |i, units| {
            taken[i] += if counted { units } else { 0 };
        });
    }
    ledger.audit();
    let steps = f64::from(plan.steps - plan.steps / 2) * f64_of(UNIT);
    let rate = |of: &[u64]| f64_of(of.iter().sum()) / f64_of_len(of.len().max(1)) / steps;
    let balance = |member: &Member| f64_of(ledger.balance(member.account).0) / f64_of(UNIT);
    SqueezeOutcome {
        throughput: rate(&taken),
        throughput_of_slow: rate(&taken[plan.fast..]),
        balances: members.iter().map(balance).collect(),
    }
}

/// One step of trade: in each swarm, in random order, everybody takes what it may and can.
fn trade(
    plan: &SqueezePlan,
    members: &mut [Member],
    ledger: &mut Ledger,
    now: SimTime,
    luck: &mut Stream,
    mut took: impl FnMut(usize, u64),
) {
    let mut offers: Vec<Vec<(usize, u64)>> = vec![Vec::new(); plan.swarms];
    for (i, member) in members.iter().enumerate() {
        offers[member.seeds].push((i, member.upload));
    }
    let mut order: Vec<usize> = (0..members.len()).collect();
    luck.shuffle(&mut order);
    for i in order {
        let Some((swarm, left)) = members[i].wants else { continue };
        let credit = ledger.balance(members[i].account).0;
        let may = if plan.free_leech { u64::MAX } else { credit };
        let mut open = left.min(4 * UNIT).min(may);
        let mut got = 0;
        for (from, offer) in &mut offers[swarm] {
            if *from == i || *offer == 0 || open == 0 {
                continue;
            }
            let units = open.min(*offer);
            if !plan.free_leech {
                let accounts = [i, *from].map(|peer| members[peer].account);
                let amount = MicroBtt(units);
                ledger
                    .transfer(now, Movement::Serve, accounts[0], accounts[1], amount)
                    .expect("it has the credit");
            }
            *offer -= units;
            open -= units;
            got += units;
        }
        members[i].wants = Some((swarm, left - got)).filter(|(_, left)| *left > 0);
        took(i, got);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credit_squeezes_and_never_helps() {
        let plan = SqueezePlan {
            peers: 100,
            swarms: 20,
            fast: 0,
            grant_centi: 100,
            free_leech: false,
            steps: 1000,
        };
        let poor = run(&plan, 1);
        let rich = run(&SqueezePlan { grant_centi: 2000, ..plan }, 1);
        let free = run(&SqueezePlan { free_leech: true, ..plan }, 1);
        assert!(poor.throughput < rich.throughput && rich.throughput < free.throughput);
        assert!((poor.balances.iter().sum::<f64>() - 100.0).abs() < 1e-9, "credit is conserved");
    }
}
