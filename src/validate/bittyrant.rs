//! What a client gets for what it gives, and how a strategic one gets more (Piatek, Isdal,
//! Anderson, Krishnamurthy and Venkataramani, NSDI 2007).
//!
//! The paper's appendix: with r of upload a client has active(r) = ⌊√(0.6 r)⌋ − ω slots for those
//! that give most and ω = 2 optimistic ones, each with the equal split r/(active + ω). A partner
//! serves it back if the split beats one of those in the partner's own active set. The sampler
//! draws partners and their active sets from the measured capacities and lets the production
//! choker decide, on the production rule for slots.
//!
//! In the swarm, peers come and go, so that a client meets partners at all stages.

use super::crowd::{class, kib, mean, plan, s, times_s};
use super::finding::{Axis, Curve, Findings, Line, Panel};
use super::{Check, Ctx, run_lawfully};
use crate::experiment::measure::{capacity_kib_per_s, download_time_s};
use crate::experiment::stats::{quantile, sorted};
use crate::ids::{PeerId, UserId};
use crate::observe::{Observer, Outcome, Unobserved};
use crate::policy::choke::{Candidate, ChokeView, Decision, Slots, tit_for_tat};
use crate::rng::{Purpose, Stream, stream};
use crate::scenario::presets;
use crate::swarm::plan::{
    Arrivals, Catalogue, ChokerSpec, ClassPlan, Demand, Plan, Protocol, RateDist, Role, SeedChoker,
    TorrentPlan,
};
use crate::units::{Bytes, SimTime, Span, f64_of, f64_of_len, u16_of};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "bittyrant-sampler",
        claim: "The choker's reciprocation and a client's expected download follow the published \
                model.",
        source: "Piatek et al., NSDI 2007, §3 and appendix, Fig. 3 and 4",
        is_quick: true,
        run: sampler,
    },
    Check {
        name: "bittyrant-swarm",
        claim: "Downloads rise less than in proportion to uploads; a strategic client is faster; \
                selfish caps hurt everybody.",
        source: "Piatek et al., NSDI 2007, §3.2, §5.1 (median speed-up 1.72), §5.2",
        is_quick: false,
        run: in_swarm,
    },
];

/// Measured upload capacities (scenarios/data/README.md), the file as shipped.
const CAPACITIES: &str = include_str!("../../scenarios/data/piatek2007_upload_cdf.csv");

/// Quantiles of the measured capacities, KiB/s for the paper's KB/s.
fn capacities() -> Vec<(f64, f64)> {
    let number = |text: &str| text.parse::<f64>().expect("the shipped file holds numbers");
    let rows = CAPACITIES.lines().skip(1).filter_map(|line| line.split_once(','));
    rows.map(|(quantile, rate)| (number(quantile), number(rate))).collect()
}

/// A capacity by inverse CDF.
fn capacity(table: &[(f64, f64)], luck: &mut Stream) -> f64 {
    let p = luck.unit();
    let above = table.partition_point(|row| row.0 <= p).clamp(1, table.len() - 1);
    let ((p0, r0), (p1, r1)) = (table[above - 1], table[above]);
    r0 + (r1 - r0) * (p - p0) / (p1 - p0)
}

/// Optimistic slots ω.
const OPTIMISTIC: usize = 2;

/// Slots of a client of so many KB/s by the production rule, without the optimistic ones.
fn active(rate: f64) -> usize {
    // The rule counts kB of 1000 bytes.
    Slots::Auto.count(kib(rate / 1.024)) - OPTIMISTIC
}

/// What each of those it serves gets.
fn split(rate: f64) -> f64 {
    rate / f64_of_len(active(rate) + OPTIMISTIC)
}

/// A neighbour that gave at this rate, KB/s.
fn giver(slot: usize, rate: f64) -> Candidate {
    let received = crate::units::floor_u64(rate * 1e6);
    Candidate {
        slot: u16_of(slot),
        id: PeerId::from_index(slot),
        received,
        received_round: received,
        sent_round: 0,
        sent: 0,
        served_for: Span::ZERO,
        waited: Span::ZERO,
        order: 0,
        unchoked: false,
        optimistic: false,
        since_turn: None,
        serves_us: true,
        snubbed: false,
        pieces: 0,
    }
}

