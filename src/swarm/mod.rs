//! The conductor of one run: peers, links and the protocol between them.
//!
//! `plan` is its input. `world` holds the state, `run` the loop; each other file is named after
//! what happens in it. `audit` checks the laws of the whole.
mod address;
mod audit;
mod demand;
mod edges;
mod end_game;
mod event;
mod free_slots;
mod givers;
mod greeting;
mod hashing;
mod headers;
mod idle;
mod interest;
mod late;
mod leave;
mod letters;
mod limiter;
mod loose;
mod messages;
mod meter;
mod overlay;
mod pending;
mod piece_done;
pub mod plan;
mod population;
mod progress;
mod reading;
mod receive_buffer;
mod rechoke;
mod record;
mod redundant;
mod request;
mod run;
mod sample;
mod sending;
mod snub;
mod socket;
mod stale;
mod super_seed;
mod take_over;
mod ticks;
mod torrents;
mod trade;
mod transfer;
mod users;
mod warm;
mod world;

use crate::observe::{Observer, Outcome};
use plan::Plan;

/// Runs one swarm to its end. The same plan and seed give the same outcome, bit for bit, whoever
/// watches.
///
/// # Panics
/// If a law of the model is broken: always a fault of this program, never of the scenario.
pub fn run<O: Observer>(plan: &Plan, seed: u64, observer: &mut O) -> Outcome {
    world::Swarm::new(plan, seed, observer).run()
}
