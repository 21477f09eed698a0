//! Availability and bundling (Menasche, Rocha, Li, Towsley and Venkataramani, `CoNEXT` 2009).
//!
//! Publishers come at rate r and stay for u on average, peers come at rate λ and stay for s, all
//! exponential. Content is there while anybody holding it is; peers that find nothing go away. The
//! time it is there is the busy period of an M/G/∞ queue whose first customer is a publisher:
//! E[B] = ∫ e^(−t/u) exp(λ s e^(−t/s) … ) as below, and availability = E[B]/(E[B] + 1/r).
//! A bundle of K files has K times the arrivals and K times the stay: unavailability falls like
//! exp(−Θ(K²)).
//!
//! The first workload copies content at once; it runs on the kernel's queue and the named streams.
//! The second are swarms of the full protocol, for which the formula gives the direction.

use super::crowd::{class, mean, plan, s};
use super::finding::{Axis, Curve, Findings, Line, Panel};
use super::{Check, Ctx};
use crate::kernel::queue::Queue;
use crate::rng::{Purpose, stream};
use crate::scenario::presets;
use crate::swarm::plan::{Arrivals, Plan, Role, Stay};
use crate::units::{SimTime, Span, f64_of};
use std::sync::Arc;

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "menasche",
        claim: "Availability is that of a busy period, and bundling makes content available \
            exponentially.",
        source: "Menasche et al., CoNEXT 2009; the integral is the M/G/∞ busy period that a \
             publisher begins",
        is_quick: false,
        run,
    },
    Check {
        name: "menasche-swarm",
        claim: "Bundling makes content available more of the time in the full protocol too.",
        source: "Menasche et al., CoNEXT 2009 (direction: the formula is that of copies at once)",
        is_quick: false,
        run: in_swarm,
    },
];

/// A file of so many pieces, which takes some 15 s.
const PIECES: u64 = 24;
const HORIZON_S: f64 = 60_000.0;

/// Mainline swarms of publishers that come and go, and of peers that find something soon or go
/// away; `k` files in one. When they are done peers stay, longer for larger bundles, or leave.
fn bundle(k: u64, stays: bool) -> Plan {
    let rules = Arc::new(presets::mainline());
    let until = SimTime::from_secs(HORIZON_S);
    let per_s = |per_s: f64| Arrivals::Poisson { per_s, from: SimTime::ZERO, until };
    let mut publishers = class(Role::Seeder, 0, 400.0, &rules);
    (publishers.arrivals, publishers.stay) = (per_s(FILE.publishers), lingers(FILE.publisher_s));
    let mut peers = class(Role::Leecher, 0, 400.0, &rules);
    peers.arrivals = per_s(f64_of(k) * FILE.peers);
    peers.patience = Some(s(60.0 * f64_of(k)));
    peers.stay = if stays { lingers(f64_of(k) * FILE.peer_s) } else { Stay::Leave };
    let mut plan = plan(k * PIECES, vec![publishers, peers]);
    (plan.horizon, plan.until_horizon, plan.sample) = (until, true, s(20.0));
    plan
}

fn lingers(mean_s: f64) -> Stay {
    Stay::LingerExp(s(mean_s))
}

/// Share of the time in which those that are there do not have every piece between them.
fn unavailability(ctx: &Ctx<'_>, k: u64, stays: bool) -> f64 {
    mean(ctx.runs(&bundle(k, stays), 5).iter().map(|outcome| {
        mean(outcome.samples.iter().map(|row| f64::from(u8::from(row.availability < 1.0))))
    }))
}

