//! What is run: arms × replicates, and the names the results carry.
//!
//! Law: replicate `r` of every arm has the same seed, so that arms share their luck and their
//! differences are paired (common random numbers).

use super::metrics::{Key, Metric};
use crate::policy::choke::ChokerSpec;
use crate::rng::{Purpose, draw};
use crate::scenario::{Arm, Recorded, Scenario};
use crate::swarm::plan::{Arrivals, ClassPlan, Plan, Role};

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
    /// Whether leechers go on arriving up to the horizon: some then never have the time to finish.
    pub is_open: bool,
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
        Self {
            name: scenario.name.clone(),
            question: scenario.question.clone(),
            seed: scenario.seed,
            replicates: scenario.replicates,
            arms: scenario.arms.iter().map(ArmDesign::of).collect(),
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

    /// The seed of replicate `replicate` in every arm.
    pub fn seed_of(&self, replicate: u32) -> u64 {
        draw(self.seed, Purpose::Swarm, u64::from(replicate), 0)
    }
}

impl ArmDesign {
    /// Describes `arm`.
    fn of(arm: &Arm) -> Self {
        Self {
            name: arm.name.clone(),
            classes: arm.plan.classes.iter().map(ClassDesign::of).collect(),
            is_open: is_open(&arm.plan),
            resolved: arm.resolved.clone(),
        }
    }

    /// The numbers each run of this arm is reduced to: class `all` first, then class by class.
    pub fn keys(&self) -> Vec<Key> {
        let groups = std::iter::once(None).chain((0..self.classes.len()).map(Some));
        groups
            .flat_map(|class| Metric::ALL.into_iter().map(move |metric| Key { class, metric }))
            .filter(|key| key.metric.applies(self, key.class))
            .collect()
    }

    /// The name of a class in result files; `None` is the class `all`.
    pub fn class_name(&self, class: Option<usize>) -> &str {
        class.map_or("all", |index| &self.classes[index].name)
    }

    /// Whether some leechers upload and some do not.
    pub fn has_free_riders(&self) -> bool {
        let has = |uploads| self.classes.iter().any(|c| !c.is_origin && c.uploads == uploads);
        has(true) && has(false)
    }
}

fn is_open(plan: &Plan) -> bool {
    let leechers = plan.classes.iter().filter(|class| class.role == Role::Leecher);
    leechers.map(|class| &class.arrivals).any(|arrivals| match arrivals {
        Arrivals::Poisson { until, .. } | Arrivals::Decaying { until, .. } => {
            *until >= plan.horizon
        }
        Arrivals::AtOnce { .. } | Arrivals::At(_) => false,
    })
}

impl ClassDesign {
    /// Describes `class`.
    fn of(class: &ClassPlan) -> Self {
        use crate::swarm::plan::RateDist;
        let no_link = matches!(&class.upload, RateDist::Fixed(rate) if rate.0 == 0);
        Self {
            name: class.name.clone(),
            is_origin: class.role == Role::Seeder,
            uploads: !matches!(class.choker, ChokerSpec::Never) && !no_link,
        }
    }
}
