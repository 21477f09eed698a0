//! Watches a run: where do the bytes come from, seeders or leechers?
//!
//! `cargo run --release --example observer`

use std::error::Error;
use std::path::Path;
use swarmecon::ids::PeerId;
use swarmecon::observe::Observer;
use swarmecon::units::{Bytes, SimTime};
use swarmecon::{scenario, swarm};

/// Payload by who sent it. An observer is told what happens; it cannot change anything.
#[derive(Default)]
struct Sources {
    /// Whether each peer has the whole content, by peer id.
    is_seeder: Vec<bool>,
    by_seeders: u64,
    by_leechers: u64,
    /// All payload that had moved by a moment.
    steps: Vec<(SimTime, u64)>,
}

// Only what is of interest is written; the other methods of the trait do nothing.
impl Observer for Sources {
    fn transferred(&mut self, at: SimTime, from: PeerId, _to: PeerId, payload: Bytes) {
        let sum =
            if self.is_seeder[from.index()] { &mut self.by_seeders } else { &mut self.by_leechers };
        *sum += payload.0;
        self.steps.push((at, self.by_seeders + self.by_leechers));
    }

    fn completed(&mut self, _at: SimTime, peer: PeerId) {
        self.is_seeder[peer.index()] = true;
    }
}

/// One run in words.
pub(crate) fn answer() -> Result<String, Box<dyn Error>> {
    let overrides = [("size_mib".to_owned(), "8".to_owned())];
    let scenario = scenario::load(Path::new("scenarios/flash_crowd.toml"), &overrides)?;
    let arm = &scenario.arms[0];

    // The origin seeder is the first class of this scenario, so it is peer 0.
    let mut sources = Sources { is_seeder: vec![false; 201], ..Sources::default() };
    sources.is_seeder[0] = true;
    let outcome = swarm::run(&arm.plan, scenario.seed, &mut sources);

    let all = sources.by_seeders + sources.by_leechers;
    let sent: u64 = outcome.peers.iter().map(|peer| peer.uploaded.0).sum();
    assert_eq!(all, sent, "what is watched is what is recorded");
    let half = sources.steps.iter().find(|(_, moved)| *moved >= all / 2);
    let half_s = half.map_or(0.0, |(at, _)| at.as_secs());
    Ok(format!(
        "{}\n{} MiB moved, half of it by {half_s:.0} s; {} % came from seeders\n",
        scenario.question,
        all >> 20,
        100 * sources.by_seeders / all,
    ))
}

#[expect(clippy::print_stdout, reason = "an example speaks")]
fn main() -> Result<(), Box<dyn Error>> {
    print!("{}", answer()?);
    Ok(())
}
