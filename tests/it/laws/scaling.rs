//! Scaling: a swarm on links of half the rate, with all timers and latencies twice as long, is
//! the same swarm in slow motion.

use crate::swarms::{class, completions, plan, s};
use std::sync::Arc;
use swarmecon::observe::{Counters, Outcome, Unobserved};
use swarmecon::policy::pick::PickOrder;
use swarmecon::scenario::presets;
use swarmecon::swarm::plan::{
    Arrivals, Audit, ChokerSpec, EndGame, Messages, Plan, Protocol, RateDist, Role, SeedChoker,
    Slots, Stay,
};
use swarmecon::swarm::run;
use swarmecon::units::{ByteRate, Bytes, SimTime, Span};

/// A unit of capacity that divides by all numbers of slots up to 8: shares lose nothing to
/// rounding.
const STEP: u64 = 840;

/// A crowd of very slow peers, slowed down further by the factor `slow`. The wait for a slot is
/// kept in milliseconds, which must not tie what is apart: at 0.1 KiB/s they are next to nothing.
fn crowd(rules: &Protocol, choker: &ChokerSpec, slow: u64) -> Plan {
    let mut rules = rules.clone();
    let stretch = |span: &mut Span| *span = Span(span.0 * 1000 * slow);
    let choking = &mut rules.choking;
    (choking.random_phase, choking.slots) = (false, Slots::Fixed(4));
    choking.seed = SeedChoker::RoundRobin { quota_pieces: 4, tenure: Span(s(60_000.0).0 * slow) };
    [&mut choking.rechoke, &mut choking.optimistic].into_iter().for_each(stretch);
    choking.snub.iter_mut().chain(&mut choking.refill).for_each(stretch);
    let overlay = &mut rules.overlay;
    let timers = [&mut overlay.announce, &mut overlay.rerequest, &mut overlay.connect_delay];
    timers.into_iter().for_each(stretch);
    // A rate limiter has a clock of seconds and sizes of its own, which no factor stretches.
    rules.messages = Messages::AtOnce;
    let requests = &mut rules.requests;
    [&mut requests.whole_piece, &mut requests.queue_span, &mut requests.retry]
        .into_iter()
        .for_each(stretch);
    (requests.end_game, rules.overhead) = (EndGame::Off, swarmecon::swarm::plan::Overhead::None);
    rules.latency = Span(50_000_000_000 * slow);
    let rules = Arc::new(rules);
    let mut seeder = class(Role::Seeder, 1, ByteRate(STEP * 600 / slow), &rules);
    seeder.stay = Stay::AfterCopies(4.0);
    let mut leechers = class(Role::Leecher, 0, ByteRate::ZERO, &rules);
    // Peers arrive one after the other; no two links are the same.
    let n = 18;
    let arrivals = (0..n).map(|i| SimTime((1 + i * 977_777_777_777) * slow)).collect();
    leechers.arrivals = Arrivals::At(arrivals);
    let rates = (0..n).map(|i| ByteRate(STEP * (100 + 13 * i) / slow * 2)).collect();
    leechers.upload = RateDist::PerPeer(rates);
    (leechers.choker, leechers.stay) = (choker.clone(), Stay::Linger(Span(s(30_000.0).0 * slow)));
    let mut plan = plan(Bytes(40 * 65_536 + 5000), Bytes(65_536), vec![seeder, leechers]);
    (plan.horizon, plan.sample) = (SimTime::NEVER, Span(s(1e6).0 * slow));
    plan.audit = Audit::End;
    plan
}

/// The order in which leechers finish.
fn order(outcome: &Outcome) -> Vec<usize> {
    let mut peers: Vec<usize> = (1..outcome.peers.len()).collect();
    peers.sort_by_key(|&i| (outcome.peers[i].completed, i));
    peers
}

/// Work that depends on what happens, not on how long it takes. Flows of one uplink whose marks
/// fall into the same nanosecond are one event, so events may differ.
fn work(outcome: &Outcome) -> Counters {
    Counters { events: 0, stale_events: 0, pending_max: 0, ..outcome.counters }
}

/// Marks are rounded up to the nanosecond, in slow motion as at normal speed: each event adds two
/// nanoseconds at most to the difference.
#[test]
fn half_the_rates_and_twice_the_timers_double_all_times() {
    let mut random = presets::mainline();
    random.requests.order = PickOrder::Random;
    let tft = ChokerSpec::TitForTat;
    for (rules, choker) in [
        (presets::mainline(), tft.clone()),
        (presets::mainline(), ChokerSpec::EqualTurns),
        (presets::libtorrent(), tft.clone()),
        (random, tft),
    ] {
        for seed in 0..3 {
            let at = |slow| run(&crowd(&rules, &choker, slow), seed, &mut Unobserved);
            let (normal, slow) = (at(1), at(2));
            assert_eq!(completions(&normal).len(), 18, "all finish");
            assert_eq!(order(&normal), order(&slow), "the same peers finish first");
            assert_eq!(work(&normal), work(&slow), "the same things happen");
            for (a, b) in normal.peers.iter().zip(&slow.peers) {
                assert_eq!(a.uploaded, b.uploaded, "the same bytes are sent");
                let pairs = [
                    (a.first_piece, b.first_piece),
                    (a.completed, b.completed),
                    (a.departed, b.departed),
                ];
                for (a, b) in pairs {
                    assert_eq!(a.is_some(), b.is_some(), "the same peers get there");
                    let apart = a.map_or(0, |a| 2 * a.0).abs_diff(b.map_or(0, |b| b.0));
                    assert!(apart <= 2 * normal.counters.events, "{apart} ns: {a:?} and {b:?}");
                }
            }
        }
    }
}
