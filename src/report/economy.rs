//! The part of the answer that is about money: a table of the economy, and who gains.

use super::table::{align, find, like, optional, percent, share_with_half, short, with_half};
use crate::experiment::decomposition::{self, Decomposition, Effect, Group, Share, Split};
use crate::experiment::stats::Estimate;
use crate::experiment::{Metric, Results, Summary};
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
    for (index, arm) in results.design.arms.iter().enumerate().filter(|(_, arm)| arm.has_token) {
        let cell = |metric: Metric| {
            let estimate = find(summaries, index, None, metric).map(|summary| summary.estimate);
            match estimate {
                Some(estimate) if metric.unit() == "share" => share_with_half(estimate),
                estimate => with_half(estimate),
            }
        };
        let cells = columns.iter().map(|(_, metric)| cell(*metric));
        rows.push(std::iter::once(arm.name.clone()).chain(cells).collect());
    }
    if rows.len() == 1 {
        return String::new();
    }
    format!("\nThe economy\n{}{}", align(&rows), by_class(results, summaries))
}

/// What a user of each class earned and spent, and has in the end; nothing if only one class does.
fn by_class(results: &Results, summaries: &[Summary]) -> String {
    let header = ["arm", "class", "earned, BTT", "spent, BTT", "balance, BTT"];
    let columns = [Metric::EarnedMean, Metric::SpentMean, Metric::BalanceFinalMean];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    let mut most = 0;
    for (index, arm) in results.design.arms.iter().enumerate().filter(|(_, arm)| arm.has_token) {
        let before = rows.len();
        for class in 0..arm.classes.len() {
            let of = |metric| find(summaries, index, Some(class), metric).map(|s| s.estimate);
            if of(Metric::EarnedMean).is_some_and(|earned| earned.mean.is_some()) {
                let cells = columns.iter().map(|&metric| with_half(of(metric)));
                let names = [arm.name.clone(), arm.class_name(Some(class)).to_owned()];
                rows.push(names.into_iter().chain(cells).collect());
            }
        }
        most = most.max(rows.len() - before);
    }
    if most < 2 {
        return String::new();
    }
    format!("\nBy class, a user with the token's client on average\n{}", align(&rows))
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
    let header = ["group", "users", base, arm, "difference", "95 % interval", "unfinished"];
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
            format!("{users:.1}").trim_end_matches(".0").to_owned(),
            optional(times.means.0),
            optional(times.means.1),
            times.difference.mean.map_or("-".to_owned(), signed),
            interval(times.difference),
            unfinished,
        ]);
    }
    text += &align(&rows);
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
