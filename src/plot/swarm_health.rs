//! The swarm over time: leechers, seeders, availability, use of the upload links, completions.
//!
//! Runs end at different times. Counts of a run that has ended keep their last value, rates are
//! averaged over the runs that still go on, and a curve stops when fewer than half of them do. What
//! leechers do and how busy links are with them is not drawn while hardly any is there: what one or
//! two happen to do then says nothing of the swarm.

use super::axis::Axis;
use super::curves::{self, Curve, Measure};
use super::page::{Entry, Figure, Grid, Look, Page, Panel, Words};
use super::style::{self, Stroke, TextStyle};
use super::svg::{Point, Rect};
use super::table::{
    AVAILABILITY, COMPLETED, LEECHERS, PROGRESS, Results, SEEDERS, SEEDLESS, UTILISATION,
};
use super::text::{self, Unit};
use crate::units::f64_of_len;

/// Up to so many arms share the panels; beyond, each has a row of its own.
const N_ARMS_TOGETHER: usize = 6;

/// Up to so many arms in a panel have bands.
const N_BANDS: usize = 4;
/// Columns where each arm has a row; progress is left out.
const N_IN_ROWS: usize = 5;

/// Hardly any leecher is there below this part of the most there were, in the mean over runs.
const FEW: f64 = 0.05;

/// What panels show, and by which name.
const SHOWN: [(Measure, &str); 6] = [
    (Measure::count(LEECHERS), "Leechers"),
    (Measure::count(SEEDERS), "Seeders"),
    (Measure::count(COMPLETED), "Completed"),
    (Measure::rate(AVAILABILITY), "Availability (copies)"),
    (Measure::rate(UTILISATION), "Upload links busy"),
    (Measure::rate(PROGRESS).mean_over(LEECHERS), "Mean progress of leechers"),
];

/// Whether panel `i` shows a measure.
fn shows(i: usize, measure: usize) -> bool {
    SHOWN[i].0.which == measure
}

/// All curves of an arm, in the order of [`SHOWN`], and when it had no seeder.
struct ArmCurves {
    shown: Vec<Curve>,
    seedless: Curve,
    /// Two values further apart than this have none between them.
    gap_s: f64,
}

/// The figure.
pub(super) fn draw(results: &Results) -> Figure {
    let arms: Vec<ArmCurves> =
        (0..results.arms.len()).map(|arm| arm_curves(results, arm)).collect();
    let mut page = Page::new(&title(results), &results.about.question);
    let end = arms.iter().flat_map(|arm| &arm.shown).filter_map(|c| c.points.last());
    let end_s = end.fold(0.0_f64, |latest, point| latest.max(point.at));
    let unit = Unit::of_time(end_s);
    let axes = Axes {
        end: if end_s > 0.0 { end_s / unit.size } else { 1.0 },
        unit,
        y: (0..SHOWN.len()).map(|i| value_axis(&arms, i)).collect(),
    };
    if arms.len() <= N_ARMS_TOGETHER {
        draw_together(&mut page, &arms, &axes);
    } else {
        draw_rows(&mut page, results, &arms, &axes);
    }
    legend(&mut page, results, &arms);
    let n_runs = arms.iter().flat_map(|arm| &arm.shown).map(|c| c.n_runs).max().unwrap_or(0);
    page.finish("swarm_health", &notes(results, &arms, n_runs))
}

/// What all panels share.
struct Axes {
    end: f64,
    unit: Unit,
    y: Vec<Axis>,
}

fn arm_curves(results: &Results, arm: usize) -> ArmCurves {
    let runs = curves::timelines(&results.timeline, arm);
    let mut shown = SHOWN.map(|(measure, _)| curves::over_time(&runs, measure)).to_vec();
    without_few(&mut shown);
    let seedless = curves::over_time(&runs, Measure::rate(SEEDLESS));
    ArmCurves { shown, seedless, gap_s: curves::gap_s(&results.timeline) }
}

/// Leaves out of the curves about leechers the times at which hardly any is there.
fn without_few(shown: &mut [Curve]) {
    let leechers = shown[0].points.clone();
    let most = leechers.iter().map(|point| point.mean).fold(0.0, f64::max);
    let is_few = |at: f64| {
        let found = leechers.binary_search_by(|point| point.at.total_cmp(&at));
        found.is_ok_and(|i| leechers[i].mean < FEW * most)
    };
    for (i, curve) in shown.iter_mut().enumerate() {
        if shows(i, UTILISATION) || shows(i, PROGRESS) {
            curve.points.retain(|point| !is_few(point.at));
        }
    }
}

/// A curve, with nothing drawn across times without a value.
fn draw_curve(page: &mut Page, panel: &Panel, arm: &ArmCurves, i: usize, look: Look) {
    for part in curves::stretches(&arm.shown[i], arm.gap_s) {
        panel.curve(&mut page.canvas, &part, look);
    }
}

