//! From a mirrored file to a plan: who comes when, and what only several keys together make wrong.

use super::check::largest_remainder;
use super::choices::{Coming, Staying};
use super::fault::{Check, Place};
use super::file::{Class, File, Population};
use super::rows::Person;
use crate::policy::choke::ChokerSpec;
use crate::swarm::plan::{Arrivals, ClassPlan, DownloadDist, Messages, Plan, RateDist, Role, Stay};
use crate::units::{ByteRate, SimTime, Span, f64_of_len, u32_of};
use std::sync::Arc;

/// The plan of an arm, unless the file has faults.
pub(super) fn plan(check: &mut Check, file: File, arm: &str) -> Option<Plan> {
    let mut shared = share_out(check, &file);
    let mut classes = Vec::new();
    for class in &file.classes {
        let dealt = shared.iter().position(|(name, _)| *name == class.name);
        let dealt = dealt.map(|i| shared.swap_remove(i).1);
        if file.people.iter().any(|p| p.class == class.name) {
            refuse_who(check, class);
        } else if file.has_csv && file.people.is_empty() {
            // The population has faults of its own: which classes it holds is not known.
        } else if let Some(plan) = class_plan(check, class, dealt, &file) {
            classes.push(plan);
        }
    }
    classes.extend(people_classes(check, &file));
    if check.n_faults() > 0 {
        return None;
    }
    let plan = Plan {
        content: file.content?,
        piece: file.piece,
        horizon: file.horizon,
        until_horizon: file.until_horizon,
        sample: file.sample,
        classes,
        catalogue: file.catalogue.clone(),
        economy: file.money.economy(),
        audit: file.audit,
    };
    whole_plan(check, &plan, &file.place, arm);
    if file.money.has_token() && !file.has_adoption {
        check.warn(format!(
            "arm `{arm}`: nobody has the token's client: write `adoption` in `[trade]`"
        ));
    }
    super::economy::check_slots(check, &plan, &file.money);
    super::economy::warn_of_deposits(check, &plan, arm);
    super::economy::warn_of_still_price(check, &plan, arm);
    (check.n_faults() == 0).then_some(plan)
}

/// Faults and warnings that only the whole plan shows.
fn whole_plan(check: &mut Check, plan: &Plan, place: &Place, arm: &str) {
    let of = |role| plan.classes.iter().filter(move |c| c.role == role && !is_empty(&c.arrivals));
    if of(Role::Leecher).next().is_none() {
        check.warn(format!("arm `{arm}`: there is no leecher, so nothing is downloaded"));
    }
    if of(Role::Seeder).next().is_none() {
        check.warn(format!("arm `{arm}`: there is no seeder, so nobody has the content"));
    } else if of(Role::Seeder).all(|c| matches!(c.upload, RateDist::Fixed(ByteRate::ZERO))) {
        let help = "give a class with `role = \"seeder\"` an `upload_kib_per_s` above 0";
        check.fault(place, "no seeder can upload, so nobody ever gets a piece", help);
    }
    for class in &plan.classes {
        if first_arrival(&class.arrivals) >= plan.horizon && !is_empty(&class.arrivals) {
            check.warn(format!(
                "arm `{arm}`: class `{}` arrives after the horizon: raise `horizon_s`",
                class.name
            ));
        }
        let waits = matches!(class.protocol.messages, Messages::InTurn(_));
        if waits && class.role == Role::Leecher && has_some_without_upload(&class.upload) {
            check.warn(format!(
                "class `{}` has peers without upload, whose messages wait for none, so that they \
                 get a seeder's first slots: for free riders write `choker = \"never\"` and the \
                 rate of their line",
                class.name
            ));
        }
    }
}

fn has_some_without_upload(upload: &RateDist) -> bool {
    match upload {
        RateDist::Fixed(rate) => *rate == ByteRate::ZERO,
        RateDist::PerPeer(rates) => rates.contains(&ByteRate::ZERO),
        _ => false,
    }
}

