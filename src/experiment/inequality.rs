//! Who has how much: the Lorenz curve and the Gini coefficient of money, income and upload.
//!
//! Law: multiplying all values by one factor changes nothing; nothing that comes out is NaN or
//! infinite. Zeros count like any other value: whoever has nothing is part of the population. If
//! nobody has anything all are equal. Negative values have no Gini coefficient (it could exceed
//! 1, and the sum it divides by could vanish), so a sample with one gives `None`: report net
//! incomes as the share of losers (`share_below_zero`) beside the Gini coefficient of gross ones.
//! A low coefficient is not by itself good: balances are most equal just before an economy stalls
//! for want of money (Kash, Friedman and Halpern, EC 2007).

use super::stats;
use crate::units::f64_of_len;

/// A point of a Lorenz curve.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct LorenzPoint {
    /// Part of the population, the poorest first, 0 to 1.
    pub population: f64,
    /// Part of the whole that they have, 0 to 1.
    pub held: f64,
}

/// The Lorenz curve of a sample in any order, from (0, 0) to (1, 1): a point per member (Lorenz,
/// Publications of the American Statistical Association 1905). If nobody has anything it is the
/// diagonal. `None` for an empty sample, and for values that are negative or not finite.
pub fn lorenz(sample: &[f64]) -> Option<Vec<LorenzPoint>> {
    let sorted = usable(sample)?;
    let n = f64_of_len(sorted.len());
    let total: f64 = sorted.iter().sum();
    let mut curve = vec![LorenzPoint { population: 0.0, held: 0.0 }];
    let mut sum = 0.0;
    for (i, x) in sorted.iter().enumerate() {
        sum += x;
        let population = f64_of_len(i + 1) / n;
        let held = if total > 0.0 { sum / total } else { population };
        curve.push(LorenzPoint { population, held });
    }
    Some(curve)
}

/// The Gini coefficient of a sample in any order (`stats::gini`): twice the area between the
/// diagonal and the Lorenz curve. 0 if all have the same, (n − 1)/n if one has everything. `None`
/// for an empty sample, and for values that are negative or not finite.
pub fn gini(sample: &[f64]) -> Option<f64> {
    stats::gini(&usable(sample)?)
}

/// What part of the whole the richest `part` of the population has; a member on the border counts
/// in proportion. If nobody has anything it is `part`. `None` where there is no Lorenz curve.
///
/// # Panics
/// If `part` is not in 0..=1.
pub fn top_share(sample: &[f64], part: f64) -> Option<f64> {
    assert!((0.0..=1.0).contains(&part), "a part of the population lies in 0..=1");
    let curve = lorenz(sample)?;
    let poorer = 1.0 - part;
    // The first point is at 0: before any border there is one.
    let after = curve.iter().position(|p| p.population >= poorer)?;
    let Some(before) = after.checked_sub(1).map(|at| curve[at]) else { return Some(1.0) };
    let LorenzPoint { population, held } = curve[after];
    let within = (poorer - before.population) / (population - before.population);
    Some((1.0 - before.held - within * (held - before.held)).clamp(0.0, 1.0))
}

/// Part of the sample that is below zero; `None` for an empty sample.
pub fn share_below_zero(sample: &[f64]) -> Option<f64> {
    let below = sample.iter().filter(|&&x| x < 0.0).count();
    (!sample.is_empty()).then(|| f64_of_len(below) / f64_of_len(sample.len()))
}

