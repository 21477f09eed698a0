//! Works through the grid on many threads and hands the runs on in the order of the grid.
//!
//! Law: what the sink sees, and the results, are the same for any number of threads. A run is
//! reduced where it was made and its rows go to the sink as soon as all earlier runs are through,
//! so few whole outcomes are in memory at a time: about one per thread when runs are of equal
//! length, more while one run holds up the rest.

use super::grid::{Cell, Design};
use super::measure::LawBroken;
use super::summary::{Reduced, reduce};
use crate::observe::Outcome;
use crate::scenario::Scenario;
use crate::swarm::plan::Plan;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

/// A finished run on its way to the sink.
#[derive(Clone, PartialEq, Debug)]
pub struct Run {
    /// All it left behind.
    pub outcome: Outcome,
    /// What stays of it.
    pub reduced: Reduced,
}

/// All runs of an experiment, reduced, in the order of the grid.
#[derive(Clone, Debug)]
pub struct Results {
    /// What was run.
    pub design: Design,
    /// The runs.
    pub runs: Vec<Reduced>,
}

impl Results {
    /// The runs of an arm, by replicate.
    pub fn of_arm(&self, arm: usize) -> impl Iterator<Item = &Reduced> {
        self.runs.iter().filter(move |run| run.cell.arm == arm)
    }
}

/// Why an experiment did not end.
#[derive(Debug, thiserror::Error)]
pub enum Stopped<E> {
    /// A run broke a law.
    #[error(transparent)]
    Law(#[from] LawBroken),
    /// The sink could not take a run.
    #[error("{0}")]
    Sink(E),
    /// The threads could not be started.
    #[error("the worker threads could not be started: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

/// Makes all runs of `scenario` on `n_threads` threads (0: one per core) and gives each to `sink`
/// in the order of the grid. `runner` makes one run from a plan and a seed.
///
/// # Errors
/// When a run breaks a law, the sink refuses a run, or threads cannot be started. Runs under way
/// are finished and dropped.
pub fn run_all<R, S, E>(
    scenario: &Scenario,
    n_threads: usize,
    runner: R,
    mut sink: S,
) -> Result<Results, Stopped<E>>
where
    R: Fn(&Plan, u64) -> Outcome + Sync,
    S: FnMut(&Design, &Run) -> Result<(), E>,
{
    let design = Design::of(scenario);
    let cells = design.cells();
    // More threads than runs have nothing to do, and tens of thousands take minutes to start.
    let threads =
        rayon::ThreadPoolBuilder::new().num_threads(n_threads.min(cells.len())).build()?;
    let shop = Shop {
        scenario,
        design: &design,
        cells: &cells,
        runner,
        next: AtomicUsize::new(0),
        closed: AtomicBool::new(false),
    };
    let (sender, receiver) = mpsc::channel();
    let runs = threads.in_place_scope(|scope| {
        for _ in 0..threads.current_num_threads().min(cells.len()) {
            let (shop, sender) = (&shop, sender.clone());
            scope.spawn(move |_| shop.work(&sender));
        }
        drop(sender);
        let runs = in_order(&receiver, |run| sink(&design, run));
        shop.closed.store(true, Ordering::Relaxed);
        runs
    })?;
    assert_eq!(runs.len(), cells.len(), "every cell of the grid was run");
    Ok(Results { design, runs })
}

/// What the workers share.
struct Shop<'a, R> {
    scenario: &'a Scenario,
    design: &'a Design,
    cells: &'a [Cell],
    runner: R,
    /// The next cell nobody has taken.
    next: AtomicUsize,
    /// Set when no further run is wanted.
    closed: AtomicBool,
}

/// A run and its place in the grid.
type Delivery = (usize, Result<Run, LawBroken>);

impl<R: Fn(&Plan, u64) -> Outcome> Shop<'_, R> {
    /// Takes cells in the order of the grid until there are none.
    fn work(&self, sender: &mpsc::Sender<Delivery>) {
        let guard = CloseOnPanic(&self.closed);
        while !guard.0.load(Ordering::Relaxed) {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(&cell) = self.cells.get(index) else {
                return;
            };
            let outcome = (self.runner)(&self.scenario.arms[cell.arm].plan, cell.seed);
            let run = reduce(self.design, cell, &outcome).map(|reduced| Run { outcome, reduced });
            if sender.send((index, run)).is_err() {
                return;
            }
        }
    }
}

/// Stops the other workers when a run panics: its message is out, the rest would be in vain.
struct CloseOnPanic<'a>(&'a AtomicBool);

impl Drop for CloseOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

/// Hands deliveries on in the order of the grid and keeps what stays of them.
fn in_order<E>(
    receiver: &mpsc::Receiver<Delivery>,
    mut sink: impl FnMut(&Run) -> Result<(), E>,
) -> Result<Vec<Reduced>, Stopped<E>> {
    let mut early = BTreeMap::new();
    let mut runs = Vec::new();
    for (index, run) in receiver {
        early.insert(index, run);
        while let Some(run) = early.remove(&runs.len()) {
            let run = run?;
            sink(&run).map_err(Stopped::Sink)?;
            runs.push(run.reduced);
        }
    }
    Ok(runs)
}