fn in_swarm(ctx: &Ctx<'_>) -> Findings {
    let mut findings = Findings::new(
        "Mainline, 24 pieces of 256 KiB a file, uploads of 400 KiB/s; publishers one in 900 s, for \
         300 s on average; peers one in 60 s for each file of a bundle of K, who lose patience \
         after 60 K s on average and stay for 80 K s when done: the file of the check above, \
         but that copies take time. 60 000 s, 5 runs; bounds are ours. Where peers leave when they \
         are done the last copies leave with them, and bundling gains nothing: the line was added \
         when that was seen.",
    );
    let absent = [1, 2, 3].map(|k| unavailability(ctx, k, true));
    for (k, pair) in (2..).zip(absent.windows(2)) {
        let what = format!("unavailability, bundle of {k} ÷ bundle of {}", k - 1);
        findings.add(Line::at_most(&what, pair[1] / pair[0], 0.5).direction());
    }
    let alone = [1, 3].map(|k| unavailability(ctx, k, false));
    let what = "the same, 3 ÷ 1, peers leave when done";
    findings.add(Line::near(what, alone[1] / alone[0], 1.0, 0.1).direction());
    let theory = (10..=30).map(|k| f64_of(k) / 10.0);
    let theory = theory.map(|k| (k, 1.0 - FILE.bundled(k).availability()));
    // Where it was never absent there is nothing to draw on a scale of factors.
    let ours = (1..).zip(absent).filter(|row| row.1 > 0.0).map(|(k, share)| (f64_of(k), share));
    findings.panels.push(Panel {
        title: "Bundling in the full protocol: share of the time without all pieces".into(),
        x: Axis::linear("files in the bundle K"),
        y: Axis::log("unavailability"),
        curves: vec![
            Curve::theory("busy period, copies at once", theory.collect()),
            Curve::simulation("mainline swarms", ours.collect()),
        ],
    });
    findings
}

/// Peers per second, their mean stay, publishers per second, their mean stay.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Market {
    peers: f64,
    peer_s: f64,
    publishers: f64,
    publisher_s: f64,
}

impl Market {
    /// The same with `k` files in one.
    fn bundled(self, k: f64) -> Self {
        Self { peers: k * self.peers, peer_s: k * self.peer_s, ..self }
    }

    /// Mean busy period: the time until nobody is left, begun by one publisher. With ρ(t) the mean
    /// number of customers there at t that came after it, the chance that the system is empty of
    /// them is e^(−ρ); integrating the renewal argument gives
    /// E[B] = ∫₀^∞ e^(−t/u) exp(λ s e^(−t/s) + r u e^(−t/u)) dt, by Simpson's rule.
    fn busy_s(self) -> f64 {
        let Self { peers, peer_s, publishers, publisher_s } = self;
        let value = |t: f64| {
            let [stays, peer_left] = [publisher_s, peer_s].map(|mean| libm::exp(-t / mean));
            stays * libm::exp(peers * peer_s * peer_left + publishers * publisher_s * stays)
        };
        let n = 200_000_u64;
        let step = 60.0 * publisher_s.max(peer_s) / f64_of(n);
        let weight = |i: u64| match i {
            0 => 1.0,
            _ if i == n => 1.0,
            _ if i % 2 == 1 => 4.0,
            _ => 2.0,
        };
        step / 3.0 * (0..=n).map(|i| weight(i) * value(f64_of(i) * step)).sum::<f64>()
    }

    /// Share of the time in which content is there.
    fn availability(self) -> f64 {
        let busy = self.busy_s();
        busy / (busy + 1.0 / self.publishers)
    }
}

/// What happens.
#[derive(Clone, Copy, Debug)]
enum Event {
    Peer,
    Publisher,
    Departure,
}

/// A file of which peers come one in 60 s and stay for 80, publishers one in 900 s and for 300.
const FILE: Market =
    Market { peers: 1.0 / 60.0, peer_s: 80.0, publishers: 1.0 / 900.0, publisher_s: 300.0 };

