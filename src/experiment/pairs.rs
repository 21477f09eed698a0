//! Paired differences: an arm minus the baseline, replicate by replicate.
//!
//! Arms share their random numbers, so the difference of a pair has far less noise than either
//! number. Only replicates in which both arms have the number are pairs.

use super::grid::ArmDesign;
use super::metric::{Key, Metric, Part, Side};
use super::pool::Results;
use super::stats::{self, Estimate};

/// The paired comparison of one metric and class of an arm with the baseline.
#[derive(Clone, PartialEq, Debug)]
pub struct Comparison {
    /// Which number.
    pub metric: Metric,
    /// Name of the class, or of one side of it; both arms have it.
    pub class: String,
    /// Position of the arm.
    pub arm: usize,
    /// Mean of the baseline over the pairs.
    pub baseline_mean: Option<f64>,
    /// Mean of the arm over the pairs.
    pub arm_mean: Option<f64>,
    /// Arm minus baseline.
    pub difference: Estimate,
}

impl Comparison {
    /// Difference ÷ size of the baseline's mean, so that it has the sign of the difference; `None`
    /// where that is 0.
    pub fn relative(&self) -> Option<f64> {
        let baseline = self.baseline_mean.filter(|&mean| mean != 0.0)?;
        Some(self.difference.mean? / baseline.abs())
    }
}

/// Compares every arm with the baseline, in the order of the files. Sides of a class are compared
/// where the same users are on them: at the same adoption.
pub fn compare(results: &Results) -> Vec<Comparison> {
    let baseline = results.design.baseline;
    let base = &results.design.arms[baseline];
    let mut comparisons = Vec::new();
    for (arm, design) in results.design.arms.iter().enumerate() {
        if arm == baseline {
            continue;
        }
        for (column, key) in design.keys().into_iter().enumerate() {
            let class = design.part_name(key.part);
            if key.part.side != Side::All && !has_same_adopters(base, design, key.part) {
                continue;
            }
            let Some(base_column) = column_of(base, &class, key) else {
                continue;
            };
            let both = results.of_arm(baseline).zip(results.of_arm(arm));
            let pairs: Vec<(f64, f64)> = both
                .filter_map(|(b, a)| Some((b.values[base_column]?, a.values[column]?)))
                .collect();
            comparisons.push(compare_pairs(key.metric, &class, arm, &pairs));
        }
    }
    comparisons
}

fn compare_pairs(metric: Metric, class: &str, arm: usize, pairs: &[(f64, f64)]) -> Comparison {
    let differences: Vec<f64> = pairs.iter().map(|(base, arm)| arm - base).collect();
    Comparison {
        metric,
        class: class.to_owned(),
        arm,
        baseline_mean: stats::mean(&pairs.iter().map(|pair| pair.0).collect::<Vec<_>>()),
        arm_mean: stats::mean(&pairs.iter().map(|pair| pair.1).collect::<Vec<_>>()),
        difference: Estimate::of(&differences),
    }
}

/// Whether the users with the client of a part are the same in two arms.
fn has_same_adopters(base: &ArmDesign, arm: &ArmDesign, part: Part) -> bool {
    let name = part.class.map(|class| &arm.classes[class].name);
    let shares = |of: &ArmDesign| -> Vec<(String, u64)> {
        let own = of.classes.iter().filter(|class| name.is_none_or(|name| class.name == *name));
        own.map(|class| (class.name.clone(), class.adopters_in_million)).collect()
    };
    shares(base) == shares(arm)
}

/// Where the baseline keeps the same number of the class with the same name.
fn column_of(base: &ArmDesign, class: &str, key: Key) -> Option<usize> {
    base.keys().iter().position(|other| {
        other.metric == key.metric
            && other.part.class.is_none() == key.part.class.is_none()
            && base.part_name(other.part) == class
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paired_differences_by_hand() {
        // Differences 2, 4, 6: mean 4, sd 2, half width 4.302652730 × 2/√3.
        let pairs = [(10.0, 12.0), (20.0, 24.0), (30.0, 36.0)];
        let c = compare_pairs(Metric::Makespan, "all", 1, &pairs);
        assert_eq!((c.baseline_mean, c.arm_mean), (Some(20.0), Some(24.0)));
        assert_eq!((c.difference.mean, c.difference.sd), (Some(4.0), Some(2.0)));
        let (low, high) = c.difference.interval().expect("three pairs");
        let half = 4.302_652_730 * 2.0 / 3.0_f64.sqrt();
        assert!((low - (4.0 - half)).abs() < 1e-8 && (high - (4.0 + half)).abs() < 1e-8);
        assert_eq!(c.relative(), Some(0.2));
        // From a loss of 20 to a loss of 10: half of it less.
        let less = compare_pairs(Metric::WelfareMean, "all", 1, &[(-20.0, -10.0)]);
        assert_eq!(less.relative(), Some(0.5));
    }

    #[test]
    fn nothing_is_made_up_without_pairs() {
        let none = compare_pairs(Metric::Makespan, "all", 1, &[]);
        assert_eq!((none.difference.mean, none.relative()), (None, None));
        let zero = compare_pairs(Metric::SeedlessShare, "all", 1, &[(0.0, 0.5)]);
        assert_eq!((zero.difference.interval(), zero.relative()), (None, None));
    }
}
