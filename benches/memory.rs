//! Memory of a large swarm: bytes allocated at the peak, per peer.
//!
//! `cargo bench --bench memory` runs `benches/workload.toml` with 100 000 leechers for 300
//! simulated seconds, past the time at which most is pending; `cargo bench --bench memory --
//! 10000 600` sets the number of leechers and the horizon in seconds. Then the same swarm once more
//! with a token, where everybody pays for all it gets from who would serve it anyway.
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
    for (bundle, what) in [("barter", ""), ("btt", " with a token")] {
        let (peers, pieces, per_peer) = measure(bundle, leechers, horizon_s);
        println!("{peers} peers, {pieces} pieces: at most {per_peer:.0} bytes per peer{what}");
    }
}

/// Runs an economy; gives how many peers it had, the pieces they got, and the bytes allocated at
/// the peak for each peer.
fn measure(bundle: &str, leechers: u32, horizon_s: u32) -> (usize, u64, f64) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/workload.toml");
    let overrides = [
        ("population.leechers", leechers.to_string()),
        ("horizon_s", horizon_s.to_string()),
        ("economy.bundle", format!("\"{bundle}\"")),
        ("economy.ties", "barter".to_owned()),
        ("economy.ledger.latency_s", "0".to_owned()),
        ("trade.adoption", "1.0".to_owned()),
        ("trade.bidder", "{ fixed_btt_per_gib = 1.0 }".to_owned()),
        ("trade.gift_btt", "10".to_owned()),
    ];
    let overrides = overrides.map(|(key, value)| (key.to_owned(), value));
    let scenario = scenario::load(&file, &overrides).expect("the workload is a good scenario");
    ALLOCATED.reset_peak_usage();
    let outcome = swarm::run(&scenario.arms[0].plan, scenario.seed, &mut Unobserved);
    let peers = outcome.peers.len();
    let per_peer = f64_of_len(ALLOCATED.peak_usage()) / f64_of_len(peers);
    (peers, outcome.counters.pieces, per_peer)
}
