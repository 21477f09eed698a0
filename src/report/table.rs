//! The short answer on the terminal: the question, a table, the differences in words, cautions.

use super::cautions::Caution;
use super::economy;
use crate::experiment::recorded::Beside;
use crate::experiment::stats::Estimate;
use crate::experiment::{
    ArmDesign, Comparison, Metric, Part, Results, Side, Summary, pairs, recorded, summary,
};
use std::fmt::Write;

/// More lines of differences than this are cut down to those of the whole swarm.
const MANY_LINES: usize = 24;

/// The answer as text, ready to print.
pub fn text(results: &Results, cautions: &[Caution]) -> String {
    let design = &results.design;
    let mut text = String::new();
    if !design.question.is_empty() {
        let _ = writeln!(text, "{}\n", design.question);
    }
    let summaries = summary::summarise(results);
    let n_runs = plural(design.replicates as usize, "run", "runs");
    let _ = write!(text, "Download times in seconds; {n_runs} per arm");
    text += if design.replicates > 1 { ", ± half a 95 % interval\n" } else { "\n" };
    let runs = Runs::of(results);
    let downloads = download_table(results, &summaries);
    text += &(align(&downloads) + &runs.note(&downloads));
    let swarm = swarm_table(results, &summaries);
    if swarm[0].len() > 1 {
        text += "\nThe swarm as a whole; times in seconds since the start\n";
        text += &(align(&swarm) + &runs.note(&swarm));
    }
    text += &economy::money(results, &summaries);
    text += &differences(results, &summaries);
    text += &economy::who_gains(results);
    text += &beside_recorded(results);
    if !cautions.is_empty() {
        text += "\nBeware\n";
        for caution in cautions {
            let _ = writeln!(text, "  - {caution}");
        }
    }
    text
}

/// The number of an arm and class across its runs; `None` where the class has no such number.
pub(super) fn find(
    summaries: &[Summary],
    arm: usize,
    class: Option<usize>,
    metric: Metric,
) -> Option<&Summary> {
    let part = Part { class, side: Side::All };
    let wanted = |s: &&Summary| s.arm == arm && s.part == part && s.metric == metric;
    summaries.iter().find(wanted)
}

/// Whether a leecher of the class arrived in some run.
fn has_leechers(summaries: &[Summary], arm: usize, class: usize) -> bool {
    let leechers = find(summaries, arm, Some(class), Metric::Leechers);
    leechers.and_then(|s| s.estimate.mean).is_some_and(|mean| mean > 0.0)
}

/// The classes worth a row: those with leechers, and `all` unless that is the same.
fn shown(design: &ArmDesign, summaries: &[Summary], arm: usize) -> Vec<Option<usize>> {
    let leechers = (0..design.classes.len()).filter(|&class| has_leechers(summaries, arm, class));
    let classes: Vec<_> = leechers.map(Some).collect();
    match classes.len() {
        1 => classes,
        _ => std::iter::once(None).chain(classes).collect(),
    }
}

fn download_table(results: &Results, summaries: &[Summary]) -> Vec<Vec<String>> {
    let header = ["arm", "class", "mean", "median", "p95", "unfinished", "ratio"];
    let runs = Runs::of(results);
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    for (index, arm) in results.design.arms.iter().enumerate() {
        for class in shown(arm, summaries, index) {
            let estimate =
                |metric| find(summaries, index, class, metric).map(|summary| summary.estimate);
            let plain = |metric| optional(estimate(metric).and_then(|e| e.mean));
            let unfinished = estimate(Metric::UnfinishedShare).and_then(|e| e.mean);
            rows.push(vec![
                arm.name.clone(),
                arm.class_name(class).to_owned(),
                runs.with_half(estimate(Metric::DownloadTimeMean)),
                plain(Metric::DownloadTimeMedian),
                plain(Metric::DownloadTimeP95),
                unfinished.map_or("-".to_owned(), percent),
                estimate(Metric::RatioFinalMean)
                    .and_then(|e| e.mean)
                    .map_or("-".to_owned(), |ratio| format!("{ratio:.2}")),
            ]);
        }
    }
    rows
}

