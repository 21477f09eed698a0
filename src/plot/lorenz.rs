//! Who has the money: Lorenz curves of final balances and of income, by arm.
//!
//! Law: the users are those of `gini_of_balances` and `gini_of_income` of all classes, origin
//! seeders among them. One minus twice the area below a curve of one run is the coefficient beside
//! it.

use std::collections::BTreeMap;

use super::axis::Axis;
use super::books::Wallet;
use super::curves::{self, Curve};
use super::page::{Entry, Figure, Grid, Look, Page, Panel, Words};
use super::style::{self, Stroke};
use super::table::Results;
use crate::report::inequality::{self, LorenzPoint};
use crate::units::f64_of_len;

/// Most points of a curve: more than a panel has pixels, so that a bend of many users is whole and
/// the last one, who may have most of it, does not begin a pixel too early.
const N_POINTS: usize = 1001;
/// What the title calls the richest.
const RICHEST: f64 = 0.1;
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
            x_name: "users with a wallet, origin seeders too, the poorest first".to_owned(),
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
    let label = |&arm: &usize| {
        let [balances, income] = SHOWN.map(|(_, of)| gini(wallets, arm, of));
        let name = &results.arms.0[arm];
        Entry::series(&format!("{name}: Gini {balances} of balances, {income} of income"), arm)
    };
    let mut legend: Vec<Entry> = arms.iter().map(label).collect();
    let equal = Entry::series("all have the same", 0);
    legend.push(Entry { stroke: Stroke::solid(style::GHOST, 1.1), ..equal });
    page.legend(&legend);
    let notes = [
        curves::band_note(n_runs, arms.len() <= N_BANDS),
        "Whoever has nothing counts; a run in which nobody has anything does not.".to_owned(),
        origins_note(wallets, &arms),
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

/// The mean Lorenz curve of some runs: at every user of every run, while those are few enough.
fn curve(runs: &[Vec<f64>]) -> Curve {
    let lorenz: Vec<Vec<LorenzPoint>> =
        runs.iter().filter_map(|run| inequality::lorenz(run)).collect();
    let mut parts: Vec<f64> = lorenz.iter().flatten().map(|point| point.population).collect();
    parts.sort_by(f64::total_cmp);
    parts.dedup();
    let held = |at: f64| lorenz.iter().map(|points| held_by(points, at)).collect();
    let parts = curves::thinned(&parts, N_POINTS);
    let points = parts.iter().filter_map(|&at| curves::spread(at, held(at)));
    Curve { points: points.collect(), n_runs: lorenz.len(), end: 1.0 }
}

/// What the poorest `part` have, by linear interpolation.
fn held_by(points: &[LorenzPoint], part: f64) -> f64 {
    let after = points.partition_point(|point| point.population < part);
    let Some(&LorenzPoint { population: high, held }) = points.get(after) else { return 1.0 };
    let Some(before) = after.checked_sub(1).map(|i| points[i]) else { return held };
    before.held + (held - before.held) * (part - before.population) / (high - before.population)
}

/// The mean over runs of a number of the users of each.
fn mean(runs: &[Vec<f64>], of: impl Fn(&[f64]) -> Option<f64>) -> Option<f64> {
    let all: Vec<f64> = runs.iter().filter_map(|run| of(run)).collect();
    (!all.is_empty()).then(|| all.iter().sum::<f64>() / f64_of_len(all.len()))
}

/// As in summary.csv.
fn gini(wallets: &[Wallet], arm: usize, of: Of) -> String {
    let found = mean(&samples(wallets, arm, of), inequality::gini);
    found.map_or("none".to_owned(), |gini| super::text::number(gini, 2))
}

/// Who is in it, and what part of it all origin seeders have: often few users with much.
fn origins_note(wallets: &[Wallet], arms: &[usize]) -> String {
    let part = |arm: usize, of: Of| {
        let all = || wallets.iter().filter(|wallet| wallet.arm == arm);
        let origins: f64 = all().filter(|wallet| wallet.is_origin).map(of).sum();
        let whole: f64 = all().map(of).sum();
        (whole > 0.0).then(|| origins / whole)
    };
    if !wallets.iter().any(|wallet| wallet.is_origin) {
        return "No origin seeder has a wallet.".to_owned();
    }
    let [users, balances, income] = [|_: &Wallet| 1.0, SHOWN[0].1, SHOWN[1].1].map(|of: Of| {
        let parts: Vec<f64> = arms.iter().filter_map(|&arm| part(arm, of)).collect();
        if parts.is_empty() { "none".to_owned() } else { super::text::percent_range(&parts) }
    });
    format!(
        "Origin seeders are among them, in curves and coefficients: {users} of the users, with \
         {balances} of the balances and {income} of the income."
    )
}

/// What is seen: what the richest have.
fn title(results: &Results, arms: &[usize]) -> String {
    let share = |&arm: &usize| {
        let runs = samples(&results.books.wallets, arm, SHOWN[0].1);
        mean(&runs, |run| inequality::top_share(run, RICHEST))
    };
    let shares: Vec<f64> = arms.iter().filter_map(share).collect();
    if shares.is_empty() {
        return "Nobody has any money in the end".to_owned();
    }
    let range = super::text::percent_range(&shares);
    format!("The richest tenth have {range} of the money in the end")
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

    /// One of 256 has half of it all: the curve bends at the last but one and nowhere before.
    #[test]
    fn a_curve_bends_at_its_users() {
        let run = [vec![1.0; 255], vec![257.0]].concat();
        let points = curve(&[run.clone(), run.clone()]).points;
        assert_eq!(points.len(), 257, "from nobody to everybody");
        let [.., before, last] = points[..] else { panic!("a curve") };
        assert_eq!((before.at, before.mean), (255.0 / 256.0, 255.0 / 512.0));
        assert_eq!((last.at, last.mean), (1.0, 1.0));
        let twice_the_area: f64 = points
            .windows(2)
            .map(|pair| (pair[1].at - pair[0].at) * (pair[0].mean + pair[1].mean))
            .sum();
        let gini = inequality::gini(&run).expect("a coefficient");
        assert!((1.0 - twice_the_area - gini).abs() < 1e-12, "{twice_the_area} {gini}");
    }

    #[test]
    fn origin_seeders_are_counted_and_named() {
        let wallet = |is_origin, final_btt| Wallet {
            arm: 0,
            replicate: 0,
            is_origin,
            final_btt,
            earned_btt: 0.0,
        };
        let wallets = [wallet(true, 6.0), wallet(false, 2.0), wallet(false, 2.0)];
        let note = origins_note(&wallets, &[0]);
        let want = "33\u{202f}% of the users, with 60\u{202f}% of the balances and none";
        assert!(note.contains(want), "{note}");
        assert!(origins_note(&wallets[1..], &[0]).starts_with("No origin seeder"));
    }
}
