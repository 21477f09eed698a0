//! Who gains from money, and whether anything was created: a token arm against the barter arm.
//!
//! Law: the two parts of an effect add up to it. A user's group is fixed by what it did in the
//! token arm of the same replicate, and its downloads are compared with the same downloads in the
//! other arms, so every pair is one user under the same luck.
//!
//! The split needs a third arm: the same token, where nobody stays longer for money. From barter
//! to it upload is only *reallocated*; from it to the token arm seed-hours are added: *capacity
//! creation*. Without that arm the split is not identified, and nothing is guessed.
//!
//! What is offered is what seeders offer, up to the horizon of the run: leechers' links are not
//! counted, for who downloads longer would offer more, and the time a run ends is not, for it ends
//! sooner where downloads are faster. From barter to the arm where nobody stays for money that is
//! the same to the byte, as long as the same downloads are finished, in time to linger.
//!
//! Where it is wrong: whom the token made pay was decided by the token run itself, so payers and
//! earners are no random samples; only `all` and `non-adopters` are free of that selection.

use super::grid::{ArmDesign, Design};
use super::metric::{Key, Metric, Part};
use super::pool::Results;
use super::stats::{self, Estimate};
use super::summary::Reduced;
use crate::ids::{ClassId, TorrentId, UserId};
use crate::observe::Outcome;
use crate::units::{MicroBtt, SimTime, f64_of_len};
use std::collections::BTreeMap;

/// A download of a run.
#[derive(Clone, PartialEq, Debug)]
pub struct Download {
    /// Who wanted what, and when: the same in all arms that can be compared.
    pub wish: Wish,
    /// How long it took; `None` if it was not finished.
    pub time_s: Option<f64>,
}

/// Who wants what, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wish {
    /// Who.
    pub user: UserId,
    /// Of which class.
    pub class: ClassId,
    /// What.
    pub torrent: TorrentId,
    /// When.
    pub arrival: SimTime,
}

/// What a user did with money.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stake {
    /// What it paid.
    pub spent: MicroBtt,
    /// What it was paid.
    pub earned: MicroBtt,
    /// Whether it has the token's client.
    pub is_adopter: bool,
}

/// Users by what they did in the token arm.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Group {
    /// Everybody.
    All,
    /// Paid, and were not paid more.
    Payers,
    /// Were paid more than they paid.
    Earners,
    /// Have the token's client and neither paid nor were paid.
    NonPayers,
    /// Do not have it.
    NonAdopters,
}

impl Group {
    /// All, in the order of the files.
    pub const ALL: [Self; 5] =
        [Self::All, Self::Payers, Self::Earners, Self::NonPayers, Self::NonAdopters];

    /// As written in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Payers => "payers",
            Self::Earners => "earners",
            Self::NonPayers => "non-payers",
            Self::NonAdopters => "non-adopters",
        }
    }

    /// Of a user.
    pub fn of(stake: &Stake) -> Self {
        match stake {
            Stake { is_adopter: false, .. } => Self::NonAdopters,
            Stake { spent, earned, .. } if earned > spent => Self::Earners,
            Stake { spent, .. } if *spent > MicroBtt::ZERO => Self::Payers,
            _ => Self::NonPayers,
        }
    }
}

/// Which effect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Share {
    /// Token minus barter.
    Whole,
    /// The part at the same offered upload.
    Reallocation,
    /// The part of the upload that is added.
    CapacityCreation,
}

impl Share {
    /// As written in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Reallocation => "reallocation",
            Self::CapacityCreation => "capacity_creation",
        }
    }
}

/// How the effect of an arm can be split.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Split {
    /// Nobody in it stays for money: all is reallocation.
    NothingCreated,
    /// By this arm, the same but for that.
    By(usize),
    /// There is no such arm.
    Unknown,
}

/// An effect on a group.
#[derive(Clone, PartialEq, Debug)]
pub struct Effect {
    /// Which.
    pub share: Share,
    /// On whom.
    pub group: Group,
    /// On what.
    pub metric: Metric,
    /// Positions of the two arms: the second minus the first.
    pub arms: (usize, usize),
    /// Mean over replicates of the users the pair rests on; for `all` only where it is of no group.
    pub users: Option<f64>,
    /// Means of the two over the pairs.
    pub means: (Option<f64>, Option<f64>),
    /// Second minus first.
    pub difference: Estimate,
}

/// A token arm against the barter arm.
#[derive(Clone, PartialEq, Debug)]
pub struct Decomposition {
    /// Position of the arm with the token.
    pub arm: usize,
    /// How its effect is split.
    pub split: Split,
    /// The effects.
    pub effects: Vec<Effect>,
}

/// The downloads of a run by peer id.
pub fn downloads(outcome: &Outcome) -> Vec<Download> {
    let leechers = outcome.peers.iter().filter(|peer| !peer.is_origin);
    let download = leechers.map(|peer| Download {
        wish: Wish {
            user: peer.user,
            class: peer.class,
            torrent: peer.torrent,
            arrival: peer.arrival,
        },
        time_s: super::measure::download_time_s(peer),
    });
    download.collect()
}

