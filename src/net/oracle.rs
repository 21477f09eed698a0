//! The judge: max-min fair rates from scratch, by progressive filling over all links at once.
//!
//! Obvious and slow: tests and audits hold [`super::share`] to it (Bertsekas and Gallager, Data
//! Networks, 2nd ed., §6.5.2).

/// Max-min fair rates of `flows` (sender, receiver), each of weight 1, over links with the
/// capacities `up` and `down`, in the capacities' unit.
pub fn max_min(up: &[f64], down: &[f64], flows: &[(usize, usize)]) -> Vec<f64> {
    let mut rates = vec![0.0; flows.len()];
    let mut frozen = vec![false; flows.len()];
    let (mut up_left, mut down_left) = (up.to_vec(), down.to_vec());
    while frozen.contains(&false) {
        let mut up_open = vec![0.0; up.len()];
        let mut down_open = vec![0.0; down.len()];
        for (&(from, to), _) in flows.iter().zip(&frozen).filter(|(_, frozen)| !**frozen) {
            up_open[from] += 1.0;
            down_open[to] += 1.0;
        }
        let share = |left: &[f64], open: &[f64], i: usize| left[i] / open[i];
        let step = flows
            .iter()
            .zip(&frozen)
            .filter(|(_, frozen)| !**frozen)
            .map(|(&(from, to), _)| {
                share(&up_left, &up_open, from).min(share(&down_left, &down_open, to))
            })
            .fold(f64::INFINITY, f64::min);
        for (i, &(from, to)) in flows.iter().enumerate() {
            if !frozen[i] {
                rates[i] += step;
                up_left[from] -= step;
                down_left[to] -= step;
            }
        }
        for (i, &(from, to)) in flows.iter().enumerate() {
            let full = up_left[from] <= up[from] * 1e-12 || down_left[to] <= down[to] * 1e-12;
            frozen[i] |= full;
        }
    }
    rates
}

#[cfg(test)]
mod tests {
    use super::super::links::{LinkId, Links, Opening, PortId};
    use super::*;
    use crate::rng::{Purpose, Stream, stream};
    use crate::units::{ByteRate, Bytes, SimTime, f64_of};

    #[test]
    fn textbook_case() {
        // Two senders of 6; receiver 0 takes 2 from both, receiver 1 the rest of sender 1.
        let rates = max_min(&[6.0, 6.0], &[2.0, 100.0], &[(0, 0), (1, 0), (1, 1)]);
        assert_eq!(rates, [1.0, 1.0, 5.0]);
    }

    /// Every link has two ports, as that of a user in two swarms.
    struct World {
        links: Links<()>,
        /// From which link to which port.
        flows: Vec<(usize, usize)>,
    }

    fn link(index: usize) -> LinkId {
        LinkId(crate::units::u32_of(index))
    }

    fn port(index: usize) -> PortId {
        PortId(crate::units::u32_of(index))
    }

    fn random_world(s: &mut Stream, n: usize) -> World {
        let mut links = Links::with_capacity(n);
        for _ in 0..n {
            let up = ByteRate::from_kib_per_s(s.uniform(10.0, 200.0));
            let down = ByteRate::from_kib_per_s(s.uniform(10.0, 800.0));
            let link = links.add(up, down);
            links.add_port(link);
            links.add_port(link);
        }
        World { links, flows: Vec::new() }
    }

    fn step(w: &mut World, s: &mut Stream, n: usize) {
        let now = SimTime::ZERO;
        if !w.flows.is_empty() && s.below(3) == 0 {
            let (from, to) = w.flows.swap_remove(s.below(w.flows.len()));
            let up = &w.links.up[from];
            let at = up.find(port(to)).unwrap();
            w.links.close(now, link(from), at);
        } else {
            let (from, to) = (s.below(n), s.below(2 * n));
            if from == to / 2 || w.flows.contains(&(from, to)) {
                return;
            }
            let opening = Opening {
                to: port(to),
                weight: 1,
                start: now,
                left: Bytes(1 << 30).volume(),
                payload: (),
            };
            w.links.open(now, link(from), opening);
            w.flows.push((from, to));
        }
    }

    /// Largest relative difference of a rate from the oracle's.
    fn error(w: &World) -> f64 {
        let cap = |r: ByteRate| f64_of(r.0);
        let up: Vec<f64> = w.links.up.iter().map(|u| cap(u.cap)).collect();
        let down: Vec<f64> = w.links.down.iter().map(|d| cap(d.cap)).collect();
        let flows: Vec<_> = w.flows.iter().map(|&(from, to)| (from, to / 2)).collect();
        let exact = max_min(&up, &down, &flows);
        let mut worst = 0.0_f64;
        for (&(from, to), exact) in w.flows.iter().zip(exact) {
            let up = &w.links.up[from];
            let flow = &up.flows[up.find(port(to)).unwrap()];
            worst = worst.max((cap(flow.rate) - exact).abs() / exact);
            assert!(up.used <= up.cap, "an upload link over its capacity");
        }
        for down in &w.links.down {
            assert!(down.used <= down.cap, "a download link over its capacity");
        }
        worst
    }

    #[test]
    fn local_shares_agree_with_the_oracle() {
        let mut worst = Vec::new();
        for seed in 0..20 {
            let mut s = stream(seed, Purpose::Swarm, 1);
            let n = 5 + s.below(60);
            let mut w = random_world(&mut s, n);
            for _ in 0..n * 12 {
                step(&mut w, &mut s, n);
                if s.below(8) == 0 && !w.flows.is_empty() {
                    worst.push(error(&w));
                }
            }
        }
        worst.sort_by(f64::total_cmp);
        let at = |q: usize| worst[worst.len() * q / 100];
        assert!(at(50) < 1e-5, "median of the worst error {}", at(50));
        assert!(at(99) < 0.005, "99th percentile of the worst error {}", at(99));
    }
}
