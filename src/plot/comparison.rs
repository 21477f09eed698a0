//! Arms against the baseline: paired differences with their 95 % intervals, one row each.

use super::axis::Axis;
use super::page::{Figure, MARGIN, Page, Panel, WIDTH};
use super::style::{self, Anchor, Stroke, TextStyle};
use super::svg::{Point, Rect};
use super::table::{Difference, Names, Results};
use super::text;
use crate::units::f64_of_len;

/// Rows drawn; the others are in the file.
const N_ROWS: usize = 48;
const ROW: f64 = 18.0;
/// Room for the name of a group and below it, in rows.
const HEAD: f64 = 1.25;
const FOOT: f64 = 0.4;
const LABELS: f64 = 236.0;
const NUMBERS: f64 = 176.0;

/// Metrics shown, most wanted first: the name in the file, the name on paper, which way is better.
/// The names are those of docs/results.md; others are drawn only where none of these is there.
const METRICS: [(&str, &str, Better); 18] = [
    ("download_time_mean", "Mean download time", Better::Lower),
    ("download_time_median", "Median download time", Better::Lower),
    ("download_time_p95", "95th percentile of download time", Better::Lower),
    ("unfinished_share", "Unfinished leechers", Better::Lower),
    ("welfare_mean", "Welfare per user", Better::Higher),
    ("dead_weight_loss", "Dead-weight loss", Better::Lower),
    ("seed_hours_per_completion", "Seed-hours per download", Better::Higher),
    ("fourth_piece_time_mean", "Time to the first four pieces", Better::Lower),
    ("free_rider_advantage", "Free riders' time ÷ others' time", Better::Unknown),
    ("last_completion", "Time of the last completion", Better::Unknown),
    ("upload_utilisation", "Upload capacity used", Better::Higher),
    ("availability_min", "Lowest availability", Better::Higher),
    ("availability_half_life", "Half-life of availability", Better::Unknown),
    ("seedless_share", "Time without a seeder", Better::Lower),
    ("first_copy_time", "Time until the first copy is out", Better::Lower),
    ("ratio_final_mean", "Mean final ratio", Better::Unknown),
    ("jain_of_ratios", "Jain index of ratios", Better::Higher),
    ("gini_of_uploads", "Gini coefficient of uploads", Better::Lower),
];

/// Which direction people want.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Better {
    Lower,
    Higher,
    Unknown,
}

