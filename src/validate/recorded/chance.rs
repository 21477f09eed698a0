//! Could the recordings be runs of the model? A test that knows that runs are few and downloads of
//! one run are alike.
//!
//! The distance is Kolmogorov and Smirnov's, from the pooled model. As many model runs as there are
//! recordings, drawn at random, show how far a perfect model would be; the p-value is the share of
//! draws at least as far away as the recordings. A fixed bound would not do: with eight runs of
//! three classes a perfect model is 0.3 away one time in twenty.

use super::data::Times;
use crate::experiment::stats;
use crate::rng::{Purpose, Stream, stream};
use crate::units::f64_of_len;

/// Draws; odd, so that no share of them is 0.01.
pub(super) const N_DRAWS: usize = 1999;

/// The recordings beside as many model runs.
pub(super) struct Chance {
    /// Distance of the recordings from the pooled model.
    pub distance: f64,
    /// Share of the draws that are at least as far away.
    pub p_value: f64,
    /// Time, then the 2.5 % and the 97.5 % quantile over draws of the share that is done by then.
    pub band: Vec<(f64, [f64; 2])>,
}

/// Steps of the band.
const N_STEPS: usize = 80;

impl Chance {
    /// Of recorded beside simulated times; `entity` names the random draws.
    pub fn of(recorded: &Times, simulated: &Times, entity: u64) -> Self {
        assert!(recorded.len() <= simulated.len(), "a draw takes as many runs as were recorded");
        let (sample, pool) = (pooled(recorded), pooled(simulated));
        let distance = ks_distance(&sample, &pool);
        let mut random = stream(1, Purpose::Workload, entity);
        let mut order: Vec<usize> = (0..simulated.len()).collect();
        let draws: Vec<Vec<f64>> = (0..N_DRAWS)
            .map(|_| draw(simulated, &mut order, recorded.len(), &mut random))
            .collect();
        // Equal distances may differ in their last bits.
        let is_as_far = |draw: &&Vec<f64>| ks_distance(draw, &pool) >= distance - 1e-9;
        let as_far = draws.iter().filter(is_as_far).count();
        let p_value = f64_of_len(as_far) / f64_of_len(N_DRAWS);
        Self { distance, p_value, band: band(&draws, &sample) }
    }
}

/// All times of these runs, rising.
pub(super) fn pooled(runs: &Times) -> Vec<f64> {
    stats::sorted(runs.concat())
}

/// The times of `n` runs drawn without replacement, rising; `order` holds all positions.
fn draw(runs: &Times, order: &mut [usize], n: usize, random: &mut Stream) -> Vec<f64> {
    for at in 0..n {
        let other = at + random.below(order.len() - at);
        order.swap(at, other);
    }
    stats::sorted(order[..n].iter().flat_map(|&run| runs[run].iter().copied()).collect())
}

/// Share of a rising sample that is at most `x`.
pub(super) fn share_by(sample: &[f64], x: f64) -> f64 {
    f64_of_len(sample.partition_point(|&value| value <= x)) / f64_of_len(sample.len())
}

/// The greatest gap between the distribution functions of two rising samples.
fn ks_distance(a: &[f64], b: &[f64]) -> f64 {
    let (mut at_a, mut at_b, mut gap) = (0, 0, 0.0_f64);
    while at_a < a.len() && at_b < b.len() {
        let x = a[at_a].min(b[at_b]);
        at_a += a[at_a..].iter().take_while(|&&value| value <= x).count();
        at_b += b[at_b..].iter().take_while(|&&value| value <= x).count();
        let apart = f64_of_len(at_a) / f64_of_len(a.len()) - f64_of_len(at_b) / f64_of_len(b.len());
        gap = gap.max(apart.abs());
    }
    gap
}

/// Where 95 % of the draws are, point by point, as far as they and the recordings reach.
fn band(draws: &[Vec<f64>], sample: &[f64]) -> Vec<(f64, [f64; 2])> {
    let ends = |pick: fn(f64, f64) -> f64, worst: f64| {
        draws.iter().flatten().chain(sample).copied().fold(worst, pick)
    };
    let (from, to) = (ends(f64::min, f64::INFINITY), ends(f64::max, f64::NEG_INFINITY));
    let step = (to - from) / f64_of_len(N_STEPS);
    let row = |i: usize| {
        let x = if i < N_STEPS { from + step * f64_of_len(i) } else { to };
        let shares = stats::sorted(draws.iter().map(|draw| share_by(draw, x)).collect());
        let at = |p| stats::quantile(&shares, p).unwrap_or(f64::NAN);
        (x, [at(0.025), at(0.975)])
    };
    (0..=N_STEPS).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_by_hand() {
        let same = [1.0, 2.0, 3.0];
        assert_eq!(ks_distance(&same, &same), 0.0);
        assert_eq!(ks_distance(&[1.0, 2.0], &[3.0]), 1.0);
        // At 1: 1/2 against 0; at 2 and 3 the other side catches up; at 4 both are whole.
        assert_eq!(ks_distance(&[1.0, 4.0], &[2.0, 3.0]), 0.5);
        // Ties move together.
        assert_eq!(ks_distance(&[1.0, 1.0], &[1.0, 2.0]), 0.5);
    }

    #[test]
    fn p_values_of_tiny_cases() {
        // Two model runs at 1 and 3, one recording: each draw is 1/2 away from the pool.
        let model = vec![vec![1.0], vec![3.0]];
        let p = |recorded: f64| Chance::of(&vec![vec![recorded]], &model, 0).p_value;
        // A recording at 2 is 1/2 away as well, one at 9 is 1 away: no draw is.
        assert_eq!((p(2.0), p(9.0)), (1.0, 0.0));
        // Four runs; a recording at the end is 3/4 away as the two outer runs are: half the draws.
        let model: Times = [1.0, 2.0, 3.0, 4.0].map(|x| vec![x]).to_vec();
        let chance = Chance::of(&vec![vec![4.0]], &model, 1);
        assert_eq!(chance.distance, 0.75);
        assert!((chance.p_value - 0.5).abs() < 0.05, "{}", chance.p_value);
    }

    #[test]
    fn the_band_holds_the_model_and_not_what_is_apart() {
        let model: Times = (0..40).map(|run| vec![f64_of_len(run), 100.0]).collect();
        let chance = Chance::of(&vec![vec![500.0]; 4], &model, 2);
        assert_eq!(chance.p_value, 0.0);
        let reach = chance.band.last().map(|&(x, _)| x);
        assert_eq!(reach, Some(500.0), "as far as what was recorded");
        for (x, [low, high]) in chance.band {
            assert!((low..=high).contains(&share_by(&pooled(&model), x)), "at {x}");
        }
    }
}
