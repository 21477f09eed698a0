//! The part of the answer that is about money: a table of the economy, and who gains.

use super::table::{Runs, align, find, like, optional, percent, short};
use crate::experiment::decomposition::{self, Decomposition, Effect, Group, Share, Split};
use crate::experiment::stats::Estimate;
use crate::experiment::{Key, Metric, Part, Results, Side, Summary};
use std::fmt::Write;

/// The economy of each arm that has a token; nothing if none has.
pub fn money(results: &Results, summaries: &[Summary]) -> String {
    let columns = [
        ("BTT per GiB", Metric::PriceMean),
        ("paid bytes", Metric::PaidByteShare),
        ("turnover per day", Metric::VelocityPerDay),
        ("payments", Metric::Payments),
        ("no money", Metric::FailedNoMoney),
        ("Gini of balances", Metric::GiniOfBalances),
        ("of income", Metric::GiniOfIncome),
    ];
    let names = columns.iter().map(|(name, _)| (*name).to_owned());
    let mut rows = vec![std::iter::once("arm".to_owned()).chain(names).collect::<Vec<_>>()];
    let runs = Runs::of(results);
    for (index, arm) in results.design.arms.iter().enumerate().filter(|(_, arm)| arm.has_token) {
        let cell = |metric: Metric| {
            let estimate = find(summaries, index, None, metric).map(|summary| summary.estimate);
            match estimate {
                Some(estimate) if metric.unit() == "share" => runs.share_with_half(estimate),
                estimate => runs.with_half(estimate),
            }
        };
        let cells = columns.iter().map(|(_, metric)| cell(*metric));
        rows.push(std::iter::once(arm.name.clone()).chain(cells).collect());
    }
    if rows.len() == 1 {
        return String::new();
    }
    format!(
        "\nThe economy\n{}{}{}{}{}",
        align(&rows),
        runs.note(&rows),
        by_class(results, summaries),
        class_against_class(results),
        farming(results, summaries),
    )
}

/// What a user of each class earned and spent, and has in the end; nothing if only one class does.
fn by_class(results: &Results, summaries: &[Summary]) -> String {
    let header = ["arm", "class", "earned, BTT", "spent, BTT", "balance, BTT"];
    let columns = [Metric::EarnedMean, Metric::SpentMean, Metric::BalanceFinalMean];
    let runs = Runs::of(results);
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    let mut most = 0;
    for (index, arm) in results.design.arms.iter().enumerate().filter(|(_, arm)| arm.has_token) {
        let before = rows.len();
        for class in 0..arm.classes.len() {
            let of = |metric| find(summaries, index, Some(class), metric).map(|s| s.estimate);
            if of(Metric::EarnedMean).is_some_and(|earned| earned.mean.is_some()) {
                let cells = columns.iter().map(|&metric| runs.with_half(of(metric)));
                let names = [arm.name.clone(), arm.class_name(Some(class)).to_owned()];
                rows.push(names.into_iter().chain(cells).collect());
            }
        }
        most = most.max(rows.len() - before);
    }
    if most < 2 {
        return String::new();
    }
    let title = "By class, a user with the token's client on average";
    format!("\n{title}\n{}{}", align(&rows), runs.note(&rows))
}

