//! Who arrives when, with what link: a plan's classes and a seed become users and their peers.
//!
//! Every draw is keyed by (seed, purpose, class and position in the class), so a peer keeps its
//! luck when another class grows or an arm changes its behaviour.

use super::demand;
use super::plan::{Arrivals, ClassPlan, DownloadDist, Plan, RateDist, Role, Stay};
use crate::ids::{ClassId, TorrentId, UserId};
use crate::rng::{Purpose, Stream, stream};
use crate::units::{ByteRate, SimTime, Span, floor_usize, u32_of};

/// One peer to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Newcomer {
    /// Whose it is.
    pub(super) user: UserId,
    /// In which swarm.
    pub(super) torrent: TorrentId,
    /// Its name in the random streams.
    pub(super) entity: u64,
    /// When it arrives, or its user wants it to.
    pub(super) arrival: SimTime,
}

/// One user to be.
#[derive(Clone, Debug)]
pub(super) struct Person {
    /// Its class.
    pub(super) class: ClassId,
    /// Its position in the class.
    pub(super) member: u32,
    /// Upload capacity it allows.
    pub(super) upload: ByteRate,
    /// Download capacity.
    pub(super) download: ByteRate,
}

/// Everybody who will take part in a run.
#[derive(Clone, Debug, Default)]
pub(super) struct Population {
    /// Users, in order of classes.
    pub(super) users: Vec<Person>,
    /// Their peers; of one user in order of time. Without a catalogue, one each.
    pub(super) peers: Vec<Newcomer>,
}

/// Draws everybody who takes part in a run, in order of classes. Who would arrive after the
/// horizon does not.
pub(super) fn draw(plan: &Plan, seed: u64) -> Population {
    let mut population = Population::default();
    for (c, class) in plan.classes.iter().enumerate() {
        let times = arrivals(&class.arrivals, plan.horizon, seed, c as u64);
        let n = times.len();
        for (i, arrival) in times.into_iter().enumerate() {
            if arrival > plan.horizon {
                continue;
            }
            let user = UserId::from_index(population.users.len());
            let person = person(class, ClassId::from_index(c), i, seed);
            let entity = entity(person.class, person.member);
            let peer = Newcomer { user, torrent: TorrentId(0), entity, arrival };
            match (&plan.catalogue, class.role) {
                (None, _) => population.peers.push(peer),
                (Some(all), Role::Seeder) => {
                    population.peers.extend(demand::publish(all, plan.horizon, [i, n], &peer));
                }
                (Some(all), Role::Leecher) => {
                    let gap = class.demand.as_ref().map(|demand| demand.gap);
                    let wishes = demand::wishes(all, gap, plan.horizon, seed, &peer);
                    population.peers.extend(wishes);
                }
            }
            population.users.push(person);
        }
    }
    population.users.shrink_to_fit();
    population.peers.shrink_to_fit();
    population
}

fn person(class: &ClassPlan, id: ClassId, i: usize, seed: u64) -> Person {
    let member = u32_of(i);
    let mut capacity = stream(seed, Purpose::Capacity, entity(id, member));
    let upload = rate(&class.upload, i, &mut capacity);
    let download = match &class.download {
        DownloadDist::Rate(dist) => rate(dist, i, &mut capacity),
        DownloadDist::TimesUpload(factor) => upload.scaled(*factor),
    };
    let upload = upload.scaled(class.upload_share);
    Person { class: id, member, upload, download }
}

/// The name of a member of a class in the random streams.
pub(super) fn entity(class: ClassId, member: u32) -> u64 {
    (u64::from(class.0) << 32) + u64::from(member)
}

/// When the peers of a member of a class leave.
pub(super) fn stay(class: &ClassPlan, member: u32) -> &Stay {
    match &class.stay {
        Stay::PerPeer(stays) => &stays[member as usize],
        stay => stay,
    }
}

fn arrivals(how: &Arrivals, horizon: SimTime, seed: u64, class: u64) -> Vec<SimTime> {
    match how {
        Arrivals::AtOnce { count, at, spread } => {
            (0..u64::from(*count)).map(|i| moved(*at, *spread, seed, (class << 32) + i)).collect()
        }
        Arrivals::Around { times, spread } => {
            let first = class << 32;
            (first..).zip(times).map(|(name, &at)| moved(at, *spread, seed, name)).collect()
        }
        Arrivals::Poisson { per_s, from, until } => {
            let mut luck = stream(seed, Purpose::Arrival, class << 32);
            let end = (*until).min(horizon);
            let gap = |luck: &mut Stream, _| luck.exponential(1.0 / per_s);
            renewals(*from, end, &mut luck, gap)
        }
        // Thinning by inversion: Λ(t) = λ₀ τ (1 − exp(−t/τ)) grows by an Exp(1) draw per arrival.
        Arrivals::Decaying { per_s, tau, from, until } => {
            let mut luck = stream(seed, Purpose::Arrival, class << 32);
            let end = (*until).min(horizon);
            let (rate, tau) = (*per_s, tau.as_secs());
            let gap = move |luck: &mut Stream, t: f64| {
                let left = libm::exp(-t / tau) - luck.exponential(1.0) / (rate * tau);
                if left > 0.0 { -tau * libm::log(left) - t } else { f64::INFINITY }
            };
            renewals(*from, end, &mut luck, gap)
        }
        Arrivals::At(times) => times.clone(),
    }
}