/// Whether nobody can come.
fn is_empty(arrivals: &Arrivals) -> bool {
    match arrivals {
        Arrivals::AtOnce { count, .. } => *count == 0,
        Arrivals::At(times) | Arrivals::Around { times, .. } => times.is_empty(),
        Arrivals::Poisson { .. } | Arrivals::Decaying { .. } => false,
    }
}

fn first_arrival(arrivals: &Arrivals) -> SimTime {
    match arrivals {
        Arrivals::AtOnce { at, .. } => *at,
        Arrivals::At(times) | Arrivals::Around { times, .. } => {
            times.iter().min().copied().unwrap_or(SimTime::ZERO)
        }
        Arrivals::Poisson { from, .. } | Arrivals::Decaying { from, .. } => *from,
    }
}

/// Divides `[population]` among the classes with a share.
fn share_out(check: &mut Check, file: &File) -> Vec<(String, Arrivals)> {
    let with: Vec<(&Class, f64, &Place)> = file
        .classes
        .iter()
        .filter_map(|c| c.share.as_ref().map(|(s, place)| (c, *s, place)))
        .collect();
    let population = &file.population;
    let written = |c: &&Class| c.who.iter().any(|(key, _)| *key == "share");
    let n_written = file.classes.iter().filter(written).count();
    check_population(check, file, n_written == 0);
    let Some((_, _, first)) = with.first() else { return Vec::new() };
    if with.len() < n_written {
        return Vec::new();
    }
    if population.leechers.is_none() && !population.has_arrivals {
        let help = "write `[population]` with `leechers = 100`, or `count` instead of `share`";
        check.fault(first, "`share` of what? the file has no `[population]`", help);
        return Vec::new();
    }
    let sum: f64 = with.iter().map(|(_, s, _)| s).sum();
    if (sum - 1.0).abs() > 1e-6 {
        let sum = (sum * 1e6 + 0.5).floor() / 1e6;
        let names = with.iter().map(|(c, ..)| c.name.as_str()).collect::<Vec<_>>().join(", ");
        let message = format!("the shares of all classes sum to {sum}, not to 1");
        check.fault(first, message, format!("adjust `share` of {names}"));
        return Vec::new();
    }
    let shares: Vec<f64> = with.iter().map(|(_, s, _)| *s).collect();
    let dealt = deal(population, &shares);
    for ((class, share, _), arrivals) in with.iter().zip(&dealt) {
        if *share > 0.0 && is_empty(arrivals) {
            let name = &class.name;
            check.warn(format!("class `{name}`: a share of {share} rounds to no peer"));
        }
    }
    with.iter().map(|(c, ..)| c.name.clone()).zip(dealt).collect()
}

/// Keys of `[population]` that do not fit each other or the rest.
fn check_population(check: &mut Check, file: &File, nobody_shares: bool) {
    let population = &file.population;
    if let Some((_, place)) = &population.leechers {
        if nobody_shares {
            let help = "write `share = …` in the classes that divide them, or remove it";
            check.fault(place, "`leechers` is divided by `share`, which no class has", help);
        }
        if let Some((Coming::Process { .. } | Coming::At { .. }, at)) = &population.arrivals {
            let help = "remove `leechers`, or write `arrivals = { at_once = { spread_s = 60 } }`";
            check.fault(at, "these arrivals decide how many come; `leechers` does too", help);
        }
    } else if let Some((Coming::AtOnce { .. }, place)) = &population.arrivals {
        check.fault(place, "how many come at once is missing", "write `leechers = 100` beside it");
    }
    if let Some((_, place)) = &population.arrival_spread
        && !file.has_csv
    {
        let help = "write `spread_s` in `arrivals = { at_once = { spread_s = 1 } }`";
        check.fault(place, "`arrival_spread_s` is for peers of `population_csv`", help);
    }
}