/// What a class waits and has in the end against the first that may pay and be paid, in the same
/// runs; nothing if there is only one.
fn class_against_class(results: &Results) -> String {
    let mut text = String::new();
    for (index, arm) in results.design.arms.iter().enumerate() {
        let keys = arm.keys();
        let values = |class: usize, metric: Metric| -> Option<Vec<Option<f64>>> {
            let part = Part { class: Some(class), side: Side::All };
            let column = keys.iter().position(|key| *key == Key { part, metric })?;
            Some(results.of_arm(index).map(|run| run.values[column]).collect())
        };
        let has_any = |class: &usize, metric| {
            values(*class, metric).is_some_and(|values| values.iter().any(Option::is_some))
        };
        let mut classes = (0..arm.classes.len())
            .filter(|class| has_any(class, Metric::BalanceFinalMean))
            .filter(|class| has_any(class, Metric::DownloadTimeMean));
        let Some(first) = classes.next() else { continue };
        for class in classes {
            let by = |metric| {
                let pairs = values(class, metric)?.into_iter().zip(values(first, metric)?);
                let differences: Vec<f64> = pairs.filter_map(|(a, b)| Some(a? - b?)).collect();
                Some(Estimate::of(&differences)).filter(|found| found.n > 0)
            };
            let said = |estimate: Option<Estimate>, unit: &str| {
                let known = estimate.and_then(|found| Some((found, found.mean?)));
                known.map_or("-".to_owned(), |(found, mean)| {
                    let range = found.interval().map(|_| interval(found));
                    let range = range.map(|range| format!(" (95 % interval {range})"));
                    format!("{} {unit}{}", signed(mean), range.unwrap_or_default())
                })
            };
            let (name, other) = (&arm.classes[class].name, &arm.classes[first].name);
            let _ = writeln!(
                text,
                "  {}, {name} against {other}: download {}, balance {}",
                arm.name,
                said(by(Metric::DownloadTimeMean), "s"),
                said(by(Metric::BalanceFinalMean), "BTT"),
            );
        }
    }
    if text.is_empty() {
        return text;
    }
    format!("\nClass against class, in the same runs\n{text}")
}

/// Where farming gifts breaks even, for each class that has more than one identity.
fn farming(results: &Results, summaries: &[Summary]) -> String {
    let mut text = String::new();
    for (index, arm) in results.design.arms.iter().enumerate() {
        for class in 0..arm.classes.len() {
            let of = |metric| {
                let found = find(summaries, index, Some(class), metric)?.estimate;
                let mean = found.mean?;
                // Below a billionth of a dollar, the smallest amount there is, lies rounding.
                let half = found.half_width.filter(|&half| half > 1e-9);
                let half = half.map(|half| format!(" ± {}", to_three_digits(mean, half)));
                let half = half.unwrap_or_default();
                Some(format!("{}{half} USD", to_three_digits(mean, mean)))
            };
            let Some(worth) = of(Metric::SybilBreakEven) else { continue };
            let gain = of(Metric::SybilGainMean).unwrap_or("-".to_owned());
            let _ = writeln!(
                text,
                "  {}, {}: breaks even where a further identity costs {worth}; \
                 a user gained {gain}",
                arm.name, arm.classes[class].name,
            );
        }
    }
    if text.is_empty() {
        return text;
    }
    format!("\nWhat gifts to identities beyond the first were worth: farming them\n{text}")
}

/// With as many decimals as show three digits of `model`, which may be far below one.
fn to_three_digits(model: f64, x: f64) -> String {
    let size = if model == 0.0 { 0.0 } else { libm::floor(libm::log10(model.abs())) };
    let decimals = crate::units::floor_usize((2.0 - size).clamp(0.0, 9.0));
    format!("{x:.decimals$}")
}

/// Every token arm against the baseline, group by group.
pub fn who_gains(results: &Results) -> String {
    decomposition::decompose(results).iter().map(|found| of_arm(results, found)).collect()
}