/// What the swarm did, arm by arm; columns without any number are left out.
fn swarm_table(results: &Results, summaries: &[Summary]) -> Vec<Vec<String>> {
    let columns = [
        ("last completion", Metric::LastCompletion),
        ("first copy", Metric::FirstCopyTime),
        ("links busy", Metric::UploadUtilisation),
        ("least copies", Metric::AvailabilityMin),
        ("seedless", Metric::SeedlessShare),
        ("free riders ÷ others", Metric::FreeRiderAdvantage),
    ];
    let runs = Runs::of(results);
    let cell = |arm: usize, metric: Metric| {
        let estimate = find(summaries, arm, None, metric)?.estimate;
        Some(match metric.unit() {
            "share" => runs.share_with_half(estimate),
            _ => runs.with_half(Some(estimate)),
        })
    };
    let n_arms = results.design.arms.len();
    let kept = columns.iter().filter(|(_, metric)| {
        let values =
            (0..n_arms).filter_map(|arm| find(summaries, arm, None, *metric)?.estimate.mean);
        let mut values = values.peekable();
        // A swarm that always had a seeder needs no column that says so.
        values.peek().is_some() && (*metric != Metric::SeedlessShare || values.any(|x| x > 0.0))
    });
    let kept: Vec<_> = kept.collect();
    let names = kept.iter().map(|(name, _)| (*name).to_owned());
    let mut rows = vec![std::iter::once("arm".to_owned()).chain(names).collect::<Vec<_>>()];
    for (index, arm) in results.design.arms.iter().enumerate() {
        let cells = kept.iter().map(|(_, metric)| cell(index, *metric).unwrap_or("-".to_owned()));
        rows.push(std::iter::once(arm.name.clone()).chain(cells).collect());
    }
    rows
}

/// Runs per arm: a mean over fewer of them says over how many.
#[derive(Clone, Copy)]
pub(super) struct Runs(usize);

impl Runs {
    pub(super) fn of(results: &Results) -> Self {
        Self(results.design.replicates as usize)
    }

    /// A mean and half its interval.
    pub(super) fn with_half(self, estimate: Option<Estimate>) -> String {
        let known = estimate.and_then(|estimate| Some((estimate, estimate.mean?)));
        let Some((estimate, mean)) = known else { return "-".to_owned() };
        let half = estimate.half_width.map(|half| format!(" ± {}", like(mean, half)));
        format!("{}{}{}", short(mean), half.unwrap_or_default(), self.mark(estimate))
    }

    /// The same of a share, in per cent.
    pub(super) fn share_with_half(self, estimate: Estimate) -> String {
        let Some(mean) = estimate.mean else { return "-".to_owned() };
        let half = estimate.half_width.map(|half| format!(" ± {}", one_decimal(half * 100.0)));
        let half = half.unwrap_or_default();
        format!("{}{half} %{}", one_decimal(mean * 100.0), self.mark(estimate))
    }

    fn mark(self, estimate: Estimate) -> String {
        let is_whole = estimate.n == self.0;
        if is_whole { String::new() } else { format!(" ({} of {})", estimate.n, self.0) }
    }

    /// What the mark means, where a table has one.
    pub(super) fn note(self, rows: &[Vec<String>]) -> String {
        let end = format!(" of {})", self.0);
        let is_marked = rows.iter().flatten().any(|cell| cell.ends_with(&end));
        let note = format!("  (n of {}): over the n runs that have the number\n", self.0);
        if is_marked { note } else { String::new() }
    }
}

