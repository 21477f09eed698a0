//! Sizes at which the engine does things that small swarms never see: peers with so many
//! neighbours that their room is made larger, and so many peers that memory is fetched ahead.

use crate::swarms::{class, kib, plan, run_lawfully, s};
use std::sync::Arc;
use swarmecon::scenario::presets;
use swarmecon::swarm::plan::{Arrivals, Audit, DownloadDist, Plan, RateDist, Role, Stay};
use swarmecon::units::{Bytes, SimTime};

/// `n` leechers that come and go around a fast seeder under mainline rules, audited at each row.
fn crowd(n: u32, neighbours: u32, pieces: u64) -> Plan {
    let mut rules = presets::mainline();
    rules.overlay.numwant = neighbours;
    rules.overlay.max_initiate = neighbours;
    rules.overlay.max_neighbours = neighbours;
    let rules = Arc::new(rules);
    let seeder = class(Role::Seeder, 1, kib(2000.0), &rules);
    let mut leechers = class(Role::Leecher, n, kib(0.0), &rules);
    leechers.arrivals = Arrivals::AtOnce { count: n, at: SimTime::ZERO, spread: s(20.0) };
    leechers.upload = RateDist::Uniform { low: 100.0, high: 300.0 };
    leechers.download = DownloadDist::TimesUpload(4.0);
    (leechers.stay, leechers.patience) = (Stay::LingerExp(s(10.0)), Some(s(400.0)));
    let mut plan = plan(Bytes::from_kib(64 * pieces), Bytes::from_kib(64), vec![seeder, leechers]);
    (plan.audit, plan.sample) = (Audit::EverySample, s(5.0));
    plan
}

#[test]
fn laws_hold_for_peers_with_more_neighbours_than_a_word_has_bits() {
    let outcome = run_lawfully(&crowd(200, 150, 40), 1);
    let mean = outcome.counters.connections * 2 / 201;
    assert!(mean > 100, "{mean} neighbours on average: not what is to be tested");
    assert!(outcome.samples.last().is_some_and(|row| row.completed > 150));
}

#[test]
fn laws_hold_for_thousands_of_peers() {
    let mut plan = crowd(3200, 20, 4);
    plan.horizon = SimTime::from_secs(90.0);
    let outcome = run_lawfully(&plan, 1);
    assert!(outcome.samples.last().is_some_and(|row| row.completed > 1000));
}