/// A time moved by a uniform draw from `[0, spread)`.
fn moved(at: SimTime, spread: Span, seed: u64, name: u64) -> SimTime {
    let mut luck = stream(seed, Purpose::Arrival, name);
    at + Span::from_secs(luck.unit() * spread.as_secs())
}

/// Times from `from` to `end`, each `gap(luck, seconds since from)` after the one before.
fn renewals(
    from: SimTime,
    end: SimTime,
    luck: &mut Stream,
    gap: impl Fn(&mut Stream, f64) -> f64,
) -> Vec<SimTime> {
    let mut times = Vec::new();
    let mut t = 0.0;
    loop {
        t += gap(luck, t);
        let at = from + Span::from_secs(t);
        if at > end {
            return times;
        }
        times.push(at);
    }
}

fn rate(dist: &RateDist, i: usize, luck: &mut Stream) -> ByteRate {
    match dist {
        RateDist::Fixed(rate) => *rate,
        RateDist::Uniform { low, high } => ByteRate::from_kib_per_s(luck.uniform(*low, *high)),
        RateDist::LogNormal { median, sigma } => {
            ByteRate::from_kib_per_s(luck.log_normal(*median, *sigma))
        }
        RateDist::Pareto { minimum, shape } => {
            ByteRate::from_kib_per_s(luck.pareto(*minimum, *shape))
        }
        RateDist::Empirical(points) => ByteRate::from_kib_per_s(quantile(points, luck.unit())),
        RateDist::PerPeer(rates) => rates[i],
    }
}

/// The value at quantile `q`, linear between the points.
fn quantile(points: &[(f64, f64)], q: f64) -> f64 {
    let after = points.partition_point(|&(p, _)| p <= q);
    if after == 0 {
        return points[0].1;
    }
    let (q0, x0) = points[after - 1];
    let Some(&(q1, x1)) = points.get(after) else { return x0 };
    x0 + (x1 - x0) * (q - q0) / (q1 - q0)
}

/// Seconds of an exponential draw as a span; used for stays and patience.
pub(super) fn exponential(seed: u64, purpose: Purpose, entity: u64, mean: Span) -> Span {
    Span::from_secs(stream(seed, purpose, entity).exponential(mean.as_secs()))
}

/// A uniform draw from `[0, period)`.
pub(super) fn phase(seed: u64, entity: u64, period: Span) -> Span {
    let steps = floor_usize(period.as_secs() * 1e6).max(1);
    let micros = stream(seed, Purpose::Phase, entity).below(steps);
    Span(micros as u64 * 1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::f64_of_len;

    #[test]
    fn quantiles_are_linear_in_between() {
        let points = [(0.0, 10.0), (0.5, 20.0), (1.0, 100.0)];
        for (q, x) in [(0.0, 10.0), (0.25, 15.0), (0.5, 20.0), (0.75, 60.0), (1.0, 100.0)] {
            assert!((quantile(&points, q) - x).abs() < 1e-12);
        }
    }

    #[test]
    fn arrival_processes_have_their_rates() {
        let horizon = SimTime::from_secs(1e5);
        let poisson = Arrivals::Poisson { per_s: 0.2, from: SimTime::ZERO, until: horizon };
        // n = 20 000, sd 141: four of them.
        let n = arrivals(&poisson, horizon, 1, 0).len();
        assert!(n.abs_diff(20_000) < 566, "{n}");
        let decaying = Arrivals::Decaying {
            per_s: 10.0,
            tau: Span::from_secs(1000.0),
            from: SimTime::ZERO,
            until: horizon,
        };
        // λ₀ τ = 10 000 in all, 1 − 1/e of them in the first τ.
        let times = arrivals(&decaying, horizon, 1, 0);
        assert!(times.len().abs_diff(10_000) < 400, "{}", times.len());
        let early = times.iter().filter(|t| t.as_secs() < 1000.0).count();
        let share = f64_of_len(early) / f64_of_len(times.len());
        assert!((share - 0.632).abs() < 0.02, "{share}");
        assert!(times.is_sorted());
    }
}
