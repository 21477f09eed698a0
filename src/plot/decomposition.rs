//! Who gains from a token, and what of it is created: effects by group, and the split.

use super::books::Effect;
use super::comparison::{self, Better, Group, Row};
use super::page::{Figure, Page};
use super::table::{Difference, Results};
use super::text;

/// Metrics shown: the name in the file, the name on paper, which way is better.
const METRICS: [(&str, &str, Better); 4] = [
    ("download_time_mean", "Mean download time", Better::Lower),
    ("unfinished_share", "Unfinished downloads", Better::Lower),
    ("seed_hours_offered", "Seed-hours", Better::Unknown),
    ("seed_upload_offered", "Upload offered by those who seed", Better::Unknown),
];

/// The figure; `None` unless a token is compared with barter.
pub(super) fn draw(results: &Results) -> Option<Figure> {
    let effects = &results.books.effects;
    let baseline = effects.first()?.baseline.clone();
    let mut arms: Vec<&str> = Vec::new();
    for effect in effects {
        if !arms.contains(&effect.arm.as_str()) {
            arms.push(&effect.arm);
        }
    }
    let mut groups = Vec::new();
    for (metric, name, better) in METRICS {
        for arm in &arms {
            let wanted = |e: &&Effect| e.arm == *arm && e.metric == metric;
            let of_arm: Vec<&Effect> = effects.iter().filter(wanted).collect();
            let rows = rows(&of_arm);
            if !rows.is_empty() {
                let name = if arms.len() > 1 { format!("{name}: {arm}") } else { name.to_owned() };
                groups.push(Group { name, better, rows });
            }
        }
    }
    if groups.is_empty() {
        return None;
    }
    let mut page = Page::new(&title(effects, &arms), &results.about.question);
    let limit = comparison::forest(&mut page, &groups, &baseline);
    let mut notes = comparison::notes(results, &groups, 0, limit);
    notes.insert(0, note(effects, &arms));
    Some(page.finish("decomposition", &notes))
}

/// How many users a group has; over replicates in which they differ a mean.
fn n_users(users: f64) -> String {
    match users {
        1.0 => "1 user".to_owned(),
        n if n.fract() == 0.0 => format!("{} users", text::number(n, 0)),
        n => format!("mean {} users", text::number(n, 1)),
    }
}

/// The groups that have users, then the parts of the whole; nothing if nothing differs.
fn rows(effects: &[&Effect]) -> Vec<Row> {
    let whole = effects.iter().find(|e| e.share == "whole" && e.group == "all");
    let base = whole.and_then(|e| e.from_mean);
    if effects.iter().all(|e| e.by.is_none_or(|by| by == 0.0)) {
        return Vec::new();
    }
    // A part is in per cent of the same mean as the whole.
    let is_split = effects.iter().any(|e| e.split == "yes");
    let shown = effects.iter().filter(|e| match e.share.as_str() {
        "whole" => e.users.is_none_or(|users| users > 0.0),
        _ => is_split && e.group == "all",
    });
    let row = |effect: &&Effect| {
        let is_whole = effect.share == "whole";
        let users = effect.users.map(|users| format!(" ({})", n_users(users)));
        let label = match (is_whole, effect.group.as_str()) {
            (true, "all") => format!("everybody{}", users.unwrap_or_default()),
            (true, group) => format!("{group}{}", users.unwrap_or_default()),
            (false, _) => format!("of all: {}", effect.share.replace('_', " ")),
        };
        let difference = Difference {
            metric: effect.metric.clone(),
            class: label,
            baseline: effect.baseline.clone(),
            arm: effect.arm.clone(),
            unit: effect.unit.clone(),
            baseline_mean: if is_whole { effect.from_mean } else { base },
            by: effect.by,
            ci95: effect.ci95,
            n_pairs: effect.n_pairs,
        };
        comparison::row(&difference, None)
    };
    shown.map(row).collect()
}

fn title(effects: &[Effect], arms: &[&str]) -> String {
    let change = |arm: &str, group: &str| {
        let of = |e: &&Effect| {
            e.arm == arm
                && e.share == "whole"
                && e.group == group
                && e.metric == "download_time_mean"
        };
        let effect = effects.iter().find(of)?;
        let base = effect.from_mean.filter(|&base| base > 0.0)?;
        let by = effect.by? / base * 100.0;
        let sign = if by > 0.0 { "+" } else { "" };
        Some(format!("{group} {sign}{}\u{202f}%", text::number(by, 1)))
    };
    let [arm] = arms else {
        return "Who gains from a token, by what users did with it".to_owned();
    };
    let said: Vec<String> = ["payers", "earners", "non-payers", "non-adopters"]
        .iter()
        .filter_map(|group| change(arm, group))
        .collect();
    format!("Download times under {arm}: {}", said.join(", "))
}

fn note(effects: &[Effect], arms: &[&str]) -> String {
    let splits: Vec<&str> = arms
        .iter()
        .filter_map(|arm| effects.iter().find(|e| e.arm == *arm).map(|e| e.split.as_str()))
        .collect();
    let groups = "Groups by what a user did in the token's arm of the same replicate.";
    let split = match splits.as_slice() {
        all if all.contains(&"yes") => {
            "Reallocation: the arm in which nobody stays for money; capacity creation: the rest."
        }
        all if all.contains(&"no") => {
            "What is reallocation and what capacity creation is not identified by these arms."
        }
        _ => "Nobody stays for money: all is reallocation.",
    };
    format!("{groups} {split}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_says_how_many_it_is() {
        let words = [1.0, 20.0, 142.6].map(n_users);
        assert_eq!(words, ["1 user", "20 users", "mean 142.6 users"]);
    }
}
