//! Axes: from values to places on the sheet, and where the ticks go. Coordinates are plotters'.

use plotters::coord::ranged1d::{BoldPoints, Ranged};
use plotters::coord::types::RangedCoordf64;

use super::text;

/// Steps into which plotters divides an axis: finer than a hundredth of a pixel.
const STEPS: i32 = 200_000;

/// A mark on an axis.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Tick {
    pub(super) value: f64,
    pub(super) label: String,
}

/// One axis.
#[derive(Clone)]
pub(super) struct Axis {
    coord: RangedCoordf64,
    low: f64,
    high: f64,
    is_log: bool,
    ticks: Vec<Tick>,
}

impl Axis {
    /// From `low` to `high` in equal steps, about `n_ticks` ticks. A range without length is
    /// widened.
    pub(super) fn linear(low: f64, high: f64, n_ticks: usize) -> Self {
        let high = if high > low { high } else { low + 1.0 };
        let coord = RangedCoordf64::from(low..high);
        let ticks = labelled(coord.key_points(BoldPoints(n_ticks.max(2))));
        Self { coord, low, high, is_log: false, ticks }
    }

    /// From 0 to 1, shown in per cent.
    pub(super) fn share() -> Self {
        let ticks = [0.0, 0.25, 0.5, 0.75, 1.0];
        let ticks = ticks.map(|value| Tick { value, label: text::percent(value) }).to_vec();
        Self { coord: RangedCoordf64::from(0.0..1.0), low: 0.0, high: 1.0, is_log: false, ticks }
    }

    /// From `low` to `high`, both positive, in equal factors.
    pub(super) fn log(low: f64, high: f64) -> Self {
        assert!(low > 0.0, "a logarithmic axis begins above zero");
        let high = if high > low * 1.01 { high } else { low * 10.0 };
        let coord = RangedCoordf64::from(libm::log10(low)..libm::log10(high));
        let is_long = high / low > 500.0;
        let steps: &[f64] = if is_long { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let mut ticks = Vec::new();
        let mut decade = libm::pow(10.0, libm::floor(libm::log10(low)));
        while decade <= high {
            for value in steps.iter().map(|step| step * decade) {
                if value >= low * 0.9999 && value <= high * 1.0001 {
                    ticks.push(Tick { value, label: text::number(value, decimals_of(value)) });
                }
            }
            decade *= 10.0;
        }
        Self { coord, low, high, is_log: true, ticks }
    }

    /// Without ticks and grid lines.
    pub(super) fn without_ticks(mut self) -> Self {
        self.ticks.clear();
        self
    }

    /// With its own names for the ticks it has.
    pub(super) fn relabelled(mut self, name: impl Fn(&Tick) -> String) -> Self {
        for tick in &mut self.ticks {
            tick.label = name(tick);
        }
        self
    }

    pub(super) fn ticks(&self) -> &[Tick] {
        &self.ticks
    }

    pub(super) fn high(&self) -> f64 {
        self.high
    }

    /// The place of `value` between `from` and `to`; beyond the axis is its end.
    pub(super) fn place(&self, value: f64, from: f64, to: f64) -> f64 {
        let value = value.clamp(self.low, self.high);
        let value = if self.is_log { libm::log10(value) } else { value };
        let step = self.coord.map(&value, (0, STEPS));
        from + (to - from) * f64::from(step) / f64::from(STEPS)
    }
}

/// Ticks with as many decimals as their distance needs.
fn labelled(values: Vec<f64>) -> Vec<Tick> {
    let step = match values.as_slice() {
        [first, second, ..] => (second - first).abs(),
        _ => 1.0,
    };
    let decimals = decimals_of(step);
    let tick = |value| Tick { value, label: text::number(value, decimals) };
    values.into_iter().map(tick).collect()
}

/// Decimals that show multiples of `step` without loss (up to six).
fn decimals_of(step: f64) -> usize {
    let mut scaled = step;
    for decimals in 0..6 {
        if (scaled - libm::round(scaled)).abs() < 1e-6 * scaled.max(1e-3) {
            return decimals;
        }
        scaled *= 10.0;
    }
    6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_monotone_and_stay_on_the_axis() {
        for axis in [Axis::linear(0.0, 37.0, 5), Axis::log(0.3, 900.0), Axis::share()] {
            let mut last = -1.0;
            for i in 0..50 {
                let place = axis.place(f64::from(i) * 20.0, 0.0, 100.0);
                assert!((0.0..=100.0).contains(&place) && place >= last);
                last = place;
            }
        }
    }

    #[test]
    fn ticks_have_short_labels() {
        let labels = |axis: Axis| axis.ticks.into_iter().map(|t| t.label).collect::<Vec<_>>();
        assert_eq!(labels(Axis::log(0.5, 30.0)), ["0.5", "1", "2", "5", "10", "20"]);
        let linear = labels(Axis::linear(0.0, 1.0, 6));
        assert!(linear.len() >= 4 && linear.iter().all(|label| label.len() <= 4), "{linear:?}");
    }
}
