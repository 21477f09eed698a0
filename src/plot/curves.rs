//! Curves over replicates: cumulative distributions and timelines, each with its band.
//!
//! Law: every replicate weighs the same, except in a mean over leechers. The band spans all
//! replicates, or their 5–95 % range when there are more than [`N_BAND_ALL`].

use std::collections::BTreeMap;

use super::table::{Moment, Peer};
use crate::units::{f64_of_len, floor_usize};

/// Up to so many replicates the band is their full range.
pub(super) const N_BAND_ALL: usize = 20;
/// Points kept of a curve: more than a panel has pixels to show.
pub(super) const N_POINTS: usize = 400;

/// A mean over replicates with its band.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Curve {
    pub(super) points: Vec<Spread>,
    /// Replicates it was made from.
    pub(super) n_runs: usize,
    /// Share of the leechers that finished, for a distribution.
    pub(super) end: f64,
}

/// The replicates at one place of a curve.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Spread {
    pub(super) at: f64,
    pub(super) mean: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

/// The download times of one run: who finished when, out of how many.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Finishers {
    times_s: Vec<f64>,
    n_arrived: usize,
}

impl Finishers {
    pub(super) fn new(times: impl Iterator<Item = Option<f64>>) -> Self {
        let all: Vec<Option<f64>> = times.collect();
        let mut times_s: Vec<f64> = all.iter().filter_map(|time| *time).collect();
        times_s.sort_by(f64::total_cmp);
        Self { times_s, n_arrived: all.len() }
    }

    pub(super) fn of(run: &[&Peer]) -> Self {
        Self::new(run.iter().map(|peer| peer.download_time_s))
    }

    /// Share of all that arrived which finished within `time_s`.
    pub(super) fn share_by(&self, time_s: f64) -> f64 {
        let n = self.times_s.partition_point(|&time| time <= time_s);
        f64_of_len(n) / f64_of_len(self.n_arrived.max(1))
    }
}

/// The distribution over `runs`: rises with finishers only, and ends where the last one finished.
pub(super) fn distribution(runs: &[Finishers]) -> Curve {
    let mut times: Vec<f64> = runs.iter().flat_map(|run| run.times_s.iter().copied()).collect();
    times.sort_by(f64::total_cmp);
    times.dedup();
    let times = thinned(&times, N_POINTS);
    let shares = |time: f64| runs.iter().map(|run| run.share_by(time)).collect::<Vec<_>>();
    let points: Vec<Spread> = times.iter().filter_map(|&time| spread(time, shares(time))).collect();
    let end = points.last().map_or(0.0, |last| last.mean);
    Curve { points, n_runs: runs.len(), end }
}

/// The time by which `share` of the leechers had finished, in the mean over runs.
pub(super) fn quantile(curve: &Curve, share: f64) -> Option<f64> {
    curve.points.iter().find(|point| point.mean >= share - 1e-12).map(|point| point.at)
}

/// How a measure is averaged when some runs have ended.
#[derive(Clone, Copy, PartialEq, Debug)]
enum AfterEnd {
    /// A count keeps its last value.
    Holds,
    /// A rate exists only while the run does.
    Absent,
}

/// Runs of an arm: their timelines in order of time.
pub(super) fn timelines(moments: &[Moment], arm: usize) -> Vec<Vec<&Moment>> {
    let mut runs = BTreeMap::<u64, Vec<&Moment>>::new();
    for moment in moments.iter().filter(|moment| moment.arm == arm) {
        runs.entry(moment.replicate).or_default().push(moment);
    }
    for run in runs.values_mut() {
        run.sort_by(|a, b| a.time_s.total_cmp(&b.time_s));
    }
    runs.into_values().collect()
}

/// A measure of the timeline and how it is averaged over runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measure {
    pub(super) which: usize,
    after: AfterEnd,
    /// The measure by which runs count; without, all count the same.
    weight: Option<usize>,
}

impl Measure {
    /// A number of something.
    pub(super) const fn count(which: usize) -> Self {
        Self { which, after: AfterEnd::Holds, weight: None }
    }

    /// What is only while a run goes on.
    pub(super) const fn rate(which: usize) -> Self {
        Self { which, after: AfterEnd::Absent, weight: None }
    }

    /// A mean over those that another measure of the same moment counts: each of them weighs the
    /// same, so a run with few of them left moves it little, and not at all by its end.
    pub(super) const fn mean_over(self, counted: usize) -> Self {
        Self { weight: Some(counted), ..self }
    }
}