/// The arrivals of each share.
fn deal(population: &Population, shares: &[f64]) -> Vec<Arrivals> {
    let none = || Arrivals::AtOnce { count: 0, at: SimTime::ZERO, spread: Span::ZERO };
    match (&population.arrivals, &population.leechers) {
        (Some((Coming::Process { per_s, tau, from, until }, _)), _) => shares
            .iter()
            .map(|s| if *s > 0.0 { process(per_s * s, *tau, *from, *until) } else { none() })
            .collect(),
        (Some((Coming::At { times, spread }, _)), _) => {
            let dealt = deal_times(times, shares).into_iter();
            dealt.map(|times| given(times, *spread)).collect()
        }
        (arrivals, leechers) => {
            let n = leechers.as_ref().map_or(0, |(n, _)| *n);
            let (at, spread) = match arrivals {
                Some((Coming::AtOnce { at, spread }, _)) => (*at, *spread),
                _ => (SimTime::ZERO, Span::ZERO),
            };
            let counts = largest_remainder(n, shares);
            counts.into_iter().map(|count| Arrivals::AtOnce { count, at, spread }).collect()
        }
    }
}

fn process(per_s: f64, tau: Option<Span>, from: SimTime, until: SimTime) -> Arrivals {
    match tau {
        None => Arrivals::Poisson { per_s, from, until },
        Some(tau) => Arrivals::Decaying { per_s, tau, from, until },
    }
}

/// Deals given times in their order: each goes to the class that is furthest behind its share.
fn deal_times(times: &[SimTime], shares: &[f64]) -> Vec<Vec<SimTime>> {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let mut dealt: Vec<Vec<SimTime>> = vec![Vec::new(); shares.len()];
    for (i, time) in sorted.into_iter().enumerate() {
        let behind = |j: usize| shares[j] * f64_of_len(i + 1) - f64_of_len(dealt[j].len());
        let next = (0..shares.len()).filter(|j| shares[*j] > 0.0).reduce(|best, j| {
            // A millionth: equal shares take turns in spite of rounding.
            if behind(j) > behind(best) + 1e-6 { j } else { best }
        });
        dealt[next.expect("shares that sum to 1 are not all zero")].push(time);
    }
    dealt
}

/// Arrivals at given times.
fn given(times: Vec<SimTime>, spread: Span) -> Arrivals {
    if spread == Span::ZERO { Arrivals::At(times) } else { Arrivals::Around { times, spread } }
}

/// The plan of a class that is not in `population_csv`.
fn class_plan(
    check: &mut Check,
    class: &Class,
    dealt: Option<Arrivals>,
    file: &File,
) -> Option<ClassPlan> {
    let arrivals = arrivals(check, class, dealt, file);
    let stay = stay(check, class, arrivals.as_ref());
    if let Some(arrivals) = &arrivals {
        check_lengths(check, class, arrivals);
    }
    Some(ClassPlan {
        name: class.name.clone(),
        role: class.role,
        arrivals: arrivals?,
        upload: class.upload.clone()?,
        download: class.download.clone()?,
        upload_share: class.upload_share,
        stay: stay?,
        demand: class.demand.clone(),
        patience: class.patience,
        choker: class.choker.clone(),
        trade: class.trade.clone(),
        addresses: class.addresses.clone(),
        super_seed: class.super_seed,
        protocol: Arc::new(class.protocol.clone()),
    })
}

