//! Reputations that travel one hop: what they must leave alone, what the lists conserve, and whom
//! they serve where that can be worked out.

use super::catalogue::library;
use super::money::{crowd, users};
use std::path::Path;
use std::sync::Arc;
use swarmecon::observe::{Outcome, Unobserved};
use swarmecon::policy::reputation::Esteem;
use swarmecon::scenario::{self, presets};
use swarmecon::swarm::plan::economy::{Economy, OneHop, Ranks};
use swarmecon::swarm::plan::{Audit, ChokerSpec, Plan, Role, Stay};
use swarmecon::swarm::run;
use swarmecon::units::f64_of_len;

const FLOW: OneHop = OneHop { value: Esteem::Flow, ranks: Ranks::Always, known_peers: 2000 };

fn with(rules: OneHop, plan: &Plan) -> Plan {
    Plan { economy: Some(Economy::OneHop(rules)), ..plan.clone() }
}

/// The mean time of the downloads of this class that were finished, in seconds.
fn mean_time(outcome: &Outcome, class: u16) -> f64 {
    let mine = outcome.peers.iter().filter(|peer| peer.class.0 == class);
    let times: Vec<f64> =
        mine.filter(|p| p.completed.is_some()).map(|p| p.leeching.as_secs()).collect();
    times.iter().sum::<f64>() / f64_of_len(times.len())
}

/// The audit holds the lists against what is held, at every event: all that was received was sent,
/// and is what leechers have or left with, whoever comes and goes.
#[test]
fn every_byte_is_on_two_lists_at_every_event() {
    for rules in [presets::mainline(), presets::libtorrent()].map(Arc::new) {
        for value in [Esteem::Flow, Esteem::NetFlow, Esteem::Ratio] {
            for (ranks, known_peers) in [(Ranks::Always, 2000), (Ranks::Seeding, 3)] {
                let mut plan =
                    with(OneHop { value, ranks, known_peers }, &library(25, 300.0, &rules));
                plan.audit = Audit::EveryEvent;
                let outcome = run(&plan, 5, &mut Unobserved);
                let completed = outcome.peers.iter().filter(|p| p.completed.is_some()).count();
                assert!(completed > 60, "{value:?}: {completed} downloads");
                assert!(outcome.money.is_none(), "reputations are no money");
            }
        }
    }
    let mut crowd = with(FLOW, &crowd(None, users(0.0)));
    (crowd.audit, crowd.classes[2].choker) = (Audit::EveryEvent, ChokerSpec::Never);
    run(&crowd, 2, &mut Unobserved);
}

#[test]
fn the_same_seed_gives_the_same_reputations() {
    let mut plan = crowd(None, users(0.0));
    plan.classes[2].choker = ChokerSpec::Never;
    let barter = run(&plan, 1, &mut Unobserved);
    for rules in [FLOW, OneHop { known_peers: 2, ..FLOW }] {
        let [a, b, c] = [1, 1, 2].map(|seed| run(&with(rules, &plan), seed, &mut Unobserved));
        assert_eq!(a, b);
        assert_ne!(a.fingerprint, c.fingerprint);
        assert_ne!(a.fingerprint, barter.fingerprint, "somebody is served for its reputation");
    }
}

/// Seeders that nobody ever gave anything think nothing of anybody: where only they serve, or only
/// seeders rank by reputation and all leave when they are done, this is barter to the bit.
#[test]
fn where_nobody_is_known_it_is_barter() {
    let barter = crowd(None, users(0.0));
    let mut takers = barter.clone();
    for class in takers.classes.iter_mut().filter(|class| class.role == Role::Leecher) {
        class.choker = ChokerSpec::Never;
    }
    let mut brief = barter.clone();
    for class in brief.classes.iter_mut().filter(|class| class.role == Role::Leecher) {
        class.stay = Stay::Leave;
    }
    for (plan, rules) in [(takers, FLOW), (brief, OneHop { ranks: Ranks::Seeding, ..FLOW })] {
        let plain = run(&plan, 3, &mut Unobserved);
        assert_eq!(run(&with(rules, &plan), 3, &mut Unobserved), plain, "{rules:?}");
    }
}

/// In the shipped scenario, seeds 1 to 4: those who seed finish sooner than under barter, by a
/// twentieth at least on average, and they gain more than those who leave at once.
#[test]
fn who_seeds_is_served_sooner() {
    let scenario = scenario::load(Path::new("scenarios/one_hop.toml"), &[]).expect("shipped");
    let arm = |name: &str| &scenario.arms.iter().find(|arm| arm.name == name).expect("an arm").plan;
    let (mut sharers, mut leavers) = (0.0, 0.0);
    for seed in 1..5 {
        let [barter, flow] = ["barter", "flow"].map(|name| run(arm(name), seed, &mut Unobserved));
        let gain = |class| 1.0 - mean_time(&flow, class) / mean_time(&barter, class);
        sharers += gain(1) / 4.0;
        leavers += gain(2) / 4.0;
    }
    assert!(sharers > 0.05 && sharers > leavers, "{sharers} and {leavers}");
}
