//! How long torrents have every piece: survival by arm, after Kaplan and Meier.

use super::axis::Axis;
use super::books::TorrentLife;
use super::curves::{Curve, Spread};
use super::page::{Entry, Figure, Grid, Look, Page, Panel, Words};
use super::style::Stroke;
use super::table::Results;
use super::text::{self, Unit};
use crate::report::survival::{self, Life, Step};
use crate::units::f64_of_len;

/// Up to so many arms have bands.
const N_BANDS: usize = 4;

/// The figure; `None` without several torrents.
pub(super) fn draw(results: &Results) -> Option<Figure> {
    let torrents = &results.books.torrents;
    let arms: Vec<usize> = (0..results.arms.len())
        .filter(|&arm| torrents.iter().any(|torrent| torrent.arm == arm))
        .collect();
    if arms.is_empty() {
        return None;
    }
    let steps: Vec<Vec<Step>> = arms.iter().map(|&arm| steps_of(torrents, arm)).collect();
    let end_s = torrents.iter().map(|torrent| torrent.time_s).fold(1.0, f64::max);
    let unit = Unit::of_time(end_s);
    let mut page = Page::new(&title(results, &arms, &steps, unit), &results.about.question);
    let places = page.panels(1, Grid::shared(1));
    let x = Axis::linear(0.0, end_s * 1.01 / unit.size, 9);
    let panel = Panel { area: places[0], x, y: Axis::share() };
    let words = Words {
        title: "Torrents that never lost the last copy of a piece".to_owned(),
        x_name: format!("time since release ({})", unit.name),
        y_name: "torrents".to_owned(),
        ..Words::default()
    };
    panel.frame(&mut page.canvas, &words);
    for (&arm, steps) in arms.iter().zip(&steps) {
        let watched = torrents.iter().filter(|torrent| torrent.arm == arm);
        let curve = curve(steps, watched.map(|torrent| torrent.time_s).fold(0.0, f64::max));
        let look = Look {
            stroke: Stroke::series(arm),
            has_band: arms.len() <= N_BANDS,
            is_stepped: false,
            x_unit: unit.size,
        };
        panel.curve(&mut page.canvas, &curve, look);
    }
    let entry = |&arm: &usize| Entry::series(&results.arms.0[arm], arm);
    page.legend(&arms.iter().map(entry).collect::<Vec<_>>());
    Some(page.finish("availability_survival", &notes(results, &arms)))
}

/// All torrents of all runs of an arm together.
fn steps_of(torrents: &[TorrentLife], arm: usize) -> Vec<Step> {
    let life = |torrent: &TorrentLife| Life { time: torrent.time_s, ended: torrent.ended };
    let lives: Vec<Life> = torrents.iter().filter(|t| t.arm == arm).map(life).collect();
    survival::kaplan_meier(&lives).unwrap_or_default()
}

/// A curve of horizontal and vertical lines, from 1 at the release to the end of what was watched.
fn curve(steps: &[Step], end_s: f64) -> Curve {
    let mut points = vec![Spread { at: 0.0, mean: 1.0, low: 1.0, high: 1.0 }];
    for step in steps {
        let before = *points.last().expect("begins with one");
        let (low, high) = step.band().unwrap_or((0.0, before.high));
        points.push(Spread { at: step.time, ..before });
        points.push(Spread { at: step.time, mean: step.survival, low, high });
    }
    let last = *points.last().expect("begins with one");
    points.push(Spread { at: end_s, ..last });
    // Two, so that it has a band.
    Curve { points, n_runs: 2, end: 1.0 }
}

fn title(results: &Results, arms: &[usize], steps: &[Vec<Step>], unit: Unit) -> String {
    let said: Vec<String> = arms
        .iter()
        .zip(steps)
        .map(|(&arm, steps)| {
            let name = &results.arms.0[arm];
            if let Some(time) = survival::time_to(steps, 0.5) {
                return format!("{name} half of them for {}", unit.say(time));
            }
            let left = steps.last().map_or(1.0, |step| step.survival);
            format!("{name} {} of them to the end of the runs", text::percent(left))
        })
        .collect();
    if said.len() > 3 {
        return "How long torrents keep every piece".to_owned();
    }
    format!("How long torrents keep every piece: {}", said.join(", "))
}

fn notes(results: &Results, arms: &[usize]) -> Vec<String> {
    let n = results.books.torrents.iter().filter(|torrent| arms.contains(&torrent.arm)).count();
    let band = if arms.len() <= N_BANDS {
        "Line: Kaplan and Meier; band: 95\u{202f}% at each time, as if torrents were independent."
    } else {
        "Lines: Kaplan and Meier."
    };
    vec![
        band.to_owned(),
        "Torrents that had every piece when their run ended are only known to last longer."
            .to_owned(),
        format!("{} torrents in all runs. {}.", text::number(f64_of_len(n), 0), results.about.name),
    ]
}