/// Share of the time in which content is there, over `n_cycles` of absence and presence.
fn simulated(market: Market, n_cycles: u64, seed: u64) -> f64 {
    let mut luck = [0, 1, 2].map(|entity| stream(seed, Purpose::Workload, entity));
    let mut queue = Queue::new();
    let wait =
        |luck: &mut crate::rng::Stream, mean_s: f64| Span::from_secs(luck.exponential(mean_s));
    queue.push(SimTime::ZERO + wait(&mut luck[0], 1.0 / market.peers), Event::Peer);
    queue.push(SimTime::ZERO + wait(&mut luck[1], 1.0 / market.publishers), Event::Publisher);
    let (mut here, mut since, mut there_s, mut cycles) = (0_u64, SimTime::ZERO, 0.0, 0);
    while let Some((now, event)) = queue.pop() {
        match event {
            Event::Peer => {
                queue.push(now + wait(&mut luck[0], 1.0 / market.peers), Event::Peer);
                if here > 0 {
                    here += 1;
                    queue.push(now + wait(&mut luck[2], market.peer_s), Event::Departure);
                }
            }
            Event::Publisher => {
                let next = now + wait(&mut luck[1], 1.0 / market.publishers);
                queue.push(next, Event::Publisher);
                if here == 0 {
                    since = now;
                }
                here += 1;
                queue.push(now + wait(&mut luck[2], market.publisher_s), Event::Departure);
            }
            Event::Departure => {
                here -= 1;
                if here == 0 {
                    there_s += now.since(since).as_secs();
                    cycles += 1;
                }
                if cycles == n_cycles {
                    return there_s / now.as_secs();
                }
            }
        }
    }
    f64::NAN
}

fn run(ctx: &Ctx<'_>) -> Findings {
    let mut findings = Findings::new(
        "Copies are made at once (no transfer). 8000 cycles per point as 8 runs of 1000; 240 \
         cycles for the bundle of three, whose cycles are a thousand times longer. Points: λ = \
         1, s = 1, r = 0.1, u = 1; and λ = 1/60, s = 80 s, r = 1/900, u = 300 s with K = 1, 2, 3.",
    );
    let abstract_one = Market { peers: 1.0, peer_s: 1.0, publishers: 0.1, publisher_s: 1.0 };
    let file = FILE;
    let cases = [
        ("λ = s = u = 1, r = 0.1", abstract_one, 1000),
        ("one file", file, 1000),
        ("bundle of 2", file.bundled(2.0), 1000),
        ("bundle of 3", file.bundled(3.0), 30),
    ];
    let got = ctx.map(&cases, |&(_, market, n_cycles)| {
        mean(ctx.seeds(8, |seed| simulated(market, n_cycles, seed)))
    });
    for ((name, market, _), got) in cases.iter().zip(&got) {
        let what = format!("availability, {name}");
        findings.add(Line::near(&what, *got, market.availability(), 0.02));
    }
    let ratio = (1.0 - got[3]) / (1.0 - got[1]);
    findings.add(Line::at_most("unavailability, bundle of 3 ÷ one file", ratio, 0.01));
    let theory = (10..=30).map(|k| f64_of(k) / 10.0);
    let theory = theory.map(|k| (k, 1.0 - file.bundled(k).availability()));
    let ours = [1.0, 2.0, 3.0].into_iter().zip(&got[1..]).map(|(k, got)| (k, 1.0 - got));
    findings.panels.push(Panel {
        title: "Bundling: share of the time in which content is not to be had".into(),
        x: Axis::linear("files in the bundle K"),
        y: Axis::log("unavailability"),
        curves: vec![
            Curve::theory("busy period", theory.collect()),
            Curve::simulation("workload on the kernel", ours.collect()),
        ],
    });
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_values_of_the_integral() {
        let one = Market { peers: 1.0, peer_s: 1.0, publishers: 0.1, publisher_s: 1.0 };
        assert!((one.availability() - 0.1541).abs() < 1e-4, "{}", one.availability());
        let file =
            Market { peers: 1.0 / 60.0, peer_s: 80.0, publishers: 1.0 / 900.0, publisher_s: 300.0 };
        for (k, want) in [(1.0, 0.3692), (2.0, 0.9126), (3.0, 0.9998)] {
            let got = file.bundled(k).availability();
            assert!((got - want).abs() < 1e-4, "{got} is not {want}");
        }
    }

    /// Without peers that stay, content is there while a publisher is: 1 − e^(−r u).
    #[test]
    fn without_peers_publishers_alone_count() {
        let alone = Market { peers: 1.0, peer_s: 1e-9, publishers: 0.5, publisher_s: 2.0 };
        let want = 1.0 - libm::exp(-1.0);
        assert!((alone.availability() - want).abs() < 1e-3, "{}", alone.availability());
        let got = simulated(alone, 20_000, 1);
        assert!((got - want).abs() < 0.01, "{got} is not {want}");
    }
}
