//! Cautions: what a reader must know before believing the numbers, each with what to do.

use crate::experiment::recorded::recorded_classes;
use crate::experiment::{ArmDesign, AtWork, Facts, Metric, MoneyFacts, Results, pairs};
use std::fmt;

/// Fewer runs than this make an interval too wide to be of use: the t factor at 4 runs is 3.2.
const FEW_REPLICATES: u32 = 5;
/// Fewer rows of the timeline than this before the last completion show no course of events.
const FEW_ROWS: usize = 10;

/// Something a reader must know, with advice.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Caution {
    /// Found while the scenario was checked.
    Scenario(String),
    /// No leecher arrived in any run of the arm.
    NoLeechers {
        /// Name of the arm.
        arm: String,
    },
    /// Leechers were still at work when the run ended.
    AtWork {
        /// Name of the arm.
        arm: String,
        /// How many of how many.
        peers: Share,
        /// In how many runs of how many.
        runs: Share,
        /// What would help them.
        help: Help,
    },
    /// Leechers left before they completed.
    GaveUp {
        /// Name of the arm.
        arm: String,
        /// How many of how many.
        peers: Share,
    },
    /// No leecher of the class completed in any run.
    NobodyFinished {
        /// Name of the arm.
        arm: String,
        /// Name of the class.
        class: String,
    },
    /// Too few replicates for intervals of use.
    FewReplicates {
        /// Runs per arm.
        replicates: u32,
    },
    /// Too few rows of the timeline.
    CoarseTimeline {
        /// Name of the arm.
        arm: String,
        /// Rows before the last completion in the run with the fewest.
        rows: usize,
    },
    /// A comparison rests on part of the replicates.
    LostPairs {
        /// Name of the arm.
        arm: String,
        /// Name of the class.
        class: String,
        /// How many of how many.
        pairs: Share,
    },
    /// Payments were not made.
    FailedPayments {
        /// Names of the arms.
        arms: Vec<String>,
        /// The least and the most of them, in per cent of the attempts.
        percent: (usize, usize),
        /// Why, and what to do.
        why: &'static str,
    },
    /// Something about money.
    Money {
        /// Name of the arm.
        arm: String,
        /// What.
        what: MoneyCaution,
    },
    /// A recorded class that the arm does not have.
    RecordedOnly {
        /// Name of the arm.
        arm: String,
        /// Name of the class.
        class: String,
    },
}

/// What would help leechers that had not finished when the run ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Help {
    /// More time.
    Time,
    /// More time would make their share smaller: others arrive up to the horizon, and most of these
    /// had come near it.
    Share,
    /// Nothing: others arrive up to the horizon, and would wait as long as most of these had.
    Nothing,
    /// To be served: they had waited so long that more time would hardly help.
    Service,
    /// Longer seeding: pieces were missing, and no seeder was there.
    Seeding {
        /// Whether users may come back with a piece, as in a catalogue.
        of_several: bool,
    },
}

/// What a reader must know about the money of an arm.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MoneyCaution {
    /// Nobody could pay or be paid.
    NobodyTrades,
    /// Somebody could have paid, and nobody did.
    NothingPaid,
    /// The pool of gifts ran dry: so many users got less than they should.
    PoolDry(Share),
    /// So many withdrawals were blocked.
    BlockedWithdrawals(Share),
    /// So many per cent of the operations of the operator's server had to wait.
    SlowLedger(usize),
}

/// So many of so many.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Share {
    /// So many.
    pub part: usize,
    /// Of so many.
    pub of: usize,
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.part, self.of)
    }
}

impl fmt::Display for Caution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scenario(warning) => f.write_str(warning),
            Self::NoLeechers { arm } => write!(
                f,
                "arm `{arm}`: no leecher arrived: there is nothing to measure; look at its arrivals"
            ),
            Self::AtWork { arm, peers, runs, help } => {
                write!(f, "arm `{arm}`: {peers} peers {} (in {runs} runs){}", help.state(), help)
            }
            Self::GaveUp { arm, peers } => write!(
                f,
                "arm `{arm}`: {peers} peers left before they had finished; download times are \
                 those of the finishers"
            ),
            Self::NobodyFinished { arm, class } => {
                write!(f, "arm `{arm}`, class `{class}`: nobody finished: it has no download times")
            }
            Self::FewReplicates { replicates: 1 } => f.write_str(
                "one run per arm: nothing tells an effect from chance; raise replicates to 5 or \
                 more for intervals",
            ),
            Self::FewReplicates { replicates } => write!(
                f,
                "intervals from {replicates} replicates are wide: raise replicates to 5 or more"
            ),
            Self::CoarseTimeline { arm, rows } => write!(
                f,
                "arm `{arm}`: {rows} rows of the timeline up to the last completion: availability \
                 and utilisation are coarse; lower sample_s"
            ),
            Self::LostPairs { arm, class, pairs } => write!(
                f,
                "arm `{arm}`, class `{class}`: the comparison of download times rests on {pairs} \
                 replicates: in the others one of the arms has no finisher"
            ),
            Self::FailedPayments { arms, percent: (least, most), why } => {
                let (noun, names) =
                    (if arms.len() == 1 { "arm" } else { "arms" }, arms.join("`, `"));
                let range = if least == most { "" } else { &format!("{least} to ") };
                write!(f, "{noun} `{names}`: {range}{most} % of attempts to pay failed: {why}")
            }
            Self::Money { arm, what } => write!(f, "arm `{arm}`: {what}"),
            Self::RecordedOnly { arm, class } => write!(
                f,
                "arm `{arm}` has no class `{class}`, which was recorded: give a class of the \
                 scenario that name"
            ),
        }
    }
}

