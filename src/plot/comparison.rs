//! Arms against the baseline: paired differences with their 95 % intervals, one row each.

use super::axis::Axis;
use super::page::{Entry, Figure, MARGIN, Page, Panel, WIDTH, Words};
use super::style::{self, Anchor, Stroke, TextStyle};
use super::svg::{Point, Rect};
use super::table::{Difference, Names, Results};
use super::text;
use crate::units::f64_of_len;

/// Rows drawn; the others are in the file.
const N_ROWS: usize = 56;
const ROW: f64 = 18.0;
const LABELS: f64 = 236.0;
const NUMBERS: f64 = 176.0;

/// Metrics shown, most wanted first: its name in the file, its name on paper, which way is better.
const METRICS: [(&str, &str, Better); 14] = [
    ("download_time_mean", "Mean download time", Better::Lower),
    ("download_time_median", "Median download time", Better::Lower),
    ("download_time_p95", "95th percentile of download time", Better::Lower),
    ("unfinished_share", "Unfinished leechers", Better::Lower),
    ("makespan", "Time until the last finished", Better::Lower),
    ("upload_utilisation", "Upload links busy", Better::Higher),
    ("free_rider_advantage", "Free-rider advantage", Better::Lower),
    ("availability_min", "Lowest availability", Better::Higher),
    ("availability_half_life", "Half-life of availability", Better::Higher),
    ("first_copy", "Time until the first copy is out", Better::Lower),
    ("copy1", "Time until the first copy is out", Better::Lower),
    ("jain", "Jain index of ratios", Better::Higher),
    ("gini", "Gini of uploads", Better::Lower),
    ("utilisation", "Upload links busy", Better::Higher),
];

/// Which direction people want.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Better {
    Lower,
    Higher,
    Unknown,
}

/// One line of the plot.
struct Row {
    class: String,
    arm: usize,
    /// Relative difference and interval in per cent of the baseline's mean.
    estimate: Option<Estimate>,
    numbers: String,
}

#[derive(Clone, Copy)]
struct Estimate {
    middle: f64,
    interval: Option<(f64, f64)>,
}

impl Estimate {
    fn is_clear(&self) -> bool {
        self.interval.is_some_and(|(low, high)| low > 0.0 || high < 0.0)
    }
}

/// Rows of one metric.
struct Group {
    name: String,
    better: Better,
    rows: Vec<Row>,
}

/// The figure; `None` if nothing was compared.
pub(super) fn draw(results: &Results) -> Option<Figure> {
    let baseline = results.differences.first()?.baseline.clone();
    let mut arms = Names::default();
    let (groups, n_left) = groups(&results.differences, &mut arms);
    if groups.is_empty() {
        return None;
    }
    let mut page = Page::new(&title(&groups, &baseline), &results.about.question);
    let n_rows: usize = groups.iter().map(|group| group.rows.len()).sum();
    let lines = f64_of_len(n_rows) + 1.6 * f64_of_len(groups.len());
    let area = Rect {
        left: MARGIN + LABELS,
        top: page.top + 34.0,
        width: WIDTH - 2.0 * MARGIN - LABELS - NUMBERS,
        height: lines * ROW,
    };
    let limit = limit_of(&groups);
    let x = Axis::linear(-limit, limit, 7).relabelled(|tick| signed(tick.value));
    let panel = Panel { area, x, y: Axis::linear(0.0, lines, 2).relabelled(|_| String::new()) };
    frame(&mut page, &panel, &baseline);
    draw_groups(&mut page, &panel, &groups, arms.len() > 1);
    page.top = area.bottom() + 54.0;
    if arms.len() > 1 {
        let names = arms.0.iter().enumerate();
        page.legend(&names.map(|(arm, name)| Entry::dot(name, arm + 1)).collect::<Vec<_>>());
    }
    Some(page.finish("comparison", &notes(results, &groups, n_left, limit)))
}

/// The rows by metric, the most wanted first, at most [`N_ROWS`]; and how many were left out.
fn groups(differences: &[Difference], arms: &mut Names) -> (Vec<Group>, usize) {
    let mut metrics = Names::default();
    for difference in differences {
        arms.id(&difference.arm);
        metrics.id(&difference.metric);
    }
    let mut wanted: Vec<&String> = metrics.0.iter().collect();
    wanted.sort_by_key(|metric| known(metric).unwrap_or(METRICS.len()));
    let (mut groups, mut n_rows, mut n_left) = (Vec::new(), 0, 0);
    for metric in wanted {
        let of_metric = || differences.iter().filter(|d| d.metric == *metric);
        let n = of_metric().count();
        if n_rows + n > N_ROWS && n_rows > 0 {
            n_left += n;
            continue;
        }
        n_rows += n;
        let named = known(metric).map(|i| METRICS[i]);
        let plain = metric.trim_end_matches("_s").replace('_', " ");
        groups.push(Group {
            name: named.map_or(plain, |(_, name, _)| name.to_owned()),
            better: named.map_or(Better::Unknown, |(_, _, better)| better),
            rows: of_metric().take(N_ROWS).map(|d| row(d, arms)).collect(),
        });
        n_left += n.saturating_sub(N_ROWS);
    }
    (groups, n_left)
}

