//! From file to plan: what a user writes, checked and resolved.

use crate::swarm::plan::Plan;

mod stub;
pub use stub::{Faults, load};

/// A scenario ready to run: one plan per arm, and how often each is run.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Stem of the file: the name of the results folder.
    pub name: String,
    /// The first line of the file: what it asks.
    pub question: String,
    /// Seed of replicate 0; replicate r of every arm uses a seed derived from it and r.
    pub seed: u64,
    /// Runs per arm.
    pub replicates: u32,
    /// The arms, in the order of the file; at least one.
    pub arms: Vec<Arm>,
    /// Position of the arm the others are compared with.
    pub baseline: usize,
    /// Recorded swarms to put beside the simulated ones; empty if the file names none.
    pub recorded: Vec<Recorded>,
    /// What the reader of the results should know, found while the file was checked.
    pub warnings: Vec<String>,
}

/// A named variant of the scenario.
#[derive(Clone, Debug)]
pub struct Arm {
    /// Its name in every result file.
    pub name: String,
    /// What the engine runs.
    pub plan: Plan,
    /// The plan as a person writes it, every default included: for the manifest and its hash.
    pub resolved: toml::Table,
}

/// One download of a recorded swarm.
#[derive(Clone, PartialEq, Debug)]
pub struct Recorded {
    /// Repetition of the recording.
    pub repetition: u32,
    /// Class of the peer, as named in the scenario.
    pub class: String,
    /// Seconds from its start to its completion.
    pub download_time_s: f64,
}
