//! How long things last when some were still there at the end of the run: swarms that live, seeders
//! that stay, leechers that wait.
//!
//! Law: nobody who was only watched until some time says anything about later times; the curve
//! falls from 1 and never rises; without censoring it is the part that lasted longer.

use crate::units::f64_of_len;

/// One life, as far as it was seen.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Life {
    /// Time to its end, or for as long as it was watched; in any unit.
    pub time: f64,
    /// Whether it ended; else it was censored.
    pub ended: bool,
}

/// The curve after the lives that ended at one time.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Step {
    /// When.
    pub time: f64,
    /// Lives that had neither ended nor been censored before.
    pub at_risk: usize,
    /// How many of them ended.
    pub ended: usize,
    /// Part of all lives that lasts longer.
    pub survival: f64,
    /// Standard error by Greenwood's formula; `None` once nobody survives, where it has none.
    pub error: Option<f64>,
}

/// 97.5 % quantile of the normal distribution.
const Z: f64 = 1.959_964;

impl Step {
    /// The 95 % band, survival ± 1.96 standard errors, cut to 0..=1. It holds at one time, not for
    /// the curve as a whole, and is too narrow where few are at risk.
    pub fn band(&self) -> Option<(f64, f64)> {
        let half = Z * self.error?;
        Some(((self.survival - half).max(0.0), (self.survival + half).min(1.0)))
    }
}

/// The curve of Kaplan and Meier (Journal of the American Statistical Association 1958), with
/// standard errors by Greenwood (1926): a step for each time at which lives ended. Lives censored
/// at that time are still at risk. `None` for a time that is negative or not finite.
pub fn kaplan_meier(lives: &[Life]) -> Option<Vec<Step>> {
    if !lives.iter().all(|life| life.time.is_finite() && life.time >= 0.0) {
        return None;
    }
    let mut sorted = lives.to_vec();
    sorted.sort_unstable_by(|a, b| a.time.total_cmp(&b.time));
    let (mut steps, mut survival, mut sum, mut seen) = (Vec::new(), 1.0, 0.0, 0);
    for same in sorted.chunk_by(|a, b| a.time == b.time) {
        let (at_risk, ended) = (sorted.len() - seen, same.iter().filter(|l| l.ended).count());
        seen += same.len();
        if ended == 0 {
            continue;
        }
        let (n, d) = (f64_of_len(at_risk), f64_of_len(ended));
        survival *= (n - d) / n;
        sum += d / (n * (n - d).max(1.0));
        let error = (at_risk > ended).then(|| survival * sum.sqrt());
        steps.push(Step { time: same[0].time, at_risk, ended, survival, error });
    }
    Some(steps)
}

/// Part that lasts longer than `time`.
pub fn survival_at(steps: &[Step], time: f64) -> f64 {
    steps.iter().rev().find(|step| step.time <= time).map_or(1.0, |step| step.survival)
}

/// The first time at which no more than `part` survives: the half-life for 0.5. `None` if more do
/// until the end of what was watched.
pub fn time_to(steps: &[Step], part: f64) -> Option<f64> {
    steps.iter().find(|step| step.survival <= part).map(|step| step.time)
}

