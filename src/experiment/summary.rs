//! Runs reduced to what the tables need, and the numbers of an arm across its replicates.

use super::decomposition::{Download, Stake};
use super::grid::{Cell, Design};
use super::measure::{self, LawBroken};
use super::metric::{Metric, Part};
use super::pool::Results;
use super::stats::{self, Estimate};
use super::{decomposition, metrics, money};
use crate::observe::{Counters, Outcome};
use crate::units::SimTime;

/// What is kept of a run when its rows are written.
#[derive(Clone, PartialEq, Debug)]
pub struct Reduced {
    /// Which run it was.
    pub cell: Cell,
    /// Its numbers, in the order of the arm's keys.
    pub values: Vec<Option<f64>>,
    /// What cautions are drawn from.
    pub facts: Facts,
    /// Hash over its events.
    pub fingerprint: u64,
    /// Work done.
    pub counters: Counters,
    /// When it ended.
    pub end: SimTime,
    /// Download times by class, rising; empty unless there are recorded ones to compare with.
    pub download_times_s: Vec<Vec<f64>>,
    /// Its downloads by peer id; empty unless arms with and without a token are compared.
    pub downloads: Vec<Download>,
    /// What its users did with money, by user id; empty without.
    pub stakes: Vec<Stake>,
}

/// Counts of a run that cautions are drawn from.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Facts {
    /// Leechers that arrived, by class.
    pub leechers: Vec<usize>,
    /// Leechers that completed, by class.
    pub completed: Vec<usize>,
    /// Leechers that left before they completed.
    pub gave_up: usize,
    /// Leechers still at work when the run ended.
    pub at_work: AtWork,
    /// Rows of the timeline up to the last completion.
    pub busy_rows: usize,
    /// About money, if there was any.
    pub money: Option<MoneyFacts>,
}

/// Leechers still at work when a run ended, by what would help them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AtWork {
    /// Nobody present had some piece of their torrent.
    pub stranded: usize,
    /// Of the others, those that had waited for more than twice as long as any download took.
    pub locked_out: usize,
    /// Of the others, those that had not waited longer than 95 % of the finished downloads took.
    pub recent: usize,
    /// The rest.
    pub slow: usize,
}

/// Counts of a run with a token that cautions are drawn from.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MoneyFacts {
    /// Users with a wallet.
    pub traders: usize,
    /// Of these, how many were given less than they should have been: the pool was empty.
    pub short_of_gift: usize,
    /// Payments made.
    pub payments: usize,
    /// Payments not made: no money, channel waiting, lost, refused.
    pub failed: [usize; 4],
    /// Withdrawals made.
    pub withdrawals: usize,
    /// Withdrawals blocked.
    pub blocked: usize,
    /// Operations of the operator's server.
    pub ledger_operations: usize,
    /// Of these, how many had to wait.
    pub ledger_delayed: usize,
}

/// The numbers of one metric and part across the replicates of an arm.
#[derive(Clone, PartialEq, Debug)]
pub struct Summary {
    /// Position of the arm.
    pub arm: usize,
    /// Whose.
    pub part: Part,
    /// Which number.
    pub metric: Metric,
    /// Mean, spread and interval over the runs that have the number.
    pub estimate: Estimate,
    /// 5 % quantile across replicates.
    pub p05: Option<f64>,
    /// Median across replicates.
    pub median: Option<f64>,
    /// 95 % quantile across replicates.
    pub p95: Option<f64>,
}

/// Checks the laws of an outcome and reduces it.
///
/// # Errors
/// When the outcome breaks a law.
pub fn reduce(design: &Design, cell: Cell, outcome: &Outcome) -> Result<Reduced, LawBroken> {
    let arm = &design.arms[cell.arm];
    measure::check_laws(outcome).map_err(|law| LawBroken {
        arm: arm.name.clone(),
        replicate: cell.replicate,
        law,
    })?;
    let by_class = |index: usize| {
        let peers = outcome.peers.iter().filter(|peer| peer.class.index() == index);
        stats::sorted(peers.filter_map(measure::download_time_s).collect())
    };
    let n_compared = if design.recorded.is_empty() { 0 } else { arm.classes.len() };
    Ok(Reduced {
        cell,
        values: metrics::evaluate(arm, outcome),
        facts: Facts {
            money: outcome.money.as_ref().map(|record| money::facts(arm, record)),
            ..facts(arm.classes.len(), outcome)
        },
        fingerprint: outcome.fingerprint,
        counters: outcome.counters,
        end: outcome.end,
        download_times_s: (0..n_compared).map(by_class).collect(),
        downloads: if design.is_about_money() { decomposition::downloads(outcome) } else { vec![] },
        stakes: if design.is_about_money() { decomposition::stakes(outcome) } else { vec![] },
    })
}

fn facts(n_classes: usize, outcome: &Outcome) -> Facts {
    let mut facts = Facts {
        leechers: vec![0; n_classes],
        completed: vec![0; n_classes],
        busy_rows: metrics::busy_rows(outcome).len(),
        ..Facts::default()
    };
    for peer in outcome.peers.iter().filter(|peer| !peer.is_origin) {
        facts.leechers[peer.class.index()] += 1;
        match (peer.completed, peer.departed) {
            (Some(_), _) => facts.completed[peer.class.index()] += 1,
            (None, Some(_)) => facts.gave_up += 1,
            (None, None) => {}
        }
    }
    facts.at_work = at_work(outcome);
    facts
}

fn at_work(outcome: &Outcome) -> AtWork {
    let leechers = || outcome.peers.iter().filter(|peer| !peer.is_origin);
    let times = stats::sorted(leechers().filter_map(measure::download_time_s).collect());
    let (usual_s, longest_s) = (stats::quantile(&times, 0.95), times.last());
    let mut found = AtWork::default();
    for peer in leechers().filter(|peer| peer.completed.or(peer.departed).is_none()) {
        let waited_s = measure::waiting(peer, outcome.end).as_secs();
        let count = if outcome.torrents[peer.torrent.index()].missing > 0 {
            &mut found.stranded
        } else if longest_s.is_some_and(|longest_s| waited_s > 2.0 * longest_s) {
            &mut found.locked_out
        } else if usual_s.is_some_and(|usual_s| waited_s <= usual_s) {
            &mut found.recent
        } else {
            &mut found.slow
        };
        *count += 1;
    }
    found
}

/// The summary of every arm, class and metric, in the order of the files.
pub fn summarise(results: &Results) -> Vec<Summary> {
    let mut summaries = Vec::new();
    for (arm, design) in results.design.arms.iter().enumerate() {
        for (column, key) in design.keys().into_iter().enumerate() {
            let values = results.of_arm(arm).filter_map(|run| run.values[column]).collect();
            let values = stats::sorted(values);
            summaries.push(Summary {
                arm,
                part: key.part,
                metric: key.metric,
                estimate: Estimate::of(&values),
                p05: stats::quantile(&values, 0.05),
                median: stats::quantile(&values, 0.5),
                p95: stats::quantile(&values, 0.95),
            });
        }
    }
    summaries
}
