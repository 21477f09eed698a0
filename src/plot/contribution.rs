//! What each leecher gave and took, and the line where both are equal.
//!
//! When all took about the same (a swarm where everybody finishes), a plane of upload against
//! download is one vertical line; then the classes stand side by side and only upload is an axis.

use super::axis::Axis;
use super::curves::sorted_quantile;
use super::download_times::Seat;
use super::page::{Entry, Figure, Grid, MARGIN, Page, Panel, WIDTH, Words};
use super::style::{self, Anchor, Stroke, TextStyle};
use super::svg::Point;
use super::table::{Peer, Results};
use super::text::{self, Unit};
use crate::units::{f64_of, f64_of_len};

/// Points drawn in one figure; more would only blacken it.
const N_POINTS: usize = 4000;

/// Dots are strewn over this share of the download axis: those who finished took the same amount.
const JITTER: f64 = 0.02;

/// How the panels are read.
struct Reading {
    /// Everybody downloaded about this much; `None` if the amounts differ.
    alike: Option<f64>,
    /// End of the upload axis, in bytes.
    up: f64,
    /// End of the download axis, in bytes.
    down: f64,
    unit: Unit,
    /// Every so many-th peer is drawn.
    stride: usize,
}

/// The figure.
pub(super) fn draw(results: &Results) -> Figure {
    let reading = reading(&results.leechers);
    let n_arms = results.arms.len();
    let mut page = Page::new(&title(results), &results.about.question);
    let mut grid = Grid::shared(n_arms);
    // The name of the line of fairness stands to the right of each panel.
    (grid.left, grid.right, grid.gap) = (64.0, 48.0, 56.0);
    let is_named = reading.alike.is_some() && names_fit(results, &grid);
    grid.row_gap = if is_named { 56.0 } else { grid.row_gap };
    grid.head = if n_arms > 1 { grid.head } else { 20.0 };
    let places = page.panels(n_arms, grid);
    for (arm, area) in places.iter().enumerate() {
        let seat = Seat { i: arm, n: n_arms, n_columns: grid.n_columns };
        let n_ticks = if grid.n_columns > 2 { 4 } else { 7 };
        let x = if reading.alike.is_some() {
            Axis::linear(0.0, f64_of_len(results.classes.len()), 2).without_ticks()
        } else {
            let end = reading.down / reading.unit.size;
            Axis::linear(-0.03 * end, end, n_ticks)
        };
        let end = reading.up / reading.unit.size;
        let y = Axis::linear(-0.03 * end, end, 6);
        let panel = Panel { area: *area, x, y };
        panel.frame(&mut page.canvas, &words_of(results, &reading, seat, is_named));
        let peers: Vec<&Peer> = results.leechers.iter().filter(|peer| peer.arm == arm).collect();
        draw_peers(&mut page, &panel, results, &peers, &reading);
        fairness(&mut page, &panel, &reading);
        if is_named {
            class_names(&mut page, &panel, results);
        }
    }
    if results.classes.len() > 1 && !is_named {
        let names = results.classes.0.iter().enumerate();
        page.legend(&names.map(|(class, name)| Entry::dot(name, class)).collect::<Vec<_>>());
    }
    page.finish("contribution", &notes(results, &reading))
}

fn words_of(results: &Results, reading: &Reading, seat: Seat, is_named: bool) -> Words {
    let shown = |is_shown: bool, name: String| if is_shown { name } else { String::new() };
    let unit = reading.unit.name;
    let x_name = match reading.alike {
        Some(_) => "leechers, by class".to_owned(),
        None => format!("downloaded ({unit})"),
    };
    Words {
        title: shown(seat.n > 1, results.arms.0[seat.i].clone()),
        x_name: shown(seat.is_lowest() && !is_named, x_name),
        y_name: shown(seat.is_first_column(), format!("uploaded ({unit})")),
        no_x_numbers: !seat.is_lowest() || reading.alike.is_some(),
        no_y_numbers: !seat.is_first_column(),
        title_overhang: 48.0,
        ..Words::default()
    }
}