/// A measure over time. The curve stops when fewer than half of the runs go on.
pub(super) fn over_time(runs: &[Vec<&Moment>], measure: Measure) -> Curve {
    let Measure { which, after, weight } = measure;
    let mut times: Vec<f64> = runs.iter().flatten().map(|moment| moment.time_s).collect();
    times.sort_by(f64::total_cmp);
    times.dedup();
    let n_going = |time: f64| {
        runs.iter().filter(|run| run.last().is_some_and(|end| end.time_s >= time)).count()
    };
    times.retain(|&time| n_going(time) * 2 >= runs.len());
    let values = |time: f64| -> Vec<(f64, f64)> {
        let value = |run: &Vec<&Moment>| {
            let n_past = run.partition_point(|moment| moment.time_s <= time);
            let has_ended = n_past == run.len() && run.last()?.time_s < time;
            if n_past == 0 || (has_ended && after == AfterEnd::Absent) {
                return None;
            }
            let row = &run[n_past - 1].values;
            let weight = weight.map_or(1.0, |counted| row[counted].unwrap_or(0.0));
            Some((row[which]?, weight))
        };
        runs.iter().filter_map(value).collect()
    };
    let times = thinned(&times, N_POINTS);
    // Of fewer than half of the runs a mean says more of who is left than of the swarm.
    let are_enough = |values: &Vec<_>| 2 * values.len() >= runs.len();
    let points = times.iter().filter_map(|&time| {
        let values = Some(values(time)).filter(|v| after == AfterEnd::Holds || are_enough(v))?;
        let whole: f64 = values.iter().map(|(_, weight)| weight).sum();
        let sum: f64 = values.iter().map(|(value, weight)| value * weight).sum();
        let band = spread(time, values.into_iter().map(|(value, _)| value).collect())?;
        Some(if whole > 0.0 { Spread { mean: sum / whole, ..band } } else { band })
    });
    let points = points.collect();
    Curve { points, n_runs: runs.len(), end: 1.0 }
}

/// Nothing was there for longer than this where two values stand further apart: two rows, or two of
/// the points that are kept of them.
pub(super) fn gap_s(moments: &[Moment]) -> f64 {
    let mut times: Vec<f64> = moments.iter().map(|moment| moment.time_s).collect();
    times.sort_by(f64::total_cmp);
    times.dedup();
    let rows = times.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
    let kept = times.len().div_ceil(N_POINTS).max(1);
    2.01 * rows * f64_of_len(kept)
}

/// The parts of a curve whose mean is at most `high`, to where the line crosses it. The band of
/// such a part ends there, too.
pub(super) fn up_to(curve: &Curve, high: f64) -> Vec<Curve> {
    let crossing = |a: &Spread, b: &Spread| {
        let way = (high - a.mean) / (b.mean - a.mean);
        let between = |of: fn(&Spread) -> f64| of(a) + way * (of(b) - of(a));
        let (at, low, top) = (between(|p| p.at), between(|p| p.low), between(|p| p.high));
        Spread { at, mean: high, low, high: top }
    };
    let mut parts: Vec<Vec<Spread>> = vec![Vec::new()];
    let mut before: Option<&Spread> = None;
    for point in &curve.points {
        let crosses = before.filter(|before| (before.mean <= high) != (point.mean <= high));
        let end = crosses.map(|before| crossing(before, point));
        parts.last_mut().expect("begins with one").extend(end);
        if point.mean <= high {
            parts.last_mut().expect("begins with one").push(*point);
        } else if end.is_some() {
            parts.push(Vec::new());
        }
        before = Some(point);
    }
    let some = parts.into_iter().filter(|points| !points.is_empty());
    some.map(|points| Curve { points, ..*curve }).collect()
}

/// The parts of a curve between which it has no value for longer than `gap`. A single value is
/// drawn as long as half the gap, so that it can be seen.
pub(super) fn stretches(curve: &Curve, gap: f64) -> Vec<Curve> {
    let parts = curve.points.chunk_by(|a, b| b.at - a.at <= gap);
    let part = |points: &[Spread]| {
        let mut points = points.to_vec();
        if let [only] = points[..] {
            let ends = [only.at - gap / 4.0, only.at + gap / 4.0];
            points = ends.map(|at| Spread { at: at.max(0.0), ..only }).to_vec();
        }
        Curve { points, ..*curve }
    };
    parts.map(part).collect()
}

/// At most `n` of `values`, evenly, first and last among them.
pub(super) fn thinned(values: &[f64], n: usize) -> Vec<f64> {
    if values.len() <= n {
        return values.to_vec();
    }
    let last = values.len() - 1;
    (0..n).map(|i| values[i * last / (n - 1)]).collect()
}

/// Mean and band of the replicates' values at one place.
pub(super) fn spread(at: f64, mut values: Vec<f64>) -> Option<Spread> {
    if values.is_empty() {
        return None;
    }
    values.sort_by(f64::total_cmp);
    let mean = values.iter().sum::<f64>() / f64_of_len(values.len());
    let trim = if values.len() > N_BAND_ALL { 0.05 } else { 0.0 };
    Some(Spread {
        at,
        mean,
        low: sorted_quantile(&values, trim),
        high: sorted_quantile(&values, 1.0 - trim),
    })
}