/// How many come and when; `count`, `share` and `arrivals` must agree.
fn arrivals(
    check: &mut Check,
    class: &Class,
    dealt: Option<Arrivals>,
    file: &File,
) -> Option<Arrivals> {
    let name = &class.name;
    if let (Some(_), Some((_, place))) = (&class.count, &class.share) {
        let message = format!("class `{name}` has both `count` and `share`");
        check.fault(place, message, "keep one of them");
        return None;
    }
    if let Some((_, place)) = &class.share {
        if class.role == Role::Seeder {
            let message = format!("class `{name}`: `share` divides leechers, and this is a seeder");
            check.fault(place, message, "write `count` instead");
        }
        if let Some((_, at)) = &class.arrivals {
            let message = format!("class `{name}` has both `share` and `arrivals`");
            let help = "write `arrivals` in `[population]`, or `count` instead of `share`";
            check.fault(at, message, help);
        }
        return dealt;
    }
    match (&class.arrivals, &class.count) {
        (None, _) if class.has_arrivals => None,
        (Some((Coming::Process { .. } | Coming::At { .. }, _)), Some((_, place))) => {
            let message = format!("class `{name}`: its arrivals decide how many come");
            let help = "remove `count`, or write `arrivals = { at_once = { spread_s = 60 } }`";
            check.fault(place, message, help);
            None
        }
        (Some((Coming::Process { per_s, tau, from, until }, _)), None) => {
            Some(process(*per_s, *tau, *from, *until))
        }
        (Some((Coming::At { times, spread }, _)), None) => Some(given(times.clone(), *spread)),
        (Some((Coming::AtOnce { at, spread }, _)), Some((count, _))) => {
            Some(Arrivals::AtOnce { count: *count, at: *at, spread: *spread })
        }
        (None, Some((count, _))) => {
            Some(Arrivals::AtOnce { count: *count, at: SimTime::ZERO, spread: Span::ZERO })
        }
        (_, None) => {
            if class.who.iter().any(|(key, _)| ["count", "share"].contains(key)) {
                return None;
            }
            let message = format!("class `{name}` does not say how many peers it has");
            let help = if file.has_csv {
                "no row of `population_csv` has this class: write `count = 20` or correct the name"
            } else {
                "write `count = 20`, a `share` of `[population]`, or `arrivals = { poisson = … }`"
            };
            check.missing(&class.place, message, help);
            None
        }
    }
}

fn stay(check: &mut Check, class: &Class, arrivals: Option<&Arrivals>) -> Option<Stay> {
    match class.stay.as_ref()? {
        Staying::Rule(rule) => Some(rule.clone()),
        Staying::Until(leave_s, place) => {
            let Arrivals::AtOnce { at, spread: Span::ZERO, .. } = arrivals? else {
                let help = "write `linger_s`, counted from each arrival";
                check.fault(place, "`leave_at_s` needs peers that arrive together", help);
                return None;
            };
            let leave = SimTime::from_secs(*leave_s);
            if leave <= *at {
                let message = "the seeder leaves before it arrives";
                check.fault(place, message, "write `leave_at_s` above its `at_s`");
                return None;
            }
            Some(Stay::Linger(leave.since(*at)))
        }
    }
}

/// Lists with an entry per peer must have as many as there are peers.
fn check_lengths(check: &mut Check, class: &Class, arrivals: &Arrivals) {
    let n = match arrivals {
        Arrivals::AtOnce { count, .. } => Some(*count),
        Arrivals::At(times) | Arrivals::Around { times, .. } => Some(u32_of(times.len())),
        Arrivals::Poisson { .. } | Arrivals::Decaying { .. } => None,
    };
    let lists = [
        ("upload_kib_per_s", per_peer(class.upload.as_ref())),
        (
            "download_kib_per_s",
            match &class.download {
                Some(DownloadDist::Rate(rate)) => per_peer(Some(rate)),
                _ => None,
            },
        ),
        (
            "stay",
            match &class.stay {
                Some(Staying::Rule(Stay::PerPeer(rules))) => Some(rules.len()),
                _ => None,
            },
        ),
        ("addresses", Some(class.addresses.len()).filter(|&n| n > 0)),
    ];
    for (key, length) in lists {
        let Some(length) = length.filter(|l| n != Some(u32_of(*l))) else { continue };
        let place = class.who.iter().find(|(k, _)| *k == key).map_or(&class.place, |(_, p)| p);
        let peers = n.map_or("an unknown number of".to_owned(), |n| n.to_string());
        let message = format!("`{key}` lists {length} values for {peers} peers");
        check.fault(place, message, "write one value per peer, in the order of arrivals");
    }
}