/// Whether a partner of capacity `partner` gives a regular slot to one that gives it `split`, when
/// its other slots are wanted by random others.
fn is_returned(
    split_of_us: f64,
    partner: f64,
    table: &[(f64, f64)],
    rules: &Protocol,
    luck: &mut Stream,
) -> bool {
    let slots = active(partner);
    let mut candidates = vec![giver(0, split_of_us)];
    let others = (1..=slots).map(|slot| giver(slot, split(capacity(table, luck))));
    candidates.extend(others);
    let view = ChokeView {
        candidates: &candidates,
        bids: &[],
        slots,
        optimistic_slots: 0,
        rotate: false,
        timed: true,
        round: 1,
        elapsed: Span::from_secs(10.0),
        upload: kib(partner),
        pieces: 100,
        piece: Bytes::from_kib(256),
        salt: 0,
    };
    let mut decision = Decision::default();
    tit_for_tat(&view, &rules.choking, luck, &mut decision);
    decision.served.iter().any(|served| served.slot == 0 && !served.optimistic)
}

/// Draws per point of the sampler.
const DRAWS: u64 = 40_000;

/// Chance that a split is returned, and what those that return it give on average over all.
fn returned(split_of_us: f64, seed: u64) -> (f64, f64, f64) {
    let table = capacities();
    let mut rules = presets::mainline();
    rules.choking.min_uploads = 0;
    let mut luck = stream(seed, Purpose::Workload, 0);
    let (mut n, mut from_active, mut from_any) = (0, 0.0, 0.0);
    for _ in 0..DRAWS {
        let partner = capacity(&table, &mut luck);
        from_any += split(partner);
        if is_returned(split_of_us, partner, &table, &rules, &mut luck) {
            n += 1;
            from_active += split(partner);
        }
    }
    let draws = f64_of(DRAWS);
    (f64_of(n) / draws, from_active / draws, from_any / draws)
}

/// Expected download of a client of so many KB/s.
fn expected_download(rate: f64, seed: u64) -> f64 {
    let (_, from_active, from_any) = returned(split(rate), seed);
    f64_of_len(active(rate)) * from_active + f64_of_len(OPTIMISTIC) * from_any
}

/// Reciprocation by split, KB/s, and expected download by upload, KB/s: the published curves.
const RECIPROCATION: [(f64, f64); 6] =
    [(9.0, 0.16), (10.0, 0.56), (11.0, 0.80), (12.0, 0.93), (14.0, 0.98), (15.0, 0.99)];
const DOWNLOAD: [(f64, f64); 6] =
    [(50.0, 76.0), (100.0, 128.0), (200.0, 184.0), (300.0, 240.0), (500.0, 313.0), (1000.0, 442.0)];

fn sampler(ctx: &Ctx<'_>) -> Findings {
    let mut findings = Findings::new(
        "40 000 partners per point from the measured capacities; the production tit-for-tat \
         choker decides whom each of them serves, with as many slots as mainline's rule gives.",
    );
    let chances = ctx.map(&RECIPROCATION, |&(split, _)| returned(split, 1).0);
    for (&(split, published), got) in RECIPROCATION.iter().zip(&chances) {
        let what = format!("chance that a split of {split} KB/s is returned");
        findings.add(Line::near(&what, *got, published, 0.03));
    }
    let downloads = ctx.map(&DOWNLOAD, |&(rate, _)| expected_download(rate, 2));
    for (&(rate, published), got) in DOWNLOAD.iter().zip(&downloads) {
        let what = format!("expected download at {rate} KB/s of upload, KB/s");
        findings.add(Line::near_share(&what, *got, published, 0.05));
    }
    let ours = |table: &[(f64, f64)], got: &[f64]| -> Vec<(f64, f64)> {
        table.iter().zip(got).map(|(row, got)| (row.0, *got)).collect()
    };
    findings.panels.push(Panel {
        title: "Chance of being served back".into(),
        x: Axis::linear("equal split (KB/s)"),
        y: Axis::linear("chance"),
        curves: vec![
            Curve::theory("published", RECIPROCATION.to_vec()),
            Curve::simulation("production choker", ours(&RECIPROCATION, &chances)),
        ],
    });
    findings.panels.push(Panel {
        title: "Expected download".into(),
        x: Axis::log("upload (KB/s)"),
        y: Axis::log("download (KB/s)"),
        curves: vec![
            Curve::theory("published", DOWNLOAD.to_vec()),
            Curve::simulation("production choker", ours(&DOWNLOAD, &downloads)),
        ],
    });
    findings
}

