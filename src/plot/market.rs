//! The market over time: what a GiB costs, and how fast money turns over.
//!
//! The last few users may pay many times what all others did. The axis of prices ends where nearly
//! everything that was sold lies below; a line that goes on leaves through the top, and a note says
//! how far.

use super::axis::Axis;
use super::books::{PRICE, SOLD_GIB, VELOCITY};
use super::curves::{self, Curve, Measure};
use super::page::{Entry, Figure, Grid, Look, Page, Panel, Words};
use super::style::Stroke;
use super::table::{Moment, Results};
use super::text::{self, Unit};

/// Up to so many arms have bands.
const N_BANDS: usize = 4;
const SHOWN: [(usize, &str); 2] =
    [(PRICE, "Price of upload (BTT per GiB)"), (VELOCITY, "Turnovers of the money per day")];

/// The axis of prices holds so much of what each arm sold.
const USUAL: f64 = 0.99;
/// Dearer sales have room, too, while it is no more than this much of that of the others.
const ROOM: f64 = 1.5;

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
            curves::over_time(&runs, Measure::rate(which))
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
    let gap_s = curves::gap_s(market);
    let unit = Unit::of_time(end_s);
    let mut page = Page::new(&title(results, &arms), &results.about.question);
    let grid = Grid { gap: 70.0, left: 46.0, ..Grid::shared(2) };
    let places = page.panels(SHOWN.len(), grid);
    let usual = arms.iter().filter_map(|&arm| price_below(market, arm, USUAL)).fold(0.0, f64::max);
    for ((area, (which, name)), curves) in places.into_iter().zip(SHOWN).zip(&shown) {
        let x = Axis::linear(0.0, end_s / unit.size, 6);
        let limit = if which == PRICE { usual } else { f64::INFINITY };
        let panel = Panel { area, x, y: value_axis(curves, limit) };
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
                for part in curves::up_to(&part, panel.y.high()) {
                    panel.curve(&mut page.canvas, &part, look);
                }
            }
        }
    }
    let entry = |&arm: &usize| Entry::series(&results.arms.0[arm], arm);
    page.legend(&arms.iter().map(entry).collect::<Vec<_>>());
    let n_runs = shown.iter().flatten().map(|curve| curve.n_runs).max().unwrap_or(0);
    let mut notes = vec![
        curves::band_note(n_runs, arms.len() <= N_BANDS),
        "Between two rows of prices.csv: what was paid \u{f7} the data paid for, and what was paid \
         \u{f7} the money users hold, per day. No line: nothing was sold in \
         more than half of the runs."
            .to_owned(),
    ];
    notes.extend(beyond_note(results, &arms, &shown[0], value_axis(&shown[0], usual).high()));
    notes.push(format!("{}.", results.about.name));
    Some(page.finish("market", &notes))
}

/// The price below which `part` of the data sold in an arm was sold, over all its runs; `None` if
/// nothing was.
fn price_below(market: &[Moment], arm: usize, part: f64) -> Option<f64> {
    let of_arm = market.iter().filter(|moment| moment.arm == arm);
    let mut sales: Vec<(f64, f64)> =
        of_arm.filter_map(|row| row.values[PRICE].zip(row.values[SOLD_GIB])).collect();
    sales.sort_by(|a, b| a.0.total_cmp(&b.0));
    let whole: f64 = sales.iter().map(|(_, gib)| gib).sum();
    let mut sold = 0.0;
    let reaches = |(_, gib): &&(f64, f64)| {
        sold += gib;
        sold >= part * whole
    };
    sales.iter().find(reaches).map(|(price, _)| *price)
}

/// How far lines go on above the axis; `None` if none does.
fn beyond_note(results: &Results, arms: &[usize], prices: &[Curve], end: f64) -> Option<String> {
    let most = |curve: &Curve| curve.points.iter().map(|point| point.mean).fold(0.0, f64::max);
    let said: Vec<String> = arms
        .iter()
        .zip(prices)
        .filter(|(_, curve)| most(curve) > end)
        .map(|(&arm, curve)| format!("{} to {}", results.arms.0[arm], text::rounded(most(curve))))
        .collect();
    let percent = text::percent(1.0 - USUAL);
    (!said.is_empty()).then(|| {
        format!(
            "Prices that leave through the top, at which at most {percent} of an arm's data was \
             sold, go on: {} BTT per GiB.",
            said.join(", ")
        )
    })
}

/// From 0 while the means are within two orders of magnitude and none is 0; else logarithmic. What
/// lies far above `usual` has no room.
fn value_axis(curves: &[Curve], usual: f64) -> Axis {
    let points = || curves.iter().flat_map(|curve| &curve.points);
    let high = points().map(|point| point.high).fold(0.0, f64::max);
    let high = if high > ROOM * usual { usual * 1.05 } else { high };
    let means = points().map(|point| point.mean).filter(|&mean| mean <= high);
    let least = means.clone().fold(f64::INFINITY, f64::min);
    let most = means.fold(0.0, f64::max);
    if least.is_finite() && least > 0.0 && most > 100.0 * least {
        return Axis::log(least * 0.9, high.max(most) * 1.1);
    }
    Axis::linear(0.0, if high > 0.0 { high * 1.06 } else { 1.0 }, 5)
}

/// What most of the data sold cost: what the last few users paid moves no median.
fn title(results: &Results, arms: &[usize]) -> String {
    if arms.len() > 3 {
        return "The price of a GiB, and how fast money turns over".to_owned();
    }
    let median = |&arm: &usize| {
        let price = price_below(&results.books.market, arm, 0.5);
        let said = price.map_or("none".to_owned(), |price| format!("{} BTT", text::rounded(price)));
        format!("{} {said}", results.arms.0[arm])
    };
    let said: Vec<String> = arms.iter().map(median).collect();
    format!("Median price of a GiB sold: {}", said.join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::curves::Spread;
    use super::super::table::N_MEASURES;
    use super::*;

    fn sale(price: f64, gib: f64) -> Moment {
        let mut values = [None; N_MEASURES];
        (values[PRICE], values[SOLD_GIB]) = (Some(price), Some(gib));
        Moment { arm: 0, replicate: 0, time_s: 1.0, values }
    }

    #[test]
    fn prices_weigh_as_much_as_was_sold_at_them() {
        let market = [sale(900.0, 0.005), sale(100.0, 0.6), sale(200.0, 0.4)];
        assert_eq!(price_below(&market, 0, 0.5), Some(100.0));
        assert_eq!(price_below(&market, 0, 0.99), Some(200.0), "900 is what half a per cent cost");
        assert_eq!(price_below(&market, 1, 0.5), None);
    }

    #[test]
    fn few_sales_do_not_stretch_the_axis_and_are_told() {
        let at = |at: f64, mean: f64| Spread { at, mean, low: mean, high: mean };
        let points = vec![at(0.0, 100.0), at(1.0, 200.0), at(2.0, 900.0)];
        let curves = [Curve { points, n_runs: 1, end: 1.0 }];
        let end = value_axis(&curves, 200.0).high();
        assert!((200.0..230.0).contains(&end), "{end}");
        assert!(value_axis(&curves, 800.0).high() > 900.0, "a little more has room");
        let mut results = Results::default();
        results.arms.id("token");
        let note = beyond_note(&results, &[0], &curves, end).expect("a note");
        assert!(note.contains("at most 1\u{202f}% of") && note.contains("token to 900"), "{note}");
        assert!(beyond_note(&results, &[0], &curves, 950.0).is_none());
    }
}
