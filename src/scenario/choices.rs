//! Values written in one of several ways: rates, arrivals, stays.

use super::check::{
    MAX_COUNT, PERIOD_S, POSITIVE_RATE, RATE, Range, TIME_S, Table, number, variant, word_or,
};
use super::fault::{Check, Place};
use super::node::{Node, Value};
use super::rows;
use crate::swarm::plan::{DownloadDist, RateDist, Role, Stay};
use crate::units::{ByteRate, SimTime, Span};
use std::net::Ipv4Addr;
use std::sync::Arc;

/// When peers come, before it is known how many.
#[derive(Clone, Debug)]
pub(super) enum Coming {
    /// All of them in one window.
    AtOnce { at: SimTime, spread: Span },
    /// A Poisson process, decaying if there is a time constant.
    Process { per_s: f64, tau: Option<Span>, from: SimTime, until: SimTime },
    /// Given times, each moved by a draw from a window of that width.
    At { times: Vec<SimTime>, spread: Span },
}

/// How long peers stay, before it is known when they come.
#[derive(Clone, Debug)]
pub(super) enum Staying {
    /// A rule of the plan.
    Rule(Stay),
    /// Until this time on the clock of the run.
    Until(f64, Place),
}

/// Ways to write a rate.
const RATES: [&str; 6] = ["uniform", "log_normal", "pareto", "cdf_csv", "cdf", "each"];
/// Ways to write a download rate.
const DOWNLOADS: [&str; 7] =
    ["times_upload", "uniform", "log_normal", "pareto", "cdf_csv", "cdf", "each"];
/// A number of rate units that must be written.
const SIGMA: Range = Range::from(0.0, 10.0, "0.5");
/// The tail of a Pareto distribution.
const SHAPE: Range = Range::above(0.0, 100.0, "1.5");
/// A rate of arrivals.
const PER_S: Range = Range::above(0.0, 1e6, "0.1");
/// How many times the content.
const COPIES: Range = Range::above(0.0, 1e6, "1.0");

/// A number that must be there.
pub(super) fn needed(
    check: &mut Check,
    t: &mut Table<'_>,
    key: &'static str,
    range: Range,
) -> Option<f64> {
    if !t.has(key) {
        let message = format!("`{}` is missing", t.name_of(key));
        let help = format!("write it, for example `{key} = {}`", range.example);
        check.missing(t.place(), message, help);
    }
    t.number(check, key, range)
}

/// A rate that is the same for all: a number or "unlimited".
fn fixed_rate(check: &mut Check, node: &Node, key: &str, range: Range) -> Option<ByteRate> {
    match &node.value {
        Value::Text(text) if text == "unlimited" => Some(ByteRate::UNLIMITED),
        Value::Text(text) => {
            let message = format!("`{key}` is \"{text}\"; it takes a rate");
            let help = format!("write `{key} = {}` or `{key} = \"unlimited\"`", range.example);
            check.fault(&node.place, message, help);
            None
        }
        _ => number(check, node, key, range).map(ByteRate::from_kib_per_s),
    }
}

/// The upload rate of a class.
pub(super) fn upload(check: &mut Check, node: &Node) -> Option<RateDist> {
    let key = "upload_kib_per_s";
    if !matches!(node.value, Value::Table(_)) {
        return fixed_rate(check, node, key, RATE).map(RateDist::Fixed);
    }
    let (way, inner, place) = variant(check, node, key, &RATES)?;
    rate_dist(check, way, inner, &place, key)
}

/// The download rate of a class.
pub(super) fn download(check: &mut Check, node: &Node) -> Option<DownloadDist> {
    let key = "download_kib_per_s";
    if !matches!(node.value, Value::Table(_)) {
        let rate = fixed_rate(check, node, key, POSITIVE_RATE)?;
        return Some(DownloadDist::Rate(RateDist::Fixed(rate)));
    }
    let (way, inner, place) = variant(check, node, key, &DOWNLOADS)?;
    if way == "times_upload" {
        let range = Range::above(0.0, 1e6, "8");
        return number(check, inner, way, range).map(DownloadDist::TimesUpload);
    }
    rate_dist(check, way, inner, &place, key).map(DownloadDist::Rate)
}

