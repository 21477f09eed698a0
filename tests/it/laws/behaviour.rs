//! What is known of BitTorrent swarms, in direction and rough size: cheap cases whose outcome is
//! clear of chance. Seeds are fixed; nothing is retried.

use crate::swarms::{
    self, Diary, News, class, completions, kib, mean_time_s, plain, plan, run_lawfully, s,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use swarmecon::ids::PeerId;
use swarmecon::observe::{Outcome, Unobserved};
use swarmecon::policy::choke::{ChokeView, Choker, ChokerFactory, Decision, Passed, equal_turns};
use swarmecon::policy::pick::PickOrder;
use swarmecon::rng::Stream;
use swarmecon::scenario::presets;
use swarmecon::swarm::plan::{
    Arrivals, ChokerSpec, DownloadDist, Plan, Protocol, RateDist, Role, Slots, Stay,
};
use swarmecon::swarm::run;
use swarmecon::units::{Bytes, SimTime, f64_of, f64_of_len};

/// Upload of a leecher, KiB/s.
const UPLOAD: f64 = 50.0;
/// Content in KiB.
const CONTENT: u64 = 64 * 1024;

/// Mainline with four slots.
fn four_slots() -> Protocol {
    let mut rules = presets::mainline();
    rules.choking.slots = Slots::Fixed(4);
    rules
}

/// A flash crowd: `n` leechers at once that leave when done, and one seeder of `seed` KiB/s.
fn flash_crowd(n: u32, pieces: u64, seed: f64, rules: Protocol) -> Plan {
    let rules = Arc::new(rules);
    let seeder = class(Role::Seeder, 1, kib(seed), &rules);
    let mut leechers = class(Role::Leecher, n, kib(UPLOAD), &rules);
    leechers.arrivals = Arrivals::AtOnce { count: n, at: SimTime::ZERO, spread: s(10.0) };
    let mut plan =
        plan(Bytes::from_kib(CONTENT), Bytes::from_kib(CONTENT / pieces), vec![seeder, leechers]);
    plan.sample = s(20.0);
    plan
}

/// Some of the leechers of a flash crowd, as a class of their own that never uploads.
fn with_free_riders(mut plan: Plan, n: u32, choker: &ChokerSpec) -> Plan {
    let leechers = &mut plan.classes[1];
    let Arrivals::AtOnce { count, at, spread } = leechers.arrivals else { panic!("a crowd") };
    leechers.choker = choker.clone();
    let mut riders = leechers.clone();
    leechers.arrivals = Arrivals::AtOnce { count: count - n, at, spread };
    riders.arrivals = Arrivals::AtOnce { count: n, at, spread };
    riders.choker = ChokerSpec::Never;
    plan.classes.push(riders);
    plan
}

fn runs(plan: &Plan, n: u64) -> Vec<Outcome> {
    (1..=n).map(|seed| run(plan, seed, &mut Unobserved)).collect()
}

fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let values: Vec<f64> = values.into_iter().collect();
    values.iter().sum::<f64>() / f64_of_len(values.len())
}

/// Payload sent by leechers and seeders ÷ what their links could have carried, until four fifths
/// of the leechers are done.
fn utilisation(outcome: &Outcome) -> f64 {
    let done = completions(outcome);
    let until = done[done.len() * 4 / 5];
    let rows = outcome.samples.iter().filter(|row| row.at <= until);
    let (sent, offered) =
        rows.fold((0, 0), |(a, b), row| (a + row.uploaded.0, b + row.upload_offered.0));
    f64_of(sent) / f64_of(offered)
}

fn copy1_s(outcome: &Outcome) -> f64 {
    outcome.torrents[0].first_copy.expect("every piece gets out").as_secs()
}

/// The crowd of the reference runs: 100 leechers of 50 KiB/s, 64 MiB in 256 pieces.
fn reference(seed: f64) -> Plan {
    flash_crowd(100, 256, seed, four_slots())
}

/// Mean over runs of the mean download time of a class.
fn mean_s(outcomes: &[Outcome], class: usize) -> f64 {
    mean(outcomes.iter().map(|outcome| mean_time_s(outcome, class)))
}

