//! The event queue against the standard heap, and the fingerprint.
//!
//! Hold model: with a constant number pending, take the earliest event and add one after an
//! exponential delay. One iteration is one pop and one push.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;
use swarmecon::kernel::{fingerprint::Fingerprint, queue::Queue};
use swarmecon::rng::{Purpose, stream};
use swarmecon::units::{SimTime, Span};

/// Stands for an event of the engine: small and `Copy`.
type Event = [u32; 4];

/// Exponential delays, mean 1 s, drawn beforehand so that only the queue is timed.
fn delays() -> Vec<Span> {
    let mut luck = stream(1, Purpose::Swarm, 0);
    (0..1 << 16).map(|_| Span::from_secs(luck.exponential(1.0))).collect()
}

/// A heap that orders as the queue does.
#[derive(Default)]
struct Heap {
    heap: BinaryHeap<Reverse<(SimTime, u64, Event)>>,
    pushed: u64,
}

impl Heap {
    fn push(&mut self, at: SimTime, event: Event) {
        self.heap.push(Reverse((at, self.pushed, event)));
        self.pushed += 1;
    }

    fn pop(&mut self) -> Option<(SimTime, Event)> {
        let Reverse((at, _, event)) = self.heap.pop()?;
        Some((at, event))
    }
}

fn hold(criterion: &mut Criterion) {
    let delays = delays();
    let mut group = criterion.benchmark_group("hold");
    group.throughput(Throughput::Elements(1));
    for pending in [1_000, 10_000, 100_000, 1_000_000] {
        group.bench_function(BenchmarkId::new("calendar", pending), |bencher| {
            let mut queue = Queue::<Event>::new();
            let mut next = delays.iter().cycle();
            let mut delay = || *next.next().expect("a cycle has no end");
            for _ in 0..pending {
                queue.push(SimTime::ZERO + delay(), [7; 4]);
            }
            // Past the start: each event replaced a few times.
            for _ in 0..4 * pending {
                let (at, event) = queue.pop().expect("as many go in as come out");
                queue.push(at + delay(), event);
            }
            bencher.iter(|| {
                let (at, event) = queue.pop().expect("as many go in as come out");
                queue.push(at + delay(), black_box(event));
            });
        });
        group.bench_function(BenchmarkId::new("binary_heap", pending), |bencher| {
            let mut queue = Heap::default();
            let mut next = delays.iter().cycle();
            let mut delay = || *next.next().expect("a cycle has no end");
            for _ in 0..pending {
                queue.push(SimTime::ZERO + delay(), [7; 4]);
            }
            for _ in 0..4 * pending {
                let (at, event) = queue.pop().expect("as many go in as come out");
                queue.push(at + delay(), event);
            }
            bencher.iter(|| {
                let (at, event) = queue.pop().expect("as many go in as come out");
                queue.push(at + delay(), black_box(event));
            });
        });
    }
    group.finish();
}

fn fingerprint(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fingerprint");
    let events = 1000_u32;
    group.throughput(Throughput::Elements(u64::from(events)));
    group.bench_function("absorb_1000", |bencher| {
        bencher.iter(|| {
            let mut print = Fingerprint::new();
            for n in 0..black_box(events) {
                print.absorb(SimTime(u64::from(n) << 20), 3, n);
            }
            print.value()
        });
    });
    group.finish();
}

criterion_group!(benches, hold, fingerprint);
criterion_main!(benches);
