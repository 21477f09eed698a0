//! Progress on standard error: runs done, simulated time, time left. Hidden when standard error
//! is not a terminal. The one place that looks at a real clock; nothing of it reaches a file.

use crate::experiment::Results;
use crate::observe::{Observer, Sample};
use crate::report::table::plural;
use crate::swarm::plan::Plan;
use crate::units::{SimTime, f64_of, floor_u64};
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Steps of the bar per run: a run under way counts for its simulated time ÷ horizon.
const STEPS: f64 = 1000.0;

/// Follows all runs of an experiment.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    n_runs: usize,
    state: Mutex<State>,
    begun: Instant,
}

#[derive(Debug, Default)]
struct State {
    n_begun: usize,
    n_done: usize,
    /// Runs under way: simulated time and horizon, by order of beginning.
    running: BTreeMap<usize, (SimTime, SimTime)>,
    /// Time threads spent in runs.
    busy: Duration,
}

/// Follows one run.
#[derive(Debug)]
pub struct Watch<'a> {
    progress: &'a Progress,
    id: usize,
    horizon: SimTime,
}

impl Observer for Watch<'_> {
    fn sampled(&mut self, sample: &Sample) {
        self.progress.change(|state| {
            state.running.insert(self.id, (sample.at, self.horizon));
        });
    }
}

impl Progress {
    /// Begins to follow `n_runs` runs.
    pub fn new(n_runs: usize, quiet: bool) -> Self {
        let steps = u64::try_from(n_runs).unwrap_or(0).saturating_mul(floor_u64(STEPS));
        // The bar's target is standard error, which hides it when that is not a terminal.
        let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new(steps) };
        let style = ProgressStyle::with_template("{bar:30} {msg}, about {eta} left")
            .expect("the template is well formed");
        bar.set_style(style);
        bar.set_message(format!("0/{n_runs} runs"));
        if !bar.is_hidden() {
            bar.enable_steady_tick(Duration::from_millis(250));
        }
        Self { bar, n_runs, state: Mutex::default(), begun: Instant::now() }
    }

    /// Makes a run under watch.
    pub fn watch<T>(&self, plan: &Plan, run: impl FnOnce(&mut Watch<'_>) -> T) -> T {
        let mut id = 0;
        self.change(|state| {
            id = state.n_begun;
            state.n_begun += 1;
            state.running.insert(id, (SimTime::ZERO, plan.horizon));
        });
        let begun = Instant::now();
        let result = run(&mut Watch { progress: self, id, horizon: plan.horizon });
        self.change(|state| {
            state.running.remove(&id);
            state.n_done += 1;
            state.busy += begun.elapsed();
        });
        result
    }

    /// Takes the bar away.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }

    /// What the experiment cost, in a line.
    pub fn timing(&self, results: &Results) -> String {
        let total = self.begun.elapsed().as_secs_f64();
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let busy = state.busy.as_secs_f64();
        let pieces: u64 = results.runs.iter().map(|run| run.counters.pieces).sum();
        let rate = if busy > 0.0 { f64_of(pieces) / busy } else { 0.0 };
        let runs = plural(results.runs.len(), "run", "runs");
        format!(
            "{runs} in {total:.1} s ({busy:.1} s of simulation on all threads): \
             {pieces} piece downloads, {rate:.0} per thread and second"
        )
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        if self.bar.is_hidden() {
            return;
        }
        let part = |&(at, horizon): &(SimTime, SimTime)| match horizon.as_secs() {
            whole if whole > 0.0 => (at.as_secs() / whole).min(1.0),
            _ => 0.0,
        };
        let under_way: f64 = state.running.values().map(part).sum();
        let done = u64::try_from(state.n_done).unwrap_or(0).saturating_mul(floor_u64(STEPS));
        self.bar.set_position(done + floor_u64(under_way * STEPS));
        let furthest = state.running.values().map(|run| run.0).max().unwrap_or(SimTime::ZERO);
        let (n_done, n_runs, at_s) = (state.n_done, self.n_runs, furthest.as_secs());
        self.bar.set_message(format!("{n_done}/{n_runs} runs, simulated {at_s:.0} s"));
    }
}
