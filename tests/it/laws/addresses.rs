//! To whom a client connects first: its address and theirs say so, or chance.

use crate::swarms::{Diary, News, class, kib, plan};
use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::Arc;
use swarmecon::ids::PeerId;
use swarmecon::policy::choke::Slots;
use swarmecon::scenario::presets;
use swarmecon::swarm::plan::{Arrivals, ChokerSpec, ConnectOrder, Messages, Role};
use swarmecon::swarm::run;
use swarmecon::units::{Bytes, SimTime};

/// In which order five seeders, with these addresses, unchoke a leecher that comes after them.
fn order(connect_order: ConnectOrder, seeders: &[Ipv4Addr], seed: u64) -> Vec<u32> {
    let mut rules = presets::libtorrent();
    (rules.overlay.connect_order, rules.messages) = (connect_order, Messages::AtOnce);
    let rules = Arc::new(rules);
    let mut there = class(Role::Seeder, 5, kib(100.0), &rules);
    there.addresses = seeders.to_vec();
    let mut comes = class(Role::Leecher, 0, kib(100.0), &rules);
    comes.arrivals = Arrivals::At(vec![SimTime::from_secs(5.0)]);
    comes.addresses = vec![Ipv4Addr::new(127, 0, 6, 1)];
    let mut case = plan(Bytes::from_kib(1024), Bytes::from_kib(128), vec![there, comes]);
    case.horizon = SimTime::from_secs(6.0);
    let mut diary = Diary::default();
    run(&case, seed, &mut diary);
    let unchoked = diary.entries.iter().filter_map(|&(_, news)| match news {
        News::Unchoked(from, PeerId(5), true) => Some(from.0),
        _ => None,
    });
    unchoked.collect()
}

/// Recorded clients of a stream had these addresses, and the sixth this order in each recording.
#[test]
fn addresses_say_whom_a_client_finds_first() {
    let numbered: Vec<Ipv4Addr> = (1..=5).map(|n| Ipv4Addr::new(127, 0, n, 1)).collect();
    for seed in 1..=10 {
        assert_eq!(order(ConnectOrder::Canonical, &numbered, seed), [3, 1, 0, 2, 4]);
    }
    let backwards: Vec<Ipv4Addr> = numbered.iter().rev().copied().collect();
    assert_eq!(order(ConnectOrder::Canonical, &backwards, 1), [1, 3, 4, 2, 0]);
}

#[test]
fn without_addresses_or_the_rule_it_is_chance() {
    let numbered: Vec<Ipv4Addr> = (1..=5).map(|n| Ipv4Addr::new(127, 0, n, 1)).collect();
    for (rule, addresses) in [(ConnectOrder::AsTold, &numbered[..]), (ConnectOrder::Canonical, &[])]
    {
        let orders = (1..=40).map(|seed| order(rule, addresses, seed));
        let orders: BTreeSet<Vec<u32>> = orders.collect();
        assert!(orders.len() > 20, "{rule:?}: 40 runs of {} orders", orders.len());
    }
}

/// A client's clock knows no ties: whom a seed connected to first has waited longest, though it
/// connected to all of them at one look. Its choker singles out as many as it has slots, and those
/// in no order.
#[test]
fn a_seeder_serves_first_whom_it_connected_to_first() {
    let mut rules = presets::libtorrent();
    (rules.messages, rules.choking.slots) = (Messages::AtOnce, Slots::Fixed(4));
    let rules = Arc::new(rules);
    let mut there = class(Role::Leecher, 12, kib(100.0), &rules);
    there.addresses = (1..=12).map(|n| Ipv4Addr::new(127, 0, n, 1)).collect();
    there.choker = ChokerSpec::Never;
    let mut comes = class(Role::Seeder, 0, kib(400.0), &rules);
    comes.arrivals = Arrivals::At(vec![SimTime::from_secs(5.0)]);
    comes.addresses = vec![Ipv4Addr::new(127, 0, 13, 1)];
    let mut case = plan(Bytes::from_kib(1 << 16), Bytes::from_kib(16), vec![there, comes]);
    case.horizon = SimTime::from_secs(240.0);
    for seed in 1..=3 {
        let mut diary = Diary::default();
        run(&case, seed, &mut diary);
        // Of 127.0.1.1 to 127.0.12.1, by their priority with 127.0.13.1 (BEP 40).
        let mut waiting = vec![3, 6, 8, 5, 11, 10, 4, 9, 7, 1, 2, 12];
        for &(_, news) in &diary.entries {
            if let News::Unchoked(PeerId(12), PeerId(to), true) = news
                && let Some(rank) = waiting.iter().position(|&n| n == to + 1)
            {
                assert!(rank < 4, "seed {seed}: 127.0.{}.1 before {waiting:?}", to + 1);
                waiting.remove(rank);
            }
        }
        assert!(waiting.len() <= 2, "seed {seed}: {waiting:?} never had a turn");
    }
}