/// Kumar and Ross (`HotWeb` 2006) measured BitTorrent near the bound; here, with a seed of four
/// times a leecher's upload, within 30 % of it and with 90 % of the upload used. n = 3 runs, each.
#[test]
fn a_flash_crowd_comes_close_to_the_smallest_distribution_time() {
    let bound = 100.0 * f64_of(CONTENT) / (200.0 + 100.0 * UPLOAD);
    for outcome in runs(&reference(200.0), 3) {
        let last = completions(&outcome).last().unwrap().as_secs();
        assert!((1.0..=1.3).contains(&(last / bound)), "{} × the bound", last / bound);
        let used = utilisation(&outcome);
        assert!(used >= 0.9, "{used} of the upload is used");
    }
}

/// Bharambe, Herley and Padmanabhan (INFOCOM 2006): utilisation falls when there are few pieces.
#[test]
fn more_pieces_use_more_of_the_upload() {
    let used: Vec<f64> = [8, 32, 128, 512]
        .map(|pieces| {
            mean(runs(&flash_crowd(50, pieces, 200.0, four_slots()), 2).iter().map(utilisation))
        })
        .to_vec();
    assert!(used.is_sorted(), "{used:?}");
    assert!(used[0] < 0.5 && used[3] > 0.92, "{used:?}");
}

/// Legout, Urvoy-Keller and Michiardi (IMC 2006), Bharambe et al. (INFOCOM 2006): rarest first
/// gets the first copy out about as fast as the seed can send it; random picking asks the seed
/// for pieces that are out already, which costs all when the seed is slow. n = 3 runs per arm.
#[test]
fn rarest_first_gets_the_first_copy_out_sooner_than_random_picking() {
    let with = |order, mut plan: Plan| {
        let mut rules = four_slots();
        rules.requests.order = order;
        plan.classes.iter_mut().for_each(|class| class.protocol = Arc::new(rules.clone()));
        runs(&plan, 3)
    };
    let both = [PickOrder::RarestFirst, PickOrder::Random];
    let copy1 = |outcomes: &[Outcome]| mean(outcomes.iter().map(copy1_s));
    let [rarest, random] = both.map(|order| with(order, reference(200.0)));
    let ideal = f64_of(CONTENT) / 200.0;
    assert!(copy1(&rarest) <= 1.35 * ideal, "{} s, ideally {ideal}", copy1(&rarest));
    assert!(copy1(&random) >= 2.0 * copy1(&rarest), "{} s", copy1(&random));
    let slow = flash_crowd(50, 128, 50.0, four_slots());
    let [rarest, random] = both.map(|order| with(order, slow.clone()));
    assert!(mean_s(&rarest, 1) < mean_s(&random, 1), "with a slow seed all are later");
}

/// Cohen (2003), §3, and what follows for a crowd with 20 % free riders: they wait at least twice
/// as long as contributors, who lose little. Without tit-for-tat, or when the seed is so slow
/// that nobody has anything to trade, they do not. n = 3 runs per arm.
#[test]
fn tit_for_tat_makes_free_riders_wait_where_there_is_something_to_trade() {
    let alone = mean_s(&runs(&reference(200.0), 3), 1);
    let (barter, turns) = (ChokerSpec::TitForTat, ChokerSpec::EqualTurns);
    let arm = |seed, choker| {
        let outcomes = runs(&with_free_riders(reference(seed), 20, choker), 3);
        outcomes.iter().for_each(swarms::check_bounds);
        (mean_s(&outcomes, 1), mean_s(&outcomes, 2))
    };
    let (contributors, riders) = arm(200.0, &barter);
    assert!(riders >= 2.0 * contributors, "{riders} s and {contributors} s");
    assert!(contributors <= 1.15 * alone, "{contributors} s and {alone} s without free riders");
    let (contributors, riders) = arm(200.0, &turns);
    assert!((0.9..=1.1).contains(&(riders / contributors)), "{riders} s and {contributors} s");
    let (contributors, riders) = arm(50.0, &barter);
    assert!(riders <= 1.15 * contributors, "{riders} s and {contributors} s");
}

/// Legout, Liogkas, Kohler and Zhang (SIGMETRICS 2007): 40 leechers of 20, 50 and 200 kB/s, 116
/// MB in pieces of 256 KiB. With a fast seed peers of a speed find each other, and who gives more
/// is done sooner; with a slow one all finish together. n = 2 runs per arm.
#[test]
fn givers_are_done_sooner_if_the_seed_is_fast_and_not_if_it_is_slow() {
    let kb = |per_s: f64| kib(per_s / 1.024);
    let mean_times = |seed: f64| {
        let rules = Arc::new(four_slots());
        let mut classes = vec![class(Role::Seeder, 1, kb(seed), &rules)];
        for (n, upload) in [(13, 200.0), (14, 50.0), (13, 20.0)] {
            classes.push(class(Role::Leecher, n, kb(upload), &rules));
        }
        let plan = plan(Bytes(453 * 250 * 1024), Bytes::from_kib(256), classes);
        let outcomes = runs(&plan, 2);
        [1, 2, 3].map(|class| mean_s(&outcomes, class))
    };
    let [fast, medium, slow] = mean_times(200.0);
    assert!(fast <= 0.65 * medium && medium <= 0.75 * slow, "{fast}, {medium}, {slow} s");
    let times = mean_times(50.0);
    let all = mean(times);
    assert!(times.iter().all(|time| (time / all - 1.0).abs() <= 0.1), "{times:?} s");
}

