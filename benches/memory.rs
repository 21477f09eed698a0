//! Memory of a large swarm: bytes allocated at the peak, per peer.
//!
//! `cargo bench --bench memory` runs `benches/workload.toml` with 100 000 leechers for 300
//! simulated seconds, past the time at which most is pending; `cargo bench --bench memory --
//! 10000 600` sets the number of leechers and the horizon in seconds.
#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

use peak_alloc::PeakAlloc;
use std::path::Path;
use swarmecon::observe::Unobserved;
use swarmecon::units::f64_of_len;
use swarmecon::{scenario, swarm};

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

fn main() {
    let numbers: Vec<u32> = std::env::args().filter_map(|arg| arg.parse().ok()).collect();
    let leechers = numbers.first().copied().unwrap_or(100_000);
    let horizon_s = numbers.get(1).copied().unwrap_or(300);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/workload.toml");
    let overrides = [("population.leechers", leechers), ("horizon_s", horizon_s)]
        .map(|(key, value)| (key.to_owned(), value.to_string()));
    let scenario = scenario::load(&file, &overrides).expect("the workload is a good scenario");
    ALLOCATED.reset_peak_usage();
    let outcome = swarm::run(&scenario.arms[0].plan, scenario.seed, &mut Unobserved);
    let peers = outcome.peers.len();
    println!(
        "{peers} peers, {} pieces: at most {:.0} bytes allocated per peer",
        outcome.counters.pieces,
        f64_of_len(ALLOCATED.peak_usage()) / f64_of_len(peers),
    );
}