fn rate_dist(
    check: &mut Check,
    way: &str,
    inner: &Node,
    place: &Place,
    key: &str,
) -> Option<RateDist> {
    match way {
        "cdf_csv" => return rows::cdf(check, inner, key).map(RateDist::Empirical),
        "cdf" => return inline_cdf(check, inner).map(|c| RateDist::Empirical(Arc::new(c))),
        "each" => {
            return each(check, inner, key, "[50, 80]", |c, n| fixed_rate(c, n, key, RATE))
                .map(RateDist::PerPeer);
        }
        _ => {}
    }
    let mut t = Table::open(check, inner, place, &format!("{key}.{way}"));
    let (first, second) = match way {
        "uniform" => (("low", RATE), ("high", POSITIVE_RATE)),
        "log_normal" => (("median", POSITIVE_RATE), ("sigma", SIGMA)),
        _ => (("minimum", POSITIVE_RATE), ("shape", SHAPE)),
    };
    let a = needed(check, &mut t, first.0, first.1);
    let b = needed(check, &mut t, second.0, second.1);
    let high_place = t.place_of("high");
    t.close(check);
    let (a, b) = (a?, b?);
    Some(match way {
        "uniform" if a > b => {
            let message = format!("`high` is {b}, below `low`, which is {a}");
            check.fault(&high_place, message, "write the smaller one as `low`");
            return None;
        }
        "uniform" => RateDist::Uniform { low: a, high: b },
        "log_normal" => RateDist::LogNormal { median: a, sigma: b },
        _ => RateDist::Pareto { minimum: a, shape: b },
    })
}

/// `[[0, 10], [0.5, 20], [1, 90]]`: the form a manifest has instead of a file.
fn inline_cdf(check: &mut Check, node: &Node) -> Option<Vec<(f64, f64)>> {
    let points = each(check, node, "cdf", "[[0, 10], [0.5, 20], [1, 90]]", |check, point| {
        let Value::List(pair) = &point.value else { return None };
        let [q, r] = pair.as_slice() else { return None };
        let quantile = number(check, q, "cdf", Range::from(0.0, 1.0, "0.5"))?;
        Some((quantile, number(check, r, "cdf", RATE)?))
    });
    let length = if let Value::List(items) = &node.value { items.len() } else { 0 };
    let good = points.filter(|p| {
        let rising = p.windows(2).all(|w| w[0].0 < w[1].0 && w[0].1 <= w[1].1);
        p.len() == length && rising && p[0].0 == 0.0 && p[p.len() - 1].0 == 1.0
    });
    if good.is_none() {
        let help = "write `cdf = [[0, 10], [0.5, 20], [1, 90]]`: quantile and KiB/s";
        check.fault(&node.place, "`cdf` is not a rising list of pairs from 0 to 1", help);
    }
    good
}

/// A list that reads like `example`.
pub(super) fn each<T>(
    check: &mut Check,
    node: &Node,
    key: &str,
    example: &str,
    mut read: impl FnMut(&mut Check, &Node) -> Option<T>,
) -> Option<Vec<T>> {
    let Value::List(items) = &node.value else {
        let message = format!("`{key}` is {}; it takes a list", node.kind());
        check.fault(&node.place, message, format!("write `{example}`"));
        return None;
    };
    let values: Vec<T> = items.iter().filter_map(|item| read(check, item)).collect();
    (values.len() == items.len() && !values.is_empty()).then_some(values)
}

/// The addresses of the peers of a class.
pub(super) fn addresses(check: &mut Check, node: &Node) -> Option<Vec<Ipv4Addr>> {
    let example = "[\"203.0.113.7\", \"203.0.113.8\"]";
    each(check, node, "addresses", example, |check, node| {
        let address = match &node.value {
            Value::Text(text) => text.parse().ok(),
            _ => None,
        };
        if address.is_none() {
            let message = "`addresses` takes IPv4 addresses";
            check.fault(&node.place, message, "write one such as `\"203.0.113.7\"`");
        }
        address
    })
}

/// A list of times.
fn times(check: &mut Check, node: &Node) -> Option<Vec<SimTime>> {
    let times = each(check, node, "at_s", "[0, 10, 60]", |c, n| number(c, n, "at_s", TIME_S))?;
    Some(times.into_iter().map(SimTime::from_secs).collect())
}