/// Pieces of 256 KiB: 48 MiB, about the content of the paper's runs times ten, as are the rates.
const PIECES: u64 = 192;
/// Arrivals per second: some 300 leechers at a time.
const ARRIVALS: f64 = 0.6;
/// Peers count that arrive after the start-up.
const WARM_S: f64 = 800.0;
/// A run ends here.
const END_S: f64 = 3_000.0;
/// Peers that re-join, and the end of their runs.
const N: u32 = 300;
const REJOIN_END_S: f64 = 1_800.0;

/// Capacities, at most so many KB/s.
fn capped(most: f64) -> RateDist {
    RateDist::Empirical(Arc::new(capacities().iter().map(|row| (row.0, row.1.min(most))).collect()))
}

fn rules() -> Protocol {
    let mut rules = presets::mainline();
    rules.choking.optimistic_slots = 2;
    rules
}

/// Peers that come and go, with these uploads and this choker.
fn market(uploads: RateDist, choker: &ChokerSpec) -> Plan {
    let rules = Arc::new(rules());
    let mut seed_rules = (*rules).clone();
    seed_rules.choking.seed = SeedChoker::MostRecent;
    let seeder = class(Role::Seeder, 1, 1280.0, &Arc::new(seed_rules));
    let mut leechers = class(Role::Leecher, 0, 0.0, &rules);
    (leechers.upload, leechers.choker) = (uploads, choker.clone());
    let until = SimTime::from_secs(END_S);
    leechers.arrivals = Arrivals::Poisson { per_s: ARRIVALS, from: SimTime::ZERO, until };
    let mut plan = plan(PIECES, vec![seeder, leechers]);
    (plan.horizon, plan.until_horizon, plan.sample) = (until, true, s(100.0));
    plan
}

/// Peers that leave when they are done and re-join at once with nothing (§5.2): so those present
/// are as fast as was measured, while of those that come and go the slow are more, as they stay
/// longer.
fn rejoin() -> Plan {
    let mut plan = market(capped(f64::INFINITY), &ChokerSpec::TitForTat);
    let leechers = &mut plan.classes[1];
    leechers.arrivals = Arrivals::AtOnce { count: N, at: SimTime::ZERO, spread: s(60.0) };
    // The fastest take 48 MiB in twice that.
    leechers.demand = Some(Demand { gap: s(20.0), parallel: 1, sessions: None });
    let (content, piece) = (plan.content, plan.piece);
    let torrent = TorrentPlan { content, piece, release: SimTime::ZERO, weight: 1.0 };
    plan.catalogue = Some(Catalogue { torrents: vec![torrent], fading: None, again: true });
    plan.horizon = SimTime::from_secs(REJOIN_END_S);
    plan
}

/// Upload and download rate of those that re-join, over all their visits, KiB/s.
fn rejoin_rates(seed: u64) -> Vec<(f64, f64)> {
    let from_s = 600.0;
    let mut received = Received { from: SimTime::from_secs(from_s), bytes: Vec::new() };
    let outcome = run_lawfully(&rejoin(), seed, &mut received);
    received.bytes.resize(outcome.peers.len(), 0);
    let mut users = BTreeMap::<UserId, (f64, u64)>::new();
    for (peer, bytes) in outcome.peers.iter().zip(received.bytes).filter(|(p, _)| !p.is_origin) {
        let user = users.entry(peer.user).or_insert((capacity_kib_per_s(peer.upload), 0));
        user.1 += bytes;
    }
    let rate = |bytes: u64| f64_of(bytes) / 1024.0 / (REJOIN_END_S - from_s);
    users.into_values().map(|(upload, bytes)| (upload, rate(bytes))).collect()
}

/// One more peer, of 128 KB/s, that arrives when the swarm is in steady state.
fn with_client(mut plan: Plan, choker: &ChokerSpec) -> Plan {
    let mut rules = rules();
    if matches!(choker, ChokerSpec::BitTyrant) {
        // The client asks for more peers than others do (§4.2).
        let overlay = &mut rules.overlay;
        (overlay.numwant, overlay.max_neighbours, overlay.max_initiate) = (500, 500, 500);
    }
    let mut client: ClassPlan = class(Role::Leecher, 1, 128.0, &Arc::new(rules));
    client.arrivals = Arrivals::At(vec![SimTime::from_secs(1_000.0)]);
    client.choker = choker.clone();
    plan.classes.push(client);
    plan
}