/// A seeder that leaves before it has sent every piece strands everybody; one that leaves after a
/// copy or two strands those who come last, as finished leechers leave too (Menasche et al.,
/// `CoNEXT` 2009; Kaune et al., P2P 2010). Nobody is stranded if leechers stay. n = 3 runs each.
#[test]
fn seeds_that_leave_early_strand_peers() {
    for (copies, stay, stranded) in [
        (0.5, Stay::Forever, 50..=50),
        (0.99, Stay::Leave, 50..=50),
        (1.5, Stay::Leave, 1..=10),
        (1.5, Stay::Forever, 0..=0),
    ] {
        let mut plan = flash_crowd(50, 128, 200.0, four_slots());
        (plan.classes[0].stay, plan.classes[1].stay) = (Stay::AfterCopies(copies), stay);
        plan.horizon = SimTime::from_secs(6000.0);
        for outcome in runs(&plan, 3) {
            let left = 50 - completions(&outcome).len();
            assert!(stranded.contains(&left), "{left} stranded after {copies} copies");
        }
    }
}

/// More upload at the seed never makes the mean download later; n = 3 runs each, 2 % for chance
/// (the sd of a mean of three is about 1 %, each doubling gains 4 % or more).
#[test]
fn more_upload_never_makes_the_swarm_slower() {
    let with = |seed| mean_s(&runs(&flash_crowd(50, 128, seed, four_slots()), 3), 1);
    let means: Vec<f64> = [25.0, 50.0, 100.0, 200.0, 400.0, 800.0].map(with).to_vec();
    assert!(means.windows(2).all(|pair| pair[1] <= 1.02 * pair[0]), "{means:?}");
}

/// BEP 16: a super-seeder has sent little more than one copy when the first other seeder appears,
/// where others have sent up to two. Pieces are a 256th of the content: the fewer there are, the
/// longer the last one takes to get round, and the seed goes on. n = 3 runs each.
#[test]
fn super_seeding_saves_the_seed_upload() {
    let copies = |hides: bool| {
        let mut plan = flash_crowd(50, 256, 50.0, four_slots());
        plan.classes[0].super_seed = hides;
        mean((1..=3).map(|seed| {
            let mut diary = Diary::default();
            run(&plan, seed, &mut diary);
            let first = diary.entries.iter().map(|(_, news)| news);
            let before = first.take_while(|news| !matches!(news, News::Completed(_)));
            let sent = before.map(|news| match news {
                News::Moved(PeerId(0), _, bytes) => *bytes,
                _ => 0,
            });
            f64_of(sent.sum()) / plan.content.as_f64()
        }))
    };
    let (hiding, open) = (copies(true), copies(false));
    assert!((1.0..=1.15).contains(&hiding), "{hiding} copies");
    assert!((1.1..=2.0).contains(&open) && open > hiding, "{open} and {hiding} copies");
}

/// Adds up what it hears, by direction, over all peers that have it.
#[derive(Clone, Default)]
struct Listener(Arc<[AtomicU64; 2]>);

impl ChokerFactory for Listener {
    fn name(&self) -> String {
        "listener".into()
    }
    fn make(&self) -> Box<dyn Choker> {
        Box::new(self.clone())
    }
}

impl Choker for Listener {
    fn choose(&mut self, view: &ChokeView<'_>, luck: &mut Stream, decision: &mut Decision) {
        equal_turns(view, luck, decision);
    }
    fn hear(&mut self, _: u16, passed: Passed) {
        self.0[0].fetch_add(passed.sent, Ordering::Relaxed);
        self.0[1].fetch_add(passed.received, Ordering::Relaxed);
    }
}