impl Help {
    /// How things stood with them.
    fn state(self) -> &'static str {
        match self {
            Self::Time => "had not finished at the horizon",
            Self::Share => "came too near the horizon to finish, as others arrive up to it",
            Self::Nothing => {
                "still waited at the horizon, most of them longer than 95 % of the finished \
                 downloads took"
            }
            Self::Service => {
                "had waited at the horizon for more than twice as long as any download took"
            }
            Self::Seeding { .. } => "could not finish",
        }
    }
}

impl fmt::Display for Help {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Time => "; download times are those of the finishers: raise horizon_s",
            Self::Share => {
                "; download times are those of the finishers and a little too short: a longer \
                 horizon_s makes their share smaller"
            }
            Self::Nothing => {
                "; download times are those of the finishers and too short, and with a longer \
                 horizon_s others wait, as they arrive up to it"
            }
            Self::Service => {
                ": nobody serves them, for want of credit, money or neighbours; more time would \
                 hardly help"
            }
            Self::Seeding { of_several: false } => {
                ": pieces were missing and no seeder was left; more time would not help, longer \
                 seeding would"
            }
            Self::Seeding { of_several: true } => {
                ": pieces were missing and no seeder was there; longer seeding would help, more \
                 time only if somebody comes back with them"
            }
        })
    }
}

impl fmt::Display for MoneyCaution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NobodyTrades => f.write_str(
                "nobody had the token's client and let it pay: this is barter; raise adoption",
            ),
            Self::NothingPaid => f.write_str(
                "nobody paid anything: no seller asked for money that a buyer would pay; look at \
                 gifts, bidders and asks",
            ),
            Self::PoolDry(users) => write!(
                f,
                "the promotional pool ran dry: {users} users got less than their gift; give it more"
            ),
            Self::BlockedWithdrawals(withdrawals) => write!(
                f,
                "{withdrawals} withdrawals were blocked: below the minimum, above the day's cap, \
                 or the gateway was empty"
            ),
            Self::SlowLedger(percent) => write!(
                f,
                "{percent} % of the ledger's operations had to wait for others or for the end of \
                 an outage: its capacity is part of the result"
            ),
        }
    }
}

/// All cautions of an experiment, in a fixed order.
pub fn of(results: &Results) -> Vec<Caution> {
    let design = &results.design;
    let mut cautions: Vec<_> = design.warnings.iter().cloned().map(Caution::Scenario).collect();
    if design.replicates < FEW_REPLICATES {
        cautions.push(Caution::FewReplicates { replicates: design.replicates });
    }
    for (index, arm) in design.arms.iter().enumerate() {
        let facts: Vec<&Facts> = results.of_arm(index).map(|run| &run.facts).collect();
        of_arm(arm, &facts, &mut cautions);
        let known = |class: &String| arm.classes.iter().any(|own| own.name == *class);
        for class in recorded_classes(design).into_iter().filter(|class| !known(class)) {
            cautions.push(Caution::RecordedOnly { arm: arm.name.clone(), class });
        }
    }
    failed_payments(results, &mut cautions);
    lost_pairs(results, &mut cautions);
    cautions
}

/// Payments that failed, once for each reason.
fn failed_payments(results: &Results, cautions: &mut Vec<Caution>) {
    for (at, why) in FAILURES.into_iter().enumerate() {
        let of_arm = |index: usize| {
            let runs = || results.of_arm(index).filter_map(|run| run.facts.money.as_ref());
            let failed = runs().map(|run| run.failed[at]).sum();
            let attempts = runs().map(|run| run.payments + run.failed.iter().sum::<usize>()).sum();
            notable_percent(failed, attempts)
        };
        let arms = results.design.arms.iter().enumerate();
        let found: Vec<(&str, usize)> =
            arms.filter_map(|(index, arm)| Some((arm.name.as_str(), of_arm(index)?))).collect();
        let percents = || found.iter().map(|(_, percent)| *percent);
        if let Some(percent) = percents().min().zip(percents().max()) {
            let arms = found.iter().map(|(name, _)| (*name).to_owned()).collect();
            cautions.push(Caution::FailedPayments { arms, percent, why });
        }
    }
}