/// In rising order, divided by a power of two so that no sum overflows and no digit is lost.
fn usable(sample: &[f64]) -> Option<Vec<f64>> {
    if sample.is_empty() || !sample.iter().all(|x| x.is_finite() && *x >= 0.0) {
        return None;
    }
    let most = sample.iter().copied().fold(0.0, f64::max);
    let (_, exponent) = libm::frexp(most);
    Some(stats::sorted(sample.iter().map(|&x| libm::ldexp(x, -exponent)).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(got: Option<f64>, want: f64, tolerance: f64) {
        let got = got.expect("a value");
        assert!((got - want).abs() <= tolerance, "{got} is not {want}");
    }

    #[test]
    fn gini_by_hand_and_by_distribution() {
        near(gini(&[3.0; 7]), 0.0, 1e-12);
        near(gini(&[0.0, 9.0, 0.0, 0.0]), 0.75, 1e-12);
        near(gini(&[0.0; 4]), 0.0, 0.0);
        near(gini(&[5.0]), 0.0, 1e-12);
        // Σ|xi − xj| over ordered pairs of 1, 2, 3 is 8; ÷ (2 × 9 × 2).
        near(gini(&[3.0, 1.0, 2.0]), 2.0 / 9.0, 1e-12);
        // Quantiles in the middle of 10 000 equal parts: U[0, 1] 1/3, exponential 1/2.
        let middles = || (0..10_000).map(|i| (f64_of_len(i) + 0.5) / 10_000.0);
        near(gini(&middles().collect::<Vec<_>>()), 1.0 / 3.0, 1e-6);
        let waits: Vec<f64> = middles().map(|p| -libm::log(1.0 - p)).collect();
        near(gini(&waits), 0.5, 1e-3);
    }

    #[test]
    fn the_unit_of_money_does_not_matter() {
        let sample = [0.0, 1.0, 4.0, 2.5, 10.0];
        for unit in [1e-6, 0.5, 3.0, 1e6, 1e200, 1e307] {
            let scaled = sample.map(|x| x * unit);
            near(gini(&scaled), gini(&sample).expect("a value"), 1e-12);
            near(top_share(&scaled, 0.2), top_share(&sample, 0.2).expect("a value"), 1e-12);
        }
    }

    #[test]
    fn lorenz_curves_by_hand() {
        let curve = |sample: &[f64]| -> Vec<(f64, f64)> {
            let points = lorenz(sample).expect("a curve");
            points.iter().map(|p| (p.population, p.held)).collect()
        };
        let rich = [(0.0, 0.0), (0.25, 0.0), (0.5, 0.125), (0.75, 0.375), (1.0, 1.0)];
        assert_eq!(curve(&[10.0, 2.0, 0.0, 4.0]), rich);
        assert_eq!(curve(&[0.0, 0.0]), [(0.0, 0.0), (0.5, 0.5), (1.0, 1.0)]);
        // Twice the area between the diagonal and the curve is the Gini coefficient.
        let sample = [1.0, 7.0, 2.0, 0.0, 4.5];
        let points = lorenz(&sample).expect("a curve");
        let area: f64 = points
            .windows(2)
            .map(|pair| (pair[1].population - pair[0].population) * (pair[0].held + pair[1].held))
            .sum();
        near(gini(&sample), 1.0 - area, 1e-12);
    }

    #[test]
    fn top_shares_by_hand() {
        let sample = [10.0, 2.0, 0.0, 4.0];
        for (part, want) in
            [(0.0, 0.0), (0.125, 0.3125), (0.25, 0.625), (0.5, 0.875), (0.75, 1.0), (1.0, 1.0)]
        {
            near(top_share(&sample, part), want, 1e-12);
        }
        near(top_share(&[0.0; 3], 1.0 / 3.0), 1.0 / 3.0, 1e-12);
    }

    #[test]
    fn what_does_not_exist_is_none_and_never_nan() {
        for bad in [&[][..], &[1.0, -1.0], &[-0.5], &[1.0, f64::NAN], &[f64::INFINITY, 1.0]] {
            assert_eq!((gini(bad), lorenz(bad), top_share(bad, 0.1)), (None, None, None));
        }
        let huge = [f64::MAX, f64::MAX, 0.0, f64::MIN_POSITIVE];
        assert!(gini(&huge).is_some_and(f64::is_finite));
        assert_eq!(share_below_zero(&[-1.0, 0.0, 2.0, -0.5]), Some(0.5));
        assert_eq!(share_below_zero(&[]), None);
    }
}