/// The `share` quantile of sorted values (nearest rank from below); 0 of nothing.
pub(super) fn sorted_quantile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get(floor_usize(share * f64_of_len(last) + 0.5)).copied().unwrap_or(0.0)
}

/// What line and band mean, for a note under the figure.
pub(super) fn band_note(n_runs: usize, has_band: bool) -> String {
    match n_runs {
        0 | 1 => "One run, so no band.".to_owned(),
        n if !has_band => format!("Line: mean of {n} runs."),
        n if n <= N_BAND_ALL => {
            format!("Line: mean of {n} runs; band: from lowest to highest run.")
        }
        n => format!("Line: mean of {n} runs; band: middle 90\u{202f}% of the runs."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distribution_stops_below_one_when_some_never_finish() {
        let runs = [
            Finishers::new([Some(2.0), Some(4.0), None, None].into_iter()),
            Finishers::new([Some(1.0), Some(4.0), Some(9.0), None].into_iter()),
        ];
        let curve = distribution(&runs);
        assert_eq!(curve.end, 0.625);
        assert_eq!(quantile(&curve, 0.5), Some(4.0));
        assert_eq!(quantile(&curve, 0.9), None);
        assert_eq!(curve.points[0], Spread { at: 1.0, mean: 0.125, low: 0.0, high: 0.25 });
    }

    #[test]
    fn a_curve_is_not_drawn_across_times_without_a_value() {
        let at = |at: f64| Spread { at, mean: 1.0, low: 1.0, high: 1.0 };
        let points = [1.0, 2.0, 3.0, 9.0, 20.0, 21.0].map(at).to_vec();
        let parts = stretches(&Curve { points, n_runs: 3, end: 1.0 }, 2.0);
        let places = |curve: &Curve| curve.points.iter().map(|p| p.at).collect::<Vec<_>>();
        let places: Vec<_> = parts.iter().map(places).collect();
        assert_eq!(places, [vec![1.0, 2.0, 3.0], vec![8.5, 9.5], vec![20.0, 21.0]]);
        assert!(parts.iter().all(|part| part.n_runs == 3));
    }

    #[test]
    fn a_line_leaves_at_the_end_of_the_axis_and_comes_back() {
        let at = |at: f64, mean: f64| Spread { at, mean, low: mean - 1.0, high: mean + 1.0 };
        let points = vec![at(0.0, 2.0), at(1.0, 6.0), at(2.0, 8.0), at(3.0, 4.0)];
        let parts = up_to(&Curve { points, n_runs: 2, end: 1.0 }, 5.0);
        let drawn: Vec<_> = parts.into_iter().map(|part| part.points).collect();
        assert_eq!(
            drawn,
            [vec![at(0.0, 2.0), at(0.75, 5.0)], vec![at(2.75, 5.0), at(3.0, 4.0)]],
            "nothing runs along the upper edge"
        );
    }

    #[test]
    fn counts_hold_and_rates_end_with_their_run() {
        let moment = |replicate, time_s, value| Moment {
            arm: 0,
            replicate,
            time_s,
            values: [Some(value); super::super::table::N_MEASURES],
        };
        let rows = [moment(0, 1.0, 4.0), moment(1, 1.0, 2.0), moment(1, 2.0, 8.0)];
        let runs = timelines(&rows, 0);
        assert_eq!(over_time(&runs, Measure::count(0)).points[1].mean, 6.0);
        assert_eq!(over_time(&runs, Measure::rate(0)).points[1].mean, 8.0);
        let rows = [moment(0, 1.0, 4.0), moment(1, 1.0, 2.0), moment(2, 1.0, 2.0)];
        let rows = [&rows[..], &[moment(2, 2.0, 8.0)]].concat();
        let runs = timelines(&rows, 0);
        assert_eq!(over_time(&runs, Measure::rate(0)).points.len(), 1, "one run of three");
    }

    /// Two runs of 9 leechers and 1 at half and none of the content; then the lone one is gone.
    #[test]
    fn a_mean_over_leechers_hardly_moves_when_the_last_of_a_run_ends() {
        let moment = |replicate, time_s, leechers, progress| {
            let mut values = [None; super::super::table::N_MEASURES];
            (values[0], values[1]) = (Some(leechers), Some(progress));
            Moment { arm: 0, replicate, time_s, values }
        };
        let rows = [moment(0, 1.0, 9.0, 0.5), moment(1, 1.0, 1.0, 0.0), moment(0, 2.0, 9.0, 0.5)];
        let means = |measure| -> Vec<f64> {
            let curve = over_time(&timelines(&rows, 0), measure);
            curve.points.iter().map(|point| point.mean).collect()
        };
        assert_eq!(means(Measure::rate(1).mean_over(0)), [0.45, 0.5]);
        assert_eq!(means(Measure::rate(1)), [0.25, 0.5]);
    }
}