fn reading(leechers: &[Peer]) -> Reading {
    let sorted = |of: fn(&Peer) -> f64| {
        let mut values: Vec<f64> = leechers.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let up = sorted(|peer| peer.uploaded_bytes);
    let down = sorted(|peer| peer.downloaded_bytes);
    let (few, many) = (sorted_quantile(&down, 0.05), sorted_quantile(&down, 0.95));
    let median = sorted_quantile(&down, 0.5);
    let alike = (median > 0.0 && many - few < 0.12 * median).then_some(median);
    let up_end = axis_end(&up).max(alike.unwrap_or(0.0) * 1.2);
    let down_end = axis_end(&down);
    Reading {
        alike,
        up: up_end,
        down: down_end,
        unit: Unit::of_bytes(up_end.max(down_end)),
        stride: leechers.len().div_ceil(N_POINTS).max(1),
    }
}

/// The largest value, unless few peers lie far beyond the rest.
fn axis_end(sorted: &[f64]) -> f64 {
    let (most, nearly_all) = (sorted_quantile(sorted, 1.0), sorted_quantile(sorted, 0.99));
    let end = if most > 2.0 * nearly_all && nearly_all > 0.0 { nearly_all * 1.3 } else { most };
    if end > 0.0 { end * 1.06 } else { 1024.0 }
}

/// Dots by class, drawn in slices so that no class always covers another, then class means.
fn draw_peers(
    page: &mut Page,
    panel: &Panel,
    results: &Results,
    peers: &[&Peer],
    reading: &Reading,
) {
    let n_classes = results.classes.len();
    let size = reading.unit.size;
    let opacity = if peers.len() / reading.stride > 600 { 0.35 } else { 0.55 };
    let mut dots: Vec<Vec<Point>> = vec![Vec::new(); n_classes];
    for (i, peer) in peers.iter().enumerate().filter(|(i, _)| i % reading.stride == 0) {
        let x = match reading.alike {
            Some(_) => f64_of_len(peer.class) + 0.12 + 0.76 * scatter(i),
            None => (peer.downloaded_bytes + JITTER * reading.down * (scatter(i) - 0.5)) / size,
        };
        dots[peer.class].push(panel.point(x, peer.uploaded_bytes / size));
    }
    for (class, centres) in dots.iter().enumerate() {
        page.canvas.dots(centres, style::colour(class), opacity);
    }
    if reading.alike.is_none() {
        return;
    }
    for class in 0..n_classes {
        let of_class = || peers.iter().filter(|peer| peer.class == class);
        let n = of_class().count();
        if n > 0 {
            let sum: f64 = of_class().map(|peer| peer.uploaded_bytes).sum();
            let mean = sum / f64_of_len(n) / size;
            let at = f64_of_len(class);
            let (from, to) = (panel.point(at + 0.3, mean), panel.point(at + 0.7, mean));
            page.canvas.line(from, to, Stroke::solid("#ffffff", 4.5));
            page.canvas.line(from, to, Stroke::solid(style::INK, 2.2));
        }
    }
}

/// Whether the names of all classes fit below a panel, side by side.
fn names_fit(results: &Results, grid: &Grid) -> bool {
    let columns = f64_of_len(grid.n_columns);
    let room = WIDTH - 2.0 * MARGIN - grid.left - grid.right - grid.gap * (columns - 1.0);
    let each = room / columns / f64_of_len(results.classes.len().max(1));
    results.classes.0.iter().all(|name| text::width(name, 10.5, false) < each - 6.0)
}

fn class_names(page: &mut Page, panel: &Panel, results: &Results) {
    let style = TextStyle::plain(10.5).anchor(Anchor::Middle);
    for (class, name) in results.classes.0.iter().enumerate() {
        let x = panel.point(f64_of_len(class) + 0.5, 0.0).x;
        page.canvas.text(Point { x, y: panel.area.bottom() + 15.5 }, name, style);
    }
}

/// A place in 0..1 for the `i`-th dot: the golden ratio spreads any number of them evenly.
fn scatter(i: usize) -> f64 {
    let turns = f64_of(i as u64) * 0.618_033_988_749_894_9;
    turns - libm::floor(turns)
}

/// Where upload equals download.
fn fairness(page: &mut Page, panel: &Panel, reading: &Reading) {
    let size = reading.unit.size;
    let end = reading.up.min(reading.down) / size;
    let (from, to) = match reading.alike {
        Some(bytes) => (panel.point(0.0, bytes / size), panel.point(panel.x.high(), bytes / size)),
        None => (panel.point(0.0, 0.0), panel.point(end, end)),
    };
    page.canvas.line(from, to, Stroke::solid(style::INK, 1.3).dashed("6 3"));
    let name = TextStyle::plain(10.5).bold();
    if to.x > panel.area.right() - 1.0 {
        let at = Point { x: panel.area.right() + 5.0, y: to.y + 3.8 };
        page.canvas.text(at, "ratio 1", name);
    } else {
        let at = Point { x: to.x, y: panel.area.top - 4.0 };
        page.canvas.text(at, "ratio 1", name.anchor(Anchor::Middle));
    }
}

/// What is seen: how many gave less than they took.
fn title(results: &Results) -> String {
    let share = |arm: usize| {
        let of_arm = || results.leechers.iter().filter(|peer| peer.arm == arm);
        let n_below = of_arm().filter(|peer| peer.uploaded_bytes < peer.downloaded_bytes).count();
        f64_of_len(n_below) / f64_of_len(of_arm().count().max(1))
    };
    let names = &results.arms.0;
    let shares: Vec<f64> = (0..names.len()).map(share).collect();
    let words = "of the leechers upload less than they download";
    match names.len() {
        0 => "Uploads and downloads".to_owned(),
        1 => format!("{} {words}", text::percent(shares[0])),
        2..=4 => {
            let each =
                names.iter().zip(&shares).map(|(arm, s)| format!("{arm} {}", text::percent(*s)));
            format!(
                "Leechers that upload less than they download: {}",
                each.collect::<Vec<_>>().join(", ")
            )
        }
        _ => {
            format!("{} {words}", text::percent_range(&shares))
        }
    }
}

fn notes(results: &Results, reading: &Reading) -> Vec<String> {
    let mut notes =
        vec!["A dot is a leecher; on the dashed line it gave as much as it took.".to_owned()];
    if let Some(bytes) = reading.alike {
        notes.push(format!(
            "All downloaded about {}, so only upload is an axis; \
             a thick line is the mean of its class.",
            reading.unit.say(bytes),
        ));
    }
    let beyond =
        |peer: &&Peer| peer.uploaded_bytes > reading.up || peer.downloaded_bytes > reading.down;
    let n_beyond = results.leechers.iter().filter(beyond).count();
    if n_beyond > 0 {
        notes.push(format!(
            "{} beyond the axes, drawn at their end.",
            text::counted(n_beyond, "leecher")
        ));
    }
    if reading.alike.is_none() {
        notes.push("Dots are strewn a little sideways.".to_owned());
    }
    if reading.stride > 1 {
        let stride = text::number(f64_of_len(reading.stride), 0);
        notes.push(format!("One leecher in {stride} is drawn."));
    }
    let origin: f64 = results.origin_uploaded.iter().sum();
    let all: f64 = results.leechers.iter().map(|peer| peer.uploaded_bytes).sum::<f64>() + origin;
    if origin > 0.0 {
        let share = text::percent(origin / all);
        notes.push(format!("Origin seeders are not shown; they uploaded {share} of all bytes."));
    }
    notes.push(format!("{}.", results.about.name));
    notes
}
