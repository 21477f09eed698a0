//! Messages that wait for blocks and ticks: when they do, for how long, and what it costs.

use crate::swarms::{self, Diary, News, class, completions, kib, mean_time_s, plain, plan, s};
use std::sync::Arc;
use swarmecon::ids::PeerId;
use swarmecon::observe::Unobserved;
use swarmecon::scenario::presets;
use swarmecon::swarm::plan::{
    Arrivals, ChokerSpec, InTurn, Messages, Plan, Protocol, Role, Slots, Stay,
};
use swarmecon::swarm::run;
use swarmecon::units::{Bytes, SimTime, Span, f64_of};

/// libtorrent's numbers.
fn in_turn() -> InTurn {
    let Messages::InTurn(rules) = presets::libtorrent().messages else {
        panic!("libtorrent's messages wait")
    };
    rules
}

fn with(mut rules: Protocol, messages: Messages) -> Arc<Protocol> {
    rules.messages = messages;
    Arc::new(rules)
}

/// A seeder that serves all, and leechers that serve nobody and arrive at these times.
fn star(content_kib: u64, arrivals_s: &[f64], messages: Messages) -> Plan {
    let mut rules = plain();
    rules.choking.slots = Slots::All;
    let rules = with(rules, messages);
    let seeder = class(Role::Seeder, 1, kib(100.0), &rules);
    let mut leechers = class(Role::Leecher, 0, kib(100.0), &rules);
    let at = arrivals_s.iter().map(|&at| SimTime::from_secs(at)).collect();
    (leechers.arrivals, leechers.choker) = (Arrivals::At(at), ChokerSpec::Never);
    plan(Bytes::from_kib(content_kib), Bytes::from_kib(content_kib), vec![seeder, leechers])
}

/// Where nobody uploads to whom it asks, and no limiter ticks, in turn is at once: the same run,
/// event by event.
#[test]
fn nothing_waits_where_nothing_is_ahead() {
    let rules = InTurn { tick: Span::ZERO, ..in_turn() };
    let arrivals: Vec<f64> = (0..8).map(|i| f64_of(i) * 1.7).collect();
    let [turn, once] = [Messages::InTurn(rules), Messages::AtOnce]
        .map(|messages| run(&star(4096, &arrivals, messages), 1, &mut Unobserved));
    assert_eq!(turn, once);
}

/// A seeder of 100 KiB/s, full with its first leecher since 0 s, unchokes the second, which comes
/// at 0.7 s, at its next tick: at 1 s. The first has 100 of 200 KiB by then, and the rest at half
/// the rate at 3 s. The second has half of it at that time and the whole at 4 s. If it comes at
/// 0.3 s the uplink has saved some up, and it is served at once.
#[test]
fn an_unchoke_waits_for_the_tick_of_a_full_uplink() {
    let (turn, once) = (Messages::InTurn(in_turn()), Messages::AtOnce);
    for (messages, comes_s, first_s) in
        [(turn, 0.7, 3.0), (once, 0.7, 3.3), (turn, 0.3, 3.7), (once, 0.3, 3.7)]
    {
        let outcome = swarms::run_lawfully(&star(200, &[0.0, comes_s], messages), 1);
        let done: Vec<f64> = completions(&outcome).iter().map(|at| at.as_secs()).collect();
        let off = [(done[0], first_s), (done[1], 4.0)].map(|(at, exact)| (at - exact).abs());
        assert!(off.iter().all(|&off| off < 1e-3), "{messages:?}: {done:?}");
    }
}

/// Leechers of so many and of 250 KiB/s under libtorrent's rules, and a seeder.
fn unequal(slow_kib_per_s: f64, messages: Messages) -> Plan {
    let mut rules = presets::libtorrent();
    rules.choking.slots = Slots::Fixed(4);
    let rules = with(rules, messages);
    let seeder = class(Role::Seeder, 1, kib(250.0), &rules);
    let classes = [slow_kib_per_s, 250.0].map(|upload| {
        let mut leechers = class(Role::Leecher, 10, kib(upload), &rules);
        let (at, spread) = (SimTime::ZERO, s(1.0));
        leechers.arrivals = Arrivals::AtOnce { count: 10, at, spread };
        leechers.stay = Stay::Forever;
        leechers
    });
    let [slow, fast] = classes;
    plan(Bytes::from_kib(10_240), Bytes::from_kib(128), vec![seeder, slow, fast])
}

