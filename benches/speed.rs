//! Piece downloads per CPU second of whole swarms, beside the yardstick.
//!
//! `cargo bench --bench speed` runs `benches/workload.toml` with 1000 and 10 000 leechers, three
//! times each on one thread; `cargo bench --bench speed -- 300 5 100` sets the number of leechers
//! and of runs and the horizon in seconds. Machines differ and are shared, so the same process
//! also times the yardstick: pops and pushes of the standard heap with 100 000 events pending.
//! With `libtorrent` before the numbers everybody runs that client, whose messages wait for quota.
//! Beside each run of barter stand two in which everybody pays; all bid the same and have the
//! money. In the first barter decides between equal bids and channels open at once, so that the
//! swarm is the same to the nanosecond (its fingerprint shows it): the difference is what paying
//! costs. In the second whoever gave most wins, then whoever holds a slot, and a channel takes a
//! second: slots change hands more often, and some wait.
#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

use cpu_time::ThreadTime;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;
use std::path::Path;
use swarmecon::observe::{Outcome, Unobserved};
use swarmecon::rng::{Purpose, stream};
use swarmecon::units::{Span, f64_of};
use swarmecon::{scenario, swarm};

/// As in the program.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Pops and pushes per CPU second of the standard heap, 100 000 events pending.
fn yardstick() -> f64 {
    let mut luck = stream(1, Purpose::Swarm, 0);
    let delays: Vec<u64> = (0..1 << 16).map(|_| Span::from_secs(luck.exponential(1.0)).0).collect();
    let mut next = delays.iter().cycle().copied();
    let mut delay = || next.next().expect("a cycle has no end");
    let mut heap: BinaryHeap<Reverse<(u64, u64, u32)>> =
        (0..100_000).map(|i| Reverse((delay(), i, 7))).collect();
    let mut hold = |n: u64| {
        for i in 0..n {
            let Reverse((at, _, event)) = heap.pop().expect("as many go in as come out");
            heap.push(Reverse((at + delay(), 100_000 + i, black_box(event))));
        }
    };
    hold(400_000);
    let start = ThreadTime::now();
    hold(2_000_000);
    2e6 / start.elapsed().as_secs_f64()
}

/// Which of equal bids wins, and how long the operator's server takes.
const BARTER_DECIDES: [(&str, &str); 2] =
    [("economy.ties", "barter"), ("economy.ledger.latency_s", "0")];
const HOLDER_STAYS: [(&str, &str); 2] =
    [("economy.ties", "holder-stays"), ("economy.ledger.latency_s", "1")];

/// What is run.
struct Workload<'a> {
    leechers: u32,
    horizon_s: u32,
    preset: &'a str,
}

/// What one run of barter, and the two beside it, took.
struct Row {
    /// Pieces per CPU second of barter, and that as a share of the yardstick.
    speed: f64,
    share: f64,
    /// More time per piece with a token: where barter decides, where the holder stays.
    more_percent: [f64; 2],
}

impl Workload<'_> {
    /// Runs an economy under these rules; gives what came of it and the CPU seconds it took.
    fn simulate(&self, bundle: &str, rules: [(&str, &str); 2]) -> (Outcome, f64) {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/workload.toml");
        let overrides = [
            ("population.leechers", self.leechers.to_string()),
            ("horizon_s", self.horizon_s.to_string()),
            ("protocol.preset", format!("\"{}\"", self.preset)),
            ("economy.bundle", format!("\"{bundle}\"")),
            ("trade.adoption", "1.0".to_owned()),
            ("trade.bidder", "{ fixed_btt_per_gib = 1.0 }".to_owned()),
            ("trade.gift_btt", "10".to_owned()),
        ];
        let rules = rules.map(|(key, value)| (key, value.to_owned()));
        let overrides = overrides.into_iter().chain(rules);
        let overrides: Vec<_> = overrides.map(|(key, value)| (key.to_owned(), value)).collect();
        let scenario = scenario::load(&file, &overrides).expect("the workload is a good scenario");
        let start = ThreadTime::now();
        let outcome = swarm::run(&scenario.arms[0].plan, scenario.seed, &mut Unobserved);
        (outcome, start.elapsed().as_secs_f64())
    }

    /// Runs barter and what stands beside it, and prints what it took.
    fn measure(&self) -> Row {
        let leechers = self.leechers;
        let yard = yardstick();
        let (outcome, took) = self.simulate("barter", BARTER_DECIDES);
        let counters = outcome.counters;
        let speed = f64_of(counters.pieces) / took;
        let share = speed / yard;
        println!(
            "{leechers} leechers: {speed:.0} pieces per CPU second ({share:.3} of the yardstick \
             {yard:.0}), {took:.2} s, last done at {:.0} s",
            outcome.end.as_secs(),
        );
        println!("  fingerprint {:016x}; {counters:?}", outcome.fingerprint);
        let with_token = [(BARTER_DECIDES, "barter decides"), (HOLDER_STAYS, "holder stays")];
        let more_percent = with_token.map(|(rules, what)| {
            let (token, took) = self.simulate("btt", rules);
            let money = token.money.as_ref().expect("a token leaves books");
            let pieces = f64_of(token.counters.pieces);
            let more_percent = 100.0 * (took / pieces * speed - 1.0);
            println!(
                "  with a token, {what}: {:.0} pieces per CPU second, {more_percent:+.1} % time \
                 per piece; {} payments; fingerprint {:016x}; {:?}",
                pieces / took,
                money.counts.payments,
                token.fingerprint,
                token.counters,
            );
            more_percent
        });
        Row { speed, share, more_percent }
    }
}

/// The one in the middle, or the mean of the two there.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let n = values.len();
    if n == 0 { f64::NAN } else { f64::midpoint(values[(n - 1) / 2], values[n / 2]) }
}

fn main() {
    let preset = std::env::args().find(|arg| arg == "libtorrent");
    let preset = preset.as_deref().unwrap_or("mainline");
    let numbers: Vec<u32> = std::env::args().filter_map(|arg| arg.parse().ok()).collect();
    let (sizes, runs) = match numbers[..] {
        [] => (vec![1_000, 10_000], 3),
        [size] => (vec![size], 3),
        [size, runs, ..] => (vec![size], runs),
    };
    let horizon_s = numbers.get(2).copied().unwrap_or(36_000);
    for leechers in sizes {
        let workload = Workload { leechers, horizon_s, preset };
        let rows: Vec<_> = (0..runs).map(|_| workload.measure()).collect();
        println!(
            "{leechers} leechers, medians of {runs} runs: {:.0} pieces per CPU second ({:.3} of \
             the yardstick); with a token {:+.1} % time per piece where barter decides, {:+.1} % \
             where the holder stays",
            median(rows.iter().map(|row| row.speed)),
            median(rows.iter().map(|row| row.share)),
            median(rows.iter().map(|row| row.more_percent[0])),
            median(rows.iter().map(|row| row.more_percent[1])),
        );
    }
}