/// From 0, except availability over a wide range: logarithmic. Utilisation is in per cent.
fn value_axis(arms: &[ArmCurves], i: usize) -> Axis {
    if shows(i, UTILISATION) || shows(i, PROGRESS) {
        return Axis::share();
    }
    let points = || arms.iter().flat_map(|arm| &arm.shown[i].points);
    let high = points().map(|point| point.high).fold(0.0, f64::max);
    let least = points().map(|point| point.low).filter(|&low| low > 0.0);
    let least = least.fold(f64::INFINITY, f64::min);
    if shows(i, AVAILABILITY) && high > 30.0 && least > 0.2 {
        return Axis::log(least.min(1.0) * 0.9, high * 1.1);
    }
    Axis::linear(0.0, if high > 0.0 { high * 1.06 } else { 1.0 }, 5)
}

/// One panel per measure, arms as colours.
fn draw_together(page: &mut Page, arms: &[ArmCurves], axes: &Axes) {
    let grid = Grid { gap: 58.0, left: 40.0, right: 8.0, row_gap: 76.0, ..Grid::shared(6) };
    let places = page.panels(SHOWN.len(), grid);
    let bars = if has_seedless(arms) { 2.0 + 5.0 * f64_of_len(arms.len()) } else { 0.0 };
    for (i, area) in places.iter().enumerate() {
        let is_availability = shows(i, AVAILABILITY);
        let x_drop = if is_availability { bars } else { 0.0 };
        let panel = panel_of(Rect { height: area.height - x_drop, ..*area }, axes, i);
        let words = Words {
            title: SHOWN[i].1.to_owned(),
            x_name: format!("time ({})", axes.unit.name),
            x_drop,
            ..Words::default()
        };
        panel.frame(&mut page.canvas, &words);
        reference(page, &panel, i);
        for (arm, curves) in arms.iter().enumerate() {
            let look = look(Stroke::series(arm), arms.len() <= N_BANDS, axes);
            draw_curve(page, &panel, curves, i, look);
        }
        for (arm, curves) in arms.iter().enumerate().filter(|_| is_availability) {
            let top = panel.area.bottom() + 2.0 + 5.0 * f64_of_len(arm);
            seedless_bars(page, &panel, &curves.seedless, axes.unit, (top, style::colour(arm)));
        }
    }
}

/// One row per arm, the first arm in grey behind the others.
fn draw_rows(page: &mut Page, results: &Results, arms: &[ArmCurves], axes: &Axes) {
    let n_columns = N_IN_ROWS;
    let grid = Grid {
        n_columns,
        height: 84.0,
        left: 132.0,
        right: 4.0,
        gap: 38.0,
        row_gap: 20.0,
        head: 32.0,
    };
    let places = page.panels(n_columns * arms.len(), grid);
    for (at, area) in places.iter().enumerate() {
        let (arm, i) = (at / n_columns, at % n_columns);
        let panel = panel_of(*area, axes, i);
        let is_last = arm + 1 == arms.len();
        let words = Words {
            title: if arm == 0 { SHOWN[i].1.to_owned() } else { String::new() },
            x_name: if is_last { format!("time ({})", axes.unit.name) } else { String::new() },
            no_x_numbers: !is_last,
            title_overhang: 20.0,
            ..Words::default()
        };
        panel.frame(&mut page.canvas, &words);
        reference(page, &panel, i);
        if i == 0 {
            let size = 11.5;
            for (line, words) in
                text::name_lines(&results.arms.0[arm], 92.0, size, 3).iter().enumerate()
            {
                let y = area.top + 12.0 + 14.0 * f64_of_len(line);
                let at = Point { x: super::page::MARGIN, y };
                page.canvas.text(at, words, TextStyle::plain(size).bold());
            }
        }
        if arm > 0 {
            let ghost = look(Stroke::solid(style::GHOST, 1.0), false, axes);
            draw_curve(page, &panel, &arms[0], i, ghost);
        }
        let line = Stroke { width: 1.6, ..Stroke::solid(style::colour(0), 1.6) };
        draw_curve(page, &panel, &arms[arm], i, look(line, true, axes));
        if shows(i, AVAILABILITY) {
            let bar = (panel.area.bottom() + 2.0, style::colour(1));
            seedless_bars(page, &panel, &arms[arm].seedless, axes.unit, bar);
        }
    }
}

fn panel_of(area: Rect, axes: &Axes, i: usize) -> Panel {
    let n_ticks = if area.width > 200.0 { 6 } else { 4 };
    let y = if area.height < 100.0 && shows(i, UTILISATION) {
        Axis::share().relabelled(|tick| {
            if [0.25, 0.75].contains(&tick.value) { String::new() } else { tick.label.clone() }
        })
    } else {
        axes.y[i].clone()
    };
    Panel { area, x: Axis::linear(0.0, axes.end, n_ticks), y }
}

fn look(stroke: Stroke, has_band: bool, axes: &Axes) -> Look {
    Look { stroke, has_band, is_stepped: false, x_unit: axes.unit.size }
}