/// The slow lose by what is ahead of their requests, as it is their own blocks: means over 40
/// seeds, found 7 % apart at 6 KiB/s. Two such means of the same plan differ by 2 %. Nobody is
/// disconnected for being late, which would be another reason.
#[test]
fn slow_uplinks_lose_by_what_is_ahead_of_their_requests() {
    let slow_s = |messages| {
        let plan = unequal(6.0, messages);
        let runs = (1..=40).map(|seed| mean_time_s(&run(&plan, seed, &mut Unobserved), 1));
        runs.sum::<f64>() / 40.0
    };
    let patient = Messages::InTurn(InTurn { grace: Span::FOREVER, ..in_turn() });
    let means = [Messages::AtOnce, patient].map(slow_s);
    assert!(means[1] > 1.03 * means[0], "{means:?}");
}

/// A seeder, a relay that knows the seeder and a leecher, and the leecher, which knows the relay.
/// There are two pieces of two blocks. The relay has the second 1.1 s after the first, and takes
/// 2 s to send one on.
fn relay(messages: Messages) -> Plan {
    let mut rules = plain();
    let overlay = &mut rules.overlay;
    (overlay.min_neighbours, overlay.max_neighbours, overlay.max_initiate) = (0, 2, 1);
    let mut end = rules.clone();
    end.overlay.max_neighbours = 1;
    let seeder = class(Role::Seeder, 1, kib(32.0 / 1.1), &with(end, messages));
    let mut leechers = class(Role::Leecher, 0, kib(16.0), &with(rules, messages));
    leechers.arrivals = Arrivals::At(vec![SimTime(1), SimTime(2)]);
    leechers.stay = Stay::Forever;
    plan(Bytes::from_kib(64), Bytes::from_kib(32), vec![seeder, leechers])
}

/// When the relay has its second piece, half of the first is on its way to the leecher, 0.9 s of
/// it. The HAVE comes behind that and at the next tick, when the leecher has nothing more to ask
/// for: it loses its slot, and gets it again. A HAVE that waits for the tick only is in time.
#[test]
fn a_have_comes_behind_the_blocks_to_the_same_neighbour() {
    for (messages, slots) in [(Messages::InTurn(in_turn()), 2), (Messages::AtOnce, 1)] {
        let mut diary = Diary::default();
        let outcome = run(&relay(messages), 1, &mut diary);
        assert_eq!(completions(&outcome).len(), 2, "{messages:?}");
        let news = News::Unchoked(PeerId(1), PeerId(2), true);
        let given = diary.entries.iter().filter(|(_, entry)| *entry == news).count();
        assert_eq!(given, slots, "{messages:?}");
    }
}

/// Requests of peers with slow uplinks come seconds after they were choked, and end connections,
/// which are made again. Without the grace all pairs stay connected that are not both done.
#[test]
fn who_asks_long_after_a_choke_is_disconnected() {
    let connections = |grace, reconnect| {
        let messages = Messages::InTurn(InTurn { grace, reconnect, ..in_turn() });
        let runs = (1..=5).map(|seed| run(&unequal(25.0, messages), seed, &mut Unobserved));
        runs.map(|outcome| outcome.counters.connections).sum::<u64>()
    };
    let pairs = 5 * 21 * 20 / 2;
    assert_eq!(connections(Span::FOREVER, s(10.0)), pairs, "nobody is ever too late");
    assert_eq!(connections(s(2.0), s(100_000.0)), pairs, "who is lost stays away");
    let made = connections(s(2.0), s(10.0));
    assert!(made > pairs + 25, "{made} connections instead of {pairs}");
}

/// A seeder that comes after eight leechers within its first second: who connects to it in what
/// order is that of their arrivals, if the earlier of two makes the connection. If either does,
/// it is so in few of 40 runs; the chance that the first four all do is 2⁻⁴.
#[test]
fn either_of_two_that_come_together_connects() {
    let first_four = |either_connects, seed| {
        let mut rules = presets::libtorrent();
        (rules.overlay.either_connects, rules.choking.slots) = (either_connects, Slots::Fixed(4));
        let rules = Arc::new(rules);
        let mut seeder = class(Role::Seeder, 0, kib(100.0), &rules);
        seeder.arrivals = Arrivals::At(vec![SimTime::from_secs(0.9)]);
        let mut leechers = class(Role::Leecher, 0, kib(100.0), &rules);
        let at = (0..8).map(|i| SimTime::from_secs(0.1 * f64_of(i)));
        leechers.arrivals = Arrivals::At(at.collect());
        let mut case = plan(Bytes::from_kib(1024), Bytes::from_kib(128), vec![seeder, leechers]);
        case.horizon = SimTime::from_secs(2.5);
        let mut diary = Diary::default();
        run(&case, seed, &mut diary);
        let served = diary.entries.iter().filter_map(|&(_, news)| match news {
            News::Unchoked(PeerId(0), q, true) => Some(q.0),
            _ => None,
        });
        served.take(4).collect::<Vec<u32>>()
    };
    let in_order = |either| (1..=40).filter(|&n| first_four(either, n) == [1, 2, 3, 4]).count();
    assert_eq!(in_order(false), 40);
    assert!(in_order(true) < 10);
}