/// When the peers of a class come.
pub(super) fn coming(check: &mut Check, node: &Node, horizon: SimTime) -> Option<Coming> {
    let ways = ["at_once", "poisson", "decaying", "csv", "at_s", "around"];
    let (way, inner, place) = variant(check, node, "arrivals", &ways)?;
    match way {
        "csv" => {
            let times = rows::arrivals(check, inner)?;
            return Some(Coming::At { times, spread: Span::ZERO });
        }
        "at_s" => return Some(Coming::At { times: times(check, inner)?, spread: Span::ZERO }),
        _ => {}
    }
    let mut t = Table::open(check, inner, &place, &format!("arrivals.{way}"));
    let coming = if way == "at_once" {
        let at = t.number(check, "at_s", TIME_S).unwrap_or(0.0);
        let spread = t.number(check, "spread_s", TIME_S).unwrap_or(0.0);
        Some(Coming::AtOnce { at: SimTime::from_secs(at), spread: Span::from_secs(spread) })
    } else if way == "around" {
        let given = t.get("at_s");
        if given.is_none() {
            let message = "`arrivals.around` does not say when";
            check.fault(&place, message, "write `at_s = [0, 3, 7.5]`");
        }
        let times = given.and_then(|node| times(check, node));
        let spread = Span::from_secs(t.number(check, "spread_s", TIME_S).unwrap_or(0.0));
        times.map(|times| Coming::At { times, spread })
    } else {
        let per_s = needed(check, &mut t, "per_s", PER_S);
        let tau = if way == "decaying" {
            needed(check, &mut t, "tau_s", PERIOD_S).map(|s| Some(Span::from_secs(s)))
        } else {
            Some(None)
        };
        let from = SimTime::from_secs(t.number(check, "from_s", TIME_S).unwrap_or(0.0));
        let until = t.number(check, "until_s", TIME_S).map_or(horizon, SimTime::from_secs);
        if until <= from {
            let message = "arrivals end before they begin";
            let help = "write `until_s` above `from_s`, and `from_s` below `horizon_s`";
            check.fault(&t.place_of("until_s"), message, help);
        }
        let lasts = until.since(from);
        let expected = per_s.unwrap_or(0.0) * tau.flatten().unwrap_or(lasts).min(lasts).as_secs();
        // Without a horizon, which is a fault of its own, nothing can be expected.
        if expected > MAX_COUNT && until < SimTime::NEVER {
            let message = format!("these arrivals bring about {expected:.0} peers");
            let help = format!("at most {MAX_COUNT} are possible: lower `per_s` or `until_s`");
            check.fault(&t.place_of("per_s"), message, help);
        }
        match (per_s, tau) {
            (Some(per_s), Some(tau)) => Some(Coming::Process { per_s, tau, from, until }),
            _ => None,
        }
    };
    t.close(check);
    coming
}

/// How long the peers of a class stay.
pub(super) fn staying(check: &mut Check, node: &Node, role: Role) -> Option<Staying> {
    if let Value::Table(_) = node.value {
        let ways =
            ["linger_s", "linger_exp_s", "until_ratio", "after_copies", "leave_at_s", "each"];
        let (way, inner, place) = variant(check, node, "stay", &ways)?;
        if way == "each" {
            let example = "[\"leave\", { linger_s = 60 }]";
            let rules = each(check, inner, "each", example, |check, item| {
                match staying(check, item, role)? {
                    Staying::Rule(rule) => Some(rule),
                    Staying::Until(_, place) => {
                        let help = "write `linger_s`, counted from the arrival";
                        check.fault(&place, "`leave_at_s` cannot stand in a list", help);
                        None
                    }
                }
            });
            return rules.map(|r| Staying::Rule(Stay::PerPeer(r)));
        }
        return one_stay(check, way, inner, &place, role);
    }
    let known = [("leave", Stay::Leave), ("forever", Stay::Forever)];
    let also = "a rule such as { linger_s = 60 }";
    let rule = word_or(check, node, "stay", &known, also)?;
    if role == Role::Seeder && matches!(rule, Stay::Leave) {
        let help = "write \"forever\", `{ linger_s = 600 }` or `{ after_copies = 1 }`";
        check.fault(&node.place, "a seeder that leaves at once is never there", help);
        return None;
    }
    Some(Staying::Rule(rule))
}

fn one_stay(
    check: &mut Check,
    way: &'static str,
    inner: &Node,
    place: &Place,
    role: Role,
) -> Option<Staying> {
    let wrong = match (way, role) {
        ("until_ratio", Role::Seeder) => Some("write `after_copies` for a seeder"),
        ("after_copies", Role::Leecher) => Some("write `until_ratio` for a leecher"),
        ("leave_at_s", Role::Leecher) => Some("write `linger_s` for a leecher"),
        _ => None,
    };
    if let Some(help) = wrong {
        let message = format!("`{way}` does not apply to a {}", role.name());
        check.fault(place, message, help);
        return None;
    }
    Some(match way {
        "linger_s" => Staying::Rule(Stay::Linger(seconds(check, inner, way, TIME_S)?)),
        "linger_exp_s" => Staying::Rule(Stay::LingerExp(seconds(check, inner, way, PERIOD_S)?)),
        "until_ratio" => Staying::Rule(Stay::UntilRatio(number(check, inner, way, COPIES)?)),
        "after_copies" => Staying::Rule(Stay::AfterCopies(number(check, inner, way, COPIES)?)),
        _ => Staying::Until(number(check, inner, way, PERIOD_S)?, inner.place.clone()),
    })
}

fn seconds(check: &mut Check, node: &Node, key: &str, range: Range) -> Option<Span> {
    number(check, node, key, range).map(Span::from_secs)
}