fn of_arm(results: &Results, found: &Decomposition) -> String {
    let name = |arm: usize| &results.design.arms[arm].name;
    let (base, arm) = (name(results.design.baseline), name(found.arm));
    let mut text = format!(
        "\nWho gains from `{arm}`, by what users did in it: mean download times in seconds\n"
    );
    let n_users = || found.effects.iter().filter_map(|effect| effect.users);
    let decimals = usize::from(n_users().any(|users| users.fract() != 0.0));
    let users = if decimals > 0 { "users, mean of runs" } else { "users" };
    let header = ["group", users, base, arm, "difference", "95 % interval", "unfinished"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    for group in Group::ALL {
        let of = |metric| effect(found, Share::Whole, group, metric);
        let Some(times) = of(Metric::DownloadTimeMean) else { continue };
        let users = times.users.unwrap_or(0.0);
        if users == 0.0 {
            continue;
        }
        let unfinished = of(Metric::UnfinishedShare).map_or("-".to_owned(), |effect| {
            let share = |mean: Option<f64>| mean.map_or("-".to_owned(), percent);
            format!("{} instead of {}", share(effect.means.1), share(effect.means.0))
        });
        rows.push(vec![
            group.name().to_owned(),
            format!("{users:.decimals$}"),
            optional(times.means.0),
            optional(times.means.1),
            times.difference.mean.map_or("-".to_owned(), signed),
            interval(times.difference),
            unfinished,
        ]);
    }
    text += &align(&rows);
    if decimals > 0 {
        text +=
            "  users, mean: who pays or earns differs from run to run; the mean over the runs\n";
    }
    text += &parts(results, found);
    text
}

/// How the effect splits, or why it does not.
fn parts(results: &Results, found: &Decomposition) -> String {
    let name = |arm: usize| &results.design.arms[arm].name;
    let all = |share, metric| effect(found, share, Group::All, metric);
    let mut text = String::new();
    for metric in [Metric::SeedHoursOffered, Metric::SeedUploadOffered] {
        let Some(effect) = all(Share::Whole, metric) else { continue };
        let (what, unit, size) = match metric {
            Metric::SeedHoursOffered => ("seed-hours, to the horizon", "h", 1.0),
            _ => ("upload offered by those who seed, to the horizon", "GiB", 1_073_741_824.0),
        };
        let Some((from, to)) = effect.means.0.zip(effect.means.1) else { continue };
        let scaled = |x: f64| x / size;
        let difference = Estimate {
            mean: effect.difference.mean.map(scaled),
            half_width: effect.difference.half_width.map(scaled),
            ..effect.difference
        };
        let _ = writeln!(
            text,
            "  {what}: {} {unit} instead of {} {unit} ({}; 95 % interval {})",
            short(scaled(to)),
            short(scaled(from)),
            difference.mean.map_or("-".to_owned(), signed),
            interval(difference)
        );
    }
    let part = |share| {
        let difference = all(share, Metric::DownloadTimeMean).map(|effect| effect.difference);
        let mean = difference.and_then(|d| d.mean).map_or("-".to_owned(), signed);
        let range = difference.map_or("-".to_owned(), interval);
        format!("{mean} s (95 % interval {range})")
    };
    let split = match found.split {
        Split::By(still) => format!(
            "  reallocation (`{}`, where nobody stays for money): {}\n  capacity created by those \
             who stay: {}\n",
            name(still),
            part(Share::Reallocation),
            part(Share::CapacityCreation)
        ),
        Split::NothingCreated if all(Share::Whole, Metric::SeedHoursOffered).is_some_and(moves) => {
            "  nobody stays for money in this arm; but for the seed-hours that differ, as other \
             downloads were finished or other stays were asked for, all of it is reallocation\n"
                .to_owned()
        }
        Split::NothingCreated => {
            "  nobody stays for money in this arm: all of it is reallocation\n".to_owned()
        }
        Split::Unknown => "  what of it is reallocation and what capacity created is not \
                           identified: add an arm that is the same with elasticity 0\n"
            .to_owned(),
    };
    text + &split
}

/// Whether anything differs in any pair.
fn moves(effect: &Effect) -> bool {
    effect.difference.mean != Some(0.0) || effect.difference.sd.is_some_and(|sd| sd > 0.0)
}

fn effect(found: &Decomposition, share: Share, group: Group, metric: Metric) -> Option<&Effect> {
    let wanted = |e: &&Effect| e.share == share && e.group == group && e.metric == metric;
    found.effects.iter().find(wanted)
}

fn signed(x: f64) -> String {
    super::table::with_sign(short(x))
}

fn interval(difference: Estimate) -> String {
    let ends = difference.mean.zip(difference.interval());
    ends.map_or("-".to_owned(), |(mean, (low, high))| {
        let end = |x| super::table::with_sign(like(mean, x));
        format!("{} to {}", end(low), end(high))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_amounts_keep_their_digits() {
        let said = [0.0012, 0.0108, 0.118_800_1, 12.34, 1234.0, 0.0].map(|x| to_three_digits(x, x));
        assert_eq!(said, ["0.00120", "0.0108", "0.119", "12.3", "1234", "0.00"]);
        assert_eq!(to_three_digits(0.000_050_9, 0.000_007_99), "0.0000080");
    }
}
