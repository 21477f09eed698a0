//! What libtorrent does before a piece is hashed, in swarms that were recorded.

use std::collections::BTreeMap;
use std::path::Path;
use swarmecon::ids::{PeerId, PieceId};
use swarmecon::observe::Observer;
use swarmecon::scenario;
use swarmecon::swarm::run;
use swarmecon::units::SimTime;

/// Runs the beginning of a recorded swarm with these seeds.
fn begin<O: Observer + Default>(name: &str, horizon_s: u32, seeds: u64) -> Vec<O> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/real").join(name);
    let horizon = ("horizon_s".to_owned(), horizon_s.to_string());
    let scenario = scenario::load(&file, &[horizon]).expect("a shipped scenario");
    let observe = |seed| {
        let mut seen = O::default();
        run(&scenario.arms[0].plan, seed, &mut seen);
        seen
    };
    (1..=seeds).map(observe).collect()
}

/// Who was choked by which leecher and when, and how many were unchoked at once again.
#[derive(Default)]
struct Again {
    choked: BTreeMap<(PeerId, PeerId), SimTime>,
    n: u32,
}

impl Observer for Again {
    fn unchoked(&mut self, at: SimTime, from: PeerId, to: PeerId, serving: bool) {
        if from.0 == 0 {
            return; // the seed
        }
        if !serving {
            self.choked.insert((from, to), at);
        } else if self.choked.get(&(from, to)) == Some(&at) {
            self.n += 1;
        }
    }
}

/// A leecher gets the last block of what a neighbour has for it, and behind it hears of the next
/// piece: it has not told by then that it needs nothing more, as the first piece is still hashed.
/// In the first 39 s of eight recordings of this swarm 7 were choked and unchoked again in one
/// moment, on average. Where pieces are verified at once 19 are.
#[test]
fn who_hears_of_the_next_piece_in_time_keeps_its_interest_and_its_slot() {
    let runs: Vec<Again> = begin("late_free_riders.toml", 39, 20);
    let n: u32 = runs.iter().map(|run| run.n).sum();
    assert!(n <= 20 * 13, "{n} in 20 runs were choked and unchoked again in one moment");
}

/// Pieces by leecher after ten seconds.
#[derive(Default)]
struct Pieces(BTreeMap<PeerId, u32>);

impl Observer for Pieces {
    fn piece_done(&mut self, at: SimTime, peer: PeerId, _piece: PieceId) {
        if at <= SimTime::from_secs(10.3) {
            *self.0.entry(peer).or_default() += 1;
        }
    }
}

/// Who begins another piece of the seed waits until that is hashed, and of what is to be had at
/// once at a tick the others get theirs first. So the seed's first customer does not stay ahead: in
/// two recordings of twenty it had seven pieces or more after ten seconds. Where it need not wait
/// it has them in one run of three.
#[test]
fn the_first_customer_of_a_seed_does_not_stay_ahead() {
    let runs: Vec<Pieces> = begin("late_comers.toml", 11, 60);
    let ahead = runs.iter().filter(|run| run.0.values().any(|&n| n >= 7)).count();
    assert!(ahead <= 12, "in {ahead} of 60 runs somebody had seven pieces");
}