/// Position in [`METRICS`]; a unit at the end of the name (`_s`) does not matter.
fn known(metric: &str) -> Option<usize> {
    let bare = metric.replace("time_s", "time");
    let bare = bare.trim_end_matches("_s");
    let named = |name: &str| name == bare || (name.len() > 3 && bare.starts_with(name));
    METRICS.iter().position(|(name, _, _)| *name == bare).or_else(|| {
        METRICS.iter().position(|(name, _, _)| ["jain", "gini"].contains(name) && named(name))
    })
}

fn row(difference: &Difference, arms: &mut Names) -> Row {
    let base = difference.baseline_mean.unwrap_or(0.0).abs();
    let estimate = difference.difference.filter(|_| base > 1e-12).map(|middle| Estimate {
        middle: middle / base * 100.0,
        interval: difference.ci95.map(|(low, high)| (low / base * 100.0, high / base * 100.0)),
    });
    let numbers = match (estimate, difference.difference) {
        (Some(Estimate { middle, interval: Some((low, high)) }), _) => {
            format!("{} [{}, {}]", signed(middle), signed_bare(low), signed_bare(high))
        }
        (Some(Estimate { middle, interval: None }), _) => signed(middle),
        (None, Some(by)) if by != 0.0 => {
            let unit = difference.unit.as_str();
            let sign = if by > 0.0 { "+" } else { "" };
            if unit.is_empty() || unit == "1" || unit == "share" {
                format!("from 0: {sign}{}", text::rounded(by))
            } else {
                format!("from 0: {sign}{}\u{202f}{unit}", text::rounded(by))
            }
        }
        (None, Some(_)) => "0 in both".to_owned(),
        (None, None) => "no pairs".to_owned(),
    };
    Row { class: difference.class.clone(), arm: arms.id(&difference.arm), estimate, numbers }
}

/// Per cent with its sign.
fn signed(per_cent: f64) -> String {
    format!("{}\u{202f}%", signed_bare(per_cent))
}

fn signed_bare(per_cent: f64) -> String {
    let decimals = usize::from(per_cent.abs() < 9.95 && libm::round(per_cent) != per_cent);
    let number = text::number(per_cent, decimals);
    let is_zero = number.chars().all(|c| matches!(c, '0' | '.'));
    if per_cent > 0.0 && !is_zero { format!("+{number}") } else { number }
}

/// End of the axis: holds every estimate and its interval, unless few lie far beyond the others.
fn limit_of(groups: &[Group]) -> f64 {
    let estimates = groups.iter().flat_map(|g| &g.rows).filter_map(|row| row.estimate);
    let mut reaches: Vec<f64> = estimates
        .map(|e| {
            let (low, high) = e.interval.unwrap_or((e.middle, e.middle));
            e.middle.abs().max(low.abs()).max(high.abs())
        })
        .collect();
    reaches.sort_by(f64::total_cmp);
    let most = reaches.last().copied().unwrap_or(1.0);
    let usual = super::curves::sorted_quantile(&reaches, 0.8).max(1.0);
    (if most > 3.0 * usual { 2.0 * usual } else { most }).max(1.0) * 1.08
}

fn frame(page: &mut Page, panel: &Panel, baseline: &str) {
    let area = panel.area;
    let words = Words {
        x_name: format!("difference from {baseline}, in per cent of its mean"),
        no_y_numbers: true,
        ..Words::default()
    };
    for tick in panel.x.ticks() {
        let x = panel.x.place(tick.value, area.left, area.right());
        let (top, foot) = (Point { x, y: area.top }, Point { x, y: area.bottom() });
        page.canvas.line(top, foot, Stroke::solid(style::GRID, 1.0));
        let at = Point { x, y: area.bottom() + 15.5 };
        let style = TextStyle::plain(10.5).colour(style::SOFT).anchor(Anchor::Middle);
        page.canvas.text(at, &tick.label, style);
    }
    let middle = Point { x: area.left + area.width / 2.0, y: area.bottom() + 33.0 };
    let name = TextStyle::plain(11.5).anchor(Anchor::Middle);
    page.canvas.text(middle, &words.x_name, name);
    let zero = panel.x.place(0.0, area.left, area.right());
    let (top, foot) = (Point { x: zero, y: area.top }, Point { x: zero, y: area.bottom() });
    page.canvas.line(top, foot, Stroke::solid(style::INK, 1.2));
    let head = TextStyle::plain(10.5).colour(style::SOFT);
    let at = |x| Point { x, y: area.top - 9.0 };
    page.canvas.text(at(zero), &format!("as {baseline}"), head.anchor(Anchor::Middle));
    page.canvas.text(at(WIDTH - MARGIN), "difference [95\u{202f}% interval]", head.anchor(Anchor::End));
}