/// Upload and download rate of those that came in steady state and had time to finish, KiB/s.
fn rates(outcome: &Outcome) -> Vec<(f64, f64)> {
    let content = outcome.torrents[0].content.as_f64() / 1024.0;
    let counted = outcome
        .peers
        .iter()
        .filter(|p| (WARM_S..END_S - 1_200.0).contains(&p.arrival.as_secs()) && !p.is_origin);
    counted
        .filter_map(|p| Some((capacity_kib_per_s(p.upload), content / download_time_s(p)?)))
        .collect()
}

/// What each peer received from this time on.
struct Received {
    from: SimTime,
    bytes: Vec<u64>,
}

impl Observer for Received {
    fn transferred(&mut self, at: SimTime, _: PeerId, to: PeerId, payload: Bytes) {
        if at >= self.from {
            let least = to.index() + 1;
            self.bytes.resize(self.bytes.len().max(least), 0);
            self.bytes[to.index()] += payload.0;
        }
    }
}

/// Upload and download rates in a swarm whose members stay the same: content that lasts, and a
/// seed faster than any download, so that there is always something to trade.
fn constant_rates(seed: u64) -> Vec<(f64, f64)> {
    let (n, from_s, end_s) = (300, 300.0, 900.0);
    let rules = Arc::new(rules());
    let seeder = class(Role::Seeder, 1, 6000.0, &rules);
    let mut leechers = class(Role::Leecher, n, 0.0, &rules);
    leechers.upload = capped(f64::INFINITY);
    let mut plan = plan(40_000, vec![seeder, leechers]);
    (plan.horizon, plan.sample) = (SimTime::from_secs(end_s), s(100.0));
    let mut received = Received { from: SimTime::from_secs(from_s), bytes: Vec::new() };
    let outcome = run_lawfully(&plan, seed, &mut received);
    received.bytes.resize(outcome.peers.len(), 0);
    let peers = outcome.peers.iter().zip(&received.bytes).skip(1);
    let rate = |bytes: u64| f64_of(bytes) / 1024.0 / (end_s - from_s);
    peers.map(|(peer, &bytes)| (capacity_kib_per_s(peer.upload), rate(bytes))).collect()
}

/// Slope of log y over log x by least squares.
fn log_slope(points: &[(f64, f64)]) -> f64 {
    let logs: Vec<(f64, f64)> =
        points.iter().map(|&(x, y)| (libm::log10(x), libm::log10(y))).collect();
    let (mx, my) = (mean(logs.iter().map(|p| p.0)), mean(logs.iter().map(|p| p.1)));
    let covariance = mean(logs.iter().map(|(x, y)| (x - mx) * (y - my)));
    covariance / mean(logs.iter().map(|(x, _)| (x - mx) * (x - mx)))
}

/// Mean download rate of those with an upload in this range.
fn rate_of(points: &[(f64, f64)], uploads: [f64; 2]) -> f64 {
    mean(points.iter().filter(|p| (uploads[0]..uploads[1]).contains(&p.0)).map(|p| p.1))
}

/// Median over runs of how much faster one client is as a BitTyrant than with tit-for-tat.
fn speed_up(ctx: &Ctx<'_>, runs: u64, swarm: &Plan) -> f64 {
    let ratios = ctx.seeds(runs, |seed| {
        let [plain, strategic] = [ChokerSpec::TitForTat, ChokerSpec::BitTyrant].map(|choker| {
            let plan = with_client(swarm.clone(), &choker);
            let outcome = run_lawfully(&plan, seed, &mut Unobserved);
            mean(times_s(&outcome, 2))
        });
        plain / strategic
    });
    quantile(&sorted(ratios), 0.5).unwrap_or(f64::NAN)
}