fn of_arm(arm: &ArmDesign, facts: &[&Facts], cautions: &mut Vec<Caution>) {
    let name = || arm.name.clone();
    let leechers = facts.iter().flat_map(|run| &run.leechers).sum();
    if leechers == 0 {
        cautions.push(Caution::NoLeechers { arm: name() });
        return;
    }
    at_work(arm, facts, leechers, cautions);
    let peers = Share { part: facts.iter().map(|run| run.gave_up).sum(), of: leechers };
    if peers.part > 0 {
        cautions.push(Caution::GaveUp { arm: name(), peers });
    }
    for (index, class) in arm.classes.iter().enumerate() {
        let arrived = facts.iter().any(|run| run.leechers[index] > 0);
        if arrived && facts.iter().all(|run| run.completed[index] == 0) {
            let class = class.name.clone();
            cautions.push(Caution::NobodyFinished { arm: name(), class });
        }
    }
    of_money(arm, facts, cautions);
    let rows = facts.iter().map(|run| run.busy_rows).min().unwrap_or(0);
    if rows < FEW_ROWS {
        cautions.push(Caution::CoarseTimeline { arm: name(), rows });
    }
}

/// So many of those still at work.
type Count = fn(&AtWork) -> usize;

/// Why leechers had not finished at the end, and what would help.
fn at_work(arm: &ArmDesign, facts: &[&Facts], leechers: usize, cautions: &mut Vec<Caution>) {
    let n_of = |of: Count| facts.iter().map(|run| of(&run.at_work)).sum::<usize>();
    // A few had waited for long when a stream was cut: the slowest of any stream.
    let are_slow = n_of(|run| run.slow) > n_of(|run| run.recent);
    let of_time = match (arm.is_open, are_slow) {
        (true, false) => Help::Share,
        (true, true) => Help::Nothing,
        (false, _) => Help::Time,
    };
    let kinds: [(Help, Count); 3] = [
        (of_time, |run| run.recent + run.slow),
        (Help::Service, |run| run.locked_out),
        (Help::Seeding { of_several: arm.n_torrents > 1 }, |run| run.stranded),
    ];
    for (help, of) in kinds.into_iter().filter(|(_, of)| n_of(*of) > 0) {
        let n_runs = facts.iter().filter(|run| of(&run.at_work) > 0).count();
        cautions.push(Caution::AtWork {
            arm: arm.name.clone(),
            peers: Share { part: n_of(of), of: leechers },
            runs: Share { part: n_runs, of: facts.len() },
            help,
        });
    }
}

/// What went wrong with money, over all runs of an arm that has it.
fn of_money(arm: &ArmDesign, facts: &[&Facts], cautions: &mut Vec<Caution>) {
    let runs: Vec<&MoneyFacts> = facts.iter().filter_map(|run| run.money.as_ref()).collect();
    if runs.is_empty() {
        return;
    }
    let mut add = |what| cautions.push(Caution::Money { arm: arm.name.clone(), what });
    let sum = |of: fn(&MoneyFacts) -> usize| runs.iter().map(|run| of(run)).sum::<usize>();
    let (traders, paid) = (sum(|run| run.traders), sum(|run| run.payments));
    if traders == 0 {
        add(MoneyCaution::NobodyTrades);
        return;
    }
    if paid == 0 {
        add(MoneyCaution::NothingPaid);
    }
    let users = Share { part: sum(|run| run.short_of_gift), of: traders };
    if users.part > 0 {
        add(MoneyCaution::PoolDry(users));
    }
    let blocked = sum(|run| run.blocked);
    if blocked > 0 {
        let withdrawals = Share { part: blocked, of: blocked + sum(|run| run.withdrawals) };
        add(MoneyCaution::BlockedWithdrawals(withdrawals));
    }
    let delayed = (sum(|run| run.ledger_delayed), sum(|run| run.ledger_operations));
    if let Some(percent) = notable_percent(delayed.0, delayed.1) {
        add(MoneyCaution::SlowLedger(percent));
    }
}

/// Why payments fail, in the order of [`MoneyFacts::failed`].
const FAILURES: [&str; 4] = [
    "no money; give users more, or read the results as those of the poor",
    "the channel was not open yet; a provider waits for at most a piece",
    "the message was lost; it is sent again with the next",
    "the requester does not pay; it is turned away",
];

/// In whole per cent; `None` below one.
fn notable_percent(part: usize, whole: usize) -> Option<usize> {
    (part * 100).checked_div(whole).filter(|&percent| percent > 0)
}

/// Comparisons of download times in which some pairs are missing.
fn lost_pairs(results: &Results, cautions: &mut Vec<Caution>) {
    let design = &results.design;
    for comparison in pairs::compare(results) {
        let pairs = Share { part: comparison.difference.n, of: design.replicates as usize };
        let some = pairs.part > 0 && pairs.part < pairs.of;
        if some && comparison.metric == Metric::DownloadTimeMean {
            let arm = design.arms[comparison.arm].name.clone();
            cautions.push(Caution::LostPairs { arm, class: comparison.class, pairs });
        }
    }
}