/// What the users of a run did with money, by user id; nothing without money.
pub fn stakes(outcome: &Outcome) -> Vec<Stake> {
    let Some(money) = &outcome.money else { return Vec::new() };
    let wallets = money.wallets.iter();
    let stake = |w: &crate::observe::WalletRecord| Stake {
        spent: w.spent,
        earned: w.earned,
        is_adopter: w.trades,
    };
    let mut stakes: Vec<Stake> = wallets.map(stake).collect();
    for peer in outcome.peers.iter().filter(|peer| peer.is_adopter) {
        if let Some(stake) = stakes.get_mut(peer.user.index()) {
            stake.is_adopter = true;
        }
    }
    stakes
}

/// Every arm with a token against the baseline; nothing if that has one too.
pub fn decompose(results: &Results) -> Vec<Decomposition> {
    let design = &results.design;
    if !design.is_about_money() {
        return Vec::new();
    }
    let arms = (0..design.arms.len()).filter(|&arm| design.arms[arm].has_token);
    arms.map(|arm| decompose_arm(results, arm)).collect()
}

fn decompose_arm(results: &Results, arm: usize) -> Decomposition {
    let design = &results.design;
    let (baseline, split) = (design.baseline, split_of(design, arm));
    let (chain, steps): (Vec<usize>, Vec<(Share, usize, usize)>) = match split {
        Split::By(still) => (
            vec![baseline, still, arm],
            vec![
                (Share::Whole, 0, 2),
                (Share::Reallocation, 0, 1),
                (Share::CapacityCreation, 1, 2),
            ],
        ),
        Split::NothingCreated => {
            (vec![baseline, arm], vec![(Share::Whole, 0, 1), (Share::Reallocation, 0, 1)])
        }
        Split::Unknown => (vec![baseline, arm], vec![(Share::Whole, 0, 1)]),
    };
    let runs: Vec<Vec<&Reduced>> = chain.iter().map(|&arm| results.of_arm(arm).collect()).collect();
    let replicates = 0..design.replicates as usize;
    let matched: Vec<Matched> = replicates
        .map(|r| Matched::of(&runs.iter().map(|runs| runs[r]).collect::<Vec<_>>()))
        .collect();
    let mut effects = Vec::new();
    for &(share, from, to) in &steps {
        let arms = (chain[from], chain[to]);
        for group in Group::ALL {
            for metric in [Metric::DownloadTimeMean, Metric::UnfinishedShare] {
                let of = |m: &Matched| m.numbers(group, metric);
                let numbers = matched.iter().filter_map(of);
                let pairs: Vec<(f64, f64)> = numbers.map(|n| (n[from], n[to])).collect();
                let users: Vec<f64> = matched.iter().map(|m| m.n_users(group)).collect();
                let users = stats::mean(&users);
                effects.push(effect((share, group, metric), arms, users, &pairs));
            }
        }
        for metric in [Metric::SeedHoursOffered, Metric::SeedUploadOffered] {
            let of = |arm: usize| whole_values(results, arm, metric);
            let both = of(arms.0).into_iter().zip(of(arms.1));
            let pairs: Vec<(f64, f64)> = both.filter_map(|(a, b)| Some((a?, b?))).collect();
            effects.push(effect((share, Group::All, metric), arms, None, &pairs));
        }
    }
    Decomposition { arm, split, effects }
}

fn effect(
    (share, group, metric): (Share, Group, Metric),
    arms: (usize, usize),
    users: Option<f64>,
    pairs: &[(f64, f64)],
) -> Effect {
    let mean = |of: fn(&(f64, f64)) -> f64| stats::mean(&pairs.iter().map(of).collect::<Vec<_>>());
    let differences: Vec<f64> = pairs.iter().map(|(from, to)| to - from).collect();
    Effect {
        share,
        group,
        metric,
        arms,
        users,
        means: (mean(|pair| pair.0), mean(|pair| pair.1)),
        difference: Estimate::of(&differences),
    }
}

/// A number of the whole swarm, by replicate.
fn whole_values(results: &Results, arm: usize, metric: Metric) -> Vec<Option<f64>> {
    let keys = results.design.arms[arm].keys();
    let at = keys.iter().position(|key| *key == Key { part: Part::WHOLE, metric });
    results.of_arm(arm).map(|run| run.values[at?]).collect()
}

/// The downloads of one replicate that are the same wish in every arm of a chain.
struct Matched {
    n_arms: usize,
    /// By group, then by user: its times in each arm where it finished in all, and how many it
    /// left unfinished in each.
    groups: BTreeMap<Group, BTreeMap<UserId, Tried>>,
}

/// The downloads of one user.
#[derive(Default)]
struct Tried {
    /// Per download finished in every arm: its times by arm.
    finished_s: Vec<Vec<f64>>,
    /// Per arm: downloads not finished.
    unfinished: Vec<usize>,
    n: usize,
}