/// The mean time that ended within `horizon`, counting those that lasted longer as the horizon:
/// the area under the curve, which exists whatever was censored later. `None` for a horizon that is
/// not finite or not positive.
pub fn restricted_mean(steps: &[Step], horizon: f64) -> Option<f64> {
    if !horizon.is_finite() || horizon <= 0.0 {
        return None;
    }
    let (mut area, mut from, mut survival) = (0.0, 0.0, 1.0);
    for step in steps.iter().filter(|step| step.time < horizon) {
        area += survival * (step.time - from);
        (from, survival) = (step.time, step.survival);
    }
    Some(area + survival * (horizon - from)).filter(|mean| mean.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(got: f64, want: f64, tolerance: f64) {
        assert!((got - want).abs() <= tolerance, "{got} is not {want}");
    }

    fn lives(ended: &[f64], censored: &[f64]) -> Vec<Life> {
        let life = |ended| move |&time: &f64| Life { time, ended };
        ended.iter().map(life(true)).chain(censored.iter().map(life(false))).collect()
    }

    /// The 21 patients on 6-mercaptopurine of Freireich et al., Blood 1963: remissions in weeks,
    /// the textbook example, with its printed survival and standard errors.
    #[test]
    fn the_textbook_table_is_reproduced() {
        let watched = lives(
            &[6.0, 6.0, 6.0, 7.0, 10.0, 13.0, 16.0, 22.0, 23.0],
            &[6.0, 9.0, 10.0, 11.0, 17.0, 19.0, 20.0, 25.0, 32.0, 32.0, 34.0, 35.0],
        );
        let steps = kaplan_meier(&watched).expect("times are finite");
        let printed = [
            (6.0, 21, 3, 0.857, 0.0764),
            (7.0, 17, 1, 0.807, 0.0869),
            (10.0, 15, 1, 0.753, 0.0963),
            (13.0, 12, 1, 0.690, 0.1068),
            (16.0, 11, 1, 0.627, 0.1141),
            (22.0, 7, 1, 0.538, 0.1282),
            (23.0, 6, 1, 0.448, 0.1346),
        ];
        assert_eq!(steps.len(), printed.len());
        for (step, (time, at_risk, ended, survival, error)) in steps.iter().zip(printed) {
            assert_eq!((step.time, step.at_risk, step.ended), (time, at_risk, ended));
            near(step.survival, survival, 5e-4);
            near(step.error.expect("some survive"), error, 5e-5);
        }
        let (low, high) = steps[0].band().expect("some survive");
        near(low, 0.857_143 - 1.959_964 * 0.076_360, 1e-5);
        near(high, 1.0, 0.0);
        assert_eq!((time_to(&steps, 0.5), time_to(&steps, 0.4)), (Some(23.0), None));
        assert_eq!([0.0, 5.9, 6.0].map(|t| survival_at(&steps, t) < 1.0), [false, false, true]);
    }

    /// 1, 2+, 3, 3+, 5: at risk 5, 3, 1; survival 4/5, 4/5 × 2/3, 0; Greenwood 1/20, + 1/6.
    #[test]
    fn five_lives_by_hand() {
        let steps = kaplan_meier(&lives(&[5.0, 1.0, 3.0], &[3.0, 2.0])).expect("finite");
        let found: Vec<_> = steps.iter().map(|s| (s.time, s.at_risk, s.ended)).collect();
        assert_eq!(found, [(1.0, 5, 1), (3.0, 3, 1), (5.0, 1, 1)]);
        near(steps[0].survival, 0.8, 1e-12);
        near(steps[1].survival, 8.0 / 15.0, 1e-12);
        near(steps[0].error.expect("some survive"), 0.8 * (0.05_f64).sqrt(), 1e-12);
        let sum = 1.0 / 20.0 + 1.0 / 6.0;
        near(steps[1].error.expect("some survive"), 8.0 / 15.0 * f64::sqrt(sum), 1e-12);
        assert_eq!((steps[2].survival, steps[2].error, steps[2].band()), (0.0, None, None));
        // 1 × 1 + .8 × 2 + 8/15 × 2, and no more after that.
        near(restricted_mean(&steps, 9.0).expect("finite"), 1.0 + 1.6 + 16.0 / 15.0, 1e-12);
        near(restricted_mean(&steps, 0.5).expect("finite"), 0.5, 1e-12);
    }

    #[test]
    fn without_censoring_it_is_the_part_that_lasted_longer() {
        let times = [4.0, 1.0, 2.0, 2.0, 8.0, 5.0, 2.0, 9.0];
        let steps = kaplan_meier(&lives(&times, &[])).expect("finite");
        for t in [0.0, 1.0, 1.5, 2.0, 4.0, 7.0, 9.0, 10.0] {
            let longer = times.iter().filter(|&&x| x > t).count();
            near(survival_at(&steps, t), f64_of_len(longer) / 8.0, 1e-12);
        }
        near(restricted_mean(&steps, 9.0).expect("finite"), 33.0 / 8.0, 1e-12);
    }

    #[test]
    fn what_does_not_exist_is_none_and_never_nan() {
        assert_eq!(kaplan_meier(&[]), Some(vec![]));
        assert_eq!(kaplan_meier(&lives(&[], &[3.0, 0.0])), Some(vec![]), "nothing ended");
        for bad in [f64::NAN, f64::INFINITY, -1.0] {
            assert_eq!(kaplan_meier(&lives(&[bad], &[1.0])), None);
            assert_eq!(restricted_mean(&[], bad), None);
        }
        let at_once = kaplan_meier(&lives(&[0.0, 0.0], &[])).expect("finite");
        assert_eq!((at_once[0].survival, at_once[0].error), (0.0, None));
    }
}
