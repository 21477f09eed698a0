//! What is run: arms × replicates, and the names the results carry.
//!
//! Law: replicate `r` of every arm has the same seed, so that arms share their luck and their
//! differences are paired (common random numbers).

use super::metric::{Key, Metric, Part, Side};
use crate::policy::choke::ChokerSpec;
use crate::policy::stay::StayerSpec;
use crate::rng::{Purpose, draw};
use crate::scenario::{Arm, Recorded, Scenario};
use crate::swarm::plan::economy::{Economy, Route, Trade};
use crate::swarm::plan::{Arrivals, ClassPlan, Plan, Role};
use crate::units::{MicroBtt, NanoUsd, floor_u64};

/// An experiment as its results describe it: all names, nothing the engine needs.
#[derive(Clone, Debug)]
pub struct Design {
    /// Name of the scenario and of the results folder.
    pub name: String,
    /// What the scenario asks.
    pub question: String,
    /// The scenario's seed.
    pub seed: u64,
    /// Runs per arm.
    pub replicates: u32,
    /// The arms, in order.
    pub arms: Vec<ArmDesign>,
    /// Position of the arm the others are compared with.
    pub baseline: usize,
    /// Recorded downloads to put beside the simulated ones.
    pub recorded: Vec<Recorded>,
    /// What the reader should know, found while the scenario was checked.
    pub warnings: Vec<String>,
}

/// One arm as the results describe it.
#[derive(Clone, Debug)]
pub struct ArmDesign {
    /// Its name.
    pub name: String,
    /// Its classes, in the order of the plan.
    pub classes: Vec<ClassDesign>,
    /// Whether leechers, or requests of users, go on arriving up to the horizon: some then never
    /// have the time to finish.
    pub is_open: bool,
    /// Whether it has a token.
    pub has_token: bool,
    /// Whether users deposit or withdraw through the gateway.
    pub has_crossings: bool,
    /// Whether some seeder stays longer, or shorter, because of money.
    pub is_elastic: bool,
    /// Whether anything has a value, here or in an arm it is compared with.
    pub has_values: bool,
    /// Torrents there are.
    pub n_torrents: usize,
    /// Its plan with every default.
    pub resolved: toml::Table,
}

/// One class as the results describe it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClassDesign {
    /// Its name.
    pub name: String,
    /// Whether its peers arrive with the whole content.
    pub is_origin: bool,
    /// Whether its peers upload at all: false for the choker `never` and for upload capacity 0.
    pub uploads: bool,
    /// Whether some of its users have the token's client, whatever the economy.
    pub has_adopters: bool,
    /// Whether some have not.
    pub has_others: bool,
    /// How many of a million have it: at the same share it is the same users.
    pub adopters_in_million: u64,
    /// What those that trade are given, unless the pool is empty.
    pub gift: MicroBtt,
    /// Identities each of those registers.
    pub identities: u32,
    /// What things are worth to its users.
    pub worth: Worth,
}

/// What things are worth to the users of a class.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Worth {
    /// An hour of waiting for a download.
    pub hour: NanoUsd,
    /// What an hour of seeding costs.
    pub seeding_hour: NanoUsd,
    /// What a GiB of upload costs.
    pub upload_gib: NanoUsd,
    /// What the identities beyond the first cost those that trade.
    pub identities: NanoUsd,
}

/// One run to make.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cell {
    /// Position of the arm.
    pub arm: usize,
    /// Number of the replicate, from 0.
    pub replicate: u32,
    /// The run's seed: the same for this replicate in every arm.
    pub seed: u64,
}

impl Design {
    /// Describes `scenario`.
    pub fn of(scenario: &Scenario) -> Self {
        assert!(!scenario.arms.is_empty(), "a scenario has at least one arm");
        assert!(scenario.baseline < scenario.arms.len(), "the baseline is one of the arms");
        let mut arms: Vec<ArmDesign> = scenario.arms.iter().map(ArmDesign::of).collect();
        let has_values = arms.iter().any(|arm| arm.has_values);
        for arm in &mut arms {
            arm.has_values = has_values;
        }
        Self {
            name: scenario.name.clone(),
            question: scenario.question.clone(),
            seed: scenario.seed,
            replicates: scenario.replicates,
            arms,
            baseline: scenario.baseline,
            recorded: scenario.recorded.clone(),
            warnings: scenario.warnings.clone(),
        }
    }

    /// All runs: arm by arm, replicate by replicate. The order of every result file.
    pub fn cells(&self) -> Vec<Cell> {
        let replicates = 0..self.replicates;
        (0..self.arms.len())
            .flat_map(|arm| replicates.clone().map(move |replicate| (arm, replicate)))
            .map(|(arm, replicate)| Cell { arm, replicate, seed: self.seed_of(replicate) })
            .collect()
    }

    /// Whether some arm has a token.
    pub fn has_token(&self) -> bool {
        self.arms.iter().any(|arm| arm.has_token)
    }

    /// Whether anything has a value in some arm.
    pub fn has_values(&self) -> bool {
        self.arms.iter().any(|arm| arm.has_values)
    }

    /// Whether users of some arm deposit or withdraw through the gateway.
    pub fn has_crossings(&self) -> bool {
        self.arms.iter().any(|arm| arm.has_crossings)
    }

    /// Whether the lives of torrents are a question: there are several, or a token that is to keep
    /// them alive.
    pub fn lists_torrents(&self) -> bool {
        self.has_token() || self.arms.iter().any(|arm| arm.n_torrents > 1)
    }