impl Matched {
    /// Of the same replicate in each arm; the last is the one with the token.
    fn of(runs: &[&Reduced]) -> Self {
        let token = runs.last().expect("a chain has arms");
        let mut groups = BTreeMap::<Group, BTreeMap<UserId, Tried>>::new();
        for (i, download) in token.downloads.iter().enumerate() {
            let same: Vec<&Download> = runs.iter().filter_map(|run| run.downloads.get(i)).collect();
            let is_same = same.iter().all(|other| other.wish == download.wish);
            if same.len() < runs.len() || !is_same {
                continue;
            }
            let user = download.wish.user;
            let stake = token.stakes.get(user.index()).copied().unwrap_or_default();
            for group in [Group::All, Group::of(&stake)] {
                let tried = groups.entry(group).or_default().entry(user).or_default();
                tried.add(&same);
            }
        }
        Self { n_arms: runs.len(), groups }
    }

    fn users(&self, group: Group) -> impl Iterator<Item = &Tried> {
        self.groups.get(&group).into_iter().flat_map(BTreeMap::values)
    }

    fn n_users(&self, group: Group) -> f64 {
        f64_of_len(self.users(group).count())
    }

    /// By arm; `None` where the group has nothing to go by.
    fn numbers(&self, group: Group, metric: Metric) -> Option<Vec<f64>> {
        let n: usize = self.users(group).map(|user| user.n).sum();
        let of_arm = |arm: usize| {
            if metric == Metric::UnfinishedShare {
                let unfinished: usize = self.users(group).map(|user| user.unfinished[arm]).sum();
                return (n > 0).then(|| f64_of_len(unfinished) / f64_of_len(n));
            }
            let mean = |user: &Tried| {
                stats::mean(&user.finished_s.iter().map(|s| s[arm]).collect::<Vec<_>>())
            };
            stats::mean(&self.users(group).filter_map(mean).collect::<Vec<_>>())
        };
        (0..self.n_arms).map(of_arm).collect()
    }
}

impl Tried {
    /// One more download, by arm.
    fn add(&mut self, same: &[&Download]) {
        self.n += 1;
        self.unfinished.resize(same.len(), 0);
        for (count, download) in self.unfinished.iter_mut().zip(same) {
            *count += usize::from(download.time_s.is_none());
        }
        let times: Option<Vec<f64>> = same.iter().map(|download| download.time_s).collect();
        self.finished_s.extend(times);
    }
}

/// How the effect of a token arm can be split.
fn split_of(design: &Design, arm: usize) -> Split {
    let own = &design.arms[arm];
    if !own.is_elastic {
        return Split::NothingCreated;
    }
    let is_still = |other: &ArmDesign| {
        other.has_token && !other.is_elastic && differ_by_elasticity(&own.resolved, &other.resolved)
    };
    design.arms.iter().position(is_still).map_or(Split::Unknown, Split::By)
}

/// Keys of a plan that say how strongly money moves seeders; the last two mean nothing without the
/// first.
const STAYING: [&str; 4] = ["elasticity", "crowding_out", "reference_usd_per_hour", "most_stay_s"];

/// Whether two plans differ in nothing but how strongly money moves seeders.
fn differ_by_elasticity(a: &toml::Table, b: &toml::Table) -> bool {
    let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    keys.into_iter().all(|key| {
        STAYING.contains(&key.as_str())
            || match (a.get(key), b.get(key)) {
                (Some(a), Some(b)) => same_value(a, b),
                _ => false,
            }
    })
}

fn same_value(a: &toml::Value, b: &toml::Value) -> bool {
    use toml::Value::{Array, Table};
    match (a, b) {
        (Table(a), Table(b)) => differ_by_elasticity(a, b),
        (Array(a), Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_value(a, b))
        }
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_by_what_a_user_did() {
        let stake = |spent, earned, is_adopter| Stake {
            spent: MicroBtt(spent),
            earned: MicroBtt(earned),
            is_adopter,
        };
        for (stake, want) in [
            (stake(5, 0, true), Group::Payers),
            (stake(5, 5, true), Group::Payers),
            (stake(5, 6, true), Group::Earners),
            (stake(0, 1, true), Group::Earners),
            (stake(0, 0, true), Group::NonPayers),
            (stake(0, 0, false), Group::NonAdopters),
        ] {
            assert_eq!(Group::of(&stake), want, "{stake:?}");
        }
    }

    #[test]
    fn plans_are_the_same_but_for_elasticity() {
        let plan = |text: &str| text.parse::<toml::Table>().expect("TOML");
        let own = plan("gift = 1\n[[class]]\ntrade = {elasticity = 0.5, gift_btt = 6}");
        let same =
            plan("gift = 1\n[[class]]\ntrade = {elasticity = 0, most_stay_s = 1, gift_btt = 6}");
        let other = plan("gift = 2\n[[class]]\ntrade = {elasticity = 0, gift_btt = 6}");
        let shorter = plan("gift = 1\n[[class]]\ntrade = {elasticity = 0}");
        assert!(differ_by_elasticity(&own, &same));
        assert!(!differ_by_elasticity(&own, &other));
        assert!(!differ_by_elasticity(&own, &shorter));
    }
}