/// One line of the plot.
pub(super) struct Row {
    label: String,
    /// Number of its colour; the same as in the other figures.
    colour: usize,
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
pub(super) struct Group {
    pub(super) name: String,
    pub(super) better: Better,
    pub(super) rows: Vec<Row>,
}

/// The figure; `None` if nothing was compared.
pub(super) fn draw(results: &Results) -> Option<Figure> {
    let baseline = results.differences.first()?.baseline.clone();
    let told_twice = |d: &&Difference| {
        let is_lone = !is_whole(&d.class) && is_lone(&results.differences, d);
        is_lone || is_everybody(&results.differences, d)
    };
    let (doubles, differences): (Vec<_>, Vec<_>) = results.differences.iter().partition(told_twice);
    let (groups, n_left) = groups(&differences, &results.arms);
    let n_left = n_left + doubles.len();
    if groups.is_empty() {
        return None;
    }
    let mut page = Page::new(&title(&groups, &baseline), &results.about.question);
    let limit = forest(&mut page, &groups, &baseline);
    Some(page.finish("comparison", &notes(results, &groups, n_left, limit)))
}

/// Draws groups of rows against the baseline; gives the end of the axis.
pub(super) fn forest(page: &mut Page, groups: &[Group], baseline: &str) -> f64 {
    let n_rows: usize = groups.iter().map(|group| group.rows.len()).sum();
    let lines = f64_of_len(n_rows) + (HEAD + FOOT) * f64_of_len(groups.len());
    let area = Rect {
        left: MARGIN + LABELS,
        top: page.top + 34.0,
        width: WIDTH - 2.0 * MARGIN - LABELS - NUMBERS,
        height: lines * ROW,
    };
    let limit = limit_of(groups);
    let x = Axis::linear(-limit, limit, 7).relabelled(|tick| signed(tick.value));
    let panel = Panel { area, x, y: Axis::linear(0.0, lines, 2).without_ticks() };
    frame(page, &panel, baseline);
    draw_groups(page, &panel, groups);
    page.top = area.bottom() + 44.0;
    limit
}

/// The rows by metric, the most wanted first, at most [`N_ROWS`]; and how many were left out:
/// for want of room, because nothing differs in any arm, or because [`METRICS`] lacks the metric.
/// With several arms each class is a group of its own, and its rows are the arms.
fn groups(differences: &[&Difference], all_arms: &Names) -> (Vec<Group>, usize) {
    let (mut arms, mut metrics) = (Names::default(), Names::default());
    let mut keys: Vec<(&str, Option<&str>)> = Vec::new();
    for difference in differences {
        arms.id(&difference.arm);
        metrics.id(&difference.metric);
    }
    let has_arms = arms.len() > 1;
    let has_known = metrics.0.iter().any(|metric| known(metric).is_some());
    for difference in differences {
        let key = (difference.metric.as_str(), has_arms.then_some(difference.class.as_str()));
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    // When not all fit, each metric's whole swarm goes before the classes of all but the first.
    let rank = |metric: &str| known(metric).unwrap_or(METRICS.len());
    let is_crowded = differences.len() > N_ROWS;
    keys.sort_by_key(|(metric, class)| {
        let is_late = rank(metric) > 0 && class.is_some_and(|class| !is_whole(class));
        (is_crowded && is_late, rank(metric))
    });
    let (mut groups, mut n_rows, mut n_left) = (Vec::new(), 0, 0);
    for (metric, class) in keys {
        let is_here = |d: &&&Difference| d.metric == metric && class.is_none_or(|c| d.class == c);
        let n = differences.iter().filter(is_here).count();
        let says_nothing = |d: &&Difference| d.by.is_none_or(|by| by.abs() < least(&d.unit));
        let is_mute = differences.iter().filter(is_here).all(says_nothing);
        let is_other = has_known && known(metric).is_none();
        if is_mute || is_other || (n_rows + n > N_ROWS && n_rows > 0) {
            n_left += n;
            continue;
        }
        n_rows += n;
        n_left += n.saturating_sub(N_ROWS);
        let rows = differences.iter().filter(is_here).take(N_ROWS);
        groups.push(Group {
            name: group_name(metric, class),
            better: known(metric).map_or(Better::Unknown, |i| METRICS[i].2),
            rows: rows.map(|d| row(d, has_arms.then(|| place(all_arms, &d.arm)))).collect(),
        });
    }
    (groups, n_left)
}

/// Where an arm stands among all: it has the same colour in each figure.
fn place(arms: &Names, arm: &str) -> usize {
    arms.0.iter().position(|name| name == arm).unwrap_or(0)
}

/// Whether a class is the only one of its metric: the whole swarm then says the same.
fn is_lone(differences: &[Difference], one: &Difference) -> bool {
    let of_metric = differences.iter().filter(|d| d.metric == one.metric);
    let has_whole = of_metric.clone().any(|d| is_whole(&d.class));
    let base = |d: &Difference| d.class.split(':').next().unwrap_or_default().to_owned();
    has_whole && of_metric.map(base).all(|class| is_whole(&class) || class == one.class)
}

/// Whether a class is the users with the token's client where there are no others.
fn is_everybody(differences: &[Difference], one: &Difference) -> bool {
    let Some(class) = one.class.strip_suffix(":adopters") else { return false };
    let is_other = |d: &Difference| d.class.strip_suffix(":others") == Some(class);
    !differences.iter().any(is_other)
}

fn group_name(metric: &str, class: Option<&str>) -> String {
    let name = known(metric).map_or(metric.replace('_', " "), |i| METRICS[i].1.to_owned());
    class.map_or(name.clone(), |class| format!("{name}: {}", class_label(class)))
}

/// Position in [`METRICS`].
fn known(metric: &str) -> Option<usize> {
    METRICS.iter().position(|(name, _, _)| *name == metric)
}

/// Up to this a number is nothing: what is left of sums that cancel, of payments in dollars, too.
fn least(unit: &str) -> f64 {
    if unit == "USD" { 1e-6 } else { 1e-12 }
}

/// With several arms a row is named by its arm, else by its class.
pub(super) fn row(difference: &Difference, arm: Option<usize>) -> Row {
    let base = difference.baseline_mean.unwrap_or(0.0).abs();
    let estimate =
        difference.by.filter(|_| base > least(&difference.unit)).map(|middle| Estimate {
            middle: middle / base * 100.0,
            interval: difference.ci95.map(|(low, high)| (low / base * 100.0, high / base * 100.0)),
        });
    let numbers = match (estimate, difference.by) {
        (Some(Estimate { middle, interval: Some((low, high)) }), _) => {
            format!("{} [{}, {}]", signed(middle), signed_bare(low), signed_bare(high))
        }
        (Some(Estimate { middle, interval: None }), _) => signed(middle),
        (None, Some(by)) if by != 0.0 => {
            let unit = difference.unit.as_str();
            let sign = if by > 0.0 { "+" } else { "" };
            if unit == "share" {
                format!("0 \u{2192} {}", text::percent(by))
            } else if unit.is_empty() || unit == "1" {
                format!("from 0: {sign}{}", text::rounded(by))
            } else {
                format!("from 0: {sign}{}\u{202f}{unit}", text::rounded(by))
            }
        }
        (None, Some(_)) => "0 in both".to_owned(),
        (None, None) => "no pairs".to_owned(),
    };
    let label = if arm.is_some() { difference.arm.clone() } else { class_label(&difference.class) };
    Row { label, colour: arm.unwrap_or(0), estimate, numbers }
}

/// Per cent with its sign.
fn signed(per_cent: f64) -> String {
    format!("{}\u{202f}%", signed_bare(per_cent))
}

fn signed_bare(per_cent: f64) -> String {
    let is_small = per_cent.abs() < 9.95 && libm::round(per_cent) != per_cent;
    signed_with(per_cent, usize::from(is_small))
}

fn signed_with(value: f64, decimals: usize) -> String {
    let number = text::number(value, decimals);
    let is_zero = number.chars().all(|c| matches!(c, '0' | '.'));
    if value > 0.0 && !is_zero { format!("+{number}") } else { number }
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
    let usual = super::curves::sorted_quantile(&reaches, 0.7).max(1.0);
    (if most > 3.0 * usual { 2.0 * usual } else { most }).max(1.0) * 1.08
}

fn frame(page: &mut Page, panel: &Panel, baseline: &str) {
    let area = panel.area;
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
    let words = format!("difference from {baseline}, in per cent of its mean");
    page.canvas.text(middle, &words, name);
    let zero = panel.x.place(0.0, area.left, area.right());
    let (top, foot) = (Point { x: zero, y: area.top }, Point { x: zero, y: area.bottom() });
    page.canvas.line(top, foot, Stroke::solid(style::INK, 1.2));
    let head = TextStyle::plain(10.5).colour(style::SOFT);
    let at = |x| Point { x, y: area.top - 9.0 };
    page.canvas.text(at(zero), &format!("as {baseline}"), head.anchor(Anchor::Middle));
    page.canvas.text(
        at(WIDTH - MARGIN),
        "difference [95\u{202f}% interval]",
        head.anchor(Anchor::End),
    );
}

fn draw_groups(page: &mut Page, panel: &Panel, groups: &[Group]) {
    let mut y = panel.area.top;
    for group in groups {
        y += HEAD * ROW;
        let base = y - 4.0;
        let name = text::fitted(&group.name, LABELS + 130.0, 11.5, true);
        page.canvas.text(Point { x: MARGIN, y: base }, &name, TextStyle::plain(11.5).bold());
        let hint = match group.better {
            Better::Lower => "\u{2190} lower is better",
            Better::Higher => "higher is better \u{2192}",
            Better::Unknown => "",
        };
        let soft = TextStyle::plain(10.5).colour(style::SOFT).anchor(Anchor::End);
        page.canvas.text_unless_empty(Point { x: WIDTH - MARGIN, y: base }, hint, soft);
        for row in &group.rows {
            let middle = y + ROW / 2.0;
            let label = text::fitted(&row.label, LABELS - 30.0, 11.0, false);
            let at = Point { x: MARGIN + 14.0, y: middle + 4.0 };
            page.canvas.text(at, &label, TextStyle::plain(11.0));
            let end = Point { x: WIDTH - MARGIN, y: middle };
            draw_row(page, panel, row, end, style::colour(row.colour));
            y += ROW;
        }
        y += FOOT * ROW;
    }
}

fn is_whole(class: &str) -> bool {
    matches!(class, "" | "all" | "*")
}

/// A class in words: `all` is the whole swarm, and sides of a class have or lack the client.
fn class_label(class: &str) -> String {
    let (base, side) = match class.rsplit_once(':') {
        Some((base, "adopters")) => (base, ", with the client"),
        Some((base, "others")) => (base, ", without the client"),
        _ => (class, ""),
    };
    let base = if is_whole(base) { "whole swarm" } else { base };
    format!("{base}{side}")
}

/// Interval, estimate (filled if the interval excludes zero) and the numbers, which end at `end`.
fn draw_row(page: &mut Page, panel: &Panel, row: &Row, end: Point, colour: &'static str) {
    let place = |value: f64| Point {
        x: panel.x.place(value, panel.area.left, panel.area.right()),
        y: end.y,
    };
    if let Some(estimate) = row.estimate {
        if let Some((low, high)) = estimate.interval {
            page.canvas.line(place(low), place(high), Stroke::solid(colour, 2.0));
            for value in [low, high] {
                cap(page, place(value), value.signum(), value.abs() > panel.x.high(), colour);
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

/// The end of an interval: a small bar, or an arrow to `side` if it goes on beyond the axis.
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
    let has_interval = |row: &Row| row.estimate.is_some_and(|e| e.interval.is_some());
    match n_clear {
        _ if !rows().any(has_interval) => {
            format!("Differences from {baseline}, without intervals: too few pairs of runs")
        }
        0 => format!("No clear difference from {baseline} among the {n} shown"),
        _ => format!("{n_clear} of {n} differences from {baseline} are clear of zero"),
    }
}

pub(super) fn notes(results: &Results, groups: &[Group], n_left: usize, limit: f64) -> Vec<String> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Metric;

    #[test]
    fn metrics_are_named_as_in_the_files() {
        let names = Metric::ALL.map(Metric::name);
        for (name, _, _) in METRICS {
            assert!(names.contains(&name), "`{name}` is no metric");
        }
    }

    fn of_class(class: &str) -> Difference {
        Difference {
            metric: "download_time_mean".to_owned(),
            class: class.to_owned(),
            baseline: "staying".to_owned(),
            arm: "none".to_owned(),
            unit: "s".to_owned(),
            baseline_mean: Some(10.0),
            by: Some(1.0),
            ci95: None,
            n_pairs: 2.0,
        }
    }

    #[test]
    fn sides_of_classes_are_told_in_words() {
        let said = ["all", "all:adopters", "peer:others", "peer", "a:b"].map(class_label);
        let want = [
            "whole swarm",
            "whole swarm, with the client",
            "peer, without the client",
            "peer",
            "a:b",
        ];
        assert_eq!(said, want);
        assert_eq!(
            group_name("download_time_mean", Some("all:others")),
            "Mean download time: whole swarm, without the client"
        );
    }

    #[test]
    fn the_only_class_says_what_the_whole_swarm_does() {
        let one = ["all", "peer", "all:adopters", "peer:adopters", "peer:others"].map(of_class);
        assert!(is_lone(&one, &one[1]), "sides are no other class");
        let two = ["all", "peer", "peers", "peer:adopters"].map(of_class);
        assert!(!is_lone(&two, &two[1]) && !is_lone(&two, &two[2]));
    }

    /// Payments cancel over all users: per cent of what is left of them would say nothing.
    #[test]
    fn nothing_is_told_in_per_cent_of_nothing() {
        let welfare = |mean| Difference {
            unit: "USD".to_owned(),
            baseline_mean: Some(mean),
            by: Some(1e-4),
            ..of_class("all")
        };
        assert!(row(&welfare(2e-8), Some(0)).estimate.is_none());
        assert!(row(&welfare(2e-3), Some(0)).estimate.is_some());
    }

    /// The baseline stands second among the arms, and is not drawn.
    #[test]
    fn an_arm_has_the_colour_of_its_place_among_all() {
        let arms = Names(["none", "staying", "hoarding"].map(str::to_owned).to_vec());
        let hoarding = Difference { arm: "hoarding".to_owned(), ..of_class("all") };
        let (groups, _) = groups(&[&of_class("all"), &hoarding], &arms);
        let colours = groups[0].rows.iter().map(|row| row.colour).collect::<Vec<_>>();
        assert_eq!(colours, [0, 2]);
    }
}
