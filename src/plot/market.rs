//! The market over time: what a GiB costs, and how fast money turns over.

use super::axis::Axis;
use super::books::{PRICE, VELOCITY};
use super::curves::{self, AfterEnd, Curve};
use super::page::{Entry, Figure, Grid, Look, Page, Panel, Words};
use super::style::Stroke;
use super::table::{Moment, Results};
use super::text::{self, Unit};
use crate::units::f64_of_len;

/// Up to so many arms have bands.
const N_BANDS: usize = 4;
const SHOWN: [(usize, &str); 2] =
    [(PRICE, "Price of upload (BTT per GiB)"), (VELOCITY, "Turnovers of the money per day")];

/// The figure; `None` without a token.
pub(super) fn draw(results: &Results) -> Option<Figure> {
    let market = &results.books.market;
    let arms: Vec<usize> = (0..results.arms.len())
        .filter(|&arm| market.iter().any(|moment| moment.arm == arm))
        .collect();
    if arms.is_empty() {
        return None;
    }
    let curves_of = |which: usize| -> Vec<Curve> {
        let curve = |&arm: &usize| {
            let runs = curves::timelines(market, arm);
            curves::over_time(&runs, which, AfterEnd::Absent)
        };
        arms.iter().map(curve).collect()
    };
    let mut shown: Vec<Vec<Curve>> = SHOWN.iter().map(|(which, _)| curves_of(*which)).collect();
    // After the last sale there is nothing to see.
    let sold = market.iter().filter(|moment| moment.values[PRICE].is_some());
    let end_s = sold.map(|moment| moment.time_s).fold(0.0, f64::max);
    let end_s = if end_s > 0.0 {
        end_s * 1.05
    } else {
        market.iter().map(|moment| moment.time_s).fold(1.0, f64::max)
    };
    shown.iter_mut().flatten().for_each(|curve| curve.points.retain(|point| point.at <= end_s));
    let gap_s = gap_s(market);
    let unit = Unit::of_time(end_s);
    let mut page = Page::new(&title(results, &arms, &shown[0]), &results.about.question);
    let grid = Grid { gap: 70.0, left: 46.0, ..Grid::shared(2) };
    let places = page.panels(SHOWN.len(), grid);
    for ((area, (_, name)), curves) in places.into_iter().zip(SHOWN).zip(&shown) {
        let x = Axis::linear(0.0, end_s / unit.size, 6);
        let panel = Panel { area, x, y: value_axis(curves) };
        let words = Words {
            title: name.to_owned(),
            x_name: format!("time ({})", unit.name),
            title_overhang: 30.0,
            ..Words::default()
        };
        panel.frame(&mut page.canvas, &words);
        for (&arm, curve) in arms.iter().zip(curves) {
            let look = Look {
                stroke: Stroke::series(arm),
                has_band: arms.len() <= N_BANDS,
                is_stepped: false,
                x_unit: unit.size,
            };
            for part in curves::stretches(curve, gap_s) {
                panel.curve(&mut page.canvas, &part, look);
            }
        }
    }
    let entry = |&arm: &usize| Entry::series(&results.arms.0[arm], arm);
    page.legend(&arms.iter().map(entry).collect::<Vec<_>>());
    let n_runs = shown.iter().flatten().map(|curve| curve.n_runs).max().unwrap_or(0);
    let notes = [
        curves::band_note(n_runs, arms.len() <= N_BANDS),
        "Between two rows of prices.csv: what was paid \u{f7} the data paid for, and what was paid \
         \u{f7} the money users hold, per day. No line: nothing was sold in \
         more than half of the runs."
            .to_owned(),
        format!("{}.", results.about.name),
    ];
    Some(page.finish("market", &notes))
}

/// Nothing was sold for longer than this where two values stand further apart: two rows, or two of
/// the points that are kept of them.
fn gap_s(market: &[Moment]) -> f64 {
    let mut times: Vec<f64> = market.iter().map(|moment| moment.time_s).collect();
    times.sort_by(f64::total_cmp);
    times.dedup();
    let rows = times.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
    let kept = times.len().div_ceil(curves::N_POINTS).max(1);
    2.01 * rows * f64_of_len(kept)
}

/// From 0 while the means are within two orders of magnitude and none is 0; else logarithmic.
fn value_axis(curves: &[Curve]) -> Axis {
    let points = || curves.iter().flat_map(|curve| &curve.points);
    let high = points().map(|point| point.high).fold(0.0, f64::max);
    let means = points().map(|point| point.mean);
    let least = means.clone().fold(f64::INFINITY, f64::min);
    let most = means.fold(0.0, f64::max);
    if least.is_finite() && least > 0.0 && most > 100.0 * least {
        return Axis::log(least * 0.9, high.max(most) * 1.1);
    }
    Axis::linear(0.0, if high > 0.0 { high * 1.06 } else { 1.0 }, 5)
}

fn title(results: &Results, arms: &[usize], prices: &[Curve]) -> String {
    let range = |curve: &Curve| {
        let means = || curve.points.iter().map(|point| point.mean);
        let low = means().fold(f64::INFINITY, f64::min);
        low.is_finite().then(|| (low, means().fold(0.0, f64::max)))
    };
    let said: Vec<String> = arms
        .iter()
        .zip(prices)
        .map(|(&arm, curve)| {
            let name = &results.arms.0[arm];
            range(curve).map_or(format!("{name} nothing was sold"), |(low, high)| {
                format!("{name} {} to {} BTT", text::rounded(low), text::rounded(high))
            })
        })
        .collect();
    if said.len() > 3 {
        return "The price of a GiB, and how fast money turns over".to_owned();
    }
    format!("The price of a GiB: {}", said.join(", "))
}
