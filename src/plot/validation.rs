//! Theory over simulation: a figure per check, from `curves.csv`.
//!
//! A theory is a line, what was simulated are points; both have the colour of their name.

use std::collections::BTreeSet;
use std::path::Path;

use super::PlotError;
use super::axis::Axis;
use super::page::{Entry, Grid, Mark, Page, Panel, Words};
use super::style::{self, Stroke};
use super::svg::Point;
use crate::report::schema::{CURVES, CurveRow};

/// All figures, by name, in the order of the file.
pub(super) fn draw(folder: &Path) -> Result<Vec<(String, String)>, PlotError> {
    let rows = read(folder)?;
    let names = in_order(rows.iter().map(|row| row.check.as_str()));
    let figure = |name: &str| {
        let rows: Vec<&CurveRow> = rows.iter().filter(|row| row.check == name).collect();
        (name.to_owned(), sheet(name, &rows))
    };
    Ok(names.into_iter().map(figure).collect())
}

fn read(folder: &Path) -> Result<Vec<CurveRow>, PlotError> {
    let fault = |source| PlotError::Csv { file: CURVES.to_owned(), source };
    let mut reader = csv::Reader::from_path(folder.join(CURVES)).map_err(fault)?;
    let mut rows = Vec::new();
    for row in reader.deserialize() {
        let row: CurveRow = row.map_err(fault)?;
        if row.x.is_finite() && row.y.is_finite() {
            rows.push(row);
        }
    }
    Ok(rows)
}

/// Each name once, as they first appear.
fn in_order<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = BTreeSet::new();
    names.filter(|name| seen.insert(*name)).collect()
}

fn sheet(check: &str, rows: &[&CurveRow]) -> String {
    // Where one axis is what was recorded and the other what was simulated, points are both.
    let both = rows.iter().all(|row| row.y_name.starts_with("recorded"));
    let key = if both {
        "Lines: where recorded and simulated times are equal. Points: recorded swarms."
    } else {
        "Lines: theory, published or recorded. Points and thin lines: simulated."
    };
    let mut page = Page::new(check, key);
    let curves = in_order(rows.iter().map(|row| row.curve.as_str()));
    let panels = in_order(rows.iter().map(|row| row.panel.as_str()));
    let grid = Grid { gap: 84.0, row_gap: 76.0, ..Grid::shared(panels.len()) };
    let places = page.panels(panels.len(), grid);
    for (title, area) in panels.iter().zip(places) {
        let rows: Vec<&CurveRow> = rows.iter().filter(|row| row.panel == *title).copied().collect();
        let first = rows[0];
        let panel = Panel {
            area,
            x: axis(&first.x_scale, rows.iter().map(|row| row.x), true),
            y: axis(&first.y_scale, rows.iter().map(|row| row.y), false),
        };
        let words = Words {
            title: (*title).to_owned(),
            x_name: first.x_name.clone(),
            y_name: first.y_name.clone(),
            title_overhang: 60.0,
            ..Words::default()
        };
        panel.frame(&mut page.canvas, &words);
        for role in ["theory", "trace", "simulation"] {
            for (i, curve) in curves.iter().enumerate() {
                let points: Vec<Point> = rows
                    .iter()
                    .filter(|row| row.curve == *curve && row.role == role)
                    .map(|row| panel.point(row.x, row.y))
                    .collect();
                trace(&mut page, &points, role, i);
            }
        }
    }
    page.legend(&legend(rows, &curves));
    page.finish("validation", &[]).svg
}

fn trace(page: &mut Page, points: &[Point], role: &str, series: usize) {
    if role == "simulation" {
        for point in points {
            let is_ring = Mark::of_series(series) == Mark::Ring;
            page.canvas.disc(*point, 3.4, style::colour(series), is_ring);
        }
    } else {
        page.canvas.path(points, stroke(role, series));
    }
}

fn stroke(role: &str, series: usize) -> Stroke {
    let width = if role == "trace" { 1.2 } else { 1.9 };
    let solid = Stroke::solid(style::colour(series), width);
    // Where several theories stand alone, dashes tell them apart in print.
    if role == "theory" && series > 0 { solid.dashed(style::dash(series)) } else { solid }
}

fn legend(rows: &[&CurveRow], curves: &[&str]) -> Vec<Entry> {
    let mut entries = Vec::new();
    for (i, curve) in curves.iter().enumerate() {
        let roles =
            in_order(rows.iter().filter(|row| row.curve == *curve).map(|row| row.role.as_str()));
        for role in &roles {
            let label =
                if roles.len() > 1 { format!("{curve} ({role})") } else { (*curve).to_owned() };
            let mark = if *role == "simulation" { Mark::of_series(i) } else { Mark::Line };
            entries.push(Entry { label, stroke: stroke(role, i), mark });
        }
    }
    entries
}

/// An axis that holds all values; a linear y axis begins at 0 unless that wastes half of it.
fn axis(scale: &str, values: impl Iterator<Item = f64>, is_x: bool) -> Axis {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    if scale == "log" {
        let low = low.max(1e-9);
        let margin = if is_x { 1.04 } else { 1.2 };
        return Axis::log(low / margin, (high * margin).max(low * 1.1));
    }
    let room = 0.06 * (high - low);
    if low >= 0.0 && low < if is_x { 0.25 } else { 0.5 } * high {
        return Axis::linear(0.0, high + room, 6);
    }
    Axis::linear(low - room, high + room, 6)
}