fn per_peer(rate: Option<&RateDist>) -> Option<usize> {
    match rate {
        Some(RateDist::PerPeer(rates)) => Some(rates.len()),
        _ => None,
    }
}

/// What `population_csv` says, a class table must not say again.
fn refuse_who(check: &mut Check, class: &Class) {
    for (key, place) in &class.who {
        let message = format!("`{key}` of class `{}` comes from `population_csv`", class.name);
        check.fault(place, message, "remove it here or the rows there");
    }
}

/// Classes made of the rows of `population_csv`, in the order of their first rows.
fn people_classes(check: &mut Check, file: &File) -> Vec<ClassPlan> {
    let mut groups: Vec<(&str, Role, Vec<&Person>)> = Vec::new();
    for person in &file.people {
        let same = |g: &&mut (&str, Role, Vec<&Person>)| g.0 == person.class && g.1 == person.role;
        match groups.iter_mut().find(same) {
            Some(group) => group.2.push(person),
            None => groups.push((&person.class, person.role, vec![person])),
        }
    }
    let mixed: Vec<&str> = groups
        .iter()
        .filter(|g| g.1 == Role::Seeder && groups.iter().any(|h| h.0 == g.0 && h.1 != g.1))
        .map(|g| g.0)
        .collect();
    for name in &mixed {
        check.warn(format!(
            "class `{name}` has leechers and seeders: the seeders are class `{name}-seeder`"
        ));
    }
    let mut plans = Vec::new();
    for (name, role, people) in &groups {
        let apart = *role == Role::Seeder && mixed.contains(name);
        let label = if apart { format!("{name}-seeder") } else { (*name).to_owned() };
        let class = file.classes.iter().find(|c| c.name == *name);
        let arrivals = people_arrivals(file, people);
        plans.push(people_plan(label, *role, people, arrivals, class, file));
    }
    plans
}

fn people_arrivals(file: &File, people: &[&Person]) -> Arrivals {
    let at = people[0].arrival;
    let together = people.iter().all(|p| p.arrival == at);
    match &file.population.arrival_spread {
        Some((spread, _)) if together => {
            Arrivals::AtOnce { count: u32_of(people.len()), at, spread: *spread }
        }
        spread => {
            let spread = spread.as_ref().map_or(Span::ZERO, |(spread, _)| *spread);
            given(people.iter().map(|p| p.arrival).collect(), spread)
        }
    }
}

fn people_plan(
    name: String,
    role: Role,
    people: &[&Person],
    arrivals: Arrivals,
    class: Option<&Class>,
    file: &File,
) -> ClassPlan {
    let protocol = class.map_or_else(|| file.protocol.clone(), |c| c.protocol.clone());
    let demand = class.map_or(file.demand.as_ref(), |c| c.demand.as_ref());
    let download = RateDist::PerPeer(people.iter().map(|p| p.download).collect());
    ClassPlan {
        name,
        role,
        arrivals,
        upload: RateDist::PerPeer(people.iter().map(|p| p.upload).collect()),
        download: DownloadDist::Rate(download),
        upload_share: class.map_or(1.0, |c| c.upload_share),
        stay: Stay::PerPeer(people.iter().map(|p| p.stay.clone()).collect()),
        demand: demand.filter(|_| role == Role::Leecher).cloned(),
        patience: class.and_then(|c| c.patience).filter(|_| role == Role::Leecher),
        choker: file.money.choker(role, class.map_or(ChokerSpec::TitForTat, |c| c.choker.clone())),
        trade: class.map_or_else(|| file.trade.clone(), |c| c.trade.clone()),
        addresses: people.iter().map(|p| p.address).collect(),
        super_seed: class.is_some_and(|c| c.super_seed),
        protocol: Arc::new(protocol),
    }
}