/// A choker hears of every byte that passed, once: also of those sent to a neighbour choked in
/// mid-round, and received from one that is not interested.
#[test]
fn chokers_hear_of_every_byte_once() {
    for rules in [presets::mainline(), presets::libtorrent()] {
        let listener = Listener::default();
        let mut plan = flash_crowd(30, 64, 200.0, rules);
        plan.classes[1].choker = ChokerSpec::Custom(Arc::new(listener.clone()));
        let outcome = run(&plan, 1, &mut Unobserved);
        let [sent, received] = [0, 1].map(|i| listener.0[i].load(Ordering::Relaxed));
        let leechers = || outcome.peers.iter().filter(|p| !p.is_origin);
        assert_eq!(received, leechers().map(|p| p.downloaded.0).sum::<u64>());
        assert_eq!(sent, leechers().map(|p| p.uploaded.0).sum::<u64>());
    }
}

/// The share of what leechers sent each other that was not returned by the one it went to, until
/// the first of them is done.
fn unreturned(plan: &Plan) -> f64 {
    let mut diary = Diary::default();
    run(plan, 1, &mut diary);
    let mut passed = BTreeMap::new();
    let before = diary.entries.iter().map(|(_, news)| news);
    for news in before.take_while(|news| !matches!(news, News::Completed(_))) {
        match *news {
            News::Moved(from, to, bytes) if from != PeerId(0) => {
                *passed.entry((from, to)).or_insert(0) += bytes;
            }
            _ => {}
        }
    }
    let back = |&(from, to)| passed.get(&(to, from)).copied().unwrap_or(0);
    let deficits = passed.iter().map(|(pair, sent)| u64::saturating_sub(*sent, back(pair)));
    f64_of(deficits.sum()) / f64_of(passed.values().sum())
}

/// Sherman et al. (`CoNEXT` 2009): a `FairTorrent` leecher is given back what it sends by the very
/// same neighbours. Capacities from 20 to 200 KiB/s; n = 1 run per arm.
#[test]
fn fairtorrent_keeps_deficits_small() {
    let with = |choker, round: f64| {
        let mut rules = four_slots();
        rules.choking.rechoke = s(round);
        let mut plan = flash_crowd(40, 128, 400.0, four_slots());
        plan.classes[1].protocol = Arc::new(rules);
        plan.classes[1].upload = RateDist::Uniform { low: 20.0, high: 200.0 };
        plan.classes[1].choker = choker;
        unreturned(&plan)
    };
    let fair = with(ChokerSpec::FairTorrent, 1.0);
    let barter = with(ChokerSpec::TitForTat, 10.0);
    assert!(8.0 * fair <= barter, "{fair} and {barter}");
}

/// Levin et al. (SIGCOMM 2008) found `PropShare` faster than tit-for-tat. In a crowd of very
/// unequal links it must at least not be slower, however many slots a fast link has: it was by a
/// third when the whole fifth for others went to a single one. n = 3 runs per arm.
#[test]
fn propshare_is_not_slower_than_tit_for_tat() {
    let with = |choker| {
        let mut plan = flash_crowd(60, 128, 400.0, presets::mainline());
        plan.classes[1].upload = RateDist::Pareto { minimum: 30.0, shape: 0.8 };
        plan.classes[1].download = DownloadDist::TimesUpload(8.0);
        plan.classes[1].choker = choker;
        mean_s(&runs(&plan, 3), 1)
    };
    let (share, barter) = (with(ChokerSpec::PropShare), with(ChokerSpec::TitForTat));
    assert!(share <= 1.05 * barter, "{share} s and {barter} s");
}

/// A super-seeder must not wait for ever for others to forward what they got: here nobody ever
/// does, as all leechers are free riders.
#[test]
fn super_seeding_does_not_strand_free_riders() {
    for n in [1, 2, 10] {
        let mut plan = flash_crowd(n, 32, 400.0, presets::mainline());
        (plan.classes[0].super_seed, plan.classes[1].choker) = (true, ChokerSpec::Never);
        plan.horizon = SimTime::from_secs(10_000.0);
        let outcome = run_lawfully(&plan, 1);
        assert_eq!(completions(&outcome).len(), n as usize, "{n} free riders");
    }
}