    /// Whether an arm with a token is compared with a baseline without one.
    pub fn is_about_money(&self) -> bool {
        self.has_token() && !self.arms[self.baseline].has_token
    }

    /// The seed of replicate `replicate` in every arm.
    pub fn seed_of(&self, replicate: u32) -> u64 {
        draw(self.seed, Purpose::Swarm, u64::from(replicate), 0)
    }
}

impl ArmDesign {
    /// Describes `arm`.
    fn of(arm: &Arm) -> Self {
        let classes: Vec<ClassDesign> = arm.plan.classes.iter().map(ClassDesign::of).collect();
        let has_token = matches!(arm.plan.economy, Some(Economy::Token(_)));
        Self {
            name: arm.name.clone(),
            is_open: is_open(&arm.plan),
            has_token,
            has_crossings: has_token && arm.plan.classes.iter().any(|class| crosses(&class.trade)),
            is_elastic: has_token && arm.plan.classes.iter().any(|class| is_elastic(&class.trade)),
            has_values: has_token || classes.iter().any(|class| class.worth != Worth::default()),
            n_torrents: arm.plan.catalogue.as_ref().map_or(1, |list| list.torrents.len()),
            classes,
            resolved: arm.resolved.clone(),
        }
    }

    /// Whom there are numbers of: `all` first, then class by class; each first as a whole, then
    /// its users with and without the token's client, where there are any with it.
    pub fn parts(&self) -> Vec<Part> {
        let leechers = || self.classes.iter().filter(|class| !class.is_origin);
        let mut parts = Vec::new();
        for class in std::iter::once(None).chain((0..self.classes.len()).map(Some)) {
            let own = class.map(|index| &self.classes[index]);
            let has = |of: fn(&ClassDesign) -> bool| match own {
                Some(class) => !class.is_origin && of(class),
                None => leechers().any(of),
            };
            let adopters = has(|class| class.has_adopters);
            let others = adopters && has(|class| class.has_others);
            parts.push(Part { class, side: Side::All });
            parts.extend(adopters.then_some(Part { class, side: Side::Adopters }));
            parts.extend(others.then_some(Part { class, side: Side::Others }));
        }
        parts
    }

    /// The numbers each run of this arm is reduced to, part by part.
    pub fn keys(&self) -> Vec<Key> {
        let of = |part| Metric::ALL.into_iter().map(move |metric| Key { part, metric });
        let keys = self.parts().into_iter().flat_map(of);
        keys.filter(|key| key.metric.applies(self, key.part)).collect()
    }

    /// The name of a class in result files; `None` is the class `all`.
    pub fn class_name(&self, class: Option<usize>) -> &str {
        class.map_or("all", |index| &self.classes[index].name)
    }

    /// The name of a part in result files.
    pub fn part_name(&self, part: Part) -> String {
        let class = self.class_name(part.class);
        match part.side {
            Side::All => class.to_owned(),
            Side::Adopters => format!("{class}:adopters"),
            Side::Others => format!("{class}:others"),
        }
    }

    /// Whether some leechers upload and some do not.
    pub fn has_free_riders(&self) -> bool {
        let has = |uploads| self.classes.iter().any(|c| !c.is_origin && c.uploads == uploads);
        has(true) && has(false)
    }
}

fn is_open(plan: &Plan) -> bool {
    let leechers = plan.classes.iter().filter(|class| class.role == Role::Leecher);
    leechers.into_iter().any(|class| match class.arrivals {
        // Users of a catalogue go on asking as long as the run goes on.
        _ if class.demand.is_some() => true,
        Arrivals::Poisson { until, .. } | Arrivals::Decaying { until, .. } => until >= plan.horizon,
        Arrivals::AtOnce { .. } | Arrivals::At(_) | Arrivals::Around { .. } => false,
    })
}

/// Whether users deposit or withdraw through the gateway, if there is a token.
fn crosses(trade: &Trade) -> bool {
    let deposits = trade.route == Route::Gateway && trade.buys();
    trade.adoption > 0.0 && (deposits || trade.withdraws_at.is_some())
}

/// Whether money changes how long the users seed.
fn is_elastic(trade: &Trade) -> bool {
    match &trade.stayer {
        StayerSpec::Unmoved => false,
        StayerSpec::Elastic(rule) => rule.elasticity_percent > 0 || rule.crowding_percent != 100,
        StayerSpec::Custom(_) => true,
    }
}

impl ClassDesign {
    /// Describes `class`.
    fn of(class: &ClassPlan) -> Self {
        use crate::swarm::plan::RateDist;
        let no_link = matches!(&class.upload, RateDist::Fixed(rate) if rate.0 == 0);
        let trade = &class.trade;
        let times = |amount: u64, n: u32| amount.saturating_mul(u64::from(n));
        Self {
            name: class.name.clone(),
            is_origin: class.role == Role::Seeder,
            uploads: !matches!(class.choker, ChokerSpec::Never) && !no_link,
            has_adopters: trade.adoption > 0.0,
            has_others: trade.adoption < 1.0,
            adopters_in_million: floor_u64(trade.adoption * 1e6 + 0.5),
            gift: MicroBtt(times(trade.gift.0, trade.identities)),
            identities: trade.identities,
            worth: Worth {
                hour: trade.hour_worth,
                seeding_hour: trade.hour_cost,
                upload_gib: trade.gib_cost,
                identities: NanoUsd(times(
                    trade.identity_cost.0,
                    trade.identities.saturating_sub(1),
                )),
            },
        }
    }
}
