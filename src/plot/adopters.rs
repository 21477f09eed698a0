//! Download times of users with the token's client beside those of users without it.

use std::collections::BTreeMap;

use super::curves::{self, Curve, Finishers};
use super::download_times::{self, N_ARMS_TOGETHER, Plate, Series};
use super::page::{Figure, Page};
use super::table::Results;
use super::text::Unit;

const SIDES: [(bool, &str); 2] = [(true, "with the token's client"), (false, "without it")];

/// The figure; `None` unless some users have the client and others do not: where all have it the
/// download times say the same.
pub(super) fn draw(results: &Results) -> Option<Figure> {
    let has = |side: bool| results.leechers.iter().any(|peer| peer.is_adopter == Some(side));
    if !has(true) || !has(false) {
        return None;
    }
    let sides: Vec<(bool, &str)> = SIDES.into_iter().filter(|(side, _)| has(*side)).collect();
    let arms = &results.arms.0;
    let series = |arm, side, style| Series { curve: curve(results, arm, side), style };
    let (plates, legend): (Vec<Plate>, _) = if arms.len() <= N_ARMS_TOGETHER {
        let plate = |&(side, name): &(bool, &str)| Plate {
            title: format!("Users {name}"),
            series: (0..arms.len()).map(|arm| series(arm, side, arm)).collect(),
            ghosts: Vec::new(),
        };
        (sides.iter().map(plate).collect(), download_times::entries(arms))
    } else {
        let of_arm = |arm: usize| Plate {
            title: arms[arm].clone(),
            series: sides.iter().enumerate().map(|(i, (side, _))| series(arm, *side, i)).collect(),
            ghosts: Vec::new(),
        };
        let names: Vec<String> = sides.iter().map(|(_, name)| format!("users {name}")).collect();
        ((0..arms.len()).map(of_arm).collect(), download_times::entries(&names))
    };
    let plates: Vec<Plate> = plates
        .into_iter()
        .map(|mut plate| {
            plate.series.retain(|one| one.curve.n_runs > 0);
            plate
        })
        .collect();
    let notes = download_times::notes(results, &plates);
    let page = Page::new(&title(results, &sides), &results.about.question);
    Some(download_times::fill(page, results, (&plates, &legend)).finish("adopters_cdf", &notes))
}

fn curve(results: &Results, arm: usize, side: bool) -> Curve {
    let mut runs = BTreeMap::<u64, Vec<Option<f64>>>::new();
    let is_meant = |peer: &&super::table::Peer| peer.arm == arm && peer.is_adopter == Some(side);
    for peer in results.leechers.iter().filter(is_meant) {
        runs.entry(peer.replicate).or_default().push(peer.download_time_s);
    }
    let runs: Vec<_> = runs.into_values().map(|run| Finishers::new(run.into_iter())).collect();
    curves::distribution(&runs)
}

/// What is seen: the median of each side in each arm.
fn title(results: &Results, sides: &[(bool, &str)]) -> String {
    let arms = &results.arms.0;
    if arms.len() > 3 {
        return "Download times of users with and without the token's client".to_owned();
    }
    let of_side = |(side, name): &(bool, &str)| {
        let median =
            |arm: usize| curves::quantile(&curve(results, arm, *side), 0.5).filter(|&t| t > 0.0);
        let medians: Vec<Option<f64>> = (0..arms.len()).map(median).collect();
        let unit = Unit::of_time(medians.iter().flatten().copied().fold(0.0, f64::max));
        let said = |arm: usize| {
            let time = medians[arm].map_or("never".to_owned(), |time| unit.say(time));
            format!("{} {time}", arms[arm])
        };
        format!("{name} {}", (0..arms.len()).map(said).collect::<Vec<_>>().join(", "))
    };
    let said: Vec<String> = sides.iter().map(of_side).collect();
    format!("Median download time: {}", said.join("; "))
}
