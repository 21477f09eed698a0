//! Who has the money: Lorenz curves of final balances and of income, by arm.

use std::collections::BTreeMap;

use super::axis::Axis;
use super::books::Wallet;
use super::curves::{self, Curve};
use super::page::{Entry, Figure, Grid, Look, Page, Panel, Words};
use super::style::{self, Stroke};
use super::table::Results;
use crate::report::inequality::{self, LorenzPoint};
use crate::units::f64_of_len;

/// Points of a curve.
const N_POINTS: usize = 101;
/// Up to so many arms have bands.
const N_BANDS: usize = 4;

type Of = fn(&Wallet) -> f64;
const SHOWN: [(&str, Of); 2] = [
    ("Balances at the end", |wallet| wallet.final_btt),
    ("Income from upload", |wallet| wallet.earned_btt),
];

/// The figure; `None` if nobody has a wallet.
pub(super) fn draw(results: &Results) -> Option<Figure> {
    let wallets = &results.books.wallets;
    let arms: Vec<usize> = (0..results.arms.len())
        .filter(|&arm| wallets.iter().any(|wallet| wallet.arm == arm))
        .collect();
    if arms.is_empty() {
        return None;
    }
    let mut page = Page::new(&title(results, &arms), &results.about.question);
    let grid = Grid { height: 340.0, gap: 60.0, ..Grid::shared(2) };
    let places = page.panels(SHOWN.len(), grid);
    let mut n_runs = 0;
    for (i, (area, (name, of))) in places.into_iter().zip(SHOWN).enumerate() {
        let panel = Panel { area, x: Axis::share(), y: Axis::share() };
        let words = Words {
            title: name.to_owned(),
            x_name: "users with a wallet, the poorest first".to_owned(),
            y_name: if i == 0 { "part of the whole".to_owned() } else { String::new() },
            ..Words::default()
        };
        panel.frame(&mut page.canvas, &words);
        let diagonal = Stroke::solid(style::GHOST, 1.1);
        page.canvas.line(panel.point(0.0, 0.0), panel.point(1.0, 1.0), diagonal);
        for &arm in &arms {
            let curve = curve(&samples(wallets, arm, of));
            n_runs = n_runs.max(curve.n_runs);
            let look = Look {
                stroke: Stroke::series(arm),
                has_band: arms.len() <= N_BANDS,
                is_stepped: false,
                x_unit: 1.0,
            };
            panel.curve(&mut page.canvas, &curve, look);
        }
    }
    let mut legend: Vec<Entry> =
        arms.iter().map(|&arm| Entry::series(&results.arms.0[arm], arm)).collect();
    let equal = Entry::series("all have the same", 0);
    legend.push(Entry { stroke: Stroke::solid(style::GHOST, 1.1), ..equal });
    page.legend(&legend);
    let notes = [
        curves::band_note(n_runs, arms.len() <= N_BANDS),
        "Whoever has nothing counts; a run in which nobody has anything does not.".to_owned(),
        format!("{}.", results.about.name),
    ];
    Some(page.finish("lorenz", &notes))
}

/// What the users of each run of an arm have; runs in which nobody has anything have no curve.
fn samples(wallets: &[Wallet], arm: usize, of: Of) -> Vec<Vec<f64>> {
    let mut runs = BTreeMap::<u64, Vec<f64>>::new();
    for wallet in wallets.iter().filter(|wallet| wallet.arm == arm) {
        runs.entry(wallet.replicate).or_default().push(of(wallet));
    }
    runs.into_values().filter(|run| run.iter().any(|&has| has > 0.0)).collect()
}

/// The mean Lorenz curve of some runs.
fn curve(runs: &[Vec<f64>]) -> Curve {
    let lorenz: Vec<Vec<LorenzPoint>> =
        runs.iter().filter_map(|run| inequality::lorenz(run)).collect();
    let spread = |i: usize| {
        let at = f64_of_len(i) / f64_of_len(N_POINTS - 1);
        curves::spread(at, lorenz.iter().map(|points| held_by(points, at)).collect())
    };
    Curve { points: (0..N_POINTS).filter_map(spread).collect(), n_runs: lorenz.len(), end: 1.0 }
}

/// What the poorest `part` have, by linear interpolation.
fn held_by(points: &[LorenzPoint], part: f64) -> f64 {
    let after = points.iter().position(|point| point.population >= part);
    let Some(after) = after else { return 1.0 };
    let Some(before) = after.checked_sub(1).map(|i| points[i]) else { return points[after].held };
    let (low, high) = (before.population, points[after].population);
    before.held + (points[after].held - before.held) * (part - low) / (high - low)
}

fn title(results: &Results, arms: &[usize]) -> String {
    let gini = |arm: usize, of: Of| {
        let runs = samples(&results.books.wallets, arm, of);
        let all: Vec<f64> = runs.iter().filter_map(|run| inequality::gini(run)).collect();
        if all.is_empty() {
            return "none".to_owned();
        }
        super::text::number(all.iter().sum::<f64>() / f64_of_len(all.len()), 2)
    };
    if arms.len() > 3 {
        return "Who has the money at the end, and who earned it".to_owned();
    }
    let said = arms.iter().map(|&arm| {
        let (balances, income) = (gini(arm, SHOWN[0].1), gini(arm, SHOWN[1].1));
        format!("{} {balances} of balances, {income} of income", results.arms.0[arm])
    });
    format!("Gini coefficients: {}", said.collect::<Vec<_>>().join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lorenz_curves_are_read_between_their_points() {
        let points = inequality::lorenz(&[0.0, 2.0, 4.0, 10.0]).expect("a curve");
        for (part, want) in [(0.0, 0.0), (0.25, 0.0), (0.375, 0.0625), (0.75, 0.375), (1.0, 1.0)] {
            assert_eq!(held_by(&points, part), want, "{part}");
        }
    }
}
