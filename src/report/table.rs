//! The short answer on the terminal: the question, a table, the differences in words, cautions.

use super::cautions::Caution;
use crate::experiment::recorded::Beside;
use crate::experiment::{
    ArmDesign, Comparison, Metric, Results, Summary, pairs, recorded, summary,
};
use std::fmt::Write;

/// The answer as text, ready to print.
pub fn text(results: &Results, cautions: &[Caution]) -> String {
    let design = &results.design;
    let mut text = String::new();
    if !design.question.is_empty() {
        let _ = writeln!(text, "{}\n", design.question);
    }
    let runs = plural(design.replicates as usize, "run", "runs");
    let _ = write!(text, "Download times in seconds; {runs} per arm");
    text += if design.replicates > 1 { ", ± half a 95 % interval\n" } else { "\n" };
    text += &align(&download_table(results));
    text += &differences(results);
    text += &beside_recorded(results);
    if !cautions.is_empty() {
        text += "\nBeware\n";
        for caution in cautions {
            let _ = writeln!(text, "  - {caution}");
        }
    }
    text
}

/// The classes worth a row: leechers, and `all` if there is more than one class of them.
fn shown(arm: &ArmDesign) -> Vec<Option<usize>> {
    let leechers = (0..arm.classes.len()).filter(|&index| !arm.classes[index].is_origin);
    let classes: Vec<_> = leechers.map(Some).collect();
    match classes.len() {
        1 => classes,
        _ => std::iter::once(None).chain(classes).collect(),
    }
}

fn download_table(results: &Results) -> Vec<Vec<String>> {
    let header = ["arm", "class", "mean", "median", "p95", "unfinished"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    let summaries = summary::summarise(results);
    for (index, arm) in results.design.arms.iter().enumerate() {
        for class in shown(arm) {
            let find = |metric| -> &Summary {
                let wanted =
                    |s: &&Summary| s.arm == index && s.class == class && s.metric == metric;
                summaries.iter().find(wanted).expect("every class of leechers has this metric")
            };
            let mean = find(Metric::DownloadTimeMean).estimate;
            let half = |half: f64| format!(" ± {}", like(mean.mean.unwrap_or(half), half));
            let half = mean.half_width.map_or(String::new(), half);
            let plain = |metric| optional(find(metric).estimate.mean);
            rows.push(vec![
                arm.name.clone(),
                arm.class_name(class).to_owned(),
                optional(mean.mean) + &half,
                plain(Metric::DownloadTimeMedian),
                plain(Metric::DownloadTimeP95),
                find(Metric::UnfinishedShare).estimate.mean.map_or("-".to_owned(), percent),
            ]);
        }
    }
    rows
}

/// The paired differences in words.
fn differences(results: &Results) -> String {
    let design = &results.design;
    let comparisons = pairs::compare(results);
    let baseline = &design.arms[design.baseline];
    let mut text = String::new();
    for (index, arm) in design.arms.iter().enumerate() {
        for class in shown(arm) {
            let name = arm.class_name(class);
            let find = |metric| {
                comparisons.iter().find(|c| c.arm == index && c.class == name && c.metric == metric)
            };
            let subject = match class {
                Some(_) if shown(arm).len() > 1 => format!("{}, {name}", arm.name),
                _ => arm.name.clone(),
            };
            if let Some(c) = find(Metric::DownloadTimeMean) {
                let _ = writeln!(text, "  {subject}: {}", times_in_words(c));
            }
            let unfinished = find(Metric::UnfinishedShare).and_then(unfinished_in_words);
            if let Some(words) = unfinished {
                let _ = writeln!(text, "  {subject}: {words}");
            }
        }
    }
    if text.is_empty() {
        return text;
    }
    format!("\nCompared with `{}`, replicate by replicate\n{text}", baseline.name)
}

fn times_in_words(c: &Comparison) -> String {
    let Some(difference) = c.difference.mean else {
        return "no replicate has download times in both arms".to_owned();
    };
    let pairs = plural(c.difference.n, "pair", "pairs");
    let relative = c.relative().map_or(String::new(), |r| format!("{}, ", signed_percent(r)));
    let Some((low, high)) = c.difference.interval() else {
        let what = direction(difference, "longer", "shorter");
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
    let what = direction(difference, "longer", "shorter");
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

/// Columns of equal width, two spaces apart and in front; names left, numbers right.
fn align(rows: &[Vec<String>]) -> String {
    let n_columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..n_columns).filter_map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
            let _ = match column {
                0 | 1 => write!(line, "  {cell:<width$}"),
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
fn like(model: f64, x: f64) -> String {
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

fn optional(x: Option<f64>) -> String {
    x.map_or("-".to_owned(), short)
}

fn with_sign(text: String) -> String {
    if text.starts_with('-') || text == "0" { text.replace('-', "−") } else { format!("+{text}") }
}

fn percent(share: f64) -> String {
    format!("{} %", one_decimal(share * 100.0))
}

fn signed_percent(ratio: f64) -> String {
    format!("{} %", with_sign(one_decimal(ratio * 100.0)))
}

fn one_decimal(x: f64) -> String {
    let text = format!("{x:.1}");
    match text.as_str() {
        "0.0" | "-0.0" => "0".to_owned(),
        _ => text,
    }
}

fn plural(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}
