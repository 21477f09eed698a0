//! Theory and published results as checks on the production code: one file per result.
//!
//! A check makes runs with fixed seeds and answers with lines (what was expected, what came out,
//! whether that is within the tolerance) and with curves of theory over simulation. It knows no
//! files and no terminal; `report` writes, `plot` draws, `cli` speaks.
//!
//! Law: a tolerance stands beside its source and is not widened to pass. What is known from memory
//! or from one other simulator only is a *direction*: it is shown and decides nothing.
//!
//! Where it is wrong: a check that passes shows that the model agrees with the theory in this
//! set-up, not that either agrees with the world.

mod bittyrant;
mod books;
pub mod catalogue;
mod commons;
mod contact;
mod crowd;
mod exchange;
pub mod finding;
mod free_riders;
mod frontier;
mod invariants;
mod kumar_ross;
mod legout;
mod menasche;
mod mundinger;
mod qiu_srikant;
mod rarest_first;
mod recorded;
mod scrip;
mod stratification;
mod torrent_life;
mod utilisation;
mod zhu_hajek;

pub use catalogue::{Unknown, all, chosen, run};
pub use finding::{Axis, Curve, Findings, Kind, Line, Panel, Role};

use crate::experiment::Workers;
use crate::observe::{Observer, Outcome, Unobserved};
use crate::swarm::{self, plan::Plan};

/// A result to reproduce.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// What `--only` calls it.
    pub name: &'static str,
    /// The result in a sentence.
    pub claim: &'static str,
    /// Where it was published.
    pub source: &'static str,
    /// Whether it belongs to the quick subset.
    pub is_quick: bool,
    /// Makes the runs and judges them.
    pub run: fn(&Ctx<'_>) -> Findings,
}

/// What came of a check.
#[derive(Clone, Debug)]
pub struct Report {
    /// Which one.
    pub check: Check,
    /// What it found.
    pub findings: Findings,
}

/// What a check is given to work with.
pub struct Ctx<'a> {
    workers: &'a Workers,
    /// Called after each run, for a person who waits.
    after_run: &'a (dyn Fn() + Sync),
}

impl<'a> Ctx<'a> {
    /// With these threads; `after_run` is told of every run.
    pub fn new(workers: &'a Workers, after_run: &'a (dyn Fn() + Sync)) -> Self {
        Self { workers, after_run }
    }

    /// `job` of every item, on all threads, in the order of the items.
    pub fn map<T: Sync, R: Send>(&self, items: &[T], job: impl Fn(&T) -> R + Sync) -> Vec<R> {
        self.workers.map(items, |item| {
            let answer = job(item);
            (self.after_run)();
            answer
        })
    }

    /// `job` of the seeds 1 to `n`.
    pub fn seeds<R: Send>(&self, n: u64, job: impl Fn(u64) -> R + Sync) -> Vec<R> {
        let seeds: Vec<u64> = (1..=n).collect();
        self.map(&seeds, |&seed| job(seed))
    }

    /// `n` runs of a plan with the seeds 1 to `n`.
    pub fn runs(&self, plan: &Plan, n: u64) -> Vec<Outcome> {
        self.seeds(n, |seed| run_lawfully(plan, seed, &mut Unobserved))
    }
}

/// A run of the production engine, held to the laws of every experiment.
///
/// # Panics
/// When a law is broken: a fault of this program.
fn run_lawfully<O: Observer>(plan: &Plan, seed: u64, observer: &mut O) -> Outcome {
    let outcome = swarm::run(plan, seed, observer);
    if let Err(law) = crate::experiment::measure::check_laws(&outcome) {
        panic!("seed {seed}: {law}");
    }
    outcome
}