/// The paired differences in words.
fn differences(results: &Results, summaries: &[Summary]) -> String {
    let design = &results.design;
    let comparisons = pairs::compare(results);
    let baseline = &design.arms[design.baseline];
    let in_baseline = |name: &str| {
        let class = baseline.classes.iter().position(|class| class.name == name);
        class.is_none_or(|class| has_leechers(summaries, design.baseline, class))
    };
    let (mut all, mut whole) = (Vec::new(), Vec::new());
    for (index, arm) in design.arms.iter().enumerate() {
        let classes = shown(arm, summaries, index);
        for (at, class) in classes.iter().enumerate() {
            let name = arm.class_name(*class);
            let find = |metric| {
                comparisons.iter().find(|c| c.arm == index && c.class == name && c.metric == metric)
            };
            let subject = match class {
                Some(_) if classes.len() > 1 => format!("{}, {name}", arm.name),
                _ => arm.name.clone(),
            };
            let times = find(Metric::DownloadTimeMean).filter(|_| in_baseline(name));
            let unfinished = find(Metric::UnfinishedShare).and_then(unfinished_in_words);
            for words in times.map(times_in_words).into_iter().chain(unfinished) {
                let line = format!("  {subject}: {words}\n");
                whole.extend((at == 0).then(|| line.clone()));
                all.push(line);
            }
        }
    }
    if all.is_empty() {
        return String::new();
    }
    let is_long = all.len() > MANY_LINES && whole.len() < all.len();
    let (lines, rest) =
        if is_long { (whole, "  class by class: comparison.csv\n") } else { (all, "") };
    let name = &baseline.name;
    format!("\nCompared with `{name}`, replicate by replicate\n{}{rest}", lines.concat())
}

fn times_in_words(c: &Comparison) -> String {
    let Some(difference) = c.difference.mean else {
        return "no replicate has download times in both arms".to_owned();
    };
    let pairs = plural(c.difference.n, "pair", "pairs");
    let relative = c.relative().map_or(String::new(), |r| format!("{}, ", signed_percent(r)));
    let Some((low, high)) = c.difference.interval() else {
        let what = direction(difference, "longer", "less");
        return format!("downloads take {what} ({relative}{pairs}: no interval)");
    };
    let (from, to) = (with_sign(like(difference, low)), with_sign(like(difference, high)));
    let range = format!("95 % interval {from} to {to} s, {pairs}");
    if low == high && low == 0.0 {
        return format!("downloads take exactly as long ({pairs})");
    }
    if low <= 0.0 && high >= 0.0 {
        let relative = relative.trim_end_matches(", ");
        return format!("no clear difference in download time ({relative}; {range})");
    }
    let what = direction(difference, "longer", "less");
    format!("downloads take {what} ({relative}{range})")
}

fn direction(difference: f64, more: &str, less: &str) -> String {
    format!("{} s {}", short(difference.abs()), if difference < 0.0 { less } else { more })
}

/// Only where it differs.
fn unfinished_in_words(c: &Comparison) -> Option<String> {
    let (base, arm) = (c.baseline_mean?, c.arm_mean?);
    if base == arm {
        return None;
    }
    let note = match c.difference.interval() {
        Some((low, high)) if low <= 0.0 && high >= 0.0 && low < high => " (no clear difference)",
        _ => "",
    };
    Some(format!("{} unfinished instead of {}{note}", percent(arm), percent(base)))
}

fn beside_recorded(results: &Results) -> String {
    let rows = recorded::compare(results);
    if rows.is_empty() {
        return String::new();
    }
    let header = ["arm", "class", "simulated", "recorded", "difference", "KS distance", "p"];
    let mut table = vec![header.map(str::to_owned).to_vec()];
    for Beside { arm, class, simulated, recorded, ks_distance, ks_p_value } in rows {
        let (ours, theirs) = (simulated.mean.mean, recorded.mean.mean);
        let relative = ours.zip(theirs).filter(|(_, theirs)| *theirs > 0.0);
        table.push(vec![
            results.design.arms[arm].name.clone(),
            class,
            optional(ours),
            optional(theirs),
            relative.map_or("-".to_owned(), |(ours, theirs)| signed_percent(ours / theirs - 1.0)),
            optional(ks_distance),
            optional(ks_p_value),
        ]);
    }
    format!("\nBeside the recorded downloads: mean times in seconds\n{}", align(&table))
}

