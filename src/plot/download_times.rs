//! How long downloads took: a cumulative distribution per class and arm.
//!
//! The share is of all leechers of the class that arrived; only finishers raise it, so a curve that
//! ends below 100 % shows how many never finished.

use super::axis::Axis;
use super::curves::{self, Curve, Finishers};
use super::page::{Entry, Figure, Grid, Look, Page, Panel, Words};
use super::style::{self, Stroke, TextStyle};
use super::svg::Point;
use super::table::Results;
use super::text::{self, Unit};
use crate::units::f64_of_len;

/// Up to so many arms share a panel; beyond, each has its own.
pub(super) const N_ARMS_TOGETHER: usize = 6;

/// A curve with the number of its colour and dash pattern.
pub(super) struct Series {
    pub(super) curve: Curve,
    pub(super) style: usize,
}

/// What one panel shows.
pub(super) struct Plate {
    pub(super) title: String,
    pub(super) series: Vec<Series>,
    /// The baseline, in grey, for reference.
    pub(super) ghosts: Vec<Curve>,
}

/// The figure.
pub(super) fn draw(results: &Results) -> Figure {
    let (plates, legend) = plates(results);
    let notes = notes(results, &plates);
    let page = Page::new(&title(results), &results.about.question);
    fill(page, results, (&plates, &legend)).finish("download_times", &notes)
}

/// Draws the panels, and the legend below.
pub(super) fn fill(
    mut page: Page,
    results: &Results,
    (plates, legend): (&[Plate], &[Entry]),
) -> Page {
    let has_unfinished = plates.iter().flat_map(|plate| &plate.series).any(is_unfinished);
    let mut grid = Grid::shared(plates.len());
    grid.head = if plates.iter().all(|plate| plate.title.is_empty()) { 20.0 } else { grid.head };
    if has_unfinished {
        grid.right += 60.0;
        grid.gap = if grid.n_columns == 1 { grid.gap } else { 76.0 };
    }
    let all = plates.iter().flat_map(|p| p.series.iter().map(|s| &s.curve).chain(&p.ghosts));
    let horizon_s = results.timeline.iter().map(|moment| moment.time_s).fold(0.0, f64::max);
    let (x, unit) = time_axis(all, grid.n_columns, horizon_s);
    let places = page.panels(plates.len(), grid);
    for (i, (plate, area)) in plates.iter().zip(&places).enumerate() {
        let panel = Panel { area: *area, x: x.clone(), y: Axis::share() };
        let words = words_of(plate, unit, Seat { i, n: plates.len(), n_columns: grid.n_columns });
        panel.frame(&mut page.canvas, &words);
        draw_plate(&mut page, &panel, plate, unit);
    }
    if legend.len() > 1 {
        page.legend(legend);
    }
    page
}

/// Which of the panels one is.
#[derive(Clone, Copy)]
pub(super) struct Seat {
    pub(super) i: usize,
    pub(super) n: usize,
    pub(super) n_columns: usize,
}

impl Seat {
    pub(super) fn is_first_column(self) -> bool {
        self.i.is_multiple_of(self.n_columns)
    }

    /// Whether no panel stands below.
    pub(super) fn is_lowest(self) -> bool {
        self.i + self.n_columns >= self.n
    }
}

fn words_of(plate: &Plate, unit: Unit, seat: Seat) -> Words {
    let x_name = format!("download time ({})", unit.name);
    let y_name = "leechers that finished".to_owned();
    Words {
        title: plate.title.clone(),
        x_name: if seat.is_lowest() { x_name } else { String::new() },
        y_name: if seat.is_first_column() { y_name } else { String::new() },
        no_x_numbers: !seat.is_lowest(),
        no_y_numbers: !seat.is_first_column(),
        title_overhang: 20.0,
        ..Words::default()
    }
}

