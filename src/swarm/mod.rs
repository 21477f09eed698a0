//! The conductor of one run.
pub mod plan;

use crate::observe::{Observer, Outcome};
use plan::Plan;

/// Runs one swarm to its end. The same plan and seed give the same outcome, bit for bit.
pub fn run<O: Observer>(_plan: &Plan, _seed: u64, _observer: &mut O) -> Outcome {
    unimplemented!()
}
