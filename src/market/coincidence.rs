//! Who can trade without money: swaps of two need a double coincidence of wants, rings of any
//! length or a common money only a balance (Aperjis, Freedman and Johari, CoNEXT 2008).
//!
//! Each user holds one file and wants one other. A bilateral trade pairs a user with one that holds
//! what it wants and wants what it holds; multilateral trade is a largest set of users in which
//! each file is given as often as it is taken.

use crate::rng::{Purpose, Stream, stream};
use crate::units::{f64_of, f64_of_len};

/// How many users hold file a and want file b, by (a, b).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wants {
    files: usize,
    users: u64,
    counts: Vec<u64>,
}

impl Wants {
    /// `users` users, each with a file and another that it wants, drawn by popularity rank^−`zipf`.
    pub fn draw(files: usize, users: u64, zipf: f64, seed: u64) -> Self {
        let mut luck = stream(seed, Purpose::Market, 2);
        let weights: Vec<f64> =
            (1..=files).map(|rank| libm::pow(f64_of_len(rank), -zipf)).collect();
        let total: f64 = weights.iter().sum();
        let mut counts = vec![0; files * files];
        for _ in 0..users {
            let has = pick(&weights, total, &mut luck);
            let wants = loop {
                let file = pick(&weights, total, &mut luck);
                if file != has {
                    break file;
                }
            };
            counts[has * files + wants] += 1;
        }
        Self { files, users, counts }
    }

    /// These users, as (has, wants).
    pub fn of(files: usize, users: &[(usize, usize)]) -> Self {
        let mut counts = vec![0; files * files];
        for &(has, wants) in users {
            counts[has * files + wants] += 1;
        }
        Self { files, users: users.len() as u64, counts }
    }

    fn count(&self, has: usize, wants: usize) -> u64 {
        self.counts[has * self.files + wants]
    }

    /// Share of users that can swap with somebody.
    pub fn bilateral_share(&self) -> f64 {
        let mut traders = 0;
        for a in 0..self.files {
            for b in 0..a {
                traders += 2 * self.count(a, b).min(self.count(b, a));
            }
        }
        f64_of(traders) / f64_of(self.users.max(1))
    }

    /// Share of users in a largest set in which each file is given as often as it is taken.
    ///
    /// All users, less the fewest whose leaving balances every file: a cheapest flow from files
    /// given too often to files taken too often, by successive shortest paths.
    pub fn multilateral_share(&self) -> f64 {
        let n = self.files;
        let mut surplus: Vec<i64> = (0..n).map(|file| self.surplus(file)).collect();
        // Users asked to leave, by (has, wants).
        let mut left = vec![0_u64; n * n];
        while let Some(start) = (0..n).find(|&file| surplus[file] > 0) {
            let (costs, before) = self.shortest(start, &left);
            let ends = (0..n).filter(|&file| surplus[file] < 0 && costs[file] < i64::MAX);
            let end = ends.min_by_key(|&file| costs[file]).expect("surpluses add up to nothing");
            let mut at = end;
            while at != start {
                let from = before[at];
                if left[at * n + from] > 0 && costs[at] < costs[from] {
                    left[at * n + from] -= 1;
                } else {
                    left[from * n + at] += 1;
                }
                at = from;
            }
            surplus[start] -= 1;
            surplus[end] += 1;
        }
        let gone: u64 = left.iter().sum();
        f64_of(self.users - gone) / f64_of(self.users.max(1))
    }

    /// How much oftener a file is held than wanted.
    fn surplus(&self, file: usize) -> i64 {
        let signed = |n: u64| i64::try_from(n).expect("few users");
        (0..self.files).map(|b| signed(self.count(file, b)) - signed(self.count(b, file))).sum()
    }

    /// Fewest users to send away on a path from `start`, and the file before each on it: one more
    /// leaves along (a, b), or one that left along (b, a) comes back.
    fn shortest(&self, start: usize, left: &[u64]) -> (Vec<i64>, Vec<usize>) {
        let n = self.files;
        let mut costs = vec![i64::MAX; n];
        let mut before = vec![start; n];
        costs[start] = 0;
        for _ in 0..n {
            let mut changed = false;
            for a in 0..n {
                if costs[a] == i64::MAX {
                    continue;
                }
                for b in 0..n {
                    let step = if left[b * n + a] > 0 {
                        -1
                    } else if left[a * n + b] < self.count(a, b) {
                        1
                    } else {
                        continue;
                    };
                    if costs[a] + step < costs[b] {
                        (costs[b], before[b], changed) = (costs[a] + step, a, true);
                    }
                }
            }
            if !changed {
                break;
            }
        }
        (costs, before)
    }
}

fn pick(weights: &[f64], total: f64, luck: &mut Stream) -> usize {
    let mut rest = luck.unit() * total;
    for (file, weight) in weights.iter().enumerate() {
        if rest < *weight {
            return file;
        }
        rest -= weight;
    }
    weights.len() - 1
}

/// The law for uniform wants: bilateral share h(N/(K(K − 1))), multilateral at most about h(N/K),
/// h(x) = 1 − exp(−2x)(I₀(2x) + I₁(2x)), by E min(X, Y) of two Poisson variables with mean x.
pub fn coincidence(x: f64) -> f64 {
    // E|X − Y| = 2x exp(−2x)(I₀(2x) + I₁(2x)); the Bessel functions by their integrals.
    let steps = 2000_u32;
    let mut sum = 0.0;
    for i in 0..steps {
        let theta = std::f64::consts::PI * (f64::from(i) + 0.5) / f64::from(steps);
        let cos = libm::cos(theta);
        sum += libm::exp(2.0 * x * (cos - 1.0)) * (1.0 + cos);
    }
    1.0 - sum / f64::from(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_of_three_needs_money() {
        let ring = Wants::of(3, &[(0, 1), (1, 2), (2, 0)]);
        assert_eq!(ring.bilateral_share(), 0.0);
        assert_eq!(ring.multilateral_share(), 1.0);
        let pair = Wants::of(2, &[(0, 1), (1, 0), (0, 1)]);
        assert!((pair.bilateral_share() - 2.0 / 3.0).abs() < 1e-12);
        assert!((pair.multilateral_share() - 2.0 / 3.0).abs() < 1e-12);
        let chain = Wants::of(3, &[(0, 1), (1, 2)]);
        assert_eq!(chain.multilateral_share(), 0.0);
    }

    #[test]
    fn shares_follow_the_law() {
        let seeds = 1..6;
        let mean = |of: &dyn Fn(&Wants) -> f64| -> f64 {
            seeds.clone().map(|seed| of(&Wants::draw(50, 2500, 0.0, seed))).sum::<f64>() / 5.0
        };
        let two = mean(&Wants::bilateral_share);
        assert!((two - coincidence(2500.0 / 2450.0)).abs() < 0.02, "{two}");
        let all = mean(&Wants::multilateral_share);
        assert!((all - coincidence(50.0)).abs() < 0.02, "{all}");
    }
}