/// Classes as panels and arms as colours while the arms are few; else arms as panels.
fn plates(results: &Results) -> (Vec<Plate>, Vec<Entry>) {
    let (arms, classes) = (&results.arms.0, &results.classes.0);
    let curve = |arm: usize, class: usize| {
        let runs: Vec<_> =
            results.runs_of(arm, class).iter().map(|run| Finishers::of(run)).collect();
        curves::distribution(&runs)
    };
    let series = |arm, class, style| Some(Series { curve: curve(arm, class), style });
    let some = |list: Vec<Option<Series>>| {
        list.into_iter().flatten().filter(|s| s.curve.n_runs > 0).collect()
    };
    if arms.len() == 1 {
        let all = (0..classes.len()).map(|class| series(0, class, class)).collect();
        let plate = Plate { title: String::new(), series: some(all), ghosts: Vec::new() };
        return (vec![plate], entries(classes));
    }
    if arms.len() <= N_ARMS_TOGETHER {
        let plate = |class: usize| Plate {
            title: if classes.len() > 1 { classes[class].clone() } else { String::new() },
            series: some((0..arms.len()).map(|arm| series(arm, class, arm)).collect()),
            ghosts: Vec::new(),
        };
        return ((0..classes.len()).map(plate).collect(), entries(arms));
    }
    let baseline: Vec<Curve> = (0..classes.len()).map(|class| curve(0, class)).collect();
    let plate = |arm: usize| Plate {
        title: arms[arm].clone(),
        series: some((0..classes.len()).map(|class| series(arm, class, class)).collect()),
        ghosts: if arm == 0 { Vec::new() } else { baseline.clone() },
    };
    let mut legend = entries(classes);
    let ghost = Entry { stroke: ghost_stroke(), ..Entry::series(&arms[0], 0) };
    legend.push(Entry { label: format!("{} for reference", ghost.label), ..ghost });
    ((0..arms.len()).map(plate).collect(), legend)
}

fn ghost_stroke() -> Stroke {
    Stroke::solid(style::GHOST, 1.1)
}

pub(super) fn entries(names: &[String]) -> Vec<Entry> {
    names.iter().enumerate().map(|(i, name)| Entry::series(name, i)).collect()
}

fn is_unfinished(series: &Series) -> bool {
    series.curve.end < 1.0 - 1e-9
}

/// An axis of times that holds all curves, and its unit; logarithmic if they differ very much.
/// Without any finisher it ends at the horizon.
pub(super) fn time_axis<'a>(
    curves: impl Iterator<Item = &'a Curve>,
    n_columns: usize,
    horizon_s: f64,
) -> (Axis, Unit) {
    let (mut low, mut high) = (f64::INFINITY, 0.0_f64);
    for curve in curves {
        // The first twentieth of the finishers may be lone early birds.
        let start = curves::quantile(curve, 0.05 * curve.end).filter(|&time| time > 0.0);
        low = start.map_or(low, |time| low.min(time));
        high = curve.points.last().map_or(high, |last| high.max(last.at));
    }
    let high = if high > 0.0 { high } else { horizon_s.max(1.0) };
    let unit = Unit::of_time(if high > 40.0 * low { high / 4.0 } else { high });
    let n_ticks = if n_columns > 2 { 5 } else { 9 };
    let axis = if high > 40.0 * low {
        Axis::log(low * 0.8 / unit.size, high * 1.05 / unit.size)
    } else {
        Axis::linear(0.0, high * 1.03 / unit.size, n_ticks)
    };
    (axis, unit)
}

fn draw_plate(page: &mut Page, panel: &Panel, plate: &Plate, unit: Unit) {
    let look = |stroke, has_band| Look { stroke, has_band, is_stepped: true, x_unit: unit.size };
    for ghost in &plate.ghosts {
        panel.curve(&mut page.canvas, ghost, look(ghost_stroke(), false));
    }
    for series in &plate.series {
        panel.curve(&mut page.canvas, &series.curve, look(Stroke::series(series.style), true));
    }
    if plate.series.iter().all(|series| series.curve.points.is_empty()) {
        let middle = Point {
            x: panel.area.left + panel.area.width / 2.0,
            y: panel.area.top + panel.area.height * 0.375 + 4.0,
        };
        let style = TextStyle::plain(13.0).colour(style::SOFT).anchor(style::Anchor::Middle);
        page.canvas.text(middle, "nobody finished", style);
        return;
    }
    let unfinished: Vec<&Series> = plate.series.iter().filter(|s| is_unfinished(s)).collect();
    end_labels(page, panel, &unfinished, unit);
}