fn in_swarm(ctx: &Ctx<'_>) -> Findings {
    let mut findings = Findings::new(
        "Measured capacities, no limit on downloads. Download over upload: 300 leechers, a seed \
         of 6000 KiB/s, content that lasts, rates from 300 s to 900 s, 3 runs. Else: 192 pieces, \
         Poisson arrivals of 0.6/s, a seed of 1280 KiB/s, peers leave when done, mainline's slots \
         with two optimistic ones. One client of 128 KiB/s at 1000 s, tit-for-tat with 80 or \
         BitTyrant with up to 500 neighbours, in the same 30 swarms. Caps: everybody is a \
         BitTyrant, at its capacity or at 100 KiB/s; low is below 60 KiB/s. The published model \
         counts what is returned only: its mean download over all capacities is 170 KB/s of 434 \
         KB/s sent. Where every byte sent is received, the mean is 434: the curve lies higher for \
         all but the fastest, and crosses that of equal rates near 600 KiB/s and not below 300. \
         Where peers come and go, the fastest are done before they have found their equals, and \
         get little more than others. If all are strategic, the fastest get more and the many \
         slow ones less, as the figure shows, so that the mean download takes longer; the paper \
         found it shorter.",
    );
    let barter = ChokerSpec::TitForTat;
    let tyrant = ChokerSpec::BitTyrant;
    let arms = [
        market(capped(f64::INFINITY), &barter),
        market(capped(f64::INFINITY), &tyrant),
        market(capped(100.0), &tyrant),
    ];
    let lasting = ctx.seeds(3, constant_rates).concat();
    // Added when the criteria had failed where peers come and go.
    for line in judged(&lasting, "nobody ever done (added afterwards)") {
        findings.add(line.direction());
    }
    let points = ctx.map(&arms, |plan| {
        ctx.seeds(5, |seed| rates(&run_lawfully(plan, seed, &mut Unobserved))).concat()
    });
    for line in judged(&points[0], "peers come and go") {
        findings.add(line);
    }
    let rejoining = ctx.seeds(3, rejoin_rates).concat();
    for line in judged(&rejoining, "peers leave and re-join (added afterwards)") {
        findings.add(line.direction());
    }
    let median = speed_up(ctx, 30, &arms[0]);
    findings.add(Line::at_least("median speed-up of one strategic client", median, 1.2));
    findings.add(Line::within("median speed-up, published 1.72", median, [1.2, 2.5]).direction());
    let median = speed_up(ctx, 10, &rejoin());
    let what = "the same where peers leave and re-join (added afterwards)";
    findings.add(Line::within(what, median, [1.2, 2.5]).direction());
    let time = |points: &[(f64, f64)], uploads| {
        let some = points.iter().filter(|p: &&(f64, f64)| {
            let [low, high]: [f64; 2] = uploads;
            (low..high).contains(&p.0)
        });
        mean(some.map(|p| f64_of(PIECES) * 256.0 / p.1))
    };
    let low = time(&points[2], [0.0, 60.0]) / time(&points[1], [0.0, 60.0]);
    findings.add(Line::at_least("T of low peers, all capped at 100 ÷ uncapped", low, 1.5));
    let everybody = [0.0, f64::INFINITY];
    let gain = time(&points[1], everybody) / time(&points[0], everybody);
    findings.add(Line::at_most("mean T, all strategic ÷ all tit-for-tat", gain, 1.0).direction());
    findings.panels.push(panel(&lasting, &points[0], &points[1]));
    findings
}

/// What was expected of download over upload.
fn judged(points: &[(f64, f64)], set_up: &str) -> [Line; 3] {
    let [at_100, at_500] = [[90.0, 110.0], [400.0, 625.0]].map(|ends| rate_of(points, ends));
    let what = |what: &str| format!("{what}, {set_up}");
    [
        Line::within(&what("slope of log download over log upload"), log_slope(points), [0.2, 0.8]),
        Line::at_least(&what("download at 100 KiB/s of upload"), at_100, 100.0),
        Line::at_most(&what("download at 500 KiB/s of upload"), at_500, 500.0),
    ]
}

/// Download over upload, binned by upload.
fn panel(lasting: &[(f64, f64)], barter: &[(f64, f64)], tyrant: &[(f64, f64)]) -> Panel {
    let edges: Vec<f64> =
        (0..=20).map(|i| 44.0 * libm::pow(10_000.0 / 44.0, f64_of(i) / 20.0)).collect();
    let binned = |points: &[(f64, f64)]| -> Vec<(f64, f64)> {
        let bins = edges.windows(2).map(|pair| (libm::sqrt(pair[0] * pair[1]), [pair[0], pair[1]]));
        bins.map(|(at, ends)| (at, rate_of(points, ends))).filter(|p| p.1.is_finite()).collect()
    };
    let model = edges.iter().map(|&rate| (rate, expected_download(rate, 3)));
    Panel {
        title: "What a peer gets for what it gives".into(),
        x: Axis::log("upload (KiB/s)"),
        y: Axis::log("download (KiB/s)"),
        curves: vec![
            Curve::theory("published model", model.collect()),
            Curve::theory("as much as it gives", vec![(44.0, 44.0), (10_000.0, 10_000.0)]),
            Curve::simulation("tit-for-tat, nobody ever done", binned(lasting)),
            Curve::simulation("tit-for-tat, peers come and go", binned(barter)),
            Curve::simulation("all BitTyrant, peers come and go", binned(tyrant)),
        ],
    }
}