/// Availability 1: below it, the content is not whole.
fn reference(page: &mut Page, panel: &Panel, i: usize) {
    if shows(i, AVAILABILITY) {
        let (from, to) = (panel.point(0.0, 1.0), panel.point(panel.x.high(), 1.0));
        page.canvas.line(from, to, Stroke::solid(style::SOFT, 1.0).dashed("2 2"));
    }
}

/// A bar wherever at least half of the runs had no seeder; `bar` is its top and its colour.
fn seedless_bars(page: &mut Page, panel: &Panel, curve: &Curve, unit: Unit, bar: (f64, &str)) {
    let mut start: Option<f64> = None;
    let points = &curve.points;
    for (i, point) in points.iter().enumerate() {
        let is_seedless = point.mean >= 0.5;
        if is_seedless && start.is_none() {
            start = Some(point.at);
        }
        let is_over = !is_seedless || i + 1 == points.len();
        if let (Some(from), true) = (start, is_over) {
            start = None;
            let left = panel.point(from / unit.size, 0.0).x;
            let width = (panel.point(point.at / unit.size, 0.0).x - left).max(1.0);
            page.canvas.rect(Rect { left, top: bar.0, width, height: 4.0 }, bar.1, 0.85);
        }
    }
}

fn has_seedless(arms: &[ArmCurves]) -> bool {
    arms.iter().flat_map(|arm| &arm.seedless.points).any(|point| point.mean >= 0.5)
}

fn legend(page: &mut Page, results: &Results, arms: &[ArmCurves]) {
    let names = &results.arms.0;
    if arms.len() > N_ARMS_TOGETHER {
        let line = Stroke::solid(style::colour(0), 1.6);
        let ghost = Stroke::solid(style::GHOST, 1.0);
        page.legend(&[
            Entry { stroke: line, ..Entry::series("the arm named at the left", 0) },
            Entry { stroke: ghost, ..Entry::series(&format!("{} for reference", names[0]), 0) },
        ]);
    } else if names.len() > 1 {
        let entries: Vec<Entry> =
            names.iter().enumerate().map(|(arm, name)| Entry::series(name, arm)).collect();
        page.legend(&entries);
    }
}

/// What is seen: how much of the upload capacity was used, up to the last completion.
fn title(results: &Results) -> String {
    let busy = &results.utilisation;
    let known: Vec<f64> = busy.iter().flatten().copied().collect();
    let names = &results.arms.0;
    if known.is_empty() {
        return "The swarm over time".to_owned();
    }
    let opening = "Upload capacity used";
    match names.len() {
        1 => format!("{opening}: {}", text::percent(known[0])),
        2..=4 => {
            let said = |share: &Option<f64>| share.map_or("none".to_owned(), text::percent);
            let each = names.iter().zip(busy).map(|(arm, share)| format!("{arm} {}", said(share)));
            format!("{opening}: {}", each.collect::<Vec<_>>().join(", "))
        }
        _ => {
            format!("{opening}: {}", text::percent_range(&known))
        }
    }
}

fn notes(results: &Results, arms: &[ArmCurves], n_runs: usize) -> Vec<String> {
    let mut notes =
        vec![curves::band_note(n_runs, arms.len() <= N_BANDS || arms.len() > N_ARMS_TOGETHER)];
    if n_runs > 1 {
        notes.push(
            "Curves stop when fewer than half of the runs go on; until then counts of an ended run \
             keep their last value, and the other values are means over the runs that go on."
                .to_owned(),
        );
    }
    notes.push(format!(
        "Links and progress are not shown while there are fewer leechers than {} of the most \
         there were; progress is the mean over the leechers of all runs.",
        text::percent(FEW)
    ));
    notes.push("Dotted: one full copy; below it the content is incomplete.".to_owned());
    if has_seedless(arms) {
        notes.push("Bars below availability: no seeder in at least half of the runs.".to_owned());
    }
    notes.push(format!("{}.", results.about.name));
    notes
}

#[cfg(test)]
mod tests {
    use super::super::curves::Spread;
    use super::*;

    #[test]
    fn what_hardly_any_leecher_does_is_not_drawn() {
        let curve = |means: &[f64]| {
            let points = means.iter().zip(0_u32..).map(|(&mean, at)| {
                let at = f64::from(at);
                Spread { at, mean, low: mean, high: mean }
            });
            Curve { points: points.collect(), n_runs: 4, end: 1.0 }
        };
        let leechers = [2.0, 200.0, 8.0, 10.0, 9.0];
        let mut shown: Vec<Curve> = SHOWN.map(|_| curve(&[0.5; 5])).to_vec();
        shown[0] = curve(&leechers);
        without_few(&mut shown);
        let n_drawn: Vec<_> = shown.iter().map(|curve| curve.points.len()).collect();
        assert_eq!(n_drawn, [5, 5, 5, 5, 2, 2], "2, 8 and 9 of 200 are few, 10 are not");
    }
}
