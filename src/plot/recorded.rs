//! Recorded swarms beside simulated ones: both as cumulative distributions of download times.

use super::axis::Axis;
use super::curves::{self, Curve, Finishers, Spread};
use super::download_times::{Seat, time_axis};
use super::page::{Entry, Figure, Grid, Look, Mark, Page, Panel, Words};
use super::style::{self, Stroke};
use super::table::{Names, Results};
use super::text;

/// What one panel shows: a class.
struct Plate {
    class: String,
    recorded: Vec<Curve>,
    simulated: Vec<Curve>,
}

/// The figure; `None` without recordings.
pub(super) fn draw(results: &Results) -> Option<Figure> {
    let plates = plates(results);
    if plates.is_empty() {
        return None;
    }
    let mut page = Page::new(&title(&plates, &results.arms.0), &results.about.question);
    let mut grid = Grid::shared(plates.len());
    grid.head = if plates.len() > 1 { grid.head } else { 20.0 };
    let all = || plates.iter().flat_map(|plate| plate.recorded.iter().chain(&plate.simulated));
    let (mut x, unit) = time_axis(all(), grid.n_columns, 0.0);
    // What matters is the gap between the curves: where all lie far from 0, so does the axis.
    let ends = |at: fn(&[Spread]) -> Option<&Spread>| {
        all().filter_map(move |curve| at(&curve.points)).map(|point| point.at)
    };
    let first = ends(<[Spread]>::first).fold(f64::INFINITY, f64::min);
    let last = ends(<[Spread]>::last).fold(0.0, f64::max);
    if first.is_finite() && first > last / 2.0 {
        let n_ticks = if grid.n_columns > 2 { 5 } else { 9 };
        let margin = 0.05 * (last - first).max(0.1 * last);
        x = Axis::linear((first - margin) / unit.size, (last + margin) / unit.size, n_ticks);
    }
    let places = page.panels(plates.len(), grid);
    for (i, (plate, area)) in plates.iter().zip(&places).enumerate() {
        let panel = Panel { area: *area, x: x.clone(), y: Axis::share() };
        let seat = Seat { i, n: plates.len(), n_columns: grid.n_columns };
        let name = |is_shown: bool, name: String| if is_shown { name } else { String::new() };
        let words = Words {
            title: name(plates.len() > 1, plate.class.clone()),
            x_name: name(seat.is_lowest(), format!("download time ({})", unit.name)),
            y_name: name(seat.is_first_column(), "leechers that finished".to_owned()),
            no_x_numbers: !seat.is_lowest(),
            no_y_numbers: !seat.is_first_column(),
            title_overhang: 20.0,
            ..Words::default()
        };
        panel.frame(&mut page.canvas, &words);
        let look =
            |stroke, has_band| Look { stroke, has_band, is_stepped: true, x_unit: unit.size };
        for curve in &plate.recorded {
            panel.curve(&mut page.canvas, curve, look(recorded_stroke(), false));
        }
        for (arm, curve) in plate.simulated.iter().enumerate() {
            panel.curve(&mut page.canvas, curve, look(Stroke::series(arm), true));
        }
    }
    page.legend(&legend(results));
    let n_runs = plates.iter().flat_map(|p| &p.simulated).map(|c| c.n_runs).max().unwrap_or(0);
    let notes = [
        "Thin grey lines: one per recorded repetition; colour: simulated.".to_owned(),
        curves::band_note(n_runs, true),
        format!("{}.", results.about.name),
    ];
    Some(page.finish("recorded_cdf", &notes))
}

fn recorded_stroke() -> Stroke {
    Stroke { colour: style::INK, width: 1.0, dash: "", opacity: 0.55 }
}

fn legend(results: &Results) -> Vec<Entry> {
    let recorded =
        Entry { label: "recorded".to_owned(), stroke: recorded_stroke(), mark: Mark::Line };
    let arms = &results.arms.0;
    let label = |name: &str| match arms.len() {
        1 => "simulated".to_owned(),
        _ => format!("simulated: {name}"),
    };
    let simulated = arms.iter().enumerate().map(|(arm, name)| Entry::series(&label(name), arm));
    std::iter::once(recorded).chain(simulated).collect()
}

/// One per recorded class, in the order of the recording.
fn plates(results: &Results) -> Vec<Plate> {
    let mut classes = Names::default();
    let mut repetitions = Names::default();
    for download in &results.recorded {
        classes.id(&download.class);
        repetitions.id(&download.repetition);
    }
    let recorded = |class: &str, repetition: &str| {
        let of_both = |d: &&super::table::Recorded| d.class == class && d.repetition == repetition;
        let times = results.recorded.iter().filter(of_both).map(|d| d.download_time_s);
        curves::distribution(&[Finishers::new(times)])
    };
    let simulated = |class: &str, arm: usize| {
        let Some(class) = results.classes.0.iter().position(|name| name == class) else {
            return Curve::default();
        };
        let runs = results.runs_of(arm, class);
        curves::distribution(&runs.iter().map(|run| Finishers::of(run)).collect::<Vec<_>>())
    };
    let plate = |class: &String| Plate {
        class: class.clone(),
        recorded: repetitions.0.iter().map(|repetition| recorded(class, repetition)).collect(),
        simulated: (0..results.arms.len()).map(|arm| simulated(class, arm)).collect(),
    };
    classes.0.iter().map(plate).collect()
}

/// What is seen: how far the simulated medians are from the recorded ones (middle repetition).
fn title(plates: &[Plate], arms: &[String]) -> String {
    let plain = "Recorded and simulated download times".to_owned();
    let recorded = |plate: &Plate| {
        let mut medians: Vec<f64> =
            plate.recorded.iter().filter_map(|curve| curves::quantile(curve, 0.5)).collect();
        medians.sort_by(f64::total_cmp);
        (!medians.is_empty()).then(|| curves::sorted_quantile(&medians, 0.5))
    };
    let simulated = |plate: &Plate, arm: usize| curves::quantile(plate.simulated.get(arm)?, 0.5);
    let words: Option<Vec<String>> = match (plates, arms) {
        ([plate], arms) if arms.len() <= 3 => {
            let Some(recorded) = recorded(plate) else { return plain };
            let mut words = format!("Median download time: recorded {}", text::time(recorded));
            for (arm, name) in arms.iter().enumerate() {
                let time = simulated(plate, arm).map_or("never".to_owned(), text::time);
                let name = if arms.len() > 1 { name.as_str() } else { "simulated" };
                words.extend([", ", name, " ", &time]);
            }
            return words;
        }
        (plates, [_]) if plates.len() <= 4 => {
            let off = |plate: &Plate| {
                let by = simulated(plate, 0)? / recorded(plate)? - 1.0;
                let sign = if by > 0.0 { "+" } else { "" };
                let by = text::number(by * 100.0, 0);
                Some(format!("{} {sign}{by}\u{202f}%", plate.class))
            };
            plates.iter().map(off).collect()
        }
        _ => None,
    };
    words.map_or(plain, |words| {
        format!("Simulated medians against recorded ones: {}", words.join(", "))
    })
}