/// Who comes after the end does not shift the rules of the others.
#[test]
fn a_peer_with_a_rule_of_its_own_stays_by_that_rule() {
    let rules = Arc::new(presets::mainline());
    let [early, late] = [10.0, 2000.0].map(SimTime::from_secs);
    let mut seeders = class(Role::Seeder, 4, kib(UPLOAD), &rules);
    seeders.arrivals = Arrivals::At(vec![early, late, early, early]);
    let stays = [Stay::Linger(s(5.0)), Stay::Leave, Stay::Forever, Stay::Linger(s(70.0))];
    seeders.stay = Stay::PerPeer(stays.to_vec());
    let mut plan = plan(Bytes(1 << 20), Bytes(1 << 18), vec![seeders]);
    (plan.horizon, plan.until_horizon) = (SimTime::from_secs(1000.0), true);
    let outcome = run(&plan, 1, &mut Unobserved);
    let departures: Vec<_> = outcome.peers.iter().map(|peer| peer.departed).collect();
    assert_eq!(departures, [Some(early + s(5.0)), None, Some(early + s(70.0))]);
}

/// A seeder leaves after a second, when it has sent six of the eight blocks it was asked for; a
/// slow one, which came when all were asked for, can send the others in 3.2 s. It is asked at once,
/// or where clients look again after so long only then.
#[test]
fn blocks_given_back_wait_until_somebody_looks_again() {
    let done_s = |retry_s| {
        let mut rules = plain();
        let requests = &mut rules.requests;
        (requests.contiguous, requests.queue_min, requests.retry) = (true, 8, s(retry_s));
        let rules = Arc::new(rules);
        let mut leaves = class(Role::Seeder, 1, kib(100.0), &rules);
        leaves.stay = Stay::Linger(s(1.0));
        let mut slow = class(Role::Seeder, 0, kib(10.0), &rules);
        slow.arrivals = Arrivals::At(vec![SimTime::from_secs(0.2)]);
        let leecher = class(Role::Leecher, 1, kib(10.0), &rules);
        let piece = Bytes::from_kib(128);
        let outcome = run_lawfully(&plan(piece, piece, vec![leaves, slow, leecher]), 1);
        completions(&outcome)[0].as_secs()
    };
    for (retry_s, expected_s) in [(0.0, 4.2), (5.0, 8.4), (20.0, 23.4)] {
        let done_s = done_s(retry_s);
        assert!((done_s - expected_s).abs() < 0.001, "looked after {retry_s} s: {done_s}");
    }
}

/// A seeder that is too slow for whole pieces is asked for two blocks at a time. Where each request
/// is picked anew, and picks are random, it leaves many pieces begun, and the first of eight is
/// whole late; where a piece is asked for at once, as soon as its eight blocks are there.
#[test]
fn a_slow_neighbour_is_asked_for_another_piece_with_each_request() {
    let first_piece_s = |contiguous| {
        let mut rules = plain();
        let requests = &mut rules.requests;
        (requests.contiguous, requests.order) = (contiguous, PickOrder::Random);
        (requests.strict_priority, requests.queue_span) = (false, s(0.0));
        let rules = Arc::new(rules);
        let slow = class(Role::Seeder, 1, kib(4.0), &rules);
        let leecher = class(Role::Leecher, 1, kib(10.0), &rules);
        let case = plan(Bytes::from_kib(1024), Bytes::from_kib(128), vec![slow, leecher]);
        let mut diary = Diary::default();
        let _ = run(&case, 1, &mut diary);
        let first = diary.entries.iter().find(|(_, news)| matches!(news, News::Piece(..)));
        first.expect("all come in").0.as_secs()
    };
    assert!((first_piece_s(false) - 32.0).abs() < 0.001, "{} s", first_piece_s(false));
    assert!(first_piece_s(true) > 2.0 * 32.0, "{} s", first_piece_s(true));
}

/// Who is served on and becomes interested again looks for what it may ask for at once, though its
/// client looks again at certain times only.
#[test]
fn interest_that_comes_back_asks_at_once() {
    let done_s = |retry_s| {
        let mut rules = plain();
        rules.requests.retry = s(retry_s);
        (rules.choking.choke_on_lost_interest, rules.choking.rechoke) = (false, s(1e5));
        let rules = Arc::new(rules);
        let seeder = class(Role::Seeder, 1, kib(10.0), &rules);
        let mut relay = class(Role::Leecher, 2, kib(100.0), &rules);
        relay.stay = Stay::Forever;
        let piece = Bytes::from_kib(128);
        let outcome = run_lawfully(&plan(piece + piece + piece, piece, vec![seeder, relay]), 1);
        completions(&outcome).last().expect("all are done").as_secs()
    };
    let [at_once, later] = [0.0, 1000.0].map(done_s);
    assert!((at_once - later).abs() < 1.0, "{at_once} s, {later} s");
}
