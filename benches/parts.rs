//! The parts that cost most, one by one: sharing of links, picking the rarest piece, and small
//! whole swarms. `benches/kernel.rs` has the event queue, `benches/speed.rs` large swarms.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::path::Path;
use swarmecon::ids::PeerId;
use swarmecon::net::links::Opening;
use swarmecon::net::{LinkId, Links, PortId};
use swarmecon::observe::Unobserved;
use swarmecon::rng::{Purpose, stream};
use swarmecon::torrent::availability::Rarest;
use swarmecon::torrent::bitfield;
use swarmecon::units::{ByteRate, Bytes, SimTime, u32_of};
use swarmecon::{scenario, swarm};

/// 1000 uplinks with five flows each; one iteration closes a flow and opens another one.
/// `asymmetry`: how many times faster links are down than up.
fn share(criterion: &mut Criterion) {
    const LINKS: usize = 1000;
    let mut group = criterion.benchmark_group("share");
    group.throughput(Throughput::Elements(2));
    for asymmetry in [8.0, 1.0] {
        group.bench_function(BenchmarkId::new("close_and_open", asymmetry), |bencher| {
            let mut luck = stream(1, Purpose::Swarm, 0);
            let mut links = Links::<()>::with_capacity(LINKS);
            for _ in 0..LINKS {
                let kib_per_s = 16.0 + 100.0 * luck.unit();
                let down = ByteRate::from_kib_per_s(kib_per_s * asymmetry);
                let link = links.add(ByteRate::from_kib_per_s(kib_per_s), down);
                links.add_port(link);
            }
            let mut open = |links: &mut Links<()>, from: LinkId| {
                let to = PortId(u32_of(luck.below(LINKS)));
                if to.0 != from.0 && links.up[from.index()].find(to).is_none() {
                    let left = Bytes(1 << 30).volume();
                    let start = SimTime::ZERO;
                    let opening = Opening { to, weight: 1, start, left, payload: () };
                    links.open(SimTime::ZERO, from, opening);
                }
            };
            for i in 0..5 * LINKS {
                open(&mut links, LinkId(u32_of(i % LINKS)));
            }
            let mut next = (0..LINKS).cycle();
            bencher.iter(|| {
                let from = LinkId(u32_of(next.next().expect("a cycle has no end")));
                if !links.up[from.index()].flows.is_empty() {
                    links.close(SimTime::ZERO, from, 0);
                }
                open(&mut links, from);
                while links.next_touched().is_some() {}
            });
        });
    }
    group.finish();
}

/// One pick among all pieces with 48 neighbours that hold half of them.
fn pick(criterion: &mut Criterion) {
    const PEERS: usize = 1000;
    let mut group = criterion.benchmark_group("pick");
    group.throughput(Throughput::Elements(1));
    for pieces in [256, 1024, 8192] {
        group.bench_function(BenchmarkId::new("rarest_of", pieces), |bencher| {
            let mut luck = stream(1, Purpose::Pick, 0);
            let words = pieces / 64;
            let fields: Vec<u64> = (0..PEERS * words).map(|_| luck.bits()).collect();
            let neighbours: Vec<PeerId> =
                (0..48).map(|_| PeerId::from_index(luck.below(PEERS))).collect();
            let mut wanted = vec![0; words];
            bitfield::fill(&mut wanted, pieces);
            let mut rarest = Rarest::default();
            bencher.iter(|| {
                rarest.find(black_box(&wanted), &fields, &neighbours);
                rarest.ties
            });
        });
    }
    group.finish();
}

/// A whole swarm of 100 leechers on the workload; elements are piece downloads.
fn swarms(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("swarm");
    group.sample_size(10);
    for preset in ["mainline", "libtorrent"] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/workload.toml");
        let overrides = [("population.leechers", "100"), ("protocol.preset", preset)]
            .map(|(key, value)| (key.to_owned(), value.to_owned()));
        let scenario = scenario::load(&file, &overrides).expect("the workload is a good scenario");
        let plan = &scenario.arms[0].plan;
        group.throughput(Throughput::Elements(100 * 256));
        group.bench_function(BenchmarkId::new("hundred_leechers", preset), |bencher| {
            bencher.iter(|| swarm::run(plan, scenario.seed, &mut Unobserved).fingerprint);
        });
    }
    group.finish();
}

criterion_group!(benches, share, pick, swarms);
criterion_main!(benches);