/// Where a curve ends below 100 %: a cross, and its final share in the margin.
fn end_labels(page: &mut Page, panel: &Panel, series: &[&Series], unit: Unit) {
    let mut labels: Vec<(f64, &Series)> = Vec::new();
    for one in series {
        let at = one.curve.points.last().map_or(0.0, |last| last.at / unit.size);
        let end = panel.point(at, one.curve.end);
        cross(page, end, style::colour(one.style));
        labels.push((end.y, one));
    }
    labels.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut floor = panel.area.top;
    for (y, one) in &labels {
        let y = (y + 3.8).max(floor);
        floor = y + 13.0;
        let style = TextStyle::plain(10.5).bold().colour(style::colour(one.style));
        let at = Point { x: panel.area.right() + 6.0, y };
        page.canvas.text(at, &text::percent(one.curve.end), style);
    }
}

fn cross(page: &mut Page, at: Point, colour: &'static str) {
    let stroke = Stroke::solid(colour, 1.8);
    for (dx, dy) in [(4.0, 4.0), (4.0, -4.0)] {
        let from = Point { x: at.x - dx, y: at.y - dy };
        page.canvas.line(from, Point { x: at.x + dx, y: at.y + dy }, stroke);
    }
}

/// What is seen: the median download times.
fn title(results: &Results) -> String {
    let medians: Vec<Option<f64>> =
        (0..results.arms.len()).map(|arm| quantile_of_arm(results, arm, 0.5)).collect();
    let arms = &results.arms.0;
    let unit = Unit::of_time(medians.iter().flatten().copied().fold(0.0, f64::max));
    let said = |arm: usize| medians[arm].map_or("never".to_owned(), |time| unit.say(time));
    let known = || medians.iter().enumerate().filter_map(|(arm, m)| m.map(|time| (time, arm)));
    let Some((_, fast)) = known().min_by(|a, b| a.0.total_cmp(&b.0)) else {
        let all = results.leechers.iter().all(|peer| peer.download_time_s.is_none());
        let words =
            if all { "No leecher finished" } else { "Fewer than half of the leechers finished" };
        return words.to_owned();
    };
    match arms.len() {
        1 => match quantile_of_arm(results, 0, 0.95) {
            Some(late) => format!(
                "Half of the leechers finish within {}, 95\u{202f}% within {}",
                said(0),
                text::time(late)
            ),
            None => format!("Half of the leechers finish within {}, some never", said(0)),
        },
        2..=4 => {
            let each = (0..arms.len()).map(|arm| format!("{} {}", arms[arm], said(arm)));
            format!("Median download time: {}", each.collect::<Vec<_>>().join(", "))
        }
        _ => {
            let worst = |a: &usize, b: &usize| {
                let late = |arm: usize| medians[arm].unwrap_or(f64::INFINITY);
                late(*a).total_cmp(&late(*b))
            };
            let slow = (0..arms.len()).max_by(worst).unwrap_or(fast);
            let n_never = medians.iter().filter(|median| median.is_none()).count();
            let slowest = match n_never {
                0 | 1 => arms[slow].clone(),
                n => text::counted(n, "arm"),
            };
            let (first, last) = (said(fast), said(slow));
            format!("Median download time from {first} ({}) to {last} ({slowest})", arms[fast])
        }
    }
}

/// Over all classes of an arm.
fn quantile_of_arm(results: &Results, arm: usize, share: f64) -> Option<f64> {
    let mut runs = std::collections::BTreeMap::<u64, Vec<Option<f64>>>::new();
    for peer in results.leechers.iter().filter(|peer| peer.arm == arm) {
        runs.entry(peer.replicate).or_default().push(peer.download_time_s);
    }
    let runs: Vec<_> = runs.into_values().map(|run| Finishers::new(run.into_iter())).collect();
    curves::quantile(&curves::distribution(&runs), share)
}

pub(super) fn notes(results: &Results, plates: &[Plate]) -> Vec<String> {
    let all = || plates.iter().flat_map(|plate| &plate.series);
    let n_runs = all().map(|series| series.curve.n_runs).max().unwrap_or(0);
    let mut notes = vec![curves::band_note(n_runs, true)];
    if all().any(|series| is_unfinished(series) && series.curve.end > 0.0) {
        notes.push(
            "A cross ends a curve below 100\u{202f}%: the other leechers had not finished; \
             the final share stands in the margin."
                .to_owned(),
        );
    }
    let n = f64_of_len(results.leechers.len());
    notes.push(format!("{} leechers in all runs. {}.", text::number(n, 0), results.about.name));
    notes
}
