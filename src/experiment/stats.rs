//! Statistics of small samples, each by its textbook definition.
//!
//! Law: a statistic that does not exist is `None`, never NaN. Sums run in the order given, so the
//! same numbers in the same order give the same bits.

use crate::units::{f64_of_len, floor_usize};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// Mean, spread and 95 % interval of the mean.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Estimate {
    /// Sample size.
    pub n: usize,
    /// Mean; `None` for an empty sample.
    pub mean: Option<f64>,
    /// Standard deviation with n − 1; `None` below two values.
    pub sd: Option<f64>,
    /// Half the width of the 95 % t interval of the mean; `None` below two values.
    pub half_width: Option<f64>,
}

impl Estimate {
    /// Of a sample in any order.
    pub fn of(sample: &[f64]) -> Self {
        let (mean, sd) = (mean(sample), sd(sample));
        let half_width =
            sd.map(|sd| t_quantile_975(sample.len() - 1) * sd / f64_of_len(sample.len()).sqrt());
        Self { n: sample.len(), mean, sd, half_width }
    }

    /// Both ends of the 95 % interval of the mean.
    pub fn interval(&self) -> Option<(f64, f64)> {
        Some((self.mean? - self.half_width?, self.mean? + self.half_width?))
    }
}

/// Arithmetic mean.
pub fn mean(sample: &[f64]) -> Option<f64> {
    (!sample.is_empty()).then(|| sample.iter().sum::<f64>() / f64_of_len(sample.len()))
}

/// Standard deviation with n − 1 in the denominator.
pub fn sd(sample: &[f64]) -> Option<f64> {
    if sample.len() < 2 {
        return None;
    }
    let mean = mean(sample)?;
    let squares: f64 = sample.iter().map(|x| (x - mean) * (x - mean)).sum();
    Some((squares / f64_of_len(sample.len() - 1)).sqrt())
}

/// The 97.5 % quantile of Student's t with `freedom` degrees of freedom, to nine decimals: the
/// rounding hides the last bits of the platform's mathematics.
pub fn t_quantile_975(freedom: usize) -> f64 {
    assert!(freedom > 0, "an interval needs two values");
    let t = StudentsT::new(0.0, 1.0, f64_of_len(freedom)).expect("freedom is positive");
    (t.inverse_cdf(0.975) * 1e9).round() / 1e9
}

/// The `p` quantile by linear interpolation (type 7 of Hyndman and Fan 1996, the default of R
/// and numpy). `sorted` must rise.
pub fn quantile(sorted: &[f64], p: f64) -> Option<f64> {
    assert!((0.0..=1.0).contains(&p), "a quantile lies in 0..=1");
    debug_assert!(sorted.is_sorted(), "quantiles are taken of sorted samples");
    let last = sorted.len().checked_sub(1)?;
    let position = p * f64_of_len(last);
    let below = floor_usize(position).min(last);
    let above = (below + 1).min(last);
    let weight = position - f64_of_len(below);
    Some(sorted[below] + weight * (sorted[above] - sorted[below]))
}

/// The sample in rising order.
pub fn sorted(mut sample: Vec<f64>) -> Vec<f64> {
    sample.sort_unstable_by(f64::total_cmp);
    sample
}

/// Jain's fairness index (Σx)² ÷ (n Σx²): 1 if all are equal, 1/n if one has everything (Jain,
/// Chiu and Hawe 1984). All zeros are equal: 1. `None` for an empty sample or a negative value.
pub fn jain(sample: &[f64]) -> Option<f64> {
    if sample.is_empty() || sample.iter().any(|&x| x < 0.0) {
        return None;
    }
    let sum: f64 = sample.iter().sum();
    let squares: f64 = sample.iter().map(|x| x * x).sum();
    let index = if squares > 0.0 { sum * sum / (f64_of_len(sample.len()) * squares) } else { 1.0 };
    Some(index).filter(|index| index.is_finite())
}

/// Gini coefficient: mean absolute difference ÷ twice the mean; 0 if all are equal, (n − 1)/n if
/// one has everything. All zeros are equal: 0. `None` for an empty sample or a negative value.
/// `sorted` must rise.
pub fn gini(sorted: &[f64]) -> Option<f64> {
    debug_assert!(sorted.is_sorted(), "the Gini coefficient is taken of sorted samples");
    if *sorted.first()? < 0.0 {
        return None;
    }
    let n = f64_of_len(sorted.len());
    let sum: f64 = sorted.iter().sum();
    if sum <= 0.0 {
        return Some(0.0);
    }
    let ranked: f64 = sorted.iter().enumerate().map(|(i, x)| f64_of_len(i + 1) * x).sum();
    Some(2.0 * ranked / (n * sum) - (n + 1.0) / n).filter(|gini| gini.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(got: Option<f64>, want: f64) {
        let got = got.expect("a value");
        assert!((got - want).abs() < 1e-9, "{got} is not {want}");
    }

    #[test]
    fn mean_and_spread_by_hand() {
        // 2, 4, 4, 4, 5, 5, 7, 9: mean 5, squares 32, sd √(32/7); t(7) = 2.364624252.
        let e = Estimate::of(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]);
        near(e.mean, 5.0);
        near(e.sd, 2.138_089_935_299_395);
        near(e.half_width, 2.364_624_252 * 2.138_089_935_299_395 / 8.0_f64.sqrt());
        let one = Estimate::of(&[3.0]);
        assert_eq!((one.mean, one.sd, one.interval()), (Some(3.0), None, None));
        assert_eq!(Estimate::of(&[]).mean, None);
    }

    #[test]
    fn t_quantiles_match_the_printed_table() {
        for (freedom, want) in
            [(1, 12.7062), (2, 4.3027), (4, 2.7764), (9, 2.2622), (29, 2.0452), (1000, 1.9623)]
        {
            let got = t_quantile_975(freedom);
            assert!((got - want).abs() < 5e-5, "t({freedom}) is {got}, the table says {want}");
        }
    }

    #[test]
    fn quantiles_are_type_7() {
        let s = [1.0, 2.0, 4.0, 8.0];
        for (p, want) in [(0.0, 1.0), (0.25, 1.75), (0.5, 3.0), (0.95, 7.4), (1.0, 8.0)] {
            near(quantile(&s, p), want);
        }
        near(quantile(&[7.0], 0.95), 7.0);
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn jain_by_hand() {
        near(jain(&[1.0, 1.0, 1.0]), 1.0);
        near(jain(&[0.0, 0.0, 0.0, 5.0]), 0.25);
        near(jain(&[1.0, 2.0, 3.0]), 36.0 / 42.0);
        near(jain(&[0.0, 0.0]), 1.0);
        assert_eq!((jain(&[]), jain(&[1.0, -1.0])), (None, None));
        assert_eq!(jain(&[1e200, 1.0]), None, "too large to square");
    }

    #[test]
    fn gini_by_hand() {
        near(gini(&[2.0, 2.0]), 0.0);
        near(gini(&[0.0, 0.0, 0.0, 5.0]), 0.75);
        // Σ|xi − xj| over ordered pairs = 8; ÷ (2 × 9 × 2) = 2/9.
        near(gini(&[1.0, 2.0, 3.0]), 2.0 / 9.0);
        near(gini(&[0.0, 0.0]), 0.0);
        assert_eq!((gini(&[]), gini(&[-1.0, 1.0])), (None, None));
        assert_eq!(gini(&[1.0, f64::INFINITY]), None, "never NaN");
    }
}