fn draw_groups(page: &mut Page, panel: &Panel, groups: &[Group], has_arms: bool) {
    let mut y = panel.area.top;
    for group in groups {
        y += 1.1 * ROW;
        let at = Point { x: MARGIN, y: y - 1.0 };
        page.canvas.text(at, &group.name, TextStyle::plain(11.5).bold());
        let hint = match group.better {
            Better::Lower => "\u{2190} lower is better",
            Better::Higher => "higher is better \u{2192}",
            Better::Unknown => "",
        };
        let soft = TextStyle::plain(10.5).colour(style::SOFT);
        let end = Point { x: WIDTH - MARGIN, y: y - 1.0 };
        page.canvas.text_unless_empty(end, hint, soft.anchor(Anchor::End));
        let mut last_class: Option<&str> = None;
        for row in &group.rows {
            let colour = style::colour(if has_arms { row.arm + 1 } else { 0 });
            if last_class != Some(row.class.as_str()) {
                let label = class_label(&row.class);
                let label = text::fitted(&label, LABELS - 30.0, 11.0, false);
                let at = Point { x: MARGIN + 14.0, y: y + ROW / 2.0 + 4.0 };
                page.canvas.text(at, &label, TextStyle::plain(11.0));
                last_class = Some(&row.class);
            }
            draw_row(page, panel, row, Point { x: WIDTH - MARGIN, y: y + ROW / 2.0 }, colour);
            y += ROW;
        }
        y += 0.5 * ROW;
    }
}

fn class_label(class: &str) -> String {
    match class {
        "" | "all" | "*" => "whole swarm".to_owned(),
        name => name.to_owned(),
    }
}

/// Interval, estimate (filled if the interval excludes zero) and the numbers; `end` is at the right.
fn draw_row(page: &mut Page, panel: &Panel, row: &Row, end: Point, colour: &'static str) {
    let place = |value: f64| Point {
        x: panel.x.place(value, panel.area.left, panel.area.right()),
        y: end.y,
    };
    if let Some(estimate) = row.estimate {
        if let Some((low, high)) = estimate.interval {
            page.canvas.line(place(low), place(high), Stroke::solid(colour, 2.0));
            for (value, side) in [(low, -1.0), (high, 1.0)] {
                cap(page, place(value), side, value.abs() > panel.x.high(), colour);
            }
        }
        if estimate.middle.abs() <= panel.x.high() {
            page.canvas.disc(place(estimate.middle), 4.0, colour, !estimate.is_clear());
        } else {
            cap(page, place(estimate.middle), estimate.middle.signum(), true, colour);
        }
    }
    let style = TextStyle::plain(10.5).anchor(Anchor::End);
    let style = if row.estimate.is_some() { style } else { style.colour(style::SOFT) };
    page.canvas.text(Point { y: end.y + 3.8, ..end }, &row.numbers, style);
}

/// The end of an interval: a small bar, or an arrow if it goes on beyond the axis.
fn cap(page: &mut Page, at: Point, side: f64, is_beyond: bool, colour: &'static str) {
    if is_beyond {
        let tip = Point { x: at.x + side * 7.0, ..at };
        let back = |dy: f64| Point { x: at.x - side * 2.0, y: at.y + dy };
        page.canvas.fill(&[tip, back(5.0), back(-5.0)], colour, 1.0);
    } else {
        let up = |dy: f64| Point { y: at.y + dy, ..at };
        page.canvas.line(up(-3.5), up(3.5), Stroke::solid(colour, 1.6));
    }
}

/// What is seen: how many differences are clear.
fn title(groups: &[Group], baseline: &str) -> String {
    let rows = || groups.iter().flat_map(|group| &group.rows);
    let n_clear = rows().filter(|row| row.estimate.is_some_and(|e| e.is_clear())).count();
    let n = rows().count();
    match n_clear {
        0 => format!("No clear difference from {baseline} in {} shown", text::counted(n, "comparison")),
        _ => format!("{n_clear} of {n} differences from {baseline} are clear of zero"),
    }
}

fn notes(results: &Results, groups: &[Group], n_left: usize, limit: f64) -> Vec<String> {
    let mut notes = Vec::new();
    let rows = || groups.iter().flat_map(|group| &group.rows).filter_map(|row| row.estimate);
    if rows().any(|estimate| estimate.interval.is_some()) {
        let n = results.differences.iter().map(|d| d.n_pairs).fold(0.0, f64::max);
        notes.push(format!(
            "Paired by replicate (up to {} pairs); filled: the 95\u{202f}% interval excludes zero.",
            text::number(n, 0),
        ));
    }
    if rows().any(|estimate| estimate.interval.is_none()) {
        notes.push("Rows without a bar have too few pairs for an interval.".to_owned());
    }
    let beyond = |e: Estimate| e.interval.map_or(e.middle.abs(), |(a, b)| a.abs().max(b.abs()));
    if rows().any(|estimate| beyond(estimate) > limit) {
        notes.push("Arrows go on beyond the axis.".to_owned());
    }
    if n_left > 0 {
        notes.push(format!("{} more in comparison.csv.", text::counted(n_left, "row")));
    }
    notes.push(format!("{}.", results.about.name));
    notes
}