/// A column in per cent in which some number has a decimal gives one to all: 0 and 100 have none.
fn even(rows: &[Vec<String>]) -> Vec<Vec<String>> {
    let has_decimals = |column: usize| {
        let cells = rows.iter().skip(1).map(|row| &row[column]);
        cells.filter(|cell| cell.contains('%')).any(|cell| cell.contains('.'))
    };
    let with_decimal = |word: &str| match word {
        "0" | "100" => format!("{word}.0"),
        _ => word.to_owned(),
    };
    let cell = |(column, cell): (usize, &String)| {
        if !cell.contains('%') || !has_decimals(column) {
            return cell.clone();
        }
        cell.split(' ').map(with_decimal).collect::<Vec<_>>().join(" ")
    };
    rows.iter().map(|row| row.iter().enumerate().map(cell).collect()).collect()
}

/// Columns of equal width, two spaces apart and in front; names left, numbers right.
pub(super) fn align(rows: &[Vec<String>]) -> String {
    let rows = &even(rows)[..];
    let header = rows.first().map_or(&[][..], Vec::as_slice);
    let n_names = if header.get(1).is_some_and(|name| name == "class") { 2 } else { 1 };
    let n_columns = header.len();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..n_columns).filter_map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
            let _ = match column {
                _ if column < n_names => write!(line, "  {cell:<width$}"),
                _ => write!(line, "  {cell:>width$}"),
            };
        }
        text += line.trim_end();
        text += "\n";
    }
    text
}

/// About four significant digits, never an exponent.
pub fn short(x: f64) -> String {
    like(x, x)
}

/// `x` with as many decimals as `short` gives `model`.
pub(super) fn like(model: f64, x: f64) -> String {
    let decimals = match model.abs() {
        size if size >= 1000.0 || size == 0.0 => 0,
        size if size >= 100.0 => 1,
        size if size >= 10.0 => 2,
        _ => 3,
    };
    let text = format!("{x:.decimals$}");
    let is_zero = text.chars().all(|c| "-0.".contains(c));
    if is_zero { "0".to_owned() } else { text }
}

pub(super) fn optional(x: Option<f64>) -> String {
    x.map_or("-".to_owned(), short)
}

pub(super) fn with_sign(text: String) -> String {
    if text.starts_with('-') || text == "0" { text.replace('-', "−") } else { format!("+{text}") }
}

pub(super) fn percent(share: f64) -> String {
    format!("{} %", one_decimal(share * 100.0))
}

fn signed_percent(ratio: f64) -> String {
    format!("{} %", with_sign(one_decimal(ratio * 100.0)))
}

fn one_decimal(x: f64) -> String {
    let text = format!("{x:.1}");
    match text.as_str() {
        "0.0" | "-0.0" => "0".to_owned(),
        "100.0" => "100".to_owned(),
        _ => text,
    }
}

/// So many of something, in words: `1 run`, `2 runs`.
pub fn plural(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_has_the_same_decimals() {
        let rows = |cells: [&str; 3]| cells.map(|cell| vec!["arm".to_owned(), cell.to_owned()]);
        let said = |cells| align(&rows(cells)).split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(said(["share", "95.0 %", "100 %"]), "arm share arm 95.0 % arm 100.0 %");
        assert_eq!(said(["share", "0 %", "100 %"]), "arm share arm 0 % arm 100 %");
        let both = ["share", "0 ± 0 %", "0.5 ± 0.1 %"];
        assert_eq!(said(both), "arm share arm 0.0 ± 0.0 % arm 0.5 ± 0.1 %");
    }

    #[test]
    fn a_mean_over_fewer_runs_says_so() {
        let runs = Runs(4);
        let found = [Some(Estimate::of(&[197.2])), Some(Estimate::of(&[2.0; 4])), None];
        let cells = found.map(|found| runs.with_half(found));
        assert_eq!(cells, ["197.2 (1 of 4)", "2.000 ± 0", "-"]);
        assert_eq!(runs.share_with_half(Estimate::of(&[0.5])), "50.0 % (1 of 4)");
        assert!(runs.note(&[cells[..1].to_vec()]).starts_with("  (n of 4)"));
        assert_eq!(runs.note(&[cells[1..].to_vec()]), "");
    }
}
